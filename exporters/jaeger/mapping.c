/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OTLP to Jaeger, as the Collector's translator maps it (and the OpenTelemetry specification,
 * "mapping to non-OTLP"), one function per message; tags.c makes the tags. tests/interop/jaeger compares the two on random
 * requests. Differences, each for a reason:
 *
 *   references  without both ids refer to nothing and are left out
 *   durations   within 0 .. INT64_MAX ns: beyond, Go cannot read the message
 *   times       after 2262 stay what they are
 *   names       a service.name that is no string is its text
 *   texts       U+FFFD for bytes that are not UTF-8, counted
 *   counts      of what senders dropped are tags; -0.0 is 0, which protobuf-c does not write
 *
 * Values are read through pipeline/trace/value/value.h, whose depth the index has checked.
 */
#include "exporters/jaeger/mapping.h"
#include "exporters/jaeger/tags.h"

#include "pipeline/base/clock.h"
#include "pipeline/trace/value/value.h"

static const char *const kind_words[] = {
	[SPAN_KIND_INTERNAL] = "internal", [SPAN_KIND_SERVER] = "server",
	[SPAN_KIND_CLIENT] = "client",	   [SPAN_KIND_PRODUCER] = "producer",
	[SPAN_KIND_CONSUMER] = "consumer",
};

#define SERVICE_NAME "service.name"

enum {
	ARENA_ROUNDING = 16, /* what the arena may add to each piece */
	FLAG_SAMPLED = 1,
};

/* One message and its place in its parent's array. */
#define MESSAGE_BYTES(type) (sizeof(type) + sizeof(type *) + ARENA_ROUNDING)

uint64_t jaeger_message_bytes(const struct trace_view *view)
{
	const uint64_t tag = MESSAGE_BYTES(Jaeger__KeyValue);
	const uint64_t reference = MESSAGE_BYTES(Jaeger__SpanRef);
	const uint64_t time = MESSAGE_BYTES(Jaeger__Timestamp);
	const uint64_t arrays = 3 * (uint64_t)ARENA_ROUNDING; /* tags, references, logs */
	return view_attr_count(view) * tag +
	       view_resource_count(view) * (MESSAGE_BYTES(Jaeger__Process) + tag + arrays) +
	       view_span_count(view) * (MESSAGE_BYTES(Jaeger__Span) + 2 * time + reference +
					JAEGER_TAG_COUNT * tag + arrays) +
	       view_event_count(view) * (MESSAGE_BYTES(Jaeger__Log) + time + 2 * tag + arrays) +
	       view_link_count(view) * reference;
}

void *jaeger_alloc(struct jaeger_mapping *mapping, size_t count, size_t size)
{
	void *memory = arena_calloc(mapping->arena, count, size);
	if (!memory)
		mapping->failed = true;
	return memory;
}

/* ---- the process ---------------------------------------------------------------------------- */

/* Sets *ret_value to the first attribute of that key; false when there is none. */
static bool find(const struct jaeger_mapping *mapping, struct owner owner, const char *key,
		 struct value *ret_value)
{
	struct attr_view attr;
	for (struct attr_cursor cursor = view_attrs(mapping->view, owner);
	     view_next_attr(mapping->view, &cursor, &attr);) {
		if (!slice_equal(attr.key, slice_str(key)))
			continue;
		*ret_value = view_attr_value(mapping->view, owner, &attr);
		return true;
	}
	return false;
}

static bool has_attributes(const struct jaeger_mapping *mapping, struct owner owner)
{
	struct attr_view attr;
	struct attr_cursor cursor = view_attrs(mapping->view, owner);
	return view_next_attr(mapping->view, &cursor, &attr);
}

/*
 * The sentinel means "no resource" to receivers, which then look at nothing else: it is the name
 * only where there are no attributes that could be lost. Jaeger itself says `empty-service-name`.
 */
static ProtobufCBinaryData service_name(struct jaeger_mapping *mapping, struct owner resource)
{
	struct value name;
	if (!has_attributes(mapping, resource))
		return jaeger_bytes(SLICE(JAEGER_NO_SERVICE_NAME));
	if (!find(mapping, resource, SERVICE_NAME, &name))
		return jaeger_bytes(SLICE(""));
	return jaeger_value_text(mapping, name);
}

Jaeger__Process *jaeger_map_process(struct jaeger_mapping *mapping, uint32_t resource)
{
	const struct owner owner = {OWNER_RESOURCE, resource};
	struct tags tags = tags_new(mapping, owner);
	Jaeger__Process *process = jaeger_alloc(mapping, 1, sizeof(*process));
	if (!process)
		return NULL;
	jaeger__process__init(process);
	process->service_name = service_name(mapping, owner);
	struct attr_view attr;
	for (struct attr_cursor cursor = view_attrs(mapping->view, owner);
	     view_next_attr(mapping->view, &cursor, &attr);) {
		if (!slice_equal(attr.key, SLICE(SERVICE_NAME)))
			tags_add_attribute(mapping, &tags, attr.key,
					   view_attr_value(mapping->view, owner, &attr));
	}
	tags_add_count(mapping, &tags, TAG_DROPPED_ATTRIBUTES,
		       view_dropped_attributes(mapping->view, owner));
	process->tags = tags.at;
	process->n_tags = tags.count;
	return process;
}

