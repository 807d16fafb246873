/* SPDX-License-Identifier: Apache-2.0 */
/* What backends answer and what happens to the spans: repeated when and only when the protocol says
 * so, not before the time that was asked for, halved towards the one span that spoils a batch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/base/clock.h"
#include "pipeline/trace/otlp/response.h"
#include "tests/support/scenario_config.h"
#include "tests/support/scenario_sender.h"
#include "tests/support/scenario_spans.h"
#include "tests/support/trace_wire.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { ASKED_MS = 600, SOONEST_MS = 500 /* the test sees the first call a little late */ };

#define DROPPED "sluice_exporter_dropped_spans{"
#define SENT "otelcol_exporter_sent_spans{"
#define REQUESTS "sluice_exporter_requests{"
#define SOON ", retry_on_failure: {initial_interval: 5ms, max_interval: 10ms}"

/* A daemon with one exporter, a backend of each kind, and a sender. */
struct scene {
	struct peer_grpc *grpc;
	struct http_sink *http;
	struct daemon *daemon;
	struct scenario_sender sender;
	bool ended;
};

static void scene_open(struct scene *scene, const char *exporter, const char *settings)
{
	bool http = strcmp(exporter, "otlp_http") == 0;
	scene->ended = false;
	scene->grpc = peer_grpc_start(&(struct peer_grpc_options){0});
	scene->http = http_sink_start(0, false);
	scene->daemon = scenario_start(
		NULL,
		SCENARIO_LISTENERS "exporters:\n  %s: {endpoint: "
				   "'http://127.0.0.1:%u'%s}\n" SCENARIO_PIPELINE
				   "exporters: [%s]}\n",
		exporter,
		(unsigned)(http ? http_sink_port(scene->http) : peer_grpc_port(scene->grpc)),
		settings, exporter);
	scenario_sender_open(&scene->sender, CLIENT_GRPC, daemon_grpc_port(scene->daemon));
}

/* The daemon ends; its output is complete then. */
static void scene_end(struct scene *scene)
{
	scenario_sender_close(&scene->sender);
	daemon_signal(scene->daemon, SIGTERM);
	assert_int_equal(daemon_wait_exit(scene->daemon), 0);
	scene->ended = true;
}

static void scene_close(struct scene *scene)
{
	if (!scene->ended)
		scene_end(scene);
	(void)daemon_stop(scene->daemon);
	peer_grpc_stop(scene->grpc);
	http_sink_stop(scene->http);
}

/* grpc-status-details-bin with a RetryInfo; the caller frees. */
static char *retry_details(uint64_t delay_ns)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct buf status = BUF_INIT, text = BUF_INIT;
	response_write_status(&status, 14, "later", delay_ns);
	for (size_t i = 0; i < status.len; i += 3) {
		uint32_t bits = 0;
		for (size_t k = 0; k < 3; k++)
			bits = bits << 8 | (i + k < status.len ? status.data[i + k] : 0);
		for (size_t k = 0; k < 4; k++) {
			if (i + k <= status.len) /* unpadded, as gRPC prefers */
				buf_append_byte(&text, (uint8_t)digits[bits >> (18 - 6 * k) & 63]);
		}
	}
	char *copy = strdup(buf_cstr(&text));
	buf_fini(&status);
	buf_fini(&text);
	return copy;
}

static void grpc_waits_as_long_as_retry_info_says(void **state)
{
	(void)state;
	static const char *const codes[] = {"14", "8"}; /* UNAVAILABLE, RESOURCE_EXHAUSTED */
	struct scene scene;
	char *details = retry_details(ASKED_MS * NS_PER_MS);
	scene_open(&scene, "otlp", SOON);
	for (unsigned i = 0; i < ARRAY_COUNT(codes); i++) {
		const struct peer_grpc_behaviour later = {.grpc_status = codes[i],
							  .grpc_details = details};
		peer_grpc_set_times(scene.grpc, &later, 1);
		scenario_send_spans(&scene.sender, i * 10, 10);
		assert_true(peer_grpc_wait_calls(scene.grpc, 2 * i + 1, SCENARIO_WAIT_MS));
		uint64_t first_ns = clock_monotonic_ns();
		assert_true(peer_grpc_wait_calls(scene.grpc, 2 * i + 2, SCENARIO_WAIT_MS));
		assert_true(clock_monotonic_ns() - first_ns >= SOONEST_MS * NS_PER_MS);
	}
	assert_true(peer_grpc_wait_spans(scene.grpc, 20, SCENARIO_WAIT_MS));
	daemon_wait_metric(scene.daemon, SENT, 20);
	daemon_wait_metric(scene.daemon, DROPPED, 0);
	daemon_wait_metric(scene.daemon, "sluice_exporter_retries{", 2);
	daemon_wait_output(scene.daemon,
			   "Exporting failed. Will retry the request after interval.");
	scene_close(&scene);
	free(details);
}

