/* SPDX-License-Identifier: Apache-2.0 */
/* See assembler.h for what closes a batch. Invariants, under the lock:
 *  1. `open` is NULL or holds at least one chunk;
 *  2. open->bytes <= bytes_max and open->span_count <= spans_max, unless it is one single span;
 *  3. while `open` is set and a timeout is configured, the timer is armed or a task to arm it is
 *     on its way (`arming`). */
#include "pipeline/delivery/assembler.h"

#include "pipeline/base/assert.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/metrics.h"
#include "pipeline/trace/otlp/encode.h"

#include <stdlib.h>

enum { INDEX_BYTES_MAX = 32 << 20 }; /* of a batch of several chunks */

struct assembler {
	struct assembler_config config; /* immutable */
	struct budget *budget;
	struct loop *home; /* set by start */
	/* shared, guarded by lock */
	pthread_mutex_t lock;
	struct batch *open;
	uint64_t open_targets;
	uint64_t opened_ns;
	bool arming;
	struct trace_view *view; /* for splitting; closed otherwise */
	/* owned by the home loop */
	uv_timer_t timer;
	struct loop_task arm_task;
	bool timer_made;
	struct counter closed_by_size, closed_by_timeout; /* batches */
	struct histogram spans, bytes;			  /* of closed batches */
};

struct assembler *assembler_new(const struct assembler_config *config, struct budget *budget,
				const struct key_table *keys)
{
	struct assembler *assembler = calloc(1, sizeof(*assembler));
	if (!assembler)
		return NULL;
	assembler->config = *config;
	assembler->budget = budget;
	assembler->spans.bounds = &histogram_items;
	assembler->bytes.bounds = &histogram_bytes;
	assembler->view = view_new(budget, keys);
	if (!assembler->view) {
		free(assembler);
		return NULL;
	}
	(void)pthread_mutex_init(&assembler->lock, NULL);
	return assembler;
}

/* ---- invariants ----------------------------------------------------------------------------- */

/* Lock held. What is wrong, NULL for nothing: 1 and 2 of the head. */
UNUSED static const char *fault(const struct assembler *assembler)
{
	const struct assembler_config *config = &assembler->config;
	const struct batch *open = assembler->open;
	if (!open)
		return NULL;
	if (open->chunk_count == 0 || assembler->open_targets == 0)
		return "the open batch is of nothing, or for nobody";
	if (open->span_count > 1 &&
	    (open->bytes > config->bytes_max ||
	     (config->spans_max > 0 && open->span_count > config->spans_max)))
		return "the open batch is too large";
	return NULL;
}

/* Lock held, home loop, not while its timers are being run: 3 of the head. */
UNUSED static bool will_close(const struct assembler *assembler)
{
	return !assembler->open || !assembler->timer_made || assembler->arming ||
	       assembler->config.timeout_ns == 0 ||
	       uv_is_active((const uv_handle_t *)&assembler->timer);
}

/* ---- closing -------------------------------------------------------------------------------- */

static void close_open(struct assembler *assembler)
{
	struct batch *batch = assembler->open;
	if (!batch)
		return;
	ASSERT(!fault(assembler) && !batch_fault(batch));
	assembler->open = NULL;
	histogram_add(&assembler->spans, batch->span_count);
	histogram_add(&assembler->bytes, batch->bytes);
	assembler->config.take(assembler->config.arg, batch, assembler->open_targets);
}

static void close_by_size(struct assembler *assembler)
{
	counter_add(&assembler->closed_by_size, 1);
	close_open(assembler);
}

static void on_timer(uv_timer_t *timer);

/* Home loop, lock held: waits for the rest of the open batch's time. */
static void arm(struct assembler *assembler)
{
	uint64_t age = clock_monotonic_ns() - assembler->opened_ns;
	uint64_t left =
		age >= assembler->config.timeout_ns ? 0 : assembler->config.timeout_ns - age;
	uint64_t left_ms = (left + NS_PER_MS - 1) / NS_PER_MS;
	/* libuv counts from the loop's cached time, which may be old in a long turn. */
	uv_update_time(&assembler->home->uv);
	(void)uv_timer_start(&assembler->timer, on_timer, left_ms, 0); /* fails only when closing */
}

