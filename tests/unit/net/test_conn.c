/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/net/conn.h"
#include "tests/support/net_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* What happened on the connection under test. */
struct seen {
	struct loop loop;
	struct conn *conn;
	int peer;
	struct buf in;
	size_t opened, writable, closed, data_calls;
	struct err why;
	bool orderly, echo, abort_on_data, close_on_data;
	uint32_t linger_ms;
	size_t fill_bytes; /* written from on_writable */
};

static void on_open(struct conn *conn, void *arg)
{
	struct seen *seen = arg;
	assert_ptr_equal(conn, seen->conn);
	seen->opened++;
}

static void on_data(struct conn *conn, void *arg, struct slice bytes)
{
	struct seen *seen = arg;
	seen->data_calls++;
	buf_append(&seen->in, bytes);
	if (seen->echo)
		conn_write(conn, bytes);
	if (seen->abort_on_data)
		conn_abort(conn);
	if (seen->close_on_data)
		conn_close(conn, seen->linger_ms);
}

static void on_writable(struct conn *conn, void *arg)
{
	struct seen *seen = arg;
	static const uint8_t block[65536];
	seen->writable++;
	while (seen->fill_bytes > 0 && conn_output_bytes(conn) < CONN_OUTPUT_BYTES_HIGH) {
		size_t len = seen->fill_bytes < sizeof(block) ? seen->fill_bytes : sizeof(block);
		conn_write(conn, slice_of(block, len));
		seen->fill_bytes -= len;
	}
	if (seen->fill_bytes > 0)
		conn_want_write(conn);
}

static void on_close(struct conn *conn, void *arg, const struct err *why)
{
	struct seen *seen = arg;
	assert_ptr_equal(conn, seen->conn);
	seen->closed++;
	seen->orderly = why == NULL;
	if (why)
		seen->why = *why;
}

static const struct conn_events events = {on_open, on_data, on_writable, on_close};

static int set_up(void **state)
{
	struct seen *seen = calloc(1, sizeof(*seen));
	int ours;
	assert_int_equal(loop_init(&seen->loop, NULL), 0);
	net_tcp_pair(&ours, &seen->peer);
	seen->conn = conn_new(&seen->loop, ours, NULL, NULL, &events, seen, NULL);
	assert_non_null(seen->conn);
	*state = seen;
	return 0;
}

static int tear_down(void **state)
{
	struct seen *seen = *state;
	if (!seen->closed)
		conn_abort(seen->conn);
	loop_fini(&seen->loop);
	assert_int_equal(seen->closed, 1);
	if (seen->peer >= 0)
		(void)close(seen->peer);
	buf_fini(&seen->in);
	free(seen);
	return 0;
}

static bool is_closed(void *arg)
{
	return ((struct seen *)arg)->closed > 0;
}

static bool has_data(void *arg)
{
	return ((struct seen *)arg)->in.len > 0;
}

static void echoes_what_arrives(void **state)
{
	struct seen *seen = *state;
	struct buf back = BUF_INIT;
	seen->echo = true;
	assert_true(net_send(&seen->loop, seen->peer, SLICE("hello"), 0));
	assert_true(net_receive_text(&seen->loop, seen->peer, &back, "hello"));
	assert_int_equal(seen->opened, 1);
	assert_int_equal(conn_output_bytes(seen->conn), 0);
	buf_fini(&back);
}

static void an_orderly_end_of_the_peer_closes_without_a_reason(void **state)
{
	struct seen *seen = *state;
	net_settle(&seen->loop);
	(void)close(seen->peer);
	seen->peer = -1;
	assert_true(net_run_until(&seen->loop, is_closed, seen));
	assert_true(seen->orderly);
}

static void a_reset_closes_with_a_reason(void **state)
{
	struct seen *seen = *state;
	net_settle(&seen->loop);
	net_reset(seen->peer);
	seen->peer = -1;
	assert_true(net_run_until(&seen->loop, is_closed, seen));
	assert_false(seen->orderly);
	assert_int_equal(seen->why.kind, ERR_IO);
}

static void a_reset_is_seen_while_reading_is_paused(void **state)
{
	struct seen *seen = *state;
	conn_pause(seen->conn, true);
	net_settle(&seen->loop);
	net_reset(seen->peer);
	seen->peer = -1;
	assert_true(net_run_until(&seen->loop, is_closed, seen));
	assert_false(seen->orderly);
}

