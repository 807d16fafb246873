/* SPDX-License-Identifier: Apache-2.0 */
/* What the JSON decoder accepts and refuses, row by row; bounds on hostile input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/json_codec.h"
#include "tests/support/json_hostile.h"

#define SPANS(text) "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[" text "]}]}]}"
#define SPAN(members) SPANS("{" members "}")
#define BARE SPAN("\"status\":{}")
#define WITH(members) SPAN(members ",\"status\":{}")
#define VALUE(text) SPAN("\"attributes\":[{\"key\":\"k\",\"value\":" text "}]")
#define WITH_VALUE(text) WITH("\"attributes\":[{\"key\":\"k\",\"value\":" text "}]")
#define STRING(text) VALUE("{\"stringValue\":\"" text "\"}")
#define WITH_STRING(text) WITH_VALUE("{\"stringValue\":\"" text "\"}")

#define TRACE_ID "5b8efff798038103d269b633813fc60c"
#define SPAN_ID "eee19b7ec3c1b174"

/* ---- accepted ------------------------------------------------------------------------------- */

static const struct {
	const char *what, *json;
	const char *expected; /* as the encoder writes it */
} accepted[] = {
	{"an empty object", "{}", "{\"resourceSpans\":[]}"},
	{"null", " null\n", "{\"resourceSpans\":[]}"},
	{"no resource spans", "{\"resourceSpans\":[]}", "{\"resourceSpans\":[]}"},
	{"null for an array", "{\"resourceSpans\":null}", "{\"resourceSpans\":[]}"},
	{"white space", "\r\n\t {  \"resourceSpans\" : [ ] } ", "{\"resourceSpans\":[]}"},
	{"an empty span", SPANS("{}"), BARE},
	{"null among spans", SPANS("null,{},null"), BARE},
	{"null for a field", SPAN("\"name\":null,\"status\":null,\"kind\":null"), BARE},

	{"scopes as they were called before OTLP 0.15",
	 "{\"resourceSpans\":[{\"instrumentationLibrarySpans\":[{\"instrumentationLibrary\":{"
	 "\"name\":\"l\"},\"spans\":[{}]}]}]}",
	 "{\"resourceSpans\":[{\"scopeSpans\":[{\"scope\":{\"name\":\"l\"},"
	 "\"spans\":[{\"status\":{}}]}]}]}"},
	{"in snake_case",
	 "{\"resource_spans\":[{\"instrumentation_library_spans\":[{\"spans\":[{}]}]}]}", BARE},
	{"as the Collector called them",
	 "{\"resourceSpans\":[{\"deprecatedScopeSpans\":[{\"spans\":[{}]}]}]}", BARE},
	{"beside new ones, in a resource of its own",
	 "{\"resourceSpans\":[{\"instrumentationLibrarySpans\":[{\"spans\":[{},{}]}],"
	 "\"scopeSpans\":[{\"spans\":[{}]}]}]}",
	 BARE},

	{"ids in upper case",
	 SPAN("\"traceId\":\"5B8EFFF798038103D269B633813FC60C\","
	      "\"spanId\":\"EEE19B7EC3C1B174\",\"parentSpanId\":\"EEE19B7EC3C1B173\""),
	 WITH("\"traceId\":\"" TRACE_ID "\",\"spanId\":\"" SPAN_ID "\","
	      "\"parentSpanId\":\"eee19b7ec3c1b173\"")},
	{"empty ids", SPAN("\"traceId\":\"\",\"spanId\":\"\",\"parentSpanId\":\"\""), BARE},
	{"ids of a link",
	 SPAN("\"links\":[{\"traceId\":\"" TRACE_ID "\",\"spanId\":\"" SPAN_ID
	      "\",\"flags\":257}]"),
	 WITH("\"links\":[{\"traceId\":\"" TRACE_ID "\",\"spanId\":\"" SPAN_ID
	      "\",\"flags\":257}]")},

	{"an enum by number", SPAN("\"kind\":2"), WITH("\"kind\":2")},
	{"an enum by name", SPAN("\"kind\":\"SPAN_KIND_SERVER\""), WITH("\"kind\":2")},
	{"an enum that nobody knows", SPAN("\"kind\":-2147483648"), WITH("\"kind\":-2147483648")},
	{"a status by name", SPAN("\"status\":{\"code\":\"STATUS_CODE_ERROR\"}"),
	 SPAN("\"status\":{\"code\":2}")},

	{"times as strings and numbers",
	 SPAN("\"startTimeUnixNano\":\"1544712660000000000\","
	      "\"endTimeUnixNano\":18446744073709551615"),
	 WITH("\"startTimeUnixNano\":\"1544712660000000000\","
	      "\"endTimeUnixNano\":\"18446744073709551615\"")},
	{"counts as strings and numbers",
	 SPAN("\"droppedAttributesCount\":\"4294967295\",\"droppedEventsCount\":7,"
	      "\"flags\":\"257\""),
	 WITH("\"flags\":257,\"droppedAttributesCount\":4294967295,\"droppedEventsCount\":7")},
	{"the least integer", VALUE("{\"intValue\":\"-9223372036854775808\"}"),
	 WITH_VALUE("{\"intValue\":\"-9223372036854775808\"}")},
	{"the greatest integer", VALUE("{\"intValue\":9223372036854775807}"),
	 WITH_VALUE("{\"intValue\":\"9223372036854775807\"}")},
	{"leading zeros in a string", VALUE("{\"intValue\":\"007\"}"),
	 WITH_VALUE("{\"intValue\":\"7\"}")},

	{"doubles", VALUE("{\"doubleValue\":-1.5e3}"), WITH_VALUE("{\"doubleValue\":-1500}")},
	{"a double in a string", VALUE("{\"doubleValue\":\"0.25\"}"),
	 WITH_VALUE("{\"doubleValue\":0.25}")},
	{"NaN", VALUE("{\"doubleValue\":\"NaN\"}"), WITH_VALUE("{\"doubleValue\":\"NaN\"}")},
	{"infinities",
	 VALUE("{\"arrayValue\":{\"values\":[{\"doubleValue\":\"Infinity\"},"
	       "{\"doubleValue\":\"-Infinity\"}]}}"),
	 WITH_VALUE("{\"arrayValue\":{\"values\":[{\"doubleValue\":\"Infinity\"},"
		    "{\"doubleValue\":\"-Infinity\"}]}}")},
	{"a double too small to tell from zero", VALUE("{\"doubleValue\":1e-400}"),
	 WITH_VALUE("{\"doubleValue\":0}")},

	{"base64", VALUE("{\"bytesValue\":\"+/8=\"}"), WITH_VALUE("{\"bytesValue\":\"+/8=\"}")},
	{"base64 without padding", VALUE("{\"bytesValue\":\"+/8\"}"),
	 WITH_VALUE("{\"bytesValue\":\"+/8=\"}")},
	{"base64 for URLs", VALUE("{\"bytesValue\":\"-_8\"}"),
	 WITH_VALUE("{\"bytesValue\":\"+/8=\"}")},
	{"no bytes", VALUE("{\"bytesValue\":\"\"}"), WITH_VALUE("{\"bytesValue\":\"\"}")},

	{"an empty value", VALUE("{}"), WITH_VALUE("{}")},
	{"an empty string is a value", STRING(""), WITH_STRING("")},
	{"false is a value", VALUE("{\"boolValue\":false}"), WITH_VALUE("{\"boolValue\":false}")},
	{"zero is a value", VALUE("{\"intValue\":0}"), WITH_VALUE("{\"intValue\":\"0\"}")},
	{"null keeps its place among values",
	 VALUE("{\"arrayValue\":{\"values\":[null,{\"intValue\":1},null]}}"),
	 WITH_VALUE("{\"arrayValue\":{\"values\":[{},{\"intValue\":\"1\"},{}]}}")},
	{"a map", VALUE("{\"kvlistValue\":{\"values\":[{\"key\":\"a\",\"value\":{}}]}}"),
	 WITH_VALUE("{\"kvlistValue\":{\"values\":[{\"key\":\"a\",\"value\":{}}]}}")},

	{"snake_case",
	 "{\"resource_spans\":[{\"scope_spans\":[{\"spans\":[{\"trace_id\":\"" TRACE_ID "\","
	 "\"start_time_unix_nano\":\"5\",\"attributes\":[{\"key\":\"k\",\"value\":"
	 "{\"string_value\":\"v\"}}],\"dropped_links_count\":1}],\"schema_url\":\"u\"}]}]}",
	 "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"traceId\":\"" TRACE_ID "\","
	 "\"startTimeUnixNano\":\"5\",\"attributes\":[{\"key\":\"k\",\"value\":"
	 "{\"stringValue\":\"v\"}}],\"droppedLinksCount\":1,\"status\":{}}],"
	 "\"schemaUrl\":\"u\"}]}]}"},
	{"unknown fields",
	 SPAN("\"x\":{\"name\":[1,true,null,\"n\\u0041\",{}]},\"y\":\"}\",\"z\":-0.5e+7,"
	      "\"stringValueStrindex\":3,\"name\":\"n\""),
	 WITH("\"name\":\"n\"")},
	{"a key with escapes", SPAN("\"n\\u0061me\":\"n\""), WITH("\"name\":\"n\"")},
	{"entity references",
	 "{\"resourceSpans\":[{\"resource\":{\"entityRefs\":[{\"type\":\"service\","
	 "\"idKeys\":[\"a\",\"b\"]}]}}]}",
	 "{\"resourceSpans\":[{\"resource\":{\"entityRefs\":[{\"type\":\"service\","
	 "\"idKeys\":[\"a\",\"b\"]}]}}]}"},

	{"a repeated scalar: the last one", SPAN("\"name\":\"a\",\"kind\":1,\"name\":\"b\""),
	 WITH("\"name\":\"b\",\"kind\":1")},
	{"a repeated scalar: also when it is empty", SPAN("\"name\":\"a\",\"name\":\"\""), BARE},
	{"a repeated array: all of it",
	 SPAN("\"events\":[{\"name\":\"a\"}],\"name\":\"n\","
	      "\"events\":[{\"name\":\"b\"}]"),
	 WITH("\"name\":\"n\",\"events\":[{\"name\":\"a\"},{\"name\":\"b\"}]")},
	{"a repeated message: merged",
	 SPAN("\"status\":{\"code\":2},\"status\":{\"message\":\"m\"}"),
	 SPAN("\"status\":{\"message\":\"m\",\"code\":2}")},
	{"two members of a value: the last one", VALUE("{\"stringValue\":\"a\",\"intValue\":1}"),
	 WITH_VALUE("{\"intValue\":\"1\"}")},

	{"escapes", STRING("\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20ac\\ud83d\\ude00"),
	 WITH_STRING("\\\"\\\\/\\b\\f\\n\\r\\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")},
	{"NUL", STRING("\\u0000"), WITH_STRING("\\u0000")},
	{"half a pair", STRING("a\\ud83d"), WITH_STRING("a\xef\xbf\xbd")},
	{"half a pair before text", STRING("\\ud83da"),
	 WITH_STRING("\xef\xbf\xbd"
		     "a")},
	{"half a pair before an escape", STRING("\\ud83d\\n"), WITH_STRING("\xef\xbf\xbd\\n")},
	{"half a pair before another", STRING("\\ud83d\\ud83d\\ude00"),
	 WITH_STRING("\xef\xbf\xbd\xf0\x9f\x98\x80")},
	{"half a pair before a letter's escape", STRING("\\ud83d\\u0041"),
	 WITH_STRING("\xef\xbf\xbd"
		     "A")},
	{"the second half alone", STRING("\\ude00"), WITH_STRING("\xef\xbf\xbd")},
	{"bytes that are not UTF-8", STRING("\xff"), WITH_STRING("\xef\xbf\xbd")},
};

