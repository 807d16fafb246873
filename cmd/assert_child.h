/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command that `sluice assert` runs: told by its environment where its spans shall go, its
 * output passed through, ended when its time is over. Everything on the thread of the loop.
 */
#ifndef SLUICE_CMD_ASSERT_CHILD_H
#define SLUICE_CMD_ASSERT_CHILD_H

#include "pipeline/base/buf.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct assert_child {
	bool started, ended;
	bool stopped; /* its time was over before it had ended: it was told to */
	int code;     /* of the exit, 128 + number for a signal: as a shell says it */
	int signal;
	uint64_t started_ns, ended_ns; /* monotonic */
	/* Variables of OTEL_* that the user had set, so that they were left alone, one a line. */
	struct buf kept;
	/* private */
	uv_process_t process;
	bool leads_group; /* what it has started is ended with it */
	uint64_t stopped_ns;
};

/*
 * Starts ${argv} with OTEL_EXPORTER_OTLP_ENDPOINT and its like set to 127.0.0.1:${port} for what the user's
 * environment does not say otherwise. -1 with ERR_CONFIG when it cannot be started; ${loop} has to run, and
 * assert_child_fini to be called in either case.
 */
MUST_CHECK int assert_child_start(struct assert_child *child, uv_loop_t *loop, char *const *argv,
				  uint16_t port, struct err *err);

/*
 * Ends it while the loop runs, so that what it still sends is received: the first call sends SIGTERM,
 * one that comes ${ASSERT_CHILD_PATIENCE_NS} later SIGKILL. True when it has ended (or never ran).
 */
bool assert_child_stop(struct assert_child *child, uint64_t now_ns);
#define ASSERT_CHILD_PATIENCE_NS (5 * NS_PER_S)

/* The same once the loop has ended: waits. */
void assert_child_stop_without_loop(struct assert_child *child);

/* Releases it; ended before. The loop has to run once more. */
void assert_child_fini(struct assert_child *child);

#endif
