/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers as bytes, the least significant first, whatever the order of the machine: fixed-width fields
 * of protobuf, checksums of snappy, and words of eight bytes of which bit 8n belongs to byte n. Any
 * alignment. One load or store where the orders agree.
 */
#ifndef SLUICE_BASE_LE_H
#define SLUICE_BASE_LE_H

#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define LE_SWAP32(number) __builtin_bswap32(number)
#define LE_SWAP64(number) __builtin_bswap64(number)
#else
#define LE_SWAP32(number) (number)
#define LE_SWAP64(number) (number)
#endif

/* The number in the 4 bytes at ${from}. */
static inline uint32_t le_read32(const void *from)
{
	uint32_t number;
	memcpy(&number, from, sizeof(number));
	return LE_SWAP32(number);
}

/* The number in the 8 bytes at ${from}. */
static inline uint64_t le_read64(const void *from)
{
	uint64_t number;
	memcpy(&number, from, sizeof(number));
	return LE_SWAP64(number);
}

/* Writes 4 bytes. */
static inline void le_write32(void *to, uint32_t number)
{
	number = LE_SWAP32(number);
	memcpy(to, &number, sizeof(number));
}

/* Writes 8 bytes. */
static inline void le_write64(void *to, uint64_t number)
{
	number = LE_SWAP64(number);
	memcpy(to, &number, sizeof(number));
}

/* Writes the 8 bytes of an IEEE 754 number. */
static inline void le_write_double(void *to, double number)
{
	uint64_t bits;
	memcpy(&bits, &number, sizeof(bits));
	le_write64(to, bits);
}

#undef LE_SWAP32
#undef LE_SWAP64

#endif
