/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exporters of one pipeline that want the same batches: one assembler in front of several senders.
 * A request reserves room in each sender; those that had none drop it for themselves alone, unless
 * one of them insists, and the batch goes to the rest. What the assembler gathers is held by the
 * senders, whose room was reserved.
 */
#include "pipeline/graph/internal.h"

static struct exporter_group *group_of(struct consumer *consumer)
{
	return CONTAINER_OF(consumer, struct exporter_group, consumer);
}

static bool has_room(const struct transfer *transfer, size_t member)
{
	return (transfer->reserved & UINT64_C(1) << member) != 0;
}

/* ---- a request ------------------------------------------------------------------------------ */

static void reserve(struct transfer *transfer, struct admission *admission)
{
	const struct exporter_group *group = group_of(transfer->consumer);
	const struct chunk *chunk = transfer->chunk;
	transfer->reserved = 0;
	for (size_t i = 0; i < group->member_count; i++) {
		struct sender *sender = group->members[i]->sender;
		if (sender_reserve(sender, chunk->span_count, chunk->len)) {
			transfer->reserved |= UINT64_C(1) << i;
			admission->reserved++;
			continue;
		}
		admission->full++;
		admission->refused |= sender_is_required(sender);
	}
}

static void cancel(struct transfer *transfer)
{
	const struct exporter_group *group = group_of(transfer->consumer);
	const struct chunk *chunk = transfer->chunk;
	for (size_t i = 0; i < group->member_count; i++) {
		if (has_room(transfer, i))
			sender_cancel_reservation(group->members[i]->sender, chunk->span_count,
						  chunk->len);
	}
}

static struct drain_wait refuse(const struct transfer *transfer, uint64_t now_ns)
{
	const struct exporter_group *group = group_of(transfer->consumer);
	const struct chunk *chunk = transfer->chunk;
	struct drain_wait longest = {0};
	for (size_t i = 0; i < group->member_count; i++) {
		if (!has_room(transfer, i))
			longest = drain_longer(longest, sender_refuse(group->members[i]->sender,
								      chunk->span_count, chunk->len,
								      now_ns));
	}
	return longest;
}

static bool waits(struct consumer *consumer)
{
	const struct exporter_group *group = group_of(consumer);
	for (size_t i = 0; i < group->member_count; i++) {
		if (sender_waits(group->members[i]->sender))
			return true;
	}
	return false;
}

/* Of those who have reserved, the members that make the sender of the request wait. */
static uint32_t waiting_members(const struct transfer *transfer)
{
	const struct exporter_group *group = group_of(transfer->consumer);
	uint32_t waiting = 0;
	for (size_t i = 0; i < group->member_count; i++)
		waiting += has_room(transfer, i) && sender_waits(group->members[i]->sender);
	return waiting;
}

/* What became of the chunk is what its members hold. */
static void settle(struct sender *sender, const struct chunk *chunk,
		   const struct assembled *assembled, bool waited_for)
{
	if (assembled->spans_lost > 0)
		sender_count_memory(sender, assembled->spans_lost, waited_for);
	sender_adjust(sender, (int64_t)assembled->batches_opened - 1,
		      -(int64_t)assembled->spans_lost,
		      (int64_t)assembled->bytes_added - (int64_t)chunk->len);
}

static void commit(struct transfer *transfer, struct ack *ack)
{
	const struct exporter_group *group = group_of(transfer->consumer);
	struct chunk *chunk = transfer->chunk;
	struct assembled assembled = {0};
	uint32_t waiting = ack ? waiting_members(transfer) : 0;
	if (transfer->reserved != 0)
		assembler_add(group->assembler, chunk, transfer->reserved, ack, waiting,
			      &assembled);
	for (size_t i = 0; i < group->member_count; i++) {
		struct sender *sender = group->members[i]->sender;
		if (has_room(transfer, i))
			settle(sender, chunk, &assembled, waiting > 0);
		else
			sender_count_full(sender, chunk->span_count);
	}
	if (assembled.spans_lost > 0 && waiting > 0) {
		ack_expect(ack, 1);
		/* Whoever waits must not hear that all was delivered. */
		ack_finish(ack, (struct ack_result){.outcome = OUTCOME_RETRY});
	}
}

/* The assembler has closed a batch. */
static void take(void *arg, struct batch *batch, uint64_t targets)
{
	struct exporter_group *group = arg;
	for (size_t i = 0; i < group->member_count; i++) {
		if (targets & UINT64_C(1) << i)
			sender_enqueue(group->members[i]->sender, batch_ref(batch));
	}
	batch_unref(batch);
}

/* ---- life ----------------------------------------------------------------------------------- */

/* On the loop of the first member, which was started before. */
static int start(struct consumer *consumer, struct err *err)
{
	struct exporter_group *group = group_of(consumer);
	consumer->home = group->members[0]->consumer.home;
	return assembler_start(group->assembler, &consumer->home->loop, err);
}

