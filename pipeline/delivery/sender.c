/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queue and slots. A batch waits in the queue until one of num_consumers slots is free; a slot
 * carries it through its attempts (job.c) until it has ended, waiting out back-offs in the slot, as
 * the Collector's consumers do.
 *
 * Invariants:
 *  1. what is used of the room = units of chunks reserved and not yet settled + units of batches held;
 *  2. a batch is in exactly one place: the queue, or a slot's job;
 *  3. every span of a batch that has ended was added to exactly one of sent, returned or dropped[].
 */
#include "pipeline/delivery/sender.h"

#include "pipeline/base/clock.h"
#include "pipeline/base/hash.h"
#include "pipeline/delivery/job.h"
#include "pipeline/delivery/queue.h"
#include "pipeline/delivery/room.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { CONSUMERS_WITHOUT_QUEUE = 64, CAPACITY_WITHOUT_QUEUE = 1000 };

struct sender {
	/* immutable after start */
	struct delivery_config config;
	struct export_target target;
	struct log log;
	struct budget *budget;
	struct loop *home;
	bool required, waits;
	/* shared: each guards itself */
	struct room room; /* in units of the sizer; spans are held from the reservation on */
	struct queue queue;
	struct ledger ledger;
	/* owned by the home loop */
	struct job *jobs; /* one per slot */
	size_t job_count;
	struct size_limit size_limit; /* of the backend; the jobs share what they learn */
	bool aborted, stopped;
};

static const struct ack_result told_to_retry = {.outcome = OUTCOME_RETRY};

/* ---- sizes ---------------------------------------------------------------------------------- */

static int64_t units_of(const struct sender *sender, int64_t batches, int64_t spans, int64_t bytes)
{
	switch ((enum queue_sizer)sender->config.queue.sizer) {
	case SIZER_ITEMS: return spans;
	case SIZER_BYTES: return bytes;
	case SIZER_REQUESTS: break;
	}
	return batches;
}

bool sender_reserve(struct sender *sender, uint32_t spans, size_t bytes)
{
	int64_t units = units_of(sender, 1, spans, (int64_t)bytes);
	return room_reserve(&sender->room, (uint64_t)units, spans);
}

void sender_cancel_reservation(struct sender *sender, uint32_t spans, size_t bytes)
{
	room_adjust(&sender->room, units_of(sender, -1, -(int64_t)spans, -(int64_t)bytes),
		    -(int64_t)spans);
}

void sender_adjust(struct sender *sender, int64_t more_batches, int64_t more_spans,
		   int64_t more_bytes)
{
	room_adjust(&sender->room, units_of(sender, more_batches, more_spans, more_bytes), 0);
}

/* ${batch} has ended, with ${held_spans} that were held to its end. */
static void leave(struct sender *sender, struct batch *batch, uint32_t held_spans)
{
	int64_t units = units_of(sender, 1, batch->span_count, (int64_t)batch->bytes);
	room_leave(&sender->room, (uint64_t)units, held_spans);
	batch_unref(batch);
}

/* ---- in ------------------------------------------------------------------------------------- */

void sender_enqueue(struct sender *sender, struct batch *batch)
{
	if (queue_push_batch(&sender->queue, batch))
		return;
	sender_count_memory(sender, batch->span_count, batch->waited_for);
	job_acknowledge(sender->waits, batch, told_to_retry);
	leave(sender, batch, 0);
}

void sender_count_full(struct sender *sender, uint32_t spans)
{
	counter_add(&sender->ledger.enqueue_failed, spans);
	counter_add(&sender->ledger.dropped[DROP_QUEUE_FULL], spans);
	log_error(&sender->log, LOG_MSG("Exporting failed. Rejecting data. sending queue is full"),
		  LOG_UINT("rejected_items", spans));
}

void sender_count_memory(struct sender *sender, uint32_t spans, bool waited_for)
{
	bool returned = sender->waits && waited_for;
	counter_add(&sender->ledger.enqueue_failed, spans);
	counter_add(returned ? &sender->ledger.returned : &sender->ledger.dropped[DROP_MEMORY],
		    spans);
	room_adjust(&sender->room, 0, -(int64_t)spans);
	log_error(&sender->log, LOG_MSG("Exporting failed. Rejecting data. out of memory"),
		  LOG_UINT("rejected_items", spans));
}

/* ---- invariants ----------------------------------------------------------------------------- */

