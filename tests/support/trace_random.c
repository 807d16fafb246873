/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/trace_random.h"

#include "pipeline/base/le.h"
#include "pipeline/trace/otlp/schema.h"
#include "tests/support/trace_wire.h"

enum { DEPTH_MAX = 4 /* of generated values */ };

const char *const random_keys[RANDOM_KEYS] = {
	"a",
	"http.target",
	"service.name",
	"gen_ai.request.model",
	"gen_ai.response.finish_reasons.and.more",
	"key_of_15_bytes",
	"key_of_16_bytes.",
	"key_of_17_bytes..",
	"unregistered",
	"",
	"another.unregistered.attribute.key",
	"b",
};

struct random_shape random_shape_of(uint64_t seed)
{
	struct random_shape shape = {.rng = seed};
	uint64_t bits = tw_random(&shape.rng);
	shape.shuffle = bits & 1;
	shape.pad = bits & 2;
	shape.repeat = (bits & 0xc) == 0xc;
	shape.unknown = bits & 16;
	return shape;
}

static bool one_in(struct random_shape *shape, uint32_t n)
{
	return tw_below(&shape->rng, n) == 0;
}

static void put_small_varint(struct random_shape *shape, struct buf *out, uint64_t value)
{
	if (shape->pad && one_in(shape, 8) && value < (1u << 28))
		tw_padded_varint(out, value, 4 + tw_below(&shape->rng, 2));
	else
		tw_raw_varint(out, value);
}

static uint64_t random_number(struct random_shape *shape)
{
	uint64_t value = tw_random(&shape->rng);
	return one_in(shape, 3) ? value : value >> (tw_below(&shape->rng, 60) + 4);
}

static void put_number(struct random_shape *shape, struct buf *out, uint32_t wire)
{
	uint64_t value = random_number(shape);
	uint8_t bytes[8];
	le_write64(bytes, value);
	if (wire == WIRE_FIXED64)
		buf_append(out, slice_of(bytes, 8));
	else if (wire == WIRE_FIXED32)
		buf_append(out, slice_of(bytes, 4));
	else if (shape->pad && one_in(shape, 8))
		tw_padded_varint(out, value, 10);
	else
		tw_raw_varint(out, value);
}

/* Text without NUL (protobuf-c would cut it there). */
static void put_text(struct random_shape *shape, struct buf *out)
{
	uint32_t len = one_in(shape, 6) ? tw_below(&shape->rng, 300) : tw_below(&shape->rng, 20);
	for (uint32_t i = 0; i < len; i++)
		buf_append_byte(out, (uint8_t)(1 + tw_below(&shape->rng, 255)));
}

static void put_id(struct random_shape *shape, struct buf *out, uint32_t len)
{
	if (one_in(shape, 8))
		return;
	uint64_t id[2] = {tw_random(&shape->rng), tw_random(&shape->rng)};
	buf_append(out, slice_of(id, len));
}

static void put_scalar_content(struct random_shape *shape, struct buf *out,
			       enum schema_message message, uint32_t number)
{
	bool trace_id = (message == SCHEMA_SPAN && number == SPAN_TRACE_ID) ||
			(message == SCHEMA_LINK && number == LINK_TRACE_ID);
	bool span_id = (message == SCHEMA_SPAN &&
			(number == SPAN_SPAN_ID || number == SPAN_PARENT_SPAN_ID)) ||
		       (message == SCHEMA_LINK && number == LINK_SPAN_ID);
	if (trace_id)
		put_id(shape, out, TRACE_ID_BYTES);
	else if (span_id)
		put_id(shape, out, SPAN_ID_BYTES);
	else if (message == SCHEMA_KEY_VALUE)
		buf_append_str(out, random_keys[tw_below(&shape->rng, RANDOM_KEYS)]);
	else
		put_text(shape, out);
}

static void put_message(struct random_shape *shape, struct buf *out, enum schema_message message,
			unsigned depth);

static void put_field(struct random_shape *shape, struct buf *out, enum schema_message message,
		      uint32_t number, unsigned depth)
{
	const struct schema_field *field = schema_field(message, number);
	put_small_varint(shape, out, wire_tag(number, (enum wire_type)field->wire));
	if (field->wire != WIRE_LEN) {
		put_number(shape, out, field->wire);
		return;
	}
	struct buf content = BUF_INIT;
	if (field->content != SCHEMA_NONE)
		put_message(shape, &content, (enum schema_message)field->content, depth + 1);
	else
		put_scalar_content(shape, &content, message, number);
	put_small_varint(shape, out, content.len);
	buf_append(out, buf_slice(&content));
	buf_fini(&content);
}

