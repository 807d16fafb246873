/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers as text, and numbers from text. Doubles in the shortest form that reads back the same, in
 * plain digits between 1e-6 and 1e21 and with an exponent outside, which is how Go's JSON and
 * JavaScript write them.
 */
#include "pipeline/base/text.h"

#include "pipeline/base/hex.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

/* ${number}, whose shortest form is ${text}, in digits without an exponent. */
static void append_plain(struct buf *out, double number, char *text)
{
	char *exponent_at = strchr(text, 'e');
	long exponent = strtol(exponent_at + 1, NULL, 10);
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

void text_append_double(struct buf *out, double number)
{
	char text[40];
	shortest_exponent_form(number, text, sizeof(text));
	double size = fabs(number);
	if (size == 0 || (size >= 1e-6 && size < 1e21)) {
		append_plain(out, number, text);
		return;
	}
	char *exponent_at = strchr(text, 'e');
	long exponent = strtol(exponent_at + 1, NULL, 10);
	*exponent_at = 0;
	buf_printf(out, "%se%c%0*ld", text, exponent < 0 ? '-' : '+', exponent < 0 ? 1 : 2,
		   labs(exponent));
}

void text_append_plain_double(struct buf *out, double number)
{
	char text[40];
	if (isnan(number)) {
		buf_append_str(out, "NaN");
	} else if (isinf(number)) {
		buf_append_str(out, number > 0 ? "+Inf" : "-Inf");
	} else {
		shortest_exponent_form(number, text, sizeof(text));
		append_plain(out, number, text);
	}
}

/* ---- numbers from text ---- */

bool text_read_int(struct slice text, int64_t *ret_number)
{
	bool negative = text.len > 0 && text.ptr[0] == '-';
	uint64_t size, bound = (uint64_t)INT64_MAX + negative;
	if (text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+'))
		text.ptr++, text.len--;
	if (!slice_parse_u64(text, &size) || size > bound)
		return false;
	*ret_number = (int64_t)(negative ? 0 - size : size);
	return true;
}

int64_t text_truncate(double number)
{
	/* Outside of the range the conversion has no defined result; Go's on amd64 is this one. */
	const double limit = 9223372036854775808.0; /* 2^63 */
	return number >= -limit && number < limit ? (int64_t)number : INT64_MIN;
}

static bool is_digit(char c, bool hex)
{
	return hex ? hex_value((uint8_t)c) >= 0 : ascii_is_digit((uint8_t)c);
}

/* Digits with at most one point among them. NULL when there are none. */
static const char *skip_mantissa(const char *at, bool hex)
{
	bool digits = false, point = false;
	for (; is_digit(*at, hex) || (*at == '.' && !point); at++) {
		point |= *at == '.';
		digits |= *at != '.';
	}
	return digits ? at : NULL;
}

/* A number as Go's syntax has it, which strtod's is wider than: [+-] mantissa [exponent], where a
 * hexadecimal one needs its exponent; or an infinity, or a NaN without a sign. */
static bool is_number(const char *at)
{
	bool sign = *at == '-' || *at == '+';
	at += sign;
	if (strcasecmp(at, "inf") == 0 || strcasecmp(at, "infinity") == 0)
		return true;
	if (strcasecmp(at, "nan") == 0)
		return !sign;
	bool hex = at[0] == '0' && (at[1] | 0x20) == 'x';
	at = skip_mantissa(at + (hex ? 2 : 0), hex);
	if (!at)
		return false;
	if ((*at | 0x20) != (hex ? 'p' : 'e'))
		return *at == 0 && !hex;
	at++;
	at += *at == '-' || *at == '+';
	const char *exponent = at;
	while (is_digit(*at, false))
		at++;
	return at > exponent && *at == 0;
}

/* Copies ${text} to ${copy} without underscores, each of which has to stand between two digits; a
 * base's mark ("0x") counts as a digit. */
static bool strip_underscores(struct slice text, char *copy)
{
	size_t at = text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+');
	bool hex = text.len > at + 1 && text.ptr[at] == '0' && (text.ptr[at + 1] | 0x20) == 'x';
	bool after_digit = false, open = false;
	size_t digits_at = at + (hex ? 2 : 0), len = 0;
	for (size_t i = 0; i < text.len; i++) {
		char c = (char)text.ptr[i];
		bool digit = i >= digits_at ? is_digit(c, hex) : i >= at;
		if (c == '_' ? !after_digit : open && !digit)
			return false;
		open = c == '_';
		after_digit = digit && !open;
		if (!open)
			copy[len++] = c;
	}
	copy[len] = 0;
	return !open;
}

bool text_read_double(struct slice text, double *ret_number)
{
	char copy[400]; /* the longest exact decimal that people write; longer ones are no number */
	if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.ptr, 0, text.len) ||
	    !strip_underscores(text, copy) || !is_number(copy))
		return false;
	errno = 0;
	double number = strtod(copy, NULL);
	if (errno == ERANGE && isinf(number))
		return false;
	*ret_number = number;
	return true;
}
