/* SPDX-License-Identifier: Apache-2.0 */
/* Every limit of struct server_limits, hit, with the counter that moves. */
#include "pipeline/base/clock.h"
#include "tests/support/net_h2.h"
#include "tests/support/test_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HOST "Host: localhost\r\n"

/* Every time limit of these tests; passed by hand. */
#define LIMIT_NS (3600 * NS_PER_S)

static struct net_server *open_limited(void (*change)(struct server_limits *limits))
{
	struct net_server *server = calloc(1, sizeof(*server));
	struct server_config config = net_server_config();
	config.limits.header_timeout_ns = config.limits.body_timeout_ns = 24 * LIMIT_NS;
	config.limits.idle_timeout_ns = config.limits.write_timeout_ns = 24 * LIMIT_NS;
	change(&config.limits);
	net_server_open(server, &config);
	return server;
}

static void close_limited(struct net_server *server)
{
	net_server_close(server);
	free(server);
}

/* Sends over HTTP/1.1, expects an answer with ${expected} in it (NULL: none) and, unless ${stays},
 * the end. */
static void exchange(struct net_server *server, struct slice bytes, const char *expected,
		     bool stays)
{
	struct buf in = BUF_INIT;
	int fd = net_server_connect(server);
	(void)net_send(&server->loop, fd, bytes, 0); /* may be cut by a refusal */
	if (expected)
		assert_true(net_receive_text(&server->loop, fd, &in, expected));
	if (!stays)
		assert_true(net_receive_end(&server->loop, fd, &in));
	if (!expected)
		assert_int_equal(in.len, 0);
	(void)close(fd);
	buf_fini(&in);
}

/* The time limit of what the server has seen by now is over. */
static void let_time_pass(struct net_server *server)
{
	net_settle(&server->loop);
	test_clock_advance(LIMIT_NS + NS_PER_S);
	net_settle(&server->loop);
}

/* Sends over HTTP/1.1, expects an answer with ${before} in it (NULL: none), then, after the time
 * limit and not sooner, one with ${after} (NULL: none) and the end. */
static void outlast(struct net_server *server, struct slice bytes, const char *before,
		    const char *after)
{
	struct buf in = BUF_INIT;
	uint64_t known = counter_get(&server->counters->connections);
	int fd = net_server_connect(server);
	assert_true(net_send(&server->loop, fd, bytes, 0));
	assert_true(net_server_counted(server, &server->counters->connections, known + 1));
	if (before)
		assert_true(net_receive_text(&server->loop, fd, &in, before));
	net_settle(&server->loop);
	test_clock_advance(LIMIT_NS / 2);
	net_settle(&server->loop);
	size_t len = in.len;
	assert_true(net_receive(fd, &in));
	assert_int_equal(in.len, len); /* half of the time is not all of it */
	let_time_pass(server);
	if (after)
		assert_true(net_receive_text(&server->loop, fd, &in, after));
	assert_true(net_receive_end(&server->loop, fd, &in));
	if (!after)
		assert_int_equal(in.len, len);
	(void)close(fd);
	buf_fini(&in);
}

/* A connection that is past the preface and SETTINGS, for raw frames. */
static void open_raw(struct net_h2 *client, struct net_server *server)
{
	net_h2_open(client, server);
	net_h2_turn(client);
	net_h2_turn(client);
}

static void two_streams(struct server_limits *limits)
{
	limits->streams_max = 2;
}

static void streams_over_the_limit_are_refused(void **state)
{
	struct net_server *server = open_limited(two_streams);
	struct net_h2 client;
	struct net_h2_stream *streams[4];
	(void)state;
	server->hold = true;
	net_h2_open(&client, server);
	for (int i = 0; i < 4; i++) /* before our SETTINGS have arrived */
		streams[i] = net_h2_request(&client, "GET", "/x", "", true);
	for (int i = 0; i < 10; i++)
		net_h2_turn(&client);
	assert_int_equal(counter_get(&server->counters->streams_refused), 2);
	assert_true(streams[2]->reset);
	assert_int_equal(streams[2]->reset_code, NGHTTP2_REFUSED_STREAM);
	assert_int_equal(server->held_count, 2);
	net_server_answer(server);
	net_server_answer(server);
	net_h2_close(&client);
	close_limited(server);
}

