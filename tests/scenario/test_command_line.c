/* SPDX-License-Identifier: Apache-2.0 */
/* The command line as a shell sees it: help, mistakes, standard input, outputs that fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/held_port.h"
#include "tests/support/scenario_config.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

/* Runs ${line} in a shell, where $sluice is the program; stdout and stderr are ${output}, which the
 * caller frees. Returns the exit code. */
static int shell(struct buf *output, const char *line)
{
	char command[1024];
	uint8_t block[4096];
	size_t len;
	*output = BUF_INIT;
	(void)snprintf(command, sizeof(command), "sluice=${SLUICE_BIN:-bin/sluice}; { %s; } 2>&1",
		       line);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	while ((len = fread(block, 1, sizeof(block), pipe)) > 0)
		buf_append(output, slice_of(block, len));
	int status = pclose(pipe);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void assert_says(struct buf *output, const char *text)
{
	if (!strstr(buf_cstr(output), text))
		fail_msg("no \"%s\" in:\n%s", text, buf_cstr(output));
}

static void a_mistake_names_what_was_meant(void **state)
{
	static const struct {
		const char *line, *says;
	} cases[] = {
		{"$sluice generat",
		 "Error: unknown command \"generat\" for \"sluice\", did you mean "
		 "\"generate\"? (see sluice --help)\n"},
		{"$sluice valdiate", "did you mean \"validate\"?"},
		{"$sluice hlep", "did you mean \"help\"?"},
		{"$sluice help polcy", "did you mean \"policy\"?"},
		{"$sluice --confg=a", "Error: unknown flag: --confg=a, did you mean --config?"},
		{"$sluice dev --grpc-prot 1", "did you mean --grpc-port?"},
		{"$sluice dev --grpc-port 99999", "Error: invalid value \"99999\" for --grpc-port: "
						  "expected a port, at most 65535\n"},
		{"$sluice dev --color sometimes", "Error: invalid value \"sometimes\" for --color: "
						  "expected auto, always or never\n"},
		{"$sluice generate --protocol thrift",
		 "Error: invalid value \"thrift\" for --protocol: expected grpc or http\n"},
		{"$sluice generate --rate -1", "Error: invalid value for --rate: "},
		{"$sluice generate --rate nan", "Error: invalid value for --rate: "},
		{"$sluice generate --endpoint a:b:c", "Error: --endpoint \"a:b:c\": "},
		{"$sluice generate --traces nix", "Error: --traces: unknown name in \"nix\""},
		{"$sluice validate --config yaml: --set x",
		 "Error: invalid value \"x\" for --set: expected a.b.c=value\n"},
	};
	struct buf output;
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_int_equal(shell(&output, cases[i].line), 1);
		assert_says(&output, cases[i].says);
		buf_fini(&output);
	}
}

static void help_of_a_command_is_its_help(void **state)
{
	static const char *const commands[] = {"run",	     "dev",    "demo",	   "validate",
					       "components", "policy", "generate", "version"};
	struct buf one, other;
	char line[64];
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
		(void)snprintf(line, sizeof(line), "$sluice help %s", commands[i]);
		assert_int_equal(shell(&one, line), 0);
		(void)snprintf(line, sizeof(line), "$sluice %s --help", commands[i]);
		assert_int_equal(shell(&other, line), 0);
		assert_string_equal(buf_cstr(&one), buf_cstr(&other));
		assert_true(one.len > 20);
		buf_fini(&one);
		buf_fini(&other);
	}
	assert_int_equal(shell(&one, "$sluice help"), 0);
	assert_int_equal(shell(&other, "$sluice --help"), 0);
	assert_string_equal(buf_cstr(&one), buf_cstr(&other));
	buf_fini(&one);
	buf_fini(&other);
}

