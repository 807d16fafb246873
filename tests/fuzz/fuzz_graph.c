/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small graph from its first request to its end: requests are pushed, processors take, drop, fail
 * for now or for good, exporters answer in every way, now or later, memory gets short, time passes,
 * the end begins at any moment. After every step the books must balance, in every branch:
 *
 *   into a processor = out of it + dropped by it       (counted when somebody took the request)
 *   out of a stage   = into the next one + held in its batch + dropped there
 *   out of a pipeline = sent + dropped + returned + held, for each of its exporters
 *
 * A push is answered once; what waited for a backend is not told "taken" before that one has it; no
 * exporter delivers a span twice. The end comes in the time that it has, and then nothing is held.
 *
 * Byte 0: the configuration. The rest are steps of two bytes: what (bits 0-3), to which exporter
 * (bits 4-5); how much.
 */
#include "tests/fuzz/graph_configs.h"
#include "tests/fuzz/virtual_clock.h"
#include "tests/support/fuzz_script.h"
#include "tests/support/graph_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	SHARDS = 2,
	PUSHES_MAX = 128,
	SPANS_MAX = SCRIPT_SPANS_MAX / PUSHES_MAX,
	STEPS_MAX = 400,
	FILTERS_MAX = 4,
	TIME_UNIT_MS = 20,
	MEMORY_UNIT_BYTES = 128,
	SHUTDOWN_S = 5,
	ABORT_S = 2, /* stop.c: for what is cancelled to come back */
};

enum step {
	STEP_PUSH = 0,
	STEP_ANSWER, /* what the exporter says from now on: enum mode and a number */
	STEP_HOLD,   /* it says nothing for now */
	STEP_RELEASE,
	STEP_PROCESS, /* what the filters do: enum processing and how often */
	STEP_TIME,
	STEP_TURN,
	STEP_MEMORY,
	STEP_STOP, /* the second time at once */
	STEP_COUNT
};

enum mode {
	MODE_DELIVER = 0,
	MODE_RETRY,
	MODE_RETRY_LATER, /* in so many seconds */
	MODE_TOO_LARGE,	  /* from so many spans on */
	MODE_INVALID,	  /* with the span whose number is a multiple of so many */
	MODE_PERMANENT,
	MODE_PARTIAL, /* so many spans are refused */
	MODE_SPLIT,   /* more than so many spans in a request are not sent */
};

enum processing { PASS = 0, DROP_EVEN, DROP_ALL, NO_MEMORY, REFUSE, PROCESSING_COUNT };

struct sent {
	struct push push;
	uint32_t first, count; /* spans */
	uint32_t answers;
	bool accepted; /* nobody refused it */
};

static struct world {
	struct graph_fixture fixture;
	struct graph *graph;
	struct sent pushes[PUSHES_MAX];
	size_t push_count;
	uint64_t spans_pushed, spans_accepted, spans_answered;
	uint8_t answers[GRAPH_FIXTURE_EXPORTERS_MAX];
	enum processing processing;
	unsigned processing_left; /* calls; then they pass */
	struct {
		const void *self;
		struct counter dropped;
	} filters[FILTERS_MAX];
} world;

/* ---- processors ----------------------------------------------------------------------------- */

static struct counter *dropped_by(const void *self)
{
	size_t i = 0;
	while (i < FILTERS_MAX && world.filters[i].self && world.filters[i].self != self)
		i++;
	fuzz_must(i < FILTERS_MAX);
	world.filters[i].self = self;
	return &world.filters[i].dropped;
}

static void drop(struct trace_view *view, const void *self, bool all)
{
	uint32_t before = view_live_spans(view);
	for (uint32_t i = 0; i < view_span_count(view); i++) {
		if (all || slice_equal(view_span_name(view, i), SLICE("even")))
			edit_drop_span(view, i);
	}
	tally_add(edit_tally(view), dropped_by(self), before - view_live_spans(view));
}

static enum outcome process(void *self, void *state, struct trace_view *view, struct err *err)
{
	enum processing now = world.processing_left > 0 ? world.processing : PASS;
	(void)state;
	world.processing_left -= world.processing_left > 0;
	if (now == NO_MEMORY || now == REFUSE) {
		(void)err_set(err, now == NO_MEMORY ? ERR_NOMEM : ERR_INTERNAL, "fuzz");
		return now == NO_MEMORY ? OUTCOME_RETRY : OUTCOME_REJECTED;
	}
	if (now != PASS)
		drop(view, self, now == DROP_ALL);
	return OUTCOME_TAKEN;
}

