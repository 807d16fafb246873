/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encoding of what bears attributes: Resource, InstrumentationScope, Span, Event, Link. An element
 * is its received content minus cuts plus additions. Cuts are dropped or renamed attributes,
 * changed or dropped events and links, and replaced fields; they come in wire order, so that all
 * between them is copied in as few pieces as possible.
 */
#include "pipeline/trace/otlp/encode_internal.h"

#include "pipeline/trace/otlp/schema.h"

struct cut {
	struct range field;
	enum cut_kind { CUT_FIELD, CUT_ATTR, CUT_EVENT, CUT_LINK } kind;
	uint32_t at; /* index of the attribute, event or link */
};

/* The cuts of one element: four sorted lists that are merged. */
struct cuts {
	uint32_t attr, attr_end, event, event_end, link, link_end;
	struct range field;	   /* the next replaced or unknown field; len 0: no more */
	struct wire_reader fields; /* what comes after it */
	uint32_t replaced;	   /* 1 << number */
	enum schema_message message;
};

static enum schema_message message_of(enum owner_kind kind)
{
	static const uint8_t messages[OWNER_KIND_COUNT] = {
		[OWNER_RESOURCE] = SCHEMA_RESOURCE, [OWNER_SCOPE] = SCHEMA_SCOPE,
		[OWNER_SPAN] = SCHEMA_SPAN,	    [OWNER_EVENT] = SCHEMA_EVENT,
		[OWNER_LINK] = SCHEMA_LINK,
	};
	return (enum schema_message)messages[kind];
}

/* Steps to the next received field that was replaced or, where those go, is unknown. */
static void next_field(const struct trace_view *view, struct cuts *cuts)
{
	struct wire_field field;
	cuts->field = (struct range){UINT32_MAX, 0};
	while (cuts->fields.at < cuts->fields.end && wire_read_field(&cuts->fields, &field)) {
		bool known = field.number <= SCHEMA_NUMBER_MAX;
		if ((known && (cuts->replaced >> field.number & 1)) ||
		    (view->known_only && !schema_field(cuts->message, field.number))) {
			cuts->field = (struct range){(uint32_t)(field.start - view->index.body.ptr),
						     (uint32_t)(cuts->fields.at - field.start)};
			return;
		}
	}
}

static void cuts_begin(const struct trace_view *view, struct owner owner, struct range content,
		       const struct patch *patch, struct cuts *cuts)
{
	struct attr_range attrs = view_attrs_of(&view->index, owner);
	cuts->attr = attrs.begin;
	cuts->attr_end = attrs.begin + attrs.count;
	cuts->event = cuts->event_end = cuts->link = cuts->link_end = 0;
	cuts->fields = (struct wire_reader){NULL, NULL};
	cuts->field = (struct range){UINT32_MAX, 0};
	cuts->replaced = patch && patch->fields ? patch->fields->set : 0;
	if (UNLIKELY(cuts->replaced != 0 || view->known_only)) {
		struct slice bytes = index_slice(&view->index, content);
		cuts->fields = (struct wire_reader){bytes.ptr, bytes.ptr + bytes.len};
		cuts->message = message_of(owner.kind);
		next_field(view, cuts);
	}
	if (owner.kind != OWNER_SPAN)
		return;
	const struct span_entry *span = &view->index.spans[owner.at];
	cuts->event = span->event_begin;
	cuts->event_end = span->event_begin + span->event_count;
	cuts->link = span->link_begin;
	cuts->link_end = span->link_begin + span->link_count;
}

/* The first of [at, end) that bears a flag, ${end} when none does. */
static inline uint32_t next_flagged(const uint8_t *flags, uint32_t at, uint32_t end)
{
	while (end - at >= sizeof(uint64_t)) {
		uint64_t eight = le_read64(flags + at);
		if (eight != 0)
			return at + (uint32_t)__builtin_ctzll(eight) / 8;
		at += sizeof(eight);
	}
	while (at < end && flags[at] == 0)
		at++;
	return at;
}

