/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snappy by libsnappy, in its two forms: the block (one length, one piece of compressed data) and
 * the framing format (framing_format.txt of the Snappy project: chunks of at most 64 KiB, each with
 * a checksum of its content). gRPC's `snappy` is framed; HTTP's `snappy` is a block, but older
 * Collectors sent frames under that name, so a stream that begins as one is read as one.
 *
 * A block declares its size before its data. It is believed as far as Snappy can compress at all:
 * the densest element is a copy of 64 bytes in three.
 */
#include "pipeline/base/le.h"
#include "pipeline/net/coding_internal.h"

#include <isa-l/crc.h>
#include <snappy-c.h>

enum {
	FRAME_HEADER_BYTES = 4, /* type, length of what follows in three bytes */
	FRAME_CHECKSUM_BYTES = 4,
	FRAME_CONTENT_BYTES_MAX = 65536,
	BLOCK_RATIO_MAX = 64 / 3 + 1,
	/* A frame that saves less than an eighth is sent as it is, as other writers do. */
	FRAME_SAVING_MIN_SHIFT = 3,
};

enum frame_type {
	FRAME_COMPRESSED = 0x00,
	FRAME_UNCOMPRESSED = 0x01,
	FRAME_SKIPPABLE = 0x80, /* and above; below it, readers must give up */
	FRAME_STREAM_IDENTIFIER = 0xff,
};

static const struct slice stream_identifier = SLICE_INIT("\xff\x06\0\0sNaPpY");

/* ---- blocks --------------------------------------------------------------------------------- */

/* Decodes one block; ${offset} is its place in the input, for errors. */
static int decode_block(struct slice block, size_t content_bytes_max, uint64_t offset,
			struct decode_output *output, struct err *err)
{
	const char *bytes = (const char *)block.ptr;
	size_t len;
	uint8_t *room;
	if (block.len == 0 || snappy_uncompressed_length(bytes, block.len, &len) != SNAPPY_OK)
		return err_set_at(err, offset, "compressed data ends too early");
	if (len > content_bytes_max || len / BLOCK_RATIO_MAX > block.len)
		return err_set_at(err, offset, "declares more than its data can hold");
	if (decode_output_reserve(output, len, &room, err) < 0)
		return -1;
	if (snappy_uncompress(bytes, block.len, (char *)room, &len) != SNAPPY_OK)
		return err_set_at(err, offset, "invalid compressed data");
	output->chunk->len += len;
	return 0;
}

/* Compresses one piece behind what ${output} holds. */
static int encode_block(struct slice plain, struct chunk *output, size_t *ret_len, struct err *err)
{
	size_t len = snappy_max_compressed_length(plain.len);
	if (!chunk_reserve(output, len))
		return err_set(err, ERR_NOMEM, "no memory for compressed data");
	if (snappy_compress((const char *)plain.ptr, plain.len, (char *)output->data + output->len,
			    &len) != SNAPPY_OK)
		return err_set(err, ERR_INTERNAL, "snappy failed to compress");
	*ret_len = len;
	return 0;
}

/* A block is one piece: several parts are joined first. */
static int encode_joined(const struct slice *parts, size_t part_count, size_t total,
			 struct chunk *output, size_t *ret_len, struct err *err)
{
	struct chunk *joined = chunk_new(output->budget, total);
	bool ok = joined != NULL;
	for (size_t i = 0; ok && i < part_count; i++)
		ok = chunk_append(joined, parts[i]);
	int rc = ok ? encode_block(chunk_slice(joined), output, ret_len, err)
		    : err_set(err, ERR_NOMEM, "no memory for %zu bytes to compress", total);
	chunk_unref(joined);
	return rc;
}

int coder_snappy_encode(const struct slice *parts, size_t part_count, size_t total,
			struct chunk *output, struct err *err)
{
	size_t len = 0;
	int rc = part_count == 1 ? encode_block(parts[0], output, &len, err)
				 : encode_joined(parts, part_count, total, output, &len, err);
	output->len += len;
	return rc;
}

/* ---- frames --------------------------------------------------------------------------------- */

static void put_u24(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
	at[2] = (uint8_t)(value >> 16);
}

static uint32_t get_u24(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16;
}

