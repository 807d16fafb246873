/* SPDX-License-Identifier: Apache-2.0 */
/* See json_encode.h. One function per message, keys in the order in which the Collector writes. */
#include "pipeline/trace/json_encode.h"

#include "pipeline/trace/json_writer.h"
#include "pipeline/trace/schema.h"
#include "pipeline/trace/value.h"

/* Numbers of a message by field number; 0 where there is none. */
struct numbers {
	uint64_t at[SCHEMA_NUMBER_MAX + 1];
};

/* The index keeps the hot fields alone; one more pass finds the rest. */
static struct numbers read_numbers(struct slice message)
{
	struct numbers numbers = {{0}};
	struct wire_reader reader = {message.ptr, message.ptr + message.len};
	struct wire_field field;
	while (reader.at < reader.end && wire_read_field(&reader, &field)) {
		if (field.type != WIRE_LEN && field.number <= SCHEMA_NUMBER_MAX)
			numbers.at[field.number] = field.value;
	}
	return numbers;
}

/* ---- members that are left out when they are empty ------------------------------------------ */

static void text_member(struct json_writer *writer, const char *name, struct slice text)
{
	if (text.len == 0)
		return;
	json_write_key(writer, name);
	json_write_text(writer, text);
}

static void hex_member(struct json_writer *writer, const char *name, struct slice id)
{
	if (id.len == 0)
		return;
	json_write_key(writer, name);
	json_write_hex(writer, id);
}

static void count_member(struct json_writer *writer, const char *name, uint64_t count)
{
	if ((uint32_t)count == 0)
		return;
	json_write_key(writer, name);
	json_write_u64(writer, (uint32_t)count);
}

static void enum_member(struct json_writer *writer, const char *name, int32_t number)
{
	if (number == 0)
		return;
	json_write_key(writer, name);
	json_write_i64(writer, number);
}

static void time_member(struct json_writer *writer, const char *name, uint64_t time_ns)
{
	if (time_ns == 0)
		return;
	json_write_key(writer, name);
	json_write_u64_text(writer, time_ns);
}

/* ---- values and attributes ------------------------------------------------------------------ */

/* The depth of a value is bounded, so this recursion is. */
static void write_value(struct json_writer *writer, struct value value);

static void write_key_value(struct json_writer *writer, struct slice key, struct value value)
{
	json_write_open(writer, '{');
	json_write_key(writer, "key");
	json_write_text(writer, key);
	json_write_key(writer, "value");
	write_value(writer, value);
	json_write_close(writer, '}');
}

static void write_values(struct json_writer *writer, struct value value)
{
	struct slice cursor = value.bytes, key;
	struct value item;
	json_write_open(writer, '{');
	json_write_key(writer, "values");
	json_write_open(writer, '[');
	if (value.type == VALUE_ARRAY) {
		while (value_next_item(&cursor, &item))
			write_value(writer, item);
	} else {
		while (value_next_pair(&cursor, &key, &item))
			write_key_value(writer, key, item);
	}
	json_write_close(writer, ']');
	json_write_close(writer, '}');
}

static void write_value(struct json_writer *writer, struct value value)
{
	json_write_open(writer, '{');
	switch (value.type) {
	case VALUE_EMPTY:
	case VALUE_TYPE_COUNT: break;
	case VALUE_STRING:
		json_write_key(writer, "stringValue");
		json_write_text(writer, value.bytes);
		break;
	case VALUE_BOOL:
		json_write_key(writer, "boolValue");
		json_write_true_false(writer, value.i != 0);
		break;
	case VALUE_INT:
		json_write_key(writer, "intValue");
		json_write_i64_text(writer, value.i);
		break;
	case VALUE_DOUBLE:
		json_write_key(writer, "doubleValue");
		json_write_double(writer, value.d);
		break;
	case VALUE_ARRAY:
		json_write_key(writer, "arrayValue");
		write_values(writer, value);
		break;
	case VALUE_KVLIST:
		json_write_key(writer, "kvlistValue");
		write_values(writer, value);
		break;
	case VALUE_BYTES:
		json_write_key(writer, "bytesValue");
		json_write_bytes(writer, value.bytes);
		break;
	}
	json_write_close(writer, '}');
}

static void attributes_member(struct json_writer *writer, const struct trace_index *index,
			      struct attr_range range)
{
	if (range.count == 0)
		return;
	json_write_key(writer, "attributes");
	json_write_open(writer, '[');
	for (uint32_t i = range.begin; i < range.begin + range.count; i++) {
		const struct attr_entry *attr = &index->attrs[i];
		write_key_value(writer, index_slice(index, attr->key),
				value_read(index_slice(index, attr->value)));
	}
	json_write_close(writer, ']');
}

