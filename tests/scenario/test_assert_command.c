/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sluice assert with a command: what the command gets, how its end and the verdict become one exit
 * code, and when the run is over. The commands are shells; `sluice generate` stands for an SDK.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/file_folder.h"
#include "tests/support/held_port.h"
#include "tests/support/scenario_daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEND                                                                                       \
	"${SLUICE_BIN:-bin/sluice} generate --endpoint $OTEL_EXPORTER_OTLP_ENDPOINT --traces "     \
	"llm-d"

static struct file_folder folder;
static char holds[128], fails[128], broken[128];

static int run(struct buf *output, const char *const *options, const char *script)
{
	const char *args[DAEMON_ARGS_MAX] = {"assert"};
	size_t count = 1;
	for (; options && *options; options++)
		args[count++] = *options;
	args[count++] = "--";
	args[count++] = "sh";
	args[count++] = "-c";
	args[count++] = script;
	*output = BUF_INIT;
	return daemon_run(args, output);
}

/* The exit code of the script under the options; the caller frees the output. */
#define RUN(output, script, ...) run((output), (const char *const[]){__VA_ARGS__, NULL}, (script))

static void assert_says(struct buf *output, const char *text)
{
	if (!strstr(buf_cstr(output), text))
		fail_msg("no \"%s\" in:\n%s", text, buf_cstr(output));
}

static void assert_silent(struct buf *output, const char *text)
{
	if (strstr(buf_cstr(output), text))
		fail_msg("\"%s\" in:\n%s", text, buf_cstr(output));
}

/* ---- the environment ------------------------------------------------------------------------ */

static const struct {
	const char *name, *value; /* up to the port */
} variables[] = {
	{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:"},
	{"OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"},
	{"OTEL_EXPORTER_OTLP_INSECURE", "true"},
	{"OTEL_TRACES_EXPORTER", "otlp"},
	{"OTEL_METRICS_EXPORTER", "none"},
	{"OTEL_LOGS_EXPORTER", "none"},
	{"OTEL_BSP_SCHEDULE_DELAY", "50"},
};

static void clear_variables(void)
{
	for (size_t i = 0; i < ARRAY_COUNT(variables); i++)
		assert_int_equal(unsetenv(variables[i].name), 0);
}

static void the_command_is_told_where_to_send(void **state)
{
	(void)state;
	struct buf output;
	char line[128];
	clear_variables();
	assert_int_equal(RUN(&output, "env", "--expect", holds, "--quiet", "10ms"), 2);
	for (size_t i = 0; i < ARRAY_COUNT(variables); i++) {
		(void)snprintf(line, sizeof(line), "%s=%s", variables[i].name, variables[i].value);
		assert_says(&output, line);
	}
	assert_silent(&output, "left alone");
	buf_fini(&output);
}

/* Each on its own: what the user set stays, is told, and the others are set all the same. */
static void what_the_user_set_is_left_alone_and_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(variables); i++) {
		struct buf output;
		char line[128];
		clear_variables();
		assert_int_equal(setenv(variables[i].name, "http://127.9.9.9:1", 1), 0);
		assert_int_equal(RUN(&output, "env", "--expect", holds, "--quiet", "10ms"), 2);
		(void)snprintf(line, sizeof(line), "%s=http://127.9.9.9:1\n", variables[i].name);
		assert_says(&output, line);
		(void)snprintf(line, sizeof(line), "left alone:\n%s\n", variables[i].name);
		assert_says(&output, line);
		size_t other = (i + 1) % ARRAY_COUNT(variables);
		(void)snprintf(line, sizeof(line), "%s=%s", variables[other].name,
			       variables[other].value);
		assert_says(&output, line);
		buf_fini(&output);
	}
	clear_variables();
}

/* These win over ours in every SDK, so a silent run has to name them. */
static void stronger_variables_are_told_when_nothing_came(void **state)
{
	static const char *const names[] = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
					    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
					    "OTEL_SDK_DISABLED", "OTEL_TRACES_SAMPLER"};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		struct buf output;
		assert_int_equal(setenv(names[i], "x", 1), 0);
		assert_int_equal(RUN(&output, "true", "--expect", holds, "--quiet", "10ms"), 2);
		assert_says(&output, "left alone:\n");
		assert_says(&output, names[i]);
		assert_int_equal(unsetenv(names[i]), 0);
		buf_fini(&output);
	}
}

/* ---- exit codes ----------------------------------------------------------------------------- */

