/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/base/account.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

enum { KIB = 1 << 10, MIB = 1 << 20, LIMIT = 64 * MIB };

/* Takes pieces until one is refused. What is held then. */
static size_t take_all(struct account *account, size_t piece)
{
	while (account_take(account, piece))
		;
	return account->used;
}

static void give_all(struct account *account)
{
	account_give(account, account->used);
}

static void an_account_holds_a_share_of_what_is_free(void **state)
{
	(void)state;
	struct budget budget;
	struct account first, second;
	budget_init(&budget, LIMIT);
	account_init(&first, &budget);
	account_init(&second, &budget);
	assert_in_range(take_all(&first, KIB), LIMIT / ACCOUNT_SHARE - MIB, LIMIT / ACCOUNT_SHARE);
	assert_in_range(take_all(&second, KIB), 3 * MIB, LIMIT / ACCOUNT_SHARE);
	assert_true(second.used < first.used);
	assert_in_range(budget_used(&budget), first.used + second.used,
			first.used + second.used + 4 * ACCOUNT_GRAIN_BYTES);
	assert_true(budget.refusals >= 2);
	give_all(&first);
	give_all(&second);
	assert_int_equal(budget_used(&budget), 0);
}

static void twenty_accounts_leave_a_quarter(void **state)
{
	(void)state;
	enum { COUNT = 20 };
	struct budget budget;
	struct account accounts[COUNT];
	budget_init(&budget, LIMIT);
	for (int i = 0; i < COUNT; i++) {
		account_init(&accounts[i], &budget);
		(void)take_all(&accounts[i], KIB);
	}
	assert_true(budget_used(&budget) < LIMIT / 4 * 3);
	for (int i = 0; i < COUNT; i++)
		give_all(&accounts[i]);
	assert_int_equal(budget_used(&budget), 0);
}

static void small_changes_do_not_touch_the_budget(void **state)
{
	(void)state;
	struct budget budget;
	struct account account;
	budget_init(&budget, LIMIT);
	account_init(&account, &budget);
	assert_true(account_take(&account, 10 * KIB));
	uint64_t held = budget_used(&budget);
	for (int i = 0; i < 100; i++) {
		assert_true(account_take(&account, KIB));
		account_give(&account, KIB);
		assert_int_equal(budget_used(&budget), held);
	}
	give_all(&account);
	assert_int_equal(budget_used(&budget), 0);
}

static void a_huge_budget_does_not_make_a_huge_account(void **state)
{
	(void)state;
	static const size_t pieces[] = {KIB, 3 * MIB, SIZE_MAX / 2};
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct budget budget;
		struct account account;
		budget_init(&budget, UINT64_MAX);
		account_init(&account, &budget);
		assert_true(take_all(&account, pieces[i]) <= ACCOUNT_BYTES_MAX);
		give_all(&account);
	}
}

static void a_small_part_is_granted_from_the_reserve(void **state)
{
	(void)state;
	struct budget budget;
	struct account accounts[100];
	budget_init(&budget, LIMIT);
	budget_force(&budget, LIMIT);
	for (size_t i = 0; i < sizeof(accounts) / sizeof(accounts[0]); i++) {
		account_init(&accounts[i], &budget);
		(void)take_all(&accounts[i], KIB);
		assert_true(accounts[i].used <= ACCOUNT_FREE_BYTES);
	}
	assert_int_equal(accounts[0].used, ACCOUNT_FREE_BYTES);
	/* ... as long as it lasts. */
	assert_int_equal(budget_used(&budget), LIMIT + LIMIT / ACCOUNT_SHARE);
	for (size_t i = 0; i < sizeof(accounts) / sizeof(accounts[0]); i++)
		give_all(&accounts[i]);
	assert_int_equal(budget_used(&budget), LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_account_holds_a_share_of_what_is_free),
		cmocka_unit_test(twenty_accounts_leave_a_quarter),
		cmocka_unit_test(small_changes_do_not_touch_the_budget),
		cmocka_unit_test(a_huge_budget_does_not_make_a_huge_account),
		cmocka_unit_test(a_small_part_is_granted_from_the_reserve),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
