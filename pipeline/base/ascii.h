/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Classes and case of bytes, of ASCII alone: what <ctype.h> says depends on the locale, and its
 * functions may not be asked about a plain char. Bytes from 0x80 on are of no class and keep their
 * case.
 */
#ifndef SLUICE_BASE_ASCII_H
#define SLUICE_BASE_ASCII_H

#include "pipeline/base/slice.h"

static inline bool ascii_is_digit(uint8_t byte)
{
	return byte >= '0' && byte <= '9';
}

static inline bool ascii_is_lower(uint8_t byte)
{
	return byte >= 'a' && byte <= 'z';
}

static inline bool ascii_is_upper(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z';
}

static inline bool ascii_is_letter(uint8_t byte)
{
	return ascii_is_lower(byte | 0x20);
}

static inline bool ascii_is_alnum(uint8_t byte)
{
	return ascii_is_letter(byte) || ascii_is_digit(byte);
}

static inline uint8_t ascii_lower(uint8_t byte)
{
	return ascii_is_upper(byte) ? byte | 0x20 : byte;
}

static inline uint8_t ascii_upper(uint8_t byte)
{
	return ascii_is_lower(byte) ? byte & 0xdf : byte;
}

/* Whether ${text} is a token (RFC 9110 §5.6.2), as the names of HTTP fields are. */
bool ascii_is_token(struct slice text);

#endif