/* One row, whole and in pieces of 1 and 3 bytes. */
static void check_accepted(struct json_codec *codec, size_t row)
{
	static const size_t steps[] = {SIZE_MAX, 1, 3};
	for (size_t i = 0; i < ARRAY_COUNT(steps); i++) {
		struct err err;
		struct chunk *body = json_codec_decode(codec, slice_str(accepted[row].json),
						       steps[i], NULL, &err);
		if (!body)
			fail_msg("%s: refused: %s (byte %llu)", accepted[row].what, err.msg,
				 (unsigned long long)err.offset);
		struct chunk *json = json_codec_encode(codec, chunk_slice(body));
		assert_non_null(json);
		if (!slice_equal(chunk_slice(json), slice_str(accepted[row].expected)))
			fail_msg("%s: %.*s", accepted[row].what, SLICE_FMT(chunk_slice(json)));
		chunk_unref(body);
		chunk_unref(json);
	}
}

static void accepts_what_the_collector_accepts(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(accepted); i++)
		check_accepted(*state, i);
}

static void counts_replaced_halves(void **state)
{
	struct json_codec *codec = *state;
	struct err err;
	codec->replaced = 0;
	chunk_unref(json_codec_decode(codec, SLICE(STRING("\\ud83d \\ude00 \\ud83d\\ude00")), 1,
				      NULL, &err));
	assert_int_equal(codec->replaced, 2);
}

