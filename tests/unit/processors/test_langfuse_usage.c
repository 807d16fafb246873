/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens and money under the langfuse processor: what counts, under whatever name, and on which of
 * several spans. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/langfuse_case.h"

#include <stdio.h>

#define IN_OUT INT("gen_ai.usage.input_tokens", 100), INT("gen_ai.usage.output_tokens", 50)
#define CALL STR("gen_ai.operation.name", "chat"), MODEL("m")

static const struct langfuse_case cases[] = {
	/* inside answers of models */
	{"Genkit's tokens",
	 "",
	 {ROW(0, 0, APP, "a", STR("genkit:metadata:subtype", "model"),
	      STR("genkit:output",
		  "{\"message\": {\"usage\": {\"inputTokens\": 9}, \"content\": [{\"text\": "
		  "\"CANARY } \\\"usage\\\"\"}]}, "
		  "\"usage\": "
		  "{\"inputTokens\": 12, \"outputTokens\": 30, \"thoughtsTokens\": 10, "
		  "\"totalTokens\": 42}}")),
	  ROW(0, 0, APP, "flow", STR("genkit:output", "\"CANARY\"")),
	  ROW(0, 0, APP, "broken", STR("genkit:output", "{\"usage\": {\"inputTokens\": 12"))},
	 {{"a", USAGE,
	   "string {\"input\":12,\"output\":20,\"output_reasoning_tokens\":10,\"total\":42}"},
	  {"flow", USAGE, ""},
	  {"broken", USAGE, ""}},
	 NULL},
	{"parts that the AI SDK leaves in the provider's metadata",
	 "",
	 {ROW(0, 0, APP, "openai", CALL, IN_OUT,
	      STR("ai.response.providerMetadata",
		  "{\"openai\":{\"cachedPromptTokens\":30,\"reasoningTokens\":10}}")),
	  ROW(0, 0, APP, "anthropic", CALL, IN_OUT,
	      STR("ai.response.providerMetadata",
		  "{\"anthropic\":{\"usage\":{\"cache_creation_input_tokens\":20,"
		  "\"cache_read_input_tokens\":60}}}")),
	  ROW(0, 0, APP, "bedrock", CALL, IN_OUT,
	      STR("ai.response.providerMetadata",
		  "{\"bedrock\":{\"usage\":{\"cacheReadInputTokens\":40,"
		  "\"cacheWriteInputTokens\":5}}}")),
	  ROW(0, 0, APP, "said", CALL, IN_OUT, INT("ai.usage.cachedInputTokens", 7),
	      STR("ai.response.providerMetadata", "{\"openai\":{\"cachedPromptTokens\":30}}")),
	  ROW(0, 0, APP, "alone", CALL,
	      STR("ai.response.providerMetadata", "{\"openai\":{\"cachedPromptTokens\":30}}"))},
	 {{"openai", USAGE,
	   "string {\"input\":70,\"output\":40,\"input_cached_tokens\":30,"
	   "\"output_reasoning_tokens\":10,\"total\":150}"},
	  {"anthropic", USAGE,
	   "string {\"input\":20,\"output\":50,\"input_cached_tokens\":60,"
	   "\"input_cache_creation\":20,\"total\":150}"},
	  {"bedrock", USAGE,
	   "string {\"input\":55,\"output\":50,\"input_cached_tokens\":40,"
	   "\"input_cache_creation\":5,\"total\":150}"},
	  {"said", USAGE,
	   "string {\"input\":93,\"output\":50,\"input_cached_tokens\":7,\"total\":150}"},
	  {"alone", USAGE, ""}},
	 NULL},
	{"cached tokens in the answer that Google's ADK keeps",
	 "",
	 {ROW(0, 0, APP, "a", CALL, IN_OUT,
	      STR("gcp.vertex.agent.llm_response",
		  "{\"content\":{\"parts\":[{\"text\":\"CANARY\"}]},"
		  "\"usage_metadata\":{\"cached_content_token_count\":25}}"))},
	 {{"a", USAGE,
	   "string {\"input\":75,\"output\":50,\"input_cached_tokens\":25,\"total\":150}"},
	  {"a", "gcp.vertex.agent.llm_response",
	   "string {\"content\":{\"parts\":[{\"text\":\"CANARY\"}]},"
	   "\"usage_metadata\":{\"cached_content_token_count\":25}}"}},
	 NULL},
	/* names that Langfuse would add up on top */
	{"parts under other names are no tokens of their own",
	 "",
	 {ROW(0, 0, APP, "a", CALL, IN_OUT, INT("gen_ai.usage.num_sequences", 2)),
	  ROW(0, 0, APP, "b", CALL, IN_OUT,
	      INT("gen_ai.usage.completion_tokens_details.reasoning_tokens", 10)),
	  ROW(0, 0, APP, "c", CALL, IN_OUT, INT("gen_ai.usage.image.input_tokens", 60),
	      INT("gen_ai.usage.audio.output_tokens", 5)),
	  ROW(0, 0, APP, "d", CALL, IN_OUT, INT("gen_ai.usage.cache_write_input_tokens", 9)),
	  ROW(0, 0, APP, "e", CALL, IN_OUT, INT("gen_ai.usage.cache_write.input_tokens", 9)),
	  ROW(0, 0, APP, "f", CALL, IN_OUT, INT("gen_ai.usage.input_text_tokens", 90)),
	  ROW(0, 0, APP, "g", CALL, IN_OUT, INT("gen_ai.usage.video.input_tokens", 8))},
	 {{"a", USAGE, "string {\"input\":100,\"output\":50,\"total\":150}"},
	  {"b", USAGE,
	   "string {\"input\":100,\"output\":40,\"output_reasoning_tokens\":10,\"total\":150}"},
	  {"c", USAGE, "string {\"input\":100,\"output\":50,\"total\":150}"},
	  {"d", USAGE,
	   "string {\"input\":91,\"output\":50,\"input_cache_creation\":9,\"total\":150}"},
	  {"e", USAGE,
	   "string {\"input\":91,\"output\":50,\"input_cache_creation\":9,\"total\":150}"},
	  {"f", USAGE, "string {\"input\":100,\"output\":50,\"total\":150}"},
	  {"g", USAGE, "string {\"input\":100,\"output\":50,\"total\":150}"}},
	 NULL},
	{"of two names for the input the older one counts; more cached than sent floors at none",
	 "",
	 {ROW(0, 0, APP, "old", CALL, INT("gen_ai.usage.input_tokens", 1),
	      INT("gen_ai.usage.prompt_tokens", 2)),
	  ROW(0, 0, APP, "odd", CALL, INT("gen_ai.usage.input_tokens", 10),
	      INT("gen_ai.usage.cached_tokens", 30)),
	  ROW(0, 0, APP, "total", CALL, INT("llm.usage.total_tokens", 9))},
	 {{"old", USAGE, "string {\"input\":2,\"total\":2}"},
	  {"odd", USAGE, "string {\"input\":0,\"input_cached_tokens\":30,\"total\":10}"},
	  {"total", USAGE, "string {\"total\":9}"}},
	 NULL},
	/* money */
	{"behind a cost that says nothing the next one counts",
	 "prices: {m: {input: 1}}",
	 {ROW(0, 0, APP, "a", CALL, DOUBLE("gen_ai.usage.cost", 0), DOUBLE("llm.cost.total", 0.5)),
	  ROW(0, 0, APP, "b", CALL, STR("gen_ai.usage.cost", ""),
	      DOUBLE("gen_ai.cost.total_cost", 0.25)),
	  ROW(0, 0, APP, "c", CALL, DOUBLE("gen_ai.usage.cost", -1), IN_OUT),
	  ROW(0, 0, APP, "d", CALL, DOUBLE("llm.cost.prompt", 1),
	      DOUBLE("llm.cost.completion", 2))},
	 {{"a", "gen_ai.usage.cost", ""},
	  {"a", "llm.cost.total", "double 0.5"},
	  {"b", "gen_ai.usage.cost", ""},
	  {"b", COST, "string {\"total\":0.25}"},
	  {"c", COST, "string {\"input\":100,\"total\":100}"},
	  {"d", COST, "string {\"input\":1,\"output\":2,\"total\":3}"}},
	 NULL},
	{"a price of zero is a price; buckets without one cost what their whole costs",
	 "prices: {free-*: {input: 0, output: 0}, m: {input: 2, input_cached_tokens: 1, output: "
	 "4}}",
	 {ROW(0, 0, APP, "free", MODEL("free-1"), IN_OUT),
	  ROW(0, 0, APP, "m", CALL, IN_OUT, INT("gen_ai.usage.cached_tokens", 40),
	      INT("gen_ai.usage.reasoning_tokens", 10)),
	  ROW(0, 0, APP, "unknown", MODEL("other"), IN_OUT)},
	 {{"free", COST, "string {\"input\":0,\"output\":0,\"total\":0}"},
	  {"m", COST,
	   "string {\"input\":120,\"output\":160,\"input_cached_tokens\":40,"
	   "\"output_reasoning_tokens\":40,\"total\":360}"},
	  {"unknown", COST, ""}},
	 NULL},
	/* whose tokens */
	{"tokens that the application told Langfuse are the call's, and the model server yields",
	 "",
	 {ROW(0, 0, APP, "call", STR(TYPE, "generation"), STR(USAGE, "{\"input\":7,\"output\":1}"),
	      MODEL("m")),
	  ROW(0, 1, VLLM, "llm_request", TOKENS(7, 1), INT("gen_ai.request.max_tokens", 9))},
	 {{"call", USAGE, "string {\"input\":7,\"output\":1}"},
	  {"llm_request", USAGE, ""},
	  {"llm_request", TYPE, "string span"},
	  {"llm_request", META "uncounted_gen_ai_usage_prompt_tokens", "int 7"}},
	 NULL},
	{"an agent that told Langfuse its tokens keeps them",
	 "",
	 {ROW(0, 0, APP, "agent", STR("openinference.span.kind", "AGENT"),
	      STR(USAGE, "{\"input\":7}")),
	  ROW(0, 1, APP, "call", CALL, IN_OUT)},
	 {{"agent", USAGE, "string {\"input\":7}"},
	  {"call", USAGE, "string {\"input\":100,\"output\":50,\"total\":150}"}},
	 NULL},
	{"a short answer is no prefill leg",
	 "models: {app: m}",
	 {ROW(0, 0, VLLM, "llm_request", TOKENS(7, 1), INT("gen_ai.request.max_tokens", 16))},
	 {{"llm_request", USAGE, "string {\"input\":7,\"output\":1,\"total\":8}"},
	  {"llm_request", TYPE, "string generation"}},
	 NULL},
	/* parameters */
	{"figures in text are figures, words are let in where there are two known ones",
	 "",
	 {ROW(0, 0, APP, "a", CALL, STR("gen_ai.request.temperature", "0.5"),
	      STR("gen_ai.request.max_tokens", "CANARY"),
	      STR("gen_ai.request.reasoning_effort", "high"),
	      STR("gen_ai.openai.request.service_tier", "Not A Word"))},
	 {{"a", PARAMETERS, "string {\"temperature\":0.5,\"reasoning_effort\":\"high\"}"}},
	 NULL},
};

static void every_token_and_every_cent_counts_once(void **state)
{
	(void)state;
	langfuse_cases_run(cases, ARRAY_COUNT(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_token_and_every_cent_counts_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
