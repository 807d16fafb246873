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
#include "pipeline/ottl/regex.h"

#include "pipeline/base/utf8.h"

enum { GROUP_NAMES_MAX = 64, RUNE_MAX = 0x10ffff };

enum atom { ATOM_NONE, ATOM_PLAIN, ATOM_REPEATED };

struct group {
	uint32_t repeat_inside;	 /* largest product of counts within, so far */
	uint32_t repeat_of_atom; /* the same, of the last atom */
	enum atom atom;
};

struct reader {
	struct slice pattern;
	size_t at;
	struct buf *out;
	struct err *err;
	struct group groups[REGEX_GROUP_DEPTH_MAX + 1];
	size_t depth;
	struct slice names[GROUP_NAMES_MAX];
	size_t name_count;
};

static int refuse(struct reader *reader, const char *code, size_t from, size_t to)
{
	struct slice piece = {reader->pattern.ptr + from, to - from};
	return err_set(reader->err, ERR_CONFIG, "error parsing regexp: %s: `%.*s`", code,
		       SLICE_FMT(piece));
}

static int peek(const struct reader *reader, size_t ahead)
{
	size_t at = reader->at + ahead;
	return at < reader->pattern.len ? reader->pattern.ptr[at] : -1;
}

static struct slice rest_of(const struct reader *reader)
{
	return (struct slice){reader->pattern.ptr + reader->at, reader->pattern.len - reader->at};
}

static bool is_digit(int byte)
{
	return byte >= '0' && byte <= '9';
}

