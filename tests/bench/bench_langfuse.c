/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a third branch to Langfuse costs, in process, on one core: two branches (index, noise filter,
 * one encoded and gzip-compressed request each) alone, and with a third behind them over the same
 * index that runs the langfuse processor. Bodies are llm-d traces as the sidecar, the endpoint picker
 * and the engines send them, 512 spans and more a request. Medians of turns.
 */
#include "pipeline/base/clock.h"
#include "pipeline/net/coding.h"
#include "pipeline/trace/encode.h"
#include "tests/support/langfuse_bench.h"
#include "tests/support/llmd_fixtures.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BODIES = 8, TRACES = 24, REPEATS = 9, ROUNDS = 4 };

struct bench {
	struct processor_bench filter, langfuse;
	struct coder *coder;
	struct chunk *bodies[BODIES];
	uint32_t spans;
};

static void die(const char *what)
{
	fprintf(stderr, "bench_langfuse: %s\n", what);
	exit(1);
}

/* Of this process: other work on the machine shall not count. */
static uint64_t cpu_ns(void)
{
	struct timespec now;
	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) != 0)
		die("no clock");
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* Requests of several whole traces: two valid requests one after another are one. */
static void make_bodies(struct bench *bench)
{
	for (size_t i = 0; i < BODIES; i++) {
		struct chunk *body = chunk_new(&bench->filter.budget, 1 << 20);
		for (size_t t = 0; body && t < TRACES; t++) {
			const struct example_variant variant = {
				.seed = i * TRACES + t,
				.variation = t + 1,
				.end_ns = UINT64_C(1789000000000000000),
				.merged = true};
			struct example_requests requests;
			struct err err;
			if (example_trace_build(0, &variant, &bench->filter.budget, &requests,
						&err) != 0 ||
			    !chunk_append(body, chunk_slice(requests.items[0])))
				die("out of memory");
			body->span_count += requests.items[0]->span_count;
			example_requests_fini(&requests);
		}
		if (!body)
			die("out of memory");
		bench->bodies[i] = body;
		bench->spans += body->span_count;
	}
}

/* One branch over the body that is indexed: processor, encode, compress if asked to. */
static void run_branch(struct bench *bench, struct processor_bench *branch, bool compress)
{
	struct chunk *encoded = NULL;
	struct err err;
	if (edit_begin(branch->edit, &branch->index, &err) != 0 ||
	    branch->ops[0]->process(branch->selves[0], branch->states[0], branch->edit, &err) !=
		    PROCESS_CONTINUE ||
	    trace_encode(branch->edit, &branch->budget, &encoded, &err) != 0)
		die(err.msg);
	if (compress) {
		struct slice part = chunk_slice(encoded);
		struct chunk *packed =
			coder_encode(bench->coder, CODING_GZIP, 0, &part, 1, &branch->budget, &err);
		if (!packed)
			die(err.msg);
		chunk_unref(packed);
	}
	chunk_unref(encoded);
}

static double ns_per_span(struct bench *bench, bool third, bool compress)
{
	struct err err;
	uint64_t begin_ns = cpu_ns();
	for (int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < BODIES; i++) {
			struct slice body = chunk_slice(bench->bodies[i]);
			if (trace_index_build(&bench->filter.index, body, &err) != 0)
				die(err.msg);
			run_branch(bench, &bench->filter, compress);
			run_branch(bench, &bench->filter, compress);
			if (!third)
				continue;
			/* The langfuse processor has a key table of its own here, so an index, too:
			 * its time is measured apart and taken off below. */
			if (trace_index_build(&bench->langfuse.index, body, &err) != 0)
				die(err.msg);
			run_branch(bench, &bench->langfuse, compress);
		}
	}
	return (double)(cpu_ns() - begin_ns) / ROUNDS / bench->spans;
}

static double index_ns_per_span(struct bench *bench)
{
	struct err err;
	uint64_t begin_ns = cpu_ns();
	for (int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < BODIES; i++) {
			if (trace_index_build(&bench->langfuse.index, chunk_slice(bench->bodies[i]),
					      &err) != 0)
				die(err.msg);
		}
	}
	return (double)(cpu_ns() - begin_ns) / ROUNDS / bench->spans;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *samples)
{
	qsort(samples, REPEATS, sizeof(*samples), compare);
	return samples[REPEATS / 2];
}

static void measure(struct bench *bench, bool compress)
{
	double two[REPEATS], three[REPEATS], index[REPEATS];
	for (int i = 0; i < REPEATS; i++) {
		two[i] = ns_per_span(bench, false, compress);
		three[i] = ns_per_span(bench, true, compress);
		index[i] = index_ns_per_span(bench);
	}
	double base = median(two), more = median(three) - median(index) - base;
	printf("langfuse  %s: two branches %7.1f ns/span, the third %+7.1f ns/span (%+.0f %%)\n",
	       compress ? "with gzip   " : "without gzip", base, more, more / base * 100);
}

int main(void)
{
	struct bench bench = {0};
	processor_bench_open(&bench.filter, (const char *const[]){"scrape_filter", "", NULL});
	processor_bench_open(&bench.langfuse, (const char *const[]){"langfuse", "", NULL});
	bench.coder = coder_new();
	if (!bench.coder)
		die("out of memory");
	make_bodies(&bench);
	measure(&bench, false);
	measure(&bench, true);
	for (size_t i = 0; i < BODIES; i++)
		chunk_unref(bench.bodies[i]);
	coder_free(bench.coder);
	processor_bench_close(&bench.filter);
	processor_bench_close(&bench.langfuse);
	return 0;
}
