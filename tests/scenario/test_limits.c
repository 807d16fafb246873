/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that a receiver must refuse: each gets the answer that OTLP says, is counted, and leaves
 * a program behind that goes on with its work. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rpc.pb-c.h"
#include "tests/support/peer_grpc.h"
#include "tests/support/scenario_config.h"
#include "tests/support/scenario_raw.h"
#include "tests/support/scenario_sender.h"
#include "tests/support/trace_wire.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { HTTP_LIMIT = 100000, MIB = 1 << 20 };

#define REFUSED_BY_SERVER "sluice_server_requests_refused{"
#define PROTOBUF "Content-Type: application/x-protobuf\r\n"

struct scene {
	struct peer_grpc *peer;
	struct daemon *daemon;
	struct budget budget;
	struct coder *coder;
	uint64_t sent; /* spans that were taken */
};

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	assert_non_null(scene);
	budget_init(&scene->budget, UINT64_MAX);
	scene->coder = coder_new();
	scene->peer = peer_grpc_start(&(struct peer_grpc_options){0});
	scene->daemon =
		scenario_start(NULL,
			       "receivers: {otlp: {protocols: {grpc: {endpoint: '127.0.0.1:0', "
			       "max_recv_msg_size_mib: 1}, http: {endpoint: '127.0.0.1:0', "
			       "max_request_body_size: %d}}}}\n"
			       "exporters: {otlp: {" SCENARIO_GRPC_TO "}}\n" SCENARIO_PIPELINE
			       "exporters: [otlp]}\n",
			       HTTP_LIMIT, peer_grpc_port(scene->peer));
	*state = scene;
	return 0;
}

/* Whatever was refused, the program goes on and has taken nothing of it. */
static int tear_down(void **state)
{
	struct scene *scene = *state;
	struct scenario_sender sender;
	scenario_sender_open(&sender, CLIENT_GRPC, daemon_grpc_port(scene->daemon));
	scenario_send_spans(&sender, scene->sent, 10);
	scene->sent += 10;
	scenario_sender_close(&sender);
	assert_true(peer_grpc_wait_spans(scene->peer, (unsigned)scene->sent, SCENARIO_WAIT_MS));
	daemon_wait_metric(scene->daemon, "otelcol_receiver_accepted_spans{", (double)scene->sent);
	assert_int_equal(daemon_stop(scene->daemon), 0);
	assert_int_equal(peer_grpc_counts(scene->peer).spans, scene->sent);
	peer_grpc_stop(scene->peer);
	coder_free(scene->coder);
	free(scene);
	return 0;
}

/* The body of an error is a google.rpc.Status with something to read. */
static void assert_is_status(struct raw_answer *answer, int code, const char *text)
{
	assert_string_equal(raw_header(answer, "content-type"), "application/x-protobuf");
	Rpc__Status *status = rpc__status__unpack(NULL, answer->body.len, answer->body.data);
	assert_non_null(status);
	assert_int_equal(status->code, code);
	if (!strstr(status->message, text))
		fail_msg("\"%s\" does not say \"%s\"", status->message, text);
	rpc__status__free_unpacked(status, NULL);
}

static void post(struct scene *scene, const char *headers, struct slice body,
		 struct raw_answer *answer)
{
	raw_http1_post(daemon_http_port(scene->daemon), "POST", "/v1/traces", headers, body,
		       answer);
}

static struct chunk *zeros(struct scene *scene, enum coding coding, size_t len)
{
	uint8_t *bytes = calloc(1, len);
	struct slice body = slice_of(bytes, len);
	struct err err;
	struct chunk *coded = coder_encode(scene->coder, coding, 0, &body, 1, &scene->budget, &err);
	assert_non_null(coded);
	free(bytes);
	return coded;
}

static struct scenario_answer send_grpc(struct scene *scene, const char *path, enum coding coding,
					struct slice body)
{
	struct scenario_sender sender;
	scenario_sender_open(&sender, CLIENT_GRPC, daemon_grpc_port(scene->daemon));
	struct scenario_answer answer = scenario_send(&sender, path, coding, body);
	scenario_sender_close(&sender);
	return answer;
}

