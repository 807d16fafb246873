/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths at run time: reading fields as the edits made so far have left them, and stepping into
 * maps and lists by key. Ids become hex in the scratch; everything else is borrowed.
 */
#include "pipeline/ottl/evaluation.h"

#include "pipeline/base/hex.h"

/* The element of ${level} that the evaluated element is, or lies in. */
static uint32_t element_at(const struct evaluation *ev, enum ottl_context level)
{
	uint32_t at = ev->at;
	enum ottl_context context = ev->context;
	if (context == OTTL_SPANEVENT && level < OTTL_SPANEVENT) {
		at = view_event_span(ev->view, at);
		context = OTTL_SPAN;
	}
	if (context == OTTL_SPAN && level < OTTL_SPAN) {
		at = view_span_scope(ev->view, at);
		context = OTTL_SCOPE;
	}
	if (context == OTTL_SCOPE && level < OTTL_SCOPE)
		at = view_scope_resource(ev->view, at);
	return at;
}

struct owner eval_owner(const struct evaluation *ev, enum ottl_context level)
{
	static const enum owner_kind kinds[OTTL_CONTEXT_COUNT] = {
		[OTTL_RESOURCE] = OWNER_RESOURCE,
		[OTTL_SCOPE] = OWNER_SCOPE,
		[OTTL_SPAN] = OWNER_SPAN,
		[OTTL_SPANEVENT] = OWNER_EVENT,
	};
	return (struct owner){kinds[level], element_at(ev, level)};
}

/* ---- fields of any element ---- */

static struct term dropped_attributes(const struct evaluation *ev, enum ottl_context level)
{
	return term_int(view_dropped_attributes(ev->view, eval_owner(ev, level)));
}

static struct term name_of(const struct evaluation *ev, enum ottl_context level)
{
	uint32_t at = element_at(ev, level);
	if (level == OTTL_SPAN)
		return term_string(view_span_name(ev->view, at));
	return term_string(level == OTTL_SPANEVENT ? view_event_name(ev->view, at)
						   : view_scope_name(ev->view, at));
}

static struct term schema_url_of(const struct evaluation *ev, enum ottl_context level)
{
	return term_string(view_schema_url(ev->view, eval_owner(ev, level)));
}

static struct term time_term(uint64_t ns)
{
	return (struct term){.type = TERM_TIME, .i = (int64_t)ns};
}

/* ---- fields of a span ---- */

static struct slice id_of(const struct evaluation *ev, uint32_t span, enum field field)
{
	if (field == FIELD_PARENT_SPAN_ID || field == FIELD_PARENT_SPAN_ID_STRING)
		return view_span_parent(ev->view, span);
	if (field == FIELD_TRACE_ID || field == FIELD_TRACE_ID_STRING)
		return view_span_trace_id(ev->view, span);
	return view_span_id(ev->view, span);
}

static struct term id_term(const struct evaluation *ev, uint32_t span, enum field field)
{
	return (struct term){.type = field == FIELD_TRACE_ID ? TERM_TRACE_ID : TERM_SPAN_ID,
			     .bytes = id_of(ev, span, field)};
}

static bool id_text(struct evaluation *ev, uint32_t span, enum field field, struct term *ret_term)
{
	struct slice id = id_of(ev, span, field);
	size_t bytes = field == FIELD_TRACE_ID_STRING ? TRACE_ID_BYTES : SPAN_ID_BYTES;
	uint8_t whole[TRACE_ID_BYTES] = {0}; /* an absent id is the id of zeros */
	char *text = arena_alloc(&ev->scratch->texts, 2 * bytes);
	if (!text)
		return eval_fail(ev, "texts of one evaluation are too long");
	if (id.len > 0)
		memcpy(whole, id.ptr, id.len < bytes ? id.len : bytes);
	hex_encode(slice_of(whole, bytes), text);
	*ret_term = term_string(slice_of(text, 2 * bytes));
	return true;
}

static struct term kind_text(int32_t kind, bool deprecated)
{
	static const struct slice names[][2] = {
		{SLICE_INIT("Unspecified"), SLICE_INIT("SPAN_KIND_UNSPECIFIED")},
		{SLICE_INIT("Internal"), SLICE_INIT("SPAN_KIND_INTERNAL")},
		{SLICE_INIT("Server"), SLICE_INIT("SPAN_KIND_SERVER")},
		{SLICE_INIT("Client"), SLICE_INIT("SPAN_KIND_CLIENT")},
		{SLICE_INIT("Producer"), SLICE_INIT("SPAN_KIND_PRODUCER")},
		{SLICE_INIT("Consumer"), SLICE_INIT("SPAN_KIND_CONSUMER")},
	};
	if (kind < 0 || (size_t)kind >= ARRAY_COUNT(names))
		return term_string((struct slice){NULL, 0});
	return term_string(names[kind][deprecated]);
}

