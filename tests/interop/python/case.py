# SPDX-License-Identifier: Apache-2.0
"""What all cases share: running an SDK's sender, and the row of the table a case ends in."""

import json
import os
import subprocess
from dataclasses import dataclass, field

from collector import environment, values
from compare import Sent

SENDER_S = 90  # no case sends longer

# What each SDK speaks. http is HTTP with protobuf.
PROTOCOLS = {"Python": ("grpc", "http"), "Go": ("grpc", "http"),
             "Node.js": ("grpc", "http", "http-json")}

# Types of values that a workload must have produced, or the comparison proves little.
TYPES = {"string_value", "bool_value", "int_value", "double_value", "bytes_value", "array_value",
         "kvlist_value"}
CANNOT_EXPRESS = {"Node.js": {"bytes_value", "kvlist_value"}}


def transport(protocol):
    """The receiver's name of what carries ${protocol}."""
    return protocol.removesuffix("-json")


@dataclass
class Setting:
    """Where things are; the same for all cases."""
    sluice: str  # program
    configs: str  # folder of the shipped configurations
    work: str  # folder for records and logs
    senders: dict  # SDK -> command
    applications: str  # environment of ../apps
    libraries: dict  # environments of ../libraries by list
    certificate: tuple  # certificate and key for 127.0.0.1, files
    peers: dict  # programs by name: collector, jaeger, jaegerdiff


@dataclass
class Row:
    case: str
    sdk: str
    protocol: str
    coding: str
    version: str = "-"
    sent: int = 0
    arrived: int = 0
    filtered: int = 0
    failed: int = 0  # the SDK gave up
    equal_attributes: int = 0
    problems: list = field(default_factory=list)


class Run:
    """A sender at work: the process and the file it records to."""

    def __init__(self, setting, name, sdk, protocol, coding, endpoint, options):
        self.record = os.path.join(setting.work, name + ".record")
        command = [*setting.senders[sdk], "--protocol", protocol, "--coding", coding,
                   "--endpoint", endpoint, "--record", self.record, *map(str, options)]
        self._types = TYPES - CANNOT_EXPRESS.get(sdk, set())
        self._errors = open(os.path.join(setting.work, name + ".sender.log"), "wb")
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                         stderr=self._errors, env=environment())
        self.version = "-"
        self.failures = []  # what the SDK said of exports
        self.problems = []

    def wait(self):
        """Waits for the end; returns what was sent."""
        try:
            output, _ = self._process.communicate(timeout=SENDER_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            self.problems.append(f"sender did not end within {SENDER_S} s")
            return Sent.from_record(self.record)
        finally:
            self._errors.close()
        if self._process.returncode != 0:
            self.problems.append(f"sender ended with status {self._process.returncode}, see "
                                 f"{self._errors.name}")
            return Sent()
        summary = json.loads(output.splitlines()[-1])
        self.version = summary["version"]
        self.failures = summary["failures"]
        sent = Sent.from_record(self.record)
        if missing := self._types - sent.types:
            self.problems.append(f"the workload lacks {sorted(missing)}")
        return sent


def check_counters(metrics, protocol, sent, refusals=0, pipelines=1):
    """Problems of Sluice's own account of a run: what came in, what the filter dropped by which
    condition, and that nothing was lost. ${refusals}: requests that had to be refused, at least;
    ${pipelines}: each drops the scrapes for itself."""
    problems = []

    def expect(what, got, expected):
        if got != expected:
            problems.append(f"{what}: counted {got}, expected {expected}")

    scraped = sent.scraped.total()
    expect("accepted spans",
           values(metrics, "otelcol_receiver_accepted_spans", transport=transport(protocol)),
           [len(sent.kept) + scraped])
    for name in ("otelcol_receiver_refused_spans", "otelcol_receiver_failed_spans",
                 "sluice_exporter_dropped_spans", "otelcol_exporter_enqueue_failed_spans",
                 "sluice_exporter_held_spans"):
        expect(name, sum(values(metrics, name)), 0)
    refused = sum(v for name, _, v in metrics if name.startswith("sluice_")
                  and ("requests_refused" in name or "too_large" in name))
    if bool(refused) != bool(refusals):
        problems.append(f"refused requests: counted {refused}, expected {refusals}")
    conditions = values(metrics, "sluice_processor_filter_condition_dropped")
    if conditions:
        expect("filtered spans by condition", conditions,
               [sent.scraped[i] for i in range(len(conditions))])
    rules = values(metrics, "sluice_processor_scrape_filter_dropped")
    if rules:
        expect("filtered spans by all rules", sum(rules), scraped * pipelines)
    for got in values(metrics, "otelcol_exporter_sent_spans"):
        expect("sent spans", got, len(sent.kept) + (0 if conditions or rules else scraped))
    return problems
