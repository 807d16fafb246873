/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text form of values: what pdata's AsString gives, which is Go's JSON for arrays and maps.
 * Go writes doubles in plain digits between 1e-6 and 1e21 and with an exponent outside, shortest
 * form that reads back the same; escapes the line separators U+2028 and U+2029; and gives up on a
 * map that holds a NaN or an infinity: the text is then empty.
 */
#include "pipeline/base/utf8.h"
#include "pipeline/trace/value_internal.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void value_append_base64(struct buf *out, struct slice bytes)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < bytes.len; i += 3) {
		size_t left = bytes.len - i;
		uint32_t group = (uint32_t)bytes.ptr[i] << 16;
		group |= left > 1 ? (uint32_t)bytes.ptr[i + 1] << 8 : 0;
		group |= left > 2 ? (uint32_t)bytes.ptr[i + 2] : 0;
		buf_append_byte(out, (uint8_t)digits[group >> 18]);
		buf_append_byte(out, (uint8_t)digits[group >> 12 & 63]);
		buf_append_byte(out, left > 1 ? (uint8_t)digits[group >> 6 & 63] : '=');
		buf_append_byte(out, left > 2 ? (uint8_t)digits[group & 63] : '=');
	}
}

static void append_int(struct buf *out, int64_t number)
{
	if (number < 0)
		buf_append_byte(out, '-');
	buf_append_u64(out, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
}

/* "d.d00e±xx" without the zeros. */
static void strip_zeros(char *text)
{
	char *exponent = strchr(text, 'e'), *end = exponent;
	while (end[-1] == '0')
		end--;
	if (end[-1] == '.')
		end--;
	memmove(end, exponent, strlen(exponent) + 1);
}

/* The shortest "d.ddde±xx" that reads back as ${number}. Fifteen digits survive the way into a
 * double and back: a shorter form is the one of fifteen without its zeros. Subnormal numbers have
 * less precision than that. */
static void shortest_exponent_form(double number, char *text, size_t size)
{
	bool subnormal = fabs(number) < DBL_MIN;
	for (int digits = subnormal ? 0 : 14; digits < 17; digits++) {
		(void)snprintf(text, size, "%.*e", digits, number);
		if (strtod(text, NULL) != number)
			continue;
		if (digits == 14)
			strip_zeros(text);
		return;
	}
}

void value_append_finite(struct buf *out, double number)
{
	char text[40];
	shortest_exponent_form(number, text, sizeof(text));
	char *exponent_at = strchr(text, 'e');
	long exponent = strtol(exponent_at + 1, NULL, 10);
	double size = fabs(number);
	if (size != 0 && (size < 1e-6 || size >= 1e21)) {
		*exponent_at = 0;
		buf_printf(out, "%se%c%0*ld", text, exponent < 0 ? '-' : '+', exponent < 0 ? 1 : 2,
			   labs(exponent));
		return;
	}
	const char *mantissa = text + (text[0] == '-');
	long fraction = exponent_at - mantissa > 2 ? exponent_at - mantissa - 2 : 0;
	if (exponent < fraction) {
		buf_printf(out, "%.*f", (int)(fraction - exponent), number);
		return;
	}
	/* Beyond 2^53 the exact digits are more than the shortest ones: zeros stand for the rest.
	 */
	*exponent_at = 0;
	buf_printf(out, "%s%c%s", text[0] == '-' ? "-" : "", mantissa[0],
		   fraction > 0 ? mantissa + 2 : "");
	for (long zeros = exponent - fraction; zeros > 0; zeros--)
		buf_append_byte(out, '0');
}

static void append_double(struct buf *out, double number)
{
	if (isnan(number))
		buf_append_str(out, "NaN");
	else if (isinf(number))
		buf_append_str(out, number > 0 ? "Infinity" : "-Infinity");
	else
		value_append_finite(out, number);
}

/* A JSON string as Go's encoder writes it when it has not to care for HTML. */
void value_append_json_string(struct buf *out, struct slice text)
{
	buf_append_byte(out, '"');
	size_t plain = 0, at = 0;
	while (at < text.len) {
		const uint8_t *ptr = text.ptr + at;
		bool separator = text.len - at >= 3 && ptr[0] == 0xe2 && ptr[1] == 0x80 &&
				 (ptr[2] == 0xa8 || ptr[2] == 0xa9);
		if (!separator) {
			at++;
			continue;
		}
		buf_append_json(out, slice_of(text.ptr + plain, at - plain));
		buf_printf(out, "\\u%04x", 0x2000u + (ptr[2] & 0x3fu));
		at += 3;
		plain = at;
	}
	buf_append_json(out, slice_of(text.ptr + plain, at - plain));
	buf_append_byte(out, '"');
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
		value_append_json_string(out, pairs[i].key);
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
	case VALUE_STRING: value_append_json_string(out, value.bytes); return true;
	case VALUE_BOOL: buf_append_str(out, value.i ? "true" : "false"); return true;
	case VALUE_INT: append_int(out, value.i); return true;
	case VALUE_DOUBLE:
		if (!isfinite(value.d))
			return false;
		value_append_finite(out, value.d);
		return true;
	case VALUE_BYTES:
		if (value.bytes.len == 0) { /* a nil slice to Go */
			buf_append_str(out, "null");
			return true;
		}
		buf_append_byte(out, '"');
		value_append_base64(out, value.bytes);
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
	case VALUE_BYTES: value_append_base64(out, value.bytes); return;
	case VALUE_ARRAY:
	case VALUE_KVLIST: {
		size_t before = out->len;
		if (!append_json(out, value))
			out->len = before;
		return;
	}
	}
}
