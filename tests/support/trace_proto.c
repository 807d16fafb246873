/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/trace_proto.h"

#include <stdlib.h>

#define CHECK(name, condition)                                                                     \
	do {                                                                                       \
		if (!(condition))                                                                  \
			return name;                                                               \
	} while (0)

/* Scopes under their old number count in a resource that has none under the new one. */
static void migrate(Otlp__ResourceSpans *resource)
{
	if (resource->n_scope_spans == 0) {
		free(resource->scope_spans);
		resource->scope_spans = resource->instrumentation_library_spans;
		resource->n_scope_spans = resource->n_instrumentation_library_spans;
		resource->instrumentation_library_spans = NULL;
	}
	for (size_t i = 0; resource->instrumentation_library_spans &&
			   i < resource->n_instrumentation_library_spans;
	     i++)
		otlp__scope_spans__free_unpacked(resource->instrumentation_library_spans[i], NULL);
	free(resource->instrumentation_library_spans);
	resource->instrumentation_library_spans = NULL;
	resource->n_instrumentation_library_spans = 0;
}

trace_tree *trace_tree_parse(struct slice body)
{
	trace_tree *tree = otlp__export_trace_service_request__unpack(
		NULL, body.len, body.len > 0 ? body.ptr : (const uint8_t *)"");
	for (size_t i = 0; tree && i < tree->n_resource_spans; i++)
		migrate(tree->resource_spans[i]);
	return tree;
}

void trace_request_free(trace_tree *tree)
{
	otlp__export_trace_service_request__free_unpacked(tree, NULL);
}

bool trace_text_matches(const char *text, struct slice bytes)
{
	const uint8_t *nul = bytes.len > 0 ? memchr(bytes.ptr, 0, bytes.len) : NULL;
	if (nul)
		bytes.len = (size_t)(nul - bytes.ptr);
	return slice_equal(slice_str(text), bytes);
}

static bool bytes_match(ProtobufCBinaryData data, struct slice bytes)
{
	return slice_equal(slice_of(data.data, data.len), bytes);
}

static bool array_matches(const Otlp__ArrayValue *array, struct value value)
{
	struct slice cursor = value.bytes;
	struct value item;
	if (value_count(value) != array->n_values)
		return false;
	for (size_t i = 0; i < array->n_values; i++) {
		if (!value_next_item(&cursor, &item) ||
		    !trace_value_matches(array->values[i], item))
			return false;
	}
	return !value_next_item(&cursor, &item);
}

static bool map_matches(const Otlp__KeyValueList *map, struct value value)
{
	struct slice cursor = value.bytes, key;
	struct value item;
	if (value_count(value) != map->n_values)
		return false;
	for (size_t i = 0; i < map->n_values; i++) {
		if (!value_next_pair(&cursor, &key, &item) ||
		    !trace_text_matches(map->values[i]->key, key) ||
		    !trace_value_matches(map->values[i]->value, item))
			return false;
	}
	return !value_next_pair(&cursor, &key, &item);
}

bool trace_value_matches(const Otlp__AnyValue *any, struct value value)
{
	if (!any)
		return value.type == VALUE_EMPTY;
	switch (any->value_case) {
	case OTLP__ANY_VALUE__VALUE__NOT_SET: return value.type == VALUE_EMPTY;
	case OTLP__ANY_VALUE__VALUE_STRING_VALUE:
		return value.type == VALUE_STRING &&
		       trace_text_matches(any->string_value, value.bytes);
	case OTLP__ANY_VALUE__VALUE_BOOL_VALUE:
		return value.type == VALUE_BOOL && value.i == (any->bool_value != 0);
	case OTLP__ANY_VALUE__VALUE_INT_VALUE:
		return value.type == VALUE_INT && value.i == any->int_value;
	case OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE:
		return value.type == VALUE_DOUBLE &&
		       memcmp(&value.d, &any->double_value, sizeof(value.d)) == 0;
	case OTLP__ANY_VALUE__VALUE_ARRAY_VALUE:
		return value.type == VALUE_ARRAY && array_matches(any->array_value, value);
	case OTLP__ANY_VALUE__VALUE_KVLIST_VALUE:
		return value.type == VALUE_KVLIST && map_matches(any->kvlist_value, value);
	case OTLP__ANY_VALUE__VALUE_BYTES_VALUE:
		return value.type == VALUE_BYTES && bytes_match(any->bytes_value, value.bytes);
	case _OTLP__ANY_VALUE__VALUE__CASE_IS_INT_SIZE: break;
	}
	return false;
}

