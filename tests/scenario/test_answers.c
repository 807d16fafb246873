/* SPDX-License-Identifier: Apache-2.0 */
/* What backends say beside their status: answers that are coded, answers that are no OTLP, and the
 * span that alone is too large. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/scenario_config.h"
#include "tests/support/scenario_sender.h"
#include "tests/support/scenario_spans.h"
#include "tests/support/trace_wire.h"

#include <signal.h>
#include <stdlib.h>

#define DROPPED "sluice_exporter_dropped_spans{"
#define SENT "otelcol_exporter_sent_spans{"
#define NO_OTLP "The endpoint's answer says success and is no OTLP answer"

/* A daemon with one exporter, a backend of each kind, and a sender. */
struct scene {
	struct peer_grpc *grpc;
	struct http_sink *http;
	struct daemon *daemon;
	struct scenario_sender sender;
};

static const char *const exporters[] = {"otlp", "otlp_http"};

static void scene_open(struct scene *scene, const char *exporter, const char *path)
{
	bool http = strcmp(exporter, "otlp_http") == 0;
	scene->grpc = peer_grpc_start(&(struct peer_grpc_options){0});
	scene->http = http_sink_start(0, false);
	scene->daemon = scenario_start(
		NULL,
		SCENARIO_LISTENERS
		"exporters:\n  %s: {%s: 'http://127.0.0.1:%u%s'}\n" SCENARIO_PIPELINE
		"exporters: [%s]}\n",
		exporter, path[0] ? "traces_endpoint" : "endpoint",
		(unsigned)(http ? http_sink_port(scene->http) : peer_grpc_port(scene->grpc)), path,
		exporter);
	scenario_sender_open(&scene->sender, CLIENT_GRPC, daemon_grpc_port(scene->daemon));
}

static void scene_close(struct scene *scene)
{
	scenario_sender_close(&scene->sender);
	assert_int_equal(daemon_stop(scene->daemon), 0);
	peer_grpc_stop(scene->grpc);
	http_sink_stop(scene->http);
}

/* Both backends answer success with ${body}. */
static void answer_with(struct scene *scene, struct slice body, const char *coding,
			const char *content_type)
{
	peer_grpc_set(scene->grpc,
		      &(struct peer_grpc_behaviour){.message = body, .coding = coding});
	http_sink_set(scene->http,
		      &(struct http_sink_behaviour){
			      .body = body, .coding = coding, .content_type = content_type},
		      0);
}

static unsigned times_said(struct daemon *daemon, const char *text)
{
	unsigned times = 0;
	for (const char *at = daemon_output(daemon); (at = strstr(at, text)); at++)
		times++;
	return times;
}

/* ---- coded answers -------------------------------------------------------------------------- */

static struct budget budget;

/* The caller unrefs. */
static struct chunk *coded(enum coding coding, struct slice plain)
{
	struct err err;
	struct coder *coder = coder_new();
	assert_non_null(coder);
	struct chunk *chunk = coder_encode(coder, coding, 0, &plain, 1, &budget, &err);
	assert_non_null(chunk);
	coder_free(coder);
	return chunk;
}

static struct buf partial_success(uint64_t rejected, const char *text)
{
	struct buf out = BUF_INIT;
	size_t message = tw_open(&out, EXPORT_RESPONSE_PARTIAL_SUCCESS);
	if (rejected > 0)
		tw_varint(&out, PARTIAL_SUCCESS_REJECTED_SPANS, rejected);
	tw_text(&out, PARTIAL_SUCCESS_ERROR_MESSAGE, text);
	tw_close(&out, message);
	return out;
}

static void coded_answers_are_read(void **state)
{
	(void)state;
	struct buf partial = partial_success(2, "two were bad");
	for (size_t i = 0; i < ARRAY_COUNT(exporters); i++) {
		struct scene scene;
		unsigned sent = 0, dropped = 0;
		scene_open(&scene, exporters[i], "");
		for (int coding = CODING_IDENTITY + 1; coding < CODING_COUNT; coding++) {
			const char *name = strcmp(exporters[i], "otlp_http") == 0
						   ? coding_http_name((enum coding)coding)
						   : coding_grpc_name((enum coding)coding);
			if (!name)
				continue;
			struct chunk *body = coded((enum coding)coding, buf_slice(&partial));
			answer_with(&scene, chunk_slice(body), name, NULL);
			scenario_send_spans(&scene.sender, (unsigned)coding * 10, 5);
			daemon_wait_metric(scene.daemon, SENT, sent += 3);
			daemon_wait_metric(scene.daemon, DROPPED, dropped += 2);
			chunk_unref(body);
		}
		struct chunk *json =
			coded(CODING_GZIP, SLICE("{\"partialSuccess\":{\"rejectedSpans\":\"2\"}}"));
		if (strcmp(exporters[i], "otlp_http") == 0) {
			answer_with(&scene, chunk_slice(json), "x-gzip", "application/json");
			scenario_send_spans(&scene.sender, 100, 5);
			daemon_wait_metric(scene.daemon, SENT, sent + 3);
			daemon_wait_metric(scene.daemon, DROPPED, dropped + 2);
		}
		chunk_unref(json);
		assert_int_equal(times_said(scene.daemon, NO_OTLP), 0);
		daemon_assert_silent_about(scene.daemon, "two were bad");
		scene_close(&scene);
	}
	buf_fini(&partial);
}

