/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/llmd_tables.h"

#define MODEL "meta-llama/Llama-3.1-8B-Instruct"
#define ONE(name) ATTRS(STR("service.name", name))

/* ---- rows of the shipped tables, with content ----------------------------------------------- */

const struct example_attr *const llmd_proxy_canaries =
	ATTRS(STR("http.request.method", "POST"), STR("url.scheme", "http"),
	      STR("url.path", "/v1/chat/completions"), STR("server.address", "10.244.2.4"),
	      INT("server.port", 8000), STR("client.address", "203.0.113.7"),
	      STR("user_agent.original", "CANARY-UA"), INT("http.response.status_code", 200));
const struct example_attr *const llmd_prefill_failed = ATTRS(
	STR("llm_d.pd_proxy.connector", "nixlv2"), INT("llm_d.pd_proxy.prefill.status_code", 503),
	WHOLE_MS("llm_d.pd_proxy.prefill.duration_ms", 49.0));
const struct example_attr *const llmd_decision_decode_only =
	ATTRS(STR("gen_ai.request.model", MODEL), REQUEST_ID("gen_ai.request.id", ""),
	      STR("mm.modality", "none"), INT("mm.hash_count", 0),
	      STR("llm_d.epp.profile_handler.decision", "complete_decode-only"));
const struct example_attr *const llmd_proxy_decode_only =
	ATTRS(STR("llm_d.pd_proxy.connector", "nixlv2"),
	      STR("llm_d.pd_proxy.request_path", "/v1/chat/completions"),
	      STR("llm_d.openai.api", "chat_completions"),
	      BOOL("llm_d.pd_proxy.disaggregation_used", false),
	      STR("llm_d.pd_proxy.reason", "no_prefill_header"));
const struct example_attr *const llmd_router_request =
	ATTRS(STR("request.id", "req-abc-123"), STR("http.method", "POST"),
	      STR("http.path", "/v1/chat/completions?key=CANARY-QS"));
const struct example_attr *const llmd_router_cache =
	ATTRS(STR("plugin.type", "response_cache"), STR("plugin.decision", "math"),
	      STR("cache.key", "CANARY-QUERY-01"), BOOL("cache.hit", false),
	      INT("cache.lookup_time_ms", 6), DOUBLE("cache.threshold", 0.8),
	      STR("category.name", "math"), STR("plugin.result", "cache_miss"));
const struct example_attr *const llmd_router_upstream_failed =
	ATTRS(STR("model.name", "qwen3-8b"), STR("endpoint.address", "10.244.2.9:8000"),
	      INT("http.status_code", 503));
const char *const llmd_router_names_v01[8] = {"semantic_router.request.received",
					      "semantic_router.classification",
					      "semantic_router.security.pii_detection",
					      "semantic_router.cache.lookup",
					      "semantic_router.security.jailbreak_detection",
					      "semantic_router.routing.decision",
					      "semantic_router.system_prompt.injection",
					      "semantic_router.upstream.request"};

/* ---- B: the trace that llm-d's first tracing proposal showed --------------------------------- */

enum { B_GATEWAY, B_PROXY, B_PREFILL, B_DECODE };
enum { B_EPP, B_SIDECAR, B_VLLM };

static const struct example_service proposal_services[] = {
	[B_GATEWAY] = {NULL, ONE("gateway-api-inference-extension")},
	[B_PROXY] = {NULL, ONE("llm-d-pd-proxy")},
	[B_PREFILL] = {NULL, ONE("vllm-prefill")},
	[B_DECODE] = {NULL, ONE("vllm-decode")},
};
static const struct example_scope proposal_scopes[] = {
	[B_EPP] = {"gateway-api-inference-extension", NULL, NULL},
	[B_SIDECAR] = {"llm-d-pd-proxy", NULL, NULL},
	[B_VLLM] = {"vllm.llm_engine", NULL, NULL},
};

