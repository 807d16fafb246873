/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attempts, back-off and splitting of one batch.
 *
 * A job works through a list of pieces; at first the batch is the only one. A piece refused for its
 * size (or for one bad span in it: 400, INVALID_ARGUMENT) is replaced by its two halves at the end
 * of the list, so that both halves are tried before either is halved again. Two bounds keep this
 * from hammering a backend:
 *   - at most 4·log2(n) + 8 requests for a batch of n spans;
 *   - when both halves of a piece fail alike twice and nothing was ever delivered, the cause is the
 *     configuration, not a span: the rest is dropped with one error.
 * A piece that the exporter itself finds too much for one request (EXPORT_SPLIT) is halved without
 * a bound but its spans: nobody is hammered.
 */
#include "pipeline/delivery/job.h"

#include "pipeline/base/clock.h"
#include "pipeline/base/hash.h"
#include "pipeline/trace/encode.h"

#include <stdlib.h>

enum { BOTH_HALVES_FAILED_MAX = 2 };

/* The result of one halving, shared by the two halves. */
struct halving {
	uint32_t refs;	 /* halves that still exist */
	uint32_t failed; /* halves that were refused for their size */
};

struct piece {
	struct piece *next;
	struct batch *batch;
	struct halving *halving; /* NULL for the whole batch */
};

static void attempt(struct job *job);
static void on_done(struct export_call *call, const struct export_result *result);

void job_init(struct job *job, const struct job_host *host, uint64_t seed)
{
	*job = (struct job){.host = *host, .random = seed | 1};
	job->last = &job->first;
	job->call.done = on_done;
}

int job_start(struct job *job, struct loop *home, struct err *err)
{
	int failure = uv_timer_init(&home->uv, &job->timer);
	if (failure)
		return err_set(err, ERR_IO, "make a timer: %s", uv_strerror(failure));
	job->timer_made = true;
	return 0;
}

void job_acknowledge(bool waits, struct batch *batch, enum ack_outcome outcome)
{
	for (size_t i = 0; waits && i < batch->ack_count; i++)
		ack_finish(batch->acks[i], outcome);
}

/* ---- pieces --------------------------------------------------------------------------------- */

/* Takes over the reference to ${batch}, also on failure. */
static struct piece *piece_new(struct batch *batch)
{
	struct piece *piece = batch ? malloc(sizeof(*piece)) : NULL;
	if (piece)
		*piece = (struct piece){.batch = batch};
	else
		batch_unref(batch);
	return piece;
}

static void piece_free(struct piece *piece)
{
	if (!piece)
		return;
	if (piece->halving && --piece->halving->refs == 0)
		free(piece->halving);
	batch_unref(piece->batch);
	free(piece);
}

static void append_piece(struct job *job, struct piece *piece)
{
	*job->last = piece;
	job->last = &piece->next;
}

static void remove_first(struct job *job)
{
	struct piece *piece = job->first;
	job->first = piece->next;
	if (!job->first)
		job->last = &job->first;
	piece_free(piece);
}

static void worsen(struct job *job, enum ack_outcome outcome)
{
	if (outcome > job->worst)
		job->worst = outcome;
}

static void drop_first(struct job *job, enum drop_reason reason)
{
	uint32_t spans = job->first->batch->span_count;
	counter_add(&job->host.ledger->send_failed, spans);
	counter_add(&job->host.ledger->dropped[reason], spans);
	worsen(job, reason == DROP_PERMANENT || reason == DROP_TOO_LARGE ? ACK_DROPPED : ACK_RETRY);
	remove_first(job);
}

static uint32_t drop_all(struct job *job, enum drop_reason reason)
{
	uint32_t spans = 0;
	while (job->first) {
		spans += job->first->batch->span_count;
		drop_first(job, reason);
	}
	return spans;
}

static void finish(struct job *job)
{
	struct batch *batch = job->batch;
	job->batch = NULL;
	job_acknowledge(job->host.waits, batch, job->worst);
	job->host.ended(job->host.arg, batch);
}

/* Goes on with what is left. An exporter may end an attempt before its send returns: the loop keeps
 * the ends of many such attempts from standing on the stack, one inside the other. */
static void next(struct job *job)
{
	job->going_on_again = true;
	if (job->going_on)
		return;
	job->going_on = true;
	while (job->going_on_again) {
		job->going_on_again = false;
		if (job->first)
			attempt(job);
		else
			finish(job);
	}
	job->going_on = false;
}

/* ---- running -------------------------------------------------------------------------------- */

static uint32_t log2_ceil(uint32_t n)
{
	return n <= 1 ? 0 : 32 - (uint32_t)__builtin_clz(n - 1);
}

