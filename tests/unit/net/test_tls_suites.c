/* SPDX-License-Identifier: Apache-2.0 */
/* The list of cipher suites is what a peer that offers every suite of OpenSSL, one at a time, can
 * agree on with our contexts: no more and no less. */
#include "pipeline/base/compiler.h"
#include "pipeline/net/tls_session.h"
#include "tests/support/net_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Certificates of both kinds: which suites there are depends on it. */
enum kind { KIND_RSA = 0, KIND_ECDSA, KIND_COUNT };

static const char *const expected[KIND_COUNT][9] = {
	{"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
	 "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384",
	 "ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES256-SHA"},
	{"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
	 "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
	 "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA"},
};

static struct {
	EVP_PKEY *key;
	X509 *certificate;
	char *cert_pem, *key_pem;
} pairs[KIND_COUNT];

static char *take_text(BIO *bio)
{
	char *bytes;
	long len = BIO_get_mem_data(bio, &bytes);
	char *text = calloc(1, (size_t)len + 1);
	assert_non_null(text);
	memcpy(text, bytes, (size_t)len);
	BIO_free(bio);
	return text;
}

static void make_pair(enum kind kind)
{
	EVP_PKEY *key = kind == KIND_RSA ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	assert_true(key && certificate);
	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_set_pubkey(certificate, key);
	X509_NAME *name = X509_get_subject_name(certificate);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1,
				   -1, 0);
	X509_set_issuer_name(certificate, name);
	assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
	pairs[kind].key = key;
	pairs[kind].certificate = certificate;
	BIO *bio = BIO_new(BIO_s_mem());
	assert_int_equal(PEM_write_bio_X509(bio, certificate), 1);
	pairs[kind].cert_pem = take_text(bio);
	bio = BIO_new(BIO_s_mem());
	assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
	pairs[kind].key_pem = take_text(bio);
}

static int set_up(void **state)
{
	(void)state;
	for (enum kind kind = 0; kind < KIND_COUNT; kind++)
		make_pair(kind);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (enum kind kind = 0; kind < KIND_COUNT; kind++) {
		EVP_PKEY_free(pairs[kind].key);
		X509_free(pairs[kind].certificate);
		free(pairs[kind].cert_pem);
		free(pairs[kind].key_pem);
	}
	return 0;
}

/* True when the two come to an agreement. Frees both. */
static bool shake_hands(SSL *accepting, SSL *connecting)
{
	int accepted = 0, connected = 0;
	bool failed = false;
	while (!failed && (accepted != 1 || connected != 1)) {
		connected = connected == 1 ? 1 : SSL_do_handshake(connecting);
		failed = connected != 1 &&
			 SSL_get_error(connecting, connected) != SSL_ERROR_WANT_READ;
		accepted = accepted == 1 ? 1 : SSL_do_handshake(accepting);
		failed = failed || (accepted != 1 &&
				    SSL_get_error(accepting, accepted) != SSL_ERROR_WANT_READ);
	}
	ERR_clear_error();
	SSL_free(accepting);
	SSL_free(connecting);
	return !failed;
}

/* The peer: OpenSSL with everything allowed, narrowed to one suite. NULL: it cannot even offer it. */
static SSL_CTX *liberal_peer(const SSL_METHOD *method, const char *suite, bool is_tls13)
{
	SSL_CTX *ctx = SSL_CTX_new(method);
	assert_non_null(ctx);
	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_dh_auto(ctx, 1);
	if (is_tls13)
		(void)SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	else
		(void)SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	if ((is_tls13 ? SSL_CTX_set_ciphersuites : SSL_CTX_set_cipher_list)(ctx, suite) == 1)
		return ctx;
	ERR_clear_error();
	SSL_CTX_free(ctx);
	return NULL;
}

static bool our_server_agrees(enum kind kind, const struct config_strings *chosen,
			      const char *suite, bool is_tls13)
{
	struct err err = {0};
	int ours, theirs;
	const struct tls_config config = {.cert_pem = pairs[kind].cert_pem,
					  .key_pem = pairs[kind].key_pem,
					  .cipher_suites = *chosen};
	SSL_CTX *peer = liberal_peer(TLS_client_method(), suite, is_tls13);
	if (!peer)
		return false;
	struct tls_context *context = tls_server_context(&config, "h2", NULL, &err);
	assert_non_null(context);
	net_tcp_pair(&ours, &theirs);
	SSL *connecting = SSL_new(peer), *accepting = tls_session_new(context, ours, NULL, &err);
	assert_true(connecting && accepting && SSL_set_fd(connecting, theirs) == 1);
	SSL_set_connect_state(connecting);
	bool agreed = shake_hands(accepting, connecting);
	tls_context_free(context);
	SSL_CTX_free(peer);
	(void)close(ours);
	(void)close(theirs);
	return agreed;
}

