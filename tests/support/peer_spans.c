/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/peer_spans.h"

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5, FIELD_OF_INTEREST = 2 };

static bool read_varint(struct slice *in, uint64_t *ret_value)
{
	uint64_t value = 0;
	for (unsigned shift = 0; shift < 64 && in->len > 0; shift += 7) {
		uint8_t byte = in->ptr[0];
		*in = slice_of(in->ptr + 1, in->len - 1);
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

/* The next field; ${ret_bytes} is its content when it has a length. */
static bool read_field(struct slice *in, uint64_t *ret_number, struct slice *ret_bytes)
{
	uint64_t tag, len;
	*ret_bytes = (struct slice){0};
	if (in->len == 0 || !read_varint(in, &tag))
		return false;
	*ret_number = tag >> 3;
	switch (tag & 7) {
	case WIRE_VARINT: return read_varint(in, &len);
	case WIRE_64: len = 8; break;
	case WIRE_32: len = 4; break;
	case WIRE_BYTES:
		if (!read_varint(in, &len))
			return false;
		break;
	default: return false;
	}
	if (len > in->len)
		return false;
	if ((tag & 7) == WIRE_BYTES)
		*ret_bytes = slice_of(in->ptr, (size_t)len);
	*in = slice_of(in->ptr + len, in->len - (size_t)len);
	return true;
}

/* ExportTraceServiceRequest.resource_spans = 1, .scope_spans = 2, .spans = 2. */
static unsigned count_at(struct slice message, unsigned level)
{
	uint64_t number;
	struct slice bytes;
	unsigned count = 0;
	while (read_field(&message, &number, &bytes)) {
		if (number != (level == 0 ? 1 : FIELD_OF_INTEREST))
			continue;
		count += level == 2 ? 1 : count_at(bytes, level + 1);
	}
	return count;
}

unsigned peer_count_spans(struct slice request)
{
	return count_at(request, 0);
}
