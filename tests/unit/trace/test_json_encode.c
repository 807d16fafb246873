/* SPDX-License-Identifier: Apache-2.0 */
/* The encoder's text, field by field; test_json_differential.c reads it back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/trace/otlp/builder.h"
#include "pipeline/trace/otlp_json/json_encode.h"
#include "tests/support/json_codec.h"
#include "tests/support/trace_wire.h"

#include <float.h>
#include <math.h>

static void assert_json(struct json_codec *codec, struct slice body, const char *expected)
{
	struct chunk *json = json_codec_encode(codec, body);
	assert_non_null(json);
	if (!slice_equal(chunk_slice(json), slice_str(expected)))
		fail_msg("%.*s\ninstead of\n%s", SLICE_FMT(chunk_slice(json)), expected);
	chunk_unref(json);
}

static void build_everything(struct trace_builder *b)
{
	trace_builder_begin(b, EXPORT_REQUEST_RESOURCE_SPANS);
	trace_builder_text(b, RESOURCE_SPANS_SCHEMA_URL, SLICE("r"));
	trace_builder_begin(b, RESOURCE_SPANS_RESOURCE);
	trace_builder_attr(b, RESOURCE_ATTRIBUTES, SLICE("service.name"),
			   (struct value){.type = VALUE_STRING, .bytes = SLICE("s")});
	trace_builder_varint(b, RESOURCE_DROPPED_ATTRIBUTES_COUNT, 1);
	trace_builder_begin(b, RESOURCE_ENTITY_REFS);
	trace_builder_text(b, ENTITY_REF_DESCRIPTION_KEYS, SLICE("d"));
	trace_builder_text(b, ENTITY_REF_ID_KEYS, SLICE("i"));
	trace_builder_text(b, ENTITY_REF_TYPE, SLICE("t"));
	trace_builder_text(b, ENTITY_REF_SCHEMA_URL, SLICE("u"));
	trace_builder_text(b, ENTITY_REF_ID_KEYS, SLICE("j"));
	trace_builder_end(b);
	trace_builder_end(b);
	trace_builder_begin(b, RESOURCE_SPANS_SCOPE_SPANS);
	trace_builder_begin(b, SCOPE_SPANS_SCOPE);
	trace_builder_text(b, SCOPE_NAME, SLICE("n"));
	trace_builder_text(b, SCOPE_VERSION, SLICE("v"));
	trace_builder_varint(b, SCOPE_DROPPED_ATTRIBUTES_COUNT, 2);
	trace_builder_end(b);
	trace_builder_begin(b, SCOPE_SPANS_SPANS);
	trace_builder_bytes(b, SPAN_TRACE_ID,
			    slice_of("\x01\x23\x45\x67\x89\xab\xcd\xef"
				     "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8",
				     16));
	trace_builder_bytes(b, SPAN_SPAN_ID, slice_of("\0\0\0\0\0\0\0\1", 8));
	trace_builder_bytes(b, SPAN_PARENT_SPAN_ID, slice_of("\0\0\0\0\0\0\0\2", 8));
	trace_builder_text(b, SPAN_TRACE_STATE, SLICE("a=b"));
	trace_builder_fixed32(b, SPAN_FLAGS, 257);
	trace_builder_text(b, SPAN_NAME, SLICE("GET /"));
	trace_builder_varint(b, SPAN_KIND, SPAN_KIND_SERVER);
	trace_builder_fixed64(b, SPAN_START_TIME_UNIX_NANO, UINT64_MAX);
	trace_builder_fixed64(b, SPAN_END_TIME_UNIX_NANO, 1);
	trace_builder_varint(b, SPAN_DROPPED_ATTRIBUTES_COUNT, 3);
	trace_builder_begin(b, SPAN_EVENTS);
	trace_builder_fixed64(b, EVENT_TIME_UNIX_NANO, 2);
	trace_builder_text(b, EVENT_NAME, SLICE("e"));
	trace_builder_attr(b, EVENT_ATTRIBUTES, SLICE("k"),
			   (struct value){.type = VALUE_BOOL, .i = 1});
	trace_builder_varint(b, EVENT_DROPPED_ATTRIBUTES_COUNT, 4);
	trace_builder_end(b);
	trace_builder_varint(b, SPAN_DROPPED_EVENTS_COUNT, 5);
	trace_builder_begin(b, SPAN_LINKS);
	trace_builder_bytes(b, LINK_SPAN_ID, slice_of("\0\0\0\0\0\0\0\3", 8));
	trace_builder_text(b, LINK_TRACE_STATE, SLICE("c=d"));
	trace_builder_varint(b, LINK_DROPPED_ATTRIBUTES_COUNT, 6);
	trace_builder_fixed32(b, LINK_FLAGS, UINT32_MAX);
	trace_builder_end(b);
	trace_builder_varint(b, SPAN_DROPPED_LINKS_COUNT, 7);
	trace_builder_begin(b, SPAN_STATUS);
	trace_builder_text(b, STATUS_MESSAGE, SLICE("m"));
	trace_builder_varint(b, STATUS_CODE, STATUS_CODE_ERROR);
	trace_builder_end(b);
	trace_builder_end(b);
	trace_builder_text(b, SCOPE_SPANS_SCHEMA_URL, SLICE("s"));
}

static void writes_every_field(void **state)
{
	struct json_codec *codec = *state;
	struct trace_builder builder;
	struct err err;
	trace_builder_init(&builder, &codec->budget);
	build_everything(&builder);
	struct chunk *body = trace_builder_take(&builder, 1, &err);
	assert_non_null(body);
	assert_json(codec, chunk_slice(body),
		    "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\","
		    "\"value\":{\"stringValue\":\"s\"}}],\"droppedAttributesCount\":1,"
		    "\"entityRefs\":[{\"type\":\"t\",\"schemaUrl\":\"u\",\"idKeys\":[\"i\",\"j\"],"
		    "\"descriptionKeys\":[\"d\"]}]},\"scopeSpans\":[{\"scope\":{\"name\":\"n\","
		    "\"version\":\"v\",\"droppedAttributesCount\":2},\"spans\":[{"
		    "\"traceId\":\"0123456789abcdeffffefdfcfbfaf9f8\","
		    "\"spanId\":\"0000000000000001\",\"traceState\":\"a=b\","
		    "\"parentSpanId\":\"0000000000000002\",\"flags\":257,\"name\":\"GET /\","
		    "\"kind\":2,\"startTimeUnixNano\":\"18446744073709551615\","
		    "\"endTimeUnixNano\":\"1\",\"droppedAttributesCount\":3,\"events\":[{"
		    "\"timeUnixNano\":\"2\",\"name\":\"e\",\"attributes\":[{\"key\":\"k\","
		    "\"value\":{\"boolValue\":true}}],\"droppedAttributesCount\":4}],"
		    "\"droppedEventsCount\":5,\"links\":[{\"spanId\":\"0000000000000003\","
		    "\"traceState\":\"c=d\",\"droppedAttributesCount\":6,\"flags\":4294967295}],"
		    "\"droppedLinksCount\":7,\"status\":{\"message\":\"m\",\"code\":2}}],"
		    "\"schemaUrl\":\"s\"}],\"schemaUrl\":\"r\"}]}");
	chunk_unref(body);
}

static void leaves_out_what_is_empty(void **state)
{
	struct buf body = BUF_INIT;
	assert_json(*state, SLICE(""), "{\"resourceSpans\":[]}");
	tw_request_of_span(&body, SLICE(""));
	assert_json(*state, buf_slice(&body),
		    "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"status\":{}}]}]}]}");
	buf_fini(&body);
}

/* A span with one attribute "k" of ${value}. */
static void append_span_of(struct buf *out, struct slice value)
{
	struct buf span = BUF_INIT;
	size_t attr = tw_open(&span, SPAN_ATTRIBUTES);
	tw_text(&span, KEY_VALUE_KEY, "k");
	tw_bytes(&span, KEY_VALUE_VALUE, value);
	tw_close(&span, attr);
	tw_request_of_span(out, buf_slice(&span));
	buf_fini(&span);
}

