/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question to an application that looks documents up before it asks a model, instrumented as such
 * applications are: OpenInference for its steps and its model calls, httpx for its HTTP calls, vLLM
 * for the engine. It is the one example with content: the question, the documents found, prompt and
 * answer, headers, a query string, and an error text that quotes the prompt. The first call is too
 * long for the model; the second, with one document less, works. Every text is made up, and every
 * one of them names Nadia Marlowe, so that a search for her finds content wherever it goes.
 */
#include "cmd/example_table.h"

enum { APP, ENGINE };
enum { LANGCHAIN, OPENAI, HTTPX, VLLM };

#define MODEL "meta-llama/Llama-3.1-8B-Instruct"
#define QUESTION "How many days of parental leave does Nadia Marlowe have left?"
#define ANSWER "Nadia Marlowe has 34 days of parental leave left, to be taken before 30 June."
#define SYSTEM_PROMPT                                                                              \
	"You answer questions of HR staff. You may tell them about Nadia Marlowe's team."
#define AGREEMENT "Agreement on parental leave between the company and Nadia Marlowe, of 3 March."
#define BALANCE "Balance of leave: Nadia Marlowe, 60 days granted, 26 taken."
#define TOO_LONG                                                                                   \
	"Error code: 400 - This model's maximum context length is 8192 tokens, your messages "     \
	"have 9127: '" AGREEMENT " " QUESTION "'"
#define GATEWAY "http://gateway.llm-d.svc:80/v1/chat/completions"

static const struct example_service services[] = {
	[APP] = {NULL, ATTRS(PYTHON_SDK, STR("service.name", "hr-assistant"),
			     STR("service.version", "2.3.0"))},
	[ENGINE] = {NULL, ATTRS(PYTHON_SDK, STR("service.name", "vllm-server"),
				STR("vllm.instrumenting_module_name", "vllm.llm_engine"),
				STR("vllm.process_id", "1"))},
};

static const struct example_scope scopes[] = {
	[LANGCHAIN] = {"openinference.instrumentation.langchain", "0.1.55", NULL},
	[OPENAI] = {"openinference.instrumentation.openai", "0.1.41", NULL},
	[HTTPX] = {"opentelemetry.instrumentation.httpx", "0.60b1", NULL},
	[VLLM] = {"vllm.tracing.otel", NULL, NULL},
};

