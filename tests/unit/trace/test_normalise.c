/* SPDX-License-Identifier: Apache-2.0 */
/* Normalisation: what a repeated field turns into, and that each repeat is noticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/trace/otlp/index.h"
#include "pipeline/trace/otlp/normalise.h"
#include "pipeline/trace/otlp/schema.h"
#include "tests/support/trace_exceptions.h"
#include "tests/support/trace_wire.h"

struct span_case {
	const char *what;
	struct slice before, after; /* contents of a Span */
};

static const struct span_case cases[] = {
	{"nothing to do", SLICE_INIT("\x2a\x01n\x30\x02"), SLICE_INIT("\x2a\x01n\x30\x02")},
	{"last text wins, where it stood", SLICE_INIT("\x2a\x01m\x30\x02\x2a\x01n"),
	 SLICE_INIT("\x30\x02\x2a\x01n")},
	{"last number wins, zero too", SLICE_INIT("\x30\x02\x30\x00"), SLICE_INIT("\x30\x00")},
	{"repeated fields stay", SLICE_INIT("\x5a\x00\x5a\x00\x6a\x00\x6a\x00\x4a\x00\x4a\x00"),
	 SLICE_INIT("\x5a\x00\x5a\x00\x6a\x00\x6a\x00\x4a\x00\x4a\x00")},
	{"unknown fields stay where they are",
	 SLICE_INIT("\x9a\x06\x01x\x2a\x01m\x9a\x06\x01y\x2a\x01n\x9a\x06\x01z"),
	 SLICE_INIT("\x9a\x06\x01x\x9a\x06\x01y\x2a\x01n\x9a\x06\x01z")},
	{"statuses merge", SLICE_INIT("\x7a\x02\x18\x02\x2a\x01n\x7a\x03\x12\x01m"),
	 SLICE_INIT("\x2a\x01n\x7a\x05\x18\x02\x12\x01m")},
	{"merged statuses: last field wins", SLICE_INIT("\x7a\x02\x18\x02\x7a\x02\x18\x01"),
	 SLICE_INIT("\x7a\x02\x18\x01")},
	{"last key wins", SLICE_INIT("\x4a\x08\x0a\x01\x61\x0a\x01\x62\x12\x00"),
	 SLICE_INIT("\x4a\x05\x0a\x01\x62\x12\x00")},
	{"values merge, the last member stays",
	 SLICE_INIT("\x4a\x0b\x12\x03\x0a\x01v\x12\x04\x18\x01\x18\x02"),
	 SLICE_INIT("\x4a\x04\x12\x02\x18\x02")},
	{"an empty second value leaves the first", SLICE_INIT("\x4a\x07\x12\x03\x0a\x01v\x12\x00"),
	 SLICE_INIT("\x4a\x05\x12\x03\x0a\x01v")},
	{"several members: the last", SLICE_INIT("\x4a\x09\x12\x07\x0a\x01v\x2a\x00\x10\x01"),
	 SLICE_INIT("\x4a\x04\x12\x02\x10\x01")},
	{"lists of one oneof do not merge",
	 SLICE_INIT("\x4a\x0a\x12\x08\x2a\x02\x0a\x00\x2a\x02\x0a\x00"),
	 SLICE_INIT("\x4a\x06\x12\x04\x2a\x02\x0a\x00")},
	{"inside an event", SLICE_INIT("\x5a\x06\x12\x01m\x12\x01n"),
	 SLICE_INIT("\x5a\x03\x12\x01n")},
	{"inside a map in an array",
	 SLICE_INIT("\x4a\x12\x12\x10\x2a\x0e\x0a\x0c\x32\x0a\x0a\x08\x0a\x01x\x0a\x01y\x12\x00"),
	 SLICE_INIT("\x4a\x0f\x12\x0d\x2a\x0b\x0a\x09\x32\x07\x0a\x05\x0a\x01y\x12\x00")},
	{"lengths come out short", SLICE_INIT("\x7a\x82\x80\x00\x18\x02\x7a\x80\x00"),
	 SLICE_INIT("\x7a\x02\x18\x02")},
};

static void repeated_fields_become_what_a_decoder_sees(void **state)
{
	struct budget budget;
	struct err err;
	uint32_t superseded;
	(void)state;
	budget_init(&budget, UINT64_MAX);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct buf before = BUF_INIT, after = BUF_INIT;
		tw_request_of_span(&before, cases[i].before);
		tw_request_of_span(&after, cases[i].after);
		struct chunk *chunk =
			trace_normalise(buf_slice(&before), &budget, &superseded, &err);
		if (!chunk)
			fail_msg("%s: %s", cases[i].what, err.msg);
		if (!slice_equal(chunk_slice(chunk), buf_slice(&after)))
			fail_msg("%s", cases[i].what);
		assert_true(chunk->len <= before.len);
		chunk_unref(chunk);
		buf_fini(&before);
		buf_fini(&after);
	}
	assert_int_equal(budget_used(&budget), 0);
}

