/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The escaping, and how wide a character stands on a terminal: a table of wide ranges and one of
 * ranges that control or hide. Reads one character at a time. A line that is full is continued below
 * itself: where a break is allowed if there is such a place, else between two characters.
 */
#include "exporters/debug/terminal.h"

#include "pipeline/base/utf8.h"

#include <stdarg.h>
#include <stdio.h>

enum {
	UNIT_BYTES_MAX = 12, /* the longest escape is \u10ffff, the longest character 4 bytes */
	PRINTF_BYTES_MAX = 128,
};

/* What one character of a text becomes on the terminal. */
struct unit {
	char text[UNIT_BYTES_MAX];
	uint8_t len;	 /* bytes of text */
	uint8_t columns; /* that it takes */
	uint8_t taken;	 /* bytes of the input that it stands for */
};

static uint32_t decode(const uint8_t *sequence, size_t len)
{
	static const uint8_t first_mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t point = sequence[0] & first_mask[len];
	for (size_t i = 1; i < len; i++)
		point = point << 6 | (sequence[i] & 0x3f);
	return point;
}

struct point_range {
	uint32_t first, last;
};

static bool in_ranges(uint32_t point, const struct point_range *ranges, size_t count)
{
	for (size_t i = 0; i < count && point >= ranges[i].first; i++) {
		if (point <= ranges[i].last)
			return true;
	}
	return false;
}

/* Characters that act on the text around them or show nothing: C0, DEL and C1 controls, soft
 * hyphen, Arabic letter mark, fillers, zero width and directional characters, tags, specials. */
static bool is_control(uint32_t point)
{
	static const struct point_range ranges[] = {
		{0x00, 0x1f},	  {0x7f, 0x9f},	    {0xad, 0xad},	{0x61c, 0x61c},
		{0x115f, 0x1160}, {0x180b, 0x180f}, {0x200b, 0x200f},	{0x2028, 0x202e},
		{0x2060, 0x206f}, {0x3164, 0x3164}, {0xfe00, 0xfe0f},	{0xfeff, 0xfeff},
		{0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0xe0000, 0xe0fff},
	};
	return in_ranges(point, ranges, ARRAY_COUNT(ranges));
}

/* Characters that take two columns (Unicode Standard Annex #11, East Asian Width W and F),
 * rounded to blocks. Too many only wraps a line early. */
static bool is_wide(uint32_t point)
{
	static const struct point_range ranges[] = {
		{0x1100, 0x115f},   {0x231a, 0x231b},	{0x2329, 0x232a},   {0x23e9, 0x23f3},
		{0x25fd, 0x27bf},   {0x2b1b, 0x2b55},	{0x2e80, 0xa4cf},   {0xa960, 0xa97c},
		{0xac00, 0xd7a3},   {0xf900, 0xfaff},	{0xfe10, 0xfe6f},   {0xff00, 0xff60},
		{0xffe0, 0xffe6},   {0x16fe0, 0x18dff}, {0x1aff0, 0x1b2ff}, {0x1f000, 0x1faff},
		{0x20000, 0x3fffd},
	};
	return in_ranges(point, ranges, ARRAY_COUNT(ranges));
}

/* ${number} in hexadecimal behind ${prefix}, at least ${digits} of them. */
static struct unit escape(const char *prefix, int digits, uint32_t number, size_t taken)
{
	struct unit unit = {.taken = (uint8_t)taken};
	int len = snprintf(unit.text, sizeof(unit.text), "%s%0*x", prefix, digits, number);
	unit.len = unit.columns = (uint8_t)len; /* at most 8: numbers end at 0x10ffff */
	return unit;
}

/* The first character of ${text}, which is not empty. */
static struct unit next_unit(struct slice text, bool ascii)
{
	size_t len = utf8_sequence_len(text);
	if (len == 0)
		return escape("\\x", 2, text.ptr[0], 1);
	uint32_t point = decode(text.ptr, len);
	if (point < 0x20 || point == 0x7f)
		return escape("\\x", 2, point, 1);
	if (is_control(point) || (ascii && point > 0x7f))
		return escape("\\u", 4, point, len);
	struct unit unit = {.len = (uint8_t)len, .taken = (uint8_t)len};
	memcpy(unit.text, text.ptr, len);
	unit.columns = is_wide(point) ? 2 : 1;
	return unit;
}

static struct slice rest_after(struct slice text, const struct unit *unit)
{
	return slice_of(text.ptr + unit->taken, text.len - unit->taken);
}

