/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/net_h2.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void answers_a_get_and_a_post(void **state)
{
	struct net_server *server = *state;
	struct net_h2 client;
	net_h2_open(&client, server);
	struct net_h2_stream *get = net_h2_request(&client, "GET", "/x?y", "", true);
	assert_true(net_h2_wait(&client, get));
	assert_int_equal(get->status, 200);
	assert_string_equal(server->path, "/x");
	assert_string_equal(buf_cstr(&get->body), "0 bytes\n");
	assert_string_equal(net_h2_header(get, "content-length"), "8");
	assert_true(strlen(net_h2_header(get, "date")) == 29);
	struct net_h2_stream *post = net_h2_request(
		&client, "POST", "/v1/traces", "content-type: Application/X-Protobuf\n", false);
	net_h2_body(&client, post, SLICE("hello"), false);
	net_h2_body(&client, post, SLICE(", world"), true);
	assert_true(net_h2_wait(&client, post));
	assert_string_equal(buf_cstr(&post->body), "12 bytes\n");
	assert_string_equal(server->content_type, "application/x-protobuf");
	assert_string_equal(buf_cstr(&server->body), "hello, world");
	for (int i = 0; i < 5; i++)
		net_h2_turn(&client);
	assert_false(get->reset || post->reset); /* nothing more to ask the peer for */
	net_h2_close(&client);
}

static void bytes_may_come_one_by_one(void **state)
{
	struct net_h2 client;
	net_h2_open(&client, *state);
	client.piece = 1;
	struct net_h2_stream *post = net_h2_request(&client, "POST", "/x", "", false);
	net_h2_body(&client, post, SLICE("hello"), true);
	assert_true(net_h2_wait(&client, post));
	assert_string_equal(buf_cstr(&post->body), "5 bytes\n");
	net_h2_close(&client);
}

static void streams_are_answered_in_any_order(void **state)
{
	struct net_server *server = *state;
	struct net_h2 client;
	struct net_h2_stream *streams[10];
	server->hold = true;
	net_h2_open(&client, server);
	for (int i = 0; i < 10; i++)
		streams[i] = net_h2_request(&client, "GET", "/x", "", true);
	net_h2_turn(&client);
	assert_int_equal(server->held_count, 10);
	struct server_request *last = server->held[9];
	memmove(server->held + 1, server->held, 9 * sizeof(last));
	server->held[0] = last;
	net_server_answer(server);
	assert_true(net_h2_wait(&client, streams[9]));
	assert_false(streams[0]->ended);
	while (server->held_count > 0)
		net_server_answer(server);
	for (int i = 0; i < 10; i++)
		assert_true(net_h2_wait(&client, streams[i]));
	net_h2_close(&client);
}

static void a_body_larger_than_all_windows_arrives(void **state)
{
	struct net_server *server = *state;
	struct net_h2 client;
	size_t len = 19 << 20;
	uint8_t *bytes = malloc(len);
	assert_non_null(bytes);
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 1000);
	net_h2_open(&client, server);
	struct net_h2_stream *post = net_h2_request(&client, "POST", "/x", "", false);
	net_h2_body(&client, post, slice_of(bytes, len), true);
	assert_true(net_h2_wait(&client, post));
	assert_int_equal(server->body.len, len);
	assert_memory_equal(server->body.data, bytes, len);
	assert_true(nghttp2_session_get_stream_remote_window_size(client.session, post->id) < 0 ||
		    nghttp2_session_get_remote_window_size(client.session) > 1 << 20);
	free(bytes);
	net_h2_close(&client);
}

/* A window of twice the size whenever a body has outgrown it, the connection's at four of them. */
static void windows_grow_in_steps_with_a_body(void **state)
{
	enum { STREAM_FIRST = 256 << 10, STREAM_MAX = 4 << 20, CONNECTION_MAX = 16 << 20 };
	struct net_server *server = *state;
	struct net_h2 client;
	size_t sent = 0, window = STREAM_FIRST;
	uint8_t *bytes = calloc(1, 2 * STREAM_MAX);
	assert_non_null(bytes);
	net_h2_open(&client, server);
	struct net_h2_stream *post = net_h2_request(&client, "POST", "/x", "", false);
	while (sent < 2 * STREAM_MAX) {
		net_h2_body(&client, post, slice_of(bytes, window + 1000 - sent), false);
		sent = window + 1000;
		for (int i = 0; i < 5; i++)
			net_h2_turn(&client);
		window = window < STREAM_MAX ? window * 2 : window;
		size_t of_connection = window * 4 < CONNECTION_MAX ? window * 4 : CONNECTION_MAX;
		int32_t stream_left =
			nghttp2_session_get_stream_remote_window_size(client.session, post->id);
		int32_t left = nghttp2_session_get_remote_window_size(client.session);
		/* more is told when half has been used */
		assert_in_range(stream_left, window / 2 - 1, window);
		assert_in_range(left, of_connection / 2 - 1, of_connection);
		if (window == STREAM_MAX)
			break;
	}
	net_h2_body(&client, post, SLICE("end"), true);
	assert_true(net_h2_wait(&client, post));
	assert_int_equal(server->body.len, sent + 3);
	free(bytes);
	net_h2_close(&client);
}

