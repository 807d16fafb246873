/* SPDX-License-Identifier: Apache-2.0 */
/* One stream of spans to several backends of which some are away: who gets what, and what senders
 * are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/base/clock.h"
#include "pipeline/net/client_settings.h"
#include "tests/support/held_port.h"
#include "tests/support/scenario_config.h"
#include "tests/support/scenario_sender.h"
#include "tests/support/scenario_spans.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define UNAVAILABLE "14"

/* google.rpc.Status with a RetryInfo of 2.5 s, as grpc-status-details-bin. */
#define RETRY_INFO                                                                                 \
	"CAgSBWxhdGVyGjYKKHR5cGUuZ29vZ2xlYXBpcy5jb20vZ29vZ2xlLnJwYy5S"                             \
	"ZXRyeUluZm8SCgoICAIQgMq17gE"

/* Sends request ${number} of ten spans; remembers it as expected when it is taken. */
static struct scenario_answer send_ten(struct scenario_sender *sender, uint64_t number,
				       struct span_bag *expected)
{
	struct buf request = scenario_request(number * 10, 10, "work", "k", "v");
	struct scenario_answer answer =
		scenario_send(sender, NULL, CODING_IDENTITY, buf_slice(&request));
	if (scenario_taken(sender, &answer))
		span_bag_add(expected, buf_slice(&request), NULL);
	buf_fini(&request);
	return answer;
}

static void assert_grpc_holds(struct peer_grpc *peer, struct span_bag *expected)
{
	struct span_bag seen = {0};
	assert_true(peer_grpc_wait_spans(peer, (unsigned)expected->count, SCENARIO_WAIT_MS));
	span_bag_add_grpc(&seen, peer);
	span_bag_assert_equal(expected, &seen);
	span_bag_fini(&seen);
}

static void assert_http_holds(struct http_sink *sink, struct span_bag *expected)
{
	struct span_bag seen = {0};
	assert_true(http_sink_wait_spans(sink, (unsigned)expected->count, SCENARIO_WAIT_MS));
	span_bag_add_http(&seen, sink);
	span_bag_assert_equal(expected, &seen);
	span_bag_fini(&seen);
}

static void two_live_backends_get_all_while_the_third_is_dead(void **state)
{
	(void)state;
	static const char *const args[] = {"--shutdown-timeout", "1s", NULL};
	struct peer_grpc *grpc = peer_grpc_start(&(struct peer_grpc_options){0});
	struct http_sink *http = http_sink_start(0, false);
	struct span_bag expected = {0};
	struct daemon *daemon = scenario_start(
		args,
		SCENARIO_LISTENERS "exporters:\n"
				   "  otlp/live: {" SCENARIO_GRPC_TO "}\n"
				   "  otlphttp/live: {" SCENARIO_HTTP_TO "}\n"
				   "  otlp/dead: {" SCENARIO_GRPC_TO
				   ", sending_queue: {queue_size: 3}}\n" SCENARIO_PIPELINE
				   "exporters: [otlp/live, otlp/dead, otlphttp/live]}\n",
		peer_grpc_port(grpc), http_sink_port(http), held_port());
	struct scenario_sender senders[2];
	scenario_sender_open(&senders[0], CLIENT_GRPC, daemon_grpc_port(daemon));
	scenario_sender_open(&senders[1], CLIENT_HTTP, daemon_http_port(daemon));
	for (uint64_t i = 0; i < 20; i++) {
		struct scenario_answer answer = send_ten(&senders[i % 2], i, &expected);
		assert_true(scenario_taken(&senders[i % 2], &answer));
	}
	assert_grpc_holds(grpc, &expected);
	assert_http_holds(http, &expected);
	daemon_wait_metric(daemon, "otelcol_exporter_sent_spans{exporter=\"otlp/live\",", 200);
	daemon_wait_metric(daemon, "otelcol_exporter_sent_spans{exporter=\"otlphttp/live\",", 200);
	daemon_wait_metric(daemon, "otelcol_exporter_sent_spans{exporter=\"otlp/dead\",", 0);
	daemon_wait_metric(daemon, "sluice_exporter_held_spans{exporter=\"otlp/dead\"}", 30);
	daemon_wait_metric(daemon, "sluice_exporter_dropped_spans{exporter=\"otlp/dead\"", 170);
	daemon_wait_metric(daemon, "otelcol_exporter_enqueue_failed_spans{exporter=\"otlp/dead\"}",
			   170);
	daemon_wait_metric(daemon, "otelcol_exporter_queue_size{exporter=\"otlp/dead\"", 3);
	daemon_wait_output(daemon, "sending queue is full");
	scenario_sender_close(&senders[0]);
	scenario_sender_close(&senders[1]);
	assert_int_equal(daemon_stop(daemon), 1);
	span_bag_fini(&expected);
	peer_grpc_stop(grpc);
	http_sink_stop(http);
}

