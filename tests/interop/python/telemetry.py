# SPDX-License-Identifier: Apache-2.0
"""The program's own metrics beside those of a real Collector: the same configuration and the same
requests, then every otelcol_ series by name (with its unit), type, labels and value. The table is
printed; what differs and is not in DIFFERENCES, with its reason, fails.

Both pages are read by Prometheus's own parser, in each form that the configuration can ask for."""

import os
from dataclasses import dataclass, field
from functools import partial

from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as messages
from prometheus_client.parser import text_string_to_metric_families

from case import Row
from peer import Backend, Peer, wait_for
from route import guarded

CONFIG = """
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:@GRPC@'}}, http: {{endpoint: '127.0.0.1:@HTTP@'}}}}}}
processors:
{processors}
exporters:
{exporters}
service:
  telemetry:
    metrics:
      level: detailed
      readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: @METRICS@,
        without_units: {plain}, without_type_suffix: {plain}, without_scope_info: true}}}}}}}}]
  pipelines:
    traces: {{receivers: [otlp], processors: [{chain}], exporters: [{names}]}}
"""
LIMITER = "  memory_limiter: {check_interval: 1s, limit_mib: 4000, spike_limit_mib: 10}\n"
FILTER = "  filter: {traces: {span: ['name == \"drop\"']}}\n"
NO_RETRY = "retry_on_failure: {enabled: false}"
RETRY = ("retry_on_failure: {initial_interval: 10ms, max_interval: 20ms, max_elapsed_time: 60s, "
         "randomization_factor: 0}")
# ExportTraceServiceResponse: partial_success {rejected_spans: 2}
PARTIAL = messages.ExportTraceServiceResponse(
    partial_success={"rejected_spans": 2}).SerializeToString()

# Names of metrics that only one of the two has, or whose values are not the same thing.
ONLY_COLLECTOR = {
    "otelcol_process_runtime_": "memory of Go's runtime",
    "otelcol_processor_internal_duration": "a clock read twice per processor and request",
    "otelcol_processor_batch_metadata_cardinality": "request metadata is not kept",
    "otelcol_exporter_enqueue_size": "batches are counted as they leave: …_batch_send_size",
}
VALUE_DIFFERS = {
    "otelcol_process_": "time and memory of the process",
}
# Labels that only the Collector has, at the level detailed.
LABELS_LEFT_OUT = {
    "otelcol_exporter_send_failed_spans": {
        "error_type": "sluice_exporter_dropped_spans says the reason",
        "error_permanent": "see error_type"},
}
# (scenario, metric, labels that the series has): why the values differ there.
FIRST_EVENT = "0: the Collector begins a series with its first event"
BYTES = "bytes as they were received; the Collector encodes anew, with empty fields"
VALUES = {
    ("gathered by time", "otelcol_processor_batch_batch_send_size_bytes", "=_sum"): BYTES,
    ("gathered by size", "otelcol_processor_batch_batch_send_size_bytes", "=_sum"): BYTES,
    ("gathered in the queue", "otelcol_exporter_queue_batch_send_size_bytes", "=_sum"): BYTES,
    ("partial success", "otelcol_exporter_sent_spans", "otlp_http/x"):
        "rejected spans were not sent; the Collector counts them as sent",
    ("partial success", "otelcol_exporter_send_failed_spans", "otlp_http/x"):
        "the rejected spans",
    ("queue full", "otelcol_processor_incoming_items", ""): "refused requests are not counted",
    ("queue full", "otelcol_processor_outgoing_items", ""): "refused requests are not counted",
    ("queue full", "otelcol_processor_filter_spans_filtered", ""):
        "refused requests are not counted",
    ("queue full", "otelcol_processor_memory_limiter_accepted_spans", ""):
        "refused requests are not counted",
    ("memory limiter", "otelcol_processor_incoming_items", ""):
        "refused requests are not counted",
}


def request(spans, drop=0, padding=0):
    """${spans} of which ${drop} are named "drop"."""
    message = messages.ExportTraceServiceRequest()
    scope = message.resource_spans.add().scope_spans.add()
    for number in range(spans):
        span = scope.spans.add(trace_id=os.urandom(16), span_id=os.urandom(8),
                               name="drop" if number < drop else "keep")
        if padding:
            span.attributes.add(key="padding").value.string_value = "x" * padding
    return message


@dataclass
class Scenario:
    name: str
    exporters: dict  # id -> (inside without the endpoint, answers)
    processors: str = LIMITER + FILTER
    chain: str = "memory_limiter, filter"
    requests: list = field(default_factory=lambda: [request(10), request(30, drop=4)])
    hold: bool = False  # the backends answer only once all requests were sent
    before: str = ""  # what the Collector has to have logged first