static void put_unknown(struct random_shape *shape, struct buf *out)
{
	static const uint32_t numbers[] = {17, 100, 1001, 536870911};
	uint32_t number = numbers[tw_below(&shape->rng, ARRAY_COUNT(numbers))];
	switch (tw_below(&shape->rng, 4)) {
	case 0: tw_varint(out, number, random_number(shape)); return;
	case 1: tw_fixed64(out, number, random_number(shape)); return;
	case 2: tw_fixed32(out, number, (uint32_t)random_number(shape)); return;
	default: tw_bytes(out, number, SLICE("\x0a\x03xyz")); return;
	}
}

static uint32_t occurrences(struct random_shape *shape, const struct schema_field *field,
			    unsigned depth)
{
	if (field->label == SCHEMA_REPEATED)
		return depth > DEPTH_MAX + 3 ? 0 : tw_below(&shape->rng, depth < 3 ? 3 : 4);
	if (shape->repeat && one_in(shape, 12))
		return 2;
	return one_in(shape, 4) ? 0 : 1;
}

/* Which fields occur: numbers into ${list}, returns how many. */
static uint32_t choose_fields(struct random_shape *shape, enum schema_message message,
			      unsigned depth, uint32_t *list, uint32_t list_max)
{
	uint32_t count = 0;
	if (message == SCHEMA_ANY_VALUE) {
		uint32_t members = shape->repeat && one_in(shape, 8) ? 2 : !one_in(shape, 12);
		static const uint8_t shallow[] = {ANY_VALUE_STRING, ANY_VALUE_BOOL, ANY_VALUE_INT,
						  ANY_VALUE_DOUBLE, ANY_VALUE_BYTES};
		while (count < members)
			list[count++] = depth > DEPTH_MAX + 5
						? shallow[tw_below(&shape->rng, 5)]
						: 1 + tw_below(&shape->rng, ANY_VALUE_BYTES);
		return count;
	}
	for (uint32_t number = 1; number <= SCHEMA_NUMBER_MAX; number++) {
		const struct schema_field *field = schema_field(message, number);
		uint32_t times = field ? occurrences(shape, field, depth) : 0;
		while (times-- > 0 && count < list_max)
			list[count++] = number;
	}
	if (message == SCHEMA_RESOURCE_SPANS && shape->repeat && one_in(shape, 6))
		list[count++] = RESOURCE_SPANS_DEPRECATED_ILS;
	return count;
}

static void put_message(struct random_shape *shape, struct buf *out, enum schema_message message,
			unsigned depth)
{
	uint32_t list[64];
	uint32_t count = choose_fields(shape, message, depth, list, ARRAY_COUNT(list));
	for (uint32_t i = count; shape->shuffle && i > 1; i--) {
		uint32_t other = tw_below(&shape->rng, i), kept = list[i - 1];
		list[i - 1] = list[other];
		list[other] = kept;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (shape->unknown && one_in(shape, 16))
			put_unknown(shape, out);
		put_field(shape, out, message, list[i], depth);
	}
	if (shape->unknown && one_in(shape, 16))
		put_unknown(shape, out);
}

void random_request(struct random_shape *shape, struct buf *out)
{
	put_message(shape, out, SCHEMA_EXPORT_REQUEST, 0);
}

static void flip_bits(struct random_shape *shape, struct buf *body)
{
	for (uint32_t left = 1 + tw_below(&shape->rng, 3); left > 0; left--)
		body->data[tw_below(&shape->rng, (uint32_t)body->len)] ^=
			(uint8_t)(1u << tw_below(&shape->rng, 8));
}

static void double_range(struct random_shape *shape, struct buf *body)
{
	uint32_t from = tw_below(&shape->rng, (uint32_t)body->len);
	uint32_t left = (uint32_t)body->len - from;
	struct buf copy = BUF_INIT;
	buf_append(&copy, slice_of(body->data + from, tw_below(&shape->rng, left) % 40 + 1));
	struct buf tail = BUF_INIT;
	buf_append(&tail, slice_of(body->data + from, left));
	body->len = from;
	buf_append(body, buf_slice(&copy));
	buf_append(body, buf_slice(&tail));
	buf_fini(&copy);
	buf_fini(&tail);
}

static void remove_range(struct random_shape *shape, struct buf *body)
{
	uint32_t from = tw_below(&shape->rng, (uint32_t)body->len);
	uint32_t len = tw_below(&shape->rng, (uint32_t)body->len - from) % 12 + 1;
	memmove(body->data + from, body->data + from + len, body->len - from - len);
	body->len -= len;
}

void random_damage(struct random_shape *shape, struct buf *body)
{
	if (body->len == 0)
		return;
	switch (tw_below(&shape->rng, 4)) {
	case 0: flip_bits(shape, body); return;
	case 1: body->len = tw_below(&shape->rng, (uint32_t)body->len); return;
	case 2: double_range(shape, body); return;
	default: remove_range(shape, body); return;
	}
}
