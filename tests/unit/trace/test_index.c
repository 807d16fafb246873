/* SPDX-License-Identifier: Apache-2.0 */
/* The index's traps and limits, one test each. What it reads is compared in test_differential.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/base/clock.h"
#include "pipeline/trace/otlp/index.h"
#include "tests/support/trace_proto.h"
#include "tests/support/trace_wire.h"

struct fixture {
	struct budget budget;
	struct key_table *keys;
	struct trace_index index;
	struct buf body;
	struct err err;
};

static int set_up(void **state)
{
	static struct fixture f;
	budget_init(&f.budget, UINT64_MAX);
	f.keys = key_table_new();
	assert_int_equal(key_table_freeze(f.keys, &f.err), 0);
	trace_index_init(&f.index, &f.budget, f.keys);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	trace_index_fini(&f->index);
	key_table_free(f->keys);
	buf_fini(&f->body);
	assert_int_equal(budget_used(&f->budget), 0);
	return 0;
}

static int build(struct fixture *f)
{
	return trace_index_build(&f->index, buf_slice(&f->body), &f->err);
}

static int build_span(struct fixture *f, struct slice span)
{
	buf_reset(&f->body);
	tw_request_of_span(&f->body, span);
	return build(f);
}

static void assert_reads_as_protobuf_c(struct fixture *f)
{
	trace_tree *tree = trace_tree_parse(buf_slice(&f->body));
	assert_non_null(tree);
	const char *differs = trace_tree_differs(tree, &f->index);
	if (differs)
		fail_msg("%s differs", differs);
	trace_request_free(tree);
}

/* ---- accepted forms ---- */

static void empty_request_has_no_spans(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(trace_index_build(&f->index, (struct slice){NULL, 0}, &f->err), 0);
	assert_int_equal(f->index.resource_count, 0);
	assert_int_equal(f->index.span_count, 0);
}

static void empty_messages_are_elements(void **state)
{
	struct fixture *f = *state;
	/* one resource, one scope, two spans: one empty, one with an empty event and link */
	buf_reset(&f->body);
	buf_append(&f->body, SLICE("\x0a\x0a\x12\x08\x12\x00\x12\x04\x5a\x00\x6a\x00"));
	buf_append(&f->body, SLICE("\x0a\x00"));
	assert_int_equal(build(f), 0);
	assert_int_equal(f->index.resource_count, 2);
	assert_int_equal(f->index.scope_count, 1);
	assert_int_equal(f->index.span_count, 2);
	assert_int_equal(f->index.event_count, 1);
	assert_int_equal(f->index.link_count, 1);
	assert_int_equal(f->index.resources[0].resource.off, 0);
	assert_reads_as_protobuf_c(f);
}

static void fields_may_come_in_descending_order(void **state)
{
	struct fixture *f = *state;
	buf_reset(&f->body);
	size_t resource_spans = tw_open(&f->body, EXPORT_REQUEST_RESOURCE_SPANS);
	tw_text(&f->body, RESOURCE_SPANS_SCHEMA_URL, "url");
	size_t scope_spans = tw_open(&f->body, RESOURCE_SPANS_SCOPE_SPANS);
	tw_text(&f->body, SCOPE_SPANS_SCHEMA_URL, "url2");
	size_t span = tw_open(&f->body, SCOPE_SPANS_SPANS);
	tw_fixed32(&f->body, SPAN_FLAGS, 3);
	tw_bytes(&f->body, SPAN_STATUS, SLICE("\x18\x02\x12\x01m"));
	tw_bytes(&f->body, SPAN_EVENTS, SLICE("\x1a\x07\x12\x03\x0a\x01v\x0a\x00\x12\x01n"));
	tw_bytes(&f->body, SPAN_ATTRIBUTES, SLICE("\x12\x03\x0a\x01w\x0a\x01k"));
	tw_bytes(&f->body, SPAN_LINKS, SLICE("\x22\x00"));
	tw_bytes(&f->body, SPAN_ATTRIBUTES, SLICE("\x12\x02\x18\x05\x0a\x01l"));
	tw_text(&f->body, SPAN_NAME, "name");
	tw_text(&f->body, SPAN_TRACE_ID, "0123456789abcdef");
	tw_close(&f->body, span);
	size_t scope = tw_open(&f->body, SCOPE_SPANS_SCOPE);
	tw_attr_int(&f->body, SCOPE_ATTRIBUTES, "s", 1);
	tw_close(&f->body, scope);
	tw_close(&f->body, scope_spans);
	size_t resource = tw_open(&f->body, RESOURCE_SPANS_RESOURCE);
	tw_attr_int(&f->body, RESOURCE_ATTRIBUTES, "r", 1);
	tw_close(&f->body, resource);
	tw_close(&f->body, resource_spans);
	assert_int_equal(build(f), 0);
	assert_int_equal(f->index.spans[0].attrs.count, 2);
	assert_reads_as_protobuf_c(f);
}