struct resource_case {
	const char *what;
	struct slice before, after; /* contents of a ResourceSpans */
	uint32_t superseded;
};

/* \xc2\x3e is field 1000, instrumentation_library_spans. */
static const struct resource_case old_scopes[] = {
	{"alone", SLICE_INIT("\xc2\x3e\x07\x0a\x03\x0a\x01l\x12\x00"),
	 SLICE_INIT("\x12\x07\x0a\x03\x0a\x01l\x12\x00"), 0},
	{"several, in place",
	 SLICE_INIT("\xc2\x3e\x02\x12\x00\x1a\x01u\xc2\x3e\x02\x1a\x00\x0a\x00"),
	 SLICE_INIT("\x12\x02\x12\x00\x1a\x01u\x12\x02\x1a\x00\x0a\x00"), 0},
	{"beside new ones, before", SLICE_INIT("\xc2\x3e\x02\x12\x00\x12\x02\x1a\x00"),
	 SLICE_INIT("\x12\x02\x1a\x00"), 1},
	{"beside new ones, behind", SLICE_INIT("\x12\x00\xc2\x3e\x02\x12\x00\xc2\x3e\x00"),
	 SLICE_INIT("\x12\x00"), 2},
	{"with a field to merge inside", SLICE_INIT("\xc2\x3e\x06\x1a\x01x\x1a\x01y"),
	 SLICE_INIT("\x12\x03\x1a\x01y"), 0},
	{"with a padded tag", SLICE_INIT("\xc2\xbe\x80\x00\x02\x12\x00"),
	 SLICE_INIT("\x12\x02\x12\x00"), 0},
};

static void old_scopes_count_where_there_are_no_new_ones(void **state)
{
	struct budget budget;
	struct err err;
	(void)state;
	budget_init(&budget, UINT64_MAX);
	for (size_t i = 0; i < ARRAY_COUNT(old_scopes); i++) {
		const struct resource_case *c = &old_scopes[i];
		struct buf before = BUF_INIT, after = BUF_INIT;
		uint32_t superseded;
		/* Each resource for itself: the second one always has both. */
		tw_bytes(&before, EXPORT_REQUEST_RESOURCE_SPANS, c->before);
		tw_bytes(&before, EXPORT_REQUEST_RESOURCE_SPANS,
			 SLICE("\x12\x02\x12\x00\xc2\x3e\x02\x12\x00"));
		tw_bytes(&after, EXPORT_REQUEST_RESOURCE_SPANS, c->after);
		tw_bytes(&after, EXPORT_REQUEST_RESOURCE_SPANS, SLICE("\x12\x02\x12\x00"));
		struct chunk *chunk =
			trace_normalise(buf_slice(&before), &budget, &superseded, &err);
		if (!chunk)
			fail_msg("%s: %s", c->what, err.msg);
		if (!slice_equal(chunk_slice(chunk), buf_slice(&after)))
			fail_msg("%s", c->what);
		assert_int_equal(superseded, c->superseded + 1);
		chunk_unref(chunk);
		buf_fini(&before);
		buf_fini(&after);
	}
	assert_int_equal(budget_used(&budget), 0);
}

/* Message ${message} with ${content}, inside all that contains it in a request. */
static void wrap(struct buf *out, enum schema_message message, struct slice content)
{
	static const struct {
		uint8_t parent, number;
	} place[SCHEMA_MESSAGE_COUNT] = {
		[SCHEMA_RESOURCE_SPANS] = {SCHEMA_EXPORT_REQUEST, EXPORT_REQUEST_RESOURCE_SPANS},
		[SCHEMA_RESOURCE] = {SCHEMA_RESOURCE_SPANS, RESOURCE_SPANS_RESOURCE},
		[SCHEMA_ENTITY_REF] = {SCHEMA_RESOURCE, RESOURCE_ENTITY_REFS},
		[SCHEMA_SCOPE_SPANS] = {SCHEMA_RESOURCE_SPANS, RESOURCE_SPANS_SCOPE_SPANS},
		[SCHEMA_SCOPE] = {SCHEMA_SCOPE_SPANS, SCOPE_SPANS_SCOPE},
		[SCHEMA_SPAN] = {SCHEMA_SCOPE_SPANS, SCOPE_SPANS_SPANS},
		[SCHEMA_EVENT] = {SCHEMA_SPAN, SPAN_EVENTS},
		[SCHEMA_LINK] = {SCHEMA_SPAN, SPAN_LINKS},
		[SCHEMA_STATUS] = {SCHEMA_SPAN, SPAN_STATUS},
		[SCHEMA_KEY_VALUE] = {SCHEMA_SPAN, SPAN_ATTRIBUTES},
		[SCHEMA_ANY_VALUE] = {SCHEMA_KEY_VALUE, KEY_VALUE_VALUE},
		[SCHEMA_ARRAY_VALUE] = {SCHEMA_ANY_VALUE, ANY_VALUE_ARRAY},
		[SCHEMA_KVLIST] = {SCHEMA_ANY_VALUE, ANY_VALUE_KVLIST},
	};
	struct buf inner = BUF_INIT, outer = BUF_INIT;
	buf_append(&inner, content);
	for (unsigned at = message; at != SCHEMA_EXPORT_REQUEST; at = place[at].parent) {
		buf_reset(&outer);
		tw_bytes(&outer, place[at].number, buf_slice(&inner));
		buf_reset(&inner);
		buf_append(&inner, buf_slice(&outer));
	}
	buf_append(out, buf_slice(&inner));
	buf_fini(&inner);
	buf_fini(&outer);
}

