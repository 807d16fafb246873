/* SPDX-License-Identifier: Apache-2.0 */
/* Remote procedures by their names, in the ways that libraries write them. For
 * processors/scrape_filter/ only. The patterns are written service/Method. */
#ifndef SLUICE_PROCESSORS_SCRAPE_FILTER_RPCS_H
#define SLUICE_PROCESSORS_SCRAPE_FILTER_RPCS_H

#include "processors/scrape_filter/patterns.h"

/* Whether ${text} is one of ${rpcs}: "service/Method", perhaps with a '/' before. */
bool rpcs_match_full(const struct scrape_patterns *rpcs, struct slice text);

/* The same, of two attributes; the method may be empty. */
bool rpcs_match_pair(const struct scrape_patterns *rpcs, struct slice service, struct slice method);

/* The same, of a span's name: with a method of HTTP before, or as OpenCensus writes it. */
bool rpcs_match_name(const struct scrape_patterns *rpcs, struct slice name);

#endif
