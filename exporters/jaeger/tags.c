/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts and tags of Jaeger's messages: an attribute is a tag of its value's type, and where OTLP has a
 * field Jaeger has a tag of ours. All of it lies in the mapping's arena; texts stay where they are
 * unless they have to be written anew.
 */
#include "exporters/jaeger/tags.h"

#include "pipeline/base/utf8.h"
#include "pipeline/trace/value/value.h"

const struct jaeger_tag_row jaeger_tag_rows[JAEGER_TAG_COUNT] = {
	[TAG_SCOPE_NAME] = {"otel.scope.name", "STRING", "the scope's name"},
	[TAG_SCOPE_VERSION] = {"otel.scope.version", "STRING", "the scope's version"},
	[TAG_SPAN_KIND] = {"span.kind", "STRING",
			   "kind: internal, server, client, producer, consumer"},
	[TAG_STATUS_CODE] = {"otel.status_code", "STRING", "status: OK or ERROR"},
	[TAG_ERROR] = {"error", "BOOL", "true when the status is ERROR"},
	[TAG_STATUS_DESCRIPTION] = {"otel.status_description", "STRING", "the status's message"},
	[TAG_TRACE_STATE] = {"w3c.tracestate", "STRING", "trace_state"},
	[TAG_EVENT] = {"event", "STRING", "an event's name, unless it has an attribute `event`"},
	[TAG_DROPPED_ATTRIBUTES] = {"otel.dropped_attributes_count", "INT64",
				    "dropped_attributes_count of resource, span and event"},
	[TAG_DROPPED_EVENTS] = {"otel.dropped_events_count", "INT64", "dropped_events_count"},
	[TAG_DROPPED_LINKS] = {"otel.dropped_links_count", "INT64", "dropped_links_count"},
};

/* ---- texts ---------------------------------------------------------------------------------- */

ProtobufCBinaryData jaeger_bytes(struct slice bytes)
{
	return (ProtobufCBinaryData){bytes.len, (uint8_t *)(uintptr_t)bytes.ptr};
}

/* What has been written into the scratch buffer, for as long as the arena. */
static struct slice keep_scratch(struct jaeger_mapping *mapping)
{
	struct slice kept = arena_copy(mapping->arena, buf_slice(mapping->text));
	if (mapping->text->failed || !kept.ptr)
		mapping->failed = true;
	return kept.ptr ? kept : SLICE("");
}

ProtobufCBinaryData jaeger_text(struct jaeger_mapping *mapping, struct slice bytes)
{
	if (utf8_valid(bytes))
		return jaeger_bytes(bytes);
	buf_reset(mapping->text);
	for (size_t at = 0; at < bytes.len;) {
		struct slice rest = {bytes.ptr + at, bytes.len - at};
		size_t len = utf8_sequence_len(rest);
		buf_append(mapping->text,
			   len > 0 ? slice_of(rest.ptr, len) : SLICE("\xef\xbf\xbd"));
		mapping->replaced += len == 0;
		at += len > 0 ? len : 1;
	}
	return jaeger_bytes(keep_scratch(mapping));
}

ProtobufCBinaryData jaeger_value_text(struct jaeger_mapping *mapping, struct value value)
{
	if (value.type == VALUE_STRING)
		return jaeger_text(mapping, value.bytes);
	buf_reset(mapping->text);
	value_append_text(mapping->text, value);
	return jaeger_bytes(keep_scratch(mapping));
}

/* ---- tags ----------------------------------------------------------------------------------- */

struct tags tags_new(struct jaeger_mapping *mapping, struct owner owner)
{
	size_t max = (size_t)view_attr_places(mapping->view, owner) + JAEGER_TAG_COUNT;
	return (struct tags){.at = jaeger_alloc(mapping, max, sizeof(Jaeger__KeyValue *))};
}

static Jaeger__KeyValue *tags_add(struct jaeger_mapping *mapping, struct tags *tags,
				  ProtobufCBinaryData key)
{
	Jaeger__KeyValue *tag =
		tags->at ? jaeger_alloc(mapping, 1, sizeof(Jaeger__KeyValue)) : NULL;
	if (!tag)
		return NULL;
	jaeger__key_value__init(tag);
	tag->key = key;
	tags->at[tags->count++] = tag;
	return tag;
}

Jaeger__KeyValue *tags_add_own(struct jaeger_mapping *mapping, struct tags *tags,
			       enum jaeger_tag which)
{
	return tags_add(mapping, tags, jaeger_bytes(slice_str(jaeger_tag_rows[which].key)));
}

void tags_add_text(struct jaeger_mapping *mapping, struct tags *tags, enum jaeger_tag which,
		   struct slice bytes)
{
	Jaeger__KeyValue *tag = bytes.len > 0 ? tags_add_own(mapping, tags, which) : NULL;
	if (tag)
		tag->v_str = jaeger_text(mapping, bytes);
}

void tags_add_count(struct jaeger_mapping *mapping, struct tags *tags, enum jaeger_tag which,
		    uint32_t count)
{
	Jaeger__KeyValue *tag = count > 0 ? tags_add_own(mapping, tags, which) : NULL;
	if (!tag)
		return;
	tag->v_type = JAEGER__KEY_VALUE__TYPE__INT64;
	tag->v_int64 = count;
}

void tags_add_attribute(struct jaeger_mapping *mapping, struct tags *tags, struct slice key,
			struct value value)
{
	Jaeger__KeyValue *tag = tags_add(mapping, tags, jaeger_text(mapping, key));
	if (!tag)
		return;
	switch (value.type) {
	case VALUE_BOOL:
		tag->v_type = JAEGER__KEY_VALUE__TYPE__BOOL;
		tag->v_bool = value.i != 0;
		break;
	case VALUE_INT:
		tag->v_type = JAEGER__KEY_VALUE__TYPE__INT64;
		tag->v_int64 = value.i;
		break;
	case VALUE_DOUBLE:
		tag->v_type = JAEGER__KEY_VALUE__TYPE__FLOAT64;
		tag->v_float64 = value.d;
		break;
	case VALUE_BYTES:
		tag->v_type = JAEGER__KEY_VALUE__TYPE__BINARY;
		tag->v_binary = jaeger_bytes(value.bytes);
		break;
	case VALUE_EMPTY:
	case VALUE_STRING:
	case VALUE_ARRAY:
	case VALUE_KVLIST:
	case VALUE_TYPE_COUNT: tag->v_str = jaeger_value_text(mapping, value); break;
	}
}

void tags_add_attributes(struct jaeger_mapping *mapping, struct tags *tags, struct owner owner)
{
	struct attr_view attr;
	for (struct attr_cursor cursor = view_attrs(mapping->view, owner);
	     view_next_attr(mapping->view, &cursor, &attr);) {
		struct slice key = attr.key;
		if (slice_equal(key, SLICE("http.response.status_code")))
			key = SLICE("http.status_code");
		tags_add_attribute(mapping, tags, key,
				   view_attr_value(mapping->view, owner, &attr));
	}
}
