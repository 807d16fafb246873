/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/example_traces.h"

#include "pipeline/base/clock.h"
#include "tests/support/generate_view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define END_NS (UINT64_C(1789000000) * NS_PER_S)

enum { LLMD = 0, SEMANTIC_ROUTER, VLLM, SCRAPE, PROXIED_SCRAPE, RAG, EXAMPLE_COUNT };

/* One trace as one request, ready to be read. */
struct fixture {
	struct budget budget;
	struct example_requests requests;
	struct generate_view request;
};

static const struct example_variant plain = {.seed = 1, .end_ns = END_NS, .merged = true};

static void fixture_open(struct fixture *fixture, size_t which,
			 const struct example_variant *variant)
{
	struct err err = {.msg = ""};
	budget_init(&fixture->budget, UINT64_MAX);
	assert_int_equal(
		example_trace_build(which, variant, &fixture->budget, &fixture->requests, &err), 0);
	assert_int_equal(fixture->requests.count, 1);
	generate_view_open(&fixture->request, chunk_slice(fixture->requests.items[0]));
}

static void fixture_close(struct fixture *fixture)
{
	generate_view_close(&fixture->request);
	example_requests_fini(&fixture->requests);
	assert_int_equal(budget_used(&fixture->budget), 0);
}

static struct slice span_id(const struct trace_index *index, uint32_t at)
{
	return index_id(index, index->spans[at].span_id_off, SPAN_ID_BYTES);
}

static struct slice parent_id(const struct trace_index *index, uint32_t at)
{
	return index_id(index, index->spans[at].parent_span_id_off, SPAN_ID_BYTES);
}

/* The span that ${at} names as its parent; UINT32_MAX when there is none. */
static uint32_t find_parent(const struct trace_index *index, uint32_t at)
{
	for (uint32_t i = 0; i < index->span_count; i++) {
		if (slice_equal(span_id(index, i), parent_id(index, at)))
			return i;
	}
	return UINT32_MAX;
}

static struct value find_attr(const struct fixture *fixture, uint32_t span, const char *key)
{
	struct attr_view attr;
	uint32_t cursor = 0;
	while (view_next_attr(fixture->request.view, (struct owner){OWNER_SPAN, span}, &cursor,
			      &attr)) {
		if (slice_equal(attr.key, slice_str(key)))
			return attr.value;
	}
	return (struct value){.type = VALUE_EMPTY};
}

static void each_example_has_its_name_and_its_spans(void **state)
{
	static const struct {
		const char *name;
		uint32_t spans;
		size_t services;
	} expected[] = {{"llm-d", 25, 4}, {"semantic-router", 9, 2}, {"vllm", 1, 1},
			{"scrape", 4, 1}, {"proxied-scrape", 6, 2},  {"rag", 10, 2}};
	(void)state;
	assert_int_equal(example_trace_count(), ARRAY_COUNT(expected));
	for (size_t i = 0; i < ARRAY_COUNT(expected); i++) {
		struct fixture fixture;
		fixture_open(&fixture, i, &plain);
		assert_string_equal(example_trace_name(i), expected[i].name);
		assert_true(strlen(example_trace_description(i)) > 0);
		assert_int_equal(example_trace_spans(i), expected[i].spans);
		assert_int_equal(fixture.request.index.span_count, expected[i].spans);
		assert_int_equal(fixture.requests.items[0]->span_count, expected[i].spans);
		assert_int_equal(fixture.request.index.resource_count, expected[i].services);
		fixture_close(&fixture);
	}
}

static void services_send_one_request_each_unless_merged(void **state)
{
	struct example_variant apart = plain;
	(void)state;
	apart.merged = false;
	for (size_t which = 0; which < EXAMPLE_COUNT; which++) {
		struct fixture merged;
		struct example_requests requests;
		struct err err;
		uint32_t spans = 0;
		size_t bytes = 0;
		fixture_open(&merged, which, &plain);
		assert_int_equal(
			example_trace_build(which, &apart, &merged.budget, &requests, &err), 0);
		assert_int_equal(requests.count, merged.request.index.resource_count);
		for (size_t i = 0; i < requests.count; i++) {
			struct generate_view request;
			generate_view_open(&request, chunk_slice(requests.items[i]));
			assert_int_equal(request.index.resource_count, 1);
			assert_int_equal(request.index.span_count, requests.items[i]->span_count);
			spans += request.index.span_count;
			bytes += requests.items[i]->len;
			generate_view_close(&request);
		}
		assert_int_equal(spans, merged.request.index.span_count);
		assert_int_equal(bytes, merged.requests.items[0]->len); /* concatenation */
		example_requests_fini(&requests);
		fixture_close(&merged);
	}
}

