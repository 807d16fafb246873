# SPDX-License-Identifier: Apache-2.0
"""Anthropic's client under OpenLIT."""

import openlit

from telemetry import provider

provider()
openlit.init(application_name="assistant", environment="interop", disable_metrics=True)

import anthropic_calls  # noqa: E402: after the instrumentation

anthropic_calls.call()
