/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cases: rows of one trace, where the service of a row is the request that it comes with, and what
 * attributes are expected on the spans that leave. Values are written with their types: "int 5",
 * "string x", "" for absent; keys in capitals are fields: NAME, PARENT (the parent's name).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cmd/example_table.h"
#include "pipeline/base/clock.h"
#include "pipeline/trace/builder.h"
#include "processors/langfuse/keys.h"
#include "tests/support/langfuse_bench.h"
#include "tests/support/llmd_fixtures.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROWS_MAX = 12, CHECKS_MAX = 14, REQUESTS_MAX = 4, CASES_START_S = 1767225600 };

static const struct example_service plain_services[REQUESTS_MAX] = {
	{NULL, ATTRS(STR("service.name", "app"))},
	{NULL, ATTRS(STR("service.name", "app"))},
	{NULL, ATTRS(STR("service.name", "app"))},
	{NULL, ATTRS(STR("service.name", "app"))}};

enum { APP, VLLM, EPP, ROUTER };
static const struct example_scope scopes[] = {[APP] = {"my.app", NULL, NULL},
					      [VLLM] = {"vllm.tracing.otel", NULL, NULL},
					      [EPP] = {"llm-d-router/pkg/epp", NULL, NULL},
					      [ROUTER] = {"semantic-router", NULL, NULL}};

#define ROW(request, parent, scope, name, ...)                                                     \
	SPAN(parent, request, scope, INTERNAL, name, 0, 1000000, .attrs = ATTRS(__VA_ARGS__))
#define NO_ATTRS                                                                                   \
	{                                                                                          \
		.key = NULL                                                                        \
	}

#define MODEL(name) STR("gen_ai.request.model", name)
#define TOKENS(in, out)                                                                            \
	INT("gen_ai.usage.prompt_tokens", in), INT("gen_ai.usage.completion_tokens", out)
#define TYPE "langfuse.observation.type"
#define USAGE "langfuse.observation.usage_details"
#define COST "langfuse.observation.cost_details"
#define MODEL_NAME "langfuse.observation.model.name"
#define PARAMETERS "langfuse.observation.model.parameters"
#define START "langfuse.observation.completion_start_time"
#define META "langfuse.observation.metadata."

struct check {
	const char *span, *key, *expected;
};

struct langfuse_case {
	const char *what, *yaml;
	struct example_span rows[ROWS_MAX];
	struct check checks[CHECKS_MAX];
	const struct example_service *services; /* NULL: plain */
};

static const struct langfuse_case cases[] = {
	/* the ten vectors */
	{"v2: a vLLM span becomes a generation",
	 "models: {app: gpt-4o}",
	 {ROW(0, 0, VLLM, "llm_request", TOKENS(100, 20),
	      DOUBLE("gen_ai.latency.time_to_first_token", 0.25), STR("gen_ai.request.id", "r-1"),
	      DOUBLE("gen_ai.request.top_p", 0.9), INT("gen_ai.request.max_tokens", 64),
	      DOUBLE("gen_ai.request.temperature", 0.7), INT("gen_ai.request.n", 1))},
	 {{"llm_request", TYPE, "string generation"},
	  {"llm_request", MODEL_NAME, "string gpt-4o"},
	  {"llm_request", USAGE, "string {\"input\":100,\"output\":20,\"total\":120}"},
	  {"llm_request", START, "string 2026-01-01T00:00:00.250Z"},
	  {"llm_request", PARAMETERS,
	   "string {\"max_tokens\":64,\"temperature\":0.7,\"top_p\":0.9}"}},
	 NULL},
	{"v3: seed names of user, session and tags",
	 "",
	 {ROW(0, 0, APP, "a", STR("langfuse.trace.user_id", "u"),
	      STR("langfuse.trace.session_id", "s"), STR("langfuse.trace.tags", "a, b,,c"))},
	 {{"a", "langfuse.user.id", "string u"},
	  {"a", "langfuse.session.id", "string s"},
	  {"a", "langfuse.trace.user_id", ""},
	  {"a", "langfuse.trace.session_id", ""},
	  {"a", "langfuse.trace.tags", "array [\"a\",\"b\",\"c\"]"}},
	 NULL},
	{"v4: a prompt pair with a version in text",
	 "",
	 {ROW(0, 0, APP, "a", STR("langfuse.prompt.name", "p"), STR("langfuse.prompt.version", "3"),
	      MODEL("m"))},
	 {{"a", "langfuse.observation.prompt.name", "string p"},
	  {"a", "langfuse.observation.prompt.version", "int 3"},
	  {"a", "langfuse.prompt.version", ""},
	  {"a", "langfuse.prompt.name", ""}},
	 NULL},
	{"v4: half a pair is metadata",
	 "",
	 {ROW(0, 0, APP, "name", STR("langfuse.prompt.name", "p"), MODEL("m")),
	  ROW(0, 0, APP, "both", STR("langfuse.prompt.name", "p"),
	      STR("langfuse.prompt.version", "v3"), MODEL("m")),
	  ROW(0, 0, APP, "large", STR("langfuse.observation.prompt.name", "p"),
	      INT("langfuse.observation.prompt.version", 70000))},
	 {{"name", "langfuse.prompt.name", ""},
	  {"name", META "prompt_name", "string p"},
	  {"both", "langfuse.observation.prompt.name", ""},
	  {"both", META "prompt_version", "string v3"},
	  {"large", "langfuse.observation.prompt.version", ""},
	  {"large", META "prompt_version", "int 70000"}},
	 NULL},
	{"v5: cached and reasoning tokens in buckets of their own",
	 "",
	 {ROW(0, 0, APP, "a", INT("gen_ai.usage.input_tokens", 100),
	      INT("gen_ai.usage.output_tokens", 50),
	      INT("gen_ai.usage.cache_read.input_tokens", 30),
	      INT("gen_ai.usage.reasoning.output_tokens", 10), MODEL("m"))},
	 {{"a", USAGE,
	   "string {\"input\":70,\"output\":40,\"input_cached_tokens\":30,"
	   "\"output_reasoning_tokens\":10,\"total\":150}"}},
	 NULL},
	{"v6: the same under other names, parts of the input left out",
	 "",
	 {ROW(0, 0, APP, "a", INT("gen_ai.usage.input_tokens", 100),
	      INT("gen_ai.usage.output_tokens", 50), INT("gen_ai.usage.reasoning_tokens", 10),
	      INT("gen_ai.usage.prompt_tokens_details.cached_tokens", 30),
	      INT("gen_ai.usage.text.input_tokens", 70), MODEL("m"))},
	 {{"a", USAGE,
	   "string {\"input\":70,\"output\":40,\"input_cached_tokens\":30,"
	   "\"output_reasoning_tokens\":10,\"total\":150}"}},
	 NULL},
	{"v7: a cost in text becomes a number",
	 "",
	 {ROW(0, 0, APP, "a", STR("gen_ai.usage.cost", "0.01"), MODEL("gpt-4o"),
	      INT("gen_ai.usage.input_tokens", 10))},
	 {{"a", "gen_ai.usage.cost", "double 0.01"}, {"a", COST, ""}},
	 NULL},
	{"v7: costs that say nothing go",
	 "",
	 {ROW(0, 0, APP, "zero", DOUBLE("gen_ai.usage.cost", 0)),
	  ROW(0, 0, APP, "negative", DOUBLE("gen_ai.usage.cost", -1)),
	  ROW(0, 0, APP, "empty", STR("gen_ai.usage.cost", "")),
	  ROW(0, 0, APP, "nan", STR("gen_ai.usage.cost", "nan"))},
	 {{"zero", "gen_ai.usage.cost", ""},
	  {"negative", "gen_ai.usage.cost", ""},
	  {"empty", "gen_ai.usage.cost", ""},
	  {"nan", "gen_ai.usage.cost", ""}},
	 NULL},
	{"v7: a cost of zero may be kept",
	 "keep_zero_cost: true",
	 {ROW(0, 0, APP, "zero", DOUBLE("gen_ai.usage.cost", 0))},
	 {{"zero", "gen_ai.usage.cost", "double 0"}},
	 NULL},
	{"v8: an agent stays an agent",
	 "",
	 {ROW(0, 0, APP, "a", STR("gen_ai.operation.name", "invoke_agent"), MODEL("m"),
	      INT("gen_ai.usage.input_tokens", 10), STR("langfuse.prompt.name", "p"),
	      INT("langfuse.prompt.version", 1))},
	 {{"a", TYPE, ""}, {"a", MODEL_NAME, ""}},
	 NULL},
	{"v9: keys that would hide the input move",
	 "",
	 {ROW(0, 0, APP, "a", STR("gen_ai.prompt.name", "greet"),
	      STR("gen_ai.input.messages", "[]"), MODEL("m"))},
	 {{"a", "gen_ai.prompt.name", ""},
	  {"a", META "prompt_name", "string greet"},
	  {"a", "gen_ai.input.messages", "string []"}},
	 NULL},
	{"v10: counts and pairs are there before content goes",
	 "",
	 {ROW(0, 0, APP, "a", STR("gen_ai.prompt.0.content", "CANARY"),
	      INT("gen_ai.usage.prompt_tokens", 5), STR("langfuse.prompt.name", "p"),
	      INT("langfuse.prompt.version", 2), STR("gen_ai.prompt.name", "greet"), MODEL("m"))},
	 {{"a", USAGE, "string {\"input\":5,\"total\":5}"},
	  {"a", "langfuse.observation.prompt.version", "int 2"},
	  {"a", META "prompt_name", "string greet"}},
	 NULL},
	/* the cheap ones */
	{"empty lists of tags go, numbers become texts, types small letters",
	 "",
	 {ROW(0, 0, APP, "tags", STRS("langfuse.trace.tags", 0, NULL)),
	  ROW(0, 0, APP, "commas", STR("langfuse.trace.tags", " , ,")),
	  ROW(0, 0, APP, "json", STR("langfuse.trace.tags", "[\"x\", \"y\", \"x\"]"))},
	 {{"tags", "langfuse.trace.tags", "array [\"x\",\"y\"]"},
	  {"commas", "langfuse.trace.tags", "array [\"x\",\"y\"]"},
	  {"json", "langfuse.trace.tags", "array [\"x\",\"y\"]"}},
	 NULL},
	{"types",
	 "",
	 {ROW(0, 0, APP, "upper", STR(TYPE, "GENERATION")), ROW(0, 0, APP, "llm", STR(TYPE, "LLM")),
	  ROW(0, 0, APP, "rerank", STR(TYPE, "rerank")), ROW(0, 0, APP, "odd", STR(TYPE, "thing")),
	  ROW(0, 0, APP, "number", INT(TYPE, 4)), ROW(0, 0, APP, "right", STR(TYPE, "tool")),
	  ROW(0, 0, APP, "reranker", STR("openinference.span.kind", "RERANKER")),
	  ROW(0, 0, APP, "retrieval", STR("gen_ai.operation.name", "retrieval")),
	  ROW(0, 0, APP, "plan", STR("gen_ai.operation.name", "plan")),
	  ROW(0, 0, APP, "chat", STR("gen_ai.operation.name", "chat"))},
	 {{"upper", TYPE, "string generation"},
	  {"llm", TYPE, "string generation"},
	  {"rerank", TYPE, "string retriever"},
	  {"odd", TYPE, ""},
	  {"number", TYPE, ""},
	  {"right", TYPE, "string tool"},
	  {"reranker", TYPE, "string retriever"},
	  {"retrieval", TYPE, "string retriever"},
	  {"plan", TYPE, "string chain"},
	  {"chat", TYPE, ""}},
	 NULL},
	{"version and environment",
	 "",
	 {ROW(0, 0, APP, "a", INT("langfuse.version", 7),
	      STR("langfuse.environment", "Langfuse-Prod EU"))},
	 {{"a", "langfuse.version", "string 7"}, {"a", "langfuse.environment", "string prod-eu"}},
	 NULL},
	/* names */
	{"an observation's name is the span's",
	 "",
	 {ROW(0, 0, APP, "old", STR("langfuse.observation.name", "new"),
	      STR("gen_ai.tool.name", "search"), STR("logfire.msg", "msg"))},
	 {{"new", "NAME", "new"},
	  {"new", "langfuse.observation.name", ""},
	  {"new", "gen_ai.tool.name", ""},
	  {"new", META "tool_name", "string search"},
	  {"new", META "logfire_msg", "string msg"},
	  {"new", TYPE, "string tool"}},
	 NULL},
	{"latencies get names that can be filtered",
	 "",
	 {ROW(0, 0, VLLM, "llm_request", DOUBLE("gen_ai.latency.e2e", 1.5),
	      DOUBLE("gen_ai.latency.time_in_queue", 0.5),
	      DOUBLE("gen_ai.latency.time_in_model_prefill", 0.25),
	      DOUBLE("gen_ai.latency.time_in_model.decode", 0.125))},
	 {{"llm_request", META "latency_e2e_s", "double 1.5"},
	  {"llm_request", "gen_ai.latency.e2e", "double 1.5"},
	  {"llm_request", META "time_in_queue_s", "double 0.5"},
	  {"llm_request", "gen_ai.latency.time_in_queue", ""},
	  {"llm_request", META "time_in_model_prefill_s", "double 0.25"},
	  {"llm_request", META "time_in_model_decode_s", "double 0.125"}},
	 NULL},
	{"first tokens outside the span are none",
	 "",
	 {ROW(0, 0, APP, "late", DOUBLE("gen_ai.latency.time_to_first_token", 1.5)),
	  ROW(0, 0, APP, "zero", DOUBLE("gen_ai.latency.time_to_first_token", 0)),
	  ROW(0, 0, APP, "text", STR("gen_ai.latency.time_to_first_token", "soon")),
	  ROW(0, 0, APP, "own", STR(START, "2026-01-01T00:00:00.1Z"),
	      DOUBLE("gen_ai.latency.time_to_first_token", 0.5)),
	  ROW(0, 0, APP, "other", DOUBLE("gen_ai.response.time_to_first_chunk", 0.5))},
	 {{"late", START, ""},
	  {"zero", START, ""},
	  {"text", START, ""},
	  {"own", START, "string 2026-01-01T00:00:00.1Z"},
	  {"other", START, "string 2026-01-01T00:00:00.500Z"}},
	 NULL},
	/* models, parameters */
	{"models under names that Langfuse does not read",
	 "",
	 {ROW(0, 0, APP, "a", STR("embedding.model_name", "bge-m3")),
	  ROW(0, 0, APP, "b", STR("llm.response.model_name", "m"), MODEL("n"))},
	 {{"a", MODEL_NAME, "string bge-m3"}, {"b", MODEL_NAME, ""}},
	 NULL},
	{"parameters: known ones only, from both places",
	 "",
	 {ROW(0, 0, APP, "a", MODEL("m"),
	      STR("llm.invocation_parameters",
		  "{\"temperature\": 0.5, \"top_k\": 3, \"stop\": [\"CANARY\"], \"seed\": \"x\", "
		  "\"service_tier\": \"flex\"}"),
	      INT("gen_ai.request.max_tokens", 9), STR("gen_ai.request.tools", "x")),
	  ROW(0, 0, APP, "own", MODEL("m"), STR(PARAMETERS, "{}"),
	      INT("gen_ai.request.max_tokens", 9))},
	 {{"a", PARAMETERS,
	   "string {\"max_tokens\":9,\"temperature\":0.5,\"top_k\":3,\"service_tier\":\"flex\"}"},
	  {"own", PARAMETERS, "string {}"}},
	 NULL},
	/* usage, cost */
	{"what the application said about usage and cost stays",
	 "",
	 {ROW(0, 0, APP, "a", MODEL("m"), TOKENS(1, 2), STR(USAGE, "{\"input\":7}"),
	      STR(COST, "{\"total\":1}"), DOUBLE("gen_ai.usage.cost", 2))},
	 {{"a", USAGE, "string {\"input\":7}"},
	  {"a", COST, "string {\"total\":1}"},
	  {"a", "gen_ai.usage.cost", "double 2"}},
	 NULL},
	{"counts of wrong types count nothing",
	 "",
	 {ROW(0, 0, APP, "a", MODEL("m"), STR("gen_ai.usage.prompt_tokens", "many"),
	      DOUBLE("gen_ai.usage.completion_tokens", 1.5)),
	  ROW(0, 0, APP, "b", MODEL("m"), INT("gen_ai.usage.prompt_tokens", -4),
	      STR("gen_ai.usage.completion_tokens", "12"))},
	 {{"a", USAGE, ""}, {"b", USAGE, "string {\"output\":12,\"total\":12}"}},
	 NULL},
	{"tokens and costs in JSON",
	 "",
	 {ROW(0, 0, APP, "a",
	      STR("mlflow.chat.tokenUsage",
		  "{\"input_tokens\": 3, \"output_tokens\": 4, \"total_tokens\": 7}"),
	      STR("mlflow.llm.cost", "{\"input_cost\": 1, \"total_cost\": 0.25}"),
	      STR("mlflow.llm.model", "m")),
	  ROW(0, 0, APP, "litellm", DOUBLE("gen_ai.cost.total_cost", 0.5))},
	 {{"a", USAGE, "string {\"input\":3,\"output\":4,\"total\":7}"},
	  {"a", COST, "string {\"total\":0.25}"},
	  {"litellm", COST, "string {\"total\":0.5}"}},
	 NULL},
	{"prices fill in",
	 "prices: {'other': {input: 1}, 'meta-llama/*': {input: 0.5, output: 2}}",
	 {ROW(0, 0, APP, "a", MODEL("meta-llama/Llama-3.1-8B"), TOKENS(10, 4),
	      INT("gen_ai.usage.cached_tokens", 2)),
	  ROW(0, 0, APP, "b", MODEL("gpt-4o"), TOKENS(10, 4)),
	  ROW(0, 0, APP, "c", MODEL("meta-llama/x"), TOKENS(10, 4),
	      DOUBLE("gen_ai.usage.cost", 3))},
	 {{"a", COST, "string {\"input\":4,\"output\":8,\"input_cached_tokens\":1,\"total\":13}"},
	  {"b", COST, ""},
	  {"c", COST, ""},
	  {"c", "gen_ai.usage.cost", "double 3"}},
	 NULL},
	{"an aggregate's usage yields to what is below it",
	 "",
	 {ROW(0, 0, APP, "agent", STR("gen_ai.operation.name", "invoke_agent"), TOKENS(30, 10)),
	  ROW(0, 1, APP, "step", STR("openinference.span.kind", "CHAIN"), TOKENS(30, 10)),
	  ROW(0, 2, APP, "call", STR("gen_ai.operation.name", "chat"), MODEL("m"), TOKENS(30, 10)),
	  ROW(0, 0, APP, "alone", STR("openinference.span.kind", "AGENT"), TOKENS(30, 10))},
	 {{"agent", USAGE, ""},
	  {"agent", "gen_ai.usage.prompt_tokens", ""},
	  {"agent", META "uncounted_gen_ai_usage_prompt_tokens", "int 30"},
	  {"step", USAGE, ""},
	  {"call", USAGE, "string {\"input\":30,\"output\":10,\"total\":40}"},
	  {"alone", USAGE, "string {\"input\":30,\"output\":10,\"total\":40}"}},
	 NULL},
	/* routing, prefill */
	{"routing spans are no generations",
	 "{routing_scopes: [my.x], routing_names: ['pick*']}",
	 {ROW(0, 0, EPP, "anything", MODEL("m")), ROW(0, 0, ROUTER, "x", STR("model", "m")),
	  ROW(0, 0, APP, "pick_one", MODEL("m")),
	  ROW(0, 0, APP, "chat", MODEL("m"), STR("gen_ai.operation.name", "chat"))},
	 {{"anything", TYPE, "string span"},
	  {"x", TYPE, "string span"},
	  {"pick_one", TYPE, "string span"},
	  {"chat", TYPE, ""}},
	 NULL},
	{"a prefill leg is a span and counts nothing",
	 "models: {app: m}",
	 {ROW(0, 0, VLLM, "llm_request", TOKENS(2071, 1), INT("gen_ai.request.max_tokens", 1)),
	  ROW(0, 0, VLLM, "full", TOKENS(2071, 200), INT("gen_ai.request.max_tokens", 200))},
	 {{"llm_request", TYPE, "string span"},
	  {"llm_request", USAGE, ""},
	  {"llm_request", "gen_ai.usage.prompt_tokens", ""},
	  {"llm_request", META "uncounted_gen_ai_usage_prompt_tokens", "int 2071"},
	  {"llm_request", MODEL_NAME, ""},
	  {"full", USAGE, "string {\"input\":2071,\"output\":200,\"total\":2271}"}},
	 NULL},
	/* spreading */
	{"facts of a trace reach all its spans, also of later requests",
	 "",
	 {ROW(0, 2, APP, "child", NO_ATTRS),
	  ROW(0, 0, APP, "root", STR("user.id", "alice"), STR("session.id", "s"),
	      STRS("tag.tags", 2, "prod", "rag"), STR("langfuse.trace.name", "chat"),
	      STR("langfuse.release", "r1"), STR("langfuse.trace.metadata.team", "a\"b")),
	  ROW(1, 1, APP, "later", NO_ATTRS), ROW(1, 1, APP, "own", STR("langfuse.user.id", "bob"))},
	 {{"child", "langfuse.user.id", "string alice"},
	  {"child", "langfuse.session.id", "string s"},
	  {"child", "langfuse.trace.tags", "array [\"prod\",\"rag\"]"},
	  {"child", "langfuse.trace.name", "string chat"},
	  {"child", "langfuse.release", "string r1"},
	  {"child", "langfuse.trace.metadata", "string {\"team\":\"a\\\"b\"}"},
	  {"root", "langfuse.user.id", ""},
	  {"root", "user.id", "string alice"},
	  {"later", "langfuse.user.id", "string bob"},
	  {"later", "langfuse.trace.name", "string chat"},
	  {"own", "langfuse.user.id", "string bob"},
	  {"own", "langfuse.session.id", "string s"}},
	 NULL},
	{"a model named later in the trace is the engine's",
	 "",
	 {ROW(0, 0, EPP, "route", STR("target_model", "served"), MODEL("alias")),
	  ROW(1, 1, VLLM, "llm_request", TOKENS(1, 2))},
	 {{"llm_request", MODEL_NAME, "string served"}},
	 NULL},
	{"two models in one trace: none is guessed",
	 "models: {app: configured}",
	 {ROW(0, 0, EPP, "one", STR("target_model", "m1")),
	  ROW(0, 0, EPP, "two", STR("target_model", "m2")),
	  ROW(0, 1, VLLM, "llm_request", TOKENS(1, 2))},
	 {{"llm_request", MODEL_NAME, "string configured"}},
	 NULL},
};

/* ---- running cases -------------------------------------------------------------------------- */

struct left {
	char name[64];
	char found[CHECKS_MAX][512];
};

static void build_case(const struct langfuse_case *this, struct budget *budget,
		       struct example_requests *requests)
{
	struct example_trace trace = {.services = this->services ? this->services : plain_services,
				      .scopes = scopes,
				      .spans = this->rows,
				      .service_count = REQUESTS_MAX,
				      .scope_count = ARRAY_COUNT(scopes)};
	struct err err;
	while (trace.span_count < ROWS_MAX && this->rows[trace.span_count].name)
		trace.span_count++;
	const struct example_variant variant = {.seed = 5,
						.end_ns = (CASES_START_S + 1) * NS_PER_S};
	assert_int_equal(example_table_build(&trace, 1, &variant, budget, requests, &err), 0);
}

static const char *find_value(const struct processor_bench *bench, uint32_t span, const char *key)
{
	static char name[64];
	if (strcmp(key, "NAME") != 0)
		return bench_span_attr(bench, span, key);
	(void)snprintf(name, sizeof(name), "%.*s",
		       SLICE_FMT(edit_span_name(bench->out_edit, span)));
	return name;
}

/* Fills in what the checks look for, as far as this request has it. */
static void look(const struct processor_bench *bench, const struct langfuse_case *this,
		 char found[CHECKS_MAX][512])
{
	for (size_t i = 0; i < CHECKS_MAX && this->checks[i].span; i++) {
		uint32_t span = bench_find_span(bench, this->checks[i].span, 0);
		if (span != BENCH_NOT_FOUND)
			(void)snprintf(found[i], 512, "%s",
				       find_value(bench, span, this->checks[i].key));
	}
}

static bool run_case(const struct langfuse_case *this)
{
	struct processor_bench bench;
	struct example_requests requests;
	char found[CHECKS_MAX][512];
	bool good = true;
	for (size_t i = 0; i < CHECKS_MAX; i++)
		(void)snprintf(found[i], 512, "%s", "(no such span)");
	processor_bench_open(&bench, (const char *const[]){"langfuse", this->yaml, NULL});
	build_case(this, &bench.budget, &requests);
	for (size_t i = 0; i < requests.count; i++) {
		assert_int_equal(processor_bench_run(&bench, chunk_slice(requests.items[i])),
				 PROCESS_CONTINUE);
		assert_int_equal(bench_span_count(&bench), requests.items[i]->span_count);
		look(&bench, this, found);
	}
	for (size_t i = 0; i < CHECKS_MAX && this->checks[i].span; i++) {
		if (strcmp(found[i], this->checks[i].expected) == 0)
			continue;
		good = false;
		print_error("%s: %s of %s\n  found    %s\n  expected %s\n", this->what,
			    this->checks[i].key, this->checks[i].span, found[i],
			    this->checks[i].expected);
	}
	example_requests_fini(&requests);
	processor_bench_close(&bench);
	return good;
}

static void every_case_shows_what_it_should(void **state)
{
	bool good = true;
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		good &= run_case(&cases[i]);
	assert_true(good);
}

/* ---- whole traces --------------------------------------------------------------------------- */

/* As what Langfuse would show the span: its rules, as far as the fixtures need them. */
static bool is_generation(const struct processor_bench *bench, uint32_t span)
{
	static const char *const model_keys[] = {MODEL_NAME, "gen_ai.request.model",
						 "gen_ai.response.model", "llm.model_name",
						 "model"};
	char type[64];
	(void)snprintf(type, sizeof(type), "%s", bench_span_attr(bench, span, TYPE));
	if (type[0])
		return strcmp(type, "string generation") == 0;
	(void)snprintf(type, sizeof(type), "%s",
		       bench_span_attr(bench, span, "openinference.span.kind"));
	if (type[0])
		return strcmp(type, "string LLM") == 0;
	for (size_t i = 0; i < ARRAY_COUNT(model_keys); i++) {
		if (bench_span_attr(bench, span, model_keys[i])[0])
			return true;
	}
	return false;
}

/* The total of a span's usage; fails when counts are left that Langfuse would add up itself. */
static unsigned long tokens_of(const struct processor_bench *bench, uint32_t span)
{
	static const char *const raw_keys[] = {
		"gen_ai.usage.prompt_tokens", "gen_ai.usage.completion_tokens",
		"llm.token_count.prompt", "llm.token_count.completion"};
	const char *usage = bench_span_attr(bench, span, USAGE);
	if (usage[0])
		return strtoul(strstr(usage, "\"total\":") + strlen("\"total\":"), NULL, 10);
	for (size_t i = 0; i < ARRAY_COUNT(raw_keys); i++)
		assert_string_equal(bench_span_attr(bench, span, raw_keys[i]), "");
	return 0;
}

enum order { TOGETHER = 0, PARENTS_FIRST, CHILDREN_FIRST, ORDER_COUNT };

struct totals {
	uint32_t spans, generations, held;
	unsigned long tokens;
	char model[128]; /* of the last model server's span that is a generation */
};

static void add_output(const struct processor_bench *bench, struct totals *totals)
{
	totals->spans += bench_span_count(bench);
	for (uint32_t span = 0; span < bench_span_count(bench); span++) {
		bool generation = is_generation(bench, span);
		totals->generations += generation;
		totals->tokens += tokens_of(bench, span);
		if (generation &&
		    slice_equal(edit_span_name(bench->out_edit, span), SLICE("llm_request")))
			(void)snprintf(totals->model, sizeof(totals->model), "%s",
				       bench_span_attr(bench, span, MODEL_NAME));
	}
}

/* Sends the fixture's requests in ${order}; what is held comes again at the end, for the last time,
 * as the host does it when the time is over. */
static void run_fixture(enum llmd_fixture which, enum order order, const char *yaml,
			struct totals *totals)
{
	struct processor_bench bench;
	struct example_requests requests;
	struct chunk *held[EXAMPLE_REQUESTS_MAX];
	*totals = (struct totals){0};
	processor_bench_open(&bench, (const char *const[]){"langfuse", yaml, NULL});
	llmd_fixture_build(which, order == TOGETHER, &bench.budget, &requests);
	bench.may_hold = true;
	for (size_t i = 0; i < requests.count; i++) {
		size_t at = order == CHILDREN_FIRST ? requests.count - 1 - i : i;
		assert_int_equal(processor_bench_run(&bench, chunk_slice(requests.items[at])),
				 PROCESS_CONTINUE);
		add_output(&bench, totals);
		if (bench.held)
			held[totals->held++] = chunk_ref(bench.held);
		bench_now_ns += NS_PER_S;
	}
	bench.may_hold = false;
	for (size_t i = 0; i < totals->held; i++) {
		assert_int_equal(processor_bench_run(&bench, chunk_slice(held[i])),
				 PROCESS_CONTINUE);
		add_output(&bench, totals);
		chunk_unref(held[i]);
	}
	example_requests_fini(&requests);
	processor_bench_close(&bench);
}

#define LLAMA "string meta-llama/Llama-3.1-8B-Instruct"
#define QWEN "string qwen3-8b"

static const struct {
	enum llmd_fixture which;
	uint32_t spans, generations;
	unsigned long tokens;
	const char *model;
} fixtures[] = {
	{FIXTURE_A, 25, 1, 2271, LLAMA},
	{FIXTURE_A2, 25, 1, 2271, LLAMA},
	{FIXTURE_A3, 24, 1, 2271, LLAMA},
	{FIXTURE_A4, 22, 0, 0, ""},
	{FIXTURE_A5, 25, 1, 2271, LLAMA},
	{FIXTURE_A6, 25, 1, 2271, LLAMA},
	{FIXTURE_B, 12, 1, 640, LLAMA},
	{FIXTURE_C, 9, 1, 444, QWEN},
	{FIXTURE_C2, 8, 1, 444, QWEN},
	{FIXTURE_C3, 9, 1, 444, QWEN},
	{FIXTURE_C4, 9, 1, 444, QWEN},
	{FIXTURE_D, 1, 1, 76, ""},
	{FIXTURE_D2, 5, 1, 76, ""},
	{FIXTURE_D3, 1, 1, 76, ""},
	/* The model server's span shows as a span: the call above it is the generation. */
	{FIXTURE_E, 32, 1, 2271, ""},
	{FIXTURE_E2, 32, 1, 2271, ""},
	{FIXTURE_E3, 32, 1, 2271, ""},
};

static void every_fixture_has_its_generations_and_its_tokens_once(void **state)
{
	_Static_assert(ARRAY_COUNT(fixtures) == FIXTURE_COUNT, "one row each");
	bool good = true;
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(fixtures); i++) {
		for (int order = TOGETHER; order < ORDER_COUNT; order++) {
			struct totals totals;
			uint32_t generations = fixtures[i].generations;
			unsigned long tokens = fixtures[i].tokens;
			if (fixtures[i].which == FIXTURE_B && order != TOGETHER) {
				/* Its prefill leg does not say what it is: only its parent does. */
				generations = 2;
				tokens += 129;
			}
			run_fixture(fixtures[i].which, (enum order)order, "", &totals);
			if (totals.spans == fixtures[i].spans &&
			    totals.generations == generations && totals.tokens == tokens &&
			    strcmp(totals.model, fixtures[i].model) == 0)
				continue;
			print_error("%s, order %d: %u spans, %u generations, %lu tokens, \"%s\"\n",
				    llmd_fixture_name(fixtures[i].which), order, totals.spans,
				    totals.generations, totals.tokens, totals.model);
			good = false;
		}
	}
	assert_true(good);
}

