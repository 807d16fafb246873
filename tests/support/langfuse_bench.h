/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A row of processors without a graph, for tests and benchmarks: made from YAML as the host makes
 * them, run over requests in turn, with a clock that the test moves.
 */
#ifndef SLUICE_TESTS_LANGFUSE_BENCH_H
#define SLUICE_TESTS_LANGFUSE_BENCH_H

#include "pipeline/graph/component.h"

enum { BENCH_PROCESSORS_MAX = 4, BENCH_HELD_MAX = 16 };

struct processor_bench {
	struct budget budget;
	struct arena arena;
	struct key_table *keys;
	struct metrics *metrics;
	struct trace_memory *memory;
	const struct processor_ops *ops[BENCH_PROCESSORS_MAX];
	void *selves[BENCH_PROCESSORS_MAX], *states[BENCH_PROCESSORS_MAX];
	size_t processor_count;
	struct trace_view *view;
	enum holding holding; /* what the processors are allowed */
	struct chunk *held;   /* what a processor held back in the last run; NULL: nothing */
	/* What left the processors last, encoded and indexed again. */
	struct chunk *out; /* NULL: nothing was left */
	struct trace_view *out_view;
};

/* Nanoseconds on the clock of all benches. */
extern uint64_t bench_now_ns;

/* Ends the program when a configuration does not bind. Each entry: "type", then YAML, in pairs; NULL
 * ends the list. */
void processor_bench_open(struct processor_bench *bench, const char *const *processors);

/* Ends the program when memory is still charged. */
void processor_bench_close(struct processor_bench *bench);

/* Runs ${body} through all processors; bench->out is what is left. */
enum outcome processor_bench_run(struct processor_bench *bench, struct slice body);

/* The same; ends the program when the request is refused. */
void processor_bench_send(struct processor_bench *bench, const struct chunk *body);

/* ---- what left ---- */

#define BENCH_NOT_FOUND UINT32_MAX

uint32_t bench_span_count(const struct processor_bench *bench);

/* The ${nth} span (from 0) of that name; BENCH_NOT_FOUND. */
uint32_t bench_find_span(const struct processor_bench *bench, const char *name, uint32_t nth);

/* The text of attribute ${key} of ${owner}, as value_append_text prints it with the type before:
 * "int 5", "string x", "double 0.5", "bool true", "array [\"a\"]"; "" when absent. Static buffer. */
const char *bench_attr(const struct processor_bench *bench, struct owner owner, const char *key);
const char *bench_span_attr(const struct processor_bench *bench, uint32_t span, const char *key);

/* True when every span's parent is empty or the id of another span that left. */
bool bench_has_no_orphan(const struct processor_bench *bench);

double bench_metric(const struct processor_bench *bench, const char *name, const char *labels);

/* Spans about which the langfuse processor decided so. */
double bench_decisions(const struct processor_bench *bench, const char *decision);

#endif
