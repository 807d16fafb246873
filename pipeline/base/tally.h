/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Increments that are not yet true: what is decided about a request while it runs through its
 * pipelines is counted only once somebody has taken the request. One that is refused comes again,
 * and would be counted again each time. One thread at a time.
 */
#ifndef SLUICE_BASE_TALLY_H
#define SLUICE_BASE_TALLY_H

#include "pipeline/base/metrics.h"

struct tally_entry {
	struct counter *counter;
	uint64_t n;
};

struct tally {
	struct tally_entry *entries;
	size_t count, capacity; /* bounded by the counters that the configuration makes */
	bool failed;		/* an increment found no memory: the request must be refused */
};

#define TALLY_INIT ((struct tally){0})

/* ${counter} will have ${n} more. The counter outlives the tally's next commit or forget. */
void tally_add(struct tally *tally, struct counter *counter, uint64_t n);

void tally_commit(struct tally *tally); /* adds all, and begins anew */
void tally_forget(struct tally *tally); /* adds nothing, and begins anew */
void tally_fini(struct tally *tally);

#endif
