/* SPDX-License-Identifier: Apache-2.0 */
/* What a configuration amounts to: for `sluice validate` and the log at the start. */
#ifndef SLUICE_GRAPH_SUMMARY_H
#define SLUICE_GRAPH_SUMMARY_H

#include "pipeline/base/buf.h"
#include "pipeline/graph/graph.h"

/* Lines for people. No secret, and no value that came from the environment. */
struct graph_summary {
	struct buf pipelines; /* traces: otlp -> metadata_only -> debug */
	struct buf policies;  /* where, and with which settings */
	struct buf targets;   /* of each exporter in use */
	struct buf losses;    /* of each exporter in use, in a crash */
};

/* Ends with graph_summary_fini. */
void graph_summarise(const struct graph *graph, struct graph_summary *ret_summary);
void graph_summary_fini(struct graph_summary *summary);

/* The same as one line of the graph's log. */
void graph_log_summary(const struct graph *graph);

#endif