OK = [(200, b"", {})]
SCENARIOS = [
    Scenario("accepted, filtered", {"otlp_http/x": (NO_RETRY, OK), "otlp_http/y": (RETRY, OK)}),
    Scenario("gathered by size", {"otlp_http/x": (NO_RETRY, OK)},
             LIMITER + "  batch: {send_batch_size: 50, timeout: 60s}\n", "memory_limiter, batch",
             [request(20), request(30), request(7), request(50)]),
    Scenario("gathered by time", {"otlp_http/x": (NO_RETRY, OK)},
             LIMITER + "  batch: {send_batch_size: 50, timeout: 100ms}\n",
             "memory_limiter, batch", [request(9)]),
    Scenario("gathered in the queue",
             {"otlp_http/x": (NO_RETRY + ", sending_queue: {batch: {min_size: 1, sizer: items}}",
                              OK)}, requests=[request(10), request(40, drop=4)]),
    Scenario("partial success", {"otlp_http/x": (NO_RETRY, [(200, PARTIAL, {})])}),
    Scenario("failed exports",
             {"otlp_http/x": (NO_RETRY, [(403, b"", {})]), "otlp_http/y": (NO_RETRY, OK),
              "otlp_http/z": (NO_RETRY, [(503, b"", {})])}),
    Scenario("nobody there, by gRPC",
             {"otlp/x": (NO_RETRY + ", tls: {insecure: true}, endpoint: '127.77.0.1:1'", None)}),
    Scenario("retried", {"otlp_http/x": (RETRY, [(503, b"", {}), (503, b"", {}), *OK])}),
    Scenario("no queue, refused by the backend",
             {"otlp_http/x": (NO_RETRY + ", sending_queue: {enabled: false}", [(401, b"", {})])}),
    Scenario("queue full",
             {"otlp_http/x": (NO_RETRY + ", sending_queue: {queue_size: 1, num_consumers: 1}",
                              OK)},
             requests=[request(8, drop=2)] * 5, hold=True),
    # Sluice refuses what does not fit beside what it holds, the Collector by its heap.
    Scenario("memory limiter", {"otlp_http/x": (NO_RETRY, OK)},
             "  memory_limiter: {check_interval: 100ms, limit_mib: 1}\n" + FILTER,
             requests=[request(9, padding=100_000)] * 3, before="Refusing data."),
]


def families(page):
    """{name: (type, {labels: value})} of otelcol_ metrics; fails on what is no valid page."""
    found = {}
    for family in text_string_to_metric_families(page):
        assert family.name not in found, f"{family.name} twice"
        assert family.documentation, f"{family.name} without HELP"
        assert family.type in ("counter", "gauge", "histogram"), f"{family.name}: {family.type}"
        series = {}
        for sample in family.samples:
            labels = dict(sample.labels)
            if sample.name != family.name and family.type == "histogram":
                labels["__part__"] = sample.name.removeprefix(family.name)
            key = tuple(sorted(labels.items()))
            assert key not in series, f"{sample.name}{labels} twice"
            series[key] = sample.value
        found[family.name] = (family.type, series)
    return found


def check_histograms(found):
    for name, (kind, series) in found.items():
        if kind != "histogram":
            continue
        by_series = {}
        for key, value in series.items():
            labels = dict(key)
            part, bound = labels.pop("__part__"), labels.pop("le", None)
            by_series.setdefault(tuple(sorted(labels.items())), {})[(part, bound)] = value
        for parts in by_series.values():
            buckets = [parts[k] for k in sorted((k for k in parts if k[0] == "_bucket"),
                                                key=lambda k: float(k[1]))]
            assert buckets == sorted(buckets), f"{name}: buckets fall"
            assert buckets[-1] == parts[("_count", None)], f"{name}: count is not the last bucket"
            assert ("_sum", None) in parts, f"{name} without a sum"


def starts(name, table):
    return next((reason for prefix, reason in table.items() if name.startswith(prefix)), None)


def without_labels(series, left_out):
    """Series that differ in these labels alone, added up."""
    merged = {}
    for key, value in series.items():
        kept = tuple(pair for pair in key if pair[0] not in left_out)
        merged[kept] = merged.get(kept, 0) + value
    return merged


def documented(scenario, name, labels, otherwise):
    return next((why for (where, metric, label), why in VALUES.items()
                 if where == scenario.name and metric == name and label in labels), otherwise)


