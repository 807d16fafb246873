/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drops the spans that scrapes of /metrics and probes of /health leave behind, whole: one GET
 * /metrics of a FastAPI server makes four spans, and a condition on the path catches one of them.
 *
 * No orphans. Within a request: what is below a dropped span goes, too; where a protected span is
 * below, that part stays and moves to the nearest ancestor that stays (or becomes a root, marked
 * with the attribute `sluice.parent_dropped`). Across requests: dropped span ids are remembered per
 * trace (pipeline/trace/memory/trace_memory.h), so children that come later meet the same decision.
 * Children that come first wait for it, if they may be noise (waits.c); one that had left before its
 * parent came to be dropped cannot be called back: it is counted.
 *
 * A probe that lets the model say a word makes spans like those of a request, protected ones among
 * them. Below such a probe all goes: the spans inherit that, in the request and by a note about each
 * of them in the trace memory, whose name is derived from the span's id.
 *
 * Spans may come in any order within a request. Scratch of one shard: two bytes and four words per
 * span of a request, charged to the budget, kept up to SCRATCH_KEEP_BYTES.
 */
#include "pipeline/trace/memory/drop_batch.h"
#include "processors/scrape_filter/scrape_filter_internal.h"

#include <stdlib.h>

enum { SCRATCH_KEEP_BYTES = 1 << 20 };

/* ---- making --------------------------------------------------------------------------------- */

static const struct metric_desc metric_dropped = {
	"sluice_processor_scrape_filter_dropped", "{spans}",
	"Spans of scrapes, probes and background work that were dropped", METRIC_COUNTER};
static const struct metric_desc metric_moved = {
	"sluice_processor_scrape_filter_moved", "{spans}",
	"Spans that were given another parent because theirs was dropped", METRIC_COUNTER};
static const struct metric_desc metric_undecided = {
	"sluice_processor_scrape_filter_undecided", "{spans}",
	"Dropped spans whose children in other requests may have lost their parent",
	METRIC_COUNTER};

static const struct metric_desc metric_unseen = {"sluice_processor_scrape_filter_parent_unseen",
						 "{spans}",
						 "Spans that left before their parent came, which "
						 "may be noise, by why they did not wait longer",
						 METRIC_COUNTER};

static const char *const rule_names[RULE_COUNT] = {
	"", "path", "name", "rpc", "background", "asgi", "descendant", "remembered"};

/* clang-format off */
#define ROW(desc, array, at, label, value) \
	{&(desc), offsetof(struct scrape_filter, array[at]), {label, value}}
/* clang-format on */
static const struct metric_row metric_rows[] = {
	ROW(metric_dropped, dropped, RULE_PATH, "rule", "path"),
	ROW(metric_dropped, dropped, RULE_NAME, "rule", "name"),
	ROW(metric_dropped, dropped, RULE_RPC, "rule", "rpc"),
	ROW(metric_dropped, dropped, RULE_BACKGROUND, "rule", "background"),
	ROW(metric_dropped, dropped, RULE_ASGI, "rule", "asgi"),
	ROW(metric_dropped, dropped, RULE_DESCENDANT, "rule", "descendant"),
	ROW(metric_dropped, dropped, RULE_REMEMBERED, "rule", "remembered"),
	ROW(metric_moved, moved, MOVED_TO_ANCESTOR, "to", "ancestor"),
	ROW(metric_moved, moved, MOVED_TO_ROOT, "to", "root"),
	ROW(metric_undecided, undecided, UNDECIDED_CHILD_LEFT, "reason", "child_left"),
	ROW(metric_undecided, undecided, UNDECIDED_NOT_REMEMBERED, "reason", "not_remembered"),
	ROW(metric_unseen, unseen, UNSEEN_TIME_OVER, "reason", "time_over"),
	ROW(metric_unseen, unseen, UNSEEN_NO_ROOM, "reason", "no_room"),
};
_Static_assert(ARRAY_COUNT(metric_rows) ==
		       RULE_COUNT - 1 + MOVED_COUNT + UNDECIDED_COUNT + UNSEEN_COUNT,
	       "a counter has no row");
