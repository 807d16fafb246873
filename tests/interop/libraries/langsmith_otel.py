# SPDX-License-Identifier: Apache-2.0
"""LangChain and a traced function under LangSmith, which exports by OpenTelemetry."""

import os

os.environ.update({"LANGSMITH_TRACING": "true", "LANGSMITH_OTEL_ENABLED": "true",
                   "LANGSMITH_OTEL_ONLY": "true", "LANGSMITH_PROJECT": "interop",
                   "LANGSMITH_ENDPOINT": os.environ["INTEROP_MODELS"],
                   "LANGSMITH_API_KEY": "interop"})

from telemetry import SAID, provider  # noqa: E402: after the settings

tracing = provider()

import langchain_calls  # noqa: E402
from langsmith import Client, traceable  # noqa: E402


@traceable(run_type="chain", name="answer", tags=[SAID["tag"]],
           metadata={"note": SAID["metadata"], "user_id": SAID["user"]})
def answer(question):
    langchain_calls.call()
    return SAID["completion"]


answer(SAID["prompt"])
Client().flush()
tracing.force_flush()
