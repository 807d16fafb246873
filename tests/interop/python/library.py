# SPDX-License-Identifier: Apache-2.0
"""A program of ../libraries as a child process, in the environment of its list of packages, and what
it says over OTLP."""

import os
import re
import subprocess
from dataclasses import dataclass

from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as messages

import said
from byte_sink import LOOPBACK, ByteSink
from collector import environment
from compare import from_otlp_json
from model_server import ModelServer

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = os.path.join(HERE, "..", "libraries")
END_S = 120  # no program runs longer

# Nobody is told that the libraries are used.
SILENT = {
    "DO_NOT_TRACK": "1", "ANONYMIZED_TELEMETRY": "False", "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_TRACING_ENABLED": "false", "HAYSTACK_TELEMETRY_ENABLED": "False",
    "AGNO_TELEMETRY": "false", "TRACELOOP_TELEMETRY": "false", "MLFLOW_DISABLE_TELEMETRY": "true",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False", "NO_PROXY": "*",
}


def decoded(body):
    """The request in ${body}, in either of the forms that it comes in over HTTP."""
    return (from_otlp_json(body) if body.startswith(b"{")
            else messages.ExportTraceServiceRequest.FromString(body))


@dataclass
class Library:
    program: str
    packages: str  # its list in ../libraries/lists
    package: str  # whose version stands for it
    planted: set  # places whose words its instrumentation has to have recorded

    @property
    def name(self):
        return self.program.rsplit(".", 1)[0]

    def version(self):
        """As pinned."""
        folder = os.path.join(PROGRAMS, "lists", self.packages)
        if self.packages == "node":
            path, pattern = "package.json", rf'"{re.escape(self.package)}": "([^"]+)"'
        else:
            path, pattern = "requirements.txt", rf"(?m)^{re.escape(self.package)}==(\S+)"
        with open(os.path.join(folder, path), encoding="utf-8") as file:
            return re.search(pattern, file.read())[1]

    def record(self, setting):
        """Runs it; the requests that it exported and problems."""
        recorder, server = ByteSink(), ModelServer()
        try:
            problems = self._run(setting, server, recorder)
        finally:
            server.close()
            recorder.close()
        return [decoded(body) for body in recorder.bodies], problems

    def _run(self, setting, server, recorder):
        folder = setting.libraries[self.packages]
        home = os.path.join(setting.work, f"library-{self.name}")
        os.makedirs(home, exist_ok=True)
        if self.packages == "node":  # beside their packages, or they would not find them
            command = ["node", os.path.join(folder, self.program)]
        else:
            command = [os.path.join(folder, "bin", "python"), os.path.join(PROGRAMS, self.program)]
        log_path = os.path.join(setting.work, f"library-{self.name}.log")
        variables = environment(
            **SILENT, HOME=home, PYTHONPATH=os.path.join(PROGRAMS, "shared"),
            PYTHONDONTWRITEBYTECODE="1", INTEROP_SAID=said.as_json(), INTEROP_MODELS=server.base,
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{LOOPBACK}:{recorder.http_port}",
            OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf", OTEL_METRICS_EXPORTER="none",
            OTEL_LOGS_EXPORTER="none")
        with open(log_path, "wb") as log:
            try:
                ended = subprocess.run(command, cwd=home, stdin=subprocess.DEVNULL, stdout=log,
                                       stderr=log, env=variables, timeout=END_S, check=False)
            except subprocess.TimeoutExpired:
                return [f"{self.program} did not end within {END_S} s, see {log_path}"]
        if ended.returncode != 0:
            return [f"{self.program} ended with status {ended.returncode}, see {log_path}"]
        return []
