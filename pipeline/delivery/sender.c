/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queue and slots. A batch waits in the queue until one of num_consumers slots is free; a slot
 * carries it through its attempts (job.c) until it has ended, waiting out back-offs in the slot, as
 * the Collector's consumers do.
 *
 * Invariants:
 *  1. used_units = units of chunks reserved and not yet settled + units of batches held;
 *  2. a batch is in exactly one place: the queue, or a slot's job;
 *  3. every span of a batch that has ended was added to exactly one of sent, returned or dropped[].
 */
#include "pipeline/delivery/sender.h"

#include "pipeline/base/clock.h"
#include "pipeline/base/hash.h"
#include "pipeline/delivery/job.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { CONSUMERS_WITHOUT_QUEUE = 64, CAPACITY_WITHOUT_QUEUE = 1000 };

struct queued {
	struct queued *next;
	struct batch *batch;
};

struct sender {
	/* immutable after start */
	struct delivery_config config;
	struct export_target target;
	struct log log;
	struct budget *budget;
	struct loop *home;
	bool required, waits;
	int64_t capacity; /* in units of the sizer */
	/* shared, atomic */
	_Atomic int64_t used_units; /* below 0 for a moment: a batch may end before sender_adjust */
	_Atomic int64_t held_spans; /* from the reservation on */
	struct ledger ledger;
	struct drain drain;
	/* shared, guarded by lock */
	pthread_mutex_t lock;
	struct queued *first, **last;
	bool pumping; /* a pump task is on its way */
	/* owned by the home loop */
	struct loop_task pump_task;
	struct job *jobs; /* one per slot */
	size_t job_count;
	struct size_limit size_limit; /* of the backend; the jobs share what they learn */
	bool aborted, stopped;
};

static const struct ack_result told_to_retry = {.outcome = OUTCOME_RETRY};

static void pump(struct sender *sender);
static void run_pump(struct loop_task *task);

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
	int64_t used = atomic_load(&sender->used_units);
	do {
		/* An element larger than the whole queue is let in when the queue is empty: it
		 * would never fit, and refusing it for ever helps nobody. */
		if (used > 0 && used + units > sender->capacity)
			return false;
	} while (!atomic_compare_exchange_weak(&sender->used_units, &used, used + (int64_t)units));
	atomic_fetch_add(&sender->held_spans, spans);
	if (used <= 0)
		drain_begin(&sender->drain, clock_monotonic_ns());
	return true;
}

void sender_cancel_reservation(struct sender *sender, uint32_t spans, size_t bytes)
{
	sender_adjust(sender, -1, -(int64_t)spans, -(int64_t)bytes);
	atomic_fetch_sub(&sender->held_spans, spans);
}

void sender_adjust(struct sender *sender, int64_t more_batches, int64_t more_spans,
		   int64_t more_bytes)
{
	int64_t more = units_of(sender, more_batches, more_spans, more_bytes);
	int64_t used = atomic_fetch_add(&sender->used_units, more) + more;
	if (more < 0 && used <= 0)
		drain_taken(&sender->drain, 0, true, clock_monotonic_ns());
}

static void give_units_of(struct sender *sender, const struct batch *batch)
{
	int64_t units = units_of(sender, 1, batch->span_count, (int64_t)batch->bytes);
	int64_t used = atomic_fetch_sub(&sender->used_units, units) - units;
	drain_taken(&sender->drain, (uint64_t)units, used <= 0, clock_monotonic_ns());
}

/* ---- in ------------------------------------------------------------------------------------- */

void sender_enqueue(struct sender *sender, struct batch *batch)
{
	struct queued *queued = malloc(sizeof(*queued));
	if (!queued) {
		sender_count_memory(sender, batch->span_count, batch->waited_for);
		give_units_of(sender, batch);
		job_acknowledge(sender->waits, batch, told_to_retry);
		batch_unref(batch);
		return;
	}
	*queued = (struct queued){.batch = batch};
	(void)pthread_mutex_lock(&sender->lock);
	*sender->last = queued;
	sender->last = &queued->next;
	bool post = !sender->pumping;
	sender->pumping = true;
	(void)pthread_mutex_unlock(&sender->lock);
	if (post)
		loop_post(sender->home, &sender->pump_task);
}

static struct batch *dequeue(struct sender *sender)
{
	struct batch *batch = NULL;
	(void)pthread_mutex_lock(&sender->lock);
	struct queued *first = sender->first;
	if (first) {
		batch = first->batch;
		sender->first = first->next;
		if (!sender->first)
			sender->last = &sender->first;
	}
	(void)pthread_mutex_unlock(&sender->lock);
	free(first);
	return batch;
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
	atomic_fetch_sub(&sender->held_spans, spans);
	log_error(&sender->log, LOG_MSG("Exporting failed. Rejecting data. out of memory"),
		  LOG_UINT("rejected_items", spans));
}

/* ---- invariants ----------------------------------------------------------------------------- */

