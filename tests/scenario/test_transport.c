/* SPDX-License-Identifier: Apache-2.0 */
/* What goes in comes out, byte for byte and once, over every protocol and coding on both sides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/scenario_config.h"
#include "tests/support/scenario_raw.h"
#include "tests/support/scenario_sender.h"
#include "tests/support/scenario_spans.h"
#include "tests/support/trace_payload.h"
#include "tests/support/trace_random.h"

#include "pipeline/trace/value/field_numbers.h"

#include <signal.h>
#include <unistd.h>

/* Two gRPC backends and two HTTP ones, in different codings. */
struct backends {
	struct peer_grpc *gzip, *none;
	struct http_sink *zstd, *plain;
};

static void backends_start(struct backends *backends)
{
	const struct peer_grpc_options options = {0};
	*backends = (struct backends){.gzip = peer_grpc_start(&options),
				      .none = peer_grpc_start(&options),
				      .zstd = http_sink_start(0, false),
				      .plain = http_sink_start(0, false)};
}

static void backends_stop(struct backends *backends)
{
	peer_grpc_stop(backends->gzip);
	peer_grpc_stop(backends->none);
	http_sink_stop(backends->zstd);
	http_sink_stop(backends->plain);
}

static struct daemon *start(const struct backends *backends, const char *processors)
{
	return scenario_start(NULL,
			      SCENARIO_LISTENERS
			      "processors:\n"
			      "  filter: {traces: {span: ['kind == SPAN_KIND_CLIENT']}}\n"
			      "  batch: {timeout: 10ms}\n"
			      "exporters:\n"
			      "  otlp/gzip: {" SCENARIO_GRPC_TO ", headers: {X-Custom: told}}\n"
			      "  otlp_grpc/none: {" SCENARIO_GRPC_TO ", compression: none}\n"
			      "  otlphttp/zstd: {" SCENARIO_HTTP_TO ", compression: zstd, headers: "
			      "{X-Custom: told}}\n"
			      "  otlp_http/plain: {endpoint: 'http://127.0.0.1:%u/base/', "
			      "compression: none}\n" SCENARIO_PIPELINE "processors: %s, exporters: "
			      "[otlp/gzip, otlp_grpc/none, otlphttp/zstd, otlp_http/plain]}\n",
			      peer_grpc_port(backends->gzip), peer_grpc_port(backends->none),
			      http_sink_port(backends->zstd), http_sink_port(backends->plain),
			      processors);
}

/* Each backend holds exactly ${expected}. */
static void assert_all_hold(const struct backends *backends, struct span_bag *expected)
{
	struct span_bag seen[4] = {0};
	unsigned count = (unsigned)expected->count;
	assert_true(peer_grpc_wait_spans(backends->gzip, count, SCENARIO_WAIT_MS));
	assert_true(peer_grpc_wait_spans(backends->none, count, SCENARIO_WAIT_MS));
	assert_true(http_sink_wait_spans(backends->zstd, count, SCENARIO_WAIT_MS));
	assert_true(http_sink_wait_spans(backends->plain, count, SCENARIO_WAIT_MS));
	span_bag_add_grpc(&seen[0], backends->gzip);
	span_bag_add_grpc(&seen[1], backends->none);
	span_bag_add_http(&seen[2], backends->zstd);
	span_bag_add_http(&seen[3], backends->plain);
	for (size_t i = 0; i < ARRAY_COUNT(seen); i++) {
		span_bag_assert_equal(expected, &seen[i]);
		span_bag_fini(&seen[i]);
	}
}

/* A request of all kinds of fields, in any order, with some that nobody knows: several random ones
 * behind each other are one. */
static struct buf any_request(uint64_t seed)
{
	struct buf request = BUF_INIT;
	for (uint64_t part = 0; part < 60; part++) {
		struct random_shape shape = random_shape_of(seed * 100 + part);
		shape.repeat = false; /* protobuf-c merges what the format says to replace */
		random_request(&shape, &request);
	}
	return request;
}

