/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filtering of nested values. Recursion follows the value, whose depth the index has bounded. What
 * is written is never longer than what was read: tags and lengths come out in their shortest form,
 * so a message is written behind as many bytes as its received length needs at least and moved
 * forward when it needs fewer.
 */
#include "pipeline/trace/value/value_filter.h"

#include "pipeline/trace/value/wire.h"

struct filter {
	value_keep_pair *keep;
	void *arg;
	uint8_t *out;
	size_t path_len; /* of the maps entered so far; may exceed the buffer's use by one byte */
	uint8_t path[VALUE_PATH_BYTES_MAX + 1];
};

static void write_pair(struct filter *f, struct slice content);
static void write_list(struct filter *f, struct slice content, bool pairs);

/* Begins message ${number} of at most ${len_max} bytes; write_end with the result ends it. */
static uint8_t *write_begin(struct filter *f, uint32_t number, size_t len_max)
{
	uint8_t *content = f->out + 1 + wire_varint_size(len_max);
	f->out = wire_write_varint(f->out, wire_tag(number, WIRE_LEN));
	uint8_t *length = f->out;
	f->out = content;
	return length;
}

static void write_end(struct filter *f, uint8_t *length, size_t len_max)
{
	uint8_t *content = length + wire_varint_size(len_max);
	size_t len = (size_t)(f->out - content);
	uint8_t *begin = wire_write_varint(length, len);
	if (begin != content && len > 0)
		memmove(begin, content, len);
	f->out = begin + len;
}

static void write_text(struct filter *f, uint32_t number, struct slice text)
{
	f->out = wire_write_varint(f->out, wire_tag(number, WIRE_LEN));
	f->out = wire_write_varint(f->out, text.len);
	if (text.len > 0)
		memcpy(f->out, text.ptr, text.len);
	f->out += text.len;
}

/* The one member of the AnyValue ${content}. */
static void write_any_value(struct filter *f, struct slice content)
{
	struct value value = value_read(content);
	switch (value.type) {
	case VALUE_STRING: write_text(f, ANY_VALUE_STRING, value.bytes); return;
	case VALUE_BYTES: write_text(f, ANY_VALUE_BYTES, value.bytes); return;
	case VALUE_BOOL:
	case VALUE_INT: {
		bool is_bool = value.type == VALUE_BOOL;
		uint32_t number = is_bool ? ANY_VALUE_BOOL : ANY_VALUE_INT;
		f->out = wire_write_varint(f->out, wire_tag(number, WIRE_VARINT));
		f->out = wire_write_varint(f->out, (uint64_t)value.i);
		return;
	}
	case VALUE_DOUBLE:
		f->out = wire_write_varint(f->out, wire_tag(ANY_VALUE_DOUBLE, WIRE_FIXED64));
		le_write_double(f->out, value.d);
		f->out += sizeof(value.d);
		return;
	case VALUE_ARRAY:
	case VALUE_KVLIST: {
		bool pairs = value.type == VALUE_KVLIST;
		uint8_t *length =
			write_begin(f, pairs ? ANY_VALUE_KVLIST : ANY_VALUE_ARRAY, value.bytes.len);
		write_list(f, value.bytes, pairs);
		write_end(f, length, value.bytes.len);
		return;
	}
	case VALUE_EMPTY:
	case VALUE_TYPE_COUNT: return;
	}
}

/* Appends ".key" to the path; returns its length before. */
static size_t enter_path(struct filter *f, struct slice key)
{
	size_t before = f->path_len;
	size_t room = sizeof(f->path) - before;
	if (room > 0) {
		f->path[f->path_len++] = '.';
		room--;
	}
	size_t len = key.len < room ? key.len : room;
	if (len > 0)
		memcpy(f->path + f->path_len, key.ptr, len);
	f->path_len += len;
	return before;
}

static void write_pair(struct filter *f, struct slice content)
{
	struct slice key = SLICE(""), value = SLICE("");
	bool has_key = false, has_value = false;
	struct wire_reader reader = {content.ptr, content.ptr + content.len};
	struct wire_field field = {0};
	while (reader.at < reader.end && wire_read_field(&reader, &field)) {
		if (field.number == KEY_VALUE_KEY) {
			key = field.content;
			has_key = true;
		} else if (field.number == KEY_VALUE_VALUE) {
			value = field.content;
			has_value = true;
		}
	}
	size_t before = enter_path(f, key);
	if (!key.ptr)
		key = SLICE("");
	if (!f->keep || f->keep(f->arg, key, slice_of(f->path, f->path_len), value_read(value))) {
		uint8_t *pair = write_begin(f, KVLIST_VALUES, content.len);
		if (has_key)
			write_text(f, KEY_VALUE_KEY, key);
		if (has_value) {
			uint8_t *length = write_begin(f, KEY_VALUE_VALUE, value.len);
			write_any_value(f, value);
			write_end(f, length, value.len);
		}
		write_end(f, pair, content.len);
	}
	f->path_len = before;
}

/* The content of an ArrayValue, or of a KeyValueList when ${pairs}. */
static void write_list(struct filter *f, struct slice content, bool pairs)
{
	struct wire_reader reader = {content.ptr, content.ptr + content.len};
	struct wire_field field = {0};
	while (reader.at < reader.end && wire_read_field(&reader, &field)) {
		if (field.number != ARRAY_VALUE_VALUES)
			continue;
		if (pairs) {
			write_pair(f, field.content);
			continue;
		}
		if (f->keep && !f->keep(f->arg, (struct slice){NULL, 0},
					slice_of(f->path, f->path_len), value_read(field.content)))
			continue;
		uint8_t *length = write_begin(f, ARRAY_VALUE_VALUES, field.content.len);
		write_any_value(f, field.content);
		write_end(f, length, field.content.len);
	}
}

struct value value_filter(struct value value, struct slice key, value_keep_pair *keep, void *arg,
			  uint8_t *out)
{
	struct filter f = {.keep = keep, .arg = arg, .out = out};
	f.path_len = key.len < sizeof(f.path) ? key.len : sizeof(f.path);
	if (f.path_len > 0)
		memcpy(f.path, key.ptr, f.path_len);
	write_list(&f, value.bytes, value.type == VALUE_KVLIST);
	return (struct value){.type = value.type, .bytes = slice_of(out, (size_t)(f.out - out))};
}
