/* SPDX-License-Identifier: Apache-2.0 */
/* A self-signed certificate for "localhost" and 127.0.0.1, valid for an hour, made on the spot. */
#ifndef SLUICE_TESTS_SUPPORT_PEER_CERTIFICATE_H
#define SLUICE_TESTS_SUPPORT_PEER_CERTIFICATE_H

#include <openssl/evp.h>
#include <openssl/x509.h>

/* The caller frees all three: the PEM text of the certificate (returned), the certificate, the
 * key. The test is aborted when OpenSSL fails. */
char *peer_certificate_make(X509 **ret_certificate, EVP_PKEY **ret_key);

#endif
