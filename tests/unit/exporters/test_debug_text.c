/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/debug/text.h"

#include "pipeline/trace/otlp/builder.h"
#include "tests/support/generate_view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOON_NS UINT64_C(1786190400000000000) /* 2026-08-08 12:00:00 UTC */

struct fixture {
	struct budget budget;
	struct trace_builder builder;
	struct chunk *chunk;
	struct generate_view request;
	struct buf out;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	assert_non_null(fixture);
	budget_init(&fixture->budget, UINT64_MAX);
	trace_builder_init(&fixture->builder, &fixture->budget);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	generate_view_close(&fixture->request);
	chunk_unref(fixture->chunk);
	buf_fini(&fixture->out);
	assert_int_equal(budget_used(&fixture->budget), 0);
	free(fixture);
	return 0;
}

static void open_view(struct fixture *fixture)
{
	struct err err = {.msg = ""};
	fixture->chunk = trace_builder_take(&fixture->builder, 0, &err);
	assert_non_null(fixture->chunk);
	generate_view_open(&fixture->request, chunk_slice(fixture->chunk));
}

static void add_id(struct trace_builder *b, uint32_t field, uint8_t first, size_t len)
{
	uint8_t id[TRACE_ID_BYTES];
	for (size_t i = 0; i < len; i++)
		id[i] = (uint8_t)(first + i);
	trace_builder_bytes(b, field, slice_of(id, len));
}

static void add_times(struct trace_builder *b, uint64_t start_ns, uint64_t end_ns)
{
	trace_builder_fixed64(b, SPAN_START_TIME_UNIX_NANO, start_ns);
	trace_builder_fixed64(b, SPAN_END_TIME_UNIX_NANO, end_ns);
}

/* Resource, scope and span, with nothing but a name and ids. */
static void add_bare_span(struct trace_builder *b, struct slice name)
{
	trace_builder_begin(b, EXPORT_REQUEST_RESOURCE_SPANS);
	trace_builder_begin(b, RESOURCE_SPANS_SCOPE_SPANS);
	trace_builder_begin(b, SCOPE_SPANS_SPANS);
	add_id(b, SPAN_TRACE_ID, 0x10, TRACE_ID_BYTES);
	add_id(b, SPAN_SPAN_ID, 0x20, SPAN_ID_BYTES);
	trace_builder_bytes(b, SPAN_NAME, name);
	trace_builder_end(b);
	trace_builder_end(b);
	trace_builder_end(b);
}

static void add_events(struct trace_builder *b)
{
	trace_builder_begin(b, SPAN_EVENTS);
	trace_builder_fixed64(b, EVENT_TIME_UNIX_NANO, NOON_NS + 1500000);
	trace_builder_bytes(b, EVENT_NAME, SLICE("exception"));
	trace_builder_attr(b, EVENT_ATTRIBUTES, SLICE("exception.type"),
			   value_of_str(SLICE("TimeoutError")));
	trace_builder_attr(b, EVENT_ATTRIBUTES, SLICE("exception.stacktrace"),
			   value_of_str(SLICE("line 1\n\tline 2")));
	trace_builder_varint(b, EVENT_DROPPED_ATTRIBUTES_COUNT, 2);
	trace_builder_end(b);
	trace_builder_begin(b, SPAN_EVENTS);
	trace_builder_fixed64(b, EVENT_TIME_UNIX_NANO, NOON_NS + 2000000);
	trace_builder_bytes(b, EVENT_NAME, SLICE("retry"));
	trace_builder_end(b);
}

static void add_links(struct trace_builder *b)
{
	trace_builder_begin(b, SPAN_LINKS);
	add_id(b, LINK_TRACE_ID, 0x40, TRACE_ID_BYTES);
	add_id(b, LINK_SPAN_ID, 0x50, SPAN_ID_BYTES);
	trace_builder_bytes(b, LINK_TRACE_STATE, SLICE("ot=th:8"));
	trace_builder_attr(b, LINK_ATTRIBUTES, SLICE("follows"), value_of_bool(true));
	trace_builder_varint(b, LINK_DROPPED_ATTRIBUTES_COUNT, 3);
	trace_builder_end(b);
	trace_builder_begin(b, SPAN_LINKS);
	trace_builder_end(b);
}

