/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The waiting room: spans that a processor holds back because another request of their trace may
 * say what they lack. They wait encoded, as they were before the processor, and run from there on
 * when what they wait for has come, or when their time is over.
 *
 * As every memory holder it keeps what it took until the next one has taken it, pushes back when it
 * is full (WAITING_BYTES_MAX) and never drops; a crash loses what is in it. Spans come from any
 * shard; they leave on the home shard, whose index is free between requests.
 */
#include "pipeline/base/clock.h"
#include "pipeline/graph/internal.h"
#include "pipeline/trace/otlp/encode.h"

#include <stdlib.h>

enum {
	WAITING_BYTES_MAX = 16 << 20,
	LOOK_INTERVAL_MS = 200, /* between two looks whether something has come */
	RUNS_PER_LOOK = 32,	/* then the loop has its turn */
};

/* The held spans of one request. */
struct waiting {
	struct waiting *next;
	struct waiting_room *room;
	struct chunk *chunk;
	uint64_t due_ns; /* monotonic */
	size_t bytes;	 /* that count against the limit */
	bool again;	 /* it waited before */
	uint32_t trace_count;
	uint8_t trace_ids[]; /* of 16 bytes each; neighbours differ */
};

struct waiting_room {
	struct waiting_room_config config; /* immutable */
	struct shard *home;
	_Atomic uint64_t used_bytes, spans; /* reserved */
	_Atomic bool flushed;
	struct counter held, refused, left; /* spans */
	pthread_mutex_t lock;		    /* guards first, last, posted */
	struct waiting *first, **last;
	bool posted;
	struct loop_task task, stop_task;
	/* owned by the home loop */
	uv_timer_t timer;
	bool timer_made;
};

static void run_look(struct loop_task *task);

struct waiting_room *waiting_room_new(const struct waiting_room_config *config)
{
	struct waiting_room *room = calloc(1, sizeof(*room));
	if (!room)
		return NULL;
	room->config = *config;
	room->last = &room->first;
	room->task.run = run_look;
	(void)pthread_mutex_init(&room->lock, NULL);
	return room;
}

int waiting_room_start(struct waiting_room *room, struct shard *home, struct err *err)
{
	int failure = uv_timer_init(&home->loop.uv, &room->timer);
	if (failure)
		return err_set(err, ERR_IO, "make a timer: %s", uv_strerror(failure));
	room->timer_made = true;
	room->home = home;
	return 0;
}

/* ---- in ------------------------------------------------------------------------------------- */

static uint32_t list_traces(const struct trace_view *view, uint8_t *out)
{
	uint32_t count = 0;
	for (uint32_t span = 0; span < view_span_count(view); span++) {
		struct slice id = view_span_trace_id(view, span);
		if (!view_span_held(view, span) || id.len == 0)
			continue;
		if (count > 0 &&
		    memcmp(out + (size_t)(count - 1) * TRACE_ID_BYTES, id.ptr, id.len) == 0)
			continue;
		memcpy(out + (size_t)count++ * TRACE_ID_BYTES, id.ptr, id.len);
	}
	return count;
}

struct waiting *waiting_new(struct waiting_room *room, struct shard *shard, uint64_t due_ns,
			    struct err *err)
{
	size_t ids_bytes = (size_t)view_held_spans(shard->view) * TRACE_ID_BYTES;
	struct waiting *waiting = malloc(sizeof(*waiting) + ids_bytes);
	if (!waiting) {
		(void)err_set(err, ERR_NOMEM, "out of memory for spans that wait");
		return NULL;
	}
	*waiting = (struct waiting){.room = room, .due_ns = due_ns, .again = due_ns > 0};
	if (due_ns == 0)
		waiting->due_ns = clock_monotonic_ns() + room->config.wait_ns;
	if (trace_encode_held(shard->view, shard->server->budget, &waiting->chunk, err) != 0) {
		free(waiting);
		return NULL;
	}
	waiting->trace_count = list_traces(shard->view, waiting->trace_ids);
	waiting->bytes = waiting->chunk->capacity + sizeof(*waiting) + ids_bytes;
	return waiting;
}

