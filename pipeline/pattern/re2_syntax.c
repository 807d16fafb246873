/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RE2's grammar (https://github.com/google/re2/wiki/Syntax, as Go's regexp implements it), read and
 * written out as PCRE2. Rejected as there: look-around, back-references, possessive and atomic
 * groups, conditionals, recursion, verbs, \Z \G \K \C \R \X \h, repeat counts above 1000, repeats
 * of repeats. Rewritten, because PCRE2 means something else: \s and \S (no vertical tab), \v (one
 * character), scripts (the script itself, not its extensions), \Q…\E, octal escapes, and every
 * literal, so that none of PCRE2's own syntax can slip through. Groups become non-capturing: a
 * condition only asks whether there is a match.
 *
 * One pass without recursion; open groups are kept on a fixed stack.
 */
#include "pipeline/pattern/re2_internal.h"

#include "pipeline/base/utf8.h"

int re2_refuse(struct re2_reader *reader, const char *code, size_t from, size_t to)
{
	struct slice piece = {reader->pattern.ptr + from, to - from};
	return err_set(reader->err, ERR_CONFIG, "error parsing regexp: %s: `%.*s`", code,
		       SLICE_FMT(piece));
}

uint32_t re2_next_rune(struct re2_reader *reader)
{
	struct slice rest = re2_rest(reader);
	size_t len = utf8_sequence_len(rest);
	static const uint8_t head_mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t rune = (uint32_t)(rest.ptr[0] & head_mask[len]);
	for (size_t i = 1; i < len; i++)
		rune = rune << 6 | (rest.ptr[i] & 0x3f);
	reader->at += len;
	return rune;
}

static void put_rune(struct re2_reader *reader, uint32_t rune)
{
	if (rune < 0x80 && (re2_is_digit((int)rune) || re2_is_alpha((int)rune)))
		buf_append_byte(reader->out, (uint8_t)rune);
	else
		buf_printf(reader->out, "\\x{%x}", rune);
}

static void note_atom(struct re2_reader *reader, uint32_t repeats_inside)
{
	struct re2_group *group = &reader->groups[reader->depth];
	group->atom = ATOM_PLAIN;
	group->repeat_of_atom = repeats_inside;
}

static void put_literal(struct re2_reader *reader, uint32_t rune)
{
	put_rune(reader, rune);
	note_atom(reader, 1);
}

/* ---- repeats ---- */

/* Reads {n}, {n,} or {n,m} at the reader. False (nothing consumed) when it is a literal brace. */
static bool read_counts(struct re2_reader *reader, uint32_t *ret_min, uint32_t *ret_max,
			bool *ret_open)
{
	enum { COUNT_CEILING = 100000 }; /* well above what is allowed; keeps the sum in range */
	size_t at = 1;
	uint32_t counts[2] = {0, 0};
	bool comma = false, digits[2] = {false, false};
	for (;; at++) {
		int byte = re2_peek(reader, at);
		if (re2_is_digit(byte)) {
			uint32_t *count = &counts[comma];
			digits[comma] = true;
			if (*count < COUNT_CEILING)
				*count = *count * 10 + (uint32_t)(byte - '0');
		} else if (byte == ',' && !comma && digits[0]) {
			comma = true;
		} else if (byte == '}' && digits[0]) {
			break;
		} else {
			return false;
		}
	}
	reader->at += at + 1;
	*ret_open = comma && !digits[1];
	*ret_min = counts[0];
	*ret_max = digits[1] ? counts[1] : counts[0];
	return true;
}