static uint64_t held(struct consumer *consumer)
{
	(void)consumer;
	return 0; /* its members hold */
}

static void flush(struct consumer *consumer)
{
	assembler_flush(group_of(consumer)->assembler);
}

static void stop(struct consumer *consumer)
{
	assembler_stop(group_of(consumer)->assembler);
}

static void free_group(struct consumer *consumer)
{
	assembler_free(group_of(consumer)->assembler);
}

static const struct consumer_ops ops = {
	.reserve = reserve,
	.commit = commit,
	.cancel = cancel,
	.refuse = refuse,
	.waits = waits,
	.start = start,
	.held = held,
	.flush = flush,
	.stop = stop,
	.free = free_group,
};

/* ---- made ----------------------------------------------------------------------------------- */

static uint32_t clamp_u32(uint64_t number)
{
	return number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

/* What the assembler in front of ${exporter} shall do: the queue's own batching, else the
 * pipeline's, within the exporter's request bound. */
static struct assembler_config assembling(const struct pipeline *pipeline,
					  const struct exporter_node *exporter)
{
	const struct delivery_config *delivery =
		exporter->node.type->exporter->delivery(exporter->node.config);
	const struct queue_batch_config *batch = &delivery->queue.batch;
	struct batching want = pipeline->batching;
	if (delivery->queue.batch_present) {
		want = (struct batching){.timeout_ns = batch->flush_timeout_ns};
		if (batch->sizer == SIZER_BYTES) {
			want.bytes_min = batch->min_size;
			want.bytes_max = batch->max_size;
		} else {
			want.spans_min = clamp_u32(batch->min_size);
			want.spans_max = clamp_u32(batch->max_size);
		}
		if (batch->min_size == 0)
			want.timeout_ns = 0; /* any size is enough */
	}
	size_t bytes_max = delivery->max_request_bytes;
	if (want.bytes_max > 0 && want.bytes_max < bytes_max)
		bytes_max = want.bytes_max;
	return (struct assembler_config){.spans_min = want.spans_min,
					 .spans_max = want.spans_max,
					 .bytes_min = want.bytes_min,
					 .bytes_max = bytes_max,
					 .timeout_ns = want.timeout_ns,
					 .take = take};
}

static bool same_assembling(const struct assembler_config *a, const struct assembler_config *b)
{
	return a->spans_min == b->spans_min && a->spans_max == b->spans_max &&
	       a->bytes_min == b->bytes_min && a->bytes_max == b->bytes_max &&
	       a->timeout_ns == b->timeout_ns;
}

static struct exporter_group *group_for(struct pipeline *pipeline,
					const struct assembler_config *config, size_t members_max)
{
	struct graph *graph = pipeline->graph;
	for (size_t i = 0; i < pipeline->group_count; i++) {
		if (same_assembling(&pipeline->groups[i].config, config))
			return &pipeline->groups[i];
	}
	struct exporter_group *group = &pipeline->groups[pipeline->group_count];
	group->consumer.ops = &ops;
	group->config = *config;
	group->config.arg = group;
	group->members = arena_calloc(graph->arena, members_max, sizeof(struct exporter_node *));
	group->assembler = assembler_new(&group->config, &graph->budget, graph->keys);
	pipeline->group_count++;
	return group->members && group->assembler ? group : NULL;
}

static bool has_own_batch(const struct exporter_node *exporter)
{
	return exporter->node.type->exporter->delivery(exporter->node.config)->queue.batch_present;
}

bool exporter_groups_create(struct pipeline *pipeline, const struct config_pipeline *config,
			    struct config_report *report)
{
	struct graph *graph = pipeline->graph;
	size_t count = config->exporters.count;
	if (count > GRAPH_EXPORTERS_PER_PIPELINE_MAX) {
		config_problem(report, CONFIG_ERROR, config->loc, config->id, NULL,
			       "a pipeline may have at most %d exporters",
			       GRAPH_EXPORTERS_PER_PIPELINE_MAX);
		return false;
	}
	pipeline->groups = arena_calloc(graph->arena, count + 1, sizeof(*pipeline->groups));
	for (size_t i = 0; pipeline->groups && i < count; i++) {
		struct exporter_node *exporter = &graph->exporters[config->exporters.at[i].at];
		if (!exporter->sender)
			return false; /* its own problem is in the report */
		struct assembler_config want = assembling(pipeline, exporter);
		struct exporter_group *group = group_for(pipeline, &want, count);
		bool batched = pipeline->batch_id && !has_own_batch(exporter);
		if (!group ||
		    (batched && group->member_count == 0 &&
		     !assembler_register(group->assembler, graph->metrics, pipeline->batch_id)))
			return graph_no_memory(report, config->id);
		group->members[group->member_count++] = exporter;
	}
	return pipeline->groups != NULL;
}
