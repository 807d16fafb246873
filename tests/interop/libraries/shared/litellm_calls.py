# SPDX-License-Identifier: Apache-2.0
"""LiteLLM: chats with a tool, whole, streamed and failing, an embedding, a reranking."""

import litellm

import openai_calls
from telemetry import BASE, SAID, URL

COMMON = {"api_base": URL, "api_key": SAID["api-key"]}
METADATA = {"note": SAID["metadata"], "user_api_key_user_id": SAID["user"],
            "session_id": SAID["session"], "tags": [SAID["tag"]]}


def chat(model, **options):
    return litellm.completion(model="openai/" + model, metadata=METADATA, num_retries=0, **options,
                              **COMMON)


def call():
    openai_calls.chats(chat)
    litellm.embedding(model="openai/" + openai_calls.MODEL, input=[SAID["embedded"]], **COMMON)
    litellm.rerank(model="cohere/" + openai_calls.MODEL, query=SAID["query"], api_base=BASE +
                   "/v1/rerank", api_key=SAID["api-key"], documents=[SAID["document"], "short"])
