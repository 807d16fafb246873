/* SPDX-License-Identifier: Apache-2.0 */
/* One attempt of an OTLP exporter to send a batch: the call, and what it owns. On the home loop alone. */
#ifndef SLUICE_EXPORTERS_OTLP_OTLP_ATTEMPT_H
#define SLUICE_EXPORTERS_OTLP_OTLP_ATTEMPT_H

#include "pipeline/base/buf.h"
#include "pipeline/net/authenticator.h"
#include "pipeline/net/client.h"

struct otlp_attempt {
	struct client_call call;
	struct otlp_client *client;
	struct export_call *export;
	struct chunk *made; /* the body, when it is not the batch's own */
	uint32_t left_out;  /* spans of the batch that are not in it */
	struct buf credentials;
	struct client_header headers[]; /* the exporter's, and the authenticator's */
};

/* With call.headers: the ${count} ${headers}, whose texts are borrowed, and what ${authenticator} gives
 * now, unless it is NULL or they have a header of that name. NULL: no memory. */
MUST_CHECK struct otlp_attempt *otlp_attempt_new(const struct client_header *headers, size_t count,
						 const struct client_authenticator *authenticator);

/* Wipes the credentials; releases the body that was made. */
void otlp_attempt_free(struct otlp_attempt *attempt);

/* Whether one of ${headers} has the ${name}, in lower case. */
bool otlp_has_header(const struct client_header *headers, size_t count, const char *name);

#endif
