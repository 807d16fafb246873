/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a trace has to stay: the attributes of spans and events under given keys, each as a line
 * that begins with its key and tells span and value, so that those of before and after compare.
 */
#ifndef SLUICE_TEST_LIBRARY_FACTS_H
#define SLUICE_TEST_LIBRARY_FACTS_H

#include "tests/support/library_leaks.h"

/* Adds a line "KEY SPAN VALUE" for each attribute of ${tree} whose line "${prefix} KEY" is in ${keys},
 * which is sorted; SPAN and VALUE are hexadecimal digits. */
void library_facts(const Otlp__ExportTraceServiceRequest *tree, const char *prefix,
		   const struct line_set *keys, struct line_set *out);

/* Adds a line "${prefix} KEY" for each key that a line of ${before} has and none of ${after} equals;
 * both are sorted. Returns how many lines of ${before} that were. */
size_t library_facts_lost(const struct line_set *before, const struct line_set *after,
			  const char *prefix, struct line_set *out);

#endif