static void small_header(struct server_limits *limits)
{
	limits->header_bytes_max = 1000;
}

static void a_header_that_is_too_long_is_refused_by_http1(void **state)
{
	struct net_server *server = open_limited(small_header);
	struct buf bytes = BUF_INIT;
	(void)state;
	buf_append_str(&bytes, "GET /x HTTP/1.1\r\n" HOST "A: ");
	for (int i = 0; i < 2000; i++)
		buf_append_byte(&bytes, 'a');
	exchange(server, buf_slice(&bytes), "HTTP/1.1 431 ", false); /* no end of the header */
	buf_reset(&bytes);
	buf_append_str(&bytes, "GET /");
	for (int i = 0; i < 2000; i++)
		buf_append_byte(&bytes, 'a');
	exchange(server, buf_slice(&bytes), "HTTP/1.1 431 ", false);
	buf_reset(&bytes);
	for (int i = 0; i < 2000; i++)
		buf_append_str(&bytes, "\r\n");
	exchange(server, buf_slice(&bytes), "HTTP/1.1 431 ", false);
	buf_reset(&bytes);
	buf_append_str(&bytes, "GET /x HTTP/1.1\r\n" HOST); /* short, but many fields */
	for (int i = 0; i < 40; i++)
		buf_append_str(&bytes, "A: b\r\n");
	buf_append_str(&bytes, "\r\n");
	exchange(server, buf_slice(&bytes), "HTTP/1.1 431 ", false);
	buf_reset(&bytes);
	buf_append_str(&bytes,
		       "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\nA: ");
	for (int i = 0; i < 2000; i++)
		buf_append_byte(&bytes, 'a');
	exchange(server, buf_slice(&bytes), "HTTP/1.1 431 ", false);
	assert_int_equal(counter_get(&server->counters->header_too_large), 5);
	assert_int_equal(server->headers, 1); /* the last one's was fine */
	buf_fini(&bytes);
	close_limited(server);
}

static void a_header_that_is_too_long_is_refused_by_http2(void **state)
{
	struct net_server *server = open_limited(small_header);
	struct net_h2 client;
	char header[1300] = "a: ";
	(void)state;
	memset(header + 3, 'x', 1200);
	net_h2_open(&client, server);
	struct net_h2_stream *get = net_h2_request(&client, "GET", "/x", header, true);
	assert_true(net_h2_wait(&client, get));
	assert_int_equal(get->status, 431);
	assert_int_equal(counter_get(&server->counters->header_too_large), 1);
	get = net_h2_request(&client, "GET", "/x", "", true); /* the connection goes on */
	assert_true(net_h2_wait(&client, get));
	assert_int_equal(get->status, 200);
	net_h2_close(&client);
	close_limited(server);
}

/* RFC 9113 §6.5.2: 32 more than name and value for each field; four of them come from net_h2. */
static void a_header_of_just_the_limit_is_taken(void **state)
{
	enum { LIMIT = 1000, FOUR = 4 * 32 + 7 + 3 + 7 + 4 + 10 + 9 + 5 + 2, NAME = 32 + 1 };
	struct net_server *server = open_limited(small_header);
	struct net_h2 client;
	(void)state;
	net_h2_open(&client, server);
	for (size_t over = 0; over < 2; over++) {
		char header[1300] = "a: ";
		memset(header + 3, 'x', LIMIT - FOUR - NAME + over);
		struct net_h2_stream *get = net_h2_request(&client, "GET", "/x", header, true);
		assert_true(net_h2_wait(&client, get));
		assert_int_equal(get->status, over ? 431 : 200);
		assert_int_equal(counter_get(&server->counters->header_too_large), over);
	}
	net_h2_close(&client);
	close_limited(server);
}