static void bodies_over_the_limit_are_413(void **state)
{
	struct scene *scene = *state;
	struct raw_answer answer;
	struct buf large = scenario_request(0, 3000, "work", "k", "v");
	assert_true(large.len > HTTP_LIMIT);
	post(scene, PROTOBUF, buf_slice(&large), &answer);
	assert_int_equal(answer.status, 413);
	assert_is_status(&answer, 8, "");
	daemon_wait_metric(scene->daemon,
			   REFUSED_BY_SERVER
			   "receiver=\"otlp\",listener=\"http\",reason=\"body_too_large\"}",
			   1);
	raw_answer_fini(&answer);
	buf_fini(&large);
}

static void bombs_are_413_and_never_unpacked(void **state)
{
	struct scene *scene = *state;
	static const enum coding codings[] = {CODING_GZIP,   CODING_ZSTD,	   CODING_DEFLATE,
					      CODING_SNAPPY, CODING_SNAPPY_FRAMED, CODING_LZ4};
	for (size_t i = 0; i < ARRAY_COUNT(codings); i++) {
		struct raw_answer answer;
		char headers[128];
		struct chunk *bomb = zeros(scene, codings[i], 64 * MIB);
		(void)snprintf(headers, sizeof(headers), PROTOBUF "Content-Encoding: %s\r\n",
			       coding_http_name(codings[i]));
		/* deflate at its best is 1:1030, lz4 1:255, snappy 1:21 */
		for (size_t len = 32; bomb->len > HTTP_LIMIT; len /= 2) {
			chunk_unref(bomb);
			bomb = zeros(scene, codings[i], len * MIB);
		}
		assert_true(bomb->len < HTTP_LIMIT);
		post(scene, headers, chunk_slice(bomb), &answer);
		assert_int_equal(answer.status, 413);
		assert_is_status(&answer, 8, "");
		raw_answer_fini(&answer);
		chunk_unref(bomb);
	}
	daemon_wait_metric(scene->daemon,
			   REFUSED_BY_SERVER
			   "receiver=\"otlp\",listener=\"http\",reason=\"decoded_too_large\"}",
			   ARRAY_COUNT(codings));
	assert_true(daemon_metric(scene->daemon, "sluice_memory_held_peak ") < 4 * MIB);
}

static void grpc_messages_over_the_limit_are_resource_exhausted(void **state)
{
	struct scene *scene = *state;
	struct buf large = scenario_request(0, 30000, "work", "k", "v");
	struct scenario_answer answer = send_grpc(scene, NULL, CODING_IDENTITY, buf_slice(&large));
	assert_int_equal(answer.grpc_status, 8);
	assert_false(answer.has_retry_info);
	assert_non_null(strstr(answer.message, "grpc: received message larger than max ("));
	assert_non_null(strstr(answer.message, " vs. 1048576)"));
	answer = send_grpc(scene, NULL, CODING_GZIP, buf_slice(&large));
	assert_int_equal(answer.grpc_status, 8);
	assert_non_null(strstr(answer.message,
			       "grpc: received message after decompression larger than max"));
	daemon_wait_metric(scene->daemon,
			   REFUSED_BY_SERVER
			   "receiver=\"otlp\",listener=\"grpc\",reason=\"decoded_too_large\"}",
			   1);
	daemon_wait_metric(scene->daemon,
			   REFUSED_BY_SERVER
			   "receiver=\"otlp\",listener=\"grpc\",reason=\"body_too_large\"}",
			   1);
	buf_fini(&large);
}

static void codings_that_are_unknown_or_broken_are_refused(void **state)
{
	struct scene *scene = *state;
	struct raw_answer answer;
	struct slice body = SLICE("\x1f\x8b\x08 no gzip at all");
	post(scene, PROTOBUF "Content-Encoding: br\r\n", body, &answer);
	assert_int_equal(answer.status, 415);
	assert_is_status(&answer, 3, "unsupported Content-Encoding: br");
	assert_string_equal(raw_header(&answer, "accept-encoding"),
			    "gzip, zstd, deflate, snappy, x-snappy-framed, lz4");
	daemon_wait_output(scene->daemon, "their compression is not supported");
	raw_answer_fini(&answer);
	post(scene, PROTOBUF "Content-Encoding: gzip\r\n", body, &answer);
	assert_int_equal(answer.status, 400);
	assert_is_status(&answer, 3, "");
	raw_answer_fini(&answer);
	raw_http2(daemon_grpc_port(scene->daemon), "POST",
		  "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
		  "Content-Type: application/grpc\r\nTE: trailers\r\ngrpc-encoding: br\r\n",
		  slice_of("\1\0\0\0\1x", 6), &answer);
	assert_int_equal(answer.status, 200);
	assert_string_equal(raw_header(&answer, "grpc-status"), "12");
	assert_non_null(strstr(raw_header(&answer, "grpc-accept-encoding"), "gzip"));
	raw_answer_fini(&answer);
	daemon_wait_metric(scene->daemon,
			   REFUSED_BY_SERVER
			   "receiver=\"otlp\",listener=\"http\",reason=\"coding_unknown\"}",
			   1);
	daemon_wait_metric(scene->daemon,
			   REFUSED_BY_SERVER
			   "receiver=\"otlp\",listener=\"grpc\",reason=\"coding_unknown\"}",
			   1);
	daemon_wait_metric(scene->daemon,
			   REFUSED_BY_SERVER
			   "receiver=\"otlp\",listener=\"http\",reason=\"coding_malformed\"}",
			   1);
}

