/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ids are new on every span, so no memory of them helps, and their letters and digits follow no
 * pattern, so every branch on them is guessed wrong. Here one bit stands for each byte, and runs and
 * joints are counted in all of them at once. Where it is not sure, the full test decides.
 */
#include "processors/metadata_only/shape_quick.h"

#include "processors/metadata_only/shape.h"
#include "processors/metadata_only/shape_encoded.h"

struct bits {
	uint64_t small, capital, digit, joint, part; /* letters, digits, _ and -, . and : */
	uint64_t space;
};

/* The bytes of ${b}, the first of which is at ${begin}. */
static inline void take_block(struct bits *bits, shape_block b, size_t begin)
{
	bits->small |= (uint64_t)shape_bits((shape_block)(b - 'a' <= 'z' - 'a')) << begin;
	bits->capital |= (uint64_t)shape_bits((shape_block)(b - 'A' <= 'Z' - 'A')) << begin;
	bits->digit |= (uint64_t)shape_bits((shape_block)(b - '0' <= 9)) << begin;
	bits->joint |= (uint64_t)shape_bits((shape_block)(b == '_') | (shape_block)(b == '-'))
		       << begin;
	bits->part |= (uint64_t)shape_bits((shape_block)(b == '.') | (shape_block)(b == ':'))
		      << begin;
	bits->space |= (uint64_t)shape_bits((shape_block)(b == ' ')) << begin;
}

/* The last block overlaps the one before: both say the same of a byte. */
static inline struct bits classify(struct slice text)
{
	uint8_t padded[SHAPE_BLOCK] = {0};
	struct bits bits = {0};
	if (text.len < SHAPE_BLOCK) {
		memcpy(padded, text.ptr, text.len);
		take_block(&bits, shape_block_at(padded), 0);
		return bits;
	}
	for (size_t at = 0; at + SHAPE_BLOCK < text.len; at += SHAPE_BLOCK)
		take_block(&bits, shape_block_at(text.ptr + at), at);
	size_t last = text.len - SHAPE_BLOCK;
	take_block(&bits, shape_block_at(text.ptr + last), last);
	return bits;
}

/* Words begin where letters do, and with a capital behind a small one. Runs with digits are ids: only
 * what stands before their first digit is counted, where what is carried from the run's begin ends.
 * Counted over all segments: more than each has. */
static bool has_few_words(const struct bits *b)
{
	uint64_t letters = b->small | b->capital, runs = letters | b->digit;
	uint64_t begins = runs & ~(runs << 1) & letters;
	uint64_t before_digits = letters & (letters ^ (letters + begins));
	uint64_t words = (letters & ~(letters << 1)) | (b->capital & b->small << 1);
	words &= before_digits;
	for (int i = 0; i < SHAPE_JOINED_MAX; i++)
		words &= words - 1;
	return words == 0;
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

enum shape_guess shape_guess(struct slice text)
{
	if (text.len == 0 || text.len > SHAPE_QUICK_MAX)
		return text.len > 0 && memchr(text.ptr, ' ', text.len) ? SHAPE_NO_TOKEN
								       : SHAPE_UNSURE;
	struct bits b = classify(text);
	if (b.space != 0)
		return SHAPE_NO_TOKEN;
	uint64_t letters = b.small | b.capital, runs = letters | b.digit;
	uint64_t all = ~UINT64_C(0) >> (64 - text.len);
	if ((runs | b.joint | b.part) != all || !has_few_words(&b) ||
	    runs_of(letters, SHAPE_LETTERS_MAX) != 0)
		return SHAPE_UNSURE;
	if (text.len < SHAPE_ENCODED_MIN)
		return SHAPE_TOKEN;
	bool encoded = decodes(text, runs, b.capital) ||
		       (b.joint != 0 && decodes(text, runs | b.joint, b.capital));
	return encoded ? SHAPE_UNSURE : SHAPE_TOKEN;
}