static void http_waits_as_long_as_retry_after_says(void **state)
{
	(void)state;
	static const int statuses[] = {429, 503};
	struct scene scene;
	size_t count;
	scene_open(&scene, "otlp_http", SOON);
	for (unsigned i = 0; i < ARRAY_COUNT(statuses); i++) {
		const struct http_sink_behaviour later = {.status = statuses[i],
							  .retry_after = "1"};
		http_sink_set(scene.http, &later, 1);
		scenario_send_spans(&scene.sender, i * 10, 10);
		assert_true(http_sink_wait_spans(scene.http, 10 * (i + 1), SCENARIO_WAIT_MS));
		const struct http_sink_call *calls = http_sink_lock(scene.http, &count);
		assert_int_equal(count, 2 * (i + 1));
		assert_true(calls[2 * i + 1].at_ns - calls[2 * i].at_ns >= NS_PER_S);
		http_sink_unlock(scene.http);
	}
	daemon_wait_metric(scene.daemon, SENT, 20);
	scene_close(&scene);
}

static void http_repeats_what_may_pass_at_its_own_pace(void **state)
{
	(void)state;
	static const int statuses[] = {429, 502, 503, 504};
	struct scene scene;
	scene_open(&scene, "otlp_http", SOON);
	for (unsigned i = 0; i < ARRAY_COUNT(statuses); i++) {
		http_sink_set(scene.http, &(struct http_sink_behaviour){.status = statuses[i]}, 3);
		scenario_send_spans(&scene.sender, i * 10, 10);
		assert_true(http_sink_wait_calls(scene.http, 4 * (i + 1), SCENARIO_WAIT_MS));
		assert_true(http_sink_wait_spans(scene.http, 10 * (i + 1), SCENARIO_WAIT_MS));
	}
	daemon_wait_metric(scene.daemon, REQUESTS, 16);
	daemon_wait_metric(scene.daemon, DROPPED, 0);
	scene_close(&scene);
}

static void grpc_codes_are_repeated_or_dropped_as_otlp_says(void **state)
{
	(void)state;
	static const struct {
		const char *code;
		bool repeated;
	} cases[] = {
		{"1", true},   {"2", false},  {"4", true},  {"5", false}, {"6", false},
		{"7", false},  {"8", false},  {"9", false}, {"10", true}, {"11", true},
		{"12", false}, {"13", false}, {"14", true}, {"15", true}, {"16", false},
	};
	struct scene scene;
	unsigned calls = 0, dropped = 0, sent = 0;
	scene_open(&scene, "otlp", SOON);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct peer_grpc_behaviour says = {.grpc_status = cases[i].code};
		peer_grpc_set_times(scene.grpc, &says, 1);
		scenario_send_spans(&scene.sender, i, 1);
		calls += cases[i].repeated ? 2 : 1;
		sent += cases[i].repeated;
		dropped += !cases[i].repeated;
		daemon_wait_metric(scene.daemon, SENT, sent);
		daemon_wait_metric(scene.daemon, DROPPED, dropped);
		assert_int_equal(peer_grpc_counts(scene.grpc).calls, calls);
	}
	daemon_wait_metric(scene.daemon,
			   "sluice_exporter_dropped_spans{exporter=\"otlp\",reason="
			   "\"permanent_error\"}",
			   dropped);
	daemon_wait_metric(scene.daemon, "otelcol_exporter_send_failed_spans{", dropped);
	daemon_wait_output(scene.daemon, "Exporting failed. Dropping data.");
	scene_close(&scene);
}

static void http_codes_that_will_not_pass_are_dropped_at_once(void **state)
{
	(void)state;
	static const int statuses[] = {301, 401, 403, 404, 405, 415, 422, 500, 501, 505};
	struct scene scene;
	scene_open(&scene, "otlp_http", SOON);
	for (unsigned i = 0; i < ARRAY_COUNT(statuses); i++) {
		http_sink_set(scene.http, &(struct http_sink_behaviour){.status = statuses[i]}, 1);
		scenario_send_spans(&scene.sender, i, 1);
		daemon_wait_metric(scene.daemon, DROPPED, i + 1);
		daemon_wait_metric(scene.daemon, REQUESTS, i + 1);
	}
	daemon_wait_metric(scene.daemon, SENT, 0);
	scene_close(&scene);
}

