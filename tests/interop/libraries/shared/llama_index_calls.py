# SPDX-License-Identifier: Apache-2.0
"""LlamaIndex: an index with documents that is queried, a streamed chat, an agent with a tool, and a
call that fails."""

import asyncio

from llama_index.core import Document, VectorStoreIndex
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.openai_like import OpenAILike

from telemetry import BROKEN, MODEL, SAID, URL, look_up


def model(name=MODEL):
    return OpenAILike(model=name, api_base=URL, api_key=SAID["api-key"], max_retries=0,
                      is_chat_model=True, is_function_calling_model=True)


async def ask_agent(llm):
    tool = FunctionTool.from_defaults(look_up, name="look_up", description=SAID["tool-description"])
    agent = FunctionAgent(tools=[tool], llm=llm, system_prompt=SAID["system"])
    await agent.run(SAID["prompt"])


def call():
    llm = model()
    embedding = OpenAILikeEmbedding(model_name=MODEL, api_base=URL, api_key=SAID["api-key"])
    index = VectorStoreIndex.from_documents(
        [Document(text=SAID["document"], metadata={"note": SAID["metadata"]})],
        embed_model=embedding)
    index.as_query_engine(llm=llm).query(SAID["query"])
    messages = [ChatMessage(role="system", content=SAID["system"]),
                ChatMessage(role="user", content=SAID["prompt"])]
    for _ in llm.stream_chat(messages):
        pass
    asyncio.run(ask_agent(llm))
    try:
        model(BROKEN).chat(messages)
    except Exception as error:
        if SAID["error"] not in str(error):
            raise
        return
    raise RuntimeError("the call that had to fail did not")
