/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger's counters as metrics, and their sums. */
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
	"otelcol_exporter_sent_spans", "{span}",
	"Number of spans successfully sent to destination. [Alpha]", METRIC_COUNTER};
static const struct metric_desc metric_send_failed = {
	"otelcol_exporter_send_failed_spans", "{span}",
	"Number of spans in failed attempts to send to destination. [Alpha]", METRIC_COUNTER};
static const struct metric_desc metric_enqueue_failed = {
	"otelcol_exporter_enqueue_failed_spans", "{span}",
	"Number of spans failed to be added to the sending queue. [Alpha]", METRIC_COUNTER};
static const struct metric_desc metric_dropped = {
	"sluice_exporter_dropped_spans", "{spans}",
	"Spans that were accepted and not delivered, by reason", METRIC_COUNTER};
static const struct metric_desc metric_returned = {
	"sluice_exporter_returned_spans", "{spans}",
	"Spans not delivered whose sender waited for the result and was told so", METRIC_COUNTER};
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
	"otelcol_exporter_in_flight_requests", "{request}",
	"Number of export requests currently in-flight (including retry backoff). [Development]",
	METRIC_GAUGE};
static const struct metric_desc metric_batch_spans = {
	"otelcol_exporter_queue_batch_send_size", "{unit}",
	"Number of units in the batch. Only recorded when batching is enabled. [Development]",
	METRIC_HISTOGRAM};
static const struct metric_desc metric_batch_bytes = {
	"otelcol_exporter_queue_batch_send_size_bytes", "By",
	"Number of bytes in batch that was sent. Only recorded when batching is enabled. "
	"[Development]",
	METRIC_HISTOGRAM};

void ledger_init(struct ledger *ledger)
{
	*ledger = (struct ledger){.batch_spans = {.bounds = &histogram_items},
				  .batch_bytes = {.bounds = &histogram_bytes}};
}

void ledger_fail(struct ledger *ledger, enum drop_reason reason, bool returned, uint64_t spans)
{
	counter_add(&ledger->send_failed, spans);
	counter_add(returned ? &ledger->returned : &ledger->dropped[reason], spans);
}

static bool register_dropped(const struct ledger *ledger, struct metrics *metrics, const char *id)
{
	struct buf labels = BUF_INIT;
	bool added = true;
	for (int i = 0; i < DROP_REASON_COUNT && added; i++) {
		buf_reset(&labels);
		metrics_label(&labels, "exporter", id);
		metrics_label(&labels, "reason", reason_names[i]);
		added = metrics_add(metrics, &metric_dropped, buf_cstr(&labels),
				    &ledger->dropped[i]);
	}
	buf_fini(&labels);
	return added;
}

/* What the Collector labels with the server that it is about. */
static bool register_sent(const struct ledger *ledger, struct metrics *metrics, const char *labels,
			  bool batches)
{
	if (!metrics_add(metrics, &metric_sent, labels, &ledger->sent) ||
	    !metrics_add(metrics, &metric_send_failed, labels, &ledger->send_failed))
		return false;
	return !batches ||
	       (metrics_add_histogram(metrics, &metric_batch_spans, labels, &ledger->batch_spans) &&
		metrics_add_histogram(metrics, &metric_batch_bytes, labels, &ledger->batch_bytes));
}

bool ledger_register(const struct ledger *ledger, struct metrics *metrics, const char *id,
		     const char *target, bool batches)
{
	struct buf labels = BUF_INIT, sent_labels = BUF_INIT;
	metrics_label(&labels, "exporter", id);
	const char *text = buf_cstr(&labels);
	buf_printf(&sent_labels, "%s%s%s", text, target[0] ? "," : "", target);
	bool added = register_sent(ledger, metrics, buf_cstr(&sent_labels), batches) &&
		     metrics_add(metrics, &metric_enqueue_failed, text, &ledger->enqueue_failed) &&
		     metrics_add(metrics, &metric_returned, text, &ledger->returned) &&
		     metrics_add(metrics, &metric_requests, text, &ledger->requests) &&
		     metrics_add(metrics, &metric_retries, text, &ledger->retries) &&
		     metrics_add(metrics, &metric_splits, text, &ledger->splits) &&
		     metrics_add(metrics, &metric_compressions, text, &ledger->compressions) &&
		     register_dropped(ledger, metrics, id);
	metrics_label(&labels, "data_type", "traces");
	added = added &&
		metrics_add(metrics, &metric_in_flight, buf_cstr(&labels), &ledger->in_flight);
	buf_fini(&labels);
	buf_fini(&sent_labels);
	return added;
}
