/* SPDX-License-Identifier: Apache-2.0 */
/* A compare-and-swap loop that never passes the limit; the peak is raised behind it. */
#include "pipeline/base/budget.h"

#include "pipeline/base/assert.h"

void budget_init(struct budget *budget, uint64_t limit_bytes)
{
	atomic_init(&budget->used, 0);
	atomic_init(&budget->peak, 0);
	atomic_init(&budget->limit, limit_bytes);
	atomic_init(&budget->refusals, 0);
}

static void raise_peak(struct budget *budget, uint64_t used)
{
	uint64_t peak = atomic_load_explicit(&budget->peak, memory_order_relaxed);
	while (used > peak &&
	       !atomic_compare_exchange_weak_explicit(&budget->peak, &peak, used,
						      memory_order_relaxed, memory_order_relaxed))
		;
}

bool budget_refuse(struct budget *budget)
{
	atomic_fetch_add_explicit(&budget->refusals, 1, memory_order_relaxed);
	return false;
}

bool budget_take_over(struct budget *budget, size_t bytes, uint64_t reserve_bytes)
{
	uint64_t limit = atomic_load_explicit(&budget->limit, memory_order_relaxed);
	uint64_t used = atomic_load_explicit(&budget->used, memory_order_relaxed);
	limit = limit < UINT64_MAX - reserve_bytes ? limit + reserve_bytes : UINT64_MAX;
	do {
		if (used > limit || bytes > limit - used)
			return budget_refuse(budget);
	} while (!atomic_compare_exchange_weak_explicit(
		&budget->used, &used, used + bytes, memory_order_relaxed, memory_order_relaxed));
	raise_peak(budget, used + bytes);
	return true;
}

bool budget_take(struct budget *budget, size_t bytes)
{
	return budget_take_over(budget, bytes, 0);
}

void budget_force(struct budget *budget, size_t bytes)
{
	uint64_t before = atomic_fetch_add_explicit(&budget->used, bytes, memory_order_relaxed);
	raise_peak(budget, before + bytes);
}

void budget_give(struct budget *budget, size_t bytes)
{
	uint64_t before = atomic_fetch_sub_explicit(&budget->used, bytes, memory_order_relaxed);
	ASSERT(before >= bytes);
	(void)before;
}
