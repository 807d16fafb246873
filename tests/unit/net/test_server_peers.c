/* SPDX-License-Identifier: Apache-2.0 */
/* What peers make a server hold: connections, answers that are not read, headers. None of it may keep
 * others out, and all of it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/base/clock.h"
#include "tests/support/net_h2.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GET "GET /x HTTP/1.1\r\nHost: h\r\n\r\n"

static struct net_server *open_limited(void (*change)(struct server_limits *limits))
{
	struct net_server *server = calloc(1, sizeof(*server));
	struct server_config config = net_server_config();
	change(&config.limits);
	net_server_open(server, &config);
	return server;
}

static void close_limited(struct net_server *server)
{
	net_server_close(server);
	free(server);
}

/* A connection that is past the preface and SETTINGS. */
static void open_raw(struct net_h2 *client, struct net_server *server)
{
	net_h2_open(client, server);
	net_h2_turn(client);
	net_h2_turn(client);
}

/* A request (or the rest of one) that is answered with 200. */
static void exchange_on(struct net_server *server, int fd, const char *request)
{
	struct buf in = BUF_INIT;
	assert_true(net_send(&server->loop, fd, slice_str(request), 0));
	assert_true(net_receive_text(&server->loop, fd, &in, "200 OK"));
	buf_fini(&in);
}

static void two_connections(struct server_limits *limits)
{
	limits->connections_max = 2;
}

static int connect_as(struct net_server *server, uint64_t number)
{
	int fd = net_server_connect(server);
	assert_true(net_server_counted(server, &server->counters->connections, number));
	return fd;
}

/* Silent, in the middle of a header, or with an answer that is not read: none of these may keep a
 * new connection out. */
static void at_the_limit_the_longest_quiet_connection_makes_room(void **state)
{
	static const char *const ways[] = {"", "G", "GET /x HTTP/1.1\r\nHost: h\r\n",
					   "GET /x HTTP/1.1\r\nHost: h\r\n\r\n"};
	(void)state;
	for (size_t way = 0; way < ARRAY_COUNT(ways); way++) {
		struct net_server *server = open_limited(two_connections);
		struct buf in = BUF_INIT;
		int fds[4];
		for (uint64_t i = 0; i < 4; i++) {
			fds[i] = connect_as(server, i + 1);
			assert_true(net_send(&server->loop, fds[i], slice_str(ways[way]), 0));
			net_settle(&server->loop);
		}
		assert_true(net_receive_end(&server->loop, fds[0], &in));
		assert_true(net_receive_end(&server->loop, fds[1], &in));
		assert_true(net_server_counted(server, &server->counters->connections_evicted, 2));
		assert_int_equal(counter_get(&server->counters->connections_over_limit), 0);
		assert_int_equal(counter_get(&server->counters->connections_open), 2);
		buf_reset(&in);
		exchange_on(server, fds[3],
			    way == 0 || way == 3 ? "GET /x HTTP/1.1\r\nHost: h\r\n\r\n"
			    : way == 1		 ? "ET /x HTTP/1.1\r\nHost: h\r\n\r\n"
						 : "\r\n");
		for (int i = 0; i < 4; i++)
			(void)close(fds[i]);
		close_limited(server);
		buf_fini(&in);
	}
}

static void an_http2_connection_that_makes_room_is_told(void **state)
{
	struct net_server *server = open_limited(two_connections);
	struct net_h2 client;
	int fds[2];
	(void)state;
	open_raw(&client, server);
	struct net_h2_stream *get = net_h2_request(&client, "GET", "/x", "", true);
	assert_true(net_h2_wait(&client, get));
	for (uint64_t i = 0; i < 2; i++)
		fds[i] = connect_as(server, i + 2);
	assert_true(net_h2_wait_closed(&client));
	assert_true(client.goaway);
	assert_int_equal(client.goaway_code, NGHTTP2_NO_ERROR);
	assert_int_equal(counter_get(&server->counters->connections_evicted), 1);
	for (int i = 0; i < 2; i++)
		(void)close(fds[i]);
	net_h2_close(&client);
	close_limited(server);
}

