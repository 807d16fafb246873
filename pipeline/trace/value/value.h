/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading an AnyValue where it lies. A struct value is a borrowed view; it is valid as long as the
 * bytes under it. Only values that the index has checked may be given to these functions.
 */
#ifndef SLUICE_TRACE_VALUE_VALUE_H
#define SLUICE_TRACE_VALUE_VALUE_H

#include "pipeline/base/buf.h"
#include "pipeline/trace/value/field_numbers.h"
#include "pipeline/trace/value/wire.h"

enum { TRACE_VALUE_DEPTH_MAX = 100 }; /* AnyValue inside AnyValue */

enum value_type {
	VALUE_EMPTY = 0, /* no value, or an AnyValue with no member set */
	VALUE_STRING,
	VALUE_BOOL,
	VALUE_INT,
	VALUE_DOUBLE,
	VALUE_ARRAY,
	VALUE_KVLIST,
	VALUE_BYTES,
	VALUE_TYPE_COUNT
};

struct value {
	enum value_type type;
	struct slice bytes; /* string, bytes: the text; array, kvlist: the message content */
	int64_t i;	    /* VALUE_INT; VALUE_BOOL as 0 or 1 */
	double d;	    /* VALUE_DOUBLE */
};

static inline struct value value_of_str(struct slice text)
{
	return (struct value){.type = VALUE_STRING, .bytes = text};
}

static inline struct value value_of_int(int64_t number)
{
	return (struct value){.type = VALUE_INT, .i = number};
}

static inline struct value value_of_double(double number)
{
	return (struct value){.type = VALUE_DOUBLE, .d = number};
}

static inline struct value value_of_bool(bool yes)
{
	return (struct value){.type = VALUE_BOOL, .i = yes};
}

/* The value in ${content}, the content of an AnyValue message. */
struct value value_read(struct slice content);

enum { VALUE_NO_TEXT = -1, VALUE_UNCLEAR = -2 };

/* What can be told of ${content} without reading it: the first character of a string of less than
 * 16 KiB; VALUE_NO_TEXT for numbers and what is empty; VALUE_UNCLEAR for all others. */
static inline int value_glance(struct slice content)
{
	enum { LENGTH = 1, TEXT = 2, MORE = 0x80 };
	const uint8_t *at = content.ptr;
	if (content.len <= TEXT)
		return VALUE_NO_TEXT; /* a tag and at most one byte */
	if (LIKELY(at[0] == wire_tag(ANY_VALUE_STRING, WIRE_LEN))) {
		if (!(at[LENGTH] & MORE))
			return content.len - TEXT == at[LENGTH] ? at[TEXT] : VALUE_UNCLEAR;
		size_t len = (at[LENGTH] & 0x7fu) | (size_t)at[LENGTH + 1] << 7;
		return content.len - TEXT - 1 == len ? at[TEXT + 1] : VALUE_UNCLEAR;
	}
	return at[0] == wire_tag(ANY_VALUE_INT, WIRE_VARINT) ||
			       at[0] == wire_tag(ANY_VALUE_DOUBLE, WIRE_FIXED64)
		       ? VALUE_NO_TEXT
		       : VALUE_UNCLEAR;
}

/* Steps through a VALUE_ARRAY: sets ${ret_item} and returns true while there is one more.
 * ${cursor} starts as value.bytes and is advanced. */
bool value_next_item(struct slice *cursor, struct value *ret_item);

/* Steps through a VALUE_KVLIST, as value_next_item. */
bool value_next_pair(struct slice *cursor, struct slice *ret_key, struct value *ret_value);

/* The value under ${key} in a VALUE_KVLIST, last one wins; VALUE_EMPTY when there is none. */
struct value value_map_get(struct value map, struct slice key);

/* The item at ${at} of a VALUE_ARRAY. False when out of range. */
bool value_array_get(struct value array, size_t at, struct value *ret_item);

/* Items of an array, pairs of a kvlist; 0 for other types. */
size_t value_count(struct value value);

/* Appends the text ${item} as one more item to ${content}, the content of an ArrayValue message. */
void value_append_item(struct buf *content, struct slice item);

/* Deep equality; int and double are compared as numbers, other types never equal across types. */
bool value_equal(struct value a, struct value b);

/* Appends the text form that the Collector's pdata AsString gives: strings as they are, numbers in
 * decimal, bool true/false, bytes in base64, arrays and maps as JSON, empty as "". */
void value_append_text(struct buf *out, struct value value);

/* Appends ${text} as a JSON string as Go's encoder writes it, with <, > and & escaped. */
void value_append_json_string(struct buf *out, struct slice text);

#endif
