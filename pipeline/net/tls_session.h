/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a connection needs of a TLS context: one session over its socket. Thread-safe: sessions of
 * one context are made by several shards.
 */
#ifndef SLUICE_NET_TLS_SESSION_H
#define SLUICE_NET_TLS_SESSION_H

#include "pipeline/net/tls.h"

#include <openssl/ssl.h>

/* A session over ${fd}, in accept or connect state as its context is for servers or clients; the
 * caller frees it with SSL_free. For clients ${server_name} is what the certificate has to name
 * (and SNI), unless the configuration overrides it. Files that changed on disk are re-read first.
 * NULL with ERR_TLS or ERR_NOMEM. */
MUST_CHECK SSL *tls_session_new(struct tls_context *context, int fd, const char *server_name,
				struct err *err);

/* Describes why an operation of ${ssl} failed and empties OpenSSL's error queue of this thread. The
 * text holds no byte from the peer. ${handshaking}: before the session was established. */
void tls_session_error(const SSL *ssl, bool handshaking, struct err *err);

#endif
