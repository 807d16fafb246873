/* SPDX-License-Identifier: Apache-2.0 */
/* See json_encode.h. One function per message, keys in the order in which the Collector writes. */
#include "pipeline/trace/otlp_json/json_encode.h"

#include "pipeline/trace/json/json_writer.h"
#include "pipeline/trace/otlp/schema.h"
#include "pipeline/trace/value/value.h"

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

static void attributes_member(struct json_writer *writer, const struct trace_view *view,
			      struct owner owner)
{
	struct attr_view attr;
	struct attr_cursor cursor = view_attrs(view, owner);
	if (!view_next_attr(view, &cursor, &attr))
		return;
	json_write_key(writer, "attributes");
	json_write_open(writer, '[');
	do {
		write_key_value(writer, attr.key, view_attr_value(view, owner, &attr));
	} while (view_next_attr(view, &cursor, &attr));
	json_write_close(writer, ']');
}

/* ---- spans ---------------------------------------------------------------------------------- */

static void write_event(struct json_writer *writer, const struct trace_view *view, uint32_t at)
{
	const struct owner owner = {OWNER_EVENT, at};
	json_write_open(writer, '{');
	time_member(writer, "timeUnixNano", view_event_time_ns(view, at));
	text_member(writer, "name", view_event_name(view, at));
	attributes_member(writer, view, owner);
	count_member(writer, "droppedAttributesCount", view_dropped_attributes(view, owner));
	json_write_close(writer, '}');
}

static void write_link(struct json_writer *writer, const struct trace_view *view, uint32_t at)
{
	const struct owner owner = {OWNER_LINK, at};
	json_write_open(writer, '{');
	hex_member(writer, "traceId", view_link_trace_id(view, at));
	hex_member(writer, "spanId", view_link_span_id(view, at));
	text_member(writer, "traceState", view_link_trace_state(view, at));
	attributes_member(writer, view, owner);
	count_member(writer, "droppedAttributesCount", view_dropped_attributes(view, owner));
	count_member(writer, "flags", view_link_flags(view, at));
	json_write_close(writer, '}');
}

typedef void write_element(struct json_writer *writer, const struct trace_view *view, uint32_t at);
typedef bool is_live(const struct trace_view *view, uint32_t at);

/* The live ones of ${range} as the array ${name}; nothing when there are none. */
static void array_member(struct json_writer *writer, const struct trace_view *view,
			 const char *name, struct view_range range, is_live *live,
			 write_element *write)
{
	bool any = false;
	for (uint32_t at = range.begin; at < range.begin + range.count; at++) {
		if (!live(view, at))
			continue;
		if (!any) {
			json_write_key(writer, name);
			json_write_open(writer, '[');
		}
		any = true;
		write(writer, view, at);
	}
	if (any)
		json_write_close(writer, ']');
}

