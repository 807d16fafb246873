/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The debug exporter: spans on the terminal. Verbosity basic, normal and detailed print what the
 * Collector prints (text.c); tree, ours, prints traces as trees (tree.c) once they are complete, and
 * the rest at the end.
 *
 * Everything runs on the home loop, except the write itself, which may block (a pipe nobody reads,
 * a stopped terminal) and so goes to libuv's thread pool, one at a time and in order; what nobody
 * has read when the exporter stops is lost.
 */
#include "exporters/debug/text.h"
#include "exporters/debug/tree.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/fd_write.h"
#include "pipeline/graph/component.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum verbosity { VERBOSITY_BASIC = 0, VERBOSITY_NORMAL, VERBOSITY_DETAILED, VERBOSITY_TREE };

enum { TREE_TICK_MS = 100 };

static const uint64_t WRITE_TURN_NS = 100 * NS_PER_MS; /* then it looks whether the end has come */
static const uint64_t LAST_WRITE_NS = 1 * NS_PER_S;    /* for the last trees */

struct debug_config {
	struct delivery_config delivery;
	int verbosity;
	const char *loglevel; /* "": verbosity counts */
	uint32_t sampling_initial, sampling_thereafter;
	bool use_internal_logger;
	struct config_strings output_paths;
	uint64_t tree_quiet_ns, tree_patience_ns;
	uint32_t tree_max_spans;
};

static const char *const verbosities[] = {"basic", "normal", "detailed", "tree", NULL};

/* The former logging exporter's key. */
static const struct {
	const char *word;
	enum verbosity verbosity;
} loglevels[] = {
	{"debug", VERBOSITY_DETAILED},
	{"info", VERBOSITY_NORMAL},
	{"warn", VERBOSITY_BASIC},
	{"error", VERBOSITY_BASIC},
};

/* Where ${word} stands among the loglevels; their count when it does not. */
static size_t find_loglevel(const char *word)
{
	size_t at = 0;
	while (at < ARRAY_COUNT(loglevels) && strcmp(loglevels[at].word, word) != 0)
		at++;
	return at;
}

static enum verbosity verbosity_of(const struct debug_config *config)
{
	size_t at = find_loglevel(config->loglevel);
	return at < ARRAY_COUNT(loglevels) ? loglevels[at].verbosity
					   : (enum verbosity)config->verbosity;
}

static void check(const void *config, const struct config_node *node, const char *path,
		  struct config_report *report)
{
	(void)node;
	const struct debug_config *debug = config;
	for (size_t i = 0; i < debug->output_paths.count; i++) {
		const char *target = debug->output_paths.at[i];
		if (strcmp(target, "stdout") != 0 && strcmp(target, "stderr") != 0)
			config_problem(report, CONFIG_ERROR, debug->output_paths.nodes[i]->loc,
				       path, "stdout",
				       "'output_paths' may hold stdout or stderr, not %s", target);
	}
	if (debug->loglevel[0] && find_loglevel(debug->loglevel) == ARRAY_COUNT(loglevels))
		config_problem(report, CONFIG_ERROR, node ? node->loc : (struct config_loc){0},
			       path, NULL,
			       "'loglevel' must be one of debug, info, warn, error: use verbosity");
}

static const struct config_field fields[] = {
	CONFIG_ENUM_ANY_CASE(struct debug_config, verbosity, "verbosity", verbosities, "basic",
			     "basic, normal, detailed, or tree: whole traces as trees."),
	CONFIG_STRING(
		struct debug_config, loglevel, "loglevel", NULL,
		"Of the former logging exporter, in place of verbosity: debug means detailed, "
		"info normal, warn and error basic."),
	CONFIG_U32(struct debug_config, sampling_initial, "sampling_initial", "2", 0, 4294967295.0,
		   "", "Requests printed in each second before sampling begins."),
	CONFIG_U32(struct debug_config, sampling_thereafter, "sampling_thereafter", "1", 0,
		   4294967295.0, "", "After that, one request in this many; 0: none."),
	CONFIG_BOOL(struct debug_config, use_internal_logger, "use_internal_logger", "true",
		    "true: to stderr, beside the log; false: to output_paths."),
	CONFIG_STRING_LIST(struct debug_config, output_paths, "output_paths",
			   "stdout (default) or stderr, with use_internal_logger: false, and for "
			   "verbosity: tree."),
	CONFIG_DURATION(struct debug_config, tree_quiet_ns, "tree_quiet", "1s",
			"verbosity tree: print a complete trace after this long without new "
			"spans, and what its senders are seen to hold spans back."),
	CONFIG_DURATION(struct debug_config, tree_patience_ns, "tree_patience", "10s",
			"verbosity tree: how much longer a trace is waited for whose root or "
			"parents have not come. 0s: not at all, and what comes after a trace was "
			"printed is a tree of its own."),
	CONFIG_U32(struct debug_config, tree_max_spans, "tree_max_spans", "10000", 1, 10000000, "",
		   "verbosity tree: spans held at once."),
	DELIVERY_FIELDS(struct debug_config, delivery, "0s"),
};
static const struct config_block block = CONFIG_BLOCK_CHECKED(struct debug_config, fields, check);