static bool stays_as_it_is(uint8_t byte)
{
	return (byte >= 0x20 && byte < 0x7f) || byte == '\n' || byte == '\t';
}

void terminal_append(struct buf *out, struct slice text)
{
	while (text.len > 0) {
		size_t plain = 0;
		while (plain < text.len && stays_as_it_is(text.ptr[plain]))
			plain++;
		buf_append(out, slice_of(text.ptr, plain));
		text = slice_of(text.ptr + plain, text.len - plain);
		if (text.len == 0)
			return;
		struct unit unit = next_unit(text, false);
		buf_append(out, slice_of(unit.text, unit.len));
		text = rest_after(text, &unit);
	}
}

/* ---- lines ---- */

struct terminal_line terminal_line_begin(const struct terminal *terminal, struct buf *out)
{
	return (struct terminal_line){.out = out, .terminal = terminal};
}

static unsigned columns_of(const struct terminal_line *line)
{
	unsigned columns = line->terminal->columns;
	return columns < TERMINAL_COLUMNS_MIN ? TERMINAL_COLUMNS_MIN : columns;
}

void terminal_line_indent(struct terminal_line *line, unsigned column)
{
	unsigned half = columns_of(line) / 2;
	line->indent = column < half ? column : half;
}

void terminal_line_may_break(struct terminal_line *line)
{
	line->break_at = line->out->len;
	line->break_column = line->column;
}

/* Goes on in the next line with what follows the last place where that is allowed, or with the next
 * character when there is none. */
static void wrap(struct terminal_line *line)
{
	struct buf *out = line->out;
	bool has_break = line->break_column > line->indent;
	size_t at = has_break ? line->break_at : out->len;
	unsigned moved = has_break ? line->column - line->break_column : 0;
	size_t tail = out->len - at;
	buf_append_byte(out, '\n');
	for (unsigned i = 0; i < line->indent; i++)
		buf_append_byte(out, ' ');
	if (out->failed)
		return;
	memmove(out->data + at + 1 + line->indent, out->data + at, tail);
	out->data[at] = '\n';
	memset(out->data + at + 1, ' ', line->indent);
	line->column = line->indent + moved;
	line->break_column = 0;
}

static void put(struct terminal_line *line, const struct unit *unit)
{
	/* Twice at most: behind a place for a break, and when it is wider than what that left. */
	while (line->column + unit->columns > columns_of(line))
		wrap(line);
	buf_append(line->out, slice_of(unit->text, unit->len));
	line->column += unit->columns;
}

void terminal_line_text(struct terminal_line *line, struct slice text)
{
	while (text.len > 0) {
		struct unit unit = next_unit(text, line->terminal->ascii);
		put(line, &unit);
		text = rest_after(text, &unit);
	}
}

void terminal_line_words(struct terminal_line *line, struct slice text)
{
	while (text.len > 0) {
		size_t len = 0;
		while (len < text.len && text.ptr[len] != ' ')
			len++;
		len += len < text.len;
		terminal_line_may_break(line);
		terminal_line_text(line, slice_of(text.ptr, len));
		text = slice_of(text.ptr + len, text.len - len);
	}
}

void terminal_line_own(struct terminal_line *line, const char *text, const char *ascii)
{
	terminal_line_text(line, slice_str(line->terminal->ascii ? ascii : text));
}

void terminal_line_printf(struct terminal_line *line, const char *format, ...)
{
	char text[PRINTF_BYTES_MAX];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	terminal_line_text(line, slice_str(text));
}

void terminal_line_pad(struct terminal_line *line, unsigned column)
{
	while (line->column < column)
		terminal_line_text(line, SLICE(" "));
}

void terminal_line_style(struct terminal_line *line, enum terminal_style style)
{
	static const char *const sequences[STYLE_COUNT] = {
		[STYLE_PLAIN] = "\x1b[0m", [STYLE_HEAD] = "\x1b[1m",
		[STYLE_FAINT] = "\x1b[2m", [STYLE_SERVICE] = "\x1b[36m",
		[STYLE_FACT] = "\x1b[33m", [STYLE_ERROR] = "\x1b[1;31m",
	};
	if (!line->terminal->colour)
		return;
	if (line->styled)
		buf_append_str(line->out, sequences[STYLE_PLAIN]);
	if (style != STYLE_PLAIN)
		buf_append_str(line->out, sequences[style]);
	line->styled = style != STYLE_PLAIN;
}

void terminal_line_end(struct terminal_line *line)
{
	if (line->styled)
		buf_append_str(line->out, "\x1b[0m");
	line->styled = false;
	buf_append_byte(line->out, '\n');
}
