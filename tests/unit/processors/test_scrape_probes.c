/* SPDX-License-Identifier: Apache-2.0 */
/* The probes of Kubernetes, Prometheus, gRPC, MCP, engines and gateways, in every spelling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "pipeline/trace/otlp/builder.h"
#include "tests/support/scrape_case.h"
#include "tests/support/trace_wire.h"

/* Whether a span of ${name} with the attributes ${attrs} (keys and values in turn) goes. */
static bool is_noise(struct processor_bench *bench, const char *name, const char *const *attrs)
{
	struct buf body = BUF_INIT, span = BUF_INIT;
	tw_text(&span, SPAN_NAME, name);
	tw_varint(&span, SPAN_KIND, SPAN_KIND_SERVER);
	for (; attrs && attrs[0]; attrs += 2)
		tw_attr_text(&span, SPAN_ATTRIBUTES, attrs[0], attrs[1]);
	tw_request_of_span(&body, buf_slice(&span));
	assert_int_equal(processor_bench_run(bench, buf_slice(&body)), OUTCOME_TAKEN);
	buf_fini(&body);
	buf_fini(&span);
	return bench_span_count(bench) == 0;
}

#define AS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void check_path(struct processor_bench *bench, const char *path, bool noise)
{
	char slash[128], url[160], get[160], head[160], event[160], query[160];
	(void)snprintf(slash, sizeof(slash), "%s/", path);
	(void)snprintf(url, sizeof(url), "http://10.0.0.7:8000%s?probe=1", path);
	(void)snprintf(query, sizeof(query), "%s?verbose", path);
	(void)snprintf(get, sizeof(get), "GET %s", path);
	(void)snprintf(head, sizeof(head), "HEAD %s", path);
	(void)snprintf(event, sizeof(event), "GET %s http send", path);
	const struct {
		const char *name;
		const char *const *attrs;
	} spellings[] = {
		{"GET", AS("url.path", path)},
		{"GET", AS("http.request.method", "GET", "url.path", slash)},
		{"HEAD", AS("http.request.method", "HEAD", "http.route", path)},
		{"GET", AS("http.method", "GET", "http.target", query)},
		{"GET", AS("http.method", "GET", "http.url", url)},
		{"GET", AS("url.full", url)},
		{get, NULL},
		{head, NULL},
		{event, NULL},
	};
	for (size_t i = 0; i < ARRAY_COUNT(spellings); i++) {
		if (is_noise(bench, spellings[i].name, spellings[i].attrs) != noise)
			fail_msg("%s %s by spelling %zu", path, noise ? "stays" : "goes", i);
	}
	/* Who writes to it wants something. */
	if (is_noise(bench, "POST", AS("http.request.method", "POST", "url.path", path)))
		fail_msg("POST %s goes", path);
}

static void scrapes_and_probes_go_by_their_path(void **state)
{
	static const char *const noise[] = {
		/* Kubernetes and frameworks */
		"/live", "/ready", "/livez", "/readyz", "/healthz", "/liveness", "/readiness",
		"/healthz/ready", "/healthz/live", "/livez/ping", "/readyz/shutdown", "/health",
		"/health/live", "/health/ready", "/health/liveness", "/health/startup",
		"/actuator/health", "/actuator/health/liveness", "/actuator/health/readiness",
		"/q/health", "/q/health/live",
		/* Prometheus */
		"/metrics", "/prometheus", "/prometheus/metrics", "/actuator/prometheus",
		"/q/metrics", "/-/healthy", "/-/ready",
		/* SGLang, vLLM, Triton, LiteLLM */
		"/health_generate", "/ping", "/load", "/version", "/v2/health/live",
		"/v2/health/ready", "/v2/models/llama/ready", "/v2/models/llama/versions/1/ready",
		"/health/liveliness", "/health/readiness"};
	static const char *const requests[] = {"/",
					       "/v1/models",
					       "/v1/chat/completions",
					       "/v2/models/llama/infer",
					       "/v2/models",
					       "/v2",
					       "/health/records/17",
					       "/healthy",
					       "/ready/17",
					       "/livestream",
					       "/generate",
					       "/actuator/env",
					       "/-/reload",
					       "/api/metrics",
					       "/health_generate/17",
					       "/metricsx"};
	struct processor_bench bench;
	(void)state;
	processor_bench_open(&bench, (const char *const[]){"scrape_filter", "", NULL});
	for (size_t i = 0; i < ARRAY_COUNT(noise); i++)
		check_path(&bench, noise[i], true);
	for (size_t i = 0; i < ARRAY_COUNT(requests); i++)
		check_path(&bench, requests[i], false);
	processor_bench_close(&bench);
}

