/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of each trace, one entry of a fixed size in the order in which the buffer has them,
 * and what they add up to. The buffer adds traces at its end and lets go of any, so both are walked
 * side by side.
 */
#include "pipeline/expect/judge_internal.h"

#include <stdlib.h>

enum { ENTRIES_TO_BEGIN_WITH = 64 };

/* ---- life ----------------------------------------------------------------------------------- */

static int check_env(const struct expectations *e, const struct judge_env *env, struct err *err)
{
	for (uint32_t i = 0; i < e->count; i++) {
		const struct expectation *expectation = e->at[i];
		bool keys = expectation->needs_denied_keys && !env->key_is_denied;
		bool noise = expectation->needs_noise && !env->count_noise;
		if (keys || noise)
			return err_set(err, ERR_CONFIG, "%s:%u:%u: '%s' cannot be judged here",
				       expectation->loc.file, expectation->loc.line,
				       expectation->loc.column, keys ? "denied_keys" : "noise");
	}
	return 0;
}

struct judge *judge_new(const struct expectations *expectations, const struct key_table *keys,
			const struct judge_env *env, struct budget *budget, struct err *err)
{
	if (check_env(expectations, env, err) != 0)
		return NULL;
	struct judge *judge = calloc(1, sizeof(*judge));
	if (!judge) {
		err_set(err, ERR_NOMEM, "no memory for a judge");
		return NULL;
	}
	judge->e = expectations;
	judge->env = *env;
	judge->budget = budget;
	judge->slots_offset =
		sizeof(struct entry) + expectations->count * sizeof(struct trace_tally);
	judge->entry_bytes = (judge->slots_offset + expectations->slot_bytes + 7) & ~(size_t)7;
	if (trial_init(&judge->trial, expectations, keys, &judge->env, budget, err) != 0) {
		free(judge);
		return NULL;
	}
	return judge;
}

static void clear_entry(struct judge *judge, struct entry *entry)
{
	for (uint32_t i = 0; i < judge->e->count; i++) {
		const struct expectation *expectation = judge->e->at[i];
		for (uint32_t at = 0; at < expectation->check_count; at++) {
			const struct check *check = &expectation->checks[at];
			if (check->type->clear)
				check->type->clear(check, entry_slot(judge, entry, check),
						   judge->budget);
		}
	}
	memset(entry, 0, judge->entry_bytes);
}

void judge_free(struct judge *judge)
{
	if (!judge)
		return;
	for (uint32_t i = 0; i < judge->count; i++)
		clear_entry(judge, judge_entry(judge, i));
	budget_give(judge->budget, judge->capacity * judge->entry_bytes);
	free(judge->entries);
	trial_fini(&judge->trial);
	free(judge);
}

/* ---- entries -------------------------------------------------------------------------------- */

static bool grow(struct judge *judge)
{
	if (judge->count < judge->capacity)
		return true;
	size_t wanted =
		judge->capacity > 0 ? judge->capacity + judge->capacity / 2 : ENTRIES_TO_BEGIN_WITH;
	size_t more = (wanted - judge->capacity) * judge->entry_bytes;
	if (!budget_take(judge->budget, more))
		return false;
	uint8_t *entries = reallocarray(judge->entries, wanted, judge->entry_bytes);
	if (!entries) {
		budget_give(judge->budget, more);
		return false;
	}
	memset(entries + judge->capacity * judge->entry_bytes, 0, more);
	judge->entries = entries;
	judge->capacity = wanted;
	return true;
}

static int judge_trace(struct judge *judge, const struct trace_buffer *buffer,
		       const struct buffered_trace *trace, struct entry *entry, struct err *err)
{
	if (trial_open(&judge->trial, buffer, trace, err) != 0)
		return -1;
	clear_entry(judge, entry);
	for (uint32_t i = 0; i < judge->e->count; i++)
		entry->tallies[i] = trial_judge(&judge->trial, judge->e->at[i],
						(uint8_t *)entry + judge->slots_offset);
	bool no_memory = judge->trial.no_memory;
	trial_close(&judge->trial);
	memcpy(entry->id, trace->id, sizeof(entry->id));
	if (no_memory) /* its span_count stays 0: it will be judged again */
		return err_set(err, ERR_NOMEM, "no memory to judge a trace of %u spans",
			       trace->span_count);
	entry->span_count = trace->span_count;
	entry->seen_ns = trace->seen_ns;
	return 0;
}