/* The model server's span has left with its tokens before the application's call comes. */
static void a_call_that_comes_after_its_model_server_leaves_its_tokens_out(void **state)
{
	enum { RAG_REQUEST = 0, RAG_EPP_REQUEST = 1, RAG_DECODE_REQUEST = 4 };
	struct processor_bench bench;
	struct example_requests requests;
	struct totals totals = {0};
	(void)state;
	processor_bench_open(&bench, (const char *const[]){"langfuse", "", NULL});
	llmd_fixture_build(FIXTURE_E, false, &bench.budget, &requests);
	static const size_t order[] = {RAG_EPP_REQUEST, RAG_DECODE_REQUEST, RAG_DECODE_REQUEST,
				       RAG_REQUEST, RAG_REQUEST};
	for (size_t i = 0; i < ARRAY_COUNT(order); i++) {
		assert_int_equal(processor_bench_run(&bench, chunk_slice(requests.items[order[i]])),
				 PROCESS_CONTINUE);
		/* Senders that try again: the second answer is the first one. */
		if (i != 2 && i != 4)
			add_output(&bench, &totals);
		else
			assert_int_equal(tokens_of(&bench, 0), i == 2 ? 2271 : 0);
	}
	assert_int_equal(totals.tokens, 2271);
	assert_int_equal(totals.generations, 2);
	example_requests_fini(&requests);
	processor_bench_close(&bench);
}

