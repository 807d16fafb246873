/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The output side that all decoders share. Memory for decoded bytes follows what a decoder has
 * produced; a size that the coded bytes declare is a hint, believed up to DECODE_RATIO_TRUSTED times
 * the bytes that arrived and never past the caller's limit.
 */
#include "pipeline/net/coding_internal.h"

enum { DECODE_RATIO_GUESS = 4 };

int coding_no_memory(struct err *err, size_t bytes)
{
	return err_set(err, ERR_NOMEM, "no memory for %zu bytes of a coded message", bytes);
}

static size_t size_min(size_t a, size_t b)
{
	return a < b ? a : b;
}

int decode_output_init(struct decode_output *output, size_t coded_len, uint64_t declared,
		       size_t bytes_max, struct budget *budget, struct err *err)
{
	size_t trusted, capacity;
	if (__builtin_mul_overflow(coded_len, (size_t)DECODE_RATIO_TRUSTED, &trusted))
		trusted = SIZE_MAX;
	if (declared > 0 && declared <= trusted)
		capacity = (size_t)declared;
	else
		capacity = trusted / DECODE_RATIO_TRUSTED * DECODE_RATIO_GUESS +
			   CODING_OUTPUT_BYTES_MIN;
	capacity = size_min(capacity, bytes_max);
	output->bytes_max = bytes_max;
	output->chunk = chunk_new(budget, capacity);
	return output->chunk ? 0 : coding_no_memory(err, capacity);
}

void decode_output_room(struct decode_output *output, uint8_t **ret_ptr, size_t *ret_len)
{
	struct chunk *chunk = output->chunk;
	if (chunk->len < chunk->capacity) {
		*ret_ptr = chunk->data + chunk->len;
		*ret_len = chunk->capacity - chunk->len;
	} else {
		*ret_ptr = output->probe;
		*ret_len = sizeof(output->probe);
	}
}

/* Makes room for ${more} bytes, of which the limit has been checked. chunk_reserve at most doubles;
 * where that could pass bytes_max an exact chunk takes over. */
static bool grow(struct decode_output *output, size_t more)
{
	struct chunk *chunk = output->chunk;
	if (chunk->capacity >= more && chunk->capacity <= output->bytes_max / 2)
		return chunk_reserve(chunk, more);
	size_t capacity = 2 * chunk->capacity + CODING_OUTPUT_BYTES_MIN, need = chunk->len + more;
	struct chunk *larger = chunk_new(
		chunk->budget, size_min(capacity > need ? capacity : need, output->bytes_max));
	if (!larger)
		return false;
	if (chunk->len > 0)
		memcpy(larger->data, chunk->data, chunk->len);
	larger->len = chunk->len;
	chunk_unref(chunk);
	output->chunk = larger;
	return true;
}

static int over_limit(const struct decode_output *output, struct err *err)
{
	return err_set(err, ERR_LIMIT, "message decodes to more than %zu bytes", output->bytes_max);
}

int decode_output_reserve(struct decode_output *output, size_t count, uint8_t **ret_room,
			  struct err *err)
{
	if (count > output->bytes_max - output->chunk->len)
		return over_limit(output, err);
	if (count > output->chunk->capacity - output->chunk->len && !grow(output, count))
		return coding_no_memory(err, output->chunk->len + count);
	/* A chunk of no bytes has no memory. */
	*ret_room = output->chunk->data ? output->chunk->data + output->chunk->len : output->probe;
	return 0;
}

int decode_output_commit(struct decode_output *output, const uint8_t *room, size_t count,
			 struct err *err)
{
	if (room != output->probe) {
		output->chunk->len += count;
		return 0;
	}
	if (count == 0)
		return 0;
	if (count > output->bytes_max - output->chunk->len)
		return over_limit(output, err);
	if (!grow(output, count))
		return coding_no_memory(err, output->chunk->capacity * 2);
	memcpy(output->chunk->data + output->chunk->len, output->probe, count);
	output->chunk->len += count;
	return 0;
}
