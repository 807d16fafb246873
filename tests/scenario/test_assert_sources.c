/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sluice assert without a command: --listen, whose run ends on quiet, signal, deadline or when it is
 * asked to over HTTP, and --from, which reads what was recorded, damaged files included.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/trace/otlp/encode.h"
#include "tests/support/file_folder.h"
#include "tests/support/llmd_fixtures.h"
#include "tests/support/scenario_daemon.h"
#include "tests/support/scenario_raw.h"
#include "tests/support/scenario_sender.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PIECES_MAX = 32, SPANS_OF_A = 25 };

#define EXPECT_A "tests/fixtures/expect/a.yaml"

static struct file_folder folder;

/* ---- spans of fixture A, one request each --------------------------------------------------- */

struct pieces {
	struct budget budget;
	struct chunk *at[PIECES_MAX];
	size_t count;
	struct chunk *whole;
};

static void take(void *arg, struct chunk *piece)
{
	struct pieces *pieces = arg;
	assert_true(pieces->count < PIECES_MAX);
	pieces->at[pieces->count++] = piece;
}

static void make_pieces(struct pieces *pieces)
{
	struct example_requests requests;
	struct err err;
	uint32_t taken;
	*pieces = (struct pieces){0};
	budget_init(&pieces->budget, UINT64_MAX);
	struct key_table *keys = key_table_new();
	assert_non_null(keys);
	assert_int_equal(key_table_freeze(keys, &err), 0);
	struct trace_view *view = view_new(&pieces->budget, keys);
	assert_non_null(view);
	llmd_fixture_build(FIXTURE_A, true, &pieces->budget, &requests);
	assert_int_equal(requests.count, 1);
	pieces->whole = chunk_ref(requests.items[0]);
	assert_int_equal(view_open_chunk(view, pieces->whole, &err), 0);
	assert_int_equal(
		trace_split(view, &pieces->budget, SIZE_MAX, 1, take, pieces, &taken, &err), 0);
	view_close(view);
	example_requests_fini(&requests);
	view_free(view);
	key_table_free(keys);
	assert_int_equal(pieces->count, SPANS_OF_A);
}

static void free_pieces(struct pieces *pieces)
{
	for (size_t i = 0; i < pieces->count; i++)
		chunk_unref(pieces->at[i]);
	chunk_unref(pieces->whole);
	assert_int_equal(budget_used(&pieces->budget), 0);
}

/* ---- a listener ----------------------------------------------------------------------------- */

struct listener {
	struct daemon *daemon;
	uint16_t port, control;
};

static uint16_t port_after(struct daemon *daemon, const char *text)
{
	daemon_wait_output(daemon, text);
	const char *at = strstr(daemon_output(daemon), text) + strlen(text);
	daemon_wait_output(daemon, "\n");
	return (uint16_t)atoi(at);
}

/* ${option}, ${value}: what the test is about. */
static struct listener listen_with(const char *expect, const char *option, const char *value)
{
	const char *const args[] = {"assert",	 "--expect",	expect, "--listen", "127.0.0.1:0",
				    "--control", "127.0.0.1:0", option, value,	    NULL};
	struct listener listener = {.daemon = daemon_spawn(args)};
	daemon_wait_output(listener.daemon, "POST /finish on port");
	daemon_wait_output(listener.daemon, ".\nGET");
	listener.port = port_after(listener.daemon, "Listening for OTLP on port ");
	listener.control = port_after(listener.daemon, "POST /finish on port ");
	return listener;
}

static void send_piece(struct scenario_sender *sender, const struct chunk *piece)
{
	struct scenario_answer answer =
		scenario_send(sender, NULL, CODING_IDENTITY, chunk_slice(piece));
	assert_true(scenario_taken(sender, &answer));
}

static void send_all(uint16_t port, const struct pieces *pieces)
{
	struct scenario_sender sender;
	scenario_sender_open(&sender, CLIENT_GRPC, port);
	send_piece(&sender, pieces->whole);
	scenario_sender_close(&sender);
}

static void assert_ends(struct listener *listener, int code, const char *says)
{
	int got = daemon_wait_exit(listener->daemon);
	const char *output = daemon_output(listener->daemon);
	if (got != code || !strstr(output, says))
		fail_msg("exit code %d, no \"%s\":\n%s", got, says, output);
	(void)daemon_stop(listener->daemon);
}

/* Backwards, one span a request, by turns over both protocols, every third one twice: after each
 * it is asked where it stands, and at the end all holds. */
