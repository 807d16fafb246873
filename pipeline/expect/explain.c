/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why an expectation does not hold. What failed says where to look: a selector that nothing matches
 * (the span that misses the fewest parts of it), spans that fail checks (the one that fails the
 * fewest), a number over all traces (nowhere in particular). Traces are opened twice: to find the
 * nearest, then to tell.
 */
#include "pipeline/expect/judge_internal.h"

enum { NAME_BYTES_MAX = 64 }; /* longer names are not compared by letters */

/* ---- parts of conditions -------------------------------------------------------------------- */

struct telling {
	struct trial *trial;
	struct slice text;
	struct config_loc loc;
	bool built_in; /* the text stands in no file, loc is where its name does */
	bool name_is_near;
};

static struct slice cut(struct slice text, uint32_t offset, uint32_t len)
{
	return offset + len <= text.len ? slice_of(text.ptr + offset, len) : text;
}

/* The name in the condition when the name found differs by few letters, as NUL-terminated text in
 * the trial's memory; NULL otherwise. */
static const char *near_name(struct telling *telling, const struct ottl_part *part)
{
	if (part->value_count != 1 || part->values[0].value.type != VALUE_STRING ||
	    part->literal.len == 0 || part->literal.len > NAME_BYTES_MAX)
		return NULL;
	struct slice what = cut(telling->text, part->values[0].offset, part->values[0].len);
	if (!slice_equal(what, SLICE("name")) && !slice_equal(what, SLICE("span.name")))
		return NULL;
	char *word = trial_alloc(telling->trial, part->literal.len + 1, 1);
	if (!word)
		return NULL;
	memcpy(word, part->literal.ptr, part->literal.len);
	const char *const words[] = {word};
	return config_nearest(part->values[0].value.bytes, words, 1);
}

static void tell_part(void *arg, const struct ottl_part *part)
{
	struct telling *telling = arg;
	struct expect_miss miss = {
		.loc = telling->loc,
		.wanted = cut(telling->text, part->offset, part->len),
		.why = part->error	  ? "cannot be evaluated"
		       : part->not_wanted ? "is true, and must not be"
					  : "is not true",
		.found_count = part->value_count,
		.nearest_word = near_name(telling, part),
	};
	bool one_line = !memchr(telling->text.ptr, '\n', telling->text.len);
	if (one_line && !telling->built_in && miss.loc.column > 0)
		miss.loc.column += part->offset;
	for (uint32_t i = 0; i < part->value_count && i < EXPECT_FOUND_MAX; i++)
		miss.found[i] = (struct expect_found){
			.what = cut(telling->text, part->values[i].offset, part->values[i].len),
			.key = part->values[i].key,
			.value = part->values[i].value,
		};
	telling->name_is_near = telling->name_is_near || miss.nearest_word;
	(void)trial_miss(telling->trial, &miss);
}

uint32_t condition_misses(struct trial *trial, const struct ottl_condition *condition,
			  struct slice text, struct config_loc loc, uint32_t at)
{
	struct telling telling = {.trial = trial, .text = text, .loc = loc};
	if (trial->listener)
		return ottl_explain(condition, trial->view, at, trial->scratch, tell_part,
				    &telling);
	uint32_t misses = ottl_explain(condition, trial->view, at, trial->scratch, NULL, NULL);
	trial->misses += misses;
	return misses;
}

/* Tells what ${span} misses of ${selector}; *ret_near: its name differs by few letters alone. */
static void selector_misses(struct trial *trial, const struct selector *selector, uint32_t span,
			    bool *ret_near)
{
	*ret_near = false;
	for (uint32_t i = 0; i < selector->count; i++) {
		const struct selector_term *term = &selector->terms[i];
		const struct span_condition *at = &trial->e->conditions[term->condition];
		struct telling telling = {.trial = trial, .text = at->text, .loc = at->loc};
		telling.built_in = !at->loc.file;
		if (telling.built_in)
			telling.loc = selector->loc;
		if (!term->negated) {
			(void)ottl_explain(at->condition, trial->view, span, trial->scratch,
					   tell_part, &telling);
			*ret_near = *ret_near || telling.name_is_near;
		} else if (ottl_eval(at->condition, trial->view, span, trial->scratch, NULL) ==
			   OTTL_TRUE) {
			(void)trial_miss(trial, &(struct expect_miss){
							.loc = selector->loc,
							.wanted = at->name,
							.why = "is true, and must not be",
						});
		}
	}
}

/* ---- candidates ----------------------------------------------------------------------------- */

/* A place that may be the nearest. */
struct candidate {
	const struct buffered_trace *trace; /* NULL: none */
	uint32_t span;			    /* in the trace's view; NO_SPAN: the trace */
	uint32_t misses;
	bool far; /* not even its name is near */
	uint64_t start_ns;
	uint8_t span_id[SPAN_ID_BYTES];
};

