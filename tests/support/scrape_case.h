/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cases of scrape_filter: rows of one trace, where the service of a row is the request that it comes
 * with, the order in which the requests come, and what leaves, as "name<parent " in the order of
 * leaving.
 */
#ifndef SLUICE_TEST_SCRAPE_CASE_H
#define SLUICE_TEST_SCRAPE_CASE_H

#include "cmd/example_table.h"
#include "tests/support/langfuse_bench.h"

enum { SCRAPE_ROWS_MAX = 16, SCRAPE_REQUESTS_MAX = 4 };

#define ROW(request, parent, kind, name, ...)                                                      \
	SPAN(parent, request, 0, kind, name, 0, 1, __VA_ARGS__)
#define PLAIN .attrs = NULL
#define PATH(key, path) .attrs = ATTRS(STR(key, path))
#define ASGI(event) .attrs = ATTRS(STR("asgi.event.type", event))

struct scrape_case {
	const char *what, *yaml, *expected;
	const char *order; /* of requests, "10"; NULL: as numbered */
	struct example_span rows[SCRAPE_ROWS_MAX];
};

/* The requests of the case, charged to ${budget}. */
void scrape_case_build(const struct scrape_case *this, struct budget *budget,
		       struct example_requests *requests);

/* Whether what leaves is as expected; says what it is when not. */
bool scrape_case_run(const struct scrape_case *this);

#endif