static void write_span(struct json_writer *writer, const struct trace_view *view, uint32_t at)
{
	const struct owner owner = {OWNER_SPAN, at};
	struct numbers numbers =
		read_numbers(index_slice(&view->index, view->index.spans[at].content));
	json_write_open(writer, '{');
	hex_member(writer, "traceId", view_span_trace_id(view, at));
	hex_member(writer, "spanId", view_span_id(view, at));
	text_member(writer, "traceState", view_span_trace_state(view, at));
	hex_member(writer, "parentSpanId", view_span_parent(view, at));
	count_member(writer, "flags", view_span_flags(view, at));
	text_member(writer, "name", view_span_name(view, at));
	enum_member(writer, "kind", view_span_kind(view, at));
	time_member(writer, "startTimeUnixNano", view_span_start_ns(view, at));
	time_member(writer, "endTimeUnixNano", view_span_end_ns(view, at));
	attributes_member(writer, view, owner);
	count_member(writer, "droppedAttributesCount", numbers.at[SPAN_DROPPED_ATTRIBUTES_COUNT]);
	array_member(writer, view, "events", view_span_events(view, at), view_event_live,
		     write_event);
	count_member(writer, "droppedEventsCount", numbers.at[SPAN_DROPPED_EVENTS_COUNT]);
	array_member(writer, view, "links", view_span_links(view, at), view_link_live, write_link);
	count_member(writer, "droppedLinksCount", numbers.at[SPAN_DROPPED_LINKS_COUNT]);
	json_write_key(writer, "status");
	json_write_open(writer, '{');
	text_member(writer, "message", view_span_status_message(view, at));
	enum_member(writer, "code", view_span_status_code(view, at));
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

static void resource_member(struct json_writer *writer, const struct trace_view *view, uint32_t at)
{
	const struct owner owner = {OWNER_RESOURCE, at};
	if (!view_has_resource(view, at) && view_attrs_untouched(view, owner))
		return;
	json_write_key(writer, "resource");
	json_write_open(writer, '{');
	attributes_member(writer, view, owner);
	count_member(writer, "droppedAttributesCount", view_dropped_attributes(view, owner));
	if (!view_edited_fields(view, owner, RESOURCE_ENTITY_REFS))
		entity_refs_member(writer, view_resource_bytes(view, at));
	json_write_close(writer, '}');
}

static void scope_member(struct json_writer *writer, const struct trace_view *view, uint32_t at)
{
	const struct owner owner = {OWNER_SCOPE, at};
	if (!view_has_scope(view, at) && view_attrs_untouched(view, owner))
		return;
	json_write_key(writer, "scope");
	json_write_open(writer, '{');
	text_member(writer, "name", view_scope_name(view, at));
	text_member(writer, "version", view_scope_version(view, at));
	attributes_member(writer, view, owner);
	count_member(writer, "droppedAttributesCount", view_dropped_attributes(view, owner));
	json_write_close(writer, '}');
}

/* What came without spans stays; what has lost all of its spans goes, as in trace_encode. */
static bool scope_stays(const struct trace_view *view, uint32_t at)
{
	return view_scope_spans(view, at).count == 0 || view_scope_live(view, at);
}

static bool resource_stays(const struct trace_view *view, uint32_t at)
{
	struct view_range scopes = view_resource_scopes(view, at);
	for (uint32_t i = 0; i < scopes.count; i++) {
		if (scope_stays(view, scopes.begin + i))
			return true;
	}
	return scopes.count == 0;
}

static void write_scope_spans(struct json_writer *writer, const struct trace_view *view,
			      uint32_t at)
{
	json_write_open(writer, '{');
	scope_member(writer, view, at);
	array_member(writer, view, "spans", view_scope_spans(view, at), view_span_live, write_span);
	text_member(writer, "schemaUrl", view_schema_url(view, (struct owner){OWNER_SCOPE, at}));
	json_write_close(writer, '}');
}

static void write_resource_spans(struct json_writer *writer, const struct trace_view *view,
				 uint32_t at)
{
	json_write_open(writer, '{');
	resource_member(writer, view, at);
	array_member(writer, view, "scopeSpans", view_resource_scopes(view, at), scope_stays,
		     write_scope_spans);
	text_member(writer, "schemaUrl", view_schema_url(view, (struct owner){OWNER_RESOURCE, at}));
	json_write_close(writer, '}');
}

int json_encode(const struct trace_view *view, struct chunk *out, uint64_t *ret_replaced,
		struct err *err)
{
	struct json_writer writer;
	json_writer_init(&writer, out);
	json_write_open(&writer, '{');
	json_write_key(&writer, "resourceSpans");
	json_write_open(&writer, '[');
	for (uint32_t at = 0; at < view_resource_count(view); at++) {
		if (resource_stays(view, at))
			write_resource_spans(&writer, view, at);
	}
	json_write_close(&writer, ']');
	json_write_close(&writer, '}');
	*ret_replaced += writer.replaced;
	if (!json_writer_finish(&writer))
		return err_set(err, ERR_NOMEM, "no memory for a request in JSON");
	return 0;
}
