/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals while spans are held: whatever an operator or the system sends, nothing acknowledged is
 * lost by it. Main thread only.
 */
#ifndef SLUICE_CMD_SIGNALS_H
#define SLUICE_CMD_SIGNALS_H

#include "pipeline/graph/graph.h"
#include "pipeline/net/loop.h"

#include <signal.h>

struct signals {
	struct graph *graph;
	bool hangup_ends;
	int fd;
	uv_poll_t poll; /* on the graph's main loop */
	sigset_t before;
};

/* Blocks in this thread, and in those that it starts, every signal that would end the process, those
 * of faults aside: from now on they wait. */
void signals_hold(struct signals *signals);

/* Undoes that for the ends: one that came too late for signals_watch acts now. The others stay without
 * effect. */
void signals_release(const struct signals *signals);

/* Answers what has been held and what comes: the ends stop ${graph} in order, everything else gets a
 * line in its log. ${hangup_ends}: SIGHUP is an end, too. Between graph_start and graph_run. */
MUST_CHECK int signals_watch(struct signals *signals, struct graph *graph, bool hangup_ends,
			     struct err *err);

/* After graph_run, before graph_free. */
void signals_unwatch(struct signals *signals);

#endif