static void facts_of_the_application_reach_the_model_server(void **state)
{
	struct processor_bench bench;
	struct example_requests requests;
	(void)state;
	processor_bench_open(&bench, (const char *const[]){"langfuse", "", NULL});
	llmd_fixture_build(FIXTURE_E, true, &bench.budget, &requests);
	assert_int_equal(processor_bench_run(&bench, chunk_slice(requests.items[0])),
			 PROCESS_CONTINUE);
	for (uint32_t nth = 0; nth < 2; nth++) {
		uint32_t span = bench_find_span(&bench, "llm_request", nth);
		assert_string_equal(bench_span_attr(&bench, span, "langfuse.session.id"),
				    "string s-42");
		assert_string_equal(bench_span_attr(&bench, span, "langfuse.user.id"),
				    "string alice@example.com");
		assert_string_equal(bench_span_attr(&bench, span, "langfuse.trace.tags"),
				    "array [\"prod\",\"rag\"]");
		assert_string_equal(bench_span_attr(&bench, span, TYPE), "string span");
	}
	uint32_t call = bench_find_span(&bench, "ChatCompletion", 0);
	assert_string_equal(bench_span_attr(&bench, call, PARAMETERS),
			    "string {\"temperature\":0.7}");
	assert_string_equal(
		bench_span_attr(&bench, bench_find_span(&bench, "CreateEmbeddings", 0), MODEL_NAME),
		"string bge-m3");
	assert_string_equal(bench_span_attr(&bench, bench_find_span(&bench, "Reranker", 0), TYPE),
			    "string retriever");
	assert_true(bench_has_no_orphan(&bench));
	example_requests_fini(&requests);
	processor_bench_close(&bench);
}

