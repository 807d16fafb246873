/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attempts, back-off and splitting of one batch.
 *
 * A job works through a list of pieces; at first the batch is the only one. A piece that is refused
 * is replaced by smaller ones. Why it is refused decides how:
 *
 *   its size (EXPORT_TOO_LARGE)   halved by bytes, or cut to what the exporter's struct size_limit
 *       knows to fit; what is expected to be refused is cut before it is sent. A single span that
 *       is refused is a culprit: it alone is dropped. With k culprits found and d requests taken of
 *       a batch of n spans, at most 2·(k + 1)·(log2(n) + 1) + 8 + d requests of several spans may be
 *       refused; what is refused beyond that is dropped. d is for backends whose limit is no number
 *       of bytes, so that little can be learnt; others need not even half of the rest.
 *   what is in it (EXPORT_INVALID)   halved by spans towards the one bad span, both halves before
 *       either is halved again, within 4·log2(n) + 8 requests; when both halves of a piece fail
 *       alike twice and nothing was ever delivered, the cause is the configuration, not a span: the
 *       rest is dropped with one error.
 *   more than the exporter puts into one request (EXPORT_SPLIT)   halved by bytes without a bound
 *       but its spans: nobody is hammered.
 */
#include "pipeline/delivery/job.h"

#include "pipeline/base/assert.h"
#include "pipeline/base/clock.h"

enum { BOTH_HALVES_FAILED_MAX = 2 };

static void attempt(struct job *job);
static void on_done(struct export_call *call, const struct export_result *result);

void job_init(struct job *job, const struct job_host *host, uint64_t seed)
{
	*job = (struct job){.host = *host, .random = seed | 1};
	piece_list_init(&job->pieces);
	job->call.done = on_done;
}

int job_start(struct job *job, struct loop *home, struct err *err)
{
	int failure = uv_timer_init(&home->uv, &job->timer);
	if (failure)
		return err_set(err, ERR_IO, "make a timer: %s", uv_strerror(failure));
	job->timer_made = true;
	job->home = home;
	return 0;
}

/* ---- pieces --------------------------------------------------------------------------------- */

/* What whoever waits is told of spans that were lost for ${reason}. ${answer}: the backend's, which
 * brought it about; NULL: it was not the backend. */
static struct ack_result told(enum drop_reason reason, const struct export_result *answer)
{
	struct ack_result result = {.outcome = OUTCOME_RETRY};
	if (reason == DROP_PERMANENT || reason == DROP_REJECTED || reason == DROP_TOO_LARGE)
		result.outcome = OUTCOME_REJECTED;
	if (!answer)
		return result;
	uint64_t retry_ms = (answer->retry_after_ns + NS_PER_MS - 1) / NS_PER_MS;
	result.grpc_code = answer->grpc_code;
	if (result.outcome == OUTCOME_RETRY)
		result.retry_after_ms = retry_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)retry_ms;
	return result;
}

static void count_lost(struct job *job, uint32_t spans, enum drop_reason reason,
		       const struct export_result *answer)
{
	bool returned = job->host.waits && job->batch->waited_for;
	job->settled += spans;
	ledger_fail(job->host.ledger, reason, returned, spans);
	job->worst = ack_worse(job->worst, told(reason, answer));
}

static void drop_first(struct job *job, enum drop_reason reason, const struct export_result *answer)
{
	count_lost(job, job->pieces.first->batch->span_count, reason, answer);
	piece_list_remove_first(&job->pieces);
}

static uint32_t drop_all(struct job *job, enum drop_reason reason,
			 const struct export_result *answer)
{
	uint32_t spans = 0;
	while (job->pieces.first) {
		spans += job->pieces.first->batch->span_count;
		drop_first(job, reason, answer);
	}
	return spans;
}

/* ---- cutting -------------------------------------------------------------------------------- */

static struct cutting cutting_of(const struct job *job, enum cut_way way, size_t bytes_max)
{
	return (struct cutting){.way = way,
				.bytes_max = bytes_max,
				.budget = job->host.budget,
				.keys = job->host.keys};
}

static int cut_first(struct job *job, enum cut_way way, size_t bytes_max, struct err *err)
{
	const struct cutting cutting = cutting_of(job, way, bytes_max);
	if (piece_list_cut_first(&job->pieces, &cutting, err) != 0)
		return -1;
	counter_add(&job->host.ledger->splits, 1);
	return 0;
}

/* To parts that are known to fit, or, before that is known, to halves. */
static int cut_for_size(struct job *job, struct err *err)
{
	size_t fitting = size_limit_fitting(job->host.size_limit, clock_monotonic_ns());
	return cut_first(job, fitting > 0 ? CUT_TO_SIZE : CUT_HALF_OF_BYTES, fitting, err);
}

/* Cuts the first piece when the backend is expected to refuse it: true when it did. Without memory
 * for that the piece is sent as it is. */
static bool was_cut_beforehand(struct job *job)
{
	const struct batch *batch = job->pieces.first->batch;
	struct err why;
	if (batch->span_count <= 1 ||
	    !size_limit_expects_refusal(job->host.size_limit, batch->bytes, clock_monotonic_ns()))
		return false;
	job->going_on_again = cut_for_size(job, &why) == 0;
	return job->going_on_again;
}

