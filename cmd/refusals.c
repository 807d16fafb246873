/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A developer whose spans do not arrive looks at the terminal where nothing appears. The receivers
 * count what they refuse by its kind; the first of each kind is told here. Counters know no text of a
 * peer, so none can be printed.
 */
#include "cmd/refusals.h"

#include <stdio.h>
#include <string.h>

enum { LOOK_MS = 250 };

static const char misdirected[] = "sluice_receiver_requests_misdirected";
static const char refused[] = "sluice_server_requests_refused";

static const struct {
	const char *metric, *reason, *text;
} kinds[] = {
	{misdirected, "path",
	 "A request came to a path that is not for traces. Send OTLP/HTTP to /v1/traces: an SDK "
	 "adds "
	 "that to OTEL_EXPORTER_OTLP_ENDPOINT, but not to OTEL_EXPORTER_OTLP_TRACES_ENDPOINT."},
	{misdirected, "method",
	 "A request came that is not a POST. OTLP/HTTP sends spans with POST."},
	{misdirected, "media_type",
	 "A request came with a content type that is not OTLP's. Send application/x-protobuf or "
	 "application/json."},
	{misdirected, "grpc_method",
	 "A gRPC call came for a service that is not OTLP's. Check what sends to this port."},
	{misdirected, "signal",
	 "Metrics or logs came. Sluice takes traces: set OTEL_METRICS_EXPORTER=none and "
	 "OTEL_LOGS_EXPORTER=none, or send them elsewhere."},
	{refused, "tls_on_plain_port",
	 "A TLS connection came, but this port is plain. Use http:// in the endpoint, or set "
	 "OTEL_EXPORTER_OTLP_INSECURE=true."},
	{refused, "body_too_large",
	 "A request was larger than max_recv_msg_size_mib. Send smaller "
	 "batches (OTEL_BSP_MAX_EXPORT_BATCH_SIZE)."},
	{refused, "coding_unknown",
	 "A request came compressed in a way that is not known here. Use gzip or none."},
};
_Static_assert(ARRAY_COUNT(kinds) <= REFUSAL_KINDS_MAX, "told has no place for a kind");

struct search {
	const char *reason;
	double count;
};

static void add_count(void *arg, const char *labels, double value)
{
	struct search *search = arg;
	char wanted[64];
	(void)snprintf(wanted, sizeof(wanted), "reason=\"%s\"", search->reason);
	if (strstr(labels, wanted))
		search->count += value;
}

static void look(struct refusals *refusals)
{
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		struct search search = {.reason = kinds[i].reason};
		if (refusals->told[i])
			continue;
		metrics_visit(graph_metrics(refusals->graph), kinds[i].metric, add_count, &search);
		refusals->told[i] = search.count > 0;
		if (refusals->told[i])
			fprintf(stderr, "Refused: %s\n", kinds[i].text);
	}
}

static void on_timer(uv_timer_t *timer)
{
	look(timer->data);
}

void refusals_watch(struct refusals *refusals, struct graph *graph)
{
	*refusals = (struct refusals){.graph = graph};
	refusals->timer.data = refusals;
	refusals->watching = uv_timer_init(&graph_loop(graph)->uv, &refusals->timer) == 0;
	if (refusals->watching)
		(void)uv_timer_start(&refusals->timer, on_timer, LOOK_MS, LOOK_MS);
}

void refusals_end(struct refusals *refusals)
{
	if (!refusals->watching)
		return;
	look(refusals);
	uv_close((uv_handle_t *)&refusals->timer, NULL); /* graph_free's loop ends it */
	refusals->watching = false;
}
