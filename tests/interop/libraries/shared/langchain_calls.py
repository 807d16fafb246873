# SPDX-License-Identifier: Apache-2.0
"""An agent of LangChain with a tool, a streamed chain, a retriever, and a call that fails."""

from langchain.agents import create_agent
from langchain_core.documents import Document
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

from telemetry import BROKEN, MODEL, SAID, URL

CONFIG = {"metadata": {"note": SAID["metadata"], "user_id": SAID["user"],
                       "session_id": SAID["session"]}, "tags": [SAID["tag"]],
          "run_name": "assistant"}


class Archive(BaseRetriever):
    def _get_relevant_documents(self, query, *, run_manager):
        return [Document(page_content=SAID["document"], metadata={"note": SAID["metadata"]})]


def model(name=MODEL):
    return ChatOpenAI(model=name, base_url=URL, api_key=SAID["api-key"], max_retries=0,
                      stream_usage=True)


def call():
    look_up = tool("look_up", description=SAID["tool-description"])(_look_up)
    agent = create_agent(model(), tools=[look_up], system_prompt=SAID["system"])
    agent.invoke({"messages": [{"role": "user", "content": [
        {"type": "text", "text": SAID["prompt"]},
        {"type": "image_url", "image_url": {"url": SAID["image"]}}]}]}, config=CONFIG)
    template = ChatPromptTemplate.from_messages([("system", SAID["template"])])
    for _ in (template | model()).stream({"question": SAID["template-variable"]}, config=CONFIG):
        pass
    Archive().invoke(SAID["query"], config=CONFIG)
    try:
        model(BROKEN).invoke(SAID["prompt"])
    except Exception as error:
        if SAID["error"] not in str(error):
            raise
        return
    raise RuntimeError("the call that had to fail did not")


def _look_up(query: str) -> str:
    return SAID["tool-result"]
