/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where Go's regexp and RE2 read a pattern differently. The two share one grammar; what differs:
 *
 *   \C               RE2 takes it for any byte, Go refuses it
 *   (?<name>…)       Go takes it like (?P<name>…), RE2 of Debian 12 refuses it
 *   names of groups  Go wants ASCII and lets them repeat. RE2 has no use for them, so a checked
 *                    name is told to who asks, and left out
 *   \p{letter}       Go takes names of properties in any case and by their long forms
 *
 * One pass over the pattern, without recursion; everything that both refuse is left to RE2.
 */
#include "pipeline/pattern/regex_internal.h"

#include "pipeline/base/ascii.h"
#include "pipeline/base/utf8.h"

#include <string.h>

struct reader {
	struct slice pattern;
	size_t at;
	struct buf *out;
	struct go_groups *groups; /* NULL: nobody asks */
	struct err *err;
	size_t depth;	  /* open groups */
	bool alternative; /* a | outside of all groups was seen */
};

static int peek(const struct reader *reader, size_t ahead)
{
	size_t at = reader->at + ahead;
	return at < reader->pattern.len ? reader->pattern.ptr[at] : -1;
}

static struct slice rest_of(const struct reader *reader)
{
	return slice_of(reader->pattern.ptr + reader->at, reader->pattern.len - reader->at);
}

static void copy(struct reader *reader, size_t bytes)
{
	size_t left = reader->pattern.len - reader->at;
	size_t len = bytes < left ? bytes : left;
	buf_append(reader->out, slice_of(reader->pattern.ptr + reader->at, len));
	reader->at += len;
}

static int refuse(struct reader *reader, const char *what, struct slice piece)
{
	return err_set(reader->err, ERR_CONFIG, "error parsing regexp: %s: `%.*s`", what,
		       SLICE_FMT(piece));
}

/* ---- properties ---- */

/* Long names of categories, which RE2 does not know, and their short forms. */
static const struct {
	struct slice name;
	const char *category;
} categories[] = {
	{SLICE_INIT("Close_Punctuation"), "Pe"},
	{SLICE_INIT("Combining_Mark"), "M"},
	{SLICE_INIT("Connector_Punctuation"), "Pc"},
	{SLICE_INIT("Control"), "Cc"},
	{SLICE_INIT("Cntrl"), "Cc"},
	{SLICE_INIT("Currency_Symbol"), "Sc"},
	{SLICE_INIT("Dash_Punctuation"), "Pd"},
	{SLICE_INIT("Decimal_Number"), "Nd"},
	{SLICE_INIT("Digit"), "Nd"},
	{SLICE_INIT("Enclosing_Mark"), "Me"},
	{SLICE_INIT("Final_Punctuation"), "Pf"},
	{SLICE_INIT("Format"), "Cf"},
	{SLICE_INIT("Initial_Punctuation"), "Pi"},
	{SLICE_INIT("Letter"), "L"},
	{SLICE_INIT("Letter_Number"), "Nl"},
	{SLICE_INIT("Line_Separator"), "Zl"},
	{SLICE_INIT("Lowercase_Letter"), "Ll"},
	{SLICE_INIT("Mark"), "M"},
	{SLICE_INIT("Math_Symbol"), "Sm"},
	{SLICE_INIT("Modifier_Letter"), "Lm"},
	{SLICE_INIT("Modifier_Symbol"), "Sk"},
	{SLICE_INIT("Nonspacing_Mark"), "Mn"},
	{SLICE_INIT("Number"), "N"},
	{SLICE_INIT("Open_Punctuation"), "Ps"},
	{SLICE_INIT("Other_Letter"), "Lo"},
	{SLICE_INIT("Other_Number"), "No"},
	{SLICE_INIT("Other_Punctuation"), "Po"},
	{SLICE_INIT("Other_Symbol"), "So"},
	{SLICE_INIT("Paragraph_Separator"), "Zp"},
	{SLICE_INIT("Private_Use"), "Co"},
	{SLICE_INIT("Punct"), "P"},
	{SLICE_INIT("Punctuation"), "P"},
	{SLICE_INIT("Separator"), "Z"},
	{SLICE_INIT("Space_Separator"), "Zs"},
	{SLICE_INIT("Spacing_Mark"), "Mc"},
	{SLICE_INIT("Surrogate"), "Cs"},
	{SLICE_INIT("Symbol"), "S"},
	{SLICE_INIT("Titlecase_Letter"), "Lt"},
	{SLICE_INIT("Uppercase_Letter"), "Lu"},
};

/* The short form of a category's long name; NULL when there is none. */
static const char *category_of(struct slice name)
{
	for (size_t i = 0; i < ARRAY_COUNT(categories); i++) {
		if (slice_equal(name, categories[i].name))
			return categories[i].category;
	}
	return NULL;
}

