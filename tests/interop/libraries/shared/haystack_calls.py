# SPDX-License-Identifier: Apache-2.0
"""A pipeline of Haystack: retriever, prompt builder, generator."""

from haystack import Document, Pipeline
from haystack.components.builders import PromptBuilder
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever
from haystack.dataclasses import ChatMessage
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.utils import Secret

from telemetry import MODEL, SAID, URL


def call():
    store = InMemoryDocumentStore()
    store.write_documents([Document(content=SAID["document"], meta={"note": SAID["metadata"]})])
    pipeline = Pipeline()
    pipeline.add_component("retriever", InMemoryBM25Retriever(store))
    pipeline.add_component("prompt", PromptBuilder(
        SAID["template"] + "{{documents}} {{question}}", required_variables="*"))
    pipeline.connect("retriever.documents", "prompt.documents")
    pipeline.run({"retriever": {"query": SAID["document"]},
                  "prompt": {"question": SAID["template-variable"]}})
    chat = Pipeline()
    chat.add_component("model", OpenAIChatGenerator(
        Secret.from_token(SAID["api-key"]), MODEL, api_base_url=URL, max_retries=0))
    chat.run({"model": {"messages": [ChatMessage.from_system(SAID["system"]),
                                     ChatMessage.from_user(SAID["prompt"])]}})
