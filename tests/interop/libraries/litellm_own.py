# SPDX-License-Identifier: Apache-2.0
"""LiteLLM's own callback for OpenTelemetry."""

import litellm
from litellm.integrations.opentelemetry import OpenTelemetry, OpenTelemetryConfig
from opentelemetry import trace

import litellm_calls
from telemetry import exporter, provider

tracing = provider()
litellm.callbacks = [OpenTelemetry(config=OpenTelemetryConfig(exporter=exporter()))]
litellm_calls.call()
litellm.utils.executor.shutdown(wait=True)
trace.get_tracer_provider().force_flush()
