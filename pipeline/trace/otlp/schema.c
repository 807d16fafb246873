/* SPDX-License-Identifier: Apache-2.0 */
/* The table, message by message, and looking a field up in it. */
#include "pipeline/trace/otlp/schema.h"

#include "pipeline/trace/value/field_numbers.h"

#define NUMBER(text, wire_type)                                                                    \
	{                                                                                          \
		text, wire_type, SCHEMA_SINGULAR, SCHEMA_NONE, 0                                   \
	}
#define TEXT(text)                                                                                 \
	{                                                                                          \
		text, WIRE_LEN, SCHEMA_SINGULAR, SCHEMA_NONE, 0                                    \
	}
#define TEXTS(text)                                                                                \
	{                                                                                          \
		text, WIRE_LEN, SCHEMA_REPEATED, SCHEMA_NONE, 0                                    \
	}
#define ONE(text, message)                                                                         \
	{                                                                                          \
		text, WIRE_LEN, SCHEMA_SINGULAR, message, 0                                        \
	}
#define MANY(text, message)                                                                        \
	{                                                                                          \
		text, WIRE_LEN, SCHEMA_REPEATED, message, 0                                        \
	}
#define MEMBER(text, wire_type, message)                                                           \
	{                                                                                          \
		text, wire_type, SCHEMA_ONEOF, message, 0                                          \
	}

