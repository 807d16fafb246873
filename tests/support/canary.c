/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/canary.h"

#include "pipeline/base/compiler.h"
#include "pipeline/base/le.h"
#include "pipeline/trace/value/wire.h"

#include <ctype.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { FORMS_MAX = 16, FORM_BYTES_MAX = 80, CONTEXT_BYTES = 60 };

struct form {
	const char *name;
	uint8_t bytes[FORM_BYTES_MAX];
	size_t len;
};

struct forms {
	struct form at[FORMS_MAX];
	size_t count;
};

static struct form *add(struct forms *forms, const char *name, struct slice bytes)
{
	if (forms->count == FORMS_MAX || bytes.len > FORM_BYTES_MAX)
		abort();
	struct form *form = &forms->at[forms->count++];
	form->name = name;
	form->len = bytes.len;
	memcpy(form->bytes, bytes.ptr, bytes.len);
	return form;
}

/* The stem with ${before} and two hexadecimal digits for each byte. */
static void add_escaped(struct forms *forms, const char *name, const char *before, bool upper)
{
	static const char lower_digits[] = "0123456789abcdef", upper_digits[] = "0123456789ABCDEF";
	const char *digits = upper ? upper_digits : lower_digits;
	struct buf text = BUF_INIT;
	for (const char *at = CANARY_STEM; *at; at++) {
		buf_append_str(&text, before);
		buf_append_byte(&text, (uint8_t)digits[*at >> 4]);
		buf_append_byte(&text, (uint8_t)digits[*at & 15]);
	}
	add(forms, name, buf_slice(&text));
	buf_fini(&text);
}

/* The characters of base64 that depend on the stem alone when it begins ${offset} bytes into a group
 * of three. */
static void add_base64(struct forms *forms, size_t offset)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t bytes[2 + sizeof(CANARY_STEM)] = {0};
	char text[FORM_BYTES_MAX];
	size_t len = 0, stem_len = strlen(CANARY_STEM);
	memcpy(bytes + offset, CANARY_STEM, stem_len);
	for (size_t i = (8 * offset + 5) / 6; 6 * (i + 1) <= 8 * (offset + stem_len); i++) {
		size_t bit = 6 * i;
		unsigned pair = (unsigned)bytes[bit / 8] << 8 | bytes[bit / 8 + 1];
		text[len++] = alphabet[pair >> (10 - bit % 8) & 63];
	}
	add(forms, "base64", slice_of(text, len));
}

static const struct forms *all_forms(void)
{
	static struct forms forms;
	if (forms.count > 0)
		return &forms;
	uint8_t varint[10], fixed[8];
	double as_double = (double)CANARY_INT;
	char decimal[32];
	add_escaped(&forms, "hexadecimal", "", false);
	add_escaped(&forms, "hexadecimal", "", true);
	add_escaped(&forms, "JSON escapes", "\\u00", false);
	add_escaped(&forms, "JSON escapes", "\\u00", true);
	add_escaped(&forms, "C escapes", "\\x", false);
	add_escaped(&forms, "URL escapes", "%", false);
	add_escaped(&forms, "URL escapes", "%", true);
	for (size_t offset = 0; offset < 3; offset++)
		add_base64(&forms, offset);
	(void)snprintf(decimal, sizeof(decimal), "%lld", (long long)CANARY_INT);
	add(&forms, "decimal", slice_str(decimal));
	(void)snprintf(decimal, sizeof(decimal), "%.12e", as_double);
	add(&forms, "scientific", slice_of(decimal, 14)); /* without the exponent */
	add(&forms, "varint",
	    slice_of(varint, (size_t)(wire_write_varint(varint, (uint64_t)CANARY_INT) - varint)));
	le_write_double(fixed, as_double);
	add(&forms, "double", slice_of(fixed, sizeof(fixed)));
	return &forms;
}

/* The stem in any letter case at or after ${from}; bytes.len when there is none. */
static size_t find_plain(struct slice bytes, size_t from)
{
	const size_t len = strlen(CANARY_STEM);
	/* Its first digit has no case, and is rarer than letters. */
	for (size_t at = from; at + len <= bytes.len; at++) {
		const uint8_t *digit = memchr(bytes.ptr + at + 6, '7', bytes.len - at - 6);
		if (!digit)
			break;
		at = (size_t)(digit - bytes.ptr) - 6;
		if (at + len <= bytes.len &&
		    slice_equal_nocase(slice_of(bytes.ptr + at, len), SLICE(CANARY_STEM)))
			return at;
	}
	return bytes.len;
}

bool canary_find(struct slice bytes, size_t from, struct canary_find *ret_find)
{
	size_t plain = find_plain(bytes, from);
	if (plain < bytes.len) {
		struct buf digits = BUF_INIT;
		for (size_t at = plain + strlen(CANARY_STEM);
		     at < bytes.len && digits.len < 9 && isdigit(bytes.ptr[at]); at++)
			buf_append_byte(&digits, bytes.ptr[at]);
		*ret_find = (struct canary_find){"plain", plain, UINT_MAX};
		if (digits.len > 0)
			ret_find->number = (unsigned)strtoul(buf_cstr(&digits), NULL, 10);
		buf_fini(&digits);
		return true;
	}
	const struct forms *forms = all_forms();
	for (size_t i = 0; i < forms->count; i++) {
		const uint8_t *at = memmem(bytes.ptr + from, bytes.len - from, forms->at[i].bytes,
					   forms->at[i].len);
		if (!at)
			continue;
		*ret_find =
			(struct canary_find){forms->at[i].name, (size_t)(at - bytes.ptr), UINT_MAX};
		return true;
	}
	return false;
}

void canary_print(const char *where, struct slice bytes, const struct canary_find *find)
{
	struct buf text = BUF_INIT;
	size_t begin = find->at > CONTEXT_BYTES ? find->at - CONTEXT_BYTES : 0;
	for (size_t at = begin; at < bytes.len && at < find->at + CONTEXT_BYTES; at++)
		buf_append_byte(&text, isprint(bytes.ptr[at]) ? bytes.ptr[at] : '.');
	print_error("%s holds a canary (%s): %s\n", where, find->form, buf_cstr(&text));
	buf_fini(&text);
}
