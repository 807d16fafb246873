/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/trace_actions.h"

#include "tests/support/trace_random.h"
#include "tests/support/trace_wire.h"

static const char *random_key(uint64_t *rng)
{
	return random_keys[tw_below(rng, RANDOM_KEYS)];
}

static bool owner_is_live(const struct trace_view *view, struct owner owner)
{
	const struct trace_index *index = &view->index;
	switch (owner.kind) {
	case OWNER_RESOURCE: return owner.at < index->resource_count;
	case OWNER_SCOPE: return owner.at < index->scope_count;
	case OWNER_SPAN: return owner.at < index->span_count;
	case OWNER_EVENT: return owner.at < index->event_count && view_event_live(view, owner.at);
	case OWNER_LINK: return owner.at < index->link_count && view_link_live(view, owner.at);
	case OWNER_KIND_COUNT: break;
	}
	return false;
}

static bool random_owner(const struct trace_view *view, uint64_t *rng, struct owner *ret_owner)
{
	const struct trace_index *index = &view->index;
	const uint32_t counts[OWNER_KIND_COUNT] = {index->resource_count, index->scope_count,
						   index->span_count, index->event_count,
						   index->link_count};
	enum owner_kind kind = (enum owner_kind)tw_below(rng, OWNER_KIND_COUNT);
	*ret_owner = (struct owner){kind, counts[kind] ? tw_below(rng, counts[kind]) : 0};
	return owner_is_live(view, *ret_owner);
}

static struct value random_value(uint64_t *rng)
{
	switch (tw_below(rng, 8)) {
	case 0: return value_of_int((int64_t)(tw_random(rng) >> tw_below(rng, 64)));
	case 1: return value_of_int(-(int64_t)tw_below(rng, 1000));
	case 2: return value_of_bool(tw_below(rng, 2));
	case 3: return value_of_double((double)tw_below(rng, 1000) / 7);
	case 4: return (struct value){.type = VALUE_EMPTY};
	case 5: return (struct value){.type = VALUE_BYTES, .bytes = SLICE("\x01\x02\xff")};
	case 6: /* an array of the string "x" */
		return (struct value){.type = VALUE_ARRAY, .bytes = SLICE("\x0a\x03\x0a\x01x")};
	default: return value_of_str(SLICE("a value"));
	}
}

static void change_attr(struct trace_view *view, struct trace_model *model, uint64_t *rng)
{
	struct owner owner;
	if (!random_owner(view, rng, &owner))
		return;
	const char *key = random_key(rng);
	key_id id = key_table_find(view->index.keys, slice_str(key));
	if (tw_below(rng, 2) == 0) {
		struct value value = random_value(rng);
		edit_set_attr(view, owner, slice_str(key), tw_below(rng, 2) ? id : KEY_ID_NONE,
			      value);
		if (model)
			model_set_attr(model, owner, key, value);
	} else if (id != KEY_ID_NONE) {
		(void)edit_remove_attr(view, owner, id);
		if (model)
			model_remove_attr(model, owner, key);
	}
}

/* What a processor does that walks over the attributes: drop the one it is at, or give it a value. */
static void change_found_attr(struct trace_view *view, struct trace_model *model, uint64_t *rng)
{
	struct owner owner;
	struct attr_view seen;
	char key[128];
	if (!random_owner(view, rng, &owner))
		return;
	uint32_t steps = 1 + tw_below(rng, 6);
	struct attr_cursor cursor = view_attrs(view, owner);
	while (steps > 0 && view_next_attr(view, &cursor, &seen))
		steps--;
	if (steps > 0 || seen.key.len >= sizeof(key))
		return;
	memcpy(key, seen.key.ptr, seen.key.len);
	key[seen.key.len] = 0;
	bool added = seen.attr == VIEW_ATTR_ADDED;
	if (tw_below(rng, 2) == 0) {
		edit_drop_found(view, owner, &seen);
		if (model && added)
			model_remove_added(model, owner, key);
		else if (model)
			model_drop_attr(model, seen.attr);
		return;
	}
	struct value value = random_value(rng);
	edit_revalue_found(view, owner, &seen, value);
	if (model && added)
		model_set_attr(model, owner, key, value);
	else if (model)
		model_revalue_attr(model, seen.attr, value);
}

static void change_received_attr(struct trace_view *view, struct trace_model *model, uint64_t *rng)
{
	const struct trace_index *index = &view->index;
	if (index->attr_count == 0)
		return;
	uint32_t attr = tw_below(rng, index->attr_count);
	const struct attr_entry *entry = &index->attrs[attr];
	struct owner owner = {(enum owner_kind)entry->owner_kind, entry->owner};
	if (!owner_is_live(view, owner))
		return;
	if (tw_below(rng, 2) == 0) {
		edit_drop_attr(view, attr);
		if (model)
			model_drop_attr(model, attr);
		return;
	}
	const char *key = random_key(rng);
	edit_rename_attr(view, owner, attr, slice_str(key),
			 key_table_find(index->keys, slice_str(key)));
	if (model)
		model_rename_attr(model, attr, key);
}

