/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The graph: components made from a configuration, joined to pipelines, run on shards.
 *
 *   receiver ─▶ pipeline ─▶ processors ─▶ group (assembler) ─▶ senders ─▶ exporters
 *
 * A request runs through all of its receiver's pipelines in one synchronous call on its shard
 * (flow.c); what is left of it is encoded, room for it is reserved in every queue, and only then
 * somebody takes it. From there it belongs to the delivery layer.
 */
#ifndef SLUICE_GRAPH_GRAPH_H
#define SLUICE_GRAPH_GRAPH_H

#include "pipeline/base/budget.h"
#include "pipeline/base/log.h"
#include "pipeline/base/metrics.h"
#include "pipeline/config/service.h"

struct graph;
struct loop;

struct graph_options {
	struct logger *logger;	      /* outlives the graph */
	size_t shard_count;	      /* 0: one per CPU that this process may use */
	uint64_t shutdown_timeout_ns; /* from the signal to the end, all in all */
	const char *version;
	/* Called on the main thread once everything listens. May be NULL. */
	void (*ready)(void *arg, struct graph *graph);
	void *arg;
};

enum { GRAPH_SHARDS_MAX = 256, GRAPH_EXPORTERS_PER_PIPELINE_MAX = 64 };

/* Creates every component that a pipeline uses, checks the others' configuration. Opens nothing.
 * NULL when ${report} has errors. ${service} and the report's arena outlive the graph. */
MUST_CHECK struct graph *graph_new(const struct config_service *service,
				   const struct graph_options *options,
				   struct config_report *report);

/* Adds what is legal but surely not meant to ${report}, as warnings. For `sluice validate`. */
void graph_lint(struct graph *graph, struct config_report *report);

/* Opens sockets and starts the shards' threads. */
MUST_CHECK int graph_start(struct graph *graph, struct err *err);

/* Says that all is ready and runs the main loop until the graph has stopped. Between graph_start
 * and this the caller sets up what may end the run, such as signals. Returns the exit code. */
int graph_run(struct graph *graph);

/* Begins the orderly end: not ready, receivers drain, batches flush, queues empty, at most
 * shutdown_timeout. A second call ends at once. Main thread (signal callbacks). */
void graph_stop(struct graph *graph);

void graph_free(struct graph *graph);

struct metrics *graph_metrics(const struct graph *graph);
struct budget *graph_budget(struct graph *graph);

/* The main thread's loop, for signals; made by graph_start. */
struct loop *graph_loop(struct graph *graph);

/* The log of the service itself. */
const struct log *graph_log(const struct graph *graph);

/* The addresses that the receivers listen on, one a line ("otlp 4317 4318"). */
void graph_describe(const struct graph *graph, struct buf *out);

/* The instance number ${at} among the exporters of ${type}, for a command that works with one; NULL:
 * there are not so many. Owned by the graph. */
void *graph_exporter(const struct graph *graph, const char *type, size_t at);
/* Likewise the first extension of ${type} that runs. */
void *graph_extension(const struct graph *graph, const char *type);

/* The types that this build knows, for config_service_bind. In static memory. */
const struct config_known_types *graph_known_types(void);

#endif