static void every_trace_is_one_tree_in_time(void **state)
{
	(void)state;
	for (size_t which = 0; which < EXAMPLE_COUNT; which++) {
		for (uint64_t variation = 0; variation < 20; variation++) {
			struct example_variant variant = plain;
			struct fixture fixture;
			uint32_t roots = 0;
			uint64_t last_end = 0;
			variant.variation = variation;
			fixture_open(&fixture, which, &variant);
			const struct trace_index *index = &fixture.request.index;
			for (uint32_t i = 0; i < index->span_count; i++) {
				const struct span_entry *span = &index->spans[i];
				uint32_t parent = find_parent(index, i);
				assert_true(span->end_ns > span->start_ns);
				last_end = span->end_ns > last_end ? span->end_ns : last_end;
				for (uint32_t other = 0; other < i; other++)
					assert_false(slice_equal(span_id(index, i),
								 span_id(index, other)));
				if (parent_id(index, i).len == 0) {
					roots++;
					continue;
				}
				assert_int_not_equal(parent, UINT32_MAX);
				assert_true(span->start_ns >= index->spans[parent].start_ns);
			}
			assert_int_equal(roots, 1);
			assert_int_equal(last_end, END_NS);
			fixture_close(&fixture);
		}
	}
}

static void both_engines_of_the_llmd_trace_report_the_whole_prompt(void **state)
{
	struct fixture fixture;
	int64_t prompt = 0, output = 0;
	(void)state;
	fixture_open(&fixture, LLMD, &plain);
	const struct trace_index *index = &fixture.request.index;
	for (uint32_t i = 0; i < index->span_count; i++) {
		struct slice name = index_slice(index, index->spans[i].name);
		prompt += find_attr(&fixture, i, "gen_ai.usage.prompt_tokens").i;
		output += find_attr(&fixture, i, "gen_ai.usage.completion_tokens").i;
		assert_int_equal(index->spans[i].status_code, STATUS_CODE_UNSET);
		if (slice_equal(name, SLICE("decode"))) {
			const struct span_entry *parent = &index->spans[find_parent(index, i)];
			assert_true(
				slice_equal(index_slice(index, parent->name), SLICE("prefill")));
			assert_true(index->spans[i].end_ns > parent->end_ns);
		}
		if (index->spans[i].parent_span_id_off == 0)
			assert_int_equal(index->spans[i].end_ns - index->spans[i].start_ns,
					 3146 * NS_PER_MS);
	}
	assert_int_equal(prompt, 2 * 2071);
	assert_int_equal(output, 201);
	fixture_close(&fixture);
}

static void variations_stay_within_what_the_request_allows(void **state)
{
	(void)state;
	for (uint64_t variation = 1; variation < 200; variation++) {
		struct example_variant variant = plain;
		struct fixture fixture;
		int64_t prompts[2] = {0, 0}, legs = 0;
		variant.variation = variation;
		fixture_open(&fixture, LLMD, &variant);
		const struct trace_index *index = &fixture.request.index;
		for (uint32_t i = 0; i < index->span_count; i++) {
			if (find_attr(&fixture, i, "gen_ai.request.max_tokens").type == VALUE_EMPTY)
				continue;
			int64_t limit = find_attr(&fixture, i, "gen_ai.request.max_tokens").i;
			int64_t tokens = find_attr(&fixture, i, "gen_ai.usage.completion_tokens").i;
			double e2e = find_attr(&fixture, i, "gen_ai.latency.e2e").d;
			double took = (double)(index->spans[i].end_ns - index->spans[i].start_ns);
			prompts[legs++] = find_attr(&fixture, i, "gen_ai.usage.prompt_tokens").i;
			assert_true(tokens >= 1 && tokens <= limit);
			assert_true(took / (double)NS_PER_S - e2e < 0.001);
			assert_true(e2e - took / (double)NS_PER_S < 0.001);
		}
		assert_int_equal(legs, 2);
		assert_int_equal(prompts[0], prompts[1]);
		assert_true(prompts[0] >= 1553 && prompts[0] <= 2589); /* 2071 ± 25 % */
		fixture_close(&fixture);
	}
}

