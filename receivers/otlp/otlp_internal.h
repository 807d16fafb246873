/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of receivers/otlp/ alone. */
#ifndef SLUICE_RECEIVERS_OTLP_INTERNAL_H
#define SLUICE_RECEIVERS_OTLP_INTERNAL_H

#include "pipeline/graph/component.h"
#include "receivers/otlp/cors.h"

/* Why a request was not for us. */
enum otlp_misdirected {
	MISDIRECTED_PATH = 0,	 /* 404 */
	MISDIRECTED_METHOD,	 /* 405 */
	MISDIRECTED_MEDIA_TYPE,	 /* 415 */
	MISDIRECTED_GRPC_METHOD, /* UNIMPLEMENTED */
	MISDIRECTED_SIGNAL,	 /* metrics or logs: 404, UNIMPLEMENTED */
	MISDIRECTED_COUNT
};

/* What the request handler knows. Immutable after start, but for the counters. */
struct otlp_handler {
	struct receiver_port *port;
	const char *traces_url_path; /* begins with a slash */
	const struct config_headers *response_headers;
	struct cors cors;
	struct counter json_replaced;
	struct counter misdirected[MISDIRECTED_COUNT];
};

extern const struct server_handler otlp_server_handler; /* its arg: struct otlp_handler */

#endif