static void send_over_client(enum client_mode mode, uint16_t port, enum coding coding,
			     struct slice request)
{
	struct scenario_sender sender;
	scenario_sender_open(&sender, mode, port);
	struct scenario_answer answer = scenario_send(&sender, NULL, coding, request);
	if (!scenario_taken(&sender, &answer))
		fail_msg("not taken: outcome %d, HTTP %d, gRPC %d, %s", answer.outcome,
			 answer.http_status, answer.grpc_status, answer.message);
	scenario_sender_close(&sender);
}

static void send_over_cleartext_http2(uint16_t port, struct slice request)
{
	struct raw_answer answer;
	raw_http2(port, "POST", "/v1/traces",
		  "Content-Type: application/x-protobuf; charset=utf-8\r\n", request, &answer);
	assert_int_equal(answer.status, 200);
	assert_int_equal(answer.body.len, 0);
	assert_string_equal(raw_header(&answer, "content-type"), "application/x-protobuf");
	raw_answer_fini(&answer);
}

/* Sends requests in all ways; those spans for which ${keep} holds are in ${expected} then. */
static void send_in_all_ways(struct daemon *daemon, bool (*keep)(const Otlp__Span *span),
			     struct span_bag *expected)
{
	static const enum coding codings[] = {CODING_IDENTITY, CODING_GZIP, CODING_ZSTD};
	const uint16_t ports[] = {daemon_grpc_port(daemon), daemon_http_port(daemon)};
	uint64_t seed = 1;
	for (size_t port = 0; port < ARRAY_COUNT(ports); port++) {
		for (size_t way = 0; way < 3 * ARRAY_COUNT(codings); way++) {
			struct buf request = any_request(seed++);
			if (way / 3 == 2)
				send_over_cleartext_http2(ports[port], buf_slice(&request));
			else
				send_over_client(way / 3 ? CLIENT_HTTP : CLIENT_GRPC, ports[port],
						 codings[way % 3], buf_slice(&request));
			span_bag_add(expected, buf_slice(&request), keep);
			buf_fini(&request);
		}
	}
	struct buf large = BUF_INIT;
	payload_append(&large, PAYLOAD_G, 2000, 7);
	send_over_client(CLIENT_GRPC, ports[0], CODING_GZIP, buf_slice(&large));
	span_bag_add(expected, buf_slice(&large), keep);
	buf_fini(&large);
}

static void every_byte_of_every_span_arrives_once_at_every_backend(void **state)
{
	(void)state;
	struct backends backends;
	struct span_bag expected = {0};
	backends_start(&backends);
	struct daemon *daemon = start(&backends, "[]");
	send_in_all_ways(daemon, NULL, &expected);
	assert_all_hold(&backends, &expected);
	assert_true(expected.count > 2500);
	daemon_wait_metric(daemon, "otelcol_receiver_accepted_spans{", (double)expected.count);
	daemon_wait_metric(daemon, "otelcol_exporter_sent_spans{", 4 * (double)expected.count);
	assert_int_equal(daemon_stop(daemon), 0);
	span_bag_fini(&expected);
	backends_stop(&backends);
}

static bool is_no_client(const Otlp__Span *span)
{
	return (int)span->kind != SPAN_KIND_CLIENT;
}

static void spans_that_a_filter_leaves_keep_every_byte(void **state)
{
	(void)state;
	struct backends backends;
	struct span_bag expected = {0};
	backends_start(&backends);
	struct daemon *daemon = start(&backends, "[filter, batch]");
	send_in_all_ways(daemon, is_no_client, &expected);
	assert_all_hold(&backends, &expected);
	double accepted = daemon_metric(daemon, "otelcol_receiver_accepted_spans{");
	assert_true(accepted > (double)expected.count);
	daemon_wait_metric(daemon, "otelcol_processor_filter_spans_filtered{",
			   accepted - (double)expected.count);
	assert_int_equal(daemon_stop(daemon), 0);
	span_bag_fini(&expected);
	backends_stop(&backends);
}