static void same_numbers_give_the_same_bytes_and_other_numbers_another_trace(void **state)
{
	struct fixture first, again, other;
	const struct example_variant others[] = {
		{.seed = 2, .end_ns = END_NS, .merged = true},
		{.seed = 1, .variation = 1, .end_ns = END_NS, .merged = true},
	};
	(void)state;
	fixture_open(&first, LLMD, &plain);
	fixture_open(&again, LLMD, &plain);
	assert_true(slice_equal(chunk_slice(first.requests.items[0]),
				chunk_slice(again.requests.items[0])));
	for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
		fixture_open(&other, LLMD, &others[i]);
		const struct trace_index *index = &other.request.index;
		struct slice trace_id = index_id(index, index->spans[0].trace_id_off, 16);
		assert_memory_not_equal(trace_id.ptr,
					first.request.index.body.ptr +
						first.request.index.spans[0].trace_id_off,
					TRACE_ID_BYTES);
		assert_false(slice_equal(span_id(index, 0), span_id(&first.request.index, 0)));
		fixture_close(&other);
	}
	fixture_close(&again);
	fixture_close(&first);
}

/* How often ${word} stands in the encoded trace. */
static unsigned count_word(const struct fixture *fixture, const char *word)
{
	struct slice rest = chunk_slice(fixture->requests.items[0]);
	unsigned found = 0;
	const uint8_t *at;
	while ((at = memmem(rest.ptr, rest.len, word, strlen(word)))) {
		found++;
		rest = slice_of(at + 1, rest.len - (size_t)(at + 1 - rest.ptr));
	}
	return found;
}

/* Who looks for one name finds every text of the example that has content, and nothing in others. */
static void content_is_in_one_example_alone_and_found_by_one_name(void **state)
{
	static const char *const content[] = {"parental leave does",
					      "34 days",
					      "You answer questions",
					      "Agreement on",
					      "Balance of leave",
					      "leave_balance",
					      "?q=",
					      "sk-live-",
					      "maximum context",
					      "\"stop\""};
	(void)state;
	for (size_t which = 0; which < EXAMPLE_COUNT; which++) {
		struct fixture fixture;
		fixture_open(&fixture, which, &plain);
		if (which == RAG)
			assert_true(count_word(&fixture, "Marlowe") >= 20);
		else
			assert_int_equal(count_word(&fixture, "Marlowe"), 0);
		for (size_t i = 0; i < ARRAY_COUNT(content); i++) {
			bool found = count_word(&fixture, content[i]) > 0;
			assert_int_equal(found, which == RAG);
		}
		fixture_close(&fixture);
	}
}

static void the_example_with_content_has_it_in_events_too(void **state)
{
	struct fixture fixture;
	(void)state;
	fixture_open(&fixture, RAG, &plain);
	const struct trace_index *index = &fixture.request.index;
	unsigned events = 0;
	for (uint32_t i = 0; i < index->span_count; i++)
		events += index->spans[i].event_count;
	assert_int_equal(events, 3); /* an exception, a prompt, an answer */
	assert_int_equal(count_word(&fixture, "gen_ai.content.prompt"), 1);
	assert_int_equal(count_word(&fixture, "BadRequestError"), 1);
	fixture_close(&fixture);
}

static void no_memory_leaves_nothing_behind(void **state)
{
	struct example_variant apart = plain;
	(void)state;
	apart.merged = false;
	for (uint64_t limit = 0; limit < 40000; limit += 1000) {
		struct budget budget;
		struct example_requests requests = {.count = 99};
		struct err err = {.kind = ERR_NONE};
		budget_init(&budget, limit);
		if (example_trace_build(LLMD, &apart, &budget, &requests, &err) != 0) {
			assert_int_equal(err.kind, ERR_NOMEM);
			assert_int_equal(requests.count, 0);
		}
		example_requests_fini(&requests);
		assert_int_equal(budget_used(&budget), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_example_has_its_name_and_its_spans),
		cmocka_unit_test(services_send_one_request_each_unless_merged),
		cmocka_unit_test(every_trace_is_one_tree_in_time),
		cmocka_unit_test(both_engines_of_the_llmd_trace_report_the_whole_prompt),
		cmocka_unit_test(variations_stay_within_what_the_request_allows),
		cmocka_unit_test(same_numbers_give_the_same_bytes_and_other_numbers_another_trace),
		cmocka_unit_test(content_is_in_one_example_alone_and_found_by_one_name),
		cmocka_unit_test(the_example_with_content_has_it_in_events_too),
		cmocka_unit_test(no_memory_leaves_nothing_behind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