static int compare_ids(const struct candidate *a, const struct candidate *b)
{
	int order = memcmp(a->span_id, b->span_id, sizeof(a->span_id));
	return order ? order : memcmp(a->trace->id, b->trace->id, sizeof(a->trace->id));
}

static bool is_nearer(const struct candidate *a, const struct candidate *b)
{
	if (!b->trace)
		return true;
	if (a->far != b->far)
		return b->far;
	if (a->misses != b->misses)
		return a->misses < b->misses;
	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns;
	return compare_ids(a, b) < 0;
}

static void offer(struct trial *trial, const struct buffered_trace *trace, uint32_t span, bool far,
		  struct candidate *nearest)
{
	struct candidate candidate = {
		.trace = trace, .span = span, .misses = trial->misses, .far = far};
	uint32_t first = span == NO_SPAN ? bits_next(trial->live, trial->word_count, 0) : span;
	struct slice id = span == NO_SPAN ? slice_of(NULL, 0) : view_span_id(trial->view, span);
	if (first != NO_SPAN)
		candidate.start_ns = view_span_start_ns(trial->view, first);
	if (id.len == sizeof(candidate.span_id))
		memcpy(candidate.span_id, id.ptr, id.len);
	if (is_nearer(&candidate, nearest))
		*nearest = candidate;
}

/* ---- what each kind of failure looks for in a trace ----------------------------------------- */

struct search {
	struct judge *judge;
	const struct trace_buffer *buffer;
	const struct expectation *expectation;
	const struct selector *selector; /* of look_for_selector */
	struct candidate nearest;
	struct err *err;
};

typedef void look(struct search *search, const struct buffered_trace *trace);

/* Spans that a selector does not match, but nearly. */
static void look_for_selector(struct search *search, const struct buffered_trace *trace)
{
	struct trial *trial = &search->judge->trial;
	const uint64_t *matched = trial_select(trial, search->selector);
	FOR_EACH_BIT (span, trial->live, trial) {
		bool near;
		if (bit_get(matched, span))
			continue;
		trial->misses = 0;
		selector_misses(trial, search->selector, span, &near);
		offer(trial, trace, span, !near, &search->nearest);
	}
}

/* Spans that are selected: the first is the place of one too many. */
static void look_for_selected(struct search *search, const struct buffered_trace *trace)
{
	struct trial *trial = &search->judge->trial;
	const uint64_t *selected = trial_select(trial, search->selector);
	trial->misses = 0;
	FOR_EACH_BIT (span, selected, trial)
		offer(trial, trace, span, false, &search->nearest);
}

/* Spans that fail, or else the trace that fails as a whole. */
static void look_for_failed(struct search *search, const struct buffered_trace *trace)
{
	struct trial *trial = &search->judge->trial;
	const struct expectation *expectation = search->expectation;
	bool span_failed = false;
	trial_begin(trial, expectation);
	if (trial->no_memory)
		return;
	FOR_EACH_BIT (span, trial->selected, trial) {
		trial->misses = 0;
		if (trial_span_passes(trial, span))
			continue;
		span_failed = true;
		offer(trial, trace, span, false, &search->nearest);
	}
	trial->misses = 0;
	bool passes = trial_trace_passes(trial);
	if (expectation->scope != EXPECT_ALL_TRACES)
		passes =
			trial_count_passes(trial, bits_count(trial->selected, trial->word_count)) &&
			passes;
	if (!passes && !span_failed)
		offer(trial, trace, NO_SPAN, false, &search->nearest);
}

enum which_traces { TRACES_ALL, TRACES_SPOKEN_OF, TRACES_BAD };

static bool is_wanted(const struct trace_tally *tally, enum which_traces which)
{
	return which == TRACES_ALL || (which == TRACES_BAD ? tally->bad : tally->spoken_of);
}

/* Looks through the traces. -1 when one cannot be opened. */
static int look_through(struct search *search, uint32_t at, enum which_traces which,
			look *look_into)
{
	struct judge *judge = search->judge;
	const struct buffered_trace *trace = trace_buffer_first(search->buffer);
	uint32_t looked = 0;
	judge->trial.listener = NULL;
	for (uint32_t i = 0; trace && i < judge->count && looked < JUDGE_EXPLAIN_TRACES_MAX;
	     i++, trace = trace_buffer_next(trace)) {
		if (!is_wanted(&judge_entry(judge, i)->tallies[at], which))
			continue;
		looked++;
		if (trial_open(&judge->trial, search->buffer, trace, search->err) != 0)
			return -1;
		look_into(search, trace);
		trial_close(&judge->trial);
	}
	return 0;
}

/* ---- telling -------------------------------------------------------------------------------- */

