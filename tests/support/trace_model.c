/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/trace_model.h"

#include "tests/support/trace_model_internal.h"

#include <stdlib.h>

/* Stands for the value of an attribute that was removed but keeps its place for its key. */
static Otlp__AnyValue removed_value;

Otlp__ResourceSpans *model_resource_at(struct trace_model *model, uint32_t at)
{
	return model->tree->resource_spans[at];
}

Otlp__ScopeSpans *model_scope_at(struct trace_model *model, uint32_t at)
{
	const struct scope_entry *scope = &model->index->scopes[at];
	const struct resource_entry *resource = &model->index->resources[scope->resource];
	return model_resource_at(model, scope->resource)->scope_spans[at - resource->scope_begin];
}

Otlp__Span **model_span_at(struct trace_model *model, uint32_t at)
{
	const struct span_entry *span = &model->index->spans[at];
	return &model_scope_at(model, span->scope)
			->spans[at - model->index->scopes[span->scope].span_begin];
}

Otlp__Span__Event **model_event_at(struct trace_model *model, uint32_t at)
{
	uint32_t span = model->index->events[at].span;
	return &(*model_span_at(model, span))->events[at - model->index->spans[span].event_begin];
}

Otlp__Span__Link **model_link_at(struct trace_model *model, uint32_t at)
{
	uint32_t span = model->index->links[at].span;
	return &(*model_span_at(model, span))->links[at - model->index->spans[span].link_begin];
}

struct attr_list {
	size_t *count;
	Otlp__KeyValue ***attrs;
};

static struct attr_list attrs_of(struct trace_model *model, struct owner owner, bool create)
{
	switch (owner.kind) {
	case OWNER_RESOURCE: {
		Otlp__ResourceSpans *spans = model_resource_at(model, owner.at);
		if (!spans->resource && create) {
			spans->resource = malloc(sizeof(*spans->resource));
			otlp__resource__init(spans->resource);
		}
		if (!spans->resource)
			return (struct attr_list){NULL, NULL};
		return (struct attr_list){&spans->resource->n_attributes,
					  &spans->resource->attributes};
	}
	case OWNER_SCOPE: {
		Otlp__ScopeSpans *spans = model_scope_at(model, owner.at);
		if (!spans->scope && create) {
			spans->scope = malloc(sizeof(*spans->scope));
			otlp__instrumentation_scope__init(spans->scope);
		}
		if (!spans->scope)
			return (struct attr_list){NULL, NULL};
		return (struct attr_list){&spans->scope->n_attributes, &spans->scope->attributes};
	}
	case OWNER_SPAN: {
		Otlp__Span *span = *model_span_at(model, owner.at);
		return (struct attr_list){&span->n_attributes, &span->attributes};
	}
	case OWNER_EVENT: {
		Otlp__Span__Event *event = *model_event_at(model, owner.at);
		return (struct attr_list){&event->n_attributes, &event->attributes};
	}
	case OWNER_LINK: {
		Otlp__Span__Link *link = *model_link_at(model, owner.at);
		return (struct attr_list){&link->n_attributes, &link->attributes};
	}
	case OWNER_KIND_COUNT: break;
	}
	return (struct attr_list){NULL, NULL};
}

static uint32_t received_count(const struct trace_index *index, struct owner owner)
{
	switch (owner.kind) {
	case OWNER_RESOURCE: return index->resources[owner.at].attrs.count;
	case OWNER_SCOPE: return index->scopes[owner.at].attrs.count;
	case OWNER_SPAN: return index->spans[owner.at].attrs.count;
	case OWNER_EVENT: return index->events[owner.at].attrs.count;
	case OWNER_LINK: return index->links[owner.at].attrs.count;
	case OWNER_KIND_COUNT: break;
	}
	return 0;
}

static bool attr_is_live(const Otlp__KeyValue *attr)
{
	return attr && attr->value != &removed_value;
}

static void drop_attr(Otlp__KeyValue **attr)
{
	if (*attr && (*attr)->value == &removed_value)
		(*attr)->value = NULL;
	if (*attr)
		otlp__key_value__free_unpacked(*attr, NULL);
	*attr = NULL;
}

