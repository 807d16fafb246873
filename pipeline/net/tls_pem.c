/* SPDX-License-Identifier: Apache-2.0 */
/* PEM texts for tls.c: opening them, and saying what is wrong with one without showing any of it. */
#include "pipeline/net/tls_pem.h"

#include "pipeline/base/slice.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_file(const struct tls_pem *pem)
{
	return pem->file && *pem->file;
}

struct tls_pem tls_pem_of(const char *file, const char *text, const char *key)
{
	return (struct tls_pem){.file = file, .text = text, .label = (file && *file) ? file : key};
}

/* A folder opens well and shows with the first read. */
BIO *tls_pem_open(const struct tls_pem *pem, struct err *err)
{
	BIO *bio = NULL;
	if (!is_file(pem)) {
		bio = BIO_new_mem_buf(pem->text, -1);
	} else {
		FILE *stream = fopen(pem->file, "re");
		if (!stream || (fgetc(stream) == EOF && ferror(stream))) {
			(void)err_set_sys(err, errno, "%s", pem->label);
			if (stream)
				(void)fclose(stream);
			return NULL;
		}
		rewind(stream);
		bio = BIO_new_fp(stream, BIO_CLOSE);
		if (!bio)
			(void)fclose(stream);
	}
	if (!bio)
		(void)err_set(err, ERR_NOMEM, "no memory for TLS");
	return bio;
}

/* The kind of the first block, of which none is a secret; "" for none, "?" for an unknown one. */
static const char *first_block(const struct tls_pem *pem)
{
	static const char *const kinds[] = {
		"CERTIFICATE",	  "TRUSTED CERTIFICATE",   "CERTIFICATE REQUEST", "PRIVATE KEY",
		"EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "RSA PRIVATE KEY",	  "PUBLIC KEY",
	};
	char *name = NULL, *header = NULL;
	unsigned char *data = NULL;
	long len = 0;
	const char *found = "";
	BIO *bio = tls_pem_open(pem, NULL);
	/* openssl writes the curve before the key. */
	while (bio && PEM_read_bio(bio, &name, &header, &data, &len) == 1) {
		found = "?";
		for (size_t i = 0; i < ARRAY_COUNT(kinds); i++)
			found = strcmp(name, kinds[i]) == 0 ? kinds[i] : found;
		bool goes_on = strcmp(name, "EC PARAMETERS") == 0;
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_clear_free(data, (size_t)len);
		if (!goes_on)
			break;
	}
	BIO_free(bio);
	return found;
}

int tls_pem_refuse(const struct tls_pem *pem, const char *want, struct err *err)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = ERR_reason_error_string(code);
	bool no_start =
		ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
	ERR_clear_error();
	const char *found = first_block(pem);
	ERR_clear_error();
	bool is_wanted = strstr(found, want) && !strstr(found, "REQUEST");
	if (strcmp(found, "ENCRYPTED PRIVATE KEY") == 0 && is_wanted)
		return err_set(err, ERR_TLS,
			       "%s: the key is encrypted, and there is nobody to ask for its "
			       "passphrase: store it decrypted (openssl pkey)",
			       pem->label);
	if (!found[0] && no_start)
		return err_set(err, ERR_TLS, "%s: no PEM text: no line -----BEGIN %s-----",
			       pem->label, want);
	if (found[0] && !is_wanted)
		return err_set(err, ERR_TLS, "%s: holds %s%s, not a %s", pem->label,
			       found[0] == '?' ? "something else" : "a ",
			       found[0] == '?' ? "" : found, want);
	return err_set(err, ERR_TLS, "%s: damaged PEM text: %s", pem->label,
		       reason ? reason : "it cannot be decoded");
}