/* Every queue is full: the sender is told when to come back, and when it does, nothing is doubled:
 * no branch had kept what was refused. */
static void when_all_queues_are_full_a_repeat_doubles_nothing(void **state)
{
	(void)state;
	static const struct peer_grpc_behaviour away = {.grpc_status = UNAVAILABLE};
	struct peer_grpc *grpc = peer_grpc_start(&(struct peer_grpc_options){0});
	struct http_sink *http = http_sink_start(0, false);
	struct span_bag expected = {0};
	peer_grpc_set(grpc, &away);
	http_sink_set(http, &(struct http_sink_behaviour){.status = 503}, 0);
	struct daemon *daemon = scenario_start(
		NULL,
		SCENARIO_LISTENERS
		"exporters:\n"
		"  otlp: {" SCENARIO_GRPC_TO ", sending_queue: {queue_size: 1}, retry_on_failure: "
		"{initial_interval: 100ms, max_interval: 100ms}}\n"
		"  otlphttp: {" SCENARIO_HTTP_TO ", sending_queue: {queue_size: 1}, "
		"retry_on_failure: {initial_interval: 100ms, max_interval: "
		"100ms}}\n" SCENARIO_PIPELINE "exporters: [otlp, otlphttp]}\n",
		peer_grpc_port(grpc), http_sink_port(http));
	struct scenario_sender by_grpc, by_http;
	scenario_sender_open(&by_grpc, CLIENT_GRPC, daemon_grpc_port(daemon));
	scenario_sender_open(&by_http, CLIENT_HTTP, daemon_http_port(daemon));
	struct scenario_answer answer = send_ten(&by_grpc, 0, &expected);
	assert_int_equal(answer.grpc_status, 0);
	answer = send_ten(&by_grpc, 1, &expected);
	assert_int_equal(answer.grpc_status, 14);
	assert_true(answer.has_retry_info && answer.retry_info_ns > 0);
	answer = send_ten(&by_http, 2, &expected);
	assert_int_equal(answer.http_status, 503);
	assert_string_not_equal(answer.message, "");
	daemon_wait_metric(daemon,
			   "sluice_receiver_requests_refused{receiver=\"otlp\",reason="
			   "\"queue_full\"}",
			   2);
	daemon_wait_metric(daemon, "otelcol_receiver_refused_spans{", 20);
	peer_grpc_set(grpc, &(struct peer_grpc_behaviour){0});
	http_sink_set(http, &(struct http_sink_behaviour){0}, 0);
	daemon_wait_metric(daemon, "sluice_exporter_held_spans{", 0);
	/* The senders come back with the very same spans. */
	answer = send_ten(&by_grpc, 1, &expected);
	assert_int_equal(answer.grpc_status, 0);
	daemon_wait_metric(daemon, "sluice_exporter_held_spans{", 0);
	answer = send_ten(&by_http, 2, &expected);
	assert_int_equal(answer.http_status, 200);
	assert_int_equal(expected.count, 30);
	assert_grpc_holds(grpc, &expected);
	assert_http_holds(http, &expected);
	daemon_wait_metric(daemon, "sluice_exporter_dropped_spans{", 0);
	scenario_sender_close(&by_grpc);
	scenario_sender_close(&by_http);
	assert_int_equal(daemon_stop(daemon), 0);
	span_bag_fini(&expected);
	peer_grpc_stop(grpc);
	http_sink_stop(http);
}

static double compressions(struct daemon *daemon, const char *exporter)
{
	char series[128];
	(void)snprintf(series, sizeof(series), "sluice_exporter_compressions{exporter=\"%s",
		       exporter);
	return daemon_metric(daemon, series);
}