static double misdirected(struct scene *scene, const char *reason)
{
	char series[128];
	(void)snprintf(series, sizeof(series),
		       "sluice_receiver_requests_misdirected{receiver=\"otlp\",reason=\"%s\"}",
		       reason);
	return daemon_metric(scene->daemon, series);
}

/* An endpoint with a slash at its end; the Collector redirects, and its clients follow. */
static void doubled_slashes_are_one(void **state)
{
	struct scene *scene = *state;
	static const char *const paths[] = {"//v1/traces", "/v1//traces", "///v1//traces",
					    "//v1/traces?x=1"};
	for (size_t i = 0; i < ARRAY_COUNT(paths); i++) {
		struct raw_answer answers[2];
		raw_http1_post(daemon_http_port(scene->daemon), "POST", paths[i], PROTOBUF,
			       (struct slice){0}, &answers[0]);
		raw_http2(daemon_http_port(scene->daemon), "POST", paths[i], PROTOBUF,
			  (struct slice){0}, &answers[1]);
		for (size_t k = 0; k < 2; k++) {
			assert_int_equal(answers[k].status, 200);
			raw_answer_fini(&answers[k]);
		}
	}
}

static void requests_for_somebody_else_are_told_where_to_go(void **state)
{
	struct scene *scene = *state;
	static const struct {
		const char *method, *path, *headers;
		int status;
		const char *says, *counted_as;
	} cases[] = {
		{"POST", "/v1/trace", PROTOBUF, 404, "/v1/traces", "path"},
		{"POST", "/v1/metrics", PROTOBUF, 404, "/v1/traces", "signal"},
		{"POST", "/v1/traces/", PROTOBUF, 404, "/v1/traces", "path"},
		{"POST", "//v1/traces/", PROTOBUF, 404, "/v1/traces", "path"},
		{"POST", "/v1traces", PROTOBUF, 404, "/v1/traces", "path"},
		{"POST", "//v1/traces2", PROTOBUF, 404, "/v1/traces", "path"},
		{"GET", "/", "", 404, "/v1/traces", "path"},
		{"GET", "/v1/traces", "", 405, "405 method not allowed, supported: [POST]",
		 "method"},
		{"PUT", "/v1/traces", PROTOBUF, 405, "405 method not allowed, supported: [POST]",
		 "method"},
		{"POST", "/v1/traces", "Content-Type: text/plain\r\n", 415,
		 "415 unsupported media type, supported: [", "media_type"},
		{"POST", "/v1/traces", "", 415, "415 unsupported media type, supported: [",
		 "media_type"},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct raw_answer answers[2];
		double before = misdirected(scene, cases[i].counted_as);
		raw_http1_post(daemon_http_port(scene->daemon), cases[i].method, cases[i].path,
			       cases[i].headers, (struct slice){0}, &answers[0]);
		raw_http2(daemon_http_port(scene->daemon), cases[i].method, cases[i].path,
			  cases[i].headers, (struct slice){0}, &answers[1]);
		for (size_t k = 0; k < 2; k++) {
			assert_int_equal(answers[k].status, cases[i].status);
			assert_string_equal(raw_header(&answers[k], "content-type"), "text/plain");
			assert_non_null(strstr(buf_cstr(&answers[k].body), cases[i].says));
			raw_answer_fini(&answers[k]);
		}
		assert_true(misdirected(scene, cases[i].counted_as) == before + 2);
	}
	static const struct {
		const char *path, *counted_as;
	} services[] = {
		{"/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", "signal"},
		{"/opentelemetry.proto.collector.logs.v1.LogsService/Export", "signal"},
		{"/opentelemetry.proto.collector.trace.v1.TraceService/Import", "grpc_method"},
	};
	for (size_t i = 0; i < ARRAY_COUNT(services); i++) {
		double before = misdirected(scene, services[i].counted_as);
		struct scenario_answer answer =
			send_grpc(scene, services[i].path, CODING_IDENTITY, (struct slice){0});
		assert_int_equal(answer.grpc_status, 12);
		assert_non_null(strstr(answer.message, "TraceService"));
		assert_true(misdirected(scene, services[i].counted_as) == before + 1);
	}
	assert_true(daemon_metric(scene->daemon, "sluice_receiver_requests_misdirected{") ==
		    2 * ARRAY_COUNT(cases) + ARRAY_COUNT(services));
}

