/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a vLLM server says by itself. A plain request is one span, without model name and without
 * temperature when that was 0. With FastAPI instrumentation each Prometheus scrape of /metrics adds
 * four spans, or six when it comes through llm-d's routing proxy: the noise that filters are for.
 */
#include "cmd/example_table.h"

static const struct example_scope engine_scope = {"vllm.tracing.otel", NULL, NULL};

static const struct example_service engine = {
	NULL, ATTRS(PYTHON_SDK, STR("service.name", "vllm-server"),
		    STR("vllm.instrumenting_module_name", "vllm.llm_engine"),
		    STR("vllm.process_id", "1234"))};

static const struct example_span request_span = {
	.kind = SPAN_KIND_SERVER,
	.name = "llm_request",
	.duration_us = 1530000,
	.attrs = ATTRS(REQUEST_ID("gen_ai.request.id", "chatcmpl-"),
		       PROMPT_TOKENS("gen_ai.usage.prompt_tokens", 12),
		       OUTPUT_TOKENS("gen_ai.usage.completion_tokens", 64),
		       INT("gen_ai.request.max_tokens", 64), INT("gen_ai.request.n", 1),
		       DOUBLE("gen_ai.request.top_p", 0.9),
		       SECONDS("gen_ai.latency.time_to_first_token", 0.081),
		       SECONDS("gen_ai.latency.e2e", 1.53),
		       SECONDS("gen_ai.latency.time_in_queue", 0.0004),
		       SECONDS("gen_ai.latency.time_in_model_prefill", 0.0806),
		       SECONDS("gen_ai.latency.time_in_model_decode", 1.448),
		       SECONDS("gen_ai.latency.time_in_model_inference", 1.5286)),
};

const struct example_trace example_vllm = {
	.name = "vllm",
	.description = "a request to a vLLM server that nobody else traces",
	.services = &engine,
	.scopes = &engine_scope,
	.spans = &request_span,
	.service_count = 1,
	.scope_count = 1,
	.span_count = 1,
};

/* ---- scrapes ---- */

enum { FASTAPI, PROXY }; /* services */
enum { ASGI, OTELHTTP }; /* scopes */

static const struct example_service scrape_services[] = {
	[FASTAPI] = {NULL, ATTRS(PYTHON_SDK, STR("telemetry.auto.version", "0.60b1"),
				 STR("service.name", "vllm-decode"))},
	[PROXY] = {"https://opentelemetry.io/schemas/1.37.0",
		   ATTRS(STR("service.name", "routing-proxy"), STR("service.version", "v0.10.0"))},
};

static const struct example_scope scrape_scopes[] = {
	[ASGI] = {"opentelemetry.instrumentation.fastapi", "0.60b1", NULL},
	[OTELHTTP] = {"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp", "0.68.0",
		      NULL},
};

/* Names of the old HTTP semantic conventions, which the instrumentation uses unless told. */
#define ASGI_SERVER(host, peer, port, agent)                                                       \
	ATTRS(STR("http.scheme", "http"), STR("http.host", host), INT("net.host.port", 8000),      \
	      STR("http.flavor", "1.1"), STR("http.target", "/metrics"),                           \
	      STR("http.url", "http://" host "/metrics"), STR("http.method", "GET"),               \
	      STR("http.server_name", host), STR("http.user_agent", agent),                        \
	      STR("net.peer.ip", peer), INT("net.peer.port", port), STR("http.route", "/metrics"), \
	      INT("http.status_code", 200))
#define ASGI_RECEIVE ATTRS(STR("asgi.event.type", "http.request"))
#define ASGI_START                                                                                 \
	ATTRS(STR("asgi.event.type", "http.response.start"), INT("http.status_code", 200))
#define ASGI_BODY ATTRS(STR("asgi.event.type", "http.response.body"))

#define PROMETHEUS "Prometheus/3.8.0"

static const struct example_span scrape_spans[] = {
	/* 1 */ SPAN(0, FASTAPI, ASGI, SERVER, "GET /metrics", 0, 4200,
		     .attrs = ASGI_SERVER("10.244.2.4:8000", "10.244.0.31", 51422, PROMETHEUS)),
	/* 2 */
	SPAN(1, FASTAPI, ASGI, INTERNAL, "GET /metrics http receive", 3300, 12,
	     .attrs = ASGI_RECEIVE),
	/* 3 */
	SPAN(1, FASTAPI, ASGI, INTERNAL, "GET /metrics http send", 3400, 90, .attrs = ASGI_START),
	/* 4 */
	SPAN(1, FASTAPI, ASGI, INTERNAL, "GET /metrics http send", 3600, 310, .attrs = ASGI_BODY),
};

static const struct example_span proxied_scrape_spans[] = {
	/* 1 */ SPAN(0, PROXY, OTELHTTP, SERVER, "llm_d.pd_proxy.GET /metrics", 0, 6100,
		     .attrs = ATTRS(
			     STR("http.request.method", "GET"), STR("url.scheme", "http"),
			     STR("url.path", "/metrics"), STR("server.address", "10.244.2.4"),
			     INT("server.port", 8000), STR("network.peer.address", "10.244.0.31"),
			     INT("network.peer.port", 51430), STR("client.address", "10.244.0.31"),
			     STR("user_agent.original", PROMETHEUS),
			     STR("network.protocol.version", "1.1"),
			     INT("http.response.status_code", 200),
			     INT("http.response.body.size", 48213))),
	/* 2 */
	SPAN(1, PROXY, OTELHTTP, CLIENT, "HTTP GET", 120, 5800,
	     .attrs = ATTRS(STR("http.request.method", "GET"),
			    STR("url.full", "http://localhost:8001/metrics"),
			    STR("server.address", "localhost"), INT("server.port", 8001),
			    STR("network.protocol.version", "1.1"),
			    INT("http.response.status_code", 200))),
	/* 3 */
	SPAN(2, FASTAPI, ASGI, SERVER, "GET /metrics", 900, 4200,
	     .attrs = ASGI_SERVER("localhost:8001", "127.0.0.1", 40112, PROMETHEUS)),
	/* 4 */
	SPAN(3, FASTAPI, ASGI, INTERNAL, "GET /metrics http receive", 4200, 12,
	     .attrs = ASGI_RECEIVE),
	/* 5 */
	SPAN(3, FASTAPI, ASGI, INTERNAL, "GET /metrics http send", 4300, 90, .attrs = ASGI_START),
	/* 6 */
	SPAN(3, FASTAPI, ASGI, INTERNAL, "GET /metrics http send", 4500, 310, .attrs = ASGI_BODY),
};

const struct example_trace example_scrape = {
	.name = "scrape",
	.description = "Prometheus scrapes an instrumented vLLM server: noise",
	.services = scrape_services,
	.scopes = scrape_scopes,
	.spans = scrape_spans,
	.service_count = ARRAY_COUNT(scrape_services),
	.scope_count = ARRAY_COUNT(scrape_scopes),
	.span_count = ARRAY_COUNT(scrape_spans),
};

const struct example_trace example_proxied_scrape = {
	.name = "proxied-scrape",
	.description = "the same scrape through llm-d's routing proxy: more noise",
	.services = scrape_services,
	.scopes = scrape_scopes,
	.spans = proxied_scrape_spans,
	.service_count = ARRAY_COUNT(scrape_services),
	.scope_count = ARRAY_COUNT(scrape_scopes),
	.span_count = ARRAY_COUNT(proxied_scrape_spans),
};
