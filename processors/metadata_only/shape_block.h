/* SPDX-License-Identifier: Apache-2.0 */
/* Sixteen bytes of a text at once: comparing them gives a mask, a mask gives one bit per byte. */
#ifndef SLUICE_PROCESSORS_METADATA_ONLY_SHAPE_BLOCK_H
#define SLUICE_PROCESSORS_METADATA_ONLY_SHAPE_BLOCK_H

#include "pipeline/base/le.h"

#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { SHAPE_BLOCK = 16 };

typedef uint8_t shape_block __attribute__((vector_size(SHAPE_BLOCK)));

static inline shape_block shape_block_at(const uint8_t *at)
{
	shape_block block;
	memcpy(&block, at, sizeof(block));
	return block;
}

/* ${len} bytes, 1 .. 15, so that each of them is in it and nothing else; not in their order. */
static inline shape_block shape_block_of(const uint8_t *at, size_t len)
{
	uint64_t halves[2];
	if (len >= 8) {
		memcpy(&halves[0], at, 8);
		memcpy(&halves[1], at + len - 8, 8);
	} else if (len >= 4) {
		uint32_t quarters[2];
		memcpy(&quarters[0], at, 4);
		memcpy(&quarters[1], at + len - 4, 4);
		halves[0] = halves[1] = quarters[0] | (uint64_t)quarters[1] << 32;
	} else {
		uint32_t three = at[0] | (uint32_t)at[len / 2] << 8 | (uint32_t)at[len - 1] << 16;
		halves[0] = halves[1] = three * UINT64_C(0x100000001) | (uint64_t)at[0] << 24 |
					(uint64_t)at[0] << 56;
	}
	shape_block block;
	memcpy(&block, halves, sizeof(block));
	return block;
}

/* One bit per byte of ${mask}, whose bytes are 0 or 0xff; the first byte is bit 0. */
static inline uint32_t shape_bits(shape_block mask)
{
#ifdef __SSE2__
	return (uint32_t)_mm_movemask_epi8((__m128i)mask);
#else
	const uint64_t ones = UINT64_C(0x8080808080808080), pack = UINT64_C(0x0002040810204081);
	const uint8_t *bytes = (const uint8_t *)&mask;
	return (uint32_t)((le_read64(bytes) & ones) * pack >> 56 |
			  (le_read64(bytes + 8) & ones) * pack >> 56 << 8);
#endif
}

/* Whether every byte of ${mask} is 0xff. */
static inline int shape_all(shape_block mask)
{
	return shape_bits(mask) == (1u << SHAPE_BLOCK) - 1;
}

#endif
