/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory holder: a `batch` processor that other processors follow. It gathers what the stage
 * before it leaves, and runs the stages after it over each batch. It keeps a batch until the next
 * stage has taken it, pushes back when it is full (HOLDER_BYTES_MAX), and never drops, unless a
 * later processor refuses a batch for good: an error that will be the same at the next attempt would
 * block the pipeline for ever. What is dropped is counted. A crash loses what it holds: `validate`
 * says so.
 *
 * Chunks come from any shard; batches are run on the home shard, whose index is free between
 * requests.
 */
#include "pipeline/base/clock.h"
#include "pipeline/delivery/drain.h"
#include "pipeline/graph/internal.h"

#include <stdlib.h>

enum {
	HOLDER_BYTES_MAX = 64 << 20,
	HOLDER_BATCH_BYTES_MAX = 16 << 20,
	/* Between looks whether the next stage has room: doubled each time. */
	HOLDER_WAIT_MS_MIN = 5,
	HOLDER_WAIT_MS_MAX = 1000,
};

struct pending {
	struct pending *next;
	struct batch *batch;
};

struct holder {
	struct pipeline *pipeline; /* immutable */
	size_t next_stage;
	struct assembler *assembler;
	struct shard *home;
	/* shared, atomic */
	_Atomic int64_t used_bytes; /* reserved, gathered and pending; see struct sender */
	_Atomic uint64_t held_spans;
	struct drain drain;			   /* of bytes */
	struct counter dropped[DROP_REASON_COUNT]; /* spans */
	pthread_mutex_t lock;			   /* guards first, last, posted */
	struct pending *first, **last;
	bool posted;
	/* owned by the home loop */
	struct loop_task task;
	uv_timer_t timer;
	uint64_t wait_ms;
	bool timer_made, waiting, aborted;
};

static void run_pending(struct loop_task *task);

static void wake(struct holder *holder)
{
	(void)pthread_mutex_lock(&holder->lock);
	bool post = !holder->posted;
	holder->posted = true;
	(void)pthread_mutex_unlock(&holder->lock);
	if (post)
		loop_post(&holder->home->loop, &holder->task);
}

static void give(struct holder *holder, uint32_t spans, size_t bytes)
{
	int64_t used = atomic_fetch_sub(&holder->used_bytes, (int64_t)bytes) - (int64_t)bytes;
	atomic_fetch_sub(&holder->held_spans, spans);
	drain_taken(&holder->drain, spans > 0 ? bytes : 0, used <= 0, clock_monotonic_ns());
}

void pipeline_drop(const struct pipeline *pipeline, struct counter *dropped,
		   enum drop_reason reason, uint64_t spans, const struct err *why)
{
	counter_add(dropped, spans);
	log_error(&pipeline->graph->log, LOG_MSG("Sender failed. Dropping data."),
		  LOG_STR("error", why ? why->msg : ""), LOG_STR("pipeline", pipeline->id),
		  LOG_STR("reason", drop_reason_name(reason)), LOG_UINT("dropped_items", spans));
}

/* Spans that nobody will get. The caller gives their room back. */
static void count_dropped(struct holder *holder, enum drop_reason reason, uint32_t spans,
			  const struct err *why)
{
	pipeline_drop(holder->pipeline, &holder->dropped[reason], reason, spans, why);
}

/* The assembler has closed a batch. */
static void take(void *arg, struct batch *batch, uint64_t takers)
{
	struct holder *holder = arg;
	(void)takers;
	struct pending *pending = malloc(sizeof(*pending));
	if (!pending) {
		count_dropped(holder, DROP_MEMORY, batch->span_count, NULL);
		give(holder, batch->span_count, batch->bytes);
		batch_unref(batch);
		return;
	}
	*pending = (struct pending){.batch = batch};
	(void)pthread_mutex_lock(&holder->lock);
	*holder->last = pending;
	holder->last = &pending->next;
	(void)pthread_mutex_unlock(&holder->lock);
	wake(holder);
}