/* Events or links that are still there. */
static struct term children_of(const struct evaluation *ev, uint32_t span, bool events)
{
	struct view_range all =
		events ? view_span_events(ev->view, span) : view_span_links(ev->view, span);
	uint32_t live = 0;
	for (uint32_t i = 0; i < all.count; i++)
		live += events ? view_event_live(ev->view, all.begin + i)
			       : view_link_live(ev->view, all.begin + i);
	return (struct term){.type = events ? TERM_EVENTS : TERM_LINKS, .i = live};
}

static struct term span_number(const struct evaluation *ev, uint32_t span, enum field field)
{
	if (field == FIELD_KIND)
		return term_int(view_span_kind(ev->view, span));
	if (field == FIELD_STATUS_CODE)
		return term_int(view_span_status_code(ev->view, span));
	if (field == FIELD_FLAGS)
		return term_int(view_span_flags(ev->view, span));
	if (field == FIELD_START_TIME_UNIX_NANO)
		return term_int((int64_t)view_span_start_ns(ev->view, span));
	if (field == FIELD_END_TIME_UNIX_NANO)
		return term_int((int64_t)view_span_end_ns(ev->view, span));
	return term_int(field == FIELD_DROPPED_EVENTS_COUNT ? view_dropped_events(ev->view, span)
							    : view_dropped_links(ev->view, span));
}

static bool eval_span_path(struct evaluation *ev, enum field field, struct term *ret_term)
{
	uint32_t span = element_at(ev, OTTL_SPAN);
	*ret_term = term_nil();
	switch (field) {
	case FIELD_TRACE_ID:
	case FIELD_SPAN_ID:
	case FIELD_PARENT_SPAN_ID: *ret_term = id_term(ev, span, field); return true;
	case FIELD_TRACE_ID_STRING:
	case FIELD_SPAN_ID_STRING:
	case FIELD_PARENT_SPAN_ID_STRING: return id_text(ev, span, field, ret_term);
	case FIELD_TRACE_STATE:
		*ret_term = term_string(view_span_trace_state(ev->view, span));
		return true;
	case FIELD_KIND_STRING:
	case FIELD_KIND_DEPRECATED_STRING:
		*ret_term = kind_text(view_span_kind(ev->view, span),
				      field == FIELD_KIND_DEPRECATED_STRING);
		return true;
	case FIELD_START_TIME:
		*ret_term = time_term(view_span_start_ns(ev->view, span));
		return true;
	case FIELD_END_TIME: *ret_term = time_term(view_span_end_ns(ev->view, span)); return true;
	case FIELD_EVENTS:
	case FIELD_LINKS: *ret_term = children_of(ev, span, field == FIELD_EVENTS); return true;
	case FIELD_STATUS: *ret_term = (struct term){.type = TERM_STATUS}; return true;
	case FIELD_STATUS_MESSAGE:
		*ret_term = term_string(view_span_status_message(ev->view, span));
		return true;
	case FIELD_KIND:
	case FIELD_START_TIME_UNIX_NANO:
	case FIELD_END_TIME_UNIX_NANO:
	case FIELD_DROPPED_EVENTS_COUNT:
	case FIELD_DROPPED_LINKS_COUNT:
	case FIELD_STATUS_CODE:
	case FIELD_FLAGS: *ret_term = span_number(ev, span, field); return true;
	case FIELD_ATTRIBUTES: /* the others are not fields of a span alone */
	case FIELD_ATTRIBUTE:
	case FIELD_CACHE:
	case FIELD_DROPPED_ATTRIBUTES_COUNT:
	case FIELD_NAME:
	case FIELD_VERSION:
	case FIELD_SCHEMA_URL:
	case FIELD_TIME:
	case FIELD_TIME_UNIX_NANO:
	case FIELD_EVENT_INDEX: break;
	}
	return true;
}

static struct term eval_event_path(const struct evaluation *ev, enum field field)
{
	uint64_t time_ns = view_event_time_ns(ev->view, ev->at);
	uint32_t span = view_event_span(ev->view, ev->at);
	if (field == FIELD_TIME)
		return time_term(time_ns);
	if (field == FIELD_TIME_UNIX_NANO)
		return term_int((int64_t)time_ns);
	return term_int(ev->at - view_span_events(ev->view, span).begin);
}

bool eval_path(struct evaluation *ev, const struct node *node, struct term *ret_term)
{
	enum ottl_context level = node->path.level;
	struct value value;
	switch ((int)node->path.field) {
	case FIELD_ATTRIBUTE:
		*ret_term =
			view_find_attr(ev->view, eval_owner(ev, level), node->path.key_id, &value)
				? term_of_value(value)
				: term_nil();
		return true;
	case FIELD_ATTRIBUTES:
		*ret_term = (struct term){
			.type = TERM_MAP, .store = STORE_ATTRS, .owner = eval_owner(ev, level)};
		return true;
	case FIELD_CACHE: *ret_term = (struct term){.type = TERM_MAP}; return true;
	case FIELD_NAME: *ret_term = name_of(ev, level); return true;
	case FIELD_DROPPED_ATTRIBUTES_COUNT: *ret_term = dropped_attributes(ev, level); return true;
	case FIELD_SCHEMA_URL: *ret_term = schema_url_of(ev, level); return true;
	case FIELD_VERSION:
		*ret_term = term_string(view_scope_version(ev->view, element_at(ev, OTTL_SCOPE)));
		return true;
	case FIELD_TIME:
	case FIELD_TIME_UNIX_NANO:
	case FIELD_EVENT_INDEX: *ret_term = eval_event_path(ev, node->path.field); return true;
	default: return eval_span_path(ev, node->path.field, ret_term);
	}
}

