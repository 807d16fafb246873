/* SPDX-License-Identifier: Apache-2.0 */
/* OTLP in, PostSpans out, over real connections: what arrives, what is repeated, what is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/peer_grpc.h"
#include "tests/support/scenario_config.h"
#include "tests/support/scenario_sender.h"
#include "tests/support/trace_wire.h"

#include "jaeger.pb-c.h"

#include <stdlib.h>

enum { SPANS_MAX = 1024 };

#define DROPPED "sluice_exporter_dropped_spans{"
#define SENT "otelcol_exporter_sent_spans{"
#define REQUESTS "sluice_exporter_requests{"
#define RETRIES "sluice_exporter_retries{"
#define SPLITS "sluice_exporter_splits{"
#define SOON ", retry_on_failure: {initial_interval: 5ms, max_interval: 10ms}"

struct scene {
	struct peer_grpc *collector;
	struct daemon *daemon;
	struct scenario_sender sender;
};

static void scene_open(struct scene *scene, const char *settings)
{
	scene->collector = peer_grpc_start(&(struct peer_grpc_options){0});
	scene->daemon = scenario_start(NULL,
				       SCENARIO_LISTENERS "exporters:\n  jaeger: {" SCENARIO_GRPC_TO
							  "%s}\n" SCENARIO_PIPELINE
							  "exporters: [jaeger]}\n",
				       (unsigned)peer_grpc_port(scene->collector), settings);
	scenario_sender_open(&scene->sender, CLIENT_GRPC, daemon_grpc_port(scene->daemon));
}

static void scene_close(struct scene *scene)
{
	scenario_sender_close(&scene->sender);
	assert_int_equal(daemon_stop(scene->daemon), 0);
	peer_grpc_stop(scene->collector);
}

/* The number in the last eight bytes of the trace id, as scenario_request wrote it. */
static uint64_t number_of(const Jaeger__Span *span)
{
	uint64_t number = 0;
	assert_int_equal(span->trace_id.len, TRACE_ID_BYTES);
	assert_int_equal(span->span_id.len, SPAN_ID_BYTES);
	assert_memory_equal(span->trace_id.data + 8, span->span_id.data, SPAN_ID_BYTES);
	for (size_t i = 0; i < SPAN_ID_BYTES; i++)
		number = number << 8 | span->span_id.data[i];
	return number;
}

/* Counts each span below ${count} in what the collector accepted; others fail the test. */
static void count_accepted(struct peer_grpc *collector, uint32_t *seen, size_t count)
{
	size_t call_count;
	const struct peer_grpc_call *calls = peer_grpc_lock(collector, &call_count);
	for (size_t i = 0; i < call_count; i++) {
		assert_string_equal(calls[i].path, "/jaeger.api_v2.CollectorService/PostSpans");
		if (!calls[i].accepted)
			continue;
		Jaeger__PostSpansRequest *post = jaeger__post_spans_request__unpack(
			NULL, calls[i].message_len, calls[i].message);
		assert_non_null(post);
		for (size_t k = 0; k < post->batch->n_spans; k++) {
			uint64_t number = number_of(post->batch->spans[k]);
			assert_true(number < count);
			seen[number]++;
		}
		jaeger__post_spans_request__free_unpacked(post, NULL);
	}
	peer_grpc_unlock(collector);
}

static void assert_each_accepted_once(struct peer_grpc *collector, size_t count)
{
	uint32_t seen[SPANS_MAX] = {0};
	count_accepted(collector, seen, count);
	for (size_t i = 0; i < count; i++) {
		if (seen[i] != 1)
			fail_msg("span %zu was taken %u times", i, seen[i]);
	}
}

static void spans_arrive_as_the_configuration_says(void **state)
{
	(void)state;
	static const struct {
		const char *settings, *encoding;
	} cases[] = {
		{"", ""},
		{", compression: gzip, headers: {x-custom: tenant}", "gzip"},
		{", compression: zstd", "zstd"},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct scene scene;
		size_t count;
		scene_open(&scene, cases[i].settings);
		scenario_send_spans(&scene.sender, 0, 10);
		scenario_send_spans(&scene.sender, 10, 1);
		daemon_wait_metric(scene.daemon, SENT, 11);
		daemon_wait_metric(scene.daemon, DROPPED, 0);
		const struct peer_grpc_call *calls = peer_grpc_lock(scene.collector, &count);
		assert_int_equal(count, 2);
		assert_string_equal(calls[0].encoding, cases[i].encoding);
		assert_string_equal(calls[0].content_type, "application/grpc");
		assert_string_equal(calls[0].custom, i == 1 ? "tenant" : "");
		peer_grpc_unlock(scene.collector);
		assert_each_accepted_once(scene.collector, 11);
		scene_close(&scene);
	}
}

/* What a collector says when its queue is full has no RetryInfo. */
static void what_passes_is_repeated_whole(void **state)
{
	(void)state;
	static const struct {
		const char *code, *message;
	} cases[] = {{"14", NULL}, {"8", "server busy"}};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct scene scene;
		size_t count;
		const struct peer_grpc_behaviour later = {.grpc_status = cases[i].code,
							  .grpc_message = cases[i].message};
		scene_open(&scene, SOON);
		peer_grpc_set_times(scene.collector, &later, 2);
		scenario_send_spans(&scene.sender, 0, 10);
		daemon_wait_metric(scene.daemon, SENT, 10);
		daemon_wait_metric(scene.daemon, DROPPED, 0);
		daemon_wait_metric(scene.daemon, REQUESTS, 3);
		daemon_wait_metric(scene.daemon, RETRIES, 2);
		daemon_wait_metric(scene.daemon, SPLITS, 0);
		assert_each_accepted_once(scene.collector, 10);
		const struct peer_grpc_call *calls = peer_grpc_lock(scene.collector, &count);
		assert_int_equal(count, 3);
		for (size_t k = 1; k < count; k++) {
			assert_int_equal(calls[k].message_len, calls[0].message_len);
			assert_memory_equal(calls[k].message, calls[0].message,
					    calls[0].message_len);
		}
		peer_grpc_unlock(scene.collector);
		scene_close(&scene);
	}
}

