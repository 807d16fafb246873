/* SPDX-License-Identifier: Apache-2.0 */
/* See base64.h. The decoder keeps less than three bytes between two pieces. */
#include "pipeline/base/base64.h"

#include <openssl/evp.h>

enum { PIECE_BYTES = 3 << 20 }; /* that are encoded at once: a multiple of three has no padding */

enum { NONE = BASE64_NONE };

/* + and - are 62, / and _ are 63. */
/* clang-format off */
const uint8_t base64_values[128] = {
	NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
	NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
	NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, 62, NONE, 62, NONE, 63,
	52, 53, 54, 55, 56, 57, 58, 59, 60, 61, NONE, NONE, NONE, NONE, NONE, NONE,
	NONE, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
	15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, NONE, NONE, NONE, NONE, 63,
	NONE, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
	41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, NONE, NONE, NONE, NONE, NONE,
};
/* clang-format on */

void base64_encode(struct slice bytes, char *out)
{
	*out = 0;
	while (bytes.len > 0) {
		size_t len = bytes.len < PIECE_BYTES ? bytes.len : PIECE_BYTES;
		out += EVP_EncodeBlock((unsigned char *)out, bytes.ptr, (int)len);
		bytes = slice_of(bytes.ptr + len, bytes.len - len);
	}
}

void base64_append(struct buf *out, struct slice bytes)
{
	char *text = (char *)buf_extend(out, BASE64_LEN(bytes.len) + 1);
	if (!text)
		return;
	base64_encode(bytes, text);
	out->len--; /* without the NUL */
}

/* One character; bytes that it completes go to ${out}. How many, or -1: it may not stand here. */
static int decode_next(struct base64_decoder *decoder, uint8_t byte, uint8_t *out)
{
	if (byte == '=') {
		decoder->padding++;
		return decoder->chars >= 2 && decoder->chars + decoder->padding <= 4 ? 0 : -1;
	}
	uint8_t value = base64_value(byte);
	if (value == NONE || decoder->padding > 0)
		return -1;
	decoder->bits = decoder->bits << 6 | value;
	if (++decoder->chars < 4)
		return 0;
	out[0] = (uint8_t)(decoder->bits >> 16);
	out[1] = (uint8_t)(decoder->bits >> 8);
	out[2] = (uint8_t)decoder->bits;
	*decoder = (struct base64_decoder){0};
	return 3;
}

ptrdiff_t base64_decode(struct base64_decoder *decoder, struct slice text, uint8_t *out)
{
	uint8_t *at = out;
	for (size_t i = 0; i < text.len; i++) {
		int made = decode_next(decoder, text.ptr[i], at);
		if (made < 0)
			return -1;
		at += made;
	}
	return at - out;
}

ptrdiff_t base64_decode_end(struct base64_decoder *decoder, uint8_t *out)
{
	const struct base64_decoder last = *decoder;
	*decoder = (struct base64_decoder){0};
	if (last.chars == 0)
		return 0;
	if (last.chars == 1 || (last.padding > 0 && last.chars + last.padding != 4))
		return -1;
	uint32_t bits = last.bits << 6 * (4 - last.chars);
	out[0] = (uint8_t)(bits >> 16);
	if (last.chars == 3)
		out[1] = (uint8_t)(bits >> 8);
	return last.chars - 1;
}
