/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fuzz_clock.h"

#include "pipeline/base/clock.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns = 1000 * NS_PER_S;

void fuzz_clock_advance(uint64_t ms)
{
	now_ns += ms * NS_PER_MS;
}

int clock_gettime(clockid_t id, struct timespec *ret_now)
{
	if (id != CLOCK_MONOTONIC && id != CLOCK_MONOTONIC_COARSE)
		return (int)syscall(SYS_clock_gettime, id, ret_now);
	ret_now->tv_sec = (time_t)(now_ns / NS_PER_S);
	ret_now->tv_nsec = (long)(now_ns % NS_PER_S);
	return 0;
}
