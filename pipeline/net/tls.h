/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS contexts from the Collector's `tls:` blocks. One SSL_CTX per distinct block; the system's CA
 * bundle (7 MiB, 40 ms) is loaded only by a client that verifies against it. Certificate, key and
 * CA files are re-read when they change on disk (reload looks at directory entries, because
 * Kubernetes replaces a symlink); a bad new file keeps the old pair; both are logged and
 * counted.
 */
#ifndef SLUICE_NET_TLS_H
#define SLUICE_NET_TLS_H

#include "pipeline/base/error.h"
#include "pipeline/base/log.h"
#include "pipeline/base/metrics.h"
#include "pipeline/config/bind.h"

/* configtls of the Collector, client and server keys together. */
struct tls_config {
	const char *ca_file, *ca_pem, *cert_file, *cert_pem, *key_file,
		*key_pem;		       /* *_pem: opaque */
	const char *min_version, *max_version; /* "1.2", "1.3"; "" = 1.2 / highest */
	bool include_system_ca_certs_pool;
	uint64_t reload_interval_ns; /* 0: look when the file changes */
	struct config_strings cipher_suites;
	/* client */
	bool insecure, insecure_skip_verify;
	const char *server_name_override;
	/* server */
	const char *client_ca_file;
};

extern const struct config_block tls_client_block; /* for struct tls_config */
extern const struct config_block tls_server_block; /* for struct tls_config */

/* Replaces every string by a copy, for a context that outlives the configuration. False when memory is
 * short; tls_config_free_copy may be called all the same, which wipes what may be a key. */
MUST_CHECK bool tls_config_copy(struct tls_config *config);
void tls_config_free_copy(struct tls_config *config);

struct tls_context;

/* Whose context it is: where reloads are told. Both outlive the context. */
struct tls_owner {
	const struct log *log;	 /* kind and id become a label of the metrics, too */
	struct metrics *metrics; /* NULL: none */
	const char *listener;	 /* a further label for servers: "grpc"; NULL: none */
};

/* Whether the block names a CA: then `insecure` asks for plain text in vain, as in the Collector. */
bool tls_has_ca(const struct tls_config *config);

/* Reads what the block names and throws it away: 0 when a context could be made of it, else -1 with
 * the text that making it would give. The system's CA certificates are not looked at. */
MUST_CHECK int tls_config_check(const struct tls_config *config, bool is_server, struct err *err);

/* ${alpn}: "h2", "http/1.1" or both as "h2,http/1.1", in order of preference. ${owner} NULL: nobody
 * is told of reloads. NULL with ${err} (ERR_IO for a file that cannot be read, ERR_CONFIG, ERR_TLS; the
 * text names the file and what is wrong, never its content). */
MUST_CHECK struct tls_context *tls_server_context(const struct tls_config *config, const char *alpn,
						  const struct tls_owner *owner, struct err *err);
MUST_CHECK struct tls_context *tls_client_context(const struct tls_config *config, const char *alpn,
						  const struct tls_owner *owner, struct err *err);

/* After the last session that was made from it. NULL is accepted. */
void tls_context_free(struct tls_context *context);

#endif