static bool is_alpha(int byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static int hex_value(int byte)
{
	if (is_digit(byte))
		return byte - '0';
	if (byte >= 'a' && byte <= 'f')
		return byte - 'a' + 10;
	return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

static uint32_t next_rune(struct reader *reader)
{
	struct slice rest = rest_of(reader);
	size_t len = utf8_sequence_len(rest);
	static const uint8_t head_mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t rune = (uint32_t)(rest.ptr[0] & head_mask[len]);
	for (size_t i = 1; i < len; i++)
		rune = rune << 6 | (rest.ptr[i] & 0x3f);
	reader->at += len;
	return rune;
}

static void put_rune(struct reader *reader, uint32_t rune)
{
	if (rune < 0x80 && (is_digit((int)rune) || is_alpha((int)rune)))
		buf_append_byte(reader->out, (uint8_t)rune);
	else
		buf_printf(reader->out, "\\x{%x}", rune);
}

static void note_atom(struct reader *reader, uint32_t repeats_inside)
{
	struct group *group = &reader->groups[reader->depth];
	group->atom = ATOM_PLAIN;
	group->repeat_of_atom = repeats_inside;
}

static void put_literal(struct reader *reader, uint32_t rune)
{
	put_rune(reader, rune);
	note_atom(reader, 1);
}

/* ---- escapes that mean one character; the same inside and outside of classes ---- */

static int read_octal(struct reader *reader, uint32_t *ret_rune)
{
	uint32_t rune = 0;
	for (int digits = 0; digits < 3 && peek(reader, 0) >= '0' && peek(reader, 0) <= '7'; digits++)
		rune = rune * 8 + (uint32_t)(reader->pattern.ptr[reader->at++] - '0');
	*ret_rune = rune;
	return 0;
}

static int read_hex(struct reader *reader, size_t from, uint32_t *ret_rune)
{
	bool braced = peek(reader, 0) == '{';
	uint32_t rune = 0;
	size_t digits = 0;
	reader->at += braced;
	for (; hex_value(peek(reader, 0)) >= 0 && (braced || digits < 2); digits++) {
		rune = rune * 16 + (uint32_t)hex_value(peek(reader, 0));
		reader->at++;
		if (rune > RUNE_MAX)
			return refuse(reader, "invalid escape sequence", from, reader->at);
	}
	bool complete = braced ? digits > 0 && peek(reader, 0) == '}' : digits == 2;
	if (!complete)
		return refuse(reader, "invalid escape sequence", from, reader->at);
	reader->at += braced;
	*ret_rune = rune;
	return 0;
}

/* The reader stands behind the backslash at ${from}. */
static int read_escaped_rune(struct reader *reader, size_t from, uint32_t *ret_rune)
{
	static const char letters[] = "afnrtv", values[] = "\a\f\n\r\t\v";
	int byte = peek(reader, 0);
	const char *known = byte > 0 ? strchr(letters, byte) : NULL;
	bool octal = byte == '0' || (byte >= '1' && byte <= '7' && peek(reader, 1) >= '0' &&
				     peek(reader, 1) <= '7');
	if (octal)
		return read_octal(reader, ret_rune);
	if (byte < 0x80 && !is_digit(byte) && !is_alpha(byte)) {
		reader->at++;
		*ret_rune = (uint32_t)byte;
		return 0;
	}
	if (known) {
		reader->at++;
		*ret_rune = (uint32_t)values[known - letters];
		return 0;
	}
	if (byte == 'x') {
		reader->at++;
		return read_hex(reader, from, ret_rune);
	}
	if (byte < 0x80)
		reader->at++;
	else
		(void)next_rune(reader);
	return refuse(reader, "invalid escape sequence", from, reader->at);
}

/* ---- classes ---- */

static bool is_general_category(struct slice name)
{
	static const char categories[] = "|C|Cc|Cf|Co|Cs|L|Ll|Lm|Lo|Lt|Lu|M|Mc|Me|Mn|N|Nd|Nl|No|P|Pc|Pd"
					 "|Pe|Pf|Pi|Po|Ps|S|Sc|Sk|Sm|So|Z|Zl|Zp|Zs|Any|";
	char wanted[8] = "|";
	if (name.len > 3)
		return false;
	memcpy(wanted + 1, name.ptr, name.len);
	wanted[name.len + 1] = '|';
	return strstr(categories, wanted) != NULL;
}

/* \pL, \p{Greek}, \P{^Lu}; the reader stands at the p. */
static int read_property(struct reader *reader, size_t from)
{
	bool negated = reader->pattern.ptr[reader->at++] == 'P';
	struct slice name = {reader->pattern.ptr + reader->at, 1};
	if (peek(reader, 0) == '{') {
		const uint8_t *close = memchr(name.ptr, '}', reader->pattern.len - reader->at);
		if (!close)
			return refuse(reader, "invalid character class range", from,
				      reader->pattern.len);
		name = (struct slice){name.ptr + 1, (size_t)(close - name.ptr - 1)};
		reader->at += name.len + 2;
	} else if (is_alpha(peek(reader, 0))) {
		reader->at++;
	} else {
		return refuse(reader, "invalid character class range", from, reader->at);
	}
	if (name.len > 0 && name.ptr[0] == '^') {
		negated = !negated;
		name.ptr++, name.len--;
	}
	bool plain = name.len > 0 && name.ptr[0] >= 'A' && name.ptr[0] <= 'Z';
	for (size_t i = 0; i < name.len; i++)
		plain = plain && (is_alpha(name.ptr[i]) || name.ptr[i] == '_');
	if (!plain)
		return refuse(reader, "invalid character class range", from, reader->at);
	buf_printf(reader->out, "\\%c{%s%.*s}", negated ? 'P' : 'p',
		   is_general_category(name) ? "" : "sc:", SLICE_FMT(name));
	return 0;
}

/* \d \w \s and their complements, written for a place inside or outside of a class. */
static bool put_perl_class(struct reader *reader, int letter, bool inside)
{
	static const char space[] = "\\t\\n\\f\\r\\x20";
	switch (letter) {
	case 'd':
	case 'D':
	case 'w':
	case 'W': buf_printf(reader->out, "\\%c", letter); return true;
	case 's': buf_printf(reader->out, inside ? "%s" : "[%s]", space); return true;
	case 'S': buf_printf(reader->out, inside ? "\\S\\x0b" : "[^%s]", space); return true;
	default: return false;
	}
}

/* [:alpha:] and [:^alpha:]; 1 when read, 0 when there is none, -1 when the name is unknown. */
static int read_posix_class(struct reader *reader)
{
	static const struct slice names[] = {
		SLICE_INIT("alnum"), SLICE_INIT("alpha"), SLICE_INIT("ascii"), SLICE_INIT("blank"),
		SLICE_INIT("cntrl"), SLICE_INIT("digit"), SLICE_INIT("graph"), SLICE_INIT("lower"),
		SLICE_INIT("print"), SLICE_INIT("punct"), SLICE_INIT("space"), SLICE_INIT("upper"),
		SLICE_INIT("word"),  SLICE_INIT("xdigit"),
	};
	struct slice rest = rest_of(reader);
	const uint8_t *close = rest.len > 2 ? memmem(rest.ptr + 2, rest.len - 2, ":]", 2) : NULL;
	if (!slice_has_prefix(rest, SLICE("[:")) || !close)
		return 0;
	bool negated = rest.ptr[2] == '^';
	struct slice name = {rest.ptr + 2 + negated, (size_t)(close - rest.ptr) - 2 - negated};
	size_t len = (size_t)(close + 2 - rest.ptr);
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		if (!slice_equal(name, names[i]))
			continue;
		buf_printf(reader->out, "[:%s%.*s:]", negated ? "^" : "", SLICE_FMT(name));
		reader->at += len;
		return 1;
	}
	return refuse(reader, "invalid character class range", reader->at, reader->at + len);
}

/* One character of a class, plain or escaped. */
static int read_class_rune(struct reader *reader, size_t class_from, uint32_t *ret_rune)
{
	size_t from = reader->at;
	if (peek(reader, 0) < 0)
		return refuse(reader, "missing closing ]", class_from, reader->pattern.len);
	if (peek(reader, 0) != '\\') {
		*ret_rune = next_rune(reader);
		return 0;
	}
	reader->at++;
	if (peek(reader, 0) < 0)
		return err_set(reader->err, ERR_CONFIG,
			       "error parsing regexp: trailing backslash at end of expression: ``");
	return read_escaped_rune(reader, from, ret_rune);
}

static int read_class_member(struct reader *reader, size_t class_from)
{
	size_t from = reader->at;
	uint32_t low, high;
	int posix = peek(reader, 0) == '[' ? read_posix_class(reader) : 0;
	if (posix != 0)
		return posix < 0 ? -1 : 0;
	if (peek(reader, 0) == '\\') {
		int letter = peek(reader, 1);
		reader->at++;
		if (letter == 'p' || letter == 'P')
			return read_property(reader, from);
		reader->at++;
		if (put_perl_class(reader, letter, true))
			return 0;
		reader->at = from;
	}
	if (read_class_rune(reader, class_from, &low) != 0)
		return -1;
	high = low;
	if (peek(reader, 0) == '-' && peek(reader, 1) >= 0 && peek(reader, 1) != ']') {
		reader->at++;
		if (read_class_rune(reader, class_from, &high) != 0)
			return -1;
		if (high < low)
			return refuse(reader, "invalid character class range", from, reader->at);
	}
	buf_printf(reader->out, "\\x{%x}", low);
	if (high != low)
		buf_printf(reader->out, "-\\x{%x}", high);
	return 0;
}

static int read_class(struct reader *reader)
{
	size_t from = reader->at++;
	buf_append_byte(reader->out, '[');
	if (peek(reader, 0) == '^') {
		buf_append_byte(reader->out, '^');
		reader->at++;
	}
	for (bool first = true; first || peek(reader, 0) != ']'; first = false) {
		if (peek(reader, 0) < 0)
			return refuse(reader, "missing closing ]", from, reader->pattern.len);
		if (read_class_member(reader, from) != 0)
			return -1;
	}
	reader->at++;
	buf_append_byte(reader->out, ']');
	note_atom(reader, 1);
	return 0;
}

/* ---- repeats ---- */

/* Reads {n}, {n,} or {n,m} at the reader. False (nothing consumed) when it is a literal brace. */
static bool read_counts(struct reader *reader, uint32_t *ret_min, uint32_t *ret_max, bool *ret_open)
{
	enum { COUNT_CEILING = 100000 }; /* well above what is allowed; keeps the sum in range */
	size_t at = 1;
	uint32_t counts[2] = {0, 0};
	bool comma = false, digits[2] = {false, false};
	for (;; at++) {
		int byte = peek(reader, at);
		if (is_digit(byte)) {
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
static int read_repeat(struct reader *reader)
{
	struct group *group = &reader->groups[reader->depth];
	size_t from = reader->at;
	uint32_t min = 0, max = 1;
	bool open = false;
	int byte = peek(reader, 0);
	if (byte == '{') {
		if (!read_counts(reader, &min, &max, &open))
			return 0;
	} else if (byte == '*' || byte == '+' || byte == '?') {
		reader->at++;
	} else {
		return 0;
	}
	size_t operator_end = reader->at;
	if (peek(reader, 0) == '?')
		reader->at++;
	if (group->atom == ATOM_NONE)
		return refuse(reader, "missing argument to repetition operator", from, reader->at);
	if (group->atom == ATOM_REPEATED)
		return refuse(reader, "invalid nested repetition operator", from, reader->at);
	if (min > REGEX_REPEAT_MAX || max > REGEX_REPEAT_MAX || min > max)
		return refuse(reader, "invalid repeat count", from, reader->at);
	uint32_t times = max > 1 ? max : 1;
	if (times * group->repeat_of_atom > REGEX_REPEAT_MAX)
		return refuse(reader, "invalid repeat count", from, reader->at);
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

static int open_group(struct reader *reader, const char *head)
{
	if (reader->depth == REGEX_GROUP_DEPTH_MAX)
		return err_set(reader->err, ERR_CONFIG,
			       "error parsing regexp: expression nests too deeply");
	buf_append_str(reader->out, head);
	reader->groups[++reader->depth] = (struct group){.repeat_inside = 1, .repeat_of_atom = 1};
	return 0;
}

static int read_group_name(struct reader *reader, size_t from, size_t head_len)
{
	struct slice rest = {reader->pattern.ptr + from + head_len,
			     reader->pattern.len - from - head_len};
	const uint8_t *close = memchr(rest.ptr, '>', rest.len);
	if (!close)
		return refuse(reader, "invalid named capture", from, reader->pattern.len);
	struct slice name = {rest.ptr, (size_t)(close - rest.ptr)};
	reader->at = from + head_len + name.len + 1;
	bool word = name.len > 0;
	for (size_t i = 0; i < name.len; i++)
		word = word && (is_alpha(name.ptr[i]) || is_digit(name.ptr[i]) || name.ptr[i] == '_');
	if (!word)
		return refuse(reader, "invalid named capture", from, reader->at);
	for (size_t i = 0; i < reader->name_count; i++) {
		if (slice_equal(name, reader->names[i]))
			return refuse(reader, "duplicate capture group name", from + head_len,
				      reader->at - 1);
	}
	if (reader->name_count == GROUP_NAMES_MAX)
		return err_set(reader->err, ERR_CONFIG, "error parsing regexp: expression too large");
	reader->names[reader->name_count++] = name;
	return open_group(reader, "(?:");
}

/* (?flags) and (?flags:…); the reader stands behind "(?". */
static int read_flags(struct reader *reader, size_t from)
{
	bool minus = false, flag_since_minus = false;
	size_t flags_at = reader->at;
	for (;; reader->at++) {
		int byte = peek(reader, 0);
		if (byte == 'i' || byte == 'm' || byte == 's' || byte == 'U') {
			flag_since_minus = true;
		} else if (byte == '-' && !minus) {
			minus = true;
			flag_since_minus = false;
		} else if ((byte == ':' || byte == ')') && (!minus || flag_since_minus)) {
			break;
		} else {
			size_t end = byte < 0 ? reader->pattern.len : reader->at + 1;
			return refuse(reader, "invalid or unsupported Perl syntax", from, end);
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

static int read_group_open(struct reader *reader)
{
	size_t from = reader->at;
	struct slice rest = rest_of(reader);
	if (slice_has_prefix(rest, SLICE("(?P<")))
		return read_group_name(reader, from, 4);
	if (slice_has_prefix(rest, SLICE("(?<")) && peek(reader, 3) != '=' && peek(reader, 3) != '!')
		return read_group_name(reader, from, 3);
	if (slice_has_prefix(rest, SLICE("(?"))) {
		reader->at += 2;
		return read_flags(reader, from);
	}
	reader->at++;
	return open_group(reader, "(?:");
}

static int read_group_close(struct reader *reader)
{
	if (reader->depth == 0)
		return err_set(reader->err, ERR_CONFIG, "error parsing regexp: unexpected ): `%.*s`",
			       SLICE_FMT(reader->pattern));
	uint32_t repeat_inside = reader->groups[reader->depth--].repeat_inside;
	struct group *outer = &reader->groups[reader->depth];
	if (repeat_inside > outer->repeat_inside)
		outer->repeat_inside = repeat_inside;
	buf_append_byte(reader->out, ')');
	reader->at++;
	note_atom(reader, repeat_inside);
	return 0;
}

/* ---- the rest ---- */

/* An assertion; wrapped, because RE2 allows it to be repeated and PCRE2 does not. */
static void put_assertion(struct reader *reader, const char *text)
{
	int next = peek(reader, 0);
	bool repeated = next == '*' || next == '+' || next == '?' || next == '{';
	buf_printf(reader->out, repeated ? "(?:%s)" : "%s", text);
	note_atom(reader, 1);
}

static void read_quoted(struct reader *reader)
{
	while (peek(reader, 0) >= 0) {
		if (peek(reader, 0) == '\\' && peek(reader, 1) == 'E') {
			reader->at += 2;
			return;
		}
		put_literal(reader, next_rune(reader));
	}
}

static int read_escape(struct reader *reader)
{
	size_t from = reader->at++;
	int letter = peek(reader, 0);
	if (letter < 0)
		return err_set(reader->err, ERR_CONFIG,
			       "error parsing regexp: trailing backslash at end of expression: ``");
	if (letter == 'p' || letter == 'P') {
		if (read_property(reader, from) != 0)
			return -1;
		note_atom(reader, 1);
		return 0;
	}
	if (put_perl_class(reader, letter, false)) {
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
	if (read_escaped_rune(reader, from, &rune) != 0)
		return -1;
	put_literal(reader, rune);
	return 0;
}

static int read_one(struct reader *reader)
{
	int repeat = read_repeat(reader);
	if (repeat != 0)
		return repeat < 0 ? -1 : 0;
	switch (peek(reader, 0)) {
	case '(': return read_group_open(reader);
	case ')': return read_group_close(reader);
	case '[': return read_class(reader);
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
	default: put_literal(reader, next_rune(reader)); return 0;
	}
}

int re2_translate(struct slice pattern, struct buf *out, struct err *err)
{
	struct reader reader = {.pattern = pattern, .out = out, .err = err};
	reader.groups[0] = (struct group){.repeat_inside = 1, .repeat_of_atom = 1};
	if (!utf8_valid(pattern))
		return err_set(err, ERR_CONFIG, "error parsing regexp: invalid UTF-8");
	while (reader.at < pattern.len) {
		if (read_one(&reader) != 0)
			return -1;
	}
	if (reader.depth > 0)
		return refuse(&reader, "missing closing )", 0, pattern.len);
	return 0;
}