struct holder *holder_new(struct pipeline *pipeline, size_t next_stage,
			  const struct batching *batching)
{
	struct holder *holder = calloc(1, sizeof(*holder));
	if (!holder)
		return NULL;
	const struct assembler_config config = {
		.spans_min = batching->spans_min,
		.spans_max = batching->spans_max,
		.bytes_min = batching->bytes_min,
		.bytes_max = batching->bytes_max > 0 ? batching->bytes_max : HOLDER_BATCH_BYTES_MAX,
		.timeout_ns = batching->timeout_ns,
		.take = take,
		.arg = holder};
	holder->pipeline = pipeline;
	holder->next_stage = next_stage;
	holder->last = &holder->first;
	holder->task.run = run_pending;
	(void)pthread_mutex_init(&holder->lock, NULL);
	drain_init(&holder->drain);
	holder->assembler = assembler_new(&config, &pipeline->graph->budget, pipeline->graph->keys);
	if (!holder->assembler) {
		holder_free(holder);
		return NULL;
	}
	return holder;
}

int holder_start(struct holder *holder, struct shard *home, struct err *err)
{
	int failure = uv_timer_init(&home->loop.uv, &holder->timer);
	if (failure)
		return err_set(err, ERR_IO, "make a timer: %s", uv_strerror(failure));
	holder->timer_made = true;
	holder->home = home;
	return assembler_start(holder->assembler, &home->loop, err);
}

bool holder_reserve(struct holder *holder, size_t bytes)
{
	int64_t used = atomic_load(&holder->used_bytes);
	do {
		if (used > 0 && used + (int64_t)bytes > HOLDER_BYTES_MAX)
			return false;
	} while (!atomic_compare_exchange_weak(&holder->used_bytes, &used, used + (int64_t)bytes));
	if (used <= 0)
		drain_begin(&holder->drain, clock_monotonic_ns());
	return true;
}

struct drain_wait holder_refuse(struct holder *holder, size_t bytes, uint64_t now_ns)
{
	int64_t missing = atomic_load(&holder->used_bytes) + (int64_t)bytes - HOLDER_BYTES_MAX;
	if (missing < 0)
		missing = 0; /* there was none a moment ago */
	return drain_wait(&holder->drain, (uint64_t)missing, bytes, now_ns);
}

void holder_cancel(struct holder *holder, size_t bytes)
{
	give(holder, 0, bytes);
}

void holder_take(struct holder *holder, struct chunk *chunk)
{
	struct assembled assembled;
	atomic_fetch_add(&holder->held_spans, chunk->span_count);
	assembler_add(holder->assembler, chunk, 1, NULL, 0, &assembled);
	/* The reservation becomes what the batches will give back, which may differ: see sender_adjust. */
	atomic_fetch_add(&holder->used_bytes, (int64_t)assembled.bytes_added - (int64_t)chunk->len);
	if (assembled.spans_lost == 0)
		return;
	atomic_fetch_sub(&holder->held_spans, assembled.spans_lost);
	count_dropped(holder, DROP_MEMORY, assembled.spans_lost, NULL);
}

void holder_flush(struct holder *holder)
{
	assembler_flush(holder->assembler);
}

uint64_t holder_held_spans(const struct holder *holder)
{
	return atomic_load(&((struct holder *)(uintptr_t)holder)->held_spans);
}

/* ---- the stages that follow, on the home loop ----------------------------------------------- */

static struct pending *first_pending(struct holder *holder)
{
	(void)pthread_mutex_lock(&holder->lock);
	struct pending *first = holder->first;
	(void)pthread_mutex_unlock(&holder->lock);
	return first;
}

static void remove_first(struct holder *holder)
{
	(void)pthread_mutex_lock(&holder->lock);
	struct pending *first = holder->first;
	holder->first = first->next;
	if (!holder->first)
		holder->last = &holder->first;
	(void)pthread_mutex_unlock(&holder->lock);
	give(holder, first->batch->span_count, first->batch->bytes);
	batch_unref(first->batch);
	free(first);
}

/* Runs one batch through the rest of the pipeline. OUTCOME_RETRY: nobody took it, later somebody
 * may. */
static enum outcome run(struct holder *holder, struct batch *batch, struct err *err)
{
	struct shard *shard = holder->home;
	struct chunk *body = batch_flatten(batch);
	if (!body)
		return OUTCOME_RETRY;
	const struct flow_from from = {.stage = holder->next_stage};
	enum outcome outcome = flow_again(holder->pipeline, &from, shard, body, err);
	chunk_unref(body);
	return outcome;
}

static void on_timer(uv_timer_t *timer)
{
	struct holder *holder = CONTAINER_OF(timer, struct holder, timer);
	holder->waiting = false;
	wake(holder);
}

