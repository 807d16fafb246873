/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The monotonic clock of a program that links this file stands still: for fuzz targets, in which
 * time is part of the input. It takes the place of the C library's clock_gettime, so libuv's timers
 * follow it, too. The wall clock is left alone: libFuzzer measures its run with it.
 */
#ifndef SLUICE_TESTS_FUZZ_CLOCK_H
#define SLUICE_TESTS_FUZZ_CLOCK_H

#include <stdint.h>

/* Moves the clock on. Timers that are due fire in the loop's next turn. */
void fuzz_clock_advance(uint64_t ms);

#endif
