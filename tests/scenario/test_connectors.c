/* SPDX-License-Identifier: Apache-2.0 */
/* Two pipelines joined by `forward`, in its usual, empty form: through real sockets, with a queue
 * behind it that is full, and over a shutdown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/peer_grpc.h"
#include "tests/support/scenario_config.h"
#include "tests/support/scenario_sender.h"
#include "tests/support/scenario_spans.h"

#include <signal.h>

#define SOON "retry_on_failure: {initial_interval: 50ms, max_interval: 50ms}"
#define RECEIVED "otelcol_receiver_accepted_spans{"

static void expect_ids(struct peer_grpc *peer, uint32_t spans)
{
	struct span_bag expected = {0}, seen = {0};
	for (uint32_t i = 0; i < spans; i += 10) {
		struct buf request = scenario_request(i, 10, "work", "k", "v");
		span_bag_add(&expected, buf_slice(&request), NULL);
		buf_fini(&request);
	}
	assert_true(peer_grpc_wait_spans(peer, spans, SCENARIO_WAIT_MS));
	span_bag_add_grpc(&seen, peer);
	span_bag_assert_equal(&expected, &seen);
	span_bag_fini(&expected);
	span_bag_fini(&seen);
}

static void send_tens(struct daemon *daemon, enum client_mode mode, uint32_t begin, uint32_t end)
{
	struct scenario_sender sender;
	scenario_sender_open(&sender, mode,
			     mode == CLIENT_GRPC ? daemon_grpc_port(daemon)
						 : daemon_http_port(daemon));
	for (uint32_t i = begin; i < end; i += 10) {
		struct buf request = scenario_request(i, 10, "work", "k", "v");
		struct scenario_answer answer =
			scenario_send(&sender, NULL, CODING_GZIP, buf_slice(&request));
		assert_true(scenario_taken(&sender, &answer));
		buf_fini(&request);
	}
	scenario_sender_close(&sender);
}

/* The second queue has one place and a dead backend: the branch loses for itself alone, counted,
 * and the branch in front of the connector gets everything. */
static void a_full_queue_behind_the_connector_is_a_branch_like_any_other(void **state)
{
	(void)state;
	static const char *const args[] = {"--shutdown-timeout", "1s", NULL};
	struct peer_grpc *live = peer_grpc_start(&(struct peer_grpc_options){0});
	struct peer_grpc *dead = peer_grpc_start(&(struct peer_grpc_options){0});
	peer_grpc_set(dead, &(struct peer_grpc_behaviour){.grpc_status = "14"});
	struct daemon *daemon = scenario_start(
		args,
		SCENARIO_LISTENERS
		"connectors:\n  forward:\n"
		"exporters: {otlp/live: {" SCENARIO_GRPC_TO "}, otlp/dead: {" SCENARIO_GRPC_TO
		", sending_queue: {queue_size: 1}}}\n"
		"service:\n" SCENARIO_TELEMETRY "  pipelines:\n"
		"    traces/in: {receivers: [otlp], exporters: [otlp/live, forward]}\n"
		"    traces/out: {receivers: [forward], exporters: [otlp/dead]}\n",
		peer_grpc_port(live), peer_grpc_port(dead));
	send_tens(daemon, CLIENT_GRPC, 0, 100);
	expect_ids(live, 100);
	daemon_wait_metric(daemon, RECEIVED, 100);
	daemon_wait_metric(daemon, "otelcol_exporter_sent_spans{exporter=\"otlp/live\",", 100);
	daemon_wait_metric(daemon, "otelcol_exporter_enqueue_failed_spans{exporter=\"otlp/dead\"}",
			   90);
	daemon_wait_metric(daemon, "sluice_exporter_held_spans{exporter=\"otlp/dead\"}", 10);
	assert_int_equal(daemon_stop(daemon), 1); /* ten were never taken by the dead one */
	peer_grpc_stop(live);
	peer_grpc_stop(dead);
}

/* A batch waits in front of the connector and another behind it when the end comes: each pipeline is
 * emptied before those that it feeds, whatever their order in the file. */
static void an_end_empties_pipelines_in_the_order_of_the_spans(void **state)
{
	(void)state;
	struct peer_grpc *peer = peer_grpc_start(&(struct peer_grpc_options){0});
	peer_grpc_set(peer, &(struct peer_grpc_behaviour){.grpc_status = "14"});
	struct daemon *daemon = scenario_start(
		NULL,
		SCENARIO_LISTENERS
		"connectors:\n  forward:\n"
		"processors: {batch: {timeout: 1h}, batch/2: {timeout: 1h}, filter: {traces: "
		"{span: ['name == \"x\"']}}}\n"
		"exporters: {otlp: {" SCENARIO_GRPC_TO ", " SOON "}}\n"
		"service:\n" SCENARIO_TELEMETRY "  pipelines:\n"
		"    traces/out: {receivers: [forward], processors: [batch, filter, batch/2], "
		"exporters: [otlp]}\n"
		"    traces/in: {receivers: [otlp], processors: [batch], exporters: [forward]}\n",
		peer_grpc_port(peer));
	send_tens(daemon, CLIENT_HTTP, 0, 200);
	daemon_signal(daemon, SIGTERM);
	daemon_wait_output(daemon, "Starting shutdown...");
	peer_grpc_set(peer, &(struct peer_grpc_behaviour){0});
	assert_int_equal(daemon_wait_exit(daemon), 0);
	expect_ids(peer, 200);
	(void)daemon_stop(daemon);
	peer_grpc_stop(peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_queue_behind_the_connector_is_a_branch_like_any_other),
		cmocka_unit_test(an_end_empties_pipelines_in_the_order_of_the_spans),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
