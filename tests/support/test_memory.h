/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A test that includes this can have one allocation refused: the malloc family is defined here and
 * passes each call on to glibc. Under a sanitizer, which brings its own allocator, nothing is refused,
 * so that such a test begins with TEST_MEMORY_OR_RETURN. A header, because the linker would put it
 * into every test.
 */
#ifndef SLUICE_TESTS_TEST_MEMORY_H
#define SLUICE_TESTS_TEST_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TEST_MEMORY 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TEST_MEMORY 0
#endif
#endif
#ifndef TEST_MEMORY
#define TEST_MEMORY 1
#endif

#define TEST_MEMORY_OR_RETURN()                                                                    \
	do {                                                                                       \
		if (!TEST_MEMORY)                                                                  \
			return;                                                                    \
	} while (0)

static _Thread_local struct {
	long left; /* allocations of this thread until the one that is refused; below 0: none is */
	bool refused;
} test_memory = {.left = -1};

/* Refuses this thread's allocation after the next ${count}. */
static void test_memory_refuse_after(long count)
{
	test_memory.left = count;
	test_memory.refused = false;
}

/* Refuses nothing more. True when it came to a refusal. */
static bool test_memory_refused(void)
{
	test_memory.left = -1;
	return test_memory.refused;
}

#if TEST_MEMORY
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *ptr, size_t size);

static bool test_memory_is_due(void)
{
	bool due = test_memory.left == 0;
	test_memory.refused |= due;
	test_memory.left -= test_memory.left >= 0;
	return due;
}

void *malloc(size_t size)
{
	return test_memory_is_due() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return test_memory_is_due() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *ptr, size_t size)
{
	return test_memory_is_due() ? NULL : __libc_realloc(ptr, size);
}
#endif

#endif
