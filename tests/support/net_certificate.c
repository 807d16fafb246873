/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/net_certificate.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

enum { VALID_S = 24 * 3600 };

static void must(int ok)
{
	if (!ok)
		abort(); /* OpenSSL cannot do what the test needs */
}

static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	must(extension != NULL && X509_add_ext(certificate, extension, -1));
	X509_EXTENSION_free(extension);
}

static X509 *make(EVP_PKEY *key, const char *name, X509 *issuer, EVP_PKEY *issuer_key)
{
	static long serial = 1;
	char names[128];
	X509 *certificate = X509_new();
	must(certificate != NULL && X509_set_version(certificate, 2));
	must(ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++));
	must(X509_gmtime_adj(X509_getm_notBefore(certificate), -VALID_S) != NULL);
	must(X509_gmtime_adj(X509_getm_notAfter(certificate), VALID_S) != NULL);
	must(X509_set_pubkey(certificate, key));
	X509_NAME *subject = X509_get_subject_name(certificate);
	must(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name,
					-1, -1, 0));
	must(X509_set_issuer_name(certificate, issuer ? X509_get_subject_name(issuer) : subject));
	if (issuer) {
		(void)snprintf(names, sizeof(names), "DNS:%s,IP:127.0.0.1", name);
		add_extension(certificate, issuer, NID_subject_alt_name, names);
	} else {
		add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE");
	}
	must(X509_sign(certificate, issuer_key, EVP_sha256()));
	return certificate;
}

void net_authority_init(struct net_authority *authority)
{
	authority->key = EVP_EC_gen("P-256");
	must(authority->key != NULL);
	authority->certificate = make(authority->key, "test authority", NULL, authority->key);
}

void net_authority_fini(struct net_authority *authority)
{
	EVP_PKEY_free(authority->key);
	X509_free(authority->certificate);
}

static void write_certificate(const char *path, X509 *certificate)
{
	FILE *file = fopen(path, "we");
	must(file != NULL && PEM_write_X509(file, certificate));
	(void)fclose(file);
}

void net_authority_write(const struct net_authority *authority, const char *path)
{
	write_certificate(path, authority->certificate);
}

void net_authority_issue(const struct net_authority *authority, const char *name,
			 const char *certificate_path, const char *key_path)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	must(key != NULL);
	X509 *certificate = make(key, name, authority->certificate, authority->key);
	FILE *file = fopen(key_path, "we");
	must(file != NULL && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL));
	(void)fclose(file);
	write_certificate(certificate_path, certificate);
	X509_free(certificate);
	EVP_PKEY_free(key);
}