/* Three branches want gzip, one wants zstd and one nothing: each request is compressed once in each
 * coding, whoever of the three comes first. */
static void equal_branches_are_compressed_once(void **state)
{
	enum { REQUESTS = 30 };
	(void)state;
	struct http_sink *http = http_sink_start(0, false);
	struct span_bag expected = {0};
	unsigned port = http_sink_port(http);
	struct daemon *daemon = scenario_start(
		NULL,
		SCENARIO_LISTENERS
		"exporters:\n"
		"  otlphttp/gzip-a: {" SCENARIO_HTTP_TO "}\n"
		"  otlphttp/gzip-b: {" SCENARIO_HTTP_TO "}\n"
		"  otlphttp/gzip-c: {" SCENARIO_HTTP_TO "}\n"
		"  otlphttp/zstd: {" SCENARIO_HTTP_TO ", compression: zstd}\n"
		"  otlphttp/none: {" SCENARIO_HTTP_TO ", compression: none}\n" SCENARIO_PIPELINE
		"exporters: [otlphttp/gzip-a, otlphttp/gzip-b, otlphttp/gzip-c, otlphttp/zstd, "
		"otlphttp/none]}\n",
		port, port, port, port, port);
	struct scenario_sender sender;
	scenario_sender_open(&sender, CLIENT_GRPC, daemon_grpc_port(daemon));
	for (uint64_t i = 0; i < REQUESTS; i++)
		(void)send_ten(&sender, i, &expected);
	assert_int_equal(expected.count, 10 * REQUESTS);
	assert_true(http_sink_wait_spans(http, 5 * 10 * REQUESTS, SCENARIO_WAIT_MS));
	daemon_wait_metric(daemon, "otelcol_exporter_sent_spans{", 5 * 10 * REQUESTS);
	assert_true(daemon_metric(daemon, "sluice_exporter_requests{") == 5 * REQUESTS);
	assert_true(compressions(daemon, "otlphttp/gzip-") == REQUESTS);
	assert_true(compressions(daemon, "otlphttp/zstd") == REQUESTS);
	assert_true(compressions(daemon, "otlphttp/none") == 0);
	scenario_sender_close(&sender);
	assert_int_equal(daemon_stop(daemon), 0);
	span_bag_fini(&expected);
	http_sink_stop(http);
}

/* What each word of `compression` makes reaches a backend that knows codings by name alone. */
static void every_compression_is_what_its_name_says(void **state)
{
	enum { REQUESTS = 3 };
	(void)state;
	struct http_sink *http = http_sink_start(0, false);
	struct peer_grpc *grpc = peer_grpc_start(&(struct peer_grpc_options){0});
	struct buf exporters = BUF_INIT, names = BUF_INIT;
	unsigned words = 0, grpc_words = 0;
	for (; http_client_compressions[words]; words++) {
		buf_printf(&exporters,
			   "  otlp_http/%u: {" SCENARIO_HTTP_TO ", compression: '%s'}\n", words,
			   http_sink_port(http), http_client_compressions[words]);
		buf_printf(&names, "otlp_http/%u, ", words);
	}
	for (; grpc_client_compressions[grpc_words]; grpc_words++) {
		buf_printf(&exporters,
			   "  otlp_grpc/%u: {" SCENARIO_GRPC_TO ", compression: '%s'}\n",
			   grpc_words, peer_grpc_port(grpc), grpc_client_compressions[grpc_words]);
		buf_printf(&names, "otlp_grpc/%u, ", grpc_words);
	}
	struct daemon *daemon = scenario_start(
		NULL, SCENARIO_LISTENERS "exporters:\n%s" SCENARIO_PIPELINE "exporters: [%s]}\n",
		buf_cstr(&exporters), buf_cstr(&names));
	struct scenario_sender sender;
	struct span_bag expected = {0};
	scenario_sender_open(&sender, CLIENT_GRPC, daemon_grpc_port(daemon));
	for (uint64_t i = 0; i < REQUESTS; i++)
		(void)send_ten(&sender, i, &expected);
	assert_true(http_sink_wait_spans(http, words * 10 * REQUESTS, SCENARIO_WAIT_MS));
	assert_true(peer_grpc_wait_spans(grpc, grpc_words * 10 * REQUESTS, SCENARIO_WAIT_MS));
	scenario_sender_close(&sender);
	assert_int_equal(daemon_stop(daemon), 0);
	span_bag_fini(&expected);
	buf_fini(&names);
	buf_fini(&exporters);
	peer_grpc_stop(grpc);
	http_sink_stop(http);
}

