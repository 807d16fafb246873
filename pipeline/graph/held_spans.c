/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spans come from any shard, those of one request together, through a queue. The home loop keeps
 * them in a list of its own, in the order in which they came, and looks every LOOK_INTERVAL_MS who
 * may go; its shard's view is free between requests.
 */
#include "pipeline/graph/held_spans.h"

#include "pipeline/base/clock.h"
#include "pipeline/delivery/queue.h"
#include "pipeline/delivery/room.h"
#include "pipeline/graph/flow.h"
#include "pipeline/graph/internal.h"
#include "pipeline/trace/otlp/encode.h"

#include <stdlib.h>

enum {
	HELD_BYTES_MAX = 16 << 20,
	LOOK_INTERVAL_MS = 200, /* between two looks whether something has come */
	RUNS_PER_LOOK = 32,	/* then the loop has its turn */
};

/* The held spans of one request. */
struct held_request {
	struct queue_item item;
	struct held_request *next; /* in the home loop's list */
	struct chunk *chunk;
	uint64_t due_ns; /* monotonic */
	size_t bytes;	 /* that count against the limit */
	bool again;	 /* it was held before */
	bool may_run;	 /* more is known than when it ran last */
	uint32_t trace_count;
	struct held_trace {
		uint64_t known; /* before it ran last, as hold_ops says; at first nothing */
		uint8_t id[TRACE_ID_BYTES];
	} traces[]; /* neighbours differ */
};

struct held_spans {
	struct consumer consumer;
	/* immutable */
	struct pipeline *pipeline;
	const struct processor_node *processor;
	size_t stage, at; /* where in the pipeline the processor is */
	uint64_t wait_ns;
	/* shared: each guards itself */
	struct room room; /* bytes */
	struct queue queue;
	_Atomic bool flushed;
	struct counter held; /* spans */
	/* owned by the home loop */
	struct held_request *first, **last;
	uv_timer_t timer;
	bool timer_made, aborted;
};

static struct held_spans *spans_of(struct consumer *consumer)
{
	return CONTAINER_OF(consumer, struct held_spans, consumer);
}

static void free_request(struct held_request *request)
{
	chunk_unref(request->chunk);
	free(request);
}

/* ---- in ------------------------------------------------------------------------------------- */

static void list_traces(const struct trace_view *view, struct held_request *request)
{
	for (uint32_t span = 0; span < view_span_count(view); span++) {
		struct slice id = view_span_trace_id(view, span);
		struct held_trace *trace = &request->traces[request->trace_count];
		if (!view_span_held(view, span) || id.len == 0)
			continue;
		if (request->trace_count > 0 && memcmp(trace[-1].id, id.ptr, id.len) == 0)
			continue;
		*trace = (struct held_trace){.known = 0};
		memcpy(trace->id, id.ptr, id.len);
		request->trace_count++;
	}
}

/* What was known when ${request} ran as a part of ${before}. The traces come in the same order; one
 * that is not found there runs once too often. */
static void inherit_known(struct held_request *request, const struct held_request *before)
{
	uint32_t at = 0;
	for (uint32_t i = 0; i < request->trace_count; i++) {
		struct held_trace *trace = &request->traces[i];
		while (at < before->trace_count &&
		       memcmp(before->traces[at].id, trace->id, TRACE_ID_BYTES) != 0)
			at++;
		if (at < before->trace_count)
			trace->known = before->traces[at].known;
	}
}

/* Spans that were held before keep their time. */
static enum outcome prepare(struct consumer *consumer, struct shard *shard,
			    const struct flow_from *from, struct transfer *transfer,
			    struct err *err)
{
	const struct held_request *before = from ? from->again : NULL;
	size_t traces_bytes = (size_t)view_held_spans(shard->view) * sizeof(struct held_trace);
	struct held_request *request = malloc(sizeof(*request) + traces_bytes);
	if (!request) {
		(void)err_set(err, ERR_NOMEM, "out of memory for spans that wait");
		return OUTCOME_RETRY;
	}
	*request = (struct held_request){.due_ns = before ? before->due_ns
							  : clock_monotonic_ns() +
								    spans_of(consumer)->wait_ns,
					 .again = before != NULL};
	if (trace_encode_held(shard->view, shard->server->budget, &request->chunk, err) != 0) {
		free(request);
		return flow_outcome(err);
	}
	list_traces(shard->view, request);
	if (before)
		inherit_known(request, before);
	request->bytes = request->chunk->capacity + sizeof(*request) + traces_bytes;
	transfer->chunk = chunk_ref(request->chunk);
	transfer->detail = request;
	return OUTCOME_TAKEN;
}

