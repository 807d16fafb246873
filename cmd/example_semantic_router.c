/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request through the vLLM Semantic Router to an engine. The router parents each span on the
 * one before, which has ended by then: a chain, not a tree, and its root lasts 0.4 ms of the 1.97
 * s. The real router also writes the user's query into `cache.key`; that is content and left out
 * here.
 */
#include "cmd/example_table.h"

enum { ROUTER, ENGINE };
enum { ROUTER_SCOPE, VLLM };

#define MODEL "qwen3-8b"

static const struct example_service services[] = {
	[ROUTER] = {NULL, ATTRS(STR("service.name", "vllm-semantic-router"),
				STR("service.version", "v0.2.0"),
				STR("deployment.environment", "production"))},
	[ENGINE] = {NULL, ATTRS(PYTHON_SDK, STR("service.name", "vllm-server"),
				STR("vllm.instrumenting_module_name", "vllm.llm_engine"),
				STR("vllm.process_id", "1"))},
};

static const struct example_scope scopes[] = {
	[ROUTER_SCOPE] = {"semantic-router", NULL, NULL},
	[VLLM] = {"vllm.tracing.otel", NULL, NULL},
};

static const struct example_span spans[] = {
	/* 1 */ SPAN(0, ROUTER, ROUTER_SCOPE, SERVER, "semantic_router.request.received", 0, 400,
		     .attrs = ATTRS(REQUEST_ID("request.id", ""), STR("http.method", "POST"),
				    STR("http.path", "/v1/chat/completions"))),
	/* 2 */
	SPAN(1, ROUTER, ROUTER_SCOPE, INTERNAL, "semantic_router.signal.evaluation", 1000, 38000,
	     .attrs = ATTRS(STRS("signal.matched_rules", 2, "math", "pii_email"),
			    DOUBLE("signal.confidence", 1.0), INT("signal.latency_ms", 38))),
	/* 3 */
	SPAN(2, ROUTER, ROUTER_SCOPE, INTERNAL, "semantic_router.decision.evaluation", 40000, 300,
	     .attrs = ATTRS(STR("decision.name", "decision_evaluation"),
			    DOUBLE("decision.confidence", 0.87),
			    STRS("decision.matched_rules", 1, "math"),
			    STR("decision.strategy", "priority"))),
	/* 4 */
	SPAN(3, ROUTER, ROUTER_SCOPE, INTERNAL, "semantic_router.plugin.execution", 41000, 6000,
	     .attrs = ATTRS(STR("plugin.type", "response_cache"), STR("plugin.decision", "math"),
			    BOOL("cache.hit", false), INT("cache.lookup_time_ms", 6),
			    DOUBLE("cache.threshold", 0.8), STR("category.name", "math"),
			    STR("plugin.status", "success"), INT("plugin.latency_ms", 6),
			    STR("plugin.result", "cache_miss"))),
	/* 5 */
	SPAN(4, ROUTER, ROUTER_SCOPE, INTERNAL, "semantic_router.rag.retrieval", 48000, 12000,
	     .attrs = ATTRS(STR("rag.backend", "milvus"), STR("rag.decision", "math"),
			    INT("rag.top_k", 5), DOUBLE("rag.similarity_threshold", 0.7),
			    SECONDS("rag.latency_seconds", 0.012), BOOL("rag.success", true),
			    INT("rag.context_length", 2048)),
	     .status = STATUS_CODE_OK, .status_message = "Retrieval successful"),
	/* 6 */
	SPAN(4, ROUTER, ROUTER_SCOPE, INTERNAL, "semantic_router.decision.evaluation", 61000, 100,
	     .attrs = ATTRS(
		     STR("decision.name", "math"), STR("routing.strategy", "auto"),
		     STR("routing.reason", "decision_engine_evaluation"),
		     STR("routing.original_model", "auto"), STR("routing.selected_model", MODEL),
		     BOOL("model.reasoning_enabled", true), STR("model.reasoning_effort", "medium"),
		     STRS("decision.matched_rules", 0, NULL), STR("decision.strategy", "auto"))),
	/* 7 */
	SPAN(6, ROUTER, ROUTER_SCOPE, INTERNAL, "semantic_router.plugin.execution", 62000, 200,
	     .attrs = ATTRS(STR("plugin.type", "system_prompt"), STR("plugin.decision", "math"),
			    BOOL("system_prompt.injected", true),
			    STR("system_prompt.mode", "insert"), STR("category.name", "math"),
			    STR("plugin.status", "success"), INT("plugin.latency_ms", 0),
			    STR("plugin.result", "prompt_injected"))),
	/* 8 */
	SPAN(7, ROUTER, ROUTER_SCOPE, CLIENT, "semantic_router.upstream.request", 63000, 420000,
	     .attrs = ATTRS(STR("model.name", MODEL), STR("endpoint.address", "10.244.2.9:8000"),
			    INT("http.status_code", 200))),
	/* 9 */
	SPAN(8, ENGINE, VLLM, SERVER, "llm_request", 65000, 1900000,
	     .attrs = ATTRS(REQUEST_ID("gen_ai.request.id", "chatcmpl-"),
			    PROMPT_TOKENS("gen_ai.usage.prompt_tokens", 348),
			    OUTPUT_TOKENS("gen_ai.usage.completion_tokens", 96),
			    INT("gen_ai.request.max_tokens", 512), INT("gen_ai.request.n", 1),
			    DOUBLE("gen_ai.request.top_p", 0.9),
			    SECONDS("gen_ai.latency.time_to_first_token", 0.412),
			    SECONDS("gen_ai.latency.e2e", 1.9),
			    SECONDS("gen_ai.latency.time_in_queue", 0.0031),
			    SECONDS("gen_ai.latency.time_in_model_prefill", 0.4089),
			    SECONDS("gen_ai.latency.time_in_model_decode", 1.488),
			    SECONDS("gen_ai.latency.time_in_model_inference", 1.8969))),
};

const struct example_trace example_semantic_router = {
	.name = "semantic-router",
	.description = "a request that the vLLM Semantic Router classifies and sends to an engine",
	.services = services,
	.scopes = scopes,
	.spans = spans,
	.service_count = ARRAY_COUNT(services),
	.scope_count = ARRAY_COUNT(scopes),
	.span_count = ARRAY_COUNT(spans),
};