static void the_exit_code_says_what_went_wrong(void **state)
{
	(void)state;
	const struct {
		const char *expect, *script;
		int code;
		const char *says;
	} cases[] = {
		{holds, SEND, 0, "everything was met"},
		{fails, SEND, 1, "no more spans came"},
		{holds, "true", 2, "No span was received"},
		{broken, SEND, 3, "broken.yaml:3:5"},
		{"/nowhere/f.yaml", SEND, 3, "/nowhere/f.yaml"},
		{holds, SEND "; exit 7", 4, "The command failed with exit code 7"},
		{fails, SEND "; exit 1", 4, "The command failed with exit code 1"},
		{holds, "exit 9", 4, "The command failed with exit code 9"},
		{holds, SEND "; kill -KILL $$", 4, "The command was ended by signal 9"},
		{holds, "exec /nowhere/program", 4, "exit code 127"},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct buf output;
		int code = RUN(&output, cases[i].script, "--expect", cases[i].expect, "--quiet",
			       "200ms");
		if (code != cases[i].code)
			fail_msg("case %zu: exit code %d:\n%s", i, code, buf_cstr(&output));
		assert_says(&output, cases[i].says);
		if (code == 3) /* never run: nothing was judged */
			assert_silent(&output, "sent 1 trace,");
		buf_fini(&output);
	}
}

static void a_command_that_cannot_be_run_is_said(void **state)
{
	(void)state;
	struct buf output = BUF_INIT;
	const char *const args[] = {"assert", "--expect", holds, "--", "/nowhere/program", NULL};
	assert_int_equal(daemon_run(args, &output), 4);
	assert_says(&output, "cannot run \"/nowhere/program\": no such file or directory");
	assert_says(&output, "the command did not start");
	buf_fini(&output);
}

static void output_and_input_pass_through(void **state)
{
	(void)state;
	struct buf output;
	assert_int_equal(RUN(&output, SEND " >&2; echo to-stdout; echo to-stderr >&2; cat; echo $#",
			     "--expect", holds),
			 0);
	assert_says(&output, "to-stdout\n");
	assert_says(&output, "to-stderr\n");
	assert_says(&output, "sent 1 trace,");
	buf_fini(&output);
}

/* ---- when it is over ------------------------------------------------------------------------ */

/* Its end is waited for, however early everything is met. */
static void met_waits_for_the_command(void **state)
{
	(void)state;
	struct buf output;
	char script[256];
	(void)snprintf(script, sizeof(script), SEND "; " SEND " --seed 2; echo last >%s",
		       file_folder_path(&folder, "last"));
	assert_int_equal(RUN(&output, script, "--expect", holds), 0);
	assert_says(&output, "50 spans in ");
	assert_int_equal(access(file_folder_path(&folder, "last"), F_OK), 0);
	buf_fini(&output);
}

/* Spans of what the command left running count: the run waits for `quiet` after its end. */
static void spans_after_the_commands_end_count(void **state)
{
	(void)state;
	struct buf output;
	char script[512], go[128];
	(void)snprintf(go, sizeof(go), "%s", file_folder_path(&folder, "go"));
	assert_int_equal(mkfifo(go, 0600), 0);
	(void)snprintf(script, sizeof(script), "(read x <%s; " SEND ") & (echo >%s) & exit 0", go,
		       go);
	assert_int_equal(RUN(&output, script, "--expect", holds, "--quiet", "60s"), 0);
	assert_says(&output, "everything was met");
	buf_fini(&output);
}

static void a_command_that_never_exports_is_told_where_it_could_have(void **state)
{
	(void)state;
	struct buf output;
	assert_int_equal(RUN(&output, "echo port=${OTEL_EXPORTER_OTLP_ENDPOINT##*:}", "--expect",
			     holds, "--quiet", "10ms"),
			 2);
	const char *port = strstr(buf_cstr(&output), "port=");
	assert_non_null(port);
	char says[128];
	(void)snprintf(says, sizeof(says), "Sluice listened on 127.0.0.1:%.*s for OTLP over gRPC",
		       (int)strcspn(port + 5, "\n"), port + 5);
	assert_says(&output, says);
	buf_fini(&output);
}

static void a_command_that_exports_elsewhere_is_no_success(void **state)
{
	(void)state;
	struct buf output;
	char script[256];
	(void)snprintf(script, sizeof(script),
		       "${SLUICE_BIN:-bin/sluice} generate --endpoint 127.0.0.1:%u; exit 0",
		       (unsigned)held_port());
	assert_int_equal(RUN(&output, script, "--expect", holds, "--quiet", "10ms"), 2);
	assert_says(&output, "No span was received. Sluice listened on 127.0.0.1:");
	buf_fini(&output);
}

/* What reached the port and was no traces is told, too. */
static void what_was_refused_is_told(void **state)
{
	(void)state;
	struct buf output;
	assert_int_equal(RUN(&output,
			     "port=${OTEL_EXPORTER_OTLP_ENDPOINT##*:}; "
			     "exec python3 -c \"import urllib.request as u\ntry: u.urlopen("
			     "'http://127.0.0.1:$port/v1/metrics', b'x')\n"
			     "except Exception as e: print(e)\"",
			     "--expect", holds, "--quiet", "10ms"),
			 2);
	assert_says(&output, "404");
	assert_says(&output, "not OTLP traces: 1 requests");
	buf_fini(&output);
}