static const struct metric_table metrics = METRIC_TABLE("scrape_filter", metric_rows);

static void destroy(void *self)
{
	free(self);
}

static void *create(const struct component_env *env, const void *arg, struct config_report *report)
{
	const struct scrape_filter_config *config = arg;
	struct err err;
	struct scrape_filter *self = calloc(1, sizeof(*self));
	if (!self)
		return NULL;
	self->log = env->log;
	self->budget = env->budget;
	self->closure = config->closure;
	self->child_wait_ns = config->child_wait_ns;
	self->memory = env->memory;
	self->client = trace_memory_join(env->memory, &config->memory);
	self->mark_key = key_table_add(env->keys, SLICE("sluice.parent_dropped"), &err);
	if (self->mark_key == KEY_ID_NONE ||
	    !scrape_rules_init(&self->rules, env, config, report)) {
		destroy(self);
		return NULL;
	}
	return self;
}

static void *shard_new(void *arg)
{
	const struct scrape_filter *self = arg;
	struct scratch *scratch = calloc(1, sizeof(*scratch));
	if (!scratch)
		return NULL;
	scratch->budget = self->budget;
	span_map_init(&scratch->map, self->budget);
	return scratch;
}

static void release(struct scratch *scratch)
{
	free(scratch->path);
	budget_give(scratch->budget, scratch->bytes_held);
	scratch->path = NULL;
	scratch->span_cap = scratch->bytes_held = 0;
}

static void shard_free(void *arg)
{
	struct scratch *scratch = arg;
	release(scratch);
	span_map_fini(&scratch->map);
	free(scratch);
}

static int reserve(struct scratch *scratch, uint32_t span_count, struct err *err)
{
	if (span_count <= scratch->span_cap && scratch->bytes_held <= SCRATCH_KEEP_BYTES)
		return 0;
	release(scratch);
	size_t bytes = (size_t)span_count * (sizeof(uint32_t) + 2);
	if (!budget_take(scratch->budget, bytes))
		return err_set(err, ERR_NOMEM, "out of memory for the scrape filter");
	scratch->path = malloc(bytes);
	if (!scratch->path) {
		budget_give(scratch->budget, bytes);
		return err_set(err, ERR_NOMEM, "out of memory for the scrape filter");
	}
	scratch->bytes_held = bytes;
	scratch->span_cap = span_count;
	scratch->rules = (uint8_t *)(scratch->path + span_count);
	scratch->states = scratch->rules + span_count;
	return 0;
}

/* ---- one request ---------------------------------------------------------------------------- */

static void drop(struct pass *pass, uint32_t span, enum scrape_rule rule, bool all_below)
{
	pass->scratch->rules[span] = (uint8_t)rule;
	pass->dropped[rule]++;
	if (all_below)
		pass->scratch->states[span] |= SPAN_ALL_BELOW;
	edit_drop_span(pass->view, span);
}

static bool takes_all_below(const struct pass *pass, uint32_t span)
{
	return pass->scratch->states[span] & SPAN_ALL_BELOW;
}

/* The rules that need nothing but the span. Spans that earlier processors dropped are not ours. */
static void judge_alone(struct pass *pass)
{
	const struct scrape_rules *rules = &pass->filter->rules;
	for (uint32_t span = 0; span < view_span_count(pass->view); span++) {
		bool generates = false;
		pass->scratch->rules[span] = RULE_NONE;
		pass->scratch->states[span] = 0;
		if (!view_span_live(pass->view, span))
			continue;
		enum scrape_rule rule = scrape_rules_match(rules, pass->view, span, &generates);
		if (rule != RULE_NONE &&
		    (generates || !scrape_rules_protect(rules, pass->view, span)))
			drop(pass, span, rule, generates);
	}
}