static void exporters_say_on_the_wire_what_the_configuration_says(void **state)
{
	(void)state;
	struct backends backends;
	struct span_bag expected = {0};
	struct buf request = BUF_INIT;
	size_t count;
	payload_append(&request, PAYLOAD_S, 3, 1);
	backends_start(&backends);
	struct daemon *daemon = start(&backends, "[]");
	send_over_client(CLIENT_GRPC, daemon_grpc_port(daemon), CODING_IDENTITY,
			 buf_slice(&request));
	span_bag_add(&expected, buf_slice(&request), NULL);
	assert_all_hold(&backends, &expected);
	const struct peer_grpc_call *grpc = peer_grpc_lock(backends.gzip, &count);
	assert_string_equal(grpc->encoding, "gzip");
	assert_true(grpc->compressed);
	assert_string_equal(grpc->custom, "told");
	assert_string_equal(grpc->path,
			    "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
	peer_grpc_unlock(backends.gzip);
	grpc = peer_grpc_lock(backends.none, &count);
	assert_false(grpc->compressed);
	assert_string_equal(grpc->custom, "");
	peer_grpc_unlock(backends.none);
	const struct http_sink_call *http = http_sink_lock(backends.zstd, &count);
	assert_string_equal(http->encoding, "zstd");
	assert_string_equal(http->custom, "told");
	assert_string_equal(http->path, "/v1/traces");
	assert_string_equal(http->content_type, "application/x-protobuf");
	http_sink_unlock(backends.zstd);
	http = http_sink_lock(backends.plain, &count);
	assert_string_equal(http->encoding, "");
	assert_string_equal(http->path, "/base/v1/traces");
	http_sink_unlock(backends.plain);
	assert_int_equal(daemon_stop(daemon), 0);
	span_bag_fini(&expected);
	buf_fini(&request);
	backends_stop(&backends);
}

/* From one program to the next through a socket that is no port, a file or a name in the kernel. */
static void spans_travel_through_unix_sockets(void **state)
{
	(void)state;
	static const char *const forms[][2] = {
		/* the server's endpoint, the client's */
		{"/tmp/", "unix:///tmp/"},
		{"@", "unix:@"},
		{"@", "unix-abstract:"},
	};
	for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
		struct peer_grpc *end = peer_grpc_start(&(struct peer_grpc_options){0});
		struct scenario_sender sender;
		int pid = (int)getpid();
		struct daemon *back = scenario_start(
			NULL,
			"receivers: {otlp: {protocols: {grpc: {endpoint: '%ssluice-%d.sock', "
			"transport: unix}, http: {endpoint: '127.0.0.1:0'}}}}\n"
			"exporters: {otlp: {" SCENARIO_GRPC_TO "}}\n" SCENARIO_PIPELINE
			"exporters: [otlp]}\n",
			forms[i][0], pid, peer_grpc_port(end));
		struct daemon *front = scenario_start(
			NULL,
			SCENARIO_LISTENERS "exporters: {otlp: {endpoint: '%ssluice-%d.sock', tls: "
					   "{insecure: true}}}\n" SCENARIO_PIPELINE
					   "exporters: [otlp]}\n",
			forms[i][1], pid);
		scenario_sender_open(&sender, CLIENT_GRPC, daemon_grpc_port(front));
		scenario_send_spans(&sender, 0, 10);
		assert_true(peer_grpc_wait_spans(end, 10, SCENARIO_WAIT_MS));
		scenario_sender_close(&sender);
		assert_int_equal(daemon_stop(front), 0);
		assert_int_equal(daemon_stop(back), 0);
		peer_grpc_stop(end);
	}
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_of_every_span_arrives_once_at_every_backend),
		cmocka_unit_test(spans_travel_through_unix_sockets),
		cmocka_unit_test(spans_that_a_filter_leaves_keep_every_byte),
		cmocka_unit_test(exporters_say_on_the_wire_what_the_configuration_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