static inline void take_earlier(struct cut *cut, struct range field, enum cut_kind kind,
				uint32_t at)
{
	if (field.off < cut->field.off)
		*cut = (struct cut){.field = field, .kind = kind, .at = at};
}

/* Sets ${cut} to the next one in wire order. False when there are no more. */
static inline bool cuts_next(const struct trace_view *view, struct cuts *cuts, struct cut *cut)
{
	const struct trace_index *index = &view->index;
	*cut = (struct cut){.field = {UINT32_MAX, 0}};
	cuts->attr = next_flagged(view->attr_flags, cuts->attr, cuts->attr_end);
	if (cuts->attr < cuts->attr_end)
		take_earlier(cut, index->attrs[cuts->attr].field, CUT_ATTR, cuts->attr);
	cuts->event = next_flagged(view->flags[OWNER_EVENT], cuts->event, cuts->event_end);
	if (cuts->event < cuts->event_end)
		take_earlier(cut, index->events[cuts->event].field, CUT_EVENT, cuts->event);
	cuts->link = next_flagged(view->flags[OWNER_LINK], cuts->link, cuts->link_end);
	if (cuts->link < cuts->link_end)
		take_earlier(cut, index->links[cuts->link].field, CUT_LINK, cuts->link);
	take_earlier(cut, cuts->field, CUT_FIELD, 0);
	if (cut->field.off == UINT32_MAX)
		return false;
	switch (cut->kind) {
	case CUT_ATTR: cuts->attr++; break;
	case CUT_EVENT: cuts->event++; break;
	case CUT_LINK: cuts->link++; break;
	case CUT_FIELD: next_field(view, cuts); break;
	}
	return true;
}

/* The number of the attributes field in the message of each kind of owner. */
static uint32_t attributes_number(enum owner_kind kind)
{
	static const uint8_t numbers[OWNER_KIND_COUNT] = {
		[OWNER_RESOURCE] = RESOURCE_ATTRIBUTES, [OWNER_SCOPE] = SCOPE_ATTRIBUTES,
		[OWNER_SPAN] = SPAN_ATTRIBUTES,		[OWNER_EVENT] = EVENT_ATTRIBUTES,
		[OWNER_LINK] = LINK_ATTRIBUTES,
	};
	return numbers[kind];
}

static size_t text_field_size(size_t len)
{
	return 1 + wire_varint_size(len) + len;
}

/* The content of the KeyValue ${attr}. */
static struct range content_of(const struct trace_index *index, uint32_t attr)
{
	struct range whole = index->attrs[attr].field;
	struct slice bytes = index_slice(index, whole);
	if (bytes.ptr[0] < 0x80 && bytes.ptr[1] < 0x80)
		return (struct range){whole.off + 2, whole.len - 2};
	struct wire_reader reader = {bytes.ptr, bytes.ptr + bytes.len};
	struct wire_field field = {0};
	(void)wire_read_field(&reader, &field); /* the index has checked it */
	return (struct range){(uint32_t)(field.content.ptr - index->body.ptr),
			      (uint32_t)field.content.len};
}

/* The field of the key in ${content} of ${attr}; {0, 0}: there is none. */
static struct range key_field_of(const struct trace_index *index, uint32_t attr,
				 struct range content)
{
	struct range key = index->attrs[attr].key;
	const uint8_t *begin = index->body.ptr + key.off;
	/* Tag and length mostly take one byte each. */
	if (key.len > 0 && key.len < 0x80 && key.off >= content.off + 2 && begin[-1] == key.len &&
	    begin[-2] == wire_tag(KEY_VALUE_KEY, WIRE_LEN))
		return (struct range){key.off - 2, key.len + 2};
	return edit_find_field(index, content, KEY_VALUE_KEY);
}

