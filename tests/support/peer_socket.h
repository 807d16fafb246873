/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A listening peer for tests: a loopback port of its own, one thread per connection, blocking reads
 * and writes, plain or TLS (with a certificate made on the spot). What is said on a connection is
 * the serve function's business. After its end the port stays held: nobody else answers there.
 */
#ifndef SLUICE_TESTS_SUPPORT_PEER_SOCKET_H
#define SLUICE_TESTS_SUPPORT_PEER_SOCKET_H

#include "pipeline/base/slice.h"

#include <sys/types.h>

struct peer;
struct peer_stream; /* one accepted connection */

/* Runs on the connection's thread; the connection is closed when it returns. ${index} counts the
 * connections from 0. */
typedef void peer_serve_f(struct peer_stream *stream, unsigned index, void *arg);

struct peer_options {
	uint16_t port; /* 0: a held one (held_port.h) */
	bool tls;
	const char *alpn; /* TLS: one protocol name, NULL: none */
};

/* Never NULL: the test is aborted when there is no socket to be had. */
struct peer *peer_start(const struct peer_options *options, peer_serve_f *serve, void *arg);

/* Cuts all connections, joins all threads, frees. */
void peer_stop(struct peer *peer);

/* Cuts the connections that are open now; new ones are accepted. */
void peer_cut_connections(struct peer *peer);

uint16_t peer_port(const struct peer *peer);
unsigned peer_connection_count(struct peer *peer); /* accepted so far */

/* TLS: the certificate for "localhost" and 127.0.0.1, also its own CA, as PEM. */
const char *peer_certificate_pem(const struct peer *peer);

/* As recv: 0 at the end, negative on an error. */
ssize_t peer_read(struct peer_stream *stream, void *buffer, size_t len);
/* All of ${bytes}; false when the other side has gone. */
bool peer_write(struct peer_stream *stream, struct slice bytes);
/* The next close is a reset instead of an orderly end. */
void peer_reset_on_close(struct peer_stream *stream);

#endif