static void check_rpc(struct processor_bench *bench, const char *service, const char *method,
		      bool noise)
{
	char full[128], dotted[128], slash[160], post[160], url[192], received[160], sent[160];
	(void)snprintf(full, sizeof(full), "%s/%s", service, method);
	(void)snprintf(slash, sizeof(slash), "/%s", full);
	(void)snprintf(post, sizeof(post), "POST /%s", full);
	(void)snprintf(url, sizeof(url), "http://10.0.0.7:9003/%s", full);
	(void)snprintf(dotted, sizeof(dotted), "%s.%s", service, method);
	(void)snprintf(received, sizeof(received), "Recv.%s", dotted);
	(void)snprintf(sent, sizeof(sent), "Sent.%s", dotted);
	const struct {
		const char *name;
		const char *const *attrs;
	} spellings[] = {
		{"x", AS("rpc.system", "grpc", "rpc.service", service, "rpc.method", method)},
		{"x", AS("rpc.system.name", "grpc", "rpc.method", full)},
		{"x", AS("rpc.method", slash)},
		{"x", AS("rpc.service", service, "rpc.method", full)},
		{"x", AS("grpc.method", slash)},
		{full, NULL},
		{slash, NULL},
		{post, NULL},
		{dotted, NULL},
		{received, NULL},
		{sent, NULL},
		{full, AS("rpc.method", method)},
		{"POST", AS("http.request.method", "POST", "url.path", slash)},
		{post, AS("http.method", "POST", "http.route", slash)},
		{"ingress", AS("http.method", "POST", "http.url", url)},
	};
	for (size_t i = 0; i < ARRAY_COUNT(spellings); i++) {
		if (is_noise(bench, spellings[i].name, spellings[i].attrs) != noise)
			fail_msg("%s %s by spelling %zu", full, noise ? "stays" : "goes", i);
	}
}

static void probes_go_by_their_procedure(void **state)
{
	static const char *const noise[][2] = {
		{"grpc.health.v1.Health", "Check"},
		{"grpc.health.v1.Health", "Watch"},
		{"grpc.health.v1.Health", "List"},
		{"inference.GRPCInferenceService", "ServerLive"},
		{"inference.GRPCInferenceService", "ServerReady"},
		{"inference.GRPCInferenceService", "ModelReady"},
		{"org.pytorch.serve.grpc.openinference.GRPCInferenceService", "ServerReady"},
	};
	static const char *const requests[][2] = {
		{"inference.GRPCInferenceService", "ModelInfer"},
		{"acme.Health", "Check"},
		{"acme.grpc.health.v1.Health", "Check"},
		{"grpc.health.v1.HealthX", "Check"},
		{"envoy.service.ext_proc.v3.ExternalProcessor", "Process"},
	};
	struct processor_bench bench;
	(void)state;
	processor_bench_open(&bench, (const char *const[]){"scrape_filter", "", NULL});
	for (size_t i = 0; i < ARRAY_COUNT(noise); i++)
		check_rpc(&bench, noise[i][0], noise[i][1], true);
	for (size_t i = 0; i < ARRAY_COUNT(requests); i++)
		check_rpc(&bench, requests[i][0], requests[i][1], false);
	assert_true(is_noise(&bench, "x", AS("rpc.service", "grpc.health.v1.Health")));
	/* MCP's ping has no service. */
	assert_true(is_noise(&bench, "ping", AS("mcp.method.name", "ping")));
	assert_true(is_noise(&bench, "Ping", AS("mcp.method.name", "ping")));
	assert_false(is_noise(&bench, "ping", NULL));
	assert_false(is_noise(&bench, "tools/call ping", AS("mcp.method.name", "tools/call")));
	assert_false(is_noise(&bench, "x", AS("rpc.method", "Check")));
	assert_false(is_noise(&bench, "x", AS("rpc.service", "grpc.health.v1")));
	processor_bench_close(&bench);
}

