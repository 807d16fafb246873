/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/net_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define HOST "Host: localhost\r\n"

/* The statuses of the answers in ${in}, as "200,400"; interim answers too. */
static void statuses(const struct buf *in, char *text, size_t size)
{
	size_t at = 0, used = 0;
	text[0] = 0;
	while (at + 12 <= in->len) {
		const uint8_t *found = memmem(in->data + at, in->len - at, "HTTP/1.1 ", 9);
		if (!found || (size_t)(found - in->data) + 12 > in->len)
			return;
		used += (size_t)snprintf(text + used, size - used, "%s%.3s", used ? "," : "",
					 (const char *)found + 9);
		at = (size_t)(found - in->data) + 12;
	}
}

struct answers {
	struct buf in;
	int fd;
	const char *expected;
};

static bool has_answers(void *arg)
{
	struct answers *answers = arg;
	char text[256];
	(void)net_receive(answers->fd, &answers->in);
	statuses(&answers->in, text, sizeof(text));
	return strcmp(text, answers->expected) == 0;
}

/* Sends ${bytes} in pieces and expects exactly these statuses, then the end when ${closes}. */
static void exchange(struct net_server *fixture, struct slice bytes, size_t piece,
		     const char *expected, bool closes)
{
	char text[256];
	struct answers answers = {.fd = net_server_connect(fixture), .expected = expected};
	net_settle(&fixture->loop);
	(void)net_send(&fixture->loop, answers.fd, bytes, piece); /* may be cut by a refusal */
	(void)net_run_until(&fixture->loop, has_answers, &answers);
	net_settle(&fixture->loop);
	bool open = net_receive(answers.fd, &answers.in);
	if (closes && open)
		open = !net_receive_end(&fixture->loop, answers.fd, &answers.in);
	statuses(&answers.in, text, sizeof(text));
	(void)close(answers.fd);
	if (strcmp(text, expected) != 0 || open == closes)
		fail_msg("expected %s and %s, got %s and %s for %.60s", expected,
			 closes ? "the end" : "open", text, open ? "open" : "the end",
			 (const char *)bytes.ptr);
	buf_fini(&answers.in);
}

struct http_case {
	const char *name, *bytes, *expected;
	bool closes;
};