/* {name} behind \p as RE2 spells it: Old_Italic, Lu. The reader stands at the brace. */
static void put_property(struct reader *reader)
{
	enum { NAME_MAX_LEN = 40 };
	struct slice rest = rest_of(reader);
	const uint8_t *close = memchr(rest.ptr, '}', rest.len);
	char name[NAME_MAX_LEN];
	size_t used = 0, at = 1;
	bool first = true;
	size_t len = close ? (size_t)(close - rest.ptr) : 0;
	bool negated = len > 1 && rest.ptr[1] == '^';
	if (!close || len > sizeof(name)) /* for RE2 to refuse */
		return;
	for (at += negated; at < len; at++) {
		uint8_t byte = rest.ptr[at];
		bool joint = byte == '_' || byte == '-' || byte == ' ';
		name[used++] = (char)(joint ? '_' : first ? ascii_upper(byte) : ascii_lower(byte));
		first = joint;
	}
	struct slice spelled = slice_of(name, used);
	const char *category = category_of(spelled);
	buf_append_str(reader->out, negated ? "{^" : "{");
	buf_append(reader->out, category ? slice_str(category) : spelled);
	buf_append_byte(reader->out, '}');
	reader->at += len + 1;
}

/* ---- escapes, classes, groups ---- */

static int read_escape(struct reader *reader, bool inside_class)
{
	int letter = peek(reader, 1);
	if (letter == 'C')
		return refuse(reader, "invalid escape sequence", SLICE("\\C"));
	if (letter == 'Q' && !inside_class) {
		struct slice rest = rest_of(reader);
		const uint8_t *end = memmem(rest.ptr, rest.len, "\\E", 2);
		copy(reader, end ? (size_t)(end - rest.ptr) + 2 : rest.len);
		return 0;
	}
	copy(reader, 2);
	if ((letter == 'p' || letter == 'P') && peek(reader, 0) == '{')
		put_property(reader);
	return 0;
}

static int read_class(struct reader *reader)
{
	copy(reader, peek(reader, 1) == '^' ? 2 : 1);
	for (bool first = true; peek(reader, 0) >= 0; first = false) {
		int byte = peek(reader, 0);
		if (byte == '\\') {
			if (read_escape(reader, true) != 0)
				return -1;
			continue;
		}
		struct slice rest = rest_of(reader);
		const uint8_t *named = byte == '[' && peek(reader, 1) == ':'
					       ? memmem(rest.ptr + 1, rest.len - 1, ":]", 2)
					       : NULL;
		copy(reader, named ? (size_t)(named - rest.ptr) + 2 : 1);
		if (byte == ']' && !first)
			break;
	}
	return 0;
}

static bool is_group_name(struct slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		if (!ascii_is_alnum(name.ptr[i]) && name.ptr[i] != '_')
			return false;
	}
	return name.len > 0;
}

static void note_group(struct reader *reader, struct slice name)
{
	struct go_groups *groups = reader->groups;
	if (groups && groups->count++ < groups->max)
		groups->names[groups->count - 1] = name;
}

static int read_group(struct reader *reader)
{
	struct slice rest = rest_of(reader);
	size_t head = slice_has_prefix(rest, SLICE("(?P<"))  ? 4
		      : slice_has_prefix(rest, SLICE("(?<")) ? 3
							     : 0;
	reader->depth++;
	if (head == 0 || rest.len == head) {
		if (!slice_has_prefix(rest, SLICE("(?")))
			note_group(reader, SLICE(""));
		copy(reader, 1);
		return 0;
	}
	const uint8_t *close = memchr(rest.ptr, '>', rest.len);
	if (!close)
		return refuse(reader, "invalid named capture", rest);
	size_t len = (size_t)(close - rest.ptr);
	if (!is_group_name(slice_of(rest.ptr + head, len - head)))
		return refuse(reader, "invalid named capture", slice_of(rest.ptr, len + 1));
	note_group(reader, slice_of(rest.ptr + head, len - head));
	buf_append_byte(reader->out, '(');
	reader->at += len + 1;
	return 0;
}

static int read_one(struct reader *reader)
{
	switch (peek(reader, 0)) {
	case '\\': return read_escape(reader, false);
	case '[': return read_class(reader);
	case '(': return read_group(reader);
	case ')': reader->depth -= reader->depth > 0; break;
	case '|': reader->alternative = reader->alternative || reader->depth == 0; break;
	default: break;
	}
	copy(reader, 1);
	return 0;
}

int go_syntax_to_re2(struct slice pattern, struct buf *out, bool *ret_anchored,
		     struct go_groups *groups, struct err *err)
{
	struct reader reader = {.pattern = pattern, .out = out, .groups = groups, .err = err};
	if (!utf8_valid(pattern))
		return err_set(err, ERR_CONFIG, "error parsing regexp: invalid UTF-8");
	while (reader.at < pattern.len) {
		if (read_one(&reader) != 0)
			return -1;
	}
	bool repeated = pattern.len > 1 && memchr("*?+{", pattern.ptr[1], 4) != NULL;
	*ret_anchored =
		pattern.len > 0 && pattern.ptr[0] == '^' && !repeated && !reader.alternative;
	return 0;
}
