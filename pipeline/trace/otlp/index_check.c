/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The careful side of the index: what no fast path takes. Unknown fields are stepped over, faults
 * get their reason, attributes in unusual form and nested values are checked against the schema
 * with an explicit stack, so that a peer's nesting costs no stack of ours.
 */
#include "pipeline/trace/otlp/index_internal.h"

struct varint index_read_varint_slow(const uint8_t *at, const uint8_t *end, size_t bytes_max)
{
	struct wire_reader reader = {at, end};
	struct varint result = {NULL, 0};
	if (wire_read_varint(&reader, bytes_max, &result.value))
		result.at = reader.at;
	return result;
}

COLD bool index_fail(struct walk *walk, enum schema_message message, const uint8_t *at,
		     const uint8_t *end)
{
	const char *name = schema_message_name(message);
	struct wire_reader reader = {at, end};
	struct wire_field field;
	const struct schema_field *known = NULL;
	if (wire_read_field(&reader, &field))
		known = schema_field(message, field.number);
	if (known)
		(void)err_set_at(walk->err, walk_off(walk, at),
				 "%s.%s has wire type %u, expected %u", name, known->name,
				 (unsigned)field.type, (unsigned)known->wire);
	else
		(void)err_set_at(walk->err, walk_off(walk, at), "malformed field in %s", name);
	return false;
}

COLD bool index_fail_id(struct walk *walk, enum schema_message message, const uint8_t *at)
{
	(void)err_set_at(walk->err, walk_off(walk, at),
			 "%s has a trace id that is not of 16 bytes or a span id not of 8",
			 schema_message_name(message));
	return false;
}

const uint8_t *index_skip_unknown(struct walk *walk, enum schema_message message, const uint8_t *at,
				  const uint8_t *end)
{
	struct wire_reader reader = {at, end};
	struct wire_field field;
	if (wire_read_field(&reader, &field) && !schema_field(message, field.number)) {
		walk->index->unknown_count++;
		return reader.at;
	}
	(void)index_fail(walk, message, at, end);
	return NULL;
}

/* Deepest path: a value in a key-value in a list in a value, and so on. */
enum { LEVELS_MAX = TRACE_VALUE_DEPTH_MAX * 3 + 1 };

struct level {
	const uint8_t *end;
	uint32_t members; /* singular fields seen, as 1 << number; oneof members as bit 0 */
	uint8_t message;  /* enum schema_message */
};

struct level_stack {
	struct level levels[LEVELS_MAX];
	unsigned count;
	unsigned values; /* AnyValue levels among them */
};

static bool enter_message(struct walk *walk, struct level_stack *stack, enum schema_message message,
			  const uint8_t *at, const uint8_t *end)
{
	if (message == SCHEMA_ANY_VALUE && ++stack->values > TRACE_VALUE_DEPTH_MAX) {
		(void)err_set(walk->err, ERR_LIMIT,
			      "attribute value nested over %d deep at byte %u",
			      TRACE_VALUE_DEPTH_MAX, walk_off(walk, at));
		return false;
	}
	walk->index->map_count += message == SCHEMA_KVLIST;
	stack->levels[stack->count++] = (struct level){.end = end, .message = (uint8_t)message};
	return true;
}

static void leave_message(struct level_stack *stack)
{
	if (stack->levels[--stack->count].message == SCHEMA_ANY_VALUE)
		stack->values--;
}

static void note_member(struct walk *walk, struct level *level, const struct schema_field *known,
			uint32_t number)
{
	uint32_t bit = known->label == SCHEMA_ONEOF ? 1 : UINT32_C(1) << number;
	if (known->label == SCHEMA_REPEATED)
		return;
	if (level->members & bit)
		walk->rewrite = true;
	level->members |= bit;
}

static uint8_t type_of_member(uint32_t number)
{
	static const uint8_t types[] = {
		[ANY_VALUE_STRING] = VALUE_STRING, [ANY_VALUE_BOOL] = VALUE_BOOL,
		[ANY_VALUE_INT] = VALUE_INT,	   [ANY_VALUE_DOUBLE] = VALUE_DOUBLE,
		[ANY_VALUE_ARRAY] = VALUE_ARRAY,   [ANY_VALUE_KVLIST] = VALUE_KVLIST,
		[ANY_VALUE_BYTES] = VALUE_BYTES,
	};
	return types[number];
}

bool index_check_message(struct walk *walk, enum schema_message message, struct slice content,
			 uint8_t *ret_type)
{
	struct level_stack stack;
	stack.count = stack.values = 0;
	uint8_t type = VALUE_EMPTY;
	struct wire_reader reader = {content.ptr, content.ptr + content.len};
	if (!enter_message(walk, &stack, message, reader.at, reader.end))
		return false;
	while (stack.count > 0) {
		struct level *level = &stack.levels[stack.count - 1];
		if (reader.at == level->end) {
			leave_message(&stack);
			continue;
		}
		reader.end = level->end;
		enum schema_message here = (enum schema_message)level->message;
		struct wire_field field;
		if (!wire_read_field(&reader, &field))
			return index_fail(walk, here, field.start, level->end);
		const struct schema_field *known = schema_field(here, field.number);
		if (!known) {
			walk->index->unknown_count++;
			continue;
		}
		if (known->wire != field.type)
			return index_fail(walk, here, field.start, level->end);
		note_member(walk, level, known, field.number);
		if (stack.count == 1 && known->label == SCHEMA_ONEOF)
			type = type_of_member(field.number);
		if (known->content == SCHEMA_NONE || field.type != WIRE_LEN)
			continue;
		reader.at = field.content.ptr;
		if (!enter_message(walk, &stack, (enum schema_message)known->content, reader.at,
				   reader.at + field.content.len))
			return false;
	}
	if (ret_type)
		*ret_type = type;
	return true;
}

bool index_walk_attr_slow(struct walk *walk, struct attr_entry *attr, const uint8_t *at,
			  const uint8_t *end)
{
	struct walk_seen seen = {0, 0};
	attr->key = attr->value = (struct range){0, 0};
	attr->value_type = VALUE_EMPTY;
	while (at < end) {
		const uint8_t *field = at;
		struct varint tag = read_tag(at, end);
		if (tag.value != TAG_LEN(KEY_VALUE_KEY) && tag.value != TAG_LEN(KEY_VALUE_VALUE)) {
			if (!(at = index_skip_unknown(walk, SCHEMA_KEY_VALUE, field, end)))
				return false;
			continue;
		}
		struct varint len = read_len(tag.at, end);
		if (!len.at)
			return index_fail(walk, SCHEMA_KEY_VALUE, field, end);
		at = len.at + len.value;
		walk_see(&seen, (uint32_t)tag.value >> 3);
		if (tag.value == TAG_LEN(KEY_VALUE_KEY)) {
			attr->key = walk_range(walk, len.at, at);
			continue;
		}
		attr->value = walk_range(walk, len.at, at);
		int type = walk_scalar_type(len.at, at);
		if (type >= 0)
			attr->value_type = (uint8_t)type;
		else if (!index_check_message(walk, SCHEMA_ANY_VALUE,
					      slice_of(len.at, (size_t)len.value),
					      &attr->value_type))
			return false;
	}
	walk_note_repeats(walk, seen);
	attr->key_id = walk_key_id(walk, walk->body + attr->key.off, attr->key.len);
	return true;
}