struct chunk *waiting_chunk(const struct waiting *waiting)
{
	return waiting->chunk;
}

bool waiting_reserve(const struct waiting *waiting)
{
	struct waiting_room *room = waiting->room;
	uint64_t used = atomic_load(&room->used_bytes);
	do {
		if (used > 0 && used + waiting->bytes > WAITING_BYTES_MAX)
			return false;
	} while (!atomic_compare_exchange_weak(&room->used_bytes, &used, used + waiting->bytes));
	atomic_fetch_add(&room->spans, waiting->chunk->span_count);
	return true;
}

void waiting_cancel(const struct waiting *waiting)
{
	atomic_fetch_sub(&waiting->room->spans, waiting->chunk->span_count);
	atomic_fetch_sub(&waiting->room->used_bytes, waiting->bytes);
}

void waiting_free(struct waiting *waiting)
{
	if (!waiting)
		return;
	chunk_unref(waiting->chunk);
	free(waiting);
}

static void wake(struct waiting_room *room)
{
	(void)pthread_mutex_lock(&room->lock);
	bool post = !room->posted;
	room->posted = true;
	(void)pthread_mutex_unlock(&room->lock);
	if (post)
		loop_post(&room->home->loop, &room->task);
}

void waiting_take(struct waiting *waiting)
{
	struct waiting_room *room = waiting->room;
	if (!waiting->again)
		counter_add(&room->held, waiting->chunk->span_count);
	(void)pthread_mutex_lock(&room->lock);
	bool first = room->first == NULL;
	*room->last = waiting;
	room->last = &waiting->next;
	(void)pthread_mutex_unlock(&room->lock);
	if (first)
		wake(room);
}

/* ---- out ------------------------------------------------------------------------------------ */

static bool has_come(const struct waiting_room *room, const struct waiting *waiting)
{
	const struct node *node = &room->config.processor->node;
	for (uint32_t i = 0; i < waiting->trace_count; i++) {
		const uint8_t *id = waiting->trace_ids + (size_t)i * TRACE_ID_BYTES;
		if (node->type->processor->hold_over(node->self, slice_of(id, TRACE_ID_BYTES)))
			return true;
	}
	return false;
}

/* Only the home loop removes; others append behind. */
static void remove_after(struct waiting_room *room, struct waiting **at)
{
	struct waiting *waiting = *at;
	(void)pthread_mutex_lock(&room->lock);
	*at = waiting->next;
	if (room->last == &waiting->next)
		room->last = at;
	(void)pthread_mutex_unlock(&room->lock);
	waiting_cancel(waiting);
	waiting_free(waiting);
}

/* Runs what waited from its processor on. False: it has to stay. */
static bool leave(struct waiting_room *room, const struct waiting *waiting, bool final)
{
	struct err err = {0};
	const struct flow_from from = {.stage = room->config.stage,
				       .processor = room->config.at,
				       .due_ns = waiting->due_ns,
				       .final = final};
	enum outcome outcome =
		flow_again(room->config.pipeline, &from, room->home, waiting->chunk, &err);
	if (outcome == OUTCOME_RETRY)
		return false;
	if (outcome == OUTCOME_REJECTED)
		pipeline_drop(room->config.pipeline, &room->refused, DROP_PERMANENT,
			      waiting->chunk->span_count, &err);
	return true;
}

static struct waiting *next_of(struct waiting_room *room, struct waiting **at)
{
	(void)pthread_mutex_lock(&room->lock);
	struct waiting *waiting = *at;
	(void)pthread_mutex_unlock(&room->lock);
	return waiting;
}

static void on_timer(uv_timer_t *timer);