/* Opens the trace of the nearest again and tells the listener of it. */
static int tell_nearest(struct search *search, const struct judge_listener *listener)
{
	struct trial *trial = &search->judge->trial;
	const struct candidate *nearest = &search->nearest;
	struct expect_nearest place = {.span = EXPECT_NO_SPAN};
	if (nearest->trace) {
		if (trial_open(trial, search->buffer, nearest->trace, search->err) != 0)
			return -1;
		place.view = trial->view;
		place.span = nearest->span;
		memcpy(place.trace_id, nearest->trace->id, sizeof(place.trace_id));
		memcpy(place.span_id, nearest->span_id, sizeof(place.span_id));
	}
	listener->nearest(listener->arg, &place);
	trial->listener = listener;
	return 0;
}

/* A number that selected too few or too many: it, and what the nearest misses of the selector. */
static int tell_selection(struct search *search, uint32_t at, const struct selector *selector,
			  struct bounds bounds, double number, struct config_loc loc,
			  struct slice wanted, const char *what,
			  const struct judge_listener *listener)
{
	struct trial *trial = &search->judge->trial;
	bool too_few = number < bounds.min;
	enum which_traces which =
		selector == &search->expectation->where ? TRACES_ALL : TRACES_SPOKEN_OF;
	search->selector = selector;
	if (selector->given &&
	    look_through(search, at, which, too_few ? look_for_selector : look_for_selected) != 0)
		return -1;
	if (tell_nearest(search, listener) != 0)
		return -1;
	(void)trial_miss_bounds(trial, loc, wanted, what, bounds, number, false);
	bool near;
	if (too_few && search->nearest.trace)
		selector_misses(trial, selector, search->nearest.span, &near);
	return 0;
}

/* The nearest of a trace whose count is wrong: a span that was nearly selected, or was. */
static void point_at_span(struct search *search, double selected)
{
	struct trial *trial = &search->judge->trial;
	const struct buffered_trace *trace = search->nearest.trace;
	search->nearest.trace = NULL;
	search->selector = &search->expectation->spans;
	if (selected < search->expectation->count.min)
		look_for_selector(search, trace);
	else
		look_for_selected(search, trace);
	if (!search->nearest.trace)
		search->nearest = (struct candidate){.trace = trace, .span = NO_SPAN};
	trial->misses = 0;
}

static int tell_failed(struct search *search, uint32_t at, const struct judge_listener *listener)
{
	struct trial *trial = &search->judge->trial;
	const struct expectation *expectation = search->expectation;
	if (look_through(search, at, TRACES_BAD, look_for_failed) != 0)
		return -1;
	if (!search->nearest.trace)
		return tell_nearest(search, listener);
	bool whole_trace = search->nearest.span == NO_SPAN, near;
	if (trial_open(trial, search->buffer, search->nearest.trace, search->err) != 0)
		return -1;
	double selected = bits_count(trial_select(trial, &expectation->spans), trial->word_count);
	bool counted = expectation->scope == EXPECT_ALL_TRACES ||
		       bounds_hold(expectation->count, selected);
	if (whole_trace && !counted && expectation->spans.given)
		point_at_span(search, selected);
	trial_close(trial);
	if (tell_nearest(search, listener) != 0)
		return -1;
	trial_begin(trial, expectation);
	if (trial->no_memory)
		return 0; /* judge_explain sees it */
	if (!whole_trace)
		(void)trial_span_passes(trial, search->nearest.span);
	(void)trial_trace_passes(trial);
	if (!counted)
		(void)trial_count_passes(trial, selected);
	if (whole_trace && selected < expectation->count.min && search->nearest.span != NO_SPAN)
		selector_misses(trial, &expectation->spans, search->nearest.span, &near);
	return 0;
}

static int tell(struct search *search, uint32_t at, const struct judge_listener *listener)
{
	const struct expectation *expectation = search->expectation;
	struct verdict verdict = judge_verdict(search->judge, at);
	if (!bounds_hold(expectation->traces, verdict.traces))
		return tell_selection(search, at, &expectation->where, expectation->traces,
				      verdict.traces, expectation->traces_loc, SLICE("traces"),
				      "the number of traces spoken of", listener);
	if (verdict.traces_failed > 0)
		return tell_failed(search, at, listener);
	if (!bounds_hold(expectation->count, (double)verdict.spans))
		return tell_selection(search, at, &expectation->spans, expectation->count,
				      (double)verdict.spans, expectation->count_loc, SLICE("count"),
				      "the number of selected spans", listener);
	if (tell_nearest(search, listener) != 0)
		return -1;
	(void)judge_all_checks_pass(search->judge, at);
	return 0;
}

int judge_explain(struct judge *judge, const struct trace_buffer *buffer, uint32_t at,
		  const struct judge_listener *listener, struct err *err)
{
	struct search search = {
		.judge = judge,
		.buffer = buffer,
		.expectation = judge->e->at[at],
		.err = err,
	};
	int result = tell(&search, at, listener);
	if (result == 0 && judge->trial.no_memory)
		result = err_set(err, ERR_NOMEM, "no memory to explain");
	judge->trial.listener = NULL;
	trial_close(&judge->trial);
	return result;
}
