/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/client_fixture.h"
#include "tests/support/peer_socket.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- a scripted HTTP/1.1 peer ------------------------------------------------------------- */

enum { HEAD_BYTES_MAX = 4096, ANSWERS_MAX = 8 };

struct script {
	/* What is sent to the n-th request of a connection; NULL: nothing, the end of the
	 * connection. */
	const char *answers[ANSWERS_MAX];
	size_t piece;		     /* bytes per write; 0: all at once */
	bool early;		     /* answers before the body is read */
	bool reset;		     /* ends with a reset */
	bool silent_at_end;	     /* instead of closing, reads on */
	unsigned stale_from;	     /* connections before this one close after their first answer's
				keep-alive, without saying so */
	pthread_barrier_t *together; /* each connection's first answer waits for the others' */
	pthread_mutex_t lock;
	char head[HEAD_BYTES_MAX]; /* of the last request */
	size_t body_len;
	uint64_t body_sum;
	unsigned requests, ends; /* connections that the client ended between requests */
};

static bool read_request(struct peer_stream *stream, struct script *script)
{
	char head[HEAD_BYTES_MAX] = "", body[4096];
	size_t len = 0, content_length = 0;
	while (len < sizeof(head) - 1 && !strstr(head, "\r\n\r\n")) {
		if (peer_read(stream, head + len, 1) != 1)
			return false;
		head[++len] = 0;
	}
	const char *field = strstr(head, "Content-Length: ");
	if (field)
		content_length = strtoul(field + strlen("Content-Length: "), NULL, 10);
	uint64_t sum = 0;
	for (size_t got = 0; got < content_length && !script->early;) {
		size_t want = content_length - got;
		ssize_t n = peer_read(stream, body, want < sizeof(body) ? want : sizeof(body));
		if (n <= 0)
			return false;
		for (ssize_t i = 0; i < n; i++)
			sum = sum * 31 + (uint8_t)body[i];
		got += (size_t)n;
	}
	pthread_mutex_lock(&script->lock);
	memcpy(script->head, head, len + 1);
	script->body_len = content_length;
	script->body_sum = sum;
	script->requests++;
	pthread_mutex_unlock(&script->lock);
	return true;
}

static bool write_pieces(struct peer_stream *stream, const char *text, size_t piece)
{
	size_t len = strlen(text);
	piece = piece ? piece : len;
	for (size_t at = 0; at < len; at += piece) {
		size_t left = len - at;
		if (!peer_write(stream, slice_of(text + at, left < piece ? left : piece)))
			return false;
	}
	return true;
}

static void serve(struct peer_stream *stream, unsigned index, void *arg)
{
	struct script *script = arg;
	char rest[1024];
	for (size_t i = 0; i < ANSWERS_MAX; i++) {
		if (!read_request(stream, script)) {
			pthread_mutex_lock(&script->lock);
			script->ends++;
			pthread_mutex_unlock(&script->lock);
			return;
		}
		if (i == 0 && script->together)
			(void)pthread_barrier_wait(script->together);
		if (!script->answers[i] || !write_pieces(stream, script->answers[i], script->piece))
			break;
		if (index < script->stale_from)
			break;
	}
	if (script->reset)
		peer_reset_on_close(stream);
	while (script->silent_at_end && peer_read(stream, rest, sizeof(rest)) > 0)
		;
}

struct state {
	struct client_fixture fixture;
	struct peer *peer;
	struct script script;
};

static void begin(struct state *state, const struct client_config *config)
{
	pthread_mutex_init(&state->script.lock, NULL);
	state->peer = peer_start(&(struct peer_options){0}, serve, &state->script);
	fixture_open(&state->fixture, CLIENT_HTTP, peer_port(state->peer), config);
}

static void finish(struct state *state)
{
	fixture_close(&state->fixture);
	peer_stop(state->peer);
	pthread_mutex_destroy(&state->script.lock);
}

static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\n"
			 "Content-Length: 2\r\n\r\nok";

static void post(struct state *state, struct fixture_call *call)
{
	fixture_call(&state->fixture, call, "/v1/traces", SLICE("body"));
}

