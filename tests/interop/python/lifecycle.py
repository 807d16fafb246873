# SPDX-License-Identifier: Apache-2.0
"""The life of connections and of the collector: restarts, connections that are asked to end, PINGs
of clients that are otherwise silent."""

import time

from case import PROTOCOLS, transport
from relay import Relay
from route import through_one_backend
from workload import SERVICES

AGE = {"receivers.otlp.protocols.grpc.keepalive.server_parameters.max_connection_age": "300ms"}

# What an SDK does not repeat: while nobody listens, these exporters lose spans.
GIVES_UP = {("Go", "http"): "connection refused", ("Node.js", "grpc"): "UNAVAILABLE"}

# SDK -> interval of its PINGs and silence between spans. grpc-go raises shorter intervals to 10 s.
# The exporter of Node.js has no setting for them.
PINGS = {"Python": (300, 2), "Go": (10_000, 12)}


def restarted(route, rows, sdk, protocol, coding):
    """SIGTERM in the middle of a run, and a new process on the same ports: what was confirmed
    arrives, and the SDKs repeat what was not."""
    sender = route.send(sdk, protocol, coding, "--seconds", 4, "--timeout", 20)
    time.sleep(1.5)
    problems = route.collector.stop()
    time.sleep(0.5)
    route.collector.start()
    sent = sender.wait()
    may_fail = GIVES_UP.get((sdk, protocol))
    problems += sender.problems + [f"the SDK reports: {text}" for text in sender.failures
                                   if not may_fail or may_fail not in text]
    problems += route.collector.stop()  # delivers what it still holds
    route.fill(sender, sent, rows, problems, uncertain=sent.failed)


def counted(route, rows, sdk, protocol, coding, options, check):
    """A run through a relay; ${check} gets the number of connections, returns problems."""
    relay = Relay(route.collector.ports[transport(protocol)])
    try:
        sender = route.send(sdk, protocol, coding, *options, port=relay.port)
        sent = sender.wait()
        sender.problems += check(relay.connections)
        route.check(sender, sent, rows, protocol)
    finally:
        relay.close()


def aged(route, rows, sdk, protocol, coding):
    """GOAWAY, or its HTTP/1.1 likeness, while requests run: each span arrives exactly once."""
    counted(route, rows, sdk, protocol, coding, ["--seconds", 3],
            lambda n: [] if n > len(SERVICES) else [f"only {n} connections: none was asked to end"])


def pinged(route, rows, sdk, protocol, coding):
    """A client that sends PINGs while it has nothing to say keeps its connection."""
    interval_ms, silence_s = PINGS[sdk]
    options = ["--spans", 10, "--seconds", 2 * silence_s, "--keepalive-ms", interval_ms]
    counted(route, rows, sdk, protocol, coding, options,
            lambda n: [] if n <= len(SERVICES) else [f"{n} connections: PINGs ended some"])


def cases(sdks):
    def case(title, args, body, **route):
        return lambda setting: through_one_backend(
            setting, title, *args, lambda running, rows: body(running, rows, *args), **route)

    for sdk in reversed([*PINGS]):  # Go's PINGs take longest
        yield case("PINGs in silence", (sdk, "grpc", "none"), pinged)
    for sdk in sdks:
        for protocol in PROTOCOLS[sdk]:
            yield case("collector restarted", (sdk, protocol, "gzip"), restarted)
            yield case("connections asked to end", (sdk, protocol, "none"), aged, overrides=AGE)
