/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes and numbers as text. Doubles in the shortest form that reads back the same, in plain digits
 * between 1e-6 and 1e21 and with an exponent outside, which is how Go's JSON and JavaScript write
 * them.
 */
#include "pipeline/base/text.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_append_base64(struct buf *out, struct slice bytes)
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

void text_append_double(struct buf *out, double number)
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