void model_drop_span(struct trace_model *model, uint32_t span)
{
	Otlp__Span **at = model_span_at(model, span);
	model->changed = true;
	if (*at)
		(*at)->kind = (Otlp__Span__SpanKind)INT32_MIN; /* a mark; holes come at the end */
}

static bool span_is_live(const Otlp__Span *span)
{
	return (int32_t)span->kind != INT32_MIN;
}

bool model_span_is_live(const struct trace_model *model, uint32_t at)
{
	return span_is_live(*model_span_at((struct trace_model *)(uintptr_t)model, at));
}

void model_drop_resource(struct trace_model *model, uint32_t resource)
{
	model->changed = true;
	for (uint32_t i = 0; i < model->index->span_count; i++) {
		if (model->index->scopes[model->index->spans[i].scope].resource == resource)
			model_drop_span(model, i);
	}
}

static void close_attrs(struct trace_model *model, struct owner owner)
{
	struct attr_list list = attrs_of(model, owner, false);
	size_t kept = 0;
	for (size_t i = 0; list.count && i < *list.count; i++) {
		Otlp__KeyValue **attr = &(*list.attrs)[i];
		if (attr_is_live(*attr))
			(*list.attrs)[kept++] = *attr;
		else
			drop_attr(attr);
	}
	if (list.count)
		*list.count = kept;
}

void model_drop_event(struct trace_model *model, uint32_t event)
{
	Otlp__Span__Event **at = model_event_at(model, event);
	model->changed = true;
	if (!*at)
		return;
	close_attrs(model, (struct owner){OWNER_EVENT, event});
	protobuf_c_message_free_unpacked(&(*at)->base, NULL);
	*at = NULL;
}

void model_drop_link(struct trace_model *model, uint32_t link)
{
	Otlp__Span__Link **at = model_link_at(model, link);
	model->changed = true;
	if (!*at)
		return;
	close_attrs(model, (struct owner){OWNER_LINK, link});
	protobuf_c_message_free_unpacked(&(*at)->base, NULL);
	*at = NULL;
}

/* True when ${owner} is an event or link that was dropped. */
static bool owner_is_gone(struct trace_model *model, struct owner owner)
{
	if (owner.kind == OWNER_EVENT)
		return *model_event_at(model, owner.at) == NULL;
	return owner.kind == OWNER_LINK && *model_link_at(model, owner.at) == NULL;
}

static Otlp__KeyValue **received_attr(struct trace_model *model, uint32_t attr)
{
	const struct attr_entry *entry = &model->index->attrs[attr];
	struct owner owner = {(enum owner_kind)entry->owner_kind, entry->owner};
	if (owner_is_gone(model, owner))
		return NULL;
	uint32_t first = attr;
	while (first > 0 && model->index->attrs[first - 1].owner == entry->owner &&
	       model->index->attrs[first - 1].owner_kind == entry->owner_kind)
		first--;
	return &(*attrs_of(model, owner, false).attrs)[attr - first];
}

void model_drop_attr(struct trace_model *model, uint32_t attr)
{
	Otlp__KeyValue **at = received_attr(model, attr);
	model->changed = true;
	if (at)
		drop_attr(at);
}

void model_rename_attr(struct trace_model *model, uint32_t attr, const char *key)
{
	Otlp__KeyValue **at = received_attr(model, attr);
	if (!at || !*at)
		return;
	model->changed = true;
	model_set_text(&(*at)->key, key);
}

/* Those of the key among the received ones, or the added ones, or both. */
static void remove_key(struct trace_model *model, struct owner owner, const char *key,
		       bool received_too)
{
	if (owner_is_gone(model, owner))
		return;
	struct attr_list list = attrs_of(model, owner, false);
	uint32_t received = received_count(model->index, owner);
	for (size_t i = received_too ? 0 : received; list.count && i < *list.count; i++) {
		Otlp__KeyValue **attr = &(*list.attrs)[i];
		if (!attr_is_live(*attr) || strcmp((*attr)->key, key) != 0)
			continue;
		model->changed = true;
		if (i < received) {
			drop_attr(attr);
		} else {
			otlp__any_value__free_unpacked((*attr)->value, NULL);
			(*attr)->value = &removed_value;
		}
	}
}