/* What is held, in the queue and with the jobs, while it is added up. */
struct held {
	const struct sender *sender;
	int64_t units, spans;
	const char *fault;
};

static void add_held(struct held *held, const struct batch *batch)
{
	held->units += units_of(held->sender, 1, batch->span_count, (int64_t)batch->bytes);
	held->spans += batch->span_count;
}

static void add_queued(void *arg, const struct batch *batch)
{
	struct held *held = arg;
	add_held(held, batch);
	for (size_t i = 0; i < held->sender->job_count; i++) {
		if (held->sender->jobs[i].batch == batch)
			held->fault = "a batch is in the queue and with a job";
	}
}

const char *sender_fault(struct sender *sender, int64_t reserved_units, int64_t reserved_spans)
{
	ASSERT_ON_LOOP(sender->home);
	struct held held = {sender, reserved_units, reserved_spans, NULL};
	queue_visit_batches(&sender->queue, add_queued, &held);
	const char *fault = held.fault ? held.fault : queue_fault(&sender->queue);
	for (size_t i = 0; i < sender->job_count; i++) {
		const struct job *job = &sender->jobs[i];
		fault = fault ? fault : job_fault(job);
		if (job->batch)
			add_held(&held, job->batch);
	}
	return fault ? fault : room_fault(&sender->room, held.units, held.spans);
}

/* ---- slots ---------------------------------------------------------------------------------- */

static struct job *free_slot(struct sender *sender)
{
	for (size_t i = 0; i < sender->job_count; i++) {
		if (!job_is_busy(&sender->jobs[i]))
			return &sender->jobs[i];
	}
	return NULL;
}

/* A slot is free again. */
static void on_job_end(void *arg, struct batch *batch)
{
	struct sender *sender = arg;
	ASSERT_ON_LOOP(sender->home);
	leave(sender, batch, batch->span_count);
	queue_wake(&sender->queue);
}

/* What was queued is dropped: also what comes after the abort, from requests that were under way. */
static void drop_queued(struct sender *sender)
{
	struct batch *batch;
	while ((batch = queue_pop_batch(&sender->queue))) {
		ledger_fail(&sender->ledger, DROP_SHUTDOWN, sender->waits && batch->waited_for,
			    batch->span_count);
		job_acknowledge(sender->waits, batch, told_to_retry);
		leave(sender, batch, batch->span_count);
	}
}

static void pump(struct queue *queue)
{
	struct sender *sender = CONTAINER_OF(queue, struct sender, queue);
	struct job *slot;
	struct batch *batch;
	if (sender->aborted)
		drop_queued(sender);
	while (!sender->stopped && (slot = free_slot(sender)) &&
	       (batch = queue_pop_batch(&sender->queue))) {
		histogram_add(&sender->ledger.batch_spans, batch->span_count);
		histogram_add(&sender->ledger.batch_bytes, batch->bytes);
		job_run(slot, batch);
	}
}

/* ---- life ----------------------------------------------------------------------------------- */

struct sender *sender_new(const struct delivery_config *config, const struct export_target *target,
			  const struct log *log, struct budget *budget,
			  const struct key_table *keys)
{
	const struct queue_config *queue = &config->queue;
	struct sender *sender = calloc(1, sizeof(*sender));
	if (!sender)
		return NULL;
	sender->job_count = queue->enabled ? queue->num_consumers : CONSUMERS_WITHOUT_QUEUE;
	sender->jobs = calloc(sender->job_count, sizeof(*sender->jobs));
	if (!sender->jobs) {
		free(sender);
		return NULL;
	}
	sender->config = *config;
	if (!queue->enabled)
		sender->config.queue.sizer = SIZER_REQUESTS; /* of CAPACITY_WITHOUT_QUEUE */
	sender->target = *target;
	sender->log = *log;
	sender->budget = budget;
	sender->waits = !queue->enabled || queue->wait_for_result;
	sender->required = sender->waits || queue->required || queue->block_on_overflow;
	room_init(&sender->room, queue->enabled ? queue->queue_size : CAPACITY_WITHOUT_QUEUE);
	queue_init(&sender->queue, pump);
	ledger_init(&sender->ledger);
	uint64_t seed = hash_key_random().a;
	for (size_t i = 0; i < sender->job_count; i++) {
		const struct job_host host = {.config = &sender->config,
					      .target = &sender->target,
					      .ledger = &sender->ledger,
					      .drain = &sender->room.drain,
					      .log = &sender->log,
					      .budget = budget,
					      .keys = keys,
					      .size_limit = &sender->size_limit,
					      .waits = sender->waits,
					      .ended = on_job_end,
					      .arg = sender};
		job_init(&sender->jobs[i], &host, seed + i);
	}
	return sender;
}

