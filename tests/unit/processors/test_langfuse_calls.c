/* SPDX-License-Identifier: Apache-2.0 */
/* One call of a model counts once, whoever tells of it and in whatever order they come; the names
 * that makers of SDKs, gateways and proxies give to what Langfuse has to know. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/langfuse_case.h"

#define LLM(in, out)                                                                               \
	STR("openinference.span.kind", "LLM"), STR("llm.model_name", "m"),                         \
		INT("llm.token_count.prompt", in), INT("llm.token_count.completion", out)
#define ENGINE(in, out)                                                                            \
	TOKENS(in, out), INT("gen_ai.request.max_tokens", 64),                                     \
		STR("gen_ai.request.id", "chatcmpl-1")
#define KIND(kind) STR("openinference.span.kind", kind)
#define CHAT STR("gen_ai.operation.name", "chat"), MODEL("m")
#define U120 "string {\"input\":100,\"output\":20,\"total\":120}"
#define UNCOUNTED META "uncounted_"

static const struct langfuse_case tellers[] = {
	{"application, proxy that knows the cost, model server: the proxy's counts",
	 "",
	 {ROW(0, 0, APP, "ChatCompletion", LLM(100, 20)),
	  ROW(0, 1, APP, "Received Proxy Server Request", NO_ATTRS),
	  ROW(0, 2, APP, "litellm_request", CHAT, TOKENS(100, 20),
	      DOUBLE("gen_ai.cost.total_cost", 0.01)),
	  ROW(0, 3, VLLM, "llm_request", ENGINE(100, 20))},
	 {{"ChatCompletion", USAGE, ""},
	  {"ChatCompletion", UNCOUNTED "llm_token_count_prompt", "int 100"},
	  {"litellm_request", USAGE, U120},
	  {"litellm_request", COST, "string {\"total\":0.01}"},
	  {"llm_request", USAGE, ""},
	  {"llm_request", TYPE, "string span"}},
	 NULL},
	{"application, gateway, model server, nobody knows the cost: the outermost counts",
	 "",
	 {ROW(0, 0, APP, "openai.chat", CHAT, TOKENS(100, 20)),
	  ROW(0, 1, APP, "ChatCompletion", LLM(100, 20)),
	  ROW(0, 2, VLLM, "llm_request", ENGINE(100, 20))},
	 {{"openai.chat", USAGE, U120}, {"ChatCompletion", USAGE, ""}, {"llm_request", USAGE, ""}},
	 NULL},
	{"the same, with spans of HTTP between, each in a request of its own, outermost first",
	 "",
	 {ROW(0, 0, APP, "openai.chat", CHAT, TOKENS(100, 20)), ROW(0, 1, APP, "POST", NO_ATTRS),
	  ROW(1, 2, APP, "proxy", NO_ATTRS), ROW(1, 3, APP, "ChatCompletion", LLM(100, 20)),
	  ROW(2, 4, APP, "route", NO_ATTRS), ROW(3, 5, VLLM, "llm_request", ENGINE(100, 20))},
	 {{"openai.chat", USAGE, U120}, {"ChatCompletion", USAGE, ""}, {"llm_request", USAGE, ""}},
	 NULL},
	{"innermost first",
	 "",
	 {ROW(3, 0, APP, "openai.chat", CHAT, TOKENS(100, 20)), ROW(3, 1, APP, "POST", NO_ATTRS),
	  ROW(2, 2, APP, "proxy", NO_ATTRS), ROW(2, 3, APP, "ChatCompletion", LLM(100, 20)),
	  ROW(1, 4, APP, "route", NO_ATTRS), ROW(0, 5, VLLM, "llm_request", ENGINE(100, 20))},
	 {{"llm_request", USAGE, U120},
	  {"ChatCompletion", USAGE, ""},
	  {"openai.chat", USAGE, ""},
	  {"openai.chat", UNCOUNTED "gen_ai_usage_prompt_tokens", "int 100"}},
	 NULL},
	{"the gateway in the middle first",
	 "",
	 {ROW(1, 0, APP, "openai.chat", CHAT, TOKENS(100, 20)),
	  ROW(0, 1, APP, "ChatCompletion", LLM(100, 20)),
	  ROW(2, 2, VLLM, "llm_request", ENGINE(100, 20))},
	 {{"openai.chat", USAGE, ""}, {"ChatCompletion", USAGE, U120}, {"llm_request", USAGE, ""}},
	 NULL},
	{"the gateway in the middle last",
	 "",
	 {ROW(1, 0, APP, "openai.chat", CHAT, TOKENS(100, 20)),
	  ROW(2, 1, APP, "ChatCompletion", LLM(100, 20)),
	  ROW(0, 2, VLLM, "llm_request", ENGINE(100, 20))},
	 {{"openai.chat", USAGE, ""}, {"ChatCompletion", USAGE, ""}, {"llm_request", USAGE, U120}},
	 NULL},
	{"an SDK under an instrumentation; a tool's call inside a call is another one",
	 "",
	 {ROW(0, 0, APP, "outer", LLM(100, 20)), ROW(0, 1, APP, "inner", CHAT, TOKENS(100, 20)),
	  ROW(0, 1, APP, "tool", KIND("TOOL")), ROW(0, 3, APP, "of the tool", LLM(100, 20))},
	 {{"outer", USAGE, U120}, {"inner", USAGE, ""}, {"of the tool", USAGE, U120}},
	 NULL},
	{"a proxy that tried twice: the try without a cost is not lost",
	 "",
	 {ROW(0, 0, APP, "outer", LLM(200, 40)),
	  ROW(0, 1, APP, "first", CHAT, TOKENS(100, 20), DOUBLE("gen_ai.usage.cost", 0.5)),
	  ROW(0, 1, APP, "second", CHAT, TOKENS(100, 20))},
	 {{"outer", USAGE, ""}, {"first", USAGE, U120}, {"second", USAGE, U120}},
	 NULL},
	{"the AI SDK's parents sum up their calls; one alone keeps its tokens",
	 "",
	 {ROW(0, 0, APP, "ai.generateText", STR("ai.operationId", "ai.generateText"),
	      STR("ai.model.id", "gpt-4o"), INT("ai.usage.inputTokens", 200),
	      INT("ai.usage.outputTokens", 40), INT("ai.usage.totalTokens", 240),
	      INT("ai.usage.cachedInputTokens", 60),
	      STR("ai.response.providerMetadata", "{\"openai\":{\"cachedPromptTokens\":60}}")),
	  ROW(0, 1, APP, "one", STR("ai.operationId", "ai.generateText.doGenerate"),
	      MODEL("gpt-4o"), TOKENS(100, 20), INT("ai.usage.inputTokens", 100)),
	  ROW(0, 1, APP, "two", STR("ai.operationId", "ai.generateText.doGenerate"),
	      MODEL("gpt-4o"), TOKENS(100, 20)),
	  ROW(0, 0, APP, "ai.embed", STR("ai.operationId", "ai.embed"), INT("ai.usage.tokens", 8)),
	  ROW(0, 4, APP, "embed", STR("ai.operationId", "ai.embed.doEmbed"),
	      STR("ai.model.id", "e"), INT("ai.usage.tokens", 8)),
	  ROW(0, 0, APP, "alone", STR("ai.operationId", "ai.streamObject"),
	      INT("ai.usage.promptTokens", 7), INT("ai.usage.completionTokens", 3))},
	 {{"ai.generateText", USAGE, "string {}"},
	  {"ai.generateText", UNCOUNTED "ai_usage_inputTokens", "int 200"},
	  {"ai.generateText", "ai.usage.cachedInputTokens", ""},
	  {"one", USAGE, U120},
	  {"two", USAGE, U120},
	  {"ai.embed", USAGE, ""},
	  {"ai.embed", "ai.usage.tokens", ""},
	  {"embed", USAGE, "string {\"input\":8,\"total\":8}"},
	  {"alone", USAGE, "string {\"input\":7,\"output\":3,\"total\":10}"}},
	 NULL},
	{"a turn of a conversation sums up; an answer that is fetched again counts once",
	 "",
	 {ROW(0, 0, APP, "turn", STR("gen_ai.operation.name", "handle_conversation_turn"),
	      TOKENS(100, 20)),
	  ROW(0, 1, APP, "create", CHAT, STR("gen_ai.response.id", "resp-1"), TOKENS(100, 20)),
	  ROW(0, 1, APP, "fetch", STR("gen_ai.operation.name", "fetch_response"),
	      STR("gen_ai.response.id", "resp-1"), TOKENS(100, 20)),
	  ROW(1, 1, APP, "again", STR("gen_ai.operation.name", "fetch_response"),
	      STR("gen_ai.response.id", "resp-1"), TOKENS(100, 20)),
	  ROW(1, 1, APP, "other", CHAT, STR("gen_ai.response.id", "resp-2"), TOKENS(100, 20))},
	 {{"turn", USAGE, ""},
	  {"create", USAGE, U120},
	  {"fetch", USAGE, ""},
	  {"again", USAGE, ""},
	  {"again", UNCOUNTED "gen_ai_usage_prompt_tokens", "int 100"},
	  {"other", USAGE, U120}},
	 NULL},
	{"several choices have one prompt, also with later requests",
	 "models: {app: m}",
	 {ROW(0, 0, EPP, "gateway.request", NO_ATTRS),
	  ROW(0, 1, VLLM, "llm_request", TOKENS(100, 20), STR("gen_ai.request.id", "0_chatcmpl-1")),
	  ROW(0, 1, VLLM, "two", TOKENS(100, 20), STR("gen_ai.request.id", "1_chatcmpl-1")),
	  ROW(1, 1, VLLM, "three", TOKENS(100, 20), STR("gen_ai.request.id", "2_chatcmpl-1")),
	  ROW(1, 1, VLLM, "other", TOKENS(100, 20), STR("gen_ai.request.id", "chatcmpl-2"))},
	 {{"llm_request", USAGE, U120},
	  {"two", USAGE, "string {\"output\":20,\"total\":20}"},
	  {"three", USAGE, "string {\"output\":20,\"total\":20}"},
	  {"other", USAGE, U120}},
	 NULL},
	{"what sums up and comes later yields, also past spans of a third request",
	 "",
	 {ROW(2, 0, APP, "run", KIND("AGENT"), INT("llm.token_count.prompt", 100)),
	  ROW(1, 1, APP, "step", NO_ATTRS), ROW(0, 2, APP, "LLM", LLM(100, 20)),
	  ROW(2, 0, APP, "other", KIND("AGENT"), INT("llm.token_count.prompt", 7))},
	 {{"LLM", USAGE, U120},
	  {"run", USAGE, ""},
	  {"run", UNCOUNTED "llm_token_count_prompt", "int 100"},
	  {"other", USAGE, "string {\"input\":7,\"total\":7}"}},
	 NULL},
};

static const struct langfuse_case models[] = {
	{"two models in one trace: the nearest that was routed",
	 "",
	 {ROW(0, 0, APP, "POST", NO_ATTRS), ROW(0, 1, EPP, "gateway.request", NO_ATTRS),
	  ROW(0, 1, EPP, "gateway.request", NO_ATTRS),
	  ROW(0, 2, EPP, "pick a", STR("target_model", "qwen3-8b")),
	  ROW(0, 3, EPP, "pick b", STR("target_model", "llama-70b")),
	  ROW(0, 2, VLLM, "llm_request", ENGINE(1, 2)), ROW(0, 3, VLLM, "b", ENGINE(1, 2)),
	  ROW(0, 1, VLLM, "c", ENGINE(1, 2))},
	 {{"llm_request", MODEL_NAME, "string qwen3-8b"},
	  {"b", MODEL_NAME, "string llama-70b"},
	  {"c", MODEL_NAME, ""}},
	 NULL},
	{"with model servers in later requests",
	 "",
	 {ROW(0, 0, APP, "POST", NO_ATTRS), ROW(0, 1, EPP, "gateway.request", NO_ATTRS),
	  ROW(1, 1, EPP, "gateway.request", NO_ATTRS),
	  ROW(0, 2, EPP, "pick a", STR("target_model", "qwen3-8b")),
	  ROW(1, 3, EPP, "pick b", STR("target_model", "llama-70b")),
	  ROW(2, 2, VLLM, "llm_request", ENGINE(1, 2)), ROW(3, 3, VLLM, "b", ENGINE(1, 2))},
	 {{"llm_request", MODEL_NAME, "string qwen3-8b"}, {"b", MODEL_NAME, "string llama-70b"}},
	 NULL},
	{"a call that no router saw has its caller's model",
	 "",
	 {ROW(0, 0, APP, "a", STR("openinference.span.kind", "LLM"),
	      STR("llm.model_name", "alias")),
	  ROW(0, 1, EPP, "gateway.request", STR("target_model", "served")),
	  ROW(0, 2, VLLM, "llm_request", ENGINE(1, 2)),
	  ROW(0, 0, APP, "b", STR("openinference.span.kind", "LLM"), STR("llm.model_name", "own")),
	  ROW(0, 4, VLLM, "direct", ENGINE(1, 2))},
	 {{"llm_request", MODEL_NAME, "string served"}, {"direct", MODEL_NAME, "string own"}},
	 NULL},
	{"a request for one token is a call",
	 "",
	 {ROW(0, 0, EPP, "gateway.request_orchestration", STR("target_model", "m1")),
	  ROW(0, 1, VLLM, "llm_request", TOKENS(500, 1), INT("gen_ai.request.max_tokens", 1))},
	 {{"llm_request", TYPE, "string generation"},
	  {"llm_request", MODEL_NAME, "string m1"},
	  {"llm_request", USAGE, "string {\"input\":500,\"output\":1,\"total\":501}"}},
	 NULL},
	{"where prefill and decode are apart, it is a leg, also with a later request",
	 "",
	 {ROW(0, 0, EPP, "prepare_disaggregation", STR("target_model", "m1")),
	  ROW(1, 1, VLLM, "llm_request", TOKENS(500, 1), INT("gen_ai.request.max_tokens", 1))},
	 {{"llm_request", TYPE, "string span"}, {"llm_request", USAGE, ""}},
	 NULL},
};

static const struct langfuse_case makers[] = {
	{"when the first token came",
	 "",
	 {ROW(0, 0, APP, "call", LLM(100, 20)),
	  ROW(0, 1, VLLM, "llm_request", ENGINE(100, 20),
	      DOUBLE("gen_ai.latency.time_to_first_token", 0.343)),
	  ROW(0, 0, APP, "chunk", CHAT,
	      DOUBLE("gen_ai.client.operation.time_to_first_chunk", 0.25)),
	  ROW(1, 0, APP, "later", LLM(100, 20)),
	  ROW(0, 4, VLLM, "earlier", ENGINE(100, 20),
	      DOUBLE("gen_ai.latency.time_to_first_token", 0.5))},
	 {{"call", START, "string 2026-01-01T00:00:00.343Z"},
	  {"chunk", START, "string 2026-01-01T00:00:00.250Z"},
	  {"earlier", USAGE, U120},
	  {"later", USAGE, ""},
	  {"later", START, "string 2026-01-01T00:00:00.500Z"}},
	 NULL},
	{"OpenLLMetry's kinds and properties",
	 "",
	 {ROW(0, 0, APP, "my_workflow", STR("traceloop.span.kind", "workflow"),
	      STR("traceloop.association.properties.user_id", "u-3"),
	      STR("traceloop.association.properties.session_id", "s-3")),
	  ROW(0, 1, APP, "ask", STR("traceloop.span.kind", "task")),
	  ROW(0, 2, APP, "agent", STR("traceloop.span.kind", "agent")),
	  ROW(0, 2, APP, "tool", STR("traceloop.span.kind", "tool"))},
	 {{"my_workflow", TYPE, "string chain"},
	  {"my_workflow", "langfuse.user.id", "string u-3"},
	  {"my_workflow", "langfuse.session.id", "string s-3"},
	  {"ask", TYPE, ""},
	  {"ask", "langfuse.user.id", "string u-3"},
	  {"agent", TYPE, "string agent"},
	  {"tool", TYPE, "string tool"},
	  {"tool", "langfuse.session.id", "string s-3"}},
	 NULL},
	{"LiteLLM's embeddings and rankings, its user",
	 "",
	 {ROW(0, 0, APP, "embedding", STR("gen_ai.operation.name", "embedding"), MODEL("e"),
	      INT("gen_ai.usage.input_tokens", 8), STR("llm.user", "u-4")),
	  ROW(0, 0, APP, "rerank", STR("gen_ai.operation.name", "rerank"), MODEL("r")),
	  ROW(0, 0, APP, "by request", STR("llm.request.type", "rerank"), MODEL("r"))},
	 {{"embedding", TYPE, "string embedding"},
	  {"embedding", "langfuse.user.id", "string u-4"},
	  {"rerank", TYPE, "string retriever"},
	  {"by request", TYPE, "string retriever"}},
	 NULL},
	{"MLflow's texts in quotation marks",
	 "",
	 {ROW(0, 0, APP, "a", STR("mlflow.spanType", "\"CHAT_MODEL\""),
	      STR("mlflow.llm.model", "\"gpt-4o\"")),
	  ROW(0, 0, APP, "b", STR("mlflow.spanType", "\"RETRIEVER\"")),
	  ROW(0, 0, APP, "c", STR("mlflow.spanType", "\"UNKNOWN\""))},
	 {{"a", TYPE, "string generation"},
	  {"a", MODEL_NAME, "string gpt-4o"},
	  {"b", TYPE, "string retriever"},
	  {"c", TYPE, ""}},
	 NULL},
	{"Logfire's cost; the tier that was granted before the one that was asked for",
	 "",
	 {ROW(0, 0, APP, "cost", CHAT, TOKENS(1, 2), DOUBLE("operation.cost", 0.25)),
	  ROW(0, 0, APP, "tier", CHAT, STR("gen_ai.request.service_tier", "auto"),
	      STR("openai.response.service_tier", "priority"))},
	 {{"cost", COST, "string {\"total\":0.25}"},
	  {"tier", PARAMETERS, "string {\"service_tier\":\"priority\"}"}},
	 NULL},
};

/* Services whose versions differ; one has none. */
static const struct example_service versions[REQUESTS_MAX] = {
	{NULL, ATTRS(STR("service.name", "app"), STR("service.version", "1.0.0"))},
	{NULL, ATTRS(STR("service.name", "svc"), STR("service.version", "9.9.9"))},
	{NULL, ATTRS(STR("service.name", "vllm"))},
	{NULL, ATTRS(STR("service.name", "app"), STR("service.version", "1.0.0"))}};