static const char *attrs_differ(const struct trace_index *index, struct attr_range range,
				enum owner_kind kind, uint32_t owner, size_t count,
				Otlp__KeyValue *const *attrs)
{
	CHECK("attribute count", range.count == count);
	CHECK("attribute range", range.begin + range.count <= index->attr_count);
	for (size_t i = 0; i < count; i++) {
		const struct attr_entry *attr = &index->attrs[range.begin + i];
		struct slice key = index_slice(index, attr->key);
		struct value value = value_read(index_slice(index, attr->value));
		CHECK("attribute key", trace_text_matches(attrs[i]->key, key));
		CHECK("attribute key id", attr->key_id == key_table_find(index->keys, key));
		CHECK("attribute value", trace_value_matches(attrs[i]->value, value));
		CHECK("attribute type", attr->value_type == value.type);
		CHECK("attribute presence", (attr->value.off == 0) == (attrs[i]->value == NULL));
		CHECK("attribute owner", attr->owner_kind == kind && attr->owner == owner);
	}
	return NULL;
}

static const char *event_differs(const struct trace_index *index, uint32_t at,
				 const Otlp__Span__Event *event)
{
	const struct event_entry *entry = &index->events[at];
	CHECK("event time", entry->time_ns == event->time_unix_nano);
	CHECK("event name", trace_text_matches(event->name, index_slice(index, entry->name)));
	CHECK("event dropped attributes",
	      (uint32_t)index_scan_number(index, entry->content, EVENT_DROPPED_ATTRIBUTES_COUNT) ==
		      event->dropped_attributes_count);
	return attrs_differ(index, entry->attrs, OWNER_EVENT, at, event->n_attributes,
			    event->attributes);
}

static const char *link_differs(const struct trace_index *index, uint32_t at,
				const Otlp__Span__Link *link)
{
	const struct link_entry *entry = &index->links[at];
	CHECK("link trace id", bytes_match(link->trace_id, index_slice(index, entry->trace_id)));
	CHECK("link span id", bytes_match(link->span_id, index_slice(index, entry->span_id)));
	CHECK("link trace state",
	      trace_text_matches(link->trace_state, index_slice(index, entry->trace_state)));
	CHECK("link dropped attributes",
	      (uint32_t)index_scan_number(index, entry->content, LINK_DROPPED_ATTRIBUTES_COUNT) ==
		      link->dropped_attributes_count);
	CHECK("link flags",
	      (uint32_t)index_scan_number(index, entry->content, LINK_FLAGS) == link->flags);
	return attrs_differ(index, entry->attrs, OWNER_LINK, at, link->n_attributes,
			    link->attributes);
}

static const char *status_differs(const struct trace_index *index, const struct span_entry *entry,
				  const Otlp__Status *status)
{
	CHECK("status presence", (entry->status.off == 0) == (status == NULL));
	if (!status)
		return NULL;
	CHECK("status code", entry->status_code == (int32_t)status->code);
	CHECK("status message",
	      trace_text_matches(status->message, index_slice(index, entry->status_message)));
	return NULL;
}

static const char *span_fields_differ(const struct trace_index *index, uint32_t at,
				      const Otlp__Span *span)
{
	const struct span_entry *entry = &index->spans[at];
	CHECK("trace id", bytes_match(span->trace_id, index_id(index, entry->trace_id_off, 16)));
	CHECK("span id", bytes_match(span->span_id, index_id(index, entry->span_id_off, 8)));
	CHECK("parent span id",
	      bytes_match(span->parent_span_id, index_id(index, entry->parent_span_id_off, 8)));
	CHECK("trace state",
	      trace_text_matches(span->trace_state, index_slice(index, entry->trace_state)));
	CHECK("span name", trace_text_matches(span->name, index_slice(index, entry->name)));
	CHECK("kind", entry->kind == (int32_t)span->kind);
	CHECK("start", entry->start_ns == span->start_time_unix_nano);
	CHECK("end", entry->end_ns == span->end_time_unix_nano);
	CHECK("flags", entry->flags == span->flags);
	CHECK("dropped attributes",
	      (uint32_t)index_scan_number(index, entry->content, SPAN_DROPPED_ATTRIBUTES_COUNT) ==
		      span->dropped_attributes_count);
	CHECK("dropped events",
	      (uint32_t)index_scan_number(index, entry->content, SPAN_DROPPED_EVENTS_COUNT) ==
		      span->dropped_events_count);
	CHECK("dropped links",
	      (uint32_t)index_scan_number(index, entry->content, SPAN_DROPPED_LINKS_COUNT) ==
		      span->dropped_links_count);
	return status_differs(index, entry, span->status);
}

