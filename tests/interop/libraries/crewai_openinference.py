# SPDX-License-Identifier: Apache-2.0
"""A crew of CrewAI under OpenInference."""

from openinference.instrumentation.crewai import CrewAIInstrumentor

from telemetry import provider

CrewAIInstrumentor().instrument(tracer_provider=provider())

import crewai_calls  # noqa: E402: after the instrumentation

crewai_calls.call()
