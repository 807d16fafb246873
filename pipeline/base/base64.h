/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base64 (RFC 4648): written in the standard alphabet (§4) with padding, read in that one or the
 * one for URLs (§5), with padding or without.
 *
 * OpenSSL writes. It cannot read for us: its decoder skips white space, wants padding and knows one
 * alphabet only.
 */
#ifndef SLUICE_BASE_BASE64_H
#define SLUICE_BASE_BASE64_H

#include "pipeline/base/buf.h"

/* Characters of ${len} bytes, padding included. */
#define BASE64_LEN(len) (((size_t)(len) + 2) / 3 * 4)

/* Writes ${bytes} and a NUL to ${out}, which has room for BASE64_LEN of their length and one. */
void base64_encode(struct slice bytes, char *out);

/* Appends ${bytes}. */
void base64_append(struct buf *out, struct slice bytes);

enum { BASE64_NONE = 0xff };

extern const uint8_t base64_values[128]; /* for base64_value alone */

/* The six bits that ${byte} stands for in either alphabet, BASE64_NONE for any other byte. */
static inline uint8_t base64_value(uint8_t byte)
{
	return byte < sizeof(base64_values) ? base64_values[byte] : (uint8_t)BASE64_NONE;
}

/* A text that comes in pieces; begins as {0}. */
struct base64_decoder {
	uint32_t bits; /* that do not fill three bytes yet */
	uint8_t chars; /* in bits: 0-3 */
	uint8_t padding;
};

/* Decodes ${text}, the next piece, into ${out}, which has room for text.len bytes. Returns how many
 * came of it, or -1: no base64. */
ptrdiff_t base64_decode(struct base64_decoder *decoder, struct slice text, uint8_t *out);

/* The end of the text: what is left, at most two bytes, into ${out}. Returns how many, or -1: the
 * text is not whole. The decoder begins anew. */
ptrdiff_t base64_decode_end(struct base64_decoder *decoder, uint8_t *out);

#endif
