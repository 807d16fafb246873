/* SPDX-License-Identifier: Apache-2.0 */
/* Hexadecimal digits: read in either case, written in lower case; and the percent-encoding of URLs. */
#ifndef SLUICE_BASE_HEX_H
#define SLUICE_BASE_HEX_H

#include "pipeline/base/ascii.h"

/* 0 .. 15, -1 for what is no hexadecimal digit. */
static inline int hex_value(uint8_t digit)
{
	if (ascii_is_digit(digit))
		return digit - '0';
	digit |= 0x20;
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* Reads ${digits} into ${out}, which has room for half as many bytes. False when their number is
 * odd or one is none; ${out} is then undefined. */
bool hex_decode(struct slice digits, uint8_t *out);

/* Writes two digits for each of ${bytes} to ${out}; no NUL. */
void hex_encode(struct slice bytes, char *out);

/* The byte that the escape at ${at} of ${text}, which is a '%', stands for (RFC 3986 §2.1); -1 when
 * no two digits follow. */
int percent_value(struct slice text, size_t at);

#endif