static void paused_reading_leaves_bytes_with_the_kernel(void **state)
{
	struct seen *seen = *state;
	conn_pause(seen->conn, true);
	assert_true(net_send(&seen->loop, seen->peer, SLICE("later"), 0));
	net_settle(&seen->loop);
	assert_int_equal(seen->in.len, 0);
	conn_pause(seen->conn, false);
	assert_true(net_run_until(&seen->loop, has_data, seen));
	assert_int_equal(seen->in.len, 5);
}

static void all_output_arrives_before_the_end_of_a_closed_connection(void **state)
{
	struct seen *seen = *state;
	struct buf back = BUF_INIT;
	struct budget budget;
	budget_init(&budget, UINT64_MAX);
	struct chunk *chunk = chunk_new(&budget, 3 << 20);
	assert_non_null(chunk);
	memset(chunk->data, 'c', chunk->capacity);
	chunk->len = chunk->capacity;
	net_settle(&seen->loop);
	for (int i = 0; i < 1000; i++)
		conn_write(seen->conn, SLICE("small "));
	conn_write_chunk(seen->conn, chunk, 100, chunk->len - 100);
	conn_write_chunk(seen->conn, chunk, chunk->len, 0); /* nothing */
	conn_write(seen->conn, SLICE(""));
	conn_write(seen->conn, SLICE("end"));
	size_t asked = conn_output_bytes(seen->conn);
	conn_close(seen->conn, 1000);
	conn_write_chunk(seen->conn, chunk, 0, 100); /* too late */
	conn_write(seen->conn, SLICE("late"));
	assert_int_equal(conn_output_bytes(seen->conn), asked);
	chunk_unref(chunk);
	assert_true(net_receive_end(&seen->loop, seen->peer, &back));
	assert_int_equal(back.len, 6000 + (3 << 20) - 100 + 3);
	assert_memory_equal(back.data + back.len - 4, "cend", 4);
	assert_false(seen->closed); /* waits for our end */
	(void)close(seen->peer);
	seen->peer = -1;
	assert_true(net_run_until(&seen->loop, is_closed, seen));
	assert_true(seen->orderly);
	assert_int_equal(budget_used(&budget), 0);
	buf_fini(&back);
}

static void a_lingering_connection_ends_at_its_time_though_the_peer_stays(void **state)
{
	struct seen *seen = *state;
	seen->close_on_data = true;
	seen->linger_ms = 20;
	assert_true(net_send(&seen->loop, seen->peer, SLICE("x"), 0));
	assert_true(net_run_until(&seen->loop, is_closed, seen));
	assert_true(seen->orderly);
	assert_int_equal(seen->data_calls, 1);
}

static void bytes_after_a_close_are_thrown_away(void **state)
{
	struct seen *seen = *state;
	struct buf back = BUF_INIT;
	seen->close_on_data = true;
	seen->echo = true;
	seen->linger_ms = 60000;
	assert_true(net_send(&seen->loop, seen->peer, SLICE("x"), 0));
	assert_true(net_receive_end(&seen->loop, seen->peer, &back));
	for (int i = 0; i < 100; i++)
		assert_true(net_send(&seen->loop, seen->peer, SLICE("more and more"), 0));
	assert_int_equal(seen->data_calls, 1);
	assert_int_equal(back.len, 1);
	buf_fini(&back);
}

static void an_abort_from_within_on_data_is_safe(void **state)
{
	struct seen *seen = *state;
	seen->abort_on_data = seen->echo = true;
	assert_true(net_send(&seen->loop, seen->peer, SLICE("x"), 0));
	assert_true(net_run_until(&seen->loop, is_closed, seen));
	assert_int_equal(seen->data_calls, 1);
}

static void a_peer_that_does_not_read_is_not_read_from(void **state)
{
	struct seen *seen = *state;
	static const uint8_t block[1 << 20];
	net_settle(&seen->loop);
	while (conn_output_bytes(seen->conn) < CONN_OUTPUT_BYTES_HIGH) {
		conn_write(seen->conn, slice_of(block, sizeof(block)));
		net_settle(&seen->loop);
	}
	assert_true(net_send(&seen->loop, seen->peer, SLICE("unread"), 0));
	net_settle(&seen->loop);
	assert_int_equal(seen->in.len, 0);
	struct buf back = BUF_INIT;
	for (int i = 0; i < 1000 && seen->in.len == 0; i++) {
		assert_true(net_receive(seen->peer, &back));
		net_settle(&seen->loop);
	}
	assert_int_equal(seen->in.len, 6);
	buf_fini(&back);
}

