# SPDX-License-Identifier: Apache-2.0
"""Haystack under OpenInference."""

from openinference.instrumentation.haystack import HaystackInstrumentor

from telemetry import provider

HaystackInstrumentor().instrument(tracer_provider=provider())

import haystack_calls  # noqa: E402: after the instrumentation

haystack_calls.call()