/* ---- tests -------------------------------------------------------------------------------- */

static void a_request_arrives_whole_and_is_answered(void **unused)
{
	(void)unused;
	struct state state = {.script = {.answers = {ok}}};
	const struct client_header headers[] = {
		{SLICE("authorization"), SLICE("Basic eA==")},
		{SLICE("user-agent"), SLICE("sluice/test")},
		{SLICE("content-length"), SLICE("7")},
		{SLICE("transfer-encoding"), SLICE("chunked")},
		{SLICE("x bad"), SLICE("name")},
		{SLICE("x-bad"), SLICE("in\r\njected: 1")},
	};
	begin(&state, NULL);
	struct fixture_call call = {0};
	call.call.headers = headers;
	call.call.header_count = ARRAY_COUNT(headers);
	call.call.content_type = "application/x-protobuf";
	call.call.content_encoding = "gzip";
	post(&state, &call);
	assert_int_equal(call.result.outcome, CLIENT_ANSWERED);
	assert_int_equal(call.result.http_status, 200);
	assert_false(call.result.has_grpc_status);
	assert_string_equal(call.body, "ok");
	assert_string_equal(call.content_type, "application/x-protobuf");
	assert_string_equal(call.retry_after, "");
	char expected[512];
	snprintf(expected, sizeof(expected),
		 "POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
		 "Content-Type: application/x-protobuf\r\nContent-Encoding: gzip\r\n"
		 "Content-Length: 4\r\nauthorization: Basic eA==\r\nuser-agent: sluice/test\r\n"
		 "\r\n",
		 peer_port(state.peer));
	assert_string_equal(state.script.head, expected);
	finish(&state);
}

static void a_host_header_replaces_the_authority(void **unused)
{
	(void)unused;
	struct state state = {.script = {.answers = {ok}}};
	const struct client_header host = {SLICE("host"), SLICE("virtual.example")};
	begin(&state, &(struct client_config){.authority = "configured.example"});
	struct fixture_call call = {0}, other = {0};
	call.call.headers = &host;
	call.call.header_count = 1;
	post(&state, &call);
	assert_non_null(strstr(state.script.head, "\r\nHost: virtual.example\r\n"));
	assert_null(strstr(state.script.head, "configured"));
	post(&state, &other);
	assert_int_equal(other.result.outcome, CLIENT_ANSWERED);
	assert_non_null(strstr(state.script.head, "\r\nHost: configured.example\r\n"));
	finish(&state);
}

