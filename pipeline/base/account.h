/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One peer's part of a budget: what we hold because of it, beside the bodies that it sends. A part
 * is bounded by the peer's share of what is free, so that a few peers cannot take all, and a small
 * part is always granted, so that a peer can still be answered when the budget is used up.
 *
 * Owned by one thread; the budget behind it is shared.
 */
#ifndef SLUICE_BASE_ACCOUNT_H
#define SLUICE_BASE_ACCOUNT_H

#include "pipeline/base/budget.h"

enum {
	ACCOUNT_GRAIN_BYTES = 4 << 10,
	ACCOUNT_BYTES_MAX = 8 << 20, /* of one account, whatever is free */
	ACCOUNT_SHARE = 16,	     /* an account may hold one part in so many of what is free */
	ACCOUNT_FREE_BYTES = 128 << 10, /* of each account: granted without regard to the share,
					     * and for as long as the reserve lasts... */
	ACCOUNT_RESERVE_BYTES_MAX = 16 << 20, /* ...which is over the budget's limit */
};

struct account {
	struct budget *budget;
	size_t used;
	size_t held; /* taken from the budget: used, and up to two grains at hand for small takes */
};

static inline void account_init(struct account *account, struct budget *budget)
{
	*account = (struct account){.budget = budget};
}

/* Takes ${bytes}. False, and a refusal counted in the budget, when the share or the budget does not
 * allow it. */
MUST_CHECK bool account_take(struct account *account, size_t bytes);

/* Gives back ${bytes} that were taken before. */
void account_give(struct account *account, size_t bytes);

#endif
