/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A processor that holds spans back, with its waiting room on the bench's clock: what the graph does
 * (held_spans.c), without loops. Every span that leaves is written down, with the time it took.
 */
#ifndef SLUICE_TESTS_HOLDING_BENCH_H
#define SLUICE_TESTS_HOLDING_BENCH_H

#include "tests/support/langfuse_bench.h"

enum { HOLDING_LOOK_NS = 200000000 };

struct held_item {
	struct chunk *chunk;
	uint64_t came_ns, known;
	bool again;
};

struct left_span {
	uint64_t trace, id, parent; /* the first 8 bytes of each; parent 0: a root */
};

struct holding_bench {
	struct processor_bench bench;
	struct held_item *items;
	size_t item_count, item_cap;
	struct left_span *left;
	size_t left_count, left_cap;
	/* spans */
	uint64_t sent, held, reruns;
	uint64_t delay_ns, delay_max_ns; /* summed over all that left; of the slowest */
};

/* ${yaml}: the settings of scrape_filter. */
void holding_bench_open(struct holding_bench *this, const char *yaml);

/* Frees; everybody must have left. */
void holding_bench_close(struct holding_bench *this);

void holding_bench_send(struct holding_bench *this, struct slice body);

/* Moves the clock to ${now_ns}, with a look at those who wait every HOLDING_LOOK_NS. */
void holding_bench_wait_until(struct holding_bench *this, uint64_t now_ns);

/* Lets all leave at once, as the end of the process does; the last come first. */
void holding_bench_flush(struct holding_bench *this);

/* Spans that left with a parent that did not leave. Sorts this->left. */
size_t holding_bench_orphans(struct holding_bench *this);

#endif
