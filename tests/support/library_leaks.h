/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a trace says a word that stands for content. The words are those that the programs of
 * tests/interop/libraries say: each begins with "kolibri" and names its place.
 */
#ifndef SLUICE_TEST_LIBRARY_LEAKS_H
#define SLUICE_TEST_LIBRARY_LEAKS_H

#include "trace.pb-c.h"

#include "pipeline/base/buf.h"

/* Lines of text, sorted and without doubles once sorted. */
struct line_set {
	struct buf text; /* each line ends with a zero byte */
	size_t begins[20000];
	size_t count;
};

void line_set_init(struct line_set *set);
void line_set_fini(struct line_set *set);
/* Fails the test when it is full. */
void line_set_add(struct line_set *set, const char *line);
void line_set_sort(struct line_set *set);
const char *line_set_at(const struct line_set *set, size_t at);
/* Whether ${line} is in ${set}, which is sorted. */
bool line_set_has(const struct line_set *set, const char *line);

/* Adds a line "${prefix} PLACE WHERE" for each word in ${tree}. Labels that applications choose (the
 * place "tag") are no content and get no line. Returns how many words there are, labels included. */
size_t library_leaks(const Otlp__ExportTraceServiceRequest *tree, const char *prefix,
		     struct line_set *out);

/* How many words stand anywhere in ${bytes}. */
size_t library_words(struct slice bytes);

#endif
