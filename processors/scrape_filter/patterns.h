/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of texts to compare paths and names with. For processors/scrape_filter/ only. */
#ifndef SLUICE_PROCESSORS_SCRAPE_FILTER_PATTERNS_H
#define SLUICE_PROCESSORS_SCRAPE_FILTER_PATTERNS_H

#include "pipeline/base/slice.h"

enum { SCRAPE_PATTERNS_MAX = 256 };

/* A text; one '*' in it stands for anything, also for nothing. */
struct scrape_pattern {
	struct slice head, tail; /* around the '*' */
	bool open;		 /* there is one */
};

struct scrape_patterns {
	struct scrape_pattern at[SCRAPE_PATTERNS_MAX];
	size_t count;
	uint64_t begins; /* bits of what the second and third byte may be; see patterns_match */
};

/* Adds the pattern ${text}, which is borrowed. False when there are SCRAPE_PATTERNS_MAX. */
bool patterns_add(struct scrape_patterns *patterns, struct slice text);

/* Whether one of the patterns is ${text}. Most texts are told from all of them by two bytes. */
bool patterns_match(const struct scrape_patterns *patterns, struct slice text);

#endif
