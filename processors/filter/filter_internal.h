/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of processors/filter/ alone. */
#ifndef SLUICE_PROCESSORS_FILTER_INTERNAL_H
#define SLUICE_PROCESSORS_FILTER_INTERNAL_H

#include "pipeline/graph/component.h"
#include "pipeline/ottl/ottl.h"

enum error_mode { ERROR_IGNORE = 0, ERROR_SILENT, ERROR_PROPAGATE };

struct filter_config {
	int error_mode;
	struct filter_traces {
		struct config_strings resource, span, spanevent;
	} traces;
	bool traces_present;
	const struct config_node *trace_conditions;
	const struct config_node *spans; /* only to refuse it by name */
};

extern const struct config_block filter_block; /* for struct filter_config */

/* One condition, with what became of it. */
struct filter_condition {
	const struct ottl_condition *condition;
	struct slice text; /* as the user wrote it: configuration, may be logged */
	struct config_loc loc;
	enum error_mode error_mode;
	uint32_t number;	/* among all of the filter, from 0 */
	struct counter dropped; /* spans; events for a spanevent condition */
	struct counter errors;
	uint64_t reported; /* of dropped, at the last report; main thread */
};

struct condition_list {
	struct filter_condition *at;
	size_t count;
};

/* What one condition did to the request under way: the shared counters are moved once a request. */
struct hits {
	uint32_t dropped, errors;
};

/* Scratch of one shard. */
struct shard_state {
	struct ottl_scratch *scratch;
	struct hits hits[]; /* by condition number; all 0 between requests */
};

struct filter {
	struct log log;
	struct condition_list conditions[OTTL_CONTEXT_COUNT]; /* by context */
	struct counter spans_filtered, events_filtered;
	struct budget *budget;
	uint64_t reported_spans; /* main thread */
};

/* Parses all conditions of ${config} into ${filter}. False when one was reported as wrong. */
bool filter_parse(struct filter *filter, const struct component_env *env,
		  const struct filter_config *config, struct config_report *report);

#endif