static const struct answer_case {
	const char *name, *answer;
	enum client_outcome outcome;
	int status;
	const char *body, *content_type, *retry_after;
} answer_cases[] = {
	{"a length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", CLIENT_ANSWERED, 200, "abc",
	 "", ""},
	{"no content", "HTTP/1.1 204 No Content\r\n\r\n", CLIENT_ANSWERED, 204, "", "", ""},
	{"chunks",
	 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n"
	 "Trailer: x\r\n\r\n",
	 CLIENT_ANSWERED, 200, "abcde", "", ""},
	{"up to the end", "HTTP/1.1 500 Oops\r\nContent-Type: text/plain\r\n\r\nit broke",
	 CLIENT_ANSWERED, 500, "it broke", "text/plain", ""},
	{"HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nold", CLIENT_ANSWERED, 200, "old", "", ""},
	{"retry later", "HTTP/1.1 429 Too Many\r\nRETRY-AFTER:   30 \r\nContent-Length: 0\r\n\r\n",
	 CLIENT_ANSWERED, 429, "", "", "30"},
	{"interim answers",
	 "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nContent-Type: x/y\r\n\r\n"
	 "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
	 CLIENT_ANSWERED, 200, "x", "", ""},
	{"no reason", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", CLIENT_ANSWERED, 200, "", "",
	 ""},
	{"nothing", "", CLIENT_BROKEN, 0, "", "", ""},
	{"half a status line", "HTTP/1.1 20", CLIENT_BROKEN, 0, "", "", ""},
	{"half a header", "HTTP/1.1 200 OK\r\nContent-Le", CLIENT_BROKEN, 0, "", "", ""},
	{"half a body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", CLIENT_BROKEN, 0, "", "",
	 ""},
	{"half a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
	 CLIENT_BROKEN, 0, "", "", ""},
	{"no last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
	 CLIENT_BROKEN, 0, "", "", ""},
	{"only an interim answer", "HTTP/1.1 100 Continue\r\n\r\n", CLIENT_BROKEN, 0, "", "", ""},
	{"a switch of protocols",
	 "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", CLIENT_BROKEN, 0,
	 "", "", ""},
	{"not HTTP", "220 smtp.example ESMTP\r\n", CLIENT_BROKEN, 0, "", "", ""},
	{"a request", "GET / HTTP/1.1\r\n\r\n", CLIENT_BROKEN, 0, "", "", ""},
	{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
	 CLIENT_BROKEN, 0, "", "", ""},
	{"length and chunks",
	 "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	 CLIENT_BROKEN, 0, "", "", ""},
	{"a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", CLIENT_BROKEN, 0, "",
	 "", ""},
	{"a huge length", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
	 CLIENT_BROKEN, 0, "", "", ""},
	{"a bad chunk size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
	 CLIENT_BROKEN, 0, "", "", ""},
	{"an empty header name", "HTTP/1.1 200 OK\r\n: x\r\n\r\n", CLIENT_BROKEN, 0, "", "", ""},
	{"an empty header", "HTTP/1.1 200 OK\r\n:\r\n\r\n", CLIENT_BROKEN, 0, "", "", ""},
	{"a bad header name", "HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n", CLIENT_BROKEN, 0, "", "",
	 ""},
};

static void every_kind_of_answer_is_understood_in_every_split(void **unused)
{
	(void)unused;
	static const size_t pieces[] = {0, 1, 3, 7};
	for (size_t i = 0; i < ARRAY_COUNT(answer_cases) * ARRAY_COUNT(pieces); i++) {
		const struct answer_case *c = &answer_cases[i / ARRAY_COUNT(pieces)];
		struct state state = {.script = {.answers = {c->answer},
						 .piece = pieces[i % ARRAY_COUNT(pieces)],
						 .stale_from = 100}};
		begin(&state, NULL);
		struct fixture_call call = {0};
		post(&state, &call);
		if (call.result.outcome != c->outcome ||
		    (c->outcome == CLIENT_ANSWERED && call.result.http_status != c->status) ||
		    strcmp(call.body, c->body) != 0 ||
		    strcmp(call.content_type, c->content_type) != 0 ||
		    strcmp(call.retry_after, c->retry_after) != 0)
			fail_msg("%s: outcome %d (%s), %d, \"%s\", \"%s\", \"%s\"", c->name,
				 (int)call.result.outcome, call.result.err.msg,
				 call.result.http_status, call.body, call.content_type,
				 call.retry_after);
		finish(&state);
	}
}

static void a_connection_is_kept_and_used_again(void **unused)
{
	(void)unused;
	struct state state = {.script = {.answers = {ok, ok, ok}}};
	begin(&state, NULL);
	for (int i = 0; i < 3; i++) {
		struct fixture_call call = {0};
		post(&state, &call);
		assert_int_equal(call.result.outcome, CLIENT_ANSWERED);
	}
	assert_int_equal(peer_connection_count(state.peer), 1);
	finish(&state);
}

static const char *const unkept[] = {
	"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n",
};

static void a_connection_is_not_kept_when_the_answer_forbids_it(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_COUNT(unkept); i++) {
		struct state state = {
			.script = {.answers = {unkept[i], ok}, .silent_at_end = true}};
		begin(&state, NULL);
		for (int n = 0; n < 2; n++) {
			struct fixture_call call = {0};
			post(&state, &call);
			assert_int_equal(call.result.outcome, CLIENT_ANSWERED);
			assert_string_equal(call.body, "ok");
		}
		assert_int_equal(peer_connection_count(state.peer), 2);
		finish(&state);
	}
}

