/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a receiver counts beside the spans it passed on: requests that held none, that came too late,
 * and fields that nobody reads. Counters alone, so any thread may call; the one line that is said
 * about requests without a span is said once for a receiver.
 */
#include "pipeline/graph/internal.h"

void receiver_count_empty(struct receiver_port *port)
{
	counter_add(&port->counters.empty, 1);
}

void receiver_count_late(struct receiver_port *port)
{
	counter_add(&port->counters.requests_refused[REFUSAL_DEADLINE], 1);
}

void receiver_count_unread(struct receiver_port *port, const struct trace_view *view)
{
	if (view_unknown_fields(view) > 0)
		counter_add(&port->counters.fields[FIELDS_UNKNOWN], view_unknown_fields(view));
	if (view_superseded_fields(view) > 0)
		counter_add(&port->counters.fields[FIELDS_SUPERSEDED],
			    view_superseded_fields(view));
}

/* Once is enough: the counter goes on. */
void receiver_say_without_spans(struct receiver_port *port)
{
	if (!atomic_exchange_explicit(&port->said_without_spans, true, memory_order_relaxed))
		log_warn(
			&port->log,
			LOG_MSG("A request had content but no span: answered as a success, counted "
				"in sluice_receiver_requests_empty, said once. If this goes on, "
				"its sender may use a format that is not OTLP traces"));
}

void receiver_count_unknown(struct receiver_port *port, uint64_t fields, uint32_t span_count)
{
	counter_add(&port->counters.fields[FIELDS_UNKNOWN], fields);
	if (span_count == 0)
		receiver_say_without_spans(port);
}
