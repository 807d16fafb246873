# SPDX-License-Identifier: Apache-2.0
"""The programs of ../libraries: the list of packages that each needs, the package whose version
stands for it, and the places whose words its instrumentation records."""

from library import Library

TABLE = """
openai_openinference.py clients openinference-instrumentation-openai
    arguments completion embedded error image metadata prompt reasoning session streamed
    system template template-variable tool-description tool-result user vector
openai_openllmetry.py clients opentelemetry-instrumentation-openai
    arguments completion embedded error prompt reasoning streamed system tool-description
    user
openai_genai.py clients opentelemetry-instrumentation-genai-openai
    arguments completion error image prompt streamed system tool-description tool-result
anthropic_openinference.py clients openinference-instrumentation-anthropic
    arguments completion error image prompt reasoning streamed system tool-description
    tool-result user
anthropic_openllmetry.py clients opentelemetry-instrumentation-anthropic
    arguments completion error image prompt reasoning streamed system tool-description
    tool-result
anthropic_genai.py clients opentelemetry-instrumentation-genai-anthropic
    arguments completion error image prompt reasoning streamed system tool-description
    tool-result
gemini_openinference.py clients openinference-instrumentation-google-genai
    arguments completion embedded error image prompt reasoning streamed system
    tool-description tool-result vector
gemini_genai.py clients opentelemetry-instrumentation-google-genai
    arguments completion error image prompt reasoning streamed system tool-description
    tool-result
mistral_openinference.py clients openinference-instrumentation-mistralai
    arguments completion image prompt streamed system tool-description tool-result
groq_openinference.py clients openinference-instrumentation-groq
    arguments completion image prompt system tool-description tool-result user
cohere_openllmetry.py clients opentelemetry-instrumentation-cohere
    arguments completion document prompt query reasoning system tool-description
ollama_openllmetry.py clients opentelemetry-instrumentation-ollama
    completion prompt system tool-description
mcp_openllmetry.py openlit opentelemetry-instrumentation-mcp
    arguments document error prompt query template-variable tool-description tool-result
langfuse_python.py clients langfuse
    arguments completion document embedded error metadata prompt query session system
    tool-result user
pydantic_ai_logfire.py clients pydantic-ai-slim
    arguments completion document error metadata prompt system tool-description tool-result
    user
logfire_openai.py clients logfire
    arguments completion error image prompt streamed system tool-description tool-result
langchain_openinference.py chains openinference-instrumentation-langchain
    arguments completion document error image metadata prompt query session streamed system
    template template-variable tool-description tool-result user
langchain_openllmetry.py chains opentelemetry-instrumentation-langchain
    arguments completion document error image metadata prompt query session streamed system
    template template-variable tool-description tool-result user
langsmith_otel.py chains langsmith
    arguments completion document error image metadata prompt query session streamed system
    template template-variable tool-description tool-result user
llama_index_openinference.py chains openinference-instrumentation-llama-index
    arguments completion document error metadata prompt query streamed system
    tool-description tool-result
llama_index_openllmetry.py chains opentelemetry-instrumentation-llamaindex
    api-key arguments completion document metadata prompt query streamed system
    tool-description tool-result
haystack_openinference.py chains openinference-instrumentation-haystack
    completion document metadata prompt system template template-variable
smolagents_openinference.py chains openinference-instrumentation-smolagents
    arguments completion prompt system tool-description tool-result
agno_openinference.py chains openinference-instrumentation-agno
    arguments completion prompt session streamed system tool-description tool-result user
crewai_openinference.py agents openinference-instrumentation-crewai
    arguments completion metadata prompt system template template-variable tool-description
    tool-result
crewai_openllmetry.py agents opentelemetry-instrumentation-crewai
    arguments completion metadata prompt system template tool-description tool-result
dspy_openinference.py agents openinference-instrumentation-dspy
    completion document prompt system
litellm_openinference.py agents openinference-instrumentation-litellm
    arguments completion embedded error image metadata prompt session streamed system
    tool-description tool-result user vector
litellm_own.py agents litellm
    arguments completion document embedded error image prompt query system tool-description
    tool-result user
beeai_openinference.py agents openinference-instrumentation-beeai
    completion prompt system tool-description tool-result
openai_agents_openinference.py agents openinference-instrumentation-openai-agents
    arguments completion prompt reasoning system tool-description tool-result
chromadb_openllmetry.py agents opentelemetry-instrumentation-chromadb
    metadata query
google_adk_own.py adk google-adk
    arguments completion prompt reasoning session system tool-description tool-result
google_adk_openinference.py adk openinference-instrumentation-google-adk
    arguments completion prompt reasoning session system tool-description tool-result user
strands_own.py adk strands-agents
    arguments completion metadata prompt session streamed system tool-description
    tool-result user
openlit_openai.py openlit openlit
    arguments completion embedded error prompt streamed system tool-result user
openlit_anthropic.py openlit openlit
    arguments completion error prompt streamed system tool-result
qdrant_openlit.py openlit openlit
    query
mcp_own.py clients mcp
    query
ai_sdk.mjs node ai
    arguments completion embedded error image metadata prompt session streamed system
    tool-description tool-result user vector
langfuse_js.mjs node @langfuse/otel
    arguments completion document embedded error metadata prompt query session system
    tool-result user
openai_js_openinference.mjs node @arizeai/openinference-instrumentation-openai
    arguments completion embedded image prompt streamed system tool-description user vector
openai_js_openllmetry.mjs node @traceloop/instrumentation-openai
    arguments completion image prompt streamed system tool-description
"""


def read(table):
    """A line `PROGRAM LIST PACKAGE`, then lines of places, indented."""
    libraries = []
    for line in table.strip().splitlines():
        if line.startswith(" "):
            libraries[-1].planted.update(line.split())
        else:
            libraries.append(Library(*line.split(), set()))
    return libraries


LIBRARIES = read(TABLE)
