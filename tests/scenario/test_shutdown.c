/* SPDX-License-Identifier: Apache-2.0 */
/* The end of the program: requests finish, batches are flushed, queues drain, within a deadline;
 * what cannot be delivered is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/base/clock.h"
#include "tests/support/peer_grpc.h"
#include "tests/support/peer_socket.h"
#include "tests/support/scenario_config.h"
#include "tests/support/scenario_raw.h"
#include "tests/support/scenario_sender.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define SOON "retry_on_failure: {initial_interval: 50ms, max_interval: 50ms}"

/* One request on a thread of its own, for when its answer takes long. */
struct slow_request {
	pthread_t thread;
	uint16_t port;
	enum client_mode mode;
	struct scenario_answer answer;
};

static void *send_slowly(void *arg)
{
	struct slow_request *slow = arg;
	struct scenario_sender sender;
	struct buf request = scenario_request(0, 10, "work", "k", "v");
	scenario_sender_open(&sender, slow->mode, slow->port);
	slow->answer = scenario_send(&sender, NULL, CODING_IDENTITY, buf_slice(&request));
	scenario_sender_close(&sender);
	buf_fini(&request);
	return NULL;
}

static void begin_slowly(struct slow_request *slow, enum client_mode mode, uint16_t port)
{
	*slow = (struct slow_request){.port = port, .mode = mode};
	assert_int_equal(pthread_create(&slow->thread, NULL, send_slowly, slow), 0);
}

static void requests_under_way_get_their_answer(void **state)
{
	(void)state;
	struct peer_grpc *peer = peer_grpc_start(&(struct peer_grpc_options){0});
	struct slow_request slow[2];
	peer_grpc_set(peer, &(struct peer_grpc_behaviour){.grpc_status = "14"});
	struct daemon *daemon =
		scenario_start(NULL,
			       SCENARIO_LISTENERS "exporters: {otlp: {" SCENARIO_GRPC_TO
						  ", sending_queue: {wait_for_result: true}, " SOON
						  "}}\n" SCENARIO_PIPELINE "exporters: [otlp]}\n",
			       peer_grpc_port(peer));
	begin_slowly(&slow[0], CLIENT_GRPC, daemon_grpc_port(daemon));
	begin_slowly(&slow[1], CLIENT_HTTP, daemon_http_port(daemon));
	daemon_wait_metric(daemon, "sluice_exporter_held_spans{", 20);
	daemon_signal(daemon, SIGTERM);
	daemon_wait_output(daemon, "Starting shutdown...");
	peer_grpc_set(peer, &(struct peer_grpc_behaviour){0}); /* now it takes */
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_join(slow[i].thread, NULL), 0);
	assert_int_equal(slow[0].answer.grpc_status, 0);
	assert_int_equal(slow[1].answer.http_status, 200);
	assert_int_equal(daemon_wait_exit(daemon), 0);
	assert_int_equal(peer_grpc_counts(peer).spans, 20);
	(void)daemon_stop(daemon);
	peer_grpc_stop(peer);
}

static void batches_and_queues_are_emptied(void **state)
{
	(void)state;
	struct peer_grpc *peer = peer_grpc_start(&(struct peer_grpc_options){0});
	peer_grpc_set(peer, &(struct peer_grpc_behaviour){.grpc_status = "14"});
	struct daemon *daemon =
		scenario_start(NULL,
			       SCENARIO_LISTENERS
			       "processors: {batch: {timeout: 1h, send_batch_size: 30, "
			       "send_batch_max_size: 30}}\nexporters: {otlp: "
			       "{" SCENARIO_GRPC_TO ", sending_queue: {num_consumers: 2}, " SOON
			       "}}\n" SCENARIO_PIPELINE "processors: [batch], exporters: [otlp]}\n",
			       peer_grpc_port(peer));
	struct scenario_sender sender;
	scenario_sender_open(&sender, CLIENT_GRPC, daemon_grpc_port(daemon));
	for (uint64_t i = 0; i < 20; i++)
		scenario_send_spans(&sender, i * 10, 10);
	scenario_sender_close(&sender);
	daemon_signal(daemon, SIGTERM);
	daemon_wait_output(daemon, "Starting shutdown...");
	peer_grpc_set(peer, &(struct peer_grpc_behaviour){0});
	assert_int_equal(daemon_wait_exit(daemon), 0);
	assert_int_equal(peer_grpc_counts(peer).spans, 200);
	assert_non_null(strstr(daemon_output(daemon), "\"spans_left\": 0"));
	(void)daemon_stop(daemon);
	peer_grpc_stop(peer);
}

