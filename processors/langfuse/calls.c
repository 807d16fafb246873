/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call of a model is told by many: the application's library, the SDK under it, a gateway or a
 * proxy, the model server. Whoever sums up a trace would count it several times, so one of them
 * keeps its tokens and costs, and the others keep theirs as metadata.
 *
 * Tellers of one call stand above each other, without an agent or a tool between them. Among those of
 * one request the topmost that knows the cost keeps, else the topmost. Spans that sum up calls
 * (agents, workflows, whatever is no call itself) are not counted where any is below them.
 *
 * Between requests notes in the trace memory tell the same: below which span something counts, and
 * which spans are inside a counted call; whoever comes first keeps. Where a link between the two
 * is in a third request, the trace's tally decides between applications and model servers: these add
 * one, those take one away, and whoever comes when the other side is ahead is not counted. A summing span
 * for which nothing is known yet is held back, as model servers' spans without a model are.
 */
#include "processors/langfuse/climb.h"

/* In the value of a note about a counted call: what counts it; the other bits are the first token's
 * time, so far as it is known. */
enum { COUNTED_BY_CALL = 1, COUNTED_BY_ENGINE = 2, COUNTED_BITS = 3 };

static void set(struct run *run, uint32_t span, uint32_t flags)
{
	run->notes[span].flags |= flags | NOTE_REWRITE;
}

/* What was said to Langfuse itself is not taken back. */
static void count_elsewhere(struct run *run, uint32_t span)
{
	if (!span_has(run, span, NOTE_SETTLED))
		set(run, span, NOTE_COUNTED_ELSEWHERE);
}

static bool is_engine(const struct run *run, uint32_t span)
{
	return run->notes[span].class == CLASS_ENGINE;
}

static const struct trace_facts *facts_of(const struct run *run, uint32_t span)
{
	return &run->groups[run->notes[span].group].facts;
}

/* Has tokens, and is no call: they are those of the calls below it. */
static bool sums_up(const struct run *run, uint32_t span)
{
	uint8_t class = run->notes[span].class;
	return class != CLASS_ENGINE && class != CLASS_CALL && span_has(run, span, NOTE_USAGE) &&
	       view_span_live(run->view, span);
}

static bool counts(const struct run *run, uint32_t span)
{
	return span_tells(run, span) && !span_has(run, span, NOTE_COUNTED_ELSEWHERE);
}

uint64_t calls_name(const struct langfuse *self, enum note_kind kind, struct slice id,
		    struct slice more)
{
	struct hash_key key = self->hash;
	key.a ^= (uint64_t)kind << 1; /* stays odd */
	uint64_t name = hash_bytes(key, id.ptr, id.len);
	key.b ^= name;
	return more.len > 0 ? hash_bytes(key, more.ptr, more.len) : name;
}

static struct trace_note note_of(const struct run *run, enum note_kind kind, struct slice id,
				 uint64_t value)
{
	return (struct trace_note){calls_name(run->self, kind, id, (struct slice){NULL, 0}), value};
}

/* ---- in a request --------------------------------------------------------------------------- */

static void take_first_token(struct run *run, uint32_t span, uint64_t at_ns)
{
	struct span_note *note = &run->notes[span];
	if (note->first_token_ns == 0 && at_ns != 0) {
		note->first_token_ns = at_ns;
		note->flags |= NOTE_REWRITE;
	}
}

/* Tells those above what the span knows: the cost, when the first token came, that a model server is
 * among the tellers. */
static void tell_upwards(struct run *run, uint32_t span)
{
	struct climb climb;
	climb_from(run, span, &climb);
	for (size_t i = 1; i < climb.teller_count; i++) {
		uint32_t above = climb.tellers[i];
		if (span_has(run, span, NOTE_COST | NOTE_SETTLED))
			run->notes[above].flags |= NOTE_FIRM_BELOW;
		take_first_token(run, above, run->notes[span].first_token_ns);
		/* One call on each side: the tally has nothing to add. */
		if (is_engine(run, span) && !span_has(run, span, NOTE_MATCHED)) {
			run->notes[above].flags |= NOTE_MATCHED;
			run->notes[span].flags |= NOTE_MATCHED;
		}
	}
}