void model_remove_attr(struct trace_model *model, struct owner owner, const char *key)
{
	remove_key(model, owner, key, true);
}

void model_remove_added(struct trace_model *model, struct owner owner, const char *key)
{
	remove_key(model, owner, key, false);
}

static Otlp__AnyValue *make_any(struct value value)
{
	Otlp__AnyValue *any = malloc(sizeof(*any));
	otlp__any_value__init(any);
	switch (value.type) {
	case VALUE_STRING:
		any->value_case = OTLP__ANY_VALUE__VALUE_STRING_VALUE;
		any->string_value = strndup((const char *)value.bytes.ptr, value.bytes.len);
		break;
	case VALUE_INT:
		any->value_case = OTLP__ANY_VALUE__VALUE_INT_VALUE;
		any->int_value = value.i;
		break;
	case VALUE_DOUBLE:
		any->value_case = OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE;
		any->double_value = value.d;
		break;
	case VALUE_BOOL:
		any->value_case = OTLP__ANY_VALUE__VALUE_BOOL_VALUE;
		any->bool_value = (protobuf_c_boolean)value.i;
		break;
	case VALUE_ARRAY:
		any->value_case = OTLP__ANY_VALUE__VALUE_ARRAY_VALUE;
		any->array_value =
			otlp__array_value__unpack(NULL, value.bytes.len, value.bytes.ptr);
		break;
	case VALUE_KVLIST:
		any->value_case = OTLP__ANY_VALUE__VALUE_KVLIST_VALUE;
		any->kvlist_value =
			otlp__key_value_list__unpack(NULL, value.bytes.len, value.bytes.ptr);
		break;
	case VALUE_BYTES:
		any->value_case = OTLP__ANY_VALUE__VALUE_BYTES_VALUE;
		any->bytes_value.len = value.bytes.len;
		any->bytes_value.data = malloc(value.bytes.len + 1);
		memcpy(any->bytes_value.data, value.bytes.ptr, value.bytes.len);
		break;
	case VALUE_EMPTY:
	case VALUE_TYPE_COUNT: break;
	}
	return any;
}

void model_revalue_attr(struct trace_model *model, uint32_t attr, struct value value)
{
	Otlp__KeyValue **at = received_attr(model, attr);
	if (!at || !*at)
		return;
	model->changed = true;
	otlp__any_value__free_unpacked((*at)->value, NULL);
	(*at)->value = make_any(value);
	/* Written anew, with the fields that we know. */
	for (unsigned i = 0; i < (*at)->base.n_unknown_fields; i++)
		free((*at)->base.unknown_fields[i].data);
	free((*at)->base.unknown_fields);
	(*at)->base.unknown_fields = NULL;
	(*at)->base.n_unknown_fields = 0;
}

void model_set_attr(struct trace_model *model, struct owner owner, const char *key,
		    struct value value)
{
	if (owner_is_gone(model, owner))
		return;
	struct attr_list list = attrs_of(model, owner, true);
	uint32_t received = received_count(model->index, owner);
	Otlp__KeyValue *target = NULL;
	model->changed = true;
	for (size_t i = 0; i < *list.count; i++) {
		Otlp__KeyValue **attr = &(*list.attrs)[i];
		if (!*attr || strcmp((*attr)->key, key) != 0)
			continue;
		if (i < received)
			drop_attr(attr);
		else
			target = *attr;
	}
	if (!target) {
		*list.attrs = realloc(*list.attrs, (*list.count + 1) * sizeof(**list.attrs));
		target = malloc(sizeof(*target));
		otlp__key_value__init(target);
		target->key = strdup(key);
		(*list.attrs)[(*list.count)++] = target;
	} else if (target->value != &removed_value) {
		otlp__any_value__free_unpacked(target->value, NULL);
	}
	target->value = make_any(value);
}