/* Whatever room its text is given in steps: a header of any length is read as it was sent. */
static void headers_of_any_length_arrive(void **state)
{
	static const size_t around[] = {1024, 2048, 4096};
	struct net_server *server = *state;
	struct net_h2 client;
	char header[4200] = "content-type: ";
	size_t name_len = strlen(header);
	memset(header + name_len, 'x', sizeof(header) - name_len);
	for (size_t i = 0; i < ARRAY_COUNT(around); i++) {
		net_h2_open(&client, server);
		for (size_t len = around[i] - 240; len < around[i] + 10; len++) {
			header[len] = 0;
			struct net_h2_stream *get =
				net_h2_request(&client, "GET", "/x", header, true);
			assert_true(net_h2_wait(&client, get));
			assert_int_equal(get->status, 200);
			assert_string_equal(buf_cstr(&get->body), "0 bytes\n");
			assert_int_equal(strlen(server->content_type),
					 len - name_len < sizeof(server->content_type)
						 ? len - name_len
						 : sizeof(server->content_type) - 1);
			header[len] = 'x';
		}
		net_h2_close(&client);
	}
}

static void a_hpack_bomb_ends_the_connection(void **state)
{
	struct net_server *server = open_limited(small_header);
	struct net_h2 client;
	struct buf block = BUF_INIT, frames = BUF_INIT;
	(void)state;
	/* One field of 200 bytes that goes into the table, then a thousand one-byte references. */
	buf_append(&block, SLICE("\x82\x84\x86\x41\x01"
				 "a\x40\x01x\x7f\x49"));
	for (int i = 0; i < 200; i++)
		buf_append_byte(&block, 'y');
	for (int i = 0; i < 1000; i++)
		buf_append_byte(&block, 0xbe);
	net_h2_frame(&frames, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM,
		     1, buf_slice(&block));
	open_raw(&client, server);
	net_h2_raw(&client, buf_slice(&frames));
	assert_true(net_h2_wait_goaway(&client));
	assert_int_equal(client.goaway_code, NGHTTP2_ENHANCE_YOUR_CALM);
	assert_true(net_h2_wait_closed(&client));
	assert_int_equal(counter_get(&server->counters->header_too_large), 1);
	assert_int_equal(server->headers, 0);
	net_h2_close(&client);
	buf_fini(&block);
	buf_fini(&frames);
	close_limited(server);
}

static void a_flood_of_continuations_ends_the_connection(void **state)
{
	struct net_server *server = *state;
	struct net_h2 client;
	struct buf frames = BUF_INIT;
	net_h2_frame(&frames, NGHTTP2_HEADERS, 0, 1, SLICE("\x82\x84\x86"));
	for (int i = 0; i < 1000; i++)
		net_h2_frame(&frames, NGHTTP2_CONTINUATION, 0, 1, slice_of(NULL, 0));
	open_raw(&client, server);
	net_h2_raw(&client, buf_slice(&frames));
	assert_true(net_h2_wait_closed(&client));
	assert_int_equal(client.goaway_code, NGHTTP2_ENHANCE_YOUR_CALM);
	assert_int_equal(counter_get(&server->counters->header_too_large), 1);
	net_h2_close(&client);
	buf_fini(&frames);
}

static void a_flood_of_pings_is_bounded(void **state)
{
	struct net_server *server = *state;
	struct net_h2 client;
	struct buf frames = BUF_INIT;
	for (int i = 0; i < 2000; i++)
		net_h2_frame(&frames, NGHTTP2_PING, 0, 0, SLICE("12345678"));
	open_raw(&client, server);
	net_h2_raw(&client, buf_slice(&frames));
	assert_true(net_h2_wait_closed(&client));
	assert_true(counter_get(&server->counters->protocol_errors) >= 1);
	net_h2_close(&client);
	buf_fini(&frames);
}

static void ten_resets(struct server_limits *limits)
{
	limits->resets_per_second_max = 10;
}

