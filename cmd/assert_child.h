/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command that `sluice assert` runs: told by its environment where its spans shall go, its
 * output passed through, ended when its time is over. Everything on the thread of the loop.
 */
#ifndef SLUICE_CMD_ASSERT_CHILD_H
#define SLUICE_CMD_ASSERT_CHILD_H

#include "pipeline/base/buf.h"
#include "pipeline/base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct assert_child {
	bool started, ended;
	int code; /* of the exit, 128 + number for a signal: as a shell says it */
	int signal;
	uint64_t started_ns, ended_ns; /* monotonic */
	/* Variables of OTEL_* that the user had set, so that they were left alone, one a line. */
	struct buf kept;
	/* private */
	uv_process_t process;
};

/*
 * Starts ${argv} with OTEL_EXPORTER_OTLP_ENDPOINT and its like set to 127.0.0.1:${port} for what the user's
 * environment does not say otherwise. -1 with ERR_CONFIG when it cannot be started; ${loop} has to run, and
 * assert_child_fini to be called in either case.
 */
MUST_CHECK int assert_child_start(struct assert_child *child, uv_loop_t *loop, char *const *argv,
				  uint16_t port, struct err *err);

/* Ends it if it still runs, SIGTERM first, and waits; needs no running loop. */
void assert_child_fini(struct assert_child *child);

#endif
