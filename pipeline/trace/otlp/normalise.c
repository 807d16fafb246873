/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Normalisation. To a protobuf decoder a message is the concatenation of its occurrences, so here
 * a message is a list of parts (ranges of the received body) that are read one after another:
 *   - a repeated or unknown field is copied where it stands;
 *   - of a singular number, text or bytes only the last occurrence is copied;
 *   - a singular message is written where it stood last, made of the parts of all occurrences;
 *   - of a oneof the last member alone is written. A message member does not merge with an earlier
 *     occurrence of itself: so do protobuf-c and the Collector; and what is written here is what
 *     every decoder downstream sees, whichever way it decides;
 *   - a field of an old version is written under the number that replaced it, or left out when the
 *     message has the newer one as well.
 *
 * Recursion follows the schema and stops at TRACE_VALUE_DEPTH_MAX values in each other. Each
 * message comes out no longer than its occurrences were, so the output fits the body's size: tags
 * and lengths are written in their shortest form and merging saves headers.
 */
#include "pipeline/trace/otlp/normalise.h"

#include "pipeline/trace/otlp/index.h"
#include "pipeline/trace/otlp/schema.h"

#include <stdlib.h>

struct normaliser {
	const uint8_t *body;
	uint8_t *out;	     /* where the next byte goes */
	struct range *parts; /* a stack: the parts of each message on the way down */
	size_t part_count, part_cap;
	unsigned value_depth;
	uint32_t superseded; /* old fields left out */
	struct budget *budget;
	struct err *err;
};

/* Where the last occurrence of each field begins, 0: nowhere; of the oneof, at 0. */
struct last_seen {
	uint32_t off[SCHEMA_NUMBER_MAX + 1];
};

/* The fields of a message in all its parts, one by one. */
struct part_reader {
	size_t part, part_end;
	struct wire_reader wire;
};

static bool push_part(struct normaliser *n, struct slice content)
{
	if (n->part_count == n->part_cap) {
		size_t cap = n->part_cap ? n->part_cap * 2 : 64;
		size_t more = (cap - n->part_cap) * sizeof(*n->parts);
		if (!budget_take(n->budget, more))
			goto fail;
		struct range *parts = realloc(n->parts, cap * sizeof(*parts));
		if (!parts) {
			budget_give(n->budget, more);
			goto fail;
		}
		n->parts = parts;
		n->part_cap = cap;
	}
	n->parts[n->part_count++] =
		(struct range){(uint32_t)(content.ptr - n->body), (uint32_t)content.len};
	return true;
fail:
	(void)err_set(n->err, ERR_NOMEM, "out of memory while normalising a request");
	return false;
}

static struct part_reader parts_begin(size_t part, size_t part_end)
{
	return (struct part_reader){.part = part, .part_end = part_end, .wire = {NULL, NULL}};
}

/* 1: ${ret_field} is the next field; 0: no more; -1: malformed, err set. */
static int parts_next(struct normaliser *n, struct part_reader *reader,
		      struct wire_field *ret_field)
{
	while (reader->wire.at == reader->wire.end) {
		if (reader->part == reader->part_end)
			return 0;
		struct range part = n->parts[reader->part++];
		/* All parts up to part_end are set. NOLINTNEXTLINE(clang-analyzer-core.*) */
		reader->wire.at = n->body + part.off;
		reader->wire.end = reader->wire.at + part.len;
	}
	if (wire_read_field(&reader->wire, ret_field))
		return 1;
	(void)err_set_at(n->err, (uint64_t)(ret_field->start - n->body), "malformed field");
	return -1;
}

static uint32_t slot_of(const struct schema_field *known, uint32_t number)
{
	return known->label == SCHEMA_ONEOF ? 0 : number;
}

static bool find_last(struct normaliser *n, enum schema_message message, size_t part,
		      size_t part_end, struct last_seen *ret_last)
{
	struct part_reader reader = parts_begin(part, part_end);
	struct wire_field field = {0};
	int more;
	while ((more = parts_next(n, &reader, &field)) > 0) {
		const struct schema_field *known = schema_field(message, field.number);
		if (!known)
			continue;
		uint32_t off = (uint32_t)(field.start - n->body);
		if (known->wire != field.type) {
			(void)err_set_at(n->err, off, "%s.%s has wire type %u, expected %u",
					 schema_message_name(message), known->name,
					 (unsigned)field.type, (unsigned)known->wire);
			return false;
		}
		if (!known->replaced_by)
			ret_last->off[slot_of(known, field.number)] = off;
	}
	return more == 0;
}