static void rapid_resets_end_the_connection(void **state)
{
	struct net_server *server = open_limited(ten_resets);
	struct net_h2 client;
	struct buf frames = BUF_INIT;
	(void)state;
	for (uint32_t id = 1; id < 200; id += 2) {
		net_h2_frame(&frames, NGHTTP2_HEADERS,
			     NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, id,
			     SLICE("\x82\x84\x86\x41\x01"
				   "a"));
		net_h2_frame(&frames, NGHTTP2_RST_STREAM, 0, id, SLICE("\0\0\0\x08"));
	}
	server->hold = true;
	open_raw(&client, server);
	net_h2_raw(&client, buf_slice(&frames));
	assert_true(net_h2_wait_goaway(&client));
	assert_int_equal(client.goaway_code, NGHTTP2_ENHANCE_YOUR_CALM);
	assert_true(net_h2_wait_closed(&client));
	assert_int_equal(counter_get(&server->counters->reset_floods), 1);
	assert_true(counter_get(&server->counters->resets) >= 11);
	net_h2_close(&client);
	buf_fini(&frames);
	close_limited(server);
}

static void resets_that_we_are_made_to_send_count_as_well(void **state)
{
	struct net_server *server = open_limited(ten_resets);
	struct net_h2 client;
	struct buf frames = BUF_INIT;
	(void)state;
	for (uint32_t id = 1; id < 200; id += 2) {
		net_h2_frame(&frames, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, id,
			     SLICE("\x82\x84\x86\x41\x01"
				   "a"));
		net_h2_frame(&frames, NGHTTP2_WINDOW_UPDATE, 0, id, SLICE("\x7f\xff\xff\xff"));
	}
	open_raw(&client, server);
	net_h2_raw(&client, buf_slice(&frames));
	assert_true(net_h2_wait_closed(&client));
	assert_int_equal(counter_get(&server->counters->reset_floods), 1);
	net_h2_close(&client);
	buf_fini(&frames);
	close_limited(server);
}

/* In one piece: what nghttp2 has read already must not be looked at once we have given up. */
static void what_follows_a_flood_is_not_read(void **state)
{
	struct net_server *server = open_limited(ten_resets);
	struct net_h2 client;
	struct buf frames = BUF_INIT;
	(void)state;
	net_h2_frame(&frames, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1,
		     SLICE("\x83\x84\x86\x41\x01"
			   "a"));
	for (int i = 0; i < 12; i++)
		net_h2_frame(&frames, NGHTTP2_DATA, 0, 1, slice_of(NULL, 0));
	net_h2_frame(&frames, NGHTTP2_PING, 0, 0, SLICE("wrong size"));
	net_h2_frame(&frames, NGHTTP2_PING, 0, 0, SLICE("wrong"));
	open_raw(&client, server);
	net_h2_raw(&client, buf_slice(&frames));
	assert_true(net_h2_wait_goaway(&client));
	assert_int_equal(client.goaway_code, NGHTTP2_ENHANCE_YOUR_CALM);
	assert_true(net_h2_wait_closed(&client));
	assert_int_equal(counter_get(&server->counters->reset_floods), 1);
	assert_int_equal(counter_get(&server->counters->protocol_errors), 0);
	net_h2_close(&client);
	buf_fini(&frames);
	close_limited(server);
}

static void short_header_time(struct server_limits *limits)
{
	limits->header_timeout_ns = LIMIT_NS;
}

static void a_header_that_does_not_end_times_out(void **state)
{
	static const char *const starts[] = {"GET /x HTTP/1.1\r\nHost: ", "\r\n", "G"};
	struct net_server *server = open_limited(short_header_time);
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(starts); i++)
		outlast(server, slice_str(starts[i]), NULL, "HTTP/1.1 408 ");
	outlast(server, SLICE("PRI * HTTP"), NULL, NULL); /* may be either protocol */
	assert_int_equal(counter_get(&server->counters->header_timeout), 4);
	close_limited(server);
}

static void a_header_block_of_http2_that_does_not_end_times_out(void **state)
{
	struct net_server *server = open_limited(short_header_time);
	struct net_h2 client;
	struct buf frames = BUF_INIT;
	(void)state;
	net_h2_frame(&frames, NGHTTP2_HEADERS, 0, 1, SLICE("\x82\x84\x86"));
	open_raw(&client, server);
	net_h2_raw(&client, buf_slice(&frames));
	let_time_pass(server);
	assert_true(net_h2_wait_closed(&client));
	assert_int_equal(counter_get(&server->counters->header_timeout), 1);
	net_h2_close(&client);
	buf_fini(&frames);
	close_limited(server);
}