static void finish(struct job *job)
{
	struct batch *batch = job->batch;
	ASSERT(job->settled == batch->span_count);
	job_enter(job, JOB_FREE);
	job->batch = NULL;
	counter_sub(&job->host.ledger->in_flight, 1);
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
		ASSERT(!job_fault(job));
		if (!job->pieces.first)
			finish(job);
		else if (!was_cut_beforehand(job))
			attempt(job);
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
	ASSERT_ON_LOOP(job->home);
	job_enter(job, JOB_AT_WORK);
	job->batch = batch;
	counter_add(&job->host.ledger->in_flight, 1);
	job->worst = (struct ack_result){.outcome = OUTCOME_TAKEN};
	job->aborting = false;
	job->both_halves_failed = 0;
	job->requests = 1;
	job->settled = job->delivered = job->size_refusals = job->culprits = 0;
	if (!piece_list_append(&job->pieces, batch_ref(batch)))
		count_lost(job, batch->span_count, DROP_MEMORY, NULL);
	job->retry = (struct retry_state){.started_ns = clock_monotonic_ns()};
	next(job);
}

static void attempt(struct job *job)
{
	job->call.batch = job->pieces.first->batch;
	job->call.timeout_ns = job->host.config->timeout_ns;
	job->call.compressions = &job->host.ledger->compressions;
	job->call.exporter = NULL;
	job_enter(job, JOB_SENDING);
	job->host.target->send(job->host.target->self, &job->call);
}

static void on_timer(uv_timer_t *timer)
{
	struct job *job = CONTAINER_OF(timer, struct job, timer);
	job_enter(job, JOB_AT_WORK);
	counter_add(&job->host.ledger->retries, 1);
	next(job);
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
	uint32_t spans = job->pieces.first->batch->span_count;
	uint64_t unusable = result->unusable_spans < spans ? result->unusable_spans : spans;
	uint64_t sent = spans - unusable;
	uint64_t rejected = result->rejected_spans < sent ? result->rejected_spans : sent;
	job->settled += spans;
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
	if (rejected > 0)
		log_warn(job->host.log, LOG_MSG("Partial success response"),
			 LOG_UINT("dropped_spans", rejected));
	else if (result->partial_warning)
		log_info(job->host.log, LOG_MSG("Partial success response with a message alone"));
	job->delivered++;
	piece_list_remove_first(&job->pieces);
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
		  LOG_UINT("dropped_items", job->pieces.first->batch->span_count),
		  LOG_STR("reason", drop_reason_name(reason)));
	drop_first(job, reason, result);
	next(job);
}

static void failed_for_now(struct job *job, const struct export_result *result)
{
	uint64_t wait_ns;
	uint64_t now_ns = clock_monotonic_ns();
	bool over = result->retries_max > 0 && job->retry.bounded++ >= result->retries_max;
	if (over || !retry_next(&job->host.config->retry, &job->retry, now_ns,
				result->retry_after_ns, next_random(job), &wait_ns)) {
		failed_for_good(job, result, DROP_RETRIES_EXHAUSTED);
		return;
	}
	drain_failing(job->host.drain, now_ns + wait_ns, now_ns);
	log_info(job->host.log, LOG_MSG("Exporting failed. Will retry the request after interval."),
		 LOG_ERR(&result->err), LOG_DOUBLE("interval_seconds", (double)wait_ns / 1e9));
	job_enter(job, JOB_WAITING);
	/* Fails only for a timer that is being closed, and then nobody waits for it. */
	(void)uv_timer_start(&job->timer, on_timer, wait_ns / NS_PER_MS + 1, 0);
}

/* ---- refusals that a smaller request may not meet --------------------------------------------- */

static void go_on_after_cut(struct job *job, int cut, const struct err *why)
{
	if (cut == 0) {
		next(job);
		return;
	}
	const struct export_result memory = {.outcome = EXPORT_PERMANENT, .err = *why};
	failed_for_good(job, &memory, DROP_MEMORY);
}

/* Drops the single span that is the first piece. */
static void drop_culprit(struct job *job, const struct export_result *result)
{
	const struct cutting cutting = cutting_of(job, CUT_HALF_OF_BYTES, 0);
	struct buf trace_id = BUF_INIT;
	piece_list_write_trace_id(&job->pieces, &cutting, &trace_id);
	log_error(job->host.log,
		  LOG_MSG("Exporting failed. Dropping data. A single span is too large for the "
			  "backend"),
		  LOG_ERR(&result->err), LOG_UINT("dropped_items", 1),
		  LOG_STR("reason", drop_reason_name(DROP_TOO_LARGE)),
		  LOG_STR("trace_id", buf_cstr(&trace_id)),
		  LOG_UINT("bytes", job->pieces.first->batch->bytes));
	buf_fini(&trace_id);
	drop_first(job, DROP_TOO_LARGE, result);
	next(job);
}

