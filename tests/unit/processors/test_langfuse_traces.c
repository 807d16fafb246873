/* SPDX-License-Identifier: Apache-2.0 */
/* Whole traces through the langfuse processor: what Langfuse would count, in any order of requests,
 * and model servers' spans that wait for their model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/base/clock.h"
#include "tests/support/langfuse_case.h"
#include "tests/support/llmd_fixtures.h"

#include <stdio.h>
#include <stdlib.h>

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
		    slice_equal(view_span_name(bench->out_view, span), SLICE("llm_request")))
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
	bench.holding = HOLDING_ON;
	for (size_t i = 0; i < requests.count; i++) {
		size_t at = order == CHILDREN_FIRST ? requests.count - 1 - i : i;
		assert_int_equal(processor_bench_run(&bench, chunk_slice(requests.items[at])),
				 OUTCOME_TAKEN);
		add_output(&bench, totals);
		if (bench.held)
			held[totals->held++] = chunk_ref(bench.held);
		bench_now_ns += NS_PER_S;
	}
	bench.holding = HOLDING_OVER;
	for (size_t i = 0; i < totals->held; i++) {
		assert_int_equal(processor_bench_run(&bench, chunk_slice(held[i])), OUTCOME_TAKEN);
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
	{FIXTURE_A7, 14, 1, 2271, LLAMA},
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
				 OUTCOME_TAKEN);
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
			 OUTCOME_TAKEN);
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

static bool wait_is_over(const struct processor_bench *bench, const struct chunk *held)
{
	struct trace_index index;
	struct budget budget;
	struct err err;
	budget_init(&budget, UINT64_MAX);
	trace_index_init(&index, &budget, bench->keys);
	assert_int_equal(trace_index_build(&index, chunk_slice(held), &err), 0);
	bool over = bench->ops[0]->holds->known(
			    bench->selves[0],
			    index_id(&index, index.spans[0].trace_id_off, TRACE_ID_BYTES)) != 0;
	trace_index_fini(&index);
	return over;
}

static void parent_first_nothing_waits(void **state)
{
	struct processor_bench bench;
	struct example_requests requests;
	(void)state;
	processor_bench_open(&bench, (const char *const[]){"langfuse", "", NULL});
	llmd_fixture_build(FIXTURE_A5, false, &bench.budget, &requests);
	bench.holding = HOLDING_ON;
	processor_bench_send(&bench, requests.items[EPP_REQUEST]);
	bench_now_ns += 5 * NS_PER_S;
	processor_bench_send(&bench, requests.items[DECODE_REQUEST]);
	assert_null(bench.held);
	assert_string_equal(bench_span_attr(&bench, 0, MODEL_NAME), LLAMA);
	assert_true(bench_decisions(&bench, "model_from_trace") == 1);
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
	bench.holding = HOLDING_ON;
	/* One token, of which nobody has said yet that it is a prefill leg's. */
	processor_bench_send(&bench, requests.items[PREFILL_REQUEST]);
	assert_int_equal(bench_span_count(&bench), 0);
	struct chunk *prefill = chunk_ref(bench.held);
	processor_bench_send(&bench, requests.items[DECODE_REQUEST]);
	assert_int_equal(bench_span_count(&bench), 0);
	struct chunk *held = chunk_ref(bench.held);
	assert_int_equal(held->span_count, 1);
	bench_now_ns += 2 * NS_PER_S;
	assert_false(wait_is_over(&bench, prefill));
	processor_bench_send(&bench, requests.items[PROXY_REQUEST]);
	assert_true(wait_is_over(&bench, prefill));
	assert_int_equal(processor_bench_run(&bench, chunk_slice(prefill)), OUTCOME_TAKEN);
	assert_null(bench.held);
	assert_string_equal(bench_span_attr(&bench, 0, TYPE), "string span");
	assert_string_equal(bench_span_attr(&bench, 0, USAGE), "");
	chunk_unref(prefill);
	/* The proxy's request is part of the story; the model is not in it: held on when it comes. */
	assert_int_equal(processor_bench_run(&bench, chunk_slice(held)), OUTCOME_TAKEN);
	assert_int_equal(bench_span_count(&bench), 0);
	bench_now_ns += 2 * NS_PER_S;
	processor_bench_send(&bench, requests.items[EPP_REQUEST]);
	assert_true(wait_is_over(&bench, held));
	assert_int_equal(processor_bench_run(&bench, chunk_slice(held)), OUTCOME_TAKEN);
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
		assert_true(bench.ops[0]->holds->wait_ns(bench.selves[0]) == 6 * NS_PER_S);
		bench.holding = HOLDING_ON;
		processor_bench_send(&bench, requests.items[DECODE_REQUEST]);
		struct chunk *held = chunk_ref(bench.held);
		bench_now_ns += 6 * NS_PER_S;
		assert_false(wait_is_over(&bench, held));
		bench.holding = HOLDING_OVER;
		assert_int_equal(processor_bench_run(&bench, chunk_slice(held)), OUTCOME_TAKEN);
		assert_string_equal(bench_span_attr(&bench, 0, MODEL_NAME), ends[i].model);
		assert_string_equal(bench_span_attr(&bench, 0, TYPE), "string generation");
		assert_true(bench_decisions(&bench, ends[i].decision) == 1);
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
		bench.holding = HOLDING_ON;
		processor_bench_send(&bench, requests.items[runs[i].request]);
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
	processor_bench_send(&bench, requests.items[EPP_REQUEST]);
	bench_now_ns += 11 * NS_PER_S;
	processor_bench_send(&bench, requests.items[DECODE_REQUEST]);
	assert_string_equal(bench_span_attr(&bench, 0, MODEL_NAME), "");
	assert_true(bench_decisions(&bench, "model_unknown") == 1);
	example_requests_fini(&requests);
	processor_bench_close(&bench);
}