#define KIND(kind) STR("openinference.span.kind", kind)
#define FOUND(list, n, name, text, rank)                                                           \
	STR(list "." #n ".document.id", name), STR(list "." #n ".document.content", text),         \
		DOUBLE(list "." #n ".document.score", rank)
#define REQUEST                                                                                    \
	STR("llm.system", "openai"), STR("llm.model_name", MODEL),                                 \
		STR("llm.invocation_parameters",                                                   \
		    "{\"temperature\": 0.2, \"stop\": [\"Nadia Marlowe:\"]}"),                     \
		STR("llm.input_messages.0.message.role", "system"),                                \
		STR("llm.input_messages.0.message.content", SYSTEM_PROMPT),                        \
		STR("llm.input_messages.1.message.role", "user"),                                  \
		STR("llm.input_messages.1.message.content", AGREEMENT " " QUESTION),               \
		STR("llm.tools.0.tool.json_schema",                                                \
		    "{\"name\": \"leave_balance\", \"description\": \"as of Nadia Marlowe\"}")
#define HTTP_POST(status)                                                                          \
	STR("http.method", "POST"), STR("http.url", GATEWAY), INT("http.status_code", status),     \
		STRS("http.request.header.authorization", 1, "Bearer sk-live-Marlowe-41f0")

static const struct example_span spans[] = {
	/* 1 */ SPAN(0, APP, LANGCHAIN, INTERNAL, "rag_pipeline", 0, 2100000,
		     .attrs = ATTRS(KIND("CHAIN"), STR("input.value", QUESTION),
				    STR("input.mime_type", "text/plain"),
				    STR("output.value", ANSWER),
				    STR("output.mime_type", "text/plain"),
				    STR("session.id", "session-3c1e"), STR("user.id", "staff-2041"),
				    STRS("tag.tags", 2, "production", "hr"))),
	/* 2 */
	SPAN(1, APP, LANGCHAIN, INTERNAL, "CreateEmbeddings", 2000, 31000,
	     .attrs = ATTRS(KIND("EMBEDDING"), STR("embedding.model_name", "bge-m3"),
			    STR("embedding.embeddings.0.embedding.text", QUESTION),
			    DOUBLES("embedding.embeddings.0.embedding.vector", 4, 0.0417, -0.1163,
				    0.0082, 0.2051))),
	/* 3 */
	SPAN(1, APP, LANGCHAIN, INTERNAL, "VectorStoreRetriever", 35000, 85000,
	     .attrs = ATTRS(KIND("RETRIEVER"), STR("input.value", QUESTION),
			    FOUND("retrieval.documents", 0, "hr-118", AGREEMENT, 0.83),
			    FOUND("retrieval.documents", 1, "hr-204", BALANCE, 0.79))),
	/* 4 */
	SPAN(3, APP, HTTPX, CLIENT, "GET", 40000, 70000,
	     .attrs = ATTRS(STR("http.method", "GET"),
			    STR("http.url", "http://qdrant:6333/collections/hr/points"
					    "?q=parental+leave+Nadia+Marlowe"),
			    INT("http.status_code", 200))),
	/* 5 */
	SPAN(1, APP, LANGCHAIN, INTERNAL, "Reranker", 125000, 40000,
	     .attrs = ATTRS(KIND("RERANKER"), STR("reranker.query", QUESTION),
			    INT("reranker.top_k", 2),
			    FOUND("reranker.output_documents", 0, "hr-204", BALANCE, 0.91))),
	/* 6 */
	SPAN(1, APP, OPENAI, INTERNAL, "ChatCompletion", 170000, 24000,
	     .attrs = ATTRS(KIND("LLM"), REQUEST), .status = STATUS_CODE_ERROR,
	     .status_message = TOO_LONG, .exception_type = "BadRequestError"),
	/* 7 */
	SPAN(6, APP, HTTPX, CLIENT, "POST", 171000, 22000, .attrs = ATTRS(HTTP_POST(400)),
	     .status = STATUS_CODE_ERROR),
	/* 8 */
	SPAN(1, APP, OPENAI, INTERNAL, "ChatCompletion", 200000, 1890000,
	     .attrs = ATTRS(KIND("LLM"), REQUEST,
			    STR("llm.output_messages.0.message.role", "assistant"),
			    STR("llm.output_messages.0.message.content", ANSWER),
			    PROMPT_TOKENS("llm.token_count.prompt", 1204),
			    OUTPUT_TOKENS("llm.token_count.completion", 58))),
	/* 9 */
	SPAN(8, APP, HTTPX, CLIENT, "POST", 202000, 1885000, .attrs = ATTRS(HTTP_POST(200))),
	/* 10 */
	SPAN(9, ENGINE, VLLM, SERVER, "llm_request", 206000, 1878000,
	     .attrs = ATTRS(REQUEST_ID("gen_ai.request.id", "chatcmpl-"),
			    PROMPT_TOKENS("gen_ai.usage.prompt_tokens", 1204),
			    OUTPUT_TOKENS("gen_ai.usage.completion_tokens", 58),
			    INT("gen_ai.request.max_tokens", 512), INT("gen_ai.request.n", 1),
			    DOUBLE("gen_ai.request.temperature", 0.2),
			    DOUBLE("gen_ai.request.top_p", 1.0),
			    SECONDS("gen_ai.latency.time_to_first_token", 0.288),
			    SECONDS("gen_ai.latency.e2e", 1.878),
			    SECONDS("gen_ai.latency.time_in_queue", 0.0021),
			    SECONDS("gen_ai.latency.time_in_model_prefill", 0.2859),
			    SECONDS("gen_ai.latency.time_in_model_decode", 1.59),
			    SECONDS("gen_ai.latency.time_in_model_inference", 1.8759)),
	     .events = EVENTS(
		     {"gen_ai.content.prompt", ATTRS(STR("gen_ai.prompt", AGREEMENT " " QUESTION),
						     STR("user.id", "staff-2041"))},
		     {"gen_ai.content.completion", ATTRS(STR("gen_ai.completion", ANSWER))})),
};

const struct example_trace example_rag = {
	.name = "rag",
	.description = "a question to an application with documents, full of content",
	.services = services,
	.scopes = scopes,
	.spans = spans,
	.service_count = ARRAY_COUNT(services),
	.scope_count = ARRAY_COUNT(scopes),
	.span_count = ARRAY_COUNT(spans),
};
