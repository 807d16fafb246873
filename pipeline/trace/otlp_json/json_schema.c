/* SPDX-License-Identifier: Apache-2.0 */
/* The table, message by message. */
#include "pipeline/trace/otlp_json/json_schema.h"

#include "pipeline/trace/value/field_numbers.h"

#define NAMED(text) text, sizeof(text) - 1
/* clang-format off */
#define SCALAR(text, number, format) {NAMED(text), number, format, SCHEMA_NONE, false}
#define TEXTS(text, number) {NAMED(text), number, FORMAT_TEXT, SCHEMA_NONE, true}
#define ONE(text, number, message) {NAMED(text), number, FORMAT_MESSAGE, message, false}
#define MANY(text, number, message) {NAMED(text), number, FORMAT_MESSAGE, message, true}
/* clang-format on */

/* Each list in the order in which senders write. */
static const struct json_field export_request[] = {
	MANY("resourceSpans", EXPORT_REQUEST_RESOURCE_SPANS, SCHEMA_RESOURCE_SPANS),
};
static const struct json_field resource_spans[] = {
	ONE("resource", RESOURCE_SPANS_RESOURCE, SCHEMA_RESOURCE),
	MANY("scopeSpans", RESOURCE_SPANS_SCOPE_SPANS, SCHEMA_SCOPE_SPANS),
	SCALAR("schemaUrl", RESOURCE_SPANS_SCHEMA_URL, FORMAT_TEXT),
	/* Before OTLP 0.15; the Collector's own spelling of it. */
	MANY("instrumentationLibrarySpans", RESOURCE_SPANS_DEPRECATED_ILS, SCHEMA_SCOPE_SPANS),
	MANY("deprecatedScopeSpans", RESOURCE_SPANS_DEPRECATED_ILS, SCHEMA_SCOPE_SPANS),
};
static const struct json_field resource[] = {
	MANY("attributes", RESOURCE_ATTRIBUTES, SCHEMA_KEY_VALUE),
	SCALAR("droppedAttributesCount", RESOURCE_DROPPED_ATTRIBUTES_COUNT, FORMAT_UINT32),
	MANY("entityRefs", RESOURCE_ENTITY_REFS, SCHEMA_ENTITY_REF),
};
static const struct json_field entity_ref[] = {
	SCALAR("schemaUrl", ENTITY_REF_SCHEMA_URL, FORMAT_TEXT),
	SCALAR("type", ENTITY_REF_TYPE, FORMAT_TEXT),
	TEXTS("idKeys", ENTITY_REF_ID_KEYS),
	TEXTS("descriptionKeys", ENTITY_REF_DESCRIPTION_KEYS),
};
static const struct json_field scope_spans[] = {
	ONE("scope", SCOPE_SPANS_SCOPE, SCHEMA_SCOPE),
	MANY("spans", SCOPE_SPANS_SPANS, SCHEMA_SPAN),
	SCALAR("schemaUrl", SCOPE_SPANS_SCHEMA_URL, FORMAT_TEXT),
	ONE("instrumentationLibrary", SCOPE_SPANS_SCOPE, SCHEMA_SCOPE), /* before OTLP 0.15 */
};
static const struct json_field scope[] = {
	SCALAR("name", SCOPE_NAME, FORMAT_TEXT),
	SCALAR("version", SCOPE_VERSION, FORMAT_TEXT),
	MANY("attributes", SCOPE_ATTRIBUTES, SCHEMA_KEY_VALUE),
	SCALAR("droppedAttributesCount", SCOPE_DROPPED_ATTRIBUTES_COUNT, FORMAT_UINT32),
};
static const struct json_field span[] = {
	SCALAR("traceId", SPAN_TRACE_ID, FORMAT_TRACE_ID),
	SCALAR("spanId", SPAN_SPAN_ID, FORMAT_SPAN_ID),
	SCALAR("traceState", SPAN_TRACE_STATE, FORMAT_TEXT),
	SCALAR("parentSpanId", SPAN_PARENT_SPAN_ID, FORMAT_SPAN_ID),
	SCALAR("flags", SPAN_FLAGS, FORMAT_FIXED32),
	SCALAR("name", SPAN_NAME, FORMAT_TEXT),
	SCALAR("kind", SPAN_KIND, FORMAT_SPAN_KIND),
	SCALAR("startTimeUnixNano", SPAN_START_TIME_UNIX_NANO, FORMAT_FIXED64),
	SCALAR("endTimeUnixNano", SPAN_END_TIME_UNIX_NANO, FORMAT_FIXED64),
	MANY("attributes", SPAN_ATTRIBUTES, SCHEMA_KEY_VALUE),
	SCALAR("droppedAttributesCount", SPAN_DROPPED_ATTRIBUTES_COUNT, FORMAT_UINT32),
	MANY("events", SPAN_EVENTS, SCHEMA_EVENT),
	SCALAR("droppedEventsCount", SPAN_DROPPED_EVENTS_COUNT, FORMAT_UINT32),
	MANY("links", SPAN_LINKS, SCHEMA_LINK),
	SCALAR("droppedLinksCount", SPAN_DROPPED_LINKS_COUNT, FORMAT_UINT32),
	ONE("status", SPAN_STATUS, SCHEMA_STATUS),
};
static const struct json_field event[] = {
	SCALAR("timeUnixNano", EVENT_TIME_UNIX_NANO, FORMAT_FIXED64),
	SCALAR("name", EVENT_NAME, FORMAT_TEXT),
	MANY("attributes", EVENT_ATTRIBUTES, SCHEMA_KEY_VALUE),
	SCALAR("droppedAttributesCount", EVENT_DROPPED_ATTRIBUTES_COUNT, FORMAT_UINT32),
};
static const struct json_field link[] = {
	SCALAR("traceId", LINK_TRACE_ID, FORMAT_TRACE_ID),
	SCALAR("spanId", LINK_SPAN_ID, FORMAT_SPAN_ID),
	SCALAR("traceState", LINK_TRACE_STATE, FORMAT_TEXT),
	MANY("attributes", LINK_ATTRIBUTES, SCHEMA_KEY_VALUE),
	SCALAR("droppedAttributesCount", LINK_DROPPED_ATTRIBUTES_COUNT, FORMAT_UINT32),
	SCALAR("flags", LINK_FLAGS, FORMAT_FIXED32),
};
static const struct json_field status[] = {
	SCALAR("code", STATUS_CODE, FORMAT_STATUS_CODE),
	SCALAR("message", STATUS_MESSAGE, FORMAT_TEXT),
};
static const struct json_field key_value[] = {
	SCALAR("key", KEY_VALUE_KEY, FORMAT_TEXT),
	ONE("value", KEY_VALUE_VALUE, SCHEMA_ANY_VALUE),
};
static const struct json_field any_value[] = {
	SCALAR("stringValue", ANY_VALUE_STRING, FORMAT_TEXT),
	SCALAR("boolValue", ANY_VALUE_BOOL, FORMAT_BOOL),
	SCALAR("intValue", ANY_VALUE_INT, FORMAT_INT64),
	SCALAR("doubleValue", ANY_VALUE_DOUBLE, FORMAT_DOUBLE),
	ONE("arrayValue", ANY_VALUE_ARRAY, SCHEMA_ARRAY_VALUE),
	ONE("kvlistValue", ANY_VALUE_KVLIST, SCHEMA_KVLIST),
	SCALAR("bytesValue", ANY_VALUE_BYTES, FORMAT_BASE64),
};
static const struct json_field array_value[] = {
	MANY("values", ARRAY_VALUE_VALUES, SCHEMA_ANY_VALUE),
};
static const struct json_field kvlist[] = {
	MANY("values", KVLIST_VALUES, SCHEMA_KEY_VALUE),
};

