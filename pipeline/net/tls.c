/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A context holds its configuration (copied) and the SSL_CTX made from it. When a session is wanted
 * and one of the files looks different, a whole new SSL_CTX is made and swapped in; sessions that
 * exist keep the old one.
 *
 * Thread-safe: the lock covers the swap and the making of a session, a few microseconds.
 */
#include "pipeline/net/tls.h"

#include "pipeline/net/tls_pem.h"
#include "pipeline/net/tls_session.h"
#include "pipeline/net/tls_suites.h"
#include "pipeline/net/tls_watch.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
	ALPN_BYTES_MAX = 32,
	READ_AHEAD_BYTES = 64 * 1024 + 1024, /* four records in one recv; freed when empty */
};

struct tls_context {
	/* immutable */
	struct tls_config config; /* strings are copies owned by the context */
	bool is_server;
	bool check_only;	      /* the system's CA certificates are left out */
	uint8_t alpn[ALPN_BYTES_MAX]; /* wire form: length, name, … */
	unsigned alpn_len;
	/* guarded by lock */
	pthread_mutex_t lock;
	SSL_CTX *ssl_ctx;
	struct tls_watch watch;
};

static int tls_fail(struct err *err, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());
	(void)err_set(err, ERR_TLS, "%s: %s", what, reason ? reason : "unknown error");
	ERR_clear_error();
	return -1;
}

static bool is_set(const char *text)
{
	return text && *text;
}

/* ---- the pieces of an SSL_CTX --------------------------------------------------------------- */

static int parse_version(const char *text, int unset, int *ret_version)
{
	static const struct {
		const char *text;
		int version;
	} versions[] = {
		{"1.0", TLS1_VERSION},
		{"1.1", TLS1_1_VERSION},
		{"1.2", TLS1_2_VERSION},
		{"1.3", TLS1_3_VERSION},
	};
	*ret_version = unset;
	if (!is_set(text))
		return 0;
	for (size_t i = 0; i < ARRAY_COUNT(versions); i++) {
		if (strcmp(text, versions[i].text) == 0) {
			*ret_version = versions[i].version;
			return 0;
		}
	}
	return -1;
}

static int use_versions(SSL_CTX *ssl_ctx, const struct tls_config *config, struct err *err)
{
	int min, max;
	if (parse_version(config->min_version, TLS1_2_VERSION, &min) != 0)
		return err_set(err, ERR_CONFIG,
			       "invalid TLS min_version: unsupported TLS version: \"%s\"",
			       config->min_version);
	if (parse_version(config->max_version, 0, &max) != 0)
		return err_set(err, ERR_CONFIG,
			       "invalid TLS max_version: unsupported TLS version: \"%s\"",
			       config->max_version);
	if (max != 0 && min > max)
		return err_set(err, ERR_CONFIG,
			       "invalid TLS configuration: min_version cannot be greater than "
			       "max_version");
	if (SSL_CTX_set_min_proto_version(ssl_ctx, min) != 1 ||
	    SSL_CTX_set_max_proto_version(ssl_ctx, max) != 1)
		return tls_fail(err, "TLS versions");
	return 0;
}

/* ---- key pair and roots ---------------------------------------------------------------------- */

/* No passphrase is ever asked for on a terminal: there is none. */
static int no_passphrase(char *buffer, int size, int writing, void *arg)
{
	(void)writing;
	(void)arg;
	if (size > 0)
		buffer[0] = 0;
	return -1;
}

static int use_chain(SSL_CTX *ssl_ctx, BIO *bio)
{
	X509 *leaf = PEM_read_bio_X509_AUX(bio, NULL, no_passphrase, NULL);
	if (!leaf)
		return 0;
	int ok = SSL_CTX_use_certificate(ssl_ctx, leaf);
	X509_free(leaf);
	X509 *issuer = NULL;
	while (ok == 1 && (issuer = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL))) {
		ok = (int)SSL_CTX_add0_chain_cert(ssl_ctx, issuer);
		if (ok != 1)
			X509_free(issuer);
	}
	if (ok == 1)
		ERR_clear_error(); /* the end of the file is no error */
	return ok;
}