static void varints_may_be_padded(void **state)
{
	struct fixture *f = *state;
	struct buf span = BUF_INIT;
	tw_padded_varint(&span, wire_tag(SPAN_NAME, WIRE_LEN), 5);
	tw_padded_varint(&span, 1, 5);
	buf_append(&span, SLICE("n"));
	tw_padded_varint(&span, wire_tag(SPAN_KIND, WIRE_VARINT), 3);
	tw_padded_varint(&span, 2, 10);
	tw_padded_varint(&span, wire_tag(SPAN_ATTRIBUTES, WIRE_LEN), 2);
	tw_padded_varint(&span, 10, 4);
	buf_append(&span, SLICE("\x0a\x81\x00k\x92\x00\x82\x00\x10\x01"));
	assert_int_equal(build_span(f, buf_slice(&span)), 0);
	buf_fini(&span);
	assert_int_equal(f->index.spans[0].kind, 2);
	assert_int_equal(f->index.attrs[0].value_type, VALUE_BOOL);
	assert_reads_as_protobuf_c(f);
}

static void unknown_fields_of_each_wire_type_are_kept(void **state)
{
	struct fixture *f = *state;
	struct buf span = BUF_INIT;
	tw_varint(&span, 99, 1);
	tw_fixed64(&span, 99, 1);
	tw_fixed32(&span, 99, 1);
	tw_text(&span, 1000, "secret");
	assert_int_equal(build_span(f, buf_slice(&span)), 0);
	assert_int_equal(f->index.spans[0].content.len, span.len);
	buf_fini(&span);
}

/* ${old}: the scopes stand under the number that they had before OTLP 0.15. */
static void two_scopes(struct fixture *f, bool old)
{
	uint32_t number = old ? RESOURCE_SPANS_DEPRECATED_ILS : RESOURCE_SPANS_SCOPE_SPANS;
	buf_reset(&f->body);
	size_t resource = tw_open(&f->body, EXPORT_REQUEST_RESOURCE_SPANS);
	tw_bytes(&f->body, number, SLICE("\x0a\x03\x0a\x01l\x12\x03\x2a\x01m\x1a\x01u"));
	tw_bytes(&f->body, number, SLICE("\x12\x00\x12\x03\x2a\x01n"));
	tw_close(&f->body, resource);
}

static void old_instrumentation_library_spans_are_scopes(void **state)
{
	struct fixture *f = *state;
	struct buf expected = BUF_INIT;
	two_scopes(f, false);
	buf_append(&expected, buf_slice(&f->body));
	two_scopes(f, true);
	assert_int_equal(build(f), 0);
	assert_int_equal(f->index.scope_count, 2);
	assert_int_equal(f->index.span_count, 3);
	assert_int_equal(f->index.unknown_count, 0);
	assert_int_equal(f->index.superseded_count, 0);
	assert_true(slice_equal(f->index.body, buf_slice(&expected)));
	assert_true(slice_equal(index_slice(&f->index, f->index.scopes[0].name), SLICE("l")));
	assert_reads_as_protobuf_c(f);
	buf_fini(&expected);
}

static void old_scopes_are_checked_even_beside_new_ones(void **state)
{
	static const struct slice faults[] = {
		SLICE_INIT("\xc2\x3e\x03\x12\x01z"),	     /* not even well-formed */
		SLICE_INIT("\x12\x00\xc2\x3e\x03\x12\x01z"), /* and of no use */
		SLICE_INIT("\xc0\x3e\x01"),		     /* a number */
		SLICE_INIT("\xc2\x3e\x05\x12\x03\x0a\x01t"), /* a short trace id */
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_COUNT(faults); i++) {
		buf_reset(&f->body);
		tw_bytes(&f->body, EXPORT_REQUEST_RESOURCE_SPANS, faults[i]);
		assert_int_equal(build(f), -1);
		assert_int_equal(f->err.kind, ERR_DECODE);
	}
}

