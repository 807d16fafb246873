/* SPDX-License-Identifier: Apache-2.0 */
/* Backends by name: one whose name nobody answers delays neither the others nor the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/base/clock.h"
#include "tests/support/name_server.h"
#include "tests/support/peer_grpc.h"
#include "tests/support/scenario_config.h"
#include "tests/support/scenario_http_sink.h"
#include "tests/support/scenario_sender.h"

#include <signal.h>
#include <stdio.h>

enum { REQUESTS = 40, SPANS = 10 };

static struct name_server *names;

static int set_up(void **state)
{
	(void)state;
	names = name_server_start(NULL);
	name_server_set(names, "good.test",
			&(struct name_record){.ttl_s = 0, .addresses = {"127.0.0.1"}});
	name_server_set(names, "silent.test", &(struct name_record){.behaviour = NAME_SILENT});
	name_server_set(names, "mute.test", &(struct name_record){.behaviour = NAME_SILENT});
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	name_server_stop(names);
	return 0;
}

/* Two exporters whose names are never answered, with ten look-ups each, beside a good one. */
static struct daemon *start_beside_silence(uint16_t port)
{
	static const char *const args[] = {"--shutdown-timeout", "3s", NULL};
	return scenario_start(
		args,
		SCENARIO_LISTENERS
		"exporters:\n"
		"  otlphttp/good: {endpoint: 'http://good.test:%u'}\n"
		"  otlphttp/silent: {endpoint: 'http://silent.test:%u', timeout: 60s}\n"
		"  otlp/mute: {endpoint: 'mute.test:%u', tls: {insecure: true}, timeout: "
		"60s}\n" SCENARIO_PIPELINE
		"exporters: [otlphttp/silent, otlp/mute, otlphttp/good]}\n",
		port, port, port);
}

/* The good backend ends every connection and its name may not be kept: it is looked up for every
 * request, while more and more look-ups of the others are under way. */
static void a_silent_name_stops_nobody_else(void **state)
{
	(void)state;
	struct http_sink *sink = http_sink_start(0, false);
	struct daemon *daemon = start_beside_silence(http_sink_port(sink));
	struct scenario_sender sender;
	http_sink_set(sink, &(struct http_sink_behaviour){.ends_connection = true}, 0);
	scenario_sender_open(&sender, CLIENT_HTTP, daemon_http_port(daemon));
	for (unsigned i = 0; i < REQUESTS; i++) {
		scenario_send_spans(&sender, (uint64_t)i * SPANS, SPANS);
		assert_true(http_sink_wait_spans(sink, (i + 1) * SPANS, SCENARIO_WAIT_MS));
	}
	assert_true(name_server_questions(names, "good.test") >= REQUESTS);
	assert_true(name_server_wait(names, "silent.test", 1));
	assert_true(name_server_wait(names, "mute.test", 1));
	scenario_sender_close(&sender);
	(void)daemon_stop(daemon);
	http_sink_stop(sink);
}

static void a_silent_name_does_not_hold_up_the_end(void **state)
{
	(void)state;
	struct http_sink *sink = http_sink_start(0, false);
	struct daemon *daemon = start_beside_silence(http_sink_port(sink));
	struct scenario_sender sender;
	scenario_sender_open(&sender, CLIENT_HTTP, daemon_http_port(daemon));
	for (unsigned i = 0; i < REQUESTS; i++)
		scenario_send_spans(&sender, (uint64_t)i * SPANS, SPANS);
	scenario_sender_close(&sender);
	assert_true(name_server_wait(names, "silent.test", 1));
	uint64_t began_ns = clock_monotonic_ns();
	daemon_signal(daemon, SIGTERM);
	assert_int_equal(daemon_wait_exit(daemon), 1); /* undelivered spans, said and counted */
	uint64_t took_ms = (clock_monotonic_ns() - began_ns) / NS_PER_MS;
	printf("# ended after %u ms\n", (unsigned)took_ms);
	assert_true(took_ms < 3000 + 3000);
	assert_non_null(strstr(daemon_output(daemon), "dropped_items"));
	(void)daemon_stop(daemon);
	http_sink_stop(sink);
}

/* A Kubernetes service that moves: its name has another address when the old one is dead. */
static void a_backend_that_moved_is_found(void **state)
{
	(void)state;
	struct peer_grpc *peer = peer_grpc_start(&(struct peer_grpc_options){0});
	const struct name_record before = {.ttl_s = 3600, .addresses = {"127.0.0.77"}};
	const struct name_record after = {.ttl_s = 3600, .addresses = {"127.0.0.1"}};
	struct scenario_sender sender;
	name_server_set(names, "moving.test", &before);
	struct daemon *daemon = scenario_start(
		NULL,
		SCENARIO_LISTENERS
		"exporters: {otlp: {endpoint: 'moving.test:%u', tls: {insecure: true}, "
		"retry_on_failure: {initial_interval: 50ms, max_interval: "
		"50ms}}}\n" SCENARIO_PIPELINE "exporters: [otlp]}\n",
		peer_grpc_port(peer));
	scenario_sender_open(&sender, CLIENT_HTTP, daemon_http_port(daemon));
	scenario_send_spans(&sender, 0, SPANS);
	assert_true(name_server_wait(names, "moving.test", 2));
	name_server_set(names, "moving.test", &after);
	daemon_wait_metric(daemon, "otelcol_exporter_sent_spans{", SPANS);
	scenario_sender_close(&sender);
	assert_int_equal(daemon_stop(daemon), 0);
	peer_grpc_stop(peer);
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(a_silent_name_stops_nobody_else),
		CASE(a_silent_name_does_not_hold_up_the_end),
		CASE(a_backend_that_moved_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
