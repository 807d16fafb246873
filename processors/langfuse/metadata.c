/* SPDX-License-Identifier: Apache-2.0 */
/* Members are put together as text: what comes first wins. Bounded in members and in bytes. */
#include "processors/langfuse/metadata.h"

#include "processors/langfuse/json.h"

#include <math.h>

static void begin_member(struct buf *object)
{
	if (object->len > 1)
		buf_append_byte(object, ',');
}

/* Adds the members of ${more} that ${known} has not. False when nothing was added. */
static bool add_members(struct buf *object, struct slice known, struct slice more)
{
	struct json_reader reader;
	struct json_member member;
	size_t before = object->len;
	if (!json_open(&reader, more))
		return false;
	for (int i = 0; i < METADATA_MEMBERS_MAX && json_next_member(&reader, &member); i++) {
		if (json_has_key(known, member.raw_key))
			continue;
		begin_member(object);
		buf_append(object, member.raw_key);
		buf_append_byte(object, ':');
		buf_append(object, member.raw);
	}
	return object->len > before;
}

static struct slice finish(struct run *run, struct buf *object)
{
	buf_append_byte(object, '}');
	return object->failed ? (struct slice){NULL, 0}
			      : arena_copy(&run->scratch->arena, buf_slice(object));
}

/* Begins the member ${name}, unless ${object} has it. */
static bool add_key(struct buf *object, struct slice name)
{
	size_t before = object->len;
	begin_member(object);
	size_t begin = object->len;
	buf_append_byte(object, '"');
	buf_append_json(object, name);
	buf_append_byte(object, '"');
	struct slice all = buf_slice(object);
	if (object->failed ||
	    json_has_key(slice_of(all.ptr, before), slice_of(all.ptr + begin, all.len - begin))) {
		object->len = before;
		return false;
	}
	buf_append_byte(object, ':');
	return true;
}

/* Single keys: texts, numbers and truth values. */
static void add_single_keys(const struct span_roles *roles, struct buf *object)
{
	struct attr_view key;
	int left = METADATA_MEMBERS_MAX;
	for (struct attr_cursor cursor = view_attrs(roles->view, roles->owner);
	     view_next_attr(roles->view, &cursor, &key);) {
		struct slice name = keys_trace_metadata(key.key_id, key.key);
		if (name.len == 0 || key.value_type == VALUE_EMPTY ||
		    key.value_type >= VALUE_ARRAY || left == 0 || object->len > METADATA_BYTES_MAX)
			continue;
		left--;
		struct value value = view_attr_value(roles->view, roles->owner, &key);
		if ((value.type == VALUE_DOUBLE && !isfinite(value.d)) || !add_key(object, name))
			continue;
		if (value.type == VALUE_STRING) {
			buf_append_byte(object, '"');
			buf_append_json(object, value.bytes);
			buf_append_byte(object, '"');
		} else {
			value_append_text(object, value);
		}
	}
}

struct slice trace_metadata_of(struct run *run, const struct span_roles *roles)
{
	struct buf *object = &run->scratch->text;
	struct slice base = slice_trim(roles_text(roles, ROLE_TRACE_METADATA));
	if (!json_is_object(base) || base.len > METADATA_BYTES_MAX)
		base = (struct slice){NULL, 0};
	if (!roles->trace_metadata)
		return base;
	buf_reset(object);
	buf_append_byte(object, '{');
	add_single_keys(roles, object);
	if (object->failed || object->len == 1)
		return base;
	struct slice singles = finish(run, object);
	return trace_metadata_merge(run, singles, base, (size_t)2 * METADATA_BYTES_MAX);
}

struct slice trace_metadata_merge(struct run *run, struct slice first, struct slice second,
				  size_t bytes_max)
{
	struct buf *object = &run->scratch->text;
	if (first.len == 0 || second.len == 0 || first.ptr == second.ptr)
		return first.len == 0 ? second : first;
	if (first.len + second.len > bytes_max)
		return first;
	buf_reset(object);
	buf_append(object, slice_of(first.ptr, first.len - 1)); /* without the last brace */
	if (slice_trim(buf_slice(object)).len == 1)
		object->len = 1; /* an empty object */
	if (!add_members(object, first, second))
		return first;
	struct slice all = finish(run, object);
	return all.len > 0 ? all : first;
}
