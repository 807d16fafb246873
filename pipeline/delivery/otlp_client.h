/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the OTLP exporters have in common: one attempt to send a batch through a client, and what
 * the answer means (OTLP specification, "Failures"):
 *
 *   delivered      gRPC OK; any HTTP 2xx. partial_success counts what was rejected
 *   try again      gRPC CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS,
 *                  RESOURCE_EXHAUSTED with RetryInfo; HTTP 429, 502, 503, 504; no connection
 *   smaller        HTTP 413; any gRPC error, and HTTP 400, 422, 429, 5xx, that speaks of a size
 *                  (size_words.h)
 *   bad span       gRPC INVALID_ARGUMENT, HTTP 400
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

/* Words of the `compression` key, for CONFIG_ENUM: what the Collector takes by protocol. */
extern const char *const otlp_grpc_compressions[], *const otlp_http_compressions[];

/* The coding of a word, by its place in the list. */
enum coding otlp_grpc_coding(int word);
enum coding otlp_http_coding(int word);

/* A batch for a service that does not take it as it is. */
struct foreign_body {
	struct chunk *chunk; /* a reference; NULL: the batch's own bytes are sent */
	uint32_t left_out;   /* spans that are not in it; all of them: nothing is sent */
};

/* A service that takes something other than OTLP as it is. */
struct foreign_service {
	const char *path; /* gRPC: "/package.Service/Method"; NULL: OTLP's own */
	const char *header_name, *header_value; /* sent unless configured; NULL: none */
	/* ${batch} as the service takes it. -1 with ${err}: ERR_LIMIT when it has to be split
	 * (EXPORT_SPLIT), ERR_DECODE when it never can be made. */
	int (*make)(void *self, const struct batch *batch, struct foreign_body *ret_body,
		    struct err *err);
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
	enum coding coding;
	struct json_body *json; /* HTTP: makes the body JSON; taken over. NULL: protobuf */
	const struct foreign_service *foreign; /* NULL: OTLP */
	void *foreign_self;		       /* taken over, as json is */
	const struct tls_config *tls;
	struct metrics
		*metrics; /* outlives the client; NULL: reloads of TLS files are not counted */
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
void otlp_client_target(const void *self, struct buf *labels);
void otlp_client_free(void *self);

/* Those slots, for the struct exporter_ops of a preset of this client. */
#define OTLP_CLIENT_OPS(create_, delivery_)                                                        \
	.create = (create_), .delivery = (delivery_), .start = otlp_client_start,                  \
	.send = otlp_client_send, .cancel = otlp_client_cancel, .stop = otlp_client_stop,          \
	.target = otlp_client_target, .destroy = otlp_client_free

/* What ${answer} means, see above. ${label} names the backend in err. Pure. */
void otlp_classify(enum client_mode mode, const char *label, const struct client_result *answer,
		   uint64_t now_wall_ns, struct export_result *ret_result);

/* Whether ${answer} is a page for people: a login, or what a web application answers every URL. */
bool otlp_answer_is_page(const struct client_result *answer);

/* What makes ${answer}, a 2xx, no OTLP answer, in words of ours; NULL when it is one, or no 2xx. */
const char *otlp_answer_flaw(const struct client_result *answer);

#endif