/* From the topmost teller downwards: counts, unless one above does, or one below knows better. */
static void decide(struct run *run, uint32_t span)
{
	struct climb climb;
	bool counted = false;
	climb_from(run, span, &climb);
	for (size_t i = climb.teller_count; i-- > 0;) {
		uint32_t at = climb.tellers[i];
		bool firm = span_has(run, at, NOTE_COST | NOTE_SETTLED);
		if (!span_has(run, at, NOTE_DECIDED)) {
			set(run, at, NOTE_DECIDED);
			if (counted || (!firm && span_has(run, at, NOTE_FIRM_BELOW))) {
				count_elsewhere(run, at);
				run->notes[at].flags |= NOTE_MATCHED;
			}
		}
		counted |= counts(run, at);
	}
}

/* Spans above a counted call that sum it up. */
static void count_sums_elsewhere(struct run *run, uint32_t span)
{
	uint32_t at = climb_parent(run, span);
	for (int i = 0; i < CLIMB_MAX && at < SPAN_MAP_FOREIGN; i++, at = climb_parent(run, at)) {
		if (sums_up(run, at))
			count_elsewhere(run, at);
	}
}

/* ---- from earlier requests ------------------------------------------------------------------ */

/* Something below ${span} counts; ${call}: it tells of the same call. */
static void counted_below(struct run *run, uint32_t span, bool call, uint64_t value)
{
	struct climb climb;
	climb_from(run, span, &climb);
	if (sums_up(run, span))
		count_elsewhere(run, span);
	count_sums_elsewhere(run, span);
	for (size_t i = 0; call && i < climb.teller_count; i++) {
		uint32_t at = climb.tellers[i];
		bool known = span_has(run, at, NOTE_MATCHED);
		take_first_token(run, at, value & ~(uint64_t)COUNTED_BITS);
		set(run, at, NOTE_DECIDED | NOTE_MATCHED);
		count_elsewhere(run, at);
		if (!known && (value & COUNTED_BY_ENGINE) && !is_engine(run, at))
			(void)trace_memory_tally(run->self->memory, run_trace_key(run, at),
						 view_span_id(run->view, at), -1);
	}
	if (climb.above != SPAN_MAP_FOREIGN)
		return;
	struct slice parent = view_span_parent(run->view, climb.top);
	struct trace_note notes[] = {note_of(run, NOTE_KIND_BELOW_ANY, parent, value),
				     note_of(run, NOTE_KIND_BELOW_CALL, parent, value)};
	trace_memory_notes(run->self->memory, run_trace_key(run, span), notes,
			   call && !climb.broken && !span_has(run, span, NOTE_BOUNDARY) ? 2 : 1);
}

/* The span is inside a call that counts. */
static void counted_above(struct run *run, uint32_t span, uint64_t value)
{
	if (span_has(run, span, NOTE_BOUNDARY))
		return;
	if (span_tells(run, span)) {
		bool known = span_has(run, span, NOTE_MATCHED);
		set(run, span, NOTE_DECIDED | NOTE_MATCHED);
		count_elsewhere(run, span);
		if (!known && is_engine(run, span) && (value & COUNTED_BY_CALL))
			(void)trace_memory_tally(run->self->memory, run_trace_key(run, span),
						 view_span_id(run->view, span), 1);
	}
	struct trace_note note =
		note_of(run, NOTE_KIND_INSIDE, view_span_id(run->view, span), value);
	trace_memory_notes(run->self->memory, run_trace_key(run, span), &note, 1);
}

/* Whether the request's highest span above ${span} hangs below a counted call of an earlier one. */
static void ask_above(struct run *run, uint32_t span)
{
	struct climb climb;
	climb_from(run, span, &climb);
	if (climb.broken || span_has(run, climb.top, NOTE_BOUNDARY) ||
	    climb.above != SPAN_MAP_FOREIGN)
		return;
	struct trace_note note =
		note_of(run, NOTE_KIND_INSIDE, view_span_parent(run->view, climb.top), 0);
	if (!trace_note_may_be(facts_of(run, span), note.name))
		return;
	trace_memory_notes(run->self->memory, run_trace_key(run, span), &note, 1);
	if (note.value != 0)
		counted_above(run, span, note.value);
}

