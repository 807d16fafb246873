/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory limiter: settings of a limit that the graph carries out (graph/memory_limit.h). Soft is
 * the hard limit less the spike; limits are bytes or a share of the memory of the cgroup or machine.
 */
#include "pipeline/base/machine.h"
#include "pipeline/graph/memory_limit.h"

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
	uint64_t hard_bytes, soft_bytes;
	resolve_limits(config, &hard_bytes, &soft_bytes);
	struct memory_limit *limit = memory_limit_new(env, hard_bytes, soft_bytes);
	if (limit && report->error_count == 0)
		log_info(&env->log, LOG_MSG("Memory limiter configured"),
			 LOG_UINT("limit_mib", hard_bytes >> 20),
			 LOG_UINT("spike_limit_mib", (hard_bytes - soft_bytes) >> 20));
	return limit;
}

static void destroy(void *self)
{
	memory_limit_free(self);
}

static const struct processor_ops ops = {
	.create = create, .destroy = destroy, .feature = GRAPH_MEMORY_LIMIT, .adds = ADDS_NOTHING};

const struct component_type processor_memory_limiter = {
	.kind = COMPONENT_PROCESSOR,
	.names = {"memory_limiter"},
	.summary = "Refuses requests while too many bytes are held.",
	.config = &block,
	.metrics = &memory_limit_metrics,
	.processor = &ops};
