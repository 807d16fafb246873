/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A nested message is written without its length first; when it ends, its content moves up by the
 * size of the length and the length goes into the gap. So lengths are minimal varints, as every
 * ordinary encoder writes them, at the price of one move per level: right for small requests.
 */
#include "pipeline/trace/otlp/builder.h"

#include "pipeline/trace/value/wire.h"

enum {
	VARINT_BYTES_MAX = 10,
	TWO_VARINTS_BYTES_MAX = 2 * VARINT_BYTES_MAX,
	CAPACITY_BYTES = 4096, /* to begin with: most example requests fit */
};

static void fail(struct trace_builder *builder, enum err_kind kind)
{
	if (builder->failure == ERR_NONE)
		builder->failure = kind;
}

/* Room for ${more} bytes, or NULL and the failure latched. The caller adds what it wrote to len. */
static uint8_t *room(struct trace_builder *builder, size_t more)
{
	if (builder->failure != ERR_NONE)
		return NULL;
	if (!chunk_reserve(builder->chunk, more)) {
		fail(builder, ERR_NOMEM);
		return NULL;
	}
	return builder->chunk->data + builder->chunk->len;
}

static void wrote(struct trace_builder *builder, const uint8_t *end)
{
	builder->chunk->len = (size_t)(end - builder->chunk->data);
}

void trace_builder_init(struct trace_builder *builder, struct budget *budget)
{
	*builder = (struct trace_builder){.chunk = chunk_new(budget, CAPACITY_BYTES)};
	if (!builder->chunk)
		fail(builder, ERR_NOMEM);
}

void trace_builder_fini(struct trace_builder *builder)
{
	chunk_unref(builder->chunk);
	*builder = (struct trace_builder){.failure = ERR_NOMEM};
}

struct chunk *trace_builder_take(struct trace_builder *builder, uint32_t span_count,
				 struct err *err)
{
	while (builder->depth > 0)
		trace_builder_end(builder);
	enum err_kind failure = builder->failure;
	struct chunk *chunk = NULL;
	if (failure == ERR_NONE) {
		chunk = builder->chunk;
		chunk->span_count = span_count;
		builder->chunk = NULL;
	}
	trace_builder_fini(builder);
	if (failure == ERR_LIMIT)
		err_set(err, ERR_LIMIT, "more than %d nested messages", TRACE_BUILDER_DEPTH_MAX);
	else if (failure != ERR_NONE)
		err_set(err, failure, "no memory for a request");
	return chunk;
}

void trace_builder_begin(struct trace_builder *builder, uint32_t field)
{
	if (builder->depth == TRACE_BUILDER_DEPTH_MAX)
		fail(builder, ERR_LIMIT);
	uint8_t *out = room(builder, VARINT_BYTES_MAX);
	if (!out)
		return;
	wrote(builder, wire_write_varint(out, wire_tag(field, WIRE_LEN)));
	builder->content[builder->depth++] = builder->chunk->len;
}

void trace_builder_end(struct trace_builder *builder)
{
	if (builder->depth == 0)
		return;
	size_t begin = builder->content[--builder->depth];
	if (!room(builder, VARINT_BYTES_MAX))
		return;
	struct chunk *chunk = builder->chunk;
	size_t len = chunk->len - begin;
	size_t prefix = wire_varint_size(len);
	memmove(chunk->data + begin + prefix, chunk->data + begin, len);
	wire_write_varint(chunk->data + begin, len);
	chunk->len += prefix;
}

void trace_builder_varint(struct trace_builder *builder, uint32_t field, uint64_t number)
{
	uint8_t *out = room(builder, TWO_VARINTS_BYTES_MAX);
	if (!out)
		return;
	out = wire_write_varint(out, wire_tag(field, WIRE_VARINT));
	wrote(builder, wire_write_varint(out, number));
}

void trace_builder_fixed32(struct trace_builder *builder, uint32_t field, uint32_t number)
{
	uint8_t *out = room(builder, VARINT_BYTES_MAX + sizeof(number));
	if (!out)
		return;
	out = wire_write_varint(out, wire_tag(field, WIRE_FIXED32));
	le_write32(out, number);
	wrote(builder, out + sizeof(number));
}

void trace_builder_fixed64(struct trace_builder *builder, uint32_t field, uint64_t number)
{
	uint8_t *out = room(builder, VARINT_BYTES_MAX + sizeof(number));
	if (!out)
		return;
	out = wire_write_varint(out, wire_tag(field, WIRE_FIXED64));
	le_write64(out, number);
	wrote(builder, out + sizeof(number));
}

void trace_builder_bytes(struct trace_builder *builder, uint32_t field, struct slice bytes)
{
	size_t need;
	if (__builtin_add_overflow(bytes.len, (size_t)TWO_VARINTS_BYTES_MAX, &need))
		need = SIZE_MAX;
	uint8_t *out = room(builder, need);
	if (!out)
		return;
	out = wire_write_varint(out, wire_tag(field, WIRE_LEN));
	out = wire_write_varint(out, bytes.len);
	if (bytes.len > 0)
		memcpy(out, bytes.ptr, bytes.len);
	wrote(builder, out + bytes.len);
}

void trace_builder_text(struct trace_builder *builder, uint32_t field, struct slice text)
{
	if (text.len > 0)
		trace_builder_bytes(builder, field, text);
}

void trace_builder_value(struct trace_builder *builder, uint32_t field, struct value value)
{
	uint64_t bits;
	trace_builder_begin(builder, field);
	switch (value.type) {
	case VALUE_STRING: trace_builder_bytes(builder, ANY_VALUE_STRING, value.bytes); break;
	case VALUE_BYTES: trace_builder_bytes(builder, ANY_VALUE_BYTES, value.bytes); break;
	case VALUE_ARRAY: trace_builder_bytes(builder, ANY_VALUE_ARRAY, value.bytes); break;
	case VALUE_KVLIST: trace_builder_bytes(builder, ANY_VALUE_KVLIST, value.bytes); break;
	case VALUE_BOOL: trace_builder_varint(builder, ANY_VALUE_BOOL, value.i != 0); break;
	case VALUE_INT: trace_builder_varint(builder, ANY_VALUE_INT, (uint64_t)value.i); break;
	case VALUE_DOUBLE:
		memcpy(&bits, &value.d, sizeof(bits));
		trace_builder_fixed64(builder, ANY_VALUE_DOUBLE, bits);
		break;
	case VALUE_EMPTY:
	case VALUE_TYPE_COUNT: break;
	}
	trace_builder_end(builder);
}

void trace_builder_attr(struct trace_builder *builder, uint32_t field, struct slice key,
			struct value value)
{
	trace_builder_begin(builder, field);
	trace_builder_bytes(builder, KEY_VALUE_KEY, key);
	trace_builder_value(builder, KEY_VALUE_VALUE, value);
	trace_builder_end(builder);
}

void trace_builder_begin_array(struct trace_builder *builder, uint32_t field, struct slice key)
{
	trace_builder_begin(builder, field);
	trace_builder_bytes(builder, KEY_VALUE_KEY, key);
	trace_builder_begin(builder, KEY_VALUE_VALUE);
	trace_builder_begin(builder, ANY_VALUE_ARRAY);
}

void trace_builder_end_array(struct trace_builder *builder)
{
	trace_builder_end(builder); /* ArrayValue */
	trace_builder_end(builder); /* AnyValue */
	trace_builder_end(builder); /* KeyValue */
}
