/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request, from a receiver to the queues: the hot path.
 *
 *   1. admit     memory limits look at the body's size, before anything is made of it
 *   2. index     once, for all pipelines
 *   3. run       every pipeline edits its own scratch over the same index; what is left is encoded
 *                (or, when nothing was changed, is the received body itself) for each consumer;
 *                what reached a connector is indexed again, unless it is the same, and runs through
 *                the pipelines behind it
 *   4. reserve   every consumer is asked for room; nothing is taken yet
 *   5. commit    or, when a required queue or every queue is full, cancel: the sender will come back
 *
 * So a request is either taken by everyone who had room, or by nobody; and what processors counted
 * of it on the way (edit_tally) becomes true in the first case and is forgotten in the second.
 */
#include "pipeline/graph/flow.h"

#include "pipeline/base/clock.h"
#include "pipeline/graph/held_spans.h"
#include "pipeline/graph/internal.h"
#include "pipeline/graph/memory_limit.h"
#include "pipeline/trace/otlp/count_spans.h"
#include "pipeline/trace/otlp/encode.h"

#include <stdlib.h>

/* ---- running a pipeline --------------------------------------------------------------------- */

static void add_transfer(struct shard *shard, struct transfer transfer)
{
	shard->transfers[shard->transfer_count++] = transfer;
}

enum outcome flow_outcome(const struct err *err)
{
	return err->kind == ERR_NOMEM ? OUTCOME_RETRY : OUTCOME_REJECTED;
}

/* What the processor held back goes to its consumer. */
static enum outcome hold(const struct processor_node *processor, struct shard *shard,
			 const struct flow_from *waited, struct err *err)
{
	struct transfer transfer = {.consumer = processor->held};
	enum outcome outcome =
		processor->held->ops->prepare(processor->held, shard, waited, &transfer, err);
	if (outcome != OUTCOME_TAKEN)
		return outcome;
	add_transfer(shard, transfer);
	edit_forget_held(shard->view);
	return OUTCOME_TAKEN;
}

/* Spans that come again have their place in the room already. */
static enum holding holding_of(const struct processor_node *processor,
			       const struct flow_from *waited)
{
	if (!processor->held)
		return HOLDING_OFF;
	if (waited)
		return waited->final ? HOLDING_OVER : HOLDING_ON;
	return processor->node.type->processor->holds->pass_when_full &&
			       held_spans_full(processor->held)
		       ? HOLDING_NO_ROOM
		       : HOLDING_ON;
}

/* ${waited}: the spans were held back by this processor and come again. */
static enum outcome run_processor(struct processor_node *processor, struct shard *shard,
				  const struct flow_from *waited, struct err *err)
{
	struct trace_view *view = shard->view;
	const struct processor_ops *ops = processor->node.type->processor;
	if (!waited)
		tally_add(edit_tally(view), &processor->incoming, view_live_spans(view));
	if (ops->process) {
		void *state =
			processor->shard_states ? processor->shard_states[shard->number] : NULL;
		edit_set_holding(view, holding_of(processor, waited));
		enum outcome outcome = ops->process(processor->node.self, state, view, err);
		if (outcome == OUTCOME_TAKEN && view_held_spans(view) > 0)
			outcome = hold(processor, shard, waited, err);
		if (outcome != OUTCOME_TAKEN)
			return outcome;
	}
	tally_add(edit_tally(view), &processor->outgoing, view_live_spans(view));
	return OUTCOME_TAKEN;
}

static enum outcome run_processors(const struct stage *stage, const struct flow_from *from,
				   struct shard *shard, struct err *err)
{
	for (size_t i = from->processor; i < stage->processor_count; i++) {
		const struct processor_ops *ops = stage->processors[i].node.type->processor;
		if (i > from->processor && view_live_spans(shard->view) == 0 && !ops->sees_dropped)
			continue;
		bool waited = from->again && i == from->processor;
		enum outcome outcome =
			run_processor(&stage->processors[i], shard, waited ? from : NULL, err);
		if (outcome != OUTCOME_TAKEN)
			return outcome;
	}
	return edit_check(shard->view, err) == 0 ? OUTCOME_TAKEN : flow_outcome(err);
}