static void late_split_shuffled_and_repeated_spans_are_normal(void **state)
{
	(void)state;
	struct pieces pieces;
	struct scenario_sender senders[2];
	struct listener listener = listen_with(EXPECT_A, "--quiet", "1h");
	make_pieces(&pieces);
	scenario_sender_open(&senders[0], CLIENT_GRPC, listener.port);
	scenario_sender_open(&senders[1], CLIENT_HTTP, listener.port);
	for (size_t i = pieces.count; i-- > 0;) {
		struct raw_answer answer;
		char wanted[64];
		send_piece(&senders[i % 2], pieces.at[i]);
		if (i % 3 == 0)
			send_piece(&senders[i % 2], pieces.at[i]);
		raw_http1_post(listener.control, "GET", "/status", "", (struct slice){0}, &answer);
		assert_int_equal(answer.status, 200);
		(void)snprintf(wanted, sizeof(wanted), "\"all_hold\":%s",
			       i == 0 ? "true" : "false");
		if (!strstr(buf_cstr(&answer.body), wanted))
			fail_msg("%zu spans to come: %s", i, buf_cstr(&answer.body));
		raw_answer_fini(&answer);
	}
	scenario_sender_close(&senders[0]);
	scenario_sender_close(&senders[1]);
	daemon_signal(listener.daemon, SIGINT);
	assert_ends(&listener, 0, "in 1 traces; a signal ended the run");
	free_pieces(&pieces);
}

static void quiet_begins_with_the_first_span(void **state)
{
	(void)state;
	struct pieces pieces;
	struct listener listener = listen_with(EXPECT_A, "--quiet", "50ms");
	make_pieces(&pieces);
	send_all(listener.port, &pieces);
	assert_ends(&listener, 0, "no more spans came");
	free_pieces(&pieces);
}

static void a_deadline_without_spans_is_exit_code_2(void **state)
{
	(void)state;
	struct listener listener = listen_with(EXPECT_A, "--deadline", "100ms");
	assert_ends(&listener, 2, "the deadline was reached");
}

static void spans_that_are_missing_at_the_signal_fail(void **state)
{
	(void)state;
	struct pieces pieces;
	struct scenario_sender sender;
	struct listener listener = listen_with(EXPECT_A, "--quiet", "1h");
	make_pieces(&pieces);
	scenario_sender_open(&sender, CLIENT_GRPC, listener.port);
	for (size_t i = 0; i + 1 < pieces.count; i++)
		send_piece(&sender, pieces.at[i]);
	scenario_sender_close(&sender);
	daemon_signal(listener.daemon, SIGTERM);
	assert_ends(&listener, 1, "FAIL");
	free_pieces(&pieces);
}

/* ---- the control ---------------------------------------------------------------------------- */

static int ask(uint16_t port, const char *method, const char *path, const char *says)
{
	struct raw_answer answer;
	raw_http1_post(port, method, path, "", (struct slice){0}, &answer);
	int status = answer.status;
	if (!strstr(buf_cstr(&answer.body), says))
		fail_msg("no \"%s\" in: %s", says, buf_cstr(&answer.body));
	raw_answer_fini(&answer);
	return status;
}

static void finish_ends_it_and_status_counts(void **state)
{
	(void)state;
	struct pieces pieces;
	struct listener listener = listen_with(EXPECT_A, "--quiet", "1h");
	make_pieces(&pieces);
	assert_int_equal(ask(listener.control, "GET", "/status",
			     "{\"requests\":0,\"spans\":0,\"traces\":0,\"spans_lost\":0,"
			     "\"expectations\":17,\"all_hold\":false}"),
			 200);
	assert_int_equal(ask(listener.control, "GET", "/finish", "method"), 405);
	assert_int_equal(ask(listener.control, "POST", "/status", "method"), 405);
	assert_int_equal(ask(listener.control, "POST", "/", "POST /finish"), 404);
	assert_int_equal(ask(listener.control, "POST", "/finish/", "POST /finish"), 404);
	send_all(listener.port, &pieces);
	assert_int_equal(ask(listener.control, "GET", "/status", "\"all_hold\":true,\"quiet_ms\":"),
			 200);
	assert_int_equal(ask(listener.control, "POST", "/finish", "\"spans\":25"), 200);
	assert_ends(&listener, 0, "it was asked to finish");
	free_pieces(&pieces);
}

/* A collector may have the extension, too: there is nothing to finish there. */
static void without_assertions_the_control_is_unavailable(void **state)
{
	(void)state;
	struct daemon *daemon = daemon_start(
		"receivers: {otlp: {protocols: {grpc: {endpoint: 127.0.0.1:0}}}}\n"
		"exporters: {nop: }\n"
		"extensions: {assert_control: {endpoint: 127.0.0.1:0}}\n"
		"service: {extensions: [assert_control], telemetry: {metrics: {level: none}},\n"
		"  pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}\n",
		NULL);
	const char *line = strstr(daemon_output(daemon), "Starting assert_control");
	assert_non_null(line);
	uint16_t port = (uint16_t)atoi(strstr(line, "\"port\":") + strlen("\"port\":"));
	assert_int_equal(ask(port, "GET", "/status", "no assertions run"), 503);
	assert_int_equal(ask(port, "POST", "/finish", "no assertions run"), 503);
	assert_int_equal(daemon_stop(daemon), 0);
}

/* ---- recordings ----------------------------------------------------------------------------- */

