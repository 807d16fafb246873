/* SPDX-License-Identifier: Apache-2.0 */
/* OTLP in, Jaeger's messages out, as protobuf-c reads them; the documentation says the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "exporters/jaeger/mapping.h"
#include "pipeline/trace/otlp/builder.h"
#include "tests/support/jaeger_codec.h"

#include <stdio.h>

#define TRACE_ID "0123456789abcdef"
#define TRACE_HEX "30313233343536373839616263646566"
#define SPAN_ID "01234567"
#define SPAN_HEX "3031323334353637"
#define REQUEST_BYTES (4 << 20)

static struct value text_value(const char *text)
{
	return (struct value){.type = VALUE_STRING, .bytes = slice_str(text)};
}

/* Opens resource, scope and span; what a case writes goes into the span. */
static void open_span(struct trace_builder *b)
{
	trace_builder_begin(b, EXPORT_REQUEST_RESOURCE_SPANS);
	trace_builder_begin(b, RESOURCE_SPANS_SCOPE_SPANS);
	trace_builder_begin(b, SCOPE_SPANS_SPANS);
	trace_builder_text(b, SPAN_NAME, SLICE("x"));
}

static void write_ids(struct trace_builder *b)
{
	trace_builder_bytes(b, SPAN_TRACE_ID, SLICE(TRACE_ID));
	trace_builder_bytes(b, SPAN_SPAN_ID, SLICE(SPAN_ID));
}

static void write_link(struct trace_builder *b, struct slice trace_id, struct slice span_id)
{
	trace_builder_begin(b, SPAN_LINKS);
	trace_builder_text(b, LINK_TRACE_ID, trace_id);
	trace_builder_text(b, LINK_SPAN_ID, span_id);
	trace_builder_attr(b, LINK_ATTRIBUTES, SLICE("k"), text_value("v"));
	trace_builder_end(b);
}

static void write_status(struct trace_builder *b, uint64_t code, const char *message)
{
	trace_builder_begin(b, SPAN_STATUS);
	trace_builder_text(b, STATUS_MESSAGE, slice_str(message));
	trace_builder_varint(b, STATUS_CODE, code);
	trace_builder_end(b);
}

static void write_times(struct trace_builder *b, uint64_t start_ns, uint64_t end_ns)
{
	trace_builder_fixed64(b, SPAN_START_TIME_UNIX_NANO, start_ns);
	trace_builder_fixed64(b, SPAN_END_TIME_UNIX_NANO, end_ns);
}

/* ---- cases: what a span holds --------------------------------------------------------------- */

static void no_ids(struct trace_builder *b)
{
	(void)b;
}

static void ids_and_parent(struct trace_builder *b)
{
	write_ids(b);
	trace_builder_bytes(b, SPAN_PARENT_SPAN_ID, SLICE("parentid"));
}

static void zero_parent(struct trace_builder *b)
{
	write_ids(b);
	trace_builder_bytes(b, SPAN_PARENT_SPAN_ID, slice_of("\0\0\0\0\0\0\0\0", 8));
}

static void links_after_parent(struct trace_builder *b)
{
	write_link(b, SLICE("fedcba9876543210"), SLICE("linkedid"));
	write_link(b, SLICE("fedcba9876543210"), SLICE(""));
	write_link(b, SLICE(""), SLICE("linkedid"));
	ids_and_parent(b);
}

static void write_typed_link(struct trace_builder *b, struct slice span_id, const char *type)
{
	trace_builder_begin(b, SPAN_LINKS);
	trace_builder_text(b, LINK_TRACE_ID, SLICE(TRACE_ID));
	trace_builder_text(b, LINK_SPAN_ID, span_id);
	trace_builder_attr(b, LINK_ATTRIBUTES, SLICE("opentracing.ref_type"), text_value(type));
	trace_builder_end(b);
}

static void links_with_types(struct trace_builder *b)
{
	write_ids(b);
	write_typed_link(b, SLICE("linkedid"), "child_of");
	write_typed_link(b, SLICE("linkedid"), "follows_from");
}

/* The link is to the parent: its type is the parent's. */
static void link_to_the_parent(struct trace_builder *b)
{
	ids_and_parent(b);
	write_link(b, SLICE(TRACE_ID), SLICE("parentid"));
	write_link(b, SLICE("fedcba9876543210"), SLICE("parentid"));
}

