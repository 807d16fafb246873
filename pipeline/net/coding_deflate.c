/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gzip (RFC 1952) and zlib (RFC 1950, the "deflate" of HTTP) by ISA-L. isal_inflate returns 0 for
 * truncated input as well, so the only success is its FINISH state, which it reaches after the
 * checksum and the length of the trailer agreed; a gzip file may have further members after that.
 */
#include "pipeline/net/coding_internal.h"

#include <stdlib.h>

enum {
	GZIP_MEMBER_BYTES_MIN = 18, /* header 10, trailer 8 */
	/* ISA-L counts in 32 bits. */
	FEED_BYTES_MAX = 1 << 30,
	OUTPUT_STEP_BYTES = 4096,
};

/* ISA-L's pointers are not const although it only reads from them. */
static uint8_t *unconst(const uint8_t *ptr)
{
	return (uint8_t *)(uintptr_t)ptr;
}

static uint32_t feed_len(size_t len)
{
	return (uint32_t)(len < FEED_BYTES_MAX ? len : FEED_BYTES_MAX);
}

/* RFC 1952 §2.3.1: ISIZE, the last four bytes, is the size modulo 2^32 of the last member. */
uint64_t gzip_declared_size(struct slice coded)
{
	if (coded.len < GZIP_MEMBER_BYTES_MIN)
		return 0;
	const uint8_t *end = coded.ptr + coded.len;
	return (uint64_t)end[-4] | (uint64_t)end[-3] << 8 | (uint64_t)end[-2] << 16 |
	       (uint64_t)end[-1] << 24;
}

static struct inflate_state *inflate_state_get(struct coder *coder, enum coding coding)
{
	if (!coder->inflate)
		coder->inflate = malloc(sizeof(*coder->inflate));
	if (!coder->inflate)
		return NULL;
	isal_inflate_init(coder->inflate);
	coder->inflate->crc_flag = coding == CODING_GZIP ? ISAL_GZIP : ISAL_ZLIB;
	return coder->inflate;
}

static const char *inflate_problem(int code)
{
	switch (code) {
	case ISAL_INVALID_WRAPPER: return "not in the format its coding names";
	case ISAL_UNSUPPORTED_METHOD: return "unsupported compression method";
	case ISAL_INCORRECT_CHECKSUM: return "wrong checksum or length";
	case ISAL_NEED_DICT: return "a preset dictionary is not supported";
	default: return "invalid compressed data";
	}
}

/* Whole bytes behind the end of a member that ISA-L keeps in its bit buffer are given back. */
static void unread(struct inflate_state *state)
{
	if (state->read_in_length > 0)
		state->next_in -= state->read_in_length / 8;
	state->read_in_length = 0;
}

/* Inflates one member, from state->next_in to its end; ${coded} is all the input. */
static int inflate_member(struct inflate_state *state, struct slice coded,
			  struct decode_output *output, struct err *err)
{
	const uint8_t *end = coded.ptr + coded.len;
	for (;;) {
		uint8_t *room;
		size_t room_len;
		decode_output_room(output, &room, &room_len);
		state->next_out = room;
		state->avail_out = feed_len(room_len);
		state->avail_in = feed_len((size_t)(end - state->next_in));
		const uint8_t *in_before = state->next_in;
		int code = isal_inflate(state);
		uint64_t offset = (uint64_t)(state->next_in - coded.ptr);
		if (code != ISAL_DECOMP_OK)
			return err_set_at(err, offset, "%s", inflate_problem(code));
		size_t count = (size_t)(state->next_out - room);
		if (decode_output_commit(output, room, count, err) < 0)
			return -1;
		if (state->block_state == ISAL_BLOCK_FINISH) {
			unread(state);
			return 0;
		}
		if (count == 0 && state->next_in == in_before)
			return err_set_at(err, offset, "compressed data ends too early");
	}
}

int coder_inflate(struct coder *coder, enum coding coding, struct slice coded,
		  struct decode_output *output, struct err *err)
{
	struct inflate_state *state = inflate_state_get(coder, coding);
	if (!state)
		return err_set(err, ERR_NOMEM, "no memory for a decompressor");
	if (coded.len == 0)
		return err_set_at(err, 0, "compressed data ends too early");
	state->next_in = unconst(coded.ptr);
	const uint8_t *end = coded.ptr + coded.len;
	for (;;) {
		if (inflate_member(state, coded, output, err) < 0)
			return -1;
		if (state->next_in == end)
			return 0;
		if (coding != CODING_GZIP)
			return err_set_at(err, (uint64_t)(state->next_in - coded.ptr),
					  "bytes after the end of the compressed data");
		uint8_t *next = state->next_in;
		isal_inflate_reset(state);
		state->crc_flag = ISAL_GZIP;
		state->next_in = next;
	}
}

static struct isal_zstream *deflate_stream_get(struct coder *coder, enum coding coding, int level)
{
	if (!coder->deflate)
		coder->deflate = malloc(sizeof(*coder->deflate));
	/* Large enough for each level, so that coders of different levels can share it. */
	if (!coder->deflate_level_buffer)
		coder->deflate_level_buffer = malloc(ISAL_DEF_LVL3_DEFAULT);
	if (!coder->deflate || !coder->deflate_level_buffer)
		return NULL;
	isal_deflate_init(coder->deflate);
	coder->deflate->gzip_flag = coding == CODING_GZIP ? IGZIP_GZIP : IGZIP_ZLIB;
	coder->deflate->level = level < 1		     ? 1
				: level > ISAL_DEF_MAX_LEVEL ? ISAL_DEF_MAX_LEVEL
							     : (uint32_t)level;
	coder->deflate->level_buf = coder->deflate_level_buffer;
	coder->deflate->level_buf_size = ISAL_DEF_LVL3_DEFAULT;
	return coder->deflate;
}

/* Runs the stream until it has taken its input and, at the end, written its trailer. */
static int deflate_run(struct isal_zstream *stream, struct chunk *output, struct err *err)
{
	for (;;) {
		if (output->capacity - output->len < OUTPUT_STEP_BYTES &&
		    !chunk_reserve(output, OUTPUT_STEP_BYTES))
			return err_set(err, ERR_NOMEM, "no memory for compressed data");
		stream->next_out = output->data + output->len;
		stream->avail_out = feed_len(output->capacity - output->len);
		int code = isal_deflate(stream);
		if (code != COMP_OK)
			return err_set(err, ERR_INTERNAL, "compressor failed with code %d", code);
		output->len = (size_t)(stream->next_out - output->data);
		if (stream->end_of_stream ? stream->internal_state.state == ZSTATE_END
					  : stream->avail_in == 0)
			return 0;
	}
}

int coder_deflate(struct coder *coder, enum coding coding, int level, const struct slice *parts,
		  size_t part_count, struct chunk *output, struct err *err)
{
	struct isal_zstream *stream = deflate_stream_get(coder, coding, level);
	if (!stream)
		return err_set(err, ERR_NOMEM, "no memory for a compressor");
	for (size_t i = 0; i < part_count; i++) {
		struct slice left = parts[i];
		while (left.len > 0) {
			uint32_t len = feed_len(left.len);
			stream->next_in = unconst(left.ptr);
			stream->avail_in = len;
			if (deflate_run(stream, output, err) < 0)
				return -1;
			left = slice_of(left.ptr + len, left.len - len);
		}
	}
	stream->avail_in = 0;
	stream->end_of_stream = 1;
	return deflate_run(stream, output, err);
}
