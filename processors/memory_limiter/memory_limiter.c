/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory limiter. Everything that grows with traffic (bodies being received, indexes, queues,
 * compressed copies) is charged to the process's byte budget when it is allocated, so the limit is
 * exact: it needs no sampling interval and no garbage collector to catch up.
 *
 *   above limit - spike (soft)  a request is refused before its index is made: UNAVAILABLE / 503
 *   at limit (hard)             the bytes of a body being received are not even taken
 *
 * The budget is the process's: with several limiters the smallest limit holds for all.
 */
#include "pipeline/base/machine.h"
#include "pipeline/graph/component.h"
#include "pipeline/trace/otlp/count_spans.h"

#include <stdlib.h>

struct memory_limiter_config {
	uint64_t check_interval_ns;
	uint32_t limit_mib, spike_limit_mib, limit_percentage, spike_limit_percentage;
};

static void check(const void *config, const struct config_node *node, const char *path,
		  struct config_report *report)
{
	const struct memory_limiter_config *limiter = config;
	struct config_loc loc = node ? node->loc : (struct config_loc){0};
	if (limiter->check_interval_ns == 0)
		config_problem(report, CONFIG_ERROR, loc, path, NULL,
			       "'check_interval' must be greater than zero");
	if (limiter->limit_mib == 0 && limiter->limit_percentage == 0)
		config_problem(report, CONFIG_ERROR, loc, path, NULL,
			       "'limit_mib' or 'limit_percentage' must be greater than zero");
	if (limiter->limit_mib > 0 && limiter->spike_limit_mib >= limiter->limit_mib)
		config_problem(report, CONFIG_ERROR, loc, path, NULL,
			       "'spike_limit_mib' must be smaller than 'limit_mib'");
	if (limiter->limit_mib == 0 && limiter->limit_percentage > 0 &&
	    limiter->spike_limit_percentage >= limiter->limit_percentage)
		config_problem(report, CONFIG_ERROR, loc, path, NULL,
			       "'spike_limit_percentage' must be smaller than 'limit_percentage'");
}

static const struct config_field fields[] = {
	CONFIG_DURATION(struct memory_limiter_config, check_interval_ns, "check_interval", "0s",
			"Must be set, as in the Collector; the limit is checked on every request."),
	CONFIG_U32(struct memory_limiter_config, limit_mib, "limit_mib", "0", 0, 4294967295.0,
		   "MiBy", "Hard limit of the bytes held."),
	CONFIG_U32(struct memory_limiter_config, spike_limit_mib, "spike_limit_mib", "0", 0,
		   4294967295.0, "MiBy",
		   "Soft limit is limit_mib less this; 0: a fifth of the "
		   "limit."),
	CONFIG_U32(struct memory_limiter_config, limit_percentage, "limit_percentage", "0", 0, 100,
		   "%",
		   "Hard limit in per cent of the cgroup's or the machine's memory; used when "
		   "limit_mib is 0."),
	CONFIG_U32(struct memory_limiter_config, spike_limit_percentage, "spike_limit_percentage",
		   "0", 0, 100, "%", "As spike_limit_mib, in per cent of memory."),
	CONFIG_IGNORED(DURATION, "min_gc_interval_when_soft_limited",
		       "Accepted; there is no collector."),
	CONFIG_IGNORED(DURATION, "min_gc_interval_when_hard_limited",
		       "Accepted; there is no collector."),
	CONFIG_IGNORED(DURATION, "max_gc_interval_when_soft_limited",
		       "Accepted; there is no collector."),
	CONFIG_IGNORED(DURATION, "max_gc_interval_when_hard_limited",
		       "Accepted; there is no collector."),
};
static const struct config_block block =
	CONFIG_BLOCK_CHECKED(struct memory_limiter_config, fields, check);

