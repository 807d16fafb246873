# SPDX-License-Identifier: Apache-2.0
"""Cohere's client under OpenLLMetry: a chat and a reranking."""

import cohere
from opentelemetry.instrumentation.cohere import CohereInstrumentor

from openai_calls import MESSAGES, MODEL, TOOLS
from telemetry import BASE, SAID, provider

CohereInstrumentor().instrument(tracer_provider=provider())
client = cohere.ClientV2(api_key=SAID["api-key"], base_url=BASE)
client.chat(model=MODEL, messages=MESSAGES[:2], tools=TOOLS, temperature=0.5)
client.rerank(model=MODEL, query=SAID["query"], documents=[SAID["document"], "short"], top_n=1)
