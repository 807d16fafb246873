/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a trace, selecting spans, telling what is missing. One trial serves one trace after the
 * other; its arena is emptied in between.
 */
#include "pipeline/expect/trial.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	TRIAL_BYTES_MAX = 512 << 20, /* for one trace, beside its bytes and its index */
	TRIAL_KEEP_BYTES = 4 << 20,  /* kept between traces */
};

int trial_init(struct trial *trial, const struct expectations *e, const struct key_table *keys,
	       const struct judge_env *env, struct budget *budget, struct err *err)
{
	*trial = (struct trial){.e = e, .env = env, .budget = budget, .hash = hash_key_random()};
	arena_init(&trial->arena, budget, TRIAL_BYTES_MAX);
	trial->view = view_new(budget, keys);
	trial->scratch = ottl_scratch_new(budget);
	trial->regex = calloc(1, sizeof(*trial->regex));
	if (trial->view && trial->scratch && trial->regex && regex_scratch_init(trial->regex) == 0)
		return 0;
	trial_fini(trial);
	return err_set(err, ERR_NOMEM, "no memory for a judge");
}

void trial_fini(struct trial *trial)
{
	trial_close(trial);
	view_free(trial->view);
	ottl_scratch_free(trial->scratch);
	if (trial->regex)
		regex_scratch_fini(trial->regex);
	free(trial->regex);
	arena_fini(&trial->arena);
	*trial = (struct trial){.e = NULL};
}

void *trial_alloc(struct trial *trial, size_t count, size_t size)
{
	void *memory = arena_calloc(&trial->arena, count > 0 ? count : 1, size);
	trial->no_memory = trial->no_memory || !memory;
	return memory;
}

static bool prepare(struct trial *trial)
{
	trial->span_count = view_span_count(trial->view);
	trial->word_count = (trial->span_count + 63) / 64;
	trial->no_memory = false;
	trial->live = trial_alloc(trial, trial->word_count, sizeof(uint64_t));
	trial->condition_bits =
		trial_alloc(trial, trial->e->condition_count, sizeof(*trial->condition_bits));
	return !trial->no_memory && span_tree_build(trial);
}

int trial_open(struct trial *trial, const struct trace_buffer *buffer,
	       const struct buffered_trace *trace, struct err *err)
{
	trial_close(trial);
	trial->body = trace_buffer_request(buffer, trace);
	if (!trial->body)
		return err_set(err, ERR_NOMEM, "no memory for a trace of %u spans",
			       trace->span_count);
	if (view_open_chunk(trial->view, trial->body, err) != 0) {
		trial_close(trial);
		return -1;
	}
	if (prepare(trial))
		return 0;
	trial_close(trial);
	return err_set(err, ERR_NOMEM, "no memory for a trace of %u spans", trace->span_count);
}

void trial_close(struct trial *trial)
{
	if (trial->body) {
		view_close(trial->view);
		chunk_unref(trial->body);
	}
	trial->body = NULL;
	arena_reset(&trial->arena, TRIAL_KEEP_BYTES);
}

bool trial_next_owner(const struct trial *trial, struct owner_walk *walk, struct owner *ret_owner)
{
	struct view_range events = view_span_events(trial->view, walk->span);
	struct view_range links = view_span_links(trial->view, walk->span);
	uint32_t at = walk->at++, scope = view_span_scope(trial->view, walk->span);
	if (at == 0)
		*ret_owner = (struct owner){OWNER_SPAN, walk->span};
	else if (at - 1 < events.count)
		*ret_owner = (struct owner){OWNER_EVENT, events.begin + at - 1};
	else if (at - 1 - events.count < links.count)
		*ret_owner = (struct owner){OWNER_LINK, links.begin + at - 1 - events.count};
	else if (at - 1 - events.count == links.count)
		*ret_owner = (struct owner){OWNER_SCOPE, scope};
	else if (at - 2 - events.count == links.count)
		*ret_owner =
			(struct owner){OWNER_RESOURCE, view_scope_resource(trial->view, scope)};
	else
		return false;
	return true;
}

/* ---- bit sets ------------------------------------------------------------------------------- */

uint32_t bits_next(const uint64_t *bits, uint32_t word_count, uint32_t from)
{
	uint32_t word = from / 64;
	if (word >= word_count)
		return NO_SPAN;
	uint64_t left = bits[word] & (UINT64_MAX << (from % 64));
	while (left == 0) {
		if (++word >= word_count)
			return NO_SPAN;
		left = bits[word];
	}
	return word * 64 + (uint32_t)__builtin_ctzll(left);
}

