/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that Sluice writes itself: a script of calls to the builder, beside the same calls to
 * the tests' own writer. Both must come to the same bytes; nesting and memory have their bounds.
 *
 * Byte 0: the budget in units of 4 KiB, 0 for plenty. Steps: a call, a field number, then what the
 * call takes.
 */
#include "pipeline/trace/otlp/builder.h"
#include "tests/support/fuzz_script.h"
#include "tests/support/trace_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DEPTH_MAX = 2 * TRACE_BUILDER_DEPTH_MAX, BUDGET_UNIT = 4096, BUDGET_PLENTY = 64 << 20 };

enum call {
	CALL_BEGIN = 0,
	CALL_END,
	CALL_VARINT,
	CALL_FIXED32,
	CALL_FIXED64,
	CALL_BYTES,
	CALL_TEXT,
	CALL_ATTR,
	CALL_BEGIN_ARRAY,
	CALL_END_ARRAY,
	CALL_COUNT
};

struct pair {
	struct trace_builder builder;
	struct buf expected;
	size_t open[DEPTH_MAX];
	size_t depth, deepest;
};

static uint64_t take_number(struct slice *script)
{
	uint64_t number = 0;
	struct slice bytes = fuzz_bytes(script, sizeof(number));
	memcpy(&number, bytes.ptr, bytes.len);
	return number;
}

static void begin(struct pair *pair, uint32_t field)
{
	trace_builder_begin(&pair->builder, field);
	if (pair->depth == DEPTH_MAX)
		return;
	pair->open[pair->depth++] = tw_open(&pair->expected, field);
	if (pair->depth > pair->deepest)
		pair->deepest = pair->depth;
}

static void close_expected(struct pair *pair)
{
	if (pair->depth > 0)
		tw_close(&pair->expected, pair->open[--pair->depth]);
}

static struct value take_value(struct slice *script)
{
	enum value_type type = (enum value_type)(fuzz_byte(script) % VALUE_TYPE_COUNT);
	struct value value = {.type = type};
	if (type == VALUE_BOOL || type == VALUE_INT || type == VALUE_DOUBLE) {
		value.i = (int64_t)take_number(script);
		memcpy(&value.d, &value.i, sizeof(value.d));
	} else {
		value.bytes = fuzz_bytes(script, fuzz_byte(script));
	}
	return value;
}

static void expect_value(struct buf *out, uint32_t field, const struct value *value)
{
	static const uint32_t fields[VALUE_TYPE_COUNT] = {
		[VALUE_STRING] = ANY_VALUE_STRING, [VALUE_BOOL] = ANY_VALUE_BOOL,
		[VALUE_INT] = ANY_VALUE_INT,	   [VALUE_DOUBLE] = ANY_VALUE_DOUBLE,
		[VALUE_ARRAY] = ANY_VALUE_ARRAY,   [VALUE_KVLIST] = ANY_VALUE_KVLIST,
		[VALUE_BYTES] = ANY_VALUE_BYTES};
	size_t mark = tw_open(out, field);
	if (value->type == VALUE_BOOL)
		tw_varint(out, fields[value->type], value->i != 0);
	else if (value->type == VALUE_INT)
		tw_varint(out, fields[value->type], (uint64_t)value->i);
	else if (value->type == VALUE_DOUBLE)
		tw_fixed64(out, fields[value->type], (uint64_t)value->i);
	else if (value->type != VALUE_EMPTY)
		tw_bytes(out, fields[value->type], value->bytes);
	tw_close(out, mark);
}

static void add_attr(struct pair *pair, uint32_t field, struct slice *script)
{
	struct slice key = fuzz_bytes(script, fuzz_byte(script) & 15);
	struct value value = take_value(script);
	trace_builder_attr(&pair->builder, field, key, value);
	size_t mark = tw_open(&pair->expected, field);
	tw_bytes(&pair->expected, KEY_VALUE_KEY, key);
	expect_value(&pair->expected, KEY_VALUE_VALUE, &value);
	tw_close(&pair->expected, mark);
	if (pair->depth + 2 > pair->deepest)
		pair->deepest = pair->depth + 2;
}

