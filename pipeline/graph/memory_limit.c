/* SPDX-License-Identifier: Apache-2.0 */
/* One comparison a request; refusals are counted, and said once when they begin and when they end. */
#include "pipeline/graph/memory_limit.h"

#include "pipeline/trace/otlp/count_spans.h"

#include <stdlib.h>

struct memory_limit {
	/* immutable */
	struct log log;
	struct budget *budget;
	uint64_t soft_bytes;
	/* shared, atomic */
	_Atomic bool refusing;
	struct counter refused_spans, refused_requests, refused_bytes;
};

static const struct metric_desc metric_accepted = {
	"otelcol_processor_memory_limiter_accepted_spans", "{spans}",
	"Number of spans successfully pushed into the next component in the pipeline. [Alpha]",
	METRIC_COUNTER};
static const struct metric_desc metric_refused_spans = {
	"otelcol_processor_memory_limiter_refused_spans", "{spans}",
	"Number of spans that were rejected by the next component in the pipeline. [Alpha]",
	METRIC_COUNTER};
static const struct metric_desc metric_refused = {
	"sluice_processor_memory_limiter_refused_requests", "{requests}",
	"Requests refused before they were looked into", METRIC_COUNTER};
static const struct metric_desc metric_refused_bytes = {"sluice_processor_memory_limiter_refused",
							"By", "Bytes of refused requests",
							METRIC_COUNTER};

bool memory_limit_register_accepted(struct metrics *metrics, const char *id,
				    const struct counter *spans)
{
	struct buf labels = BUF_INIT;
	metrics_label(&labels, "processor", id);
	bool added = metrics_add(metrics, &metric_accepted, buf_cstr(&labels), spans);
	buf_fini(&labels);
	return added;
}

#define ROW(desc, member)                                                                          \
	{                                                                                          \
		&(desc), offsetof(struct memory_limit, member),                                    \
		{                                                                                  \
			NULL                                                                       \
		}                                                                                  \
	}
static const struct metric_row rows[] = {
	ROW(metric_refused_spans, refused_spans),
	ROW(metric_refused, refused_requests),
	ROW(metric_refused_bytes, refused_bytes),
};
const struct metric_table memory_limit_metrics = METRIC_TABLE("processor", rows);

struct memory_limit *memory_limit_new(const struct component_env *env, uint64_t hard_bytes,
				      uint64_t soft_bytes)
{
	struct memory_limit *limit = calloc(1, sizeof(*limit));
	if (!limit)
		return NULL;
	limit->log = env->log;
	limit->budget = env->budget;
	limit->soft_bytes = soft_bytes;
	if (hard_bytes < atomic_load(&env->budget->limit))
		atomic_store(&env->budget->limit, hard_bytes);
	return limit;
}

void memory_limit_free(struct memory_limit *limit)
{
	free(limit);
}

enum outcome memory_limit_admit(struct memory_limit *limit, struct slice body, struct err *err)
{
	uint64_t held = budget_used(limit->budget);
	if (LIKELY(held <= limit->soft_bytes)) {
		if (UNLIKELY(atomic_load(&limit->refusing)) &&
		    atomic_exchange(&limit->refusing, false))
			log_info(&limit->log,
				 LOG_MSG("Memory usage back within limits. Resuming normal "
					 "operation."),
				 LOG_UINT("cur_mem_mib", held >> 20));
		return OUTCOME_TAKEN;
	}
	counter_add(&limit->refused_requests, 1);
	counter_add(&limit->refused_bytes, body.len);
	counter_add(&limit->refused_spans, count_spans(body));
	if (!atomic_exchange(&limit->refusing, true))
		log_warn(&limit->log, LOG_MSG("Memory usage is above soft limit. Refusing data."),
			 LOG_UINT("cur_mem_mib", held >> 20));
	(void)err_set(err, ERR_NOMEM, "data refused due to high memory usage");
	return OUTCOME_RETRY;
}
