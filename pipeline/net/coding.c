/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content codings by name, each with its codec; what is decoded goes where coding_output.c says.
 *
 * A coder's contexts are made on first use and kept: about 90 KiB to inflate, 420 KiB to deflate,
 * 160 KiB to decode and 1.5 MiB to encode zstd, 150 KiB to encode lz4.
 */
#include "pipeline/net/coding.h"

#include "pipeline/net/coding_internal.h"

#include <stdlib.h>

/* A name of one protocol; the first one of a coding is what we say ourselves. */
struct coding_row {
	struct slice name;
	enum coding coding;
};

static const struct coding_row http_names[] = {
	{SLICE_INIT("identity"), CODING_IDENTITY},
	{SLICE_INIT(""), CODING_IDENTITY},
	{SLICE_INIT("gzip"), CODING_GZIP},
	{SLICE_INIT("x-gzip"), CODING_GZIP},
	{SLICE_INIT("zstd"), CODING_ZSTD},
	{SLICE_INIT("deflate"), CODING_DEFLATE},
	{SLICE_INIT("zlib"), CODING_DEFLATE},
	{SLICE_INIT("snappy"), CODING_SNAPPY},
	{SLICE_INIT("x-snappy-framed"), CODING_SNAPPY_FRAMED},
	{SLICE_INIT("lz4"), CODING_LZ4},
};

static const struct coding_row grpc_names[] = {
	{SLICE_INIT("identity"), CODING_IDENTITY}, {SLICE_INIT(""), CODING_IDENTITY},
	{SLICE_INIT("gzip"), CODING_GZIP},	   {SLICE_INIT("zstd"), CODING_ZSTD},
	{SLICE_INIT("deflate"), CODING_DEFLATE},   {SLICE_INIT("snappy"), CODING_SNAPPY_FRAMED},
};

/* Coded traces are usually a fifth to a tenth of their size. */
enum { ENCODE_RATIO_GUESS = 6 };

static const char *name_of(const struct coding_row *rows, size_t count, enum coding coding)
{
	for (size_t i = 0; i < count; i++) {
		if (rows[i].coding == coding)
			return (const char *)rows[i].name.ptr;
	}
	return NULL;
}

static bool parse(const struct coding_row *rows, size_t count, struct slice name,
		  enum coding *ret_coding)
{
	name = slice_trim(name);
	for (size_t i = 0; i < count; i++) {
		if (slice_equal_nocase(name, rows[i].name)) {
			*ret_coding = rows[i].coding;
			return true;
		}
	}
	return false;
}

const char *coding_http_name(enum coding coding)
{
	return name_of(http_names, ARRAY_COUNT(http_names), coding);
}

const char *coding_grpc_name(enum coding coding)
{
	return name_of(grpc_names, ARRAY_COUNT(grpc_names), coding);
}

bool coding_parse_http(struct slice name, enum coding *ret_coding)
{
	return parse(http_names, ARRAY_COUNT(http_names), name, ret_coding);
}

bool coding_parse_grpc(struct slice name, enum coding *ret_coding)
{
	return parse(grpc_names, ARRAY_COUNT(grpc_names), name, ret_coding);
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
	(void)LZ4F_freeCompressionContext(coder->lz4_encoder);
	free(coder);
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
		coding_no_memory(err, coded.len);
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
	case CODING_SNAPPY: return snappy_declared_size(coded);
	case CODING_DEFLATE:
	case CODING_SNAPPY_FRAMED:
	case CODING_LZ4:
	case CODING_IDENTITY:
	case CODING_COUNT: break;
	}
	return 0;
}

static int decode(struct coder *coder, enum coding coding, struct slice coded,
		  struct decode_output *output, struct err *err)
{
	switch (coding) {
	case CODING_GZIP:
	case CODING_DEFLATE: return coder_inflate(coder, coding, coded, output, err);
	case CODING_ZSTD: return coder_zstd_decode(coder, coded, output, err);
	case CODING_SNAPPY: return coder_snappy_decode(coded, output, err);
	case CODING_SNAPPY_FRAMED: return coder_snappy_frames_decode(coded, output, err);
	case CODING_LZ4: return coder_lz4_decode(coded, output, err);
	case CODING_IDENTITY:
	case CODING_COUNT: break;
	}
	return err_set(err, ERR_INTERNAL, "no such coding");
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
	if (decode(coder, coding, coded, &output, err) < 0) {
		chunk_unref(output.chunk);
		return NULL;
	}
	return output.chunk;
}

static int encode_identity(const struct slice *parts, size_t part_count, struct chunk *output,
			   struct err *err)
{
	for (size_t i = 0; i < part_count; i++) {
		if (!chunk_append(output, parts[i]))
			return coding_no_memory(err, parts[i].len);
	}
	return 0;
}

static int encode(struct coder *coder, enum coding coding, int level, const struct slice *parts,
		  size_t part_count, size_t total, struct chunk *output, struct err *err)
{
	switch (coding) {
	case CODING_IDENTITY: return encode_identity(parts, part_count, output, err);
	case CODING_GZIP:
	case CODING_DEFLATE:
		return coder_deflate(coder, coding, level, parts, part_count, output, err);
	case CODING_ZSTD:
		return coder_zstd_encode(coder, level, parts, part_count, total, output, err);
	case CODING_SNAPPY: return coder_snappy_encode(parts, part_count, total, output, err);
	case CODING_SNAPPY_FRAMED:
		return coder_snappy_frames_encode(parts, part_count, output, err);
	case CODING_LZ4: return coder_lz4_encode(coder, parts, part_count, total, output, err);
	case CODING_COUNT: break;
	}
	return err_set(err, ERR_INTERNAL, "no such coding");
}

struct chunk *coder_encode(struct coder *coder, enum coding coding, int level,
			   const struct slice *parts, size_t part_count, struct budget *budget,
			   struct err *err)
{
	size_t total = 0;
	for (size_t i = 0; i < part_count; i++)
		total += parts[i].len;
	size_t capacity = coding == CODING_IDENTITY
				  ? total
				  : total / ENCODE_RATIO_GUESS + CODING_OUTPUT_BYTES_MIN;
	struct chunk *output = chunk_new(budget, capacity);
	if (!output) {
		coding_no_memory(err, capacity);
		return NULL;
	}
	if (encode(coder, coding, level, parts, part_count, total, output, err) < 0) {
		chunk_unref(output);
		return NULL;
	}
	return output;
}
