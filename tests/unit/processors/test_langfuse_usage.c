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
#define PARTS                                                                                      \
	IN_OUT, INT("gen_ai.usage.cached_tokens", 30), INT("gen_ai.usage.reasoning_tokens", 10)
/* A model with a price for every bucket. */
#define SPLIT_CALL STR("gen_ai.operation.name", "chat"), MODEL("gpt-5.6-sol")

static const struct langfuse_case cases[] = {
	/* inside answers of models */
	{"Genkit's tokens",
	 "",
	 {ROW(0, 0, APP, "a", STR("genkit:metadata:subtype", "model"), MODEL("gpt-5.6-sol"),
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
	 {ROW(0, 0, APP, "openai", SPLIT_CALL, IN_OUT,
	      STR("ai.response.providerMetadata",
		  "{\"openai\":{\"cachedPromptTokens\":30,\"reasoningTokens\":10}}")),
	  ROW(0, 0, APP, "anthropic", SPLIT_CALL, IN_OUT,
	      STR("ai.response.providerMetadata",
		  "{\"anthropic\":{\"usage\":{\"cache_creation_input_tokens\":20,"
		  "\"cache_read_input_tokens\":60}}}")),
	  ROW(0, 0, APP, "bedrock", SPLIT_CALL, IN_OUT,
	      STR("ai.response.providerMetadata",
		  "{\"bedrock\":{\"usage\":{\"cacheReadInputTokens\":40,"
		  "\"cacheWriteInputTokens\":5}}}")),
	  ROW(0, 0, APP, "said", SPLIT_CALL, IN_OUT, INT("ai.usage.cachedInputTokens", 7),
	      STR("ai.response.providerMetadata", "{\"openai\":{\"cachedPromptTokens\":30}}")),
	  ROW(0, 0, APP, "alone", SPLIT_CALL,
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
	 {ROW(0, 0, APP, "a", SPLIT_CALL, IN_OUT,
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
	 {ROW(0, 0, APP, "a", SPLIT_CALL, IN_OUT, INT("gen_ai.usage.num_sequences", 2)),
	  ROW(0, 0, APP, "b", SPLIT_CALL, IN_OUT,
	      INT("gen_ai.usage.completion_tokens_details.reasoning_tokens", 10)),
	  ROW(0, 0, APP, "c", SPLIT_CALL, IN_OUT, INT("gen_ai.usage.image.input_tokens", 60),
	      INT("gen_ai.usage.audio.output_tokens", 5)),
	  ROW(0, 0, APP, "d", SPLIT_CALL, IN_OUT, INT("gen_ai.usage.cache_write_input_tokens", 9)),
	  ROW(0, 0, APP, "e", SPLIT_CALL, IN_OUT, INT("gen_ai.usage.cache_write.input_tokens", 9)),
	  ROW(0, 0, APP, "f", SPLIT_CALL, IN_OUT, INT("gen_ai.usage.input_text_tokens", 90)),
	  ROW(0, 0, APP, "g", SPLIT_CALL, IN_OUT, INT("gen_ai.usage.video.input_tokens", 8))},
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
	{"of two names for the input the older one counts; more cached than sent is not in the "
	 "input",
	 "",
	 {ROW(0, 0, APP, "old", SPLIT_CALL, INT("gen_ai.usage.input_tokens", 1),
	      INT("gen_ai.usage.prompt_tokens", 2)),
	  ROW(0, 0, APP, "odd", SPLIT_CALL, INT("gen_ai.usage.input_tokens", 10),
	      INT("gen_ai.usage.cached_tokens", 30)),
	  ROW(0, 0, APP, "total", SPLIT_CALL, INT("llm.usage.total_tokens", 9))},
	 {{"old", USAGE, "string {\"input\":2,\"total\":2}"},
	  {"odd", USAGE, "string {\"input\":10,\"input_cached_tokens\":30,\"total\":40}"},
	  {"total", USAGE, "string {\"total\":9}"}},
	 NULL},
	/* priced buckets */
	{"parts are split off where Langfuse has a price for them, and else stay in the whole",
	 "",
	 {ROW(0, 0, APP, "mini", MODEL("gpt-5.4-mini"), PARTS),
	  ROW(0, 0, APP, "pro", MODEL("o3-pro"), PARTS),
	  ROW(0, 0, APP, "gpt-4", MODEL("gpt-4"), PARTS),
	  ROW(0, 0, APP, "dated", MODEL("OpenAI/gpt-5-mini-2025-08-07"), PARTS),
	  ROW(0, 0, APP, "claude", MODEL("us.anthropic.claude-sonnet-4-5-20250929-v1:0"), PARTS),
	  ROW(0, 0, APP, "opus", MODEL("claude-3-opus-20240229"), PARTS),
	  ROW(0, 0, APP, "hosted", MODEL("meta-llama/Llama-3.1-8B-Instruct"), PARTS),
	  ROW(0, 0, APP, "nobody", PARTS)},
	 {{"mini", USAGE,
	   "string {\"input\":70,\"output\":50,\"input_cached_tokens\":30,\"total\":150}"},
	  {"pro", USAGE,
	   "string {\"input\":100,\"output\":40,\"output_reasoning_tokens\":10,\"total\":150}"},
	  {"gpt-4", USAGE, "string {\"input\":100,\"output\":50,\"total\":150}"},
	  {"dated", USAGE,
	   "string {\"input\":70,\"output\":40,\"input_cached_tokens\":30,"
	   "\"output_reasoning_tokens\":10,\"total\":150}"},
	  {"claude", USAGE,
	   "string {\"input\":70,\"output\":50,\"input_cached_tokens\":30,\"total\":150}"},
	  {"opus", USAGE, "string {\"input\":100,\"output\":50,\"total\":150}"},
	  {"hosted", USAGE, "string {\"input\":100,\"output\":50,\"total\":150}"},
	  {"nobody", USAGE, "string {\"input\":100,\"output\":50,\"total\":150}"}},
	 NULL},
	{"a call with a cost of its own, a price or a row of the user's shows its parts",
	 "{prices: {served-*: {input: 1, output: 2}}, priced_buckets: {house-*: "
	 "[input_cached_tokens], gpt-5: []}}",
	 {ROW(0, 0, APP, "said", MODEL("gpt-4"), PARTS, DOUBLE("gen_ai.usage.cost", 0.5)),
	  ROW(0, 0, APP, "priced", MODEL("served-1"), PARTS),
	  ROW(0, 0, APP, "row", MODEL("house-1"), PARTS),
	  ROW(0, 0, APP, "none", MODEL("gpt-5"), PARTS)},
	 {{"said", USAGE,
	   "string {\"input\":70,\"output\":40,\"input_cached_tokens\":30,"
	   "\"output_reasoning_tokens\":10,\"total\":150}"},
	  {"priced", USAGE,
	   "string {\"input\":70,\"output\":40,\"input_cached_tokens\":30,"
	   "\"output_reasoning_tokens\":10,\"total\":150}"},
	  {"priced", COST,
	   "string {\"input\":70,\"output\":80,\"input_cached_tokens\":30,"
	   "\"output_reasoning_tokens\":20,\"total\":200}"},
	  {"row", USAGE,
	   "string {\"input\":70,\"output\":50,\"input_cached_tokens\":30,\"total\":150}"},
	  {"none", USAGE, "string {\"input\":100,\"output\":50,\"total\":150}"}},
	 NULL},
	{"counts that leave their parts out, and totals below the sum of their parts",
	 "",
	 {ROW(0, 0, APP, "anthropic", MODEL("claude-sonnet-4-5-20250929"),
	      INT("gen_ai.usage.input_tokens", 60), INT("gen_ai.usage.output_tokens", 50),
	      INT("gen_ai.usage.cache_read_input_tokens", 300),
	      INT("gen_ai.usage.cache_creation_input_tokens", 10)),
	  ROW(0, 0, APP, "total", SPLIT_CALL, IN_OUT, INT("gen_ai.usage.cached_tokens", 40),
	      INT("gen_ai.usage.total_tokens", 190)),
	  ROW(0, 0, APP, "thoughts", SPLIT_CALL, INT("gen_ai.usage.input_tokens", 10),
	      INT("gen_ai.usage.output_tokens", 5), INT("gen_ai.usage.reasoning_tokens", 20)),
	  ROW(0, 0, APP, "low", SPLIT_CALL, IN_OUT, INT("gen_ai.usage.total_tokens", 100)),
	  ROW(0, 0, APP, "all cached", SPLIT_CALL, IN_OUT, INT("gen_ai.usage.cached_tokens", 100))},
	 {{"anthropic", USAGE,
	   "string {\"input\":60,\"output\":50,\"input_cached_tokens\":300,"
	   "\"input_cache_creation\":10,\"total\":420}"},
	  {"total", USAGE,
	   "string {\"input\":100,\"output\":50,\"input_cached_tokens\":40,\"total\":190}"},
	  {"thoughts", USAGE,
	   "string {\"input\":10,\"output\":5,\"output_reasoning_tokens\":20,\"total\":35}"},
	  {"low", USAGE, "string {\"input\":100,\"output\":50,\"total\":150}"},
	  {"all cached", USAGE,
	   "string {\"input\":0,\"output\":50,\"input_cached_tokens\":100,\"total\":150}"}},
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