static void what_is_read_is_announced(void **state)
{
	(void)state;
	struct scene scene;
	size_t count;
	scene_open(&scene, "otlp", "");
	scenario_send_spans(&scene.sender, 1, 1);
	daemon_wait_metric(scene.daemon, SENT, 1);
	const struct peer_grpc_call *call = peer_grpc_lock(scene.grpc, &count);
	assert_string_equal(call->accept, CODING_GRPC_NAMES);
	peer_grpc_unlock(scene.grpc);
	scene_close(&scene);
	scene_open(&scene, "otlp_http", "");
	scenario_send_spans(&scene.sender, 1, 1);
	daemon_wait_metric(scene.daemon, SENT, 1);
	const struct http_sink_call *post = http_sink_lock(scene.http, &count);
	assert_string_equal(post->accept, CODING_HTTP_NAMES);
	http_sink_unlock(scene.http);
	scene_close(&scene);
}

/* The spans were taken: the status says so. That there may be more to it is said once. */
static void answers_that_cannot_be_decoded_are_said_once(void **state)
{
	(void)state;
	struct buf plain = BUF_INIT;
	for (size_t i = 0; i < (64 << 20); i += 64)
		buf_append(&plain, SLICE("0123456789abcdef0123456789abcdef"
					 "0123456789abcdef0123456789abcdef"));
	struct chunk *bomb = coded(CODING_GZIP, buf_slice(&plain)); /* 64 MiB */
	struct chunk *whole = coded(CODING_GZIP, SLICE("\x0a\x02\x08\x07"));
	buf_fini(&plain);
	const struct {
		struct slice body;
		const char *coding;
	} answers[] = {
		{slice_of(bomb->data, bomb->len), "gzip"},
		{slice_of(whole->data, whole->len - 4), "gzip"},
		{SLICE("not gzip at all"), "gzip"},
		{SLICE("whatever"), "br"},
	};
	for (size_t i = 0; i < ARRAY_COUNT(answers) * ARRAY_COUNT(exporters); i++) {
		struct scene scene;
		scene_open(&scene, exporters[i % 2], "");
		answer_with(&scene, answers[i / 2].body, answers[i / 2].coding, NULL);
		scenario_send_spans(&scene.sender, 1, 5);
		scenario_send_spans(&scene.sender, 6, 5);
		daemon_wait_metric(scene.daemon, SENT, 10);
		daemon_wait_metric(scene.daemon, DROPPED, 0);
		daemon_wait_output(scene.daemon, "coded in a way that cannot be read");
		assert_int_equal(times_said(scene.daemon, NO_OTLP), 1);
		scene_close(&scene);
	}
	chunk_unref(bomb);
	chunk_unref(whole);
}

/* ---- answers that are no OTLP --------------------------------------------------------------- */

static void a_success_that_is_a_page_is_said_once(void **state)
{
	(void)state;
	static const struct {
		const char *type, *body, *word;
	} pages[] = {
		{"text/html; charset=utf-8", "<!doctype html><title>canary</title>",
		 "an HTML page"},
		{"text/plain", "canary", "neither protobuf nor JSON"},
		{"application/json", "<html>canary", "malformed JSON"},
	};
	for (size_t i = 0; i < ARRAY_COUNT(pages); i++) {
		struct scene scene;
		scene_open(&scene, "otlp_http", "/app/v1/traces?api_key=secret");
		answer_with(&scene, slice_str(pages[i].body), NULL, pages[i].type);
		scenario_send_spans(&scene.sender, 1, 5);
		scenario_send_spans(&scene.sender, 6, 5);
		daemon_wait_metric(scene.daemon, SENT, 10);
		daemon_wait_output(scene.daemon, NO_OTLP);
		daemon_wait_output(scene.daemon, pages[i].word);
		daemon_wait_output(scene.daemon, "/app/v1/traces\"");
		assert_int_equal(times_said(scene.daemon, NO_OTLP), 1);
		daemon_assert_silent_about(scene.daemon, "canary");
		daemon_assert_silent_about(scene.daemon, "secret");
		scene_close(&scene);
	}
}

static void an_empty_answer_is_an_answer(void **state)
{
	(void)state;
	struct scene scene;
	scene_open(&scene, "otlp_http", "");
	http_sink_set(scene.http,
		      &(struct http_sink_behaviour){.status = 202, .content_type = "text/plain"},
		      0);
	scenario_send_spans(&scene.sender, 1, 5);
	daemon_wait_metric(scene.daemon, SENT, 5);
	assert_int_equal(times_said(scene.daemon, NO_OTLP), 0);
	scene_close(&scene);
}

