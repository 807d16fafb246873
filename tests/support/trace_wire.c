/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/trace_wire.h"

#include "pipeline/base/le.h"

void tw_raw_varint(struct buf *out, uint64_t value)
{
	uint8_t bytes[10];
	uint8_t *end = wire_write_varint(bytes, value);
	buf_append(out, slice_of(bytes, (size_t)(end - bytes)));
}

void tw_padded_varint(struct buf *out, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++) {
		uint8_t more = i + 1 < bytes ? 0x80 : 0;
		buf_append_byte(out, (uint8_t)((value & 0x7f) | more));
		value >>= 7;
	}
}

void tw_varint(struct buf *out, uint32_t number, uint64_t value)
{
	tw_raw_varint(out, wire_tag(number, WIRE_VARINT));
	tw_raw_varint(out, value);
}

void tw_fixed64(struct buf *out, uint32_t number, uint64_t value)
{
	uint8_t bytes[sizeof(value)];
	le_write64(bytes, value);
	tw_raw_varint(out, wire_tag(number, WIRE_FIXED64));
	buf_append(out, slice_of(bytes, sizeof(bytes)));
}

void tw_fixed32(struct buf *out, uint32_t number, uint32_t value)
{
	uint8_t bytes[sizeof(value)];
	le_write32(bytes, value);
	tw_raw_varint(out, wire_tag(number, WIRE_FIXED32));
	buf_append(out, slice_of(bytes, sizeof(bytes)));
}

void tw_double(struct buf *out, uint32_t number, double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof(bits));
	tw_fixed64(out, number, bits);
}

void tw_bytes(struct buf *out, uint32_t number, struct slice bytes)
{
	tw_raw_varint(out, wire_tag(number, WIRE_LEN));
	tw_raw_varint(out, bytes.len);
	buf_append(out, bytes);
}

void tw_text(struct buf *out, uint32_t number, const char *text)
{
	tw_bytes(out, number, slice_str(text));
}

size_t tw_open(struct buf *out, uint32_t number)
{
	tw_raw_varint(out, wire_tag(number, WIRE_LEN));
	return out->len;
}

void tw_close(struct buf *out, size_t mark)
{
	size_t len = out->len - mark;
	uint8_t prefix[10];
	size_t prefix_len = (size_t)(wire_write_varint(prefix, len) - prefix);
	buf_append(out, slice_of(prefix, prefix_len)); /* makes room */
	if (out->failed)
		return;
	memmove(out->data + mark + prefix_len, out->data + mark, len);
	memcpy(out->data + mark, prefix, prefix_len);
}

void tw_attr_text(struct buf *out, uint32_t number, const char *key, const char *value)
{
	size_t pair = tw_open(out, number);
	tw_text(out, KEY_VALUE_KEY, key);
	size_t any = tw_open(out, KEY_VALUE_VALUE);
	tw_text(out, ANY_VALUE_STRING, value);
	tw_close(out, any);
	tw_close(out, pair);
}

void tw_attr_int(struct buf *out, uint32_t number, const char *key, int64_t value)
{
	size_t pair = tw_open(out, number);
	tw_text(out, KEY_VALUE_KEY, key);
	size_t any = tw_open(out, KEY_VALUE_VALUE);
	tw_varint(out, ANY_VALUE_INT, (uint64_t)value);
	tw_close(out, any);
	tw_close(out, pair);
}

void tw_attr_double(struct buf *out, uint32_t number, const char *key, double value)
{
	size_t pair = tw_open(out, number);
	tw_text(out, KEY_VALUE_KEY, key);
	size_t any = tw_open(out, KEY_VALUE_VALUE);
	tw_double(out, ANY_VALUE_DOUBLE, value);
	tw_close(out, any);
	tw_close(out, pair);
}

void tw_request_of_span(struct buf *out, struct slice span)
{
	size_t resource = tw_open(out, EXPORT_REQUEST_RESOURCE_SPANS);
	size_t scope = tw_open(out, RESOURCE_SPANS_SCOPE_SPANS);
	tw_bytes(out, SCOPE_SPANS_SPANS, span);
	tw_close(out, scope);
	tw_close(out, resource);
}

uint64_t tw_random(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint32_t tw_below(uint64_t *state, uint32_t bound)
{
	return (uint32_t)((tw_random(state) >> 32) * bound >> 32);
}