/* The filters' own conditions match nothing; what they do is ours. */
static void replace_filters(void)
{
	static struct processor_ops ops;
	static struct component_type type;
	type = *component_find(COMPONENT_PROCESSOR, "filter");
	ops = *type.processor;
	ops.process = process;
	const struct processor_ops *original = type.processor;
	type.processor = &ops;
	for (size_t p = 0; p < world.graph->pipeline_count; p++) {
		struct pipeline *pipeline = &world.graph->pipelines[p];
		for (size_t i = 0; i < pipeline->processor_count; i++) {
			struct node *node = &pipeline->processors[i].node;
			if (node->type->processor == original)
				node->type = &type;
		}
	}
}

/* ---- exporters ------------------------------------------------------------------------------ */

static struct export_result answer(struct scripted_exporter *script, const struct batch *batch)
{
	struct export_result result = {.outcome = EXPORT_DELIVERED};
	size_t at = 0;
	while (world.fixture.scripts[at] != script)
		at++;
	unsigned number = 1 + (world.answers[at] >> 3);
	switch ((enum mode)(world.answers[at] & 7)) {
	case MODE_DELIVER: break;
	case MODE_RETRY: result.outcome = EXPORT_RETRY; break;
	case MODE_RETRY_LATER:
		result.outcome = EXPORT_RETRY;
		result.retry_after_ns = number * NS_PER_S;
		result.grpc_code = 14;
		break;
	case MODE_TOO_LARGE:
		if (batch->span_count >= number)
			result.outcome = EXPORT_TOO_LARGE;
		break;
	case MODE_INVALID:
		for (uint64_t id = 0; id < world.spans_pushed; id += number * 8) {
			if (script_holds_span(batch, id))
				result.outcome = EXPORT_INVALID;
		}
		break;
	case MODE_PERMANENT: result.outcome = EXPORT_PERMANENT; break;
	case MODE_PARTIAL: result.rejected_spans = number; break;
	case MODE_SPLIT:
		if (batch->span_count > number)
			result.outcome = EXPORT_SPLIT;
		break;
	}
	return result;
}

/* ---- the books ------------------------------------------------------------------------------ */

/* Spans that a batch in the middle has, and those that were lost there: a pipeline has one at most. */
static uint64_t between_stages(const struct pipeline *pipeline, const struct stage *stage)
{
	uint64_t spans = stage->consumers[0]->ops->held(stage->consumers[0]);
	for (int reason = 0; reason < DROP_REASON_COUNT; reason++)
		spans += counter_get(&pipeline->dropped[reason]);
	return spans;
}

/* Spans that left the pipeline of those that came in. */
static uint64_t check_pipeline(const struct pipeline *pipeline, uint64_t spans)
{
	for (size_t s = 0; s < pipeline->stage_count; s++) {
		const struct stage *stage = &pipeline->stages[s];
		for (size_t i = 0; i < stage->processor_count; i++) {
			const struct processor_node *processor = &stage->processors[i];
			uint64_t out = counter_get(&processor->outgoing);
			fuzz_must(counter_get(&processor->incoming) == spans);
			fuzz_must(spans == out + counter_get(dropped_by(processor->node.self)));
			spans = out;
		}
		if (s + 1 == pipeline->stage_count)
			break;
		uint64_t stay = between_stages(pipeline, stage);
		fuzz_must(stay <= spans);
		spans -= stay;
	}
	return spans;
}

static uint64_t ended_spans(const struct ledger *ledger)
{
	uint64_t spans = counter_get(&ledger->sent) + counter_get(&ledger->returned);
	for (int reason = 0; reason < DROP_REASON_COUNT; reason++)
		spans += counter_get(&ledger->dropped[reason]);
	return spans;
}

/* ${spans} were offered to it. */
static void check_exporter(size_t at, uint64_t spans)
{
	const struct scripted_exporter *script = world.fixture.scripts[at];
	const struct sender *sender = world.graph->exporters[at].sender;
	const struct ledger *ledger = sender_ledger(sender);
	uint64_t delivered = 0, sent = counter_get(&ledger->sent);
	for (uint64_t id = 0; id < world.spans_pushed; id++) {
		fuzz_must(script->delivered[id] <= 1);
		delivered += script->delivered[id];
	}
	fuzz_must(spans == ended_spans(ledger) + sender_held_spans(sender));
	fuzz_must(sent <= delivered &&
		  delivered <= sent + counter_get(&ledger->dropped[DROP_REJECTED]));
}