static void a_long_answer_is_sent_in_pieces(void **state)
{
	struct net_server *server = *state;
	struct net_h2 client;
	server->answer_bytes = 5 << 20;
	net_h2_open(&client, server);
	struct net_h2_stream *get = net_h2_request(&client, "GET", "/x", "", true);
	assert_true(net_h2_wait(&client, get));
	assert_int_equal(get->body.len, 5 << 20);
	net_h2_close(&client);
}

static void head_has_a_length_and_no_body(void **state)
{
	struct net_h2 client;
	net_h2_open(&client, *state);
	struct net_h2_stream *head = net_h2_request(&client, "HEAD", "/x", "", true);
	assert_true(net_h2_wait(&client, head));
	assert_int_equal(head->body.len, 0);
	assert_string_equal(net_h2_header(head, "content-length"), "8");
	net_h2_close(&client);
}

static void an_answer_before_the_body_ends_the_stream_without_error(void **state)
{
	struct net_server *server = *state;
	struct net_h2 client;
	server->answer_at_header = true;
	net_h2_open(&client, server);
	struct net_h2_stream *post = net_h2_request(&client, "POST", "/x", "", false);
	net_h2_turn(&client);
	assert_true(net_h2_wait(&client, post));
	assert_int_equal(post->status, 404);
	net_h2_turn(&client);
	assert_true(post->reset);
	assert_int_equal(post->reset_code, NGHTTP2_NO_ERROR);
	server->answer_at_header = false;
	struct net_h2_stream *next = net_h2_request(&client, "GET", "/x", "", true);
	assert_true(net_h2_wait(&client, next));
	assert_int_equal(next->status, 200);
	net_h2_close(&client);
}

static void a_reset_cancels_one_request(void **state)
{
	struct net_server *server = *state;
	struct net_h2 client;
	server->hold = true;
	net_h2_open(&client, server);
	struct net_h2_stream *first = net_h2_request(&client, "GET", "/1", "", true);
	struct net_h2_stream *second = net_h2_request(&client, "GET", "/2", "", true);
	net_h2_turn(&client);
	assert_int_equal(server->held_count, 2);
	assert_int_equal(nghttp2_submit_rst_stream(client.session, 0, first->id, NGHTTP2_CANCEL),
			 0);
	net_h2_turn(&client);
	assert_int_equal(server->cancels, 1);
	assert_int_equal(counter_get(&server->counters->cancelled), 1);
	assert_int_equal(counter_get(&server->counters->resets), 1);
	net_server_answer(server);
	assert_true(net_h2_wait(&client, second));
	net_h2_close(&client);
}

static void a_peer_that_goes_away_cancels_all_its_requests(void **state)
{
	struct net_server *server = *state;
	struct net_h2 client;
	server->hold = true;
	net_h2_open(&client, server);
	for (int i = 0; i < 5; i++)
		(void)net_h2_request(&client, "GET", "/1", "", true);
	(void)net_h2_request(&client, "POST", "/unfinished", "", false);
	net_h2_turn(&client);
	assert_int_equal(server->held_count, 5);
	net_reset(client.fd);
	client.fd = -1;
	assert_true(net_server_counted(server, &server->counters->cancelled, 6));
	assert_int_equal(server->cancels, 5);
	net_h2_close(&client);
}

static void a_drain_says_goaway_and_lets_streams_finish(void **state)
{
	struct net_server *server = *state;
	struct net_h2 client;
	server->hold = true;
	net_h2_open(&client, server);
	struct net_h2_stream *get = net_h2_request(&client, "GET", "/1", "", true);
	net_h2_turn(&client);
	server_drain(server->server, NULL, NULL);
	assert_true(net_h2_wait_goaway(&client));
	assert_int_equal(client.goaway_code, NGHTTP2_NO_ERROR);
	net_h2_turn(&client);
	assert_false(client.closed);
	net_server_answer(server);
	assert_true(net_h2_wait(&client, get));
	assert_int_equal(get->status, 200);
	assert_true(net_h2_wait_closed(&client));
	net_h2_close(&client);
}

/* A GET of / on a stream of its own (RFC 7541: indexed fields, and a literal :authority). */
static void raw_get(struct buf *into, uint32_t stream_id)
{
	static const uint8_t fields[] = {0x82, 0x84, 0x86, 0x01, 1, 'x'};
	net_h2_frame(into, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM,
		     stream_id, slice_of(fields, sizeof(fields)));
}

/* A client that was about to send when it was asked to end: gRPC writes the answer to the PING
 * first, and then the request. A stream above the last GOAWAY's number is sent again (RFC 9113 §6.8),
 * so that a handler must not have seen it: its spans would arrive twice. The sizes are those of the
 * writes: the frames may come in one read or in several. */
