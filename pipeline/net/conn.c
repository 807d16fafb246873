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
 * Output is a list of segments: blocks of copied bytes and ranges of chunks. Idle connections hold
 * no buffer. Protocols bound it by writing only while conn_has_room; servers have it
 * charged to the connection's account besides.
 */
#include "pipeline/net/conn.h"

#include "pipeline/base/assert.h"
#include "pipeline/net/tls_session.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	/* With their header just under a round size: one small answer, then answers of many. */
	FIRST_BLOCK_BYTES = 2 * 1024 - 64,
	BLOCK_BYTES = 16 * 1024 - 64,
	IOVECS_MAX = 64,
	TLS_RECORD_BYTES = 16 * 1024,
	FLUSH_MS_MAX = 10000, /* a closing connection whose peer does not read */
};

enum state { OPENING = 0, HANDSHAKING, OPEN, FLUSHING, LINGERING, CLOSED, GONE };

UNUSED static const unsigned may_follow[] = {
	[OPENING] = STATE_BIT(OPEN) | STATE_BIT(CLOSED),
	[HANDSHAKING] = STATE_BIT(OPEN) | STATE_BIT(CLOSED),
	[OPEN] = STATE_BIT(FLUSHING) | STATE_BIT(CLOSED),
	[FLUSHING] = STATE_BIT(LINGERING) | STATE_BIT(CLOSED),
	[LINGERING] = STATE_BIT(CLOSED),
	[CLOSED] = STATE_BIT(GONE),
	[GONE] = 0,
};

struct segment {
	struct segment *next;
	struct chunk *chunk;  /* NULL: the bytes are in `copy` */
	const uint8_t *bytes; /* chunk->data or copy */
	size_t start, end;    /* not yet written */
	size_t capacity;      /* of copy */
	uint8_t copy[];
};

struct conn {
	struct loop *loop;
	const struct conn_events *events;
	void *arg;
	SSL *ssl; /* NULL: plain */
	uv_poll_t poll;
	uv_timer_t timer; /* only while closing */
	struct loop_task turn_end;
	struct segment *first, *last;
	struct account *account; /* NULL: segments are not charged */
	size_t output_bytes, output_bytes_high;
	uint64_t written_bytes;
	struct err *why; /* NULL: orderly */
	uint32_t linger_ms;
	int fd;
	int poll_events; /* what uv_poll watches now */
	enum state state;
	uint8_t handles_open;
	bool deferred;	       /* turn_end is on the loop's list */
	bool paused;	       /* by conn_pause */
	bool want_write;       /* by conn_want_write */
	bool write_blocked;    /* the kernel (or TLS) took no more */
	bool read_wants_write; /* TLS: SSL_read waits for room */
	bool write_wants_read; /* TLS: SSL_write waits for bytes */
	bool read_again;       /* TLS: bytes may be inside OpenSSL, where poll does not see them */
	bool peer_ended;       /* the end of the peer's bytes was read */
	bool disconnect_seen;  /* EPOLLRDHUP: the end will be read once reading goes on */
};

static const struct err no_memory = {.kind = ERR_NOMEM, .msg = "no memory for the connection"};

bool conn_has_room(const struct conn *conn)
{
	return conn->output_bytes < conn->output_bytes_high;
}

static void enter(struct conn *conn, enum state state)
{
	ASSERT_STEP(may_follow, conn->state, state);
	conn->state = state;
}

/* The output adds up: what is counted is what the segments hold, and the last one is known. */
UNUSED static bool output_adds_up(const struct conn *conn)
{
	size_t bytes = 0;
	const struct segment *last = NULL;
	for (const struct segment *s = conn->first; s; last = s, s = s->next) {
		if (s->start >= s->end || (!s->chunk && s->end > s->capacity))
			return false;
		bytes += s->end - s->start;
	}
	return bytes == conn->output_bytes && last == conn->last;
}

static void defer(struct conn *conn)
{
	if (conn->deferred)
		return;
	conn->deferred = true;
	loop_defer(conn->loop, &conn->turn_end);
}

/* Ends the stream; on_close follows in turn_end. The first cause is kept. */
static void end(struct conn *conn, const struct err *why)
{
	if (conn->state >= CLOSED)
		return;
	enter(conn, CLOSED);
	if (why && (conn->why = malloc(sizeof(*why))))
		*conn->why = *why;
	(void)uv_poll_stop(&conn->poll); /* documented to return 0 */
	conn->poll_events = 0;
	defer(conn);
}

static void end_sys(struct conn *conn, int sys, const char *what)
{
	struct err err;
	(void)err_set_sys(&err, sys, "%s", what);
	end(conn, &err);
}

static void end_tls(struct conn *conn)
{
	struct err err;
	tls_session_error(conn->ssl, conn->state == HANDSHAKING, &err);
	end(conn, &err);
}

static void on_timer(uv_timer_t *timer)
{
	struct conn *conn = timer->data;
	if (conn->state == FLUSHING)
		end_sys(conn, ETIMEDOUT, "the peer does not read");
	else
		end(conn, NULL);
}