static void wait_for_room(struct holder *holder)
{
	holder->wait_ms = holder->wait_ms == 0 ? HOLDER_WAIT_MS_MIN : holder->wait_ms * 2;
	if (holder->wait_ms > HOLDER_WAIT_MS_MAX)
		holder->wait_ms = HOLDER_WAIT_MS_MAX;
	holder->waiting = true;
	/* Fails only for a timer that is being closed. */
	(void)uv_timer_start(&holder->timer, on_timer, holder->wait_ms, 0);
}

static void drop_pending(struct holder *holder)
{
	struct pending *pending;
	while ((pending = first_pending(holder))) {
		count_dropped(holder, DROP_SHUTDOWN, pending->batch->span_count, NULL);
		remove_first(holder);
	}
}

static void run_pending(struct loop_task *task)
{
	struct holder *holder = CONTAINER_OF(task, struct holder, task);
	struct pending *pending;
	(void)pthread_mutex_lock(&holder->lock);
	holder->posted = false;
	(void)pthread_mutex_unlock(&holder->lock);
	if (holder->aborted)
		drop_pending(holder);
	while (holder->timer_made && !holder->waiting && (pending = first_pending(holder))) {
		struct err err = {0};
		enum outcome outcome = run(holder, pending->batch, &err);
		if (outcome == OUTCOME_RETRY) {
			wait_for_room(holder);
			return;
		}
		holder->wait_ms = 0;
		if (outcome == OUTCOME_REJECTED)
			count_dropped(holder, DROP_PERMANENT, pending->batch->span_count, &err);
		remove_first(holder);
	}
}

/* ---- end ------------------------------------------------------------------------------------ */

void holder_abort(struct holder *holder)
{
	holder->aborted = true;
	assembler_flush(holder->assembler);
	drop_pending(holder);
}

void holder_stop(struct holder *holder)
{
	if (holder->timer_made)
		uv_close((uv_handle_t *)&holder->timer, NULL);
	holder->timer_made = false;
	assembler_stop(holder->assembler);
}

void holder_free(struct holder *holder)
{
	if (!holder)
		return;
	while (holder->first)
		remove_first(holder);
	assembler_free(holder->assembler);
	(void)pthread_mutex_destroy(&holder->lock);
	drain_fini(&holder->drain);
	free(holder);
}

/* ---- telemetry ------------------------------------------------------------------------------ */

static const struct metric_desc metric_held = {
	"sluice_pipeline_held_spans", "{spans}",
	"Spans that wait in a batch processor in the middle of a pipeline", METRIC_GAUGE};
static const struct metric_desc metric_dropped = {
	"sluice_pipeline_dropped_spans", "{spans}",
	"Spans that were accepted and lost between the stages of a pipeline, by reason",
	METRIC_COUNTER};

static double read_held(void *arg)
{
	return (double)holder_held_spans(arg);
}

bool pipeline_register_dropped(const struct pipeline *pipeline, struct metrics *metrics,
			       enum drop_reason reason, const struct counter *dropped)
{
	struct buf labels = BUF_INIT;
	metrics_label(&labels, "pipeline", pipeline->id);
	metrics_label(&labels, "reason", drop_reason_name(reason));
	bool added = metrics_add(metrics, &metric_dropped, buf_cstr(&labels), dropped);
	buf_fini(&labels);
	return added;
}

bool holder_register(struct holder *holder, struct metrics *metrics, const char *processor_id)
{
	static const enum drop_reason reasons[] = {DROP_MEMORY, DROP_PERMANENT, DROP_SHUTDOWN};
	struct buf labels = BUF_INIT;
	metrics_label(&labels, "pipeline", holder->pipeline->id);
	bool added = assembler_register(holder->assembler, metrics, processor_id) &&
		     metrics_add_read(metrics, &metric_held, buf_cstr(&labels), read_held, holder);
	for (size_t i = 0; i < ARRAY_COUNT(reasons) && added; i++)
		added = pipeline_register_dropped(holder->pipeline, metrics, reasons[i],
						  &holder->dropped[reasons[i]]);
	buf_fini(&labels);
	return added;
}

uint64_t holder_dropped_spans(const struct holder *holder, enum drop_reason reason)
{
	return counter_get(&holder->dropped[reason]);
}
