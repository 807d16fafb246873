/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A byte stream over a connected socket, plain or TLS, for servers and clients alike: recv or
 * SSL_read under uv_poll, output gathered and written once per wake-up. Protocols (HTTP/1.1,
 * HTTP/2) sit on top: bytes in by on_data, bytes out by conn_write.
 *
 * Owned by one loop; every function and callback runs on its thread. A conn frees itself after
 * on_close, the last callback.
 */
#ifndef SLUICE_NET_CONN_H
#define SLUICE_NET_CONN_H

#include "pipeline/base/account.h"
#include "pipeline/base/chunk.h"
#include "pipeline/base/error.h"
#include "pipeline/net/loop.h"
#include "pipeline/net/tls.h"

enum {
	/* A peer that does not read: output above this stops reading from it. */
	CONN_OUTPUT_BYTES_HIGH = 1 << 20,
};

struct conn;

struct conn_events {
	/* Connected and, with TLS, shaken hands; conn_alpn is known. */
	void (*on_open)(struct conn *conn, void *arg);
	/* Bytes have arrived; they are gone after the call, so consume or copy all of them. */
	void (*on_data)(struct conn *conn, void *arg, struct slice bytes);
	/* Output was asked for (conn_want_write) and there is room: write more. May be NULL. */
	void (*on_writable)(struct conn *conn, void *arg);
	/* The stream has ended. ${why} is NULL after the peer's orderly end or our conn_close. */
	void (*on_close)(struct conn *conn, void *arg, const struct err *why);
};

/* Takes over ${fd} (connected, non-blocking; closed by the conn, also on failure). With a
 * ${tls} context the handshake begins at once. ${server_name} is for clients (SNI and
 * verification), NULL for servers. NULL with ${err} on failure; no callback is called then. */
MUST_CHECK struct conn *conn_new(struct loop *loop, int fd, struct tls_context *tls,
				 const char *server_name, const struct conn_events *events,
				 void *arg, struct err *err);

/* Changes the bound on output that stops reading and on_writable: CONN_OUTPUT_BYTES_HIGH. */
void conn_limit_output(struct conn *conn, size_t bytes_high);

/* Less than that bound waits to be written. */
bool conn_has_room(const struct conn *conn);

/* Charges copied output to ${account} from here on, which outlives the output: on_close comes after
 * the last byte was given back. Output that it refuses ends the connection. */
void conn_charge(struct conn *conn, struct account *account);

/* Appends a copy of ${bytes} to the output. Written at the end of this loop turn. */
void conn_write(struct conn *conn, struct slice bytes);

/* Appends bytes [offset, offset + len) of ${chunk} without a copy; takes a reference. */
void conn_write_chunk(struct conn *conn, struct chunk *chunk, size_t offset, size_t len);

/* Asks for on_writable at the end of this loop turn, or when there is room again. */
void conn_want_write(struct conn *conn);

/* Bytes written but not yet taken by the kernel. */
size_t conn_output_bytes(const struct conn *conn);

/* Bytes taken by the kernel since the beginning (with TLS: before encryption). */
uint64_t conn_written_bytes(const struct conn *conn);

/* Stops and resumes reading (back-pressure). */
void conn_pause(struct conn *conn, bool paused);

/* Flushes what is written, says goodbye (TLS close_notify, FIN), waits for the peer's end for at
 * most ${linger_ms}, then closes. No on_data from here on; on_close still comes. */
void conn_close(struct conn *conn, uint32_t linger_ms);

/* Closes at once, unwritten output is lost. on_close comes before this returns or next turn. */
void conn_abort(struct conn *conn);

/* "h2", "http/1.1" or "" (no TLS, or the peer chose none). */
struct slice conn_alpn(const struct conn *conn);

#endif