static void a_kept_connection_found_dead_is_tried_again_once(void **unused)
{
	(void)unused;
	/* The first connection answers once and closes without a word; the client sends the
	 * second request before it can know. */
	struct state state = {.script = {.answers = {ok, ok}, .stale_from = 1}};
	begin(&state, NULL);
	struct fixture_call first = {0}, second = {0};
	fixture_send(&state.fixture, &first, "/v1/traces", SLICE("one"));
	fixture_finish(&state.fixture, &first);
	fixture_send(&state.fixture, &second, "/v1/traces", SLICE("two"));
	fixture_finish(&state.fixture, &second);
	assert_int_equal(second.result.outcome, CLIENT_ANSWERED);
	assert_int_equal(peer_connection_count(state.peer), 2);
	fixture_release(&first);
	fixture_release(&second);
	finish(&state);
}

/* Answers the first request of the first connection; closes at every other one. */
static void serve_then_close(struct peer_stream *stream, unsigned index, void *arg)
{
	struct script *script = arg;
	if (!read_request(stream, script))
		return;
	if (index == 0) {
		(void)peer_write(stream, slice_str(ok));
		(void)read_request(stream, script);
	}
}

static void the_second_dead_connection_breaks_the_call(void **unused)
{
	(void)unused;
	struct state state = {0};
	pthread_mutex_init(&state.script.lock, NULL);
	state.peer = peer_start(&(struct peer_options){0}, serve_then_close, &state.script);
	fixture_open(&state.fixture, CLIENT_HTTP, peer_port(state.peer), NULL);
	struct fixture_call first = {0}, second = {0};
	post(&state, &first);
	assert_int_equal(first.result.outcome, CLIENT_ANSWERED);
	post(&state, &second);
	assert_int_equal(second.result.outcome, CLIENT_BROKEN);
	assert_int_equal(peer_connection_count(state.peer), 2);
	assert_int_equal(state.script.requests, 3);
	finish(&state);
}

/* The first two connections answer once, both at a time, wait for a second request and close;
 * others serve. */
static void serve_two_then_close(struct peer_stream *stream, unsigned index, void *arg)
{
	struct script *script = arg;
	while (read_request(stream, script)) {
		if (index < 2)
			(void)pthread_barrier_wait(script->together);
		if (!peer_write(stream, slice_str(ok)))
			return;
		if (index < 2) {
			(void)read_request(stream, script);
			return;
		}
	}
}

static void the_retry_gets_a_fresh_connection(void **unused)
{
	(void)unused;
	pthread_barrier_t together;
	struct state state = {.script = {.together = &together}};
	pthread_mutex_init(&state.script.lock, NULL);
	pthread_barrier_init(&together, NULL, 2);
	state.peer = peer_start(&(struct peer_options){0}, serve_two_then_close, &state.script);
	fixture_open(&state.fixture, CLIENT_HTTP, peer_port(state.peer),
		     &(struct client_config){.connections_max = 2});
	struct fixture_call calls[2] = {0}, next = {0};
	for (size_t i = 0; i < 2; i++)
		fixture_send(&state.fixture, &calls[i], "/v1/traces", SLICE("body"));
	for (size_t i = 0; i < 2; i++) {
		fixture_finish(&state.fixture, &calls[i]);
		assert_int_equal(calls[i].result.outcome, CLIENT_ANSWERED);
		fixture_release(&calls[i]);
	}
	assert_int_equal(peer_connection_count(state.peer), 2);
	post(&state, &next);
	assert_int_equal(next.result.outcome, CLIENT_ANSWERED);
	assert_int_equal(peer_connection_count(state.peer), 3);
	finish(&state);
	pthread_barrier_destroy(&together);
}

static void a_fresh_connection_that_dies_breaks_the_call(void **unused)
{
	(void)unused;
	for (int reset = 0; reset < 2; reset++) {
		struct state state = {.script = {.reset = reset}};
		begin(&state, NULL);
		struct fixture_call call = {0};
		post(&state, &call);
		assert_int_equal(call.result.outcome, CLIENT_BROKEN);
		assert_int_equal(peer_connection_count(state.peer), 1);
		finish(&state);
	}
}