static bool our_client_agrees(enum kind kind, const struct config_strings *chosen,
			      const char *suite, bool is_tls13)
{
	struct err err = {0};
	int ours, theirs;
	const struct tls_config config = {.insecure_skip_verify = true, .cipher_suites = *chosen};
	SSL_CTX *peer = liberal_peer(TLS_server_method(), suite, is_tls13);
	if (!peer)
		return false;
	assert_int_equal(SSL_CTX_use_certificate(peer, pairs[kind].certificate), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(peer, pairs[kind].key), 1);
	struct tls_context *context = tls_client_context(&config, "h2", NULL, &err);
	assert_non_null(context);
	net_tcp_pair(&ours, &theirs);
	SSL *accepting = SSL_new(peer);
	SSL *connecting = tls_session_new(context, ours, "localhost", &err);
	assert_true(connecting && accepting && SSL_set_fd(accepting, theirs) == 1);
	SSL_set_accept_state(accepting);
	bool agreed = shake_hands(accepting, connecting);
	tls_context_free(context);
	SSL_CTX_free(peer);
	(void)close(ours);
	(void)close(theirs);
	return agreed;
}

static bool is_expected(enum kind kind, const char *suite)
{
	for (size_t i = 0; i < ARRAY_COUNT(expected[kind]) && expected[kind][i]; i++) {
		if (strcmp(expected[kind][i], suite) == 0)
			return true;
	}
	return false;
}

/* Every suite that this OpenSSL knows, with keys of both kinds. */
static unsigned try_all(bool (*agrees)(enum kind, const struct config_strings *, const char *,
				       bool))
{
	static const struct config_strings none;
	unsigned tried = 0;
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());
	assert_non_null(ctx);
	SSL_CTX_set_security_level(ctx, 0);
	assert_int_equal(SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256:"
						       "TLS_AES_256_GCM_SHA384:"
						       "TLS_CHACHA20_POLY1305_SHA256:"
						       "TLS_AES_128_CCM_SHA256:"
						       "TLS_AES_128_CCM_8_SHA256"),
			 1);
	assert_int_equal(SSL_CTX_set_cipher_list(ctx, "ALL:COMPLEMENTOFALL"), 1);
	STACK_OF(SSL_CIPHER) *ciphers = SSL_CTX_get_ciphers(ctx);
	for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++) {
		const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(ciphers, i);
		const char *name = SSL_CIPHER_get_name(cipher);
		bool is_tls13 = strcmp(SSL_CIPHER_get_version(cipher), "TLSv1.3") == 0;
		for (enum kind kind = 0; kind < KIND_COUNT; kind++) {
			if (agrees(kind, &none, name, is_tls13) != is_expected(kind, name))
				fail_msg("%s with a key of kind %d", name, kind);
			tried++;
		}
	}
	SSL_CTX_free(ctx);
	return tried;
}

static void a_server_takes_the_safe_suites_alone(void **state)
{
	(void)state;
	assert_true(try_all(our_server_agrees) > 100);
}

static void a_client_takes_the_safe_suites_alone(void **state)
{
	(void)state;
	assert_true(try_all(our_client_agrees) > 100);
}

static void a_choice_narrows_the_list(void **state)
{
	(void)state;
	const char *names[] = {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"};
	const struct config_strings chosen = {.at = names, .count = 2};
	static const struct {
		const char *suite;
		bool is_tls13, agrees;
	} cases[] = {
		{"ECDHE-RSA-AES256-GCM-SHA384", false, true},
		{"ECDHE-RSA-AES128-GCM-SHA256", false, false},
		{"ECDHE-RSA-AES256-SHA", false, false},
		{"AES256-GCM-SHA384", false, false},
		{"TLS_AES_128_GCM_SHA256", true, true},
		{"TLS_AES_256_GCM_SHA384", true, true}, /* no choice in TLS 1.3, as in Go */
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_int_equal(
			our_server_agrees(KIND_RSA, &chosen, cases[i].suite, cases[i].is_tls13),
			cases[i].agrees);
		assert_int_equal(
			our_client_agrees(KIND_RSA, &chosen, cases[i].suite, cases[i].is_tls13),
			cases[i].agrees);
	}
}

static void an_unsafe_suite_cannot_be_chosen(void **state)
{
	(void)state;
	static const char *const unsafe[] = {
		"TLS_RSA_WITH_AES_128_GCM_SHA256",     "TLS_RSA_WITH_AES_256_CBC_SHA",
		"TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
		"TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", "TLS_RSA_WITH_NULL_SHA",
		"ECDHE-RSA-AES128-GCM-SHA256", /* OpenSSL's name */
	};
	for (size_t i = 0; i < ARRAY_COUNT(unsafe); i++) {
		struct err err = {0};
		const char *names[] = {unsafe[i]};
		const struct tls_config config = {.cipher_suites = {.at = names, .count = 1}};
		assert_null(tls_client_context(&config, "h2", NULL, &err));
		assert_int_equal(err.kind, ERR_CONFIG);
		assert_non_null(strstr(err.msg, "invalid TLS cipher suite"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_takes_the_safe_suites_alone),
		cmocka_unit_test(a_client_takes_the_safe_suites_alone),
		cmocka_unit_test(a_choice_narrows_the_list),
		cmocka_unit_test(an_unsafe_suite_cannot_be_chosen),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