#define FIELDS(table)                                                                              \
	{                                                                                          \
		table, ARRAY_COUNT(table)                                                          \
	}
static const struct {
	const struct json_field *at;
	uint8_t count;
} messages[SCHEMA_MESSAGE_COUNT] = {
	[SCHEMA_EXPORT_REQUEST] = FIELDS(export_request),
	[SCHEMA_RESOURCE_SPANS] = FIELDS(resource_spans),
	[SCHEMA_RESOURCE] = FIELDS(resource),
	[SCHEMA_ENTITY_REF] = FIELDS(entity_ref),
	[SCHEMA_SCOPE_SPANS] = FIELDS(scope_spans),
	[SCHEMA_SCOPE] = FIELDS(scope),
	[SCHEMA_SPAN] = FIELDS(span),
	[SCHEMA_EVENT] = FIELDS(event),
	[SCHEMA_LINK] = FIELDS(link),
	[SCHEMA_STATUS] = FIELDS(status),
	[SCHEMA_KEY_VALUE] = FIELDS(key_value),
	[SCHEMA_ANY_VALUE] = FIELDS(any_value),
	[SCHEMA_ARRAY_VALUE] = FIELDS(array_value),
	[SCHEMA_KVLIST] = FIELDS(kvlist),
};

static inline bool is_camel(const struct json_field *field, struct slice key)
{
	return field->name_len == key.len && memcmp(field->name, key.ptr, key.len) == 0;
}

static const struct json_field *find_snake(enum schema_message message, struct slice key)
{
	for (uint8_t i = 0; i < messages[message].count; i++) {
		const struct json_field *field = &messages[message].at[i];
		if (slice_equal(slice_str(schema_field(message, field->number)->name), key))
			return field;
	}
	return NULL;
}

const struct json_field *json_field_find(enum schema_message message, struct slice key,
					 uint8_t *hint)
{
	const struct json_field *fields = messages[message].at;
	uint8_t count = messages[message].count, at = *hint;
	for (uint8_t i = 0; i < count; i++, at++) {
		if (at >= count)
			at = 0;
		if (is_camel(&fields[at], key)) {
			*hint = (uint8_t)(at + 1);
			return &fields[at];
		}
	}
	return memchr(key.ptr, '_', key.len) ? find_snake(message, key) : NULL;
}
