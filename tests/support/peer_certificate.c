/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/peer_certificate.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "peer certificate: %s failed\n", what);
	abort();
}

static void add_extension(X509 *certificate, int nid, const char *value)
{
	X509V3_CTX context;
	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	must(extension && X509_add_ext(certificate, extension, -1), "extension");
	X509_EXTENSION_free(extension);
}

static char *to_pem(X509 *certificate)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	must(bio && PEM_write_bio_X509(bio, certificate), "PEM");
	long len = BIO_get_mem_data(bio, &data);
	char *pem = malloc((size_t)len + 1);
	must(pem != NULL, "malloc");
	memcpy(pem, data, (size_t)len);
	pem[len] = 0;
	BIO_free(bio);
	return pem;
}

char *peer_certificate_make(X509 **ret_certificate, EVP_PKEY **ret_key)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	must(key && certificate, "key");
	X509_set_version(certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_set_pubkey(certificate, key);
	X509_NAME *name = X509_get_subject_name(certificate);
	must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
					(const unsigned char *)"localhost", -1, -1, 0) == 1,
	     "name");
	X509_set_issuer_name(certificate, name);
	add_extension(certificate, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
	add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
	must(X509_sign(certificate, key, EVP_sha256()) > 0, "sign");
	*ret_certificate = certificate;
	*ret_key = key;
	return to_pem(certificate);
}
