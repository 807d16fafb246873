/* SPDX-License-Identifier: Apache-2.0 */
/* The list in the order of preference. Suites come under their IANA names, as Go calls them. */
#include "pipeline/net/tls_suites.h"

#include <openssl/err.h>

/* All that there are, but for two that OpenSSL leaves off. */
static const char *const safe_tls13[] = {
	"TLS_AES_128_GCM_SHA256",
	"TLS_AES_256_GCM_SHA384",
	"TLS_CHACHA20_POLY1305_SHA256",
};

static const struct suite {
	const char *iana, *openssl;
} safe_tls12[] = {
	{"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"},
	{"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"},
	{"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"},
	{"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"},
	{"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"},
	{"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"},
	{"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA"},
	{"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA"},
	{"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA"},
	{"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA"},
};

enum { LIST_BYTES_MAX = ARRAY_COUNT(safe_tls12) * 40 };

static bool is_tls13(const char *name)
{
	for (size_t i = 0; i < ARRAY_COUNT(safe_tls13); i++) {
		if (strcmp(name, safe_tls13[i]) == 0)
			return true;
	}
	return false;
}

static bool is_listed(const struct config_strings *suites, const char *name)
{
	for (size_t i = 0; i < suites->count; i++) {
		if (strcmp(suites->at[i], name) == 0)
			return true;
	}
	return false;
}

static bool is_known(const char *name)
{
	for (size_t i = 0; i < ARRAY_COUNT(safe_tls12); i++) {
		if (strcmp(name, safe_tls12[i].iana) == 0)
			return true;
	}
	return is_tls13(name);
}

int tls_suites_use(SSL_CTX *ssl_ctx, const struct config_strings *suites, struct err *err)
{
	char list[LIST_BYTES_MAX] = "";
	bool chosen = false;
	for (size_t i = 0; i < suites->count; i++) {
		if (!is_known(suites->at[i]))
			return err_set(err, ERR_CONFIG, "invalid TLS cipher suite: \"%s\"",
				       suites->at[i]);
		chosen = chosen || !is_tls13(suites->at[i]);
	}
	for (size_t i = 0; i < ARRAY_COUNT(safe_tls12); i++) {
		if (chosen && !is_listed(suites, safe_tls12[i].iana))
			continue;
		if (list[0])
			strcat(list, ":"); /* each has less than 40 bytes */
		strcat(list, safe_tls12[i].openssl);
	}
	if (SSL_CTX_set_cipher_list(ssl_ctx, list) == 1)
		return 0;
	ERR_clear_error();
	return err_set(err, ERR_TLS, "TLS cipher suites: this OpenSSL has none of them");
}
