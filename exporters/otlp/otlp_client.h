/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the OTLP exporters have in common: a client, and attempts to send batches through it. What
 * an answer means is in otlp_answer.h, what a service wants differently in otlp_dialect.h.
 *
 * Belongs to its exporter and, with it, to the home loop's thread.
 */
#ifndef SLUICE_EXPORTERS_OTLP_OTLP_CLIENT_H
#define SLUICE_EXPORTERS_OTLP_OTLP_CLIENT_H

#include "exporters/otlp/json_body.h"
#include "exporters/otlp/otlp_dialect.h"
#include "pipeline/base/log.h"
#include "pipeline/net/auth_settings.h"
#include "pipeline/net/authenticator.h"

/* Everything an exporter's configuration says about its connection. Borrowed. */
struct otlp_client_config {
	enum client_mode mode;
	const char *endpoint; /* host:port or URL, as the user wrote it */
	const char *path;     /* NULL: the endpoint's path + "/v1/traces" (HTTP) */
	uint16_t default_port;
	bool tls_by_default; /* when neither scheme nor `insecure` says otherwise */
	enum coding coding;
	struct json_body *json; /* HTTP: makes the body JSON; taken over. NULL: protobuf */
	const struct otlp_dialect *dialect; /* NULL: OTLP */
	void *dialect_self;		    /* taken over, as json is */
	const struct tls_config *tls;
	struct metrics
		*metrics; /* outlives the client; NULL: reloads of TLS files are not counted */
	const struct config_headers *headers;
	const struct client_authenticator *authenticator; /* NULL: none */
	const struct auth_settings *auth; /* NULL: none; otlp_preset_create looks it up */
	const char *proxy_url, *authority, *user_agent;
	uint32_t connections_max;
	uint64_t idle_timeout_ns, keepalive_time_ns, keepalive_timeout_ns;
};

/* Makes ${config} speak ${dialect}, which has a create. ${budget} and ${keys} outlive the client.
 * False: out of memory. */
MUST_CHECK bool otlp_client_use(struct otlp_client_config *config,
				const struct otlp_dialect *dialect, struct budget *budget,
				const struct key_table *keys);

/* Frees what ${config} would hand over, when no client is made of it. */
void otlp_client_drop(const struct otlp_client_config *config);

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
void otlp_client_target(const void *self, struct buf *labels);
void otlp_client_free(void *self);

/* Those slots, for the struct exporter_ops of a preset of this client. */
#define OTLP_CLIENT_OPS(create_, delivery_)                                                        \
	.create = (create_), .delivery = (delivery_), .start = otlp_client_start,                  \
	.send = otlp_client_send, .cancel = otlp_client_cancel, .stop = otlp_client_stop,          \
	.target = otlp_client_target, .destroy = otlp_client_free

#endif