/* A queue that counts spans or bytes is full by them. */
static void queues_count_in_the_unit_that_is_configured(void **state)
{
	(void)state;
	static const struct {
		const char *sizer;
		unsigned size, taken;
	} cases[] = {{"items", 25, 2}, {"bytes", 5000, 0}, {"requests", 5, 5}};
	struct buf request = scenario_request(0, 10, "work", "k", "v");
	unsigned bytes_taken = 5000 / (unsigned)request.len;
	buf_fini(&request);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		static const char *const args[] = {"--shutdown-timeout", "300ms", NULL};
		struct span_bag expected = {0};
		struct daemon *daemon = scenario_start(
			args,
			SCENARIO_LISTENERS
			"exporters:\n"
			"  otlp: {" SCENARIO_GRPC_TO
			", sending_queue: {sizer: %s, queue_size: %u}}\n" SCENARIO_PIPELINE
			"exporters: [otlp]}\n",
			held_port(), cases[i].sizer, cases[i].size);
		struct scenario_sender sender;
		scenario_sender_open(&sender, CLIENT_GRPC, daemon_grpc_port(daemon));
		unsigned taken = 0;
		while (send_ten(&sender, taken, &expected).grpc_status == 0 && taken < 100)
			taken++;
		assert_int_equal(taken, cases[i].taken ? cases[i].taken : bytes_taken);
		scenario_sender_close(&sender);
		assert_int_equal(daemon_stop(daemon), 1);
		span_bag_fini(&expected);
	}
}

/* With wait_for_result on both branches the worse outcome is the answer: 503 asks for a repeat, the
 * others do not. */
static void who_waits_for_results_hears_of_the_worst(void **state)
{
	(void)state;
	static const struct {
		const char *grpc_status; /* of one backend */
		int http_status;	 /* of the other */
		int answer;
	} cases[] = {
		{"0", 200, 200},  {"14", 200, 503}, {"0", 401, 401},
		{"14", 401, 401}, {"7", 503, 403},  {"0", 500, 500},
	};
	struct peer_grpc *grpc = peer_grpc_start(&(struct peer_grpc_options){0});
	struct http_sink *http = http_sink_start(0, false);
	struct daemon *daemon = scenario_start(
		NULL,
		SCENARIO_LISTENERS
		"exporters:\n"
		"  otlp: {" SCENARIO_GRPC_TO ", sending_queue: {wait_for_result: true}, "
		"retry_on_failure: {enabled: false}}\n"
		"  otlphttp: {" SCENARIO_HTTP_TO ", sending_queue: {enabled: false}, "
		"retry_on_failure: {enabled: false}}\n" SCENARIO_PIPELINE
		"exporters: [otlp, otlphttp]}\n",
		peer_grpc_port(grpc), http_sink_port(http));
	struct scenario_sender sender;
	struct span_bag taken = {0};
	scenario_sender_open(&sender, CLIENT_HTTP, daemon_http_port(daemon));
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		peer_grpc_set(grpc,
			      &(struct peer_grpc_behaviour){.grpc_status = cases[i].grpc_status});
		http_sink_set(http, &(struct http_sink_behaviour){.status = cases[i].http_status},
			      0);
		struct scenario_answer answer = send_ten(&sender, i, &taken);
		assert_int_equal(answer.http_status, cases[i].answer);
		assert_string_equal(answer.retry_after, ""); /* no backend has asked for one */
		/* Both had been asked by then. */
		assert_int_equal(peer_grpc_counts(grpc).calls, i + 1);
		assert_true(http_sink_wait_calls(http, (unsigned)i + 1, 0));
	}
	assert_int_equal(taken.count, 10);
	scenario_sender_close(&sender);
	assert_int_equal(daemon_stop(daemon), 0);
	span_bag_fini(&taken);
	peer_grpc_stop(grpc);
	http_sink_stop(http);
}

