/* SPDX-License-Identifier: Apache-2.0 */
/* The verdicts of `sluice assert` for people, and its exit code. */
#ifndef SLUICE_CMD_ASSERT_REPORT_H
#define SLUICE_CMD_ASSERT_REPORT_H

#include "cmd/assert_policy.h"
#include "cmd/assert_run.h"

enum assert_exit {
	ASSERT_EXIT_HOLDS = 0,
	ASSERT_EXIT_FAILED = 1,
	ASSERT_EXIT_NOTHING = 2, /* no span was received */
	ASSERT_EXIT_BAD_FILE = 3,
	ASSERT_EXIT_COMMAND = 4, /* the command failed, whatever the expectations say */
};

struct assert_report_options {
	bool show_values; /* else only what the policy would let pass */
	struct assert_policy *policy;
};

/* What there is to report about. Nobody adds spans any more. */
struct assert_outcome {
	enum assert_end end;
	struct expect_session *const *sessions;
	size_t session_count;
	const struct assert_child *child; /* NULL: there was no command */
	const struct metrics *metrics;	  /* of the receivers; NULL: nothing was listened on */
	uint16_t port;
};

/* Judges what is new, prints to standard error, returns the exit code. */
int assert_report(const struct assert_outcome *outcome,
		  const struct assert_report_options *options);

#endif