/* ---- refused -------------------------------------------------------------------------------- */

/* ${at} is what the error has to point to: its first occurrence in the input. */
static const struct {
	const char *json, *at, *message;
} refused[] = {
	{"", "", "invalid JSON: it ends early"},
	{"{", "", "invalid JSON: it ends early"},
	{"{\"name\":\"n", "", "invalid JSON: it ends early"},
	{"[]", "[", "expected an object"},
	{"\"a\"", "\"", "expected an object"},
	{"{} {\"a\":1}", "{\"", "invalid JSON: something follows the value"},
	{"{\"a\":1,}", "}", "invalid JSON: expected a key in quotation marks"},
	{"{\"a\":[1,]}", "]", "invalid JSON: expected a value"},
	{"{\"a\" 1}", "1", "invalid JSON: expected a colon"},
	{"{\"a\":1 \"b\":1}", "\"b", "invalid JSON: expected a comma or the end of what is open"},
	{"{\"a\":[1}", "}", "invalid JSON: expected a comma or the end of what is open"},
	{"{\"a\":01}", "1}", "invalid JSON: malformed number"},
	{"{\"a\":1.}", "}", "invalid JSON: malformed number"},
	{"{\"a\":-}", "}", "invalid JSON: malformed number"},
	{"{\"a\":1e+}", "}", "invalid JSON: malformed number"},
	{"{\"a\":+1}", "+", "invalid JSON: expected a value"},
	{"{\"a\":nul}", "}", "invalid JSON: unknown word"},
	{"{\"a\":\"\n\"}", "\n", "invalid JSON: control character in a string"},
	{"{\"a\":\"\\x\"}", "x", "invalid JSON: unknown escape in a string"},
	{"{\"a\":\"\\u12g4\"}", "g", "invalid JSON: \\u wants four hexadecimal digits"},

	{"{\"resourceSpans\":{}}", "{}", "resourceSpans: expected an array"},
	{"{\"resourceSpans\":[[]]}", "[]", "resourceSpans: expected an object"},
	{"{\"resourceSpans\":[1]}", "1", "resourceSpans: expected an object"},
	{SPAN("\"status\":[]"), "[]", "status: expected an object"},
	{SPAN("\"name\":1"), "1", "name: a value of another type"},
	{SPAN("\"name\":true"), "true", "name: a value of another type"},
	{SPAN("\"name\":{}"), "{}", "name: a value of another type"},
	{VALUE("{\"boolValue\":\"true\"}"), "\"true", "boolValue: a value of another type"},
	{VALUE("{\"boolValue\":1}"), "1", "boolValue: a value of another type"},

	{SPAN("\"traceId\":\"5b8e\""), "\"5b8e", "traceId: expected 32 hexadecimal digits"},
	{SPAN("\"spanId\":\"" TRACE_ID "\""), "\"5b8e", "spanId: expected 16 hexadecimal digits"},
	{SPAN("\"spanId\":\"eee19b7ec3c1b17g\""), "\"eee", "spanId: not a hexadecimal digit"},
	{SPAN("\"traceId\":1"), "1", "traceId: a value of another type"},
	{SPAN("\"kind\":\"SERVER\""), "\"SERVER", "kind: unknown name"},
	{SPAN("\"kind\":2147483648"), "2147483648", "kind: the number is out of range"},
	{SPAN("\"startTimeUnixNano\":-1"), "-1", "startTimeUnixNano: the number is out of range"},
	{SPAN("\"startTimeUnixNano\":18446744073709551616"), "1844",
	 "startTimeUnixNano: the number is out of range"},
	{SPAN("\"startTimeUnixNano\":1.0"), "1.0", "startTimeUnixNano: expected an integer"},
	{SPAN("\"startTimeUnixNano\":\"\""), "\"\"", "startTimeUnixNano: expected an integer"},
	{SPAN("\"flags\":4294967296"), "4294967296", "flags: the number is out of range"},
	{VALUE("{\"intValue\":9223372036854775808}"), "9223",
	 "intValue: the number is out of range"},
	{VALUE("{\"intValue\":\"-9223372036854775809\"}"), "\"-92",
	 "intValue: the number is out of range"},
	{VALUE("{\"intValue\":\"1x\"}"), "\"1x", "intValue: expected an integer"},
	{VALUE("{\"intValue\":1e3}"), "1e3", "intValue: expected an integer"},
	{VALUE("{\"doubleValue\":1e999}"), "1e9", "doubleValue: the number is out of range"},
	{VALUE("{\"doubleValue\":\"0x10\"}"), "\"0x",
	 "doubleValue: expected a number, NaN, Infinity or -Infinity"},
	{VALUE("{\"doubleValue\":\"nan\"}"), "\"nan",
	 "doubleValue: expected a number, NaN, Infinity or -Infinity"},
	{VALUE("{\"bytesValue\":\"A\"}"), "\"A", "bytesValue: not base64"},
	{VALUE("{\"bytesValue\":\"AA=A\"}"), "\"AA", "bytesValue: not base64"},
	{VALUE("{\"bytesValue\":\"AA=\"}"), "\"AA", "bytesValue: not base64"},
	{VALUE("{\"bytesValue\":\"AAA==\"}"), "\"AA", "bytesValue: not base64"},
	{VALUE("{\"bytesValue\":\"=\"}"), "\"=", "bytesValue: not base64"},
	{VALUE("{\"bytesValue\":\"A A=\"}"), "\"A A", "bytesValue: not base64"},
};