static void dropped_counts_are_found_by_scanning(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(build_span(f, SLICE("\x50\x07\x70\x81\x01")), 0);
	struct range span = f->index.spans[0].content;
	assert_int_equal(index_scan_number(&f->index, span, SPAN_DROPPED_ATTRIBUTES_COUNT), 7);
	assert_int_equal(index_scan_number(&f->index, span, SPAN_DROPPED_LINKS_COUNT), 129);
	assert_int_equal(index_scan_number(&f->index, span, SPAN_DROPPED_EVENTS_COUNT), 0);
}

/* ---- refused forms ---- */

struct refusal {
	const char *what;
	struct slice span;   /* content of a Span */
	uint64_t offset;     /* in the span */
	const char *message; /* part of it */
};

static const struct refusal refusals[] = {
	{"group start", SLICE_INIT("\x2b\x2c"), 0, "malformed field in Span"},
	{"group end", SLICE_INIT("\x2a\x01n\x2c"), 3, "malformed field in Span"},
	{"unknown group", SLICE_INIT("\x9b\x06\x9c\x06"), 0, "malformed field in Span"},
	{"wire type 6", SLICE_INIT("\x2e"), 0, "malformed field in Span"},
	{"field number 0", SLICE_INIT("\x02\x01x"), 0, "malformed field in Span"},
	{"tag of six bytes", SLICE_INIT("\xaa\x80\x80\x80\x80\x00\x01n"), 0, "malformed"},
	{"length past the end", SLICE_INIT("\x2a\x02n"), 0, "malformed field in Span"},
	{"length of six bytes", SLICE_INIT("\x2a\x81\x80\x80\x80\x80\x00n"), 0, "malformed"},
	{"varint of eleven bytes", SLICE_INIT("\x30\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"),
	 0, "malformed"},
	{"varint that does not end", SLICE_INIT("\x30\x80"), 0, "malformed field in Span"},
	{"short fixed64", SLICE_INIT("\x39\x01\x02\x03"), 0, "malformed field in Span"},
	{"short fixed32", SLICE_INIT("\x85\x01\x02\x03"), 0, "malformed field in Span"},
	{"unknown field cut short", SLICE_INIT("\x2a\x01n\x9a\x06\x05x"), 3, "malformed"},
	{"name as a number", SLICE_INIT("\x28\x01"), 0, "Span.name has wire type 0, expected 2"},
	{"kind as text", SLICE_INIT("\x32\x01x"), 0, "Span.kind has wire type 2, expected 0"},
	{"start as varint", SLICE_INIT("\x38\x01"), 0, "Span.start_time_unix_nano has wire type 0"},
	{"flags as varint", SLICE_INIT("\x80\x01\x01"), 0, "Span.flags has wire type 0"},
	{"status code as fixed32", SLICE_INIT("\x7a\x05\x1d\x01\x00\x00\x00"), 2,
	 "Status.code has wire type 5, expected 0"},
	{"event time as varint", SLICE_INIT("\x5a\x02\x08\x01"), 2, "Event.time_unix_nano"},
	{"link flags as varint", SLICE_INIT("\x6a\x02\x30\x01"), 2, "Link.flags"},
	{"key as a number", SLICE_INIT("\x4a\x02\x08\x01"), 2, "KeyValue.key has wire type 0"},
	{"int value as text", SLICE_INIT("\x4a\x05\x12\x03\x1a\x01x"), 4, "AnyValue.int_value"},
	{"bool value as text", SLICE_INIT("\x4a\x05\x12\x03\x12\x01x"), 4, "AnyValue.bool_value"},
	{"array item as a number", SLICE_INIT("\x4a\x06\x12\x04\x2a\x02\x08\x01"), 6,
	 "ArrayValue.values"},
	{"key in a map as a number", SLICE_INIT("\x4a\x08\x12\x06\x32\x04\x0a\x02\x08\x01"), 8,
	 "KeyValue.key"},
	{"value past its end", SLICE_INIT("\x4a\x05\x12\x03\x0a\x02x"), 4,
	 "malformed field in Any"},
	{"trace id of 15 bytes", SLICE_INIT("\x0a\x0fxxxxxxxxxxxxxxx"), 0, "id"},
	{"span id of 16 bytes", SLICE_INIT("\x12\x10xxxxxxxxxxxxxxxx"), 0, "id"},
	{"parent id of 7 bytes", SLICE_INIT("\x22\x07xxxxxxx"), 0, "id"},
	{"link's trace id of 8 bytes", SLICE_INIT("\x6a\x0a\x0a\x08xxxxxxxx"), 2,
	 "Link has a trace id"},
	{"link's span id of 1 byte", SLICE_INIT("\x6a\x03\x12\x01x"), 2, "Link has a trace id"},
};

