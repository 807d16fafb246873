/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of pipeline/pattern share. */
#ifndef SLUICE_PATTERN_REGEX_INTERNAL_H
#define SLUICE_PATTERN_REGEX_INTERNAL_H

#include "pipeline/pattern/regex.h"

/* ---- go_syntax.c ---- */

/* The names of capturing groups, in order; they lie in the pattern. Empty: one without a name. */
struct go_groups {
	struct slice *names;
	size_t count, max; /* counted beyond max, too, but not noted */
};

/*
 * Appends ${pattern}, written for Go's regexp, to ${out} as RE2 reads it. *ret_anchored: every match
 * begins at the text's first byte. -1 with ERR_CONFIG and Go's text when Go refuses what RE2 would
 * accept; everything else that is wrong is left to RE2. ${groups} may be NULL.
 */
MUST_CHECK int go_syntax_to_re2(struct slice pattern, struct buf *out, bool *ret_anchored,
				struct go_groups *groups, struct err *err);

/* ---- literal.c ---- */

enum literal_place {
	LITERAL_NONE = 0, /* the pattern is more than a literal */
	LITERAL_WHOLE,
	LITERAL_HEAD,
	LITERAL_TAIL,
	LITERAL_INSIDE,
};

/* Reads a pattern that only asks for ASCII text at a place. Appends the text to ${out}. */
enum literal_place literal_read(struct slice pattern, struct buf *out);

bool literal_found(enum literal_place place, struct slice literal, struct slice subject);

#endif
