/* SPDX-License-Identifier: Apache-2.0 */
/* Validation by the table of RFC 3629 §4; runs of ASCII are passed a word at a time. */
#include "pipeline/base/utf8.h"

#include <string.h>

static bool is_continuation(uint8_t byte)
{
	return (byte & 0xc0) == 0x80;
}

/* The second byte carries the range checks of RFC 3629 §4 that exclude overlong forms,
 * surrogates and code points above U+10FFFF. */
static bool second_byte_ok(uint8_t first, uint8_t second)
{
	switch (first) {
	case 0xe0: return second >= 0xa0 && second <= 0xbf;
	case 0xed: return second >= 0x80 && second <= 0x9f;
	case 0xf0: return second >= 0x90 && second <= 0xbf;
	case 0xf4: return second >= 0x80 && second <= 0x8f;
	default: return is_continuation(second);
	}
}

size_t utf8_sequence_len(struct slice s)
{
	if (s.len == 0)
		return 0;
	uint8_t first = s.ptr[0];
	size_t len;
	if (first < 0x80)
		return 1;
	else if (first >= 0xc2 && first <= 0xdf)
		len = 2;
	else if (first >= 0xe0 && first <= 0xef)
		len = 3;
	else if (first >= 0xf0 && first <= 0xf4)
		len = 4;
	else
		return 0;
	if (s.len < len || !second_byte_ok(first, s.ptr[1]))
		return 0;
	for (size_t i = 2; i < len; i++) {
		if (!is_continuation(s.ptr[i]))
			return 0;
	}
	return len;
}

/* How many bytes from the start are ASCII, in whole words. */
static size_t ascii_words(struct slice s)
{
	const uint64_t high_bits = UINT64_C(0x8080808080808080);
	size_t at = 0;
	uint64_t word;
	for (; at + sizeof(word) <= s.len; at += sizeof(word)) {
		memcpy(&word, s.ptr + at, sizeof(word));
		if (word & high_bits)
			break;
	}
	return at;
}

bool utf8_valid(struct slice s)
{
	while (s.len > 0) {
		size_t ascii = ascii_words(s);
		s.ptr += ascii;
		s.len -= ascii;
		if (s.len == 0)
			break;
		size_t len = utf8_sequence_len(s);
		if (len == 0)
			return false;
		s.ptr += len;
		s.len -= len;
	}
	return true;
}

size_t utf8_encode(uint32_t code, uint8_t *out)
{
	if (code < 0x80) {
		out[0] = (uint8_t)code;
		return 1;
	}
	size_t more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
	static const uint8_t heads[] = {0, 0xc0, 0xe0, 0xf0};
	out[0] = (uint8_t)(heads[more] | code >> (6 * more));
	for (size_t i = 1; i <= more; i++)
		out[i] = (uint8_t)(0x80 | ((code >> (6 * (more - i))) & 0x3f));
	return more + 1;
}
