/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The batch processor. It only says how batches shall be; who carries it out is the host:
 *   - last in its pipeline: each exporter's own assembler, which also bounds bytes and answers the
 *     sender for its own exporter only;
 *   - followed by another processor: a consumer between the two stages (graph/batch_stage.h).
 * See docs/design/delivery.md for what that means for acknowledgements.
 */
#include "pipeline/graph/component.h"

#include <stdlib.h>

struct batch_config {
	uint32_t send_batch_size, send_batch_max_size;
	uint64_t timeout_ns;
	struct config_strings metadata_keys;
};

static void check(const void *config, const struct config_node *node, const char *path,
		  struct config_report *report)
{
	const struct batch_config *batch = config;
	struct config_loc loc = node ? node->loc : (struct config_loc){0};
	if (batch->send_batch_max_size > 0 && batch->send_batch_max_size < batch->send_batch_size)
		config_problem(report, CONFIG_ERROR, loc, path, NULL,
			       "send_batch_max_size must be greater or equal to send_batch_size");
	if (batch->metadata_keys.count > 0)
		config_problem(report, CONFIG_ERROR, batch->metadata_keys.nodes[0]->loc, path, NULL,
			       "metadata_keys: request metadata is not kept in this build; use one "
			       "pipeline per tenant");
}

static const struct config_field fields[] = {
	CONFIG_U32(struct batch_config, send_batch_size, "send_batch_size", "8192", 0, 4294967295.0,
		   "{span}",
		   "Send as soon as so many spans have gathered; 0: each "
		   "request at once."),
	CONFIG_DURATION(struct batch_config, timeout_ns, "timeout", "200ms",
			"Send what has gathered after this; 0: each request at once."),
	CONFIG_U32(struct batch_config, send_batch_max_size, "send_batch_max_size", "0", 0,
		   4294967295.0, "{span}",
		   "Never more in one request; 0: no bound but the "
		   "exporter's max_request_bytes."),
	CONFIG_STRING_LIST(struct batch_config, metadata_keys, "metadata_keys",
			   "Not in this build: refused when set."),
	CONFIG_IGNORED(U32, "metadata_cardinality_limit", "Accepted; see metadata_keys."),
};
static const struct config_block block = CONFIG_BLOCK_CHECKED(struct batch_config, fields, check);

static void *create(const struct component_env *env, const void *config,
		    struct config_report *report)
{
	(void)report;
	const struct batch_config *batch = config;
	struct batching *self = arena_calloc(env->arena, 1, sizeof(*self));
	bool at_once = batch->send_batch_size == 0; /* the Collector makes no timer then */
	if (self)
		*self = (struct batching){.spans_min = batch->send_batch_size,
					  .spans_max = batch->send_batch_max_size,
					  .timeout_ns = at_once ? 0 : batch->timeout_ns};
	return self;
}

static const struct processor_ops ops = {
	.create = create, .feature = GRAPH_BATCH, .adds = ADDS_NOTHING};

const struct component_type processor_batch = {
	.kind = COMPONENT_PROCESSOR,
	.names = {"batch"},
	.summary = "Gathers spans into larger requests, by count, bytes and time.",
	.config = &block,
	.processor = &ops};