/* ---- waiting for the model ------------------------------------------------------------------ */

enum { EPP_REQUEST, PROXY_REQUEST, PREFILL_REQUEST, DECODE_REQUEST };

static void send_request(struct processor_bench *bench, const struct example_requests *requests,
			 size_t at)
{
	assert_int_equal(processor_bench_run(bench, chunk_slice(requests->items[at])),
			 PROCESS_CONTINUE);
}

static bool wait_is_over(const struct processor_bench *bench, const struct chunk *held)
{
	struct trace_index index;
	struct budget budget;
	struct err err;
	budget_init(&budget, UINT64_MAX);
	trace_index_init(&index, &budget, bench->keys);
	assert_int_equal(trace_index_build(&index, chunk_slice(held), &err), 0);
	bool over = bench->ops[0]->hold_over(
		bench->selves[0], index_id(&index, index.spans[0].trace_id_off, TRACE_ID_BYTES));
	trace_index_fini(&index);
	return over;
}

static double decisions(const struct processor_bench *bench, const char *decision)
{
	char labels[128];
	(void)snprintf(labels, sizeof(labels), "langfuse=\"langfuse\",decision=\"%s\"", decision);
	return bench_metric(bench, "sluice_processor_langfuse", labels);
}

static void parent_first_nothing_waits(void **state)
{
	struct processor_bench bench;
	struct example_requests requests;
	(void)state;
	processor_bench_open(&bench, (const char *const[]){"langfuse", "", NULL});
	llmd_fixture_build(FIXTURE_A5, false, &bench.budget, &requests);
	bench.may_hold = true;
	send_request(&bench, &requests, EPP_REQUEST);
	bench_now_ns += 5 * NS_PER_S;
	send_request(&bench, &requests, DECODE_REQUEST);
	assert_null(bench.held);
	assert_string_equal(bench_span_attr(&bench, 0, MODEL_NAME), LLAMA);
	assert_true(decisions(&bench, "model_from_trace") == 1);
	example_requests_fini(&requests);
	processor_bench_close(&bench);
}

