/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a TLS context: whether they have changed on disk, and what is told about it, in the
 * log and as metrics. The context's lock guards a watch, but for the metrics, which any thread reads.
 */
#ifndef SLUICE_NET_TLS_WATCH_H
#define SLUICE_NET_TLS_WATCH_H

#include "pipeline/base/watched_file.h"
#include "pipeline/net/tls.h"

#include <openssl/ssl.h>

enum { TLS_FILES_MAX = 4 };

struct tls_watch {
	struct tls_owner owner;			  /* zero: nobody is told */
	struct watched_file files[TLS_FILES_MAX]; /* of the context's copy of the configuration */
	size_t file_count;
	uint64_t interval_ns, looked_ns;
	struct counter reloaded, failed;
	_Atomic int64_t expires_s; /* Unix time; 0: no certificate of our own */
};

/* Begins to watch the files that ${config} names; its texts outlive the watch. Before they are read
 * for the first time, so that no change is missed. */
void tls_watch_init(struct tls_watch *watch, const struct tls_config *config);

/* Reloads are told to ${owner} from here on: logged, and counted in metrics that read ${watch}. -1
 * with ERR_NOMEM. */
MUST_CHECK int tls_watch_tell(struct tls_watch *watch, const struct tls_owner *owner,
			      struct err *err);

/* True when a file differs from when it was last looked at. Looks no more often than once per reload
 * interval, or a quarter of a second. */
bool tls_watch_has_changed(struct tls_watch *watch);

/* Tells that the files were taken up, or, with ${why}, that they were not. */
void tls_watch_report(struct tls_watch *watch, const struct err *why);

/* Notes when the certificate of ${ssl_ctx} expires. */
void tls_watch_certificate(struct tls_watch *watch, const SSL_CTX *ssl_ctx);

#endif