static void on_writable_is_called_again_as_room_appears(void **state)
{
	struct seen *seen = *state;
	struct buf back = BUF_INIT;
	size_t total = 20 << 20;
	seen->fill_bytes = total;
	net_settle(&seen->loop);
	conn_want_write(seen->conn);
	assert_true(net_receive_len(&seen->loop, seen->peer, &back, total));
	assert_int_equal(back.len, total);
	assert_true(seen->writable > 10);
	buf_fini(&back);
}

/* The other connection's bytes are taken away between the poll that saw them and its read. */
static int stolen_from = -1;

static void on_data_steals(struct conn *conn, void *arg, struct slice bytes)
{
	char byte;
	on_data(conn, arg, bytes);
	assert_int_equal(read(stolen_from, &byte, 1), 1);
}

static void bytes_that_are_gone_when_they_are_read_end_nothing(void **state)
{
	static const struct conn_events steals = {on_open, on_data_steals, on_writable, on_close};
	struct seen *seen = *state, thief = {.peer = -1};
	int ours;
	conn_abort(seen->conn);
	assert_true(net_run_until(&seen->loop, is_closed, seen));
	(void)close(seen->peer);
	seen->closed = 0;
	net_tcp_pair(&ours, &seen->peer);
	stolen_from = dup(ours);
	seen->conn = conn_new(&seen->loop, ours, NULL, NULL, &events, seen, NULL);
	net_tcp_pair(&ours, &thief.peer);
	thief.conn = conn_new(&seen->loop, ours, NULL, NULL, &steals, &thief, NULL);
	net_settle(&seen->loop);
	assert_int_equal(write(thief.peer, "x", 1), 1); /* ready first, so served first */
	assert_int_equal(write(seen->peer, "y", 1), 1);
	assert_true(net_run_until(&seen->loop, has_data, &thief));
	net_settle(&seen->loop);
	assert_int_equal(seen->closed, 0);
	assert_int_equal(seen->in.len, 0);
	assert_true(net_send(&seen->loop, seen->peer, SLICE("z"), 0));
	assert_true(net_run_until(&seen->loop, has_data, seen));
	(void)close(stolen_from);
	conn_abort(thief.conn);
	assert_true(net_run_until(&seen->loop, is_closed, &thief));
	(void)close(thief.peer);
	buf_fini(&thief.in);
}

static void on_timer(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
}

/* A turn of the loop lasts until something happens, whatever waits in the socket. */
static void a_paused_connection_does_not_keep_the_loop_awake(void **state)
{
	struct seen *seen = *state;
	uv_timer_t timer;
	bool fired = false;
	net_settle(&seen->loop);
	conn_pause(seen->conn, true);
	assert_true(net_send(&seen->loop, seen->peer, SLICE("unread"), 0));
	net_settle(&seen->loop);
	(void)uv_timer_init(&seen->loop.uv, &timer);
	timer.data = &fired;
	uv_update_time(&seen->loop.uv);
	(void)uv_timer_start(&timer, on_timer, 20, 0);
	(void)uv_run(&seen->loop.uv, UV_RUN_ONCE);
	assert_true(fired);
	uv_close((uv_handle_t *)&timer, NULL);
	net_settle(&seen->loop);
	assert_int_equal(seen->in.len, 0);
	conn_pause(seen->conn, false);
	assert_true(net_run_until(&seen->loop, has_data, seen));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(echoes_what_arrives),
		CASE(an_orderly_end_of_the_peer_closes_without_a_reason),
		CASE(a_reset_closes_with_a_reason),
		CASE(a_reset_is_seen_while_reading_is_paused),
		CASE(paused_reading_leaves_bytes_with_the_kernel),
		CASE(all_output_arrives_before_the_end_of_a_closed_connection),
		CASE(a_lingering_connection_ends_at_its_time_though_the_peer_stays),
		CASE(bytes_after_a_close_are_thrown_away),
		CASE(an_abort_from_within_on_data_is_safe),
		CASE(a_peer_that_does_not_read_is_not_read_from),
		CASE(on_writable_is_called_again_as_room_appears),
		CASE(bytes_that_are_gone_when_they_are_read_end_nothing),
		CASE(a_paused_connection_does_not_keep_the_loop_awake),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
