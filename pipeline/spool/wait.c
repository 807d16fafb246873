/* SPDX-License-Identifier: Apache-2.0 */
/* How both threads of the spool wait, by the monotonic clock, and the wall clock that records have. */
#include "pipeline/spool/internal.h"

#include "pipeline/base/clock.h"

uint64_t spool_now_ns(const struct spool *spool)
{
	return spool->config.wall_ns ? spool->config.wall_ns() : clock_wall_ns();
}

void spool_wait(struct spool *spool, pthread_cond_t *wake, uint64_t ns)
{
	if (ns == UINT64_MAX) {
		(void)pthread_cond_wait(wake, &spool->lock);
		return;
	}
	uint64_t until = clock_monotonic_ns() + ns;
	struct timespec at = {(time_t)(until / NS_PER_S), (long)(until % NS_PER_S)};
	(void)pthread_cond_timedwait(wake, &spool->lock, &at);
}
