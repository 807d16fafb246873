/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words that must not come out. A canary is CANARY_STEM and a number behind it, or CANARY_INT; both
 * are found in every form in which a program might write them.
 */
#ifndef SLUICE_TEST_CANARY_H
#define SLUICE_TEST_CANARY_H

#include "pipeline/base/buf.h"

#define CANARY_STEM "kanari7e1f"

/* As an attribute's number: seven bytes as a varint, the same as a double. */
#define CANARY_INT INT64_C(7410529630085)

struct canary_find {
	const char *form; /* "plain", "base64" … */
	size_t at;
	unsigned number; /* behind the stem; UINT_MAX: none can be read */
};

/* The first canary in ${bytes}, from ${from} on, in any form: plain in any letter case, hexadecimal,
 * base64 at each alignment, JSON and URL escapes; numbers in decimal, as varint and as double. */
bool canary_find(struct slice bytes, size_t from, struct canary_find *ret_find);

/* Prints where ${find} is, with what stands around it. */
void canary_print(const char *where, struct slice bytes, const struct canary_find *find);

#endif