/* ---- the span ------------------------------------------------------------------------------- */

static ProtobufCBinaryData id(struct slice bytes, size_t len)
{
	static const uint8_t zeros[TRACE_ID_BYTES];
	return jaeger_bytes(bytes.len == len ? bytes : slice_of(zeros, len));
}

static bool is_zero(struct slice bytes)
{
	for (size_t i = 0; i < bytes.len; i++) {
		if (bytes.ptr[i])
			return false;
	}
	return true;
}

static Jaeger__Timestamp *map_time(struct jaeger_mapping *mapping, uint64_t time_ns)
{
	Jaeger__Timestamp *time = jaeger_alloc(mapping, 1, sizeof(*time));
	if (!time)
		return NULL;
	jaeger__timestamp__init(time);
	time->seconds = (int64_t)(time_ns / NS_PER_S);
	time->nanos = (int32_t)(time_ns % NS_PER_S);
	return time;
}

static Jaeger__Duration *map_duration(struct jaeger_mapping *mapping, uint32_t span)
{
	uint64_t start_ns = view_span_start_ns(mapping->view, span);
	uint64_t end_ns = view_span_end_ns(mapping->view, span);
	Jaeger__Duration *duration = jaeger_alloc(mapping, 1, sizeof(*duration));
	if (!duration)
		return NULL;
	uint64_t ns = end_ns > start_ns ? end_ns - start_ns : 0;
	if (ns > INT64_MAX)
		ns = INT64_MAX;
	jaeger__duration__init(duration);
	duration->seconds = (int64_t)(ns / NS_PER_S);
	duration->nanos = (int32_t)(ns % NS_PER_S);
	return duration;
}

static void add_reference(struct jaeger_mapping *mapping, Jaeger__Span *out, struct slice trace_id,
			  struct slice span_id, Jaeger__SpanRef__Type type)
{
	bool usable =
		trace_id.len == TRACE_ID_BYTES && span_id.len == SPAN_ID_BYTES && !is_zero(span_id);
	Jaeger__SpanRef *reference =
		usable ? jaeger_alloc(mapping, 1, sizeof(Jaeger__SpanRef)) : NULL;
	if (!reference)
		return;
	jaeger__span_ref__init(reference);
	reference->trace_id = jaeger_bytes(trace_id);
	reference->span_id = jaeger_bytes(span_id);
	reference->ref_type = type;
	out->references[out->n_references++] = reference;
}

/* A link follows from its span unless an attribute of OpenTracing's says that it is its child. */
static Jaeger__SpanRef__Type link_type(const struct jaeger_mapping *mapping, uint32_t link)
{
	struct value type;
	return find(mapping, (struct owner){OWNER_LINK, link}, "opentracing.ref_type", &type) &&
			       type.type == VALUE_STRING &&
			       slice_equal(type.bytes, SLICE("child_of"))
		       ? JAEGER__SPAN_REF__TYPE__CHILD_OF
		       : JAEGER__SPAN_REF__TYPE__FOLLOWS_FROM;
}

/* The parent comes first: Jaeger takes the first CHILD_OF for it. A link to the parent is no second
 * reference but says of which type the first one is. */
static void map_references(struct jaeger_mapping *mapping, uint32_t span, Jaeger__Span *out)
{
	const struct trace_view *view = mapping->view;
	struct view_range links = view_span_links(view, span);
	struct slice trace_id = view_span_trace_id(view, span);
	struct slice parent = view_span_parent(view, span);
	out->references = jaeger_alloc(mapping, 1 + (size_t)links.count, sizeof(Jaeger__SpanRef *));
	if (!out->references)
		return;
	add_reference(mapping, out, trace_id, parent, JAEGER__SPAN_REF__TYPE__CHILD_OF);
	Jaeger__SpanRef *first = out->n_references > 0 ? out->references[0] : NULL;
	for (uint32_t i = links.begin; i < links.begin + links.count; i++) {
		struct slice link_trace_id = view_link_trace_id(view, i);
		struct slice link_span_id = view_link_span_id(view, i);
		if (!view_link_live(view, i))
			continue;
		if (first && slice_equal(link_trace_id, trace_id) &&
		    slice_equal(link_span_id, parent))
			first->ref_type = link_type(mapping, i);
		else
			add_reference(mapping, out, link_trace_id, link_span_id,
				      link_type(mapping, i));
	}
}

