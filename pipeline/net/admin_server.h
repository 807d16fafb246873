/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small HTTP server for whoever runs the program: probes, the metrics page, the control of a run.
 * It answers each request at once, on its loop, with connections, limits (server_limits_probe) and
 * memory of its own: nothing that senders hold can make a probe fail. Owned by one loop.
 */
#ifndef SLUICE_NET_ADMIN_SERVER_H
#define SLUICE_NET_ADMIN_SERVER_H

#include "pipeline/net/server.h"

/* Everything is borrowed, and outlives the server. */
struct admin_server_config {
	const char *endpoint, *transport;
	const char *label;		      /* for logs: "health check" */
	struct tls_context *tls;	      /* NULL: plain text */
	size_t bytes_max;		      /* held for all requests */
	const struct server_handler *handler; /* ADMIN_HANDLER(on_header) */
	void *handler_arg;
	const struct log *log;
	/* Under ${owner}="${id}",listener="${listener}". */
	struct metrics *metrics;
	const char *owner, *id, *listener;
};

/* A handler whose ${on_header_} answers every request. */
#define ADMIN_HANDLER(on_header_)                                                                  \
	{                                                                                          \
		.on_header = (on_header_), .on_refused = server_refuse_as_text,                    \
		.on_cancel = server_no_cancel                                                      \
	}

struct admin_server {
	/* private */
	struct budget budget;
	struct server *server; /* NULL: not started */
};

/* Listens on ${loop} and counts. -1 with ERR_CONFIG, ERR_IO or ERR_NOMEM; end with admin_server_fini in
 * either case. Stays in place until then. */
MUST_CHECK int admin_server_start(struct admin_server *admin,
				  const struct admin_server_config *config, struct loop *loop,
				  struct server_shard *shard, struct err *err);

/* The port that was bound; 0 before the start. */
uint16_t admin_server_port(const struct admin_server *admin);

/* Takes no connection any more and cuts those that are open. The loop's thread. */
void admin_server_stop(struct admin_server *admin);

/* After the loop has ended. */
void admin_server_fini(struct admin_server *admin);

#endif
