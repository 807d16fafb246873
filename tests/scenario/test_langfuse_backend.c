/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stub of Langfuse's OTLP endpoint behind the real program: each fact about the endpoint that
 * plain OTLP would stumble over, once with the exporter `langfuse` and once with `otlp_http`.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/scenario_config.h"
#include "tests/support/scenario_http_sink.h"
#include "tests/support/scenario_sender.h"
#include "tests/support/trace_proto.h"
#include "tests/support/trace_wire.h"

#include <stdlib.h>
#include <string.h>

#define DROPPED "sluice_exporter_dropped_spans{"
#define UNUSABLE "sluice_exporter_dropped_spans{exporter=\"%s\",reason=\"unusable_id\"}"
#define SENT "otelcol_exporter_sent_spans{"
#define REQUESTS "sluice_exporter_requests{"
#define SPLITS "sluice_exporter_splits{"
#define SOON ", retry_on_failure: {initial_interval: 2ms, max_interval: 4ms}"
#define CANARY "canary-9c1f"

enum { REQUEST_BYTES_MAX = 4000000, RETRIES_MAX = 5 };

/* Ways to name the same backend: public key pk-lf-1, secret key sk-lf-2. In the last one, a header
 * of the user's own is right and the keys are not. */
static const struct {
	const char *name, *before_port, *after_port;
} exporters[] = {
	{"langfuse", "{host: 'http://127.0.0.1:", "', public_key: pk-lf-1, secret_key: sk-lf-2"},
	{"otlp_http", "{endpoint: 'http://127.0.0.1:",
	 "/api/public/otel/', headers: {Authorization: Basic cGstbGYtMTpzay1sZi0y}"},
	{"langfuse/url", "{host: 'http://127.0.0.1:",
	 "/api/public/otel/v1/traces', public_key: pk, secret_key: sk, "
	 "headers: {Authorization: Basic cGstbGYtMTpzay1sZi0y}"},
};

struct scene {
	struct http_sink *langfuse;
	struct daemon *daemon;
	struct scenario_sender sender;
};

static void scene_open(struct scene *scene, size_t exporter, const char *settings)
{
	const char *name = exporters[exporter].name;
	scene->langfuse = http_sink_start(0, false);
	scene->daemon = scenario_start(
		NULL,
		SCENARIO_LISTENERS "exporters:\n  %s: %s%u%s%s}\n" SCENARIO_PIPELINE
				   "exporters: [%s]}\n",
		name, exporters[exporter].before_port, (unsigned)http_sink_port(scene->langfuse),
		exporters[exporter].after_port, settings, name);
	scenario_sender_open(&scene->sender, CLIENT_GRPC, daemon_grpc_port(scene->daemon));
}

static void scene_close(struct scene *scene)
{
	scenario_sender_close(&scene->sender);
	assert_int_equal(daemon_stop(scene->daemon), 0);
	http_sink_stop(scene->langfuse);
}

static size_t call_count(struct scene *scene)
{
	size_t count;
	(void)http_sink_lock(scene->langfuse, &count);
	http_sink_unlock(scene->langfuse);
	return count;
}

static void a_request_is_one_that_langfuse_reads(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(exporters); i++) {
		struct scene scene;
		size_t count;
		scene_open(&scene, i, "");
		scenario_send_spans(&scene.sender, 1, 10);
		daemon_wait_metric(scene.daemon, SENT, 10);
		const struct http_sink_call *call = http_sink_lock(scene.langfuse, &count);
		assert_int_equal(count, 1);
		assert_string_equal(call->path, "/api/public/otel/v1/traces");
		assert_string_equal(call->content_type, "application/x-protobuf");
		assert_string_equal(call->encoding, "gzip");
		assert_string_equal(call->authorization, "Basic cGstbGYtMTpzay1sZi0y");
		assert_string_equal(call->ingestion_version, "4");
		assert_string_equal(call->sdk_name, "");
		assert_int_equal(call->spans, 10);
		http_sink_unlock(scene.langfuse);
		scene_close(&scene);
	}
}

static void a_header_of_the_users_own_stays(void **state)
{
	(void)state;
	struct scene scene;
	size_t count;
	scene_open(&scene, 0, ", headers: {X-Langfuse-Ingestion-Version: '3'}, compression: none");
	scenario_send_spans(&scene.sender, 1, 1);
	daemon_wait_metric(scene.daemon, SENT, 1);
	const struct http_sink_call *call = http_sink_lock(scene.langfuse, &count);
	assert_string_equal(call->ingestion_version, "3");
	assert_string_equal(call->authorization, "Basic cGstbGYtMTpzay1sZi0y");
	assert_string_equal(call->encoding, "");
	http_sink_unlock(scene.langfuse);
	scene_close(&scene);
}