static uint32_t size_refusals_max(const struct job *job)
{
	return 2 * (job->culprits + 1) * (log2_ceil(job->batch->span_count) + 1) + 8 +
	       job->delivered;
}

static void too_large(struct job *job, const struct export_result *result)
{
	const struct batch *batch = job->pieces.first->batch;
	bool alone = batch->span_count <= 1;
	struct err why;
	size_limit_refuse(job->host.size_limit, batch->bytes, alone, clock_monotonic_ns());
	if (alone) {
		job->culprits++;
		drop_culprit(job, result);
		return;
	}
	if (++job->size_refusals > size_refusals_max(job)) {
		failed_for_good(job, result, DROP_TOO_LARGE);
		return;
	}
	log_info(job->host.log,
		 LOG_MSG("The backend refuses a request for its size. Splitting it."),
		 LOG_ERR(&result->err), LOG_UINT("bytes", batch->bytes),
		 LOG_UINT("spans", batch->span_count));
	go_on_after_cut(job, cut_for_size(job, &why), &why);
}

/* More than the exporter itself puts into one request. */
static void split(struct job *job, const struct export_result *result)
{
	struct err why;
	if (job->pieces.first->batch->span_count <= 1)
		drop_culprit(job, result);
	else
		go_on_after_cut(job, cut_first(job, CUT_HALF_OF_BYTES, 0, &why), &why);
}

/* True when splitting further would only repeat the same refusal. */
static bool splitting_is_useless(struct job *job)
{
	struct halving *halving = job->pieces.first->halving;
	if (halving && ++halving->failed == 2)
		job->both_halves_failed++;
	return job->delivered == 0 && job->both_halves_failed >= BOTH_HALVES_FAILED_MAX;
}

/* Refused for what is in it. */
static void invalid(struct job *job, const struct export_result *result)
{
	struct err why;
	if (splitting_is_useless(job)) {
		uint32_t spans = drop_all(job, DROP_PERMANENT, result);
		log_error(job->host.log,
			  LOG_MSG("Exporting failed. Dropping data. The backend refuses every part "
				  "of a request alike: check the exporter's configuration"),
			  LOG_ERR(&result->err), LOG_UINT("dropped_items", spans));
		next(job);
		return;
	}
	bool enough = job->requests + 2 > 4 * log2_ceil(job->batch->span_count) + 8;
	if (enough || job->pieces.first->batch->span_count <= 1) {
		failed_for_good(job, result, DROP_REJECTED);
		return;
	}
	job->requests += 2;
	go_on_after_cut(job, cut_first(job, CUT_HALF_OF_SPANS, 0, &why), &why);
}

static void end_aborted(struct job *job, const struct export_result *result)
{
	if (result && result->outcome == EXPORT_DELIVERED)
		count_delivered(job, result);
	(void)drop_all(job, DROP_SHUTDOWN, NULL);
	finish(job);
}

/* Nothing is sent of a piece that is too much for one request, or of which no span is usable. */
static bool was_sent(const struct job *job, const struct export_result *result)
{
	bool none_usable = result->unusable_spans > 0 &&
			   result->unusable_spans >= job->pieces.first->batch->span_count;
	return result->outcome != EXPORT_SPLIT && !none_usable;
}

static void on_done(struct export_call *call, const struct export_result *result)
{
	struct job *job = CONTAINER_OF(call, struct job, call);
	ASSERT_ON_LOOP(job->home);   /* whatever thread an exporter made the request's body on */
	job_enter(job, JOB_AT_WORK); /* else it is done twice */
	if (was_sent(job, result)) {
		counter_add(&job->host.ledger->requests, 1);
		if (result->outcome == EXPORT_DELIVERED)
			size_limit_accept(job->host.size_limit, job->pieces.first->batch->bytes);
	}
	if (job->aborting) {
		end_aborted(job, result);
		return;
	}
	if (result->outcome != EXPORT_RETRY)
		drain_working(job->host.drain, clock_monotonic_ns());
	switch (result->outcome) {
	case EXPORT_DELIVERED: delivered(job, result); break;
	case EXPORT_RETRY: failed_for_now(job, result); break;
	case EXPORT_TOO_LARGE: too_large(job, result); break;
	case EXPORT_INVALID: invalid(job, result); break;
	case EXPORT_SPLIT: split(job, result); break;
	case EXPORT_PERMANENT:
	case EXPORT_OUTCOME_COUNT: failed_for_good(job, result, DROP_PERMANENT); break;
	}
}

/* ---- end ------------------------------------------------------------------------------------ */

void job_abort(struct job *job)
{
	ASSERT_ON_LOOP(job->home);
	if (!job->batch)
		return;
	job->aborting = true;
	if (job->state == JOB_SENDING) {
		/* Ends through on_done: now if it can be cancelled, soon if attempts are short. */
		if (job->host.target->cancel)
			job->host.target->cancel(job->host.target->self, &job->call);
		return;
	}
	(void)uv_timer_stop(&job->timer);
	job_enter(job, JOB_AT_WORK);
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
	while (job->pieces.first)
		piece_list_remove_first(&job->pieces);
	batch_unref(job->batch);
	job->batch = NULL;
}
