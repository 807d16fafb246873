/* SPDX-License-Identifier: Apache-2.0 */
/* When to try again: exponential back-off with jitter, as pure arithmetic on the given clock. */
#ifndef SLUICE_DELIVERY_RETRY_H
#define SLUICE_DELIVERY_RETRY_H

#include "pipeline/delivery/export.h"

struct retry_state {
	uint64_t started_ns;  /* first attempt began */
	uint64_t interval_ns; /* before jitter, of the next wait; 0: not begun */
	uint32_t bounded;     /* retries of a cause with a bound of its own (retries_max) */
};

/*
 * The wait before the next attempt: the larger of back-off (jittered by ${random}, any 64 bits) and
 * the peer's ${retry_after_ns} (an hour at most). False when there must be none: retries are off, or the wait would
 * end later than max_elapsed_time after the start.
 */
bool retry_next(const struct retry_config *config, struct retry_state *state, uint64_t now_ns,
		uint64_t retry_after_ns, uint64_t random, uint64_t *ret_wait_ns);

#endif