static void malformed_requests_are_refused_whole_with_the_place(void **state)
{
	struct scene *scene = *state;
	struct raw_answer answer;
	struct buf request = scenario_request(0, 5, "work", "k", "v");
	struct slice cut = slice_of(request.data, request.len - 3);
	struct scenario_answer grpc = send_grpc(scene, NULL, CODING_ZSTD, cut);
	assert_int_equal(grpc.grpc_status, 3);
	assert_non_null(strstr(grpc.message, "at byte"));
	post(scene, PROTOBUF, cut, &answer);
	assert_int_equal(answer.status, 400);
	assert_is_status(&answer, 3, "at byte");
	raw_answer_fini(&answer);
	const struct slice json[] = {SLICE(""), SLICE("{"), SLICE("[]")};
	for (size_t i = 0; i < ARRAY_COUNT(json); i++) {
		post(scene, "Content-Type: application/json\r\n", json[i], &answer);
		assert_int_equal(answer.status, 400);
		raw_answer_fini(&answer);
	}
	daemon_wait_metric(
		scene->daemon,
		"sluice_receiver_requests_refused{receiver=\"otlp\",reason=\"malformed\"}",
		2 + ARRAY_COUNT(json));
	buf_fini(&request);
}

static void requests_without_spans_are_taken(void **state)
{
	struct scene *scene = *state;
	struct buf no_spans = scenario_request(0, 0, "", NULL, NULL);
	const struct slice bodies[] = {{0}, buf_slice(&no_spans), SLICE("\x0a\x00")};
	for (size_t i = 0; i < ARRAY_COUNT(bodies); i++) {
		struct raw_answer answer;
		post(scene, PROTOBUF, bodies[i], &answer);
		assert_int_equal(answer.status, 200);
		assert_int_equal(answer.body.len, 0);
		raw_answer_fini(&answer);
		assert_int_equal(send_grpc(scene, NULL, CODING_IDENTITY, bodies[i]).grpc_status, 0);
	}
	daemon_wait_metric(scene->daemon, "sluice_receiver_requests_empty{",
			   2 * ARRAY_COUNT(bodies));
	daemon_wait_output(scene->daemon, "A request had content but no span");
	buf_fini(&no_spans);
}

/* As the sender of another signal, or of another version, would write it. */
static void json_of_another_kind_is_counted_and_said(void **state)
{
	struct scene *scene = *state;
	static const struct slice bodies[] = {
		SLICE_INIT("{}"), SLICE_INIT("{\"resourceMetrics\":[{\"scopeMetrics\":[]}]}"),
		SLICE_INIT("{\"resourceSpans\":[{\"spanGroups\":[{\"spans\":[{}]}],\"x\":1}]}")};
	for (size_t i = 0; i < ARRAY_COUNT(bodies); i++) {
		struct raw_answer answer;
		post(scene, "Content-Type: application/json\r\n", bodies[i], &answer);
		assert_int_equal(answer.status, 200);
		raw_answer_fini(&answer);
	}
	daemon_wait_output(scene->daemon, "A request had content but no span");
	daemon_wait_metric(scene->daemon, "sluice_receiver_requests_empty{", ARRAY_COUNT(bodies));
	daemon_wait_metric(scene->daemon,
			   "sluice_receiver_unread_fields{receiver=\"otlp\",reason=\"unknown\"}",
			   3);
}

