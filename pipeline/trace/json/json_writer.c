/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything gathers in one buffer, which goes to the chunk when it is full; what is longer than it
 * goes there at once. Whether a comma is due is one flag.
 */
#include "pipeline/trace/json/json_writer.h"

#include "pipeline/base/base64.h"
#include "pipeline/base/le.h"
#include "pipeline/base/text.h"
#include "pipeline/base/utf8.h"
#include "pipeline/trace/json/json_lex.h"

#include <math.h>

enum {
	GATHER_BYTES = 16 * 1024,
	NUMBER_DIGITS_MAX = 20,
	BASE64_PIECE_BYTES = 3 * 4096, /* a multiple of three: no padding inside */
};

void json_writer_init(struct json_writer *writer, struct chunk *out)
{
	*writer = (struct json_writer){.gathered = BUF_INIT, .out = out};
}

static void flush(struct json_writer *writer)
{
	struct buf *gathered = &writer->gathered;
	if (gathered->failed || !chunk_append(writer->out, buf_slice(gathered)))
		writer->failed = true;
	buf_reset(gathered);
}

bool json_writer_finish(struct json_writer *writer)
{
	flush(writer);
	buf_fini(&writer->gathered);
	return !writer->failed;
}

static void write_bytes(struct json_writer *writer, struct slice bytes)
{
	if (writer->gathered.len + bytes.len > GATHER_BYTES)
		flush(writer);
	if (bytes.len <= GATHER_BYTES)
		buf_append(&writer->gathered, bytes);
	else if (!chunk_append(writer->out, bytes))
		writer->failed = true;
}

static void write_byte(struct json_writer *writer, char byte)
{
	write_bytes(writer, slice_of(&byte, 1));
}

static void begin_value(struct json_writer *writer)
{
	if (writer->comma)
		write_byte(writer, ',');
	writer->comma = true;
}

void json_write_open(struct json_writer *writer, char bracket)
{
	begin_value(writer);
	write_byte(writer, bracket);
	writer->comma = false;
}

void json_write_close(struct json_writer *writer, char bracket)
{
	write_byte(writer, bracket);
	writer->comma = true;
}

void json_write_key(struct json_writer *writer, const char *name)
{
	begin_value(writer);
	write_byte(writer, '"');
	write_bytes(writer, slice_str(name));
	write_bytes(writer, SLICE("\":"));
	writer->comma = false;
}

/* ---- text ----------------------------------------------------------------------------------- */

static size_t ascii_len(struct slice text)
{
	size_t at = 0;
	while (text.len - at >= 8) {
		uint64_t word = le_read64(text.ptr + at) & UINT64_C(0x8080808080808080);
		if (word)
			return at + (size_t)__builtin_ctzll(word) / 8;
		at += 8;
	}
	while (at < text.len && text.ptr[at] < 0x80)
		at++;
	return at;
}

/* ${text} needs no escapes; what is not UTF-8 is replaced. */
static void write_utf8(struct json_writer *writer, struct slice text)
{
	size_t good = 0;
	while (good < text.len) {
		struct slice rest = slice_of(text.ptr + good, text.len - good);
		size_t len = ascii_len(rest);
		if (len == 0)
			len = utf8_sequence_len(rest);
		good += len;
		if (len > 0)
			continue;
		write_bytes(writer, slice_of(text.ptr, good));
		write_bytes(writer, SLICE("\xef\xbf\xbd"));
		writer->replaced++;
		text = slice_of(text.ptr + good + 1, text.len - good - 1);
		good = 0;
	}
	write_bytes(writer, text);
}

void json_write_text(struct json_writer *writer, struct slice text)
{
	begin_value(writer);
	write_byte(writer, '"');
	while (text.len > 0) {
		size_t plain = json_plain_len(text);
		write_utf8(writer, slice_of(text.ptr, plain));
		if (plain < text.len) {
			buf_append_json(&writer->gathered, slice_of(text.ptr + plain, 1));
			plain++;
		}
		text = slice_of(text.ptr + plain, text.len - plain);
	}
	write_byte(writer, '"');
}

void json_write_hex(struct json_writer *writer, struct slice bytes)
{
	begin_value(writer);
	write_byte(writer, '"');
	buf_append_hex(&writer->gathered, bytes);
	write_byte(writer, '"');
}

void json_write_bytes(struct json_writer *writer, struct slice bytes)
{
	begin_value(writer);
	write_byte(writer, '"');
	while (bytes.len > 0) {
		size_t len = bytes.len < BASE64_PIECE_BYTES ? bytes.len : BASE64_PIECE_BYTES;
		flush(writer);
		base64_append(&writer->gathered, slice_of(bytes.ptr, len));
		bytes = slice_of(bytes.ptr + len, bytes.len - len);
	}
	write_byte(writer, '"');
}

/* ---- numbers -------------------------------------------------------------------------------- */

static void write_digits(struct json_writer *writer, uint64_t number, bool negative)
{
	char text[NUMBER_DIGITS_MAX + 1];
	size_t at = sizeof(text);
	do {
		text[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	if (negative)
		text[--at] = '-';
	write_bytes(writer, slice_of(text + at, sizeof(text) - at));
}

static uint64_t magnitude(int64_t number)
{
	return number < 0 ? UINT64_C(0) - (uint64_t)number : (uint64_t)number;
}

void json_write_u64(struct json_writer *writer, uint64_t number)
{
	begin_value(writer);
	write_digits(writer, number, false);
}

void json_write_i64(struct json_writer *writer, int64_t number)
{
	begin_value(writer);
	write_digits(writer, magnitude(number), number < 0);
}

void json_write_u64_text(struct json_writer *writer, uint64_t number)
{
	begin_value(writer);
	write_byte(writer, '"');
	write_digits(writer, number, false);
	write_byte(writer, '"');
}

void json_write_i64_text(struct json_writer *writer, int64_t number)
{
	begin_value(writer);
	write_byte(writer, '"');
	write_digits(writer, magnitude(number), number < 0);
	write_byte(writer, '"');
}

void json_write_true_false(struct json_writer *writer, bool yes)
{
	begin_value(writer);
	write_bytes(writer, slice_str(yes ? "true" : "false"));
}

void json_write_double(struct json_writer *writer, double number)
{
	begin_value(writer);
	if (isnan(number))
		write_bytes(writer, SLICE("\"NaN\""));
	else if (isinf(number))
		write_bytes(writer, number > 0 ? SLICE("\"Infinity\"") : SLICE("\"-Infinity\""));
	else
		text_append_double(&writer->gathered, number);
}
