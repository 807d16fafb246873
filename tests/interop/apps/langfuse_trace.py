# SPDX-License-Identifier: Apache-2.0
"""Traces made-up answers by the Langfuse SDK, with most kinds of observations and fields it has.

    langfuse_trace.py URL    of what stands in for Langfuse
"""

import sys
from datetime import datetime, timezone

import exports
from langfuse import Langfuse, propagate_attributes
from opentelemetry.sdk.trace import TracerProvider

from canaries import WORDS

TRACES = 20


def answer(langfuse, number):
    """One trace: an agent that searches, asks a model, and checks what it said."""
    said = {"role": "user", "content": f"What is {WORDS['prompt']}?"}
    with langfuse.start_as_current_observation(
            name="answer", as_type="agent", input=[said], metadata={"attempt": number}) as root:
        with langfuse.start_as_current_observation(
                name="search", as_type="retriever", input=WORDS["arguments"]) as search:
            search.update(output=[WORDS["tool-result"]], metadata={"hits": 1})
        with langfuse.start_as_current_observation(
                name="vectors", as_type="embedding", model="embed-1", input=[WORDS["embedded"]],
                usage_details={"input": 12}):
            pass
        with langfuse.start_as_current_observation(
                name="think", as_type="generation", model="interop-7b",
                model_parameters={"temperature": 0.5, "max_tokens": 64},
                input=[{"role": "system", "content": WORDS["system"]}, said]) as generation:
            generation.update(
                output={"role": "assistant", "content": WORDS["completion"]},
                completion_start_time=datetime(2026, 1, 1, tzinfo=timezone.utc),
                usage_details={"input": 4711, "output": 815, "total": 5526},
                cost_details={"input": 0.25, "output": 0.5, "total": 0.75})
        with langfuse.start_as_current_observation(name="check", as_type="guardrail") as check:
            check.update(level="WARNING", status_message=f"unsure about {WORDS['error']}")
        langfuse.create_event(name="done", input=WORDS["prompt"], metadata={"last": True})
        root.update(output=WORDS["completion"])


def main():
    provider = TracerProvider()
    langfuse = Langfuse(
        public_key="pk-lf-interop", secret_key="sk-lf-" + WORDS["api-key"], base_url=sys.argv[1],
        environment="staging", release="v1.2.3", tracer_provider=provider)
    exports.record(provider)
    for number in range(TRACES):
        with propagate_attributes(
                user_id="user-7", session_id="session-8", tags=["red", "blue"], version="v9",
                metadata={"tenant": "acme"}, trace_name="question"):
            answer(langfuse, number)
    langfuse.flush()
    langfuse.shutdown()


if __name__ == "__main__":
    main()