static const struct example_span proposal_spans[] = {
	/* 1 */ SPAN(0, B_GATEWAY, B_EPP, SERVER, "gateway.request", 0, 2150000, .attrs = NULL),
	/* 2 */
	SPAN(1, B_GATEWAY, B_EPP, INTERNAL, "llm_d.epp.scorer.prefix_cache", 2000, 12000,
	     .attrs = ATTRS(STR("gen_ai.request.model", MODEL),
			    INT("llm_d.scorer.candidate_endpoints", 4),
			    DOUBLE("llm_d.scorer.score.max", 1.0))),
	/* 3 */
	SPAN(2, B_GATEWAY, B_EPP, INTERNAL, "llm_d.kv_cache.get_scores", 3000, 10000,
	     .attrs = ATTRS(STR("gen_ai.request.model", MODEL), INT("llm_d.kv_cache.pod_count", 4),
			    DOUBLE("llm_d.kv_cache.block_hit_ratio", 0.75))),
	/* 4 */
	SPAN(3, B_GATEWAY, B_EPP, INTERNAL, "llm_d.kv_cache.storage.lookup", 3500, 6000,
	     .attrs = ATTRS(BOOL("llm_d.kv_cache.lookup.cache_hit", true))),
	/* 5 */
	SPAN(3, B_GATEWAY, B_EPP, INTERNAL, "llm_d.kv_cache.scorer.compute", 9800, 3000,
	     .attrs = ATTRS(STR("llm_d.kv_cache.scorer.algorithm", "LongestPrefix"))),
	/* 6 */
	SPAN(1, B_GATEWAY, B_EPP, INTERNAL, "llm_d.epp.profile_handler.pick", 15000, 3000,
	     .attrs = ATTRS(STR("llm_d.profile_handler.decision", "prefill_decode"),
			    INT("llm_d.profile_handler.input_tokens", 512))),
	/* 7 */
	SPAN(1, B_GATEWAY, B_EPP, INTERNAL, "llm_d.epp.prerequest.pd_disaggregation", 19000, 2000,
	     .attrs = ATTRS(BOOL("llm_d.epp.pd.disaggregation_used", true))),
	/* 8 */
	SPAN(1, B_PROXY, B_SIDECAR, SERVER, "llm_d.pd_proxy.request", 30000, 2105000,
	     .attrs = ATTRS(STR("llm_d.pd_proxy.connector", "nixlv2"),
			    WHOLE_MS("llm_d.pd_proxy.true_ttft_ms", 55.0))),
	/* 9 */
	SPAN(8, B_PROXY, B_SIDECAR, INTERNAL, "llm_d.pd_proxy.prefill", 30000, 55000,
	     .attrs = ATTRS(INT("llm_d.pd_proxy.prefill.status_code", 200))),
	/* 10 */
	SPAN(9, B_PREFILL, B_VLLM, SERVER, "llm_request", 33000, 50000,
	     .attrs = ATTRS(SECONDS("gen_ai.latency.time_in_model_prefill", 0.033),
			    INT("gen_ai.usage.prompt_tokens", 128),
			    INT("gen_ai.usage.completion_tokens", 1))),
	/* 11 */
	SPAN(8, B_PROXY, B_SIDECAR, INTERNAL, "llm_d.pd_proxy.decode", 85000, 2050000,
	     .attrs = ATTRS(BOOL("llm_d.pd_proxy.decode.streaming", true))),
	/* 12 */
	SPAN(11, B_DECODE, B_VLLM, SERVER, "llm_request", 88000, 2045000,
	     .attrs = ATTRS(INT("gen_ai.usage.prompt_tokens", 128),
			    INT("gen_ai.usage.completion_tokens", 512),
			    SECONDS("gen_ai.latency.time_to_first_token", 0.015))),
};

const struct example_trace llmd_proposal = {
	.services = proposal_services,
	.scopes = proposal_scopes,
	.spans = proposal_spans,
	.service_count = ARRAY_COUNT(proposal_services),
	.scope_count = ARRAY_COUNT(proposal_scopes),
	.span_count = ARRAY_COUNT(proposal_spans),
};

/* ---- D2: what FastAPI adds beside the engine, in a trace of its own -------------------------- */

static const struct example_service fastapi_service = {NULL, ONE("vllm-server")};
static const struct example_scope fastapi_scope = {"opentelemetry.instrumentation.fastapi",
						   "0.60b1", NULL};
static const struct example_span fastapi_spans[] = {
	SPAN(0, 0, 0, SERVER, "POST /v1/chat/completions", 0, 1532000,
	     .attrs = ATTRS(STR("http.method", "POST"), STR("http.route", "/v1/chat/completions"),
			    STR("http.target", "/v1/chat/completions"),
			    INT("http.status_code", 200))),
	SPAN(1, 0, 0, INTERNAL, "POST /v1/chat/completions http receive", 10, 5,
	     .attrs = ATTRS(STR("asgi.event.type", "http.request"))),
	SPAN(1, 0, 0, INTERNAL, "POST /v1/chat/completions http send", 1531000, 20,
	     .attrs = ATTRS(STR("asgi.event.type", "http.response.start"))),
	SPAN(1, 0, 0, INTERNAL, "POST /v1/chat/completions http send", 1531500, 20,
	     .attrs = ATTRS(STR("asgi.event.type", "http.response.body"))),
};

const struct example_trace llmd_fastapi = {
	.services = &fastapi_service,
	.scopes = &fastapi_scope,
	.spans = fastapi_spans,
	.service_count = 1,
	.scope_count = 1,
	.span_count = ARRAY_COUNT(fastapi_spans),
};

/* ---- E: a RAG application -------------------------------------------------------------------- */

enum { CHAIN, OPENAI, HTTPX };

static const struct example_service rag_service = {NULL, ONE("rag-app")};
static const struct example_scope rag_scopes[] = {
	[CHAIN] = {"openinference.instrumentation.langchain", "0.1.55", NULL},
	[OPENAI] = {"openinference.instrumentation.openai", "0.1.41", NULL},
	[HTTPX] = {"opentelemetry.instrumentation.httpx", "0.60b1", NULL},
};

