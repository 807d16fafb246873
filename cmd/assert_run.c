/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a run is over:
 *
 *   met        the command has ended, every expectation holds, and no span came for SETTLE_NS (what
 *              must not be may still come)
 *   quiet      the command has ended, or there is none and a span has come; then nothing for `quiet`
 *   deadline   whatever happens; the command is ended then, and what it still sends is taken
 *   finished   somebody said so (extensions/assert_control)
 *   signal     the graph stops by itself, as the collector does; then the command is ended
 *
 * Then the graph drains, so that what was received is judged, too.
 */
#include "cmd/assert_run.h"

#include "exporters/assert/assert.h"
#include "extensions/assert_control/assert_control.h"
#include "pipeline/base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TICK_MS = 10 };

static const uint64_t SETTLE_NS = 80 * NS_PER_MS;
static const uint64_t JUDGE_AFTER_NS = 10 * NS_PER_MS; /* without a new span */

/* configs/assert.yaml, put into the program as configs/dev.yaml is (local.c). */
__asm__(".section .rodata\n"
	"assert_config_uri:\n"
	".ascii \"yaml:\"\n"
	".incbin \"configs/assert.yaml\"\n"
	".byte 0\n"
	".previous\n");
extern const char assert_config_uri[]; /* a string: .byte 0 is its end */

/* ---- the configuration ---------------------------------------------------------------------- */

/* The files as a list in YAML's flow style. NULL: no memory. */
static char *make_expect_set(const struct option_list *files)
{
	struct buf text = BUF_INIT;
	buf_append_str(&text, "exporters.assert.expect=[");
	for (size_t i = 0; i < files->count; i++) {
		buf_append_str(&text, i > 0 ? ", \"" : "\"");
		buf_append_json(&text, slice_str(files->at[i]));
		buf_append_byte(&text, '"');
	}
	buf_append_byte(&text, ']');
	char *set = text.failed ? NULL : strdup(buf_cstr(&text));
	buf_fini(&text);
	return set;
}

static char *make_set(const char *key, const char *value)
{
	struct buf text = BUF_INIT;
	buf_printf(&text, "%s=%s", key, value);
	char *set = text.failed ? NULL : strdup(buf_cstr(&text));
	buf_fini(&text);
	return set;
}

static bool add(struct option_list *list, const char *text)
{
	if (!text || list->count == OPTION_LIST_MAX) {
		fprintf(stderr, "Error: %s\n", text ? "too many options" : "out of memory");
		return false;
	}
	list->at[list->count++] = text;
	return true;
}

/* What the user set himself comes after ours, and so wins. */
static bool make_collector_options(struct assert_run *run, struct collector_options *out)
{
	const struct assert_run_options *options = run->options;
	const struct option_list *user = &options->collector.sets;
	*out = options->collector;
	out->sets = (struct option_list){0};
	if (out->configs.count == 0 && !add(&out->configs, assert_config_uri))
		return false;
	if (options->expect.count > 0) {
		run->expect_set = make_expect_set(&options->expect);
		if (!add(&out->sets, run->expect_set))
			return false;
	}
	if (options->listen) {
		run->listen_set =
			make_set("receivers.otlp.protocols.grpc.endpoint", options->listen);
		if (!add(&out->sets, run->listen_set))
			return false;
	}
	if (options->control) {
		run->control_set = make_set("extensions.assert_control.endpoint", options->control);
		if (!add(&out->sets, run->control_set) ||
		    !add(&out->sets, "service.extensions=[assert_control]"))
			return false;
	}
	for (size_t i = 0; i < user->count; i++) {
		if (!add(&out->sets, user->at[i]))
			return false;
	}
	return true;
}

/* ---- while it runs -------------------------------------------------------------------------- */

/* What all sessions have kept, judged. False after a message. */
static bool state_of(struct assert_run *run, struct expect_state *ret_state)
{
	struct expect_state sum = {.all_hold = run->session_count > 0}, one;
	struct err err;
	for (size_t i = 0; i < run->session_count; i++) {
		if (expect_session_state(run->sessions[i], &one, &err) != 0) {
			fprintf(stderr, "Error: the spans cannot be judged: %s\n", err.msg);
			return false;
		}
		sum.requests += one.requests;
		sum.spans += one.spans;
		sum.traces += one.traces;
		sum.lost += one.lost;
		sum.all_hold &= one.all_hold;
		if (one.added_ns > sum.added_ns)
			sum.added_ns = one.added_ns;
	}
	*ret_state = sum;
	return true;
}

/* When a span came last, whether it has been judged or not; 0: none has. */
static uint64_t last_span_ns(const struct assert_run *run)
{
	uint64_t last = 0;
	for (size_t i = 0; i < run->session_count; i++) {
		uint64_t added = expect_session_glance(run->sessions[i]).added_ns;
		last = added > last ? added : last;
	}
	return last;
}

static bool expects_anything(const struct assert_run *run)
{
	for (size_t i = 0; i < run->session_count; i++) {
		if (expect_session_expectations(run->sessions[i]))
			return true;
	}
	return false;
}

static void finish(struct assert_run *run, enum assert_end end)
{
	(void)uv_timer_stop(&run->timer);
	run->end = end;
	graph_stop(run->graph);
}

static bool all_met(struct assert_run *run)
{
	struct expect_state state;
	return expects_anything(run) && state_of(run, &state) && state.all_hold;
}

static uint64_t quiet_ns(const struct assert_run *run)
{
	if (run->options->quiet_ns > 0)
		return run->options->quiet_ns;
	return run->options->command ? ASSERT_COMMAND_QUIET_NS : ASSERT_LISTEN_QUIET_NS;
}

