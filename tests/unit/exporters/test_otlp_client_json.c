/* SPDX-License-Identifier: Apache-2.0 */
/* The OTLP client with JSON, against a server on the same loop. */
#include "exporters/otlp/otlp_answer.h"
#include "exporters/otlp/otlp_client.h"
#include "tests/support/net_server.h"
#include "tests/support/trace_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

struct fixture {
	struct net_server net;
	struct arena arena;
	struct metrics *metrics;
	struct key_table *keys;
	struct otlp_client *client;
	struct tls_config tls;
	struct config_headers headers;
	struct counter compressions;
	bool done;
	struct export_result result;
};

struct call {
	struct export_call export;
	struct fixture *fixture;
};

static void open_client(struct fixture *f, enum coding coding)
{
	struct err err;
	struct log log = {0};
	char endpoint[64];
	arena_init(&f->arena, NULL, 1 << 16);
	net_server_open(&f->net, NULL);
	f->metrics = metrics_new();
	f->keys = key_table_new();
	assert_int_equal(key_table_freeze(f->keys, &err), 0);
	(void)snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%u",
		       server_port(f->net.server));
	const struct otlp_client_config config = {
		.mode = CLIENT_HTTP,
		.endpoint = arena_printf(&f->arena, "%s", endpoint),
		.coding = coding,
		.json = json_body_new(&f->net.budget, f->keys, f->metrics, "otlp_http"),
		.tls = &f->tls,
		.headers = &f->headers,
		.user_agent = "test",
		.connections_max = 1,
	};
	assert_non_null(config.json);
	f->client = otlp_client_new(&config, &log, &f->net.budget, &f->arena, &err);
	assert_non_null(f->client);
	assert_int_equal(otlp_client_start(f->client, &f->net.loop, &err), 0);
}

static void close_client(struct fixture *f)
{
	otlp_client_stop(f->client);
	otlp_client_free(f->client);
	net_server_close(&f->net);
	key_table_free(f->keys);
	metrics_free(f->metrics);
	arena_fini(&f->arena);
}

static void on_done(struct export_call *export, const struct export_result *result)
{
	struct fixture *f = CONTAINER_OF(export, struct call, export)->fixture;
	f->done = true;
	f->result = *result;
}

static bool is_done(void *arg)
{
	return ((struct fixture *)arg)->done;
}

/* Sends a batch with one span of ${name} and waits for the result. */
static void send_span(struct fixture *f, const char *name)
{
	struct buf span = BUF_INIT, body = BUF_INIT;
	tw_text(&span, SPAN_NAME, name);
	tw_request_of_span(&body, buf_slice(&span));
	struct chunk *chunk = chunk_new(&f->net.budget, body.len);
	assert_true(chunk && chunk_append(chunk, buf_slice(&body)));
	struct batch *batch = batch_new(&f->net.budget);
	assert_true(batch_append(batch, chunk));
	struct call call = {
		.export = {.batch = batch, .done = on_done, .compressions = &f->compressions},
		.fixture = f};
	otlp_client_send(f->client, &call.export);
	assert_true(net_run_until(&f->net.loop, is_done, f));
	chunk_unref(chunk);
	batch_unref(batch);
	buf_fini(&span);
	buf_fini(&body);
}

static void sends_json_plain_and_compressed(void **state)
{
	static const enum coding codings[] = {CODING_IDENTITY, CODING_GZIP,    CODING_ZSTD,
					      CODING_SNAPPY,   CODING_DEFLATE, CODING_SNAPPY_FRAMED,
					      CODING_LZ4};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(codings); i++) {
		struct fixture f = {0};
		open_client(&f, codings[i]);
		send_span(&f, "GET /");
		assert_int_equal(f.result.outcome, EXPORT_DELIVERED);
		assert_string_equal(f.net.path, "/v1/traces");
		assert_string_equal(f.net.content_type, "application/json");
		assert_string_equal(buf_cstr(&f.net.body),
				    "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{"
				    "\"name\":\"GET /\",\"status\":{}}]}]}]}");
		assert_int_equal(counter_get(&f.compressions),
				 codings[i] == CODING_IDENTITY ? 0 : 1);
		close_client(&f);
	}
}

static void counts_text_that_is_not_utf8(void **state)
{
	struct fixture f = {0};
	double value = 0;
	(void)state;
	open_client(&f, CODING_IDENTITY);
	send_span(&f, "a\xff\xfe");
	assert_non_null(strstr(buf_cstr(&f.net.body), "\"a\xef\xbf\xbd\xef\xbf\xbd\""));
	assert_true(metrics_value(f.metrics, "sluice_exporter_json_replaced_bytes",
				  "exporter=\"otlp_http\"", &value));
	assert_int_equal((int)value, 2);
	close_client(&f);
}

static void reads_a_partial_success_in_json(void **state)
{
	static const struct {
		const char *type, *body;
		unsigned rejected;
		bool warning;
	} rows[] = {
		{"application/json", "{\"partialSuccess\":{}}", 0, false},
		{"application/json; charset=utf-8",
		 "{\"partialSuccess\":{\"rejectedSpans\":\"7\",\"errorMessage\":\"m\"}}", 7, false},
		{"application/json", "{\"partialSuccess\":{\"errorMessage\":\"m\"}}", 0, true},
		{"application/json", "{\"partialSuccess\":{\"rejectedSpans\":", 0, false},
		{"text/plain", "{\"partialSuccess\":{\"rejectedSpans\":7}}", 0, false},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct export_result result;
		const struct client_result answer = {.outcome = CLIENT_ANSWERED,
						     .http_status = 200,
						     .content_type = slice_str(rows[i].type),
						     .body = slice_str(rows[i].body)};
		otlp_answer_classify(CLIENT_HTTP, "h:1", &answer, 0, &result);
		assert_int_equal(result.outcome, EXPORT_DELIVERED);
		assert_int_equal(result.rejected_spans, rows[i].rejected);
		assert_int_equal(result.partial_warning, rows[i].warning);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sends_json_plain_and_compressed),
		cmocka_unit_test(counts_text_that_is_not_utf8),
		cmocka_unit_test(reads_a_partial_success_in_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
