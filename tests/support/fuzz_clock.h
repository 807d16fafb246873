/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_TESTS_FUZZ_CLOCK_H
#define SLUICE_TESTS_FUZZ_CLOCK_H

#include <stdint.h>

/* Moves the clock of a fuzz target on, which defines it by including tests/fuzz/virtual_clock.h.
 * Timers that are due fire in the loop's next turn. */
void virtual_clock_advance(uint64_t ms);

#endif