/* Pushes the contents of all occurrences of the singular message ${number}. */
static bool push_occurrences(struct normaliser *n, size_t part, size_t part_end, uint32_t number)
{
	struct part_reader reader = parts_begin(part, part_end);
	struct wire_field field = {0};
	int more;
	while ((more = parts_next(n, &reader, &field)) > 0) {
		if (field.number == number && !push_part(n, field.content))
			return false;
	}
	return more == 0;
}

static bool write_message(struct normaliser *n, enum schema_message message, size_t part,
			  size_t part_end);

/* Writes field ${number} with the message made of the parts from ${part} on, and pops them. */
static bool write_submessage(struct normaliser *n, uint32_t number, enum schema_message content,
			     size_t part)
{
	size_t len_max = 0;
	for (size_t i = part; i < n->part_count; i++)
		len_max += n->parts[i].len;
	n->out = wire_write_varint(n->out, wire_tag(number, WIRE_LEN));
	uint8_t *len_at = n->out;
	n->out += wire_varint_size(len_max);
	uint8_t *begin = n->out;
	bool is_value = content == SCHEMA_ANY_VALUE;
	if (is_value && ++n->value_depth > TRACE_VALUE_DEPTH_MAX) {
		(void)err_set(n->err, ERR_LIMIT, "attribute value nested over %d deep",
			      TRACE_VALUE_DEPTH_MAX);
		return false;
	}
	if (!write_message(n, content, part, n->part_count))
		return false;
	n->value_depth -= is_value;
	n->part_count = part;
	size_t len = (size_t)(n->out - begin);
	uint8_t *content_at = wire_write_varint(len_at, len);
	if (content_at != begin) {
		memmove(content_at, begin, len);
		n->out = content_at + len;
	}
	return true;
}

/* Whether another occurrence, or the newer field, stands for ${field}. */
static bool is_left_out(struct normaliser *n, const struct schema_field *known,
			const struct wire_field *field, const struct last_seen *last)
{
	if (known->replaced_by) {
		bool superseded = last->off[known->replaced_by] != 0;
		n->superseded += superseded;
		return superseded;
	}
	return known->label != SCHEMA_REPEATED &&
	       last->off[slot_of(known, field->number)] != (uint32_t)(field->start - n->body);
}

static bool write_message(struct normaliser *n, enum schema_message message, size_t part,
			  size_t part_end)
{
	struct last_seen last = {{0}};
	if (!find_last(n, message, part, part_end, &last))
		return false;
	struct part_reader reader = parts_begin(part, part_end);
	struct wire_field field = {0};
	int more;
	while ((more = parts_next(n, &reader, &field)) > 0) {
		const struct schema_field *known = schema_field(message, field.number);
		if (known && is_left_out(n, known, &field, &last))
			continue;
		if (!known || known->content == SCHEMA_NONE) {
			size_t len = (size_t)(reader.wire.at - field.start);
			memcpy(n->out, field.start, len);
			n->out += len;
			continue;
		}
		size_t child = n->part_count;
		bool pushed = known->label == SCHEMA_SINGULAR
				      ? push_occurrences(n, part, part_end, field.number)
				      : push_part(n, field.content);
		uint32_t number = known->replaced_by ? known->replaced_by : field.number;
		if (!pushed ||
		    !write_submessage(n, number, (enum schema_message)known->content, child))
			return false;
	}
	return more == 0;
}

struct chunk *trace_normalise(struct slice body, struct budget *budget, uint32_t *ret_superseded,
			      struct err *err)
{
	if (body.len > TRACE_BODY_BYTES_MAX) {
		(void)err_set(err, ERR_LIMIT, "request over %zu bytes", TRACE_BODY_BYTES_MAX);
		return NULL;
	}
	struct chunk *chunk = chunk_new(budget, body.len);
	if (!chunk) {
		(void)err_set(err, ERR_NOMEM, "out of memory while normalising a request");
		return NULL;
	}
	struct normaliser n = {.body = body.ptr, .out = chunk->data, .budget = budget, .err = err};
	bool ok = push_part(&n, body) && write_message(&n, SCHEMA_EXPORT_REQUEST, 0, 1);
	free(n.parts);
	budget_give(budget, n.part_cap * sizeof(*n.parts));
	if (!ok) {
		chunk_unref(chunk);
		return NULL;
	}
	chunk->len = (size_t)(n.out - chunk->data);
	*ret_superseded = n.superseded;
	return chunk;
}