/* The request as the pipeline left it. *ret_chunk is NULL when nothing is left. */
static enum outcome encode(const struct shard *shard, struct chunk *body, struct chunk **ret_chunk,
			   struct err *err)
{
	if (view_is_body(shard->view, body->data)) {
		*ret_chunk = chunk_ref(body);
		return OUTCOME_TAKEN;
	}
	if (trace_encode(shard->view, shard->server->budget, ret_chunk, err) == 0)
		return OUTCOME_TAKEN;
	return flow_outcome(err);
}

enum outcome flow_run(struct pipeline *pipeline, const struct flow_from *from, struct shard *shard,
		      struct chunk *body, struct err *err)
{
	const struct stage *stage = &pipeline->stages[from->stage];
	struct chunk *chunk = NULL;
	if (view_begin(shard->view, err) != 0)
		return flow_outcome(err);
	enum outcome outcome = run_processors(stage, from, shard, err);
	if (outcome != OUTCOME_TAKEN || view_live_spans(shard->view) == 0)
		return outcome;
	outcome = encode(shard, body, &chunk, err);
	if (outcome != OUTCOME_TAKEN)
		return outcome;
	for (size_t i = 0; i < stage->consumer_count; i++)
		add_transfer(shard, (struct transfer){.consumer = stage->consumers[i],
						      .chunk = chunk_ref(chunk)});
	chunk_unref(chunk);
	return OUTCOME_TAKEN;
}

enum outcome flow_admit(const struct pipeline *pipeline, struct slice body, struct err *err)
{
	enum outcome outcome = OUTCOME_TAKEN;
	for (size_t i = 0; i < pipeline->limit_count && outcome == OUTCOME_TAKEN; i++)
		outcome = memory_limit_admit(pipeline->limits[i], body, err);
	return outcome;
}

enum outcome flow_forward(struct shard *shard, struct err *err)
{
	for (size_t i = 0; i < shard->transfer_count; i++) {
		const struct transfer *transfer = &shard->transfers[i];
		struct consumer *consumer = transfer->consumer;
		if (!consumer->ops->forward)
			continue;
		enum outcome outcome =
			consumer->ops->forward(consumer, shard, transfer->chunk, err);
		if (outcome != OUTCOME_TAKEN)
			return outcome;
	}
	return OUTCOME_TAKEN;
}

/* ---- handing over --------------------------------------------------------------------------- */

static void forget(struct shard *shard)
{
	for (size_t i = 0; i < shard->transfer_count; i++)
		chunk_unref(shard->transfers[i].chunk);
	shard->transfer_count = 0;
}

void flow_cancel(struct shard *shard)
{
	for (size_t i = 0; i < shard->transfer_count; i++) {
		struct transfer *transfer = &shard->transfers[i];
		if (transfer->consumer->ops->cancel)
			transfer->consumer->ops->cancel(transfer);
	}
	forget(shard);
	tally_forget(edit_tally(shard->view));
}

/* Whether the request may be committed. */
static bool reserve(struct shard *shard)
{
	struct admission admission = {0};
	for (size_t i = 0; i < shard->transfer_count; i++) {
		struct transfer *transfer = &shard->transfers[i];
		if (transfer->consumer->ops->reserve)
			transfer->consumer->ops->reserve(transfer, &admission);
	}
	return !admission.refused && (admission.reserved > 0 || admission.full == 0);
}

/* How long the sender should wait until all have room. */
static struct drain_wait refuse_all(const struct shard *shard)
{
	struct drain_wait longest = {0};
	uint64_t now_ns = clock_monotonic_ns();
	for (size_t i = 0; i < shard->transfer_count; i++) {
		const struct transfer *transfer = &shard->transfers[i];
		if (transfer->consumer->ops->refuse)
			longest = drain_longer(longest,
					       transfer->consumer->ops->refuse(transfer, now_ns));
	}
	return longest;
}

bool flow_commit(struct shard *shard, struct ack *ack, struct drain_wait *ret_wait)
{
	if (!reserve(shard)) {
		*ret_wait = refuse_all(shard);
		flow_cancel(shard);
		return false;
	}
	for (size_t i = 0; i < shard->transfer_count; i++) {
		struct transfer *transfer = &shard->transfers[i];
		if (transfer->consumer->ops->commit)
			transfer->consumer->ops->commit(transfer, ack);
	}
	forget(shard);
	tally_commit(edit_tally(shard->view));
	return true;
}