static void the_pool_is_bounded_and_calls_wait_for_it(void **unused)
{
	(void)unused;
	enum { CALLS = 8, CONNECTIONS = 3 }; /* one connection may get them all */
	pthread_barrier_t together;
	struct state state = {
		.script = {.answers = {ok, ok, ok, ok, ok, ok, ok, ok}, .together = &together}};
	pthread_barrier_init(&together, NULL, CONNECTIONS);
	begin(&state, &(struct client_config){.connections_max = CONNECTIONS});
	struct fixture_call calls[CALLS] = {0};
	for (size_t i = 0; i < CALLS; i++)
		fixture_send(&state.fixture, &calls[i], "/v1/traces", SLICE("body"));
	for (size_t i = 0; i < CALLS; i++) {
		fixture_finish(&state.fixture, &calls[i]);
		assert_int_equal(calls[i].result.outcome, CLIENT_ANSWERED);
		fixture_release(&calls[i]);
	}
	assert_int_equal(peer_connection_count(state.peer), CONNECTIONS);
	finish(&state);
	pthread_barrier_destroy(&together);
}

static bool has_ended(void *arg)
{
	struct script *script = &((struct state *)arg)->script;
	pthread_mutex_lock(&script->lock);
	bool ended = script->ends > 0;
	pthread_mutex_unlock(&script->lock);
	return ended;
}

static void an_idle_connection_is_closed_after_its_time(void **unused)
{
	(void)unused;
	struct state state = {.script = {.answers = {ok, ok}}};
	begin(&state, &(struct client_config){.idle_timeout_ns = 5 * 1000000});
	struct fixture_call call = {0}, next = {0};
	post(&state, &call);
	fixture_run_until(&state.fixture, has_ended, &state);
	post(&state, &next);
	assert_int_equal(next.result.outcome, CLIENT_ANSWERED);
	assert_int_equal(peer_connection_count(state.peer), 2);
	finish(&state);
}

static void a_large_body_in_parts_arrives(void **unused)
{
	(void)unused;
	enum { PART_BYTES = 1700000, PARTS = 3 };
	struct state state = {.script = {.answers = {ok}}};
	uint8_t *bytes = malloc(PART_BYTES);
	uint64_t sum = 0;
	begin(&state, NULL);
	struct fixture_call call = {.call.path = SLICE("/v1/traces")};
	for (unsigned part = 0; part < PARTS; part++) {
		for (size_t i = 0; i < PART_BYTES; i++) {
			bytes[i] = (uint8_t)(i * 13 + part);
			sum = sum * 31 + bytes[i];
		}
		fixture_add_part(&state.fixture, &call, slice_of(bytes, PART_BYTES));
	}
	fixture_start(&state.fixture, &call);
	fixture_finish(&state.fixture, &call);
	assert_int_equal(call.result.outcome, CLIENT_ANSWERED);
	assert_int_equal(state.script.body_len, PARTS * PART_BYTES);
	assert_true(state.script.body_sum == sum);
	fixture_release(&call);
	finish(&state);
	free(bytes);
}

static void an_answer_before_the_whole_request_ends_it(void **unused)
{
	(void)unused;
	enum { BYTES = 900000 };
	static const char refused[] = "HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge";
	struct state state = {
		.script = {.answers = {refused}, .early = true, .silent_at_end = true}};
	uint8_t *bytes = calloc(1, BYTES);
	begin(&state, NULL);
	struct fixture_call call = {0};
	fixture_call(&state.fixture, &call, "/v1/traces", slice_of(bytes, BYTES));
	assert_int_equal(call.result.outcome, CLIENT_ANSWERED);
	assert_int_equal(call.result.http_status, 413);
	assert_string_equal(call.body, "large");
	finish(&state);
	free(bytes);
}

static char *repeat(const char *head, const char *unit, size_t count, const char *tail)
{
	size_t unit_len = strlen(unit), head_len = strlen(head);
	char *out = malloc(head_len + unit_len * count + strlen(tail) + 1);
	memcpy(out, head, head_len);
	for (size_t i = 0; i < count; i++)
		memcpy(out + head_len + i * unit_len, unit, unit_len);
	memcpy(out + head_len + unit_len * count, tail, strlen(tail) + 1);
	return out;
}