static void on_timer(uv_timer_t *timer)
{
	struct assembler *assembler = CONTAINER_OF(timer, struct assembler, timer);
	ASSERT_ON_LOOP(assembler->home);
	(void)pthread_mutex_lock(&assembler->lock);
	if (assembler->open) {
		uint64_t age = clock_monotonic_ns() - assembler->opened_ns;
		if (age >= assembler->config.timeout_ns) {
			counter_add(&assembler->closed_by_timeout, 1);
			close_open(assembler);
		} else {
			arm(assembler);
		}
	}
	ASSERT(will_close(assembler));
	(void)pthread_mutex_unlock(&assembler->lock);
}

static void run_arm(struct loop_task *task)
{
	struct assembler *assembler = CONTAINER_OF(task, struct assembler, arm_task);
	ASSERT_ON_LOOP(assembler->home);
	(void)pthread_mutex_lock(&assembler->lock);
	assembler->arming = false;
	if (assembler->open && assembler->timer_made &&
	    !uv_is_active((uv_handle_t *)&assembler->timer))
		arm(assembler);
	ASSERT(will_close(assembler));
	(void)pthread_mutex_unlock(&assembler->lock);
}

static void want_timer(struct assembler *assembler)
{
	if (!assembler->home || assembler->config.timeout_ns == 0 || assembler->arming)
		return;
	assembler->arming = true;
	loop_post(assembler->home, &assembler->arm_task);
}

int assembler_start(struct assembler *assembler, struct loop *home, struct err *err)
{
	int failure = uv_timer_init(&home->uv, &assembler->timer);
	if (failure)
		return err_set(err, ERR_IO, "make a timer: %s", uv_strerror(failure));
	assembler->timer_made = true;
	assembler->arm_task.run = run_arm;
	(void)pthread_mutex_lock(&assembler->lock);
	assembler->home = home;
	if (assembler->open)
		want_timer(assembler);
	(void)pthread_mutex_unlock(&assembler->lock);
	return 0;
}

/* ---- adding --------------------------------------------------------------------------------- */

static bool full(const struct assembler *assembler)
{
	const struct assembler_config *config = &assembler->config;
	const struct batch *open = assembler->open;
	bool at_once = config->timeout_ns == 0;
	return at_once || (config->spans_min > 0 && open->span_count >= config->spans_min) ||
	       (config->bytes_min > 0 && open->bytes >= config->bytes_min);
}

static bool fits(const struct assembler *assembler, const struct chunk *chunk)
{
	const struct assembler_config *config = &assembler->config;
	const struct batch *open = assembler->open;
	return open->bytes + chunk->len <= config->bytes_max &&
	       open->index_bytes + chunk->index_bytes <= INDEX_BYTES_MAX &&
	       (config->spans_max == 0 ||
		open->span_count + chunk->span_count <= config->spans_max);
}

/* One addition under way: the parts of a chunk that had to be split share it. */
struct addition {
	struct assembler *assembler;
	uint64_t targets;
	struct ack *ack;
	uint32_t ack_count;
	struct assembled *ret;
	bool failed; /* memory ran out: the rest of the parts is lost, too */
};

static void attach(const struct addition *addition)
{
	struct batch *open = addition->assembler->open;
	if (!addition->ack)
		return;
	/* Several parts of one request in one batch wait for it once. */
	if (open->ack_count > 0 && open->acks[open->ack_count - 1] == addition->ack)
		return;
	if (batch_attach(open, addition->ack)) {
		ack_expect(addition->ack, addition->ack_count);
	} else {
		/* The spans are in, but nobody could tell their sender so: a repeat is better than
		 * a promise that nothing stands behind. */
		ack_expect(addition->ack, 1);
		ack_finish(addition->ack, (struct ack_result){.outcome = OUTCOME_RETRY});
	}
}

static bool add_part(struct addition *addition, struct chunk *part)
{
	struct assembler *assembler = addition->assembler;
	bool waited_for = addition->ack != NULL;
	if (assembler->open && !fits(assembler, part))
		close_by_size(assembler);
	if (assembler->open && (assembler->open_targets != addition->targets ||
				assembler->open->waited_for != waited_for))
		close_open(assembler);
	bool opened = !assembler->open;
	struct batch *batch = opened ? batch_new(assembler->budget) : assembler->open;
	if (!batch || !batch_append(batch, part)) {
		if (opened)
			batch_unref(batch);
		return false;
	}
	if (opened) {
		batch->waited_for = waited_for;
		assembler->open = batch;
		assembler->open_targets = addition->targets;
		assembler->opened_ns = clock_monotonic_ns();
		addition->ret->batches_opened++;
		want_timer(assembler);
	}
	addition->ret->bytes_added += part->len;
	attach(addition);
	if (full(assembler))
		close_by_size(assembler);
	return true;
}

