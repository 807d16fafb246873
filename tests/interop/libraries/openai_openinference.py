# SPDX-License-Identifier: Apache-2.0
"""OpenAI's client under OpenInference, with what applications add to its spans."""

from openinference.instrumentation import using_attributes
from openinference.instrumentation.openai import OpenAIInstrumentor

import openai_calls
from telemetry import SAID, provider

OpenAIInstrumentor().instrument(tracer_provider=provider())
with using_attributes(
        session_id=SAID["session"], user_id=SAID["user"], metadata={"note": SAID["metadata"]},
        tags=[SAID["tag"]], prompt_template=SAID["template"], prompt_template_version="v7",
        prompt_template_variables={"question": SAID["template-variable"]}):
    openai_calls.call(openai_calls.client())