static void no_stream_is_handled_that_the_last_goaway_calls_unprocessed(void **state)
{
	enum { LATE_STREAMS = 3 };
	struct net_server *server = *state;
	for (size_t piece = 0; piece <= 64; piece = piece * 2 + 1) {
		struct net_h2 client;
		struct buf late = BUF_INIT;
		server->hold = true;
		server->headers = 0;
		net_h2_open(&client, server);
		(void)net_h2_request(&client, "GET", "/", "", true);
		net_h2_turn(&client);
		client.pause_sending = true; /* the answer to the PING, too */
		server_drain(server->server, NULL, NULL);
		assert_true(net_h2_wait_goaway(&client));
		assert_int_equal(client.goaway_last, INT32_MAX);
		net_h2_frame(&late, NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, SLICE("\0\0\0\0\0\0\0\0"));
		for (uint32_t i = 0; i < LATE_STREAMS; i++)
			raw_get(&late, 3 + 2 * i);
		client.piece = piece;
		net_h2_raw(&client, buf_slice(&late));
		for (int i = 0; i < 5; i++)
			net_h2_turn(&client);
		assert_true(client.goaway_last >= 1 && client.goaway_last < INT32_MAX);
		assert_int_equal(server->headers, 1 + (client.goaway_last - 1) / 2);
		if (piece == 0) /* in one read: nobody has to send anything again */
			assert_int_equal(server->headers, 1 + LATE_STREAMS);
		while (server->held_count > 0)
			net_server_answer(server);
		buf_fini(&late);
		net_h2_close(&client);
		net_server_close(server);
		*server = (struct net_server){0};
		net_server_open(server, NULL);
	}
}

static void bytes_that_are_no_http2_end_the_connection(void **state)
{
	struct net_server *server = *state;
	struct net_h2 client;
	net_h2_open(&client, server);
	net_h2_raw(&client, SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nthis is not a SETTINGS frame"));
	client.pause_sending = true;
	assert_true(net_h2_wait_closed(&client));
	assert_true(counter_get(&server->counters->protocol_errors) >= 1);
	net_h2_close(&client);
}

static void trailers_of_the_client_are_ignored(void **state)
{
	struct net_h2 client;
	net_h2_open(&client, *state);
	struct net_h2_stream *post = net_h2_request(&client, "POST", "/x", "", false);
	net_h2_body(&client, post, SLICE("abc"), false);
	const nghttp2_nv trailer = {(uint8_t *)(uintptr_t) "a", (uint8_t *)(uintptr_t) "b", 1, 1,
				    0};
	assert_int_equal(nghttp2_submit_trailer(client.session, post->id, &trailer, 1), 0);
	assert_true(net_h2_wait(&client, post));
	assert_string_equal(buf_cstr(&post->body), "3 bytes\n");
	net_h2_close(&client);
}

/* Each stream that memory does not suffice for is refused, and counted, once. */
static void streams_without_memory_are_counted_one_by_one(void **state)
{
	enum { STREAMS = 60 };
	struct net_server *server = *state;
	struct net_h2 client;
	uint64_t refused = 0;
	char header[6000] = "a: ";
	memset(header + 3, 'x', sizeof(header) - 4);
	server->hold = true;
	net_h2_open(&client, server);
	for (int i = 0; i < 5; i++)
		net_h2_turn(&client);
	uint64_t limit =
		atomic_exchange(&server->budget.limit, budget_used(&server->budget) + 100000);
	for (int i = 0; i < STREAMS; i++)
		(void)net_h2_request(&client, "GET", "/x", header, true);
	for (int i = 0; i < 10; i++)
		net_h2_turn(&client);
	for (int i = 0; i < STREAMS; i++)
		refused += client.streams[i].reset;
	atomic_store(&server->budget.limit, limit);
	assert_true(refused > 0);
	assert_int_equal(refused + server->held_count, STREAMS);
	assert_int_equal(counter_get(&server->counters->budget_refusals), refused);
	server->hold = false;
	while (server->held_count > 0)
		net_server_answer(server);
	net_h2_close(&client);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, net_server_set_up, net_server_tear_down)
	const struct CMUnitTest tests[] = {
		CASE(answers_a_get_and_a_post),
		CASE(bytes_may_come_one_by_one),
		CASE(streams_are_answered_in_any_order),
		CASE(a_body_larger_than_all_windows_arrives),
		CASE(windows_grow_in_steps_with_a_body),
		CASE(a_long_answer_is_sent_in_pieces),
		CASE(head_has_a_length_and_no_body),
		CASE(an_answer_before_the_body_ends_the_stream_without_error),
		CASE(a_reset_cancels_one_request),
		CASE(a_peer_that_goes_away_cancels_all_its_requests),
		CASE(a_drain_says_goaway_and_lets_streams_finish),
		CASE(no_stream_is_handled_that_the_last_goaway_calls_unprocessed),
		CASE(bytes_that_are_no_http2_end_the_connection),
		CASE(trailers_of_the_client_are_ignored),
		CASE(streams_without_memory_are_counted_one_by_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
