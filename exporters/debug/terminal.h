/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text of unknown origin on somebody's terminal. Span names and values are written by peers; shown
 * raw, they could move the cursor, change the title, or hide text (ECMA-48 control functions,
 * Unicode directional overrides). Everything of that kind is shown as an escape: \x1b for bytes,
 * \u202e for characters, and so is whatever is not UTF-8.
 */
#ifndef SLUICE_DEBUG_TERMINAL_H
#define SLUICE_DEBUG_TERMINAL_H

#include "pipeline/base/buf.h"

/* Appends ${text}, escaped. Line feeds and tabs stay, as in the Collector's own debug output. */
void terminal_append(struct buf *out, struct slice text);

struct terminal {
	unsigned columns; /* longer lines are wrapped; at least TERMINAL_COLUMNS_MIN */
	bool ascii;	  /* nothing outside ASCII, neither ours nor a peer's */
	bool colour;	  /* ECMA-48 "select graphic rendition" sequences */
};

enum { TERMINAL_COLUMNS_MIN = 40, TERMINAL_COLUMNS_DEFAULT = 160 };

/*
 * What ${fd} is at the moment: as wide as it says; in ASCII when the locale names another encoding than
 * UTF-8; in colour when it is a terminal that knows it. What decides about colour, the first that says
 * anything: terminal_set_colour, $NO_COLOR, $FORCE_COLOR or $CLICOLOR_FORCE, $CLICOLOR, $TERM.
 */
struct terminal terminal_of(int fd);

enum terminal_colour { COLOUR_AUTO = 0, COLOUR_ALWAYS, COLOUR_NEVER };

/* For the whole process; before it has threads. */
void terminal_set_colour(enum terminal_colour colour);

enum terminal_style {
	STYLE_PLAIN = 0,
	STYLE_HEAD,
	STYLE_FAINT,
	STYLE_SERVICE,
	STYLE_FACT,
	STYLE_ERROR,
	STYLE_COUNT
};

/* One line that is being written. */
struct terminal_line {
	struct buf *out;
	const struct terminal *terminal;
	unsigned column;       /* columns in use */
	unsigned indent;       /* where the lines begin on which it is continued */
	unsigned break_column; /* of the last place where it may be broken; 0: none */
	size_t break_at;       /* that place in out */
	bool styled;	       /* a style other than plain is on */
};

struct terminal_line terminal_line_begin(const struct terminal *terminal, struct buf *out);

/* From here on it is continued at ${column}, at most in the middle. */
void terminal_line_indent(struct terminal_line *line, unsigned column);

/* What follows may stand on the next line. */
void terminal_line_may_break(struct terminal_line *line);

/* ${text} of a peer: all control characters are escaped, line feeds and tabs, too. */
void terminal_line_text(struct terminal_line *line, struct slice text);

/* The same, and it may be broken between words. */
void terminal_line_words(struct terminal_line *line, struct slice text);

/* Our own text: in UTF-8, or ${ascii} on terminals that want that. */
void terminal_line_own(struct terminal_line *line, const char *text, const char *ascii);

void terminal_line_printf(struct terminal_line *line, const char *format, ...) PRINTF_LIKE(2, 3);

/* Fills with spaces up to ${column}. */
void terminal_line_pad(struct terminal_line *line, unsigned column);

void terminal_line_style(struct terminal_line *line, enum terminal_style style);
void terminal_line_end(struct terminal_line *line);

#endif
