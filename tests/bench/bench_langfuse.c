/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a third branch to Langfuse costs, in process, on one core: two branches alone, and with a
 * third behind them over the same index that runs the langfuse processor, too. Once with the noise
 * filter alone in every branch, once with the policy behind it, as configs/cluster.yaml has it. Each
 * branch encodes a request of its own and compresses it, or leaves it as it is. Bodies are llm-d
 * traces as the sidecar, the endpoint picker and the engines send them, 512 spans and more a
 * request. Medians of turns.
 */
#include "pipeline/base/clock.h"
#include "pipeline/net/coding.h"
#include "pipeline/trace/otlp/encode.h"
#include "tests/support/langfuse_bench.h"
#include "tests/support/llmd_fixtures.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BODIES = 8, TRACES = 24, REPEATS = 9, ROUNDS = 4 };

/* The processors, in the order in which they are made; a branch is a set of them in that order. */
enum { SCRAPE_FILTER = 1 << 0, LANGFUSE = 1 << 1, METADATA_ONLY = 1 << 2 };

struct bench {
	struct processor_bench processors;
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
		struct chunk *body = chunk_new(&bench->processors.budget, 1 << 20);
		for (size_t t = 0; body && t < TRACES; t++) {
			const struct example_variant variant = {
				.seed = i * TRACES + t,
				.variation = t + 1,
				.end_ns = UINT64_C(1789000000000000000),
				.merged = true};
			struct example_requests requests;
			struct err err;
			if (example_trace_build(0, &variant, &bench->processors.budget, &requests,
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

/* One branch over the body that is indexed: its processors, encode, compress if asked to. Returns
 * the bytes that it would send. A function of its own in every build: instructions are counted from
 * its entry to its end. */
static __attribute__((noinline)) size_t run_branch(struct bench *bench, unsigned set, bool compress)
{
	struct processor_bench *all = &bench->processors;
	struct chunk *encoded = NULL;
	struct err err;
	if (view_begin(all->view, &err) != 0)
		die(err.msg);
	for (size_t i = 0; i < all->processor_count; i++) {
		if ((set >> i & 1) && all->ops[i]->process(all->selves[i], all->states[i],
							   all->view, &err) != OUTCOME_TAKEN)
			die(err.msg);
	}
	tally_commit(edit_tally(all->view));
	if (trace_encode(all->view, &all->budget, &encoded, &err) != 0)
		die(err.msg);
	size_t bytes = chunk_slice(encoded).len;
	if (compress) {
		struct slice part = chunk_slice(encoded);
		struct chunk *packed =
			coder_encode(bench->coder, CODING_GZIP, 0, &part, 1, &all->budget, &err);
		if (!packed)
			die(err.msg);
		chunk_unref(packed);
	}
	chunk_unref(encoded);
	return bytes;
}

/* What ${two} (twice) and ${third} (unless 0) cost; *ret_bytes: what the last one sends a span. */
static double ns_per_span(struct bench *bench, unsigned two, unsigned third, bool compress,
			  double *ret_bytes)
{
	struct err err;
	size_t bytes = 0;
	uint64_t begin_ns = cpu_ns();
	for (int round = 0; round < ROUNDS; round++) {
		bytes = 0;
		for (size_t i = 0; i < BODIES; i++) {
			if (view_open(bench->processors.view, chunk_slice(bench->bodies[i]),
				      &err) != 0)
				die(err.msg);
			(void)run_branch(bench, two, compress);
			size_t sent = run_branch(bench, two, compress);
			bytes += third ? run_branch(bench, third, compress) : sent;
		}
	}
	*ret_bytes = (double)bytes / bench->spans;
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

static void measure(struct bench *bench, const char *what, unsigned two, bool compress)
{
	double base[REPEATS], all[REPEATS], bytes[2];
	for (int i = 0; i < REPEATS; i++) {
		base[i] = ns_per_span(bench, two, 0, compress, &bytes[0]);
		all[i] = ns_per_span(bench, two, two | LANGFUSE, compress, &bytes[1]);
	}
	double before = median(base), more = median(all) - before;
	printf("langfuse  %s: two branches %7.1f ns/span, the third %+7.1f ns/span (%+.0f %%), "
	       "%.0f and %.0f B/span\n",
	       what, before, more, more / before * 100, bytes[0], bytes[1]);
}

/* For a tool that counts instructions: each body twice, in the branch ${set} alone, not compressed.
 * Prints the spans that were in them. */
static void count_branch(struct bench *bench, unsigned set)
{
	struct err err;
	for (size_t i = 0; i < (size_t)2 * BODIES; i++) {
		if (view_open(bench->processors.view, chunk_slice(bench->bodies[i % BODIES]),
			      &err) != 0)
			die(err.msg);
		(void)run_branch(bench, set, false);
	}
	printf("%u\n", 2 * bench->spans);
}

/* Without an argument: the comparison. With "two" or "third": what instructions are counted of, one
 * branch of that kind with filter and policy. */
int main(int argc, char **argv)
{
	const char *const processors[] = {"scrape_filter", "", "langfuse", "",
					  "metadata_only", "", NULL};
	struct bench bench = {0};
	processor_bench_open(&bench.processors, processors);
	bench.coder = coder_new();
	if (!bench.coder)
		die("out of memory");
	make_bodies(&bench);
	if (argc > 1) {
		count_branch(&bench, SCRAPE_FILTER | METADATA_ONLY |
					     (strcmp(argv[1], "third") == 0 ? LANGFUSE : 0u));
	} else {
		measure(&bench, "filter               ", SCRAPE_FILTER, false);
		measure(&bench, "filter, gzip         ", SCRAPE_FILTER, true);
		measure(&bench, "filter, policy       ", SCRAPE_FILTER | METADATA_ONLY, false);
		measure(&bench, "filter, policy, gzip ", SCRAPE_FILTER | METADATA_ONLY, true);
	}
	for (size_t i = 0; i < BODIES; i++)
		chunk_unref(bench.bodies[i]);
	coder_free(bench.coder);
	processor_bench_close(&bench.processors);
	return 0;
}
