/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configurations with pipelines of other signals beside, in the shapes that charts, operators and
 * distributions give them: tests/fixtures/config/signals/NAME.yaml with `validate --signals traces`
 * prints exactly NAME.txt; none of them is taken without it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/peer_grpc.h"
#include "tests/support/scenario_config.h"
#include "tests/support/scenario_sender.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FIXTURES "tests/fixtures/config/signals/"
#define REMEDY "this program carries traces only: start it with --signals traces"

static int validate(const char *file, const char *signals, struct buf *output)
{
	const char *const args[] = {
		"validate", "--quiet", "--config", file, signals ? "--signals" : NULL,
		signals,    NULL};
	*output = BUF_INIT;
	return daemon_run(args, output);
}

static void read_text(const char *path, struct buf *text)
{
	uint8_t block[4096];
	ssize_t len;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	while ((len = read(fd, block, sizeof(block))) > 0)
		buf_append(text, slice_of(block, (size_t)len));
	(void)close(fd);
}

/* Places are given with the file's name; the texts beside the files have it without the folder. */
static void without_folder(const struct buf *output, struct buf *out)
{
	const char *at = output->len > 0 ? (const char *)output->data : "";
	const char *const end = at + output->len;
	while (at < end) {
		if ((size_t)(end - at) >= strlen(FIXTURES) &&
		    memcmp(at, FIXTURES, strlen(FIXTURES)) == 0)
			at += strlen(FIXTURES);
		buf_append_byte(out, (uint8_t)*at++);
	}
}

static void check_file(const char *name)
{
	struct buf output, got = BUF_INIT, want = BUF_INIT, file = BUF_INIT, text = BUF_INIT;
	buf_printf(&file, FIXTURES "%s", name);
	buf_printf(&text, FIXTURES "%.*s.txt", (int)(strlen(name) - strlen(".yaml")), name);
	int code = validate(buf_cstr(&file), "traces", &output);
	without_folder(&output, &got);
	read_text(buf_cstr(&text), &want);
	if (strcmp(buf_cstr(&got), buf_cstr(&want)) != 0)
		fail_msg("%s prints\n%s", name, buf_cstr(&got));
	assert_int_equal(code, strstr(buf_cstr(&want), "Error: ") ? 1 : 0);
	buf_fini(&output);
	assert_int_equal(validate(buf_cstr(&file), NULL, &output), 1);
	if (!strstr(buf_cstr(&output), REMEDY))
		fail_msg("%s without the option prints\n%s", name, buf_cstr(&output));
	buf_fini(&output);
	buf_fini(&got);
	buf_fini(&want);
	buf_fini(&file);
	buf_fini(&text);
}

static int is_yaml(const struct dirent *entry)
{
	return slice_has_suffix(slice_str(entry->d_name), SLICE(".yaml"));
}

static void the_traces_part_of_each_shape_is_judged_alone(void **state)
{
	struct dirent **names;
	(void)state;
	int count = scandir(FIXTURES, &names, is_yaml, alphasort);
	assert_true(count >= 15);
	for (int i = 0; i < count; i++) {
		check_file(names[i]->d_name);
		free(names[i]);
	}
	free(names);
}

static void the_variable_does_what_the_option_does(void **state)
{
	static const struct {
		const char *variable, *option;
		int code;
		const char *said;
	} cases[] = {
		{"traces", NULL, 0, "--signals traces leaves out: pipelines metrics, logs"},
		{"", NULL, 1, REMEDY},
		{"metrics", NULL, 1,
		 "Error: invalid value \"metrics\" for SLUICE_SIGNALS: expected traces"},
		{"metrics", "traces", 0, "leaves out"},
		{"traces", "logs", 1,
		 "Error: invalid value \"logs\" for --signals: expected traces"},
		{"traces", "", 1, "Error: invalid value \"\" for --signals: expected traces"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct buf output;
		assert_int_equal(setenv("SLUICE_SIGNALS", cases[i].variable, 1), 0);
		int code = validate(FIXTURES "three_signals.yaml", cases[i].option, &output);
		assert_int_equal(unsetenv("SLUICE_SIGNALS"), 0);
		if (code != cases[i].code || !strstr(buf_cstr(&output), cases[i].said))
			fail_msg("case %zu ends with %d:\n%s", i, code, buf_cstr(&output));
		buf_fini(&output);
	}
}

/* Metrics are made of spans, and scraped beside, by components that this build does not know. */
static void the_traces_part_runs_and_says_what_it_left_out(void **state)
{
	(void)state;
	static const char *const args[] = {"--signals", "traces", NULL};
	struct peer_grpc *peer = peer_grpc_start(&(struct peer_grpc_options){0});
	struct daemon *daemon = scenario_start(
		args,
		SCENARIO_LISTENERS
		"  prometheus: {config: {}}\n"
		"connectors: {spanmetrics: {histogram: {}}, forward: }\n"
		"exporters: {otlp: {" SCENARIO_GRPC_TO "}, prometheusremotewrite: {}}\n"
		"service:\n" SCENARIO_TELEMETRY "  pipelines:\n"
		"    traces: {receivers: [otlp], exporters: [forward, spanmetrics]}\n"
		"    traces/out: {receivers: [forward], exporters: [otlp]}\n"
		"    metrics: {receivers: [prometheus, spanmetrics], exporters: "
		"[prometheusremotewrite]}\n",
		peer_grpc_port(peer));
	daemon_wait_output(daemon,
			   "--signals traces leaves out: pipelines metrics; receivers prometheus; "
			   "connectors spanmetrics; exporters prometheusremotewrite");
	struct scenario_sender sender;
	scenario_sender_open(&sender, CLIENT_HTTP, daemon_http_port(daemon));
	scenario_send_spans(&sender, 0, 30);
	scenario_sender_close(&sender);
	assert_true(peer_grpc_wait_spans(peer, 30, SCENARIO_WAIT_MS));
	assert_int_equal(daemon_stop(daemon), 0);
	peer_grpc_stop(peer);
}

/* An old resource of the operator: `logging` prints what its loglevel meant, as debug. */
static void the_former_logging_exporter_prints_in_full(void **state)
{
	(void)state;
	static const char *const args[] = {
		"--signals", "traces",
		"--config",  FIXTURES "operator_v1alpha1.yaml",
		"--set",     "receivers.otlp.protocols.grpc.endpoint=127.0.0.1:0",
		"--set",     "receivers.otlp.protocols.http.endpoint=127.0.0.1:0",
		NULL};
	struct daemon *daemon = daemon_start("service:\n" SCENARIO_TELEMETRY, args);
	struct scenario_sender sender;
	scenario_sender_open(&sender, CLIENT_GRPC, daemon_grpc_port(daemon));
	scenario_send_spans(&sender, 0, 1);
	scenario_sender_close(&sender);
	daemon_wait_output(daemon, "Span #0");
	daemon_wait_output(daemon, "the exporter \"logging\" is taken as debug");
	daemon_wait_output(daemon, "the extension \"zpages\" does nothing");
	assert_int_equal(daemon_stop(daemon), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_traces_part_of_each_shape_is_judged_alone),
		cmocka_unit_test(the_variable_does_what_the_option_does),
		cmocka_unit_test(the_former_logging_exporter_prints_in_full),
		cmocka_unit_test(the_traces_part_runs_and_says_what_it_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
