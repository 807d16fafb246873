/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protobuf wire format (encoding guide: varints, tags, length-delimited fields), as small
 * inline readers and writers. All code that touches wire bytes lives in pipeline/trace/.
 *
 * Rules that every reader here keeps, the same as protobuf-c, upb and the C++ library:
 *   tag      at most 5 bytes, field number 1 .. 2^29-1, wire type 0, 1, 2 or 5 (groups are refused)
 *   length   at most 5 bytes (may be padded), and no longer than what is left
 *   varint   at most 10 bytes
 */
#ifndef SLUICE_TRACE_VALUE_WIRE_H
#define SLUICE_TRACE_VALUE_WIRE_H

#include "pipeline/base/compiler.h"
#include "pipeline/base/le.h"
#include "pipeline/base/slice.h"

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_LEN = 2, WIRE_FIXED32 = 5 };

struct wire_reader {
	const uint8_t *at, *end;
};

struct wire_field {
	const uint8_t *start; /* first byte of the tag */
	uint32_t number;
	uint32_t type;	      /* enum wire_type */
	struct slice content; /* WIRE_LEN: the bytes */
	uint64_t value;	      /* the others: the number as it stands on the wire */
};

/* Of a message that may be empty without an address, on which there is no arithmetic. */
static inline struct wire_reader wire_reader_of(struct slice message)
{
	return (struct wire_reader){message.ptr,
				    message.len > 0 ? message.ptr + message.len : message.ptr};
}

static inline bool wire_read_varint_slow(struct wire_reader *reader, size_t bytes_max,
					 uint64_t *ret_value)
{
	uint64_t value = 0;
	const uint8_t *at = reader->at;
	for (size_t i = 0; i < bytes_max && at < reader->end; i++) {
		uint8_t byte = *at++;
		value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (byte < 0x80) {
			reader->at = at;
			*ret_value = value;
			return true;
		}
	}
	return false;
}

/* One byte decides nine tags in ten and most lengths: that path comes first. */
static inline bool wire_read_varint(struct wire_reader *reader, size_t bytes_max,
				    uint64_t *ret_value)
{
	if (LIKELY(reader->at < reader->end && *reader->at < 0x80)) {
		*ret_value = *reader->at++;
		return true;
	}
	return wire_read_varint_slow(reader, bytes_max, ret_value);
}

/* Reads one whole field. False (reader->at then stands at or inside the bad field) when malformed.
 * The caller loops while reader->at < reader->end. */
static inline bool wire_read_field(struct wire_reader *reader, struct wire_field *ret_field)
{
	uint64_t tag, value = 0;
	ret_field->start = reader->at;
	if (!wire_read_varint(reader, 5, &tag) || tag > UINT32_MAX || tag < 8)
		return false;
	ret_field->number = (uint32_t)tag >> 3;
	ret_field->type = (uint32_t)tag & 7;
	switch (ret_field->type) {
	case WIRE_LEN:
		if (!wire_read_varint(reader, 5, &value) ||
		    value > (uint64_t)(reader->end - reader->at))
			return false;
		ret_field->content = (struct slice){reader->at, (size_t)value};
		reader->at += value;
		return true;
	case WIRE_VARINT: return wire_read_varint(reader, 10, &ret_field->value);
	case WIRE_FIXED64:
		if (reader->end - reader->at < 8)
			return false;
		ret_field->value = le_read64(reader->at);
		reader->at += 8;
		return true;
	case WIRE_FIXED32:
		if (reader->end - reader->at < 4)
			return false;
		ret_field->value = le_read32(reader->at);
		reader->at += 4;
		return true;
	default: return false;
	}
}

/* Bytes that ${value} takes as a varint: 1-10. */
static inline size_t wire_varint_size(uint64_t value)
{
	unsigned bits = 64u - (unsigned)__builtin_clzll(value | 1);
	return (bits + 6) / 7;
}

/* Writes ${value} at ${out} and returns the first byte after it. */
static inline uint8_t *wire_write_varint(uint8_t *out, uint64_t value)
{
	while (value >= 0x80) {
		*out++ = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	*out++ = (uint8_t)value;
	return out;
}

static inline uint32_t wire_tag(uint32_t number, enum wire_type type)
{
	return number << 3 | (uint32_t)type;
}

#endif