static void retries_end_when_their_time_is_over(void **state)
{
	(void)state;
	struct scene scene;
	scene_open(&scene, "otlp",
		   ", retry_on_failure: {initial_interval: 20ms, max_interval: 20ms, "
		   "max_elapsed_time: 100ms}");
	peer_grpc_set(scene.grpc, &(struct peer_grpc_behaviour){.grpc_status = "14"});
	scenario_send_spans(&scene.sender, 0, 10);
	daemon_wait_metric(scene.daemon,
			   "sluice_exporter_dropped_spans{exporter=\"otlp\",reason="
			   "\"retries_exhausted\"}",
			   10);
	assert_true(peer_grpc_counts(scene.grpc).calls >= 2);
	scene_close(&scene);
}

/* ---- one bad span --------------------------------------------------------------------------- */

enum { BATCH = 512, REQUESTS_MAX = 4 * 9 + 8 };

static bool has_poison(struct slice request)
{
	return memmem(request.ptr, request.len, "poison", strlen("poison")) != NULL;
}

static bool is_clean(const Otlp__Span *span)
{
	return strcmp(span->name, "poison") != 0;
}

/* One request of BATCH spans of which number ${at} is named "poison". */
static struct buf poisoned(uint32_t at)
{
	struct buf all = scenario_request(0, at, "work", "k", "v");
	struct buf bad = scenario_request(at, 1, "poison", "k", "v");
	struct buf rest = scenario_request(at + 1, BATCH - 1 - at, "work", "k", "v");
	buf_append(&all, buf_slice(&bad));
	buf_append(&all, buf_slice(&rest));
	buf_fini(&bad);
	buf_fini(&rest);
	return all;
}

static void one_bad_span_is_isolated_and_the_others_arrive(void **state)
{
	(void)state;
	static const struct {
		int status;
		uint32_t at;
	} cases[] = {{413, 0}, {400, 300}, {413, 511}, {400, 137}};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct scene scene;
		struct span_bag expected = {0}, seen = {0};
		struct buf request = poisoned(cases[i].at);
		scene_open(&scene, "otlp_http", "");
		http_sink_set(scene.http,
			      &(struct http_sink_behaviour){.status = cases[i].status,
							    .applies = has_poison},
			      0);
		struct scenario_answer answer =
			scenario_send(&scene.sender, NULL, CODING_IDENTITY, buf_slice(&request));
		assert_int_equal(answer.grpc_status, 0);
		daemon_wait_metric(scene.daemon, SENT, BATCH - 1);
		daemon_wait_metric(scene.daemon, DROPPED, 1);
		assert_true(daemon_metric(scene.daemon, REQUESTS) <= REQUESTS_MAX);
		span_bag_add(&expected, buf_slice(&request), is_clean);
		span_bag_add_http(&seen, scene.http);
		span_bag_assert_equal(&expected, &seen);
		span_bag_fini(&expected);
		span_bag_fini(&seen);
		buf_fini(&request);
		scene_close(&scene);
	}
}

/* A backend that takes no message over 1 MiB, itself a Sluice: its words are understood. */
static void a_backend_with_a_smaller_limit_gets_smaller_requests(void **state)
{
	(void)state;
	struct scene scene;
	struct peer_grpc *end = peer_grpc_start(&(struct peer_grpc_options){0});
	struct daemon *small =
		scenario_start(NULL,
			       "receivers: {otlp: {protocols: {grpc: {endpoint: '127.0.0.1:0', "
			       "max_recv_msg_size_mib: 1}}}}\nexporters: {otlp: {" SCENARIO_GRPC_TO
			       "}}\n" SCENARIO_PIPELINE "exporters: [otlp]}\n",
			       peer_grpc_port(end));
	struct daemon *large =
		scenario_start(NULL,
			       SCENARIO_LISTENERS "exporters: {otlp: {" SCENARIO_GRPC_TO
						  "}}\n" SCENARIO_PIPELINE "exporters: [otlp]}\n",
			       daemon_grpc_port(small));
	char *value = calloc(1, (3 << 19) + 1);
	memset(value, 'x', 3 << 19); /* 1.5 MiB in one span: too large even alone */
	struct buf request = scenario_request(0, 4, "work", "k", value);
	value[200000] = 0;
	struct buf some = scenario_request(4, 17, "work", "k", value); /* 3.4 MB in 17 spans */
	scenario_sender_open(&scene.sender, CLIENT_HTTP, daemon_http_port(large));
	struct scenario_answer answer =
		scenario_send(&scene.sender, NULL, CODING_GZIP, buf_slice(&some));
	assert_int_equal(answer.http_status, 200);
	assert_true(peer_grpc_wait_spans(end, 17, SCENARIO_WAIT_MS));
	daemon_wait_metric(large, SENT, 17);
	answer = scenario_send(&scene.sender, NULL, CODING_GZIP, buf_slice(&request));
	assert_int_equal(answer.http_status, 200);
	daemon_wait_metric(large, DROPPED, 4);
	daemon_wait_metric(large, SENT, 17);
	scenario_sender_close(&scene.sender);
	assert_int_equal(daemon_stop(large), 0);
	assert_int_equal(daemon_stop(small), 0);
	peer_grpc_stop(end);
	buf_fini(&request);
	buf_fini(&some);
	free(value);
}