void job_run(struct job *job, struct batch *batch)
{
	job->batch = batch;
	job->worst = ACK_DELIVERED;
	job->delivered_some = job->aborting = false;
	job->both_halves_failed = 0;
	job->requests = 1;
	job->requests_max = 4 * log2_ceil(batch->span_count) + 8;
	struct piece *whole = piece_new(batch_ref(batch));
	if (whole) {
		append_piece(job, whole);
	} else {
		counter_add(&job->host.ledger->send_failed, batch->span_count);
		counter_add(&job->host.ledger->dropped[DROP_MEMORY], batch->span_count);
		worsen(job, ACK_RETRY);
	}
	job->retry = (struct retry_state){.started_ns = clock_monotonic_ns()};
	next(job);
}

static void attempt(struct job *job)
{
	job->call.batch = job->first->batch;
	job->call.timeout_ns = job->host.config->timeout_ns;
	job->call.compressions = &job->host.ledger->compressions;
	job->call.exporter = NULL;
	job->sending = true;
	counter_add(&job->host.ledger->in_flight, 1);
	job->host.target->send(job->host.target->self, &job->call);
}

static void on_timer(uv_timer_t *timer)
{
	struct job *job = CONTAINER_OF(timer, struct job, timer);
	counter_add(&job->host.ledger->retries, 1);
	attempt(job);
}

/* xorshift64: only spreads repeats over time. */
static uint64_t next_random(struct job *job)
{
	job->random ^= job->random << 13;
	job->random ^= job->random >> 7;
	job->random ^= job->random << 17;
	return job->random;
}

/* ---- what came of an attempt ---------------------------------------------------------------- */

static void count_delivered(struct job *job, const struct export_result *result)
{
	uint32_t spans = job->first->batch->span_count;
	uint64_t unusable = result->unusable_spans < spans ? result->unusable_spans : spans;
	uint64_t sent = spans - unusable;
	uint64_t rejected = result->rejected_spans < sent ? result->rejected_spans : sent;
	counter_add(&job->host.ledger->sent, sent - rejected);
	if (rejected + unusable > 0) {
		counter_add(&job->host.ledger->send_failed, rejected + unusable);
		counter_add(&job->host.ledger->dropped[DROP_REJECTED], rejected);
		counter_add(&job->host.ledger->dropped[DROP_UNUSABLE_ID], unusable);
	}
	if (unusable > 0)
		log_warn(job->host.log,
			 LOG_MSG("Left out spans without a usable trace id and span id: the "
				 "backend would refuse their whole request"),
			 LOG_UINT("dropped_spans", unusable));
	if (rejected > 0 || result->partial_warning)
		log_warn(job->host.log, LOG_MSG("Partial success response"),
			 LOG_UINT("dropped_spans", rejected));
	job->delivered_some = true;
	remove_first(job);
}

static void delivered(struct job *job, const struct export_result *result)
{
	count_delivered(job, result);
	job->retry = (struct retry_state){.started_ns = clock_monotonic_ns()};
	next(job);
}

static void failed_for_good(struct job *job, const struct export_result *result,
			    enum drop_reason reason)
{
	log_error(job->host.log, LOG_MSG("Exporting failed. Dropping data."), LOG_ERR(&result->err),
		  LOG_UINT("dropped_items", job->first->batch->span_count),
		  LOG_STR("reason", drop_reason_name(reason)));
	drop_first(job, reason);
	next(job);
}

static void failed_for_now(struct job *job, const struct export_result *result)
{
	uint64_t wait_ns;
	bool over = result->retries_max > 0 && job->retry.bounded++ >= result->retries_max;
	if (over || !retry_next(&job->host.config->retry, &job->retry, clock_monotonic_ns(),
				result->retry_after_ns, next_random(job), &wait_ns)) {
		failed_for_good(job, result, DROP_RETRIES_EXHAUSTED);
		return;
	}
	log_info(job->host.log, LOG_MSG("Exporting failed. Will retry the request after interval."),
		 LOG_ERR(&result->err), LOG_DOUBLE("interval_seconds", (double)wait_ns / 1e9));
	/* Fails only for a timer that is being closed, and then nobody waits for it. */
	(void)uv_timer_start(&job->timer, on_timer, wait_ns / NS_PER_MS + 1, 0);
}

/* A piece with the spans of ${window}; NULL with ${err}. */
static struct piece *cut(struct job *job, struct trace_view *view, struct span_window window,
			 struct err *err)
{
	struct encode_plan plan;
	if (trace_encode_measure(view, window, &plan, err) != 0)
		return NULL;
	struct batch *batch = batch_new(job->host.budget);
	struct chunk *chunk = batch ? chunk_new(job->host.budget, plan.bytes) : NULL;
	bool made = chunk != NULL;
	if (made) {
		trace_encode_write(view, &plan, chunk->data);
		chunk->len = plan.bytes;
		chunk->span_count = plan.spans;
		chunk->index_bytes = view_index_bytes(view);
		made = batch_append(batch, chunk);
	}
	chunk_unref(chunk);
	if (!made) {
		batch_unref(batch);
		batch = NULL;
	}
	struct piece *piece = piece_new(batch);
	if (!piece)
		(void)err_set(err, ERR_NOMEM, "no memory to halve a request");
	return piece;
}