/* CRC-32C, rotated and shifted so that checksums of data that holds checksums stay good. */
static uint32_t masked_checksum(struct slice content)
{
	/* ISA-L's pointer is not const although it only reads from it. */
	uint32_t crc = ~crc32_iscsi((uint8_t *)(uintptr_t)content.ptr, (int)content.len, ~0u);
	return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

/* The content of a frame of data: checksum, then a block or the bytes as they are. */
static int decode_data(enum frame_type type, struct slice frame, uint64_t offset,
		       struct decode_output *output, struct err *err)
{
	if (frame.len < FRAME_CHECKSUM_BYTES)
		return err_set_at(err, offset, "compressed data ends too early");
	uint32_t expected = le_read32(frame.ptr);
	uint8_t *room;
	size_t before = output->chunk->len;
	struct slice data =
		slice_of(frame.ptr + FRAME_CHECKSUM_BYTES, frame.len - FRAME_CHECKSUM_BYTES);
	if (type == FRAME_COMPRESSED) {
		if (decode_block(data, FRAME_CONTENT_BYTES_MAX, offset, output, err) < 0)
			return -1;
	} else {
		if (data.len > FRAME_CONTENT_BYTES_MAX)
			return err_set_at(err, offset, "frame holds more than 64 KiB");
		if (decode_output_reserve(output, data.len, &room, err) < 0)
			return -1;
		memcpy(room, data.ptr, data.len);
		output->chunk->len += data.len;
	}
	const struct chunk *chunk = output->chunk;
	struct slice content = chunk->len > before
				       ? slice_of(chunk->data + before, chunk->len - before)
				       : SLICE("");
	if (masked_checksum(content) != expected)
		return err_set_at(err, offset, "wrong checksum or length");
	return 0;
}

static int decode_frame(uint8_t type, struct slice frame, uint64_t offset,
			struct decode_output *output, struct err *err)
{
	if (type == FRAME_COMPRESSED || type == FRAME_UNCOMPRESSED)
		return decode_data((enum frame_type)type, frame, offset, output, err);
	if (type == FRAME_STREAM_IDENTIFIER) {
		/* May be repeated: streams can be joined. */
		if (slice_equal(frame, slice_of(stream_identifier.ptr + FRAME_HEADER_BYTES,
						stream_identifier.len - FRAME_HEADER_BYTES)))
			return 0;
		return err_set_at(err, offset, "not in the format its coding names");
	}
	return type >= FRAME_SKIPPABLE
		       ? 0
		       : err_set_at(err, offset, "frame of a kind that must not be skipped");
}

/* No bytes are a stream of nothing: so writers that begin with their first data leave it. */
int coder_snappy_frames_decode(struct slice coded, struct decode_output *output, struct err *err)
{
	if (coded.len == 0)
		return 0;
	const uint8_t *at = coded.ptr, *end = coded.ptr + coded.len;
	if (!slice_has_prefix(coded, stream_identifier))
		return err_set_at(err, 0, "not in the format its coding names");
	while (at < end) {
		uint64_t offset = (uint64_t)(at - coded.ptr);
		if (end - at < FRAME_HEADER_BYTES ||
		    get_u24(at + 1) > (size_t)(end - at) - FRAME_HEADER_BYTES)
			return err_set_at(err, offset, "compressed data ends too early");
		struct slice frame = slice_of(at + FRAME_HEADER_BYTES, get_u24(at + 1));
		if (decode_frame(*at, frame, offset, output, err) < 0)
			return -1;
		at = frame.ptr + frame.len;
	}
	return 0;
}

/* The length that begins a block; in a framed stream these bytes say nothing. */
uint64_t snappy_declared_size(struct slice coded)
{
	size_t len;
	if (coded.len == 0 || slice_has_prefix(coded, stream_identifier) ||
	    snappy_uncompressed_length((const char *)coded.ptr, coded.len, &len) != SNAPPY_OK)
		return 0;
	return len;
}

int coder_snappy_decode(struct slice coded, struct decode_output *output, struct err *err)
{
	if (slice_has_prefix(coded, stream_identifier))
		return coder_snappy_frames_decode(coded, output, err);
	return decode_block(coded, SIZE_MAX, 0, output, err);
}

/* Writes ${plain}, at most FRAME_CONTENT_BYTES_MAX of it, as one frame. */
static int encode_frame(struct slice plain, struct chunk *output, struct err *err)
{
	const size_t begin = output->len, head = FRAME_HEADER_BYTES + FRAME_CHECKSUM_BYTES;
	size_t len;
	if (!chunk_reserve(output, head))
		return err_set(err, ERR_NOMEM, "no memory for compressed data");
	output->len += head;
	if (encode_block(plain, output, &len, err) < 0)
		return -1;
	bool saves = len < plain.len - (plain.len >> FRAME_SAVING_MIN_SHIFT);
	if (!saves) { /* a block has room for its own content */
		memcpy(output->data + output->len, plain.ptr, plain.len);
		len = plain.len;
	}
	output->len += len;
	uint8_t *at = output->data + begin;
	at[0] = saves ? FRAME_COMPRESSED : FRAME_UNCOMPRESSED;
	put_u24(at + 1, len + FRAME_CHECKSUM_BYTES);
	le_write32(at + FRAME_HEADER_BYTES, masked_checksum(plain));
	return 0;
}

int coder_snappy_frames_encode(const struct slice *parts, size_t part_count, struct chunk *output,
			       struct err *err)
{
	if (!chunk_append(output, stream_identifier))
		return err_set(err, ERR_NOMEM, "no memory for compressed data");
	for (size_t i = 0; i < part_count; i++) {
		struct slice left = parts[i];
		while (left.len > 0) {
			size_t len = left.len < FRAME_CONTENT_BYTES_MAX ? left.len
									: FRAME_CONTENT_BYTES_MAX;
			if (encode_frame(slice_of(left.ptr, len), output, err) < 0)
				return -1;
			left = slice_of(left.ptr + len, left.len - len);
		}
	}
	return 0;
}