/* Whoever no longer waits is told so, and counted: nothing of it is taken. */
static void a_request_whose_deadline_passed_is_counted(void **state)
{
	struct scene *scene = *state;
	struct raw_answer answer;
	struct buf request = scenario_request(0, 1, "late", NULL, NULL), message = BUF_INIT;
	buf_append(&message, slice_of("\0\0\0", 3));
	buf_append_byte(&message, (uint8_t)(request.len >> 8));
	buf_append_byte(&message, (uint8_t)request.len);
	buf_append(&message, buf_slice(&request));
	raw_http2(daemon_grpc_port(scene->daemon), "POST",
		  "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
		  "Content-Type: application/grpc\r\nTE: trailers\r\ngrpc-timeout: 1n\r\n",
		  buf_slice(&message), &answer);
	assert_string_equal(raw_header(&answer, "grpc-status"), "4");
	raw_answer_fini(&answer);
	daemon_wait_metric(
		scene->daemon,
		"sluice_receiver_requests_refused{receiver=\"otlp\",reason=\"deadline\"}", 1);
	buf_fini(&message);
	buf_fini(&request);
}

/* instrumentation_library_spans, before OTLP 0.15. */
static void scopes_under_their_old_name_are_delivered(void **state)
{
	struct scene *scene = *state;
	static const struct slice protobuf =
		SLICE_INIT("\x0a\x0f\xc2\x3e\x0c\x0a\x03\x0a\x01l\x12\x05\x2a\x03old");
	static const struct slice json =
		SLICE_INIT("{\"resourceSpans\":[{\"instrumentationLibrarySpans\":[{"
			   "\"instrumentationLibrary\":{\"name\":\"l\"},"
			   "\"spans\":[{\"name\":\"old\"}]}]}]}");
	struct raw_answer answer;
	post(scene, PROTOBUF, protobuf, &answer);
	assert_int_equal(answer.status, 200);
	raw_answer_fini(&answer);
	post(scene, "Content-Type: application/json\r\n", json, &answer);
	assert_int_equal(answer.status, 200);
	raw_answer_fini(&answer);
	assert_int_equal(send_grpc(scene, NULL, CODING_GZIP, protobuf).grpc_status, 0);
	scene->sent += 3; /* tear_down waits for them */
}

static void headers_over_the_limit_are_431(void **state)
{
	struct scene *scene = *state;
	struct raw_answer answer;
	struct buf headers = BUF_INIT;
	for (int i = 0; i < 100; i++)
		buf_printf(&headers, "X-Number-%d: %01000d\r\n", i, i);
	post(scene, buf_cstr(&headers), (struct slice){0}, &answer);
	assert_int_equal(answer.status, 431);
	daemon_wait_metric(scene->daemon,
			   REFUSED_BY_SERVER
			   "receiver=\"otlp\",listener=\"http\",reason=\"header_too_large\"}",
			   1);
	raw_answer_fini(&answer);
	buf_fini(&headers);
}

/* ---- memory --------------------------------------------------------------------------------- */

/* Twenty kilobytes of gzip that hold ten million empty spans. */
static void an_index_that_would_dwarf_its_request_is_refused(void **state)
{
	(void)state;
	enum { SPANS = 10000000 };
	struct buf request = BUF_INIT;
	struct err err;
	struct budget budget;
	struct raw_answer answer;
	budget_init(&budget, UINT64_MAX);
	struct coder *coder = coder_new();
	struct peer_grpc *peer = peer_grpc_start(&(struct peer_grpc_options){0});
	struct daemon *daemon =
		scenario_start(NULL,
			       SCENARIO_LISTENERS "exporters: {otlp: {" SCENARIO_GRPC_TO
						  "}}\n" SCENARIO_PIPELINE "exporters: [otlp]}\n",
			       peer_grpc_port(peer));
	size_t resource = tw_open(&request, EXPORT_REQUEST_RESOURCE_SPANS);
	size_t scope = tw_open(&request, RESOURCE_SPANS_SCOPE_SPANS);
	for (int i = 0; i < SPANS; i++)
		buf_append(&request, SLICE("\x12\x00"));
	tw_close(&request, scope);
	tw_close(&request, resource);
	struct slice body = buf_slice(&request);
	struct chunk *coded = coder_encode(coder, CODING_GZIP, 0, &body, 1, &budget, &err);
	assert_non_null(coded);
	raw_http1_post(daemon_http_port(daemon), "POST", "/v1/traces",
		       PROTOBUF "Content-Encoding: gzip\r\n", chunk_slice(coded), &answer);
	assert_int_equal(answer.status, 413);
	assert_is_status(&answer, 8, "");
	daemon_wait_metric(
		daemon, "sluice_receiver_requests_refused{receiver=\"otlp\",reason=\"limit\"}", 1);
	assert_true(daemon_metric(daemon, "sluice_memory_held_peak ") < 400.0 * MIB);
	/* Nothing of it stays behind until the next request comes. */
	assert_true(daemon_metric(daemon, "sluice_memory_held ") < 2.0 * MIB);
	assert_int_equal(daemon_stop(daemon), 0);
	assert_int_equal(peer_grpc_counts(peer).spans, 0);
	raw_answer_fini(&answer);
	chunk_unref(coded);
	coder_free(coder);
	buf_fini(&request);
	peer_grpc_stop(peer);
}

