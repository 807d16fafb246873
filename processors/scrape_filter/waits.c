/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children that come before their parents: an SDK exports a span when it ends, and a child ends first.
 * Where a batch ends between the two, the child would leave, and its parent be dropped as noise. So a
 * child that may belong to noise is held back, and goes the way of its parent when that has come.
 *
 * Ordinary spans must not be delayed. What waits has a parent that neither this request nor the
 * trace memory knows, and is an internal span or a call that does not say what it calls: all that
 * rules could have judged was judged already. No server's or consumer's span waits, none of a
 * library for models, and none that has one of those below it in the request. What is below a span
 * that waits, waits with it.
 *
 * The other side of this: which spans stay is remembered, so that their children do not wait.
 */
#include "processors/scrape_filter/scrape_filter_internal.h"

#include "pipeline/vocabulary/llm_stack.h"

/* ---- who waits ------------------------------------------------------------------------------ */

/* Whether a library for models or the stack around them made ${span}: health checks have none. */
static bool is_of_models(const struct trace_view *view, uint32_t span)
{
	struct attr_view attr;
	struct slice scope = view_scope_name(view, view_span_scope(view, span));
	if (stack_prefixes_has(&stack_routing_scopes, scope) ||
	    stack_prefixes_has(&stack_engine_scopes, scope))
		return true;
	struct attr_cursor cursor = view_attrs(view, (struct owner){OWNER_SPAN, span});
	while (view_next_attr(view, &cursor, &attr)) {
		if (stack_prefixes_has(&stack_model_keys, attr.key))
			return true;
	}
	return false;
}

static bool never_waits(const struct pass *pass, uint32_t span)
{
	int32_t kind = view_span_kind(pass->view, span);
	return kind == SPAN_KIND_SERVER || kind == SPAN_KIND_CONSUMER ||
	       is_of_models(pass->view, span);
}

/* Marks the spans that never wait and all their ancestors, each once. */
static void mark_leavers(struct pass *pass)
{
	const struct span_map *map = &pass->scratch->map;
	uint8_t *states = pass->scratch->states;
	for (uint32_t span = 0; span < map->count; span++) {
		if (!view_span_live(pass->view, span) || !never_waits(pass, span))
			continue;
		for (uint32_t at = span; !(states[at] & SPAN_LEAVES); at = map->parents[at]) {
			states[at] |= SPAN_LEAVES;
			if (!span_map_has_parent(map, at))
				break;
		}
	}
	pass->leavers_marked = true;
}

static bool may_wait(struct pass *pass, uint32_t span)
{
	int32_t kind = view_span_kind(pass->view, span);
	if (pass->filter->child_wait_ns == 0 || pass->scratch->states[span] & SPAN_PROTECTED ||
	    kind == SPAN_KIND_SERVER || kind == SPAN_KIND_CONSUMER || kind == SPAN_KIND_PRODUCER ||
	    scrape_rules_has_target(&pass->filter->rules, pass->view, span))
		return false;
	if (!pass->leavers_marked)
		mark_leavers(pass);
	return !(pass->scratch->states[span] & SPAN_LEAVES);
}

enum ancestry waits_ask(struct pass *pass, uint32_t span, uint8_t ret_id[SPAN_ID_BYTES])
{
	enum holding holding = view_holding(pass->view);
	bool waits = holding != HOLDING_OFF && may_wait(pass, span);
	enum ancestry ancestry = trace_memory_await(pass->filter->memory, pass_key(pass, span),
						    view_span_parent(pass->view, span),
						    waits && holding == HOLDING_ON, ret_id);
	if (ancestry != ANCESTRY_UNKNOWN || (waits && holding == HOLDING_ON))
		return ancestry;
	pass->unseen[UNSEEN_TIME_OVER] += waits && holding == HOLDING_OVER;
	pass->unseen[UNSEEN_NO_ROOM] += waits && holding == HOLDING_NO_ROOM;
	return ANCESTRY_KEPT;
}

void waits_hold(struct pass *pass, uint32_t span)
{
	pass->scratch->states[span] |= SPAN_WAITS;
	edit_hold_span(pass->view, span);
}

/* ---- who stays ------------------------------------------------------------------------------ */

struct kept_batch {
	struct trace_key key;
	struct slice ids[64];
	size_t count;
};

static void flush(const struct pass *pass, struct kept_batch *batch)
{
	if (batch->count > 0)
		trace_memory_keep(pass->filter->memory, batch->key, batch->ids, batch->count);
	batch->count = 0;
}

/* Also what other processors have dropped: nobody needs to wait for it. */
void waits_remember_kept(struct pass *pass)
{
	struct kept_batch batch = {.count = 0};
	if (pass->filter->child_wait_ns == 0)
		return;
	for (uint32_t span = 0; span < view_span_count(pass->view); span++) {
		struct trace_key key = pass_key(pass, span);
		struct slice id = view_span_id(pass->view, span);
		if (pass_goes(pass, span) || pass->scratch->states[span] & SPAN_WAITS ||
		    key.trace_id.len == 0 || id.len == 0)
			continue;
		if (batch.count == ARRAY_COUNT(batch.ids) ||
		    (batch.count > 0 && !slice_equal(key.trace_id, batch.key.trace_id)))
			flush(pass, &batch);
		batch.key = key;
		batch.ids[batch.count++] = id;
	}
	flush(pass, &batch);
}

/* ---- the host's questions ------------------------------------------------------------------- */

static uint64_t wait_ns(const void *self)
{
	return ((const struct scrape_filter *)self)->child_wait_ns;
}

static uint64_t known(void *arg, struct slice trace_id)
{
	const struct scrape_filter *self = arg;
	const struct trace_key key = {self->client, trace_id};
	return trace_memory_progress(self->memory, key).settled;
}

const struct hold_ops scrape_filter_holds = {
	.wait_ns = wait_ns, .known = known, .pass_when_full = true};
