/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of receivers/otlp/ alone. */
#ifndef SLUICE_RECEIVERS_OTLP_INTERNAL_H
#define SLUICE_RECEIVERS_OTLP_INTERNAL_H

#include "pipeline/graph/component.h"

/* What the request handler knows. Immutable after start. */
struct otlp_handler {
	struct receiver_port *port;
	const char *traces_url_path; /* begins with a slash */
	const struct config_headers *response_headers;
};

extern const struct server_handler otlp_server_handler; /* its arg: struct otlp_handler */

#endif