static void reserve(struct transfer *transfer, struct admission *admission)
{
	const struct held_request *request = transfer->detail;
	struct held_spans *spans = spans_of(transfer->consumer);
	if (spans->processor->node.type->processor->holds->pass_when_full) {
		/* It was looked at before the run; whoever is behind is let pass. */
		room_adjust(&spans->room, (int64_t)request->bytes, request->chunk->span_count);
		transfer->reserved = true;
	} else {
		transfer->reserved =
			room_reserve(&spans->room, request->bytes, request->chunk->span_count);
	}
	if (transfer->reserved)
		admission->reserved++;
	else
		admission->refused = true; /* it never drops */
}

static void cancel(struct transfer *transfer)
{
	struct held_request *request = transfer->detail;
	if (transfer->reserved)
		room_adjust(&spans_of(transfer->consumer)->room, -(int64_t)request->bytes,
			    -(int64_t)request->chunk->span_count);
	free_request(request);
}

static struct drain_wait refuse(const struct transfer *transfer, uint64_t now_ns)
{
	static const struct drain_wait none, one_second = {NS_PER_S, NS_PER_S};
	(void)now_ns; /* it empties by time alone, so how fast it did says nothing */
	return transfer->reserved ? none : one_second;
}

static void commit(struct transfer *transfer, struct ack *ack)
{
	struct held_spans *spans = spans_of(transfer->consumer);
	struct held_request *request = transfer->detail;
	(void)ack; /* it is responsible from here on */
	if (!request->again)
		counter_add(&spans->held, request->chunk->span_count);
	queue_push(&spans->queue, &request->item);
}

bool held_spans_full(struct consumer *consumer)
{
	const struct room *room = &spans_of(consumer)->room;
	return room_used(room) >= room_capacity(room);
}

/* ---- out, on the home loop ------------------------------------------------------------------ */

/* Notes what is known of its traces by now. Before the run, so that what comes during it is seen to
 * differ at the next look. */
static void look_at(const struct held_spans *spans, struct held_request *request)
{
	const struct node *node = &spans->processor->node;
	const struct hold_ops *holds = node->type->processor->holds;
	for (uint32_t i = 0; i < request->trace_count; i++) {
		struct held_trace *trace = &request->traces[i];
		uint64_t known = holds->known(node->self, slice_of(trace->id, TRACE_ID_BYTES));
		request->may_run |= known != trace->known;
		trace->known = known;
	}
}

static void remove_at(struct held_spans *spans, struct held_request **at)
{
	struct held_request *request = *at;
	*at = request->next;
	if (spans->last == &request->next)
		spans->last = at;
	room_leave(&spans->room, request->bytes, request->chunk->span_count);
	free_request(request);
}

/* Runs it from its processor on. False: it has to stay. */
static bool leave(struct held_spans *spans, const struct held_request *request, bool final)
{
	struct err err = {0};
	const struct flow_from from = {
		.stage = spans->stage, .processor = spans->at, .again = request, .final = final};
	enum outcome outcome =
		flow_again(spans->pipeline, &from, spans->consumer.home, request->chunk, &err);
	if (outcome == OUTCOME_REJECTED)
		pipeline_drop(spans->pipeline, DROP_PERMANENT, request->chunk->span_count, &err);
	return outcome != OUTCOME_RETRY;
}

static void on_timer(uv_timer_t *timer);

/* One look at all who wait. */
static void look(struct held_spans *spans)
{
	uint64_t now_ns = clock_monotonic_ns();
	uint64_t interval_ms = LOOK_INTERVAL_MS;
	bool flushed = atomic_load(&spans->flushed);
	struct held_request **at = &spans->first, *request;
	int runs = 0;
	while ((request = *at)) {
		bool final = flushed || now_ns >= request->due_ns;
		if (!final)
			look_at(spans, request);
		if (!final && !request->may_run) {
			at = &request->next;
			continue;
		}
		if (runs++ == RUNS_PER_LOOK) {
			interval_ms = 1;
			break;
		}
		if (!leave(spans, request, final))
			break; /* what follows is full: at the next look */
		remove_at(spans, at);
	}
	if (spans->first)
		(void)uv_timer_start(&spans->timer, on_timer, interval_ms, 0);
}

