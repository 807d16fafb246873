/* SPDX-License-Identifier: Apache-2.0 */
/* All files of a context are looked at together: a new certificate belongs to a new key. */
#include "pipeline/net/tls_watch.h"

#include "pipeline/base/clock.h"

#include <time.h>

enum { LOOK_INTERVAL_MS = 250 };

static const struct metric_desc metric_reloads = {
	"sluice_tls_reloads", "{reloads}",
	"Times that changed certificate, key or CA files were read again, by outcome; after a "
	"failure the old ones stay in use",
	METRIC_COUNTER};
static const struct metric_desc metric_expiry = {"sluice_tls_certificate_expiry", "s",
						 "Unix time at which our certificate expires",
						 METRIC_GAUGE};

static double read_expiry(void *arg)
{
	const struct tls_watch *watch = arg;
	return (double)atomic_load_explicit(&watch->expires_s, memory_order_relaxed);
}

/* `receiver="otlp",listener="grpc"`, and ${outcome} unless it is NULL. */
static const char *labels_of(const struct tls_watch *watch, const char *outcome, struct buf *labels)
{
	const struct tls_owner *owner = &watch->owner;
	buf_reset(labels);
	if (owner->log->kind)
		metrics_label(labels, owner->log->kind, owner->log->id);
	if (owner->listener)
		metrics_label(labels, "listener", owner->listener);
	if (outcome)
		metrics_label(labels, "outcome", outcome);
	return buf_cstr(labels);
}

static bool look(struct tls_watch *watch)
{
	bool changed = false;
	watch->looked_ns = clock_monotonic_ns();
	for (size_t i = 0; i < watch->file_count; i++)
		changed |= watched_file_has_changed(&watch->files[i]);
	return changed;
}

void tls_watch_init(struct tls_watch *watch, const struct tls_config *config)
{
	const char *paths[TLS_FILES_MAX] = {config->cert_file, config->key_file, config->ca_file,
					    config->client_ca_file};
	*watch = (struct tls_watch){.interval_ns = config->reload_interval_ns};
	if (watch->interval_ns == 0)
		watch->interval_ns = LOOK_INTERVAL_MS * NS_PER_MS;
	for (size_t i = 0; i < TLS_FILES_MAX; i++) {
		if (paths[i] && *paths[i])
			watch->files[watch->file_count++].path = paths[i];
	}
	(void)look(watch); /* differs from nothing */
}

int tls_watch_tell(struct tls_watch *watch, const struct tls_owner *owner, struct err *err)
{
	struct metrics *metrics = owner->metrics;
	struct buf labels = BUF_INIT;
	watch->owner = *owner;
	if (!metrics || watch->file_count == 0)
		return 0;
	bool added = metrics_add(metrics, &metric_reloads, labels_of(watch, "success", &labels),
				 &watch->reloaded) &&
		     metrics_add(metrics, &metric_reloads, labels_of(watch, "failure", &labels),
				 &watch->failed);
	if (added && read_expiry(watch) > 0)
		added = metrics_add_read(metrics, &metric_expiry, labels_of(watch, NULL, &labels),
					 read_expiry, watch);
	buf_fini(&labels);
	return added ? 0 : err_set(err, ERR_NOMEM, "no memory for TLS");
}

bool tls_watch_has_changed(struct tls_watch *watch)
{
	return watch->file_count > 0 &&
	       clock_monotonic_ns() - watch->looked_ns >= watch->interval_ns && look(watch);
}

void tls_watch_report(struct tls_watch *watch, const struct err *why)
{
	const struct log *log = watch->owner.log;
	const char *first = watch->files[0].path; /* a watch that saw a change has a file */
	counter_add(why ? &watch->failed : &watch->reloaded, 1);
	if (why)
		log_error(log, LOG_MSG("Failed to reload TLS files, keeping the old ones"),
			  LOG_STR("file", first), LOG_ERR(why));
	else
		log_info(log, LOG_MSG("Reloaded TLS files"), LOG_STR("file", first));
}

void tls_watch_certificate(struct tls_watch *watch, const SSL_CTX *ssl_ctx)
{
	const X509 *certificate = SSL_CTX_get0_certificate(ssl_ctx);
	struct tm end;
	int64_t expires_s = 0;
	if (certificate && ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) == 1)
		expires_s = timegm(&end);
	atomic_store_explicit(&watch->expires_s, expires_s, memory_order_relaxed);
}
