/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One chat completion served by llm-d with prefill and decode on different pods: gateway and
 * endpoint picker, routing proxy beside the decode engine, both vLLM engines. Two facts look wrong
 * and are real: `decode` is a child of `prefill` and outlives it, and both engines report the full
 * prompt (the prefill leg runs with max_tokens = 1).
 */
#include "cmd/example_table.h"

enum { EPP, PROXY, PREFILL, DECODE };
enum { HANDLERS, CONTROL, PLUGINS, SCHEDULING, SIDECAR, OTELHTTP, VLLM };

#define MODEL "meta-llama/Llama-3.1-8B-Instruct"
#define PREFILL_POD "10.244.1.17"
#define ROUTER_VERSION "v0.10.0"
#define ROUTER_SCHEMA "https://opentelemetry.io/schemas/1.37.0"

#define POD(node, pod)                                                                             \
	STR("k8s.namespace.name", "llm-d"), STR("k8s.node.name", node), STR("k8s.pod.name", pod)
#define ENGINE(service, pod)                                                                       \
	PYTHON_SDK, STR("service.name", service),                                                  \
		STR("vllm.instrumenting_module_name", "vllm.llm_engine"),                          \
		STR("vllm.process_id", "1"), STR("k8s.pod.name", pod)

static const struct example_service services[] = {
	[EPP] = {ROUTER_SCHEMA,
		 ATTRS(STR("service.name", "llm-d-router/epp"),
		       STR("service.version", ROUTER_VERSION), POD("node-a", "epp-5d9c7b-x2x4k"))},
	[PROXY] = {ROUTER_SCHEMA,
		   ATTRS(STR("service.name", "routing-proxy"),
			 STR("service.version", ROUTER_VERSION), POD("node-b", "decode-0"))},
	[PREFILL] = {NULL, ATTRS(ENGINE("vllm-prefill", "prefill-1"))},
	[DECODE] = {NULL, ATTRS(ENGINE("vllm-decode", "decode-0"))},
};

#define COMMIT ATTRS(STR("commit-sha", "3f6d1c2a9b04"))

static const struct example_scope scopes[] = {
	[HANDLERS] = {"llm-d-router/pkg/epp/handlers", ROUTER_VERSION, COMMIT},
	[CONTROL] = {"llm-d-router/pkg/epp/requestcontrol", ROUTER_VERSION, COMMIT},
	[PLUGINS] = {"llm-d-router/pkg/epp/framework/plugins/scheduling", ROUTER_VERSION, COMMIT},
	[SCHEDULING] = {"llm-d-router/pkg/epp/scheduling", ROUTER_VERSION, COMMIT},
	[SIDECAR] = {"llm-d-router/pkg/sidecar/proxy", ROUTER_VERSION, COMMIT},
	[OTELHTTP] = {"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp", "0.68.0",
		      NULL},
	[VLLM] = {"vllm.tracing.otel", NULL, NULL},
};

#define REQUEST STR("gen_ai.request.model", MODEL), REQUEST_ID("gen_ai.request.id", "")
#define TEXT_ONLY STR("mm.modality", "none"), INT("mm.hash_count", 0)
#define PROFILE(decision)                                                                          \
	ATTRS(REQUEST, TEXT_ONLY, STR("llm_d.epp.profile_handler.decision", decision))
#define RUN(profile) ATTRS(STR("llm_d.epp.scheduling.profile.name", profile))
#define FILTER(before, after)                                                                      \
	ATTRS(REQUEST, INT("llm_d.epp.filter.candidate_endpoints", before),                        \
	      INT("llm_d.epp.filter.filtered_endpoints", after))
#define SCORING(candidates)                                                                        \
	ATTRS(REQUEST, INT("llm_d.epp.scorer.count", 1),                                           \
	      INT("llm_d.epp.scoring.candidate_endpoints", candidates))
#define SCORER(type, candidates, max, avg)                                                         \
	ATTRS(STR("llm_d.epp.scorer.type", type), STR("llm_d.epp.scorer.name", type),              \
	      DOUBLE("llm_d.epp.scorer.weight", 1.0),                                              \
	      INT("llm_d.epp.scorer.candidate_endpoints", candidates),                             \
	      DOUBLE("llm_d.epp.scorer.score.max", max),                                           \
	      DOUBLE("llm_d.epp.scorer.score.avg", avg),                                           \
	      INT("llm_d.epp.scorer.endpoints_scored", candidates))
#define PREPARE                                                                                    \
	ATTRS(REQUEST, TEXT_ONLY, BOOL("llm_d.epp.pd.disaggregation_used", true),                  \
	      STR("llm_d.epp.pd.prefill_pod_address", PREFILL_POD),                                \
	      STR("llm_d.epp.pd.prefill_pod_port", "8000"),                                        \
	      BOOL("llm_d.epp.encode.disaggregation_used", false),                                 \
	      STR("llm_d.epp.encode.reason", "no_encode_profile_result"))