/* ---- output ------------------------------------------------------------------------------- */

/* NULL when the account or the allocator refuses. */
static struct segment *new_segment(struct conn *conn, size_t capacity)
{
	size_t size = sizeof(struct segment) + capacity;
	if (conn->account && !account_take(conn->account, size))
		return NULL;
	struct segment *segment = malloc(size);
	if (!segment && conn->account)
		account_give(conn->account, size);
	return segment;
}

static void free_segment(struct conn *conn, struct segment *segment)
{
	if (conn->account)
		account_give(conn->account, sizeof(*segment) + segment->capacity);
	chunk_unref(segment->chunk);
	free(segment);
}

static void free_output(struct conn *conn)
{
	while (conn->first) {
		struct segment *segment = conn->first;
		conn->first = segment->next;
		free_segment(conn, segment);
	}
}

static void append_segment(struct conn *conn, struct segment *segment)
{
	segment->next = NULL;
	if (conn->last)
		conn->last->next = segment;
	else
		conn->first = segment;
	conn->last = segment;
}

static bool is_writable_state(const struct conn *conn)
{
	return conn->state <= OPEN;
}

void conn_write(struct conn *conn, struct slice bytes)
{
	ASSERT_ON_LOOP(conn->loop);
	if (!is_writable_state(conn) || bytes.len == 0)
		return;
	struct segment *last = conn->last;
	if (last && !last->chunk && last->capacity > last->end) {
		size_t room = last->capacity - last->end;
		size_t len = bytes.len < room ? bytes.len : room;
		memcpy(last->copy + last->end, bytes.ptr, len);
		last->end += len;
		conn->output_bytes += len;
		bytes = slice_of(bytes.ptr + len, bytes.len - len);
	}
	if (bytes.len > 0) {
		size_t capacity = last ? BLOCK_BYTES : FIRST_BLOCK_BYTES;
		if (capacity < bytes.len)
			capacity = bytes.len;
		struct segment *segment = new_segment(conn, capacity);
		if (!segment) {
			end(conn, &no_memory);
			return;
		}
		*segment = (struct segment){
			.bytes = segment->copy, .end = bytes.len, .capacity = capacity};
		memcpy(segment->copy, bytes.ptr, bytes.len);
		append_segment(conn, segment);
		conn->output_bytes += bytes.len;
	}
	defer(conn);
}

void conn_write_chunk(struct conn *conn, struct chunk *chunk, size_t offset, size_t len)
{
	ASSERT_ON_LOOP(conn->loop);
	ASSERT(offset <= chunk->len && len <= chunk->len - offset);
	if (!is_writable_state(conn) || len == 0)
		return;
	struct segment *segment = new_segment(conn, 0);
	if (!segment) {
		end(conn, &no_memory);
		return;
	}
	*segment = (struct segment){.chunk = chunk_ref(chunk),
				    .bytes = chunk->data,
				    .start = offset,
				    .end = offset + len};
	append_segment(conn, segment);
	conn->output_bytes += len;
	defer(conn);
}

static void drop_output(struct conn *conn, size_t written)
{
	ASSERT(written <= conn->output_bytes);
	conn->output_bytes -= written;
	conn->written_bytes += written;
	while (conn->first) {
		struct segment *segment = conn->first;
		size_t len = segment->end - segment->start;
		if (written < len) {
			segment->start += written;
			return;
		}
		written -= len;
		conn->first = segment->next;
		free_segment(conn, segment);
	}
	conn->last = NULL;
}

/* Both writers: false when no more can be written now, or the stream has ended. */
static bool write_plain(struct conn *conn)
{
	struct iovec vectors[IOVECS_MAX];
	struct msghdr message = {.msg_iov = vectors};
	size_t asked = 0;
	for (struct segment *s = conn->first; s && message.msg_iovlen < IOVECS_MAX; s = s->next) {
		uintptr_t start = (uintptr_t)(s->bytes + s->start); /* iovec has no const */
		vectors[message.msg_iovlen++] = (struct iovec){(void *)start, s->end - s->start};
		asked += s->end - s->start;
	}
	ssize_t written = sendmsg(conn->fd, &message, MSG_NOSIGNAL);
	if (written < 0) {
		if (errno == EINTR)
			return true;
		if (errno == EAGAIN)
			conn->write_blocked = true;
		else
			end_sys(conn, errno, "send");
		return false;
	}
	drop_output(conn, (size_t)written);
	conn->write_blocked = (size_t)written < asked;
	return !conn->write_blocked;
}

/* The next record's bytes: of one segment when it is long enough, else gathered in the loop's
 * buffer, which is free outside of on_data. A retried SSL_write finds the same bytes again, at
 * least as many (SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER). */