static void short_body_time(struct server_limits *limits)
{
	limits->body_timeout_ns = LIMIT_NS;
}

/* Until the server has seen the header of so many requests. */
static void await_headers(struct net_h2 *client, size_t count)
{
	uint64_t end_ns = clock_monotonic_ns() + NET_DEADLINE_MS * NS_PER_MS;
	while (client->server->headers < count) {
		assert_true(clock_monotonic_ns() < end_ns);
		net_h2_turn(client);
	}
}

static void a_body_that_does_not_end_times_out(void **state)
{
	struct net_server *server = open_limited(short_body_time);
	struct net_h2 client;
	(void)state;
	outlast(server, SLICE("POST /x HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nhello"), NULL,
		"HTTP/1.1 408 ");
	net_h2_open(&client, server);
	struct net_h2_stream *post = net_h2_request(&client, "POST", "/x", "", false);
	struct net_h2_stream *call =
		net_h2_request(&client, "POST", "/s/m", "content-type: application/grpc\n", false);
	await_headers(&client, 3);
	let_time_pass(server);
	assert_true(net_h2_wait(&client, post));
	assert_int_equal(post->status, 408);
	assert_true(net_h2_wait(&client, call));
	assert_string_equal(net_h2_header(call, "grpc-status"), "4");
	assert_int_equal(counter_get(&server->counters->body_timeout), 3);
	net_h2_close(&client);
	close_limited(server);
}

static void short_idle_time(struct server_limits *limits)
{
	limits->idle_timeout_ns = LIMIT_NS;
}

static void idle_connections_are_closed(void **state)
{
	struct net_server *server = open_limited(short_idle_time);
	struct net_h2 client;
	(void)state;
	outlast(server, slice_of(NULL, 0), NULL, NULL);
	outlast(server, SLICE("GET /x HTTP/1.1\r\n" HOST "\r\n"), "200 OK", NULL);
	open_raw(&client, server);
	let_time_pass(server);
	assert_true(net_h2_wait_goaway(&client));
	assert_int_equal(client.goaway_code, NGHTTP2_NO_ERROR);
	assert_true(net_h2_wait_closed(&client));
	net_h2_close(&client);
	close_limited(server);
}

static void age_without_force(struct server_limits *limits)
{
	limits->max_connection_age_ns = LIMIT_NS;
}

static void an_old_http1_connection_ends_with_its_next_answer(void **state)
{
	struct net_server *server = open_limited(age_without_force);
	struct buf in = BUF_INIT;
	(void)state;
	int fd = net_server_connect(server);
	assert_true(net_send(&server->loop, fd, SLICE("GET /1 HTTP/1.1\r\n" HOST "\r\n"), 0));
	assert_true(net_receive_text(&server->loop, fd, &in, "0 bytes\n"));
	assert_null(memmem(in.data, in.len, "Connection: close", 17)); /* young */
	let_time_pass(server);
	assert_true(net_send(&server->loop, fd, SLICE("GET /2 HTTP/1.1\r\n" HOST "\r\n"), 0));
	assert_true(net_receive_end(&server->loop, fd, &in));
	assert_non_null(memmem(in.data, in.len, "Connection: close", 17));
	(void)close(fd);
	buf_fini(&in);
	close_limited(server);
}

static void short_age(struct server_limits *limits)
{
	limits->max_connection_age_ns = LIMIT_NS;
	limits->max_connection_age_grace_ns = LIMIT_NS;
}

static void old_connections_end_and_after_the_grace_with_force(void **state)
{
	struct net_server *server = open_limited(short_age);
	struct net_h2 client;
	(void)state;
	server->hold = true;
	net_h2_open(&client, server);
	(void)net_h2_request(&client, "GET", "/never-answered", "", true);
	await_headers(&client, 1);
	let_time_pass(server);
	assert_true(net_h2_wait_goaway(&client));
	assert_int_equal(server->held_count, 1);
	let_time_pass(server);
	assert_true(net_h2_wait_closed(&client));
	assert_true(net_server_counted(server, &server->counters->cancelled, 1));
	net_h2_close(&client);
	close_limited(server);
}