static void the_deadline_ends_the_command(void **state)
{
	(void)state;
	static const struct {
		const char *script, *says;
	} cases[] = {
		{SEND "; sleep 1000", "the deadline was reached"},
		{SEND "; (sleep 1000) & wait", "The command still ran; it was ended."},
		/* only SIGKILL ends it, and what it started with it */
		{SEND "; trap '' TERM; while :; do sleep 1; done", "The command still ran"},
		/* its last spans, sent when it is told to end, are received */
		{"trap '" SEND "; exit 0' TERM; sleep 1000 & wait", "25 spans in 1 traces"},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct buf output;
		int code = RUN(&output, cases[i].script, "--expect", holds, "--deadline", "500ms");
		if (code != 4)
			fail_msg("case %zu: exit code %d:\n%s", i, code, buf_cstr(&output));
		assert_says(&output, cases[i].says);
		buf_fini(&output);
	}
}

static void a_signal_ends_it_and_what_came_is_judged(void **state)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(signals); i++) {
		const char *const args[] = {"assert",
					    "--expect",
					    holds,
					    "--",
					    "sh",
					    "-c",
					    SEND "; echo sent; sleep 1000",
					    NULL};
		struct daemon *daemon = daemon_spawn(args);
		daemon_wait_output(daemon, "sent\n");
		daemon_signal(daemon, signals[i]);
		assert_int_equal(daemon_wait_exit(daemon), 4);
		daemon_wait_output(daemon, "ok    one root");
		daemon_wait_output(daemon, "25 spans in 1 traces; a signal ended the run");
		(void)daemon_stop(daemon);
	}
}

/* ---- wrong flags ---------------------------------------------------------------------------- */

static void wrong_flags_are_exit_code_3(void **state)
{
	(void)state;
	const struct {
		const char *args[8], *says;
	} cases[] = {
		{{"--no-such-option"}, "unknown flag: --no-such-option"},
		{{"--expect"}, "--expect"},
		{{"--expect", holds}, "say where spans come from"},
		{{"--expect", holds, "--"}, "say where spans come from"},
		{{"--", "true"}, "say what is expected: --expect FILE"},
		{{"--expect", holds, "--quiet", "soon", "--", "true"}, "--quiet"},
		{{"--expect", holds, "--deadline", "-1s", "--", "true"}, "--deadline"},
		{{"--expect", holds, "--from", "f", "--", "true"}, "it does not go with a command"},
		{{"--expect", holds, "--from", "f", "--listen", "127.0.0.1:0"}, "--listen"},
		{{"--expect", holds, "--from", "f", "--control", "127.0.0.1:0"}, "--control"},
		{{"--expect", holds, "--listen", "nonsense"}, "nonsense"},
		{{"--expect", holds, "word", "--", "true"}, "unknown argument: word"},
		{{"--config", "yaml:{}", "--control", "127.0.0.1:0", "--", "true"},
		 "add the extension assert_control"},
		{{"--config", "configs/ci.yaml", "--", "true"}, "has the exporter \"assert\""},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const char *args[10] = {"assert"};
		struct buf output = BUF_INIT;
		for (size_t k = 0; k < 8 && cases[i].args[k]; k++)
			args[k + 1] = cases[i].args[k];
		int code = daemon_run(args, &output);
		if (code != 3)
			fail_msg("case %zu: exit code %d:\n%s", i, code, buf_cstr(&output));
		assert_says(&output, cases[i].says);
		buf_fini(&output);
	}
}

/* ---- the program ---------------------------------------------------------------------------- */

static void write_file(char path[128], const char *name, const char *text)
{
	file_folder_write(&folder, name, text);
	(void)snprintf(path, 128, "%s", file_folder_path(&folder, name));
}

static int set_up(void **state)
{
	(void)state;
	file_folder_make(&folder);
	write_file(holds, "holds.yaml",
		   "expect:\n  - that: one root\n    in: each trace\n    roots: 1\n");
	write_file(fails, "fails.yaml",
		   "expect:\n  - that: two roots\n    in: each trace\n    roots: 2\n");
	write_file(broken, "broken.yaml",
		   "expect:\n  - that: a typing error\n    ni: each trace\n");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	file_folder_remove(&folder);
	return 0;
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_command_is_told_where_to_send),
		cmocka_unit_test(what_the_user_set_is_left_alone_and_told),
		cmocka_unit_test(stronger_variables_are_told_when_nothing_came),
		cmocka_unit_test(the_exit_code_says_what_went_wrong),
		cmocka_unit_test(a_command_that_cannot_be_run_is_said),
		cmocka_unit_test(output_and_input_pass_through),
		cmocka_unit_test(met_waits_for_the_command),
		cmocka_unit_test(spans_after_the_commands_end_count),
		cmocka_unit_test(a_command_that_never_exports_is_told_where_it_could_have),
		cmocka_unit_test(a_command_that_exports_elsewhere_is_no_success),
		cmocka_unit_test(what_was_refused_is_told),
		cmocka_unit_test(the_deadline_ends_the_command),
		cmocka_unit_test(a_signal_ends_it_and_what_came_is_judged),
		cmocka_unit_test(wrong_flags_are_exit_code_3),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
