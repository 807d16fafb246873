/* SPDX-License-Identifier: Apache-2.0 */
/* OTLP/HTTP with JSON and for browsers, over real connections; the pipeline is this file's own
 * receiver_push and its kin. */
#include "receivers/otlp/otlp_internal.h"
#include "receivers/otlp/transcoding.h"
#include "tests/support/json_hostile.h"
#include "tests/support/net_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define SMALL "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"name\":\"n\"}]}]}]}"
#define POST(fields, body) "POST /v1/traces HTTP/1.1\r\nHost: h\r\n" fields "\r\n" body
#define JSON_POST "Content-Type: application/json\r\n"

/* ---- the pipeline --------------------------------------------------------------------------- */

static struct {
	struct push_result result; /* of every push */
	size_t pushes, refused;
	enum push_transport transport;
	size_t bytes[8];
	struct buf last; /* body of the last one */
} pipeline;

void receiver_push(struct receiver_port *port, struct server_shard *shard,
		   enum push_transport transport, struct chunk *body, struct push *push)
{
	(void)port;
	(void)shard;
	pipeline.transport = transport;
	if (pipeline.pushes < ARRAY_COUNT(pipeline.bytes))
		pipeline.bytes[pipeline.pushes] = body->len;
	pipeline.pushes++;
	buf_reset(&pipeline.last);
	buf_append(&pipeline.last, chunk_slice(body));
	push->done(push, &pipeline.result);
}

void receiver_count_empty(struct receiver_port *port)
{
	(void)port;
}

void receiver_count_late(struct receiver_port *port)
{
	(void)port;
	fail(); /* no request here has a deadline */
}

void receiver_count_unknown(struct receiver_port *port, uint64_t fields, uint32_t span_count)
{
	(void)port;
	(void)span_count;
	assert_int_not_equal(fields, 0);
}

void receiver_count_refused(struct receiver_port *port, const struct err *why)
{
	(void)port;
	assert_int_not_equal(why->kind, ERR_NONE);
	pipeline.refused++;
}

/* ---- the receiver --------------------------------------------------------------------------- */

struct fixture {
	struct net_server net;
	struct arena arena;
	struct cors_config cors;
	struct config_headers response_headers;
	struct otlp_handler handler;
};

static void open_receiver(struct fixture *f)
{
	struct server_config config = net_server_config();
	arena_init(&f->arena, NULL, 1 << 16);
	f->handler.traces_url_path = "/v1/traces";
	f->handler.response_headers = &f->response_headers;
	assert_true(cors_init(&f->handler.cors, &f->cors, &f->arena));
	config.handler = &otlp_server_handler;
	config.handler_arg = &f->handler;
	net_server_open(&f->net, &config);
	pipeline.pushes = pipeline.refused = 0;
	pipeline.result = (struct push_result){.outcome = OUTCOME_TAKEN};
}

static void close_receiver(struct fixture *f)
{
	net_server_close(&f->net);
	arena_fini(&f->arena);
	buf_fini(&pipeline.last);
}

/* Sends one request on a connection of its own and returns the whole answer; buf_fini. */
static struct buf exchange(struct fixture *f, const char *request)
{
	struct buf in = BUF_INIT, out = BUF_INIT;
	const char *end = strstr(request, "\r\n\r\n");
	size_t head = (size_t)(end - request) + 2;
	buf_append(&out, slice_of(request, head));
	buf_printf(&out, "Connection: close\r\nContent-Length: %zu\r\n%s",
		   strlen(request) - head - 2, end + 2);
	int fd = net_server_connect(&f->net);
	assert_true(net_send(&f->net.loop, fd, buf_slice(&out), 0));
	assert_true(net_receive_end(&f->net.loop, fd, &in));
	(void)close(fd);
	buf_fini(&out);
	return in;
}

/* ${expected} is a NULL-terminated list of texts that the answer has to hold; one that begins with
 * ! must not be there. */
static void assert_answer(struct fixture *f, const char *request, const char *const *expected)
{
	struct buf in = exchange(f, request);
	for (; *expected; expected++) {
		bool absent = **expected == '!';
		const char *text = *expected + absent;
		if ((strstr(buf_cstr(&in), text) == NULL) != absent)
			fail_msg("%s in the answer\n%s\nto\n%s", *expected, buf_cstr(&in), request);
	}
	buf_fini(&in);
}

