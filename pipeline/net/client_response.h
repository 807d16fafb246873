/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept of an answer while it arrives: the status, the few header and trailer fields a
 * caller looks at, and the body up to CLIENT_RESPONSE_BYTES_MAX (gRPC: of the first message), as it
 * is coded: decoders belong to whoever reads answers. Both protocols fill it; nothing here knows
 * which.
 */
#ifndef SLUICE_NET_CLIENT_RESPONSE_H
#define SLUICE_NET_CLIENT_RESPONSE_H

#include "pipeline/net/client.h"

enum { GRPC_PREFIX_BYTES = 5 };

enum response_field {
	FIELD_CONTENT_TYPE = 0,
	FIELD_CONTENT_ENCODING,
	FIELD_RETRY_AFTER,
	FIELD_GRPC_ENCODING,
	FIELD_GRPC_STATUS,
	FIELD_GRPC_MESSAGE,
	FIELD_GRPC_DETAILS,
	FIELD_COUNT
};

struct response {
	struct budget *budget;
	bool is_grpc;
	int http_status;
	size_t body_bytes;   /* seen, kept or not */
	size_t header_bytes; /* names and values seen, kept or not */
	struct chunk *text;  /* the kept values, one after the other; NULL: none yet */
	struct chunk *body;  /* NULL: none yet */
	struct {
		size_t offset, len; /* in text */
		bool present;
	} fields[FIELD_COUNT];
	uint8_t prefix[GRPC_PREFIX_BYTES];
	size_t prefix_len;
	size_t message_left; /* bytes of the first gRPC message still to come */
};

void response_init(struct response *response, bool is_grpc, struct budget *budget);
void response_fini(struct response *response);

/* A status line or :status. One after a 1xx starts anew (RFC 9110 §15.2). */
void response_status(struct response *response, int http_status);

/* A header or trailer field; a repeated one replaces the earlier. -1 with ERR_LIMIT above
 * CLIENT_RESPONSE_HEADER_BYTES_MAX, or ERR_NOMEM. */
MUST_CHECK int response_header(struct response *response, struct slice name, struct slice value,
			       struct err *err);

/* Body bytes in any split. -1 with ERR_NOMEM, or with ERR_LIMIT above
 * CLIENT_RESPONSE_READ_BYTES_MAX; what came before is kept then. */
MUST_CHECK int response_body(struct response *response, struct slice bytes, struct err *err);

/* The answer was cut for its length, but says all the same what became of the request: HTTP does so in
 * its first line, gRPC in what follows the body. */
bool response_is_enough(const struct response *response, const struct err *err);

/* Fills ${result} (zeroed by the caller) once the answer is complete; its slices live until
 * response_fini. -1 with ERR_NOMEM. */
MUST_CHECK int response_finish(struct response *response, struct client_result *result,
			       struct err *err);

#endif
