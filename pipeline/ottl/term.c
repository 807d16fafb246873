/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values: from the wire view to terms, and steps through maps and lists wherever their members are.
 * Nothing is copied.
 */
#include "pipeline/ottl/evaluation.h"

#include <stdlib.h>

const char *term_type_name(enum term_type type)
{
	static const char *const names[TERM_TYPE_COUNT] = {
		[TERM_NIL] = "nil",
		[TERM_STRING] = "string",
		[TERM_BYTES] = "[]uint8",
		[TERM_BOOL] = "bool",
		[TERM_INT] = "int64",
		[TERM_DOUBLE] = "float64",
		[TERM_TIME] = "time.Time",
		[TERM_DURATION] = "time.Duration",
		[TERM_MAP] = "pcommon.Map",
		[TERM_LIST] = "pcommon.Slice",
		[TERM_TRACE_ID] = "pcommon.TraceID",
		[TERM_SPAN_ID] = "pcommon.SpanID",
		[TERM_EVENTS] = "ptrace.SpanEventSlice",
		[TERM_LINKS] = "ptrace.SpanLinkSlice",
		[TERM_STATUS] = "ptrace.Status",
	};
	return type < TERM_TYPE_COUNT ? names[type] : "any";
}

struct term term_of_value(struct value value)
{
	switch (value.type) {
	case VALUE_STRING: return term_string(value.bytes);
	case VALUE_BYTES: return (struct term){.type = TERM_BYTES, .bytes = value.bytes};
	case VALUE_BOOL: return term_bool(value.i != 0);
	case VALUE_INT: return term_int(value.i);
	case VALUE_DOUBLE: return term_double(value.d);
	case VALUE_ARRAY:
		return (struct term){.type = TERM_LIST, .store = STORE_WIRE, .bytes = value.bytes};
	case VALUE_KVLIST:
		return (struct term){.type = TERM_MAP, .store = STORE_WIRE, .bytes = value.bytes};
	case VALUE_EMPTY:
	case VALUE_TYPE_COUNT: break;
	}
	return term_nil();
}

/* ---- members ---- */

struct term_walk term_walk_begin(const struct evaluation *ev, const struct term *of)
{
	struct term_walk walk = {.of = of};
	if (of->store == STORE_ATTRS)
		walk.attrs = view_attrs(ev->view, of->owner);
	if (of->store == STORE_WIRE)
		walk.wire = of->bytes;
	if (of->store == STORE_NODES)
		walk.node = of->nodes;
	return walk;
}

int term_walk_next(struct evaluation *ev, struct term_walk *walk, struct slice *ret_key,
		   struct term *ret_member)
{
	struct value value;
	struct attr_view attr;
	switch (walk->of->store) {
	case STORE_NONE: return 0;
	case STORE_WIRE:
		if (walk->of->type == TERM_MAP ? !value_next_pair(&walk->wire, ret_key, &value)
					       : !value_next_item(&walk->wire, &value))
			return 0;
		*ret_member = term_of_value(value);
		return 1;
	case STORE_ATTRS:
		if (!view_next_attr(ev->view, &walk->attrs, &attr))
			return 0;
		*ret_key = attr.key;
		*ret_member = term_of_value(view_attr_value(ev->view, walk->of->owner, &attr));
		return 1;
	case STORE_NODES:
		if (!walk->node)
			return 0;
		*ret_key = walk->node->key;
		if (!eval_value(ev, walk->node, ret_member))
			return -1;
		walk->node = walk->node->next;
		return 1;
	}
	return 0;
}

size_t term_count(struct evaluation *ev, const struct term *term)
{
	size_t count = 0;
	struct attr_view attr;
	struct attr_cursor attrs;
	switch (term->store) {
	case STORE_NONE: return 0;
	case STORE_WIRE:
		return value_count((struct value){
			.type = term->type == TERM_MAP ? VALUE_KVLIST : VALUE_ARRAY,
			.bytes = term->bytes,
		});
	case STORE_ATTRS:
		attrs = view_attrs(ev->view, term->owner);
		while (view_next_attr(ev->view, &attrs, &attr))
			count++;
		return count;
	case STORE_NODES:
		for (const struct node *node = term->nodes; node; node = node->next)
			count++;
		return count;
	}
	return 0;
}

static int compare_pairs(const void *a, const void *b)
{
	const struct term_pair *x = a, *y = b;
	int order = slice_compare(x->key, y->key);
	return order != 0 ? order : (x->order > y->order) - (x->order < y->order);
}

bool term_sort_map(struct evaluation *ev, const struct term *map, struct term_pair **ret_pairs,
		   size_t *ret_count)
{
	struct term_walk walk = term_walk_begin(ev, map);
	size_t room = term_count(ev, map), count = 0;
	struct term_pair *pairs = NULL;
	int more = 0;
	if (room > 0) {
		pairs = arena_alloc(&ev->scratch->texts, room * sizeof(*pairs));
		if (!pairs)
			return eval_fail(ev, "texts of one evaluation are too long");
	}
	for (; count < room; count++) {
		more = term_walk_next(ev, &walk, &pairs[count].key, &pairs[count].member);
		if (more <= 0)
			break;
		pairs[count].order = count;
	}
	if (count > 1)
		qsort(pairs, count, sizeof(*pairs), compare_pairs);
	*ret_pairs = pairs;
	*ret_count = count;
	return more >= 0;
}
