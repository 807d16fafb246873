/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields under an edit other than attributes: names, status, ids, schema URLs; and taking out what
 * the schema does not know. That is rare work: it marks every element, so that encode looks into
 * all of them, and gives each attribute whose form could hide something a value of known fields.
 */
#include "pipeline/base/assert.h"
#include "pipeline/trace/otlp/edit_internal.h"

#include "pipeline/trace/otlp/schema.h"
#include "pipeline/trace/value/wire.h"

/* The replaced fields of ${owner}, made when there are none yet; NULL when memory is short. */
static struct fields *fields_for(struct trace_view *view, struct owner owner)
{
	struct patch *patch = edit_patch_for(view, owner);
	if (!patch)
		return NULL;
	if (!patch->fields) {
		patch->fields = arena_calloc(&view->arena, 1, sizeof(*patch->fields));
		if (!patch->fields)
			edit_fail(view);
	}
	return patch->fields;
}

struct range edit_find_field(const struct trace_index *index, struct range message, uint32_t number)
{
	struct slice content = index_slice(index, message);
	struct wire_reader reader = {content.ptr, content.ptr + content.len};
	struct wire_field field;
	while (reader.at < reader.end && wire_read_field(&reader, &field)) {
		if (field.number == number)
			return (struct range){(uint32_t)(field.start - index->body.ptr),
					      (uint32_t)(reader.at - field.start)};
	}
	return (struct range){0, 0};
}

static struct owner span_owner(uint32_t span)
{
	return (struct owner){OWNER_SPAN, span};
}

void edit_set_span_name(struct trace_view *view, uint32_t span, struct slice name)
{
	struct fields *fields = fields_for(view, span_owner(span));
	if (!fields)
		return;
	fields->name = edit_copy(view, name);
	fields->set |= FIELD_BIT(SPAN_NAME);
}

void edit_set_span_trace_state(struct trace_view *view, uint32_t span, struct slice trace_state)
{
	struct fields *fields = fields_for(view, span_owner(span));
	if (!fields)
		return;
	fields->trace_state = edit_copy(view, trace_state);
	fields->set |= FIELD_BIT(SPAN_TRACE_STATE);
}

static bool is_zeros(struct slice id)
{
	for (size_t i = 0; i < id.len; i++) {
		if (id.ptr[i] != 0)
			return false;
	}
	return id.len > 0;
}

void edit_set_span_parent(struct trace_view *view, uint32_t span, struct slice parent_id)
{
	ASSERT(parent_id.len == 0 || parent_id.len == SPAN_ID_BYTES);
	struct fields *fields = fields_for(view, span_owner(span));
	if (!fields)
		return;
	fields->parent_id = edit_copy(view, parent_id);
	view->zero_parent |= is_zeros(parent_id);
	view->parents_edited = true;
	fields->set |= FIELD_BIT(SPAN_PARENT_SPAN_ID);
}

void edit_set_span_status(struct trace_view *view, uint32_t span, int32_t code,
			  struct slice message)
{
	struct fields *fields = fields_for(view, span_owner(span));
	if (!fields)
		return;
	fields->status_message = edit_copy(view, message);
	fields->status_code = code;
	fields->set |= FIELD_BIT(SPAN_STATUS);
}

/* ---- what is around and in a span ---- */

void edit_set_scope_name(struct trace_view *view, uint32_t scope, struct slice name)
{
	struct fields *fields = fields_for(view, (struct owner){OWNER_SCOPE, scope});
	if (!fields)
		return;
	fields->name = edit_copy(view, name);
	fields->set |= FIELD_BIT(SCOPE_NAME);
}

void edit_set_scope_version(struct trace_view *view, uint32_t scope, struct slice version)
{
	struct fields *fields = fields_for(view, (struct owner){OWNER_SCOPE, scope});
	if (!fields)
		return;
	fields->version = edit_copy(view, version);
	fields->set |= FIELD_BIT(SCOPE_VERSION);
}

void edit_set_event_name(struct trace_view *view, uint32_t event, struct slice name)
{
	struct fields *fields = fields_for(view, (struct owner){OWNER_EVENT, event});
	if (!fields)
		return;
	fields->name = edit_copy(view, name);
	fields->set |= FIELD_BIT(EVENT_NAME);
}