/* What a backend answers is what its sender hears, by either protocol, in the Collector's translation;
 * and so is when it wants to be asked again. */
static void who_waits_hears_the_backends_own_status(void **state)
{
	(void)state;
	static const struct {
		int http_status; /* the backend's, with */
		const char *retry_after;
		int to_http;
		const char *retry_after_to_http;
		int to_grpc;
		unsigned retry_info_s; /* 0: none */
	} cases[] = {
		{400, NULL, 400, "", 3, 0},	{401, NULL, 401, "", 16, 0},
		{403, NULL, 403, "", 7, 0},	{404, NULL, 404, "", 12, 0},
		{429, "7", 429, "7", 8, 7},	{429, NULL, 429, "", 8, 1},
		{500, NULL, 500, "", 2, 0},	{502, NULL, 503, "", 14, 0},
		{503, "11", 503, "11", 14, 11}, {504, "3", 503, "", 14, 0},
		{200, NULL, 200, "", 0, 0},
	};
	static const char *const queues[] = {"enabled: false", "wait_for_result: true"};
	for (size_t q = 0; q < ARRAY_COUNT(queues); q++) {
		struct http_sink *sink = http_sink_start(0, false);
		struct daemon *daemon = scenario_start(
			NULL,
			SCENARIO_LISTENERS
			"exporters:\n"
			"  otlphttp: {" SCENARIO_HTTP_TO ", sending_queue: {%s}, retry_on_failure: "
			"{enabled: false}}\n" SCENARIO_PIPELINE "exporters: [otlphttp]}\n",
			http_sink_port(sink), queues[q]);
		struct scenario_sender http, grpc;
		scenario_sender_open(&http, CLIENT_HTTP, daemon_http_port(daemon));
		scenario_sender_open(&grpc, CLIENT_GRPC, daemon_grpc_port(daemon));
		struct buf body = scenario_request(1, 1, "work", NULL, NULL);
		for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
			http_sink_set(
				sink,
				&(struct http_sink_behaviour){.status = cases[i].http_status,
							      .retry_after = cases[i].retry_after},
				0);
			struct scenario_answer answer =
				scenario_send(&http, NULL, CODING_IDENTITY, buf_slice(&body));
			assert_int_equal(answer.http_status, cases[i].to_http);
			assert_string_equal(answer.retry_after, cases[i].retry_after_to_http);
			answer = scenario_send(&grpc, NULL, CODING_IDENTITY, buf_slice(&body));
			assert_int_equal(answer.grpc_status, cases[i].to_grpc);
			assert_int_equal(answer.has_retry_info, cases[i].retry_info_s > 0);
			assert_int_equal(answer.retry_info_ns, cases[i].retry_info_s * NS_PER_S);
		}
		unsigned refused = 2 * (ARRAY_COUNT(cases) - 1);
		daemon_wait_metric(daemon, "otelcol_receiver_refused_spans{", refused);
		daemon_wait_metric(daemon, "sluice_exporter_returned_spans{", refused);
		daemon_wait_metric(daemon, "sluice_exporter_dropped_spans{", 0);
		scenario_sender_close(&http);
		scenario_sender_close(&grpc);
		buf_fini(&body);
		assert_int_equal(daemon_stop(daemon), 0);
		http_sink_stop(sink);
	}
}

