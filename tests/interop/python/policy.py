# SPDX-License-Identifier: Apache-2.0
"""Calls of a model by OpenAI's client under real instrumentation, through metadata_only: of what
was said not a byte is in any exporter's output, in the log or on the metrics page; model and usage
are."""

import json
import os
import re

from application import Application
from canaries import NEEDLES, found
from case import Row
from compare import span, spans_of
from model_server import MODEL, ModelServer
from route import CONFIGS, Route, check_failures, check_headers, guarded
from sink import LOOPBACK

CONFIG = "policy.yaml"
PROTOCOL = "http"
SETTLE_S = 15

# The words that an instrumentation has to have recorded, or nothing is proven.
PLANTED = {
    "OpenInference": NEEDLES.keys() - {"api-key"},
    "OpenLLMetry": {"system", "prompt", "completion", "streamed", "tool-description", "arguments",
                    "tool-result", "error", "user", "embedded", "reasoning"},
}
PACKAGES = {"OpenInference": "openinference-instrumentation-openai",
            "OpenLLMetry": "opentelemetry-instrumentation-openai"}

# Mode -> what stays of what applications write: metadata goes in strict alone, tags are names.
MODES = {"denylist": {"metadata", "tag"}, "strict": {"tag"}}

# Where Langfuse looks for the model, in its order.
LANGFUSE_MODEL = ["langfuse.observation.model.name", "gen_ai.response.model",
                  "gen_ai.request.model", "llm.response.model", "llm.model_name"]

# Attributes that say which model answered, with how many tokens.
FIGURE = re.compile(r"(llm\.(model_name|token_count\.\w+)|embedding\.model_name"
                    r"|gen_ai\.(request|response)\.model|gen_ai\.usage\.[\w.]+)$")


def figures(alone):
    """{key: value} of the figures on a span."""
    return {a.key: a.value for a in span(alone).attributes if FIGURE.match(a.key)}


def by_id(spans):
    return {span(alone).span_id: alone for alone in spans}


def check_figures(sent, arrived):
    """Number of figures that arrived as they were sent, and problems."""
    arrived = by_id(arrived)
    equal, problems = 0, []
    for alone in sent.kept:
        got = arrived.get(span(alone).span_id)
        if got is None:
            problems.append(f"span {span(alone).name!r} is missing")
            continue
        for key, value in figures(alone).items():
            if figures(got).get(key) == value:
                equal += 1
            else:
                problems.append(f"{span(alone).name!r} has lost {key}")
    return equal, problems


def texts(alone):
    return {a.key: a.value.string_value for a in span(alone).attributes}


def check_langfuse(sent, arrived):
    """Problems of what Langfuse reads: model and usage of each call that was answered."""
    arrived = by_id(arrived)
    problems = []
    for alone in sent.kept:
        tokens = [value.int_value for key, value in figures(alone).items()
                  if re.search(r"total(_tokens)?$", key)]
        if not tokens:
            continue
        got = texts(arrived[span(alone).span_id])
        usage = json.loads(got.get("langfuse.observation.usage_details", "{}"))
        model = next((got[key] for key in LANGFUSE_MODEL if key in got), None)
        if (model, usage.get("total")) != (MODEL, tokens[0]):
            problems.append(f"{span(alone).name!r} is in Langfuse of {model} with {usage}")
    return problems


def outputs(route):
    """(name, bytes) of all that came out of the collector."""
    for exporter, sink in route.sinks.items():
        yield exporter, b"".join(request.SerializeToString() for request in sink.requests)
        yield f"headers to {exporter}", json.dumps(sink.http_headers).encode()
    for name in (route.collector.log_path, route.collector.output_path, file_path(route)):
        with open(name, "rb") as file:
            yield os.path.basename(name), file.read()


def file_path(route):
    return route.collector.log_path + ".spans"


def check_outputs(named, allowed):
    return [f"{name} tells {sorted(leaked)}" for name, data in named
            if (leaked := found(data) - allowed)]


def check_printed(route, sent):
    """Problems of the exporters without a sink: each span is in the file and in both prints."""
    with open(file_path(route), encoding="utf-8") as file:
        in_file = len(re.findall(r'"spanId":', file.read()))
    in_log = len(re.findall(r"^ +ID +: [0-9a-f]{16}$", route.collector.log(), re.MULTILINE))
    in_trees = sum(int(n) for n in re.findall(r"^trace [0-9a-f]{32} .* (\d+) spans?\b",
                                              route.collector.output(), re.MULTILINE))
    return [f"{name}: {count} spans, not {len(sent.kept)}" for name, count in
            (("file", in_file), ("debug", in_log), ("debug/tree", in_trees))
            if count != len(sent.kept)]


def fill(route, application, sent, rows, allowed):
    metrics_page = json.dumps(route.collector.settled_metrics(len(sent.kept), SETTLE_S)).encode()
    common = application.problems + check_failures(application.failures, None)
    common += route.collector.stop()
    with open(application.record, "rb") as file:
        if missing := PLANTED[rows["otlp_grpc/jaeger"].sdk] - found(file.read()):
            common.append(f"the instrumentation did not record {sorted(missing)}")
    common += check_outputs([*outputs(route), ("metrics page", metrics_page)], allowed)
    common += check_printed(route, sent)
    arrived = {exporter: list(spans_of(sink.requests)) for exporter, sink in route.sinks.items()}
    for exporter, row in rows.items():
        row.version, row.sent = application.version, sent.total()
        row.arrived = len(arrived[exporter])
        row.equal_attributes, problems = check_figures(sent, arrived[exporter])
        row.problems += common + problems + route.sinks[exporter].problems
        if row.arrived != row.sent:
            row.problems.append(f"{row.arrived} spans arrived, not {row.sent}")
        if "langfuse" in exporter:
            row.problems += check_langfuse(sent, arrived[exporter])
        row.problems += check_headers(route.sinks[exporter])


def run(setting, instrumentation, mode):
    rows = {exporter: Row(f"model calls, {mode} → {exporter}", instrumentation, PROTOCOL, "none")
            for exporter in CONFIGS[CONFIG]}
    name = f"policy-{instrumentation}-{mode}"
    overrides = {"processors.metadata_only.mode": mode, "service.telemetry.logs.level": "debug",
                 "exporters.file.path": os.path.join(setting.work, name + ".log.spans")}

    def work():
        server = ModelServer()
        try:
            with Route(setting, name, CONFIG, overrides) as route:
                endpoint = f"http://{LOOPBACK}:{route.collector.ports[PROTOCOL]}/v1/traces"
                command = ["python", "model_calls.py", instrumentation, server.url, endpoint]
                application = Application(setting, name, command, PACKAGES[instrumentation])
                fill(route, application, application.wait(), rows, MODES[mode])
        finally:
            server.close()

    return guarded(list(rows.values()), work)


def cases(_):
    for instrumentation in PLANTED:
        for mode in MODES:
            yield lambda setting, args=(instrumentation, mode): run(setting, *args)
