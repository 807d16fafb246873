/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/delivery/ledger.h"

static const char *const reason_names[DROP_REASON_COUNT] = {
	[DROP_PERMANENT] = "permanent_error",
	[DROP_RETRIES_EXHAUSTED] = "retries_exhausted",
	[DROP_REJECTED] = "rejected_by_backend",
	[DROP_UNUSABLE_ID] = "unusable_id",
	[DROP_TOO_LARGE] = "too_large",
	[DROP_QUEUE_FULL] = "queue_full",
	[DROP_SHUTDOWN] = "shutdown",
	[DROP_MEMORY] = "memory",
};

const char *drop_reason_name(enum drop_reason reason)
{
	return reason_names[reason];
}

static const struct metric_desc metric_sent = {
	"otelcol_exporter_sent_spans", "{spans}",
	"Number of spans successfully sent to destination. [Alpha]", METRIC_COUNTER};
static const struct metric_desc metric_send_failed = {
	"otelcol_exporter_send_failed_spans", "{spans}",
	"Number of spans in failed attempts to send to destination. [Alpha]", METRIC_COUNTER};
static const struct metric_desc metric_enqueue_failed = {
	"otelcol_exporter_enqueue_failed_spans", "{spans}",
	"Number of spans failed to be added to the sending queue. [Alpha]", METRIC_COUNTER};
static const struct metric_desc metric_dropped = {
	"sluice_exporter_dropped_spans", "{spans}",
	"Spans that were accepted and not delivered, by reason", METRIC_COUNTER};
static const struct metric_desc metric_requests = {"sluice_exporter_requests", "{requests}",
						   "Requests sent, repeats included",
						   METRIC_COUNTER};
static const struct metric_desc metric_retries = {"sluice_exporter_retries", "{requests}",
						  "Requests sent again after a failure",
						  METRIC_COUNTER};
static const struct metric_desc metric_splits = {
	"sluice_exporter_splits", "{requests}",
	"Requests split, refused by the backend or too large for it", METRIC_COUNTER};
static const struct metric_desc metric_compressions = {
	"sluice_exporter_compressions", "{requests}",
	"Request bodies compressed; exporters that send the same one share it", METRIC_COUNTER};
static const struct metric_desc metric_in_flight = {
	"otelcol_exporter_in_flight_requests", "{requests}",
	"Current number of requests under way to the destination. [Development]", METRIC_GAUGE};

bool ledger_register(const struct ledger *ledger, struct metrics *metrics, const char *id)
{
	struct buf labels = BUF_INIT;
	metrics_label(&labels, "exporter", id);
	const char *text = buf_cstr(&labels);
	bool added = metrics_add(metrics, &metric_sent, text, &ledger->sent) &&
		     metrics_add(metrics, &metric_send_failed, text, &ledger->send_failed) &&
		     metrics_add(metrics, &metric_enqueue_failed, text, &ledger->enqueue_failed) &&
		     metrics_add(metrics, &metric_requests, text, &ledger->requests) &&
		     metrics_add(metrics, &metric_retries, text, &ledger->retries) &&
		     metrics_add(metrics, &metric_splits, text, &ledger->splits) &&
		     metrics_add(metrics, &metric_compressions, text, &ledger->compressions);
	for (int i = 0; i < DROP_REASON_COUNT && added; i++) {
		buf_reset(&labels);
		metrics_label(&labels, "exporter", id);
		metrics_label(&labels, "reason", reason_names[i]);
		added = metrics_add(metrics, &metric_dropped, buf_cstr(&labels),
				    &ledger->dropped[i]);
	}
	buf_reset(&labels);
	metrics_label(&labels, "exporter", id);
	metrics_label(&labels, "data_type", "traces");
	added = added &&
		metrics_add(metrics, &metric_in_flight, buf_cstr(&labels), &ledger->in_flight);
	buf_fini(&labels);
	return added;
}
