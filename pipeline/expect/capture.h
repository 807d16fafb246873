/* SPDX-License-Identifier: Apache-2.0 */
/* Captures as comparisons see them. For the files of pipeline/expect. */
#ifndef SLUICE_EXPECT_CAPTURE_H
#define SLUICE_EXPECT_CAPTURE_H

#include "pipeline/expect/trial.h"

enum { CAPTURES_SUGGESTED_MAX = 32 };

/* What the values of a capture amount to. */
struct capture_sum {
	uint64_t count, numbers; /* values; of these numbers */
	double sum, min, max;	 /* of the numbers */
	uint64_t hash;		 /* of the first value */
	bool differ;		 /* not all are equal */
	/* for messages; valid while the trace is open, not kept over traces */
	struct value first, other;
};

/* The captures of the trial's expectation, in trial memory. */
struct capture_sum *captures_sum_up(struct trial *trial);

/* Adds what another trace amounts to. */
void capture_sum_add(struct capture_sum *sum, const struct capture_sum *more);

/* The number of the capture with ${name}; capture_count: there is none. */
uint32_t capture_find(const struct expectation *expectation, struct slice name);
/* The attribute key that its values are of; empty: they are computed. */
struct slice capture_key(const struct expectation *expectation, uint32_t at);
const char *capture_nearest(const struct expectation *expectation, struct slice name,
			    struct arena *arena);

#endif
