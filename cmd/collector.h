/* SPDX-License-Identifier: Apache-2.0 */
/* A collector inside the program: from configuration sources to a running graph and its end. */
#ifndef SLUICE_CMD_COLLECTOR_H
#define SLUICE_CMD_COLLECTOR_H

#include "cmd/options.h"
#include "cmd/signals.h"
#include "pipeline/graph/graph.h"

/* What run, dev, demo and validate have in common on the command line. */
struct collector_options {
	struct option_list configs, sets, feature_gates;
	const char *colour;  /* "auto", "always", "never"; NULL: auto */
	const char *signals; /* "traces"; NULL: $SLUICE_SIGNALS, and without it all, as written */
	uint64_t shards;
	uint64_t shutdown_timeout_ns;
};

#define COLLECTOR_OPTIONS(options)                                                                  \
	{"--set",	  0,	     OPTION_LIST,                                                   \
	 &(options).sets, "a.b.c=v", "Set one value, after all files; may be repeated."},           \
		{"--feature-gates",	   0,	   OPTION_LIST,                                     \
		 &(options).feature_gates, "LIST", "Accepted for compatibility, without effect."},  \
		{"--signals",                                                                       \
		 0,                                                                                 \
		 OPTION_TEXT,                                                                       \
		 &(options).signals,                                                                \
		 "traces",                                                                          \
		 "Leave out pipelines of other signals and what only they use; "                    \
		 "default: $SLUICE_SIGNALS."},                                                      \
		{"--shards",	    0,	 OPTION_NUMBER,                                             \
		 &(options).shards, "N", "Threads that handle traffic; default: the usable CPUs."}, \
		{"--color",   0,                                                                    \
		 OPTION_TEXT, &(options).colour,                                                    \
		 "WHEN",      "Colours: auto (on terminals, the default), always or never."},       \
	{                                                                                           \
		"--shutdown-timeout", 0, OPTION_DURATION, &(options).shutdown_timeout_ns, "D",      \
			"Longest time from SIGTERM to the end; default 25s."                        \
	}

struct collector {
	struct arena arena;
	struct config_report report;
	const struct config_service *service;
	struct logger *logger;
	struct graph *graph;
	bool hangup_ends; /* set before the start: it belongs to a terminal and ends with it */
	struct signals signals;
};

/* Loads, checks and creates. Prints every problem; false when there is an error. ${quiet}: no log
 * (validate). In either case end with collector_fini. */
bool collector_init(struct collector *collector, const struct collector_options *options,
		    bool quiet, void (*ready)(void *arg, struct graph *graph), void *arg);

/* Starts what runs until SIGINT, SIGTERM or SIGQUIT (or graph_stop). 0, or -1 when nothing runs. */
MUST_CHECK int collector_start(struct collector *collector, struct err *err);

/* After a start: runs to the end and drains. Returns the exit code. */
int collector_wait(struct collector *collector);

/* Both; prints why it did not start. Returns the exit code. */
int collector_run(struct collector *collector);

/* Prints all problems of ${severity} to stderr. */
void collector_print_problems(const struct collector *collector, enum config_severity severity);

/* The first port of the first receiver of ${graph}, which runs; 0: it has none. */
uint16_t collector_first_port(const struct graph *graph);

void collector_fini(struct collector *collector);

#endif
