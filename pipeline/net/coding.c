/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content codings by name, and the output side that all decoders share. Memory for decoded bytes
 * follows what a decoder has produced; a size that the coded bytes declare is a hint, believed up
 * to DECODE_RATIO_TRUSTED times the bytes that arrived and never past the caller's limit.
 *
 * A coder's contexts are made on first use and kept: about 90 KiB to inflate, 420 KiB to deflate,
 * 160 KiB to decode and 1.5 MiB to encode zstd.
 */
#include "pipeline/net/coding.h"

#include "pipeline/net/coding_internal.h"

#include <stdlib.h>

static const char *const coding_names[CODING_COUNT] = {
	[CODING_IDENTITY] = "identity",
	[CODING_GZIP] = "gzip",
	[CODING_ZSTD] = "zstd",
	[CODING_DEFLATE] = "deflate",
};

static const struct {
	struct slice name;
	enum coding coding;
} coding_aliases[] = {
	{SLICE_INIT(""), CODING_IDENTITY},    {SLICE_INIT("identity"), CODING_IDENTITY},
	{SLICE_INIT("gzip"), CODING_GZIP},    {SLICE_INIT("x-gzip"), CODING_GZIP},
	{SLICE_INIT("zstd"), CODING_ZSTD},    {SLICE_INIT("deflate"), CODING_DEFLATE},
	{SLICE_INIT("zlib"), CODING_DEFLATE},
};

/* Coded traces are usually a fifth to a tenth of their size. */
enum { DECODE_RATIO_GUESS = 4, ENCODE_RATIO_GUESS = 6, OUTPUT_BYTES_MIN = 1024 };

const char *coding_name(enum coding coding)
{
	return coding_names[coding];
}

bool coding_parse(struct slice name, enum coding *ret_coding)
{
	name = slice_trim(name);
	for (size_t i = 0; i < ARRAY_COUNT(coding_aliases); i++) {
		if (slice_equal_nocase(name, coding_aliases[i].name)) {
			*ret_coding = coding_aliases[i].coding;
			return true;
		}
	}
	return false;
}

struct coder *coder_new(void)
{
	return calloc(1, sizeof(struct coder));
}

void coder_free(struct coder *coder)
{
	if (!coder)
		return;
	free(coder->inflate);
	free(coder->deflate);
	free(coder->deflate_level_buffer);
	ZSTD_freeDCtx(coder->zstd_decoder);
	ZSTD_freeCCtx(coder->zstd_encoder);
	free(coder);
}

static int no_memory(struct err *err, size_t bytes)
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
		capacity = trusted / DECODE_RATIO_TRUSTED * DECODE_RATIO_GUESS + OUTPUT_BYTES_MIN;
	capacity = size_min(capacity, bytes_max);
	output->bytes_max = bytes_max;
	output->chunk = chunk_new(budget, capacity);
	return output->chunk ? 0 : no_memory(err, capacity);
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

/* chunk_reserve at most doubles; where that could pass bytes_max an exact chunk takes over. */
static bool grow(struct decode_output *output, size_t more)
{
	struct chunk *chunk = output->chunk;
	if (chunk->capacity >= more && chunk->capacity <= output->bytes_max / 2)
		return chunk_reserve(chunk, more);
	struct chunk *larger = chunk_new(
		chunk->budget, size_min(2 * chunk->capacity + OUTPUT_BYTES_MIN, output->bytes_max));
	if (!larger)
		return false;
	if (chunk->len > 0)
		memcpy(larger->data, chunk->data, chunk->len);
	larger->len = chunk->len;
	chunk_unref(chunk);
	output->chunk = larger;
	return true;
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
		return err_set(err, ERR_LIMIT, "message decodes to more than %zu bytes",
			       output->bytes_max);
	if (!grow(output, count))
		return no_memory(err, output->chunk->capacity * 2);
	memcpy(output->chunk->data + output->chunk->len, output->probe, count);
	output->chunk->len += count;
	return 0;
}

static struct chunk *decode_identity(struct slice coded, size_t bytes_max, struct budget *budget,
				     struct err *err)
{
	if (coded.len > bytes_max) {
		err_set(err, ERR_LIMIT, "message is larger than %zu bytes", bytes_max);
		return NULL;
	}
	struct chunk *chunk = chunk_new(budget, coded.len);
	if (!chunk) {
		no_memory(err, coded.len);
		return NULL;
	}
	if (coded.len > 0)
		memcpy(chunk->data, coded.ptr, coded.len);
	chunk->len = coded.len;
	return chunk;
}

static uint64_t declared_size(enum coding coding, struct slice coded)
{
	switch (coding) {
	case CODING_GZIP: return gzip_declared_size(coded);
	case CODING_ZSTD: return zstd_declared_size(coded);
	case CODING_DEFLATE:
	case CODING_IDENTITY:
	case CODING_COUNT: break;
	}
	return 0;
}

struct chunk *coder_decode(struct coder *coder, enum coding coding, struct slice coded,
			   size_t bytes_max, struct budget *budget, struct err *err)
{
	if (coding == CODING_IDENTITY)
		return decode_identity(coded, bytes_max, budget, err);
	struct decode_output output;
	if (decode_output_init(&output, coded.len, declared_size(coding, coded), bytes_max, budget,
			       err) < 0)
		return NULL;
	int rc = coding == CODING_ZSTD ? coder_zstd_decode(coder, coded, &output, err)
				       : coder_inflate(coder, coding, coded, &output, err);
	if (rc < 0) {
		chunk_unref(output.chunk);
		return NULL;
	}
	return output.chunk;
}

static struct chunk *encode_identity(const struct slice *parts, size_t part_count,
				     struct chunk *output)
{
	for (size_t i = 0; i < part_count; i++) {
		if (!chunk_append(output, parts[i]))
			return NULL;
	}
	return output;
}

struct chunk *coder_encode(struct coder *coder, enum coding coding, int level,
			   const struct slice *parts, size_t part_count, struct budget *budget,
			   struct err *err)
{
	size_t total = 0;
	for (size_t i = 0; i < part_count; i++)
		total += parts[i].len;
	size_t capacity =
		coding == CODING_IDENTITY ? total : total / ENCODE_RATIO_GUESS + OUTPUT_BYTES_MIN;
	struct chunk *output = chunk_new(budget, capacity);
	if (!output) {
		no_memory(err, capacity);
		return NULL;
	}
	int rc = 0;
	if (coding == CODING_IDENTITY)
		rc = encode_identity(parts, part_count, output) ? 0 : no_memory(err, total);
	else if (coding == CODING_ZSTD)
		rc = coder_zstd_encode(coder, level, parts, part_count, total, output, err);
	else
		rc = coder_deflate(coder, coding, level, parts, part_count, output, err);
	if (rc < 0) {
		chunk_unref(output);
		return NULL;
	}
	return output;
}