/* One look at all who wait. */
static void look(struct waiting_room *room)
{
	uint64_t now_ns = clock_monotonic_ns();
	uint64_t interval_ms = LOOK_INTERVAL_MS;
	bool flushed = atomic_load(&room->flushed);
	struct waiting **at = &room->first, *waiting;
	int runs = 0;
	while ((waiting = next_of(room, at))) {
		bool final = flushed || now_ns >= waiting->due_ns;
		if (!final && !has_come(room, waiting)) {
			at = &waiting->next;
			continue;
		}
		if (runs++ == RUNS_PER_LOOK) {
			interval_ms = 1;
			break;
		}
		if (!leave(room, waiting, final))
			break; /* what follows is full: at the next look */
		remove_after(room, at);
	}
	if (waiting_room_held_spans(room) > 0)
		(void)uv_timer_start(&room->timer, on_timer, interval_ms, 0);
}

static void on_timer(uv_timer_t *timer)
{
	look(CONTAINER_OF(timer, struct waiting_room, timer));
}

static void run_look(struct loop_task *task)
{
	struct waiting_room *room = CONTAINER_OF(task, struct waiting_room, task);
	(void)pthread_mutex_lock(&room->lock);
	room->posted = false;
	(void)pthread_mutex_unlock(&room->lock);
	if (room->timer_made)
		look(room);
}

/* ---- end ------------------------------------------------------------------------------------ */

void waiting_room_flush(struct waiting_room *room)
{
	atomic_store(&room->flushed, true);
	wake(room);
}

uint64_t waiting_room_held_spans(const struct waiting_room *room)
{
	return atomic_load(&((struct waiting_room *)(uintptr_t)room)->spans);
}

static void run_stop(struct loop_task *task)
{
	struct waiting_room *room = CONTAINER_OF(task, struct waiting_room, stop_task);
	if (room->timer_made)
		uv_close((uv_handle_t *)&room->timer, NULL);
	room->timer_made = false;
}

void waiting_room_post_stop(struct waiting_room *room)
{
	room->stop_task.run = run_stop;
	if (room->home)
		loop_post(&room->home->loop, &room->stop_task);
}

void waiting_room_free(struct waiting_room *room)
{
	uint64_t lost = 0;
	if (!room)
		return;
	while (room->first) {
		struct waiting *waiting = room->first;
		room->first = waiting->next;
		lost += waiting->chunk->span_count;
		waiting_free(waiting);
	}
	if (lost > 0)
		pipeline_drop(room->config.pipeline, &room->left, DROP_SHUTDOWN, lost, NULL);
	(void)pthread_mutex_destroy(&room->lock);
	free(room);
}

/* ---- telemetry ------------------------------------------------------------------------------ */

static const struct metric_desc metric_waiting = {
	"sluice_processor_waiting_bytes", "By",
	"Bytes of spans that the processor holds back until another request of their trace comes",
	METRIC_GAUGE};
static const struct metric_desc metric_held = {
	"sluice_processor_held", "{spans}",
	"Spans that the processor held back until another request of their trace came",
	METRIC_COUNTER};

static double read_bytes(void *room)
{
	return (double)atomic_load(&((struct waiting_room *)room)->used_bytes);
}

bool waiting_room_register(struct waiting_room *room, struct metrics *metrics)
{
	const struct pipeline *pipeline = room->config.pipeline;
	struct buf labels = BUF_INIT;
	metrics_label(&labels, "pipeline", pipeline->id);
	metrics_label(&labels, "processor", room->config.processor->node.id);
	bool added =
		metrics_add_read(metrics, &metric_waiting, buf_cstr(&labels), read_bytes, room) &&
		metrics_add(metrics, &metric_held, buf_cstr(&labels), &room->held) &&
		pipeline_register_dropped(pipeline, metrics, DROP_PERMANENT, &room->refused) &&
		pipeline_register_dropped(pipeline, metrics, DROP_SHUTDOWN, &room->left);
	buf_fini(&labels);
	return added;
}
