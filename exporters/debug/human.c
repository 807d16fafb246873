/* SPDX-License-Identifier: Apache-2.0 */
/* Durations for people. Rounded before the unit is chosen, so that 999.9 µs reads as 1.00 ms. */
#include "exporters/debug/human.h"

#include "pipeline/base/clock.h"
#include "pipeline/base/compiler.h"

#include <inttypes.h>
#include <stdio.h>

/* Two units, the smaller one with two digits. */
static void long_duration(char text[HUMAN_DURATION_BYTES], uint64_t seconds)
{
	uint64_t minutes = seconds / 60, hours = minutes / 60, days = hours / 24;
	if (hours == 0)
		(void)snprintf(text, HUMAN_DURATION_BYTES, "%" PRIu64 "m%02" PRIu64 "s", minutes,
			       seconds % 60);
	else if (days == 0)
		(void)snprintf(text, HUMAN_DURATION_BYTES, "%" PRIu64 "h%02" PRIu64 "m", hours,
			       minutes % 60);
	else
		(void)snprintf(text, HUMAN_DURATION_BYTES, "%" PRIu64 "d%02" PRIu64 "h", days,
			       hours % 24);
}

static uint64_t rounded(uint64_t ns, uint64_t step)
{
	return (ns + step / 2) / step;
}

char *human_duration(char text[HUMAN_DURATION_BYTES], uint64_t ns, bool ascii)
{
	static const struct {
		uint64_t ns;
		const char *name, *ascii_name;
	} units[] = {{NS_PER_US, "µs", "us"}, {NS_PER_MS, "ms", "ms"}, {NS_PER_S, "s", "s"}};
	if (ns < NS_PER_US) {
		(void)snprintf(text, HUMAN_DURATION_BYTES, "%" PRIu64 " ns", ns);
		return text;
	}
	if (ns >= 60 * NS_PER_S) {
		long_duration(text, ns / NS_PER_S);
		return text;
	}
	for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
		const char *name = ascii ? units[i].ascii_name : units[i].name;
		uint64_t hundredths = rounded(ns, units[i].ns / 100);
		uint64_t tenths = rounded(ns, units[i].ns / 10);
		uint64_t whole = rounded(ns, units[i].ns);
		if (hundredths < 1000)
			(void)snprintf(text, HUMAN_DURATION_BYTES, "%u.%02u %s",
				       (unsigned)hundredths / 100, (unsigned)hundredths % 100,
				       name);
		else if (tenths < 1000)
			(void)snprintf(text, HUMAN_DURATION_BYTES, "%u.%u %s",
				       (unsigned)tenths / 10, (unsigned)tenths % 10, name);
		else if (whole < 1000)
			(void)snprintf(text, HUMAN_DURATION_BYTES, "%u %s", (unsigned)whole, name);
		else
			continue; /* a fourth digit: the next unit; seconds end at 60 */
		break;
	}
	return text;
}
