/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory holder: a `batch` processor that other processors follow. It gathers what the stage
 * before it leaves, and runs the stages after it over each batch. It keeps a batch until the next
 * stage has taken it, pushes back when it is full (HOLDER_BYTES_MAX), and never drops, unless a
 * later processor refuses a batch for good. A crash loses what it holds: `validate` says so.
 *
 * Chunks come from any shard; batches are run on the home shard, whose index is free between
 * requests.
 */
#include "pipeline/base/clock.h"
#include "pipeline/graph/internal.h"

#include <stdlib.h>

enum { HOLDER_BYTES_MAX = 64 << 20, HOLDER_BATCH_BYTES_MAX = 16 << 20 };

struct pending {
	struct pending *next;
	struct batch *batch;
};

struct holder {
	struct pipeline *pipeline; /* immutable */
	size_t next_stage;
	struct assembler *assembler;
	struct shard *home;
	_Atomic uint64_t used_bytes; /* reserved, gathered and pending */
	pthread_mutex_t lock;	     /* guards first, last, posted */
	struct pending *first, **last;
	bool posted;
	/* owned by the home loop */
	struct loop_task task;
	uv_timer_t timer;
	bool timer_made, waiting;
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

/* The assembler has closed a batch. */
static void take(void *arg, struct batch *batch, uint64_t takers)
{
	struct holder *holder = arg;
	(void)takers;
	struct pending *pending = malloc(sizeof(*pending));
	if (!pending) {
		log_error(&holder->pipeline->graph->log, LOG_MSG("Dropping data. Out of memory"),
			  LOG_STR("pipeline", holder->pipeline->id),
			  LOG_UINT("dropped_items", batch->span_count));
		holder_cancel(holder, batch->bytes);
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
	const struct assembler_config config = {.spans_min = batching->spans_min,
						.spans_max = batching->spans_max,
						.bytes_min = batching->bytes_min,
						.bytes_max = batching->bytes_max > 0
								     ? batching->bytes_max
								     : HOLDER_BATCH_BYTES_MAX,
						.timeout_ns = batching->timeout_ns,
						.take = take,
						.arg = holder};
	holder->pipeline = pipeline;
	holder->next_stage = next_stage;
	holder->last = &holder->first;
	holder->task.run = run_pending;
	(void)pthread_mutex_init(&holder->lock, NULL);
	holder->assembler =
		assembler_new(&config, &pipeline->graph->budget, pipeline->graph->keys);
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
	uint64_t used = atomic_load(&holder->used_bytes);
	do {
		if (used > 0 && used + bytes > HOLDER_BYTES_MAX)
			return false;
	} while (!atomic_compare_exchange_weak(&holder->used_bytes, &used, used + bytes));
	return true;
}

void holder_cancel(struct holder *holder, size_t bytes)
{
	atomic_fetch_sub(&holder->used_bytes, bytes);
}

void holder_take(struct holder *holder, struct chunk *chunk)
{
	struct assembled assembled;
	if (assembler_add(holder->assembler, chunk, 1, NULL, 0, &assembled) &&
	    assembled.spans_lost == 0)
		return;
	log_error(&holder->pipeline->graph->log, LOG_MSG("Dropping data. Out of memory"),
		  LOG_STR("pipeline", holder->pipeline->id),
		  LOG_UINT("dropped_items", assembled.spans_lost > 0 ? assembled.spans_lost
								     : chunk->span_count));
	if (assembled.spans_lost == 0)
		holder_cancel(holder, chunk->len);
}

void holder_flush(struct holder *holder)
{
	assembler_flush(holder->assembler);
}

bool holder_is_empty(const struct holder *holder)
{
	return atomic_load(&((struct holder *)(uintptr_t)holder)->used_bytes) == 0;
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
	holder_cancel(holder, first->batch->bytes);
	batch_unref(first->batch);
	free(first);
}

/* Runs one batch through the rest of the pipeline. PROCESS_RETRY: nobody took it. */
static enum process_outcome run(struct holder *holder, struct batch *batch,
				uint64_t *ret_wait_ns, struct err *err)
{
	struct shard *shard = holder->home;
	struct chunk *body = batch_flatten(batch);
	*ret_wait_ns = NS_PER_S;
	if (!body)
		return PROCESS_RETRY;
	const struct flow_from from = {.stage = holder->next_stage};
	enum process_outcome outcome =
		flow_again(holder->pipeline, &from, shard, body, err);
	chunk_unref(body);
	return outcome;
}

static void on_timer(uv_timer_t *timer)
{
	struct holder *holder = CONTAINER_OF(timer, struct holder, timer);
	holder->waiting = false;
	wake(holder);
}

static void run_pending(struct loop_task *task)
{
	struct holder *holder = CONTAINER_OF(task, struct holder, task);
	struct pending *pending;
	(void)pthread_mutex_lock(&holder->lock);
	holder->posted = false;
	(void)pthread_mutex_unlock(&holder->lock);
	while (holder->timer_made && !holder->waiting && (pending = first_pending(holder))) {
		struct err err = {0};
		uint64_t wait_ns;
		enum process_outcome outcome = run(holder, pending->batch, &wait_ns, &err);
		if (outcome == PROCESS_RETRY) {
			holder->waiting = true;
			(void)uv_timer_start(&holder->timer, on_timer, wait_ns / NS_PER_MS, 0);
			return;
		}
		if (outcome == PROCESS_REJECT)
			log_error(&holder->pipeline->graph->log,
				  LOG_MSG("Sender failed. Dropping data."), LOG_ERR(&err),
				  LOG_UINT("dropped_items", pending->batch->span_count));
		remove_first(holder);
	}
}

/* ---- end ------------------------------------------------------------------------------------ */

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
	free(holder);
}