static int use_key_pair(SSL_CTX *ssl_ctx, const struct tls_config *config, struct err *err)
{
	int result = -1;
	EVP_PKEY *key = NULL;
	struct tls_pem cert_pem = tls_pem_of(config->cert_file, config->cert_pem, "cert_pem");
	struct tls_pem key_pem = tls_pem_of(config->key_file, config->key_pem, "key_pem");
	BIO *key_bio = NULL, *bio = tls_pem_open(&cert_pem, err);
	if (!bio || use_chain(ssl_ctx, bio) != 1) {
		if (bio)
			(void)tls_pem_refuse(&cert_pem, "CERTIFICATE", err);
		(void)err_wrap(err, "failed to load TLS certificate");
		goto done;
	}
	key_bio = tls_pem_open(&key_pem, err);
	key = key_bio ? PEM_read_bio_PrivateKey(key_bio, NULL, no_passphrase, NULL) : NULL;
	if (!key) {
		if (key_bio)
			(void)tls_pem_refuse(&key_pem, "PRIVATE KEY", err);
		(void)err_wrap(err, "failed to load TLS key");
		goto done;
	}
	if (SSL_CTX_use_PrivateKey(ssl_ctx, key) != 1 || SSL_CTX_check_private_key(ssl_ctx) != 1) {
		(void)err_set(err, ERR_TLS, "the TLS key %s does not belong to the certificate %s",
			      key_pem.label, cert_pem.label);
		ERR_clear_error();
		goto done;
	}
	result = 0;
done:
	EVP_PKEY_free(key);
	BIO_free(key_bio);
	BIO_free(bio);
	return result;
}

/* Adds every certificate of the PEM text; at least one has to be there. */
static int add_roots(X509_STORE *store, struct tls_pem pem, struct err *err)
{
	size_t count = 0;
	BIO *bio = tls_pem_open(&pem, err);
	X509 *root = NULL;
	bool added = true;
	while (bio && added && (root = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL))) {
		added = X509_STORE_add_cert(store, root) == 1;
		X509_free(root);
		count++;
	}
	if (!bio || count == 0 || !added) {
		if (bio)
			(void)tls_pem_refuse(&pem, "CERTIFICATE", err);
		BIO_free(bio);
		return err_wrap(err, "failed to load CA certificates");
	}
	BIO_free(bio);
	ERR_clear_error(); /* the end of the file is no error */
	return 0;
}

bool tls_has_ca(const struct tls_config *config)
{
	return is_set(config->ca_file) || is_set(config->ca_pem);
}

