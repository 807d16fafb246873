/* SPDX-License-Identifier: Apache-2.0 */
/* The sampler against decisions that the Collector's own processor made: see the fixture's head. */
#include "tests/support/processor_fixture.h"
#include "tests/support/trace_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TYPE "probabilistic_sampler"
#define VECTORS "tests/fixtures/probabilistic_sampler/hash_seed.txt"

static size_t from_hex(const char *hex, char *out, size_t size)
{
	size_t len = 0;
	unsigned byte;
	for (; hex[0] && hex[1] && len < size && sscanf(hex, "%2x", &byte) == 1; hex += 2)
		out[len++] = (char)byte;
	return len;
}

struct vector {
	char seed[16], percentage[24], mode[8], trace_id[40], trace_state[64], priority[64];
	int kept;
};

/* A KeyValue of the span for "i:7", "d:0.5", "b:1" or "s:<hex>". */
static void add_priority(struct buf *span, const char *priority)
{
	char text[64];
	if (priority[0] == 's') {
		size_t len = from_hex(priority + 2, text, sizeof(text) - 1);
		text[len] = 0;
		tw_attr_text(span, SPAN_ATTRIBUTES, "sampling.priority", text);
	} else if (priority[0] == 'd') {
		tw_attr_double(span, SPAN_ATTRIBUTES, "sampling.priority",
			       strtod(priority + 2, NULL));
	} else if (priority[0] == 'i') {
		tw_attr_int(span, SPAN_ATTRIBUTES, "sampling.priority",
			    strtoll(priority + 2, NULL, 10));
	} else if (priority[0] == 'b') {
		size_t attr = tw_open(span, SPAN_ATTRIBUTES);
		tw_text(span, KEY_VALUE_KEY, "sampling.priority");
		size_t value = tw_open(span, KEY_VALUE_VALUE);
		tw_varint(span, ANY_VALUE_BOOL, priority[2] == '1');
		tw_close(span, value);
		tw_close(span, attr);
	}
}

static void build_request(struct buf *request, const struct vector *vector)
{
	struct buf span = BUF_INIT;
	char id[16], state[64];
	tw_bytes(&span, SPAN_TRACE_ID, slice_of(id, from_hex(vector->trace_id, id, sizeof(id))));
	if (strcmp(vector->trace_state, "-") != 0) {
		(void)snprintf(state, sizeof(state), "%s", vector->trace_state);
		for (char *at = state; *at; at++)
			*at = *at == '_' ? ' ' : *at;
		tw_text(&span, SPAN_TRACE_STATE, state);
	}
	add_priority(&span, vector->priority);
	tw_request_of_span(request, buf_slice(&span));
	buf_fini(&span);
}

static void check(const struct vector *vector, int line)
{
	struct processor_fixture fixture;
	struct buf request = BUF_INIT;
	char yaml[160];
	(void)snprintf(yaml, sizeof(yaml),
		       "{sampling_percentage: %s, hash_seed: %s, fail_closed: %s}",
		       vector->percentage, vector->seed,
		       strcmp(vector->mode, "closed") == 0 ? "true" : "false");
	assert_true(processor_fixture_open(&fixture, TYPE, yaml));
	build_request(&request, vector);
	assert_int_equal(processor_fixture_run(&fixture, buf_slice(&request)), OUTCOME_TAKEN);
	if ((int)view_live_spans(fixture.view) != vector->kept)
		fail_msg("%s:%d: kept %u", VECTORS, line, view_live_spans(fixture.view));
	processor_fixture_close(&fixture);
	buf_fini(&request);
}

static void decides_as_the_collector(void **state)
{
	(void)state;
	char line[512];
	int number = 0, checked = 0;
	FILE *file = fopen(VECTORS, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		struct vector vector;
		number++;
		if (line[0] == '#')
			continue;
		if (sscanf(line, "%15s %23s %7s %39s %63s %63s %d", vector.seed, vector.percentage,
			   vector.mode, vector.trace_id, vector.trace_state, vector.priority,
			   &vector.kept) != 7)
			fail_msg("%s:%d: not a vector", VECTORS, number);
		check(&vector, number);
		checked++;
	}
	(void)fclose(file);
	assert_true(checked > 1000);
}