static void a_dead_backend_does_not_hold_up_the_end(void **state)
{
	(void)state;
	static const char *const args[] = {"--shutdown-timeout", "5s", NULL};
	struct daemon *daemon = scenario_start(
		args,
		SCENARIO_LISTENERS "processors: {batch: {timeout: 1h}}\nexporters: {otlp: "
				   "{" SCENARIO_GRPC_TO "}, otlp/batched: {" SCENARIO_GRPC_TO
				   "}}\nservice:\n" SCENARIO_TELEMETRY "  pipelines:\n"
				   "    traces: {receivers: [otlp], exporters: [otlp]}\n"
				   "    traces/batched: {receivers: [otlp], processors: [batch], "
				   "exporters: [otlp/batched]}\n",
		scenario_dead_port(), scenario_dead_port());
	struct scenario_sender sender;
	scenario_sender_open(&sender, CLIENT_GRPC, daemon_grpc_port(daemon));
	scenario_send_spans(&sender, 0, 42);
	scenario_sender_close(&sender);
	uint64_t began_ns = clock_monotonic_ns();
	daemon_signal(daemon, SIGTERM);
	assert_int_equal(daemon_wait_exit(daemon), 1);
	uint64_t took_ns = clock_monotonic_ns() - began_ns;
	assert_in_range(took_ns, 4900 * NS_PER_MS, 9900 * NS_PER_MS); /* not one after the other */
	const char *first = strstr(daemon_output(daemon), "The shutdown deadline passed");
	assert_non_null(first);
	assert_non_null(strstr(first, "\"dropped_items\": 42"));
	const char *second = strstr(first + 1, "The shutdown deadline passed");
	assert_non_null(second);
	assert_non_null(strstr(second, "\"dropped_items\": 42"));
	(void)daemon_stop(daemon);
}

static void serve_silence(struct peer_stream *stream, unsigned index, void *arg)
{
	char byte;
	(void)index;
	(void)arg;
	while (peer_read(stream, &byte, 1) > 0)
		;
}

static void a_second_signal_ends_at_once(void **state)
{
	static const char *const args[] = {"--shutdown-timeout", "1h", NULL};
	(void)state;
	struct peer *silent = peer_start(&(struct peer_options){0}, serve_silence, NULL);
	struct daemon *daemon = scenario_start(
		args,
		SCENARIO_LISTENERS "exporters: {otlp: {" SCENARIO_GRPC_TO
				   ", timeout: 0s}}\n" SCENARIO_PIPELINE "exporters: [otlp]}\n",
		peer_port(silent));
	struct scenario_sender sender;
	scenario_sender_open(&sender, CLIENT_GRPC, daemon_grpc_port(daemon));
	scenario_send_spans(&sender, 0, 10);
	scenario_sender_close(&sender);
	daemon_signal(daemon, SIGTERM);
	daemon_wait_output(daemon, "Starting shutdown...");
	daemon_signal(daemon, SIGINT);
	assert_int_equal(daemon_wait_exit(daemon), 1);
	assert_non_null(strstr(daemon_output(daemon), "\"dropped_items\": 10"));
	(void)daemon_stop(daemon);
	peer_stop(silent);
}

/* The probe says 200 while spans are taken and 503 from the signal on, as long as there is anybody
 * to ask; new connections for spans are refused by then. */
