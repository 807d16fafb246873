/* SPDX-License-Identifier: Apache-2.0 */
/* Spans that were accepted and lost between the stages of a pipeline: counted by reason, and said. */
#include "pipeline/graph/internal.h"

static const struct metric_desc metric_dropped = {
	"sluice_pipeline_dropped_spans", "{spans}",
	"Spans that were accepted and lost between the stages of a pipeline, by reason",
	METRIC_COUNTER};

void pipeline_drop(struct pipeline *pipeline, enum drop_reason reason, uint64_t spans,
		   const struct err *why)
{
	counter_add(&pipeline->dropped[reason], spans);
	log_error(&pipeline->graph->log, LOG_MSG("Sender failed. Dropping data."),
		  LOG_STR("error", why ? why->msg : ""), LOG_STR("pipeline", pipeline->id),
		  LOG_STR("reason", drop_reason_name(reason)), LOG_UINT("dropped_items", spans));
}

bool pipeline_register_drops(struct pipeline *pipeline)
{
	static const enum drop_reason reasons[] = {DROP_MEMORY, DROP_PERMANENT, DROP_SHUTDOWN};
	struct buf labels = BUF_INIT;
	bool added = true;
	for (size_t i = 0; i < ARRAY_COUNT(reasons) && !pipeline->drops_registered; i++) {
		buf_reset(&labels);
		metrics_label(&labels, "pipeline", pipeline->id);
		metrics_label(&labels, "reason", drop_reason_name(reasons[i]));
		added &= metrics_add(pipeline->graph->metrics, &metric_dropped, buf_cstr(&labels),
				     &pipeline->dropped[reasons[i]]);
	}
	pipeline->drops_registered = true;
	buf_fini(&labels);
	return added;
}
