/* SPDX-License-Identifier: Apache-2.0 */
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

char *human_duration(char text[HUMAN_DURATION_BYTES], uint64_t ns, bool ascii)
{
	static const struct {
		uint64_t ns;
		const char *name, *ascii_name;
	} units[] = {{NS_PER_US, "µs", "us"}, {NS_PER_MS, "ms", "ms"}, {NS_PER_S, "s", "s"}};
	static const unsigned powers[] = {1, 10, 100};
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
		for (int decimals = 2; decimals >= 0; decimals--) {
			uint64_t step = units[i].ns / powers[decimals];
			uint64_t digits = (ns + step / 2) / step;
			if (digits >= 1000) /* a fourth digit: fewer decimals, or the next unit */
				continue;
			if (decimals == 0)
				(void)snprintf(text, HUMAN_DURATION_BYTES, "%" PRIu64 " %s", digits,
					       name);
			else
				(void)snprintf(text, HUMAN_DURATION_BYTES,
					       "%" PRIu64 ".%0*" PRIu64 " %s",
					       digits / powers[decimals], decimals,
					       digits % powers[decimals], name);
			return text;
		}
	}
	return text;
}
