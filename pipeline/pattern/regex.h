/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions with RE2's meaning on PCRE2. A pattern is first read by RE2's grammar
 * (re2_syntax.c), which rejects what RE2 rejects and writes out an equivalent PCRE2 pattern; so no
 * construct reaches PCRE2 that means something else there.
 */
#ifndef SLUICE_PATTERN_REGEX_H
#define SLUICE_PATTERN_REGEX_H

#include "pipeline/base/buf.h"
#include "pipeline/base/error.h"
#include "pipeline/base/slice.h"

struct regex; /* immutable: matched by all shards at once */

enum {
	REGEX_GROUP_DEPTH_MAX = 200,  /* parentheses inside parentheses */
	REGEX_REPEAT_MAX = 1000,      /* RE2's bound on counts, nested ones multiplied */
	REGEX_STEPS_MAX = 100000,     /* match limit per start position */
	REGEX_HEAP_KIB_MAX = 4096,    /* backtracking memory of one match */
	REGEX_TIME_MS_MAX = 100,      /* one search, checked at start positions */
	REGEX_DFA_WORDS = 4096,	      /* work space of the DFA matcher */
	REGEX_DFA_SUBJECT_MAX = 8192, /* bytes */
};

/* Compiles ${pattern}. NULL with ERR_CONFIG and RE2's text ("error parsing regexp: …"). */
MUST_CHECK struct regex *regex_new(struct slice pattern, struct err *err);
void regex_free(struct regex *regex);

/* The list of one condition's expressions is threaded through them. */
void regex_push(struct regex **list, struct regex *regex);
void regex_list_free(struct regex *list);

/* Per-shard matching memory. */
struct regex_scratch {
	void *match_data; /* pcre2_match_data */
	void *context;	  /* pcre2_match_context */
	int *dfa_words;
};

MUST_CHECK int regex_scratch_init(struct regex_scratch *scratch);
void regex_scratch_fini(struct regex_scratch *scratch);

enum regex_result { REGEX_NO_MATCH = 0, REGEX_MATCH, REGEX_FAILED };

/* Searches ${subject} for ${regex}. REGEX_FAILED: neither engine came to an end within limits. */
enum regex_result regex_search(const struct regex *regex, struct slice subject,
			       struct regex_scratch *scratch);

/* Reads ${pattern} by RE2's grammar and appends the PCRE2 form to ${out}. -1 with ERR_CONFIG. */
MUST_CHECK int re2_translate(struct slice pattern, struct buf *out, struct err *err);

#endif
