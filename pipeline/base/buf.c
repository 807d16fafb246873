/* SPDX-License-Identifier: Apache-2.0 */
/* Capacity doubles. Every append goes through reserve(), where the failure latches. */
#include "pipeline/base/buf.h"

#include "pipeline/base/assert.h"
#include "pipeline/base/hex.h"
#include "pipeline/base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { CAPACITY_FIRST = 128 };

void buf_fini(struct buf *buf)
{
	free(buf->data);
	*buf = BUF_INIT;
}

void buf_reset(struct buf *buf)
{
	buf->len = 0;
	buf->failed = false;
}

/* The capacity to grow to for ${need} bytes; 0 when there is none. */
static size_t grown(size_t capacity, size_t need)
{
	if (capacity == 0)
		capacity = CAPACITY_FIRST;
	while (capacity < need) {
		if (__builtin_mul_overflow(capacity, (size_t)2, &capacity))
			return 0;
	}
	return capacity;
}

static bool reserve(struct buf *buf, size_t more)
{
	size_t need;
	if (buf->failed || __builtin_add_overflow(buf->len, more, &need)) {
		buf->failed = true;
		return false;
	}
	if (need <= buf->capacity)
		return true;
	size_t capacity = grown(buf->capacity, need);
	uint8_t *data = capacity > 0 ? realloc(buf->data, capacity) : NULL;
	if (!data) {
		buf->failed = true;
		return false;
	}
	buf->data = data;
	buf->capacity = capacity;
	return true;
}

uint8_t *buf_extend(struct buf *buf, size_t more)
{
	if (!reserve(buf, more))
		return NULL;
	buf->len += more;
	return buf->data + (buf->len - more);
}

void buf_append(struct buf *buf, struct slice bytes)
{
	if (bytes.len == 0 || !reserve(buf, bytes.len))
		return;
	ASSERT(bytes.len <= buf->capacity - buf->len);
	memcpy(buf->data + buf->len, bytes.ptr, bytes.len);
	buf->len += bytes.len;
}

void buf_append_str(struct buf *buf, const char *text)
{
	buf_append(buf, slice_str(text));
}

void buf_append_byte(struct buf *buf, uint8_t byte)
{
	buf_append(buf, slice_of(&byte, 1));
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0)
		buf->failed = true;
	if (len < 0 || !reserve(buf, (size_t)len + 1))
		return;
	va_start(args, format);
	(void)vsnprintf((char *)buf->data + buf->len, (size_t)len + 1, format, args);
	va_end(args);
	buf->len += (size_t)len;
}

static const char *json_escape_short(uint8_t byte)
{
	switch (byte) {
	case '"': return "\\\"";
	case '\\': return "\\\\";
	case '\n': return "\\n";
	case '\r': return "\\r";
	case '\t': return "\\t";
	case '\b': return "\\b";
	case '\f': return "\\f";
	default: return NULL;
	}
}

void buf_append_json(struct buf *buf, struct slice bytes)
{
	size_t at = 0;
	while (at < bytes.len) {
		uint8_t byte = bytes.ptr[at];
		size_t len = utf8_sequence_len(slice_of(bytes.ptr + at, bytes.len - at));
		const char *escape = json_escape_short(byte);
		if (len == 0)
			buf_append_str(buf, "\xef\xbf\xbd");
		else if (escape)
			buf_append_str(buf, escape);
		else if (byte < 0x20)
			buf_printf(buf, "\\u%04x", byte);
		else
			buf_append(buf, slice_of(bytes.ptr + at, len));
		at += len == 0 ? 1 : len;
	}
}

void buf_append_u64(struct buf *buf, uint64_t number)
{
	char digits[20]; /* of 2^64 */
	size_t at = sizeof(digits);
	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	buf_append(buf, slice_of(digits + at, sizeof(digits) - at));
}

void buf_append_double(struct buf *buf, double value)
{
	char text[32];
	if (value >= 1 && value < 1e15 && value == (double)(uint64_t)value) {
		buf_append_u64(buf, (uint64_t)value); /* as below, but without trying */
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		(void)snprintf(text, sizeof(text), "%.*g", digits, value); /* at most 24 bytes */
		if (strtod(text, NULL) == value)
			break;
	}
	buf_append_str(buf, text);
}

void buf_append_hex(struct buf *buf, struct slice bytes)
{
	char *digits = (char *)buf_extend(buf, 2 * bytes.len);
	if (digits)
		hex_encode(bytes, digits);
}

const char *buf_cstr(struct buf *buf)
{
	if (!reserve(buf, 1))
		return "";
	buf->data[buf->len] = 0;
	return (const char *)buf->data;
}