int sender_start(struct sender *sender, struct loop *home, struct err *err)
{
	sender->home = home;
	queue_start(&sender->queue, home);
	for (size_t i = 0; i < sender->job_count; i++) {
		if (job_start(&sender->jobs[i], home, err) != 0)
			return -1;
	}
	return 0;
}

bool sender_is_required(const struct sender *sender)
{
	return sender->required;
}

bool sender_waits(const struct sender *sender)
{
	return sender->waits;
}

struct drain_wait sender_refuse(struct sender *sender, uint32_t spans, size_t bytes,
				uint64_t now_ns)
{
	counter_add(&sender->ledger.enqueue_failed, spans);
	int64_t units = units_of(sender, 1, spans, (int64_t)bytes);
	return room_refuse(&sender->room, (uint64_t)units, now_ns);
}

uint64_t sender_used_units(const struct sender *sender)
{
	return room_used(&sender->room);
}

uint64_t sender_held_spans(const struct sender *sender)
{
	return room_spans(&sender->room);
}

void sender_abort(struct sender *sender)
{
	ASSERT_ON_LOOP(sender->home);
	uint64_t left = sender_held_spans(sender);
	sender->aborted = true;
	drop_queued(sender);
	for (size_t i = 0; i < sender->job_count; i++)
		job_abort(&sender->jobs[i]);
	if (left > 0)
		log_error(&sender->log,
			  LOG_MSG("Exporting failed. Dropping data. The shutdown deadline passed"),
			  LOG_UINT("dropped_items", left));
}

void sender_stop(struct sender *sender)
{
	ASSERT(!sender->home || loop_is_current(sender->home)); /* it may never have started */
	sender->stopped = true;
	for (size_t i = 0; i < sender->job_count; i++)
		job_stop(&sender->jobs[i]);
}

void sender_free(struct sender *sender)
{
	if (!sender)
		return;
	struct batch *batch;
	while ((batch = queue_pop_batch(&sender->queue)))
		batch_unref(batch);
	for (size_t i = 0; i < sender->job_count; i++)
		job_fini(&sender->jobs[i]);
	queue_fini(&sender->queue);
	room_fini(&sender->room);
	free(sender->jobs);
	free(sender);
}

/* ---- telemetry ------------------------------------------------------------------------------ */

const struct ledger *sender_ledger(const struct sender *sender)
{
	return &sender->ledger;
}

static const struct metric_desc metric_queue_size = {
	"otelcol_exporter_queue_size", "{batch}",
	"Current size of the retry queue (in batches). [Alpha]", METRIC_GAUGE};
static const struct metric_desc metric_queue_capacity = {
	"otelcol_exporter_queue_capacity", "{batch}",
	"Fixed capacity of the retry queue (in batches). [Alpha]", METRIC_GAUGE};
static const struct metric_desc metric_held = {
	"sluice_exporter_held_spans", "{spans}",
	"Spans accepted and neither delivered nor dropped yet", METRIC_GAUGE};

static double read_size(void *arg)
{
	return (double)sender_used_units(arg);
}

static double read_capacity(void *arg)
{
	return (double)room_capacity(&((struct sender *)arg)->room);
}

static double read_held(void *arg)
{
	return (double)sender_held_spans(arg);
}

bool sender_register(struct sender *sender, struct metrics *metrics, const char *id,
		     const char *target)
{
	struct buf labels = BUF_INIT;
	metrics_label(&labels, "exporter", id);
	bool added = ledger_register(&sender->ledger, metrics, id, target,
				     sender->config.queue.batch_present) &&
		     metrics_add_read(metrics, &metric_held, buf_cstr(&labels), read_held, sender);
	metrics_label(&labels, "data_type", "traces");
	const char *text = buf_cstr(&labels);
	if (sender->config.queue.enabled)
		added = added &&
			metrics_add_read(metrics, &metric_queue_size, text, read_size, sender) &&
			metrics_add_read(metrics, &metric_queue_capacity, text, read_capacity,
					 sender);
	buf_fini(&labels);
	return added;
}
