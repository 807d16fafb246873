/* SPDX-License-Identifier: Apache-2.0 */
/* One expectation on one trace: whether it speaks of it, which spans it selects, which of them fail. */
#include "pipeline/expect/trial.h"

static bool any_of(struct trial *trial, const struct selector *selector)
{
	return bits_next(trial_select(trial, selector), trial->word_count, 0) != NO_SPAN;
}

static bool speaks_of(struct trial *trial, const struct expectation *expectation)
{
	return (!expectation->where.given || any_of(trial, &expectation->where)) &&
	       (!expectation->unless.given || !any_of(trial, &expectation->unless));
}

void trial_begin(struct trial *trial, const struct expectation *expectation)
{
	trial->expectation = expectation;
	trial->selected = trial_select(trial, &expectation->spans);
	trial->work = trial_alloc(trial, expectation->check_count, sizeof(*trial->work));
	for (uint32_t i = 0; !trial->no_memory && i < expectation->check_count; i++) {
		const struct check *check = &expectation->checks[i];
		if (check->type->prepare)
			check->type->prepare(trial, check);
	}
}

bool trial_span_passes(struct trial *trial, uint32_t span)
{
	bool passes = true;
	for (uint32_t i = 0; i < trial->expectation->check_count; i++) {
		const struct check *check = &trial->expectation->checks[i];
		if (check->type->span)
			passes = check->type->span(trial, check, span) && passes;
	}
	return passes;
}

bool trial_trace_passes(struct trial *trial)
{
	bool passes = true;
	for (uint32_t i = 0; i < trial->expectation->check_count; i++) {
		const struct check *check = &trial->expectation->checks[i];
		bool all = check->type->all && trial->expectation->scope == EXPECT_ALL_TRACES;
		if (check->type->trace && !all)
			passes = check->type->trace(trial, check) && passes;
	}
	return passes;
}

bool trial_count_passes(struct trial *trial, double selected)
{
	const struct expectation *expectation = trial->expectation;
	if (bounds_hold(expectation->count, selected))
		return true;
	return trial_miss_bounds(trial, expectation->count_loc, SLICE("count"),
				 "the number of selected spans", expectation->count, selected,
				 false);
}

static void fill_slots(struct trial *trial, const struct expectation *expectation, void *slots)
{
	for (uint32_t i = 0; i < expectation->check_count; i++) {
		const struct check *check = &expectation->checks[i];
		if (check->type->fill && expectation->scope == EXPECT_ALL_TRACES)
			check->type->fill(trial, check, (char *)slots + check->slot_offset);
	}
}

struct trace_tally trial_judge(struct trial *trial, const struct expectation *expectation,
			       void *slots)
{
	struct trace_tally tally = {.selected = 0};
	if (!speaks_of(trial, expectation))
		return tally;
	tally.spoken_of = true;
	trial_begin(trial, expectation);
	if (trial->no_memory)
		return tally;
	uint32_t failed = 0;
	FOR_EACH_BIT (span, trial->selected, trial) {
		tally.selected++;
		failed += !trial_span_passes(trial, span);
	}
	tally.failed = failed & TALLY_FAILED_MAX; /* a trace has fewer spans */
	bool counted = expectation->scope == EXPECT_ALL_TRACES ||
		       trial_count_passes(trial, tally.selected);
	tally.bad = !trial_trace_passes(trial) || !counted || tally.failed > 0;
	fill_slots(trial, expectation, slots);
	return tally;
}
