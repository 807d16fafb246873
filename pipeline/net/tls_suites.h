/* SPDX-License-Identifier: Apache-2.0 */
/* The cipher suites that are used, and no others: those that Go, and with it the Collector, calls
 * safe. Nothing without forward secrecy (RSA key exchange), nothing weaker than AES or ChaCha20. */
#ifndef SLUICE_NET_TLS_SUITES_H
#define SLUICE_NET_TLS_SUITES_H

#include "pipeline/net/tls.h"

#include <openssl/ssl.h>

/* Allows ${suites} (IANA names) of TLS 1.2 and before, or all safe ones when there are none; those of
 * TLS 1.3 are always on. -1 with ERR_CONFIG for a name that is not on the list, or ERR_TLS. */
MUST_CHECK int tls_suites_use(SSL_CTX *ssl_ctx, const struct config_strings *suites,
			      struct err *err);

#endif