void edit_set_link_trace_state(struct trace_view *view, uint32_t link, struct slice trace_state)
{
	struct fields *fields = fields_for(view, (struct owner){OWNER_LINK, link});
	if (!fields)
		return;
	fields->trace_state = edit_copy(view, trace_state);
	fields->set |= FIELD_BIT(LINK_TRACE_STATE);
}

void edit_drop_schema_url(struct trace_view *view, struct owner owner)
{
	ASSERT(owner.kind == OWNER_SCOPE || owner.kind == OWNER_RESOURCE);
	edit_mark(view, owner, FLAG_NO_SCHEMA_URL);
}

bool edit_drop_entity_refs(struct trace_view *view, uint32_t resource)
{
	struct range content = view->index.resources[resource].resource;
	if (edit_find_field(&view->index, content, RESOURCE_ENTITY_REFS).len == 0)
		return false;
	struct fields *fields = fields_for(view, (struct owner){OWNER_RESOURCE, resource});
	if (fields)
		fields->set |= FIELD_BIT(RESOURCE_ENTITY_REFS);
	return true;
}

/* ---- unknown fields ---- */

/* Status is the one message inside an element that no flag stands for. */
static bool status_has_unknown(const struct trace_index *index, const struct span_entry *span)
{
	struct slice content = index_slice(index, span->status);
	struct wire_reader reader = {content.ptr, content.ptr + content.len};
	struct wire_field field;
	while (reader.at < reader.end && wire_read_field(&reader, &field)) {
		if (!schema_field(SCHEMA_STATUS, field.number))
			return true;
	}
	return false;
}

/* Whether the KeyValue is just a key and a scalar value, as nearly all are. */
static bool attr_is_plain(const struct trace_index *index, const struct attr_entry *attr)
{
	size_t scalar = 0;
	struct value value = value_read(index_slice(index, attr->value));
	switch (value.type) {
	case VALUE_STRING:
	case VALUE_BYTES: scalar = 1 + wire_varint_size(value.bytes.len) + value.bytes.len; break;
	case VALUE_BOOL:
	case VALUE_INT: scalar = 1 + wire_varint_size((uint64_t)value.i); break;
	case VALUE_DOUBLE: scalar = 9; break;
	case VALUE_EMPTY: break;
	case VALUE_ARRAY:
	case VALUE_KVLIST:
	case VALUE_TYPE_COUNT: return false;
	}
	size_t pair = 1 + wire_varint_size(attr->key.len) + attr->key.len + 1 +
		      wire_varint_size(scalar) + scalar;
	return attr->key.off != 0 && attr->value.off != 0 && attr->value.len == scalar &&
	       attr->field.len == 1 + wire_varint_size(pair) + pair;
}

static void drop_unknown_of_attr(struct trace_view *view, uint32_t at)
{
	const struct attr_entry *attr = &view->index.attrs[at];
	struct owner owner = {(enum owner_kind)attr->owner_kind, attr->owner};
	if ((view->attr_flags[at] & (FLAG_DROPPED | FLAG_REVALUED)) ||
	    attr_is_plain(&view->index, attr))
		return;
	struct attr_view seen = {.attr = at, .key = view_live_key(view, at)};
	struct value value = view_live_value(view, at);
	if (value.type == VALUE_ARRAY || value.type == VALUE_KVLIST)
		edit_filter_value(view, owner, &seen, NULL, NULL, false);
	if (!(view->attr_flags[at] & FLAG_REVALUED))
		edit_replace_value(view, owner, at, value);
}

void edit_drop_unknown(struct trace_view *view)
{
	const struct trace_index *index = &view->index;
	view->known_only = true;
	for (unsigned kind = 0; kind < OWNER_KIND_COUNT; kind++) {
		uint32_t count = view_count_of(index, (enum owner_kind)kind);
		for (uint32_t at = 0; at < count; at++)
			edit_mark(view, (struct owner){(enum owner_kind)kind, at}, 0);
	}
	for (uint32_t at = 0; at < index->attr_count; at++)
		drop_unknown_of_attr(view, at);
	for (uint32_t span = 0; span < index->span_count; span++) {
		if (!view_edited_fields(view, span_owner(span), SPAN_STATUS) &&
		    status_has_unknown(index, &index->spans[span]))
			edit_set_span_status(view, span, index->spans[span].status_code,
					     index_slice(index, index->spans[span].status_message));
	}
	for (uint32_t resource = 0; resource < index->resource_count; resource++)
		(void)edit_drop_entity_refs(view, resource);
}