static void add_attrs_of_every_type(struct trace_builder *b)
{
	static const uint8_t map[] = {0x0a, 0x0b, 0x0a, 0x01, 'k', 0x12, 0x06,
				      0x0a, 0x04, 'v',	'"',  'a', 'l'}; /* {k: v"al} */
	trace_builder_attr(b, SPAN_ATTRIBUTES, SLICE("text"), value_of_str(SLICE("a b")));
	trace_builder_attr(b, SPAN_ATTRIBUTES, SLICE("tokens"), value_of_int(-2071));
	trace_builder_attr(b, SPAN_ATTRIBUTES, SLICE("ratio"), value_of_double(0.25));
	trace_builder_attr(b, SPAN_ATTRIBUTES, SLICE("yes"), value_of_bool(true));
	trace_builder_attr(b, SPAN_ATTRIBUTES, SLICE("raw"),
			   (struct value){.type = VALUE_BYTES, .bytes = SLICE("\x01\x02\x03")});
	trace_builder_attr(
		b, SPAN_ATTRIBUTES, SLICE("map"),
		(struct value){.type = VALUE_KVLIST, .bytes = slice_of(map, sizeof(map))});
	trace_builder_attr(b, SPAN_ATTRIBUTES, SLICE("none"), (struct value){.type = VALUE_EMPTY});
	trace_builder_begin_array(b, SPAN_ATTRIBUTES, SLICE("list"));
	trace_builder_value(b, ARRAY_VALUE_VALUES, value_of_str(SLICE("x")));
	trace_builder_value(b, ARRAY_VALUE_VALUES, value_of_int(7));
	trace_builder_end_array(b);
}

static void add_full_span(struct trace_builder *b)
{
	trace_builder_begin(b, SCOPE_SPANS_SPANS);
	add_id(b, SPAN_TRACE_ID, 0x10, TRACE_ID_BYTES);
	add_id(b, SPAN_SPAN_ID, 0x20, SPAN_ID_BYTES);
	add_id(b, SPAN_PARENT_SPAN_ID, 0x30, SPAN_ID_BYTES);
	trace_builder_bytes(b, SPAN_TRACE_STATE, SLICE("vendor=1"));
	trace_builder_bytes(b, SPAN_NAME, SLICE("forward_request"));
	trace_builder_varint(b, SPAN_KIND, SPAN_KIND_SERVER);
	add_times(b, NOON_NS + 120, NOON_NS + 3141900000);
	add_attrs_of_every_type(b);
	trace_builder_varint(b, SPAN_DROPPED_ATTRIBUTES_COUNT, 4);
	add_events(b);
	trace_builder_varint(b, SPAN_DROPPED_EVENTS_COUNT, 5);
	add_links(b);
	trace_builder_varint(b, SPAN_DROPPED_LINKS_COUNT, 6);
	trace_builder_begin(b, SPAN_STATUS);
	trace_builder_bytes(b, STATUS_MESSAGE, SLICE("upstream timed out"));
	trace_builder_varint(b, STATUS_CODE, STATUS_CODE_ERROR);
	trace_builder_end(b);
	trace_builder_end(b);
}

/* Two resources: one with all that can be said, the other one with nothing. */
static void build_full_and_bare(struct trace_builder *b)
{
	trace_builder_begin(b, EXPORT_REQUEST_RESOURCE_SPANS);
	trace_builder_begin(b, RESOURCE_SPANS_RESOURCE);
	trace_builder_attr(b, RESOURCE_ATTRIBUTES, SLICE("service.name"),
			   value_of_str(SLICE("routing-proxy")));
	trace_builder_attr(b, RESOURCE_ATTRIBUTES, SLICE("replicas"), value_of_int(2));
	trace_builder_end(b);
	trace_builder_bytes(b, RESOURCE_SPANS_SCHEMA_URL, SLICE("https://example.org/schemas/1"));
	trace_builder_begin(b, RESOURCE_SPANS_SCOPE_SPANS);
	trace_builder_begin(b, SCOPE_SPANS_SCOPE);
	trace_builder_bytes(b, SCOPE_NAME, SLICE("sidecar"));
	trace_builder_bytes(b, SCOPE_VERSION, SLICE("v0.10.0"));
	trace_builder_attr(b, SCOPE_ATTRIBUTES, SLICE("commit-sha"), value_of_str(SLICE("3f6d1c")));
	trace_builder_end(b);
	trace_builder_bytes(b, SCOPE_SPANS_SCHEMA_URL, SLICE("https://example.org/schemas/2"));
	add_full_span(b);
	trace_builder_begin(b, SCOPE_SPANS_SPANS);
	trace_builder_end(b);
	trace_builder_end(b);
	trace_builder_end(b);
	add_bare_span(b, SLICE("GET /metrics"));
}