/* What would be a partial success from an OTLP server is the name of a queue's job here. */
static void any_2xx_is_a_success_whatever_its_body_says(void **state)
{
	(void)state;
	const struct http_sink_behaviour answers[] = {
		{.content_type = "application/json",
		 .body = SLICE("{\"partialSuccess\":{\"rejectedSpans\":\"7\"}}")},
		{.status = 207, .content_type = "application/json", .body = SLICE("{\"id\":")},
		{.content_type = "application/x-protobuf", .body = SLICE("\x0a\x02\x08\x07")},
	};
	for (size_t i = 0; i < ARRAY_COUNT(answers); i++) {
		for (size_t k = 0; k < ARRAY_COUNT(exporters); k++) {
			struct scene scene;
			scene_open(&scene, k, "");
			http_sink_set(scene.langfuse, &answers[i], 0);
			scenario_send_spans(&scene.sender, 1, 10);
			daemon_wait_metric(scene.daemon, SENT, 10);
			daemon_wait_metric(scene.daemon, DROPPED, 0);
			scene_close(&scene);
		}
	}
}

/* ---- ids ------------------------------------------------------------------------------------ */

struct ids {
	const char *trace, *span, *parent; /* a letter for each byte, "0" for zeros; NULL: absent */
};

static void add_id(struct buf *out, uint32_t number, const char *letter, size_t len)
{
	uint8_t bytes[TRACE_ID_BYTES];
	if (!letter)
		return;
	memset(bytes, letter[0] == '0' ? 0 : letter[0], sizeof(bytes));
	tw_bytes(out, number, slice_of(bytes, len));
}

static struct buf request_of(const struct ids *ids, size_t count)
{
	struct buf request = BUF_INIT;
	for (size_t i = 0; i < count; i++) {
		struct buf span = BUF_INIT;
		add_id(&span, SPAN_TRACE_ID, ids[i].trace, TRACE_ID_BYTES);
		add_id(&span, SPAN_SPAN_ID, ids[i].span, SPAN_ID_BYTES);
		add_id(&span, SPAN_PARENT_SPAN_ID, ids[i].parent, SPAN_ID_BYTES);
		tw_text(&span, SPAN_NAME, "chat");
		tw_request_of_span(&request, buf_slice(&span));
		buf_fini(&span);
	}
	return request;
}

static bool is_nothing(ProtobufCBinaryData id)
{
	for (size_t i = 0; i < id.len; i++) {
		if (id.data[i] != 0)
			return false;
	}
	return true;
}

/* Langfuse's own check: one bad span, and all of the request is refused. */
static bool has_bad_span(struct slice request)
{
	Otlp__ExportTraceServiceRequest *decoded =
		otlp__export_trace_service_request__unpack(NULL, request.len, request.ptr);
	bool bad = !decoded;
	for (size_t i = 0; decoded && i < decoded->n_resource_spans; i++) {
		const Otlp__ResourceSpans *resource = decoded->resource_spans[i];
		for (size_t k = 0; k < resource->n_scope_spans; k++) {
			const Otlp__ScopeSpans *scope = resource->scope_spans[k];
			for (size_t n = 0; n < scope->n_spans; n++) {
				const Otlp__Span *span = scope->spans[n];
				bad |= is_nothing(span->trace_id) || is_nothing(span->span_id);
				/* not refused, but taken for a parent that is missing */
				bad |= span->parent_span_id.len > 0 &&
				       is_nothing(span->parent_span_id);
			}
		}
	}
	if (decoded)
		otlp__export_trace_service_request__free_unpacked(decoded, NULL);
	return bad;
}

static void send_ids(struct scene *scene, const struct ids *ids, size_t count)
{
	struct buf body = request_of(ids, count);
	struct scenario_answer answer =
		scenario_send(&scene->sender, NULL, CODING_IDENTITY, buf_slice(&body));
	assert_true(scenario_taken(&scene->sender, &answer));
	buf_fini(&body);
}