static void hostile_names_of_procedures_are_none(void **state)
{
	static char long_name[4096];
	struct processor_bench bench;
	(void)state;
	memset(long_name, 'a', sizeof(long_name) - 1);
	processor_bench_open(&bench, (const char *const[]){"scrape_filter", "", NULL});
	assert_false(is_noise(&bench, long_name, AS("rpc.method", long_name)));
	assert_false(is_noise(&bench, "/", AS("rpc.service", "", "rpc.method", "/")));
	assert_false(is_noise(&bench, ".", AS("rpc.service", long_name, "rpc.method", long_name)));
	assert_false(is_noise(&bench, "", AS("rpc.service", "", "rpc.method", "")));
	assert_false(is_noise(&bench, "//", AS("rpc.service", "/", "url.path", "//")));
	processor_bench_close(&bench);
}

/* ---- probes that let the model say a word ---- */

static const struct scrape_case generating[] = {
	{"what such a probe generates goes, protected or not",
	 "",
	 "",
	 NULL,
	 {ROW(0, 0, SERVER, "GET /health_generate", PLAIN),
	  ROW(0, 1, INTERNAL, "GET /health_generate http receive", PLAIN),
	  ROW(0, 1, INTERNAL, "generate", PLAIN), ROW(0, 3, SERVER, "llm_request", PLAIN),
	  ROW(0, 4, INTERNAL, "semantic_router.x", PLAIN)}},
	{"by its path, seen from its client",
	 "",
	 "prober<- ",
	 NULL,
	 {ROW(0, 0, INTERNAL, "prober", PLAIN),
	  ROW(0, 1, CLIENT, "GET", PATH("url.full", "http://sglang:30000/health_generate")),
	  ROW(0, 2, SERVER, "GET", PATH("http.route", "/health_generate")),
	  ROW(0, 3, SERVER, "llm_request", PLAIN)}},
	{"a protected span that is the probe itself goes, too",
	 "",
	 "",
	 NULL,
	 {ROW(0, 0, SERVER, "gateway.request", PATH("http.path", "/health_generate")),
	  ROW(0, 1, SERVER, "llm_request", PLAIN)}},
	{"children in a later request go",
	 "",
	 "",
	 NULL,
	 {ROW(0, 0, SERVER, "GET /health_generate", PLAIN),
	  ROW(1, 1, SERVER, "llm_request", PLAIN)}},
	{"grandchildren in still later ones, over spans that went for another reason",
	 "",
	 "",
	 NULL,
	 {ROW(0, 0, SERVER, "GET /health_generate", PLAIN), ROW(1, 1, INTERNAL, "generate", PLAIN),
	  ROW(1, 2, CLIENT, "GET /ping", PLAIN), ROW(2, 3, SERVER, "llm_request", PLAIN),
	  ROW(3, 2, SERVER, "llm_request", PLAIN)}},
	{"without closure, too",
	 "closure: false",
	 "",
	 NULL,
	 {ROW(0, 0, SERVER, "GET /health_generate", PLAIN), ROW(0, 1, INTERNAL, "generate", PLAIN),
	  ROW(0, 2, SERVER, "llm_request", PLAIN), ROW(1, 2, SERVER, "llm_request", PLAIN)}},
	{"requests of the same trace stay, and protect nothing of the probe",
	 "",
	 "app<- llm_request<app ",
	 NULL,
	 {ROW(0, 0, INTERNAL, "app", PLAIN), ROW(0, 1, SERVER, "llm_request", PLAIN),
	  ROW(0, 1, CLIENT, "GET /health", PLAIN), ROW(0, 3, INTERNAL, "handler", PLAIN),
	  ROW(0, 4, CLIENT, "GET /health_generate", PLAIN),
	  ROW(0, 5, SERVER, "llm_request", PLAIN)}},
	{"other probes leave the generations below them",
	 "",
	 "llm_request<- ",
	 NULL,
	 {ROW(0, 0, SERVER, "GET /health", PLAIN), ROW(0, 1, SERVER, "llm_request", PLAIN)}},
	{"a POST is no probe",
	 "",
	 "POST<- llm_request<POST ",
	 NULL,
	 {ROW(0, 0, SERVER, "POST",
	      .attrs = ATTRS(STR("url.path", "/health_generate"),
			     STR("http.request.method", "POST"))),
	  ROW(0, 1, SERVER, "llm_request", PLAIN)}},
	{"kept, it is an ordinary request",
	 "keep_paths: [/health_generate]",
	 "GET /health_generate<- llm_request<GET /health_generate ",
	 NULL,
	 {ROW(0, 0, SERVER, "GET /health_generate", PLAIN),
	  ROW(0, 1, SERVER, "llm_request", PLAIN)}},
	{"more of them",
	 "generating_paths: [/warmup/*]",
	 "",
	 NULL,
	 {ROW(0, 0, SERVER, "GET /warmup/decode", PLAIN), ROW(0, 1, SERVER, "llm_request", PLAIN),
	  ROW(1, 1, SERVER, "llm_request", PLAIN)}},
};