static void on_timer(uv_timer_t *timer)
{
	look(CONTAINER_OF(timer, struct held_spans, timer));
}

static void drop_all(struct held_spans *spans)
{
	while (spans->first) {
		pipeline_drop(spans->pipeline, DROP_SHUTDOWN, spans->first->chunk->span_count,
			      NULL);
		remove_at(spans, &spans->first);
	}
}

static void take_in(struct held_spans *spans)
{
	struct queue_item *item;
	while ((item = queue_pop(&spans->queue))) {
		struct held_request *request = CONTAINER_OF(item, struct held_request, item);
		*spans->last = request;
		spans->last = &request->next;
	}
}

/* Something came, or a flush: while the timer runs, only the latter is worth a look. */
static void run_queue(struct queue *queue)
{
	struct held_spans *spans = CONTAINER_OF(queue, struct held_spans, queue);
	take_in(spans);
	if (spans->aborted)
		drop_all(spans);
	else if (spans->timer_made && (atomic_load(&spans->flushed) ||
				       !uv_is_active((const uv_handle_t *)&spans->timer)))
		look(spans);
}

/* ---- life ----------------------------------------------------------------------------------- */

static int start(struct consumer *consumer, struct err *err)
{
	struct held_spans *spans = spans_of(consumer);
	int failure = uv_timer_init(&consumer->home->loop.uv, &spans->timer);
	if (failure)
		return err_set(err, ERR_IO, "make a timer: %s", uv_strerror(failure));
	spans->timer_made = true;
	queue_start(&spans->queue, &consumer->home->loop);
	return 0;
}

static uint64_t held(struct consumer *consumer)
{
	return room_spans(&spans_of(consumer)->room);
}

static void flush(struct consumer *consumer)
{
	atomic_store(&spans_of(consumer)->flushed, true);
	queue_wake(&spans_of(consumer)->queue);
}

static void abort_held(struct consumer *consumer)
{
	struct held_spans *spans = spans_of(consumer);
	spans->aborted = true;
	run_queue(&spans->queue);
}

static void stop(struct consumer *consumer)
{
	struct held_spans *spans = spans_of(consumer);
	if (spans->timer_made)
		uv_close((uv_handle_t *)&spans->timer, NULL);
	spans->timer_made = false;
}

static void free_spans(struct consumer *consumer)
{
	struct held_spans *spans = spans_of(consumer);
	take_in(spans);
	drop_all(spans);
	queue_fini(&spans->queue);
	room_fini(&spans->room);
	free(spans);
}

static const struct consumer_ops ops = {
	.prepare = prepare,
	.reserve = reserve,
	.commit = commit,
	.cancel = cancel,
	.refuse = refuse,
	.start = start,
	.held = held,
	.flush = flush,
	.abort = abort_held,
	.stop = stop,
	.free = free_spans,
};

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
	return (double)room_used(room);
}

static bool register_spans(struct held_spans *spans)
{
	struct metrics *metrics = spans->pipeline->graph->metrics;
	struct buf labels = BUF_INIT;
	metrics_label(&labels, "pipeline", spans->pipeline->id);
	metrics_label(&labels, "processor", spans->processor->node.id);
	bool added = metrics_add_read(metrics, &metric_waiting, buf_cstr(&labels), read_bytes,
				      &spans->room) &&
		     metrics_add(metrics, &metric_held, buf_cstr(&labels), &spans->held) &&
		     pipeline_register_drops(spans->pipeline);
	buf_fini(&labels);
	return added;
}

struct consumer *held_spans_new(struct pipeline *pipeline, size_t stage, size_t at,
				const struct processor_node *processor, uint64_t wait_ns)
{
	struct held_spans *spans = calloc(1, sizeof(*spans));
	if (!spans)
		return NULL;
	spans->consumer.ops = &ops;
	spans->pipeline = pipeline;
	spans->processor = processor;
	spans->stage = stage;
	spans->at = at;
	spans->wait_ns = wait_ns;
	spans->last = &spans->first;
	room_init(&spans->room, HELD_BYTES_MAX);
	queue_init(&spans->queue, run_queue);
	if (register_spans(spans))
		return &spans->consumer;
	free_spans(&spans->consumer);
	return NULL;
}
