/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of the keys with which exporters name their peer, for the check functions of blocks: what
 * is wrong is said with the place of the key, before anything is created. */
#ifndef SLUICE_GRAPH_CLIENT_KEYS_H
#define SLUICE_GRAPH_CLIENT_KEYS_H

#include "pipeline/config/bind.h"

/* Reports ${text} about ${key} of ${block}, whose path is ${path}; at the block itself when the key
 * is not there. */
void client_key_problem(struct config_report *report, enum config_severity severity,
			const struct config_node *block, const char *key, const char *path,
			const char *text);

enum client_endpoint {
	CLIENT_ENDPOINT_GRPC = 0, /* no path */
	CLIENT_ENDPOINT_BASE,	  /* a path is added: no query */
	CLIENT_ENDPOINT_URL,	  /* used as it stands */
};

/* Reports an endpoint (host:port or URL) that cannot be read or has too much; "" is accepted. */
void client_endpoint_check(const struct config_node *block, const char *key, const char *endpoint,
			   enum client_endpoint kind, const char *path,
			   struct config_report *report);

/* Reports a proxy URL that cannot be read or is not http; "" is accepted. */
void client_proxy_check(const struct config_node *block, const char *key, const char *url,
			const char *path, struct config_report *report);

#endif
