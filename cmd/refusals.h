/* SPDX-License-Identifier: Apache-2.0 */
/* What a local collector refused, told while it runs: one line a kind, with what to do. */
#ifndef SLUICE_CMD_REFUSALS_H
#define SLUICE_CMD_REFUSALS_H

#include "pipeline/graph/graph.h"
#include "pipeline/net/loop.h"

enum { REFUSAL_KINDS_MAX = 16 };

struct refusals {
	struct graph *graph;
	uv_timer_t timer; /* on the graph's main loop */
	bool watching;
	bool told[REFUSAL_KINDS_MAX];
};

/* Looks at ${graph}'s counters a few times a second and prints to stderr, until refusals_end. */
void refusals_watch(struct refusals *refusals, struct graph *graph);

/* After graph_run, before graph_free: tells what came last. Nothing when it does not watch. */
void refusals_end(struct refusals *refusals);

#endif