static void take_piece(void *arg, struct chunk *piece)
{
	struct addition *addition = arg;
	addition->failed = addition->failed || !add_part(addition, piece);
	if (addition->failed)
		addition->ret->spans_lost += piece->span_count;
	chunk_unref(piece);
}

/* A chunk over the maximum: cold. */
static void add_split(struct addition *addition, struct chunk *chunk)
{
	struct assembler *assembler = addition->assembler;
	uint32_t taken = 0;
	bool added =
		view_open_chunk(assembler->view, chunk, NULL) == 0 &&
		trace_split(assembler->view, assembler->budget, assembler->config.bytes_max,
			    assembler->config.spans_max, take_piece, addition, &taken, NULL) == 0;
	if (!added) /* besides those of parts that were cut and found no room */
		addition->ret->spans_lost += chunk->span_count - taken;
	view_close(assembler->view);
}

void assembler_add(struct assembler *assembler, struct chunk *chunk, uint64_t targets,
		   struct ack *ack, uint32_t ack_count, struct assembled *ret)
{
	const struct assembler_config *config = &assembler->config;
	struct addition addition = {.assembler = assembler,
				    .targets = targets,
				    .ack = ack_count > 0 ? ack : NULL,
				    .ack_count = ack_count,
				    .ret = ret};
	*ret = (struct assembled){0};
	(void)pthread_mutex_lock(&assembler->lock);
	bool too_large = (chunk->len > config->bytes_max && chunk->span_count > 1) ||
			 (config->spans_max > 0 && chunk->span_count > config->spans_max);
	if (too_large)
		add_split(&addition, chunk);
	else if (!add_part(&addition, chunk))
		ret->spans_lost = chunk->span_count;
	ASSERT(!fault(assembler) && ret->spans_lost <= chunk->span_count);
	(void)pthread_mutex_unlock(&assembler->lock);
}

void assembler_flush(struct assembler *assembler)
{
	(void)pthread_mutex_lock(&assembler->lock);
	close_open(assembler);
	(void)pthread_mutex_unlock(&assembler->lock);
}

/* ---- end ------------------------------------------------------------------------------------ */

void assembler_stop(struct assembler *assembler)
{
	ASSERT(!assembler->timer_made || loop_is_current(assembler->home));
	if (assembler->timer_made)
		uv_close((uv_handle_t *)&assembler->timer, NULL);
	assembler->timer_made = false;
}

void assembler_free(struct assembler *assembler)
{
	if (!assembler)
		return;
	batch_unref(assembler->open);
	view_free(assembler->view);
	(void)pthread_mutex_destroy(&assembler->lock);
	free(assembler);
}

/* ---- telemetry ------------------------------------------------------------------------------ */

static const struct metric_desc metric_size = {
	"otelcol_processor_batch_batch_size_trigger_send", "{time}",
	"Number of times the batch was sent due to a size trigger [Development]", METRIC_COUNTER};
static const struct metric_desc metric_timeout = {
	"otelcol_processor_batch_timeout_trigger_send", "{time}",
	"Number of times the batch was sent due to a timeout trigger [Development]",
	METRIC_COUNTER};

static const struct metric_desc metric_spans = {"otelcol_processor_batch_batch_send_size", "{unit}",
						"Number of units in the batch [Development]",
						METRIC_HISTOGRAM};
static const struct metric_desc metric_bytes = {
	"otelcol_processor_batch_batch_send_size_bytes", "By",
	"Number of bytes in batch that was sent. [Development]", METRIC_HISTOGRAM};
bool assembler_register(const struct assembler *assembler, struct metrics *metrics,
			const char *processor_id)
{
	struct buf labels = BUF_INIT;
	metrics_label(&labels, "processor", processor_id);
	const char *text = buf_cstr(&labels);
	bool added = metrics_add(metrics, &metric_size, text, &assembler->closed_by_size) &&
		     metrics_add(metrics, &metric_timeout, text, &assembler->closed_by_timeout) &&
		     metrics_add_histogram(metrics, &metric_spans, text, &assembler->spans) &&
		     metrics_add_histogram(metrics, &metric_bytes, text, &assembler->bytes);
	buf_fini(&labels);
	return added;
}