#define ANSWER(f, request, ...) assert_answer(f, request, (const char *const[]){__VA_ARGS__, NULL})

static void json_is_pushed_as_protobuf_and_answered_in_json(void **state)
{
	struct fixture f = {0};
	(void)state;
	open_receiver(&f);
	ANSWER(&f, POST(JSON_POST, SMALL), "HTTP/1.1 200 ", "content-type: application/json\r\n",
	       "\r\n\r\n{\"partialSuccess\":{}}");
	assert_int_equal(pipeline.pushes, 1);
	assert_int_equal(pipeline.transport, PUSH_HTTP);
	static const uint8_t expected[] = {0x0a, 0x08, 0x12, 0x06, 0x12,
					   0x83, 0x00, 0x2a, 0x01, 'n'};
	assert_int_equal(pipeline.last.len, sizeof(expected));
	assert_memory_equal(pipeline.last.data, expected, sizeof(expected));
	ANSWER(&f, POST("Content-Type: Application/JSON; charset=utf-8\r\n", "{}"), "HTTP/1.1 200 ",
	       "{\"partialSuccess\":{}}");
	close_receiver(&f);
}

static void every_error_is_a_status_in_json(void **state)
{
	struct fixture f = {0};
	(void)state;
	open_receiver(&f);
	ANSWER(&f, POST(JSON_POST, "{\"resourceSpans\":1}"), "HTTP/1.1 400 ",
	       "content-type: application/json\r\n",
	       "{\"code\":3,\"message\":\"malformed OTLP at byte 17: "
	       "resourceSpans: expected an array\"}");
	ANSWER(&f, POST(JSON_POST, ""), "HTTP/1.1 400 ",
	       "{\"code\":3,\"message\":\"malformed OTLP at byte 0: invalid JSON: it ends "
	       "early\"}");
	ANSWER(&f, POST(JSON_POST, "{"), "HTTP/1.1 400 ", "at byte 1: invalid JSON");
	ANSWER(&f, POST(JSON_POST "Content-Encoding: snappy\r\n", "{}"), "HTTP/1.1 400 ",
	       "content-type: application/json\r\n", "{\"code\":3,\"message\":");
	assert_int_equal(pipeline.pushes, 0);
	assert_int_equal(pipeline.refused, 3); /* the server counts what it cannot decode */
	pipeline.result = (struct push_result){.outcome = OUTCOME_RETRY,
					       .retry_after_ns = 2500000000,
					       .room_after_ns = 2500000000,
					       .err = {.msg = "full"}};
	ANSWER(&f, POST(JSON_POST, SMALL), "HTTP/1.1 503 ", "retry-after: 3\r\n",
	       "{\"code\":14,\"message\":\"full\",\"details\":[{\"@type\":",
	       "\"retryDelay\":\"2.500000000s\"}]}");
	/* Retry-After is the nearest second until there is room; RetryInfo is the sender's turn. */
	static const struct {
		uint64_t room_ns;
		const char *line;
	} hints[] = {{1499999999, "retry-after: 1\r\n"}, {500000000, "retry-after: 1\r\n"}};
	for (size_t i = 0; i < ARRAY_COUNT(hints); i++) {
		pipeline.result.room_after_ns = hints[i].room_ns;
		ANSWER(&f, POST(JSON_POST, SMALL), "HTTP/1.1 503 ", hints[i].line,
		       "\"retryDelay\":\"2.500000000s\"}]}");
	}
	pipeline.result = (struct push_result){.outcome = OUTCOME_REJECTED,
					       .err = {.kind = ERR_LIMIT, .msg = "much"}};
	ANSWER(&f, POST(JSON_POST, SMALL), "HTTP/1.1 413 ", "{\"code\":8,\"message\":\"much\"}");
	close_receiver(&f);
}

static void another_content_type_hears_which_ones_are_good(void **state)
{
	struct fixture f = {0};
	(void)state;
	open_receiver(&f);
	ANSWER(&f, POST("Content-Type: text/json\r\n", "{}"), "HTTP/1.1 415 ",
	       "content-type: text/plain\r\n",
	       "415 unsupported media type, supported: [application/json, application/x-protobuf]");
	ANSWER(&f, POST("Content-Type: application/x-protobuf\r\n", ""), "HTTP/1.1 200 ",
	       "content-type: application/x-protobuf\r\n");
	close_receiver(&f);
}

