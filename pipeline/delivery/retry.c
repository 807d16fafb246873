/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of the back-off: jitter, growth, the peer's own wish, and the end. */
#include "pipeline/delivery/retry.h"

#include "pipeline/base/clock.h"

/* A peer may not put a slot to sleep for longer than this. */
#define RETRY_AFTER_NS_MAX (3600 * NS_PER_S)

/* ${interval} spread evenly over [1 - factor, 1 + factor] of itself. */
static uint64_t jittered(uint64_t interval_ns, double factor, uint64_t random)
{
	double unit = (double)(random >> 11) / 9007199254740992.0; /* [0, 1) from 53 bits */
	return (uint64_t)((double)interval_ns * (1.0 - factor + 2.0 * factor * unit));
}

bool retry_next(const struct retry_config *config, struct retry_state *state, uint64_t now_ns,
		uint64_t retry_after_ns, uint64_t random, uint64_t *ret_wait_ns)
{
	if (!config->enabled)
		return false;
	if (state->interval_ns == 0)
		state->interval_ns = config->initial_interval_ns;
	uint64_t wait = jittered(state->interval_ns, config->randomization_factor, random);
	if (retry_after_ns > RETRY_AFTER_NS_MAX)
		retry_after_ns = RETRY_AFTER_NS_MAX;
	if (wait < retry_after_ns)
		wait = retry_after_ns;
	double next = (double)state->interval_ns * config->multiplier;
	state->interval_ns =
		next > (double)config->max_interval_ns ? config->max_interval_ns : (uint64_t)next;
	uint64_t elapsed = now_ns - state->started_ns;
	if (config->max_elapsed_time_ns > 0 &&
	    (elapsed > config->max_elapsed_time_ns || wait > config->max_elapsed_time_ns - elapsed))
		return false;
	*ret_wait_ns = wait;
	return true;
}
