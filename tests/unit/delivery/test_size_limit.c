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
	assert_int_equal(size_limit_fitting(&limit, 1), 0); /* halve */
	size_limit_accept(&limit, 499);
	assert_int_equal(size_limit_fitting(&limit, 1), 0);
	size_limit_accept(&limit, 500);
	assert_int_equal(size_limit_fitting(&limit, 1), 500);
	size_limit_accept(&limit, 300);
	assert_int_equal(size_limit_fitting(&limit, 1), 500);
	size_limit_refuse(&limit, 700, false, 0);
	size_limit_refuse(&limit, 5000, false, 0);
	assert_true(size_limit_expects_refusal(&limit, 700, 1));
	assert_int_equal(size_limit_fitting(&limit, 1), 500);
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
	assert_int_equal(size_limit_fitting(&limit, 1), 0);
}

static void a_larger_request_is_tried_again_after_a_time(void **state)
{
	struct size_limit limit = {0};
	const uint64_t start = 5 * NS_PER_S, due = start + SIZE_LIMIT_FORGET_NS;
	(void)state;
	size_limit_accept(&limit, 800);
	size_limit_refuse(&limit, 1000, false, start);
	assert_true(size_limit_expects_refusal(&limit, 1000, due - 1));
	assert_int_equal(size_limit_fitting(&limit, due - 1), 800);
	/* Parts of twice the size; what is larger still is cut. */
	assert_true(size_limit_expects_refusal(&limit, 2000, due));
	assert_int_equal(size_limit_fitting(&limit, due), 1600);
	/* One request, and the next after as long a time. */
	assert_false(size_limit_expects_refusal(&limit, 1600, due));
	assert_true(size_limit_expects_refusal(&limit, 1000, due));
	size_limit_refuse(&limit, 1600, false, due + 1);
	assert_int_equal(size_limit_fitting(&limit, due + 2), 800);
	assert_true(size_limit_expects_refusal(&limit, 1000, due + SIZE_LIMIT_FORGET_NS));
	assert_false(size_limit_expects_refusal(&limit, 1000, due + 1 + SIZE_LIMIT_FORGET_NS));
	/* Now it is taken: nothing is known of a limit any more. */
	size_limit_accept(&limit, 1000);
	assert_false(size_limit_expects_refusal(&limit, 1000000, due + 2 + SIZE_LIMIT_FORGET_NS));
}

static void a_refusal_of_a_much_larger_one_does_not_put_it_off(void **state)
{
	struct size_limit limit = {0};
	(void)state;
	size_limit_refuse(&limit, 1000, false, 0);
	size_limit_refuse(&limit, 2000, false, SIZE_LIMIT_FORGET_NS - 1);
	assert_false(size_limit_expects_refusal(&limit, 1000, SIZE_LIMIT_FORGET_NS));
}

static void a_larger_request_is_tried_again_after_many(void **state)
{
	struct size_limit limit = {0};
	uint32_t tried = 0;
	(void)state;
	size_limit_refuse(&limit, 1000, false, 0);
	for (uint32_t i = 0; i < SIZE_LIMIT_PATIENCE * 64; i++) {
		size_limit_accept(&limit, 400); /* far from the limit: says nothing */
		size_limit_accept(&limit, 600);
		if (!size_limit_expects_refusal(&limit, 1500, 1)) {
			size_limit_refuse(&limit, 1500, false, 1);
			tried++;
		}
	}
	assert_int_equal(tried, 6); /* after 8, 16, 32 … more */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_expected_of_an_unknown_backend),
		cmocka_unit_test(what_was_refused_is_expected_to_be_refused_again),
		cmocka_unit_test(the_last_answer_settles_a_contradiction),
		cmocka_unit_test(a_larger_request_is_tried_again_after_a_time),
		cmocka_unit_test(a_refusal_of_a_much_larger_one_does_not_put_it_off),
		cmocka_unit_test(a_larger_request_is_tried_again_after_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
