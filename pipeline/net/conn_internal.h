/* SPDX-License-Identifier: Apache-2.0 */
/* What a connection consists of. For conn.c and conn_output.c alone. */
#ifndef SLUICE_NET_CONN_INTERNAL_H
#define SLUICE_NET_CONN_INTERNAL_H

#include "pipeline/base/assert.h"
#include "pipeline/net/conn.h"
#include "pipeline/net/tls_session.h"

enum conn_state { OPENING = 0, HANDSHAKING, OPEN, FLUSHING, LINGERING, CLOSED, GONE };

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
	enum conn_state state;
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

/* ---- conn.c --------------------------------------------------------------------------------- */

/* turn_end will run at the end of this turn of the loop. */
void conn_defer(struct conn *conn);

/* Ends the stream; on_close follows in turn_end. The first cause is kept. */
void conn_end(struct conn *conn, const struct err *why);
void conn_end_sys(struct conn *conn, int sys, const char *what);
void conn_end_tls(struct conn *conn); /* for what OpenSSL says */

/* ---- conn_output.c -------------------------------------------------------------------------- */

/* Writes until the output is through, the kernel takes no more, or the stream has ended. */
void conn_write_output(struct conn *conn);

void conn_free_output(struct conn *conn);

/* Whether what is counted is what the segments hold, and the last one is known. For assertions. */
bool conn_output_adds_up(const struct conn *conn);

static inline bool conn_is_writable(const struct conn *conn)
{
	return conn->state <= OPEN;
}

#endif