#define HTTP_CLIENT(url, host, port)                                                               \
	ATTRS(STR("http.request.method", "POST"), STR("url.full", url),                            \
	      STR("server.address", host), INT("server.port", port),                               \
	      STR("network.protocol.version", "1.1"), INT("http.response.status_code", 200))
#define GENERATION(prompt, output, limit)                                                          \
	REQUEST_ID("gen_ai.request.id", "chatcmpl-"),                                              \
		PROMPT_TOKENS("gen_ai.usage.prompt_tokens", prompt),                               \
		OUTPUT_TOKENS("gen_ai.usage.completion_tokens", output),                           \
		INT("gen_ai.request.max_tokens", limit), INT("gen_ai.request.n", 1),               \
		DOUBLE("gen_ai.request.temperature", 0.7), DOUBLE("gen_ai.request.top_p", 1.0)
#define LATENCY(ttft, e2e, queue, prefill, decode, inference)                                      \
	SECONDS("gen_ai.latency.time_to_first_token", ttft), SECONDS("gen_ai.latency.e2e", e2e),   \
		SECONDS("gen_ai.latency.time_in_queue", queue),                                    \
		SECONDS("gen_ai.latency.time_in_model_prefill", prefill),                          \
		SECONDS("gen_ai.latency.time_in_model_decode", decode),                            \
		SECONDS("gen_ai.latency.time_in_model_inference", inference)

static const struct example_attr *const proxy_request =
	ATTRS(STR("http.request.method", "POST"), STR("url.scheme", "http"),
	      STR("url.path", "/v1/chat/completions"), STR("server.address", "10.244.2.4"),
	      INT("server.port", 8000), STR("network.peer.address", "10.244.0.12"),
	      INT("network.peer.port", 41822), STR("client.address", "203.0.113.7"),
	      STR("user_agent.original", "OpenAI/Python 2.8.0"),
	      STR("network.protocol.version", "1.1"), INT("http.request.body.size", 8912),
	      INT("http.response.body.size", 51244), INT("http.response.status_code", 200));