/* Lock held. The queue's end is known, and what waits in it is not with a job. */
static const char *queue_fault(const struct sender *sender)
{
	struct queued *const *last = &sender->first;
	for (const struct queued *queued = sender->first; queued; queued = queued->next) {
		last = &queued->next;
		for (size_t i = 0; i < sender->job_count; i++) {
			if (sender->jobs[i].batch == queued->batch)
				return "a batch is in the queue and with a job";
		}
	}
	return last == sender->last ? NULL : "the end of the queue is lost";
}

static void add_held(const struct sender *sender, const struct batch *batch, int64_t held[2])
{
	held[0] += units_of(sender, 1, batch->span_count, (int64_t)batch->bytes);
	held[1] += batch->span_count;
}

const char *sender_fault(struct sender *sender, int64_t reserved_units, int64_t reserved_spans)
{
	ASSERT_ON_LOOP(sender->home);
	int64_t held[] = {reserved_units, reserved_spans};
	(void)pthread_mutex_lock(&sender->lock);
	const char *fault = queue_fault(sender);
	for (const struct queued *queued = sender->first; queued; queued = queued->next)
		add_held(sender, queued->batch, held);
	(void)pthread_mutex_unlock(&sender->lock);
	for (size_t i = 0; i < sender->job_count; i++) {
		fault = fault ? fault : job_fault(&sender->jobs[i]);
		if (sender->jobs[i].batch)
			add_held(sender, sender->jobs[i].batch, held);
	}
	if (fault)
		return fault;
	bool adds_up = held[0] == atomic_load(&sender->used_units) &&
		       held[1] == atomic_load(&sender->held_spans);
	return adds_up ? NULL : "units or spans are not those of what is held";
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

/* A job has accounted for all spans of its batch. */
static void on_job_end(void *arg, struct batch *batch)
{
	struct sender *sender = arg;
	ASSERT_ON_LOOP(sender->home);
	give_units_of(sender, batch);
	atomic_fetch_sub(&sender->held_spans, batch->span_count);
	batch_unref(batch);
	(void)pthread_mutex_lock(&sender->lock);
	bool post = !sender->pumping;
	sender->pumping = true;
	(void)pthread_mutex_unlock(&sender->lock);
	if (post)
		loop_post(sender->home, &sender->pump_task);
}

static void run_pump(struct loop_task *task)
{
	struct sender *sender = CONTAINER_OF(task, struct sender, pump_task);
	ASSERT_ON_LOOP(sender->home);
	(void)pthread_mutex_lock(&sender->lock);
	sender->pumping = false;
	(void)pthread_mutex_unlock(&sender->lock);
	pump(sender);
}

/* What was queued is dropped: also what comes after the abort, from requests that were under way. */
static void drop_queued(struct sender *sender)
{
	struct batch *batch;
	while ((batch = dequeue(sender))) {
		ledger_fail(&sender->ledger, DROP_SHUTDOWN, sender->waits && batch->waited_for,
			    batch->span_count);
		job_acknowledge(sender->waits, batch, told_to_retry);
		on_job_end(sender, batch);
	}
}

static void pump(struct sender *sender)
{
	struct job *slot;
	struct batch *batch;
	if (sender->aborted)
		drop_queued(sender);
	while (!sender->stopped && (slot = free_slot(sender)) && (batch = dequeue(sender))) {
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
	sender->capacity = queue->enabled ? (int64_t)queue->queue_size : CAPACITY_WITHOUT_QUEUE;
	sender->waits = !queue->enabled || queue->wait_for_result;
	sender->required = sender->waits || queue->required || queue->block_on_overflow;
	sender->last = &sender->first;
	sender->pump_task.run = run_pump;
	(void)pthread_mutex_init(&sender->lock, NULL);
	drain_init(&sender->drain);
	ledger_init(&sender->ledger);
	uint64_t seed = hash_key_random().a;
	for (size_t i = 0; i < sender->job_count; i++) {
		const struct job_host host = {.config = &sender->config,
					      .target = &sender->target,
					      .ledger = &sender->ledger,
					      .drain = &sender->drain,
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
	int64_t missing = atomic_load(&sender->used_units) + units - sender->capacity;
	if (missing < 0)
		missing = 0; /* there was none a moment ago */
	return drain_wait(&sender->drain, (uint64_t)missing, (uint64_t)units, now_ns);
}

uint64_t sender_used_units(const struct sender *sender)
{
	int64_t used = atomic_load(&((struct sender *)(uintptr_t)sender)->used_units);
	return used > 0 ? (uint64_t)used : 0;
}

uint64_t sender_held_spans(const struct sender *sender)
{
	int64_t held = atomic_load(&((struct sender *)(uintptr_t)sender)->held_spans);
	return held > 0 ? (uint64_t)held : 0;
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
	while ((batch = dequeue(sender)))
		batch_unref(batch);
	for (size_t i = 0; i < sender->job_count; i++)
		job_fini(&sender->jobs[i]);
	(void)pthread_mutex_destroy(&sender->lock);
	drain_fini(&sender->drain);
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
	return (double)((struct sender *)arg)->capacity;
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
