# SPDX-License-Identifier: Apache-2.0
"""A real Collector in front of Sluice in front of a slow backend: what a full queue tells it. All
requests arrive, the Collector repeats each a few times at most, and the backend is kept at work."""

import os
from functools import partial

from case import Row
from peer import Backend, Peer, wait_for
from route import guarded
from telemetry import families, request

REQUESTS = 100
WORK_S = 0.05  # of the backend, for one request
# Attempts for one request, on average: it is refused, told when there is room, and comes then. Over
# HTTP the answer has whole seconds, so that short waits are the Collector's own back-off.
ATTEMPTS_MAX = {"grpc": 4, "http": 8}
IDLE_FACTOR_MAX = 2.5  # of the time that the backend needs

FRONT = """
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:@GRPC@'}}, http: {{endpoint: '127.0.0.1:@HTTP@'}}}}}}
exporters:
  {exporter}
service:
  telemetry: {{metrics: {{readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: @METRICS@}}}}}}}}]}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [{name}]}}}}
"""
QUEUE = ("sending_queue: {num_consumers: 50}, retry_on_failure: {initial_interval: 100ms, "
         "max_interval: 5s, max_elapsed_time: 0s}, compression: none")
SLUICE = """
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:@GRPC@'}}, http: {{endpoint: '127.0.0.1:@HTTP@'}}}}}}
exporters:
  otlp_http: {{endpoint: 'http://127.0.0.1:{port}', sending_queue: {{queue_size: 4, num_consumers: 1}}}}
service:
  telemetry: {{metrics: {{readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: @METRICS@}}}}}}}}]}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [otlp_http]}}}}
"""


def total(peer, name):
    return sum(families(peer.page()).get(name, ("", {}))[1].values())


def check(row, protocol, front, sluice, backend):
    message = request(1)
    for _ in range(REQUESTS):
        if (status := front.post(message)) != 200:
            row.problems.append(f"the Collector answered {status}")
    wait_for("all requests at the backend", lambda: backend.calls >= REQUESTS and
             total(sluice, "otelcol_exporter_sent_spans") == REQUESTS)
    refused = total(sluice, "otelcol_receiver_refused_spans")
    row.arrived = backend.calls
    row.failed = int(refused)
    took_s = backend.last_at - backend.first_at
    print(f"--- full queue, {protocol}: {REQUESTS} requests, {int(refused)} refusals, "
          f"{took_s:.1f} s for {backend.busy_s:.1f} s of work", flush=True)
    if backend.calls != REQUESTS:
        row.problems.append(f"{backend.calls} requests at the backend")
    if REQUESTS + refused > REQUESTS * ATTEMPTS_MAX[protocol]:
        row.problems.append(f"{int(refused)} refusals of {REQUESTS} requests")
    if took_s > backend.busy_s * IDLE_FACTOR_MAX:
        row.problems.append(f"{took_s:.1f} s for {backend.busy_s:.1f} s of work")
    if refused == 0:
        row.problems.append("the queue was never full: nothing was tested")


def through(setting, protocol, row):
    backend = Backend(work_s=WORK_S)
    running = []
    folder = os.path.join(setting.work, f"full-queue-{protocol}")
    os.makedirs(folder, exist_ok=True)
    try:
        sluice = Peer([setting.sluice], SLUICE.format(port=backend.port), folder, "sluice")
        running.append(sluice)
        exporter = {
            "grpc": f"otlp: {{endpoint: '127.0.0.1:{sluice.grpc}', tls: {{insecure: true}}, "
                    f"{QUEUE}}}",
            "http": f"otlp_http: {{endpoint: 'http://127.0.0.1:{sluice.http}', {QUEUE}}}",
        }[protocol]
        front = Peer([setting.peers["collector"]],
                     FRONT.format(exporter=exporter, name=exporter.split(":")[0]), folder,
                     "collector")
        running.append(front)
        check(row, protocol, front, sluice, backend)
    finally:
        for peer in reversed(running):
            peer.stop()
        backend.stop()


def case(setting, protocol):
    row = Row("full queue behind a Collector", "Collector", protocol, "none")
    row.sent = REQUESTS
    guarded([row], lambda: through(setting, protocol, row))
    return [row]


def cases(_):
    for protocol in ("grpc", "http"):
        yield partial(case, protocol=protocol)