#define DOCUMENT(n)                                                                                \
	STR("retrieval.documents." #n ".document.id", "doc-" #n),                                  \
		STR("retrieval.documents." #n ".document.content", "CANARY-DOC-" #n),              \
		DOUBLE("retrieval.documents." #n ".document.score", 0.83)

static const struct example_span rag_spans[] = {
	/* 1 */
	SPAN(0, 0, CHAIN, INTERNAL, "rag_pipeline", 0, 3400000,
	     .attrs = ATTRS(
		     STR("openinference.span.kind", "CHAIN"), STR("input.value", "CANARY-QUESTION"),
		     STR("input.mime_type", "text/plain"), STR("output.value", "CANARY-ANSWER"),
		     STR("session.id", "s-42"), STR("user.id", "alice@example.com"),
		     STR("metadata", "{\"tenant\":\"acme\"}"), STRS("tag.tags", 2, "prod", "rag"))),
	/* 2 */
	SPAN(1, 0, CHAIN, INTERNAL, "CreateEmbeddings", 2000, 30000,
	     .attrs = ATTRS(STR("openinference.span.kind", "EMBEDDING"),
			    STR("embedding.model_name", "bge-m3"),
			    STR("embedding.embeddings.0.embedding.text", "CANARY-EMB"),
			    DOUBLES("embedding.embeddings.0.embedding.vector", 3, 0.1, 0.2, 0.3))),
	/* 3 */
	SPAN(1, 0, CHAIN, INTERNAL, "VectorStoreRetriever", 35000, 85000,
	     .attrs = ATTRS(STR("openinference.span.kind", "RETRIEVER"),
			    STR("input.value", "CANARY-QUESTION"), DOCUMENT(0), DOCUMENT(1))),
	/* 4 */
	SPAN(3, 0, HTTPX, CLIENT, "GET", 40000, 70000,
	     .attrs = ATTRS(STR("http.method", "GET"),
			    STR("http.url", "http://qdrant:6333/collections/kb/points?q=CANARY-QS"),
			    INT("http.status_code", 200))),
	/* 5 */
	SPAN(1, 0, CHAIN, INTERNAL, "Reranker", 125000, 40000,
	     .attrs = ATTRS(STR("openinference.span.kind", "RERANKER"),
			    STR("reranker.query", "CANARY-QUESTION"),
			    STR("reranker.input_documents.0.document.content", "CANARY-DOC-0"),
			    DOUBLE("reranker.output_documents.0.document.score", 0.83),
			    INT("reranker.top_k", 2))),
	/* 6 */
	SPAN(1, 0, OPENAI, INTERNAL, "ChatCompletion", 170000, 3200000,
	     .attrs = ATTRS(STR("openinference.span.kind", "LLM"), STR("llm.system", "openai"),
			    STR("llm.model_name", MODEL),
			    STR("llm.invocation_parameters", "{\"temperature\":0.7}"),
			    STR("llm.input_messages.0.message.role", "system"),
			    STR("llm.input_messages.0.message.content", "CANARY-SYSTEM"),
			    STR("llm.input_messages.1.message.content", "CANARY-PROMPT"),
			    STR("llm.output_messages.0.message.content", "CANARY-COMPLETION"),
			    INT("llm.token_count.prompt", 2071),
			    INT("llm.token_count.completion", 200),
			    INT("llm.token_count.total", 2271),
			    STR("llm.tools.0.tool.json_schema", "{\"name\":\"CANARY-TOOL\"}"))),
	/* 7 */
	SPAN(6, 0, HTTPX, CLIENT, "POST", 175000, 3190000,
	     .attrs = ATTRS(STR("http.url", "http://gateway/v1/chat/completions"),
			    STRS("http.request.header.authorization", 1, "Bearer CANARY-KEY"))),
};

const struct example_trace llmd_rag = {
	.services = &rag_service,
	.scopes = rag_scopes,
	.spans = rag_spans,
	.service_count = 1,
	.scope_count = ARRAY_COUNT(rag_scopes),
	.span_count = ARRAY_COUNT(rag_spans),
};

const struct example_attr *const llmd_openllmetry_call =
	ATTRS(STR("gen_ai.system", "openai"), STR("llm.request.type", "chat"),
	      STR("gen_ai.request.model", MODEL), STR("gen_ai.response.model", MODEL),
	      DOUBLE("gen_ai.request.temperature", 0.7), STR("gen_ai.prompt.0.role", "user"),
	      STR("gen_ai.prompt.0.content", "CANARY-PROMPT"),
	      STR("gen_ai.completion.0.content", "CANARY-COMPLETION"),
	      INT("gen_ai.usage.prompt_tokens", 2071), INT("gen_ai.usage.completion_tokens", 200),
	      INT("llm.usage.total_tokens", 2271));
