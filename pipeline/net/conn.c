/* SPDX-License-Identifier: Apache-2.0 */
/*
 * States: OPENING (plain) or HANDSHAKING (TLS) -> OPEN -> FLUSHING (conn_close was called, output
 * is drained) -> LINGERING (our end is closed, what the peer still sends is thrown away so that it
 * sees our last answer instead of a reset) -> CLOSED -> GONE (on_close was called). Any state may
 * jump to CLOSED.
 *
 * on_data and the rest are called from poll events; everything else happens in turn_end, which the
 * loop runs once per turn for connections with work: opening, writing, asking for more output,
 * closing. So a callback may call any function here without finding the connection freed.
 *
 * What is written waits in conn_output.c.
 */
#include "pipeline/net/conn_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	FLUSH_MS_MAX = 10000, /* a closing connection whose peer does not read */
};

UNUSED static const unsigned may_follow[] = {
	[OPENING] = STATE_BIT(OPEN) | STATE_BIT(CLOSED),
	[HANDSHAKING] = STATE_BIT(OPEN) | STATE_BIT(CLOSED),
	[OPEN] = STATE_BIT(FLUSHING) | STATE_BIT(CLOSED),
	[FLUSHING] = STATE_BIT(LINGERING) | STATE_BIT(CLOSED),
	[LINGERING] = STATE_BIT(CLOSED),
	[CLOSED] = STATE_BIT(GONE),
	[GONE] = 0,
};

static void enter(struct conn *conn, enum conn_state state)
{
	ASSERT_STEP(may_follow, conn->state, state);
	conn->state = state;
}

void conn_defer(struct conn *conn)
{
	if (conn->deferred)
		return;
	conn->deferred = true;
	loop_defer(conn->loop, &conn->turn_end);
}

void conn_end(struct conn *conn, const struct err *why)
{
	if (conn->state >= CLOSED)
		return;
	enter(conn, CLOSED);
	if (why && (conn->why = malloc(sizeof(*why))))
		*conn->why = *why;
	(void)uv_poll_stop(&conn->poll); /* documented to return 0 */
	conn->poll_events = 0;
	conn_defer(conn);
}

void conn_end_sys(struct conn *conn, int sys, const char *what)
{
	struct err err;
	(void)err_set_sys(&err, sys, "%s", what);
	conn_end(conn, &err);
}

void conn_end_tls(struct conn *conn)
{
	struct err err;
	tls_session_error(conn->ssl, conn->state == HANDSHAKING, &err);
	conn_end(conn, &err);
}

static void on_timer(uv_timer_t *timer)
{
	struct conn *conn = timer->data;
	if (conn->state == FLUSHING)
		conn_end_sys(conn, ETIMEDOUT, "the peer does not read");
	else
		conn_end(conn, NULL);
}

/* ---- the end of the output ------------------------------------------------------------------ */

/* Our output is through: say goodbye and wait for the peer to do the same. */
static void begin_linger(struct conn *conn)
{
	if (conn->ssl) {
		ERR_clear_error();
		(void)SSL_shutdown(conn->ssl); /* a goodbye that does not fit is not sent */
	}
	(void)shutdown(conn->fd, SHUT_WR); /* fails when the peer has gone: recv will tell */
	if (conn->linger_ms == 0 || conn->peer_ended) {
		conn_end(conn, NULL);
		return;
	}
	enter(conn, LINGERING);
	(void)uv_timer_start(&conn->timer, on_timer, conn->linger_ms, 0); /* cannot fail */
}

static void flush(struct conn *conn)
{
	if (conn->state != OPEN && conn->state != FLUSHING)
		return;
	conn_write_output(conn);
	if (conn->state == FLUSHING && conn->output_bytes == 0)
		begin_linger(conn);
}

/* ---- input -------------------------------------------------------------------------------- */

static void peer_end(struct conn *conn)
{
	conn->peer_ended = true;
	if (conn->state == OPEN && conn->output_bytes > 0)
		conn_close(conn, 0); /* a peer that only half closed still reads */
	else if (conn->state != FLUSHING)
		conn_end(conn, NULL);
}

static void deliver(struct conn *conn, size_t len)
{
	if (len > 0 && conn->state == OPEN)
		conn->events->on_data(conn, conn->arg, slice_of(conn->loop->read_buffer, len));
}

static void receive_plain(struct conn *conn)
{
	ssize_t len = recv(conn->fd, conn->loop->read_buffer, conn->loop->read_buffer_bytes, 0);
	if (len > 0)
		deliver(conn, (size_t)len);
	else if (len == 0)
		peer_end(conn);
	else if (errno != EAGAIN && errno != EINTR)
		conn_end_sys(conn, errno, "receive");
}

