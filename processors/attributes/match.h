/* SPDX-License-Identifier: Apache-2.0 */
/* Which spans the attributes processor acts on: `include` and `exclude`, as the Collector's. */
#ifndef SLUICE_PROCESSORS_ATTRIBUTES_MATCH_H
#define SLUICE_PROCESSORS_ATTRIBUTES_MATCH_H

#include "processors/attribute_actions/actions.h"

struct match_config {
	const char *match_type;
	struct config_strings services, span_names, span_kinds;
	struct config_blocks attributes, resources, libraries;
	struct config_strings log_bodies, log_severity_texts, metric_names;
	const struct config_node *log_severity_number;
};

extern const struct config_block match_block; /* for struct match_config */

struct match; /* immutable: asked by all shards at once */

/* NULL: what is wrong is in ${report}. */
MUST_CHECK struct match *match_new(const struct component_env *env,
				   const struct match_config *config, struct config_report *report);
void match_free(struct match *match);

/* Whether ${span} has all the properties that are asked for. ${doubt} is the answer where memory was
 * too short to search. */
bool match_span(const struct match *match, struct attribute_scratch *scratch,
		const struct trace_view *view, uint32_t span, bool doubt);

#endif