static const struct http_case cases[] = {
	{"GET", "GET /x HTTP/1.1\r\n" HOST "\r\n", "200", false},
	{"POST with a length", "POST /x HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello", "200",
	 false},
	{"chunked",
	 "POST /x HTTP/1.1\r\n" HOST
	 "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;a=b\r\n123\r\n0\r\n\r\n",
	 "200", false},
	{"chunked with trailers",
	 "POST /x HTTP/1.1\r\n" HOST
	 "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n",
	 "200", false},
	{"pipelined",
	 "GET /1 HTTP/1.1\r\n" HOST "\r\nPOST /2 HTTP/1.1\r\n" HOST
	 "Content-Length: 2\r\n\r\nhiGET /3 HTTP/1.1\r\n" HOST "\r\n",
	 "200,200,200", false},
	{"empty lines before a request", "\r\n\r\nGET /x HTTP/1.1\r\n" HOST "\r\n", "200", false},
	{"Connection: close", "GET /x HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", "200", true},
	{"HTTP/1.0", "GET /x HTTP/1.0\r\n\r\n", "200", true},
	{"HTTP/1.0 kept alive", "GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "200", false},
	{"absolute form", "GET http://localhost/x?q HTTP/1.1\r\n" HOST "\r\n", "200", false},
	{"OPTIONS *", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", "200", false},
	{"100-continue",
	 "POST /x HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
	 "100,200", false},
	{"an expectation we do not know",
	 "POST /x HTTP/1.1\r\n" HOST "Expect: magic\r\nContent-Length: 2\r\n\r\nhi", "417", true},
	{"upgrade is ignored",
	 "GET /x HTTP/1.1\r\n" HOST "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
	 "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n"
	 "GET /y HTTP/1.1\r\n" HOST "\r\n",
	 "200,200", false},
	{"CONNECT", "CONNECT localhost:1 HTTP/1.1\r\n" HOST "\r\n", "400", true},
	{"gRPC needs HTTP/2",
	 "POST /x HTTP/1.1\r\n" HOST
	 "Content-Type: application/grpc\r\nContent-Length: 5\r\n\r\n12345",
	 "415", false},
	{"unknown Content-Encoding",
	 "POST /x HTTP/1.1\r\n" HOST "Content-Encoding: brotli\r\nContent-Length: 2\r\n\r\nhi",
	 "415", false},
	{"broken gzip",
	 "POST /x HTTP/1.1\r\n" HOST "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nhi", "400",
	 false},
};

static void answers_each_case_whole_and_in_pieces(void **state)
{
	static const size_t pieces[] = {0, 1, 7};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		for (size_t p = 0; p < ARRAY_COUNT(pieces); p++)
			exchange(*state, slice_str(cases[i].bytes), pieces[p], cases[i].expected,
				 cases[i].closes);
	}
}

/* One request on a fresh connection; the answer in ${in}. */
static int ask(struct net_server *fixture, const char *bytes, struct buf *in, const char *until)
{
	int fd = net_server_connect(fixture);
	assert_true(net_send(&fixture->loop, fd, slice_str(bytes), 0));
	assert_true(net_receive_text(&fixture->loop, fd, in, until));
	return fd;
}

static void hands_the_request_to_the_handler(void **state)
{
	struct net_server *fixture = *state;
	struct buf in = BUF_INIT;
	int fd = ask(fixture,
		     "POST /v1/traces?a=b HTTP/1.1\r\n" HOST
		     "Content-Type: Application/JSON ; charset=utf-8\r\n"
		     "Transfer-Encoding: chunked\r\n\r\n"
		     "5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n",
		     &in, "12 bytes\n");
	assert_string_equal(fixture->method, "POST");
	assert_string_equal(fixture->path, "/v1/traces");
	assert_string_equal(fixture->content_type, "application/json");
	assert_string_equal(buf_cstr(&fixture->body), "hello, world");
	buf_append_byte(&in, 0);
	assert_non_null(strstr((char *)in.data, "content-type: text/plain\r\n"));
	assert_non_null(strstr((char *)in.data, "Content-Length: 9\r\n"));
	assert_non_null(strstr((char *)in.data, "\r\nDate: "));
	(void)close(fd);
	buf_fini(&in);
}

static void the_path_is_that_of_any_form_of_target(void **state)
{
	static const struct {
		const char *target, *path;
	} targets[] = {
		{"/", "/"},
		{"/v1/traces", "/v1/traces"},
		{"/?", "/"},
		{"/v1/traces?a=b?c", "/v1/traces"},
		{"/a?b://c/d", "/a"},
		{"/a://b", "/a://b"},
		{"http://a/v1/traces", "/v1/traces"},
		{"http://a.example:4318/v1/traces?q=/x", "/v1/traces"},
		{"http://a", "/"},
		{"http://a/", "/"},
		{"https://a/b/c", "/b/c"},
		{"http://a/b://c/d", "/b://c/d"},
	};
	struct net_server *fixture = *state;
	for (size_t i = 0; i < ARRAY_COUNT(targets); i++) {
		struct buf in = BUF_INIT;
		char request[256];
		(void)snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n" HOST "\r\n",
			       targets[i].target);
		int fd = ask(fixture, request, &in, "0 bytes\n");
		assert_string_equal(fixture->path, targets[i].path);
		(void)close(fd);
		buf_fini(&in);
	}
}

static void head_has_a_length_and_no_body(void **state)
{
	struct buf in = BUF_INIT;
	int fd = ask(*state, "HEAD /x HTTP/1.1\r\n" HOST "\r\n", &in, "\r\n\r\n");
	net_settle(&((struct net_server *)*state)->loop);
	(void)net_receive(fd, &in);
	assert_memory_equal(in.data + in.len - 4, "\r\n\r\n", 4);
	assert_non_null(memmem(in.data, in.len, "Content-Length: 8\r\n", 19));
	(void)close(fd);
	buf_fini(&in);
}