/* Marks all ancestors of protected spans, up to one below which all goes. Each span is marked once, so
 * the walk is linear. */
static void mark_protected(struct pass *pass)
{
	const struct span_map *map = &pass->scratch->map;
	uint8_t *states = pass->scratch->states;
	for (uint32_t span = 0; span < view_span_count(pass->view); span++) {
		if (!view_span_live(pass->view, span) ||
		    !scrape_rules_protect(&pass->filter->rules, pass->view, span))
			continue;
		for (uint32_t at = span; !(states[at] & (SPAN_PROTECTED | SPAN_ALL_BELOW));
		     at = map->parents[at]) {
			states[at] |= SPAN_PROTECTED;
			if (!span_map_has_parent(map, at))
				break;
		}
	}
}

/* Gives ${span} the parent ${ancestor}; with none it becomes a root and says so. */
static void move(struct pass *pass, uint32_t span, struct slice ancestor)
{
	edit_set_span_parent(pass->view, span, ancestor);
	pass->moved[ancestor.len > 0 ? MOVED_TO_ANCESTOR : MOVED_TO_ROOT]++;
	pass->scratch->states[span] |= SPAN_MOVED;
	if (ancestor.len == 0)
		edit_set_attr(pass->view, (struct owner){OWNER_SPAN, span},
			      SLICE("sluice.parent_dropped"), pass->filter->mark_key,
			      value_of_bool(true));
}

/* To an ancestor that the memory names. */
static void move_far(struct pass *pass, uint32_t span, const uint8_t id[SPAN_ID_BYTES])
{
	move(pass, span, slice_of(id, SPAN_ID_BYTES));
	pass->moved_far = true;
}

/* Moves ${span}, whose parent ${parent} of this request was dropped, to what is left above. */
static void move_over(struct pass *pass, uint32_t span, uint32_t parent)
{
	uint8_t id[SPAN_ID_BYTES];
	uint32_t top = span_map_top_of_dropped(&pass->scratch->map, pass->view, parent);
	uint32_t above = pass->scratch->map.parents[top];
	if (above == SPAN_MAP_NONE || above == span) {
		move(pass, span, (struct slice){NULL, 0});
		return;
	}
	if (above != SPAN_MAP_FOREIGN) {
		move(pass, span, view_span_id(pass->view, above));
		return;
	}
	struct slice foreign = view_span_parent(pass->view, top);
	switch (trace_memory_ancestor(pass->filter->memory, pass_key(pass, span), foreign, id)) {
	case ANCESTRY_UNKNOWN:
	case ANCESTRY_KEPT: move(pass, span, foreign); break;
	case ANCESTRY_MOVED: move_far(pass, span, id); break;
	case ANCESTRY_ROOT: move(pass, span, (struct slice){NULL, 0}); break;
	}
}

/* The name of the note that all goes below the span ${id}. */
static uint64_t note_of(struct slice id)
{
	uint64_t name;
	memcpy(&name, id.ptr, sizeof(name));
	return name ^ UINT64_C(0x5c72ae0fa11be10d); /* apart from spans that are asked for */
}

/* Whether all goes below the parent of ${span}, which went with another request. */
static bool is_noted(const struct pass *pass, uint32_t span)
{
	struct trace_note note = {.name = note_of(view_span_parent(pass->view, span))};
	trace_memory_notes(pass->filter->memory, pass_key(pass, span), &note, 1);
	return note.value != 0;
}

/* A span whose parent is in another request. */
static void judge_foreign(struct pass *pass, uint32_t span)
{
	uint8_t id[SPAN_ID_BYTES];
	enum ancestry ancestry = waits_ask(pass, span, id);
	if (ancestry == ANCESTRY_UNKNOWN)
		waits_hold(pass, span);
	if (ancestry == ANCESTRY_UNKNOWN || ancestry == ANCESTRY_KEPT)
		return;
	bool all_below = is_noted(pass, span);
	if (all_below || (pass->filter->closure && !(pass->scratch->states[span] & SPAN_PROTECTED)))
		drop(pass, span, RULE_REMEMBERED, all_below);
	else if (ancestry == ANCESTRY_MOVED)
		move_far(pass, span, id);
	else
		move(pass, span, (struct slice){NULL, 0});
}