static void connections_that_work_are_not_given_up(void **state)
{
	struct net_server *server = open_limited(two_connections);
	struct buf in = BUF_INIT;
	int fds[3];
	(void)state;
	server->hold = true;
	for (uint64_t i = 0; i < 2; i++) {
		fds[i] = connect_as(server, i + 1);
		assert_true(net_send(&server->loop, fds[i],
				     SLICE("GET /x HTTP/1.1\r\nHost: h\r\n\r\n"), 0));
		net_settle(&server->loop);
	}
	assert_int_equal(server->held_count, 2);
	fds[2] = connect_as(server, 3);
	assert_true(net_receive_end(&server->loop, fds[2], &in));
	assert_int_equal(counter_get(&server->counters->connections_over_limit), 1);
	assert_int_equal(counter_get(&server->counters->connections_evicted), 0);
	for (int i = 0; i < 2; i++) {
		net_server_answer(server);
		assert_true(net_receive_text(&server->loop, fds[i], &in, "200 OK"));
		buf_reset(&in);
	}
	for (int i = 0; i < 3; i++)
		(void)close(fds[i]);
	close_limited(server);
	buf_fini(&in);
}

/* ---- answers that are not read -------------------------------------------------------------- */

static void short_write_time(struct server_limits *limits)
{
	limits->write_timeout_ns = 50 * NS_PER_MS;
}

static void long_write_time(struct server_limits *limits)
{
	limits->write_timeout_ns = 3600 * NS_PER_S;
}

/* More than the kernel's buffers hold. */
enum { LONG_ANSWER_BYTES = 7 << 20 };

static void an_answer_that_is_not_read_is_cut(void **state)
{
	struct net_server *server = open_limited(short_write_time);
	(void)state;
	server->answer_bytes = LONG_ANSWER_BYTES;
	int fd = net_server_connect(server);
	assert_true(net_send(&server->loop, fd, SLICE(GET), 0));
	assert_true(net_server_counted(server, &server->counters->write_timeout, 1));
	net_settle(&server->loop);
	assert_int_equal(counter_get(&server->counters->connections_open), 0);
	(void)close(fd);
	close_limited(server);
}

static void on_drained(void *arg)
{
	((struct net_server *)arg)->drained = true;
}

static bool is_drained(void *arg)
{
	return ((struct net_server *)arg)->drained;
}

/* Its window is never opened, but it goes on sending PINGs: only that stream is cut. */
static void an_answer_behind_a_closed_window_is_cut_alone(void **state)
{
	struct net_server *server = open_limited(short_write_time);
	struct net_h2 client;
	struct buf frames = BUF_INIT;
	(void)state;
	open_raw(&client, server);
	/* SETTINGS_INITIAL_WINDOW_SIZE is 0 from here on. */
	net_h2_frame(&frames, NGHTTP2_SETTINGS, 0, 0, SLICE("\0\4\0\0\0\0"));
	net_h2_frame(&frames, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM,
		     1,
		     SLICE("\x82\x84\x86\x41\x01"
			   "a"));
	net_h2_raw(&client, buf_slice(&frames));
	assert_true(net_server_counted(server, &server->counters->write_timeout, 1));
	net_settle(&server->loop);
	assert_int_equal(counter_get(&server->counters->connections_open), 1);
	assert_int_equal(server->headers, 1);
	net_h2_close(&client);
	buf_fini(&frames);
	close_limited(server);
}

/* However long answers may take: at the end nobody waits for those who do not read. */
static void unread_answers_do_not_delay_the_end(void **state)
{
	struct net_server *server = open_limited(long_write_time);
	struct net_h2 client;
	struct buf frames = BUF_INIT;
	int fds[20];
	(void)state;
	server->answer_bytes = LONG_ANSWER_BYTES;
	atomic_store(&server->budget.limit, UINT64_MAX);
	for (size_t i = 0; i < ARRAY_COUNT(fds); i++) {
		fds[i] = net_server_connect(server);
		for (int k = 0; k < 500; k++)
			buf_append_str(&frames, GET);
		(void)net_send(&server->loop, fds[i], buf_slice(&frames), 0);
		buf_reset(&frames);
	}
	open_raw(&client, server);
	net_h2_frame(&frames, NGHTTP2_SETTINGS, 0, 0, SLICE("\0\4\0\0\0\0"));
	net_h2_frame(&frames, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM,
		     1,
		     SLICE("\x82\x84\x86\x41\x01"
			   "a"));
	net_h2_raw(&client, buf_slice(&frames));
	net_settle(&server->loop);
	assert_int_equal(counter_get(&server->counters->connections_open), ARRAY_COUNT(fds) + 1);
	server_drain(server->server, on_drained, server);
	assert_true(net_run_until(&server->loop, is_drained, server));
	assert_true(counter_get(&server->counters->write_timeout) >= ARRAY_COUNT(fds));
	for (size_t i = 0; i < ARRAY_COUNT(fds); i++)
		(void)close(fds[i]);
	net_h2_close(&client);
	buf_fini(&frames);
	close_limited(server);
}