uint32_t bits_count(const uint64_t *bits, uint32_t word_count)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < word_count; i++)
		count += (uint32_t)__builtin_popcountll(bits[i]);
	return count;
}

/* Which live spans the condition is true of; a condition that fails is not true. */
static const uint64_t *condition_bits(struct trial *trial, uint32_t at)
{
	const struct ottl_condition *condition = trial->e->conditions[at].condition;
	if (trial->condition_bits[at])
		return trial->condition_bits[at];
	uint64_t *bits = trial_alloc(trial, trial->word_count, sizeof(*bits));
	if (!bits)
		return trial->live; /* no_memory is latched: nobody trusts it */
	FOR_EACH_BIT (span, trial->live, trial) {
		if (ottl_eval(condition, trial->view, span, trial->scratch, NULL) == OTTL_TRUE)
			bit_set(bits, span);
	}
	trial->condition_bits[at] = bits;
	return bits;
}

const uint64_t *trial_select(struct trial *trial, const struct selector *selector)
{
	if (selector->count == 0)
		return trial->live;
	if (selector->count == 1 && !selector->terms[0].negated)
		return condition_bits(trial, selector->terms[0].condition);
	uint64_t *bits = trial_alloc(trial, trial->word_count, sizeof(*bits));
	if (!bits)
		return trial->live; /* no_memory is latched: nobody trusts it */
	memcpy(bits, trial->live, trial->word_count * sizeof(*bits));
	for (uint32_t i = 0; i < selector->count; i++) {
		const uint64_t *term = condition_bits(trial, selector->terms[i].condition);
		uint64_t flip = selector->terms[i].negated ? UINT64_MAX : 0;
		for (uint32_t word = 0; !trial->no_memory && word < trial->word_count; word++)
			bits[word] &= term[word] ^ flip;
	}
	return bits;
}

/* ---- what is missing ------------------------------------------------------------------------ */

bool trial_miss(struct trial *trial, const struct expect_miss *miss)
{
	trial->misses++;
	if (trial->listener)
		trial->listener->miss(trial->listener->arg, miss);
	return false;
}

bool trial_miss_why(struct trial *trial, const struct check *check, const char *format, ...)
{
	if (!trial->listener) {
		trial->misses++;
		return false;
	}
	va_list args;
	va_start(args, format);
	(void)vsnprintf(trial->why, sizeof(trial->why), format, args);
	va_end(args);
	return trial_miss(trial, &(struct expect_miss){
					 .loc = check->loc,
					 .wanted = check->key,
					 .why = trial->why,
				 });
}

bool trial_miss_value(struct trial *trial, const struct check *check, struct config_loc loc,
		      const char *why, const struct expect_found *found)
{
	return trial_miss(trial, &(struct expect_miss){
					 .loc = loc,
					 .wanted = check->key,
					 .why = why,
					 .found_count = 1,
					 .found = {*found},
				 });
}

/* A number for people: counts as they are, times with a unit. */
static void append_number(struct buf *out, double number, bool is_time)
{
	static const struct {
		double ns;
		const char *name;
	} units[] = {{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}};
	double size = fabs(number);
	for (size_t i = 0; is_time && i < ARRAY_COUNT(units); i++) {
		if (size >= units[i].ns) {
			buf_printf(out, "%.6g%s", number / units[i].ns, units[i].name);
			return;
		}
	}
	buf_printf(out, "%.15g%s", number, is_time ? "ns" : "");
}

bool trial_miss_bounds(struct trial *trial, struct config_loc loc, struct slice wanted,
		       const char *what, struct bounds bounds, double number, bool is_time)
{
	if (!trial->listener) {
		trial->misses++;
		return false;
	}
	struct buf text = BUF_INIT;
	buf_printf(&text, "%s is ", what);
	append_number(&text, number, is_time);
	if (bounds.min == bounds.max) {
		buf_append_str(&text, ", wanted ");
		append_number(&text, bounds.min, is_time);
	} else if (number < bounds.min) {
		buf_append_str(&text, ", wanted at least ");
		append_number(&text, bounds.min, is_time);
	} else {
		buf_append_str(&text, ", wanted at most ");
		append_number(&text, bounds.max, is_time);
	}
	(void)snprintf(trial->why, sizeof(trial->why), "%s", buf_cstr(&text));
	buf_fini(&text);
	return trial_miss(trial, &(struct expect_miss){
					 .loc = loc,
					 .wanted = wanted,
					 .why = trial->why,
				 });
}
