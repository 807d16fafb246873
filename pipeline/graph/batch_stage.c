/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunks come from any shard, and batches that the assembler has closed wait in the queue; they are
 * run on the home shard, whose view is free between requests. When the next stage has no room, the
 * first batch stays first and is tried again after a while, doubled each time.
 */
#include "pipeline/graph/batch_stage.h"

#include "pipeline/delivery/queue.h"
#include "pipeline/delivery/room.h"
#include "pipeline/graph/flow.h"
#include "pipeline/graph/internal.h"

#include <stdlib.h>

enum {
	BATCH_BYTES_MAX = 16 << 20,
	/* Between looks whether the next stage has room. */
	WAIT_MS_MIN = 5,
	WAIT_MS_MAX = 1000,
};

struct batch_stage {
	struct consumer consumer;
	struct pipeline *pipeline; /* immutable */
	size_t next;
	struct assembler *assembler;
	struct room room;   /* bytes: reserved, gathered and queued */
	struct queue queue; /* of closed batches */
	/* owned by the home loop */
	uv_timer_t timer;
	uint64_t wait_ms;
	bool timer_made, waiting, aborted;
};

static struct batch_stage *stage_of(struct consumer *consumer)
{
	return CONTAINER_OF(consumer, struct batch_stage, consumer);
}

/* ---- in ------------------------------------------------------------------------------------- */

static void reserve(struct transfer *transfer, struct admission *admission)
{
	const struct chunk *chunk = transfer->chunk;
	struct batch_stage *stage = stage_of(transfer->consumer);
	transfer->reserved = room_reserve(&stage->room, chunk->len, chunk->span_count);
	if (transfer->reserved)
		admission->reserved++;
	else
		admission->refused = true; /* it never drops */
}

static void cancel(struct transfer *transfer)
{
	const struct chunk *chunk = transfer->chunk;
	if (transfer->reserved)
		room_adjust(&stage_of(transfer->consumer)->room, -(int64_t)chunk->len,
			    -(int64_t)chunk->span_count);
}

static struct drain_wait refuse(const struct transfer *transfer, uint64_t now_ns)
{
	if (transfer->reserved)
		return (struct drain_wait){0};
	return room_refuse(&stage_of(transfer->consumer)->room, transfer->chunk->len, now_ns);
}

static void commit(struct transfer *transfer, struct ack *ack)
{
	struct batch_stage *stage = stage_of(transfer->consumer);
	struct chunk *chunk = transfer->chunk;
	struct assembled assembled;
	(void)ack; /* it is responsible from here on */
	assembler_add(stage->assembler, chunk, 1, NULL, 0, &assembled);
	/* The reservation becomes what the batches will give back, which may differ: see sender_adjust. */
	room_adjust(&stage->room, (int64_t)assembled.bytes_added - (int64_t)chunk->len,
		    -(int64_t)assembled.spans_lost);
	if (assembled.spans_lost > 0)
		pipeline_drop(stage->pipeline, DROP_MEMORY, assembled.spans_lost, NULL);
}

/* The assembler has closed a batch. */
static void take(void *arg, struct batch *batch, uint64_t targets)
{
	struct batch_stage *stage = arg;
	(void)targets;
	if (queue_push_batch(&stage->queue, batch))
		return;
	pipeline_drop(stage->pipeline, DROP_MEMORY, batch->span_count, NULL);
	room_leave(&stage->room, batch->bytes, batch->span_count);
	batch_unref(batch);
}

/* ---- the stages that follow, on the home loop ----------------------------------------------- */

static void remove_first(struct batch_stage *stage)
{
	struct batch *batch = queue_pop_batch(&stage->queue);
	room_leave(&stage->room, batch->bytes, batch->span_count);
	batch_unref(batch);
}

/* Runs one batch through the rest of the pipeline. OUTCOME_RETRY: nobody took it, later somebody
 * may. */
static enum outcome run(struct batch_stage *stage, struct batch *batch, struct err *err)
{
	struct chunk *body = batch_flatten(batch);
	if (!body)
		return OUTCOME_RETRY;
	const struct flow_from from = {.stage = stage->next};
	enum outcome outcome = flow_again(stage->pipeline, &from, stage->consumer.home, body, err);
	chunk_unref(body);
	return outcome;
}

static void on_timer(uv_timer_t *timer)
{
	struct batch_stage *stage = CONTAINER_OF(timer, struct batch_stage, timer);
	stage->waiting = false;
	queue_wake(&stage->queue);
}

static void wait_for_room(struct batch_stage *stage)
{
	stage->wait_ms = stage->wait_ms == 0 ? WAIT_MS_MIN : stage->wait_ms * 2;
	if (stage->wait_ms > WAIT_MS_MAX)
		stage->wait_ms = WAIT_MS_MAX;
	stage->waiting = true;
	/* Fails only for a timer that is being closed. */
	(void)uv_timer_start(&stage->timer, on_timer, stage->wait_ms, 0);
}