static void write_bytes(const char *name, struct slice bytes)
{
	FILE *file = fopen(file_folder_path(&folder, name), "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, file), bytes.len);
	assert_int_equal(fclose(file), 0);
}

static int judge(const char *name, struct buf *output)
{
	char path[128];
	(void)snprintf(path, sizeof(path), "%s", file_folder_path(&folder, name));
	const char *const args[] = {"assert", "--expect", EXPECT_A, "--from", path, NULL};
	*output = BUF_INIT;
	return daemon_run(args, output);
}

static void expect_judged(const char *name, int code, const char *says)
{
	struct buf output;
	int got = judge(name, &output);
	if (got != code || !strstr(buf_cstr(&output), says))
		fail_msg("%s: exit code %d, no \"%s\":\n%s", name, got, says, buf_cstr(&output));
	buf_fini(&output);
}

static void append_record(struct buf *out, struct slice record)
{
	const uint8_t length[] = {(uint8_t)(record.len >> 24), (uint8_t)(record.len >> 16),
				  (uint8_t)(record.len >> 8), (uint8_t)record.len};
	buf_append(out, slice_of(length, sizeof(length)));
	buf_append(out, record);
}

/* The file exporter records; --from judges each of its formats. */
static void what_the_file_exporter_writes_is_read(void **state)
{
	static const char *const settings[] = {"format: json", "format: proto",
					       "format: json, compression: zstd",
					       "format: proto, compression: zstd"};
	(void)state;
	struct pieces pieces;
	make_pieces(&pieces);
	for (size_t i = 0; i < ARRAY_COUNT(settings); i++) {
		char config[512];
		struct scenario_sender sender;
		(void)snprintf(config, sizeof(config),
			       "receivers: {otlp: {protocols: {grpc: {endpoint: 127.0.0.1:0}}}}\n"
			       "exporters: {file: {path: %s, %s}}\n"
			       "service: {telemetry: {metrics: {level: none}},\n"
			       "  pipelines: {traces: {receivers: [otlp], exporters: [file]}}}\n",
			       file_folder_path(&folder, "recorded"), settings[i]);
		struct daemon *daemon = daemon_start(config, NULL);
		scenario_sender_open(&sender, CLIENT_GRPC, daemon_grpc_port(daemon));
		for (size_t k = 0; k < pieces.count; k++)
			send_piece(&sender, pieces.at[k]);
		scenario_sender_close(&sender);
		assert_int_equal(daemon_stop(daemon), 0);
		expect_judged("recorded", 0, "25 spans in 1 traces; read from files");
		(void)unlink(file_folder_path(&folder, "recorded"));
	}
	free_pieces(&pieces);
}

static void one_request_is_a_recording(void **state)
{
	(void)state;
	struct pieces pieces;
	make_pieces(&pieces);
	write_bytes("one", chunk_slice(pieces.whole));
	expect_judged("one", 0, "25 spans in 1 traces; read from files");
	free_pieces(&pieces);
}

/* Cut anywhere in the last record, after its beginning: never a verdict, and the place is said. */
static void a_damaged_recording_is_no_verdict(void **state)
{
	(void)state;
	struct pieces pieces;
	struct buf records = BUF_INIT;
	make_pieces(&pieces);
	append_record(&records, chunk_slice(pieces.at[0]));
	size_t first = records.len;
	append_record(&records, chunk_slice(pieces.at[1]));
	const size_t cuts[] = {first + 1, first + 3, first + 4, first + 5, records.len - 1};
	for (size_t i = 0; i < ARRAY_COUNT(cuts); i++) {
		write_bytes("cut", slice_of(records.data, cuts[i]));
		expect_judged("cut", 3, "/cut: request 2, byte ");
	}
	records.data[first + 4] = 0xff; /* no tag of a request */
	write_bytes("flipped", buf_slice(&records));
	expect_judged("flipped", 3, "/flipped: request 2, byte 0: ");
	buf_fini(&records);
	write_bytes("json", SLICE("{\"resourceSpans\":[]}\n\n{\"resourceSpans\":[}\n"));
	expect_judged("json", 3, "/json: line 3, byte 18: ");
	write_bytes("pretty", SLICE("{\n  \"resourceSpans\": []\n}\n"));
	expect_judged("pretty", 3, "/pretty: line 1, byte 2: ");
	write_bytes("prose", SLICE("no spans at all"));
	expect_judged("prose", 3, "/prose: request 1, byte 0: ");
	write_bytes("empty", (struct slice){(const uint8_t *)"", 0});
	expect_judged("empty", 2, "No span was received");
	expect_judged("missing", 3, "No such file or directory");
	free_pieces(&pieces);
}

/* ---- the program ---------------------------------------------------------------------------- */

static int set_up(void **state)
{
	(void)state;
	file_folder_make(&folder);
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
		cmocka_unit_test(late_split_shuffled_and_repeated_spans_are_normal),
		cmocka_unit_test(quiet_begins_with_the_first_span),
		cmocka_unit_test(a_deadline_without_spans_is_exit_code_2),
		cmocka_unit_test(spans_that_are_missing_at_the_signal_fail),
		cmocka_unit_test(finish_ends_it_and_status_counts),
		cmocka_unit_test(without_assertions_the_control_is_unavailable),
		cmocka_unit_test(what_the_file_exporter_writes_is_read),
		cmocka_unit_test(one_request_is_a_recording),
		cmocka_unit_test(a_damaged_recording_is_no_verdict),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
