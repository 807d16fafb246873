/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths at run time: reading fields through the index and the edits made so far, and stepping into
 * maps and lists by key. Ids become hex in the scratch; everything else is borrowed.
 */
#include "pipeline/ottl/evaluation.h"

/* The element of ${level} that the evaluated element is, or lies in. */
static uint32_t element_at(const struct evaluation *ev, enum ottl_context level)
{
	uint32_t at = ev->at;
	enum ottl_context context = ev->context;
	if (context == OTTL_SPANEVENT && level < OTTL_SPANEVENT) {
		at = ev->index->events[at].span;
		context = OTTL_SPAN;
	}
	if (context == OTTL_SPAN && level < OTTL_SPAN) {
		at = ev->index->spans[at].scope;
		context = OTTL_SCOPE;
	}
	if (context == OTTL_SCOPE && level < OTTL_SCOPE)
		at = ev->index->scopes[at].resource;
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
	static const uint32_t fields[OTTL_CONTEXT_COUNT] = {
		[OTTL_RESOURCE] = RESOURCE_DROPPED_ATTRIBUTES_COUNT,
		[OTTL_SCOPE] = SCOPE_DROPPED_ATTRIBUTES_COUNT,
		[OTTL_SPAN] = SPAN_DROPPED_ATTRIBUTES_COUNT,
		[OTTL_SPANEVENT] = EVENT_DROPPED_ATTRIBUTES_COUNT,
	};
	uint32_t at = element_at(ev, level);
	struct range message = {0, 0};
	switch (level) {
	case OTTL_RESOURCE: message = ev->index->resources[at].resource; break;
	case OTTL_SCOPE: message = ev->index->scopes[at].scope; break;
	case OTTL_SPAN: message = ev->index->spans[at].content; break;
	case OTTL_SPANEVENT: message = ev->index->events[at].content; break;
	case OTTL_CONTEXT_COUNT: break;
	}
	if (message.off == 0)
		return term_int(0);
	return term_int((uint32_t)index_scan_number(ev->index, message, fields[level]));
}

static struct term name_of(const struct evaluation *ev, enum ottl_context level)
{
	uint32_t at = element_at(ev, level);
	if (level == OTTL_SPAN)
		return term_string(view_span_name(ev->view, at));
	struct range name =
		level == OTTL_SPANEVENT ? ev->index->events[at].name : ev->index->scopes[at].name;
	return term_string(index_slice(ev->index, name));
}

static struct term schema_url_of(const struct evaluation *ev, enum ottl_context level)
{
	uint32_t at = element_at(ev, level);
	struct range url = level == OTTL_SCOPE ? ev->index->scopes[at].schema_url
					       : ev->index->resources[at].schema_url;
	return term_string(index_slice(ev->index, url));
}

static struct term time_term(uint64_t ns)
{
	return (struct term){.type = TERM_TIME, .i = (int64_t)ns};
}

/* ---- fields of a span ---- */

static struct slice id_of(const struct evaluation *ev, uint32_t span, enum field field)
{
	const struct span_entry *entry = &ev->index->spans[span];
	if (field == FIELD_PARENT_SPAN_ID || field == FIELD_PARENT_SPAN_ID_STRING)
		return view_span_parent(ev->view, span);
	if (field == FIELD_TRACE_ID || field == FIELD_TRACE_ID_STRING)
		return index_id(ev->index, entry->trace_id_off, TRACE_ID_BYTES);
	return index_id(ev->index, entry->span_id_off, SPAN_ID_BYTES);
}

static bool id_text(struct evaluation *ev, uint32_t span, enum field field, struct term *ret_term)
{
	static const char digits[] = "0123456789abcdef";
	struct slice id = id_of(ev, span, field);
	size_t bytes = field == FIELD_TRACE_ID_STRING ? TRACE_ID_BYTES : SPAN_ID_BYTES;
	uint8_t *text = arena_alloc(&ev->scratch->texts, 2 * bytes);
	if (!text)
		return eval_fail(ev, "texts of one evaluation are too long");
	for (size_t i = 0; i < bytes; i++) {
		uint8_t byte = i < id.len ? id.ptr[i] : 0; /* an absent id is the id of zeros */
		text[2 * i] = (uint8_t)digits[byte >> 4];
		text[2 * i + 1] = (uint8_t)digits[byte & 15];
	}
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
	const struct span_entry *entry = &ev->index->spans[span];
	uint32_t begin = events ? entry->event_begin : entry->link_begin;
	uint32_t count = events ? entry->event_count : entry->link_count, live = 0;
	for (uint32_t i = 0; i < count; i++)
		live += events ? view_event_live(ev->view, begin + i)
			       : view_link_live(ev->view, begin + i);
	return (struct term){.type = events ? TERM_EVENTS : TERM_LINKS, .i = live};
}

static struct term span_number(const struct evaluation *ev, uint32_t span, enum field field)
{
	const struct span_entry *entry = &ev->index->spans[span];
	if (field == FIELD_KIND)
		return term_int(entry->kind);
	if (field == FIELD_STATUS_CODE)
		return term_int(view_span_status_code(ev->view, span));
	if (field == FIELD_FLAGS)
		return term_int(entry->flags);
	if (field == FIELD_START_TIME_UNIX_NANO)
		return term_int((int64_t)entry->start_ns);
	if (field == FIELD_END_TIME_UNIX_NANO)
		return term_int((int64_t)entry->end_ns);
	uint32_t number = field == FIELD_DROPPED_EVENTS_COUNT ? SPAN_DROPPED_EVENTS_COUNT
							      : SPAN_DROPPED_LINKS_COUNT;
	return term_int((uint32_t)index_scan_number(ev->index, entry->content, number));
}