static void child_first_waits_until_the_model_is_known(void **state)
{
	struct processor_bench bench;
	struct example_requests requests;
	(void)state;
	processor_bench_open(&bench, (const char *const[]){"langfuse", "", NULL});
	llmd_fixture_build(FIXTURE_A5, false, &bench.budget, &requests);
	bench.may_hold = true;
	send_request(&bench, &requests, PREFILL_REQUEST); /* a prefill leg needs no model */
	assert_null(bench.held);
	send_request(&bench, &requests, DECODE_REQUEST);
	assert_int_equal(bench_span_count(&bench), 0);
	struct chunk *held = chunk_ref(bench.held);
	assert_int_equal(held->span_count, 1);
	bench_now_ns += 2 * NS_PER_S;
	send_request(&bench, &requests, PROXY_REQUEST);
	assert_false(wait_is_over(&bench, held));
	bench_now_ns += 2 * NS_PER_S;
	send_request(&bench, &requests, EPP_REQUEST);
	assert_true(wait_is_over(&bench, held));
	assert_int_equal(processor_bench_run(&bench, chunk_slice(held)), PROCESS_CONTINUE);
	assert_null(bench.held);
	assert_int_equal(bench_span_count(&bench), 1);
	assert_string_equal(bench_span_attr(&bench, 0, MODEL_NAME), LLAMA);
	assert_string_equal(bench_span_attr(&bench, 0, TYPE), "string generation");
	assert_string_equal(bench_span_attr(&bench, 0, USAGE),
			    "string {\"input\":2071,\"output\":200,\"total\":2271}");
	chunk_unref(held);
	example_requests_fini(&requests);
	processor_bench_close(&bench);
}