static struct slice next_record(struct conn *conn)
{
	struct segment *first = conn->first;
	size_t len = first->end - first->start;
	if (len >= TLS_RECORD_BYTES || !first->next)
		return slice_of(first->bytes + first->start,
				len < TLS_RECORD_BYTES ? len : TLS_RECORD_BYTES);
	size_t at = 0;
	for (struct segment *s = first; s && at < TLS_RECORD_BYTES; s = s->next) {
		len = s->end - s->start;
		len = len < TLS_RECORD_BYTES - at ? len : TLS_RECORD_BYTES - at;
		memcpy(conn->loop->read_buffer + at, s->bytes + s->start, len);
		at += len;
	}
	return slice_of(conn->loop->read_buffer, at);
}

static bool write_tls(struct conn *conn)
{
	struct slice record = next_record(conn);
	ERR_clear_error();
	int written = SSL_write(conn->ssl, record.ptr, (int)record.len);
	if (written > 0) {
		drop_output(conn, (size_t)written);
		conn->write_blocked = conn->write_wants_read = false;
		return true;
	}
	int code = SSL_get_error(conn->ssl, written);
	conn->write_blocked = code == SSL_ERROR_WANT_WRITE;
	conn->write_wants_read = code == SSL_ERROR_WANT_READ;
	if (!conn->write_blocked && !conn->write_wants_read)
		end_tls(conn);
	return false;
}

/* Our output is through: say goodbye and wait for the peer to do the same. */
static void begin_linger(struct conn *conn)
{
	if (conn->ssl) {
		ERR_clear_error();
		(void)SSL_shutdown(conn->ssl); /* a goodbye that does not fit is not sent */
	}
	(void)shutdown(conn->fd, SHUT_WR); /* fails when the peer has gone: recv will tell */
	if (conn->linger_ms == 0 || conn->peer_ended) {
		end(conn, NULL);
		return;
	}
	enter(conn, LINGERING);
	(void)uv_timer_start(&conn->timer, on_timer, conn->linger_ms, 0); /* cannot fail */
}

static void flush(struct conn *conn)
{
	if (conn->state != OPEN && conn->state != FLUSHING)
		return;
	while (conn->output_bytes > 0 && !conn->write_blocked && !conn->write_wants_read) {
		if (!(conn->ssl ? write_tls(conn) : write_plain(conn)))
			break;
	}
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
		end(conn, NULL);
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
		end_sys(conn, errno, "receive");
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
		end(conn, &err);
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
		defer(conn);
		return;
	}
	int code = SSL_get_error(conn->ssl, result);
	conn->write_blocked = code == SSL_ERROR_WANT_WRITE;
	if (code != SSL_ERROR_WANT_WRITE && code != SSL_ERROR_WANT_READ)
		end_tls(conn);
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
		end_sys(conn, -code, "poll");
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
		end_sys(conn, sys, "connection");
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
		defer(conn);
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
	free_output(conn); /* before the account goes with its owner */
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
	ASSERT(output_adds_up(conn));
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
		defer(conn);
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
	defer(conn);
	return conn;
fail:
	SSL_free(conn->ssl);
	(void)close(fd);
	free(conn);
	return NULL;
}

void conn_want_write(struct conn *conn)
{
	ASSERT_ON_LOOP(conn->loop);
	if (!is_writable_state(conn) || conn->want_write)
		return;
	conn->want_write = true;
	if (conn_has_room(conn))
		defer(conn);
}

size_t conn_output_bytes(const struct conn *conn)
{
	return conn->output_bytes;
}

uint64_t conn_written_bytes(const struct conn *conn)
{
	return conn->written_bytes;
}

void conn_limit_output(struct conn *conn, size_t bytes_high)
{
	ASSERT_ON_LOOP(conn->loop);
	conn->output_bytes_high = bytes_high;
}

void conn_charge(struct conn *conn, struct account *account)
{
	ASSERT(!conn->first); /* what is there was charged to another one, or to none */
	conn->account = account;
}

void conn_pause(struct conn *conn, bool paused)
{
	ASSERT_ON_LOOP(conn->loop);
	if (conn->paused == paused || conn->state >= FLUSHING)
		return;
	conn->paused = paused;
	if (!paused && conn->ssl)
		conn->read_again = true;
	defer(conn); /* turn_end brings poll up to date, once for any number of changes */
}

void conn_close(struct conn *conn, uint32_t linger_ms)
{
	ASSERT_ON_LOOP(conn->loop);
	if (conn->state >= FLUSHING)
		return;
	if (conn->state != OPEN) {
		end(conn, NULL);
		return;
	}
	enter(conn, FLUSHING);
	conn->linger_ms = linger_ms;
	conn->want_write = conn->read_again = false;
	(void)uv_timer_start(&conn->timer, on_timer, FLUSH_MS_MAX, 0); /* cannot fail */
	defer(conn);
}

void conn_abort(struct conn *conn)
{
	ASSERT_ON_LOOP(conn->loop);
	end(conn, NULL);
}

struct slice conn_alpn(const struct conn *conn)
{
	const unsigned char *name = NULL;
	unsigned len = 0;
	if (conn->ssl)
		SSL_get0_alpn_selected(conn->ssl, &name, &len);
	return slice_of(name, len);
}