static const char *span_differs(const struct trace_index *index, uint32_t at,
				const Otlp__Span *span)
{
	const struct span_entry *entry = &index->spans[at];
	const char *why = span_fields_differ(index, at, span);
	if (!why)
		why = attrs_differ(index, entry->attrs, OWNER_SPAN, at, span->n_attributes,
				   span->attributes);
	if (why)
		return why;
	uint64_t mask = 0;
	for (uint32_t i = 0; i < entry->attrs.count; i++)
		mask |= key_mask_bit(index->attrs[entry->attrs.begin + i].key_id);
	CHECK("key mask", mask == entry->key_mask);
	CHECK("event count", entry->event_count == span->n_events);
	for (uint32_t i = 0; !why && i < entry->event_count; i++) {
		CHECK("event's span", index->events[entry->event_begin + i].span == at);
		why = event_differs(index, entry->event_begin + i, span->events[i]);
	}
	CHECK("link count", entry->link_count == span->n_links);
	for (uint32_t i = 0; !why && i < entry->link_count; i++) {
		CHECK("link's span", index->links[entry->link_begin + i].span == at);
		why = link_differs(index, entry->link_begin + i, span->links[i]);
	}
	return why;
}

static const char *scope_differs(const struct trace_index *index, uint32_t at,
				 const Otlp__ScopeSpans *spans)
{
	const struct scope_entry *entry = &index->scopes[at];
	const Otlp__InstrumentationScope *scope = spans->scope;
	CHECK("scope presence", (entry->scope.off == 0) == (scope == NULL));
	CHECK("scope schema",
	      trace_text_matches(spans->schema_url, index_slice(index, entry->schema_url)));
	CHECK("span count", entry->span_count == spans->n_spans);
	const char *why = NULL;
	if (scope) {
		CHECK("scope name",
		      trace_text_matches(scope->name, index_slice(index, entry->name)));
		CHECK("scope version",
		      trace_text_matches(scope->version, index_slice(index, entry->version)));
		CHECK("scope dropped attributes",
		      (uint32_t)index_scan_number(index, entry->scope,
						  SCOPE_DROPPED_ATTRIBUTES_COUNT) ==
			      scope->dropped_attributes_count);
		why = attrs_differ(index, entry->attrs, OWNER_SCOPE, at, scope->n_attributes,
				   scope->attributes);
	}
	for (uint32_t i = 0; !why && i < entry->span_count; i++) {
		CHECK("span's scope", index->spans[entry->span_begin + i].scope == at);
		why = span_differs(index, entry->span_begin + i, spans->spans[i]);
	}
	return why;
}

static const char *resource_differs(const struct trace_index *index, uint32_t at,
				    const Otlp__ResourceSpans *spans)
{
	const struct resource_entry *entry = &index->resources[at];
	const Otlp__Resource *resource = spans->resource;
	CHECK("resource presence", (entry->resource.off == 0) == (resource == NULL));
	CHECK("resource schema",
	      trace_text_matches(spans->schema_url, index_slice(index, entry->schema_url)));
	CHECK("scope count", entry->scope_count == spans->n_scope_spans);
	const char *why = NULL;
	if (resource) {
		CHECK("resource dropped attributes",
		      (uint32_t)index_scan_number(index, entry->resource,
						  RESOURCE_DROPPED_ATTRIBUTES_COUNT) ==
			      resource->dropped_attributes_count);
		why = attrs_differ(index, entry->attrs, OWNER_RESOURCE, at, resource->n_attributes,
				   resource->attributes);
	}
	for (uint32_t i = 0; !why && i < entry->scope_count; i++) {
		CHECK("scope's resource", index->scopes[entry->scope_begin + i].resource == at);
		why = scope_differs(index, entry->scope_begin + i, spans->scope_spans[i]);
	}
	return why;
}

const char *trace_tree_differs(const trace_tree *tree, const struct trace_index *index)
{
	const char *why = NULL;
	CHECK("resource count", tree->n_resource_spans == index->resource_count);
	for (uint32_t i = 0; !why && i < index->resource_count; i++)
		why = resource_differs(index, i, tree->resource_spans[i]);
	return why;
}