/* Decides ${span}, whose parent in this request, if there is one, is decided. */
static void judge_below(struct pass *pass, uint32_t span)
{
	const struct span_map *map = &pass->scratch->map;
	uint32_t parent = map->parents[span];
	bool known_parent = span_map_has_parent(map, span);
	bool all_goes = known_parent && takes_all_below(pass, parent);
	if (pass_goes(pass, span)) {
		pass->scratch->states[span] |= all_goes ? SPAN_ALL_BELOW : 0;
	} else if (!view_span_live(pass->view, span)) {
		return;
	} else if (parent == SPAN_MAP_FOREIGN) {
		judge_foreign(pass, span);
	} else if (known_parent && pass->scratch->states[parent] & SPAN_WAITS) {
		waits_hold(pass, span);
	} else if (!known_parent || !pass_goes(pass, parent)) {
		return;
	} else if (all_goes ||
		   (pass->filter->closure && !(pass->scratch->states[span] & SPAN_PROTECTED))) {
		drop(pass, span, RULE_DESCENDANT, all_goes);
	} else {
		move_over(pass, span, parent);
	}
}

/* Every span after its ancestors: climb to one that is decided, then come down again. */
static void judge_all(struct pass *pass)
{
	const struct span_map *map = &pass->scratch->map;
	uint32_t *path = pass->scratch->path;
	uint8_t *states = pass->scratch->states;
	for (uint32_t span = 0; span < map->count; span++) {
		uint32_t depth = 0, at = span;
		while (!(states[at] & SPAN_DECIDED)) {
			states[at] |= SPAN_DECIDED;
			path[depth++] = at;
			if (span_map_has_parent(map, at))
				at = map->parents[at];
		}
		for (uint32_t i = 0; i + 1 < depth; i++)
			pass->circle |= path[i] == at;
		while (depth > 0)
			judge_below(pass, path[--depth]);
	}
}

/*
 * An ancestor that the memory names may be in this request and go with it: then it is moved over, too.
 * Each round climbs at least one request up; a circle of parents ends as roots. In a circle somebody is
 * decided before his parent, which is looked at again here.
 */
static int settle_moves(struct pass *pass, struct err *err)
{
	enum { ROUNDS_MAX = 8 };
	struct span_map *map = &pass->scratch->map;
	for (int round = 0; pass->moved_far || (round == 0 && pass->circle); round++) {
		pass->moved_far = false;
		if (span_map_build(map, pass->view, err) != 0)
			return -1;
		for (uint32_t span = 0; span < map->count; span++) {
			bool moved = pass->scratch->states[span] & SPAN_MOVED;
			if (!(moved || pass->circle) || !view_span_live(pass->view, span) ||
			    !span_map_has_parent(map, span) || !pass_goes(pass, map->parents[span]))
				continue;
			pass->moved[MOVED_TO_ANCESTOR] -= moved; /* not there, but further up */
			if (round < ROUNDS_MAX)
				move_over(pass, span, map->parents[span]);
			else
				move(pass, span, (struct slice){NULL, 0});
		}
	}
	return 0;
}

/* ---- remembering ---------------------------------------------------------------------------- */

/* ASGI events are leaves: nobody will ask for them. The name tells: anybody may write the attribute. */
static bool may_have_children(const struct pass *pass, uint32_t span)
{
	uint8_t rule = pass->scratch->rules[span];
	return (rule != RULE_ASGI && rule != RULE_NAME) ||
	       view_span_kind(pass->view, span) != SPAN_KIND_INTERNAL ||
	       !scrape_rules_asgi_name(view_span_name(pass->view, span));
}

