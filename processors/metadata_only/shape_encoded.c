/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An id and a text in base64 look alike; what tells them apart is what they decode to. Twelve bytes
 * made by chance are printable in one of a hundred thousand cases, sixteen in one of ten million.
 */
#include "processors/metadata_only/shape_encoded.h"

#include "pipeline/base/utf8.h"
#include "processors/metadata_only/shape.h"

enum { DECODED_MAX = SHAPE_BYTES_MAX };

static int base64_digit(uint8_t byte)
{
	if (byte >= 'A' && byte <= 'Z')
		return byte - 'A';
	if (byte >= 'a' && byte <= 'z')
		return byte - 'a' + 26;
	if (byte >= '0' && byte <= '9')
		return byte - '0' + 52;
	if (byte == '+' || byte == '-')
		return 62;
	return byte == '/' || byte == '_' ? 63 : -1;
}

/* Printable, in any script; the last character may be cut. */
static bool is_text(struct slice bytes)
{
	while (bytes.len > 0) {
		size_t len = utf8_sequence_len(bytes);
		uint8_t byte = bytes.ptr[0];
		if (len == 0)
			return bytes.len < 4 && byte >= 0xc2;
		if (byte == 0x7f || (byte < ' ' && byte != '\n' && byte != '\t' && byte != '\r'))
			return false;
		bytes = slice_of(bytes.ptr + len, bytes.len - len);
	}
	return true;
}

static bool is_base64_text(struct slice run)
{
	uint8_t decoded[DECODED_MAX];
	size_t len = 0;
	uint32_t bits = 0;
	unsigned count = 0;
	bool capital = false; /* a text of twelve bytes has some in base64 */
	for (size_t i = 0; i < run.len; i++) {
		capital |= run.ptr[i] >= 'A' && run.ptr[i] <= 'Z';
		bits = bits << 6 | (uint32_t)base64_digit(run.ptr[i]);
		count += 6;
		if (count >= 8) {
			count -= 8;
			decoded[len++] = (uint8_t)(bits >> count);
		}
	}
	return capital && is_text(slice_of(decoded, len));
}

/* Digits alone are a number. */
static bool is_hex_text(struct slice run)
{
	uint8_t decoded[DECODED_MAX / 2];
	bool letters = false;
	for (size_t i = 0; i + 1 < run.len; i += 2) {
		int high = shape_hex_digit(run.ptr[i]), low = shape_hex_digit(run.ptr[i + 1]);
		letters |= high > 9 || low > 9;
		decoded[i / 2] = (uint8_t)(high << 4 | low);
	}
	return letters && is_text(slice_of(decoded, run.len / 2));
}

/* No checksum has so many of them. */
static bool is_long(struct slice run)
{
	bool small = false, capital = false, digit = false;
	if (run.len <= SHAPE_BASE64_MAX)
		return false;
	for (size_t i = 0; i < run.len; i++) {
		small |= run.ptr[i] >= 'a' && run.ptr[i] <= 'z';
		capital |= run.ptr[i] >= 'A' && run.ptr[i] <= 'Z';
		digit |= run.ptr[i] >= '0' && run.ptr[i] <= '9';
	}
	return small && capital && digit;
}

/* Judges every longest run of letters, digits and ${more}. */
static bool runs_hold(struct slice text, const char *more)
{
	size_t begin = 0, hex = 0;
	for (size_t i = 0; i <= text.len; i++) {
		uint8_t byte = i < text.len ? text.ptr[i] : ' ';
		bool in = base64_digit(byte) >= 0 &&
			  (base64_digit(byte) < 62 || strchr(more, byte) != NULL);
		hex += in && shape_hex_digit(byte) >= 0;
		if (in)
			continue;
		struct slice run = slice_of(text.ptr + begin, i - begin);
		bool is_hex = hex == run.len;
		if (run.len >= SHAPE_ENCODED_MIN && (is_long(run) || is_base64_text(run)))
			return true;
		if (is_hex && run.len >= SHAPE_HEX_MIN && is_hex_text(run))
			return true;
		begin = i + 1;
		hex = 0;
	}
	return false;
}

bool shape_holds_encoded(struct slice text)
{
	bool url = slice_has_prefix(text, SLICE("data:")) &&
		   (memchr(text.ptr, ',', text.len) || memchr(text.ptr, ';', text.len));
	return url || runs_hold(text, "") || runs_hold(text, "+/") || runs_hold(text, "-_");
}
