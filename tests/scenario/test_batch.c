/* SPDX-License-Identifier: Apache-2.0 */
/* When batches go, how large they are, and what a batch in the middle of a pipeline does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/base/clock.h"
#include "tests/support/held_port.h"
#include "tests/support/scenario_config.h"
#include "tests/support/scenario_sender.h"
#include "tests/support/scenario_spans.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct scene {
	struct peer_grpc *peer;
	struct daemon *daemon;
	struct scenario_sender sender;
	struct span_bag expected;
};

/* ${processors} is the section's inside, ${order} the pipeline's list, ${exporter} further settings
 * of the exporter. */
static void scene_open(struct scene *scene, const char *processors, const char *order,
		       const char *exporter)
{
	*scene = (struct scene){.peer = peer_grpc_start(&(struct peer_grpc_options){0})};
	scene->daemon =
		scenario_start(NULL,
			       SCENARIO_LISTENERS
			       "processors: {%s}\nexporters: {otlp: {" SCENARIO_GRPC_TO
			       "%s}}\n" SCENARIO_PIPELINE "processors: [%s], exporters: [otlp]}\n",
			       processors, peer_grpc_port(scene->peer), exporter, order);
	scenario_sender_open(&scene->sender, CLIENT_GRPC, daemon_grpc_port(scene->daemon));
}

static void scene_send(struct scene *scene, uint64_t first, uint32_t spans, const char *name)
{
	struct buf request = scenario_request(first, spans, name, "k", "v");
	struct scenario_answer answer =
		scenario_send(&scene->sender, NULL, CODING_IDENTITY, buf_slice(&request));
	assert_int_equal(answer.grpc_status, 0);
	if (strcmp(name, "drop me") != 0)
		span_bag_add(&scene->expected, buf_slice(&request), NULL);
	buf_fini(&request);
}

/* SIGTERM; what was gathered has to arrive, each span once. */
static void scene_end(struct scene *scene)
{
	struct span_bag seen = {0};
	scenario_sender_close(&scene->sender);
	daemon_signal(scene->daemon, SIGTERM);
	assert_int_equal(daemon_wait_exit(scene->daemon), 0);
	span_bag_add_grpc(&seen, scene->peer);
	span_bag_assert_equal(&scene->expected, &seen);
	span_bag_fini(&seen);
}

static void scene_close(struct scene *scene)
{
	(void)daemon_stop(scene->daemon);
	peer_grpc_stop(scene->peer);
	span_bag_fini(&scene->expected);
}

/* Fails unless the peer's calls held ${sizes} spans, in this order. */
static void assert_calls_held(struct scene *scene, const unsigned *sizes, size_t size_count)
{
	size_t count;
	const struct peer_grpc_call *calls = peer_grpc_lock(scene->peer, &count);
	unsigned seen[64] = {0};
	for (size_t i = 0; i < count && i < ARRAY_COUNT(seen); i++)
		seen[i] = calls[i].spans;
	peer_grpc_unlock(scene->peer);
	assert_int_equal(count, size_count);
	for (size_t i = 0; i < size_count; i++)
		assert_int_equal(seen[i], sizes[i]);
}

static void a_batch_goes_when_it_holds_enough_spans(void **state)
{
	(void)state;
	struct scene scene;
	scene_open(&scene, "batch: {timeout: 1h, send_batch_size: 100}", "batch", "");
	for (unsigned i = 0; i < 10; i++)
		scene_send(&scene, i * 10, 10, "work");
	assert_true(peer_grpc_wait_spans(scene.peer, 100, SCENARIO_WAIT_MS));
	for (unsigned i = 0; i < 9; i++)
		scene_send(&scene, 100 + i * 10, 10, "work");
	scene_end(&scene);
	assert_calls_held(&scene, (const unsigned[]){100, 90}, 2);
	scene_close(&scene);
}

