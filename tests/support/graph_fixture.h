/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A graph driven in process: built from YAML text, its loops turned by the test on the test's own
 * thread, its exporters replaced by scripted ones. Nothing listens and no thread is started, so each
 * step is the test's.
 */
#ifndef SLUICE_TESTS_GRAPH_FIXTURE_H
#define SLUICE_TESTS_GRAPH_FIXTURE_H

#include "pipeline/graph/internal.h"
#include "tests/support/config_support.h"
#include "tests/support/delivery_fixture.h"

enum { GRAPH_FIXTURE_EXPORTERS_MAX = 4 };

struct graph_fixture {
	struct config_support config;
	const struct config_service *service;
	struct graph *graph; /* NULL: the configuration has errors */
	struct scripted_exporter *scripts[GRAPH_FIXTURE_EXPORTERS_MAX]; /* in order of definition */
	struct sender *replaced[GRAPH_FIXTURE_EXPORTERS_MAX];		/* theirs of the graph */
	size_t loops_started;
};

/* Builds the graph of ${yaml}. False when it has errors: see config_support_errors. */
MUST_CHECK bool graph_fixture_build(struct graph_fixture *fixture, const char *yaml,
				    size_t shard_count);

/* Builds, fails the test on errors, replaces the exporters and starts loops and timers. */
void graph_fixture_open(struct graph_fixture *fixture, const char *yaml, size_t shard_count);

/* Stops what was started, unless the graph has come to its end, and frees; fails the test when a byte stays charged to the budget. */
void graph_fixture_close(struct graph_fixture *fixture);

/* Appends a request with spans of ids ${first}, ${first} + 1 …, named "even" or "odd" as their id is,
 * each with ${padding} bytes in the attribute "pad", and ${resource_padding} in one of the resource. */
void graph_request(struct buf *out, uint64_t first, uint32_t spans, size_t padding,
		   size_t resource_padding);

/* Appends a request with one span ${id} that the langfuse processor holds back until its trace says
 * which model it is of, with ${text_bytes} of text on it. */
void graph_waiting_span(struct buf *out, uint64_t id, size_t text_bytes);

/* Appends a request with ${spans} spans that have a span id alone, below 1000, and, unless
 * ${large_bytes} is 0, one named "large" of that size. */
void graph_tiny_spans(struct buf *out, uint32_t spans, size_t large_bytes);

/* One push and what became of it. */
struct graph_push {
	struct push push;
	uint32_t answers;
	enum outcome outcome;
	uint64_t retry_after_ns;
	uint32_t span_count;
	enum err_kind err_kind;
	char message[256];
};

/* Pushes a copy of ${body} with ${slack} unused bytes behind it to the first receiver, on shard
 * ${shard}. The answer may come later. */
void graph_fixture_push(struct graph_fixture *fixture, size_t shard, struct slice body,
			size_t slack, struct graph_push *push);

/* Turns all loops until ${done}(${arg}); fails the test after a minute. */
void graph_fixture_run_until(struct graph_fixture *fixture, bool (*done)(void *arg), void *arg);

/* Turns all loops until no exporter and no stage holds a span. */
void graph_fixture_drain(struct graph_fixture *fixture);

struct exporter_node *graph_fixture_exporter(struct graph_fixture *fixture, size_t at);
const struct ledger *graph_fixture_ledger(struct graph_fixture *fixture, size_t at);

/* The series' value now; fails the test when there is none. */
double graph_fixture_metric(struct graph_fixture *fixture, const char *name, const char *labels);

#endif
