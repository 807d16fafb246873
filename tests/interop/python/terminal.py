# SPDX-License-Identifier: Apache-2.0
"""The configurations that print: every span is on standard output, in ci.yaml one line each, in
dev.yaml in the tree of its trace."""

import re
from collections import Counter

from case import PROTOCOLS, Row, check_counters
from compare import span
from route import Route, check_failures, guarded

SPANS = 200
TREE_S = 10  # trees are printed when nothing came for a trace for a second


def lines_of_ci(output):
    """Spans by id in "NAME TRACE-ID SPAN-ID ATTRIBUTES" lines; a name may be anything."""
    return Counter(re.findall(r" ([0-9a-f]{32}) ([0-9a-f]{16})(?: |$)", output, re.MULTILINE))


def ids(alone):
    return span(alone).trace_id.hex(), span(alone).span_id.hex()


def check_lines(output, sent):
    printed = lines_of_ci(output)
    expected = Counter(ids(alone) for alone in sent.kept)
    found = sum((printed & expected).values())
    return found, [] if printed == expected else [
        f"{(expected - printed).total()} spans not printed, "
        f"{(printed - expected).total()} too many"]


def check_trees(output, sent):
    """The heads of trees name each trace and its number of spans."""
    printed = Counter()
    for trace_id, spans in re.findall(r"^trace ([0-9a-f]{32}) .* (\d+) spans?\b", output,
                                      re.MULTILINE):
        printed[trace_id] += int(spans)
    expected = Counter(ids(alone)[0] for alone in sent.kept)
    return printed.total(), [] if printed == expected else [
        f"{len(expected - printed)} traces not printed whole, "
        f"{len(printed - expected)} with too many spans"]


def run(setting, config, sdk, protocol, coding, scrapes, check):
    row = Row(f"{config} → debug", sdk, protocol, coding)

    def work():
        with Route(setting, f"{config.removesuffix('.yaml')}-{sdk}", config) as route:
            sender = route.send(sdk, protocol, coding, "--spans", SPANS, "--scrapes", scrapes)
            sent = sender.wait()
            metrics = route.collector.settled_metrics(len(sent.kept), TREE_S)
            row.problems += sender.problems + check_failures(sender.failures, None)
            row.problems += check_counters(metrics, protocol, sent)
            row.problems += route.collector.stop()  # prints what it still holds
            row.arrived, problems = check(route.collector.output(), sent)
            row.problems += problems
            row.version = sender.version
            row.filtered = sent.scraped.total()
            row.sent = sent.total()

    return guarded([row], work)


def cases(sdks):
    for sdk in sdks:
        for args in (("ci.yaml", sdk, "grpc", "gzip", 0, check_lines),
                     ("dev.yaml", sdk, PROTOCOLS[sdk][-1], "none", 50, check_trees)):
            yield lambda setting, args=args: run(setting, *args)
