/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The monotonic clock of a test that includes this can be put forward: a test of times takes hours
 * for them, and lets them pass by hand, so that a machine that stops for seconds changes nothing. It takes
 * the place of the C library's clock_gettime, so libuv's timers follow it, too; that is why it is a
 * header and not a part of the test library, from which the linker would put it into every test.
 *
 * A loop that waits in another thread learns of the new time at its next event.
 */
#ifndef SLUICE_TESTS_TEST_CLOCK_H
#define SLUICE_TESTS_TEST_CLOCK_H

#include "pipeline/base/clock.h"

#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static _Atomic uint64_t test_clock_ahead_ns;

/* Puts the clock forward. Timers that are due by then fire in their loop's next turn. */
static void test_clock_advance(uint64_t ns)
{
	atomic_fetch_add(&test_clock_ahead_ns, ns);
}

int clock_gettime(clockid_t id, struct timespec *ret_now)
{
	int result = (int)syscall(SYS_clock_gettime, id, ret_now);
	if (result == 0 && (id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE)) {
		uint64_t now_ns = (uint64_t)ret_now->tv_sec * NS_PER_S +
				  (uint64_t)ret_now->tv_nsec + atomic_load(&test_clock_ahead_ns);
		ret_now->tv_sec = (time_t)(now_ns / NS_PER_S);
		ret_now->tv_nsec = (long)(now_ns % NS_PER_S);
	}
	return result;
}

#endif