/* 1 when the reader stood at a repeat operator, 0 when not, -1 when it is wrong. */
static int read_repeat(struct re2_reader *reader)
{
	struct re2_group *group = &reader->groups[reader->depth];
	size_t from = reader->at;
	uint32_t min = 0, max = 1;
	bool open = false;
	int byte = re2_peek(reader, 0);
	if (byte == '{') {
		if (!read_counts(reader, &min, &max, &open))
			return 0;
	} else if (byte == '*' || byte == '+' || byte == '?') {
		reader->at++;
	} else {
		return 0;
	}
	size_t operator_end = reader->at;
	if (re2_peek(reader, 0) == '?')
		reader->at++;
	if (group->atom == ATOM_NONE)
		return re2_refuse(reader, "missing argument to repetition operator", from,
				  reader->at);
	if (group->atom == ATOM_REPEATED)
		return re2_refuse(reader, "invalid nested repetition operator", from, reader->at);
	if (min > REGEX_REPEAT_MAX || max > REGEX_REPEAT_MAX || min > max)
		return re2_refuse(reader, "invalid repeat count", from, reader->at);
	uint32_t times = max > 1 ? max : 1;
	if (times * group->repeat_of_atom > REGEX_REPEAT_MAX)
		return re2_refuse(reader, "invalid repeat count", from, reader->at);
	group->repeat_of_atom *= times;
	if (group->repeat_of_atom > group->repeat_inside)
		group->repeat_inside = group->repeat_of_atom;
	group->atom = ATOM_REPEATED;
	if (byte != '{')
		buf_append_byte(reader->out, (uint8_t)byte);
	else if (open)
		buf_printf(reader->out, "{%u,}", min);
	else
		buf_printf(reader->out, "{%u,%u}", min, max);
	if (reader->at > operator_end)
		buf_append_byte(reader->out, '?');
	return 1;
}

/* ---- groups ---- */

static int open_group(struct re2_reader *reader, const char *head)
{
	if (reader->depth == REGEX_GROUP_DEPTH_MAX)
		return err_set(reader->err, ERR_CONFIG,
			       "error parsing regexp: expression nests too deeply");
	buf_append_str(reader->out, head);
	reader->groups[++reader->depth] =
		(struct re2_group){.repeat_inside = 1, .repeat_of_atom = 1};
	return 0;
}

static int read_group_name(struct re2_reader *reader, size_t from, size_t head_len)
{
	struct slice rest = {reader->pattern.ptr + from + head_len,
			     reader->pattern.len - from - head_len};
	const uint8_t *close = memchr(rest.ptr, '>', rest.len);
	if (!close)
		return re2_refuse(reader, "invalid named capture", from, reader->pattern.len);
	struct slice name = {rest.ptr, (size_t)(close - rest.ptr)};
	reader->at = from + head_len + name.len + 1;
	bool word = name.len > 0;
	for (size_t i = 0; i < name.len; i++)
		word = word && (re2_is_alpha(name.ptr[i]) || re2_is_digit(name.ptr[i]) ||
				name.ptr[i] == '_');
	if (!word)
		return re2_refuse(reader, "invalid named capture", from, reader->at);
	for (size_t i = 0; i < reader->name_count; i++) {
		if (slice_equal(name, reader->names[i]))
			return re2_refuse(reader, "duplicate capture group name", from + head_len,
					  reader->at - 1);
	}
	if (reader->name_count == GROUP_NAMES_MAX)
		return err_set(reader->err, ERR_CONFIG,
			       "error parsing regexp: expression too large");
	reader->names[reader->name_count++] = name;
	return open_group(reader, "(?:");
}

/* (?flags) and (?flags:…); the reader stands behind "(?". */
static int read_flags(struct re2_reader *reader, size_t from)
{
	bool minus = false, flag_since_minus = false;
	size_t flags_at = reader->at;
	for (;; reader->at++) {
		int byte = re2_peek(reader, 0);
		if (byte == 'i' || byte == 'm' || byte == 's' || byte == 'U') {
			flag_since_minus = true;
		} else if (byte == '-' && !minus) {
			minus = true;
			flag_since_minus = false;
		} else if ((byte == ':' || byte == ')') && (!minus || flag_since_minus)) {
			break;
		} else {
			size_t end = byte < 0 ? reader->pattern.len : reader->at + 1;
			return re2_refuse(reader, "invalid or unsupported Perl syntax", from, end);
		}
	}
	struct slice flags = {reader->pattern.ptr + flags_at, reader->at - flags_at};
	bool scoped = reader->pattern.ptr[reader->at++] == ':';
	if (scoped) {
		buf_printf(reader->out, "(?%.*s", SLICE_FMT(flags));
		return open_group(reader, ":");
	}
	if (flags.len > 0)
		buf_printf(reader->out, "(?%.*s)", SLICE_FMT(flags));
	reader->groups[reader->depth].atom = ATOM_NONE;
	return 0;
}

static int read_group_open(struct re2_reader *reader)
{
	size_t from = reader->at;
	struct slice rest = re2_rest(reader);
	if (slice_has_prefix(rest, SLICE("(?P<")))
		return read_group_name(reader, from, 4);
	if (slice_has_prefix(rest, SLICE("(?<")) && re2_peek(reader, 3) != '=' &&
	    re2_peek(reader, 3) != '!')
		return read_group_name(reader, from, 3);
	if (slice_has_prefix(rest, SLICE("(?"))) {
		reader->at += 2;
		return read_flags(reader, from);
	}
	reader->at++;
	return open_group(reader, "(?:");
}