static void after_the_time_the_configured_model_is_taken_or_none(void **state)
{
	static const struct {
		const char *yaml, *model, *decision;
	} ends[] = {{"models: {vllm-decode: served}", "string served", "model_from_config"},
		    {"models: {other: served}", "", "model_unknown"}};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(ends); i++) {
		struct processor_bench bench;
		struct example_requests requests;
		processor_bench_open(&bench, (const char *const[]){"langfuse", ends[i].yaml, NULL});
		llmd_fixture_build(FIXTURE_A5, false, &bench.budget, &requests);
		assert_true(bench.ops[0]->hold_ns(bench.selves[0]) == 6 * NS_PER_S);
		bench.may_hold = true;
		send_request(&bench, &requests, DECODE_REQUEST);
		struct chunk *held = chunk_ref(bench.held);
		bench_now_ns += 6 * NS_PER_S;
		assert_false(wait_is_over(&bench, held));
		bench.may_hold = false;
		assert_int_equal(processor_bench_run(&bench, chunk_slice(held)), PROCESS_CONTINUE);
		assert_string_equal(bench_span_attr(&bench, 0, MODEL_NAME), ends[i].model);
		assert_string_equal(bench_span_attr(&bench, 0, TYPE), "string generation");
		assert_true(decisions(&bench, ends[i].decision) == 1);
		chunk_unref(held);
		example_requests_fini(&requests);
		processor_bench_close(&bench);
	}
}

static void a_root_does_not_wait_and_neither_does_anybody_without_join_wait(void **state)
{
	static const struct {
		enum llmd_fixture which;
		size_t request;
		const char *yaml;
	} runs[] = {{FIXTURE_D, 0, ""}, {FIXTURE_A5, DECODE_REQUEST, "join_wait: 0"}};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(runs); i++) {
		struct processor_bench bench;
		struct example_requests requests;
		processor_bench_open(&bench, (const char *const[]){"langfuse", runs[i].yaml, NULL});
		llmd_fixture_build(runs[i].which, false, &bench.budget, &requests);
		bench.may_hold = true;
		send_request(&bench, &requests, runs[i].request);
		assert_null(bench.held);
		assert_int_equal(bench_span_count(&bench), 1);
		example_requests_fini(&requests);
		processor_bench_close(&bench);
	}
}