static void small_bodies(struct server_limits *limits)
{
	limits->http_body_bytes_max = 1000;
	limits->grpc_message_bytes_max = 1000;
}

static void bodies_over_the_limit_are_refused(void **state)
{
	static const uint8_t bytes[1001];
	struct net_server *server = open_limited(small_bodies);
	struct net_h2 client;
	(void)state;
	exchange(server, SLICE("POST /x HTTP/1.1\r\n" HOST "Content-Length: 1001\r\n\r\n"),
		 "HTTP/1.1 413 ", true);
	exchange(server,
		 SLICE("POST /x HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551614\r\n\r\n"),
		 "HTTP/1.1 413 ", false);
	struct buf chunked = BUF_INIT;
	buf_append_str(&chunked,
		       "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3e9\r\n");
	buf_append(&chunked, slice_of(bytes, sizeof(bytes)));
	exchange(server, buf_slice(&chunked), "HTTP/1.1 413 ", false);
	net_h2_open(&client, server);
	struct net_h2_stream *post = net_h2_request(&client, "POST", "/x", "", false);
	net_h2_body(&client, post, slice_of(bytes, sizeof(bytes)), true);
	assert_true(net_h2_wait(&client, post));
	assert_int_equal(post->status, 413);
	assert_string_equal(buf_cstr(&post->body), "http: request body too large");
	struct net_h2_stream *call = net_h2_grpc(&client, "", 0, slice_of(bytes, sizeof(bytes)));
	assert_true(net_h2_wait(&client, call));
	assert_string_equal(net_h2_header(call, "grpc-status"), "8");
	assert_string_equal(net_h2_header(call, "grpc-message"),
			    "grpc: received message larger than max (1001 vs. 1000)");
	assert_int_equal(counter_get(&server->counters->body_too_large), 5);
	call = net_h2_grpc(&client, "", 0, slice_of(bytes, 1000)); /* exactly the limit */
	assert_true(net_h2_wait(&client, call));
	assert_string_equal(net_h2_header(call, "grpc-status"), "0");
	net_h2_close(&client);
	buf_fini(&chunked);
	close_limited(server);
}

static void decoded_bodies_over_the_limit_are_refused(void **state)
{
	static const uint8_t bytes[100000];
	struct slice plain = slice_of(bytes, sizeof(bytes));
	struct net_server *server = open_limited(small_bodies);
	struct net_h2 client;
	(void)state;
	struct chunk *coded =
		coder_encode(server->shard.coder, CODING_GZIP, 0, &plain, 1, &server->budget, NULL);
	assert_non_null(coded);
	net_h2_open(&client, server);
	struct net_h2_stream *post =
		net_h2_request(&client, "POST", "/x", "content-encoding: gzip\n", false);
	net_h2_body(&client, post, chunk_slice(coded), true);
	assert_true(net_h2_wait(&client, post));
	assert_int_equal(post->status, 413);
	struct net_h2_stream *call =
		net_h2_grpc(&client, "grpc-encoding: gzip\n", 1, chunk_slice(coded));
	assert_true(net_h2_wait(&client, call));
	assert_string_equal(net_h2_header(call, "grpc-status"), "8");
	assert_string_equal(
		net_h2_header(call, "grpc-message"),
		"grpc: received message after decompression larger than max (1001 vs. 1000)");
	assert_int_equal(counter_get(&server->counters->decoded_too_large), 2);
	chunk_unref(coded);
	net_h2_close(&client);
	close_limited(server);
}

