/* SPDX-License-Identifier: Apache-2.0 */
/* The state of one pattern's reading, shared by re2_syntax.c and re2_class.c. */
#ifndef SLUICE_PATTERN_RE2_INTERNAL_H
#define SLUICE_PATTERN_RE2_INTERNAL_H

#include "pipeline/pattern/regex.h"

enum { GROUP_NAMES_MAX = 64, RUNE_MAX = 0x10ffff };

enum re2_atom { ATOM_NONE, ATOM_PLAIN, ATOM_REPEATED };

struct re2_group {
	uint32_t repeat_inside;	 /* largest product of counts within, so far */
	uint32_t repeat_of_atom; /* the same, of the last atom */
	enum re2_atom atom;
};

struct re2_reader {
	struct slice pattern;
	size_t at;
	struct buf *out;
	struct err *err;
	struct re2_group groups[REGEX_GROUP_DEPTH_MAX + 1];
	size_t depth;
	struct slice names[GROUP_NAMES_MAX];
	size_t name_count;
};

/* The text "error parsing regexp: ${code}: `piece`" for [from, to) of the pattern. Returns -1. */
int re2_refuse(struct re2_reader *reader, const char *code, size_t from, size_t to);

/* The next character; the reader is not at the end. */
uint32_t re2_next_rune(struct re2_reader *reader);

/* ---- re2_class.c ---- */

/* The character that an escape stands for; the reader is behind the backslash at ${from}. */
int re2_read_escaped_rune(struct re2_reader *reader, size_t from, uint32_t *ret_rune);

/* \pL, \p{Greek}, \P{^Lu}; the reader stands at the p. */
int re2_read_property(struct re2_reader *reader, size_t from);

/* \d \w \s and their complements, written for a place inside or outside of a class. */
bool re2_put_perl_class(struct re2_reader *reader, int letter, bool inside);

/* A class in brackets; the reader stands at the opening one. */
int re2_read_class(struct re2_reader *reader);

/* ---- small things ---- */

static inline int re2_peek(const struct re2_reader *reader, size_t ahead)
{
	size_t at = reader->at + ahead;
	return at < reader->pattern.len ? reader->pattern.ptr[at] : -1;
}

static inline struct slice re2_rest(const struct re2_reader *reader)
{
	return (struct slice){reader->pattern.ptr + reader->at, reader->pattern.len - reader->at};
}

static inline bool re2_is_digit(int byte)
{
	return byte >= '0' && byte <= '9';
}

static inline bool re2_is_alpha(int byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

#endif
