/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { BLOCKS = 64, BLOCK_BYTES = 1 << 20 };

/* The sanitizers' allocators keep what was freed for a while, to find its late users. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const bool gives_back = false;
#else
static const bool gives_back = true;
#endif

static size_t resident_bytes(void)
{
	unsigned long size, resident;
	FILE *file = fopen("/proc/self/statm", "re");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%lu %lu", &size, &resident), 2);
	(void)fclose(file);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void free_memory_is_given_back_although_some_is_still_in_use_behind_it(void **state)
{
	void *blocks[BLOCKS];
	(void)state;
	memory_prepare();
	for (size_t i = 0; i < BLOCKS; i++) {
		blocks[i] = malloc(BLOCK_BYTES);
		assert_non_null(blocks[i]);
		memset(blocks[i], 1, BLOCK_BYTES);
	}
	size_t full = resident_bytes();
	for (size_t i = 0; i + 1 < BLOCKS; i++)
		free(blocks[i]);
	memory_give_back();
	assert_true(!gives_back || resident_bytes() + (size_t)BLOCKS * BLOCK_BYTES * 3 / 4 <= full);
	free(blocks[BLOCKS - 1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(free_memory_is_given_back_although_some_is_still_in_use_behind_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
