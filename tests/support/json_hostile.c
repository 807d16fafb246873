/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/json_hostile.h"

enum { VALUES_DEEP = 100, DEEP_TEXT_BYTES = 16000 };

#define SPANS_BEGIN "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":["
#define SPANS_END "]}]}]}"
#define VALUE_BEGIN SPANS_BEGIN "{\"attributes\":[{\"key\":\"k\",\"value\":"
#define VALUE_END "}]}" SPANS_END
#define NEST_BEGIN "{\"arrayValue\":{\"values\":["
#define NEST_END "]}}"

static const struct {
	const char *begin, *unit, *end;
	bool valid;
} bodies[HOSTILE_COUNT] = {
	[HOSTILE_EMPTY_RESOURCES] = {"{\"resourceSpans\":[{}", ",{}", "]}", false},
	[HOSTILE_EMPTY_SPANS] = {SPANS_BEGIN "{}", ",{}", SPANS_END, false},
	[HOSTILE_EMPTY_ATTRIBUTES] = {SPANS_BEGIN "{\"attributes\":[{}", ",{}", "]}" SPANS_END,
				      false},
	[HOSTILE_EMPTY_VALUES] = {VALUE_BEGIN "{\"arrayValue\":{\"values\":[{}", ",{}",
				  "]}}" VALUE_END, false},
	[HOSTILE_UNKNOWN] = {"{\"other\":[{}", ",{}", "]}", true},
	[HOSTILE_ONE_STRING] = {VALUE_BEGIN "{\"stringValue\":\"", "prompt, ", "\"}" VALUE_END,
				true},
	[HOSTILE_ESCAPES] = {VALUE_BEGIN "{\"stringValue\":\"", "\\u0041\\n", "\"}" VALUE_END,
			     true},
	[HOSTILE_SURROGATES] = {VALUE_BEGIN "{\"stringValue\":\"", "\\ud83d", "\"}" VALUE_END,
				true},
	[HOSTILE_BASE64] = {VALUE_BEGIN "{\"bytesValue\":\"", "QUJD", "\"}" VALUE_END, true},
	[HOSTILE_DIGITS] = {VALUE_BEGIN "{\"intValue\":1", "0", "}" VALUE_END, false},
	[HOSTILE_BRACKETS] = {"{\"other\":[", "[", "", false},
};

const char *const json_hostile_names[HOSTILE_COUNT] = {
	"empty resources", "empty spans", "empty attributes", "empty values", "unknown field",
	"one string",	   "escapes",	  "half surrogates",  "deep string",  "deep values",
	"base64",	   "digits",	  "brackets",
};

bool json_hostile_is_valid(enum json_hostile kind)
{
	return bodies[kind].valid || kind == HOSTILE_DEEP_STRING || kind == HOSTILE_DEEP_VALUES;
}

static void append_times(struct buf *out, const char *unit, size_t times)
{
	for (size_t i = 0; i < times; i++)
		buf_append_str(out, unit);
}

/* One value with ${text_bytes} of text inside VALUES_DEEP values. */
static void append_deep(struct buf *out, size_t text_bytes)
{
	append_times(out, NEST_BEGIN, VALUES_DEEP - 1);
	buf_append_str(out, "{\"stringValue\":\"");
	append_times(out, "prompt, ", text_bytes / 8);
	buf_append_str(out, "\"}");
	append_times(out, NEST_END, VALUES_DEEP - 1);
}

void json_hostile_append(struct buf *out, enum json_hostile kind, size_t bytes)
{
	size_t begin = out->len;
	if (kind == HOSTILE_DEEP_STRING) {
		buf_append_str(out, VALUE_BEGIN);
		append_deep(out, bytes - 4096);
		buf_append_str(out, VALUE_END);
		return;
	}
	if (kind == HOSTILE_DEEP_VALUES) {
		buf_append_str(out, SPANS_BEGIN "{\"attributes\":[");
		while (out->len - begin + DEEP_TEXT_BYTES < bytes) {
			buf_append_str(out, "{\"key\":\"k\",\"value\":");
			append_deep(out, DEEP_TEXT_BYTES);
			buf_append_str(out, "},");
		}
		buf_append_str(out, "null]}" SPANS_END);
		return;
	}
	size_t fixed = strlen(bodies[kind].begin) + strlen(bodies[kind].end);
	buf_append_str(out, bodies[kind].begin);
	append_times(out, bodies[kind].unit, (bytes - fixed) / strlen(bodies[kind].unit));
	buf_append_str(out, bodies[kind].end);
}
