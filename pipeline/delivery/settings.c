/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration blocks common to exporters, with the Collector's keys, defaults and errors. */
#include "pipeline/delivery/export.h"

static const char *const sizers[] = {"requests", "items", "bytes", NULL};

static void check_batch(const void *config, const struct config_node *node, const char *path,
			struct config_report *report)
{
	const struct queue_batch_config *batch = config;
	struct config_loc loc = node ? node->loc : (struct config_loc){0};
	if (batch->flush_timeout_ns == 0)
		config_problem(report, CONFIG_ERROR, loc, path, NULL,
			       "`flush_timeout` must be greater than zero");
	if (batch->max_size > 0 && batch->max_size < batch->min_size)
		config_problem(report, CONFIG_ERROR, loc, path, NULL,
			       "`max_size` must be greater than or equal to `min_size`");
	if (batch->sizer == SIZER_REQUESTS)
		config_problem(report, CONFIG_ERROR, loc, path, NULL,
			       "`batch` supports only `items` or `bytes` sizer");
}

static void check_partition(const void *config, const struct config_node *node, const char *path,
			    struct config_report *report)
{
	const struct queue_partition_config *partition = config;
	(void)node;
	if (partition->metadata_keys.count > 0)
		config_problem(report, CONFIG_ERROR, partition->metadata_keys.nodes[0]->loc, path,
			       NULL,
			       "metadata_keys: request metadata is not kept in this build; use one "
			       "pipeline per tenant");
}

static const struct config_field partition_fields[] = {
	CONFIG_STRING_LIST(struct queue_partition_config, metadata_keys, "metadata_keys",
			   "Not in this build: refused when set."),
};

static const struct config_block partition_block =
	CONFIG_BLOCK_CHECKED(struct queue_partition_config, partition_fields, check_partition);

static const struct config_field batch_fields[] = {
	CONFIG_DURATION(struct queue_batch_config, flush_timeout_ns, "flush_timeout", "200ms",
			"Send what has gathered after this."),
	CONFIG_U64(struct queue_batch_config, min_size, "min_size", "8192", 0, 1e15, "",
		   "Send when so much has gathered, in sizer units."),
	CONFIG_U64(struct queue_batch_config, max_size, "max_size", "0", 0, 1e15, "",
		   "Never more than this in one request; 0: only `max_request_bytes` bounds it."),
	CONFIG_ENUM(struct queue_batch_config, sizer, "sizer", sizers, "items",
		    "What min_size and max_size count: items (spans) or bytes."),
	CONFIG_SUB(struct queue_batch_config, partition, "partition", &partition_block,
		   "Batches by request metadata."),
};

static const struct config_block batch_block =
	CONFIG_BLOCK_CHECKED(struct queue_batch_config, batch_fields, check_batch);

static void check_queue(const void *config, const struct config_node *node, const char *path,
			struct config_report *report)
{
	const struct queue_config *queue = config;
	struct config_loc loc = node ? node->loc : (struct config_loc){0};
	const struct config_node *enabled = config_get(node, "enabled");
	if (enabled && enabled->kind == CONFIG_NULL)
		config_problem(report, CONFIG_ERROR, enabled->loc, path, NULL,
			       "'sending_queue' unexpected type <nil> for 'enabled': got '<nil>' "
			       "value expected 'true' or 'false'");
	if (!queue->enabled)
		return;
	if (queue->queue_size == 0)
		config_problem(report, CONFIG_ERROR, loc, path, NULL,
			       "`queue_size` must be positive");
	if (queue->num_consumers == 0)
		config_problem(report, CONFIG_ERROR, loc, path, NULL,
			       "`num_consumers` must be positive");
	if (queue->storage[0] && queue->wait_for_result)
		config_problem(report, CONFIG_ERROR, loc, path, NULL,
			       "`wait_for_result` is not supported with a persistent queue "
			       "configured with `storage`");
	else if (queue->storage[0])
		config_problem(report, CONFIG_ERROR, loc, path, NULL,
			       "`storage` needs a storage extension, which this build does not "
			       "have: remove it to use the memory queue");
}

static const struct config_field queue_fields[] = {
	CONFIG_BOOL(struct queue_config, enabled, "enabled", "true",
		    "false: the sender waits for the delivery itself."),
	CONFIG_U32(struct queue_config, num_consumers, "num_consumers", "10", 0, 1000, "",
		   "Requests under way at once."),
	CONFIG_U64(struct queue_config, queue_size, "queue_size", "1000", 0, 1e15, "",
		   "Capacity in sizer units, requests under way included."),
	CONFIG_ENUM(struct queue_config, sizer, "sizer", sizers, "requests",
		    "What queue_size counts: requests, items (spans) or bytes."),
	CONFIG_BOOL(struct queue_config, block_on_overflow, "block_on_overflow", "false",
		    "A full queue refuses the request for all branches, so that its sender comes "
		    "back, instead of dropping for this one."),
	CONFIG_BOOL(struct queue_config, wait_for_result, "wait_for_result", "false",
		    "Answer the sender when the backend has taken the spans."),
	CONFIG_BOOL(struct queue_config, required, "required", "false",
		    "As block_on_overflow: no room here means no acceptance at all."),
	CONFIG_STRING(struct queue_config, storage, "storage", "",
		      "Storage extension for a queue on disk."),
	CONFIG_OPTIONAL(struct queue_config, batch, batch_present, "batch", &batch_block,
			"Gather requests in the queue."),
};

const struct config_block queue_block =
	CONFIG_BLOCK_CHECKED(struct queue_config, queue_fields, check_queue);

static void check_retry(const void *config, const struct config_node *node, const char *path,
			struct config_report *report)
{
	const struct retry_config *retry = config;
	struct config_loc loc = node ? node->loc : (struct config_loc){0};
	if (!retry->enabled || retry->max_elapsed_time_ns == 0)
		return;
	if (retry->max_elapsed_time_ns < retry->initial_interval_ns)
		config_problem(report, CONFIG_ERROR, loc, path, NULL,
			       "'max_elapsed_time' must not be less than 'initial_interval'");
	if (retry->max_elapsed_time_ns < retry->max_interval_ns)
		config_problem(report, CONFIG_ERROR, loc, path, NULL,
			       "'max_elapsed_time' must not be less than 'max_interval'");
}

static const struct config_field retry_fields[] = {
	CONFIG_BOOL(struct retry_config, enabled, "enabled", "true",
		    "false: a failed request is dropped at once."),
	CONFIG_DURATION(struct retry_config, initial_interval_ns, "initial_interval", "5s",
			"Wait before the first repeat."),
	CONFIG_DURATION(struct retry_config, max_interval_ns, "max_interval", "30s",
			"Longest wait between repeats."),
	CONFIG_DURATION(struct retry_config, max_elapsed_time_ns, "max_elapsed_time", "300s",
			"Give up after this; 0: never."),
	CONFIG_DOUBLE(struct retry_config, randomization_factor, "randomization_factor", "0.5", 0,
		      1, "", "Each wait is spread by this part of itself, up and down."),
	CONFIG_DOUBLE(struct retry_config, multiplier, "multiplier", "1.5", 0, 1000, "",
		      "Each wait is this many times the one before."),
};

const struct config_block retry_block =
	CONFIG_BLOCK_CHECKED(struct retry_config, retry_fields, check_retry);
