/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the OTLP exporters have in common: one attempt to send a batch through a client, and what
 * the answer means (OTLP specification, "Failures"):
 *
 *   delivered      gRPC OK; any HTTP 2xx. partial_success counts what was rejected
 *   try again      gRPC CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS,
 *                  RESOURCE_EXHAUSTED with RetryInfo; HTTP 429, 502, 503, 504; no connection
 *   split          gRPC INVALID_ARGUMENT, RESOURCE_EXHAUSTED that speaks of a size; HTTP 400, 413
 *   for good       everything else
 *
 * Belongs to its exporter and, with it, to the home loop's thread.
 */
#ifndef SLUICE_DELIVERY_OTLP_CLIENT_H
#define SLUICE_DELIVERY_OTLP_CLIENT_H

#include "pipeline/base/log.h"
#include "pipeline/delivery/export.h"
#include "pipeline/delivery/json_body.h"
#include "pipeline/net/client.h"

enum otlp_compression {
	COMPRESSION_GZIP = 0,
	COMPRESSION_ZSTD,
	COMPRESSION_NONE,
	COMPRESSION_EMPTY, /* "": none */
};

/* Words of the `compression` key, for CONFIG_ENUM; NULL-terminated. */
extern const char *const otlp_compression_words[];

/* A gRPC service that takes something other than OTLP. */
struct foreign_service {
	const char *path; /* "/package.Service/Method" */
	/* ${batch} as the method's request, the caller's reference. NULL with ${err}: ERR_LIMIT
	 * when it has to be split (EXPORT_SPLIT), ERR_DECODE when it never can be made. */
	struct chunk *(*make)(void *self, const struct batch *batch, struct err *err);
	/* Corrects what otlp_classify made of ${answer}. */
	void (*judge)(const struct client_result *answer, struct export_result *result);
	void (*free)(void *self); /* NULL is accepted */
};

/* Everything an exporter's configuration says about its connection. Borrowed. */
struct otlp_client_config {
	enum client_mode mode;
	const char *endpoint; /* host:port or URL, as the user wrote it */
	const char *path;     /* NULL: the endpoint's path + "/v1/traces" (HTTP) */
	uint16_t default_port;
	bool tls_by_default; /* when neither scheme nor `insecure` says otherwise */
	enum otlp_compression compression;
	struct json_body
		*json; /* HTTP: send JSON, made by this, which is taken over; NULL: protobuf */
	const struct foreign_service *foreign; /* NULL: OTLP */
	void *foreign_self;		       /* taken over, as json is */
	const struct tls_config *tls;
	const struct config_headers *headers;
	const char *proxy_url, *authority, *user_agent;
	uint32_t connections_max;
	uint64_t idle_timeout_ns, keepalive_time_ns, keepalive_timeout_ns;
};

struct otlp_client;

/* Checks and prepares; opens nothing. NULL with ERR_CONFIG or ERR_NOMEM. */
MUST_CHECK struct otlp_client *otlp_client_new(const struct otlp_client_config *config,
					       const struct log *log, struct budget *budget,
					       struct arena *arena, struct err *err);

/*
 * The rest are an exporter's slots as they stand (struct exporter_ops), hence the void pointer:
 * ${self} is a struct otlp_client. start loads certificates and makes the client on ${loop};
 * connections are made on the first send.
 */
MUST_CHECK int otlp_client_start(void *self, struct loop *loop, struct err *err);
void otlp_client_send(void *self, struct export_call *export);
void otlp_client_cancel(void *self, struct export_call *export);
void otlp_client_stop(void *self);
void otlp_client_free(void *self);

/* What ${answer} means, see above. ${label} is the configured endpoint, for err. Pure. */
void otlp_classify(enum client_mode mode, const char *label, const struct client_result *answer,
		   uint64_t now_wall_ns, struct export_result *ret_result);

#endif