static const struct {
	const char *name;
	struct schema_field fields[SCHEMA_NUMBER_MAX + 1];
} messages[SCHEMA_MESSAGE_COUNT] = {
	[SCHEMA_NONE] = {"none", {{0}}},
	[SCHEMA_EXPORT_REQUEST] = {"ExportTraceServiceRequest",
				   {[EXPORT_REQUEST_RESOURCE_SPANS] =
					    MANY("resource_spans", SCHEMA_RESOURCE_SPANS)}},
	[SCHEMA_RESOURCE_SPANS] = {"ResourceSpans",
				   {[RESOURCE_SPANS_RESOURCE] = ONE("resource", SCHEMA_RESOURCE),
				    [RESOURCE_SPANS_SCOPE_SPANS] =
					    MANY("scope_spans", SCHEMA_SCOPE_SPANS),
				    [RESOURCE_SPANS_SCHEMA_URL] = TEXT("schema_url")}},
	[SCHEMA_RESOURCE] = {"Resource",
			     {[RESOURCE_ATTRIBUTES] = MANY("attributes", SCHEMA_KEY_VALUE),
			      [RESOURCE_DROPPED_ATTRIBUTES_COUNT] =
				      NUMBER("dropped_attributes_count", WIRE_VARINT),
			      [RESOURCE_ENTITY_REFS] = MANY("entity_refs", SCHEMA_ENTITY_REF)}},
	[SCHEMA_ENTITY_REF] = {"EntityRef",
			       {[1] = TEXT("schema_url"),
				[2] = TEXT("type"),
				[3] = TEXTS("id_keys"),
				[4] = TEXTS("description_keys")}},
	[SCHEMA_SCOPE_SPANS] = {"ScopeSpans",
				{[SCOPE_SPANS_SCOPE] = ONE("scope", SCHEMA_SCOPE),
				 [SCOPE_SPANS_SPANS] = MANY("spans", SCHEMA_SPAN),
				 [SCOPE_SPANS_SCHEMA_URL] = TEXT("schema_url")}},
	[SCHEMA_SCOPE] = {"InstrumentationScope",
			  {[SCOPE_NAME] = TEXT("name"),
			   [SCOPE_VERSION] = TEXT("version"),
			   [SCOPE_ATTRIBUTES] = MANY("attributes", SCHEMA_KEY_VALUE),
			   [SCOPE_DROPPED_ATTRIBUTES_COUNT] =
				   NUMBER("dropped_attributes_count", WIRE_VARINT)}},
	[SCHEMA_SPAN] = {"Span",
			 {[SPAN_TRACE_ID] = TEXT("trace_id"),
			  [SPAN_SPAN_ID] = TEXT("span_id"),
			  [SPAN_TRACE_STATE] = TEXT("trace_state"),
			  [SPAN_PARENT_SPAN_ID] = TEXT("parent_span_id"),
			  [SPAN_NAME] = TEXT("name"),
			  [SPAN_KIND] = NUMBER("kind", WIRE_VARINT),
			  [SPAN_START_TIME_UNIX_NANO] =
				  NUMBER("start_time_unix_nano", WIRE_FIXED64),
			  [SPAN_END_TIME_UNIX_NANO] = NUMBER("end_time_unix_nano", WIRE_FIXED64),
			  [SPAN_ATTRIBUTES] = MANY("attributes", SCHEMA_KEY_VALUE),
			  [SPAN_DROPPED_ATTRIBUTES_COUNT] =
				  NUMBER("dropped_attributes_count", WIRE_VARINT),
			  [SPAN_EVENTS] = MANY("events", SCHEMA_EVENT),
			  [SPAN_DROPPED_EVENTS_COUNT] = NUMBER("dropped_events_count", WIRE_VARINT),
			  [SPAN_LINKS] = MANY("links", SCHEMA_LINK),
			  [SPAN_DROPPED_LINKS_COUNT] = NUMBER("dropped_links_count", WIRE_VARINT),
			  [SPAN_STATUS] = ONE("status", SCHEMA_STATUS),
			  [SPAN_FLAGS] = NUMBER("flags", WIRE_FIXED32)}},
	[SCHEMA_EVENT] = {"Event",
			  {[EVENT_TIME_UNIX_NANO] = NUMBER("time_unix_nano", WIRE_FIXED64),
			   [EVENT_NAME] = TEXT("name"),
			   [EVENT_ATTRIBUTES] = MANY("attributes", SCHEMA_KEY_VALUE),
			   [EVENT_DROPPED_ATTRIBUTES_COUNT] =
				   NUMBER("dropped_attributes_count", WIRE_VARINT)}},
	[SCHEMA_LINK] = {"Link",
			 {[LINK_TRACE_ID] = TEXT("trace_id"),
			  [LINK_SPAN_ID] = TEXT("span_id"),
			  [LINK_TRACE_STATE] = TEXT("trace_state"),
			  [LINK_ATTRIBUTES] = MANY("attributes", SCHEMA_KEY_VALUE),
			  [LINK_DROPPED_ATTRIBUTES_COUNT] =
				  NUMBER("dropped_attributes_count", WIRE_VARINT),
			  [LINK_FLAGS] = NUMBER("flags", WIRE_FIXED32)}},
	[SCHEMA_STATUS] =
		{"Status",
		 {[STATUS_MESSAGE] = TEXT("message"), [STATUS_CODE] = NUMBER("code", WIRE_VARINT)}},
	[SCHEMA_KEY_VALUE] = {"KeyValue",
			      {[KEY_VALUE_KEY] = TEXT("key"),
			       [KEY_VALUE_VALUE] = ONE("value", SCHEMA_ANY_VALUE)}},
	[SCHEMA_ANY_VALUE] = {"AnyValue",
			      {[ANY_VALUE_STRING] = MEMBER("string_value", WIRE_LEN, SCHEMA_NONE),
			       [ANY_VALUE_BOOL] = MEMBER("bool_value", WIRE_VARINT, SCHEMA_NONE),
			       [ANY_VALUE_INT] = MEMBER("int_value", WIRE_VARINT, SCHEMA_NONE),
			       [ANY_VALUE_DOUBLE] =
				       MEMBER("double_value", WIRE_FIXED64, SCHEMA_NONE),
			       [ANY_VALUE_ARRAY] =
				       MEMBER("array_value", WIRE_LEN, SCHEMA_ARRAY_VALUE),
			       [ANY_VALUE_KVLIST] = MEMBER("kvlist_value", WIRE_LEN, SCHEMA_KVLIST),
			       [ANY_VALUE_BYTES] = MEMBER("bytes_value", WIRE_LEN, SCHEMA_NONE)}},
	[SCHEMA_ARRAY_VALUE] = {"ArrayValue",
				{[ARRAY_VALUE_VALUES] = MANY("values", SCHEMA_ANY_VALUE)}},
	[SCHEMA_KVLIST] = {"KeyValueList", {[KVLIST_VALUES] = MANY("values", SCHEMA_KEY_VALUE)}},
};

/* Before OTLP 0.15 scopes were instrumentation libraries: the same message under another number. */
static const struct schema_field instrumentation_library_spans = {
	"instrumentation_library_spans", WIRE_LEN, SCHEMA_REPEATED, SCHEMA_SCOPE_SPANS,
	RESOURCE_SPANS_SCOPE_SPANS};

const struct schema_field *schema_field(enum schema_message message, uint32_t number)
{
	if (message == SCHEMA_RESOURCE_SPANS && number == RESOURCE_SPANS_DEPRECATED_ILS)
		return &instrumentation_library_spans;
	if (number > SCHEMA_NUMBER_MAX)
		return NULL;
	const struct schema_field *field = &messages[message].fields[number];
	return field->name ? field : NULL;
}

const char *schema_message_name(enum schema_message message)
{
	return messages[message].name;
}
