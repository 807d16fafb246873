/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life of a view, and the readers that are too long, or too rarely needed, to be inline.
 *
 * Memory: the index's arrays, columns sized by the index's counts, and an arena for what is added;
 * all charged to the budget and kept from run to run. Columns that few runs need (additions,
 * changed attributes) come into being with their first use.
 */
#include "pipeline/trace/otlp/view.h"

#include "pipeline/trace/otlp/edit_internal.h"
#include "pipeline/trace/value/wire.h"

#include <stdlib.h>

struct trace_view *view_new(struct budget *budget, const struct key_table *keys)
{
	struct trace_view *view = calloc(1, sizeof(*view));
	if (!view)
		return NULL;
	view->budget = budget;
	trace_index_init(&view->index, budget, keys);
	arena_init(&view->arena, budget, EDIT_ARENA_BYTES_MAX);
	return view;
}

void view_free(struct trace_view *view)
{
	if (!view)
		return;
	edit_fini(view);
	trace_index_fini(&view->index);
	free(view);
}

int view_use_patterns(struct trace_view *view, struct err *err)
{
	return trace_index_use_patterns(&view->index, err);
}

static int begin_or_close(struct trace_view *view, struct err *err)
{
	view->flags_cleared = view->parents_known = false;
	if (view_begin(view, err) == 0)
		return 0;
	view_close(view);
	return -1;
}

int view_open(struct trace_view *view, struct slice body, struct err *err)
{
	if (trace_index_build(&view->index, body, err) == 0)
		return begin_or_close(view, err);
	view_close(view); /* what had been built until then */
	return -1;
}

int view_open_chunk(struct trace_view *view, const struct chunk *body, struct err *err)
{
	if (trace_index_rebuild(&view->index, body, err) == 0)
		return begin_or_close(view, err);
	view_close(view);
	return -1;
}

int view_begin(struct trace_view *view, struct err *err)
{
	return edit_reset(view, err);
}

void view_close(struct trace_view *view)
{
	trace_index_release(&view->index);
	edit_trim(view);
}

void view_describe(const struct trace_view *view, uint32_t span_count, struct chunk *chunk)
{
	chunk->span_count = span_count;
	chunk->index_bytes =
		trace_index_bytes(&view->index) + view->added_count * sizeof(struct attr_entry);
	chunk->ids_usable = view->index.ids_usable && !view->zero_parent;
}

/* ---- what there is -------------------------------------------------------------------------- */

bool view_scope_live(const struct trace_view *view, uint32_t scope)
{
	struct view_range spans = view_scope_spans(view, scope);
	for (uint32_t i = 0; i < spans.count; i++) {
		if (view_span_live(view, spans.begin + i))
			return true;
	}
	return false;
}

bool view_resource_live(const struct trace_view *view, uint32_t resource)
{
	struct view_range scopes = view_resource_scopes(view, resource);
	for (uint32_t i = 0; i < scopes.count; i++) {
		if (view_scope_live(view, scopes.begin + i))
			return true;
	}
	return false;
}

/* ---- fields --------------------------------------------------------------------------------- */

struct slice view_edited_text(const struct trace_view *view, struct owner owner, uint32_t field,
			      struct range received)
{
	const struct fields *fields = view_edited_fields(view, owner, field);
	if (!fields)
		return index_slice(&view->index, received);
	if (owner.kind == OWNER_SCOPE && field == SCOPE_VERSION)
		return fields->version;
	if ((owner.kind == OWNER_SPAN && field == SPAN_TRACE_STATE) || owner.kind == OWNER_LINK)
		return fields->trace_state;
	return fields->name;
}

struct slice view_edited_parent(const struct trace_view *view, uint32_t span)
{
	const struct fields *fields =
		view_edited_fields(view, (struct owner){OWNER_SPAN, span}, SPAN_PARENT_SPAN_ID);
	return fields ? fields->parent_id
		      : index_id(&view->index, view->index.spans[span].parent_span_id_off,
				 SPAN_ID_BYTES);
}

int32_t view_edited_status_code(const struct trace_view *view, uint32_t span)
{
	const struct fields *fields =
		view_edited_fields(view, (struct owner){OWNER_SPAN, span}, SPAN_STATUS);
	return fields ? fields->status_code : view->index.spans[span].status_code;
}

struct slice view_edited_status_message(const struct trace_view *view, uint32_t span)
{
	const struct fields *fields =
		view_edited_fields(view, (struct owner){OWNER_SPAN, span}, SPAN_STATUS);
	return fields ? fields->status_message
		      : index_slice(&view->index, view->index.spans[span].status_message);
}

struct slice view_schema_url(const struct trace_view *view, struct owner owner)
{
	if (view_has_flag(view, owner, FLAG_NO_SCHEMA_URL))
		return (struct slice){NULL, 0};
	return index_slice(&view->index, owner.kind == OWNER_SCOPE
						 ? view->index.scopes[owner.at].schema_url
						 : view->index.resources[owner.at].schema_url);
}

static struct range message_of(const struct trace_index *index, struct owner owner)
{
	switch (owner.kind) {
	case OWNER_RESOURCE: return index->resources[owner.at].resource;
	case OWNER_SCOPE: return index->scopes[owner.at].scope;
	case OWNER_SPAN: return index->spans[owner.at].content;
	case OWNER_EVENT: return index->events[owner.at].content;
	case OWNER_LINK: return index->links[owner.at].content;
	case OWNER_KIND_COUNT: break;
	}
	return (struct range){0, 0};
}

