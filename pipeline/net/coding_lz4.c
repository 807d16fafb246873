/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LZ4's frame format by liblz4. Decoding streams into the growing output; all frames are read,
 * skippable ones are skipped. A decoder keeps a block and its history, up to 8 MiB when a frame's
 * header asks for it: it lives for one message. What we write has independent blocks of 64 KiB and
 * a checksum, which every reader takes; the encoder (about 150 KiB) is kept.
 */
#include "pipeline/net/coding_internal.h"

enum { FEED_BYTES = 65536 };

static int failed(size_t code, uint64_t offset, struct err *err)
{
	/* liblz4's own text, never a byte of the input. */
	return err_set_at(err, offset, "%s", LZ4F_getErrorName(code));
}

static int decode_frames(LZ4F_dctx *decoder, struct slice coded, struct decode_output *output,
			 struct err *err)
{
	if (coded.len == 0)
		return err_set_at(err, 0, "compressed data ends too early");
	const uint8_t *at = coded.ptr, *end = coded.ptr + coded.len;
	size_t more = 1; /* 0 after a whole frame */
	while (at < end || more != 0) {
		uint8_t *room;
		size_t out_len, in_len = (size_t)(end - at);
		decode_output_room(output, &room, &out_len);
		more = LZ4F_decompress(decoder, room, &out_len, at, &in_len, NULL);
		if (LZ4F_isError(more))
			return failed(more, (uint64_t)(at - coded.ptr), err);
		at += in_len;
		if (decode_output_commit(output, room, out_len, err) < 0)
			return -1;
		if (more != 0 && out_len == 0 && in_len == 0)
			return err_set_at(err, (uint64_t)(at - coded.ptr),
					  "compressed data ends too early");
	}
	return 0;
}

int coder_lz4_decode(struct slice coded, struct decode_output *output, struct err *err)
{
	LZ4F_dctx *decoder;
	if (LZ4F_isError(LZ4F_createDecompressionContext(&decoder, LZ4F_VERSION)))
		return err_set(err, ERR_NOMEM, "no memory for a decompressor");
	int rc = decode_frames(decoder, coded, output, err);
	(void)LZ4F_freeDecompressionContext(decoder);
	return rc;
}

static int commit(struct chunk *output, size_t written, struct err *err)
{
	if (LZ4F_isError(written))
		return err_set(err, ERR_INTERNAL, "lz4: %s", LZ4F_getErrorName(written));
	output->len += written;
	return 0;
}

static int reserve(struct chunk *output, size_t bytes, struct err *err)
{
	return chunk_reserve(output, bytes)
		       ? 0
		       : err_set(err, ERR_NOMEM, "no memory for compressed data");
}

static int encode_part(LZ4F_cctx *encoder, struct slice left, const LZ4F_preferences_t *preferences,
		       struct chunk *output, struct err *err)
{
	while (left.len > 0) {
		size_t len = left.len < FEED_BYTES ? left.len : FEED_BYTES;
		if (reserve(output, LZ4F_compressBound(len, preferences), err) < 0 ||
		    commit(output,
			   LZ4F_compressUpdate(encoder, output->data + output->len,
					       output->capacity - output->len, left.ptr, len, NULL),
			   err) < 0)
			return -1;
		left = slice_of(left.ptr + len, left.len - len);
	}
	return 0;
}

int coder_lz4_encode(struct coder *coder, const struct slice *parts, size_t part_count,
		     size_t total, struct chunk *output, struct err *err)
{
	/* The declared size lets the receiver allocate once; 0 is "unknown". */
	const LZ4F_preferences_t preferences = {
		.frameInfo = {.blockSizeID = LZ4F_max64KB,
			      .blockMode = LZ4F_blockIndependent,
			      .contentChecksumFlag = LZ4F_contentChecksumEnabled,
			      .contentSize = total},
	};
	if (!coder->lz4_encoder &&
	    LZ4F_isError(LZ4F_createCompressionContext(&coder->lz4_encoder, LZ4F_VERSION)))
		return err_set(err, ERR_NOMEM, "no memory for a compressor");
	LZ4F_cctx *encoder = coder->lz4_encoder;
	if (reserve(output, LZ4F_HEADER_SIZE_MAX, err) < 0 ||
	    commit(output,
		   LZ4F_compressBegin(encoder, output->data + output->len,
				      output->capacity - output->len, &preferences),
		   err) < 0)
		return -1;
	for (size_t i = 0; i < part_count; i++) {
		if (encode_part(encoder, parts[i], &preferences, output, err) < 0)
			return -1;
	}
	if (reserve(output, LZ4F_compressBound(0, &preferences), err) < 0)
		return -1;
	return commit(output,
		      LZ4F_compressEnd(encoder, output->data + output->len,
				       output->capacity - output->len, NULL),
		      err);
}
