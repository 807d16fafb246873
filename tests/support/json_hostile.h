/* SPDX-License-Identifier: Apache-2.0 */
/* JSON bodies made to cost more than they should: for tests of bounds and for the bench. */
#ifndef SLUICE_TESTS_JSON_HOSTILE_H
#define SLUICE_TESTS_JSON_HOSTILE_H

#include "pipeline/base/buf.h"

enum json_hostile {
	HOSTILE_EMPTY_RESOURCES = 0,
	HOSTILE_EMPTY_SPANS,
	HOSTILE_EMPTY_ATTRIBUTES,
	HOSTILE_EMPTY_VALUES, /* items of one attribute's array */
	HOSTILE_UNKNOWN,      /* empty objects in a field that nobody knows */
	HOSTILE_ONE_STRING,
	HOSTILE_ESCAPES,     /* one string of \u escapes */
	HOSTILE_SURROGATES,  /* one string of halves of pairs */
	HOSTILE_DEEP_STRING, /* one string inside 100 values */
	HOSTILE_DEEP_VALUES, /* many times 100 values around 16,000 bytes */
	HOSTILE_BASE64,
	HOSTILE_DIGITS, /* one number */
	HOSTILE_BRACKETS,
	HOSTILE_COUNT
};

extern const char *const json_hostile_names[HOSTILE_COUNT];

/* True when the body is a good request that has to be accepted. */
bool json_hostile_is_valid(enum json_hostile kind);

/* Appends a body of about ${bytes} bytes. */
void json_hostile_append(struct buf *out, enum json_hostile kind, size_t bytes);

#endif