static void assert_value(struct json_codec *codec, const struct buf *value, const char *expected)
{
	struct buf body = BUF_INIT, json = BUF_INIT;
	append_span_of(&body, buf_slice(value));
	buf_printf(&json,
		   "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"attributes\":[{"
		   "\"key\":\"k\",\"value\":%s}],\"status\":{}}]}]}]}",
		   expected);
	assert_json(codec, buf_slice(&body), buf_cstr(&json));
	buf_fini(&body);
	buf_fini(&json);
}

static void writes_doubles_in_the_fewest_digits(void **state)
{
	static const struct {
		double number;
		const char *json;
	} rows[] = {
		{0.0, "0"},
		{-0.0, "-0"},
		{1.0, "1"},
		{0.1, "0.1"},
		{-1.5, "-1.5"},
		{100.0, "100"},
		{1.0 / 3, "0.3333333333333333"},
		{1e21, "1e+21"},
		{1e-7, "1e-7"},
		{123456789012345680.0, "123456789012345680"},
		{9007199254740993.0, "9007199254740992"},
		{5e-324, "5e-324"},
		{DBL_MIN, "2.2250738585072014e-308"},
		{DBL_MAX, "1.7976931348623157e+308"},
		{(double)NAN, "\"NaN\""},
		{HUGE_VAL, "\"Infinity\""},
		{-HUGE_VAL, "\"-Infinity\""},
	};
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct buf value = BUF_INIT, expected = BUF_INIT;
		tw_double(&value, ANY_VALUE_DOUBLE, rows[i].number);
		buf_printf(&expected, "{\"doubleValue\":%s}", rows[i].json);
		assert_value(*state, &value, buf_cstr(&expected));
		buf_fini(&value);
		buf_fini(&expected);
	}
}