static void check_refused(struct json_codec *codec, size_t row, size_t step)
{
	struct err err = {0};
	const char *json = refused[row].json;
	/* The rows that end early have nothing to point to but the end. */
	const char *at = refused[row].at[0] ? strstr(json, refused[row].at) : json + strlen(json);
	struct chunk *body = json_codec_decode(codec, slice_str(json), step, NULL, &err);
	if (body)
		fail_msg("%s: accepted", json);
	assert_int_equal(err.kind, ERR_DECODE);
	if (strcmp(err.msg, refused[row].message) != 0 || err.offset != (uint64_t)(at - json))
		fail_msg("%s: \"%s\" at %llu", json, err.msg, (unsigned long long)err.offset);
}

static void refuses_with_place_and_reason(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(refused); i++) {
		check_refused(*state, i, SIZE_MAX);
		check_refused(*state, i, 1);
	}
}

/* ---- the specification's example, cut everywhere -------------------------------------------- */

static const char example[] =
	"{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":"
	"{\"stringValue\":\"my.service\"}}]},\"scopeSpans\":[{\"scope\":{\"name\":\"my.library\","
	"\"version\":\"1.0.0\",\"attributes\":[{\"key\":\"my.scope.attribute\",\"value\":"
	"{\"stringValue\":\"some scope attribute\"}}]},\"spans\":[{\"traceId\":"
	"\"5B8EFFF798038103D269B633813FC60C\",\"spanId\":\"EEE19B7EC3C1B174\",\"parentSpanId\":"
	"\"EEE19B7EC3C1B173\",\"name\":\"I'm a server span\",\"startTimeUnixNano\":"
	"\"1544712660000000000\",\"endTimeUnixNano\":\"1544712661000000000\",\"kind\":2,"
	"\"attributes\":[{\"key\":\"my.span.attr\",\"value\":{\"stringValue\":\"some "
	"value\"}}]}]}]}]}";

