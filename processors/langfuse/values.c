/* SPDX-License-Identifier: Apache-2.0 */
#include "processors/langfuse/values.h"

struct found {
	struct slice key;
	key_id id;
	struct value value;
};

static bool is_scalar(enum value_type type)
{
	return type >= VALUE_STRING && type <= VALUE_DOUBLE;
}

enum reading { READ_AS_IS, READ_AS_TEXT, READ_NOT_AT_ALL };

/* Arrays of scalars are read; an empty one would become a text about protobuf. */
static enum reading reading_of(struct value value)
{
	struct value item;
	if (value.type != VALUE_ARRAY)
		return READ_AS_TEXT;
	enum reading reading = READ_NOT_AT_ALL;
	for (struct slice cursor = value.bytes; value_next_item(&cursor, &item);) {
		if (!is_scalar(item.type))
			return READ_AS_TEXT;
		reading = READ_AS_IS;
	}
	return reading;
}

void values_convert(struct run *run, struct owner owner)
{
	struct found *found = NULL;
	size_t count = 0;
	struct attr_key attr;
	for (uint32_t cursor = 0; edit_next_key(run->edit, owner, &cursor, &attr);) {
		if (attr.value_type < VALUE_ARRAY)
			continue;
		struct value value = edit_read_attr(run->edit, owner, attr.at).value;
		enum reading reading = reading_of(value);
		if (reading == READ_NOT_AT_ALL && attr.attr != EDIT_ATTR_ADDED)
			edit_drop_attr(run->edit, attr.attr);
		if (reading != READ_AS_TEXT)
			continue;
		if (!found)
			found = arena_calloc(&run->scratch->arena, VALUES_CONVERTED_MAX,
					     sizeof(*found));
		if (!found || count == VALUES_CONVERTED_MAX)
			run->counts[COUNT_NOT_CONVERTED]++;
		else
			found[count++] = (struct found){attr.key, attr.key_id, value};
	}
	/* In order: of two values under one key the last counts. */
	for (size_t i = 0; i < count; i++) {
		struct buf *text = &run->scratch->text;
		buf_reset(text);
		value_append_text(text, found[i].value);
		edit_set_attr(run->edit, owner, found[i].key, found[i].id,
			      value_of_str(buf_slice(text)));
	}
}

enum { ENVIRONMENT_BYTES_MAX = 40 };

void values_set_environment(struct run *run, struct owner owner, const struct span_view *view)
{
	static const struct slice reserved = SLICE_INIT("langfuse");
	struct slice given = view_text(view, ROLE_ENVIRONMENT);
	char slug[ENVIRONMENT_BYTES_MAX];
	size_t len = 0;
	bool changed = false;
	while (given.len > reserved.len &&
	       slice_equal_nocase(slice_of(given.ptr, reserved.len), reserved) &&
	       (given.ptr[reserved.len] == '-' || given.ptr[reserved.len] == '_')) {
		given = slice_of(given.ptr + reserved.len + 1, given.len - reserved.len - 1);
		changed = true;
	}
	for (size_t i = 0; i < given.len && len < sizeof(slug); i++) {
		uint8_t byte = given.ptr[i];
		bool fine = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
			    byte == '-' || byte == '_';
		if (byte >= 'A' && byte <= 'Z')
			slug[len++] = (char)(byte - 'A' + 'a');
		else
			slug[len++] = fine ? (char)byte : '-';
		changed |= !fine;
	}
	if (len > 0 && (changed || given.len > len))
		keys_set(&run->self->keys, run->edit, owner, ROLE_ENVIRONMENT,
			 view->rank[ROLE_ENVIRONMENT], value_of_str(slice_of(slug, len)));
}