/* Whether ask_above may find something for any span: not when every trace of the request begins in
 * it, which is what most do. */
static bool may_be_inside(const struct run *run)
{
	for (uint32_t span = 0; span < view_span_count(run->view); span++) {
		if (run->scratch->map.parents[span] != SPAN_MAP_FOREIGN)
			continue;
		struct trace_note note =
			note_of(run, NOTE_KIND_INSIDE, view_span_parent(run->view, span), 0);
		if (!view_span_live(run->view, span) ||
		    trace_note_may_be(facts_of(run, span), note.name))
			return true;
	}
	return false;
}

static void ask_below(struct run *run, uint32_t span)
{
	struct slice id = view_span_id(run->view, span);
	struct trace_note below[] = {note_of(run, NOTE_KIND_BELOW_ANY, id, 0), {0}};
	if (!trace_note_may_be(facts_of(run, span), below[0].name))
		return;
	below[1] = note_of(run, NOTE_KIND_BELOW_CALL, id, 0);
	trace_memory_notes(run->self->memory, run_trace_key(run, span), below, ARRAY_COUNT(below));
	if (below[0].value != 0)
		counted_below(run, span, below[1].value != 0, below[0].value);
}

static void ask_memory(struct run *run)
{
	bool inside = may_be_inside(run);
	for (uint32_t span = 0; span < view_span_count(run->view); span++) {
		if (!view_span_live(run->view, span))
			continue;
		ask_below(run, span);
		if (inside)
			ask_above(run, span);
	}
}

/* ---- for later requests --------------------------------------------------------------------- */

static uint64_t value_of_counted(const struct run *run, uint32_t span)
{
	uint64_t by = is_engine(run, span) ? COUNTED_BY_ENGINE : COUNTED_BY_CALL;
	return (run->notes[span].first_token_ns & ~(uint64_t)COUNTED_BITS) | by;
}

static void remember_counted(struct run *run, uint32_t span)
{
	struct climb climb;
	struct trace_note notes[4];
	size_t count = 0;
	uint64_t value = value_of_counted(run, span);
	climb_from(run, span, &climb);
	struct slice parent = view_span_parent(run->view, climb.top);
	notes[count++] = note_of(run, NOTE_KIND_COUNTED, (struct slice){NULL, 0}, 1);
	notes[count++] = note_of(run, NOTE_KIND_INSIDE, view_span_id(run->view, span), value);
	if (climb.above == SPAN_MAP_FOREIGN && parent.len > 0) {
		notes[count++] = note_of(run, NOTE_KIND_BELOW_ANY, parent, value);
		if (!climb.broken)
			notes[count++] = note_of(run, NOTE_KIND_BELOW_CALL, parent, value);
	}
	trace_memory_notes(run->self->memory, run_trace_key(run, span), notes, count);
}

/* A span below a counted call: one of another request may hang below it. */
static void remember_inside(struct run *run, uint32_t span)
{
	struct climb climb;
	climb_from(run, span, &climb);
	for (size_t i = 0; i < climb.teller_count; i++) {
		uint32_t at = climb.tellers[i];
		if (at == span || !counts(run, at) || span_has(run, span, NOTE_BOUNDARY))
			continue;
		struct trace_note note =
			note_of(run, NOTE_KIND_INSIDE, view_span_id(run->view, span),
				value_of_counted(run, at));
		trace_memory_notes(run->self->memory, run_trace_key(run, span), &note, 1);
		return;
	}
}

/* ---- calls by name -------------------------------------------------------------------------- */

/* Several choices of one request repeat its prompt (a model server tells each by itself); an answer
 * that is fetched again is no new call. Who comes first counts. */
static void claim(struct run *run, uint32_t span)
{
	struct span_note *note = &run->notes[span];
	struct slice id = view_span_id(run->view, span);
	if (note->call == 0 || id.len != SPAN_ID_BYTES)
		return;
	uint64_t own = hash_read64(id.ptr); /* not 0: such spans went first */
	struct trace_note claimed = {note->call, own};
	trace_memory_notes(run->self->memory, run_trace_key(run, span), &claimed, 1);
	if (claimed.value == own || !counts(run, span))
		return;
	if (is_engine(run, span)) {
		set(run, span, NOTE_SAME_PROMPT);
		run->counts[COUNT_SAME_PROMPT]++;
	} else {
		count_elsewhere(run, span);
	}
	note->flags |= NOTE_MATCHED;
}