static void decodes_the_example_however_it_is_cut(void **state)
{
	struct json_codec *codec = *state;
	struct err err;
	struct chunk *whole = json_codec_decode(codec, slice_str(example), SIZE_MAX, NULL, &err);
	assert_non_null(whole);
	assert_int_equal(whole->span_count, 1);
	for (size_t step = 1; step < sizeof(example); step++) {
		struct chunk *pieces =
			json_codec_decode(codec, slice_str(example), step, NULL, &err);
		assert_non_null(pieces);
		assert_true(slice_equal(chunk_slice(whole), chunk_slice(pieces)));
		chunk_unref(pieces);
	}
	for (size_t len = 0; len < sizeof(example) - 1; len++)
		assert_null(json_codec_decode(codec, slice_of(example, len), SIZE_MAX, NULL, &err));
	chunk_unref(whole);
}

/* ---- bounds --------------------------------------------------------------------------------- */

static void repeat(struct buf *out, const char *text, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		buf_append_str(out, text);
}

/* ERR_NONE, or the kind of error. */
static enum err_kind judge(struct json_codec *codec, struct slice json)
{
	struct err err = {0};
	struct chunk *body = json_codec_decode(codec, json, 7, NULL, &err);
	if (body)
		assert_int_equal(view_open(codec->view, chunk_slice(body), &err), 0);
	enum err_kind kind = body ? ERR_NONE : err.kind;
	chunk_unref(body);
	return kind;
}

