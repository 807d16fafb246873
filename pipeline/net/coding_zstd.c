/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zstd (RFC 8878) by libzstd. Decoding streams into the growing output; when the output has room
 * for the content size a frame declares, libzstd decodes straight into it and needs no window of
 * its own. A decoder that had to allocate a window is not kept: up to 8 MiB per shard would stay.
 */
#include "pipeline/net/coding_internal.h"

#include <zstd_errors.h>

enum {
	ZSTD_DECODER_BYTES_KEPT_MAX = 1 << 20,
	ZSTD_LEVEL_MAX = 11, /* beyond it the window grows past what receivers must accept */
	ZSTD_OUTPUT_STEP_BYTES = 4096,
};

uint64_t zstd_declared_size(struct slice coded)
{
	unsigned long long size = ZSTD_getFrameContentSize(coded.ptr, coded.len);
	return size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR ? 0 : size;
}

static int decoder_get(struct coder *coder, struct err *err)
{
	if (!coder->zstd_decoder)
		coder->zstd_decoder = ZSTD_createDCtx();
	if (!coder->zstd_decoder ||
	    ZSTD_isError(ZSTD_DCtx_reset(coder->zstd_decoder, ZSTD_reset_session_and_parameters)) ||
	    ZSTD_isError(ZSTD_DCtx_setParameter(coder->zstd_decoder, ZSTD_d_windowLogMax,
						CODING_ZSTD_WINDOW_LOG_MAX)))
		return err_set(err, ERR_NOMEM, "no memory for a decompressor");
	return 0;
}

static int decode_failed(size_t code, size_t offset, struct err *err)
{
	switch ((int)ZSTD_getErrorCode(code)) {
	case ZSTD_error_memory_allocation:
		return err_set(err, ERR_NOMEM, "no memory for a decompression window");
	case ZSTD_error_frameParameter_windowTooLarge:
		return err_set(err, ERR_LIMIT, "zstd window is larger than %d MiB",
			       1 << (CODING_ZSTD_WINDOW_LOG_MAX - 20));
	default:
		/* libzstd's own text, never a byte of the input. */
		return err_set_at(err, offset, "%s", ZSTD_getErrorName(code));
	}
}

static int decode_frames(ZSTD_DCtx *decoder, struct slice coded, struct decode_output *output,
			 struct err *err)
{
	ZSTD_inBuffer in = {coded.ptr, coded.len, 0};
	size_t more = 1; /* 0 after a whole frame */
	while (in.pos < in.size || more != 0) {
		uint8_t *room;
		ZSTD_outBuffer out = {0};
		decode_output_room(output, &room, &out.size);
		out.dst = room;
		size_t in_before = in.pos;
		more = ZSTD_decompressStream(decoder, &out, &in);
		if (ZSTD_isError(more))
			return decode_failed(more, in.pos, err);
		if (decode_output_commit(output, room, out.pos, err) < 0)
			return -1;
		if (more != 0 && out.pos == 0 && in.pos == in_before)
			return err_set_at(err, in.pos, "compressed data ends too early");
	}
	return 0;
}

int coder_zstd_decode(struct coder *coder, struct slice coded, struct decode_output *output,
		      struct err *err)
{
	if (decoder_get(coder, err) < 0)
		return -1;
	int rc = decode_frames(coder->zstd_decoder, coded, output, err);
	if (ZSTD_sizeof_DCtx(coder->zstd_decoder) > ZSTD_DECODER_BYTES_KEPT_MAX) {
		ZSTD_freeDCtx(coder->zstd_decoder);
		coder->zstd_decoder = NULL;
	}
	return rc;
}

static ZSTD_CCtx *encoder_get(struct coder *coder, int level, size_t total)
{
	if (!coder->zstd_encoder)
		coder->zstd_encoder = ZSTD_createCCtx();
	level = level < 1 ? 1 : level > ZSTD_LEVEL_MAX ? ZSTD_LEVEL_MAX : level;
	ZSTD_CCtx *encoder = coder->zstd_encoder;
	/* The declared size lets the receiver allocate once. */
	if (!encoder || ZSTD_isError(ZSTD_CCtx_reset(encoder, ZSTD_reset_session_and_parameters)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(encoder, ZSTD_c_compressionLevel, level)) ||
	    ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(encoder, total)))
		return NULL;
	return encoder;
}

/* Feeds one part; with ZSTD_e_end runs until the frame is complete. */
static int encode_part(ZSTD_CCtx *encoder, struct slice part, ZSTD_EndDirective directive,
		       struct chunk *output, struct err *err)
{
	ZSTD_inBuffer in = {part.ptr, part.len, 0};
	for (;;) {
		if (output->capacity - output->len < ZSTD_OUTPUT_STEP_BYTES &&
		    !chunk_reserve(output, ZSTD_OUTPUT_STEP_BYTES))
			return err_set(err, ERR_NOMEM, "no memory for compressed data");
		ZSTD_outBuffer out = {output->data, output->capacity, output->len};
		size_t left = ZSTD_compressStream2(encoder, &out, &in, directive);
		output->len = out.pos;
		if (ZSTD_isError(left))
			return err_set(err,
				       ZSTD_getErrorCode(left) == ZSTD_error_memory_allocation
					       ? ERR_NOMEM
					       : ERR_INTERNAL,
				       "zstd: %s", ZSTD_getErrorName(left));
		if (directive == ZSTD_e_end ? left == 0 : in.pos == in.size)
			return 0;
	}
}

int coder_zstd_encode(struct coder *coder, int level, const struct slice *parts, size_t part_count,
		      size_t total, struct chunk *output, struct err *err)
{
	ZSTD_CCtx *encoder = encoder_get(coder, level, total);
	if (!encoder)
		return err_set(err, ERR_NOMEM, "no memory for a compressor");
	for (size_t i = 0; i + 1 < part_count; i++) {
		if (encode_part(encoder, parts[i], ZSTD_e_continue, output, err) < 0)
			return -1;
	}
	struct slice last = part_count > 0 ? parts[part_count - 1] : (struct slice){0};
	return encode_part(encoder, last, ZSTD_e_end, output, err);
}