static void malformed_spans_are_refused_with_place_and_reason(void **state)
{
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_COUNT(refusals); i++) {
		const struct refusal *r = &refusals[i];
		f->err = (struct err){0};
		if (build_span(f, r->span) == 0)
			fail_msg("%s: accepted", r->what);
		size_t span_off = f->body.len - r->span.len;
		if (f->err.kind != ERR_DECODE || f->err.offset != span_off + r->offset ||
		    !strstr(f->err.msg, r->message))
			fail_msg("%s: offset %d, %s", r->what, (int)(f->err.offset - span_off),
				 f->err.msg);
		assert_int_equal(f->index.span_count, 0);
		assert_int_equal(f->index.body.len, 0);
	}
}

static void faults_outside_spans_are_refused(void **state)
{
	static const struct slice bodies[] = {
		SLICE_INIT("\x08\x01"),				/* resource_spans as a number */
		SLICE_INIT("\x0a\x05"),				/* cut short */
		SLICE_INIT("\x0a\x02\x08\x01"),			/* resource as a number */
		SLICE_INIT("\x0a\x02\x18\x01"),			/* schema_url as a number */
		SLICE_INIT("\x0a\x04\x0a\x02\x08\x01"),		/* attributes as a number */
		SLICE_INIT("\x0a\x05\x0a\x03\x12\x01x"),	/* dropped count as text */
		SLICE_INIT("\x0a\x06\x0a\x04\x1a\x02\x08\x01"), /* entity schema_url as a number */
		SLICE_INIT("\x0a\x04\x12\x02\x10\x01"),		/* spans as a number */
		SLICE_INIT("\x0a\x06\x12\x04\x0a\x02\x08\x01"), /* scope name as a number */
		SLICE_INIT("\x0a\x02\x13\x14"),			/* group */
		SLICE_INIT("\x0b\x0c"),
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_COUNT(bodies); i++) {
		trace_tree *tree = trace_tree_parse(bodies[i]);
		assert_null(tree);
		if (trace_index_build(&f->index, bodies[i], &f->err) == 0)
			fail_msg("body %zu accepted", i);
		assert_int_equal(f->err.kind, ERR_DECODE);
	}
}

static void every_truncation_is_refused_or_read_as_protobuf_c(void **state)
{
	struct fixture *f = *state;
	struct buf span = BUF_INIT;
	tw_text(&span, SPAN_NAME, "name");
	tw_attr_text(&span, SPAN_ATTRIBUTES, "k", "v");
	tw_attr_double(&span, SPAN_ATTRIBUTES, "d", 1.5);
	tw_bytes(&span, SPAN_EVENTS, SLICE("\x12\x01n"));
	buf_reset(&f->body);
	tw_request_of_span(&f->body, buf_slice(&span));
	for (size_t len = 0; len < f->body.len; len++) {
		struct slice cut = slice_of(f->body.data, len);
		trace_tree *tree = trace_tree_parse(cut);
		assert_int_equal(trace_index_build(&f->index, cut, &f->err) == 0, tree != NULL);
		trace_request_free(tree);
	}
	buf_fini(&span);
}

/* ---- nesting ---- */

