/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands for one character of the subject: escapes, properties and classes, read by RE2's
 * grammar and written in hexadecimal, so that no PCRE2 syntax inside of brackets is ever reached.
 */
#include "pipeline/pattern/re2_internal.h"

static int hex_value(int byte)
{
	if (re2_is_digit(byte))
		return byte - '0';
	if (byte >= 'a' && byte <= 'f')
		return byte - 'a' + 10;
	return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

/* ---- escapes that mean one character; the same inside and outside of classes ---- */

static int read_octal(struct re2_reader *reader, uint32_t *ret_rune)
{
	uint32_t rune = 0;
	for (int digits = 0; digits < 3 && re2_peek(reader, 0) >= '0' && re2_peek(reader, 0) <= '7';
	     digits++)
		rune = rune * 8 + (uint32_t)(reader->pattern.ptr[reader->at++] - '0');
	*ret_rune = rune;
	return 0;
}

static int read_hex(struct re2_reader *reader, size_t from, uint32_t *ret_rune)
{
	bool braced = re2_peek(reader, 0) == '{';
	uint32_t rune = 0;
	size_t digits = 0;
	reader->at += braced;
	for (; hex_value(re2_peek(reader, 0)) >= 0 && (braced || digits < 2); digits++) {
		rune = rune * 16 + (uint32_t)hex_value(re2_peek(reader, 0));
		reader->at++;
		if (rune > RUNE_MAX)
			return re2_refuse(reader, "invalid escape sequence", from, reader->at);
	}
	bool complete = braced ? digits > 0 && re2_peek(reader, 0) == '}' : digits == 2;
	if (!complete)
		return re2_refuse(reader, "invalid escape sequence", from, reader->at);
	reader->at += braced;
	*ret_rune = rune;
	return 0;
}

int re2_read_escaped_rune(struct re2_reader *reader, size_t from, uint32_t *ret_rune)
{
	static const char letters[] = "afnrtv", values[] = "\a\f\n\r\t\v";
	int byte = re2_peek(reader, 0);
	const char *known = byte > 0 ? strchr(letters, byte) : NULL;
	bool octal = byte == '0' || (byte >= '1' && byte <= '7' && re2_peek(reader, 1) >= '0' &&
				     re2_peek(reader, 1) <= '7');
	if (octal)
		return read_octal(reader, ret_rune);
	if (byte < 0x80 && !re2_is_digit(byte) && !re2_is_alpha(byte)) {
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
		(void)re2_next_rune(reader);
	return re2_refuse(reader, "invalid escape sequence", from, reader->at);
}

/* ---- classes ---- */

static bool is_general_category(struct slice name)
{
	static const char categories[] =
		"|C|Cc|Cf|Co|Cs|L|Ll|Lm|Lo|Lt|Lu|M|Mc|Me|Mn|N|Nd|Nl|No|P|Pc|Pd"
		"|Pe|Pf|Pi|Po|Ps|S|Sc|Sk|Sm|So|Z|Zl|Zp|Zs|Any|";
	char wanted[8] = "|";
	if (name.len > 3)
		return false;
	memcpy(wanted + 1, name.ptr, name.len);
	wanted[name.len + 1] = '|';
	return strstr(categories, wanted) != NULL;
}

int re2_read_property(struct re2_reader *reader, size_t from)
{
	bool negated = reader->pattern.ptr[reader->at++] == 'P';
	struct slice name = {reader->pattern.ptr + reader->at, 1};
	if (re2_peek(reader, 0) == '{') {
		const uint8_t *close = memchr(name.ptr, '}', reader->pattern.len - reader->at);
		if (!close)
			return re2_refuse(reader, "invalid character class range", from,
					  reader->pattern.len);
		name = (struct slice){name.ptr + 1, (size_t)(close - name.ptr - 1)};
		reader->at += name.len + 2;
	} else if (re2_is_alpha(re2_peek(reader, 0))) {
		reader->at++;
	} else {
		return re2_refuse(reader, "invalid character class range", from, reader->at);
	}
	if (name.len > 0 && name.ptr[0] == '^') {
		negated = !negated;
		name.ptr++, name.len--;
	}
	bool plain = name.len > 0 && name.ptr[0] >= 'A' && name.ptr[0] <= 'Z';
	for (size_t i = 0; i < name.len; i++)
		plain = plain && (re2_is_alpha(name.ptr[i]) || name.ptr[i] == '_');
	if (!plain)
		return re2_refuse(reader, "invalid character class range", from, reader->at);
	buf_printf(reader->out, "\\%c{%s%.*s}", negated ? 'P' : 'p',
		   is_general_category(name) ? "" : "sc:", SLICE_FMT(name));
	return 0;
}

bool re2_put_perl_class(struct re2_reader *reader, int letter, bool inside)
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
static int read_posix_class(struct re2_reader *reader)
{
	static const struct slice names[] = {
		SLICE_INIT("alnum"), SLICE_INIT("alpha"),  SLICE_INIT("ascii"), SLICE_INIT("blank"),
		SLICE_INIT("cntrl"), SLICE_INIT("digit"),  SLICE_INIT("graph"), SLICE_INIT("lower"),
		SLICE_INIT("print"), SLICE_INIT("punct"),  SLICE_INIT("space"), SLICE_INIT("upper"),
		SLICE_INIT("word"),  SLICE_INIT("xdigit"),
	};
	struct slice rest = re2_rest(reader);
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
	return re2_refuse(reader, "invalid character class range", reader->at, reader->at + len);
}

/* One character of a class, plain or escaped. */
static int read_class_rune(struct re2_reader *reader, size_t class_from, uint32_t *ret_rune)
{
	size_t from = reader->at;
	if (re2_peek(reader, 0) < 0)
		return re2_refuse(reader, "missing closing ]", class_from, reader->pattern.len);
	if (re2_peek(reader, 0) != '\\') {
		*ret_rune = re2_next_rune(reader);
		return 0;
	}
	reader->at++;
	if (re2_peek(reader, 0) < 0)
		return err_set(reader->err, ERR_CONFIG,
			       "error parsing regexp: trailing backslash at end of expression: ``");
	return re2_read_escaped_rune(reader, from, ret_rune);
}

static int read_class_member(struct re2_reader *reader, size_t class_from)
{
	size_t from = reader->at;
	uint32_t low = 0, high;
	int posix = re2_peek(reader, 0) == '[' ? read_posix_class(reader) : 0;
	if (posix != 0)
		return posix < 0 ? -1 : 0;
	if (re2_peek(reader, 0) == '\\') {
		int letter = re2_peek(reader, 1);
		reader->at++;
		if (letter == 'p' || letter == 'P')
			return re2_read_property(reader, from);
		reader->at++;
		if (re2_put_perl_class(reader, letter, true))
			return 0;
		reader->at = from;
	}
	if (read_class_rune(reader, class_from, &low) != 0)
		return -1;
	high = low;
	if (re2_peek(reader, 0) == '-' && re2_peek(reader, 1) >= 0 && re2_peek(reader, 1) != ']') {
		reader->at++;
		if (read_class_rune(reader, class_from, &high) != 0)
			return -1;
		if (high < low)
			return re2_refuse(reader, "invalid character class range", from,
					  reader->at);
	}
	buf_printf(reader->out, "\\x{%x}", low);
	if (high != low)
		buf_printf(reader->out, "-\\x{%x}", high);
	return 0;
}

int re2_read_class(struct re2_reader *reader)
{
	size_t from = reader->at++;
	buf_append_byte(reader->out, '[');
	if (re2_peek(reader, 0) == '^') {
		buf_append_byte(reader->out, '^');
		reader->at++;
	}
	for (bool first = true; first || re2_peek(reader, 0) != ']'; first = false) {
		if (re2_peek(reader, 0) < 0)
			return re2_refuse(reader, "missing closing ]", from, reader->pattern.len);
		if (read_class_member(reader, from) != 0)
			return -1;
	}
	reader->at++;
	buf_append_byte(reader->out, ']');
	return 0;
}