static void spans_without_usable_ids_spoil_no_request(void **state)
{
	(void)state;
	static const struct http_sink_behaviour refuse = {.status = 400, .applies = has_bad_span};
	static const struct ids mixed[] = {
		{"a", "b", NULL}, {NULL, "c", "b"}, {"a", "d", "b"}, {"0", "e", "b"},
		{"a", NULL, "b"}, {"a", "0", "b"},  {"a", "f", "0"}, {"a", "g", "d"},
	};
	static const struct ids bad[] = {{NULL, NULL, NULL}, {"0", "0", "0"}};
	for (size_t i = 0; i < ARRAY_COUNT(exporters); i++) {
		struct scene scene;
		char unusable[128];
		(void)snprintf(unusable, sizeof(unusable), UNUSABLE, exporters[i].name);
		scene_open(&scene, i, "");
		http_sink_set(scene.langfuse, &refuse, 0);
		send_ids(&scene, mixed, ARRAY_COUNT(mixed));
		daemon_wait_metric(scene.daemon, SENT, 4);
		daemon_wait_metric(scene.daemon, unusable, 4);
		assert_int_equal(call_count(&scene), 1);
		send_ids(&scene, bad, ARRAY_COUNT(bad)); /* nothing is left to send */
		daemon_wait_metric(scene.daemon, unusable, 6);
		assert_int_equal(call_count(&scene), 1);
		daemon_wait_metric(scene.daemon, DROPPED, 6);
		daemon_wait_metric(scene.daemon, REQUESTS, 1);
		scene_close(&scene);
	}
}

/* A login or a maintenance page in front of Langfuse: nothing was taken, and it may pass. */
static void a_web_page_is_no_success(void **state)
{
	(void)state;
	const struct http_sink_behaviour page = {.content_type = "text/html; charset=utf-8",
						 .body = SLICE("<!doctype html>" CANARY)};
	for (size_t i = 0; i < ARRAY_COUNT(exporters); i++) {
		struct scene scene;
		scene_open(&scene, i, SOON);
		http_sink_set(scene.langfuse, &page, 2);
		scenario_send_spans(&scene.sender, 1, 10);
		daemon_wait_metric(scene.daemon, SENT, 10);
		daemon_wait_metric(scene.daemon, DROPPED, 0);
		assert_int_equal(call_count(&scene), 3);
		daemon_wait_output(scene.daemon, "the answer is a web page");
		daemon_assert_silent_about(scene.daemon, CANARY);
		scene_close(&scene);
	}
}

/* ---- failures ------------------------------------------------------------------------------- */

static void a_500_is_repeated_but_not_for_ever(void **state)
{
	(void)state;
	const struct http_sink_behaviour broken = {.status = 500, .body = SLICE(CANARY)};
	for (size_t i = 0; i < ARRAY_COUNT(exporters); i++) {
		struct scene scene;
		scene_open(&scene, i, SOON);
		http_sink_set(scene.langfuse, &broken, 2);
		scenario_send_spans(&scene.sender, 1, 10);
		daemon_wait_metric(scene.daemon, SENT, 10);
		assert_int_equal(call_count(&scene), 3);
		http_sink_set(scene.langfuse, &broken, 0);
		scenario_send_spans(&scene.sender, 11, 10);
		daemon_wait_metric(scene.daemon, DROPPED, 10);
		assert_int_equal(call_count(&scene), 3 + 1 + RETRIES_MAX);
		daemon_assert_silent_about(scene.daemon, CANARY);
		scene_close(&scene);
	}
}

static void a_429_waits_as_long_as_it_says(void **state)
{
	(void)state;
	static const struct http_sink_behaviour limited = {.status = 429, .retry_after = "1"};
	for (size_t i = 0; i < ARRAY_COUNT(exporters); i++) {
		struct scene scene;
		size_t count;
		scene_open(&scene, i, SOON);
		http_sink_set(scene.langfuse, &limited, 1);
		scenario_send_spans(&scene.sender, 1, 10);
		daemon_wait_metric(scene.daemon, SENT, 10);
		const struct http_sink_call *calls = http_sink_lock(scene.langfuse, &count);
		assert_int_equal(count, 2);
		assert_true(calls[1].at_ns - calls[0].at_ns >= 1000000000);
		http_sink_unlock(scene.langfuse);
		scene_close(&scene);
	}
}

static void a_refusal_says_what_to_do(void **state)
{
	(void)state;
	static const struct {
		int status;
		const char *hint;
		size_t calls; /* 400 is split, in case it is for one span */
	} cases[] = {
		{400, "Langfuse cannot read the request", 5},
		{401, "use a project's public and secret key", 1},
		{403, "use a project's keys, not an organisation's", 1},
		{404, "Langfuse has one since 3.22.0", 1},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		for (size_t k = 0; k < ARRAY_COUNT(exporters); k++) {
			struct scene scene;
			const struct http_sink_behaviour refuse = {.status = cases[i].status,
								   .body = SLICE(CANARY)};
			scene_open(&scene, k, SOON);
			http_sink_set(scene.langfuse, &refuse, 0);
			scenario_send_spans(&scene.sender, 1, 10);
			daemon_wait_output(scene.daemon, cases[i].hint);
			daemon_wait_metric(scene.daemon, DROPPED, 10);
			assert_int_equal(call_count(&scene), cases[i].calls);
			daemon_assert_silent_about(scene.daemon, CANARY);
			daemon_assert_silent_about(scene.daemon, "sk-lf-2");
			daemon_assert_silent_about(scene.daemon, "cGstbGYtMTpzay1sZi0y");
			scene_close(&scene);
		}
	}
}