/* ---- memory --------------------------------------------------------------------------------- */

enum { LIMIT_BYTES = 16 << 20, STREAMS = 200 };

/* Requests whose header is ${len} bytes and whose body does not come. */
static void fill_with_headers(struct net_h2 *client, size_t len)
{
	struct buf header = BUF_INIT;
	buf_append_str(&header, "a: ");
	for (size_t i = 0; i < len; i++)
		buf_append_byte(&header, 'x');
	for (size_t i = 0; i < STREAMS; i++)
		(void)net_h2_request(client, "POST", "/x", buf_cstr(&header), false);
	for (int i = 0; i < 20; i++)
		net_h2_turn(client);
	buf_fini(&header);
}

static void two_connections_cannot_take_the_memory_with_headers(void **state)
{
	struct net_server *server = *state;
	struct net_h2 hostile[2], honest;
	atomic_store(&server->budget.limit, LIMIT_BYTES);
	for (size_t i = 0; i < ARRAY_COUNT(hostile); i++) {
		open_raw(&hostile[i], server);
		fill_with_headers(&hostile[i], 60000);
	}
	assert_true(budget_used(&server->budget) < LIMIT_BYTES / 4);
	assert_true(counter_get(&server->counters->budget_refusals) > 0);
	/* What was refused may be repeated: nobody has looked at it. */
	size_t refused = 0;
	for (size_t i = 0; i < STREAMS; i++) {
		if (!hostile[0].streams[i].reset)
			continue;
		assert_int_equal(hostile[0].streams[i].reset_code, NGHTTP2_REFUSED_STREAM);
		refused++;
	}
	assert_true(refused > STREAMS / 2);
	open_raw(&honest, server);
	struct net_h2_stream *get = net_h2_request(&honest, "GET", "/x", "", true);
	assert_true(net_h2_wait(&honest, get));
	assert_int_equal(get->status, 200);
	net_h2_close(&honest);
	for (size_t i = 0; i < ARRAY_COUNT(hostile); i++)
		net_h2_close(&hostile[i]);
}

static void megabyte_bodies(struct server_limits *limits)
{
	limits->http_body_bytes_max = limits->grpc_message_bytes_max = 1 << 20;
}

/* Bodies that do not end: their connection gets a quarter of what is free, the others go on. */
static void one_connection_cannot_take_the_memory_with_bodies(void **state)
{
	static const uint8_t bytes[200000];
	struct net_server *server = open_limited(megabyte_bodies);
	struct net_h2 hostile, honest;
	(void)state;
	atomic_store(&server->budget.limit, LIMIT_BYTES);
	open_raw(&hostile, server);
	for (size_t i = 0; i < STREAMS; i++)
		net_h2_body(&hostile, net_h2_request(&hostile, "POST", "/x", "", false),
			    slice_of(bytes, sizeof(bytes)), false);
	for (int i = 0; i < 20; i++)
		net_h2_turn(&hostile);
	assert_true(server->refusals[REFUSED_MEMORY] > STREAMS / 2);
	assert_true(budget_used(&server->budget) < LIMIT_BYTES / 2);
	open_raw(&honest, server);
	struct net_h2_stream *post = net_h2_request(&honest, "POST", "/x", "", false);
	net_h2_body(&honest, post, slice_of(bytes, sizeof(bytes)), true);
	assert_true(net_h2_wait(&honest, post));
	assert_int_equal(post->status, 200);
	net_h2_close(&honest);
	net_h2_close(&hostile);
	close_limited(server);
}