static const struct langfuse_case spread[] = {
	{"who updates the trace names the root's version and whether it is public",
	 "",
	 {ROW(0, 0, APP, "POST", STR("user.id", "u"), BOOL("langfuse.trace.public", true)),
	  ROW(1, 1, APP, "GET", NO_ATTRS), ROW(2, 2, VLLM, "llm_request", TOKENS(1, 2)),
	  ROW(3, 1, APP, "same", NO_ATTRS), ROW(3, 1, APP, "own", STR("langfuse.version", "7"))},
	 {{"POST", "langfuse.version", ""},
	  {"GET", "langfuse.user.id", "string u"},
	  {"GET", "langfuse.version", "string 1.0.0"},
	  {"GET", "langfuse.trace.public", "bool true"},
	  {"llm_request", "langfuse.trace.public", "bool true"},
	  {"own", "langfuse.version", "string 7"}},
	 versions},
	{"without user and session nobody updates the trace",
	 "",
	 {ROW(0, 0, APP, "POST", NO_ATTRS), ROW(1, 1, APP, "GET", NO_ATTRS)},
	 {{"GET", "langfuse.version", ""}, {"GET", "langfuse.trace.public", ""}},
	 versions},
};

static void a_call_counts_once_whoever_tells_of_it(void **state)
{
	(void)state;
	langfuse_cases_run(tellers, ARRAY_COUNT(tellers));
}

static void a_model_server_has_the_model_that_was_routed_to_it(void **state)
{
	(void)state;
	langfuse_cases_run(models, ARRAY_COUNT(models));
}

static void names_of_all_makers_are_read(void **state)
{
	(void)state;
	langfuse_cases_run(makers, ARRAY_COUNT(makers));
}

static void the_trace_stays_as_its_root_says(void **state)
{
	(void)state;
	langfuse_cases_run(spread, ARRAY_COUNT(spread));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_counts_once_whoever_tells_of_it),
		cmocka_unit_test(a_model_server_has_the_model_that_was_routed_to_it),
		cmocka_unit_test(names_of_all_makers_are_read),
		cmocka_unit_test(the_trace_stays_as_its_root_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
