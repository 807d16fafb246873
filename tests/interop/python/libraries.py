# SPDX-License-Identifier: Apache-2.0
"""What real libraries record of calls of a model, through metadata_only in each of its modes: of
content not a byte is in any exporter's output, and figures, names and ids are.

What a library records is recorded once and sent through each mode. What today's rules let pass is
listed in tests/fixtures/libraries/leaks.txt; what must stay in stays.txt beside it, and in lost.txt
what of that does not yet.
INTEROP_RECORDINGS in the environment: a folder for the recordings as unit tests replay them.
"""

import os
import re
import subprocess
import urllib.request
from collections import defaultdict

from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as messages

from byte_sink import LOOPBACK, ByteSink
import recording
from case import Row
from collector import Collector
from compare import span, spans_of
from library_table import LIBRARIES
from route import OWN, guarded
from said import CONTENT, IDENTIFIERS, found

FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "fixtures",
                        "libraries")
HTTP = ("otlp_http", "otlp_http/json")
SETTLE_S = 60
STAY_MIN = 0.99  # of what must stay


def modes(sluice):
    """The modes that this build has."""
    page = subprocess.run([sluice, "components", "--markdown"], capture_output=True, text=True,
                          check=True).stdout
    row = re.search(r"^### metadata_only$.*?^\| `mode` \| ([^|]*)", page, re.MULTILINE | re.DOTALL)
    return re.findall(r"`(\w+)`", row[1])


def table(name, columns):
    """The lines of a file of fixtures, split in words; the last word may contain blanks."""
    with open(os.path.join(FIXTURES, name), encoding="utf-8") as file:
        return [line.rstrip("\n").split(" ", columns - 1) for line in file
                if line.strip() and not line.startswith("#")]


def known_leaks():
    """(library, mode) -> places that today's rules let pass."""
    leaks = defaultdict(set)
    for library, mode, place, _ in table("leaks.txt", 4):
        leaks[library, mode].add(place)
    return leaks


def stays():
    """library -> keys that must stay."""
    keys = defaultdict(set)
    for library, key in table("stays.txt", 2):
        keys[library].add(key)
    return keys


def known_lost():
    """(library, mode) -> keys that have to stay and go by today's rules."""
    keys = defaultdict(set)
    for library, mode, key in table("lost.txt", 3):
        keys[library, mode].add(key)
    return keys


def check_stays(sent, kept, known):
    """Problems of what stayed of the facts ${sent}, but for the keys ${known}, which go."""
    lost = {at for at, value in sent.items() if kept.get(at) != value}
    unlisted = sorted({key for alone, key in lost if key not in known})
    back = sorted({key for alone, key in sent.keys() - lost if key in known} -
                  {key for alone, key in lost})
    problems = [f"stays, but is in lost.txt: {key}" for key in back]
    count = sum(key not in known for alone, key in lost)
    if not sent or count > (1 - STAY_MIN) * len(sent):
        problems.append(f"{count} of {len(sent)} facts went: {unlisted}")
    return problems


def facts(requests, keys):
    """{(span id, key): value} of the attributes ${keys}, on spans and their events."""
    held = {}
    for alone in spans_of(requests):
        for holder in (span(alone), *span(alone).events):
            for attribute in holder.attributes:
                if attribute.key in keys:
                    held[span(alone).span_id, attribute.key] = \
                        attribute.value.SerializeToString(deterministic=True)
    return held


def span_id(requests, outlet):
    """That of the first span as it stands in the bytes of ${outlet}."""
    alone = next(spans_of(requests))
    raw = span(alone).span_id
    return raw if outlet in ("otlp_grpc", "otlp_http", "langfuse", "jaeger") else raw.hex().encode()


class Outlets:
    """A running collector with all kinds of exporters; a context manager."""

    def __init__(self, setting, name, mode):
        self.sinks = {exporter: ByteSink() for exporter in (*HTTP, "langfuse", "otlp_grpc",
                                                            "jaeger")}
        log_path = os.path.join(setting.work, f"library-{name}-{mode}.log")
        self._spans_path = log_path + ".spans"
        overrides = {"processors.metadata_only.mode": mode, "exporters.file.path": self._spans_path}
        for exporter, sink in self.sinks.items():
            if exporter == "langfuse":
                overrides["exporters.langfuse.host"] = f"http://{LOOPBACK}:{sink.http_port}"
            else:
                overrides[f"exporters.{exporter}.endpoint"] = (
                    f"http://{LOOPBACK}:{sink.http_port}" if exporter in HTTP
                    else f"{LOOPBACK}:{sink.grpc_port}")
        self.collector = Collector(setting.sluice, os.path.join(OWN, "libraries.yaml"), log_path,
                                   overrides)

    def __enter__(self):
        self.collector.start()
        return self

    def __exit__(self, *_):
        self.collector.stop()
        for sink in self.sinks.values():
            sink.close()

    def send(self, requests):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        for request in requests:
            opener.open(urllib.request.Request(
                f"http://{LOOPBACK}:{self.collector.ports['http']}/v1/traces",
                request.SerializeToString(), {"content-type": "application/x-protobuf"}),
                timeout=SETTLE_S).close()

    def outputs(self):
        """(name, bytes) of all that came out. After the end."""
        for exporter, sink in self.sinks.items():
            yield exporter, b"".join(sink.bodies)
        for name, path in (("file", self._spans_path), ("debug", self.collector.log_path),
                           ("standard output", self.collector.output_path)):
            with open(path, "rb") as file:
                yield name, file.read()


def through(setting, library, mode, requests, row, secret, keys):
    """Fills ${row} with what became of ${requests} in ${mode}."""
    with Outlets(setting, library.name, mode) as outlets:
        outlets.send(requests)
        outlets.collector.settled_metrics(row.sent, SETTLE_S)
        row.problems += outlets.collector.stop()
    for name, data in outlets.outputs():
        if told := found(data) & secret:
            row.problems.append(f"{name} tells {sorted(told)}")
    for name, data in outlets.outputs():
        if name != "standard output" and span_id(requests, name) not in data:
            row.problems.append(f"the first span did not come out of {name}")
    arrived = [messages.ExportTraceServiceRequest.FromString(body)
               for body in outlets.sinks["otlp_grpc"].bodies]
    row.arrived = sum(1 for _ in spans_of(arrived))
    if row.arrived != row.sent:
        row.problems.append(f"{row.arrived} spans arrived, not {row.sent}")
    sent, kept = facts(requests, keys), facts(arrived, keys)
    row.equal_attributes = sum(kept.get(at) == value for at, value in sent.items())
    row.problems += check_stays(sent, kept, known_lost()[library.name, mode])


def run(setting, library):
    rows = {mode: Row(f"library, {mode}", library.name, "http", "none", library.version())
            for mode in modes(setting.sluice)}

    def work():
        requests, common = library.record(setting)
        spans = sum(1 for _ in spans_of(requests))
        if folder := os.environ.get("INTEROP_RECORDINGS"):
            recording.write(requests, os.path.join(folder, library.name + ".pb"))
        recorded = found(b"".join(request.SerializeToString() for request in requests))
        if missing := library.planted - recorded:
            common.append(f"the instrumentation did not record {sorted(missing)}")
        for mode, row in rows.items():
            row.sent = spans
            row.problems += common
            secret = (CONTENT | IDENTIFIERS) - known_leaks()[library.name, mode]
            through(setting, library, mode, requests, row, secret, stays()[library.name])

    return guarded(list(rows.values()), work)


def cases(_):
    for library in LIBRARIES:
        yield lambda setting, library=library: run(setting, library)
