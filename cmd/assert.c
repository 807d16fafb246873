/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sluice assert: are the traces as a file says? Three sources of spans, one verdict:
 *
 *   sluice assert --expect F -- COMMAND …     a command, told where to send them
 *   sluice assert --expect F --listen A       whoever sends them
 *   sluice assert --expect F --from R         a file that was recorded
 */
#include "cmd/assert_policy.h"
#include "cmd/assert_recorded.h"
#include "cmd/assert_report.h"
#include "cmd/assert_run.h"
#include "cmd/commands.h"
#include "pipeline/base/clock.h"

#include <stdio.h>
#include <string.h>

struct assert_options {
	struct assert_run_options run;
	struct option_list from;
	struct assert_report_options report;
};

static const char synopsis[] = "sluice assert --expect FILE [options] -- COMMAND [ARGUMENT…]\n"
			       "       sluice assert --expect FILE [options] --listen HOST:PORT\n"
			       "       sluice assert --expect FILE [options] --from FILE";
static const char description[] =
	"Receives traces, judges them by expectation files, and says what failed and why. A "
	"command gets\nOTEL_EXPORTER_OTLP_ENDPOINT and its like, unless they are set.\n\n"
	"Exit code: 0 all expectations hold, 1 one failed, 2 no span was received, 3 a wrong "
	"expectation\nfile, configuration or option, 4 the command failed.";

/* Takes the command off: what follows "--". Returns what argc is without it. */
static int split_command(int argc, char **argv, char *const **ret_command)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0) {
			*ret_command = i + 1 < argc ? argv + i + 1 : NULL;
			return i;
		}
	}
	return argc;
}

/* One source of spans, and something to judge them by. False after a message. */
static bool check(const struct assert_options *options)
{
	int sources = (options->run.command != NULL) + (options->run.listen != NULL) +
		      (options->from.count > 0);
	const char *wrong = NULL;
	if (options->run.command && options->from.count > 0)
		wrong = "--from reads a file: it does not go with a command";
	else if (options->run.listen && options->from.count > 0)
		wrong = "--from reads a file: it does not go with --listen";
	else if (sources == 0)
		wrong = "say where spans come from: a command after --, --listen, or --from";
	else if (options->run.expect.count == 0 && options->run.collector.configs.count == 0)
		wrong = "say what is expected: --expect FILE";
	if (wrong)
		fprintf(stderr, "Error: %s (see --help)\n", wrong);
	return !wrong;
}

static int judge_recorded(const struct assert_options *options)
{
	struct assert_recorded recorded;
	int code = ASSERT_EXIT_BAD_FILE;
	if (assert_recorded_init(&recorded, &options->run.expect, &options->from,
				 &options->run.env)) {
		struct assert_outcome outcome = {.end = ASSERT_END_RECORDED,
						 .sessions = &recorded.session,
						 .session_count = 1};
		code = assert_report(&outcome, &options->report);
	}
	assert_recorded_fini(&recorded);
	return code;
}

static int judge_run(const struct assert_options *options)
{
	struct assert_run run;
	int code = ASSERT_EXIT_BAD_FILE;
	if (assert_run(&run, &options->run)) {
		struct assert_outcome outcome = {.end = run.end,
						 .sessions = run.sessions,
						 .session_count = run.session_count,
						 .child = options->run.command ? &run.child : NULL,
						 .metrics = assert_run_metrics(&run),
						 .port = run.port};
		code = assert_report(&outcome, &options->report);
	}
	assert_run_fini(&run);
	return code;
}

int command_assert(int argc, char **argv)
{
	struct assert_options options = {.run = {.collector = {.shards = 1}}};
	struct assert_run_options *run = &options.run;
	const struct option_spec specs[] = {
		{"--expect", 0, OPTION_LIST, &run->expect, "FILE",
		 "Expectation file; may be repeated."},
		{"--listen", 0, OPTION_TEXT, &run->listen, "A",
		 "Address to receive OTLP at, gRPC and HTTP; default with a command: a free port."},
		{"--from", 0, OPTION_LIST, &options.from, "FILE",
		 "Spans from a file: OTLP JSON lines or protobuf; may be repeated."},
		{"--quiet", 0, OPTION_DURATION, &run->quiet_ns, "D",
		 "Over when no span came for so long; default 6s after the command's end, 30s "
		 "with --listen."},
		{"--deadline", 0, OPTION_DURATION, &run->deadline_ns, "D",
		 "Over whatever happens; a command is ended then; default 10m."},
		{"--show-values", 0, OPTION_FLAG, &options.report.show_values, NULL,
		 "Print values that the policy would remove."},
		{"--config", 0, OPTION_LIST, &run->collector.configs, "URI",
		 "A pipeline of yours with the exporter assert, in place of the built-in "
		 "one (configs/assert.yaml)."},
		COLLECTOR_OPTIONS(run->collector)};
	argc = split_command(argc, argv, &run->command);
	switch (options_parse(specs, ARRAY_COUNT(specs), argc, argv)) {
	case OPTIONS_OK: break;
	case OPTIONS_BAD: return ASSERT_EXIT_BAD_FILE;
	case OPTIONS_HELP: options_help(synopsis, description, specs, ARRAY_COUNT(specs)); return 0;
	}
	if (!check(&options))
		return ASSERT_EXIT_BAD_FILE;
	struct assert_policy policy;
	int code = ASSERT_EXIT_BAD_FILE;
	if (assert_policy_init(&policy, &run->collector.configs, &run->collector.sets)) {
		run->env = assert_policy_env(&policy);
		options.report.policy = &policy;
		code = options.from.count > 0 ? judge_recorded(&options) : judge_run(&options);
	}
	assert_policy_fini(&policy);
	return code;
}
