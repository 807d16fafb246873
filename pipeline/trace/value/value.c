/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading values. The index has checked depth and syntax, so readers stop quietly at what cannot
 * occur. Maps are compared and printed in key order, the last of equal keys standing for all, as
 * the Collector's map of raw values does: that needs a sorted list, the only allocation here
 * (O(n log n), because a peer chooses n).
 */
#include "pipeline/trace/value/value.h"

#include "pipeline/trace/value/value_internal.h"
#include "pipeline/trace/value/wire.h"

#include <stdlib.h>

static struct value empty_value(void)
{
	return (struct value){.type = VALUE_EMPTY};
}

/* The value of one AnyValue member; fields that are none leave ${value} as it is. */
static void read_member(const struct wire_field *field, struct value *value)
{
	switch (field->number) {
	case ANY_VALUE_STRING:
		*value = (struct value){.type = VALUE_STRING, .bytes = field->content};
		return;
	case ANY_VALUE_BOOL:
		*value = (struct value){.type = VALUE_BOOL, .i = field->value != 0};
		return;
	case ANY_VALUE_INT:
		*value = (struct value){.type = VALUE_INT, .i = (int64_t)field->value};
		return;
	case ANY_VALUE_DOUBLE:
		*value = (struct value){.type = VALUE_DOUBLE};
		memcpy(&value->d, &field->value, sizeof(value->d));
		return;
	case ANY_VALUE_ARRAY:
		*value = (struct value){.type = VALUE_ARRAY, .bytes = field->content};
		return;
	case ANY_VALUE_KVLIST:
		*value = (struct value){.type = VALUE_KVLIST, .bytes = field->content};
		return;
	case ANY_VALUE_BYTES:
		*value = (struct value){.type = VALUE_BYTES, .bytes = field->content};
		return;
	default: return;
	}
}

struct value value_read(struct slice content)
{
	struct value value = empty_value();
	struct wire_reader reader = {content.ptr, content.ptr + content.len};
	struct wire_field field = {0};
	while (reader.at < reader.end && wire_read_field(&reader, &field))
		read_member(&field, &value);
	return value;
}

/* Advances ${cursor} past the next field 1 (items and pairs are both called 1). */
static bool next_content(struct slice *cursor, struct slice *ret_content)
{
	struct wire_reader reader = {cursor->ptr, cursor->ptr + cursor->len};
	struct wire_field field = {0};
	while (reader.at < reader.end && wire_read_field(&reader, &field)) {
		if (field.number != ARRAY_VALUE_VALUES)
			continue;
		*cursor = slice_of(reader.at, (size_t)(reader.end - reader.at));
		*ret_content = field.content;
		return true;
	}
	*cursor = slice_of(reader.end, 0);
	return false;
}

_Static_assert((int)ARRAY_VALUE_VALUES == (int)KVLIST_VALUES, "next_content reads both");

bool value_next_item(struct slice *cursor, struct value *ret_item)
{
	struct slice content;
	if (!next_content(cursor, &content))
		return false;
	*ret_item = value_read(content);
	return true;
}

bool value_next_pair(struct slice *cursor, struct slice *ret_key, struct value *ret_value)
{
	struct slice content;
	if (!next_content(cursor, &content))
		return false;
	struct wire_reader reader = {content.ptr, content.ptr + content.len};
	struct wire_field field = {0};
	*ret_key = SLICE("");
	*ret_value = empty_value();
	while (reader.at < reader.end && wire_read_field(&reader, &field)) {
		if (field.number == KEY_VALUE_KEY)
			*ret_key = field.content;
		else if (field.number == KEY_VALUE_VALUE)
			*ret_value = value_read(field.content);
	}
	return true;
}

struct value value_map_get(struct value map, struct slice key)
{
	struct value found = empty_value(), value;
	struct slice cursor = map.bytes, at;
	if (map.type != VALUE_KVLIST)
		return found;
	while (value_next_pair(&cursor, &at, &value)) {
		if (slice_equal(at, key))
			found = value;
	}
	return found;
}

bool value_array_get(struct value array, size_t at, struct value *ret_item)
{
	struct slice cursor = array.bytes, content;
	if (array.type != VALUE_ARRAY)
		return false;
	while (next_content(&cursor, &content)) {
		if (at-- > 0)
			continue;
		*ret_item = value_read(content);
		return true;
	}
	return false;
}