static void drop_queued(struct batch_stage *stage)
{
	struct batch *batch;
	while ((batch = queue_first_batch(&stage->queue))) {
		pipeline_drop(stage->pipeline, DROP_SHUTDOWN, batch->span_count, NULL);
		remove_first(stage);
	}
}

static void run_queued(struct queue *queue)
{
	struct batch_stage *stage = CONTAINER_OF(queue, struct batch_stage, queue);
	struct batch *batch;
	if (stage->aborted)
		drop_queued(stage);
	while (stage->timer_made && !stage->waiting && (batch = queue_first_batch(queue))) {
		struct err err = {0};
		enum outcome outcome = run(stage, batch, &err);
		if (outcome == OUTCOME_RETRY) {
			wait_for_room(stage);
			return;
		}
		stage->wait_ms = 0;
		if (outcome == OUTCOME_REJECTED)
			pipeline_drop(stage->pipeline, DROP_PERMANENT, batch->span_count, &err);
		remove_first(stage);
	}
}

/* ---- life ----------------------------------------------------------------------------------- */

static int start(struct consumer *consumer, struct err *err)
{
	struct batch_stage *stage = stage_of(consumer);
	struct loop *home = &consumer->home->loop;
	int failure = uv_timer_init(&home->uv, &stage->timer);
	if (failure)
		return err_set(err, ERR_IO, "make a timer: %s", uv_strerror(failure));
	stage->timer_made = true;
	queue_start(&stage->queue, home);
	return assembler_start(stage->assembler, home, err);
}

static uint64_t held(struct consumer *consumer)
{
	return room_spans(&stage_of(consumer)->room);
}

static void flush(struct consumer *consumer)
{
	assembler_flush(stage_of(consumer)->assembler);
}

static void abort_held(struct consumer *consumer)
{
	struct batch_stage *stage = stage_of(consumer);
	stage->aborted = true;
	assembler_flush(stage->assembler);
	drop_queued(stage);
}

static void stop(struct consumer *consumer)
{
	struct batch_stage *stage = stage_of(consumer);
	if (stage->timer_made)
		uv_close((uv_handle_t *)&stage->timer, NULL);
	stage->timer_made = false;
	assembler_stop(stage->assembler);
}

static void free_stage(struct consumer *consumer)
{
	struct batch_stage *stage = stage_of(consumer);
	uint64_t left = room_spans(&stage->room);
	struct batch *batch;
	if (left > 0)
		pipeline_drop(stage->pipeline, DROP_SHUTDOWN, left, NULL);
	while ((batch = queue_pop_batch(&stage->queue)))
		batch_unref(batch);
	assembler_free(stage->assembler);
	queue_fini(&stage->queue);
	room_fini(&stage->room);
	free(stage);
}

static const struct consumer_ops ops = {
	.reserve = reserve,
	.commit = commit,
	.cancel = cancel,
	.refuse = refuse,
	.start = start,
	.held = held,
	.flush = flush,
	.abort = abort_held,
	.stop = stop,
	.free = free_stage,
};

static const struct metric_desc metric_held = {
	"sluice_pipeline_held_spans", "{spans}",
	"Spans that wait in a batch processor in the middle of a pipeline", METRIC_GAUGE};

static double read_held(void *consumer)
{
	return (double)held(consumer);
}

static bool register_stage(struct batch_stage *stage, const char *id)
{
	struct metrics *metrics = stage->pipeline->graph->metrics;
	struct buf labels = BUF_INIT;
	metrics_label(&labels, "pipeline", stage->pipeline->id);
	bool added = assembler_register(stage->assembler, metrics, id) &&
		     metrics_add_read(metrics, &metric_held, buf_cstr(&labels), read_held,
				      &stage->consumer) &&
		     pipeline_register_drops(stage->pipeline);
	buf_fini(&labels);
	return added;
}

struct consumer *batch_stage_new(struct pipeline *pipeline, size_t next,
				 const struct batching *batching, const char *id)
{
	struct batch_stage *stage = calloc(1, sizeof(*stage));
	if (!stage)
		return NULL;
	const struct assembler_config config = {
		.spans_min = batching->spans_min,
		.spans_max = batching->spans_max,
		.bytes_min = batching->bytes_min,
		.bytes_max = batching->bytes_max > 0 ? batching->bytes_max : BATCH_BYTES_MAX,
		.timeout_ns = batching->timeout_ns,
		.take = take,
		.arg = stage};
	stage->consumer.ops = &ops;
	stage->pipeline = pipeline;
	stage->next = next;
	room_init(&stage->room, BATCH_STAGE_BYTES_MAX);
	queue_init(&stage->queue, run_queued);
	stage->assembler = assembler_new(&config, &pipeline->graph->budget, pipeline->graph->keys);
	if (stage->assembler && register_stage(stage, id))
		return &stage->consumer;
	free_stage(&stage->consumer);
	return NULL;
}
