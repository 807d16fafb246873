/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which spans wait for another request of their trace, and what they wait for. A span of a model
 * server waits for a model and, when it was allowed one token, for traces of disaggregation; sums of
 * calls wait in calls.c. With wait_for_root all that is below a root waits for that root and for
 * nothing else: when it has come, so has what ended before it. It is noted in the trace memory, kept
 * or dropped.
 */
#include "processors/langfuse/langfuse_internal.h"

static struct trace_note root_note(const struct langfuse *self, bool seen)
{
	struct slice none = {NULL, 0};
	return (struct trace_note){calls_name(self, NOTE_KIND_ROOT, none, none), seen};
}

/* Whether the root of the trace has come, with this request or an earlier one; notes that it has. */
static bool root_has_come(const struct run *run, const struct trace_group *group)
{
	struct trace_note note = root_note(run->self, group->root_seen);
	const struct trace_key key = {run->self->client, run_trace_id(run, group->first)};
	if (!group->root_seen && !trace_note_may_be(&group->facts, note.name))
		return false;
	trace_memory_notes(run->self->memory, key, &note, 1);
	return note.value != 0;
}

/* Whether another request of the trace may say what the span of a model server does not: its model;
 * and where it was allowed one token, whether that was a prefill leg. */
static bool lacks_facts(const struct run *run, uint32_t span)
{
	const struct span_note *note = &run->notes[span];
	const struct trace_facts *facts = &run->groups[note->group].facts;
	if (note->class != CLASS_ENGINE)
		return false;
	if (note->flags & NOTE_ONE_TOKEN)
		return facts->text[TRACE_FACT_DISAGGREGATED].len == 0;
	return !(note->flags & NOTE_MODEL) && run_resource(run, span)->model.len == 0 &&
	       facts->text[TRACE_FACT_MODEL].len == 0;
}

/* Step 4. A root has nobody above it who could say more: it does not wait. */
void waits_hold_back(struct run *run)
{
	const struct langfuse *self = run->self;
	bool may_hold = view_may_hold(run->view) && self->join_wait_ns > 0;
	for (uint32_t i = 0; self->wait_for_root && i < run->group_count; i++)
		run->groups[i].waits_for_root = !root_has_come(run, &run->groups[i]);
	for (uint32_t span = 0; may_hold && span < view_span_count(run->view); span++) {
		if (!view_span_live(run->view, span) || view_span_parent(run->view, span).len == 0)
			continue;
		if (self->wait_for_root ? run->groups[run->notes[span].group].waits_for_root
					: lacks_facts(run, span))
			edit_hold_span(run->view, span);
	}
}

/* Calls that count leave notes; a sum waits for those of its own calls, so every further note counts. */
uint64_t waits_known(void *arg, struct slice trace_id)
{
	enum { FACTS = 1 << TRACE_FACT_MODEL | 1 << TRACE_FACT_DISAGGREGATED };
	struct langfuse *self = arg;
	const struct trace_key key = {self->client, trace_id};
	if (!self->wait_for_root) {
		struct trace_progress progress = trace_memory_progress(self->memory, key);
		return (uint64_t)(progress.facts & FACTS) << 32 | progress.notes;
	}
	struct trace_note note = root_note(self, false);
	trace_memory_notes(self->memory, key, &note, 1);
	return note.value;
}