static void put_zero(struct buf *out, uint32_t number, const struct schema_field *field)
{
	switch (field->wire) {
	case WIRE_VARINT: tw_varint(out, number, 0); return;
	case WIRE_FIXED64: tw_fixed64(out, number, 0); return;
	case WIRE_FIXED32: tw_fixed32(out, number, 0); return;
	default: tw_bytes(out, number, SLICE("")); return;
	}
}

/* Walks the schema: each singular field twice, each pair of oneof members. */
static void the_index_notices_every_repeat(void **state)
{
	struct budget budget;
	struct trace_index index;
	struct err err;
	struct key_table *keys = key_table_new();
	unsigned tried = 0;
	(void)state;
	assert_int_equal(key_table_freeze(keys, &err), 0);
	budget_init(&budget, UINT64_MAX);
	trace_index_init(&index, &budget, keys);
	for (unsigned message = SCHEMA_EXPORT_REQUEST; message < SCHEMA_MESSAGE_COUNT; message++) {
		for (uint32_t pair = 0; pair < 17 * 17; pair++) {
			uint32_t first = pair / 17, second = pair % 17;
			const struct schema_field *a = schema_field(message, first);
			const struct schema_field *b = schema_field(message, second);
			if (!a || !b)
				continue;
			bool repeat = (first == second && a->label != SCHEMA_REPEATED) ||
				      (a->label == SCHEMA_ONEOF && b->label == SCHEMA_ONEOF);
			struct buf content = BUF_INIT, body = BUF_INIT;
			put_zero(&content, first, a);
			put_zero(&content, second, b);
			wrap(&body, (enum schema_message)message, buf_slice(&content));
			assert_int_equal(trace_index_build(&index, buf_slice(&body), &err), 0);
			if ((index.normalised != NULL) != repeat)
				fail_msg("%s: fields %u and %u", schema_message_name(message),
					 first, second);
			assert_false(trace_repeats(index.body));
			tried += repeat;
			buf_fini(&content);
			buf_fini(&body);
		}
	}
	assert_int_equal(tried, 2 + 1 + 2 + 2 + 3 + 13 + 3 + 5 + 2 + 2 + 49);
	trace_index_fini(&index);
	key_table_free(keys);
}

static void malformed_requests_are_refused_with_their_offset(void **state)
{
	struct budget budget;
	struct err err;
	uint32_t superseded;
	(void)state;
	budget_init(&budget, UINT64_MAX);
	assert_null(trace_normalise(SLICE("\x0a\x02\x0b\x0c"), &budget, &superseded, &err));
	assert_int_equal(err.kind, ERR_DECODE);
	assert_int_equal(err.offset, 2);
	assert_null(trace_normalise(SLICE("\x0a\x02\x18\x01"), &budget, &superseded, &err));
	assert_int_equal(err.kind, ERR_DECODE);
	assert_non_null(strstr(err.msg, "ResourceSpans.schema_url"));
	assert_int_equal(budget_used(&budget), 0);
}

static void memory_is_budgeted(void **state)
{
	struct budget budget;
	struct err err;
	uint32_t superseded;
	(void)state;
	budget_init(&budget, 100); /* enough for the output, not for the list of parts */
	assert_null(trace_normalise(SLICE("\x0a\x00"), &budget, &superseded, &err));
	assert_int_equal(err.kind, ERR_NOMEM);
	budget_init(&budget, 1);
	assert_null(trace_normalise(SLICE("\x0a\x00"), &budget, &superseded, &err));
	assert_int_equal(err.kind, ERR_NOMEM);
	assert_int_equal(budget_used(&budget), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(repeated_fields_become_what_a_decoder_sees),
		cmocka_unit_test(old_scopes_count_where_there_are_no_new_ones),
		cmocka_unit_test(the_index_notices_every_repeat),
		cmocka_unit_test(malformed_requests_are_refused_with_their_offset),
		cmocka_unit_test(memory_is_budgeted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
