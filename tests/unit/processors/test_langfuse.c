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
#include "tests/support/langfuse_bench.h"

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
	{"v1: a vLLM span that nobody knows a model for is a generation without one",
	 "",
	 {ROW(0, 0, VLLM, "llm_request", TOKENS(100, 20), STR("gen_ai.request.id", "r-1"),
	      INT("gen_ai.request.max_tokens", 64), INT("gen_ai.request.n", 1))},
	 {{"llm_request", TYPE, "string generation"},
	  {"llm_request", MODEL_NAME, ""},
	  {"llm_request", USAGE, "string {\"input\":100,\"output\":20,\"total\":120}"},
	  {"llm_request", PARAMETERS, "string {\"max_tokens\":64}"},
	  {"llm_request", START, ""}},
	 NULL},
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
	{"a span below another one does not pose as the trace's root",
	 "",
	 {ROW(0, 0, APP, "root", BOOL("langfuse.internal.as_root", true)),
	  ROW(0, 1, APP, "child", BOOL("langfuse.internal.as_root", true))},
	 {{"root", "langfuse.internal.as_root", "bool true"},
	  {"child", "langfuse.internal.as_root", ""}},
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
	{"tokens inside content that only some libraries have",
	 "",
	 {ROW(0, 0, APP, "genkit", MODEL("m"),
	      STR("genkit:output", "{\"message\": {\"usage\": {\"inputTokens\": 9}}, \"usage\": "
				   "{\"inputTokens\": 3, \"outputTokens\": 4, \"x\": [1]}}")),
	  ROW(0, 0, APP, "vertex", MODEL("m"), TOKENS(10, 4),
	      STR("gcp.vertex.agent.llm_response",
		  "{\"usage_metadata\": {\"cached_content_token_count\": 6}}")),
	  ROW(0, 0, APP, "cut", MODEL("m"), STR("genkit:output", "{\"usage\": {\"inputTok"))},
	 {{"genkit", USAGE, "string {\"input\":3,\"output\":4,\"total\":7}"},
	  {"vertex", USAGE,
	   "string {\"input\":4,\"output\":4,\"input_cached_tokens\":6,\"total\":14}"},
	  {"cut", USAGE, ""}},
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
	processor_bench_send(&bench, requests.items[0]);
	assert_int_equal(bench_span_count(&bench), 1);
	assert_string_equal(bench_span_attr(&bench, 0, "langfuse.internal.is_app_root"),
			    "bool true");
	assert_int_equal(edit_span_parent(bench.out_edit, 0).len, 0);
	processor_bench_send(&bench, requests.items[1]);
	assert_int_equal(bench_span_count(&bench), 0);
	processor_bench_send(&bench, requests.items[2]);
	assert_string_equal(bench_span_attr(&bench, 0, "langfuse.internal.is_app_root"),
			    "bool true");
	processor_bench_send(&bench, requests.items[3]);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_case_shows_what_it_should),
		cmocka_unit_test(what_is_left_of_a_trace_without_its_root_has_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
