/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cross-origin requests from browsers (Fetch standard, "CORS protocol"), the keys of the
 * Collector's `cors` block. Off unless an origin is allowed. A preflight is answered before
 * anything else is looked at; a request from an origin that is not allowed is served all the same,
 * but its answer carries no permission, so the browser keeps it from the page.
 */
#ifndef SLUICE_RECEIVERS_OTLP_CORS_H
#define SLUICE_RECEIVERS_OTLP_CORS_H

#include "pipeline/base/arena.h"
#include "pipeline/config/bind.h"
#include "pipeline/net/server.h"

struct cors_config {
	struct config_strings allowed_origins, allowed_headers, exposed_headers;
	uint32_t max_age_s;
};

extern const struct config_block cors_block; /* for struct cors_config */

struct cors {
	/* private; immutable after cors_init */
	const struct cors_config *config;
	const char *max_age; /* in seconds; NULL: not sent */
	const char *exposed; /* a list; NULL: not sent */
};

enum { CORS_HEADERS_MAX = 8 };

/* ${config} and ${arena} outlive it. False when memory is short. */
MUST_CHECK bool cors_init(struct cors *cors, const struct cors_config *config, struct arena *arena);

/* True when ${request} only asks whether another one would be allowed. */
bool cors_is_preflight(const struct cors *cors, const struct server_request *request);

/* The header fields of the answer to a preflight, and to any other request. They may point into
 * the request. At most CORS_HEADERS_MAX; how many. */
size_t cors_preflight_headers(const struct cors *cors, const struct server_request *request,
			      struct server_header *ret_headers);
size_t cors_headers(const struct cors *cors, const struct server_request *request,
		    struct server_header *ret_headers);

#endif