static void pipelined_requests_wait_for_the_answer_before_them(void **state)
{
	struct net_server *fixture = *state;
	struct buf in = BUF_INIT;
	fixture->hold = true;
	int fd = net_server_connect(fixture);
	assert_true(net_send(&fixture->loop, fd,
			     SLICE("GET /1 HTTP/1.1\r\n" HOST "\r\nGET /2 HTTP/1.1\r\n" HOST
				   "\r\nGET /3 HTTP/1.1\r\n" HOST "\r\n"),
			     0));
	for (size_t i = 1; i <= 3; i++) {
		assert_true(net_server_counted(fixture, &fixture->counters->requests, i));
		net_settle(&fixture->loop);
		assert_int_equal(fixture->requests, i);
		assert_int_equal(fixture->path[1], '0' + (int)i);
		net_server_answer(fixture);
	}
	assert_true(net_receive_text(&fixture->loop, fd, &in, "0 bytes\n"));
	(void)close(fd);
	buf_fini(&in);
}

static void thousands_of_pipelined_requests_need_no_stack(void **state)
{
	struct net_server *fixture = *state;
	struct buf requests = BUF_INIT, in = BUF_INIT;
	for (int i = 0; i < 5000; i++)
		buf_append_str(&requests, "GET /x HTTP/1.1\r\n" HOST "\r\n");
	int fd = net_server_connect(fixture);
	assert_true(net_send(&fixture->loop, fd, buf_slice(&requests), 0));
	assert_true(net_server_counted(fixture, &fixture->counters->requests, 5000));
	(void)close(fd);
	buf_fini(&requests);
	buf_fini(&in);
}

static void a_peer_that_goes_away_cancels_the_request(void **state)
{
	struct net_server *fixture = *state;
	fixture->hold = true;
	int fd = net_server_connect(fixture);
	assert_true(net_send(&fixture->loop, fd, SLICE("GET /1 HTTP/1.1\r\n" HOST "\r\n"), 0));
	assert_true(net_server_counted(fixture, &fixture->counters->requests, 1));
	net_reset(fd);
	assert_true(net_server_counted(fixture, &fixture->counters->cancelled, 1));
	assert_int_equal(fixture->cancels, 1);
}

static void a_peer_that_only_half_closes_is_answered(void **state)
{
	struct net_server *fixture = *state;
	struct buf in = BUF_INIT;
	fixture->hold = true;
	int fd = net_server_connect(fixture);
	assert_true(net_send(&fixture->loop, fd, SLICE("GET /1 HTTP/1.1\r\n" HOST "\r\n"), 0));
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_true(net_server_counted(fixture, &fixture->counters->requests, 1));
	net_settle(&fixture->loop);
	net_server_answer(fixture);
	assert_true(net_receive_text(&fixture->loop, fd, &in, "0 bytes\n"));
	assert_true(net_receive_end(&fixture->loop, fd, &in));
	(void)close(fd);
	buf_fini(&in);
}

static void an_answer_before_the_body_keeps_or_closes_the_connection(void **state)
{
	struct net_server *fixture = *state;
	fixture->answer_at_header = true;
	/* A short rest is read, so a second request works; a long or open-ended one is not. */
	exchange(fixture,
		 SLICE("POST /x HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello"
		       "GET /x HTTP/1.1\r\n" HOST "\r\n"),
		 0, "404,404", false);
	exchange(fixture, SLICE("POST /x HTTP/1.1\r\n" HOST "Content-Length: 999999\r\n\r\nhello"),
		 0, "404", true);
	exchange(fixture,
		 SLICE("POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello"),
		 0, "404", true);
	exchange(fixture,
		 SLICE("POST /x HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n"
		       "Content-Length: 5\r\n\r\n"),
		 0, "404", true);
}

static void a_drain_closes_idle_connections_and_lets_requests_finish(void **state)
{
	struct net_server *fixture = *state;
	struct buf in = BUF_INIT, idle_in = BUF_INIT;
	int idle = ask(fixture, "GET /x HTTP/1.1\r\n" HOST "\r\n", &idle_in, "0 bytes\n");
	fixture->hold = true;
	int busy = net_server_connect(fixture);
	assert_true(net_send(&fixture->loop, busy, SLICE("GET /1 HTTP/1.1\r\n" HOST "\r\n"), 0));
	assert_true(net_server_counted(fixture, &fixture->counters->requests, 2));
	server_drain(fixture->server, NULL, NULL);
	assert_true(net_receive_end(&fixture->loop, idle, &idle_in));
	net_server_answer(fixture);
	assert_true(net_receive_end(&fixture->loop, busy, &in));
	assert_non_null(memmem(in.data, in.len, "Connection: close\r\n", 19));
	(void)close(idle);
	(void)close(busy);
	buf_fini(&in);
	buf_fini(&idle_in);
}