/* Cuts the indexed body of the first piece in two. -1 when memory is short. */
static int append_cuts(struct job *job, struct trace_view *view, uint32_t spans, struct err *err)
{
	struct piece *left = cut(job, view, (struct span_window){0, spans / 2}, err);
	struct piece *right =
		left ? cut(job, view, (struct span_window){spans / 2, spans}, err) : NULL;
	struct halving *halving = right ? calloc(1, sizeof(*halving)) : NULL;
	if (!halving) {
		piece_free(left);
		piece_free(right);
		return err_set(err, ERR_NOMEM, "no memory to halve a request");
	}
	halving->refs = 2;
	left->halving = right->halving = halving;
	append_piece(job, left);
	append_piece(job, right);
	return 0;
}

/* Appends the two halves of the first piece's spans. -1 when memory is short. */
static int append_halves(struct job *job, struct err *err)
{
	int result = -1;
	struct trace_view *view = view_new(job->host.budget, job->host.keys);
	struct chunk *body = batch_flatten(job->first->batch);
	if (!view || !body)
		(void)err_set(err, ERR_NOMEM, "no memory to halve a request");
	else if (view_open_chunk(view, body, err) == 0)
		result = append_cuts(job, view, view_span_count(view), err);
	view_free(view);
	chunk_unref(body);
	return result;
}

/* Replaces the first piece by its halves. */
static void split(struct job *job, const struct export_result *result)
{
	struct err why;
	if (job->first->batch->span_count <= 1) {
		failed_for_good(job, result, DROP_TOO_LARGE);
	} else if (append_halves(job, &why) != 0) {
		struct export_result memory = {.outcome = EXPORT_PERMANENT, .err = why};
		failed_for_good(job, &memory, DROP_MEMORY);
	} else {
		counter_add(&job->host.ledger->splits, 1);
		remove_first(job);
		next(job);
	}
}

/* True when splitting further would only repeat the same refusal. */
static bool splitting_is_useless(struct job *job)
{
	struct halving *halving = job->first->halving;
	if (halving && ++halving->failed == 2)
		job->both_halves_failed++;
	return !job->delivered_some && job->both_halves_failed >= BOTH_HALVES_FAILED_MAX;
}

static void too_large(struct job *job, const struct export_result *result)
{
	if (splitting_is_useless(job)) {
		uint32_t spans = drop_all(job, DROP_TOO_LARGE);
		log_error(job->host.log,
			  LOG_MSG("Exporting failed. Dropping data. The backend refuses every part "
				  "of a request alike: check the exporter's configuration"),
			  LOG_ERR(&result->err), LOG_UINT("dropped_items", spans));
		next(job);
		return;
	}
	if (job->requests + 2 > job->requests_max) {
		failed_for_good(job, result, DROP_TOO_LARGE);
		return;
	}
	job->requests += 2;
	split(job, result);
}

static void end_aborted(struct job *job, const struct export_result *result)
{
	if (result && result->outcome == EXPORT_DELIVERED)
		count_delivered(job, result);
	(void)drop_all(job, DROP_SHUTDOWN);
	finish(job);
}

/* Nothing is sent of a piece that is too much for one request, or of which no span is usable. */
static bool was_sent(const struct job *job, const struct export_result *result)
{
	bool none_usable = result->unusable_spans > 0 &&
			   result->unusable_spans >= job->first->batch->span_count;
	return result->outcome != EXPORT_SPLIT && !none_usable;
}

static void on_done(struct export_call *call, const struct export_result *result)
{
	struct job *job = CONTAINER_OF(call, struct job, call);
	job->sending = false;
	counter_sub(&job->host.ledger->in_flight, 1);
	if (was_sent(job, result))
		counter_add(&job->host.ledger->requests, 1);
	if (job->aborting) {
		end_aborted(job, result);
		return;
	}
	switch (result->outcome) {
	case EXPORT_DELIVERED: delivered(job, result); break;
	case EXPORT_RETRY: failed_for_now(job, result); break;
	case EXPORT_TOO_LARGE: too_large(job, result); break;
	case EXPORT_SPLIT: split(job, result); break;
	case EXPORT_PERMANENT:
	case EXPORT_OUTCOME_COUNT: failed_for_good(job, result, DROP_PERMANENT); break;
	}
}

/* ---- end ------------------------------------------------------------------------------------ */

void job_abort(struct job *job)
{
	if (!job->batch)
		return;
	job->aborting = true;
	if (job->sending) {
		/* Ends through on_done: now if it can be cancelled, soon if attempts are short. */
		if (job->host.target->cancel)
			job->host.target->cancel(job->host.target->self, &job->call);
		return;
	}
	(void)uv_timer_stop(&job->timer);
	end_aborted(job, NULL);
}

void job_stop(struct job *job)
{
	if (job->timer_made)
		uv_close((uv_handle_t *)&job->timer, NULL);
	job->timer_made = false;
}

void job_fini(struct job *job)
{
	while (job->first)
		remove_first(job);
	batch_unref(job->batch);
	job->batch = NULL;
}
