/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered of a backend's limit, for how long, and how contradictions are settled. */
#include "pipeline/delivery/size_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void nothing_is_expected_of_an_unknown_backend(void **state)
{
	struct size_limit limit = {0};
	(void)state;
	assert_false(size_limit_expects_refusal(&limit, SIZE_MAX, 1));
	size_limit_accept(&limit, 1000);
	assert_false(size_limit_expects_refusal(&limit, SIZE_MAX, UINT64_MAX));
}

static void what_was_refused_is_expected_to_be_refused_again(void **state)
{
	struct size_limit limit = {0};
	(void)state;
	size_limit_refuse(&limit, 1000, false, 0);
	assert_true(size_limit_expects_refusal(&limit, 1000, 1));
	assert_false(size_limit_expects_refusal(&limit, 999, 1));
	assert_int_equal(size_limit_fitting(&limit), 0); /* halve */
	size_limit_accept(&limit, 499);
	assert_int_equal(size_limit_fitting(&limit), 0);
	size_limit_accept(&limit, 500);
	assert_int_equal(size_limit_fitting(&limit), 500);
	size_limit_accept(&limit, 300);
	assert_int_equal(size_limit_fitting(&limit), 500);
	size_limit_refuse(&limit, 700, false, 0);
	size_limit_refuse(&limit, 5000, false, 0);
	assert_true(size_limit_expects_refusal(&limit, 700, 1));
	assert_int_equal(size_limit_fitting(&limit), 500);
}

static void the_last_answer_settles_a_contradiction(void **state)
{
	struct size_limit limit = {0};
	(void)state;
	size_limit_refuse(&limit, 1000, false, 0);
	size_limit_accept(&limit, 1500);
	assert_false(size_limit_expects_refusal(&limit, 1000000, 1));
	size_limit_refuse(&limit, 1200, true, 0); /* a single span: says nothing of batches */
	assert_false(size_limit_expects_refusal(&limit, 1200, 1));
	size_limit_refuse(&limit, 1200, false, 0);
	assert_true(size_limit_expects_refusal(&limit, 1200, 1));
	assert_int_equal(size_limit_fitting(&limit), 0);
}

static void a_refusal_is_forgotten_slowly(void **state)
{
	struct size_limit limit = {0};
	const uint64_t start = 5 * NS_PER_S;
	(void)state;
	size_limit_refuse(&limit, 1000, false, start);
	assert_true(size_limit_expects_refusal(&limit, 1000, start + SIZE_LIMIT_FORGET_NS - 1));
	assert_false(size_limit_expects_refusal(&limit, 1999, start + SIZE_LIMIT_FORGET_NS));
	assert_true(size_limit_expects_refusal(&limit, 2000, start + SIZE_LIMIT_FORGET_NS));
	/* Tried again, refused again: remembered as long as before. */
	size_limit_refuse(&limit, 1500, false, start + SIZE_LIMIT_FORGET_NS);
	assert_true(size_limit_expects_refusal(&limit, 1500, start + 2 * SIZE_LIMIT_FORGET_NS - 1));
	assert_false(size_limit_expects_refusal(&limit, 1500, start + 2 * SIZE_LIMIT_FORGET_NS));
	/* A much larger one proves nothing about this size. */
	size_limit_refuse(&limit, 100000, false, start + 3 * SIZE_LIMIT_FORGET_NS - 1);
	assert_false(size_limit_expects_refusal(&limit, 3000, start + 3 * SIZE_LIMIT_FORGET_NS));
	assert_false(size_limit_expects_refusal(&limit, SIZE_MAX,
						start + 100 * SIZE_LIMIT_FORGET_NS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_expected_of_an_unknown_backend),
		cmocka_unit_test(what_was_refused_is_expected_to_be_refused_again),
		cmocka_unit_test(the_last_answer_settles_a_contradiction),
		cmocka_unit_test(a_refusal_is_forgotten_slowly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
