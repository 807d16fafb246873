/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A keyed 64-bit hash over all bytes of a short key, fast enough for one per attribute. The key is
 * random per process, so that a peer cannot prepare keys that fall into one bucket. It is not a
 * cryptographic hash: whoever uses it compares the bytes as well and bounds its tables.
 */
#ifndef SLUICE_BASE_HASH_H
#define SLUICE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct hash_key {
	uint64_t a, b; /* odd */
};

/* A key from getrandom(2). */
struct hash_key hash_key_random(void);

static inline uint64_t hash_fold(uint64_t x, uint64_t y)
{
	__extension__ unsigned __int128 product = (unsigned __int128)x * y;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_read64(const uint8_t *ptr)
{
	uint64_t word;
	memcpy(&word, ptr, sizeof(word));
	return word;
}

static inline uint32_t hash_read32(const uint8_t *ptr)
{
	uint32_t word;
	memcpy(&word, ptr, sizeof(word));
	return word;
}

/* Words of eight bytes are folded with the key; the tail is read as one overlapping word. */
static inline uint64_t hash_bytes(struct hash_key key, const uint8_t *ptr, size_t len)
{
	uint64_t state = key.a ^ (len * UINT64_C(0x9e3779b97f4a7c15));
	size_t left = len;
	while (left > 16) {
		state = hash_fold(hash_read64(ptr) ^ key.b, hash_read64(ptr + 8) ^ state);
		ptr += 16;
		left -= 16;
	}
	uint64_t first = 0, last = 0;
	if (left >= 8) {
		first = hash_read64(ptr);
		last = hash_read64(ptr + left - 8);
	} else if (left >= 4) {
		first = hash_read32(ptr);
		last = hash_read32(ptr + left - 4);
	} else if (left > 0) {
		first = ptr[0];
		last = (uint64_t)ptr[left / 2] << 8 | ptr[left - 1];
	}
	return hash_fold(hash_fold(first ^ key.b, last ^ state), key.a);
}

#endif
