/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The monotonic clock of a program whose one source file includes this stands still: for fuzz
 * targets, in which time is part of the input. It takes the place of the C library's clock_gettime,
 * so libuv's timers follow it, too; that is why it is a header and not a part of the test library,
 * from which the linker would put it into every test. The wall clock is left alone: libFuzzer
 * measures its run with it.
 */
#ifndef SLUICE_TESTS_VIRTUAL_CLOCK_H
#define SLUICE_TESTS_VIRTUAL_CLOCK_H

#include "pipeline/base/clock.h"
#include "tests/support/fuzz_clock.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static uint64_t virtual_now_ns = 1000 * NS_PER_S;

void virtual_clock_advance(uint64_t ms)
{
	virtual_now_ns += ms * NS_PER_MS;
}

int clock_gettime(clockid_t id, struct timespec *ret_now)
{
	if (id != CLOCK_MONOTONIC && id != CLOCK_MONOTONIC_COARSE)
		return (int)syscall(SYS_clock_gettime, id, ret_now);
	ret_now->tv_sec = (time_t)(virtual_now_ns / NS_PER_S);
	ret_now->tv_nsec = (long)(virtual_now_ns % NS_PER_S);
	return 0;
}

#endif
