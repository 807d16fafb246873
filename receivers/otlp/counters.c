/* SPDX-License-Identifier: Apache-2.0 */
/* What a listener counts, as series: connections, requests by protocol, limits that were hit and
 * errors of peers. */
#include "receivers/otlp/otlp_internal.h"

static const struct metric_desc metric_connections = {
	"sluice_receiver_connections", "{connections}", "Connections accepted", METRIC_COUNTER};
static const struct metric_desc metric_open = {"sluice_receiver_connections_open", "{connections}",
					       "Connections open now", METRIC_GAUGE};
static const struct metric_desc metric_requests = {"sluice_receiver_protocol_requests",
						   "{requests}", "Requests begun, by protocol",
						   METRIC_COUNTER};
static const struct metric_desc metric_limits = {
	"sluice_receiver_limits_hit", "{events}",
	"Connections, requests and streams that ran into a limit, by limit", METRIC_COUNTER};
static const struct metric_desc metric_errors = {
	"sluice_receiver_peer_errors", "{events}",
	"Requests and connections that peers broke, by kind", METRIC_COUNTER};

#define SERIES(desc, label_, value_, member)                                                       \
	{                                                                                          \
		&(desc), label_, value_, offsetof(struct server_counters, member)                  \
	}

/* label NULL: the series needs none besides the listener's. */
static const struct {
	const struct metric_desc *desc;
	const char *label, *value;
	size_t offset; /* in struct server_counters */
} series[] = {
	SERIES(metric_connections, NULL, NULL, connections),
	SERIES(metric_open, NULL, NULL, connections_open),
	SERIES(metric_requests, "protocol", "http1", requests_http1),
	SERIES(metric_requests, "protocol", "http2", requests_http2),
	SERIES(metric_requests, "protocol", "grpc", requests_grpc),
	SERIES(metric_limits, "limit", "connections", connections_over_limit),
	SERIES(metric_limits, "limit", "header_bytes", header_too_large),
	SERIES(metric_limits, "limit", "header_time", header_timeout),
	SERIES(metric_limits, "limit", "body_time", body_timeout),
	SERIES(metric_limits, "limit", "body_bytes", body_too_large),
	SERIES(metric_limits, "limit", "decoded_bytes", decoded_too_large),
	SERIES(metric_limits, "limit", "streams", streams_refused),
	SERIES(metric_limits, "limit", "resets", reset_floods),
	SERIES(metric_limits, "limit", "memory", budget_refusals),
	SERIES(metric_errors, "error", "coding_unknown", coding_unknown),
	SERIES(metric_errors, "error", "coding_malformed", coding_malformed),
	SERIES(metric_errors, "error", "protocol", protocol_errors),
	SERIES(metric_errors, "error", "reset", resets),
	SERIES(metric_errors, "error", "cancelled", cancelled),
	SERIES(metric_errors, "error", "tls_handshake", tls_handshake_failures),
};

bool otlp_register_counters(struct metrics *metrics, const char *id, const char *listener,
			    const struct server_counters *counters)
{
	bool added = true;
	struct buf labels = BUF_INIT;
	for (size_t i = 0; i < ARRAY_COUNT(series); i++) {
		const uint8_t *base = (const uint8_t *)counters;
		buf_reset(&labels);
		metrics_label(&labels, "receiver", id);
		metrics_label(&labels, "listener", listener);
		if (series[i].label)
			metrics_label(&labels, series[i].label, series[i].value);
		added &= metrics_add(metrics, series[i].desc, buf_cstr(&labels),
				     (const void *)(base + series[i].offset));
	}
	buf_fini(&labels);
	return added;
}
