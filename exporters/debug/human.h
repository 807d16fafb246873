/* SPDX-License-Identifier: Apache-2.0 */
/* Durations for people, with three significant digits: they are compared at a glance. */
#ifndef SLUICE_DEBUG_HUMAN_H
#define SLUICE_DEBUG_HUMAN_H

#include <stdbool.h>
#include <stdint.h>

enum { HUMAN_DURATION_BYTES = 24 };

/* ${ns} nanoseconds with three significant digits ("3.15 s", "47.7 ms", "295 µs"), from a minute on
 * as "2m05s", "1h02m", "3d04h". ${ascii} writes "us". Returns ${text}. */
char *human_duration(char text[HUMAN_DURATION_BYTES], uint64_t ns, bool ascii);

/* What a noun that follows ${count} ends with: "1 span", "2 spans". */
static inline const char *human_plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

#endif