static void a_span_without_a_trace_id_is_one_with_all_zeros(void **state)
{
	static const struct vector vectors[] = {
		{"0", "100", "closed", "", "-", "-", 0},
		{"0", "100", "open", "", "-", "-", 1},
		{"0", "0", "open", "", "-", "-", 0},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(vectors); i++)
		check(&vectors[i], 0);
}

/* ${count} spans of the trace with number ${trace}. */
static void add_trace(struct buf *out, uint64_t trace, uint32_t count)
{
	uint64_t id[2] = {trace * UINT64_C(0x9e3779b97f4a7c15), trace};
	size_t request = tw_open(out, EXPORT_REQUEST_RESOURCE_SPANS);
	size_t scope = tw_open(out, RESOURCE_SPANS_SCOPE_SPANS);
	for (uint32_t i = 0; i < count; i++) {
		size_t span = tw_open(out, SCOPE_SPANS_SPANS);
		tw_bytes(out, SPAN_TRACE_ID, slice_of(id, sizeof(id)));
		tw_close(out, span);
	}
	tw_close(out, scope);
	tw_close(out, request);
}

static void all_spans_of_a_trace_share_the_decision_in_any_request_and_replica(void **state)
{
	enum { TRACES = 2000 };
	static bool kept[TRACES];
	struct processor_fixture fixture;
	struct buf one = BUF_INIT, many = BUF_INIT;
	uint32_t total = 0;
	(void)state;
	assert_true(processor_fixture_open(&fixture, TYPE, "{sampling_percentage: 25}"));
	for (uint64_t trace = 0; trace < TRACES; trace++) {
		buf_reset(&one);
		add_trace(&one, trace + 1, 3);
		add_trace(&many, trace + 1, 2);
		(void)processor_fixture_run(&fixture, buf_slice(&one));
		uint32_t live = view_live_spans(fixture.view);
		assert_true(live == 0 || live == 3);
		kept[trace] = live == 3;
		total += kept[trace];
	}
	processor_fixture_close(&fixture);
	/* 25 % of 2,000, within five standard deviations. */
	assert_in_range(total, 500 - 97, 500 + 97);
	/* A replica sees them all in one request. */
	assert_true(processor_fixture_open(&fixture, TYPE, "{sampling_percentage: 25}"));
	(void)processor_fixture_run(&fixture, buf_slice(&many));
	for (uint32_t trace = 0; trace < TRACES; trace++) {
		assert_int_equal(view_span_live(fixture.view, 2 * trace), kept[trace]);
		assert_int_equal(view_span_live(fixture.view, 2 * trace + 1), kept[trace]);
	}
	assert_int_equal(processor_fixture_metric(
				 &fixture,
				 "otelcol_processor_probabilistic_sampler_count_traces_sampled",
				 "policy=\"trace_id_hash\",sampled=\"true\""),
			 2 * total);
	assert_int_equal(processor_fixture_metric(
				 &fixture,
				 "otelcol_processor_probabilistic_sampler_count_traces_sampled",
				 "policy=\"trace_id_hash\",sampled=\"false\""),
			 2 * (TRACES - total));
	processor_fixture_close(&fixture);
	buf_fini(&one);
	buf_fini(&many);
}

static void says_what_is_wrong_with_its_configuration(void **state)
{
	static const struct {
		const char *yaml, *error;
	} cases[] = {
		{"{sampling_percentage: 1e-30}", "sampling rate is too small: 1e-30%"},
		{"{sampling_percentage: -1}", "sampling_percentage"},
		{"{sampling_percentage: .inf}", "sampling_percentage"},
		{"{mode: proportional}", "mode"},
		{"{hash_seeds: 1}", "did you mean \"hash_seed\"?"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		processor_fixture_expect_error(TYPE, cases[i].yaml, cases[i].error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decides_as_the_collector),
		cmocka_unit_test(a_span_without_a_trace_id_is_one_with_all_zeros),
		cmocka_unit_test(
			all_spans_of_a_trace_share_the_decision_in_any_request_and_replica),
		cmocka_unit_test(says_what_is_wrong_with_its_configuration),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