static const struct example_span spans[] = {
	/* 1 */ SPAN(0, EPP, HANDLERS, SERVER, "gateway.request", 0, 3146000, .attrs = NULL),
	/* 2 */
	SPAN(1, EPP, CONTROL, SERVER, "gateway.request_orchestration", 1000, 295,
	     .attrs = ATTRS(STR("target_model", MODEL), INT("request_prio", 0))),
	/* 3 */
	SPAN(2, EPP, PLUGINS, INTERNAL, "pick_disagg_profile", 1020, 4,
	     .attrs = PROFILE("run_decode")),
	/* 4 */
	SPAN(2, EPP, SCHEDULING, INTERNAL, "run_scheduler_profile", 1030, 36,
	     .attrs = RUN("decode")),
	/* 5 */
	SPAN(4, EPP, SCHEDULING, INTERNAL, "filter_endpoints", 1031, 7, .attrs = FILTER(3, 1)),
	/* 6 */
	SPAN(4, EPP, SCHEDULING, INTERNAL, "llm_d.epp.scoring", 1040, 13, .attrs = SCORING(1)),
	/* 7 */
	SPAN(6, EPP, SCHEDULING, INTERNAL, "llm_d.epp.scorer.active-request-scorer", 1043, 7,
	     .attrs = SCORER("active-request-scorer", 1, 1.0, 1.0)),
	/* 8 */
	SPAN(4, EPP, SCHEDULING, INTERNAL, "pick_endpoints", 1055, 6,
	     .attrs = ATTRS(REQUEST, INT("llm_d.epp.picker.candidate_endpoints", 1),
			    STRS("llm_d.epp.picker.top_endpoints", 1, "llm-d/decode-0"),
			    DOUBLES("llm_d.epp.picker.top_scores", 1, 1.0))),
	/* 9 */
	SPAN(2, EPP, PLUGINS, INTERNAL, "pick_disagg_profile", 1070, 3,
	     .attrs = PROFILE("run_prefill")),
	/* 10 */
	SPAN(2, EPP, SCHEDULING, INTERNAL, "run_scheduler_profile", 1080, 29,
	     .attrs = RUN("prefill")),
	/* 11 */
	SPAN(10, EPP, SCHEDULING, INTERNAL, "filter_endpoints", 1081, 9, .attrs = FILTER(3, 2)),
	/* 12 */
	SPAN(10, EPP, SCHEDULING, INTERNAL, "llm_d.epp.scoring", 1092, 11, .attrs = SCORING(2)),
	/* 13 */
	SPAN(12, EPP, SCHEDULING, INTERNAL, "llm_d.epp.scorer.token-load-scorer", 1094, 7,
	     .attrs = SCORER("token-load-scorer", 2, 0.91, 0.44)),
	/* 14 */
	SPAN(10, EPP, SCHEDULING, INTERNAL, "pick_endpoints", 1105, 2,
	     .attrs = ATTRS(REQUEST, INT("llm_d.epp.picker.candidate_endpoints", 2),
			    STRS("llm_d.epp.picker.top_endpoints", 2, "llm-d/prefill-1",
				 "llm-d/prefill-0"),
			    DOUBLES("llm_d.epp.picker.top_scores", 2, 0.91, 0.0))),
	/* 15 */
	SPAN(2, EPP, PLUGINS, INTERNAL, "pick_disagg_profile", 1115, 4,
	     .attrs = PROFILE("complete_prefill-decode")),
	/* 16 */
	SPAN(2, EPP, PLUGINS, INTERNAL, "prepare_disaggregation", 1125, 5, .attrs = PREPARE),
	/* 17 */
	SPAN(2, EPP, PLUGINS, INTERNAL, "prepare_disaggregation", 1135, 2, .attrs = PREPARE),
	/* 18 */
	SPAN(1, PROXY, OTELHTTP, SERVER, "llm_d.pd_proxy.POST /v1/chat/completions", 3000, 3142000,
	     .attrs = proxy_request),
	/* 19 */
	SPAN(18, PROXY, SIDECAR, SERVER, "forward_request", 3050, 3141900,
	     .attrs = ATTRS(STR("llm_d.pd_proxy.connector", "nixlv2"),
			    STR("llm_d.pd_proxy.kv_connector", "nixlv2"),
			    STR("llm_d.pd_proxy.ec_connector", ""),
			    STR("llm_d.pd_proxy.request_path", "/v1/chat/completions"),
			    STR("llm_d.openai.api", "chat_completions"),
			    BOOL("llm_d.pd_proxy.disaggregation_used", true),
			    STR("llm_d.pd_proxy.prefill_target", PREFILL_POD ":8000"),
			    INT("llm_d.pd_proxy.prefill_candidates", 1))),
	/* 20 */
	SPAN(19, PROXY, SIDECAR, INTERNAL, "prefill", 3400, 49900,
	     .attrs = ATTRS(REQUEST_ID("llm_d.pd_proxy.request_id", ""),
			    STR("llm_d.pd_proxy.prefill_target", PREFILL_POD ":8000"),
			    STR("llm_d.pd_proxy.connector", "nixlv2"),
			    INT("llm_d.pd_proxy.prefill.status_code", 200),
			    WHOLE_MS("llm_d.pd_proxy.prefill.duration_ms", 49.0))),
	/* 21 */
	SPAN(20, PROXY, OTELHTTP, CLIENT, "HTTP POST", 3450, 49800,
	     .attrs = HTTP_CLIENT("http://" PREFILL_POD ":8000/v1/chat/completions", PREFILL_POD,
				  8000)),
	/* 22 */
	SPAN(21, PREFILL, VLLM, SERVER, "llm_request", 4700, 47700,
	     .attrs = ATTRS(GENERATION(2071, 1, 1),
			    LATENCY(0.0459, 0.0477, 0.0008, 0.0449, 0.0, 0.0449))),
	/* 23 */
	SPAN(20, PROXY, SIDECAR, INTERNAL, "decode", 53500, 3091300,
	     .attrs = ATTRS(REQUEST_ID("llm_d.pd_proxy.request_id", ""),
			    STR("llm_d.pd_proxy.connector", "nixlv2"),
			    BOOL("llm_d.pd_proxy.decode.streaming", true),
			    BOOL("llm_d.pd_proxy.decode.data_parallel", false),
			    STR("llm_d.pd_proxy.decode.target", "localhost:8001"),
			    WHOLE_MS("llm_d.pd_proxy.decode.duration_ms", 3091.0),
			    WHOLE_MS("llm_d.pd_proxy.total_duration_ms", 3141.0),
			    WHOLE_MS("llm_d.pd_proxy.true_ttft_ms", 50.0),
			    WHOLE_MS("llm_d.pd_proxy.prefill_duration_ms", 49.0),
			    WHOLE_MS("llm_d.pd_proxy.decode_duration_ms", 3091.0),
			    WHOLE_MS("llm_d.pd_proxy.coordinator_overhead_ms", 0.0))),
	/* 24 */
	SPAN(23, PROXY, OTELHTTP, CLIENT, "HTTP POST", 53600, 3091100,
	     .attrs = HTTP_CLIENT("http://localhost:8001/v1/chat/completions", "localhost", 8001)),
	/* 25 */
	SPAN(24, DECODE, VLLM, SERVER, "llm_request", 54700, 3089800,
	     .attrs = ATTRS(GENERATION(2071, 200, 200),
			    LATENCY(0.343, 3.0898, 0.322, 0.0205, 2.746, 2.767))),
};

const struct example_trace example_llmd = {
	.name = "llm-d",
	.description = "a chat completion through llm-d, prefill and decode on different pods",
	.services = services,
	.scopes = scopes,
	.spans = spans,
	.service_count = ARRAY_COUNT(services),
	.scope_count = ARRAY_COUNT(scopes),
	.span_count = ARRAY_COUNT(spans),
};