/* A renamed attribute: the new key, then all that the KeyValue held besides the old one. */
static void put_renamed(struct sink *sink, enum owner_kind kind, uint32_t attr)
{
	const struct trace_index *index = &sink->view->index;
	struct slice key = sink->view->rewrites[attr].key;
	struct range content = content_of(index, attr);
	struct range old = key_field_of(index, attr, content);
	sink_varint(sink, wire_tag(attributes_number(kind), WIRE_LEN));
	sink_varint(sink, text_field_size(key.len) + content.len - old.len);
	sink_text(sink, KEY_VALUE_KEY, key);
	uint32_t end = content.off + content.len;
	if (old.len == 0)
		old.off = end;
	sink_keep(sink, content.off, old.off - content.off);
	sink_keep(sink, old.off + old.len, end - (old.off + old.len));
}

static size_t any_value_size(const struct value *value)
{
	switch (value->type) {
	case VALUE_STRING:
	case VALUE_BYTES:
	case VALUE_ARRAY:
	case VALUE_KVLIST: return text_field_size(value->bytes.len);
	case VALUE_BOOL: return 2;
	case VALUE_INT: return 1 + wire_varint_size((uint64_t)value->i);
	case VALUE_DOUBLE: return 9;
	case VALUE_EMPTY:
	case VALUE_TYPE_COUNT: break;
	}
	return 0;
}

static void put_any_value(struct sink *sink, const struct value *value)
{
	uint8_t fixed[8];
	switch (value->type) {
	case VALUE_STRING: sink_text(sink, ANY_VALUE_STRING, value->bytes); return;
	case VALUE_BYTES: sink_text(sink, ANY_VALUE_BYTES, value->bytes); return;
	case VALUE_ARRAY: sink_text(sink, ANY_VALUE_ARRAY, value->bytes); return;
	case VALUE_KVLIST: sink_text(sink, ANY_VALUE_KVLIST, value->bytes); return;
	case VALUE_BOOL:
		sink_varint(sink, wire_tag(ANY_VALUE_BOOL, WIRE_VARINT));
		sink_varint(sink, value->i != 0);
		return;
	case VALUE_INT:
		sink_varint(sink, wire_tag(ANY_VALUE_INT, WIRE_VARINT));
		sink_varint(sink, (uint64_t)value->i);
		return;
	case VALUE_DOUBLE:
		sink_varint(sink, wire_tag(ANY_VALUE_DOUBLE, WIRE_FIXED64));
		le_write_double(fixed, value->d);
		sink_put(sink, fixed, sizeof(fixed));
		return;
	case VALUE_EMPTY:
	case VALUE_TYPE_COUNT: return;
	}
}

static void put_attr(struct sink *sink, enum owner_kind kind, struct slice key,
		     const struct value *value)
{
	size_t value_size = any_value_size(value);
	size_t content = text_field_size(key.len) + text_field_size(value_size);
	if (sink_measures(sink)) {
		sink->bytes += text_field_size(content);
		return;
	}
	sink_varint(sink, wire_tag(attributes_number(kind), WIRE_LEN));
	sink_varint(sink, content);
	sink_text(sink, KEY_VALUE_KEY, key);
	sink_varint(sink, wire_tag(KEY_VALUE_VALUE, WIRE_LEN));
	sink_varint(sink, value_size);
	put_any_value(sink, value);
}

/* An attribute with another value: written anew, so that nothing else of it is left. */
static void put_revalued(struct sink *sink, enum owner_kind kind, uint32_t attr)
{
	const struct trace_view *view = sink->view;
	const struct rewrite *rewrite = &view->rewrites[attr];
	struct slice key = view->attr_flags[attr] & FLAG_RENAMED
				   ? rewrite->key
				   : index_slice(&view->index, view->index.attrs[attr].key);
	put_attr(sink, kind, key, rewrite->value);
}

