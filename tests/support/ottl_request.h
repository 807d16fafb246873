/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request with a value of every kind, for tests of conditions, and all that is needed to
 * evaluate on it. The vectors in tests/fixtures/ottl name its contents; see ottl_request.c.
 */
#ifndef SLUICE_TESTS_OTTL_REQUEST_H
#define SLUICE_TESTS_OTTL_REQUEST_H

#include "pipeline/ottl/ottl.h"

/* The ExportTraceServiceRequest, static after the first call. */
struct slice ottl_request_body(void);

/* A request under evaluation. Conditions are parsed between begin and index: keys freeze there. */
struct ottl_bench {
	struct budget budget;
	struct arena arena;
	struct key_table *keys;
	struct trace_index index;
	struct trace_view *view;
	struct ottl_scratch *scratch;
};

/* False when memory is short. */
bool ottl_bench_begin(struct ottl_bench *bench);
bool ottl_bench_index(struct ottl_bench *bench, struct slice body);
void ottl_bench_end(struct ottl_bench *bench);

#endif
