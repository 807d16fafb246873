/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values: from the wire view to terms, steps through maps and lists wherever their members are, and
 * the text that "string-like" arguments become. Nothing is copied; texts go to the caller's buffer.
 */
#include "pipeline/ottl/evaluation.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
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

struct term_walk term_walk_begin(const struct term *of)
{
	struct term_walk walk = {.of = of};
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
		if (!view_next_attr(ev->view, walk->of->owner, &walk->attr, &attr))
			return 0;
		*ret_key = attr.key;
		*ret_member = term_of_value(attr.value);
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
	uint32_t cursor = 0;
	switch (term->store) {
	case STORE_NONE: return 0;
	case STORE_WIRE:
		return value_count((struct value){
			.type = term->type == TERM_MAP ? VALUE_KVLIST : VALUE_ARRAY,
			.bytes = term->bytes,
		});
	case STORE_ATTRS:
		while (view_next_attr(ev->view, term->owner, &cursor, &attr))
			count++;
		return count;
	case STORE_NODES:
		for (const struct node *node = term->nodes; node; node = node->next)
			count++;
		return count;
	}
	return 0;
}

/* ---- text ---- */

/* The shortest decimal digits that read back as ${number}, laid out without an exponent. */
static void append_double_plain(struct buf *out, double number)
{
	char digits[40];
	if (isnan(number) || isinf(number)) {
		buf_append_str(out, isnan(number) ? "NaN" : number > 0 ? "+Inf" : "-Inf");
		return;
	}
	int precision = 0;
	do
		(void)snprintf(digits, sizeof(digits), "%.*e", precision, number);
	while (strtod(digits, NULL) != number && ++precision < 17);
	int exponent = (int)strtol(strchr(digits, 'e') + 1, NULL, 10);
	int decimals = precision - exponent;
	buf_printf(out, "%.*f", decimals > 0 ? decimals : 0, number);
}

static bool append_json(struct evaluation *ev, struct buf *out, const struct term *term);

static bool append_json_members(struct evaluation *ev, struct buf *out, const struct term *term)
{
	struct term_walk walk = term_walk_begin(term);
	struct slice key;
	struct term member;
	bool map = term->type == TERM_MAP;
	int more;
	buf_append_byte(out, map ? '{' : '[');
	for (bool first = true; (more = term_walk_next(ev, &walk, &key, &member)) > 0;
	     first = false) {
		if (!first)
			buf_append_byte(out, ',');
		if (map) {
			buf_append_byte(out, '"');
			buf_append_json(out, key);
			buf_append_str(out, "\":");
		}
		if (!append_json(ev, out, &member))
			return false;
	}
	buf_append_byte(out, map ? '}' : ']');
	return more == 0;
}

/* Recursion is bounded by TRACE_VALUE_DEPTH_MAX and OTTL_DEPTH_MAX. */
static bool append_json(struct evaluation *ev, struct buf *out, const struct term *term)
{
	switch (term->type) {
	case TERM_NIL: buf_append_str(out, "null"); return true;
	case TERM_STRING:
		buf_append_byte(out, '"');
		buf_append_json(out, term->bytes);
		buf_append_byte(out, '"');
		return true;
	case TERM_BYTES:
		buf_append_byte(out, '"');
		value_append_text(out, (struct value){.type = VALUE_BYTES, .bytes = term->bytes});
		buf_append_byte(out, '"');
		return true;
	case TERM_DOUBLE: /* JSON has its own form of doubles */
		value_append_text(out, value_of_double(term->d));
		return true;
	case TERM_MAP:
	case TERM_LIST: return append_json_members(ev, out, term);
	case TERM_TRACE_ID:
	case TERM_SPAN_ID:
		buf_append_byte(out, '"');
		buf_append_hex(out, term->bytes);
		buf_append_byte(out, '"');
		return true;
	case TERM_BOOL:
	case TERM_INT:
	case TERM_TIME:
	case TERM_DURATION:
	case TERM_EVENTS:
	case TERM_LINKS:
	case TERM_STATUS:
	case TERM_TYPE_COUNT: break;
	}
	return term_append_text(ev, out, term);
}

bool term_append_text(struct evaluation *ev, struct buf *out, const struct term *term)
{
	switch (term->type) {
	case TERM_STRING: buf_append(out, term->bytes); return true;
	case TERM_BOOL: buf_append_str(out, term->i ? "true" : "false"); return true;
	case TERM_INT: buf_printf(out, "%" PRId64, term->i); return true;
	case TERM_DOUBLE: append_double_plain(out, term->d); return true;
	case TERM_BYTES:
	case TERM_TRACE_ID:
	case TERM_SPAN_ID: buf_append_hex(out, term->bytes); return true;
	case TERM_MAP:
	case TERM_LIST: return append_json_members(ev, out, term);
	case TERM_NIL:
	case TERM_TIME:
	case TERM_DURATION:
	case TERM_EVENTS:
	case TERM_LINKS:
	case TERM_STATUS:
	case TERM_TYPE_COUNT: break;
	}
	return eval_fail(ev, "unsupported type: %s", term_type_name(term->type));
}