static void normal_is_what_the_collector_prints(void **state)
{
	struct fixture *fixture = *state;
	build_full_and_bare(&fixture->builder);
	open_view(fixture);
	text_normal(fixture->request.view, &fixture->out);
	generate_assert_golden("debug/normal.txt", buf_slice(&fixture->out));
}

static void detailed_is_what_the_collector_prints(void **state)
{
	struct fixture *fixture = *state;
	build_full_and_bare(&fixture->builder);
	open_view(fixture);
	text_detailed(fixture->request.view, &fixture->out);
	generate_assert_golden("debug/detailed.txt", buf_slice(&fixture->out));
}

static void an_empty_request_prints_nothing(void **state)
{
	struct fixture *fixture = *state;
	open_view(fixture);
	text_normal(fixture->request.view, &fixture->out);
	text_detailed(fixture->request.view, &fixture->out);
	assert_int_equal(fixture->out.len, 0);
	assert_int_equal(text_count(fixture->request.view).spans, 0);
	assert_int_equal(text_count(fixture->request.view).resource_spans, 0);
}

static void what_was_dropped_is_neither_counted_nor_printed(void **state)
{
	struct fixture *fixture = *state;
	build_full_and_bare(&fixture->builder);
	open_view(fixture);
	assert_int_equal(text_count(fixture->request.view).spans, 3);
	assert_int_equal(text_count(fixture->request.view).resource_spans, 2);
	edit_drop_span(fixture->request.view, 0);
	edit_drop_span(fixture->request.view, 1);
	assert_int_equal(text_count(fixture->request.view).spans, 1);
	assert_int_equal(text_count(fixture->request.view).resource_spans, 1);
	text_normal(fixture->request.view, &fixture->out);
	assert_string_equal(buf_cstr(&fixture->out),
			    "ResourceTraces #0\nScopeTraces #0\n"
			    "GET /metrics 101112131415161718191a1b1c1d1e1f 2021222324252627\n");
}

static void edits_are_shown(void **state)
{
	struct fixture *fixture = *state;
	add_bare_span(&fixture->builder, SLICE("before"));
	open_view(fixture);
	edit_set_span_name(fixture->request.view, 0, SLICE("after"));
	edit_set_attr(fixture->request.view, (struct owner){OWNER_SPAN, 0}, SLICE("new"), 0,
		      value_of_int(1));
	text_normal(fixture->request.view, &fixture->out);
	assert_non_null(strstr(buf_cstr(&fixture->out), "after 1011"));
	assert_non_null(strstr(buf_cstr(&fixture->out), " new=1\n"));
}

