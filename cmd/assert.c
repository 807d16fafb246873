/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sluice assert: are the traces as a file says? Three sources of spans, one verdict:
 *
 *   sluice assert --expect F -- COMMAND …     a command, told where to send them
 *   sluice assert --expect F --listen A       whoever sends them
 *   sluice assert --expect F --from R         a file that was recorded
 */
#include "cmd/assert_keep.h"
#include "cmd/assert_record.h"
#include "cmd/assert_recorded.h"
#include "cmd/assert_registry.h"
#include "cmd/assert_report.h"
#include "cmd/assert_run.h"
#include "cmd/assert_snapshot.h"
#include "cmd/commands.h"
#include "pipeline/base/clock.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct assert_options {
	struct assert_run_options run;
	struct option_list from;
	struct assert_report_files reports;
	const char *keep, *record, *snapshot, *registry;
	bool update;
	struct assert_policy policy;
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
	else if ((options->run.listen || options->run.control) && options->from.count > 0)
		wrong = "--from reads a file: it does not go with --listen or --control";
	else if (options->run.control && options->run.collector.configs.count > 0)
		wrong = "--control is for the built-in pipeline: add the extension assert_control "
			"to yours";
	else if (sources == 0)
		wrong = "say where spans come from: a command after --, --listen, or --from";
	else if (options->run.expect.count == 0 && options->run.collector.configs.count == 0 &&
		 !options->record && !options->keep && !options->snapshot && !options->registry)
		wrong = "say what is expected: --expect FILE, or --record one";
	else if (options->update && !options->snapshot)
		wrong = "--update says what to do with --snapshot FILE";
	if (wrong)
		fprintf(stderr, "Error: %s (see --help)\n", wrong);
	return !wrong;
}

/* Writes the files that are made of the spans themselves, the first one that cannot be written ends it.
 * Nothing is learned from nothing: then only --keep writes. */
static bool write_spans(struct assert_options *options, const struct assert_results *results,
			const struct trace_buffer *const *buffers, size_t count)
{
	struct assert_policy *policy = &options->policy;
	bool any = results->spans > 0;
	if (options->keep && !assert_keep(options->keep, buffers, count))
		return false;
	if (any && options->record && !assert_record(options->record, buffers, count, policy))
		return false;
	return !any || !options->update ||
	       assert_snapshot_update(options->snapshot, buffers, count, policy);
}

/* Holds the spans against files that are no expectations. */
static bool compare(const struct assert_options *options, const struct trace_buffer *const *buffers,
		    size_t count, struct assert_results *results)
{
	if (options->snapshot && !options->update &&
	    !assert_snapshot_compare(options->snapshot, buffers, count, results))
		return false;
	return !options->registry || assert_registry(options->registry, buffers, count, results);
}

/* What came is judged, reported and kept. Returns the exit code. */
static int conclude(struct assert_options *options, const struct assert_outcome *outcome)
{
	const struct trace_buffer *buffers[ASSERT_SESSIONS_MAX];
	struct assert_results results;
	size_t count = outcome->session_count;
	for (size_t i = 0; i < count; i++)
		buffers[i] = expect_session_buffer(outcome->sessions[i]);
	assert_results_init(&results, outcome, &options->policy, terminal_of(STDERR_FILENO));
	bool done = results.spans == 0 || compare(options, buffers, count, &results);
	assert_results_conclude(&results);
	done = assert_report(&results, &options->reports) && done;
	done = write_spans(options, &results, buffers, count) && done;
	int code = done ? results.exit_code : ASSERT_EXIT_BAD_FILE;
	assert_results_fini(&results);
	return code;
}

static int judge_recorded(struct assert_options *options)
{
	struct assert_recorded recorded;
	int code = ASSERT_EXIT_BAD_FILE;
	if (assert_recorded_init(&recorded, &options->run.expect, &options->from,
				 &options->run.env)) {
		struct assert_outcome outcome = {.end = ASSERT_END_RECORDED,
						 .sessions = &recorded.session,
						 .session_count = 1};
		code = conclude(options, &outcome);
	}
	assert_recorded_fini(&recorded);
	return code;
}

static int judge_run(struct assert_options *options)
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
		code = conclude(options, &outcome);
	}
	assert_run_fini(&run);
	return code;
}

/* What is written, as entries of a struct option_spec array. */
#define OUTPUT_OPTIONS(options)                                                                      \
	{"--show-values",                                                                            \
	 0,                                                                                          \
	 OPTION_FLAG,                                                                                \
	 &(options).policy.shows_all,                                                                \
	 NULL,                                                                                       \
	 "Print values and names that the policy would remove."},                                    \
		{"--junit",   0,                                                                     \
		 OPTION_TEXT, &(options).reports.junit,                                              \
		 "FILE",      "Write the results as JUnit's XML, too."},                             \
		{"--json",    0,                                                                     \
		 OPTION_TEXT, &(options).reports.json,                                               \
		 "FILE",      "Write the results as JSON, too (docs/assert-reports.md)."},           \
		{"--sarif",   0,                                                                     \
		 OPTION_TEXT, &(options).reports.sarif,                                              \
		 "FILE",      "Write the results as SARIF 2.1.0, too."},                             \
		{"--record",  0,                                                                     \
		 OPTION_TEXT, &(options).record,                                                     \
		 "FILE",      "Write a first expectation file that holds for the spans that came."}, \
		{"--snapshot",                                                                       \
		 0,                                                                                  \
		 OPTION_TEXT,                                                                        \
		 &(options).snapshot,                                                                \
		 "FILE",                                                                             \
		 "Compare names, kinds, parents, attributes of spans with those in FILE."},          \
		{"--update",  0,                                                                     \
		 OPTION_FLAG, &(options).update,                                                     \
		 NULL,	      "Write the file of --snapshot anew in place of comparing."},           \
		{"--registry",                                                                       \
		 0,                                                                                  \
		 OPTION_TEXT,                                                                        \
		 &(options).registry,                                                                \
		 "DIR",                                                                              \
		 "Compare attributes with semantic conventions as `weaver registry resolve` "        \
		 "writes "                                                                           \
		 "them."},                                                                           \
	{                                                                                            \
		"--keep", 0, OPTION_TEXT, &(options).keep, "FILE",                                   \
			"Write the spans as they came, unfiltered, as OTLP JSON lines: for "         \
			"--from."                                                                    \
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
		{"--control", 0, OPTION_TEXT, &run->control, "A",
		 "Address to answer GET /status and POST /finish at; default: none."},
		{"--quiet", 0, OPTION_DURATION, &run->quiet_ns, "D",
		 "Over when no span came for so long; default 6s after the command's end, 30s "
		 "with --listen."},
		{"--deadline", 0, OPTION_DURATION, &run->deadline_ns, "D",
		 "Over whatever happens; a command is ended then; default 10m."},
		OUTPUT_OPTIONS(options),
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
	int code = ASSERT_EXIT_BAD_FILE;
	if (assert_policy_init(&options.policy, &run->collector.configs, &run->collector.sets)) {
		run->env = assert_policy_env(&options.policy);
		code = options.from.count > 0 ? judge_recorded(&options) : judge_run(&options);
	}
	assert_policy_fini(&options.policy);
	return code;
}