static void the_health_check_turns_before_the_end(void **state)
{
	(void)state;
	static const char *const args[] = {"--shutdown-timeout", "1h", NULL};
	uint16_t health = scenario_dead_port();
	struct peer *silent = peer_start(&(struct peer_options){0}, serve_silence, NULL);
	struct raw_answer answer;
	struct daemon *daemon = scenario_start(
		args,
		SCENARIO_LISTENERS "extensions: {health_check: {endpoint: '127.0.0.1:%u'}}\n"
				   "exporters: {otlp: {" SCENARIO_GRPC_TO ", timeout: 0s}}\n"
				   "service:\n  extensions: [health_check]\n" SCENARIO_TELEMETRY
				   "  pipelines: {traces: {receivers: [otlp], exporters: "
				   "[otlp]}}\n",
		health, peer_port(silent));
	uint16_t port = daemon_http_port(daemon);
	raw_http1_post(health, "GET", "/", "", (struct slice){0}, &answer);
	assert_int_equal(answer.status, 200);
	assert_string_equal(raw_header(&answer, "content-type"), "application/json");
	assert_non_null(strstr(buf_cstr(&answer.body), "\"status\":\"Server available\""));
	raw_answer_fini(&answer);
	struct scenario_sender sender;
	scenario_sender_open(&sender, CLIENT_HTTP, port);
	scenario_send_spans(&sender, 0, 10);
	scenario_sender_close(&sender);
	daemon_signal(daemon, SIGTERM);
	daemon_wait_output(daemon, "Starting shutdown...");
	raw_http1_post(health, "GET", "/", "", (struct slice){0}, &answer);
	assert_int_equal(answer.status, 503);
	assert_non_null(strstr(buf_cstr(&answer.body), "\"status\":\"Server not available\""));
	raw_answer_fini(&answer);
	assert_int_equal(raw_try_connect(port), ECONNREFUSED);
	daemon_signal(daemon, SIGTERM); /* enough of that */
	assert_int_equal(daemon_wait_exit(daemon), 1);
	(void)daemon_stop(daemon);
	peer_stop(silent);
}

static void senders_with_open_connections_do_not_hold_up_the_end(void **state)
{
	static const char *const args[] = {"--shutdown-timeout", "1h", NULL};
	(void)state;
	struct peer_grpc *peer = peer_grpc_start(&(struct peer_grpc_options){0});
	struct daemon *daemon =
		scenario_start(args,
			       SCENARIO_LISTENERS "exporters: {otlp: {" SCENARIO_GRPC_TO
						  "}}\n" SCENARIO_PIPELINE "exporters: [otlp]}\n",
			       peer_grpc_port(peer));
	struct scenario_sender grpc, http;
	scenario_sender_open(&grpc, CLIENT_GRPC, daemon_grpc_port(daemon));
	scenario_sender_open(&http, CLIENT_HTTP, daemon_http_port(daemon));
	scenario_send_spans(&grpc, 0, 10);
	scenario_send_spans(&http, 10, 10);
	int idle = raw_connect(daemon_http_port(daemon));
	daemon_signal(daemon, SIGTERM);
	assert_int_equal(daemon_wait_exit(daemon), 0);
	assert_int_equal(peer_grpc_counts(peer).spans, 20);
	(void)close(idle);
	scenario_sender_close(&grpc);
	scenario_sender_close(&http);
	(void)daemon_stop(daemon);
	peer_grpc_stop(peer);
}

/* The log and the debug exporter write to the same full pipe. What the exporter could not show is
 * told by the exit code, as for any backend that does not take. */
static void an_output_that_nobody_reads_does_not_hold_up_the_end(void **state)
{
	(void)state;
	static const char *const verbosities[] = {"basic", "detailed"};
	static const char *const args[] = {"--shutdown-timeout", "1s", NULL};
	for (size_t i = 0; i < ARRAY_COUNT(verbosities); i++) {
		struct daemon *daemon = scenario_start(
			args,
			SCENARIO_LISTENERS "exporters: {debug: {verbosity: %s, sending_queue: "
					   "{enabled: true}}}\n" SCENARIO_PIPELINE
					   "exporters: [debug]}\n",
			verbosities[i]);
		struct scenario_sender sender;
		daemon_stop_reading(daemon);
		scenario_sender_open(&sender, CLIENT_GRPC, daemon_grpc_port(daemon));
		scenario_send_spans(&sender, 0, 10);
		scenario_sender_close(&sender);
		daemon_signal(daemon, SIGTERM);
		assert_in_range(daemon_wait_exit_unread(daemon), 0, 1);
		(void)daemon_stop(daemon);
	}
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_under_way_get_their_answer),
		cmocka_unit_test(batches_and_queues_are_emptied),
		cmocka_unit_test(a_dead_backend_does_not_hold_up_the_end),
		cmocka_unit_test(a_second_signal_ends_at_once),
		cmocka_unit_test(the_health_check_turns_before_the_end),
		cmocka_unit_test(senders_with_open_connections_do_not_hold_up_the_end),
		cmocka_unit_test(an_output_that_nobody_reads_does_not_hold_up_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
