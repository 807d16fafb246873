/* SPDX-License-Identifier: Apache-2.0 */
/* The server's counters as series of the metrics page: what each limit refused, listener by
 * listener. */
#include "pipeline/net/server.h"

static const struct metric_desc metric_connections = {"sluice_server_connections", "{connections}",
						      "Connections accepted", METRIC_COUNTER};
static const struct metric_desc metric_open = {"sluice_server_connections_open", "{connections}",
					       "Connections open now", METRIC_GAUGE};
static const struct metric_desc metric_requests = {"sluice_server_requests", "{requests}",
						   "Requests whose header was complete",
						   METRIC_COUNTER};
static const struct metric_desc metric_refused = {
	"sluice_server_requests_refused", "{requests}",
	"Requests, streams and connections that a limit or a rule of the protocol refused",
	METRIC_COUNTER};

static const struct metric_desc metric_closed = {
	"sluice_server_connections_closed", "{connections}",
	"Connections that we ended: evicted for a new one at the limit, idle, or (write_timeout, "
	"connections and streams) because the peer did not read its answer",
	METRIC_COUNTER};
static const struct metric_desc metric_resets = {"sluice_server_resets", "{streams}",
						 "HTTP/2 streams that peers reset", METRIC_COUNTER};

/* Where in the counters, and what it is called. */
struct series {
	const struct metric_desc *desc;
	const char *label, *value; /* a further label; NULL for none */
	size_t offset;
};

#define COUNTER(member) offsetof(struct server_counters, member)
static const struct series table[] = {
	{&metric_connections, NULL, NULL, COUNTER(connections)},
	{&metric_open, NULL, NULL, COUNTER(connections_open)},
	{&metric_requests, "protocol", "http1", COUNTER(requests_http1)},
	{&metric_requests, "protocol", "http2", COUNTER(requests_http2)},
	{&metric_requests, "protocol", "grpc", COUNTER(requests_grpc)},
	{&metric_refused, "reason", "connections_over_limit", COUNTER(connections_over_limit)},
	{&metric_closed, "reason", "evicted", COUNTER(connections_evicted)},
	{&metric_closed, "reason", "idle", COUNTER(connections_idle)},
	{&metric_closed, "reason", "write_timeout", COUNTER(write_timeout)},
	{&metric_refused, "reason", "header_too_large", COUNTER(header_too_large)},
	{&metric_refused, "reason", "header_timeout", COUNTER(header_timeout)},
	{&metric_refused, "reason", "body_timeout", COUNTER(body_timeout)},
	{&metric_refused, "reason", "body_too_large", COUNTER(body_too_large)},
	{&metric_refused, "reason", "decoded_too_large", COUNTER(decoded_too_large)},
	{&metric_refused, "reason", "coding_unknown", COUNTER(coding_unknown)},
	{&metric_refused, "reason", "coding_malformed", COUNTER(coding_malformed)},
	{&metric_refused, "reason", "protocol_error", COUNTER(protocol_errors)},
	{&metric_refused, "reason", "streams_over_limit", COUNTER(streams_refused)},
	{&metric_refused, "reason", "reset_flood", COUNTER(reset_floods)},
	{&metric_resets, NULL, NULL, COUNTER(resets)},
	{&metric_refused, "reason", "memory", COUNTER(budget_refusals)},
	{&metric_refused, "reason", "tls_handshake", COUNTER(tls_handshake_failures)},
	{&metric_refused, "reason", "cancelled_by_peer", COUNTER(cancelled)},
};

bool server_register(const struct server *server, struct metrics *metrics, const char *owner,
		     const char *id, const char *listener)
{
	const char *counters = (const char *)server_get_counters(server);
	struct buf labels = BUF_INIT;
	bool added = true;
	for (size_t i = 0; i < ARRAY_COUNT(table) && added; i++) {
		const void *counter = counters + table[i].offset;
		buf_reset(&labels);
		metrics_label(&labels, owner, id);
		metrics_label(&labels, "listener", listener);
		if (table[i].label)
			metrics_label(&labels, table[i].label, table[i].value);
		added = metrics_add(metrics, table[i].desc, buf_cstr(&labels), counter);
	}
	buf_fini(&labels);
	return added;
}