static void keep_alive_can_be_turned_off(void **state)
{
	struct net_server fixture = {0};
	struct server_config config = net_server_config();
	(void)state;
	config.keep_alives = false;
	net_server_open(&fixture, &config);
	exchange(&fixture, SLICE("GET /x HTTP/1.1\r\n" HOST "\r\n"), 0, "200", true);
	net_server_close(&fixture);
}

/* Many small ones: the bound is about their sum. */
static void trailers_and_chunk_extensions_are_bounded_together(void **state)
{
	static const char *const units[] = {"1;extension=xxxxxxxxxxxx\r\nx\r\n",
					    "T: xxxxxxxxxxxx\r\n"};
	struct net_server *server = *state;
	struct buf bytes = BUF_INIT;
	for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
		uint64_t before = counter_get(&server->counters->header_too_large);
		buf_reset(&bytes);
		buf_append_str(&bytes, "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
				       "chunked\r\n\r\n");
		if (i == 1)
			buf_append_str(&bytes, "0\r\n");
		for (int k = 0; k < 8000; k++) /* 64 KiB of each are allowed */
			buf_append_str(&bytes, units[i]);
		exchange(server, buf_slice(&bytes), 1000, "431", true);
		assert_int_equal(counter_get(&server->counters->header_too_large), before + 1);
	}
	buf_fini(&bytes);
}

/* A coding of the peer's making is named when it is short and plain. */
static void an_unknown_content_coding_is_named_within_bounds(void **state)
{
	static const struct {
		const char *coding, *named;
	} cases_of_it[] = {
		{"br", "br"},
		{"!~", "!~"},
		{"a b", "?"},
		{"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"},
		{"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "?"},
		{"a\xc3\xa9", "?"},
	};
	struct net_server *server = *state;
	for (size_t i = 0; i < ARRAY_COUNT(cases_of_it); i++) {
		char request[256], expected[128];
		struct buf in = BUF_INIT;
		(void)snprintf(request, sizeof(request),
			       "POST /x HTTP/1.1\r\nHost: h\r\nContent-Encoding: "
			       "%s\r\nContent-Length: 1\r\n\r\nx",
			       cases_of_it[i].coding);
		(void)snprintf(expected, sizeof(expected), "unsupported Content-Encoding: %s",
			       cases_of_it[i].named);
		int fd = net_server_connect(server);
		assert_true(net_send(&server->loop, fd, slice_str(request), 0));
		(void)net_receive_text(&server->loop, fd, &in, "\r\n\r\n");
		assert_string_equal(server->refusal_text, expected);
		assert_int_equal(server->refusals[REFUSED_CODING_UNKNOWN], i + 1);
		(void)close(fd);
		buf_fini(&in);
	}
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, net_server_set_up, net_server_tear_down)
	const struct CMUnitTest tests[] = {
		CASE(answers_each_case_whole_and_in_pieces),
		CASE(hands_the_request_to_the_handler),
		CASE(the_path_is_that_of_any_form_of_target),
		CASE(head_has_a_length_and_no_body),
		CASE(pipelined_requests_wait_for_the_answer_before_them),
		CASE(thousands_of_pipelined_requests_need_no_stack),
		CASE(a_peer_that_goes_away_cancels_the_request),
		CASE(a_peer_that_only_half_closes_is_answered),
		CASE(an_answer_before_the_body_keeps_or_closes_the_connection),
		CASE(a_drain_closes_idle_connections_and_lets_requests_finish),
		cmocka_unit_test(keep_alive_can_be_turned_off),
		CASE(trailers_and_chunk_extensions_are_bounded_together),
		CASE(an_unknown_content_coding_is_named_within_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