/* Reads records until the buffer is full or OpenSSL has no more, and hands them on at once. */
static void receive_tls(struct conn *conn)
{
	size_t len = 0;
	int code = SSL_ERROR_NONE;
	conn->read_wants_write = false;
	ERR_clear_error();
	while (len < conn->loop->read_buffer_bytes) {
		int got = SSL_read(conn->ssl, conn->loop->read_buffer + len,
				   (int)(conn->loop->read_buffer_bytes - len));
		if (got <= 0) {
			code = SSL_get_error(conn->ssl, got);
			break;
		}
		len += (size_t)got;
	}
	/* Errors first: the callback may use OpenSSL, and the queue is the thread's. */
	struct err err;
	bool failed = code == SSL_ERROR_SSL || code == SSL_ERROR_SYSCALL;
	if (failed)
		tls_session_error(conn->ssl, false, &err);
	deliver(conn, len);
	if (failed)
		conn_end(conn, &err);
	else if (code == SSL_ERROR_ZERO_RETURN)
		peer_end(conn);
	else if (code == SSL_ERROR_WANT_WRITE)
		conn->read_wants_write = true;
	else if (code == SSL_ERROR_NONE)
		conn->read_again = true;
}

static bool may_read(const struct conn *conn)
{
	if (conn->state == OPEN)
		return !conn->paused && conn_has_room(conn);
	return (conn->state == FLUSHING && !conn->peer_ended) || conn->state == LINGERING;
}

static void receive(struct conn *conn)
{
	if (!may_read(conn))
		return;
	if (conn->ssl && conn->state == OPEN)
		receive_tls(conn);
	else
		receive_plain(
			conn); /* after our close_notify even TLS bytes are only thrown away */
}

static void handshake(struct conn *conn)
{
	ERR_clear_error();
	int result = SSL_do_handshake(conn->ssl);
	if (result == 1) {
		enter(conn, OPEN);
		conn->write_blocked = false;
		conn->read_again = true; /* bytes may have come along with the last flight */
		conn->events->on_open(conn, conn->arg);
		conn_defer(conn);
		return;
	}
	int code = SSL_get_error(conn->ssl, result);
	conn->write_blocked = code == SSL_ERROR_WANT_WRITE;
	if (code != SSL_ERROR_WANT_WRITE && code != SSL_ERROR_WANT_READ)
		conn_end_tls(conn);
}

/* ---- events ------------------------------------------------------------------------------- */

static int wanted_events(const struct conn *conn)
{
	int events = 0;
	if (conn->state == HANDSHAKING)
		return conn->write_blocked ? UV_WRITABLE : UV_READABLE;
	if (may_read(conn) || conn->write_wants_read)
		events |= UV_READABLE;
	else if (!conn->peer_ended && !conn->disconnect_seen)
		events |= UV_DISCONNECT; /* a reset is seen while reading is stopped */
	if (conn->write_blocked || conn->read_wants_write)
		events |= UV_WRITABLE;
	return events;
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void update_poll(struct conn *conn)
{
	if (conn->state >= CLOSED)
		return;
	int events = wanted_events(conn);
	if (events == conn->poll_events)
		return;
	conn->poll_events = events;
	int code = uv_poll_start(&conn->poll, events, on_poll);
	if (code != 0)
		conn_end_sys(conn, -code, "poll");
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct conn *conn = poll->data;
	if (conn->state >= CLOSED)
		return;
	if (status < 0) {
		int sys = 0;
		socklen_t len = sizeof(sys);
		if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &sys, &len) != 0 || sys == 0)
			sys = ECONNRESET;
		conn_end_sys(conn, sys, "connection");
		return;
	}
	if (conn->state == HANDSHAKING) {
		handshake(conn);
		update_poll(conn);
		return;
	}
	if (events & UV_DISCONNECT)
		conn->disconnect_seen = true;
	bool retry_read =
		(events & UV_READABLE) || (conn->read_wants_write && (events & UV_WRITABLE));
	if (events & UV_WRITABLE)
		conn->write_blocked = false;
	if (events & UV_READABLE)
		conn->write_wants_read = false;
	if (retry_read)
		receive(conn);
	if ((events & UV_WRITABLE) || conn->output_bytes > 0 || conn->read_again)
		conn_defer(conn);
	update_poll(conn);
}

