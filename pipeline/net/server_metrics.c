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

#define COUNTER(member) offsetof(struct server_counters, member)
static const struct metric_row rows[] = {
	{&metric_connections, COUNTER(connections), {NULL}},
	{&metric_open, COUNTER(connections_open), {NULL}},
	{&metric_requests, COUNTER(requests_http1), {"protocol", "http1"}},
	{&metric_requests, COUNTER(requests_http2), {"protocol", "http2"}},
	{&metric_requests, COUNTER(requests_grpc), {"protocol", "grpc"}},
	{&metric_refused, COUNTER(connections_over_limit), {"reason", "connections_over_limit"}},
	{&metric_closed, COUNTER(connections_evicted), {"reason", "evicted"}},
	{&metric_closed, COUNTER(connections_idle), {"reason", "idle"}},
	{&metric_closed, COUNTER(write_timeout), {"reason", "write_timeout"}},
	{&metric_refused, COUNTER(header_too_large), {"reason", "header_too_large"}},
	{&metric_refused, COUNTER(header_timeout), {"reason", "header_timeout"}},
	{&metric_refused, COUNTER(body_timeout), {"reason", "body_timeout"}},
	{&metric_refused, COUNTER(body_too_large), {"reason", "body_too_large"}},
	{&metric_refused, COUNTER(decoded_too_large), {"reason", "decoded_too_large"}},
	{&metric_refused, COUNTER(coding_unknown), {"reason", "coding_unknown"}},
	{&metric_refused, COUNTER(coding_malformed), {"reason", "coding_malformed"}},
	{&metric_refused, COUNTER(protocol_errors), {"reason", "protocol_error"}},
	{&metric_refused, COUNTER(unauthenticated), {"reason", "unauthenticated"}},
	{&metric_refused, COUNTER(auth_busy), {"reason", "auth_busy"}},
	{&metric_refused, COUNTER(streams_refused), {"reason", "streams_over_limit"}},
	{&metric_refused, COUNTER(reset_floods), {"reason", "reset_flood"}},
	{&metric_resets, COUNTER(resets), {NULL}},
	{&metric_refused, COUNTER(budget_refusals), {"reason", "memory"}},
	{&metric_refused, COUNTER(tls_handshake_failures), {"reason", "tls_handshake"}},
	{&metric_refused, COUNTER(tls_on_plain_port), {"reason", "tls_on_plain_port"}},
	{&metric_refused, COUNTER(cancelled), {"reason", "cancelled_by_peer"}},
};

bool server_register(const struct server *server, struct metrics *metrics, const char *owner,
		     const char *id, const char *listener)
{
	const struct metric_table table = METRIC_TABLE(owner, rows);
	struct buf labels = BUF_INIT;
	metrics_label(&labels, "listener", listener);
	bool added = metrics_add_table(metrics, &table, id, buf_cstr(&labels),
				       server_get_counters(server));
	buf_fini(&labels);
	return added;
}
