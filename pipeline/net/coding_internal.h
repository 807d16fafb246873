/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by coding.c, the codecs behind it and their output; nobody else includes it. */
#ifndef SLUICE_NET_CODING_INTERNAL_H
#define SLUICE_NET_CODING_INTERNAL_H

#include "pipeline/net/coding.h"

#include <isa-l/igzip_lib.h>
#include <lz4frame.h>
#include <zstd.h>

struct coder {
	struct inflate_state *inflate;
	struct isal_zstream *deflate;
	uint8_t *deflate_level_buffer;
	ZSTD_DCtx *zstd_decoder;
	ZSTD_CCtx *zstd_encoder;
	LZ4F_cctx *lz4_encoder;
};

/*
 * Where decoded bytes go: a chunk that grows with what has really been produced and is never
 * larger than bytes_max. A full chunk lends the probe instead, so that a decoder that only has its
 * trailer left to read ends without growing anything.
 */
struct decode_output {
	struct chunk *chunk;
	size_t bytes_max;
	uint8_t probe[64];
};

/* Declared sizes are believed up to this multiple of the bytes that have arrived. */
enum { DECODE_RATIO_TRUSTED = 16 };

/* The least capacity of a chunk that coded or decoded bytes go to. */
enum { CODING_OUTPUT_BYTES_MIN = 1024 };

/* ERR_NOMEM in words. Returns -1. */
int coding_no_memory(struct err *err, size_t bytes);

/* Makes the chunk for ${coded_len} coded bytes. ${declared} is the size that their header claims, 0
 * when it does not say. -1 with ERR_NOMEM. */
MUST_CHECK int decode_output_init(struct decode_output *output, size_t coded_len, uint64_t declared,
				  size_t bytes_max, struct budget *budget, struct err *err);

/* Room for at least one byte, to be followed by decode_output_commit. */
void decode_output_room(struct decode_output *output, uint8_t **ret_ptr, size_t *ret_len);

/* Room for ${count} bytes in one piece, for decoders that cannot go on where they stopped; what is
 * used of it is added to the chunk's length. ERR_LIMIT when they go past bytes_max, ERR_NOMEM. */
MUST_CHECK int decode_output_reserve(struct decode_output *output, size_t count, uint8_t **ret_room,
				     struct err *err);

/* ${count} bytes were written to the room. ERR_LIMIT when they go past bytes_max, ERR_NOMEM. */
MUST_CHECK int decode_output_commit(struct decode_output *output, const uint8_t *room, size_t count,
				    struct err *err);

/* The codecs. On failure nothing is returned and ${output} still owns its chunk. */
MUST_CHECK int coder_inflate(struct coder *coder, enum coding coding, struct slice coded,
			     struct decode_output *output, struct err *err);
MUST_CHECK int coder_zstd_decode(struct coder *coder, struct slice coded,
				 struct decode_output *output, struct err *err);
MUST_CHECK int coder_snappy_decode(struct slice coded, struct decode_output *output,
				   struct err *err);
MUST_CHECK int coder_snappy_frames_decode(struct slice coded, struct decode_output *output,
					  struct err *err);
MUST_CHECK int coder_lz4_decode(struct slice coded, struct decode_output *output, struct err *err);
MUST_CHECK int coder_deflate(struct coder *coder, enum coding coding, int level,
			     const struct slice *parts, size_t part_count, struct chunk *output,
			     struct err *err);
MUST_CHECK int coder_zstd_encode(struct coder *coder, int level, const struct slice *parts,
				 size_t part_count, size_t total, struct chunk *output,
				 struct err *err);

MUST_CHECK int coder_snappy_encode(const struct slice *parts, size_t part_count, size_t total,
				   struct chunk *output, struct err *err);
MUST_CHECK int coder_snappy_frames_encode(const struct slice *parts, size_t part_count,
					  struct chunk *output, struct err *err);
MUST_CHECK int coder_lz4_encode(struct coder *coder, const struct slice *parts, size_t part_count,
				size_t total, struct chunk *output, struct err *err);

/* The size a coded header or trailer declares, 0 when it does not say. Only ever a hint. */
uint64_t gzip_declared_size(struct slice coded);
uint64_t zstd_declared_size(struct slice coded);
uint64_t snappy_declared_size(struct slice coded);

#endif