static void on_closed(uv_handle_t *handle)
{
	struct conn *conn = handle->data;
	if (--conn->handles_open > 0)
		return;
	free(conn->why);
	free(conn);
}

static void go(struct conn *conn)
{
	enter(conn, GONE);
	conn_free_output(conn); /* before the account goes with its owner */
	conn->events->on_close(conn, conn->arg, conn->why);
	uv_close((uv_handle_t *)&conn->poll, on_closed);
	uv_close((uv_handle_t *)&conn->timer, on_closed);
	SSL_free(conn->ssl);
	(void)close(conn->fd); /* the poll handle has let go of it */
}

static void turn_end(struct loop_task *task)
{
	/* `deferred` stays set until the end: what is put off meanwhile is done right here. */
	struct conn *conn = CONTAINER_OF(task, struct conn, turn_end);
	ASSERT(conn->deferred && conn->state != GONE);
	ASSERT(conn_output_adds_up(conn));
	if (conn->state == OPENING) {
		enter(conn, OPEN);
		conn->events->on_open(conn, conn->arg);
	} else if (conn->state == HANDSHAKING) {
		handshake(conn); /* the client's first flight needs no event */
	}
	if (conn->read_again && may_read(conn)) {
		conn->read_again = false;
		receive(conn);
	}
	if (conn->want_write && conn->state == OPEN && conn_has_room(conn)) {
		conn->want_write = false;
		if (conn->events->on_writable)
			conn->events->on_writable(conn, conn->arg);
	}
	flush(conn);
	if (conn->state == CLOSED) {
		go(conn);
		return;
	}
	conn->deferred = false;
	if ((conn->want_write && conn_has_room(conn)) || (conn->read_again && may_read(conn)))
		conn_defer(conn);
	update_poll(conn);
}

/* ---- life --------------------------------------------------------------------------------- */

struct conn *conn_new(struct loop *loop, int fd, struct tls_context *tls, const char *server_name,
		      const struct conn_events *events, void *arg, struct err *err)
{
	ASSERT_ON_LOOP(loop);
	int code, one = 1;
	struct conn *conn = calloc(1, sizeof(*conn));
	if (!conn) {
		(void)close(fd);
		(void)err_set(err, ERR_NOMEM, "no memory for the connection");
		return NULL;
	}
	conn->loop = loop;
	conn->fd = fd;
	conn->events = events;
	conn->arg = arg;
	conn->turn_end.run = turn_end;
	conn->output_bytes_high = CONN_OUTPUT_BYTES_HIGH;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* unix sockets refuse */
	if (tls) {
		conn->ssl = tls_session_new(tls, fd, server_name, err);
		if (!conn->ssl)
			goto fail;
		conn->state = HANDSHAKING;
	}
	code = uv_poll_init(&loop->uv, &conn->poll, fd);
	if (code != 0) {
		(void)err_set_sys(err, -code, "poll");
		goto fail;
	}
	(void)uv_timer_init(&loop->uv, &conn->timer); /* cannot fail */
	conn->poll.data = conn->timer.data = conn;
	conn->handles_open = 2;
	conn_defer(conn);
	return conn;
fail:
	SSL_free(conn->ssl);
	(void)close(fd);
	free(conn);
	return NULL;
}

void conn_pause(struct conn *conn, bool paused)
{
	ASSERT_ON_LOOP(conn->loop);
	if (conn->paused == paused || conn->state >= FLUSHING)
		return;
	conn->paused = paused;
	if (!paused && conn->ssl)
		conn->read_again = true;
	conn_defer(conn); /* turn_end brings poll up to date, once for any number of changes */
}

void conn_close(struct conn *conn, uint32_t linger_ms)
{
	ASSERT_ON_LOOP(conn->loop);
	if (conn->state >= FLUSHING)
		return;
	if (conn->state != OPEN) {
		conn_end(conn, NULL);
		return;
	}
	enter(conn, FLUSHING);
	conn->linger_ms = linger_ms;
	conn->want_write = conn->read_again = false;
	(void)uv_timer_start(&conn->timer, on_timer, FLUSH_MS_MAX, 0); /* cannot fail */
	conn_defer(conn);
}

void conn_abort(struct conn *conn)
{
	ASSERT_ON_LOOP(conn->loop);
	conn_end(conn, NULL);
}

struct slice conn_alpn(const struct conn *conn)
{
	const unsigned char *name = NULL;
	unsigned len = 0;
	if (conn->ssl)
		SSL_get0_alpn_selected(conn->ssl, &name, &len);
	return slice_of(name, len);
}