static void check_receiver(void)
{
	const struct receiver_counters *counters = &world.graph->receivers[0].port.counters;
	uint64_t spans = 0;
	for (int i = 0; i < PUSH_TRANSPORT_COUNT; i++)
		spans += counter_get(&counters->accepted[i]) + counter_get(&counters->refused[i]) +
			 counter_get(&counters->failed[i]);
	fuzz_must(spans == world.spans_answered);
}

static void check(void)
{
	uint64_t out[GRAPH_FIXTURE_EXPORTERS_MAX] = {0};
	uint64_t behind_connector = 0;
	check_receiver();
	for (size_t p = 0; p < world.graph->pipeline_count; p++) {
		const struct pipeline *pipeline = world.graph->order[p];
		bool first = false;
		for (size_t i = 0; i < world.graph->receivers[0].port.pipeline_count; i++)
			first |= world.graph->receivers[0].port.pipelines[i] == pipeline;
		uint64_t spans =
			check_pipeline(pipeline, first ? world.spans_accepted : behind_connector);
		if (pipeline->connector_count > 0)
			behind_connector = spans;
		for (size_t g = 0; g < pipeline->group_count; g++) {
			const struct exporter_group *group = &pipeline->groups[g];
			for (size_t i = 0; i < group->member_count; i++)
				out[group->members[i] - world.graph->exporters] += spans;
		}
	}
	for (size_t i = 0; i < world.graph->exporter_count; i++)
		check_exporter(i, out[i]);
}

/* ---- requests ------------------------------------------------------------------------------- */

/* Unless something was dropped on purpose, who waited has it now. */
static void check_delivered(const struct sent *sent)
{
	for (size_t i = 0; i < FILTERS_MAX; i++) {
		if (counter_get(&world.filters[i].dropped) > 0)
			return;
	}
	for (size_t i = 0; i < world.graph->exporter_count; i++) {
		const struct sender *sender = world.graph->exporters[i].sender;
		const struct ledger *ledger = sender_ledger(sender);
		uint64_t missing = 0;
		if (!sender_waits(sender))
			continue;
		for (uint32_t id = sent->first; id < sent->first + sent->count; id++)
			missing += world.fixture.scripts[i]->delivered[id] == 0;
		fuzz_must(missing <= counter_get(&ledger->dropped[DROP_REJECTED]) +
					     counter_get(&ledger->dropped[DROP_TOO_LARGE]));
	}
}

static void on_done(struct push *push, const struct push_result *result)
{
	struct sent *sent = CONTAINER_OF(push, struct sent, push);
	fuzz_must(sent->answers++ == 0 && result->span_count == sent->count);
	world.spans_answered += sent->count;
	if (result->outcome == OUTCOME_TAKEN)
		check_delivered(sent);
	else
		fuzz_must(result->outcome != OUTCOME_REJECTED || result->err.msg[0] != 0);
}

static uint64_t refused_requests(void)
{
	const struct receiver_counters *counters = &world.graph->receivers[0].port.counters;
	uint64_t requests = 0;
	for (int i = 0; i < REFUSAL_COUNT; i++)
		requests += counter_get(&counters->requests_refused[i]);
	return requests;
}

static void push(uint8_t shard, uint8_t amount)
{
	struct buf body = BUF_INIT;
	uint32_t count = 1 + amount % SPANS_MAX;
	if (world.push_count == PUSHES_MAX || world.graph->state != GRAPH_RUNNING)
		return;
	graph_request(&body, world.spans_pushed, count, (size_t)(amount >> 6) * 50, 0);
	struct chunk *chunk = chunk_new(&world.graph->budget, body.len);
	if (chunk) {
		struct sent *sent = &world.pushes[world.push_count++];
		uint64_t refused = refused_requests();
		fuzz_must(chunk_append(chunk, buf_slice(&body)));
		*sent = (struct sent){.push.done = on_done,
				      .first = (uint32_t)world.spans_pushed,
				      .count = count};
		world.spans_pushed += count;
		receiver_push(&world.graph->receivers[0].port,
			      &world.graph->server_shards[shard % SHARDS], PUSH_GRPC, chunk,
			      &sent->push);
		sent->accepted = refused_requests() == refused;
		fuzz_must(sent->accepted || sent->answers == 1);
		world.spans_accepted += sent->accepted ? count : 0;
	}
	chunk_unref(chunk);
	buf_fini(&body);
}