static Jaeger__Log *map_event(struct jaeger_mapping *mapping, uint32_t event)
{
	const struct owner owner = {OWNER_EVENT, event};
	struct tags fields = tags_new(mapping, owner);
	Jaeger__Log *log = jaeger_alloc(mapping, 1, sizeof(*log));
	if (!log)
		return NULL;
	jaeger__log__init(log);
	log->timestamp = map_time(mapping, view_event_time_ns(mapping->view, event));
	struct value said;
	if (!find(mapping, owner, jaeger_tag_rows[TAG_EVENT].key, &said))
		tags_add_text(mapping, &fields, TAG_EVENT, view_event_name(mapping->view, event));
	tags_add_attributes(mapping, &fields, owner);
	tags_add_count(mapping, &fields, TAG_DROPPED_ATTRIBUTES,
		       view_dropped_attributes(mapping->view, owner));
	log->fields = fields.at;
	log->n_fields = fields.count;
	return log;
}

static void map_events(struct jaeger_mapping *mapping, uint32_t span, Jaeger__Span *out)
{
	struct view_range events = view_span_events(mapping->view, span);
	if (events.count == 0)
		return;
	out->logs = jaeger_alloc(mapping, events.count, sizeof(Jaeger__Log *));
	for (uint32_t i = events.begin; out->logs && i < events.begin + events.count; i++) {
		if (!view_event_live(mapping->view, i))
			continue;
		Jaeger__Log *log = map_event(mapping, i);
		if (!log)
			return;
		out->logs[out->n_logs++] = log;
	}
}

static void add_status(struct jaeger_mapping *mapping, struct tags *tags, uint32_t span)
{
	int32_t code = view_span_status_code(mapping->view, span);
	if (code == STATUS_CODE_OK)
		tags_add_text(mapping, tags, TAG_STATUS_CODE, SLICE("OK"));
	if (code == STATUS_CODE_ERROR) {
		tags_add_text(mapping, tags, TAG_STATUS_CODE, SLICE("ERROR"));
		Jaeger__KeyValue *error = tags_add_own(mapping, tags, TAG_ERROR);
		if (error) {
			error->v_type = JAEGER__KEY_VALUE__TYPE__BOOL;
			error->v_bool = true;
		}
	}
	tags_add_text(mapping, tags, TAG_STATUS_DESCRIPTION,
		      view_span_status_message(mapping->view, span));
}

static void map_tags(struct jaeger_mapping *mapping, uint32_t span, Jaeger__Span *out)
{
	const struct trace_view *view = mapping->view;
	const struct owner owner = {OWNER_SPAN, span};
	uint32_t scope = view_span_scope(view, span);
	int32_t kind = view_span_kind(view, span);
	struct tags tags = tags_new(mapping, owner);
	tags_add_text(mapping, &tags, TAG_SCOPE_NAME, view_scope_name(view, scope));
	tags_add_text(mapping, &tags, TAG_SCOPE_VERSION, view_scope_version(view, scope));
	tags_add_attributes(mapping, &tags, owner);
	if (kind > SPAN_KIND_UNSPECIFIED && kind < (int32_t)ARRAY_COUNT(kind_words))
		tags_add_text(mapping, &tags, TAG_SPAN_KIND, slice_str(kind_words[kind]));
	add_status(mapping, &tags, span);
	tags_add_text(mapping, &tags, TAG_TRACE_STATE, view_span_trace_state(view, span));
	tags_add_count(mapping, &tags, TAG_DROPPED_ATTRIBUTES,
		       view_dropped_attributes(view, owner));
	tags_add_count(mapping, &tags, TAG_DROPPED_EVENTS, view_dropped_events(view, span));
	tags_add_count(mapping, &tags, TAG_DROPPED_LINKS, view_dropped_links(view, span));
	out->tags = tags.at;
	out->n_tags = tags.count;
}

Jaeger__Span *jaeger_map_span(struct jaeger_mapping *mapping, uint32_t span)
{
	const struct trace_view *view = mapping->view;
	Jaeger__Span *out = jaeger_alloc(mapping, 1, sizeof(*out));
	if (!out)
		return NULL;
	jaeger__span__init(out);
	out->trace_id = id(view_span_trace_id(view, span), TRACE_ID_BYTES);
	out->span_id = id(view_span_id(view, span), SPAN_ID_BYTES);
	/* The only flag that both have, in the same place. */
	out->flags = view_span_flags(view, span) & FLAG_SAMPLED;
	out->operation_name = jaeger_text(mapping, view_span_name(view, span));
	out->start_time = map_time(mapping, view_span_start_ns(view, span));
	out->duration = map_duration(mapping, span);
	map_references(mapping, span, out);
	map_tags(mapping, span, out);
	map_events(mapping, span, out);
	return out;
}
