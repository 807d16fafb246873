/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of Unicode in order, searched by halves. What no block holds is a letter. */
#include "processors/metadata_only/shape_script.h"

#include "pipeline/base/compiler.h"

struct block {
	uint32_t first, last;
	enum shape_script script;
};

/* In ascending order; what is in none is a letter. */
static const struct block blocks[] = {
	{0x80, 0x9f, SCRIPT_CONTROL},	   {0xa0, 0xa0, SCRIPT_BLANK},
	{0xa1, 0xa9, SCRIPT_SYMBOL},	   {0xab, 0xac, SCRIPT_SYMBOL},
	{0xad, 0xad, SCRIPT_BLANK},	   {0xae, 0xb4, SCRIPT_SYMBOL},
	{0xb6, 0xb9, SCRIPT_SYMBOL},	   {0xbb, 0xbf, SCRIPT_SYMBOL},
	{0xd7, 0xd7, SCRIPT_SYMBOL},	   {0xf7, 0xf7, SCRIPT_SYMBOL},
	{0x34f, 0x34f, SCRIPT_BLANK},	   {0x37e, 0x37e, SCRIPT_END},
	{0x55c, 0x55e, SCRIPT_END},	   {0x589, 0x589, SCRIPT_END},
	{0x60c, 0x60d, SCRIPT_SYMBOL},	   {0x61b, 0x61b, SCRIPT_SYMBOL},
	{0x61c, 0x61c, SCRIPT_BLANK},	   {0x61d, 0x61f, SCRIPT_END},
	{0x6d4, 0x6d4, SCRIPT_END},	   {0x964, 0x965, SCRIPT_END},
	{0xe00, 0xfff, SCRIPT_DENSE},	   {0x1000, 0x109f, SCRIPT_DENSE},
	{0x1100, 0x115e, SCRIPT_DENSE},	   {0x115f, 0x1160, SCRIPT_BLANK},
	{0x1161, 0x11ff, SCRIPT_DENSE},	   {0x1361, 0x1361, SCRIPT_BLANK},
	{0x1362, 0x1368, SCRIPT_END},	   {0x1680, 0x1680, SCRIPT_BLANK},
	{0x1780, 0x17b3, SCRIPT_DENSE},	   {0x17b4, 0x17b5, SCRIPT_BLANK},
	{0x17b6, 0x17ff, SCRIPT_DENSE},	   {0x180b, 0x180f, SCRIPT_BLANK},
	{0x1950, 0x19ff, SCRIPT_DENSE},	   {0x1a20, 0x1aaf, SCRIPT_DENSE},
	{0x1b00, 0x1b7f, SCRIPT_DENSE},	   {0x2000, 0x200f, SCRIPT_BLANK},
	{0x2010, 0x2025, SCRIPT_SYMBOL},   {0x2026, 0x2026, SCRIPT_END},
	{0x2027, 0x2027, SCRIPT_SYMBOL},   {0x2028, 0x202f, SCRIPT_BLANK},
	{0x2030, 0x203b, SCRIPT_SYMBOL},   {0x203c, 0x203d, SCRIPT_END},
	{0x203e, 0x2046, SCRIPT_SYMBOL},   {0x2047, 0x2049, SCRIPT_END},
	{0x204a, 0x205e, SCRIPT_SYMBOL},   {0x205f, 0x206f, SCRIPT_BLANK},
	{0x2070, 0x27ff, SCRIPT_SYMBOL},   {0x2800, 0x2800, SCRIPT_BLANK},
	{0x2801, 0x2bff, SCRIPT_SYMBOL},   {0x2e00, 0x2e7f, SCRIPT_SYMBOL},
	{0x2e80, 0x2fff, SCRIPT_DENSE},	   {0x3000, 0x3000, SCRIPT_BLANK},
	{0x3001, 0x3001, SCRIPT_SYMBOL},   {0x3002, 0x3002, SCRIPT_END},
	{0x3003, 0x3004, SCRIPT_SYMBOL},   {0x3005, 0x3007, SCRIPT_DENSE},
	{0x3008, 0x3030, SCRIPT_SYMBOL},   {0x3031, 0x3163, SCRIPT_DENSE},
	{0x3164, 0x3164, SCRIPT_BLANK},	   {0x3165, 0x318f, SCRIPT_DENSE},
	{0x3190, 0x319f, SCRIPT_SYMBOL},   {0x31a0, 0x31ff, SCRIPT_DENSE},
	{0x3200, 0x33ff, SCRIPT_SYMBOL},   {0x3400, 0xa4cf, SCRIPT_DENSE},
	{0xa980, 0xa9ff, SCRIPT_DENSE},	   {0xaa00, 0xaadf, SCRIPT_DENSE},
	{0xac00, 0xd7ff, SCRIPT_DENSE},	   {0xe000, 0xf8ff, SCRIPT_SYMBOL},
	{0xf900, 0xfaff, SCRIPT_DENSE},	   {0xfe00, 0xfe0f, SCRIPT_BLANK},
	{0xfe10, 0xfe6f, SCRIPT_SYMBOL},   {0xfeff, 0xfeff, SCRIPT_BLANK},
	{0xff01, 0xff01, SCRIPT_END},	   {0xff02, 0xff0d, SCRIPT_SYMBOL},
	{0xff0e, 0xff0e, SCRIPT_END},	   {0xff0f, 0xff0f, SCRIPT_SYMBOL},
	{0xff1a, 0xff1e, SCRIPT_SYMBOL},   {0xff1f, 0xff1f, SCRIPT_END},
	{0xff20, 0xff20, SCRIPT_SYMBOL},   {0xff3b, 0xff40, SCRIPT_SYMBOL},
	{0xff5b, 0xff60, SCRIPT_SYMBOL},   {0xff61, 0xff61, SCRIPT_END},
	{0xff62, 0xff65, SCRIPT_SYMBOL},   {0xff66, 0xff9f, SCRIPT_DENSE},
	{0xffa0, 0xffa0, SCRIPT_BLANK},	   {0xffa1, 0xffdf, SCRIPT_DENSE},
	{0xffe0, 0xffff, SCRIPT_SYMBOL},   {0x1b000, 0x1b2ff, SCRIPT_DENSE},
	{0x1bca0, 0x1bcaf, SCRIPT_BLANK},  {0x1d000, 0x1d172, SCRIPT_SYMBOL},
	{0x1d173, 0x1d17a, SCRIPT_BLANK},  {0x1d17b, 0x1d3ff, SCRIPT_SYMBOL},
	{0x1f000, 0x1ffff, SCRIPT_SYMBOL}, {0x20000, 0x3ffff, SCRIPT_DENSE},
	{0xe0000, 0xe0fff, SCRIPT_BLANK},  {0xf0000, 0x10ffff, SCRIPT_SYMBOL},
};

static uint32_t code_point(struct slice sequence)
{
	static const uint8_t first_bits[] = {0, 0, 0x1f, 0x0f, 0x07};
	uint32_t point = sequence.ptr[0] & first_bits[sequence.len];
	for (size_t i = 1; i < sequence.len; i++)
		point = point << 6 | (sequence.ptr[i] & 0x3fu);
	return point;
}

enum shape_script shape_script_of(struct slice sequence)
{
	uint32_t point = code_point(sequence);
	size_t low = 0, high = ARRAY_COUNT(blocks);
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (blocks[middle].last < point)
			low = middle + 1;
		else
			high = middle;
	}
	return low < ARRAY_COUNT(blocks) && point >= blocks[low].first ? blocks[low].script
								       : SCRIPT_LETTER;
}