/* Entry ${at} is of ${trace}: those in between are of traces that the buffer let go. */
static void drop_until(struct judge *judge, uint32_t at, const struct buffered_trace *trace)
{
	uint32_t found = at;
	while (found < judge->count &&
	       memcmp(judge_entry(judge, found)->id, trace->id, sizeof(trace->id)) != 0)
		found++;
	if (found == at)
		return;
	for (uint32_t i = at; i < found; i++)
		clear_entry(judge, judge_entry(judge, i));
	memmove(judge_entry(judge, at), judge_entry(judge, found),
		(judge->count - found) * judge->entry_bytes);
	memset(judge_entry(judge, judge->count - (found - at)), 0,
	       (found - at) * judge->entry_bytes);
	judge->count -= found - at;
}

static void drop_from(struct judge *judge, uint32_t at)
{
	while (judge->count > at)
		clear_entry(judge, judge_entry(judge, --judge->count));
}

static int update_trace(struct judge *judge, const struct trace_buffer *buffer, uint32_t at,
			const struct buffered_trace *trace, struct err *err)
{
	drop_until(judge, at, trace);
	if (at == judge->count) {
		if (!grow(judge))
			return err_set(err, ERR_NOMEM, "no memory for another trace");
		judge->count++;
	}
	struct entry *entry = judge_entry(judge, at);
	if (entry->span_count == trace->span_count && entry->seen_ns == trace->seen_ns)
		return 0;
	return judge_trace(judge, buffer, trace, entry, err);
}

int judge_update(struct judge *judge, const struct trace_buffer *buffer, struct err *err)
{
	uint32_t at = 0;
	const struct buffered_trace *trace = trace_buffer_first(buffer);
	for (; trace; trace = trace_buffer_next(trace), at++) {
		if (update_trace(judge, buffer, at, trace, err) != 0)
			return -1;
	}
	drop_from(judge, at);
	return 0;
}

/* ---- verdicts ------------------------------------------------------------------------------- */

static struct verdict add_up(const struct judge *judge, uint32_t at)
{
	struct verdict verdict = {.result = VERDICT_HOLDS};
	for (uint32_t i = 0; i < judge->count; i++) {
		struct trace_tally tally = judge_entry(judge, i)->tallies[at];
		verdict.traces += tally.spoken_of;
		verdict.traces_failed += tally.bad;
		verdict.spans += tally.selected;
		verdict.spans_failed += tally.failed;
	}
	return verdict;
}

bool judge_all_checks_pass(struct judge *judge, uint32_t at)
{
	struct trial *trial = &judge->trial;
	const struct expectation *expectation = judge->e->at[at];
	void **slots = NULL;
	bool passes = true;
	trial->expectation = expectation;
	for (uint32_t i = 0; i < expectation->check_count; i++) {
		const struct check *check = &expectation->checks[i];
		uint32_t count = 0;
		if (!check->type->all)
			continue;
		if (!slots)
			slots = calloc((size_t)judge->count + 1, sizeof(*slots));
		for (uint32_t entry = 0; slots && entry < judge->count; entry++) {
			if (judge_entry(judge, entry)->tallies[at].spoken_of)
				slots[count++] =
					entry_slot(judge, judge_entry(judge, entry), check);
		}
		passes = slots && check->type->all(trial, check, slots, count) && passes;
	}
	free(slots);
	return passes;
}

static bool holds(struct judge *judge, const struct verdict *verdict, uint32_t at)
{
	const struct expectation *expectation = judge->e->at[at];
	if (!bounds_hold(expectation->traces, verdict->traces))
		return false;
	if (expectation->scope == EXPECT_EACH_TRACE)
		return verdict->traces_failed == 0;
	if (expectation->scope == EXPECT_ONE_TRACE)
		return verdict->traces == 0 || verdict->traces_failed < verdict->traces;
	return verdict->traces_failed == 0 &&
	       bounds_hold(expectation->count, (double)verdict->spans) &&
	       judge_all_checks_pass(judge, at);
}

struct verdict judge_verdict(struct judge *judge, uint32_t at)
{
	const struct expectation *expectation = judge->e->at[at];
	struct verdict verdict = add_up(judge, at);
	if (holds(judge, &verdict, at))
		return verdict;
	bool no_traces = verdict.traces == 0 && expectation->traces.min > 0;
	bool no_spans = verdict.spans == 0 && expectation->count.min > 0;
	verdict.result = no_traces || no_spans ? VERDICT_SELECTED_NOTHING : VERDICT_FAILED;
	return verdict;
}

bool judge_all_hold(struct judge *judge)
{
	for (uint32_t i = 0; i < judge->e->count; i++) {
		struct verdict verdict = add_up(judge, i);
		if (!holds(judge, &verdict, i))
			return false;
	}
	return true;
}