/* ---- long bodies ---------------------------------------------------------------------------- */

enum { LONG_BYTES = 20 << 20 };

static bool has_pushed(void *arg)
{
	return pipeline.pushes >= *(size_t *)arg;
}

static bool has_body(void *arg)
{
	struct fixture *f = arg;
	return budget_used(&f->net.budget) > LONG_BYTES;
}

/* A connection with a long body, all of it there, that is still being transcoded. */
static int start_long_body(struct fixture *f)
{
	struct buf out = BUF_INIT, json = BUF_INIT;
	json_hostile_append(&json, HOSTILE_ESCAPES, LONG_BYTES - 1);
	buf_printf(&out, POST(JSON_POST "Content-Length: %zu\r\n", ""), json.len);
	buf_append(&out, buf_slice(&json));
	int fd = net_server_connect(&f->net);
	assert_true(net_send(&f->net.loop, fd, buf_slice(&out), 0));
	assert_true(net_run_until(&f->net.loop, has_body, f));
	buf_fini(&out);
	buf_fini(&json);
	assert_int_equal(pipeline.pushes, 0);
	return fd;
}

static void a_long_body_does_not_keep_others_waiting(void **state)
{
	struct fixture f = {0};
	struct buf in = BUF_INIT;
	size_t two = 2;
	(void)state;
	open_receiver(&f);
	int fd = start_long_body(&f);
	ANSWER(&f, POST(JSON_POST, SMALL), "HTTP/1.1 200 ");
	assert_int_equal(pipeline.pushes, 1); /* the long one is still on its way */
	assert_true(net_run_until(&f.net.loop, has_pushed, &two));
	assert_true(pipeline.bytes[1] > LONG_BYTES / 8);
	assert_true(net_receive_text(&f.net.loop, fd, &in, "{\"partialSuccess\":{}}"));
	/* Body, request and what the buffers of connections need. */
	assert_true(f.net.budget.peak <= 64 << 20);
	(void)close(fd);
	buf_fini(&in);
	close_receiver(&f);
}

static void a_sender_that_goes_away_ends_the_work(void **state)
{
	struct fixture f = {0};
	(void)state;
	open_receiver(&f);
	net_reset(start_long_body(&f));
	assert_true(net_server_counted(&f.net, &f.net.counters->cancelled, 1));
	close_receiver(&f); /* and nothing stays charged */
	assert_int_equal(pipeline.pushes, 0);
	assert_int_equal(pipeline.refused, 0);
}

/* ---- browsers ------------------------------------------------------------------------------- */

#define PREFLIGHT(fields) "OPTIONS /v1/traces HTTP/1.1\r\nHost: h\r\n" fields "\r\n"
#define ASK(origin) "Origin: " origin "\r\nAccess-Control-Request-Method: POST\r\n"
#define VARY_ALL "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers\r\n"

static const char *origins[] = {"https://app.example", "https://*.shop.example"};
static const char *more_headers[] = {"X-Api-Key", "x-trace"};
static const char *exposed[] = {"X-One", "X-Two"};