/* A message alone is news, not a failure; whose text stays where it is. */
static void a_partial_success_without_rejections_is_information(void **state)
{
	(void)state;
	struct buf partial = partial_success(0, "canary");
	for (size_t i = 0; i < ARRAY_COUNT(exporters); i++) {
		struct scene scene;
		scene_open(&scene, exporters[i], "");
		answer_with(&scene, buf_slice(&partial), NULL, NULL);
		scenario_send_spans(&scene.sender, 1, 5);
		daemon_wait_metric(scene.daemon, SENT, 5);
		daemon_wait_output(scene.daemon, "Partial success response");
		assert_null(strstr(daemon_output(scene.daemon), "\twarn\t"));
		daemon_assert_silent_about(scene.daemon, "canary");
		scene_close(&scene);
	}
	buf_fini(&partial);
}

/* ---- too large alone ------------------------------------------------------------------------ */

enum { LIMIT_BYTES = 20000, LARGE_BYTES = 30000 };

static bool is_large(struct slice request)
{
	return request.len > LIMIT_BYTES;
}

static bool is_small(const Otlp__Span *span)
{
	return strcmp(span->name, "large") != 0;
}

static void spans_that_are_too_large_alone_are_named(void **state)
{
	(void)state;
	static const uint64_t large[] = {3, 40, 41, 99};
	struct scene scene;
	struct span_bag expected = {0}, seen = {0};
	struct buf request = BUF_INIT;
	char *value = calloc(1, LARGE_BYTES + 1);
	assert_non_null(value);
	memset(value, 'x', LARGE_BYTES);
	for (uint64_t id = 0, next = 0; id < 100; id++) {
		bool is_culprit = next < ARRAY_COUNT(large) && id == large[next];
		struct buf one = scenario_request(id, 1, is_culprit ? "large" : "work", "k",
						  is_culprit ? value : value + LARGE_BYTES - 1000);
		next += is_culprit;
		buf_append(&request, buf_slice(&one));
		buf_fini(&one);
	}
	scene_open(&scene, "otlp_http", "");
	http_sink_set(scene.http, &(struct http_sink_behaviour){.status = 413, .applies = is_large},
		      0);
	struct scenario_answer answer =
		scenario_send(&scene.sender, NULL, CODING_IDENTITY, buf_slice(&request));
	assert_int_equal(answer.grpc_status, 0);
	daemon_wait_metric(scene.daemon, SENT, 96);
	daemon_wait_metric(scene.daemon,
			   "sluice_exporter_dropped_spans{exporter=\"otlp_http\",reason="
			   "\"too_large\"}",
			   4);
	daemon_wait_output(scene.daemon, "\"trace_id\": \"00000000000000010000000000000003\", "
					 "\"bytes\": 30");
	daemon_wait_output(scene.daemon, "\"trace_id\": \"00000000000000010000000000000063\"");
	span_bag_add(&expected, buf_slice(&request), is_small);
	span_bag_add_http(&seen, scene.http);
	span_bag_assert_equal(&expected, &seen);
	span_bag_fini(&expected);
	span_bag_fini(&seen);
	buf_fini(&request);
	free(value);
	scene_close(&scene);
}

/* 400 alone would be looked for in what the spans say. */
static void an_error_that_is_coded_is_read(void **state)
{
	(void)state;
	enum { SPANS = 64 };
	struct chunk *body = coded(CODING_GZIP, SLICE("http: request body too large"));
	struct buf request = BUF_INIT;
	char value[2001];
	struct scene scene;
	memset(value, 'x', sizeof(value) - 1);
	value[sizeof(value) - 1] = 0;
	for (uint64_t id = 0; id < SPANS; id++) {
		struct buf one = scenario_request(id, 1, "work", "k", value);
		buf_append(&request, buf_slice(&one));
		buf_fini(&one);
	}
	scene_open(&scene, "otlp_http", "");
	http_sink_set(scene.http,
		      &(struct http_sink_behaviour){.status = 400,
						    .body = chunk_slice(body),
						    .coding = "gzip",
						    .content_type = "text/plain",
						    .applies = is_large},
		      0);
	struct scenario_answer answer =
		scenario_send(&scene.sender, NULL, CODING_IDENTITY, buf_slice(&request));
	assert_int_equal(answer.grpc_status, 0);
	daemon_wait_metric(scene.daemon, SENT, SPANS);
	daemon_wait_metric(scene.daemon, DROPPED, 0);
	buf_fini(&request);
	chunk_unref(body);
	scene_close(&scene);
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	budget_init(&budget, UINT64_MAX);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(coded_answers_are_read),
		cmocka_unit_test(what_is_read_is_announced),
		cmocka_unit_test(answers_that_cannot_be_decoded_are_said_once),
		cmocka_unit_test(a_success_that_is_a_page_is_said_once),
		cmocka_unit_test(an_empty_answer_is_an_answer),
		cmocka_unit_test(a_partial_success_without_rejections_is_information),
		cmocka_unit_test(spans_that_are_too_large_alone_are_named),
		cmocka_unit_test(an_error_that_is_coded_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