size_t value_count(struct value value)
{
	struct slice cursor = value.bytes, content;
	size_t count = 0;
	if (value.type != VALUE_ARRAY && value.type != VALUE_KVLIST)
		return 0;
	while (next_content(&cursor, &content))
		count++;
	return count;
}

/* ---- maps in key order ---- */

static int compare_pairs(const void *a, const void *b)
{
	const struct value_pair *first = a, *second = b;
	int order = slice_compare(first->key, second->key);
	return order ? order : (first->order > second->order) - (first->order < second->order);
}

bool value_sort_map(struct value map, struct value_pair **ret_pairs, size_t *ret_count)
{
	size_t count = value_count(map), kept = 0;
	*ret_pairs = NULL;
	*ret_count = 0;
	if (count == 0)
		return true;
	struct value_pair *pairs = calloc(count, sizeof(*pairs));
	if (!pairs)
		return false;
	struct slice cursor = map.bytes;
	for (size_t i = 0; i < count; i++) {
		(void)value_next_pair(&cursor, &pairs[i].key, &pairs[i].value);
		pairs[i].order = i;
	}
	qsort(pairs, count, sizeof(*pairs), compare_pairs);
	for (size_t i = 0; i < count; i++) {
		if (i + 1 == count || !slice_equal(pairs[i].key, pairs[i + 1].key))
			pairs[kept++] = pairs[i];
	}
	*ret_pairs = pairs;
	*ret_count = kept;
	return true;
}

/* ---- equality; the depth of both values is bounded, so recursion is ---- */

static bool arrays_equal(struct value a, struct value b)
{
	struct slice left = a.bytes, right = b.bytes;
	struct value first, second;
	for (;;) {
		bool more = value_next_item(&left, &first);
		if (more != value_next_item(&right, &second))
			return false;
		if (!more)
			return true;
		if (!value_equal(first, second))
			return false;
	}
}

static bool maps_equal(struct value a, struct value b)
{
	struct value_pair *left = NULL, *right = NULL;
	size_t left_count, right_count = 0;
	bool equal = value_sort_map(a, &left, &left_count) &&
		     value_sort_map(b, &right, &right_count) && left_count == right_count;
	for (size_t i = 0; equal && i < left_count; i++)
		equal = slice_equal(left[i].key, right[i].key) &&
			value_equal(left[i].value, right[i].value);
	free(left);
	free(right);
	return equal;
}

/* 2^63 as a double: the first that no int64 reaches. */
#define INT64_END 9223372036854775808.0

/* Exact: a conversion to double would call 2^53 and 2^53 + 1 the same. */
static bool int_equals_double(int64_t i, double d)
{
	return d >= -INT64_END && d < INT64_END && (double)(int64_t)d == d && (int64_t)d == i;
}

bool value_equal(struct value a, struct value b)
{
	if (a.type == VALUE_INT && b.type == VALUE_DOUBLE)
		return int_equals_double(a.i, b.d);
	if (a.type == VALUE_DOUBLE && b.type == VALUE_INT)
		return int_equals_double(b.i, a.d);
	if (a.type != b.type)
		return false;
	switch (a.type) {
	case VALUE_EMPTY: return true;
	case VALUE_STRING:
	case VALUE_BYTES: return slice_equal(a.bytes, b.bytes);
	case VALUE_BOOL:
	case VALUE_INT: return a.i == b.i;
	case VALUE_DOUBLE: return a.d == b.d;
	case VALUE_ARRAY: return arrays_equal(a, b);
	case VALUE_KVLIST: return maps_equal(a, b);
	case VALUE_TYPE_COUNT: break;
	}
	return false;
}

void value_append_item(struct buf *content, struct slice item)
{
	uint8_t head[4 * 5], *at = head; /* two tags, two lengths */
	size_t value_len = 1 + wire_varint_size(item.len) + item.len;
	at = wire_write_varint(at, wire_tag(ARRAY_VALUE_VALUES, WIRE_LEN));
	at = wire_write_varint(at, value_len);
	at = wire_write_varint(at, wire_tag(ANY_VALUE_STRING, WIRE_LEN));
	at = wire_write_varint(at, item.len);
	buf_append(content, slice_of(head, (size_t)(at - head)));
	buf_append(content, item);
}
