# SPDX-License-Identifier: Apache-2.0
"""Every SDK over every protocol with every coding through the shipped configurations: each span
arrives once at each backend, equal in all fields, or the rule that dropped it counts it."""

from case import PROTOCOLS, Row
from route import CONFIGS, Route, guarded

SPANS = 600
SCRAPES = 100


def run(setting, config, sdk, protocol, coding):
    """One sender through one configuration; a row for each backend."""
    rows = {exporter: Row(f"{config} → {exporter}", sdk, protocol, coding)
            for exporter in CONFIGS[config]}

    def work():
        name = f"{config.removesuffix('.yaml')}-{sdk}-{protocol}-{coding}"
        with Route(setting, name, config) as route:
            sender = route.send(sdk, protocol, coding, "--spans", SPANS, "--scrapes", SCRAPES)
            sent = sender.wait()
            exported = len(sent.kept), sent.scraped.total()
            if exported != (SPANS, SCRAPES):
                sender.problems.append(f"the SDK exported {exported}, not {(SPANS, SCRAPES)}")
            route.check(sender, sent, rows, protocol)

    return guarded(list(rows.values()), work)


def cases(sdks):
    """Calls that take the setting and return rows."""
    for config in ("cluster.yaml", "langfuse.yaml"):
        for sdk in sdks:
            for protocol in PROTOCOLS[sdk]:
                for coding in ("none", "gzip"):
                    yield lambda setting, args=(config, sdk, protocol, coding): run(setting, *args)
    for sdk in sdks:
        yield lambda setting, args=("llm-d-operator.yaml", sdk, "grpc", "gzip"): run(setting, *args)