static void begin_array(struct pair *pair, uint32_t field, struct slice *script)
{
	struct slice key = fuzz_bytes(script, fuzz_byte(script) & 15);
	if (pair->depth + 3 > DEPTH_MAX)
		return;
	trace_builder_begin_array(&pair->builder, field, key);
	pair->open[pair->depth++] = tw_open(&pair->expected, field);
	tw_bytes(&pair->expected, KEY_VALUE_KEY, key);
	pair->open[pair->depth++] = tw_open(&pair->expected, KEY_VALUE_VALUE);
	pair->open[pair->depth++] = tw_open(&pair->expected, ANY_VALUE_ARRAY);
	if (pair->depth > pair->deepest)
		pair->deepest = pair->depth;
}

static void run_call(struct pair *pair, struct slice *script)
{
	struct trace_builder *builder = &pair->builder;
	struct buf *expected = &pair->expected;
	enum call call = (enum call)(fuzz_byte(script) % CALL_COUNT);
	uint32_t field = 1 + fuzz_byte(script) * 37u;
	uint64_t number = call >= CALL_VARINT && call <= CALL_FIXED64 ? take_number(script) : 0;
	struct slice bytes = call == CALL_BYTES || call == CALL_TEXT
				     ? fuzz_bytes(script, fuzz_byte(script))
				     : slice_of(NULL, 0);
	switch (call) {
	case CALL_BEGIN: begin(pair, field); break;
	case CALL_END:
		trace_builder_end(builder);
		close_expected(pair);
		break;
	case CALL_VARINT:
		trace_builder_varint(builder, field, number);
		tw_varint(expected, field, number);
		break;
	case CALL_FIXED32:
		trace_builder_fixed32(builder, field, (uint32_t)number);
		tw_fixed32(expected, field, (uint32_t)number);
		break;
	case CALL_FIXED64:
		trace_builder_fixed64(builder, field, number);
		tw_fixed64(expected, field, number);
		break;
	case CALL_BYTES:
		trace_builder_bytes(builder, field, bytes);
		tw_bytes(expected, field, bytes);
		break;
	case CALL_TEXT:
		trace_builder_text(builder, field, bytes);
		if (bytes.len > 0)
			tw_bytes(expected, field, bytes);
		break;
	case CALL_ATTR: add_attr(pair, field, script); break;
	case CALL_BEGIN_ARRAY: begin_array(pair, field, script); break;
	case CALL_END_ARRAY:
		trace_builder_end_array(builder);
		for (int i = 0; i < 3; i++)
			close_expected(pair);
		break;
	case CALL_COUNT: break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice script = slice_of(data, size);
	struct pair pair = {.expected = BUF_INIT};
	struct budget budget;
	struct err err = {0};
	if (size == 0)
		return 0;
	uint8_t units = fuzz_byte(&script);
	budget_init(&budget, units > 0 ? (size_t)units * BUDGET_UNIT : BUDGET_PLENTY);
	trace_builder_init(&pair.builder, &budget);
	while (script.len > 0)
		run_call(&pair, &script);
	while (pair.depth > 0)
		close_expected(&pair);
	struct chunk *chunk = trace_builder_take(&pair.builder, 7, &err);
	if (chunk) {
		fuzz_must(pair.deepest <= TRACE_BUILDER_DEPTH_MAX && chunk->span_count == 7);
		fuzz_must(slice_equal(chunk_slice(chunk), buf_slice(&pair.expected)));
	} else if (err.kind == ERR_LIMIT) {
		fuzz_must(pair.deepest > TRACE_BUILDER_DEPTH_MAX);
	} else {
		fuzz_must(err.kind == ERR_NOMEM && units > 0);
	}
	chunk_unref(chunk);
	trace_builder_fini(&pair.builder);
	buf_fini(&pair.expected);
	fuzz_must(budget_used(&budget) == 0);
	return 0;
}