static void an_answers_body_is_cut_and_its_header_bounded(void **unused)
{
	(void)unused;
	const struct {
		char *answer;
		enum client_outcome outcome;
		size_t body_len;
	} cases[] = {
		{repeat("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", "0123456789", 10000,
			""),
		 CLIENT_ANSWERED, CLIENT_RESPONSE_BYTES_MAX},
		{repeat("HTTP/1.1 200 OK\r\nX: ", "0123456789", 6000,
			"\r\nContent-Length: 0\r\n\r\n"),
		 CLIENT_ANSWERED, 0},
		{repeat("HTTP/1.1 200 OK\r\nX: ", "0123456789", 7000,
			"\r\nContent-Length: 0\r\n\r\n"),
		 CLIENT_BROKEN, 0},
		{repeat("HTTP/1.1 200 OK\r\n", "X: 0123456789\r\n", 6000,
			"Content-Length: 0\r\n\r\n"),
		 CLIENT_BROKEN, 0},
		{repeat("", "HTTP/1.1 100 Continue\r\nX: 0123456789\r\n\r\n", 6000, ok),
		 CLIENT_BROKEN, 0},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct state state = {.script = {.answers = {cases[i].answer}}};
		begin(&state, NULL);
		struct fixture_call call = {0};
		post(&state, &call);
		if (call.result.outcome != cases[i].outcome)
			fail_msg("%zu: %d %s", i, (int)call.result.outcome, call.result.err.msg);
		assert_int_equal(call.result.body.len, cases[i].body_len);
		finish(&state);
		free(cases[i].answer);
	}
}

/* Nothing follows what is sent here: a client that waits for the end runs into its deadline. */
static void an_answer_without_end_is_cut_at_its_bound(void **unused)
{
	(void)unused;
	enum { TENTHS = CLIENT_RESPONSE_READ_BYTES_MAX / 10 };
	const struct {
		char *answer;
		enum client_outcome outcome;
		int status;
	} cases[] = {
		{repeat("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
			"a\r\n0123456789\r\n", TENTHS + 1, ""),
		 CLIENT_ANSWERED, 200},
		{repeat("HTTP/1.1 503 Busy\r\nContent-Length: 100000000000\r\n\r\n", "0123456789",
			TENTHS + 1, ""),
		 CLIENT_ANSWERED, 503},
		{repeat("HTTP/1.1 400 Bad\r\n\r\n", "0123456789", TENTHS + 1, ""), CLIENT_ANSWERED,
		 400},
		{repeat("", "HTTP/1.1 100 Continue\r\n\r\n", TENTHS, ""), CLIENT_BROKEN, 0},
		{repeat("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;", "0123456789",
			3 * TENTHS, ""),
		 CLIENT_BROKEN, 0},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct state state = {
			.script = {.answers = {cases[i].answer}, .silent_at_end = true}};
		begin(&state, NULL);
		struct fixture_call call = {0};
		post(&state, &call);
		if (call.result.outcome != cases[i].outcome ||
		    call.result.http_status != cases[i].status)
			fail_msg("%zu: %d, %d, %s", i, (int)call.result.outcome,
				 call.result.http_status, call.result.err.msg);
		finish(&state);
		free(cases[i].answer);
	}
}

static void a_timeout_ends_the_call_and_its_connection(void **unused)
{
	(void)unused;
	struct state state = {
		.script = {.answers = {"HTTP/1.1 200 OK\r\n"}, .silent_at_end = true}};
	begin(&state, NULL);
	struct fixture_call call = {.call.timeout_ns = 20 * 1000000};
	post(&state, &call);
	assert_int_equal(call.result.outcome, CLIENT_TIMED_OUT);
	finish(&state);
}

static void a_call_can_be_cancelled_in_every_state(void **unused)
{
	(void)unused;
	struct state state = {.script = {.silent_at_end = true, .answers = {""}}};
	begin(&state, NULL);
	for (unsigned turns = 0; turns < 20; turns++) {
		struct fixture_call call = {0};
		fixture_send(&state.fixture, &call, "/v1/traces", SLICE("body"));
		for (unsigned i = 0; i < turns; i++)
			uv_run(&state.fixture.loop.uv, UV_RUN_NOWAIT);
		client_cancel(&call.call);
		assert_int_equal(call.done_count, 1);
		assert_int_equal(call.result.outcome, CLIENT_CANCELLED);
		fixture_release(&call);
	}
	finish(&state);
}

