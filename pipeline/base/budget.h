/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A byte budget: what is held now, and how much may be. One budget bounds the whole process
 * (received bodies, queued chunks, index scratch, compressed copies); every holder takes before it
 * allocates and gives back when it frees, so "bytes held" is exact and needs no sampling.
 * Thread-safe: all members are atomic, relaxed order (a limit, not a hand-over of data).
 */
#ifndef SLUICE_BASE_BUDGET_H
#define SLUICE_BASE_BUDGET_H

#include "pipeline/base/compiler.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct budget {
	_Atomic uint64_t used;	   /* bytes */
	_Atomic uint64_t peak;	   /* highest value of used */
	_Atomic uint64_t limit;	   /* bytes; UINT64_MAX = no bound */
	_Atomic uint64_t refusals; /* takes that did not fit */
};

void budget_init(struct budget *budget, uint64_t limit_bytes);

/* Takes ${bytes} if they fit under the limit. False (and a refusal counted) otherwise. */
MUST_CHECK bool budget_take(struct budget *budget, size_t bytes);

/* As budget_take, but up to ${reserve_bytes} above the limit. */
MUST_CHECK bool budget_take_over(struct budget *budget, size_t bytes, uint64_t reserve_bytes);

/* Counts a refusal that somebody else has decided on. Always false. */
bool budget_refuse(struct budget *budget);

/* Takes ${bytes} whatever the limit says: for small growth that cannot be refused any more. */
void budget_force(struct budget *budget, size_t bytes);

/* Gives back ${bytes} that were taken before. */
void budget_give(struct budget *budget, size_t bytes);

static inline uint64_t budget_used(const struct budget *budget)
{
	return atomic_load_explicit(&budget->used, memory_order_relaxed);
}

#endif