static uint32_t scan(const struct trace_view *view, struct owner owner, uint32_t number)
{
	struct range message = message_of(&view->index, owner);
	return message.off == 0 ? 0 : (uint32_t)index_scan_number(&view->index, message, number);
}

uint32_t view_link_flags(const struct trace_view *view, uint32_t link)
{
	return scan(view, (struct owner){OWNER_LINK, link}, LINK_FLAGS);
}

uint32_t view_dropped_attributes(const struct trace_view *view, struct owner owner)
{
	static const uint32_t numbers[OWNER_KIND_COUNT] = {
		[OWNER_RESOURCE] = RESOURCE_DROPPED_ATTRIBUTES_COUNT,
		[OWNER_SCOPE] = SCOPE_DROPPED_ATTRIBUTES_COUNT,
		[OWNER_SPAN] = SPAN_DROPPED_ATTRIBUTES_COUNT,
		[OWNER_EVENT] = EVENT_DROPPED_ATTRIBUTES_COUNT,
		[OWNER_LINK] = LINK_DROPPED_ATTRIBUTES_COUNT,
	};
	return scan(view, owner, numbers[owner.kind]);
}

uint32_t view_dropped_events(const struct trace_view *view, uint32_t span)
{
	return scan(view, (struct owner){OWNER_SPAN, span}, SPAN_DROPPED_EVENTS_COUNT);
}

uint32_t view_dropped_links(const struct trace_view *view, uint32_t span)
{
	return scan(view, (struct owner){OWNER_SPAN, span}, SPAN_DROPPED_LINKS_COUNT);
}

/* ---- attributes ----------------------------------------------------------------------------- */

/* The added attribute number ${at}, NULL behind the last. */
static const struct added_attr *added_at(const struct trace_view *view, struct owner owner,
					 uint32_t at)
{
	const struct patch *patch = view_patch_of(view, owner);
	const struct added_attr *added = patch ? patch->first : NULL;
	while (added && at-- > 0)
		added = added->next;
	return added;
}

static struct attr_view view_of_added(const struct added_attr *added, uint32_t at)
{
	return (struct attr_view){.key = added->key,
				  .key_id = added->key_id,
				  .value_type = added->value.type,
				  .at = at,
				  .attr = VIEW_ATTR_ADDED,
				  .added = added};
}

uint32_t view_attr_places(const struct trace_view *view, struct owner owner)
{
	uint32_t places = view_attrs_of(&view->index, owner).count;
	for (const struct added_attr *added = added_at(view, owner, 0); added; added = added->next)
		places++;
	return places;
}

static const struct attr_view no_attr = {.at = VIEW_NO_ATTR};

struct attr_view view_edited_attr(const struct trace_view *view, struct owner owner, uint32_t at)
{
	struct attr_range attrs = view_attrs_of(&view->index, owner);
	uint32_t attr = attrs.begin + at;
	if (at >= attrs.count) {
		const struct added_attr *added = added_at(view, owner, at - attrs.count);
		return added && !added->removed ? view_of_added(added, at) : no_attr;
	}
	if (view->attr_flags[attr] & FLAG_DROPPED)
		return no_attr;
	bool revalued = view->attr_flags[attr] & FLAG_REVALUED;
	return (struct attr_view){
		.key = view_live_key(view, attr),
		.key_id = view_live_key_id(view, attr),
		.value_type = revalued ? view->rewrites[attr].value->type
				       : (enum value_type)view->index.attrs[attr].value_type,
		.at = at,
		.attr = attr};
}

struct attr_view view_next_added(const struct trace_view *view, struct owner owner, uint32_t at,
				 const struct added_attr *last)
{
	const struct added_attr *added = last ? last->next : added_at(view, owner, 0);
	for (; added; added = added->next, at++) {
		if (!added->removed)
			return view_of_added(added, at);
	}
	return no_attr;
}

struct value view_value_at(const struct trace_view *view, struct owner owner, uint32_t at)
{
	struct attr_range attrs = view_attrs_of(&view->index, owner);
	if (LIKELY(at < attrs.count))
		return view_live_value(view, attrs.begin + at);
	const struct added_attr *added = added_at(view, owner, at - attrs.count);
	return added ? added->value : (struct value){.type = VALUE_EMPTY};
}

struct value view_attr_value(const struct trace_view *view, struct owner owner,
			     const struct attr_view *attr)
{
	(void)owner;
	return LIKELY(attr->attr != VIEW_ATTR_ADDED) ? view_live_value(view, attr->attr)
						     : attr->added->value;
}

static bool find_added(const struct trace_view *view, struct owner owner, key_id id,
		       struct value *ret_value)
{
	const struct patch *patch = view_patch_of(view, owner);
	for (const struct added_attr *added = patch ? patch->first : NULL; added;
	     added = added->next) {
		if (added->key_id == id && !added->removed) {
			*ret_value = added->value;
			return true;
		}
	}
	return false;
}

bool view_find_attr(const struct trace_view *view, struct owner owner, key_id id,
		    struct value *ret_value)
{
	struct attr_range attrs = {0};
	if (view_may_have_key(view, owner, id))
		attrs = view_attrs_of(&view->index, owner);
	for (uint32_t attr = attrs.begin; attr < attrs.begin + attrs.count; attr++) {
		if (view_live_key_id(view, attr) != id || (view->attr_flags[attr] & FLAG_DROPPED))
			continue;
		*ret_value = view_live_value(view, attr);
		return true;
	}
	/* What an edit added stands behind what was received. */
	return UNLIKELY(view_has_flag(view, owner, FLAG_PATCHED)) &&
	       find_added(view, owner, id, ret_value);
}