static const struct {
	const char *before, *open, *innermost, *close, *after;
} nests[] = {
	{"{\"x\":", "[", "", "]", "}"},
	{"{\"x\":", "{\"a\":", "0", "}", "}"},
	{"{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"attributes\":[{\"value\":",
	 "{\"arrayValue\":{\"values\":[", "", "]}}", "}]}]}]}]}"},
	{"{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"events\":[{\"attributes\":"
	 "[{\"value\":",
	 "{\"kvlistValue\":{\"values\":[{\"value\":", "null", "}]}}", "}]}]}]}]}]}"},
};

static void nesting_is_bounded(void **state)
{
	static const struct {
		unsigned depth;
		enum err_kind verdict;
	} rows[] = {{100, ERR_NONE}, {101, ERR_LIMIT}, {100000, ERR_LIMIT}};
	for (size_t i = 0; i < ARRAY_COUNT(nests) * ARRAY_COUNT(rows); i++) {
		size_t nest = i / ARRAY_COUNT(rows), row = i % ARRAY_COUNT(rows);
		struct buf json = BUF_INIT;
		buf_append_str(&json, nests[nest].before);
		repeat(&json, nests[nest].open, rows[row].depth);
		buf_append_str(&json, nests[nest].innermost);
		repeat(&json, nests[nest].close, rows[row].depth);
		buf_append_str(&json, nests[nest].after);
		if (judge(*state, buf_slice(&json)) != rows[row].verdict)
			fail_msg("%s, %u deep", nests[nest].open, rows[row].depth);
		buf_fini(&json);
	}
}

static void hostile_bodies_cost_little(void **state)
{
	enum { BODY_BYTES = 20 << 20, MEMORY_MAX = 64 << 20 };
	struct json_codec *codec = *state;
	for (unsigned kind = 0; kind < HOSTILE_COUNT; kind++) {
		struct buf json = BUF_INIT;
		struct err err = {0};
		json_hostile_append(&json, (enum json_hostile)kind, BODY_BYTES);
		assert_false(json.failed);
		atomic_store(&codec->budget.peak, budget_used(&codec->budget));
		struct chunk *body =
			json_codec_decode(codec, buf_slice(&json), 256 << 10, NULL, &err);
		if (json_hostile_is_valid((enum json_hostile)kind) != (body != NULL))
			fail_msg("%s: %s", json_hostile_names[kind], body ? "accepted" : err.msg);
		if (!body)
			assert_true(err.kind == ERR_LIMIT || err.kind == ERR_DECODE);
		else
			assert_int_equal(view_open(codec->view, chunk_slice(body), &err), 0);
		/* The body itself, the request made of it, and its index. */
		assert_true(codec->budget.peak + json.len <= MEMORY_MAX);
		trace_index_release(&codec->view->index);
		chunk_unref(body);
		buf_fini(&json);
	}
}

static void a_budget_that_is_used_up_refuses(void **state)
{
	struct json_codec *codec = *state;
	struct buf json = BUF_INIT;
	struct err err = {0};
	json_hostile_append(&json, HOSTILE_ONE_STRING, 1 << 20);
	atomic_store(&codec->budget.limit, budget_used(&codec->budget) + (256 << 10));
	assert_null(json_codec_decode(codec, buf_slice(&json), 4096, NULL, &err));
	assert_int_equal(err.kind, ERR_NOMEM);
	atomic_store(&codec->budget.limit, UINT64_MAX);
	buf_fini(&json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_what_the_collector_accepts),
		cmocka_unit_test(counts_replaced_halves),
		cmocka_unit_test(refuses_with_place_and_reason),
		cmocka_unit_test(decodes_the_example_however_it_is_cut),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(hostile_bodies_cost_little),
		cmocka_unit_test(a_budget_that_is_used_up_refuses),
	};
	return cmocka_run_group_tests(tests, json_codec_set_up, json_codec_tear_down);
}
