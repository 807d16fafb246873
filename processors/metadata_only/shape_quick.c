/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ids are new on every span, so no memory of them helps, and their letters and digits follow no
 * pattern, so every branch on them is guessed wrong. Here one bit stands for each byte, and runs and
 * joints are counted in all of them at once. Where it says no, the full test decides.
 */
#include "processors/metadata_only/shape_quick.h"

#include "processors/metadata_only/shape.h"
#include "processors/metadata_only/shape_encoded.h"

struct bits {
	uint64_t small, capital, digit, joint, part; /* letters, digits, _ and -, . and : */
};

/* The high bits of sixteen bytes that are 0 or 0xff. */
static inline uint64_t gather(shape_block mask)
{
	uint64_t halves[2];
	memcpy(halves, &mask, sizeof(halves));
	const uint64_t ones = UINT64_C(0x8080808080808080), pack = UINT64_C(0x0002040810204081);
	return (halves[0] & ones) * pack >> 56 | (halves[1] & ones) * pack >> 56 << 8;
}

static struct bits classify(struct slice text)
{
	uint8_t padded[SHAPE_QUICK_MAX] = {0};
	struct bits bits = {0};
	memcpy(padded, text.ptr, text.len);
	for (unsigned at = 0; at < text.len; at += 16) {
		shape_block b;
		memcpy(&b, padded + at, sizeof(b));
		bits.small |= gather((shape_block)(b - 'a' <= 'z' - 'a')) << at;
		bits.capital |= gather((shape_block)(b - 'A' <= 'Z' - 'A')) << at;
		bits.digit |= gather((shape_block)(b - '0' <= 9)) << at;
		bits.joint |= gather((shape_block)(b == '_') | (shape_block)(b == '-')) << at;
		bits.part |= gather((shape_block)(b == '.') | (shape_block)(b == ':')) << at;
	}
	return bits;
}

/* Of the runs of ${in}, those that hold a bit of ${seed}. */
static uint64_t runs_with(uint64_t in, uint64_t seed)
{
	uint64_t up = seed & in, down = up, open_up = in, open_down = in;
	for (unsigned step = 1; step < 64; step *= 2) {
		up |= open_up & up << step;
		down |= open_down & down >> step;
		open_up &= open_up << step;
		open_down &= open_down >> step;
	}
	return up | down;
}

/* A bit where a run of at least ${len} bits of ${in}, a power of two, begins. */
static uint64_t runs_of(uint64_t in, unsigned len)
{
	for (unsigned step = 1; step < len; step *= 2)
		in &= in >> step;
	return in;
}

/* Whether a run of ${in}, long enough for it, decodes to a text. Base64 of a text has some of
 * ${capital}; without, only hexadecimal digits are looked for. */
static bool decodes(struct slice text, uint64_t in, uint64_t capital)
{
	uint64_t begins = runs_of(in, SHAPE_ENCODED_MIN);
	begins &= ~(begins << 1);
	for (; begins != 0; begins &= begins - 1) {
		unsigned begin = (unsigned)__builtin_ctzll(begins);
		uint64_t rest = ~(in >> begin);
		size_t len = rest != 0 ? (size_t)__builtin_ctzll(rest) : 64;
		uint64_t run = (len == 64 ? ~UINT64_C(0) : (UINT64_C(1) << len) - 1) << begin;
		if ((run & capital) == 0 && len < SHAPE_HEX_MIN)
			continue;
		if (shape_is_encoded(slice_of(text.ptr + begin, len)))
			return true;
	}
	return false;
}

bool shape_is_quick(struct slice text)
{
	if (text.len == 0 || text.len > SHAPE_QUICK_MAX)
		return false;
	struct bits b = classify(text);
	uint64_t letters = b.small | b.capital, runs = letters | b.digit;
	uint64_t all = text.len == 64 ? ~UINT64_C(0) : (UINT64_C(1) << text.len) - 1;
	if ((runs | b.joint | b.part) != all)
		return false;
	/* Words begin where letters do, and with a capital behind a small one; runs with digits are
	 * ids. Counted over all segments: more than they have at most. */
	uint64_t words = (letters & ~(letters << 1)) | (b.capital & b.small << 1);
	words &= ~runs_with(runs, b.digit);
	if (__builtin_popcountll(words) > SHAPE_JOINED_MAX ||
	    runs_of(letters, SHAPE_LETTERS_MAX) != 0)
		return false;
	if (text.len < SHAPE_ENCODED_MIN)
		return true;
	return !decodes(text, runs, b.capital) && !decodes(text, runs | b.joint, b.capital) &&
	       !slice_has_prefix(text, SLICE("data:"));
}