/* Each connection is counted with all that its protocol holds before anything was asked. */
static void a_connection_is_charged_from_its_beginning(void **state)
{
	struct net_server *server = *state;
	struct net_h2 client;
	int fd = net_server_connect(server);
	assert_true(net_server_counted(server, &server->counters->connections_open, 1));
	net_settle(&server->loop);
	uint64_t plain = budget_used(&server->budget);
	assert_true(plain >= 2048);
	open_raw(&client, server);
	assert_true(budget_used(&server->budget) > plain + 16384);
	net_h2_close(&client);
	(void)close(fd);
}

static void without_memory_the_quiet_make_room(void **state)
{
	struct net_server *server = *state;
	int fds[3];
	for (size_t i = 0; i < 2; i++) {
		fds[i] = net_server_connect(server);
		assert_true(net_server_counted(server, &server->counters->connections_open, i + 1));
		net_settle(&server->loop);
	}
	atomic_store(&server->budget.limit, 0);
	fds[2] = net_server_connect(server);
	assert_true(net_server_counted(server, &server->counters->connections_evicted, 1));
	assert_true(counter_get(&server->counters->budget_refusals) >= 1);
	atomic_store(&server->budget.limit, LIMIT_BYTES);
	for (size_t i = 0; i < 3; i++)
		(void)close(fds[i]);
}

/* Pipelined requests whose answers are not read. */
static void unread_answers_take_a_share_at_most(void **state)
{
	struct net_server *server = *state;
	struct buf requests = BUF_INIT;
	int fds[8];
	atomic_store(&server->budget.limit, LIMIT_BYTES);
	server->answer_bytes = 64 << 10;
	for (int i = 0; i < 500; i++)
		buf_append_str(&requests, GET);
	for (size_t i = 0; i < ARRAY_COUNT(fds); i++) {
		fds[i] = net_server_connect(server);
		(void)net_send(&server->loop, fds[i], buf_slice(&requests), 0);
		net_settle(&server->loop);
	}
	assert_true(budget_used(&server->budget) < LIMIT_BYTES / 2);
	for (size_t i = 0; i < ARRAY_COUNT(fds); i++)
		(void)close(fds[i]);
	buf_fini(&requests);
}

/* ---- silence -------------------------------------------------------------------------------- */

static void short_header_time(struct server_limits *limits)
{
	limits->header_timeout_ns = 50 * NS_PER_MS;
}

static void a_connection_that_says_nothing_ends(void **state)
{
	struct net_server *server = open_limited(short_header_time);
	struct buf in = BUF_INIT;
	int fd = net_server_connect(server);
	(void)state;
	assert_true(net_receive_end(&server->loop, fd, &in));
	assert_int_equal(counter_get(&server->counters->header_timeout), 1);
	(void)close(fd);
	close_limited(server);
	buf_fini(&in);
}

static void idle_connections_end_by_default(void **state)
{
	(void)state;
	assert_in_range(server_limits_default().idle_timeout_ns, NS_PER_S, 3600 * NS_PER_S);
	assert_in_range(server_limits_default().write_timeout_ns, NS_PER_S, 60 * NS_PER_S);
	assert_true(server_limits_probe().connections_max < 100);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, net_server_set_up, net_server_tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_the_limit_the_longest_quiet_connection_makes_room),
		cmocka_unit_test(an_http2_connection_that_makes_room_is_told),
		cmocka_unit_test(connections_that_work_are_not_given_up),
		cmocka_unit_test(an_answer_that_is_not_read_is_cut),
		cmocka_unit_test(an_answer_behind_a_closed_window_is_cut_alone),
		cmocka_unit_test(unread_answers_do_not_delay_the_end),
		CASE(two_connections_cannot_take_the_memory_with_headers),
		cmocka_unit_test(one_connection_cannot_take_the_memory_with_bodies),
		CASE(a_connection_is_charged_from_its_beginning),
		CASE(without_memory_the_quiet_make_room),
		CASE(unread_answers_take_a_share_at_most),
		cmocka_unit_test(a_connection_that_says_nothing_ends),
		cmocka_unit_test(idle_connections_end_by_default),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