static void what_is_forgotten_is_waited_for_and_then_unknown(void **state)
{
	struct processor_bench bench;
	struct example_requests requests;
	(void)state;
	processor_bench_open(
		&bench, (const char *const[]){"langfuse", "trace_memory: {max_age: 10s}", NULL});
	llmd_fixture_build(FIXTURE_A5, false, &bench.budget, &requests);
	send_request(&bench, &requests, EPP_REQUEST);
	bench_now_ns += 11 * NS_PER_S;
	send_request(&bench, &requests, DECODE_REQUEST);
	assert_string_equal(bench_span_attr(&bench, 0, MODEL_NAME), "");
	assert_true(decisions(&bench, "model_unknown") == 1);
	example_requests_fini(&requests);
	processor_bench_close(&bench);
}

/* ---- roots ---------------------------------------------------------------------------------- */

static const struct langfuse_case dropped_ancestors = {
	.rows = {ROW(0, 0, APP, "GET /health", NO_ATTRS), ROW(0, 1, APP, "llm_request", NO_ATTRS),
		 ROW(1, 0, APP, "GET /ping", NO_ATTRS), ROW(2, 3, APP, "gateway.request", NO_ATTRS),
		 ROW(3, 0, APP, "GET /load", NO_ATTRS), ROW(3, 5, APP, "gateway.request", NO_ATTRS),
		 ROW(3, 5, APP, "llm_request", NO_ATTRS)}};

static void what_is_left_of_a_trace_without_its_root_has_one(void **state)
{
	struct processor_bench bench;
	struct example_requests requests;
	(void)state;
	/* The filter drops and leaves parents alone: the repair is langfuse's. */
	processor_bench_open(
		&bench,
		(const char *const[]){"filter", "traces: {span: ['IsMatch(name, \"^GET /.*\")']}",
				      "langfuse", "", NULL});
	build_case(&dropped_ancestors, &bench.budget, &requests);
	send_request(&bench, &requests, 0);
	assert_int_equal(bench_span_count(&bench), 1);
	assert_string_equal(bench_span_attr(&bench, 0, "langfuse.internal.is_app_root"),
			    "bool true");
	assert_int_equal(edit_span_parent(bench.out_edit, 0).len, 0);
	send_request(&bench, &requests, 1);
	assert_int_equal(bench_span_count(&bench), 0);
	send_request(&bench, &requests, 2);
	assert_string_equal(bench_span_attr(&bench, 0, "langfuse.internal.is_app_root"),
			    "bool true");
	send_request(&bench, &requests, 3);
	assert_int_equal(bench_span_count(&bench), 2);
	for (uint32_t span = 0; span < 2; span++) {
		/* Two at the top: both are roots for the application, none is the trace's. */
		assert_string_equal(bench_span_attr(&bench, span, "langfuse.internal.is_app_root"),
				    "bool true");
		assert_int_equal(edit_span_parent(bench.out_edit, span).len, SPAN_ID_BYTES);
	}
	example_requests_fini(&requests);
	processor_bench_close(&bench);
}

/* ---- hostile input -------------------------------------------------------------------------- */

/* A value of every kind, with the wrong ones for everything. */
static void write_odd_value(struct trace_builder *builder, struct slice key, int kind)
{
	static const struct {
		enum value_type type;
		int64_t i;
		double d;
	} scalars[] = {{VALUE_EMPTY, 0, 0},
		       {VALUE_BOOL, 1, 0},
		       {VALUE_INT, -1, 0},
		       {VALUE_INT, INT64_MAX, 0},
		       {VALUE_DOUBLE, 0, __builtin_nan("")},
		       {VALUE_DOUBLE, 0, __builtin_inf()},
		       {VALUE_DOUBLE, 0, -1e300}};
	if (kind < (int)ARRAY_COUNT(scalars)) {
		trace_builder_attr(builder, SPAN_ATTRIBUTES, key,
				   (struct value){.type = scalars[kind].type,
						  .i = scalars[kind].i,
						  .d = scalars[kind].d});
		return;
	}
	switch (kind - (int)ARRAY_COUNT(scalars)) {
	case 0: trace_builder_attr(builder, SPAN_ATTRIBUTES, key, value_of_str(SLICE(""))); return;
	case 1:
		trace_builder_attr(builder, SPAN_ATTRIBUTES, key,
				   value_of_str(SLICE("{\"a\": [1, {\"b\": \"")));
		return;
	case 2:
		trace_builder_attr(builder, SPAN_ATTRIBUTES, key,
				   value_of_str(SLICE("99999999999999999999999999")));
		return;
	case 3:
		trace_builder_attr(builder, SPAN_ATTRIBUTES, key,
				   (struct value){.type = VALUE_BYTES, .bytes = SLICE("\x00\xff")});
		return;
	default: break;
	}
	trace_builder_begin_array(builder, SPAN_ATTRIBUTES, key);
	if (kind & 1)
		trace_builder_value(builder, ARRAY_VALUE_VALUES,
				    (struct value){.type = VALUE_KVLIST, .bytes = SLICE("")});
	trace_builder_end_array(builder);
}

enum { ODD_KINDS = 13, CROWD = 10000 };

static void begin_spans(struct trace_builder *builder, struct budget *budget)
{
	trace_builder_init(builder, budget);
	trace_builder_begin(builder, EXPORT_REQUEST_RESOURCE_SPANS);
	trace_builder_begin(builder, RESOURCE_SPANS_SCOPE_SPANS);
}

static void begin_span(struct trace_builder *builder, uint64_t id, uint64_t parent,
		       const char *name)
{
	trace_builder_begin(builder, SCOPE_SPANS_SPANS);
	trace_builder_bytes(builder, SPAN_TRACE_ID, SLICE("0123456789abcdef"));
	trace_builder_bytes(builder, SPAN_SPAN_ID, slice_of(&id, sizeof(id)));
	if (parent != 0)
		trace_builder_bytes(builder, SPAN_PARENT_SPAN_ID,
				    slice_of(&parent, sizeof(parent)));
	trace_builder_text(builder, SPAN_NAME, slice_str(name));
}

