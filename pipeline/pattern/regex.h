/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions with the meaning of Go's regexp, which is RE2's: patterns are checked and, in
 * the few places where the two differ, rewritten (go_syntax.c), then left to RE2. Time is linear in
 * the text for every pattern.
 */
#ifndef SLUICE_PATTERN_REGEX_H
#define SLUICE_PATTERN_REGEX_H

#include "pipeline/base/buf.h"
#include "pipeline/base/error.h"
#include "pipeline/base/slice.h"

struct regex; /* immutable: matched by all shards at once */

enum {
	REGEX_PATTERN_BYTES_MAX = 64 << 10,
	REGEX_MEMORY_BYTES = 1 << 20,	  /* of one pattern, program and search states */
	REGEX_MEMORY_BYTES_MAX = 8 << 20, /* of one whose program needs more */
	REGEX_GROUPS_MAX = 32, /* capturing groups of an expression that is asked for them */
	REGEX_REPAIRED_KEEP_BYTES = 64 << 10 /* of scratch, between searches */
};

/* Compiles ${pattern}. NULL with ERR_CONFIG and Go's text ("error parsing regexp: …"), ERR_NOMEM
 * when memory is short. */
MUST_CHECK struct regex *regex_new(struct slice pattern, struct err *err);

/* As regex_new with ${memory_bytes} and no more: for patterns that a peer sent. */
MUST_CHECK struct regex *regex_new_within(struct slice pattern, size_t memory_bytes,
					  struct err *err);

/* As regex_new, for regex_groups: ${names} gets the names of the capturing groups in order, slices of
 * ${pattern}, empty for one without a name. More than REGEX_GROUPS_MAX are an ERR_CONFIG. */
MUST_CHECK struct regex *regex_new_groups(struct slice pattern,
					  struct slice names[REGEX_GROUPS_MAX], size_t *ret_count,
					  struct err *err);
void regex_free(struct regex *regex);

/* The list of one condition's expressions is threaded through them. */
void regex_push(struct regex **list, struct regex *regex);
void regex_list_free(struct regex *list);

/* Per-shard matching memory. */
struct regex_scratch {
	struct buf repaired; /* a text that is not UTF-8, with U+FFFD for each damaged byte */
};

MUST_CHECK int regex_scratch_init(struct regex_scratch *scratch);
void regex_scratch_fini(struct regex_scratch *scratch);

enum regex_result { REGEX_NO_MATCH = 0, REGEX_MATCH, REGEX_FAILED };

/* Searches ${subject}, which may be damaged, for ${regex}. REGEX_FAILED: memory was short; a rule
 * that denies takes it for a match. */
enum regex_result regex_search(const struct regex *regex, struct slice subject,
			       struct regex_scratch *scratch);

/* As regex_search, with an expression of regex_new_groups; on REGEX_MATCH ${groups} has what its
 * first ${count} groups matched, slices of ${subject} (empty: nothing). */
enum regex_result regex_groups(const struct regex *regex, struct slice subject,
			       struct slice groups[REGEX_GROUPS_MAX], size_t count,
			       struct regex_scratch *scratch);

#endif