/* ---- spans ---------------------------------------------------------------------------------- */

static void write_event(struct json_writer *writer, const struct trace_index *index,
			const struct event_entry *event)
{
	struct numbers numbers = read_numbers(index_slice(index, event->content));
	json_write_open(writer, '{');
	time_member(writer, "timeUnixNano", event->time_ns);
	text_member(writer, "name", index_slice(index, event->name));
	attributes_member(writer, index, event->attrs);
	count_member(writer, "droppedAttributesCount", numbers.at[EVENT_DROPPED_ATTRIBUTES_COUNT]);
	json_write_close(writer, '}');
}

static void write_link(struct json_writer *writer, const struct trace_index *index,
		       const struct link_entry *link)
{
	struct numbers numbers = read_numbers(index_slice(index, link->content));
	json_write_open(writer, '{');
	hex_member(writer, "traceId", index_slice(index, link->trace_id));
	hex_member(writer, "spanId", index_slice(index, link->span_id));
	text_member(writer, "traceState", index_slice(index, link->trace_state));
	attributes_member(writer, index, link->attrs);
	count_member(writer, "droppedAttributesCount", numbers.at[LINK_DROPPED_ATTRIBUTES_COUNT]);
	count_member(writer, "flags", numbers.at[LINK_FLAGS]);
	json_write_close(writer, '}');
}

static void events_member(struct json_writer *writer, const struct trace_index *index,
			  const struct span_entry *span)
{
	if (span->event_count == 0)
		return;
	json_write_key(writer, "events");
	json_write_open(writer, '[');
	for (uint32_t i = 0; i < span->event_count; i++)
		write_event(writer, index, &index->events[span->event_begin + i]);
	json_write_close(writer, ']');
}

static void links_member(struct json_writer *writer, const struct trace_index *index,
			 const struct span_entry *span)
{
	if (span->link_count == 0)
		return;
	json_write_key(writer, "links");
	json_write_open(writer, '[');
	for (uint32_t i = 0; i < span->link_count; i++)
		write_link(writer, index, &index->links[span->link_begin + i]);
	json_write_close(writer, ']');
}

static void write_span(struct json_writer *writer, const struct trace_index *index,
		       const struct span_entry *span)
{
	struct numbers numbers = read_numbers(index_slice(index, span->content));
	json_write_open(writer, '{');
	hex_member(writer, "traceId", index_id(index, span->trace_id_off, TRACE_ID_BYTES));
	hex_member(writer, "spanId", index_id(index, span->span_id_off, SPAN_ID_BYTES));
	text_member(writer, "traceState", index_slice(index, span->trace_state));
	hex_member(writer, "parentSpanId",
		   index_id(index, span->parent_span_id_off, SPAN_ID_BYTES));
	count_member(writer, "flags", span->flags);
	text_member(writer, "name", index_slice(index, span->name));
	enum_member(writer, "kind", span->kind);
	time_member(writer, "startTimeUnixNano", span->start_ns);
	time_member(writer, "endTimeUnixNano", span->end_ns);
	attributes_member(writer, index, span->attrs);
	count_member(writer, "droppedAttributesCount", numbers.at[SPAN_DROPPED_ATTRIBUTES_COUNT]);
	events_member(writer, index, span);
	count_member(writer, "droppedEventsCount", numbers.at[SPAN_DROPPED_EVENTS_COUNT]);
	links_member(writer, index, span);
	count_member(writer, "droppedLinksCount", numbers.at[SPAN_DROPPED_LINKS_COUNT]);
	json_write_key(writer, "status");
	json_write_open(writer, '{');
	text_member(writer, "message", index_slice(index, span->status_message));
	enum_member(writer, "code", span->status_code);
	json_write_close(writer, '}');
	json_write_close(writer, '}');
}

/* ---- resources and scopes ------------------------------------------------------------------- */

/* The texts ${number} of the entity reference ${message}. */
static void texts_member(struct json_writer *writer, const char *name, struct slice message,
			 uint32_t number)
{
	struct wire_reader reader = {message.ptr, message.ptr + message.len};
	struct wire_field field;
	bool any = false;
	while (reader.at < reader.end && wire_read_field(&reader, &field)) {
		if (field.number != number || field.type != WIRE_LEN)
			continue;
		if (!any) {
			json_write_key(writer, name);
			json_write_open(writer, '[');
		}
		any = true;
		json_write_text(writer, field.content);
	}
	if (any)
		json_write_close(writer, ']');
}

