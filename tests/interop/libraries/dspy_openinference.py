# SPDX-License-Identifier: Apache-2.0
"""Modules of DSPy under OpenInference."""

from openinference.instrumentation.dspy import DSPyInstrumentor

from telemetry import MODEL, SAID, URL, provider

DSPyInstrumentor().instrument(tracer_provider=provider())

import dspy  # noqa: E402: after the instrumentation

dspy.configure(lm=dspy.LM("openai/" + MODEL, api_base=URL, api_key=SAID["api-key"], cache=False))
signature = dspy.Signature("question, documents -> answer", instructions=SAID["system"])
dspy.ChainOfThought(signature)(question=SAID["prompt"], documents=[SAID["document"]])
