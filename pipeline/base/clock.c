/* SPDX-License-Identifier: Apache-2.0 */
/* The two clocks of the kernel. Reading them cannot fail on the platforms that we build for. */
#include "pipeline/base/clock.h"

#include <time.h>

static uint64_t read_clock(clockid_t id)
{
	struct timespec now;
	(void)clock_gettime(id, &now); /* cannot fail for these two clocks on Linux */
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t clock_monotonic_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_wall_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}