/* One text on its way out. */
struct output {
	struct output *next;
	struct buf text;
	struct export_call *call; /* NULL for trees */
	uv_work_t work;
	struct debug *debug;
};

struct debug {
	const struct debug_config *config; /* immutable */
	enum verbosity verbosity;
	struct log log;
	struct fd_writer writer;
	_Atomic bool stopping; /* tells the thread that writes */
	bool reader_gone;      /* that thread's: what is left is not written */
	/* owned by the home loop */
	struct loop *loop;
	struct trace_view *view;
	struct trace_tree *tree;
	uv_timer_t timer;
	bool timer_made;
	struct output *first, **last; /* first is being written */
	uint64_t second;	      /* of the sampling below */
	uint32_t seen;
};

/* ---- making --------------------------------------------------------------------------------- */

static int target_fd(const struct debug_config *config)
{
	bool to_paths = !config->use_internal_logger || verbosity_of(config) == VERBOSITY_TREE;
	if (!to_paths)
		return STDERR_FILENO;
	bool to_stderr =
		config->output_paths.count > 0 && strcmp(config->output_paths.at[0], "stderr") == 0;
	return to_stderr ? STDERR_FILENO : STDOUT_FILENO;
}

static void *create(const struct component_env *env, const void *config,
		    struct config_report *report)
{
	(void)report;
	const struct debug_config *debug = config;
	struct debug *self = calloc(1, sizeof(*self));
	if (!self)
		return NULL;
	self->config = debug;
	self->log = env->log;
	self->writer = fd_writer_of(target_fd(debug));
	self->last = &self->first;
	self->view = view_new(env->budget, env->keys);
	self->verbosity = verbosity_of(debug);
	if (self->verbosity == VERBOSITY_TREE) {
		const struct tree_limits limits = {.traces_max = TREE_TRACES_DEFAULT,
						   .spans_max = debug->tree_max_spans,
						   .quiet_ns = debug->tree_quiet_ns,
						   .patience_ns = debug->tree_patience_ns};
		self->tree = trace_tree_new(limits, terminal_of(self->writer.fd), env->budget,
					    env->keys);
	}
	return self;
}

static const struct delivery_config *delivery(const void *config)
{
	return &((const struct debug_config *)config)->delivery;
}

/* ---- writing -------------------------------------------------------------------------------- */

/* A reader that has stopped holds up this exporter alone, and the end only once. */
static void run_write(uv_work_t *work)
{
	struct output *output = CONTAINER_OF(work, struct output, work);
	struct debug *self = output->debug;
	struct slice left = buf_slice(&output->text);
	while (left.len > 0 && !self->reader_gone) {
		bool last = atomic_load(&self->stopping);
		uint64_t patience_ns = last ? LAST_WRITE_NS : WRITE_TURN_NS;
		size_t taken = fd_write(&self->writer, left, &patience_ns);
		left = slice_of(left.ptr + taken, left.len - taken);
		if (left.len > 0 && patience_ns > 0)
			return; /* a closed terminal: there is nobody to tell */
		self->reader_gone = left.len > 0 && last;
	}
}

static void start_write(struct debug *self);

static void after_write(uv_work_t *work, int status)
{
	struct output *output = CONTAINER_OF(work, struct output, work);
	struct debug *self = output->debug;
	(void)status;
	self->first = output->next;
	if (!self->first)
		self->last = &self->first;
	if (output->call) {
		const struct export_result delivered = {.outcome = EXPORT_DELIVERED};
		export_done(output->call, &delivered);
	}
	buf_fini(&output->text);
	free(output);
	start_write(self);
}

static void start_write(struct debug *self)
{
	struct output *output = self->first;
	if (output && uv_queue_work(&self->loop->uv, &output->work, run_write, after_write) != 0)
		after_write(&output->work, 0);
}

/* Takes over ${text}; ${call}, when not NULL, ends when it is written. */
static void enqueue(struct debug *self, struct buf *text, struct export_call *call)
{
	struct output *output = calloc(1, sizeof(*output));
	if (!output) {
		const struct export_result failed = {
			.outcome = EXPORT_RETRY,
			.err = {.kind = ERR_NOMEM, .msg = "out of memory"}};
		buf_fini(text);
		if (call)
			export_done(call, &failed);
		return;
	}
	*output = (struct output){.text = *text, .call = call, .debug = self};
	*text = BUF_INIT;
	bool idle = !self->first;
	*self->last = output;
	self->last = &output->next;
	if (idle)
		start_write(self);
}

static void print_trees(struct debug *self, uint64_t now_ns)
{
	struct buf text = BUF_INIT;
	trace_tree_set_terminal(self->tree, terminal_of(self->writer.fd));
	if (trace_tree_print(self->tree, now_ns, &text) > 0)
		enqueue(self, &text, NULL);
	buf_fini(&text);
}