/* What is below ${span} may come with other requests. */
static void note_all_below(struct pass *pass, uint32_t span)
{
	if (view_span_trace_id(pass->view, span).len == 0 ||
	    view_span_id(pass->view, span).len == 0)
		return;
	struct trace_note note = {.name = note_of(view_span_id(pass->view, span)), .value = 1};
	trace_memory_notes(pass->filter->memory, pass_key(pass, span), &note, 1);
}

static void remember_dropped(struct pass *pass)
{
	struct drop_batch batch = {.memory = pass->filter->memory,
				   .key = {.client = pass->filter->client}};
	for (uint32_t span = 0; span < view_span_count(pass->view); span++) {
		if (!pass_goes(pass, span) || !may_have_children(pass, span))
			continue;
		drop_batch_add(&batch, pass->view, &pass->scratch->map, span);
		if (takes_all_below(pass, span))
			note_all_below(pass, span);
	}
	drop_batch_flush(&batch);
	pass->undecided[UNDECIDED_CHILD_LEFT] = batch.orphans;
	pass->undecided[UNDECIDED_NOT_REMEMBERED] = batch.forgotten;
}

static void count(const struct pass *pass)
{
	struct tally *tally = edit_tally(pass->view);
	for (int rule = RULE_NONE + 1; rule < RULE_COUNT; rule++)
		tally_add(tally, &pass->filter->dropped[rule], pass->dropped[rule]);
	for (int to = 0; to < MOVED_COUNT; to++)
		tally_add(tally, &pass->filter->moved[to], pass->moved[to]);
	for (int why = 0; why < UNDECIDED_COUNT; why++)
		tally_add(tally, &pass->filter->undecided[why], pass->undecided[why]);
	for (int why = 0; why < UNSEEN_COUNT; why++)
		tally_add(tally, &pass->filter->unseen[why], pass->unseen[why]);
}

static enum outcome process(void *self, void *state, struct trace_view *view, struct err *err)
{
	struct pass pass = {.filter = self, .view = view, .scratch = state};
	if (reserve(pass.scratch, view_span_count(view), err) != 0)
		return OUTCOME_RETRY;
	judge_alone(&pass);
	if (span_map_build(&pass.scratch->map, view, err) != 0)
		return OUTCOME_RETRY;
	mark_protected(&pass);
	judge_all(&pass);
	if (settle_moves(&pass, err) != 0)
		return OUTCOME_RETRY;
	remember_dropped(&pass);
	waits_remember_kept(&pass);
	count(&pass);
	return OUTCOME_TAKEN;
}

/* ---- report and warnings -------------------------------------------------------------------------------- */

static void report(void *arg)
{
	struct scrape_filter *self = arg;
	for (int rule = RULE_NONE + 1; rule < RULE_COUNT; rule++) {
		uint64_t dropped = counter_get(&self->dropped[rule]);
		if (dropped == self->reported[rule])
			continue;
		log_info(&self->log, LOG_REPORT("Filter dropped spans"),
			 LOG_STR("rule", rule_names[rule]),
			 LOG_UINT("dropped", dropped - self->reported[rule]),
			 LOG_UINT("dropped_total", dropped));
		self->reported[rule] = dropped;
	}
}

static const struct processor_ops ops = {.create = create,
					 .shard_new = shard_new,
					 .shard_free = shard_free,
					 .process = process,
					 .report = report,
					 .destroy = destroy,
					 .adds = ADDS_NOTHING,
					 .holds = &scrape_filter_holds};

const struct component_type processor_scrape_filter = {
	.kind = COMPONENT_PROCESSOR,
	.names = {"scrape_filter"},
	.summary = "Drops the spans of scrapes, probes and background work, without orphans.",
	.config = &scrape_filter_block,
	.metrics = &metrics,
	.processor = &ops};
