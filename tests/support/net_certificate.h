/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates made on the spot: an authority and pairs that it signs, written as PEM files. */
#ifndef SLUICE_TESTS_NET_CERTIFICATE_H
#define SLUICE_TESTS_NET_CERTIFICATE_H

#include <openssl/x509.h>

struct net_authority {
	EVP_PKEY *key;
	X509 *certificate;
};

void net_authority_init(struct net_authority *authority);
void net_authority_fini(struct net_authority *authority);
void net_authority_write(const struct net_authority *authority, const char *path);

/* A pair for ${name} ("localhost"; also valid for 127.0.0.1), replacing what is at the paths. */
void net_authority_issue(const struct net_authority *authority, const char *name,
			 const char *certificate_path, const char *key_path);

#endif