/* A span with one attribute whose AnyValue is nested ${depth} deep, in arrays or in maps. */
static void make_nested(struct buf *span, unsigned depth, bool maps)
{
	struct buf value = BUF_INIT, outer = BUF_INIT;
	for (unsigned i = 1; i < depth; i++) {
		buf_reset(&outer);
		size_t list = tw_open(&outer, maps ? ANY_VALUE_KVLIST : ANY_VALUE_ARRAY);
		size_t pair = maps ? tw_open(&outer, KVLIST_VALUES) : 0;
		tw_bytes(&outer, maps ? KEY_VALUE_VALUE : ARRAY_VALUE_VALUES, buf_slice(&value));
		if (maps)
			tw_close(&outer, pair);
		tw_close(&outer, list);
		buf_reset(&value);
		buf_append(&value, buf_slice(&outer));
	}
	size_t pair = tw_open(span, SPAN_ATTRIBUTES);
	tw_bytes(span, KEY_VALUE_VALUE, buf_slice(&value));
	tw_close(span, pair);
	buf_fini(&value);
	buf_fini(&outer);
}

static void check_depth(struct fixture *f, unsigned depth, bool maps, bool accepted)
{
	struct buf span = BUF_INIT;
	make_nested(&span, depth, maps);
	assert_int_equal(build_span(f, buf_slice(&span)), accepted ? 0 : -1);
	if (!accepted)
		assert_int_equal(f->err.kind, ERR_LIMIT);
	buf_fini(&span);
}

static void values_may_nest_100_deep_and_no_deeper(void **state)
{
	check_depth(*state, 1, false, true);
	check_depth(*state, 100, false, true);
	check_depth(*state, 100, true, true);
	check_depth(*state, 101, false, false);
	check_depth(*state, 101, true, false);
}

/* Built from the inside out by hand: tw_close would move the bytes 100,000 times. */
static void values_nested_100000_deep_are_refused(void **state)
{
	enum { DEPTH = 100000, LEVEL_BYTES = 2 * 6 };
	struct fixture *f = *state;
	struct buf span = BUF_INIT;
	size_t left = (size_t)DEPTH * LEVEL_BYTES;
	tw_raw_varint(&span, wire_tag(SPAN_ATTRIBUTES, WIRE_LEN));
	tw_padded_varint(&span, left + 6, 5);
	tw_raw_varint(&span, wire_tag(KEY_VALUE_VALUE, WIRE_LEN));
	tw_padded_varint(&span, left, 5);
	for (unsigned i = 0; i < DEPTH; i++) {
		tw_raw_varint(&span, wire_tag(ANY_VALUE_ARRAY, WIRE_LEN));
		tw_padded_varint(&span, left -= 6, 5);
		tw_raw_varint(&span, wire_tag(ARRAY_VALUE_VALUES, WIRE_LEN));
		tw_padded_varint(&span, left -= 6, 5);
	}
	assert_int_equal(build_span(f, buf_slice(&span)), -1);
	assert_int_equal(f->err.kind, ERR_LIMIT);
	buf_fini(&span);
}

/* ---- memory ---- */

static void ten_million_empty_spans_are_over_the_bound(void **state)
{
	enum { SPANS = 10 * 1000 * 1000 };
	struct fixture *f = *state;
	struct buf spans = BUF_INIT;
	for (unsigned i = 0; i < SPANS / 1000; i++) {
		static uint8_t block[2000];
		for (unsigned j = 0; j < sizeof(block); j += 2)
			block[j] = 0x12;
		buf_append(&spans, slice_of(block, sizeof(block)));
	}
	buf_reset(&f->body);
	size_t resource = tw_open(&f->body, EXPORT_REQUEST_RESOURCE_SPANS);
	tw_bytes(&f->body, RESOURCE_SPANS_SCOPE_SPANS, buf_slice(&spans));
	tw_close(&f->body, resource);
	buf_fini(&spans);
	assert_int_equal(build(f), -1);
	assert_int_equal(f->err.kind, ERR_LIMIT);
	assert_true(atomic_load(&f->budget.peak) <= 8 * (uint64_t)f->body.len);
	trace_index_release(&f->index);
	assert_true(f->index.bytes_held <= TRACE_INDEX_KEEP_BYTES);
	assert_int_equal(budget_used(&f->budget), f->index.bytes_held);
}

static int build_empty_spans(struct fixture *f, unsigned count)
{
	buf_reset(&f->body);
	size_t resource = tw_open(&f->body, EXPORT_REQUEST_RESOURCE_SPANS);
	size_t scope = tw_open(&f->body, RESOURCE_SPANS_SCOPE_SPANS);
	for (unsigned i = 0; i < count; i++)
		buf_append(&f->body, SLICE("\x12\x00"));
	tw_close(&f->body, scope);
	tw_close(&f->body, resource);
	return build(f);
}