struct memory_limiter {
	/* immutable */
	struct log log;
	struct budget *budget;
	uint64_t soft_bytes;
	/* shared, atomic */
	_Atomic bool refusing;
	struct counter accepted_spans, refused_spans, refused_requests, refused_bytes;
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

#define ROW(desc, member)                                                                          \
	{                                                                                          \
		&(desc), offsetof(struct memory_limiter, member),                                  \
		{                                                                                  \
			NULL                                                                       \
		}                                                                                  \
	}
static const struct metric_row metric_rows[] = {
	ROW(metric_accepted, accepted_spans),
	ROW(metric_refused_spans, refused_spans),
	ROW(metric_refused, refused_requests),
	ROW(metric_refused_bytes, refused_bytes),
};
static const struct metric_table metrics = METRIC_TABLE("processor", metric_rows);

static void resolve_limits(const struct memory_limiter_config *config, uint64_t *ret_hard,
			   uint64_t *ret_soft)
{
	uint64_t hard = (uint64_t)config->limit_mib << 20;
	uint64_t spike = (uint64_t)config->spike_limit_mib << 20;
	if (config->limit_mib == 0) {
		uint64_t percent = machine_memory_bytes() / 100;
		hard = percent * config->limit_percentage;
		spike = percent * config->spike_limit_percentage;
	}
	if (spike == 0)
		spike = hard / 5;
	*ret_hard = hard;
	*ret_soft = hard - spike;
}

static void *create(const struct component_env *env, const void *config,
		    struct config_report *report)
{
	struct memory_limiter *self = calloc(1, sizeof(*self));
	if (!self)
		return NULL;
	uint64_t hard;
	resolve_limits(config, &hard, &self->soft_bytes);
	self->log = env->log;
	self->budget = env->budget;
	if (hard < atomic_load(&env->budget->limit))
		atomic_store(&env->budget->limit, hard);
	if (report->error_count == 0)
		log_info(&self->log, LOG_MSG("Memory limiter configured"),
			 LOG_UINT("limit_mib", hard >> 20),
			 LOG_UINT("spike_limit_mib", (hard - self->soft_bytes) >> 20));
	return self;
}

/* The body itself is already part of what is held. */
static enum outcome admit(void *arg, struct slice body, struct err *err)
{
	struct memory_limiter *self = arg;
	uint64_t held = budget_used(self->budget);
	if (LIKELY(held <= self->soft_bytes)) {
		if (UNLIKELY(atomic_load(&self->refusing)) &&
		    atomic_exchange(&self->refusing, false))
			log_info(&self->log,
				 LOG_MSG("Memory usage back within limits. Resuming normal "
					 "operation."),
				 LOG_UINT("cur_mem_mib", held >> 20));
		return OUTCOME_TAKEN;
	}
	counter_add(&self->refused_requests, 1);
	counter_add(&self->refused_bytes, body.len);
	counter_add(&self->refused_spans, count_spans(body));
	if (!atomic_exchange(&self->refusing, true))
		log_warn(&self->log, LOG_MSG("Memory usage is above soft limit. Refusing data."),
			 LOG_UINT("cur_mem_mib", held >> 20));
	(void)err_set(err, ERR_NOMEM, "data refused due to high memory usage");
	return OUTCOME_RETRY;
}

static enum outcome process(void *arg, void *state, struct trace_view *view, struct err *err)
{
	struct memory_limiter *self = arg;
	(void)state;
	(void)err;
	tally_add(edit_tally(view), &self->accepted_spans, view_live_spans(view));
	return OUTCOME_TAKEN;
}

static void destroy(void *self)
{
	free(self);
}

static const struct processor_ops ops = {
	.create = create, .admit = admit, .process = process, .destroy = destroy};

const struct component_type processor_memory_limiter = {
	.kind = COMPONENT_PROCESSOR,
	.names = {"memory_limiter"},
	.summary = "Refuses requests while too many bytes are held.",
	.config = &block,
	.metrics = &metrics,
	.processor = &ops};
