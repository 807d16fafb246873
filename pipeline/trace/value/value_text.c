/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text form of values: what pdata's AsString gives, which is Go's JSON for arrays and maps.
 * Go writes doubles in plain digits between 1e-6 and 1e21 and with an exponent outside, shortest
 * form that reads back the same; escapes the line separators U+2028 and U+2029; and gives up on a
 * map that holds a NaN or an infinity: the text is then empty.
 */
#include "pipeline/base/base64.h"
#include "pipeline/base/text.h"
#include "pipeline/base/utf8.h"
#include "pipeline/trace/value/value_internal.h"

#include <math.h>
#include <stdlib.h>

static void append_int(struct buf *out, int64_t number)
{
	if (number < 0)
		buf_append_byte(out, '-');
	buf_append_u64(out, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
}

static void append_double(struct buf *out, double number)
{
	if (isnan(number))
		buf_append_str(out, "NaN");
	else if (isinf(number))
		buf_append_str(out, number > 0 ? "Infinity" : "-Infinity");
	else
		text_append_double(out, number);
}

/* Bytes at ${ptr} that Go's encoder writes as \uXXXX besides those that JSON demands: the line
 * separators, and <, > and & where ${html}. 0: none; else *ret_code is the character. */
static size_t escaped_by_go(const uint8_t *ptr, size_t left, bool html, unsigned *ret_code)
{
	if (left >= 3 && ptr[0] == 0xe2 && ptr[1] == 0x80 && (ptr[2] == 0xa8 || ptr[2] == 0xa9)) {
		*ret_code = 0x2000u + (ptr[2] & 0x3fu);
		return 3;
	}
	*ret_code = ptr[0];
	return html && (ptr[0] == '<' || ptr[0] == '>' || ptr[0] == '&') ? 1 : 0;
}

static void append_json_string(struct buf *out, struct slice text, bool html)
{
	buf_append_byte(out, '"');
	size_t plain = 0, at = 0;
	while (at < text.len) {
		unsigned code;
		size_t len = escaped_by_go(text.ptr + at, text.len - at, html, &code);
		if (len == 0) {
			at++;
			continue;
		}
		buf_append_json(out, slice_of(text.ptr + plain, at - plain));
		buf_printf(out, "\\u%04x", code);
		at += len;
		plain = at;
	}
	buf_append_json(out, slice_of(text.ptr + plain, at - plain));
	buf_append_byte(out, '"');
}

void value_append_json_string(struct buf *out, struct slice text)
{
	append_json_string(out, text, true);
}

/* The depth of a value is bounded, so this recursion is. False when JSON cannot say it. */
static bool append_json(struct buf *out, struct value value);

static bool append_json_array(struct buf *out, struct value array)
{
	struct slice cursor = array.bytes;
	struct value item;
	bool first = true, ok = true;
	buf_append_byte(out, '[');
	while (ok && value_next_item(&cursor, &item)) {
		if (!first)
			buf_append_byte(out, ',');
		first = false;
		ok = append_json(out, item);
	}
	buf_append_byte(out, ']');
	return ok;
}

static bool append_json_map(struct buf *out, struct value map)
{
	struct value_pair *pairs;
	size_t count;
	if (!value_sort_map(map, &pairs, &count)) {
		out->failed = true;
		return false;
	}
	bool ok = true;
	buf_append_byte(out, '{');
	for (size_t i = 0; ok && i < count; i++) {
		if (i > 0)
			buf_append_byte(out, ',');
		append_json_string(out, pairs[i].key, false);
		buf_append_byte(out, ':');
		ok = append_json(out, pairs[i].value);
	}
	buf_append_byte(out, '}');
	free(pairs);
	return ok;
}

static bool append_json(struct buf *out, struct value value)
{
	switch (value.type) {
	case VALUE_EMPTY:
	case VALUE_TYPE_COUNT: buf_append_str(out, "null"); return true;
	case VALUE_STRING: append_json_string(out, value.bytes, false); return true;
	case VALUE_BOOL: buf_append_str(out, value.i ? "true" : "false"); return true;
	case VALUE_INT: append_int(out, value.i); return true;
	case VALUE_DOUBLE:
		if (!isfinite(value.d))
			return false;
		text_append_double(out, value.d);
		return true;
	case VALUE_BYTES:
		if (value.bytes.len == 0) { /* a nil slice to Go */
			buf_append_str(out, "null");
			return true;
		}
		buf_append_byte(out, '"');
		base64_append(out, value.bytes);
		buf_append_byte(out, '"');
		return true;
	case VALUE_ARRAY: return append_json_array(out, value);
	case VALUE_KVLIST: return append_json_map(out, value);
	}
	return false;
}

void value_append_text(struct buf *out, struct value value)
{
	switch (value.type) {
	case VALUE_EMPTY:
	case VALUE_TYPE_COUNT: return;
	case VALUE_STRING: buf_append(out, value.bytes); return;
	case VALUE_BOOL: buf_append_str(out, value.i ? "true" : "false"); return;
	case VALUE_INT: append_int(out, value.i); return;
	case VALUE_DOUBLE: append_double(out, value.d); return;
	case VALUE_BYTES: base64_append(out, value.bytes); return;
	case VALUE_ARRAY:
	case VALUE_KVLIST: {
		size_t before = out->len;
		if (!append_json(out, value))
			out->len = before;
		return;
	}
	}
}
