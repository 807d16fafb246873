# SPDX-License-Identifier: Apache-2.0
"""Langfuse's SDK with most kinds of observations and fields that it has."""

import os

from langfuse import Langfuse, propagate_attributes

from telemetry import SAID

langfuse = Langfuse(public_key="pk-lf-interop", secret_key=SAID["api-key"], environment="staging",
                    release="v1.2.3", base_url=os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"])
said = {"role": "user", "content": SAID["prompt"]}
with propagate_attributes(
        user_id=SAID["user"], session_id=SAID["session"], tags=[SAID["tag"]], version="v9",
        metadata={"note": SAID["metadata"]}, trace_name="question"):
    with langfuse.start_as_current_observation(
            name="answer", as_type="agent", input=[said], metadata={"attempt": 7}) as root:
        with langfuse.start_as_current_observation(
                name="search", as_type="retriever", input=SAID["query"]) as search:
            search.update(output=[SAID["document"]], metadata={"hits": 1})
        with langfuse.start_as_current_observation(
                name="look_up", as_type="tool", input={"query": SAID["arguments"]}) as tool:
            tool.update(output=SAID["tool-result"])
        with langfuse.start_as_current_observation(
                name="vectors", as_type="embedding", model="embed-1", input=[SAID["embedded"]],
                usage_details={"input": 12}):
            pass
        with langfuse.start_as_current_observation(
                name="think", as_type="generation", model="interop-7b",
                model_parameters={"temperature": 0.5, "max_tokens": 64},
                input=[{"role": "system", "content": SAID["system"]}, said]) as generation:
            generation.update(
                output={"role": "assistant", "content": SAID["completion"]},
                usage_details={"input": 4711, "output": 815, "total": 5526},
                cost_details={"input": 0.25, "output": 0.5, "total": 0.75})
        with langfuse.start_as_current_observation(name="check", as_type="guardrail") as check:
            check.update(level="ERROR", status_message=SAID["error"])
        root.update(output=SAID["completion"])
langfuse.flush()