static void a_collector_without_the_service_is_named_in_the_error(void **state)
{
	(void)state;
	struct scene scene;
	scene_open(&scene, SOON);
	peer_grpc_set(scene.collector, &(struct peer_grpc_behaviour){.grpc_status = "12"});
	scenario_send_spans(&scene.sender, 0, 10);
	daemon_wait_metric(scene.daemon,
			   "sluice_exporter_dropped_spans{exporter=\"jaeger\",reason="
			   "\"permanent_error\"}",
			   10);
	daemon_wait_metric(scene.daemon, REQUESTS, 1);
	daemon_wait_metric(scene.daemon, SENT, 0);
	daemon_wait_output(scene.daemon, "has no jaeger.api_v2.CollectorService: send to the "
					 "collector's port 14250, or with the exporter otlp_grpc "
					 "to port 4317");
	scene_close(&scene);
}

/* An OTLP answer of another server is no partial success of this one. */
static void what_the_answer_holds_does_not_count(void **state)
{
	(void)state;
	struct scene scene;
	struct buf partial = BUF_INIT;
	size_t mark = tw_open(&partial, EXPORT_RESPONSE_PARTIAL_SUCCESS);
	tw_varint(&partial, PARTIAL_SUCCESS_REJECTED_SPANS, 5);
	tw_close(&partial, mark);
	scene_open(&scene, SOON);
	peer_grpc_set(scene.collector,
		      &(struct peer_grpc_behaviour){.message = buf_slice(&partial)});
	scenario_send_spans(&scene.sender, 0, 10);
	daemon_wait_metric(scene.daemon, SENT, 10);
	daemon_wait_metric(scene.daemon, DROPPED, 0);
	scene_close(&scene);
	buf_fini(&partial);
}

/* ${spans} spans from ${first} on, of a resource with ${padding} bytes of its own. */
static void append_resource(struct buf *out, uint64_t first, uint32_t spans, char letter,
			    size_t padding)
{
	char *text = calloc(padding + 1, 1);
	assert_non_null(text);
	memset(text, letter, padding);
	size_t resource_spans = tw_open(out, EXPORT_REQUEST_RESOURCE_SPANS);
	size_t resource = tw_open(out, RESOURCE_SPANS_RESOURCE);
	tw_attr_text(out, RESOURCE_ATTRIBUTES, "pad", text);
	tw_close(out, resource);
	size_t scope_spans = tw_open(out, RESOURCE_SPANS_SCOPE_SPANS);
	for (uint64_t number = first; number < first + spans; number++) {
		uint8_t id[TRACE_ID_BYTES] = {0};
		id[14] = (uint8_t)(number >> 8);
		id[15] = (uint8_t)number;
		size_t span = tw_open(out, SCOPE_SPANS_SPANS);
		tw_bytes(out, SPAN_TRACE_ID, slice_of(id, TRACE_ID_BYTES));
		tw_bytes(out, SPAN_SPAN_ID, slice_of(id + 8, SPAN_ID_BYTES));
		tw_close(out, span);
	}
	tw_close(out, scope_spans);
	tw_close(out, resource_spans);
	free(text);
}

/* Eight resources of 2,000 bytes, 64 spans each: 1 MiB if each span carried its own. */
static void what_would_grow_over_the_bound_is_split_before_it_is_sent(void **state)
{
	(void)state;
	enum { RESOURCES = 8, SPANS = 64, REQUEST_BYTES = 65536 };
	struct scene scene;
	struct buf request = BUF_INIT;
	size_t count;
	for (unsigned i = 0; i < RESOURCES; i++)
		append_resource(&request, (uint64_t)i * SPANS, SPANS, (char)('a' + i), 2000);
	assert_true(request.len < REQUEST_BYTES);
	scene_open(&scene, ", max_request_bytes: 65536");
	struct scenario_answer answer =
		scenario_send(&scene.sender, NULL, CODING_IDENTITY, buf_slice(&request));
	assert_true(scenario_taken(&scene.sender, &answer));
	daemon_wait_metric(scene.daemon, SENT, RESOURCES * SPANS);
	daemon_wait_metric(scene.daemon, DROPPED, 0);
	assert_true(daemon_metric(scene.daemon, SPLITS) > 0);
	assert_each_accepted_once(scene.collector, RESOURCES * SPANS);
	const struct peer_grpc_call *calls = peer_grpc_lock(scene.collector, &count);
	for (size_t i = 0; i < count; i++)
		assert_true(calls[i].message_len <= REQUEST_BYTES);
	peer_grpc_unlock(scene.collector);
	scene_close(&scene);
	buf_fini(&request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spans_arrive_as_the_configuration_says),
		cmocka_unit_test(what_passes_is_repeated_whole),
		cmocka_unit_test(a_collector_without_the_service_is_named_in_the_error),
		cmocka_unit_test(what_the_answer_holds_does_not_count),
		cmocka_unit_test(what_would_grow_over_the_bound_is_split_before_it_is_sent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