static void typed_link_to_the_parent(struct trace_builder *b)
{
	ids_and_parent(b);
	write_typed_link(b, SLICE("parentid"), "child_of");
}

static void http_statuses(struct trace_builder *b)
{
	static const struct value status = {.type = VALUE_INT, .i = 404};
	trace_builder_attr(b, SPAN_ATTRIBUTES, SLICE("http.status_code"), status);
	trace_builder_attr(b, SPAN_ATTRIBUTES, SLICE("http.response.status_code"), status);
	trace_builder_begin(b, SPAN_EVENTS);
	trace_builder_attr(b, EVENT_ATTRIBUTES, SLICE("http.response.status_code"), status);
	trace_builder_end(b);
}

static void times(struct trace_builder *b)
{
	write_times(b, 1700000000123456789, 1700000001123456788);
}

static void ends_before_it_starts(struct trace_builder *b)
{
	write_times(b, 2000000001, 2000000000);
}

static void longest(struct trace_builder *b)
{
	write_times(b, 0, UINT64_MAX);
}

static void latest(struct trace_builder *b)
{
	write_times(b, UINT64_MAX, UINT64_MAX);
}

static void kinds_unknown(struct trace_builder *b)
{
	trace_builder_varint(b, SPAN_KIND, 6);
	write_status(b, 3, "");
}

static void status_ok(struct trace_builder *b)
{
	write_status(b, STATUS_CODE_OK, "");
}

static void status_error(struct trace_builder *b)
{
	write_status(b, STATUS_CODE_ERROR, "why");
}

static void status_unset(struct trace_builder *b)
{
	write_status(b, STATUS_CODE_UNSET, "why");
}

static void server_with_state_and_losses(struct trace_builder *b)
{
	trace_builder_varint(b, SPAN_KIND, SPAN_KIND_SERVER);
	trace_builder_text(b, SPAN_TRACE_STATE, SLICE("a=b"));
	trace_builder_varint(b, SPAN_DROPPED_ATTRIBUTES_COUNT, 3);
	trace_builder_varint(b, SPAN_DROPPED_EVENTS_COUNT, 4);
	trace_builder_varint(b, SPAN_DROPPED_LINKS_COUNT, UINT32_MAX);
}