static void on_tick(uv_timer_t *timer)
{
	struct assert_run *run = CONTAINER_OF(timer, struct assert_run, timer);
	uint64_t now = clock_monotonic_ns(), span_ns = last_span_ns(run);
	uint64_t event_ns = span_ns > run->child.ended_ns ? span_ns : run->child.ended_ns;
	uint64_t deadline_ns =
		run->options->deadline_ns > 0 ? run->options->deadline_ns : ASSERT_DEADLINE_NS;
	bool sending = run->options->command ? !run->child.ended : span_ns == 0;
	uint64_t idle_ns = sending || now < event_ns ? 0 : now - event_ns;
	if (run->finish_asked || now - run->began_ns >= deadline_ns) {
		if (assert_child_stop(&run->child, now))
			finish(run, run->finish_asked ? ASSERT_END_FINISHED : ASSERT_END_DEADLINE);
	} else if (idle_ns >= quiet_ns(run)) {
		finish(run, ASSERT_END_QUIET);
	} else if (run->options->command && span_ns > 0 && idle_ns >= JUDGE_AFTER_NS &&
		   all_met(run) && idle_ns >= SETTLE_NS) {
		finish(run, ASSERT_END_MET);
	}
}

/* ---- asked from outside --------------------------------------------------------------------- */

static bool append_status(void *arg, struct buf *out)
{
	struct assert_run *run = arg;
	struct expect_state state;
	uint64_t expectations = 0;
	if (!state_of(run, &state))
		return false;
	for (size_t i = 0; i < run->session_count; i++) {
		const struct expectations *of = expect_session_expectations(run->sessions[i]);
		expectations += of ? expect_count(of) : 0;
	}
	buf_printf(out,
		   "{\"requests\":%" PRIu64 ",\"spans\":%" PRIu64 ",\"traces\":%" PRIu64
		   ",\"spans_lost\":%" PRIu64 ",\"expectations\":%" PRIu64 ",\"all_hold\":%s",
		   state.requests, state.spans, state.traces, state.lost, expectations,
		   state.all_hold ? "true" : "false");
	if (state.added_ns > 0)
		buf_printf(out, ",\"quiet_ms\":%" PRIu64,
			   (clock_monotonic_ns() - state.added_ns) / NS_PER_MS);
	buf_append_str(out, "}\n");
	return !out->failed;
}

static void ask_to_finish(void *arg)
{
	((struct assert_run *)arg)->finish_asked = true;
}

/* The names of what is there for others to reach; in the log of nobody, so on standard error. */
static void say_addresses(const struct assert_run *run, const void *control)
{
	if (!run->options->command)
		fprintf(stderr, "Listening for OTLP on port %u (gRPC and HTTP).\n",
			(unsigned)run->port);
	if (control)
		fprintf(stderr, "GET /status and POST /finish on port %u.\n",
			(unsigned)assert_control_port(control));
}

/* ---- the beginning -------------------------------------------------------------------------- */

static void on_ready(void *arg, struct graph *graph)
{
	struct assert_run *run = arg;
	struct err err;
	void *exporter;
	run->graph = graph;
	run->port = collector_first_port(graph);
	run->began_ns = clock_monotonic_ns();
	while (run->session_count < ASSERT_SESSIONS_MAX &&
	       (exporter = graph_exporter(graph, "assert", run->session_count)))
		run->sessions[run->session_count++] = assert_exporter_session(exporter);
	if (uv_timer_init(&graph_loop(graph)->uv, &run->timer) != 0 ||
	    uv_timer_start(&run->timer, on_tick, TICK_MS, TICK_MS) != 0) {
		fprintf(stderr, "Error: cannot make a timer\n");
		graph_stop(graph);
		return;
	}
	run->timer_made = true;
	say_addresses(run, graph_extension(graph, "assert_control"));
	if (run->options->command &&
	    assert_child_start(&run->child, &graph_loop(graph)->uv, run->options->command,
			       run->port, &err) != 0) {
		fprintf(stderr, "Error: %s\n", err.msg);
		finish(run, ASSERT_END_NO_START);
	}
}

/* ---- life ----------------------------------------------------------------------------------- */

bool assert_run(struct assert_run *run, const struct assert_run_options *options)
{
	struct collector_options collector;
	struct err err;
	*run = (struct assert_run){.options = options};
	if (!make_collector_options(run, &collector) ||
	    !collector_init(&run->collector, &collector, false, on_ready, run))
		return false;
	size_t count = 0;
	for (void *exporter; (exporter = graph_exporter(run->collector.graph, "assert", count));
	     count++)
		assert_exporter_set_env(exporter, &options->env);
	if (count == 0) {
		fprintf(stderr, "Error: no pipeline of this configuration has the exporter "
				"\"assert\": add it where spans shall be judged\n");
		return false;
	}
	void *control = graph_extension(run->collector.graph, "assert_control");
	const struct assert_control_owner owner = {append_status, ask_to_finish, run};
	if (control)
		assert_control_set_owner(control, &owner);
	run->collector.hangup_ends = true;
	if (collector_start(&run->collector, &err) != 0) {
		fprintf(stderr, "Error: %s\n", err.msg);
		return false;
	}
	(void)collector_wait(&run->collector);
	assert_child_stop_without_loop(&run->child);
	if (run->timer_made)
		uv_close((uv_handle_t *)&run->timer, NULL); /* graph_free's loop ends it */
	return true;
}

const struct metrics *assert_run_metrics(const struct assert_run *run)
{
	return run->collector.graph ? graph_metrics(run->collector.graph) : NULL;
}

void assert_run_fini(struct assert_run *run)
{
	assert_child_fini(&run->child);
	collector_fini(&run->collector);
	free(run->expect_set);
	free(run->listen_set);
	free(run->control_set);
}