enum outcome flow_again(struct pipeline *pipeline, const struct flow_from *from,
			struct shard *shard, struct chunk *body, struct err *err)
{
	struct drain_wait wait; /* for senders far away; here looking costs little */
	enum outcome outcome = OUTCOME_REJECTED;
	if (view_open_chunk(shard->view, body, err) == 0)
		outcome = flow_run(pipeline, from, shard, body, err);
	if (outcome == OUTCOME_TAKEN)
		outcome = flow_forward(shard, err);
	if (outcome != OUTCOME_TAKEN) {
		flow_cancel(shard);
		outcome = flow_outcome(err);
	} else if (!flow_commit(shard, NULL, &wait)) {
		outcome = OUTCOME_RETRY;
	}
	view_close(shard->view);
	return outcome;
}

/* ---- a request ------------------------------------------------------------------------------ */

/* A request whose sender waits for the backends. */
struct waiting_push {
	struct ack ack;
	struct push *push;
	struct receiver_port *port;
	enum push_transport transport;
	uint32_t span_count;
};

static void answer(struct receiver_port *port, enum push_transport transport, struct push *push,
		   const struct push_result *result)
{
	struct receiver_counters *counters = &port->counters;
	if (result->outcome == OUTCOME_TAKEN)
		counter_add(&counters->accepted[transport], result->span_count);
	else
		counter_add(&counters->refused[transport], result->span_count);
	push->done(push, result);
}

static void on_ack(struct ack *ack, const struct ack_result *worst)
{
	struct waiting_push *waiting = CONTAINER_OF(ack, struct waiting_push, ack);
	struct push_result result = {.span_count = waiting->span_count,
				     .grpc_code = worst->grpc_code,
				     .retry_after_ns = worst->retry_after_ms * NS_PER_MS,
				     .room_after_ns = worst->retry_after_ms * NS_PER_MS};
	if (worst->outcome == OUTCOME_RETRY) {
		result.outcome = OUTCOME_RETRY;
		(void)err_set(&result.err, ERR_PEER, "an exporter could not deliver the request");
	} else if (worst->outcome == OUTCOME_REJECTED) {
		result.outcome = OUTCOME_REJECTED;
		(void)err_set(&result.err, ERR_PEER, "a backend refused the request");
	}
	answer(waiting->port, waiting->transport, waiting->push, &result);
	free(waiting);
}

static bool anyone_waits(const struct shard *shard)
{
	for (size_t i = 0; i < shard->transfer_count; i++) {
		struct consumer *consumer = shard->transfers[i].consumer;
		if (consumer->ops->waits && consumer->ops->waits(consumer))
			return true;
	}
	return false;
}

static enum outcome run_all(const struct receiver_port *port, struct shard *shard,
			    struct chunk *body, struct err *err)
{
	const struct flow_from start = {.stage = 0};
	for (size_t i = 0; i < port->pipeline_count; i++) {
		enum outcome outcome = flow_run(port->pipelines[i], &start, shard, body, err);
		if (outcome != OUTCOME_TAKEN) {
			flow_cancel(shard);
			return outcome;
		}
	}
	enum outcome outcome = flow_forward(shard, err);
	if (outcome != OUTCOME_TAKEN)
		flow_cancel(shard);
	return outcome;
}

static enum refusal refusal_of(const struct err *err)
{
	switch (err->kind) {
	case ERR_DECODE: return REFUSAL_DECODE;
	case ERR_LIMIT: return REFUSAL_LIMIT;
	case ERR_NOMEM: return REFUSAL_MEMORY;
	case ERR_NONE:
	case ERR_CONFIG:
	case ERR_IO:
	case ERR_TLS:
	case ERR_PEER:
	case ERR_INTERNAL:
	case ERR_KIND_COUNT: break;
	}
	return REFUSAL_PROCESSOR;
}

static void refuse(struct receiver_port *port, enum push_transport transport, struct push *push,
		   enum refusal why, struct push_result *result)
{
	counter_add(&port->counters.requests_refused[why], 1);
	answer(port, transport, push, result);
}

