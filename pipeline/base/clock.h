/* SPDX-License-Identifier: Apache-2.0 */
/* Time. Logic that waits takes "now" as a parameter, so that tests need no real time to pass. */
#ifndef SLUICE_BASE_CLOCK_H
#define SLUICE_BASE_CLOCK_H

#include <stdint.h>

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)

/* Nanoseconds of CLOCK_MONOTONIC: for durations and deadlines. */
uint64_t clock_monotonic_ns(void);

/* Nanoseconds since the Unix epoch: for time stamps. */
uint64_t clock_wall_ns(void);

#endif