static void replaces_and_counts_what_is_not_utf8(void **state)
{
	static const struct {
		const char *text, *json;
		unsigned replaced;
	} rows[] = {
		{"plain", "plain", 0},
		{"\x01\x1f\x7f\"\\\n", "\\u0001\\u001f\x7f\\\"\\\\\\n", 0},
		{"\xc3\xa9\xf0\x9f\x98\x80", "\xc3\xa9\xf0\x9f\x98\x80", 0},
		{"a\xff"
		 "b",
		 "a\xef\xbf\xbd"
		 "b",
		 1},
		{"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd", 2},
		{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", 3},
		{"\xc3\"", "\xef\xbf\xbd\\\"", 1},
	};
	struct json_codec *codec = *state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct buf value = BUF_INIT, expected = BUF_INIT;
		codec->replaced = 0;
		tw_text(&value, ANY_VALUE_STRING, rows[i].text);
		buf_printf(&expected, "{\"stringValue\":\"%s\"}", rows[i].json);
		assert_value(codec, &value, buf_cstr(&expected));
		assert_int_equal(codec->replaced, rows[i].replaced);
		buf_fini(&value);
		buf_fini(&expected);
	}
}

/* Longer than what the writer gathers. */
static void writes_long_texts_and_bytes(void **state)
{
	struct json_codec *codec = *state;
	for (size_t len = 40000; len < 40006; len++) {
		struct buf text = BUF_INIT, body = BUF_INIT, expected = BUF_INIT;
		struct err err;
		for (size_t i = 0; i < len; i++)
			buf_append_byte(&text, (uint8_t)('a' + i % 26));
		struct buf value = BUF_INIT;
		tw_bytes(&value, ANY_VALUE_BYTES, buf_slice(&text));
		append_span_of(&body, buf_slice(&value));
		struct chunk *json = json_codec_encode(codec, buf_slice(&body));
		struct chunk *back =
			json_codec_decode(codec, chunk_slice(json), SIZE_MAX, NULL, &err);
		assert_non_null(back);
		assert_non_null(memmem(back->data, back->len, text.data, text.len));
		chunk_unref(json);
		chunk_unref(back);
		buf_reset(&value);
		tw_bytes(&value, ANY_VALUE_STRING, buf_slice(&text));
		buf_printf(&expected, "{\"stringValue\":\"%s\"}", buf_cstr(&text));
		assert_value(codec, &value, buf_cstr(&expected));
		buf_fini(&text);
		buf_fini(&body);
		buf_fini(&value);
		buf_fini(&expected);
	}
}

static void a_budget_that_is_used_up_refuses(void **state)
{
	struct json_codec *codec = *state;
	struct buf body = BUF_INIT, value = BUF_INIT;
	struct err err;
	uint64_t replaced = 0;
	struct budget small;
	budget_init(&small, 16);
	tw_text(&value, ANY_VALUE_STRING, "something");
	append_span_of(&body, buf_slice(&value));
	assert_int_equal(view_open(codec->view, buf_slice(&body), &err), 0);
	struct chunk *out = chunk_new(&small, 0);
	assert_int_equal(json_encode(codec->view, out, &replaced, &err), -1);
	assert_int_equal(err.kind, ERR_NOMEM);
	chunk_unref(out);
	buf_fini(&body);
	buf_fini(&value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_every_field),
		cmocka_unit_test(leaves_out_what_is_empty),
		cmocka_unit_test(writes_doubles_in_the_fewest_digits),
		cmocka_unit_test(replaces_and_counts_what_is_not_utf8),
		cmocka_unit_test(writes_long_texts_and_bytes),
		cmocka_unit_test(a_budget_that_is_used_up_refuses),
	};
	return cmocka_run_group_tests(tests, json_codec_set_up, json_codec_tear_down);
}