/* 41 spans of 100 kB: within the bound of any other exporter, over that of Langfuse. */
static void requests_stay_below_the_size_that_langfuse_takes(void **state)
{
	(void)state;
	enum { SPANS = 41, TEXT_BYTES = 100000 };
	char *value = malloc(TEXT_BYTES + 1);
	assert_non_null(value);
	memset(value, 'x', TEXT_BYTES);
	value[TEXT_BYTES] = 0;
	struct buf body = scenario_request(1, SPANS, "chat", "note", value);
	assert_true(body.len > REQUEST_BYTES_MAX && body.len < 4128768);
	for (size_t i = 0; i < ARRAY_COUNT(exporters); i++) {
		struct scene scene;
		size_t count;
		scene_open(&scene, i, "");
		struct scenario_answer answer =
			scenario_send(&scene.sender, NULL, CODING_GZIP, buf_slice(&body));
		assert_true(scenario_taken(&scene.sender, &answer));
		daemon_wait_metric(scene.daemon, SENT, SPANS);
		daemon_wait_metric(scene.daemon, SPLITS, 1);
		const struct http_sink_call *calls = http_sink_lock(scene.langfuse, &count);
		assert_int_equal(count, 2);
		assert_true(calls[0].message_len < REQUEST_BYTES_MAX);
		assert_true(calls[1].message_len < REQUEST_BYTES_MAX);
		http_sink_unlock(scene.langfuse);
		scene_close(&scene);
	}
	buf_fini(&body);
	free(value);
}

/* ---- configuration -------------------------------------------------------------------------- */

static void what_cannot_work_is_said_with_its_place(void **state)
{
	(void)state;
	static const struct {
		const char *exporter, *problem;
	} cases[] = {
		{"langfuse: {public_key: pk}", "requires \"public_key\" and \"secret_key\""},
		{"langfuse: {public_key: pk, secret_key: sk, host: ''}", "exporters.langfuse.host"},
		{"langfuse: {public_key: pk, secret_key: sk, compression: zstd}", "zstd"},
		{"langfuse: {public_key: pk, secret_key: sk, host: 'http://h:port'}",
		 "exporters.langfuse.host"},
		{"otlp_http: {endpoint: 'https://h/api/public/otel', compression: zstd}",
		 "Langfuse reads gzip alone"},
		{"otlp_http: {endpoint: 'http://h:port'}", "exporters.otlp_http.endpoint"},
		{"otlp_http: {endpoint: 'http://h', proxy_url: 'socks5://p'}",
		 "exporters.otlp_http.proxy_url"},
		{"otlp_grpc: {endpoint: 'h:port'}", "exporters.otlp_grpc.endpoint"},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct buf config = BUF_INIT, output = BUF_INIT;
		buf_printf(
			&config,
			"yaml:{receivers: {otlp: {protocols: {grpc: }}}, exporters: {%s}, "
			"service: {pipelines: {traces: {receivers: [otlp], exporters: [%.*s]}}}}",
			cases[i].exporter, (int)strcspn(cases[i].exporter, ":"), cases[i].exporter);
		const char *const args[] = {"validate", "--config", buf_cstr(&config), NULL};
		int status = daemon_run(args, &output);
		if (status != 1 || !strstr(buf_cstr(&output), cases[i].problem))
			fail_msg("%s: status %d: %s", cases[i].exporter, status, buf_cstr(&output));
		buf_fini(&config);
		buf_fini(&output);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_one_that_langfuse_reads),
		cmocka_unit_test(a_header_of_the_users_own_stays),
		cmocka_unit_test(any_2xx_is_a_success_whatever_its_body_says),
		cmocka_unit_test(spans_without_usable_ids_spoil_no_request),
		cmocka_unit_test(a_web_page_is_no_success),
		cmocka_unit_test(a_500_is_repeated_but_not_for_ever),
		cmocka_unit_test(a_429_waits_as_long_as_it_says),
		cmocka_unit_test(a_refusal_says_what_to_do),
		cmocka_unit_test(requests_stay_below_the_size_that_langfuse_takes),
		cmocka_unit_test(what_cannot_work_is_said_with_its_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
