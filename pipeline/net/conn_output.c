/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output is a list of segments: blocks of copied bytes and ranges of chunks. Idle connections hold
 * no buffer. Protocols bound it by writing only while conn_has_room; servers have it
 * charged to the connection's account besides.
 */
#include "pipeline/net/conn_internal.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum {
	/* With their header just under a round size: one small answer, then answers of many. */
	FIRST_BLOCK_BYTES = 2 * 1024 - 64,
	BLOCK_BYTES = 16 * 1024 - 64,
	IOVECS_MAX = 64,
	TLS_RECORD_BYTES = 16 * 1024,
};

static const struct err no_memory = {.kind = ERR_NOMEM, .msg = "no memory for the connection"};

/* ---- the list ------------------------------------------------------------------------------- */

bool conn_output_adds_up(const struct conn *conn)
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

void conn_free_output(struct conn *conn)
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

/* ---- what protocols write ------------------------------------------------------------------- */

bool conn_has_room(const struct conn *conn)
{
	return conn->output_bytes < conn->output_bytes_high;
}

void conn_write(struct conn *conn, struct slice bytes)
{
	ASSERT_ON_LOOP(conn->loop);
	if (!conn_is_writable(conn) || bytes.len == 0)
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
			conn_end(conn, &no_memory);
			return;
		}
		*segment = (struct segment){
			.bytes = segment->copy, .end = bytes.len, .capacity = capacity};
		memcpy(segment->copy, bytes.ptr, bytes.len);
		append_segment(conn, segment);
		conn->output_bytes += bytes.len;
	}
	conn_defer(conn);
}

void conn_write_chunk(struct conn *conn, struct chunk *chunk, size_t offset, size_t len)
{
	ASSERT_ON_LOOP(conn->loop);
	ASSERT(offset <= chunk->len && len <= chunk->len - offset);
	if (!conn_is_writable(conn) || len == 0)
		return;
	struct segment *segment = new_segment(conn, 0);
	if (!segment) {
		conn_end(conn, &no_memory);
		return;
	}
	*segment = (struct segment){.chunk = chunk_ref(chunk),
				    .bytes = chunk->data,
				    .start = offset,
				    .end = offset + len};
	append_segment(conn, segment);
	conn->output_bytes += len;
	conn_defer(conn);
}

void conn_want_write(struct conn *conn)
{
	ASSERT_ON_LOOP(conn->loop);
	if (!conn_is_writable(conn) || conn->want_write)
		return;
	conn->want_write = true;
	if (conn_has_room(conn))
		conn_defer(conn);
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

/* ---- to the socket -------------------------------------------------------------------------- */

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
			conn_end_sys(conn, errno, "send");
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
		conn_end_tls(conn);
	return false;
}

void conn_write_output(struct conn *conn)
{
	while (conn->output_bytes > 0 && !conn->write_blocked && !conn->write_wants_read) {
		if (!(conn->ssl ? write_tls(conn) : write_plain(conn)))
			break;
	}
}