const char *model_attrs_differ(const struct trace_model *model, const struct trace_view *view,
			       struct owner owner)
{
	struct trace_model *mutable = (struct trace_model *)(uintptr_t)model;
	if (owner_is_gone(mutable, owner))
		return NULL;
	struct attr_list list = attrs_of(mutable, owner, false);
	struct attr_view seen;
	struct attr_cursor cursor = view_attrs(view, owner);
	for (size_t i = 0; list.count && i < *list.count; i++) {
		const Otlp__KeyValue *attr = (*list.attrs)[i];
		if (!attr_is_live(attr))
			continue;
		if (!view_next_attr(view, &cursor, &seen))
			return "reader ends early";
		if (!trace_text_matches(attr->key, seen.key))
			return "key";
		if (!trace_value_matches(attr->value, view_attr_value(view, owner, &seen)))
			return "value";
		if (seen.key_id != key_table_find(model->index->keys, seen.key))
			return "key id";
	}
	return view_next_attr(view, &cursor, &seen) ? "reader goes on" : NULL;
}

uint32_t model_live_spans(const struct trace_model *model)
{
	uint32_t live = 0;
	for (uint32_t i = 0; i < model->index->span_count; i++)
		live += span_is_live(*model_span_at((struct trace_model *)(uintptr_t)model, i));
	return live;
}

/* ---- closing the holes ---- */

static void close_span(struct trace_model *model, uint32_t at)
{
	const struct span_entry *entry = &model->index->spans[at];
	Otlp__Span *span = *model_span_at(model, at);
	for (uint32_t i = 0; i < entry->event_count; i++) {
		if (span->events[i])
			close_attrs(model, (struct owner){OWNER_EVENT, entry->event_begin + i});
	}
	for (uint32_t i = 0; i < entry->link_count; i++) {
		if (span->links[i])
			close_attrs(model, (struct owner){OWNER_LINK, entry->link_begin + i});
	}
	size_t kept = 0;
	for (size_t i = 0; i < span->n_events; i++) {
		if (span->events[i])
			span->events[kept++] = span->events[i];
	}
	span->n_events = kept;
	kept = 0;
	for (size_t i = 0; i < span->n_links; i++) {
		if (span->links[i])
			span->links[kept++] = span->links[i];
	}
	span->n_links = kept;
	close_attrs(model, (struct owner){OWNER_SPAN, at});
}

static void close_scope(Otlp__ScopeSpans *scope)
{
	size_t kept = 0;
	for (size_t i = 0; i < scope->n_spans; i++) {
		if (span_is_live(scope->spans[i]))
			scope->spans[kept++] = scope->spans[i];
		else
			otlp__span__free_unpacked(scope->spans[i], NULL);
	}
	scope->n_spans = kept;
}

static void close_resource(Otlp__ResourceSpans *resource)
{
	size_t kept = 0;
	for (size_t i = 0; i < resource->n_scope_spans; i++) {
		close_scope(resource->scope_spans[i]);
		if (resource->scope_spans[i]->n_spans > 0)
			resource->scope_spans[kept++] = resource->scope_spans[i];
		else
			otlp__scope_spans__free_unpacked(resource->scope_spans[i], NULL);
	}
	resource->n_scope_spans = kept;
}

void model_finish(struct trace_model *model)
{
	for (uint32_t i = 0; i < model->index->span_count; i++)
		close_span(model, i);
	for (uint32_t i = 0; i < model->index->scope_count; i++)
		close_attrs(model, (struct owner){OWNER_SCOPE, i});
	for (uint32_t i = 0; i < model->index->resource_count; i++)
		close_attrs(model, (struct owner){OWNER_RESOURCE, i});
	trace_tree *tree = model->tree;
	size_t kept = 0;
	for (size_t i = 0; i < tree->n_resource_spans; i++) {
		close_resource(tree->resource_spans[i]);
		if (tree->resource_spans[i]->n_scope_spans > 0)
			tree->resource_spans[kept++] = tree->resource_spans[i];
		else
			otlp__resource_spans__free_unpacked(tree->resource_spans[i], NULL);
	}
	tree->n_resource_spans = kept;
}