static void a_batch_goes_when_its_time_has_come(void **state)
{
	(void)state;
	struct scene scene;
	scene_open(&scene, "batch: {timeout: 200ms, send_batch_size: 100000}", "batch", "");
	uint64_t began_ns = clock_monotonic_ns();
	for (unsigned i = 0; i < 5; i++)
		scene_send(&scene, i * 10, 10, "work");
	bool in_time = clock_monotonic_ns() - began_ns < 150 * NS_PER_MS;
	assert_true(peer_grpc_wait_spans(scene.peer, 50, SCENARIO_WAIT_MS));
	assert_true(clock_monotonic_ns() - began_ns >= 199 * NS_PER_MS);
	scene_end(&scene);
	if (in_time) /* else this machine was too busy to send all within one batch's time */
		assert_calls_held(&scene, (const unsigned[]){50}, 1);
	scene_close(&scene);
}

static void no_batch_is_larger_than_its_maximum(void **state)
{
	(void)state;
	struct scene scene;
	size_t count;
	scene_open(&scene, "batch: {timeout: 10ms, send_batch_size: 100, send_batch_max_size: 100}",
		   "batch", "");
	scene_send(&scene, 0, 350, "work");
	scene_send(&scene, 350, 99, "work");
	scene_send(&scene, 449, 1001, "work");
	assert_true(peer_grpc_wait_spans(scene.peer, 1450, SCENARIO_WAIT_MS));
	const struct peer_grpc_call *calls = peer_grpc_lock(scene.peer, &count);
	for (size_t i = 0; i < count; i++)
		assert_in_range(calls[i].spans, 1, 100);
	peer_grpc_unlock(scene.peer);
	assert_true(count <= 18);
	scene_end(&scene);
	scene_close(&scene);
}

/* max_request_bytes bounds what is sent, uncompressed; one span that is larger goes alone. */
static void requests_are_bounded_in_bytes(void **state)
{
	(void)state;
	struct scene scene;
	size_t count;
	char large[20001];
	unsigned alone = 0;
	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = 0;
	scene_open(&scene, "batch: {timeout: 10ms}", "batch", ", max_request_bytes: 10000");
	scene_send(&scene, 0, 1000, "work");
	struct buf request = scenario_request(1000, 1, "work", "k", large);
	struct scenario_answer answer =
		scenario_send(&scene.sender, NULL, CODING_IDENTITY, buf_slice(&request));
	assert_int_equal(answer.grpc_status, 0);
	span_bag_add(&scene.expected, buf_slice(&request), NULL);
	buf_fini(&request);
	scene_send(&scene, 1001, 10, "work");
	assert_true(peer_grpc_wait_spans(scene.peer, 1011, SCENARIO_WAIT_MS));
	const struct peer_grpc_call *calls = peer_grpc_lock(scene.peer, &count);
	for (size_t i = 0; i < count; i++) {
		bool over = calls[i].message_len > 10000;
		alone += over;
		assert_true(!over || calls[i].spans == 1);
	}
	peer_grpc_unlock(scene.peer);
	assert_int_equal(alone, 1);
	scene_end(&scene);
	scene_close(&scene);
}

static void the_queue_can_batch_by_itself(void **state)
{
	(void)state;
	struct scene scene;
	scene_open(&scene, "", "",
		   ", sending_queue: {batch: {flush_timeout: 1h, min_size: 50, max_size: 60}}");
	scene_send(&scene, 0, 30, "work");
	scene_send(&scene, 30, 25, "work");
	assert_true(peer_grpc_wait_spans(scene.peer, 55, SCENARIO_WAIT_MS));
	scene_send(&scene, 55, 40, "work");
	scene_send(&scene, 95, 40, "work"); /* would be 80 together */
	assert_true(peer_grpc_wait_spans(scene.peer, 95, SCENARIO_WAIT_MS));
	scene_end(&scene);
	assert_calls_held(&scene, (const unsigned[]){55, 40, 40}, 3);
	scene_close(&scene);
}

#define FILTER "filter: {traces: {span: ['name == \"drop me\"']}}"

