/* SPDX-License-Identifier: Apache-2.0 */
/* The field tables of the `tls:` blocks, with the keys of the Collector's configtls, and copies of them. */
#include "pipeline/net/tls.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define COMMON_FIELDS                                                                              \
	CONFIG_STRING(struct tls_config, ca_file, "ca_file", NULL,                                 \
		      "PEM file with the CA certificates to trust"),                               \
		CONFIG_OPAQUE(struct tls_config, ca_pem, "ca_pem", "the same as text"),            \
		CONFIG_STRING(struct tls_config, cert_file, "cert_file", NULL,                     \
			      "PEM file with our certificate"),                                    \
		CONFIG_OPAQUE(struct tls_config, cert_pem, "cert_pem", "the same as text"),        \
		CONFIG_STRING(struct tls_config, key_file, "key_file", NULL,                       \
			      "PEM file with its key"),                                            \
		CONFIG_OPAQUE(struct tls_config, key_pem, "key_pem", "the same as text"),          \
		CONFIG_STRING(struct tls_config, min_version, "min_version", NULL,                 \
			      "oldest TLS version: 1.0, 1.1, 1.2 (default) or 1.3"),               \
		CONFIG_STRING(struct tls_config, max_version, "max_version", NULL,                 \
			      "newest TLS version; the highest there is when empty"),              \
		CONFIG_BOOL(struct tls_config, include_system_ca_certs_pool,                       \
			    "include_system_ca_certs_pool", "false",                               \
			    "trust the system's CA certificates besides ca_file"),                 \
		CONFIG_DURATION(struct tls_config, reload_interval_ns, "reload_interval", "0s",    \
				"how often to look for changed files; 0: at every handshake"),     \
		CONFIG_STRING_LIST(                                                                \
			struct tls_config, cipher_suites, "cipher_suites",                         \
			"suites of TLS 1.2 under their IANA names; when empty all safe "           \
			"ones: ECDHE with AES-GCM, ChaCha20-Poly1305 or AES-CBC-SHA"),             \
		CONFIG_IGNORED(STRING_LIST, "curve_preferences",                                   \
			       "the TLS library chooses the curves"),                              \
		CONFIG_IGNORED(BOOL, "include_insecure_cipher_suites",                             \
			       "insecure suites are never used")

static const struct config_field client_fields[] = {
	COMMON_FIELDS,
	CONFIG_BOOL(struct tls_config, insecure, "insecure", "false",
		    "plain text, unless a CA is given"),
	CONFIG_BOOL(struct tls_config, insecure_skip_verify, "insecure_skip_verify", "false",
		    "TLS without looking at the peer's certificate"),
	CONFIG_STRING(struct tls_config, server_name_override, "server_name_override", NULL,
		      "the name that the peer's certificate has to carry"),
};

static const struct config_field server_fields[] = {
	COMMON_FIELDS,
	CONFIG_STRING(struct tls_config, client_ca_file, "client_ca_file", NULL,
		      "PEM file with CA certificates; clients must show a certificate of one"),
	CONFIG_IGNORED(BOOL, "client_ca_file_reload", "a changed file is always noticed"),
};

/* What making the context would refuse is refused here, where its place in the file is known. */
static void check_tls(const struct tls_config *tls, bool is_server, const struct config_node *node,
		      const char *path, struct config_report *report)
{
	struct err err;
	if (tls_config_check(tls, is_server, &err) != 0)
		config_problem(report, CONFIG_ERROR, node ? node->loc : (struct config_loc){0},
			       path, NULL, "%s", err.msg);
}

static void check_client(const void *config, const struct config_node *node, const char *path,
			 struct config_report *report)
{
	const struct tls_config *tls = config;
	if (!tls->insecure || tls_has_ca(tls))
		check_tls(tls, false, node, path, report);
}

static void check_server(const void *config, const struct config_node *node, const char *path,
			 struct config_report *report)
{
	check_tls(config, true, node, path, report);
}

const struct config_block tls_client_block =
	CONFIG_BLOCK_CHECKED(struct tls_config, client_fields, check_client);
const struct config_block tls_server_block =
	CONFIG_BLOCK_CHECKED(struct tls_config, server_fields, check_server);

/* ---- copies: a context outlives the configuration ------------------------------------------- */

static const size_t string_offsets[] = {
	offsetof(struct tls_config, ca_file),
	offsetof(struct tls_config, ca_pem),
	offsetof(struct tls_config, cert_file),
	offsetof(struct tls_config, cert_pem),
	offsetof(struct tls_config, key_file),
	offsetof(struct tls_config, key_pem),
	offsetof(struct tls_config, min_version),
	offsetof(struct tls_config, max_version),
	offsetof(struct tls_config, server_name_override),
	offsetof(struct tls_config, client_ca_file),
};

static const char **string_at(struct tls_config *config, size_t i)
{
	return (const char **)(void *)((char *)config + string_offsets[i]);
}

bool tls_config_copy(struct tls_config *config)
{
	bool ok = true;
	for (size_t i = 0; i < ARRAY_COUNT(string_offsets); i++) {
		const char **string = string_at(config, i);
		*string = strdup(*string ? *string : "");
		ok = ok && *string;
	}
	struct config_strings suites = config->cipher_suites;
	config->cipher_suites = (struct config_strings){
		.at = calloc(suites.count + 1, sizeof(*suites.at)), .count = 0};
	if (!config->cipher_suites.at)
		return false;
	for (size_t i = 0; i < suites.count && ok; i++) {
		ok = (config->cipher_suites.at[i] = strdup(suites.at[i])) != NULL;
		config->cipher_suites.count = i + 1;
	}
	return ok;
}

static void free_text(const char *text)
{
	if (text)
		OPENSSL_cleanse((void *)(uintptr_t)text, strlen(text)); /* may be a key */
	free((void *)(uintptr_t)text);
}

void tls_config_free_copy(struct tls_config *config)
{
	for (size_t i = 0; i < ARRAY_COUNT(string_offsets); i++)
		free_text(*string_at(config, i));
	for (size_t i = 0; i < config->cipher_suites.count; i++)
		free_text(config->cipher_suites.at[i]);
	free(config->cipher_suites.at);
}