static void text_of_peers_cannot_drive_the_terminal(void **state)
{
	static const struct {
		struct slice name;
		const char *shown;
	} cases[] = {
		{SLICE_INIT("\x1b]0;owned\x07"), "\\x1b]0;owned\\x07 "},
		{SLICE_INIT("a\rb\bc\x7f"), "a\\x0db\\x08c\\x7f "},
		{SLICE_INIT("c1 \xc2\x9b"
			    "31m"),
		 "c1 \\u009b31m "},
		{SLICE_INIT("bad \xff\xc3("), "bad \\xff\\xc3( "},
		{SLICE_INIT("rtl \xe2\x80\xae"
			    "cod"),
		 "rtl \\u202ecod "},
		{SLICE_INIT("tag \xf3\xa0\x81\x81"), "tag \\ue0041 "},
		{SLICE_INIT("gr\xc3\xbc\xc3\x9f \xe4\xb8\xad \xf0\x9f\x99\x82"),
		 "gr\xc3\xbc\xc3\x9f \xe4\xb8\xad \xf0\x9f\x99\x82 "},
	};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		add_bare_span(&fixture->builder, cases[i].name);
	open_view(fixture);
	text_normal(fixture->request.view, &fixture->out);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_non_null(strstr(buf_cstr(&fixture->out), cases[i].shown));
	for (size_t i = 0; i < fixture->out.len; i++)
		assert_true(fixture->out.data[i] >= 0x20 || fixture->out.data[i] == '\n');
}

static void times_are_written_as_go_writes_them(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{0, "Start time     : 1970-01-01 00:00:00 +0000 UTC\n"},
		{1, "Start time     : 1970-01-01 00:00:00.000000001 +0000 UTC\n"},
		{UINT64_C(951782400500000000),
		 "Start time     : 2000-02-29 00:00:00.5 +0000 UTC\n"},
		{NOON_NS, "Start time     : 2026-08-08 12:00:00 +0000 UTC\n"},
		{INT64_MAX, "Start time     : 2262-04-11 23:47:16.854775807 +0000 UTC\n"},
		{UINT64_MAX, "Start time     : 1969-12-31 23:59:59.999999999 +0000 UTC\n"},
	};
	struct fixture *fixture = *state;
	struct trace_builder *b = &fixture->builder;
	trace_builder_begin(b, EXPORT_REQUEST_RESOURCE_SPANS);
	trace_builder_begin(b, RESOURCE_SPANS_SCOPE_SPANS);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		trace_builder_begin(b, SCOPE_SPANS_SPANS);
		add_times(b, cases[i].ns, cases[i].ns);
		trace_builder_end(b);
	}
	open_view(fixture);
	text_detailed(fixture->request.view, &fixture->out);
	const char *at = buf_cstr(&fixture->out);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		at = strstr(at, "Start time");
		assert_non_null(at);
		assert_memory_equal(at, cases[i].text, strlen(cases[i].text));
		at++;
	}
}

static void unknown_kinds_and_codes_and_ids_of_zeros_are_blank(void **state)
{
	static const uint8_t zeros[TRACE_ID_BYTES];
	struct fixture *fixture = *state;
	struct trace_builder *b = &fixture->builder;
	trace_builder_begin(b, EXPORT_REQUEST_RESOURCE_SPANS);
	trace_builder_begin(b, RESOURCE_SPANS_SCOPE_SPANS);
	trace_builder_begin(b, SCOPE_SPANS_SPANS);
	trace_builder_bytes(b, SPAN_TRACE_ID, slice_of(zeros, TRACE_ID_BYTES));
	trace_builder_bytes(b, SPAN_SPAN_ID, slice_of(zeros, SPAN_ID_BYTES));
	trace_builder_varint(b, SPAN_KIND, 77);
	trace_builder_begin(b, SPAN_STATUS);
	trace_builder_varint(b, STATUS_CODE, UINT64_MAX);
	trace_builder_end(b);
	open_view(fixture);
	text_detailed(fixture->request.view, &fixture->out);
	assert_non_null(strstr(buf_cstr(&fixture->out), "    Trace ID       : \n"
							"    Parent ID      : \n"
							"    ID             : \n"
							"    Name           : \n"
							"    Kind           : \n"
							"    Start time"));
	assert_non_null(strstr(buf_cstr(&fixture->out), "    Status code    : \n"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(normal_is_what_the_collector_prints),
		TEST(detailed_is_what_the_collector_prints),
		TEST(an_empty_request_prints_nothing),
		TEST(what_was_dropped_is_neither_counted_nor_printed),
		TEST(edits_are_shown),
		TEST(text_of_peers_cannot_drive_the_terminal),
		TEST(times_are_written_as_go_writes_them),
		TEST(unknown_kinds_and_codes_and_ids_of_zeros_are_blank),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