/* The fault is the configuration's, not a span's: few requests, one error. */
static void a_backend_that_refuses_everything_alike_stops_the_halving(void **state)
{
	(void)state;
	static const char *const exporters[] = {"otlp", "otlp_http"};
	for (size_t i = 0; i < ARRAY_COUNT(exporters); i++) {
		struct scene scene;
		scene_open(&scene, exporters[i], "");
		peer_grpc_set(scene.grpc, &(struct peer_grpc_behaviour){.grpc_status = "3"});
		http_sink_set(scene.http, &(struct http_sink_behaviour){.status = 400}, 0);
		scenario_send_spans(&scene.sender, 0, BATCH);
		daemon_wait_metric(scene.daemon, DROPPED, BATCH);
		assert_true(daemon_metric(scene.daemon, REQUESTS) <= 8);
		scene_end(&scene);
		const char *error = strstr(daemon_output(scene.daemon), "\terror\t");
		assert_non_null(error);
		assert_null(strstr(error + 1, "\terror\t"));
		assert_non_null(strstr(error, "\"dropped_items\": 512"));
		scene_close(&scene);
	}
}

/* ---- partial success ------------------------------------------------------------------------ */

static void rejected_spans_are_counted_and_not_repeated(void **state)
{
	(void)state;
	static const char *const exporters[] = {"otlp", "otlp_http"};
	struct buf partial = BUF_INIT;
	size_t message = tw_open(&partial, EXPORT_RESPONSE_PARTIAL_SUCCESS);
	tw_varint(&partial, PARTIAL_SUCCESS_REJECTED_SPANS, 3);
	tw_text(&partial, PARTIAL_SUCCESS_ERROR_MESSAGE, "three were bad");
	tw_close(&partial, message);
	for (size_t i = 0; i < ARRAY_COUNT(exporters); i++) {
		struct scene scene;
		scene_open(&scene, exporters[i], SOON);
		peer_grpc_set(scene.grpc,
			      &(struct peer_grpc_behaviour){.message = buf_slice(&partial)});
		http_sink_set(scene.http,
			      &(struct http_sink_behaviour){.body = buf_slice(&partial)}, 0);
		scenario_send_spans(&scene.sender, 0, 10);
		daemon_wait_metric(scene.daemon, SENT, 7);
		daemon_wait_metric(scene.daemon, DROPPED, 3);
		daemon_wait_metric(scene.daemon, REQUESTS, 1);
		daemon_wait_output(scene.daemon, "Partial success response");
		daemon_wait_output(scene.daemon, "\"dropped_spans\": 3");
		scene_close(&scene);
	}
	buf_fini(&partial);
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grpc_waits_as_long_as_retry_info_says),
		cmocka_unit_test(http_waits_as_long_as_retry_after_says),
		cmocka_unit_test(http_repeats_what_may_pass_at_its_own_pace),
		cmocka_unit_test(grpc_codes_are_repeated_or_dropped_as_otlp_says),
		cmocka_unit_test(http_codes_that_will_not_pass_are_dropped_at_once),
		cmocka_unit_test(retries_end_when_their_time_is_over),
		cmocka_unit_test(one_bad_span_is_isolated_and_the_others_arrive),
		cmocka_unit_test(a_backend_with_a_smaller_limit_gets_smaller_requests),
		cmocka_unit_test(a_backend_that_refuses_everything_alike_stops_the_halving),
		cmocka_unit_test(rejected_spans_are_counted_and_not_repeated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