static void a_short_budget_refuses_requests_and_recovers(void **state)
{
	static const uint8_t bytes[100000];
	struct net_server *server = *state;
	struct net_h2 client;
	open_raw(&client, server);
	atomic_store(&server->budget.limit, budget_used(&server->budget) + 20000);
	struct net_h2_stream *post = net_h2_request(&client, "POST", "/x", "", false);
	net_h2_body(&client, post, slice_of(bytes, sizeof(bytes)), true);
	assert_true(net_h2_wait(&client, post));
	assert_int_equal(post->status, 503);
	struct net_h2_stream *call = net_h2_grpc(&client, "", 0, slice_of(bytes, sizeof(bytes)));
	assert_true(net_h2_wait(&client, call));
	assert_string_equal(net_h2_header(call, "grpc-status"), "14");
	assert_int_equal(counter_get(&server->counters->budget_refusals), 2);
	atomic_store(&server->budget.limit, 1 << 20);
	post = net_h2_request(&client, "POST", "/x", "", false);
	net_h2_body(&client, post, slice_of(bytes, sizeof(bytes)), true);
	assert_true(net_h2_wait(&client, post));
	assert_int_equal(post->status, 200);
	net_h2_close(&client);
}

static void a_declared_length_reserves_nothing(void **state)
{
	struct net_server *server = *state;
	struct net_h2 client;
	open_raw(&client, server);
	uint64_t before = budget_used(&server->budget);
	struct net_h2_stream *post =
		net_h2_request(&client, "POST", "/x", "content-length: 20000000\n", false);
	net_h2_body(&client, post, SLICE("x"), false);
	struct net_h2_stream *call =
		net_h2_request(&client, "POST", "/s/m", "content-type: application/grpc\n", false);
	net_h2_body(&client, call, SLICE("\0\0\x3f\xff\xffx"), false);
	assert_int_equal(server->headers, 2);
	assert_true(budget_used(&server->budget) - before < 10000);
	net_h2_close(&client);
}

static void a_body_is_charged_for_little_more_than_came_and_never_past_its_end(void **state)
{
	enum { REQUEST_BYTES_MAX = 4096 };
	static const uint8_t bytes[10000];
	struct net_server *server = *state;
	struct net_h2 client;
	open_raw(&client, server);
	uint64_t before = budget_used(&server->budget);
	struct net_h2_stream *post =
		net_h2_request(&client, "POST", "/x", "content-length: 20000000\n", false);
	net_h2_body(&client, post, slice_of(bytes, sizeof(bytes)), false);
	uint64_t charge = budget_used(&server->budget) - before;
	assert_in_range(charge, sizeof(bytes), 4 * sizeof(bytes) + REQUEST_BYTES_MAX);
	before += charge;
	post = net_h2_request(&client, "POST", "/x", "content-length: 20001\n", false);
	net_h2_body(&client, post, slice_of(bytes, sizeof(bytes)), false);
	net_h2_body(&client, post, slice_of(bytes, sizeof(bytes)), false);
	assert_in_range(budget_used(&server->budget) - before, 20001, 20001 + REQUEST_BYTES_MAX);
	net_h2_close(&client);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, net_server_set_up, net_server_tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_over_the_limit_are_refused),
		cmocka_unit_test(a_header_that_is_too_long_is_refused_by_http1),
		cmocka_unit_test(a_header_that_is_too_long_is_refused_by_http2),
		cmocka_unit_test(a_header_of_just_the_limit_is_taken),
		CASE(headers_of_any_length_arrive),
		cmocka_unit_test(a_hpack_bomb_ends_the_connection),
		CASE(a_flood_of_continuations_ends_the_connection),
		CASE(a_flood_of_pings_is_bounded),
		cmocka_unit_test(rapid_resets_end_the_connection),
		cmocka_unit_test(what_follows_a_flood_is_not_read),
		cmocka_unit_test(resets_that_we_are_made_to_send_count_as_well),
		cmocka_unit_test(a_header_that_does_not_end_times_out),
		cmocka_unit_test(a_header_block_of_http2_that_does_not_end_times_out),
		cmocka_unit_test(a_body_that_does_not_end_times_out),
		cmocka_unit_test(idle_connections_are_closed),
		cmocka_unit_test(an_old_http1_connection_ends_with_its_next_answer),
		cmocka_unit_test(old_connections_end_and_after_the_grace_with_force),
		cmocka_unit_test(bodies_over_the_limit_are_refused),
		cmocka_unit_test(decoded_bodies_over_the_limit_are_refused),
		CASE(a_short_budget_refuses_requests_and_recovers),
		CASE(a_declared_length_reserves_nothing),
		CASE(a_body_is_charged_for_little_more_than_came_and_never_past_its_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
