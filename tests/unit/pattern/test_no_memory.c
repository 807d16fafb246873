/* SPDX-License-Identifier: Apache-2.0 */
/* What happens when RE2 gets no memory: an exception inside, an answer outside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/pattern/regex.h"

#include <stdio.h>
#include <stdlib.h>

/* C++'s operator new and what it calls when memory is short, by their names in the linker. */
void *operator_new(size_t size) __asm__("_Znwm");
_Noreturn void throw_bad_alloc(void) __asm__("_ZSt17__throw_bad_allocv");

static size_t allocations_left = SIZE_MAX;

void *operator_new(size_t size)
{
	void *memory = allocations_left > 0 ? malloc(size ? size : 1) : NULL;
	if (!memory)
		throw_bad_alloc();
	allocations_left--;
	return memory;
}

static void compiling_says_that_memory_was_short(void **state)
{
	struct regex *regex = NULL;
	size_t refused = 0;
	(void)state;
	/* RE2 grumbles there about walks that it could not end. */
	assert_non_null(freopen("/dev/null", "w", stderr));
	for (; !regex; refused++) {
		struct err err = {0};
		allocations_left = refused;
		regex = regex_new(SLICE("^(GET|HEAD) /(metrics|health)"), &err);
		if (!regex)
			assert_string_equal(err.msg, "error parsing regexp: out of memory");
	}
	allocations_left = SIZE_MAX;
	assert_true(refused > 10);
	regex_free(regex);
}

static void a_search_without_memory_fails_and_the_next_one_works(void **state)
{
	struct regex_scratch scratch;
	struct err err;
	(void)state;
	assert_int_equal(regex_scratch_init(&scratch), 0);
	struct regex *regex = regex_new(SLICE("[ab]c+d|x.*y"), &err);
	assert_non_null(regex);
	allocations_left = 0;
	assert_int_equal(regex_search(regex, SLICE("zzaccd"), &scratch), REGEX_FAILED);
	allocations_left = SIZE_MAX;
	assert_int_equal(regex_search(regex, SLICE("zzaccd"), &scratch), REGEX_MATCH);
	assert_int_equal(regex_search(regex, SLICE("zzacc"), &scratch), REGEX_NO_MATCH);
	regex_scratch_fini(&scratch);
	regex_free(regex);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compiling_says_that_memory_was_short),
		cmocka_unit_test(a_search_without_memory_fails_and_the_next_one_works),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
