/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ConvertCase. lower and upper map the simple pairs of Latin, Greek, Cyrillic and Armenian letters
 * (a table of ranges; other scripts have no case or are left as they are, and nothing changes its
 * number of characters). snake and camel treat ASCII letters only, as the Collector's do.
 */
#include "pipeline/base/ascii.h"
#include "pipeline/base/utf8.h"
#include "pipeline/ottl/function.h"

/* Upper-case letters first … last (every stride-th) and the distance to their lower-case forms. */
static const struct case_range {
	uint32_t first, last;
	uint16_t stride;
	int16_t distance;
} case_ranges[] = {
	{0xc0, 0xd6, 1, 32},	 {0xd8, 0xde, 1, 32},	 {0x100, 0x12e, 2, 1},
	{0x132, 0x136, 2, 1},	 {0x139, 0x147, 2, 1},	 {0x178, 0x178, 1, -121},
	{0x14a, 0x176, 2, 1},	 {0x179, 0x17d, 2, 1},	 {0x386, 0x386, 1, 38},
	{0x388, 0x38a, 1, 37},	 {0x38c, 0x38c, 1, 64},	 {0x38e, 0x38f, 1, 63},
	{0x391, 0x3a1, 1, 32},	 {0x3a3, 0x3ab, 1, 32},	 {0x3d8, 0x3ee, 2, 1},
	{0x400, 0x40f, 1, 80},	 {0x410, 0x42f, 1, 32},	 {0x460, 0x480, 2, 1},
	{0x48a, 0x4be, 2, 1},	 {0x4c1, 0x4cd, 2, 1},	 {0x4d0, 0x52e, 2, 1},
	{0x531, 0x556, 1, 48},	 {0x1e00, 0x1e94, 2, 1}, {0x1ea0, 0x1efe, 2, 1},
	{0xff21, 0xff3a, 1, 32},
};

static const struct slice case_names[LETTER_CASE_COUNT] = {
	[LETTERS_LOWER] = SLICE_INIT("lower"),
	[LETTERS_UPPER] = SLICE_INIT("upper"),
	[LETTERS_SNAKE] = SLICE_INIT("snake"),
	[LETTERS_CAMEL] = SLICE_INIT("camel"),
};

bool letter_case_find(struct slice name, enum letter_case *ret_case)
{
	for (int i = 0; i < LETTER_CASE_COUNT; i++) {
		if (slice_equal(name, case_names[i])) {
			*ret_case = (enum letter_case)i;
			return true;
		}
	}
	return false;
}

static uint32_t map_rune(uint32_t rune, bool to_upper)
{
	if (rune < 0x80) {
		uint32_t first = to_upper ? 'a' : 'A';
		return rune >= first && rune < first + 26 ? rune ^ 0x20 : rune;
	}
	for (size_t i = 0; i < ARRAY_COUNT(case_ranges); i++) {
		const struct case_range *range = &case_ranges[i];
		int32_t from_first =
			(int32_t)(rune - range->first) - (to_upper ? range->distance : 0);
		if (from_first >= 0 && from_first <= (int32_t)(range->last - range->first) &&
		    from_first % range->stride == 0)
			return (uint32_t)((int32_t)rune +
					  (to_upper ? -range->distance : range->distance));
	}
	return rune;
}

static void append_rune(struct buf *out, uint32_t rune)
{
	if (rune < 0x80) {
		buf_append_byte(out, (uint8_t)rune);
	} else if (rune < 0x800) {
		buf_append_byte(out, (uint8_t)(0xc0 | rune >> 6));
		buf_append_byte(out, (uint8_t)(0x80 | (rune & 0x3f)));
	} else { /* the table ends below U+10000 */
		buf_append_byte(out, (uint8_t)(0xe0 | rune >> 12));
		buf_append_byte(out, (uint8_t)(0x80 | (rune >> 6 & 0x3f)));
		buf_append_byte(out, (uint8_t)(0x80 | (rune & 0x3f)));
	}
}

static void append_letters(struct buf *out, struct slice text, bool to_upper)
{
	while (text.len > 0) {
		size_t len = utf8_sequence_len(text);
		uint32_t rune = text.ptr[0];
		if (len == 2)
			rune = (uint32_t)(text.ptr[0] & 0x1f) << 6 | (text.ptr[1] & 0x3f);
		else if (len == 3)
			rune = (uint32_t)(text.ptr[0] & 0x0f) << 12 |
			       (uint32_t)(text.ptr[1] & 0x3f) << 6 | (text.ptr[2] & 0x3f);
		if (len >= 1 && len <= 3)
			append_rune(out, map_rune(rune, to_upper));
		else
			buf_append(out, (struct slice){text.ptr, len == 0 ? 1 : len});
		len += len == 0;
		text = (struct slice){text.ptr + len, text.len - len};
	}
}

/* ---- snake and camel ---- */

static bool is_separator(uint8_t byte)
{
	return byte == ' ' || byte == '_' || byte == '-' || byte == '.';
}

static struct slice trim_space(struct slice text)
{
	while (text.len > 0 && (text.ptr[0] == ' ' || (text.ptr[0] >= '\t' && text.ptr[0] <= '\r')))
		text.ptr++, text.len--;
	while (text.len > 0 && (text.ptr[text.len - 1] == ' ' ||
				(text.ptr[text.len - 1] >= '\t' && text.ptr[text.len - 1] <= '\r')))
		text.len--;
	return text;
}

/* True when a word ends between the bytes at ${at} and ${at} + 1: letters change to digits or back,
 * lower case to upper, or a run of capitals ends in the capital of the next word (JSON|Data). */
static bool word_ends(struct slice text, size_t at)
{
	if (at + 1 >= text.len)
		return false;
	uint8_t here = text.ptr[at], next = text.ptr[at + 1];
	if (ascii_is_digit(here))
		return ascii_is_letter(next);
	if (ascii_is_digit(next))
		return ascii_is_letter(here);
	if (ascii_is_lower(here))
		return ascii_is_upper(next);
	return ascii_is_upper(here) && ascii_is_upper(next) && at + 2 < text.len &&
	       ascii_is_lower(text.ptr[at + 2]);
}

static void append_snake(struct buf *out, struct slice text)
{
	text = trim_space(text);
	for (size_t i = 0; i < text.len; i++) {
		uint8_t byte = text.ptr[i];
		if (is_separator(byte))
			byte = '_';
		else
			byte = ascii_lower(byte);
		buf_append_byte(out, byte);
		if (word_ends(text, i))
			buf_append_byte(out, '_');
	}
}

static void append_camel(struct buf *out, struct slice text)
{
	bool starts_word = true, after_capital = false;
	text = trim_space(text);
	for (size_t i = 0; i < text.len; i++) {
		uint8_t byte = text.ptr[i];
		bool capital = ascii_is_upper(byte);
		if (is_separator(byte)) {
			starts_word = true;
			after_capital = false;
			continue;
		}
		if (starts_word && ascii_is_lower(byte))
			byte = ascii_upper(byte);
		else if (!starts_word && after_capital && capital)
			byte = ascii_lower(byte);
		buf_append_byte(out, byte);
		after_capital = capital;
		starts_word = ascii_is_digit(byte);
	}
}

void letter_case_append(struct buf *out, struct slice text, enum letter_case wanted)
{
	switch (wanted) {
	case LETTERS_LOWER:
	case LETTERS_UPPER: append_letters(out, text, wanted == LETTERS_UPPER); return;
	case LETTERS_SNAKE: append_snake(out, text); return;
	case LETTERS_CAMEL: append_camel(out, text); return;
	case LETTER_CASE_COUNT: return;
	}
}
