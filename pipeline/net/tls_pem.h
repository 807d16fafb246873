/* SPDX-License-Identifier: Apache-2.0 */
/* PEM texts, from a file or from the configuration, with errors for people. For pipeline/net. */
#ifndef SLUICE_NET_TLS_PEM_H
#define SLUICE_NET_TLS_PEM_H

#include "pipeline/base/error.h"

#include <openssl/bio.h>

/* A PEM text and what messages call it: its file, or the key of the configuration. Borrowed. */
struct tls_pem {
	const char *file, *text; /* the file counts when both are set */
	const char *label;
};

struct tls_pem tls_pem_of(const char *file, const char *text, const char *key);

/* For reading; the caller frees it. NULL with ERR_IO (the file and errno's text) or ERR_NOMEM. */
BIO *tls_pem_open(const struct tls_pem *pem, struct err *err);

/* Says why ${pem}, which could be opened, gave no ${want} ("CERTIFICATE", "PRIVATE KEY"): the last
 * error in OpenSSL's queue, which it empties, is that failure's. Returns -1. */
int tls_pem_refuse(const struct tls_pem *pem, const char *want, struct err *err);

#endif