/* The loop is about to end, and what follows on the terminal (a summary, a prompt) comes from other
 * threads: written here and now, unless a write is under way that has to end first. */
static void print_last_trees(struct debug *self)
{
	struct buf text = BUF_INIT;
	uint64_t patience_ns = LAST_WRITE_NS;
	trace_tree_set_terminal(self->tree, terminal_of(self->writer.fd));
	if (self->first)
		print_trees(self, UINT64_MAX);
	else if (trace_tree_print(self->tree, UINT64_MAX, &text) > 0)
		(void)fd_write(&self->writer, buf_slice(&text), &patience_ns);
	buf_fini(&text);
}

/* ---- exporting ------------------------------------------------------------------------------ */

/* Whether this request is among those that sampling leaves. */
static bool sampled(struct debug *self)
{
	uint64_t second = clock_monotonic_ns() / NS_PER_S;
	if (second != self->second) {
		self->second = second;
		self->seen = 0;
	}
	uint32_t number = ++self->seen;
	uint32_t initial = self->config->sampling_initial;
	uint32_t thereafter = self->config->sampling_thereafter;
	return number <= initial || (thereafter > 0 && (number - initial) % thereafter == 0);
}

static void show(struct debug *self, struct chunk *body, struct export_call *call)
{
	struct buf text = BUF_INIT;
	switch (self->verbosity) {
	case VERBOSITY_TREE:
		trace_tree_observe(self->tree, self->view, clock_wall_ns());
		trace_tree_add(self->tree, self->view, body, clock_monotonic_ns());
		break;
	case VERBOSITY_NORMAL: text_normal(self->view, &text); break;
	case VERBOSITY_DETAILED: text_detailed(self->view, &text); break;
	case VERBOSITY_BASIC: break;
	}
	if (self->verbosity != VERBOSITY_TREE) {
		struct text_counts counts = text_count(self->view);
		log_info(&self->log, LOG_MSG("Traces"),
			 LOG_UINT("resource spans", counts.resource_spans),
			 LOG_UINT("spans", counts.spans));
	}
	if (text.len > 0) {
		enqueue(self, &text, call);
	} else {
		const struct export_result delivered = {.outcome = EXPORT_DELIVERED};
		export_done(call, &delivered);
	}
	buf_fini(&text);
}

static void send_batch(void *arg, struct export_call *call)
{
	struct debug *self = arg;
	struct export_result result = {.outcome = EXPORT_DELIVERED};
	if (self->verbosity != VERBOSITY_TREE && !sampled(self)) {
		export_done(call, &result);
		return;
	}
	struct chunk *body = batch_flatten(call->batch);
	if (body && view_open_chunk(self->view, body, &result.err) == 0) {
		show(self, body, call);
		view_close(self->view);
	} else {
		if (!body)
			(void)err_set(&result.err, ERR_NOMEM, "out of memory");
		/* Memory comes back; everything else is the same the next time. */
		result.outcome = result.err.kind == ERR_NOMEM ? EXPORT_RETRY : EXPORT_PERMANENT;
		export_done(call, &result);
	}
	chunk_unref(body);
}

/* ---- life ----------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer)
{
	struct debug *self = CONTAINER_OF(timer, struct debug, timer);
	print_trees(self, clock_monotonic_ns());
}

static int start(void *arg, struct loop *loop, struct err *err)
{
	struct debug *self = arg;
	self->loop = loop;
	if (!self->view || (self->verbosity == VERBOSITY_TREE && !self->tree))
		return err_set(err, ERR_NOMEM, "out of memory");
	if (!self->tree)
		return 0;
	int failure = uv_timer_init(&loop->uv, &self->timer);
	if (!failure) {
		self->timer_made = true;
		failure = uv_timer_start(&self->timer, on_timer, TREE_TICK_MS, TREE_TICK_MS);
	}
	return failure ? err_set(err, ERR_IO, "make a timer: %s", uv_strerror(failure)) : 0;
}

static void stop(void *arg)
{
	struct debug *self = arg;
	if (self->timer_made)
		uv_close((uv_handle_t *)&self->timer, NULL);
	self->timer_made = false;
	atomic_store(&self->stopping, true);
	if (self->tree)
		print_last_trees(self);
}

static void destroy(void *arg)
{
	struct debug *self = arg;
	trace_tree_free(self->tree);
	view_free(self->view);
	free(self);
}

static const struct exporter_ops ops = {.create = create,
					.delivery = delivery,
					.start = start,
					.send = send_batch,
					.stop = stop,
					.destroy = destroy};

const struct component_type exporter_debug = {
	.kind = COMPONENT_EXPORTER,
	.names = {"debug", "logging"},
	.summary = "Spans on the terminal: counts, text, or trees of whole traces.",
	.config = &block,
	.exporter = &ops};