/* ---- keys ---- */

/* The value type's name in pdata, as the Collector's texts about indexing have it. */
static const char *indexed_type_name(enum term_type type)
{
	switch ((int)type) {
	case TERM_STRING: return "Str";
	case TERM_BYTES: return "Bytes";
	case TERM_BOOL: return "Bool";
	case TERM_INT: return "Int";
	case TERM_DOUBLE: return "Double";
	case TERM_NIL: return "Empty";
	default: return term_type_name(type);
	}
}

static bool map_member(struct evaluation *ev, const struct term *map, const struct term *key,
		       struct term *ret_term, bool *ret_found)
{
	struct term_walk walk = term_walk_begin(ev, map);
	struct term member;
	struct slice found;
	int more = 0;
	if (key->type != TERM_STRING)
		return eval_fail(ev,
				 "unable to resolve a string index in map: could not resolve key "
				 "for map/slice, expecting 'string' but got '%s'",
				 term_type_name(key->type));
	*ret_term = term_nil();
	*ret_found = false;
	while (!*ret_found && (more = term_walk_next(ev, &walk, &found, &member)) > 0) {
		*ret_found = slice_equal(found, key->bytes);
		if (*ret_found)
			*ret_term = member; /* the first one of equal keys, as for literal keys */
	}
	return more >= 0;
}

static bool list_member(struct evaluation *ev, const struct term *list, const struct node *key_node,
			const struct term *key, struct term *ret_term)
{
	struct value value;
	if (key->type != TERM_INT)
		return eval_fail(ev,
				 "unable to resolve an integer index in slice: could not resolve "
				 "key for map/slice, expecting 'int64' but got '%s'",
				 term_type_name(key->type));
	if (key->i < 0 ||
	    !value_array_get((struct value){.type = VALUE_ARRAY, .bytes = list->bytes},
			     (size_t)key->i, &value)) {
		if (key_node->kind == NODE_LITERAL) /* configuration's own number, not a value */
			return eval_fail(ev, "index %lld out of bounds", (long long)key->i);
		return eval_fail(ev, "index out of bounds");
	}
	*ret_term = term_of_value(value);
	return true;
}

/* The value that is indexed. *ret_found is false when it is an attribute that is not there: then
 * the keys behind it do not matter. */
static bool index_base(struct evaluation *ev, const struct node *base, struct term *ret_term,
		       bool *ret_found)
{
	struct value value;
	*ret_found = true;
	if (base->kind != NODE_PATH || base->path.field != FIELD_ATTRIBUTE)
		return eval_value(ev, base, ret_term);
	*ret_found = view_find_attr(ev->view, eval_owner(ev, base->path.level), base->path.key_id,
				    &value);
	*ret_term = *ret_found ? term_of_value(value) : term_nil();
	return true;
}

static bool index_once(struct evaluation *ev, const struct node *base, const struct node *key_node,
		       const struct term *value, struct term *ret_member, bool *ret_found)
{
	bool trace_state = base->kind == NODE_PATH && base->path.field == FIELD_TRACE_STATE;
	struct term key;
	if (!eval_value(ev, key_node, &key))
		return false;
	if (trace_state) {
		struct slice wanted = key.type == TERM_STRING ? key.bytes : SLICE("");
		*ret_member = trace_state_member(value->bytes, wanted);
		return ret_member->type == TERM_NIL ||
		       (key_node->written && key.type == TERM_STRING) ||
		       eval_fail(ev, "trace_state indexing type must be a string");
	}
	/* What a Converter returned has no members: its maps and lists are none of pdata's. */
	if (base->kind == NODE_PATH && value->type == TERM_MAP)
		return map_member(ev, value, &key, ret_member, ret_found);
	if (base->kind == NODE_PATH && value->type == TERM_LIST)
		return list_member(ev, value, key_node, &key, ret_member);
	return eval_fail(ev, "type %s does not support string indexing",
			 indexed_type_name(value->type));
}

bool eval_index(struct evaluation *ev, const struct node *node, struct term *ret_term)
{
	const struct node *base = node->child;
	struct term value;
	bool found;
	if (!index_base(ev, base, &value, &found))
		return false;
	for (const struct node *key_node = base->next; found && key_node;
	     key_node = key_node->next) {
		struct term member;
		if (!index_once(ev, base, key_node, &value, &member, &found))
			return false;
		value = member;
	}
	*ret_term = value;
	return true;
}
