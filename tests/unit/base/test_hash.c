/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

/* Fixed, so that a failure repeats. */
static const struct hash_key KEY = {0x243f6a8885a308d3, 0x13198a2e03707345};

enum { LEN_MAX = 70 };

static void every_bit_of_every_length_matters(void **state)
{
	(void)state;
	uint8_t bytes[LEN_MAX];
	for (size_t len = 1; len <= LEN_MAX; len++) {
		for (size_t i = 0; i < len; i++)
			bytes[i] = (uint8_t)(i * 37 + len);
		uint64_t before = hash_bytes(KEY, bytes, len);
		assert_true(hash_bytes(KEY, bytes, len) == before);
		for (size_t bit = 0; bit < 8 * len; bit++) {
			bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
			if (hash_bytes(KEY, bytes, len) == before)
				fail_msg("bit %zu of %zu bytes does not matter", bit, len);
			bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
	}
}

static void the_length_matters_even_of_zeroes(void **state)
{
	(void)state;
	static const uint8_t zeroes[LEN_MAX];
	for (size_t a = 0; a <= LEN_MAX; a++) {
		for (size_t b = 0; b < a; b++) {
			assert_true(hash_bytes(KEY, zeroes, a) != hash_bytes(KEY, zeroes, b));
		}
	}
	assert_true(hash_bytes(KEY, NULL, 0) == hash_bytes(KEY, zeroes, 0));
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* All keys of up to two bytes and all of three from a small alphabet: 64 bits hold them apart, and
 * the low bits, which choose buckets, spread them. */
static void short_keys_do_not_collide_and_fill_buckets_evenly(void **state)
{
	(void)state;
	enum { TWO = 256 + 65536, THREE = 32 * 32 * 32, COUNT = TWO + THREE, BUCKETS = 4096 };
	uint64_t *hashes = malloc(COUNT * sizeof(*hashes));
	assert_non_null(hashes);
	static unsigned buckets[BUCKETS];
	size_t count = 0;
	for (unsigned i = 0; i < COUNT; i++) {
		uint8_t key[3];
		size_t len;
		if (i < 256) {
			key[0] = (uint8_t)i;
			len = 1;
		} else if (i < TWO) {
			key[0] = (uint8_t)((i - 256) >> 8);
			key[1] = (uint8_t)(i - 256);
			len = 2;
		} else {
			key[0] = (uint8_t)('a' + (i - TWO) / 1024);
			key[1] = (uint8_t)('a' + (i - TWO) / 32 % 32);
			key[2] = (uint8_t)('a' + (i - TWO) % 32);
			len = 3;
		}
		hashes[count] = hash_bytes(KEY, key, len);
		buckets[hashes[count++] % BUCKETS]++;
	}
	qsort(hashes, count, sizeof(*hashes), compare_u64);
	for (size_t i = 1; i < count; i++)
		assert_true(hashes[i] != hashes[i - 1]);
	free(hashes);
	for (size_t i = 0; i < BUCKETS; i++)
		assert_true(buckets[i] < 3 * COUNT / BUCKETS);
}

static void the_process_key_changes_the_hash(void **state)
{
	(void)state;
	struct hash_key a = hash_key_random(), b = hash_key_random();
	assert_true(a.a != b.a && a.b != b.b);
	assert_true(a.a % 2 == 1 && a.b % 2 == 1);
	const uint8_t key[] = "gen_ai.request.model";
	assert_true(hash_bytes(a, key, sizeof(key) - 1) != hash_bytes(b, key, sizeof(key) - 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_bit_of_every_length_matters),
		cmocka_unit_test(the_length_matters_even_of_zeroes),
		cmocka_unit_test(short_keys_do_not_collide_and_fill_buckets_evenly),
		cmocka_unit_test(the_process_key_changes_the_hash),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
