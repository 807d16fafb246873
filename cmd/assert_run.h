/* SPDX-License-Identifier: Apache-2.0 */
/* The part of `sluice assert` in which spans come in: a collector with the exporter assert, a command beside
 * it, and the decision that it is over. */
#ifndef SLUICE_CMD_ASSERT_RUN_H
#define SLUICE_CMD_ASSERT_RUN_H

#include "cmd/assert_child.h"
#include "cmd/collector.h"
#include "pipeline/expect/session.h"

enum { ASSERT_SESSIONS_MAX = 8 };

/* Why no more spans were waited for. */
enum assert_end {
	ASSERT_END_SIGNAL = 0, /* SIGINT, SIGTERM: what is there is judged */
	ASSERT_END_MET,	       /* the command has ended and every expectation holds */
	ASSERT_END_QUIET,      /* nothing came for `quiet` */
	ASSERT_END_DEADLINE,
	ASSERT_END_FINISHED, /* POST /finish (extension assert_control) */
	ASSERT_END_RECORDED, /* the files are read */
	ASSERT_END_NO_START, /* the command could not be started; said */
	ASSERT_END_COUNT
};

struct assert_run_options {
	struct collector_options collector; /* configs empty: the built-in configs/assert.yaml */
	struct option_list expect;
	const char *listen;   /* host:port in place of a free one; NULL: a free one */
	const char *control;  /* host:port of the extension assert_control; NULL: as configured */
	char *const *command; /* NULL-terminated; NULL: none, others send */
	struct judge_env env; /* for every exporter assert */
	uint64_t quiet_ns;    /* 0: the default, which depends on whether there is a command */
	uint64_t deadline_ns; /* 0: the default */
};

#define ASSERT_COMMAND_QUIET_NS (6 * NS_PER_S) /* just over the 5 s for which SDKs collect */
#define ASSERT_LISTEN_QUIET_NS (30 * NS_PER_S)
#define ASSERT_DEADLINE_NS (600 * NS_PER_S)

struct assert_run {
	const struct assert_run_options *options;
	enum assert_end end;
	struct assert_child child;
	uint16_t port; /* that was listened on; 0: unknown */
	/* One per exporter assert of the configuration; valid until assert_run_fini. */
	struct expect_session *sessions[ASSERT_SESSIONS_MAX];
	size_t session_count;
	/* private */
	struct collector collector;
	struct graph *graph;
	uint64_t began_ns;
	uv_timer_t timer;
	bool timer_made;
	bool finish_asked; /* by assert_control */
	char *expect_set, *listen_set, *control_set;
};

/* Runs to the end. False after a message when it could not begin: a bad configuration, a bad expectation
 * file, a port in use. assert_run_fini in either case. */
MUST_CHECK bool assert_run(struct assert_run *run, const struct assert_run_options *options);
void assert_run_fini(struct assert_run *run);

/* Of the collector that ran; NULL: none did. Valid until assert_run_fini. */
const struct metrics *assert_run_metrics(const struct assert_run *run);

#endif