static void a_call_that_waits_for_room_can_time_out_and_be_cancelled(void **unused)
{
	(void)unused;
	struct state state = {.script = {.silent_at_end = true, .answers = {""}}};
	begin(&state, &(struct client_config){.connections_max = 1});
	struct fixture_call first = {0}, second = {.call.timeout_ns = 20 * 1000000}, third = {0};
	fixture_send(&state.fixture, &first, "/v1/traces", SLICE("body"));
	fixture_send(&state.fixture, &second, "/v1/traces", SLICE("body"));
	fixture_send(&state.fixture, &third, "/v1/traces", SLICE("body"));
	fixture_finish(&state.fixture, &second);
	assert_int_equal(second.result.outcome, CLIENT_TIMED_OUT);
	client_cancel(&third.call);
	assert_int_equal(third.result.outcome, CLIENT_CANCELLED);
	assert_int_equal(first.done_count, 0);
	client_cancel(&first.call);
	fixture_release(&first);
	fixture_release(&second);
	fixture_release(&third);
	finish(&state);
}

static void an_invalid_path_is_never_sent(void **unused)
{
	(void)unused;
	static const char *const paths[] = {"", "v1", "/a b", "/a\r\nX: y", "/\x7f"};
	struct state state = {.script = {.answers = {ok}}};
	begin(&state, NULL);
	for (size_t i = 0; i < ARRAY_COUNT(paths); i++) {
		struct fixture_call call = {0};
		fixture_call(&state.fixture, &call, paths[i], SLICE("body"));
		assert_int_equal(call.result.outcome, CLIENT_BROKEN);
		assert_int_equal(call.result.err.kind, ERR_CONFIG);
	}
	assert_int_equal(state.script.requests, 0);
	finish(&state);
}

static void a_tls_peer_behind_a_plain_endpoint_is_recognised(void **unused)
{
	(void)unused;
	/* RFC 8446 §6: fatal alert, as a TLS server answers what is no ClientHello */
	struct state state = {.script = {.answers = {"\x15\x03\x01"}}};
	begin(&state, NULL);
	struct fixture_call call = {0};
	post(&state, &call);
	assert_int_equal(call.result.outcome, CLIENT_TLS_FAILED);
	assert_non_null(strstr(call.result.err.msg, "the peer speaks TLS"));
	finish(&state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_arrives_whole_and_is_answered),
		cmocka_unit_test(a_host_header_replaces_the_authority),
		cmocka_unit_test(every_kind_of_answer_is_understood_in_every_split),
		cmocka_unit_test(a_connection_is_kept_and_used_again),
		cmocka_unit_test(a_connection_is_not_kept_when_the_answer_forbids_it),
		cmocka_unit_test(a_kept_connection_found_dead_is_tried_again_once),
		cmocka_unit_test(the_second_dead_connection_breaks_the_call),
		cmocka_unit_test(the_retry_gets_a_fresh_connection),
		cmocka_unit_test(a_fresh_connection_that_dies_breaks_the_call),
		cmocka_unit_test(the_pool_is_bounded_and_calls_wait_for_it),
		cmocka_unit_test(an_idle_connection_is_closed_after_its_time),
		cmocka_unit_test(a_large_body_in_parts_arrives),
		cmocka_unit_test(an_answer_before_the_whole_request_ends_it),
		cmocka_unit_test(an_answers_body_is_cut_and_its_header_bounded),
		cmocka_unit_test(an_answer_without_end_is_cut_at_its_bound),
		cmocka_unit_test(a_timeout_ends_the_call_and_its_connection),
		cmocka_unit_test(a_call_can_be_cancelled_in_every_state),
		cmocka_unit_test(a_call_that_waits_for_room_can_time_out_and_be_cancelled),
		cmocka_unit_test(an_invalid_path_is_never_sent),
		cmocka_unit_test(a_tls_peer_behind_a_plain_endpoint_is_recognised),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