static int use_roots(SSL_CTX *ssl_ctx, const struct tls_context *context, struct err *err)
{
	const struct tls_config *config = &context->config;
	X509_STORE *store = SSL_CTX_get_cert_store(ssl_ctx);
	bool own = tls_has_ca(config);
	if (is_set(config->ca_file) && is_set(config->ca_pem))
		return err_set(err, ERR_CONFIG,
			       "provide either a CA file or the PEM-encoded string, but not both");
	if (context->is_server) {
		if (!is_set(config->client_ca_file))
			return 0;
		SSL_CTX_set_verify(ssl_ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
				   NULL);
		STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(config->client_ca_file);
		SSL_CTX_set_client_CA_list(ssl_ctx, names); /* NULL: failure is told below */
		return add_roots(store, tls_pem_of(config->client_ca_file, NULL, ""), err);
	}
	if (config->insecure_skip_verify)
		return 0;
	SSL_CTX_set_verify(ssl_ctx, SSL_VERIFY_PEER, NULL);
	if (own &&
	    add_roots(store, tls_pem_of(config->ca_file, config->ca_pem, "ca_pem"), err) != 0)
		return -1;
	if (!context->check_only && (!own || config->include_system_ca_certs_pool) &&
	    SSL_CTX_set_default_verify_paths(ssl_ctx) != 1)
		return tls_fail(err, "the system's CA certificates");
	return 0;
}

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		       const unsigned char *offered, unsigned offered_len, void *arg)
{
	(void)ssl;
	const struct tls_context *context = arg;
	unsigned char *chosen = NULL;
	int result = SSL_select_next_proto(&chosen, out_len, context->alpn, context->alpn_len,
					   offered, offered_len);
	*out = chosen;
	return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static SSL_CTX *make_ssl_ctx(struct tls_context *context, struct err *err)
{
	const struct tls_config *config = &context->config;
	bool has_pair = (is_set(config->cert_file) || is_set(config->cert_pem)) &&
			(is_set(config->key_file) || is_set(config->key_pem));
	SSL_CTX *ssl_ctx =
		SSL_CTX_new(context->is_server ? TLS_server_method() : TLS_client_method());
	if (!ssl_ctx) {
		(void)tls_fail(err, "TLS");
		return NULL;
	}
	(void)SSL_CTX_set_options(ssl_ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
						   SSL_OP_IGNORE_UNEXPECTED_EOF |
						   SSL_OP_CIPHER_SERVER_PREFERENCE);
	(void)SSL_CTX_set_mode(ssl_ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
						SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
						SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(ssl_ctx, 1);
	SSL_CTX_set_default_read_buffer_len(ssl_ctx, READ_AHEAD_BYTES);
	if (use_versions(ssl_ctx, config, err) != 0 ||
	    tls_suites_use(ssl_ctx, &config->cipher_suites, err) != 0 ||
	    use_roots(ssl_ctx, context, err) != 0 ||
	    (has_pair && use_key_pair(ssl_ctx, config, err) != 0))
		goto fail;
	if (context->is_server) {
		static const uint8_t id[] = "sluice";
		/* Without one a client with a certificate could not resume a session. */
		(void)SSL_CTX_set_session_id_context(ssl_ctx, id, sizeof(id)); /* short enough */
		SSL_CTX_set_alpn_select_cb(ssl_ctx, choose_alpn, context);
	} else if (SSL_CTX_set_alpn_protos(ssl_ctx, context->alpn, context->alpn_len) != 0) {
		(void)tls_fail(err, "ALPN");
		goto fail;
	}
	return ssl_ctx;
fail:
	SSL_CTX_free(ssl_ctx);
	return NULL;
}

/* With the lock held. A bad new file keeps the old pair; it is read again when it changes again. */
static void reload_if_changed(struct tls_context *context)
{
	struct err err;
	if (!tls_watch_has_changed(&context->watch))
		return;
	SSL_CTX *fresh = make_ssl_ctx(context, &err);
	tls_watch_report(&context->watch, fresh ? NULL : &err);
	if (!fresh)
		return;
	SSL_CTX_free(context->ssl_ctx);
	context->ssl_ctx = fresh;
	tls_watch_certificate(&context->watch, fresh);
}

/* ---- contexts and sessions ------------------------------------------------------------------ */

static int encode_alpn(struct tls_context *context, const char *names)
{
	while (is_set(names)) {
		size_t len = strcspn(names, ",");
		if (len == 0 || context->alpn_len + 1 + len > ALPN_BYTES_MAX)
			return -1;
		context->alpn[context->alpn_len++] = (uint8_t)len;
		memcpy(context->alpn + context->alpn_len, names, len);
		context->alpn_len += (unsigned)len;
		names += len;
		if (*names == ',')
			names++;
	}
	return 0;
}

static struct tls_context *new_context(const struct tls_config *config, bool is_server,
				       const char *alpn, const struct tls_owner *owner,
				       struct err *err)
{
	struct tls_context *context = calloc(1, sizeof(*context));
	if (!context) {
		(void)err_set(err, ERR_NOMEM, "no memory for TLS");
		return NULL;
	}
	context->config = *config;
	context->is_server = is_server;
	pthread_mutex_init(&context->lock, NULL);
	if (!tls_config_copy(&context->config)) {
		(void)err_set(err, ERR_NOMEM, "no memory for TLS");
		goto fail;
	}
	if (encode_alpn(context, alpn) != 0) {
		(void)err_set(err, ERR_INTERNAL, "bad ALPN list");
		goto fail;
	}
	tls_watch_init(&context->watch, &context->config);
	context->ssl_ctx = make_ssl_ctx(context, err);
	if (!context->ssl_ctx)
		goto fail;
	tls_watch_certificate(&context->watch, context->ssl_ctx);
	if (!owner || tls_watch_tell(&context->watch, owner, err) == 0)
		return context;
fail:
	tls_context_free(context);
	return NULL;
}

static int check_pair(const struct tls_config *config, bool required, struct err *err)
{
	if (is_set(config->cert_file) && is_set(config->cert_pem))
		return err_set(
			err, ERR_CONFIG,
			"provide either a certificate or the PEM-encoded string, but not both");
	if (is_set(config->key_file) && is_set(config->key_pem))
		return err_set(err, ERR_CONFIG,
			       "provide either a key or the PEM-encoded string, but not both");
	bool cert = is_set(config->cert_file) || is_set(config->cert_pem);
	bool key = is_set(config->key_file) || is_set(config->key_pem);
	if (cert != key || (required && !cert))
		return err_set(err, ERR_CONFIG,
			       "TLS configuration must include both certificate and key%s",
			       required ? " for server connections" : "");
	return 0;
}

int tls_config_check(const struct tls_config *config, bool is_server, struct err *err)
{
	struct tls_context context = {
		.config = *config, .is_server = is_server, .check_only = true};
	if (check_pair(config, is_server, err) != 0)
		return -1;
	SSL_CTX *ssl_ctx = make_ssl_ctx(&context, err);
	SSL_CTX_free(ssl_ctx);
	return ssl_ctx ? 0 : -1;
}

struct tls_context *tls_server_context(const struct tls_config *config, const char *alpn,
				       const struct tls_owner *owner, struct err *err)
{
	if (check_pair(config, true, err) != 0)
		return NULL;
	return new_context(config, true, alpn, owner, err);
}

struct tls_context *tls_client_context(const struct tls_config *config, const char *alpn,
				       const struct tls_owner *owner, struct err *err)
{
	if (check_pair(config, false, err) != 0)
		return NULL;
	return new_context(config, false, alpn, owner, err);
}

void tls_context_free(struct tls_context *context)
{
	if (!context)
		return;
	SSL_CTX_free(context->ssl_ctx);
	pthread_mutex_destroy(&context->lock);
	tls_config_free_copy(&context->config);
	free(context);
}

/* What the certificate has to name: a host name (which is also sent as SNI) or an address. */
static int expect_name(SSL *ssl, const char *name)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	struct in6_addr address;
	if (inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(param, name);
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	/* What SSL_set_tlsext_host_name expands to, without its cast that drops the const. */
	return SSL_set1_host(ssl, name) == 1 &&
	       SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
			(void *)(uintptr_t)name) == 1;
}

SSL *tls_session_new(struct tls_context *context, int fd, const char *server_name, struct err *err)
{
	pthread_mutex_lock(&context->lock);
	reload_if_changed(context);
	SSL *ssl = SSL_new(context->ssl_ctx);
	pthread_mutex_unlock(&context->lock);
	if (!ssl || SSL_set_fd(ssl, fd) != 1)
		goto fail;
	if (context->is_server) {
		SSL_set_accept_state(ssl);
		return ssl;
	}
	if (is_set(context->config.server_name_override))
		server_name = context->config.server_name_override;
	if (is_set(server_name) && expect_name(ssl, server_name) != 1)
		goto fail;
	SSL_set_connect_state(ssl);
	return ssl;
fail:
	(void)tls_fail(err, "TLS session");
	SSL_free(ssl);
	return NULL;
}

void tls_session_error(const SSL *ssl, bool handshaking, struct err *err)
{
	unsigned long code = ERR_peek_error();
	long verify = SSL_get_verify_result(ssl);
	int reason = ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0;
	if (handshaking && verify != X509_V_OK)
		(void)err_set(err, ERR_TLS, "TLS handshake: the peer's certificate is refused: %s",
			      X509_verify_cert_error_string(verify));
	else if (handshaking &&
		 (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST))
		(void)err_set(err, ERR_TLS, "TLS handshake: the peer does not speak TLS");
	else if (code != 0)
		(void)tls_fail(err, handshaking ? "TLS handshake" : "TLS");
	else
		(void)err_set(err, ERR_TLS, "%s: the peer closed the connection",
			      handshaking ? "TLS handshake" : "TLS");
	ERR_clear_error();
}
