/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A borrowed run of bytes, passed by value. Nothing inside Sluice relies on a terminating zero;
 * strlen belongs at the edge (argv, getenv, libyaml). A slice never owns what it points to.
 */
#ifndef SLUICE_BASE_SLICE_H
#define SLUICE_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const uint8_t *ptr; /* may be NULL when len is 0 */
	size_t len;	    /* bytes */
};

/* A slice of a string literal, without its terminating zero. */
#define SLICE(literal) ((struct slice){(const uint8_t *)("" literal), sizeof(literal) - 1})
/* The same where only a constant initializer is allowed (static tables). */
/* clang-format off */
#define SLICE_INIT(literal) {(const uint8_t *)("" literal), sizeof(literal) - 1}
/* clang-format on */

/* For printf's "%.*s": SLICE_FMT(s) expands to the length (at most INT_MAX) and the pointer. */
#define SLICE_FMT(s) (int)((s).len > 0x7fffffff ? 0x7fffffff : (s).len), (const char *)(s).ptr

static inline struct slice slice_of(const void *ptr, size_t len)
{
	return (struct slice){(const uint8_t *)ptr, len};
}

/* The bytes of the NUL-terminated ${text}; NULL gives the empty slice. */
static inline struct slice slice_str(const char *text)
{
	return (struct slice){(const uint8_t *)text, text ? strlen(text) : 0};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool slice_has_prefix(struct slice s, struct slice prefix)
{
	return s.len >= prefix.len &&
	       (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static inline bool slice_has_suffix(struct slice s, struct slice suffix)
{
	return s.len >= suffix.len && (suffix.len == 0 || memcmp(s.ptr + (s.len - suffix.len),
								 suffix.ptr, suffix.len) == 0);
}

/* Whether ${s} is ${pattern}; one that ends in '*' stands for all that begin so. */
bool slice_fits(struct slice s, struct slice pattern);

/* Byte-wise order, a shorter prefix first: negative, zero or positive. */
int slice_compare(struct slice a, struct slice b);

/* Equality that ignores ASCII case only (HTTP field names, RFC 9110 §5.1). */
bool slice_equal_nocase(struct slice a, struct slice b);

/* ${s} without leading and trailing spaces and tabs (RFC 9110 §5.6.3 OWS). */
struct slice slice_trim(struct slice s);

/* Parses ${s} as an unsigned decimal of digits only. False on empty, sign, other bytes, overflow. */
bool slice_parse_u64(struct slice s, uint64_t *ret_value);

#endif