/* Those who know the cost first. */
static void claim_all(struct run *run)
{
	for (int firm = 1; firm >= 0; firm--) {
		for (uint32_t i = 0; i < run->teller_count; i++) {
			uint32_t span = run->tellers[i];
			if (span_has(run, span, NOTE_COST | NOTE_SETTLED) == (firm == 1))
				claim(run, span);
		}
	}
}

/* ---- a whole request ------------------------------------------------------------------------------ */

/* What neither ancestry nor names tell. */
static void tally(struct run *run, uint32_t span)
{
	int32_t step = is_engine(run, span) ? 1 : -1;
	int32_t before = trace_memory_tally(run->self->memory, run_trace_key(run, span),
					    view_span_id(run->view, span), step);
	if (step > 0 ? before < 0 : before > 0)
		count_elsewhere(run, span);
}

static bool may_wait(const struct run *run, uint32_t span)
{
	return sums_up(run, span) && !span_has(run, span, NOTE_COUNTED_ELSEWHERE | NOTE_SETTLED) &&
	       run->notes[span].class == CLASS_AGGREGATE;
}

/* What hangs together in this request and, so far as it left notes, with earlier ones. */
static void relate(struct run *run)
{
	for (uint32_t i = 0; i < run->teller_count; i++)
		tell_upwards(run, run->tellers[i]);
	if (run->asks)
		ask_memory(run);
	for (uint32_t i = 0; i < run->teller_count; i++)
		decide(run, run->tellers[i]);
}

/* Leaves notes. */
static void remember(struct run *run)
{
	bool calls = false;
	for (uint32_t i = 0; i < run->teller_count; i++) {
		uint32_t span = run->tellers[i];
		if (!counts(run, span))
			continue;
		calls |= !is_engine(run, span);
		if (run->mapped)
			count_sums_elsewhere(run, span);
		remember_counted(run, span);
	}
	for (uint32_t span = 0; calls && run->mapped && span < view_span_count(run->view); span++) {
		if (view_span_live(run->view, span))
			remember_inside(run, span);
	}
}

bool calls_ask(const struct run *run)
{
	struct slice none = {NULL, 0};
	bool noted = false;
	for (uint32_t i = 0; i < run->group_count; i++)
		noted |= trace_note_may_be(&run->groups[i].facts,
					   calls_name(run->self, NOTE_KIND_COUNTED, none, none));
	for (uint32_t span = 0; noted && span < view_span_count(run->view); span++) {
		if (!view_span_live(run->view, span))
			continue;
		struct trace_note below =
			note_of(run, NOTE_KIND_BELOW_ANY, view_span_id(run->view, span), 0);
		struct trace_note above =
			note_of(run, NOTE_KIND_INSIDE, view_span_parent(run->view, span), 0);
		if (trace_note_may_be(facts_of(run, span), below.name) ||
		    trace_note_may_be(facts_of(run, span), above.name))
			return true;
	}
	return false;
}

void calls_settle(struct run *run)
{
	const struct langfuse *self = run->self;
	bool may_hold = view_may_hold(run->view) && self->join_wait_ns > 0 && !self->wait_for_root;
	for (uint32_t span = 0; span < view_span_count(run->view); span++) {
		if (span_tells(run, span))
			run->tellers[run->teller_count++] = span;
	}
	relate(run);
	claim_all(run);
	for (uint32_t i = 0; i < run->teller_count; i++) {
		if (counts(run, run->tellers[i]) && !span_has(run, run->tellers[i], NOTE_MATCHED))
			tally(run, run->tellers[i]);
	}
	remember(run);
	for (uint32_t span = 0; span < view_span_count(run->view); span++) {
		if (!view_span_live(run->view, span))
			continue;
		if (may_hold && may_wait(run, span)) {
			edit_hold_span(run->view, span);
			continue;
		}
		run->counts[COUNT_PREFILL] += span_has(run, span, NOTE_PREFILL);
		run->counts[COUNT_USAGE_ELSEWHERE] += span_has(run, span, NOTE_COUNTED_ELSEWHERE);
	}
}