static void a_batch_before_a_filter_gathers_what_the_filter_then_sees(void **state)
{
	(void)state;
	struct scene scene;
	scene_open(&scene, "batch: {timeout: 1h, send_batch_size: 60}, " FILTER, "batch, filter",
		   "");
	for (unsigned i = 0; i < 3; i++) {
		scene_send(&scene, i * 20, 10, "work");
		scene_send(&scene, i * 20 + 10, 10, "drop me");
	}
	assert_true(peer_grpc_wait_spans(scene.peer, 30, SCENARIO_WAIT_MS));
	daemon_wait_metric(scene.daemon, "otelcol_processor_filter_spans_filtered{", 30);
	scene_send(&scene, 60, 5, "work");
	scene_end(&scene); /* the five were in the middle; they arrive, too */
	assert_calls_held(&scene, (const unsigned[]){30, 5}, 2);
	scene_close(&scene);
}

/* Behind the batch everything is full: it holds and pushes back, and drops nothing. */
static void a_batch_in_the_middle_waits_for_a_full_queue(void **state)
{
	(void)state;
	struct scene scene;
	scene_open(&scene, "batch: {timeout: 5ms}, " FILTER, "batch, filter",
		   ", sending_queue: {queue_size: 1}, retry_on_failure: {initial_interval: 10ms, "
		   "max_interval: 10ms}");
	peer_grpc_set(scene.peer, &(struct peer_grpc_behaviour){.grpc_status = "14"});
	for (unsigned i = 0; i < 3; i++) {
		scene_send(&scene, i * 10, 10, "work");
		assert_true(peer_grpc_wait_calls(scene.peer, i + 1, SCENARIO_WAIT_MS));
	}
	peer_grpc_set(scene.peer, &(struct peer_grpc_behaviour){0});
	assert_true(peer_grpc_wait_spans(scene.peer, 30, SCENARIO_WAIT_MS));
	daemon_wait_metric(scene.daemon, "sluice_exporter_dropped_spans{", 0);
	scene_end(&scene);
	scene_close(&scene);
}

/* The deadline passes while a batch in the middle waits: its spans are accounted for. */
static void what_a_batch_in_the_middle_still_holds_at_the_end_is_said(void **state)
{
	(void)state;
	static const char *const args[] = {"--shutdown-timeout", "500ms", NULL};
	struct daemon *daemon = scenario_start(
		args,
		SCENARIO_LISTENERS "processors: {batch: {timeout: 1ms}, " FILTER "}\n"
				   "exporters: {otlp: {" SCENARIO_GRPC_TO
				   ", sending_queue: {queue_size: 1}}}\n" SCENARIO_PIPELINE
				   "processors: [batch, filter], exporters: [otlp]}\n",
		held_port());
	struct scenario_sender sender;
	scenario_sender_open(&sender, CLIENT_GRPC, daemon_grpc_port(daemon));
	scenario_send_spans(&sender, 0, 10);
	daemon_wait_metric(daemon, "sluice_exporter_held_spans{", 10); /* the queue is full */
	scenario_send_spans(&sender, 10, 7);
	scenario_sender_close(&sender);
	daemon_signal(daemon, SIGTERM);
	assert_int_equal(daemon_wait_exit(daemon), 1);
	assert_non_null(strstr(daemon_output(daemon), "\"dropped_items\": 10"));
	assert_non_null(strstr(daemon_output(daemon), "\"dropped_items\": 7"));
	(void)daemon_stop(daemon);
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_batch_goes_when_it_holds_enough_spans),
		cmocka_unit_test(a_batch_goes_when_its_time_has_come),
		cmocka_unit_test(no_batch_is_larger_than_its_maximum),
		cmocka_unit_test(requests_are_bounded_in_bytes),
		cmocka_unit_test(the_queue_can_batch_by_itself),
		cmocka_unit_test(a_batch_before_a_filter_gathers_what_the_filter_then_sees),
		cmocka_unit_test(a_batch_in_the_middle_waits_for_a_full_queue),
		cmocka_unit_test(what_a_batch_in_the_middle_still_holds_at_the_end_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