static void a_dash_is_standard_input(void **state)
{
	struct buf output;
	(void)state;
	assert_int_equal(shell(&output, "$sluice validate --config - <configs/dev.yaml"), 0);
	buf_fini(&output);
	assert_int_equal(shell(&output, "$sluice validate --config=- --set "
					"processors.metadata_only.mode=strict <configs/dev.yaml"),
			 0);
	buf_fini(&output);
	assert_int_equal(
		shell(&output, "echo 'exporters: {otpl: {}}' | $sluice validate --config -"), 1);
	assert_says(&output, "did you mean \"otlp\"?");
	assert_says(&output, "(-:1:13: ");
	buf_fini(&output);
}

/* What was not printed was not done: the exit code says so, whatever the command. */
static void an_output_that_fails_is_an_exit_code(void **state)
{
	static const char *const lines[] = {
		"version",
		"--version",
		"--help",
		"help run",
		"components",
		"components --markdown",
		"policy table",
		"generate --help",
		"policy explain gen_ai.prompt",
		"validate --config configs/dev.yaml",
		"demo",

	};
	struct buf output;
	char line[128];
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
		(void)snprintf(line, sizeof(line), "$sluice %s >/dev/full", lines[i]);
		if (shell(&output, line) != 1)
			fail_msg("%s: exit code", line);
		assert_says(&output, "Error: write standard output: ");
		buf_fini(&output);
		(void)snprintf(line, sizeof(line), "$sluice %s >&-", lines[i]);
		assert_int_equal(shell(&output, line), 1);
		buf_fini(&output);
	}
}

/* Numbers and their nouns; how far it is while it runs. */
static void generate_says_how_far_it_is(void **state)
{
	struct buf output;
	char line[512];
	struct daemon *daemon =
		scenario_start(NULL, SCENARIO_LISTENERS "exporters: {nop: }\n" SCENARIO_PIPELINE
							"exporters: [nop]}\n");
	(void)state;
	(void)snprintf(line, sizeof(line), "$sluice generate --endpoint 127.0.0.1:%u --traces vllm",
		       daemon_grpc_port(daemon));
	assert_int_equal(shell(&output, line), 0);
	assert_says(&output, "sent 1 trace, 1 span in 1 request to 127.0.0.1:");
	buf_fini(&output);
	/* It goes on until a line about it has come; then SIGINT ends it. */
	(void)snprintf(line, sizeof(line),
		       "f=$(mktemp); $sluice generate --endpoint 127.0.0.1:%u --rounds 0 --rate 50 "
		       "2>$f & p=$!; until grep 'so far' $f; do kill -0 $p || break; done; "
		       "kill -INT $p; wait $p; code=$?; rm $f; exit $code",
		       daemon_grpc_port(daemon));
	assert_int_equal(shell(&output, line), 0);
	assert_says(&output, " requests so far\n");
	buf_fini(&output);
	assert_int_equal(daemon_stop(daemon), 0);
}

static void colour_and_encoding_can_be_chosen(void **state)
{
	struct buf output;
	(void)state;
	assert_int_equal(shell(&output, "$sluice demo --color=always"), 0);
	assert_says(&output, "\x1b[1mtrace ");
	buf_fini(&output);
	assert_int_equal(shell(&output, "FORCE_COLOR=1 $sluice demo --color never"), 0);
	assert_null(strchr(buf_cstr(&output), '\x1b'));
	buf_fini(&output);
	assert_int_equal(shell(&output, "LC_ALL=C $sluice demo"), 0);
	assert_says(&output, "`- ");
	for (size_t i = 0; i < output.len; i++)
		assert_true(output.data[i] < 0x80);
	buf_fini(&output);
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mistake_names_what_was_meant),
		cmocka_unit_test(help_of_a_command_is_its_help),
		cmocka_unit_test(a_dash_is_standard_input),
		cmocka_unit_test(an_output_that_fails_is_an_exit_code),
		cmocka_unit_test(colour_and_encoding_can_be_chosen),
		cmocka_unit_test(generate_says_how_far_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
