/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes from the budget by grains, so that small growth touches it rarely. A part is refused by the
 * peer's share of what is left; a small one may reach into the reserve beyond the limit.
 */
#include "pipeline/base/account.h"

#include "pipeline/base/assert.h"

/* At most a sixteenth of the limit, for small budgets. */
static uint64_t reserve_of(uint64_t limit)
{
	uint64_t reserve = limit / ACCOUNT_SHARE;
	return reserve < ACCOUNT_RESERVE_BYTES_MAX ? reserve : ACCOUNT_RESERVE_BYTES_MAX;
}

/* Takes what is missing from the budget, with a grain to spare if there is one. */
static bool hold_more(struct account *account, size_t bytes, uint64_t reserve)
{
	size_t missing = account->used + bytes - account->held;
	size_t with_spare = missing + ACCOUNT_GRAIN_BYTES;
	if (budget_take_over(account->budget, with_spare, reserve))
		missing = with_spare;
	else if (!budget_take_over(account->budget, missing, reserve))
		return false;
	account->held += missing;
	return true;
}

bool account_take(struct account *account, size_t bytes)
{
	struct budget *budget = account->budget;
	uint64_t limit = atomic_load_explicit(&budget->limit, memory_order_relaxed);
	uint64_t used = budget_used(budget);
	uint64_t left = limit > used ? limit - used : 0;
	uint64_t after = (uint64_t)account->used + bytes;
	bool is_small = after <= ACCOUNT_FREE_BYTES;
	if (!is_small && (after > ACCOUNT_BYTES_MAX || after > left / ACCOUNT_SHARE))
		return budget_refuse(budget);
	if (after > account->held && !hold_more(account, bytes, is_small ? reserve_of(limit) : 0))
		return false;
	account->used += bytes;
	return true;
}

void account_give(struct account *account, size_t bytes)
{
	ASSERT(bytes <= account->used && account->used <= account->held);
	account->used -= bytes;
	size_t spare = account->held - account->used;
	size_t keep = account->used > 0 ? ACCOUNT_GRAIN_BYTES : 0;
	if (spare <= keep * 2)
		return;
	account->held -= spare - keep;
	budget_give(account->budget, spare - keep);
}