def compare(scenario, collector, sluice):
    """Rows (metric, labels, Collector, Sluice, verdict); a verdict that is not "=" or a documented
    reason begins with FAIL."""
    rows = []
    names = sorted({n for n in (*collector, *sluice) if n.startswith("otelcol_")})
    for name in names:
        if name not in sluice:
            reason = starts(name, ONLY_COLLECTOR)
            rows.append((name, "", "present", "-", reason or "FAIL: not in Sluice"))
            continue
        if name not in collector:
            zero = all(v == 0 for v in sluice[name][1].values())
            rows.append((name, "", "-", "present", FIRST_EVENT if zero else
                         documented(scenario, name, str(sluice[name][1]),
                                    "FAIL: not in the Collector")))
            continue
        (theirs_type, theirs), (ours_type, ours) = collector[name], sluice[name]
        if theirs_type != ours_type:
            rows.append((name, "", theirs_type, ours_type, "FAIL: type"))
        theirs = without_labels(theirs, LABELS_LEFT_OUT.get(name, ()))
        for key in sorted({*theirs, *ours}):
            a, b = theirs.get(key), ours.get(key)
            text = ",".join(f"{k}={v}" for k, v in key)
            verdict = "="
            if starts(name, VALUE_DIFFERS):
                verdict = starts(name, VALUE_DIFFERS)
            elif a is None and b == 0:
                verdict = FIRST_EVENT
            elif a is None or b is None:
                verdict = "FAIL: labels"
            elif a != b:
                verdict = documented(scenario, name, text, "FAIL: value")
            rows.append((name, text, a, b, verdict))
    return rows


def show(scenario, rows):
    """The table, one bucket of each histogram standing for all that are equal."""
    lines = [f"--- metrics beside the Collector's: {scenario.name}"]
    for name, labels, theirs, ours, verdict in rows:
        if "__part__=_bucket" in labels and verdict == "=":
            continue
        lines.append(f"{name:58} {labels:75} {str(theirs):>12} {str(ours):>12}  {verdict}")
    print("\n".join(lines), flush=True)


def run(setting, scenario, command, name, plain):
    """Sends the requests through one program, which the caller stops, as the backends."""
    backends = {e: Backend(answers) for e, (_, answers) in scenario.exporters.items() if answers}
    endpoints = {e: f"endpoint: 'http://127.0.0.1:{backend.port}', "
                 for e, backend in backends.items()}
    exporters = "".join(
        f"  {e}: {{{endpoints.get(e, '')}compression: none, {inside}}}\n"
        for e, (inside, _) in scenario.exporters.items())
    config = CONFIG.format(processors=scenario.processors, exporters=exporters,
                           chain=scenario.chain, names=", ".join(scenario.exporters),
                           plain=str(plain).lower())
    if scenario.hold:
        for backend in backends.values():
            backend.open.clear()
    folder = os.path.join(setting.work, f"metrics-{scenario.name.replace(' ', '-')}-{plain}")
    os.makedirs(folder, exist_ok=True)
    program = Peer(command, config, folder, name)
    if name == "collector" and scenario.before:
        wait_for(scenario.before, lambda: scenario.before in program.log())
    statuses = [program.post(message) for message in scenario.requests]
    for backend in backends.values():
        backend.open.set()
    ports = {str(backends[e].port): f"<{e}>" for e in backends}
    return program, backends, statuses, ports


def replaced(found, ports):
    """Ports differ between the two runs: the exporter's name in their place."""
    return {name: (kind, {tuple((k, ports.get(v, v)) for k, v in key): value
                          for key, value in series.items()})
            for name, (kind, series) in found.items()}


def is_settled(found):
    """Nothing is under way."""
    return all(value == 0 for name in ("otelcol_exporter_in_flight_requests",
                                       "otelcol_exporter_queue_size")
               for value in found.get(name, ("", {}))[1].values())


def one_scenario(setting, scenario, plain, row):
    runs = []
    try:
        for command, name in (([setting.peers["collector"]], "collector"), ([setting.sluice], "sluice")):
            runs.append(run(setting, scenario, command, name, plain))
        (_, _, theirs, _), (_, _, ours, _) = runs
        if theirs != ours:
            row.problems.append(f"the Collector answered {theirs}, Sluice {ours}")

        def tables():
            found = [replaced(families(program.page()), ports)
                     for program, _, _, ports in runs]
            rows = compare(scenario, *found)
            equal = not any(r[-1].startswith("FAIL") for r in rows)
            return rows, equal and all(map(is_settled, found)), found

        last = []

        def done():
            last[:] = tables()
            return last[1]

        try:
            wait_for("equal metrics", done, deadline_s=20)
        except TimeoutError:
            pass
        check_histograms(last[2][1])
        show(scenario, last[0])
        row.problems += [f"{r[0]} {r[1]}: Collector {r[2]}, Sluice {r[3]}: {r[4]}"
                         for r in last[0] if r[-1].startswith("FAIL")]
        row.arrived = sum(backend.calls for backend in runs[1][1].values())
    finally:
        for program, backends, _, _ in runs:
            program.stop()
            for backend in backends.values():
                backend.stop()


def case(setting, scenario, plain):
    row = Row(f"metrics: {scenario.name}", "-", "http", "plain" if plain else "suffixes")
    row.sent = len(scenario.requests)
    guarded([row], lambda: one_scenario(setting, scenario, plain, row))
    return [row]


def cases(_):
    for scenario in SCENARIOS:
        yield partial(case, scenario=scenario, plain=False)
    yield partial(case, scenario=SCENARIOS[0], plain=True)