static void put_cut(struct sink *sink, enum owner_kind kind, const struct cut *cut)
{
	const struct trace_view *view = sink->view;
	switch (cut->kind) {
	case CUT_FIELD: return; /* its successor is added at the end */
	case CUT_ATTR:
		if (view->attr_flags[cut->at] & FLAG_DROPPED)
			return;
		if (view->attr_flags[cut->at] & FLAG_REVALUED)
			put_revalued(sink, kind, cut->at);
		else
			put_renamed(sink, kind, cut->at);
		return;
	case CUT_EVENT:
	case CUT_LINK: {
		bool event = cut->kind == CUT_EVENT;
		struct owner owner = {event ? OWNER_EVENT : OWNER_LINK, cut->at};
		if (view_has_flag(view, owner, FLAG_DROPPED))
			return;
		uint32_t *len = &view->lengths.content[owner.kind][cut->at];
		size_t opened = sink_open(sink, event ? SPAN_EVENTS : SPAN_LINKS, len);
		sink_element(sink, owner,
			     event ? view->index.events[cut->at].content
				   : view->index.links[cut->at].content);
		sink_close(sink, opened, len);
		return;
	}
	}
}

/* Proto3 leaves out what is empty or zero. */
static void put_span_fields(struct sink *sink, const struct fields *fields)
{
	if (fields->name.len > 0)
		sink_text(sink, SPAN_NAME, fields->name);
	if (fields->trace_state.len > 0)
		sink_text(sink, SPAN_TRACE_STATE, fields->trace_state);
	if (fields->parent_id.len > 0)
		sink_text(sink, SPAN_PARENT_SPAN_ID, fields->parent_id);
	if (fields->status_code == 0 && fields->status_message.len == 0)
		return;
	uint64_t code = (uint64_t)(int64_t)fields->status_code; /* enums are sign-extended */
	size_t message_size =
		fields->status_message.len > 0 ? text_field_size(fields->status_message.len) : 0;
	size_t code_size = code != 0 ? 1 + wire_varint_size(code) : 0;
	sink_varint(sink, wire_tag(SPAN_STATUS, WIRE_LEN));
	sink_varint(sink, message_size + code_size);
	if (message_size > 0)
		sink_text(sink, STATUS_MESSAGE, fields->status_message);
	if (code_size > 0) {
		sink_varint(sink, wire_tag(STATUS_CODE, WIRE_VARINT));
		sink_varint(sink, code);
	}
}

static void put_fields(struct sink *sink, enum owner_kind kind, const struct fields *fields)
{
	static const uint8_t name_numbers[OWNER_KIND_COUNT] = {
		[OWNER_SCOPE] = SCOPE_NAME, [OWNER_EVENT] = EVENT_NAME};
	if (kind == OWNER_SPAN) {
		put_span_fields(sink, fields);
		return;
	}
	if (fields->name.len > 0)
		sink_text(sink, name_numbers[kind], fields->name);
	if (fields->version.len > 0)
		sink_text(sink, SCOPE_VERSION, fields->version);
	if (fields->trace_state.len > 0)
		sink_text(sink, LINK_TRACE_STATE, fields->trace_state);
}

void sink_element(struct sink *sink, struct owner owner, struct range content)
{
	const struct patch *patch = view_patch_of(sink->view, owner);
	struct cuts cuts;
	struct cut cut;
	uint32_t at = content.off;
	cuts_begin(sink->view, owner, content, patch, &cuts);
	while (cuts_next(sink->view, &cuts, &cut)) {
		sink_keep(sink, at, cut.field.off - at);
		put_cut(sink, owner.kind, &cut);
		at = cut.field.off + cut.field.len;
	}
	sink_keep(sink, at, content.off + content.len - at);
	if (!patch)
		return;
	for (const struct added_attr *added = patch->first; added; added = added->next) {
		if (!added->removed)
			put_attr(sink, owner.kind, added->key, &added->value);
	}
	if (patch->fields)
		put_fields(sink, owner.kind, patch->fields);
}