static void write_entity_ref(struct json_writer *writer, struct slice message)
{
	struct wire_reader reader = {message.ptr, message.ptr + message.len};
	struct wire_field field;
	json_write_open(writer, '{');
	while (reader.at < reader.end && wire_read_field(&reader, &field)) {
		if (field.type != WIRE_LEN)
			continue;
		if (field.number == ENTITY_REF_SCHEMA_URL)
			text_member(writer, "schemaUrl", field.content);
		else if (field.number == ENTITY_REF_TYPE)
			text_member(writer, "type", field.content);
	}
	texts_member(writer, "idKeys", message, ENTITY_REF_ID_KEYS);
	texts_member(writer, "descriptionKeys", message, ENTITY_REF_DESCRIPTION_KEYS);
	json_write_close(writer, '}');
}

static void entity_refs_member(struct json_writer *writer, struct slice message)
{
	struct wire_reader reader = {message.ptr, message.ptr + message.len};
	struct wire_field field;
	bool any = false;
	while (reader.at < reader.end && wire_read_field(&reader, &field)) {
		if (field.number != RESOURCE_ENTITY_REFS || field.type != WIRE_LEN)
			continue;
		if (!any) {
			json_write_key(writer, "entityRefs");
			json_write_open(writer, '[');
		}
		any = true;
		write_entity_ref(writer, field.content);
	}
	if (any)
		json_write_close(writer, ']');
}

static void resource_member(struct json_writer *writer, const struct trace_index *index,
			    const struct resource_entry *resource)
{
	if (resource->resource.off == 0)
		return;
	struct slice message = index_slice(index, resource->resource);
	struct numbers numbers = read_numbers(message);
	json_write_key(writer, "resource");
	json_write_open(writer, '{');
	attributes_member(writer, index, resource->attrs);
	count_member(writer, "droppedAttributesCount",
		     numbers.at[RESOURCE_DROPPED_ATTRIBUTES_COUNT]);
	entity_refs_member(writer, message);
	json_write_close(writer, '}');
}

static void scope_member(struct json_writer *writer, const struct trace_index *index,
			 const struct scope_entry *scope)
{
	if (scope->scope.off == 0)
		return;
	struct slice message = index_slice(index, scope->scope);
	struct numbers numbers = read_numbers(message);
	json_write_key(writer, "scope");
	json_write_open(writer, '{');
	text_member(writer, "name", index_slice(index, scope->name));
	text_member(writer, "version", index_slice(index, scope->version));
	attributes_member(writer, index, scope->attrs);
	count_member(writer, "droppedAttributesCount", numbers.at[SCOPE_DROPPED_ATTRIBUTES_COUNT]);
	json_write_close(writer, '}');
}

static void write_scope_spans(struct json_writer *writer, const struct trace_index *index,
			      const struct scope_entry *scope)
{
	json_write_open(writer, '{');
	scope_member(writer, index, scope);
	if (scope->span_count > 0) {
		json_write_key(writer, "spans");
		json_write_open(writer, '[');
		for (uint32_t i = 0; i < scope->span_count; i++)
			write_span(writer, index, &index->spans[scope->span_begin + i]);
		json_write_close(writer, ']');
	}
	text_member(writer, "schemaUrl", index_slice(index, scope->schema_url));
	json_write_close(writer, '}');
}

static void write_resource_spans(struct json_writer *writer, const struct trace_index *index,
				 const struct resource_entry *resource)
{
	json_write_open(writer, '{');
	resource_member(writer, index, resource);
	if (resource->scope_count > 0) {
		json_write_key(writer, "scopeSpans");
		json_write_open(writer, '[');
		for (uint32_t i = 0; i < resource->scope_count; i++)
			write_scope_spans(writer, index, &index->scopes[resource->scope_begin + i]);
		json_write_close(writer, ']');
	}
	text_member(writer, "schemaUrl", index_slice(index, resource->schema_url));
	json_write_close(writer, '}');
}

int json_encode(const struct trace_index *index, struct chunk *out, uint64_t *ret_replaced,
		struct err *err)
{
	struct json_writer writer;
	json_writer_init(&writer, out);
	json_write_open(&writer, '{');
	json_write_key(&writer, "resourceSpans");
	json_write_open(&writer, '[');
	for (uint32_t i = 0; i < index->resource_count; i++)
		write_resource_spans(&writer, index, &index->resources[i]);
	json_write_close(&writer, ']');
	json_write_close(&writer, '}');
	*ret_replaced += writer.replaced;
	if (!json_writer_finish(&writer))
		return err_set(err, ERR_NOMEM, "no memory for a request in JSON");
	return 0;
}
