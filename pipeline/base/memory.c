/* SPDX-License-Identifier: Apache-2.0 */
/* Two thresholds of glibc's malloc, with the reasons for their values. */
#include "pipeline/base/memory.h"

#include <malloc.h>

enum {
	/* A gRPC message is at most 4 MiB unless configured otherwise. Larger blocks are rare and
	 * come straight from the kernel, so they cannot tear holes into the heap. */
	HEAP_BLOCK_BYTES_MAX = 4 << 20,
	/* Free memory at the end of each thread's heap that is kept, idle or not: two batches. */
	HEAP_SPARE_BYTES_MAX = 8 << 20,
};

void memory_prepare(void)
{
	/* Each fails for a value out of range only, and these are not. No other thread runs yet. */
	/* NOLINTBEGIN(concurrency-mt-unsafe) */
	(void)mallopt(M_MMAP_THRESHOLD, HEAP_BLOCK_BYTES_MAX);
	(void)mallopt(M_TRIM_THRESHOLD, HEAP_SPARE_BYTES_MAX);
	/* NOLINTEND(concurrency-mt-unsafe) */
}

void memory_give_back(void)
{
	(void)malloc_trim(0); /* whether there was anything does not matter */
}