static void values(struct trace_builder *b)
{
	const struct value cases[] = {
		text_value("s"),
		{.type = VALUE_BOOL, .i = 1},
		{.type = VALUE_BOOL, .i = 0},
		{.type = VALUE_INT, .i = INT64_MIN},
		{.type = VALUE_DOUBLE, .d = 0.5},
		{.type = VALUE_BYTES, .bytes = slice_of("\0\xff", 2)},
		{.type = VALUE_BYTES},
		{.type = VALUE_EMPTY},
		text_value(""),
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		trace_builder_attr(b, SPAN_ATTRIBUTES, SLICE("k"), cases[i]);
}

static void nested_values(struct trace_builder *b)
{
	trace_builder_begin_array(b, SPAN_ATTRIBUTES, SLICE("array"));
	trace_builder_value(b, ARRAY_VALUE_VALUES, text_value("<\"\xff"));
	trace_builder_value(b, ARRAY_VALUE_VALUES, (struct value){.type = VALUE_INT, .i = 7});
	trace_builder_end_array(b);
	trace_builder_begin(b, SPAN_ATTRIBUTES);
	trace_builder_text(b, KEY_VALUE_KEY, SLICE("map"));
	trace_builder_begin(b, KEY_VALUE_VALUE);
	trace_builder_begin(b, ANY_VALUE_KVLIST);
	trace_builder_attr(b, KVLIST_VALUES, SLICE("b"), (struct value){.type = VALUE_EMPTY});
	trace_builder_attr(b, KVLIST_VALUES, SLICE("a"), (struct value){.type = VALUE_BOOL});
	trace_builder_end(b);
	trace_builder_end(b);
	trace_builder_end(b);
}

static void bad_text(struct trace_builder *b)
{
	trace_builder_attr(b, SPAN_ATTRIBUTES, SLICE("k\xc0"), text_value("a\xed\xa0\x80z"));
	trace_builder_varint(b, SPAN_KIND, SPAN_KIND_CLIENT);
}

static void events(struct trace_builder *b)
{
	trace_builder_begin(b, SPAN_EVENTS);
	trace_builder_fixed64(b, EVENT_TIME_UNIX_NANO, 1000000002);
	trace_builder_text(b, EVENT_NAME, SLICE("first token"));
	trace_builder_attr(b, EVENT_ATTRIBUTES, SLICE("n"),
			   (struct value){.type = VALUE_INT, .i = 1});
	trace_builder_varint(b, EVENT_DROPPED_ATTRIBUTES_COUNT, 2);
	trace_builder_end(b);
	trace_builder_begin(b, SPAN_EVENTS);
	trace_builder_text(b, EVENT_NAME, SLICE("hidden"));
	trace_builder_attr(b, EVENT_ATTRIBUTES, SLICE("event"), text_value("shown"));
	trace_builder_end(b);
	trace_builder_begin(b, SPAN_EVENTS);
	trace_builder_end(b);
}

#define NO_TIME " at 0.000000000 took 0.000000000\n"
#define NO_IDS "span x 00000000000000000000000000000000 0000000000000000"
#define IDS "span x " TRACE_HEX " " SPAN_HEX
#define PARENT "child of " TRACE_HEX " 706172656e746964\n"

static const struct {
	void (*write)(struct trace_builder *b);
	const char *printed;
} spans[] = {
	{no_ids, NO_IDS NO_TIME},
	{write_ids, IDS NO_TIME},
	{ids_and_parent, IDS NO_TIME PARENT},
	{zero_parent, IDS NO_TIME},
	{links_after_parent,
	 IDS NO_TIME PARENT "follows from 66656463626139383736353433323130 6c696e6b65646964\n"},
	{links_with_types, IDS NO_TIME "child of " TRACE_HEX " 6c696e6b65646964\n"
				       "follows from " TRACE_HEX " 6c696e6b65646964\n"},
	{link_to_the_parent,
	 IDS NO_TIME "follows from " TRACE_HEX " 706172656e746964\n"
		     "follows from 66656463626139383736353433323130 706172656e746964\n"},
	{typed_link_to_the_parent, IDS NO_TIME PARENT},
	{http_statuses, NO_IDS NO_TIME "tag http.status_code INT64 404\n"
				       "tag http.status_code INT64 404\n"
				       "log at 0.000000000\n"
				       "log field http.status_code INT64 404\n"},
	{times, NO_IDS " at 1700000000.123456789 took 0.999999999\n"},
	{ends_before_it_starts, NO_IDS " at 2.000000001 took 0.000000000\n"},
	{longest, NO_IDS " at 0.000000000 took 9223372036.854775807\n"},
	{latest, NO_IDS " at 18446744073.709551615 took 0.000000000\n"},
	{kinds_unknown, NO_IDS NO_TIME},
	{status_ok, NO_IDS NO_TIME "tag otel.status_code STRING OK\n"},
	{status_error, NO_IDS NO_TIME "tag otel.status_code STRING ERROR\n"
				      "tag error BOOL true\n"
				      "tag otel.status_description STRING why\n"},
	{status_unset, NO_IDS NO_TIME "tag otel.status_description STRING why\n"},
	{server_with_state_and_losses,
	 NO_IDS NO_TIME "tag span.kind STRING server\n"
			"tag w3c.tracestate STRING a=b\n"
			"tag otel.dropped_attributes_count INT64 3\n"
			"tag otel.dropped_events_count INT64 4\n"
			"tag otel.dropped_links_count INT64 4294967295\n"},
	{values, NO_IDS NO_TIME "tag k STRING s\n"
				"tag k BOOL true\n"
				"tag k BOOL false\n"
				"tag k INT64 -9223372036854775808\n"
				"tag k FLOAT64 0.5\n"
				"tag k BINARY 00ff\n"
				"tag k BINARY \n"
				"tag k STRING \n"
				"tag k STRING \n"},
	{nested_values, NO_IDS NO_TIME "tag array STRING [\"<\\\"\xef\xbf\xbd\",7]\n"
				       "tag map STRING {\"a\":false,\"b\":null}\n"},
	{bad_text,
	 NO_IDS NO_TIME "tag k\xef\xbf\xbd STRING a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\n"
			"tag span.kind STRING client\n"},
	{events, NO_IDS NO_TIME "log at 1.000000002\n"
				"log field event STRING first token\n"
				"log field n INT64 1\n"
				"log field otel.dropped_attributes_count INT64 2\n"
				"log at 0.000000000\n"
				"log field event STRING shown\n"
				"log at 0.000000000\n"},
};

static Jaeger__PostSpansRequest *map(struct jaeger_codec *codec, struct trace_builder *b,
				     size_t *ret_bytes)
{
	struct err err = {0};
	struct chunk *body = trace_builder_take(b, 1, &err);
	assert_non_null(body);
	Jaeger__PostSpansRequest *post =
		jaeger_codec_map(codec, chunk_slice(body), ret_bytes, &err);
	if (!post)
		fail_msg("%s", err.msg);
	chunk_unref(body);
	return post;
}

static void assert_printed(struct buf *printed, const char *expected)
{
	if (!slice_equal(buf_slice(printed), slice_str(expected)))
		fail_msg("%s\ninstead of\n%s", buf_cstr(printed), expected);
	buf_fini(printed);
}

static void each_field_of_a_span_arrives(void **state)
{
	struct jaeger_codec *codec = *state;
	for (size_t i = 0; i < ARRAY_COUNT(spans); i++) {
		struct trace_builder b;
		struct buf printed = BUF_INIT;
		trace_builder_init(&b, &codec->budget);
		open_span(&b);
		spans[i].write(&b);
		Jaeger__PostSpansRequest *post = map(codec, &b, NULL);
		assert_int_equal(post->batch->n_spans, 1);
		jaeger_print_span(&printed, post->batch->spans[0]);
		assert_printed(&printed, spans[i].printed);
		jaeger__post_spans_request__free_unpacked(post, NULL);
	}
}

static void each_kind_has_its_word(void **state)
{
	struct jaeger_codec *codec = *state;
	static const char *const words[] = {"",	      "internal", "server",
					    "client", "producer", "consumer"};
	for (uint32_t kind = 1; kind < ARRAY_COUNT(words); kind++) {
		struct trace_builder b;
		trace_builder_init(&b, &codec->budget);
		open_span(&b);
		trace_builder_varint(&b, SPAN_KIND, kind);
		Jaeger__PostSpansRequest *post = map(codec, &b, NULL);
		ProtobufCBinaryData word = post->batch->spans[0]->tags[0]->v_str;
		assert_true(slice_equal(slice_of(word.data, word.len), slice_str(words[kind])));
		jaeger__post_spans_request__free_unpacked(post, NULL);
	}
}

static void the_sampled_flag_alone_is_passed_on(void **state)
{
	struct jaeger_codec *codec = *state;
	static const uint32_t flags[] = {0, 1, 0x101, 0x300, UINT32_MAX};
	for (size_t i = 0; i < ARRAY_COUNT(flags); i++) {
		struct trace_builder b;
		trace_builder_init(&b, &codec->budget);
		open_span(&b);
		trace_builder_fixed32(&b, SPAN_FLAGS, flags[i]);
		Jaeger__PostSpansRequest *post = map(codec, &b, NULL);
		assert_int_equal(post->batch->spans[0]->flags, flags[i] & 1);
		jaeger__post_spans_request__free_unpacked(post, NULL);
	}
}

static void a_zero_byte_ends_no_text(void **state)
{
	struct jaeger_codec *codec = *state;
	struct trace_builder b;
	trace_builder_init(&b, &codec->budget);
	trace_builder_begin(&b, EXPORT_REQUEST_RESOURCE_SPANS);
	trace_builder_begin(&b, RESOURCE_SPANS_SCOPE_SPANS);
	trace_builder_begin(&b, SCOPE_SPANS_SPANS);
	trace_builder_text(&b, SPAN_NAME, slice_of("a\0b", 3));
	trace_builder_attr(&b, SPAN_ATTRIBUTES, slice_of("k\0", 2),
			   (struct value){.type = VALUE_STRING, .bytes = slice_of("\0v", 2)});
	Jaeger__PostSpansRequest *post = map(codec, &b, NULL);
	const Jaeger__Span *span = post->batch->spans[0];
	assert_int_equal(span->operation_name.len, 3);
	assert_memory_equal(span->operation_name.data, "a\0b", 3);
	assert_int_equal(span->tags[0]->key.len, 2);
	assert_int_equal(span->tags[0]->v_str.len, 2);
	assert_memory_equal(span->tags[0]->v_str.data, "\0v", 2);
	jaeger__post_spans_request__free_unpacked(post, NULL);
}

static void the_scope_becomes_tags_of_the_span(void **state)
{
	struct jaeger_codec *codec = *state;
	struct trace_builder b;
	struct buf printed = BUF_INIT;
	trace_builder_init(&b, &codec->budget);
	trace_builder_begin(&b, EXPORT_REQUEST_RESOURCE_SPANS);
	trace_builder_begin(&b, RESOURCE_SPANS_SCOPE_SPANS);
	trace_builder_begin(&b, SCOPE_SPANS_SCOPE);
	trace_builder_text(&b, SCOPE_NAME, SLICE("vllm"));
	trace_builder_text(&b, SCOPE_VERSION, SLICE("1.2"));
	trace_builder_end(&b);
	trace_builder_begin(&b, SCOPE_SPANS_SPANS);
	trace_builder_text(&b, SPAN_NAME, SLICE("x"));
	Jaeger__PostSpansRequest *post = map(codec, &b, NULL);
	jaeger_print_span(&printed, post->batch->spans[0]);
	assert_printed(&printed, NO_IDS NO_TIME "tag otel.scope.name STRING vllm\n"
						"tag otel.scope.version STRING 1.2\n");
	jaeger__post_spans_request__free_unpacked(post, NULL);
}

static void an_id_of_another_length_is_refused(void **state)
{
	struct jaeger_codec *codec = *state;
	static const struct {
		uint32_t field;
		const char *id;
	} cases[] = {
		{SPAN_TRACE_ID, "01234567"},
		{SPAN_SPAN_ID, "0123456789abcdef"},
		{SPAN_PARENT_SPAN_ID, "0"},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct trace_builder b;
		struct err err = {0};
		trace_builder_init(&b, &codec->budget);
		open_span(&b);
		trace_builder_bytes(&b, cases[i].field, slice_str(cases[i].id));
		struct chunk *body = trace_builder_take(&b, 1, &err);
		assert_non_null(body);
		assert_null(jaeger_codec_map(codec, chunk_slice(body), NULL, &err));
		assert_int_equal(err.kind, ERR_DECODE);
		chunk_unref(body);
	}
}

/* ---- the page ------------------------------------------------------------------------------- */

static void the_documentation_has_a_row_for_each_tag(void **state)
{
	(void)state;
	char page[16384];
	FILE *file = fopen("docs/exporters/jaeger.md", "rb");
	assert_non_null(file);
	size_t len = fread(page, 1, sizeof(page) - 1, file);
	(void)fclose(file);
	page[len] = 0;
	for (size_t i = 0; i < JAEGER_TAG_COUNT; i++) {
		char row[256];
		(void)snprintf(row, sizeof(row), "\n| %s | `%s` | %s |\n",
			       jaeger_tag_rows[i].source, jaeger_tag_rows[i].key,
			       jaeger_tag_rows[i].type);
		if (!strstr(page, row))
			fail_msg("docs/exporters/jaeger.md lacks: %s", row);
	}
}

static int set_up(void **state)
{
	static struct jaeger_codec codec;
	*state = &codec;
	return jaeger_codec_open(&codec, REQUEST_BYTES) ? 0 : -1;
}

static int tear_down(void **state)
{
	return jaeger_codec_close(*state) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_field_of_a_span_arrives, set_up, tear_down),
		cmocka_unit_test_setup_teardown(each_kind_has_its_word, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_sampled_flag_alone_is_passed_on, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_zero_byte_ends_no_text, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_scope_becomes_tags_of_the_span, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(an_id_of_another_length_is_refused, set_up,
						tear_down),
		cmocka_unit_test(the_documentation_has_a_row_for_each_tag),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
