/* SPDX-License-Identifier: Apache-2.0 */
/* The part of RE2's C++ interface that Sluice uses, for C. Only regex.c includes it. */
#ifndef SLUICE_PATTERN_RE2_SHIM_H
#define SLUICE_PATTERN_RE2_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A compiled expression: immutable for its users, searched by any number of threads at once. What
 * it learns while it searches is kept behind a lock of its own. */
struct re2_engine;

enum { RE2_ERROR_BYTES = 256, RE2_RANGE_BYTES = 16 };

/*
 * Compiles ${len} bytes at ${pattern} with at most ${memory_bytes} for the program and for all that
 * searches will ever add to it; with ${groups} it can tell what its groups matched. NULL: ${error} (RE2_ERROR_BYTES) has what is wrong in the words of
 * Go's regexp, *ret_too_large says whether more memory would help.
 */
struct re2_engine *re2_engine_new(const uint8_t *pattern, size_t len, size_t memory_bytes,
				  bool groups, char *error, bool *ret_too_large);
void re2_engine_free(struct re2_engine *engine);

/* 1: ${text} has a match, 0: it has none, -1: memory was short. Time is linear in ${len}. */
int re2_engine_search(const struct re2_engine *engine, const uint8_t *text, size_t len);

/* A part of the text that was searched; {0, 0} of a group that matched nothing. */
struct re2_part {
	size_t off, len;
};

enum { RE2_GROUPS_MAX = 32 };

/* As re2_engine_search, of one made with groups; on 1 ${parts} has what its first ${count} (at most
 * RE2_GROUPS_MAX) groups matched. */
int re2_engine_groups(const struct re2_engine *engine, const uint8_t *text, size_t len,
		      struct re2_part *parts, size_t count);

/*
 * Bounds of the texts that the expression matches from their first byte on: every one is, compared
 * bytewise, at least ${low} and at most ${high} (RE2_RANGE_BYTES each, lengths in ${ret_lens}).
 * False when there are none worth having.
 */
bool re2_engine_range(const struct re2_engine *engine, uint8_t *low, uint8_t *high,
		      size_t *ret_lens);

#ifdef __cplusplus
}
#endif

#endif