/* Whether every pipeline that ${port} feeds has room for ${body}. */
static enum outcome admit_all(const struct receiver_port *port, struct slice body, struct err *err)
{
	enum outcome outcome = OUTCOME_TAKEN;
	for (size_t i = 0; i < port->pipeline_count && outcome == OUTCOME_TAKEN; i++)
		outcome = flow_admit(port->pipelines[i], body, err);
	return outcome;
}

/* Phases 4 and 5, and the answer. Nobody looks at the index any more. */
static void settle(struct receiver_port *port, struct shard *shard, enum push_transport transport,
		   struct chunk *body, struct push *push, struct push_result *result)
{
	struct waiting_push *waiting = NULL;
	/* Kept as received: all references are still on this thread, so its bytes may move. */
	if (atomic_load_explicit(&body->refs, memory_order_relaxed) > 1)
		chunk_trim(body);
	if (anyone_waits(shard)) {
		waiting = malloc(sizeof(*waiting));
		if (!waiting) {
			flow_cancel(shard);
			result->outcome = OUTCOME_RETRY;
			(void)err_set(&result->err, ERR_NOMEM, "out of memory");
			refuse(port, transport, push, REFUSAL_MEMORY, result);
			return;
		}
		*waiting = (struct waiting_push){.push = push,
						 .port = port,
						 .transport = transport,
						 .span_count = result->span_count};
		ack_init(&waiting->ack, &shard->loop, on_ack);
	}
	struct drain_wait wait;
	if (!flow_commit(shard, waiting ? &waiting->ack : NULL, &wait)) {
		free(waiting);
		result->outcome = OUTCOME_RETRY;
		result->retry_after_ns = wait.turn_ns;
		result->room_after_ns = wait.room_ns;
		(void)err_set(&result->err, ERR_LIMIT, "sending queue is full");
		refuse(port, transport, push, REFUSAL_QUEUE_FULL, result);
	} else if (waiting) {
		ack_finish(&waiting->ack, (struct ack_result){.outcome = OUTCOME_TAKEN});
	} else {
		answer(port, transport, push, result);
	}
}

void receiver_count_refused(struct receiver_port *port, const struct err *why)
{
	counter_add(&port->counters.requests_refused[refusal_of(why)], 1);
}

void receiver_push(struct receiver_port *port, struct server_shard *server_shard,
		   enum push_transport transport, struct chunk *body, struct push *push)
{
	struct graph *graph = port->graph;
	struct shard *shard = &graph->shards[server_shard - graph->server_shards];
	struct push_result result = {.outcome = OUTCOME_TAKEN};
	if (admit_all(port, chunk_slice(body), &result.err) != OUTCOME_TAKEN) {
		result.outcome = OUTCOME_RETRY;
		result.retry_after_ns = result.room_after_ns = NS_PER_S;
		result.span_count = count_spans(chunk_slice(body));
		refuse(port, transport, push, REFUSAL_MEMORY, &result);
		return;
	}
	if (view_open(shard->view, chunk_slice(body), &result.err) != 0) {
		enum refusal why = refusal_of(&result.err);
		result.outcome = why == REFUSAL_MEMORY ? OUTCOME_RETRY : OUTCOME_REJECTED;
		if (why != REFUSAL_DECODE)
			result.span_count = count_spans(chunk_slice(body));
		refuse(port, transport, push, why, &result);
		return;
	}
	result.span_count = view_span_count(shard->view);
	view_describe(shard->view, result.span_count, body);
	receiver_count_unread(port, shard->view);
	if (result.span_count == 0) {
		receiver_count_empty(port);
		if (body->len >
		    0) /* of no bytes: some clients see in this way whether we are there */
			receiver_say_without_spans(port);
		answer(port, transport, push, &result);
	} else {
		enum outcome outcome = run_all(port, shard, body, &result.err);
		if (outcome == OUTCOME_TAKEN) {
			settle(port, shard, transport, body, push, &result);
		} else {
			result.outcome = outcome;
			refuse(port, transport, push, refusal_of(&result.err), &result);
		}
	}
	view_close(shard->view);
}