static int read_group_close(struct re2_reader *reader)
{
	if (reader->depth == 0)
		return err_set(reader->err, ERR_CONFIG,
			       "error parsing regexp: unexpected ): `%.*s`",
			       SLICE_FMT(reader->pattern));
	uint32_t repeat_inside = reader->groups[reader->depth--].repeat_inside;
	struct re2_group *outer = &reader->groups[reader->depth];
	if (repeat_inside > outer->repeat_inside)
		outer->repeat_inside = repeat_inside;
	buf_append_byte(reader->out, ')');
	reader->at++;
	note_atom(reader, repeat_inside);
	return 0;
}

/* ---- the rest ---- */

/* An assertion; wrapped, because RE2 allows it to be repeated and PCRE2 does not. */
static void put_assertion(struct re2_reader *reader, const char *text)
{
	int next = re2_peek(reader, 0);
	bool repeated = next == '*' || next == '+' || next == '?' || next == '{';
	buf_printf(reader->out, repeated ? "(?:%s)" : "%s", text);
	note_atom(reader, 1);
}

static void read_quoted(struct re2_reader *reader)
{
	while (re2_peek(reader, 0) >= 0) {
		if (re2_peek(reader, 0) == '\\' && re2_peek(reader, 1) == 'E') {
			reader->at += 2;
			return;
		}
		put_literal(reader, re2_next_rune(reader));
	}
}

static int read_escape(struct re2_reader *reader)
{
	size_t from = reader->at++;
	int letter = re2_peek(reader, 0);
	if (letter < 0)
		return err_set(reader->err, ERR_CONFIG,
			       "error parsing regexp: trailing backslash at end of expression: ``");
	if (letter == 'p' || letter == 'P') {
		if (re2_read_property(reader, from) != 0)
			return -1;
		note_atom(reader, 1);
		return 0;
	}
	if (re2_put_perl_class(reader, letter, false)) {
		reader->at++;
		note_atom(reader, 1);
		return 0;
	}
	if (letter == 'A' || letter == 'z' || letter == 'b' || letter == 'B') {
		reader->at++;
		put_assertion(reader, letter == 'A'   ? "\\A"
				      : letter == 'z' ? "\\z"
				      : letter == 'b' ? "\\b"
						      : "\\B");
		return 0;
	}
	if (letter == 'Q') {
		reader->at++;
		read_quoted(reader);
		return 0;
	}
	uint32_t rune;
	if (re2_read_escaped_rune(reader, from, &rune) != 0)
		return -1;
	put_literal(reader, rune);
	return 0;
}

static int read_one(struct re2_reader *reader)
{
	int repeat = read_repeat(reader);
	if (repeat != 0)
		return repeat < 0 ? -1 : 0;
	switch (re2_peek(reader, 0)) {
	case '(': return read_group_open(reader);
	case ')': return read_group_close(reader);
	case '[':
		if (re2_read_class(reader) != 0)
			return -1;
		note_atom(reader, 1);
		return 0;
	case '\\': return read_escape(reader);
	case '|':
		reader->at++;
		buf_append_byte(reader->out, '|');
		reader->groups[reader->depth].atom = ATOM_NONE;
		return 0;
	case '.':
		reader->at++;
		buf_append_byte(reader->out, '.');
		note_atom(reader, 1);
		return 0;
	case '^':
		reader->at++;
		put_assertion(reader, "^");
		return 0;
	case '$':
		reader->at++;
		put_assertion(reader, "$");
		return 0;
	default: put_literal(reader, re2_next_rune(reader)); return 0;
	}
}

int re2_translate(struct slice pattern, struct buf *out, struct err *err)
{
	struct re2_reader reader = {.pattern = pattern, .out = out, .err = err};
	reader.groups[0] = (struct re2_group){.repeat_inside = 1, .repeat_of_atom = 1};
	if (!utf8_valid(pattern))
		return err_set(err, ERR_CONFIG, "error parsing regexp: invalid UTF-8");
	while (reader.at < pattern.len) {
		if (read_one(&reader) != 0)
			return -1;
	}
	if (reader.depth > 0)
		return re2_refuse(&reader, "missing closing )", 0, pattern.len);
	return 0;
}