static void change_span(struct trace_view *view, struct trace_model *model, uint64_t *rng)
{
	static const char *const texts[] = {"", "r", "renamed",
					    "another name that is longer than before"};
	const char *text = texts[tw_below(rng, ARRAY_COUNT(texts))];
	uint32_t span = tw_below(rng, view->index.span_count);
	struct slice parent = slice_of("parentid", tw_below(rng, 2) ? 8 : 0);
	int32_t code = (int32_t)tw_below(rng, 4) - 1;
	switch (tw_below(rng, 4)) {
	case 0:
		edit_set_span_name(view, span, slice_str(text));
		if (model)
			model_set_name(model, span, text);
		return;
	case 1:
		edit_set_span_trace_state(view, span, slice_str(text));
		if (model)
			model_set_trace_state(model, span, text);
		return;
	case 2:
		edit_set_span_parent(view, span, parent);
		if (model)
			model_set_parent(model, span, parent);
		return;
	default:
		edit_set_span_status(view, span, code, slice_str(text));
		if (model)
			model_set_status(model, span, code, text);
		return;
	}
}

/* Names and URLs of what is around and in a span. */
static void change_around(struct trace_view *view, struct trace_model *model, uint64_t *rng)
{
	static const char *const texts[] = {"", "s", "short", "a text that is longer than before"};
	const struct trace_index *index = &view->index;
	const char *text = texts[tw_below(rng, ARRAY_COUNT(texts))];
	struct owner owner = {tw_below(rng, 2) ? OWNER_SCOPE : OWNER_RESOURCE, 0};
	uint32_t choice = tw_below(rng, 5);
	if (choice <= 1 && index->scope_count > 0) {
		uint32_t scope = tw_below(rng, index->scope_count);
		if (index->scopes[scope].scope.off == 0)
			return; /* a scope that was not received has no name to change */
		if (choice == 0)
			edit_set_scope_name(view, scope, slice_str(text));
		else
			edit_set_scope_version(view, scope, slice_str(text));
		if (model && choice == 0)
			model_set_scope_name(model, scope, text);
		else if (model)
			model_set_scope_version(model, scope, text);
	} else if (choice == 2 && index->event_count > 0) {
		uint32_t event = tw_below(rng, index->event_count);
		if (!view_event_live(view, event))
			return;
		edit_set_event_name(view, event, slice_str(text));
		if (model)
			model_set_event_name(model, event, text);
	} else if (choice == 3 && index->link_count > 0) {
		uint32_t link = tw_below(rng, index->link_count);
		if (!view_link_live(view, link))
			return;
		edit_set_link_trace_state(view, link, slice_str(text));
		if (model)
			model_set_link_trace_state(model, link, text);
	} else if (choice == 4) {
		uint32_t count =
			owner.kind == OWNER_SCOPE ? index->scope_count : index->resource_count;
		if (count == 0)
			return;
		owner.at = tw_below(rng, count);
		edit_drop_schema_url(view, owner);
		if (model)
			model_drop_schema_url(model, owner);
	}
}

static void drop_part(struct trace_view *view, struct trace_model *model, uint64_t *rng)
{
	const struct trace_index *index = &view->index;
	if (tw_below(rng, 2) == 0 && index->event_count > 0) {
		uint32_t event = tw_below(rng, index->event_count);
		edit_drop_event(view, event);
		if (model)
			model_drop_event(model, event);
	} else if (index->link_count > 0) {
		uint32_t link = tw_below(rng, index->link_count);
		edit_drop_link(view, link);
		if (model)
			model_drop_link(model, link);
	}
}

void random_action(struct trace_view *view, struct trace_model *model, uint64_t *rng)
{
	const struct trace_index *index = &view->index;
	uint32_t choice = tw_below(rng, 22);
	if (choice == 0 && tw_below(rng, 8) == 0 && index->resource_count > 0) {
		uint32_t resource = tw_below(rng, index->resource_count);
		edit_drop_resource(view, resource);
		if (model)
			model_drop_resource(model, resource);
	} else if (choice <= 1 && index->span_count > 0) {
		uint32_t span = tw_below(rng, index->span_count);
		edit_drop_span(view, span);
		if (model)
			model_drop_span(model, span);
	} else if (choice <= 3) {
		drop_part(view, model, rng);
	} else if (choice <= 8) {
		change_received_attr(view, model, rng);
	} else if (choice <= 11 && index->span_count > 0) {
		change_span(view, model, rng);
	} else if (choice <= 14) {
		change_around(view, model, rng);
	} else if (choice <= 17) {
		change_found_attr(view, model, rng);
	} else {
		change_attr(view, model, rng);
	}
}