static void small_requests_may_use_a_mebibyte(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(build_empty_spans(f, 4000), 0);
	assert_int_equal(f->index.span_count, 4000);
}

/* The arrays that one request leaves behind take no room from the next. */
static void what_was_refused_does_not_depend_on_what_came_before(void **state)
{
	struct fixture *f = *state;
	struct buf attrs = BUF_INIT;
	for (unsigned i = 0; i < 20000; i++)
		buf_append(&attrs, SLICE("\x4a\x00")); /* Span.attributes */
	assert_int_equal(build_span(f, buf_slice(&attrs)), 0);
	assert_int_equal(f->index.attr_count, 20000);
	trace_index_release(&f->index);
	assert_int_equal(build_empty_spans(f, 4000), 0);
	buf_fini(&attrs);
}

/* Admitted once: what a filter leaves of a request may be small beside its index. */
static void what_was_indexed_before_may_be_indexed_again(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(build_empty_spans(f, 9000), -1);
	assert_int_equal(f->err.kind, ERR_LIMIT);
	struct chunk *body = chunk_new(&f->budget, f->body.len);
	assert_non_null(body);
	assert_true(chunk_append(body, buf_slice(&f->body)));
	body->index_bytes = 9000 * sizeof(struct span_entry) + sizeof(struct scope_entry) +
			    sizeof(struct resource_entry);
	assert_int_equal(trace_index_rebuild(&f->index, body, &f->err), 0);
	assert_int_equal(f->index.span_count, 9000);
	assert_int_equal(trace_index_bytes(&f->index), body->index_bytes);
	trace_index_release(&f->index);
	chunk_unref(body);
}

static void an_exhausted_budget_refuses_the_request(void **state)
{
	struct fixture *f = *state;
	struct budget small;
	struct trace_index index;
	budget_init(&small, 1000);
	trace_index_init(&index, &small, f->keys);
	assert_int_equal(build_span(f, SLICE("")), 0);
	assert_int_equal(trace_index_build(&index, buf_slice(&f->body), &f->err), -1);
	assert_int_equal(f->err.kind, ERR_NOMEM);
	assert_int_equal(index.resource_count, 0);
	trace_index_fini(&index);
	assert_int_equal(budget_used(&small), 0);
}

static void a_failed_request_leaves_nothing_behind(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(build_span(f, SLICE("\x2a\x01n")), 0);
	assert_int_equal(f->index.span_count, 1);
	assert_int_equal(build_span(f, SLICE("\x2a\x05n")), -1);
	assert_int_equal(f->index.span_count, 0);
	assert_int_equal(f->index.resource_count, 0);
	assert_int_equal(build_span(f, SLICE("\x2a\x01m")), 0);
	assert_true(slice_equal(index_slice(&f->index, f->index.spans[0].name), SLICE("m")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_request_has_no_spans),
		cmocka_unit_test(empty_messages_are_elements),
		cmocka_unit_test(fields_may_come_in_descending_order),
		cmocka_unit_test(varints_may_be_padded),
		cmocka_unit_test(unknown_fields_of_each_wire_type_are_kept),
		cmocka_unit_test(old_instrumentation_library_spans_are_scopes),
		cmocka_unit_test(old_scopes_are_checked_even_beside_new_ones),
		cmocka_unit_test(dropped_counts_are_found_by_scanning),
		cmocka_unit_test(malformed_spans_are_refused_with_place_and_reason),
		cmocka_unit_test(faults_outside_spans_are_refused),
		cmocka_unit_test(every_truncation_is_refused_or_read_as_protobuf_c),
		cmocka_unit_test(values_may_nest_100_deep_and_no_deeper),
		cmocka_unit_test(values_nested_100000_deep_are_refused),
		cmocka_unit_test(ten_million_empty_spans_are_over_the_bound),
		cmocka_unit_test(small_requests_may_use_a_mebibyte),
		cmocka_unit_test(what_was_refused_does_not_depend_on_what_came_before),
		cmocka_unit_test(what_was_indexed_before_may_be_indexed_again),
		cmocka_unit_test(an_exhausted_budget_refuses_the_request),
		cmocka_unit_test(a_failed_request_leaves_nothing_behind),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