/* ---- steps ---------------------------------------------------------------------------------- */

static void turn(void)
{
	for (size_t i = 0; i < SHARDS; i++)
		(void)uv_run(&world.graph->shards[i].loop.uv, UV_RUN_NOWAIT);
	(void)uv_run(&world.graph->main_loop.uv, UV_RUN_NOWAIT);
}

static void limit_memory(uint8_t amount)
{
	struct budget *budget = &world.graph->budget;
	uint64_t room = (uint64_t)amount * MEMORY_UNIT_BYTES;
	atomic_store(&budget->limit, amount == 0 ? UINT64_MAX : budget_used(budget) + room);
}

static void run_step(enum step step, size_t at, uint8_t amount)
{
	struct scripted_exporter *script = world.fixture.scripts[at % world.graph->exporter_count];
	switch (step) {
	case STEP_PUSH: push((uint8_t)at, amount); break;
	case STEP_ANSWER: world.answers[at % world.graph->exporter_count] = amount; break;
	case STEP_HOLD: script->hold = true; break;
	case STEP_RELEASE: script_release(script); break;
	case STEP_PROCESS:
		world.processing = (enum processing)((amount & 7) % PROCESSING_COUNT);
		world.processing_left = 1 + (amount >> 3);
		break;
	case STEP_TIME:
		virtual_clock_advance((uint64_t)amount * TIME_UNIT_MS);
		turn();
		break;
	case STEP_TURN: turn(); break;
	case STEP_MEMORY: limit_memory(amount); break;
	case STEP_STOP: graph_stop(world.graph); break;
	case STEP_COUNT: break;
	}
}

/* ---- life ----------------------------------------------------------------------------------- */

/* What graph_start does besides, without threads and listeners. */
static void open_graph(const char *yaml)
{
	struct err err;
	graph_fixture_open(&world.fixture, yaml, SHARDS);
	struct graph *graph = world.graph = world.fixture.graph;
	fuzz_must(loop_init(&graph->main_loop, &err) == 0);
	graph->main_loop_made = true;
	fuzz_must(uv_timer_init(&graph->main_loop.uv, &graph->tick_timer) == 0);
	fuzz_must(uv_timer_init(&graph->main_loop.uv, &graph->report_timer) == 0);
	graph->timers_made = true;
	for (size_t i = 0; i < graph->exporter_count; i++) {
		graph->exporters[i].node.started = true;
		world.fixture.scripts[i]->answer = answer;
	}
	graph->options.shutdown_timeout_ns = SHUTDOWN_S * NS_PER_S;
	graph->state = GRAPH_RUNNING;
	replace_filters();
}

static void end_graph(void)
{
	const uint64_t limit_ns = (SHUTDOWN_S + ABORT_S + 1) * NS_PER_S;
	const uint64_t began_ns =
		clock_monotonic_ns(); /* of small steps: in large ones it is late */
	if (world.graph->state == GRAPH_RUNNING)
		graph_stop(world.graph);
	while (world.graph->state != GRAPH_ENDED) {
		fuzz_must(clock_monotonic_ns() - began_ns <= limit_ns);
		virtual_clock_advance(5 * TIME_UNIT_MS);
		turn();
		check();
	}
	turn(); /* acknowledgements that were posted meanwhile */
	check();
	for (size_t i = 0; i < world.push_count; i++)
		fuzz_must(world.pushes[i].answers == 1);
	for (size_t i = 0; i < world.graph->exporter_count; i++) {
		const struct sender *sender = world.graph->exporters[i].sender;
		fuzz_must(sender_held_spans(sender) == 0 && sender_used_units(sender) == 0);
		fuzz_must(counter_get(&sender_ledger(sender)->in_flight) == 0);
	}
	atomic_store(&world.graph->budget.limit, UINT64_MAX);
	graph_fixture_close(&world.fixture); /* which looks whether all memory was given back */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice script = slice_of(data, size);
	if (size == 0)
		return 0;
	memset(&world, 0, sizeof(world));
	open_graph(graph_configs[fuzz_byte(&script) % ARRAY_COUNT(graph_configs)]);
	for (int i = 0; i < STEPS_MAX && script.len > 0 && world.graph->state != GRAPH_ENDED; i++) {
		uint8_t code = fuzz_byte(&script), amount = fuzz_byte(&script);
		run_step((enum step)((code & 15) % STEP_COUNT), code >> 4 & 3, amount);
		check();
	}
	end_graph();
	return 0;
}