static const struct {
	const char *request;
	const char *expected[6];
} browser_cases[] = {
	{PREFLIGHT(ASK("https://app.example")),
	 {"HTTP/1.1 204 ", VARY_ALL, "access-control-allow-origin: https://app.example\r\n",
	  "access-control-allow-credentials: true\r\naccess-control-allow-methods: POST\r\n",
	  "access-control-max-age: 600\r\n"}},
	{PREFLIGHT(ASK("https://a.b.shop.example") "Access-Control-Request-Headers: content-type, "
						   "x-api-KEY,X-Trace\r\n"),
	 {"HTTP/1.1 204 ", "access-control-allow-origin: https://a.b.shop.example\r\n",
	  "access-control-allow-headers: content-type, x-api-KEY,X-Trace\r\n"}},
	{PREFLIGHT(ASK("https://app.example") "Access-Control-Request-Headers: x-other\r\n"),
	 {"HTTP/1.1 204 ", VARY_ALL, "!access-control-allow"}},
	{PREFLIGHT(ASK("https://shop.example")), {"HTTP/1.1 204 ", "!access-control-allow"}},
	{PREFLIGHT(ASK("https://app.example.evil")), {"HTTP/1.1 204 ", "!access-control-allow"}},
	{PREFLIGHT("Origin: https://app.example\r\nAccess-Control-Request-Method: PUT\r\n"),
	 {"HTTP/1.1 204 ", "!access-control-allow"}},
	{PREFLIGHT("Access-Control-Request-Method: POST\r\n"),
	 {"HTTP/1.1 204 ", "!access-control-allow"}},
	/* Not a preflight: an ordinary request with a wrong method. */
	{PREFLIGHT("Origin: https://app.example\r\n"),
	 {"HTTP/1.1 405 ", "vary: Origin\r\n",
	  "access-control-allow-origin: https://app.example\r\n"}},
	{POST(JSON_POST "Origin: https://APP.example\r\n", SMALL),
	 {"HTTP/1.1 200 ", "vary: Origin\r\n",
	  "access-control-allow-origin: https://APP.example\r\n"
	  "access-control-allow-credentials: true\r\n"
	  "access-control-expose-headers: X-One, X-Two\r\n"}},
	{POST(JSON_POST "Origin: https://other.example\r\n", SMALL),
	 {"HTTP/1.1 200 ", "vary: Origin\r\n", "!access-control"}},
	{POST(JSON_POST, SMALL), {"HTTP/1.1 200 ", "!access-control"}},
	{POST(JSON_POST "Origin: https://app.example\r\n", "{"),
	 {"HTTP/1.1 400 ", "access-control-allow-origin: https://app.example\r\n"}},
};

static void browsers_are_told_what_is_allowed(void **state)
{
	struct fixture f = {.cors = {.allowed_origins = {.at = origins, .count = 2},
				     .allowed_headers = {.at = more_headers, .count = 2},
				     .exposed_headers = {.at = exposed, .count = 2},
				     .max_age_s = 600}};
	(void)state;
	open_receiver(&f);
	for (size_t i = 0; i < ARRAY_COUNT(browser_cases); i++)
		assert_answer(&f, browser_cases[i].request, browser_cases[i].expected);
	close_receiver(&f);
}

static void everybody_may_send_without_credentials(void **state)
{
	static const char *any[] = {"*"};
	struct fixture f = {.cors = {.allowed_origins = {.at = any, .count = 1}}};
	(void)state;
	open_receiver(&f);
	ANSWER(&f, POST(JSON_POST "Origin: null\r\n", SMALL), "HTTP/1.1 200 ",
	       "access-control-allow-origin: *\r\n");
	ANSWER(&f,
	       PREFLIGHT(ASK("https://a") "Access-Control-Request-Headers: x-requested-with\r\n"),
	       "access-control-allow-headers: x-requested-with\r\n", "!max-age");
	ANSWER(&f, PREFLIGHT(ASK("https://a") "Access-Control-Request-Headers: x-api-key\r\n"),
	       "!access-control-allow");
	close_receiver(&f);
}

static void without_allowed_origins_browsers_hear_nothing(void **state)
{
	struct fixture f = {0};
	(void)state;
	open_receiver(&f);
	ANSWER(&f, PREFLIGHT(ASK("https://a")), "HTTP/1.1 405 ", "!access-control", "!vary");
	ANSWER(&f, POST(JSON_POST "Origin: https://a\r\n", SMALL), "HTTP/1.1 200 ",
	       "!access-control", "!vary");
	close_receiver(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_is_pushed_as_protobuf_and_answered_in_json),
		cmocka_unit_test(every_error_is_a_status_in_json),
		cmocka_unit_test(another_content_type_hears_which_ones_are_good),
		cmocka_unit_test(a_long_body_does_not_keep_others_waiting),
		cmocka_unit_test(a_sender_that_goes_away_ends_the_work),
		cmocka_unit_test(browsers_are_told_what_is_allowed),
		cmocka_unit_test(everybody_may_send_without_credentials),
		cmocka_unit_test(without_allowed_origins_browsers_hear_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
