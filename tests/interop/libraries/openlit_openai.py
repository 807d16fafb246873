# SPDX-License-Identifier: Apache-2.0
"""OpenAI's client under OpenLIT."""

import openlit

from telemetry import provider

provider()
openlit.init(application_name="assistant", environment="interop", disable_metrics=True)

import openai_calls  # noqa: E402: after the instrumentation

openai_calls.call(openai_calls.client())