static bool eval_span_path(struct evaluation *ev, enum field field, struct term *ret_term)
{
	uint32_t span = element_at(ev, OTTL_SPAN);
	const struct span_entry *entry = &ev->index->spans[span];
	*ret_term = term_nil();
	switch (field) {
	case FIELD_TRACE_ID:
		*ret_term = (struct term){.type = TERM_TRACE_ID, .bytes = id_of(ev, span, field)};
		return true;
	case FIELD_SPAN_ID:
	case FIELD_PARENT_SPAN_ID:
		*ret_term = (struct term){.type = TERM_SPAN_ID, .bytes = id_of(ev, span, field)};
		return true;
	case FIELD_TRACE_ID_STRING:
	case FIELD_SPAN_ID_STRING:
	case FIELD_PARENT_SPAN_ID_STRING: return id_text(ev, span, field, ret_term);
	case FIELD_TRACE_STATE:
		*ret_term = term_string(view_span_trace_state(ev->view, span));
		return true;
	case FIELD_KIND_STRING: *ret_term = kind_text(entry->kind, false); return true;
	case FIELD_KIND_DEPRECATED_STRING: *ret_term = kind_text(entry->kind, true); return true;
	case FIELD_START_TIME: *ret_term = time_term(entry->start_ns); return true;
	case FIELD_END_TIME: *ret_term = time_term(entry->end_ns); return true;
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
	const struct event_entry *event = &ev->index->events[ev->at];
	if (field == FIELD_TIME)
		return time_term(event->time_ns);
	if (field == FIELD_TIME_UNIX_NANO)
		return term_int((int64_t)event->time_ns);
	return term_int(ev->at - ev->index->spans[event->span].event_begin);
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
		*ret_term = term_string(index_slice(
			ev->index, ev->index->scopes[element_at(ev, OTTL_SCOPE)].version));
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
	default: return term_type_name(type);
	}
}

static bool map_member(struct evaluation *ev, const struct term *map, const struct term *key,
		       struct term *ret_term)
{
	struct term_walk walk = term_walk_begin(map);
	struct term member;
	struct slice found;
	int more;
	if (key->type != TERM_STRING)
		return eval_fail(ev,
				 "unable to resolve a string index in map: could not resolve key "
				 "for map/slice, expecting 'string' but got '%s'",
				 term_type_name(key->type));
	*ret_term = term_nil();
	while ((more = term_walk_next(ev, &walk, &found, &member)) > 0) {
		if (slice_equal(found, key->bytes))
			*ret_term = member; /* the last one of equal keys, as for literal keys */
	}
	return more == 0;
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

/* trace_state["k"]: the member's value, "" when there is none, nil when the text is no trace state
 * (W3C Trace Context §3.3: list-members key=value, optional white space around commas). */
static bool trace_state_member(struct evaluation *ev, struct slice state, const struct term *key,
			       struct term *ret_term)
{
	if (key->type != TERM_STRING)
		return eval_fail(ev, "trace_state indexing type must be a string");
	*ret_term = term_string((struct slice){NULL, 0});
	while (state.len > 0) {
		const uint8_t *comma = memchr(state.ptr, ',', state.len);
		size_t len = comma ? (size_t)(comma - state.ptr) : state.len;
		struct slice member = slice_trim((struct slice){state.ptr, len});
		size_t used = len + (comma != NULL);
		state = (struct slice){state.ptr + used, state.len - used};
		if (member.len == 0)
			continue;
		const uint8_t *equals = memchr(member.ptr, '=', member.len);
		if (!equals || equals == member.ptr) {
			*ret_term = term_nil();
			return true;
		}
		struct slice name = {member.ptr, (size_t)(equals - member.ptr)};
		if (slice_equal(name, key->bytes))
			*ret_term = term_string(slice_of(equals + 1, member.len - name.len - 1));
	}
	return true;
}

bool eval_index(struct evaluation *ev, const struct node *node, struct term *ret_term)
{
	const struct node *base = node->child;
	struct term value, key;
	if (!eval_value(ev, base, &value))
		return false;
	bool trace_state = base->kind == NODE_PATH && base->path.field == FIELD_TRACE_STATE;
	for (const struct node *key_node = base->next; key_node; key_node = key_node->next) {
		struct term member;
		if (value.type == TERM_NIL)
			break;
		if (!eval_value(ev, key_node, &key))
			return false;
		bool found;
		if (trace_state)
			found = trace_state_member(ev, value.bytes, &key, &member);
		else if (value.type == TERM_MAP)
			found = map_member(ev, &value, &key, &member);
		else if (value.type == TERM_LIST)
			found = list_member(ev, &value, key_node, &key, &member);
		else
			return eval_fail(ev, "type %s does not support string indexing",
					 indexed_type_name(value.type));
		if (!found)
			return false;
		value = member;
	}
	*ret_term = value;
	return true;
}