static const struct scrape_case options[] = {
	{"more procedures",
	 "rpcs: [acme.Engine/HealthCheck, acme.Probe/*]",
	 "acme.Engine/Generate<- ",
	 NULL,
	 {ROW(0, 0, SERVER, "acme.Engine/HealthCheck", PLAIN),
	  ROW(0, 0, SERVER, "acme.Engine/Generate", PLAIN),
	  ROW(0, 0, SERVER, "x", PATH("rpc.method", "acme.Probe/Look"))}},
	{"no procedures by default",
	 "default_rpcs: false",
	 "grpc.health.v1.Health/Check<- ping<- ",
	 NULL,
	 {ROW(0, 0, SERVER, "grpc.health.v1.Health/Check", PLAIN),
	  ROW(0, 0, SERVER, "ping", PATH("mcp.method.name", "ping")),
	  ROW(0, 0, SERVER, "GET /metrics", PLAIN)}},
	{"a path of a pattern of the default list is kept",
	 "keep_paths: [/v2/health/ready, /ready/]",
	 "GET /v2/health/ready<- GET /ready<- ",
	 NULL,
	 {ROW(0, 0, SERVER, "GET /v2/health/ready", PLAIN),
	  ROW(0, 0, SERVER, "GET /v2/health/live", PLAIN), ROW(0, 0, SERVER, "GET /ready", PLAIN)}},
};

static void a_generation_that_a_probe_makes_is_none(void **state)
{
	bool good = true;
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(generating); i++)
		good &= scrape_case_run(&generating[i]);
	assert_true(good);
}

static void the_lists_can_be_changed(void **state)
{
	bool good = true;
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(options); i++)
		good &= scrape_case_run(&options[i]);
	assert_true(good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scrapes_and_probes_go_by_their_path),
		cmocka_unit_test(probes_go_by_their_procedure),
		cmocka_unit_test(hostile_names_of_procedures_are_none),
		cmocka_unit_test(a_generation_that_a_probe_makes_is_none),
		cmocka_unit_test(the_lists_can_be_changed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