static void every_key_takes_every_kind_of_value(void **state)
{
	struct processor_bench bench;
	struct trace_builder builder;
	struct err err;
	size_t row_count;
	uint32_t spans = 0;
	const struct key_row *rows = keys_rows(&row_count);
	(void)state;
	processor_bench_open(
		&bench,
		(const char *const[]){"langfuse", "prices: {'*': {input: 1, output: 2}}", NULL});
	begin_spans(&builder, &bench.budget);
	for (size_t i = 0; i < row_count; i++) {
		for (int kind = 0; kind < ODD_KINDS; kind++) {
			begin_span(&builder, ++spans, 0, kind & 1 ? "llm_request" : "x");
			write_odd_value(&builder, slice_str(rows[i].text), kind);
			trace_builder_end(&builder);
		}
	}
	struct chunk *body = trace_builder_take(&builder, spans, &err);
	assert_non_null(body);
	assert_int_equal(processor_bench_run(&bench, chunk_slice(body)), PROCESS_CONTINUE);
	assert_int_equal(bench_span_count(&bench), spans);
	for (uint32_t span = 0; span < spans; span++) {
		static const char *const empty_or[] = {USAGE, COST};
		for (size_t i = 0; i < ARRAY_COUNT(empty_or); i++) {
			const char *text = bench_span_attr(&bench, span, empty_or[i]);
			assert_null(strstr(text, "nan"));
			assert_null(strstr(text, "inf"));
			assert_null(strstr(text, ":-"));
		}
	}
	chunk_unref(body);
	processor_bench_close(&bench);
}

static void spans_without_usable_ids_go_and_are_counted(void **state)
{
	static const char zeros[TRACE_ID_BYTES];
	struct processor_bench bench;
	struct trace_builder builder;
	struct err err;
	(void)state;
	processor_bench_open(&bench, (const char *const[]){"langfuse", "", NULL});
	begin_spans(&builder, &bench.budget);
	for (int missing = 0; missing < 5; missing++) {
		trace_builder_begin(&builder, SCOPE_SPANS_SPANS);
		if (missing != 1)
			trace_builder_bytes(&builder, SPAN_TRACE_ID,
					    missing == 2 ? slice_of(zeros, TRACE_ID_BYTES)
							 : SLICE("0123456789abcdef"));
		if (missing != 3)
			trace_builder_bytes(&builder, SPAN_SPAN_ID,
					    missing == 4 ? slice_of(zeros, SPAN_ID_BYTES)
							 : SLICE("01234567"));
		trace_builder_bytes(&builder, SPAN_PARENT_SPAN_ID, slice_of(zeros, SPAN_ID_BYTES));
		trace_builder_end(&builder);
	}
	struct chunk *body = trace_builder_take(&builder, 5, &err);
	assert_non_null(body);
	assert_int_equal(processor_bench_run(&bench, chunk_slice(body)), PROCESS_CONTINUE);
	assert_int_equal(bench_span_count(&bench), 1);
	assert_int_equal(edit_span_parent(bench.out_edit, 0).len, 0);
	assert_true(decisions(&bench, "dropped_bad_ids") == 4);
	chunk_unref(body);
	processor_bench_close(&bench);
}

static void ten_thousand_spans_of_one_trace_pass(void **state)
{
	(void)state;
	for (int circle = 0; circle < 2; circle++) {
		struct processor_bench bench;
		struct trace_builder builder;
		struct err err;
		processor_bench_open(&bench, (const char *const[]){"langfuse", "", NULL});
		begin_spans(&builder, &bench.budget);
		for (uint64_t id = 1; id <= CROWD; id++) {
			begin_span(&builder, id,
				   id > 1   ? id - 1
				   : circle ? CROWD
					    : 0,
				   id & 1 ? "llm_request" : "call");
			trace_builder_attr(&builder, SPAN_ATTRIBUTES,
					   SLICE("gen_ai.usage.input_tokens"), value_of_int(1));
			trace_builder_attr(&builder, SPAN_ATTRIBUTES,
					   SLICE("gen_ai.operation.name"),
					   value_of_str(SLICE("chat")));
			trace_builder_end(&builder);
		}
		struct chunk *body = trace_builder_take(&builder, CROWD, &err);
		assert_non_null(body);
		assert_int_equal(processor_bench_run(&bench, chunk_slice(body)), PROCESS_CONTINUE);
		assert_int_equal(bench_span_count(&bench), CROWD);
		chunk_unref(body);
		processor_bench_close(&bench);
	}
}

static void structured_values_arrive_as_text(void **state)
{
	struct processor_bench bench;
	struct trace_builder builder;
	struct err err;
	(void)state;
	processor_bench_open(&bench, (const char *const[]){"langfuse", "", NULL});
	begin_spans(&builder, &bench.budget);
	begin_span(&builder, 1, 0, "a");
	trace_builder_begin(&builder, SPAN_ATTRIBUTES);
	trace_builder_text(&builder, KEY_VALUE_KEY, SLICE("gen_ai.input.messages"));
	trace_builder_begin(&builder, KEY_VALUE_VALUE);
	trace_builder_begin(&builder, ANY_VALUE_KVLIST);
	trace_builder_attr(&builder, KVLIST_VALUES, SLICE("role"), value_of_str(SLICE("user")));
	trace_builder_end(&builder);
	trace_builder_end(&builder);
	trace_builder_end(&builder);
	trace_builder_attr(&builder, SPAN_ATTRIBUTES, SLICE("raw"),
			   (struct value){.type = VALUE_BYTES, .bytes = SLICE("abc")});
	trace_builder_begin_array(&builder, SPAN_ATTRIBUTES, SLICE("empty"));
	trace_builder_end_array(&builder);
	trace_builder_begin_array(&builder, SPAN_ATTRIBUTES, SLICE("numbers"));
	trace_builder_value(&builder, ARRAY_VALUE_VALUES, value_of_int(4));
	trace_builder_end_array(&builder);
	struct chunk *body = trace_builder_take(&builder, 1, &err);
	assert_non_null(body);
	assert_int_equal(processor_bench_run(&bench, chunk_slice(body)), PROCESS_CONTINUE);
	assert_string_equal(bench_span_attr(&bench, 0, "gen_ai.input.messages"),
			    "string {\"role\":\"user\"}");
	assert_string_equal(bench_span_attr(&bench, 0, "raw"), "string YWJj");
	assert_string_equal(bench_span_attr(&bench, 0, "empty"), "");
	assert_string_equal(bench_span_attr(&bench, 0, "numbers"), "array [4]");
	chunk_unref(body);
	processor_bench_close(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_case_shows_what_it_should),
		cmocka_unit_test(every_fixture_has_its_generations_and_its_tokens_once),
		cmocka_unit_test(a_call_that_comes_after_its_model_server_leaves_its_tokens_out),
		cmocka_unit_test(facts_of_the_application_reach_the_model_server),
		cmocka_unit_test(parent_first_nothing_waits),
		cmocka_unit_test(child_first_waits_until_the_model_is_known),
		cmocka_unit_test(after_the_time_the_configured_model_is_taken_or_none),
		cmocka_unit_test(a_root_does_not_wait_and_neither_does_anybody_without_join_wait),
		cmocka_unit_test(what_is_forgotten_is_waited_for_and_then_unknown),
		cmocka_unit_test(what_is_left_of_a_trace_without_its_root_has_one),
		cmocka_unit_test(every_key_takes_every_kind_of_value),
		cmocka_unit_test(spans_without_usable_ids_go_and_are_counted),
		cmocka_unit_test(ten_thousand_spans_of_one_trace_pass),
		cmocka_unit_test(structured_values_arrive_as_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
