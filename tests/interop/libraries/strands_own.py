# SPDX-License-Identifier: Apache-2.0
"""An agent of Strands, which traces by itself."""

import os

os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "gen_ai_latest_experimental,gen_ai_tool_definitions"

from strands import Agent, tool  # noqa: E402: after the setting
from strands.models.openai import OpenAIModel  # noqa: E402

from telemetry import MODEL, SAID, URL, look_up, provider  # noqa: E402

provider()
model = OpenAIModel(client_args={"base_url": URL, "api_key": SAID["api-key"]}, model_id=MODEL)
Agent(model=model, tools=[tool(look_up)], system_prompt=SAID["system"], callback_handler=None,
      trace_attributes={"user.id": SAID["user"], "session.id": SAID["session"],
                        "note": SAID["metadata"], "tags": [SAID["tag"]]})(SAID["prompt"])