static void the_memory_limiter_refuses_for_now(void **state)
{
	(void)state;
	struct peer_grpc *peer = peer_grpc_start(&(struct peer_grpc_options){0});
	struct daemon *daemon = scenario_start(
		NULL,
		SCENARIO_LISTENERS
		"processors: {memory_limiter: {check_interval: 1s, limit_mib: 8, spike_limit_mib: "
		"6}}\nexporters: {otlp: {" SCENARIO_GRPC_TO "}}\n" SCENARIO_PIPELINE
		"processors: [memory_limiter], exporters: [otlp]}\n",
		peer_grpc_port(peer));
	struct scenario_sender grpc, http;
	scenario_sender_open(&grpc, CLIENT_GRPC, daemon_grpc_port(daemon));
	scenario_sender_open(&http, CLIENT_HTTP, daemon_http_port(daemon));
	char *value = calloc(1, 3 * MIB + 1);
	memset(value, 'x', 3 * MIB);
	struct buf over_soft = scenario_request(0, 1, "work", "k", value);
	struct buf over_hard = BUF_INIT;
	for (int i = 0; i < 3; i++)
		buf_append(&over_hard, buf_slice(&over_soft));
	struct scenario_answer answer =
		scenario_send(&grpc, NULL, CODING_IDENTITY, buf_slice(&over_soft));
	assert_int_equal(answer.grpc_status, 14);
	assert_true(answer.has_retry_info);
	answer = scenario_send(&http, NULL, CODING_GZIP, buf_slice(&over_soft));
	assert_int_equal(answer.http_status, 503);
	assert_true(atoi(answer.retry_after) >= 1);
	daemon_wait_metric(daemon, "sluice_processor_memory_limiter_refused_requests{", 2);
	daemon_wait_metric(
		daemon, "sluice_receiver_requests_refused{receiver=\"otlp\",reason=\"memory\"}", 2);
	daemon_wait_output(daemon, "Memory usage is above soft limit. Refusing data.");
	answer = scenario_send(&http, NULL, CODING_IDENTITY, buf_slice(&over_hard));
	assert_int_equal(answer.http_status, 503);
	assert_true(atoi(answer.retry_after) >= 1);
	daemon_wait_metric(
		daemon, REFUSED_BY_SERVER "receiver=\"otlp\",listener=\"http\",reason=\"memory\"}",
		1);
	assert_true(daemon_metric(daemon, "sluice_memory_held_peak ") <= 8.0 * MIB);
	scenario_send_spans(&grpc, 0, 10);
	daemon_wait_output(daemon, "Memory usage back within limits. Resuming normal operation.");
	assert_true(peer_grpc_wait_spans(peer, 10, SCENARIO_WAIT_MS));
	scenario_sender_close(&grpc);
	scenario_sender_close(&http);
	assert_int_equal(daemon_stop(daemon), 0);
	peer_grpc_stop(peer);
	buf_fini(&over_soft);
	buf_fini(&over_hard);
	free(value);
}

#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		IN_SCENE(bodies_over_the_limit_are_413),
		IN_SCENE(bombs_are_413_and_never_unpacked),
		IN_SCENE(grpc_messages_over_the_limit_are_resource_exhausted),
		IN_SCENE(codings_that_are_unknown_or_broken_are_refused),
		IN_SCENE(doubled_slashes_are_one),
		IN_SCENE(requests_for_somebody_else_are_told_where_to_go),
		IN_SCENE(malformed_requests_are_refused_whole_with_the_place),
		IN_SCENE(requests_without_spans_are_taken),
		IN_SCENE(json_of_another_kind_is_counted_and_said),
		IN_SCENE(scopes_under_their_old_name_are_delivered),
		IN_SCENE(a_request_whose_deadline_passed_is_counted),
		IN_SCENE(headers_over_the_limit_are_431),
		cmocka_unit_test(an_index_that_would_dwarf_its_request_is_refused),
		cmocka_unit_test(the_memory_limiter_refuses_for_now),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