/* What sums up calls of another service may come before them. */
static const struct langfuse_case agent_first = {
	.rows = {ROW(0, 0, APP, "run", STR("openinference.span.kind", "AGENT"), TOKENS(7, 1)),
		 ROW(1, 1, APP, "call", STR("openinference.span.kind", "LLM"), TOKENS(7, 1)),
		 ROW(2, 1, APP, "again", STR("openinference.span.kind", "LLM"), TOKENS(7, 1))}};

static void what_sums_up_waits_for_its_calls(void **state)
{
	struct processor_bench bench;
	struct example_requests requests;
	(void)state;
	for (int comes = 0; comes < 2; comes++) {
		processor_bench_open(&bench, (const char *const[]){"langfuse", "", NULL});
		langfuse_case_build(&agent_first, &bench.budget, &requests);
		bench.holding = HOLDING_ON;
		processor_bench_send(&bench, requests.items[0]);
		assert_int_equal(bench_span_count(&bench), 0);
		struct chunk *held = chunk_ref(bench.held);
		assert_false(wait_is_over(&bench, held));
		if (comes) {
			processor_bench_send(&bench, requests.items[1]);
			assert_string_equal(bench_span_attr(&bench, 0, USAGE),
					    "string {\"input\":7,\"output\":1,\"total\":8}");
			assert_true(wait_is_over(&bench, held));
		} else {
			bench_now_ns += 6 * NS_PER_S;
			bench.holding = HOLDING_OVER;
		}
		assert_int_equal(processor_bench_run(&bench, chunk_slice(held)), OUTCOME_TAKEN);
		assert_null(bench.held);
		assert_string_equal(bench_span_attr(&bench, 0, USAGE),
				    comes ? "" : "string {\"input\":7,\"output\":1,\"total\":8}");
		chunk_unref(held);
		example_requests_fini(&requests);
		processor_bench_close(&bench);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_fixture_has_its_generations_and_its_tokens_once),
		cmocka_unit_test(a_call_that_comes_after_its_model_server_leaves_its_tokens_out),
		cmocka_unit_test(facts_of_the_application_reach_the_model_server),
		cmocka_unit_test(parent_first_nothing_waits),
		cmocka_unit_test(child_first_waits_until_the_model_is_known),
		cmocka_unit_test(after_the_time_the_configured_model_is_taken_or_none),
		cmocka_unit_test(a_root_does_not_wait_and_neither_does_anybody_without_join_wait),
		cmocka_unit_test(what_sums_up_waits_for_its_calls),
		cmocka_unit_test(what_is_forgotten_is_waited_for_and_then_unknown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