/* gRPC codes as they are, with the details' RetryInfo (here of 2.5 s), and as HTTP statuses. */
static void who_waits_hears_the_backends_own_code(void **state)
{
	(void)state;
	static const struct {
		const char *code, *details;
		int to_grpc, to_http;
		const char *retry_after;
		uint64_t retry_info_ms;
	} cases[] = {
		{"1", NULL, 1, 503, "", 0},
		{"2", NULL, 2, 500, "", 0},
		{"3", NULL, 3, 400, "", 0},
		{"4", NULL, 4, 503, "", 0},
		{"7", NULL, 7, 403, "", 0},
		{"8", NULL, 8, 429, "", 0},
		{"8", RETRY_INFO, 8, 429, "3", 2500},
		{"13", NULL, 13, 500, "", 0},
		{"14", RETRY_INFO, 14, 503, "3", 2500},
		{"16", NULL, 16, 401, "", 0},
	};
	struct peer_grpc *peer = peer_grpc_start(&(struct peer_grpc_options){0});
	struct daemon *daemon = scenario_start(
		NULL,
		SCENARIO_LISTENERS "exporters:\n"
				   "  otlp: {" SCENARIO_GRPC_TO
				   ", sending_queue: {enabled: false}, retry_on_failure: "
				   "{enabled: false}}\n" SCENARIO_PIPELINE "exporters: [otlp]}\n",
		peer_grpc_port(peer));
	struct scenario_sender http, grpc;
	scenario_sender_open(&http, CLIENT_HTTP, daemon_http_port(daemon));
	scenario_sender_open(&grpc, CLIENT_GRPC, daemon_grpc_port(daemon));
	struct buf body = scenario_request(1, 1, "work", NULL, NULL);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		peer_grpc_set(peer,
			      &(struct peer_grpc_behaviour){.grpc_status = cases[i].code,
							    .grpc_details = cases[i].details});
		struct scenario_answer answer =
			scenario_send(&grpc, NULL, CODING_IDENTITY, buf_slice(&body));
		assert_int_equal(answer.grpc_status, cases[i].to_grpc);
		assert_int_equal(answer.retry_info_ns, cases[i].retry_info_ms * NS_PER_MS);
		answer = scenario_send(&http, NULL, CODING_IDENTITY, buf_slice(&body));
		assert_int_equal(answer.http_status, cases[i].to_http);
		assert_string_equal(answer.retry_after, cases[i].retry_after);
	}
	scenario_sender_close(&http);
	scenario_sender_close(&grpc);
	buf_fini(&body);
	assert_int_equal(daemon_stop(daemon), 0);
	peer_grpc_stop(peer);
}

/* A queue that is full because its backend fails: the sender is told when the back-off is over, and
 * at most the longest wait. */
static void a_failing_backend_gives_its_back_off(void **state)
{
	(void)state;
	static const char *const args[] = {"--shutdown-timeout", "100ms", NULL};
	struct http_sink *sink = http_sink_start(0, false);
	http_sink_set(sink, &(struct http_sink_behaviour){.status = 503}, 0);
	struct daemon *daemon = scenario_start(
		args,
		SCENARIO_LISTENERS
		"exporters:\n"
		"  otlphttp: {" SCENARIO_HTTP_TO ", sending_queue: {queue_size: 1}, "
		"retry_on_failure: {initial_interval: 1h, max_interval: 1h, "
		"max_elapsed_time: 0s}}\n" SCENARIO_PIPELINE "exporters: [otlphttp]}\n",
		http_sink_port(sink));
	struct scenario_sender http, grpc;
	scenario_sender_open(&http, CLIENT_HTTP, daemon_http_port(daemon));
	scenario_sender_open(&grpc, CLIENT_GRPC, daemon_grpc_port(daemon));
	scenario_send_spans(&grpc, 0, 1);
	daemon_wait_output(daemon, "Will retry the request after interval.");
	struct buf body = scenario_request(1, 1, "work", NULL, NULL);
	struct scenario_answer answer =
		scenario_send(&grpc, NULL, CODING_IDENTITY, buf_slice(&body));
	assert_int_equal(answer.grpc_status, 14);
	assert_int_equal(answer.retry_info_ns, 30 * NS_PER_S);
	answer = scenario_send(&http, NULL, CODING_IDENTITY, buf_slice(&body));
	assert_int_equal(answer.http_status, 503);
	assert_string_equal(answer.retry_after, "30");
	scenario_sender_close(&http);
	scenario_sender_close(&grpc);
	buf_fini(&body);
	assert_int_equal(daemon_stop(daemon), 1);
	http_sink_stop(sink);
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_live_backends_get_all_while_the_third_is_dead),
		cmocka_unit_test(when_all_queues_are_full_a_repeat_doubles_nothing),
		cmocka_unit_test(equal_branches_are_compressed_once),
		cmocka_unit_test(every_compression_is_what_its_name_says),
		cmocka_unit_test(queues_count_in_the_unit_that_is_configured),
		cmocka_unit_test(who_waits_for_results_hears_of_the_worst),
		cmocka_unit_test(who_waits_hears_the_backends_own_status),
		cmocka_unit_test(who_waits_hears_the_backends_own_code),
		cmocka_unit_test(a_failing_backend_gives_its_back_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
