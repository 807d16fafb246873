/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/net/coding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const char text[] = "sluice: traces in, traces out\n";

/* Made with other implementations: Python's gzip and zlib modules, the zstd command. */
static const uint8_t gzip_plain[] = {
	0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x2b, 0xce, 0x29, 0xcd, 0x4c,
	0x4e, 0xb5, 0x52, 0x28, 0x29, 0x4a, 0x4c, 0x4e, 0x2d, 0x56, 0xc8, 0xcc, 0xd3, 0x81, 0x31,
	0xf3, 0x4b, 0x4b, 0xb8, 0x00, 0x69, 0x27, 0xda, 0x3b, 0x1e, 0x00, 0x00, 0x00,
};
/* FEXTRA, FNAME, FCOMMENT and FHCRC, each present */
static const uint8_t gzip_all_fields[] = {
	0x1f, 0x8b, 0x08, 0x1e, 0x01, 0x02, 0x03, 0x04, 0x00, 0x03, 0x05, 0x00, 0x65, 0x78,
	0x74, 0x72, 0x61, 0x6e, 0x61, 0x6d, 0x65, 0x2e, 0x74, 0x78, 0x74, 0x00, 0x63, 0x6f,
	0x6d, 0x6d, 0x65, 0x6e, 0x74, 0x00, 0xda, 0xb9, 0x2b, 0xce, 0x29, 0xcd, 0x4c, 0x4e,
	0xb5, 0x52, 0x28, 0x29, 0x4a, 0x4c, 0x4e, 0x2d, 0x56, 0xc8, 0xcc, 0xd3, 0x81, 0x31,
	0xf3, 0x4b, 0x4b, 0xb8, 0x00, 0x69, 0x27, 0xda, 0x3b, 0x1e, 0x00, 0x00, 0x00,
};
static const uint8_t zlib_plain[] = {
	0x78, 0xda, 0x2b, 0xce, 0x29, 0xcd, 0x4c, 0x4e, 0xb5, 0x52, 0x28,
	0x29, 0x4a, 0x4c, 0x4e, 0x2d, 0x56, 0xc8, 0xcc, 0xd3, 0x81, 0x31,
	0xf3, 0x4b, 0x4b, 0xb8, 0x00, 0xaa, 0xe4, 0x0a, 0xa9,
};
static const uint8_t raw_deflate[] = {
	0x2b, 0xce, 0x29, 0xcd, 0x4c, 0x4e, 0xb5, 0x52, 0x28, 0x29, 0x4a, 0x4c, 0x4e,
	0x2d, 0x56, 0xc8, 0xcc, 0xd3, 0x81, 0x31, 0xf3, 0x4b, 0x4b, 0xb8, 0x00,
};
static const uint8_t zlib_with_dictionary[] = {
	0x78, 0xf9, 0x55, 0x42, 0x07, 0xc0, 0x2b, 0xce, 0x29, 0xcd, 0x4c, 0x4e,
	0xb5, 0x82, 0x89, 0xa0, 0x4a, 0x72, 0x01, 0x00, 0xaa, 0xe4, 0x0a, 0xa9,
};
static const uint8_t zstd_with_checksum[] = {
	0x28, 0xb5, 0x2f, 0xfd, 0x24, 0x1e, 0xf1, 0x00, 0x00, 0x73, 0x6c, 0x75, 0x69, 0x63, 0x65,
	0x3a, 0x20, 0x74, 0x72, 0x61, 0x63, 0x65, 0x73, 0x20, 0x69, 0x6e, 0x2c, 0x20, 0x74, 0x72,
	0x61, 0x63, 0x65, 0x73, 0x20, 0x6f, 0x75, 0x74, 0x0a, 0x56, 0x3a, 0x0a, 0xeb,
};
static const uint8_t zstd_streamed[] = {
	0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58, 0xf1, 0x00, 0x00, 0x73, 0x6c, 0x75, 0x69,
	0x63, 0x65, 0x3a, 0x20, 0x74, 0x72, 0x61, 0x63, 0x65, 0x73, 0x20, 0x69, 0x6e,
	0x2c, 0x20, 0x74, 0x72, 0x61, 0x63, 0x65, 0x73, 0x20, 0x6f, 0x75, 0x74, 0x0a,
};
/* RFC 8878 §3.1.1.1.2: window descriptors for 8 MiB and 16 MiB, then one raw block "x" */
static const uint8_t zstd_window_8_mib[] = {0x28, 0xb5, 0x2f, 0xfd, 0x00,
					    0x68, 0x09, 0x00, 0x00, 'x'};
static const uint8_t zstd_window_16_mib[] = {0x28, 0xb5, 0x2f, 0xfd, 0x00,
					     0x70, 0x09, 0x00, 0x00, 'x'};
/* §3.1.2: a skippable frame of two bytes */
static const uint8_t zstd_skippable[] = {0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 'n', 'o'};
/* A single-segment frame that declares 2^62 bytes of content and has one block "x". */
static const uint8_t zstd_declares_too_much[] = {0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0,	 0,
						 0,    0,    0,	   0x40, 0x09, 0, 0, 'x'};

/* Made with golang/snappy and pierrec/lz4, which the Collector uses. */
static const uint8_t snappy_block[] = {
	0x1e, 0x74, 0x73, 0x6c, 0x75, 0x69, 0x63, 0x65, 0x3a, 0x20, 0x74,
	0x72, 0x61, 0x63, 0x65, 0x73, 0x20, 0x69, 0x6e, 0x2c, 0x20, 0x74,
	0x72, 0x61, 0x63, 0x65, 0x73, 0x20, 0x6f, 0x75, 0x74, 0x0a,
};
static const uint8_t snappy_framed[] = {
	0xff, 0x06, 0x00, 0x00, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59, 0x01, 0x22,
	0x00, 0x00, 0x2f, 0x42, 0x21, 0x91, 0x73, 0x6c, 0x75, 0x69, 0x63, 0x65,
	0x3a, 0x20, 0x74, 0x72, 0x61, 0x63, 0x65, 0x73, 0x20, 0x69, 0x6e, 0x2c,
	0x20, 0x74, 0x72, 0x61, 0x63, 0x65, 0x73, 0x20, 0x6f, 0x75, 0x74, 0x0a,
};
/* "abcd" a hundred times: a frame that is worth compressing */
static const uint8_t snappy_framed_compressed[] = {
	0xff, 0x06, 0x00, 0x00, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59, 0x00, 0x20,
	0x00, 0x00, 0x90, 0xed, 0xfc, 0x1d, 0x90, 0x03, 0x0c, 0x61, 0x62, 0x63,
	0x64, 0xfe, 0x04, 0x00, 0xfe, 0x04, 0x00, 0xfe, 0x04, 0x00, 0xfe, 0x04,
	0x00, 0xfe, 0x04, 0x00, 0xfe, 0x04, 0x00, 0x2e, 0x04, 0x00,
};
/* A padding frame of two bytes; one of a kind that readers must not skip. */
static const uint8_t snappy_padding[] = {0xfe, 2, 0, 0, 0, 0};
static const uint8_t snappy_unskippable[] = {0x02, 2, 0, 0, 0, 0};
static const uint8_t lz4_frame[] = {
	0x04, 0x22, 0x4d, 0x18, 0x64, 0x70, 0xb9, 0x1e, 0x00, 0x00, 0x80, 0x73, 0x6c,
	0x75, 0x69, 0x63, 0x65, 0x3a, 0x20, 0x74, 0x72, 0x61, 0x63, 0x65, 0x73, 0x20,
	0x69, 0x6e, 0x2c, 0x20, 0x74, 0x72, 0x61, 0x63, 0x65, 0x73, 0x20, 0x6f, 0x75,
	0x74, 0x0a, 0x00, 0x00, 0x00, 0x00, 0x6f, 0x23, 0x27, 0x6d,
};
static const uint8_t lz4_nothing[] = {
	0x04, 0x22, 0x4d, 0x18, 0x64, 0x70, 0xb9, 0x00, 0x00, 0x00, 0x00, 0x05, 0x5d, 0xcc, 0x02,
};
static const uint8_t lz4_skippable[] = {0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 'n', 'o'};
/* Blocks that declare 4 GiB - 1 of content, and hold one byte. */
static const uint8_t snappy_declares_too_much[] = {0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, 'x'};
/* Frames of data that are too short for a checksum, and whose content is over 64 KiB. */
static const uint8_t snappy_short_frame[] = {0xff, 0x06, 0,    0, 0x73, 0x4e, 0x61, 0x50, 0x70,
					     0x59, 0x00, 0x03, 0, 0,	0,    0,    0};
static const uint8_t snappy_long_frame[] = {0xff, 0x06, 0,    0,    0x73, 0x4e, 0x61, 0x50,
					    0x70, 0x59, 0x00, 0x09, 0,	  0,	0,    0,
					    0,	  0,	0x81, 0x80, 0x04, 0x00, 'x'};

#define BYTES(array) slice_of((array), sizeof(array))
#define TEXT slice_of(text, sizeof(text) - 1)

static const enum coding codings[] = {CODING_GZIP,   CODING_DEFLATE,	   CODING_ZSTD,
				      CODING_SNAPPY, CODING_SNAPPY_FRAMED, CODING_LZ4};

struct state {
	struct budget budget;
	struct coder *coder;
};

static int setup(void **ret_state)
{
	struct state *state = calloc(1, sizeof(*state));
	budget_init(&state->budget, UINT64_MAX);
	state->coder = coder_new();
	*ret_state = state;
	return state->coder ? 0 : -1;
}

static int teardown(void **ret_state)
{
	struct state *state = *ret_state;
	coder_free(state->coder);
	assert_int_equal(budget_used(&state->budget), 0);
	free(state);
	return 0;
}

static struct chunk *decode(struct state *state, enum coding coding, struct slice coded,
			    size_t bytes_max, struct err *err)
{
	*err = (struct err){0};
	struct chunk *chunk =
		coder_decode(state->coder, coding, coded, bytes_max, &state->budget, err);
	assert_true((chunk == NULL) == (err->kind != ERR_NONE));
	if (chunk)
		assert_true(chunk->capacity <= bytes_max);
	return chunk;
}

static void must_decode(struct state *state, enum coding coding, struct slice coded,
			struct slice expected)
{
	struct err err;
	/* With room to spare, and with exactly the room that is needed. */
	const size_t limits[] = {expected.len * 2 + 100, expected.len};
	for (size_t i = 0; i < ARRAY_COUNT(limits); i++) {
		struct chunk *chunk = decode(state, coding, coded, limits[i], &err);
		if (!chunk)
			fail_msg("%s: %s", coding_http_name(coding), err.msg);
		assert_int_equal(chunk->len, expected.len);
		if (expected.len > 0)
			assert_memory_equal(chunk->data, expected.ptr, expected.len);
		chunk_unref(chunk);
	}
	if (expected.len > 0) {
		assert_null(decode(state, coding, coded, expected.len - 1, &err));
		assert_int_equal(err.kind, ERR_LIMIT);
	}
}

static void must_fail(struct state *state, enum coding coding, struct slice coded,
		      enum err_kind kind)
{
	struct err err;
	struct chunk *chunk = decode(state, coding, coded, 1 << 20, &err);
	if (chunk)
		fail_msg("%s: %zu bytes were decoded to %zu", coding_http_name(coding), coded.len,
			 chunk->len);
	if (err.kind != kind)
		fail_msg("%s: %s error: %s", coding_http_name(coding), err_kind_name(err.kind),
			 err.msg);
}

/* Compressible but not trivial: words and numbers, as traces are. Caller frees. */
static uint8_t *make_text(size_t len, unsigned seed)
{
	uint8_t *bytes = malloc(len + 1);
	uint32_t state = seed * 2654435761u + 1;
	for (size_t i = 0; i < len; i++) {
		state = state * 1664525 + 1013904223;
		bytes[i] = (state >> 24) < 180 ? (uint8_t)text[i % (sizeof(text) - 1)]
					       : (uint8_t)(state >> 16);
	}
	return bytes;
}

static struct chunk *encode(struct state *state, enum coding coding, int level,
			    const struct slice *parts, size_t part_count)
{
	struct err err;
	struct chunk *chunk =
		coder_encode(state->coder, coding, level, parts, part_count, &state->budget, &err);
	if (!chunk)
		fail_msg("%s: %s", coding_http_name(coding), err.msg);
	return chunk;
}

static struct chunk *join(struct state *state, struct slice a, struct slice b)
{
	struct chunk *chunk = chunk_new(&state->budget, a.len + b.len);
	assert_true(chunk && chunk_append(chunk, a) && chunk_append(chunk, b));
	return chunk;
}

/* ---- names -------------------------------------------------------------------------------- */

static void names_are_parsed_without_regard_to_case(void **ret_state)
{
	(void)ret_state;
	static const struct {
		const char *name;
		int http, grpc; /* -1: refused */
	} cases[] = {
		{"", CODING_IDENTITY, CODING_IDENTITY},
		{"identity", CODING_IDENTITY, CODING_IDENTITY},
		{"GZip", CODING_GZIP, CODING_GZIP},
		{"x-gzip", CODING_GZIP, -1},
		{" zstd\t", CODING_ZSTD, CODING_ZSTD},
		{"deflate", CODING_DEFLATE, CODING_DEFLATE},
		{"zlib", CODING_DEFLATE, -1},
		{"snappy", CODING_SNAPPY, CODING_SNAPPY_FRAMED},
		{"X-Snappy-Framed", CODING_SNAPPY_FRAMED, -1},
		{"lz4", CODING_LZ4, -1},
		{"br", -1, -1},
		{"gzip, gzip", -1, -1},
		{"gzi", -1, -1},
		{"gzipp", -1, -1},
		{"none", -1, -1},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		enum coding coding = CODING_COUNT;
		bool known = coding_parse_http(slice_str(cases[i].name), &coding);
		assert_int_equal(known ? (int)coding : -1, cases[i].http);
		known = coding_parse_grpc(slice_str(cases[i].name), &coding);
		assert_int_equal(known ? (int)coding : -1, cases[i].grpc);
	}
}

/* Each name that we say can be said to us, and every coding but "identity" is in the lists. */
static void names_lead_back_to_their_codings(void **ret_state)
{
	(void)ret_state;
	for (enum coding c = CODING_IDENTITY; c < CODING_COUNT; c++) {
		const char *http = coding_http_name(c), *grpc = coding_grpc_name(c);
		enum coding parsed;
		assert_true(coding_parse_http(slice_str(http), &parsed));
		assert_int_equal(parsed, c);
		if (grpc) {
			assert_true(coding_parse_grpc(slice_str(grpc), &parsed));
			assert_int_equal(parsed, c);
		}
		if (c == CODING_IDENTITY)
			continue;
		assert_non_null(strstr(CODING_HTTP_NAMES, http));
		assert_true(!grpc || strstr(CODING_GRPC_NAMES, grpc));
	}
}

/* ---- decoding ----------------------------------------------------------------------------- */

static const struct vector {
	const char *name;
	enum coding coding;
	struct slice coded;
} vectors[] = {
	{"gzip", CODING_GZIP, {gzip_plain, sizeof(gzip_plain)}},
	{"gzip with all header fields", CODING_GZIP, {gzip_all_fields, sizeof(gzip_all_fields)}},
	{"zlib", CODING_DEFLATE, {zlib_plain, sizeof(zlib_plain)}},
	{"zstd", CODING_ZSTD, {zstd_with_checksum, sizeof(zstd_with_checksum)}},
	{"zstd of unknown size", CODING_ZSTD, {zstd_streamed, sizeof(zstd_streamed)}},
	{"lz4", CODING_LZ4, {lz4_frame, sizeof(lz4_frame)}},
	{"snappy", CODING_SNAPPY, {snappy_block, sizeof(snappy_block)}},
	{"framed snappy", CODING_SNAPPY_FRAMED, {snappy_framed, sizeof(snappy_framed)}},
	{"framed snappy under the name of the other",
	 CODING_SNAPPY,
	 {snappy_framed, sizeof(snappy_framed)}},
};

/* A framed snappy stream has no end of its own: cut between frames it is a shorter one. */
static bool is_shorter_stream(const struct vector *vector, size_t len)
{
	enum { IDENTIFIER_BYTES = 10 };
	return vector->coded.ptr == snappy_framed &&
	       (len == IDENTIFIER_BYTES || (len == 0 && vector->coding == CODING_SNAPPY_FRAMED));
}

static void what_others_encoded_is_decoded(void **ret_state)
{
	for (size_t i = 0; i < ARRAY_COUNT(vectors); i++)
		must_decode(*ret_state, vectors[i].coding, vectors[i].coded, TEXT);
	must_decode(*ret_state, CODING_IDENTITY, TEXT, TEXT);
	must_decode(*ret_state, CODING_IDENTITY, SLICE(""), SLICE(""));
}

static void a_truncation_at_any_byte_is_an_error(void **ret_state)
{
	for (size_t i = 0; i < ARRAY_COUNT(vectors); i++) {
		for (size_t len = 0; len < vectors[i].coded.len; len++) {
			struct slice cut = slice_of(vectors[i].coded.ptr, len);
			if (is_shorter_stream(&vectors[i], len))
				must_decode(*ret_state, vectors[i].coding, cut, SLICE(""));
			else
				must_fail(*ret_state, vectors[i].coding, cut, ERR_DECODE);
		}
	}
}

/* The header's modification time, flags for the compressor and the like may change unseen. */
static bool is_unchecked(const struct vector *vector, size_t byte, unsigned bit)
{
	switch (vector->coding) {
	case CODING_GZIP:
		/* no header checksum: MTIME, XFL, OS; FTEXT says nothing to us */
		return vector->coded.ptr == gzip_plain &&
		       ((byte >= 4 && byte <= 9) || (byte == 3 && bit == 0));
	case CODING_DEFLATE:
	case CODING_ZSTD:
	case CODING_SNAPPY:
	case CODING_SNAPPY_FRAMED:
	case CODING_LZ4:
	case CODING_IDENTITY:
	case CODING_COUNT: break;
	}
	return false;
}

static void a_flipped_bit_never_changes_the_text_in_silence(void **ret_state)
{
	struct state *state = *ret_state;
	struct err err;
	for (size_t i = 0; i < ARRAY_COUNT(vectors); i++) {
		const struct vector *vector = &vectors[i];
		uint8_t copy[128];
		if (vector->coded.ptr == zstd_streamed || vector->coded.ptr == snappy_block)
			continue; /* has no checksum */
		memcpy(copy, vector->coded.ptr, vector->coded.len);
		for (size_t at = 0; at < vector->coded.len * 8; at++) {
			copy[at / 8] ^= (uint8_t)(1u << at % 8);
			struct chunk *chunk = decode(state, vector->coding,
						     slice_of(copy, vector->coded.len), 4096, &err);
			copy[at / 8] ^= (uint8_t)(1u << at % 8);
			/* framed snappy: 0x81 is a frame to be skipped */
			bool skips = vector->coded.ptr == snappy_framed && at == 10 * 8 + 7;
			if (chunk && !skips && !slice_equal(chunk_slice(chunk), TEXT))
				fail_msg("%s: bit %zu changes the text", vector->name, at);
			if (!chunk && is_unchecked(vector, at / 8, at % 8))
				fail_msg("%s: bit %zu is refused: %s", vector->name, at, err.msg);
			chunk_unref(chunk);
		}
	}
}

static void bytes_after_the_end_are_an_error(void **ret_state)
{
	struct state *state = *ret_state;
	for (size_t i = 0; i < ARRAY_COUNT(vectors); i++) {
		for (size_t len = 1; len <= 20; len++) {
			struct chunk *chunk = join(state, vectors[i].coded,
						   slice_of("garbage that is no header", len));
			must_fail(state, vectors[i].coding, chunk_slice(chunk), ERR_DECODE);
			chunk_unref(chunk);
		}
	}
}

static void members_and_frames_are_concatenated(void **ret_state)
{
	struct state *state = *ret_state;
	struct chunk *twice = join(state, TEXT, TEXT);
	const struct {
		enum coding coding;
		struct slice a, b;
	} cases[] = {
		{CODING_GZIP, BYTES(gzip_plain), BYTES(gzip_all_fields)},
		{CODING_GZIP, BYTES(gzip_all_fields), BYTES(gzip_plain)},
		{CODING_ZSTD, BYTES(zstd_with_checksum), BYTES(zstd_streamed)},
		{CODING_ZSTD, BYTES(zstd_streamed), BYTES(zstd_with_checksum)},
		{CODING_LZ4, BYTES(lz4_frame), BYTES(lz4_frame)},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct chunk *coded = join(state, cases[i].a, cases[i].b);
		must_decode(state, cases[i].coding, chunk_slice(coded), chunk_slice(twice));
		for (size_t len = cases[i].a.len + 1; len < coded->len; len++)
			must_fail(state, cases[i].coding, slice_of(coded->data, len), ERR_DECODE);
		chunk_unref(coded);
	}
	struct chunk *skipped = join(state, BYTES(zstd_skippable), BYTES(zstd_streamed));
	must_decode(state, CODING_ZSTD, chunk_slice(skipped), TEXT);
	chunk_unref(skipped);
	skipped = join(state, BYTES(lz4_skippable), BYTES(lz4_frame));
	must_decode(state, CODING_LZ4, chunk_slice(skipped), TEXT);
	chunk_unref(skipped);
	must_decode(state, CODING_LZ4, BYTES(lz4_nothing), SLICE(""));
	struct chunk *coded = join(state, BYTES(zlib_plain), BYTES(zlib_plain));
	must_fail(state, CODING_DEFLATE, chunk_slice(coded), ERR_DECODE);
	chunk_unref(coded);
	chunk_unref(twice);
}

static void snappy_frames_are_read_to_the_end(void **ret_state)
{
	struct state *state = *ret_state;
	char repeated[400];
	for (size_t i = 0; i < sizeof(repeated); i++)
		repeated[i] = "abcd"[i % 4];
	must_decode(state, CODING_SNAPPY_FRAMED, BYTES(snappy_framed_compressed), BYTES(repeated));
	/* Streams can be joined, with padding between them. */
	struct chunk *twice = join(state, TEXT, TEXT);
	struct chunk *padded = join(state, BYTES(snappy_framed), BYTES(snappy_padding));
	struct chunk *joined = join(state, chunk_slice(padded), BYTES(snappy_framed));
	must_decode(state, CODING_SNAPPY_FRAMED, chunk_slice(joined), chunk_slice(twice));
	struct chunk *bad = join(state, BYTES(snappy_framed), BYTES(snappy_unskippable));
	must_fail(state, CODING_SNAPPY_FRAMED, chunk_slice(bad), ERR_DECODE);
	must_fail(state, CODING_SNAPPY_FRAMED, BYTES(snappy_short_frame), ERR_DECODE);
	must_fail(state, CODING_SNAPPY_FRAMED, BYTES(snappy_long_frame), ERR_DECODE);
	chunk_unref(bad);
	chunk_unref(joined);
	chunk_unref(padded);
	chunk_unref(twice);
}

static void ten_thousand_empty_members_are_read(void **ret_state)
{
	struct state *state = *ret_state;
	struct err err;
	struct chunk *empty = encode(state, CODING_GZIP, 0, NULL, 0);
	struct chunk *many = chunk_new(&state->budget, 0);
	for (int i = 0; i < 10000; i++)
		assert_true(chunk_append(many, chunk_slice(empty)));
	struct chunk *chunk = decode(state, CODING_GZIP, chunk_slice(many), 0, &err);
	assert_non_null(chunk);
	assert_int_equal(chunk->len, 0);
	chunk_unref(chunk);
	chunk_unref(many);
	chunk_unref(empty);
}

static void what_is_not_in_the_format_is_refused(void **ret_state)
{
	must_fail(*ret_state, CODING_DEFLATE, BYTES(raw_deflate), ERR_DECODE);
	must_fail(*ret_state, CODING_DEFLATE, BYTES(zlib_with_dictionary), ERR_DECODE);
	must_fail(*ret_state, CODING_DEFLATE, BYTES(gzip_plain), ERR_DECODE);
	must_fail(*ret_state, CODING_GZIP, BYTES(zlib_plain), ERR_DECODE);
	must_fail(*ret_state, CODING_GZIP, BYTES(zstd_streamed), ERR_DECODE);
	must_fail(*ret_state, CODING_ZSTD, BYTES(gzip_plain), ERR_DECODE);
	must_fail(*ret_state, CODING_SNAPPY_FRAMED, BYTES(snappy_block), ERR_DECODE);
	must_fail(*ret_state, CODING_SNAPPY, BYTES(lz4_frame), ERR_DECODE);
	must_fail(*ret_state, CODING_LZ4, BYTES(zstd_streamed), ERR_DECODE);
	must_fail(*ret_state, CODING_LZ4, TEXT, ERR_DECODE);
	must_fail(*ret_state, CODING_GZIP, TEXT, ERR_DECODE);
	must_fail(*ret_state, CODING_DEFLATE, TEXT, ERR_DECODE);
	must_fail(*ret_state, CODING_ZSTD, TEXT, ERR_DECODE);
}

static void a_zstd_window_over_8_mib_is_refused(void **ret_state)
{
	must_decode(*ret_state, CODING_ZSTD, BYTES(zstd_window_8_mib), SLICE("x"));
	must_fail(*ret_state, CODING_ZSTD, BYTES(zstd_window_16_mib), ERR_LIMIT);
}

static void a_declared_size_allocates_nothing(void **ret_state)
{
	struct state *state = *ret_state;
	struct err err;
	uint8_t lying[sizeof(gzip_plain)];
	memcpy(lying, gzip_plain, sizeof(lying));
	memset(lying + sizeof(lying) - 4, 0xff, 4);
	atomic_store(&state->budget.peak, 0);
	assert_null(decode(state, CODING_GZIP, BYTES(lying), SIZE_MAX, &err));
	assert_null(decode(state, CODING_ZSTD, BYTES(zstd_declares_too_much), SIZE_MAX, &err));
	assert_null(decode(state, CODING_SNAPPY, BYTES(snappy_declares_too_much), SIZE_MAX, &err));
	assert_null(decode(state, CODING_SNAPPY_FRAMED, BYTES(snappy_long_frame), SIZE_MAX, &err));
	assert_true(atomic_load(&state->budget.peak) < 4096);
}

static void a_bomb_stops_at_the_limit(void **ret_state)
{
	enum { BOMB_BYTES = 32 << 20, LIMIT = 1000003 };
	struct state *state = *ret_state;
	uint8_t *zeros = calloc(1, BOMB_BYTES);
	const struct slice part = slice_of(zeros, BOMB_BYTES);
	struct err err;
	for (size_t i = 0; i < ARRAY_COUNT(codings); i++) {
		struct chunk *bomb = encode(state, codings[i], 0, &part, 1);
		bool snappy = codings[i] == CODING_SNAPPY || codings[i] == CODING_SNAPPY_FRAMED;
		assert_true(bomb->len < BOMB_BYTES / (snappy ? 20 : 100));
		uint64_t held = budget_used(&state->budget);
		atomic_store(&state->budget.peak, held);
		assert_null(decode(state, codings[i], chunk_slice(bomb), LIMIT, &err));
		assert_int_equal(err.kind, ERR_LIMIT);
		/* the last growth holds the old and the new buffer */
		assert_true(atomic_load(&state->budget.peak) - held <= 2 * LIMIT);
		must_decode(state, codings[i], chunk_slice(bomb), part);
		chunk_unref(bomb);
	}
	free(zeros);
}

static void the_budget_is_obeyed(void **ret_state)
{
	struct state *state = *ret_state;
	uint8_t *bytes = make_text(300000, 7);
	const struct slice part = slice_of(bytes, 300000);
	struct err err;
	for (size_t i = 0; i < ARRAY_COUNT(codings); i++) {
		struct chunk *coded = encode(state, codings[i], 0, &part, 1);
		atomic_store(&state->budget.limit, budget_used(&state->budget) + 50000);
		assert_null(decode(state, codings[i], chunk_slice(coded), 1 << 20, &err));
		assert_int_equal(err.kind, ERR_NOMEM);
		assert_null(
			coder_encode(state->coder, codings[i], 0, &part, 1, &state->budget, &err));
		assert_int_equal(err.kind, ERR_NOMEM);
		atomic_store(&state->budget.limit, UINT64_MAX);
		/* the contexts are fit for the next message */
		must_decode(state, codings[i], chunk_slice(coded), part);
		chunk_unref(coded);
	}
	free(bytes);
}

/* ---- round trips -------------------------------------------------------------------------- */

static void every_size_survives_a_round_trip(void **ret_state)
{
	static const size_t sizes[] = {0,     1,     2,	     17,     255,   1023,
				       1024,  1025,  4095,   4096,   16383, 32768,
				       65535, 65536, 100000, 262144, 700001};
	struct state *state = *ret_state;
	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		uint8_t *bytes = make_text(sizes[i], (unsigned)i);
		const struct slice part = slice_of(bytes, sizes[i]);
		for (size_t c = 0; c < ARRAY_COUNT(codings); c++) {
			for (int level = -1; level <= 12; level += c == 2 ? 3 : 1) {
				struct chunk *coded = encode(state, codings[c], level, &part, 1);
				must_decode(state, codings[c], chunk_slice(coded), part);
				chunk_unref(coded);
			}
		}
		free(bytes);
	}
}

static void any_split_into_parts_is_the_same_message(void **ret_state)
{
	enum { LEN = 5000, PARTS_MAX = 64 };
	struct state *state = *ret_state;
	uint8_t *bytes = make_text(LEN, 3);
	struct slice parts[PARTS_MAX];
	uint32_t random = 1;
	for (unsigned round = 0; round < 200; round++) {
		size_t count = 0, at = 0;
		while (at < LEN && count < PARTS_MAX - 1) {
			random = random * 1664525 + 1013904223;
			size_t len = (random >> 16) % (round % 2 ? 7 : 700);
			len = len < LEN - at ? len : LEN - at;
			parts[count++] = slice_of(bytes + at, len); /* some are empty */
			at += len;
		}
		parts[count++] = slice_of(bytes + at, LEN - at);
		for (size_t c = 0; c < ARRAY_COUNT(codings); c++) {
			struct chunk *coded = encode(state, codings[c], 0, parts, count);
			must_decode(state, codings[c], chunk_slice(coded), slice_of(bytes, LEN));
			chunk_unref(coded);
		}
		struct chunk *plain = encode(state, CODING_IDENTITY, 0, parts, count);
		assert_true(slice_equal(chunk_slice(plain), slice_of(bytes, LEN)));
		chunk_unref(plain);
	}
	free(bytes);
}

static void random_bytes_are_refused_without_harm(void **ret_state)
{
	struct state *state = *ret_state;
	uint32_t random = 99;
	for (unsigned round = 0; round < 3000; round++) {
		uint8_t bytes[64];
		struct err err;
		for (size_t i = 0; i < sizeof(bytes); i++) {
			random = random * 1664525 + 1013904223;
			bytes[i] = (uint8_t)(random >> 24);
		}
		const struct vector *vector = &vectors[round % ARRAY_COUNT(vectors)];
		memcpy(bytes, vector->coded.ptr, round % 24); /* a credible start */
		chunk_unref(decode(state, vector->coding, BYTES(bytes), 100000, &err));
	}
}

int main(void)
{
#define STATE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_parsed_without_regard_to_case),
		cmocka_unit_test(names_lead_back_to_their_codings),
		STATE_TEST(what_others_encoded_is_decoded),
		STATE_TEST(a_truncation_at_any_byte_is_an_error),
		STATE_TEST(a_flipped_bit_never_changes_the_text_in_silence),
		STATE_TEST(bytes_after_the_end_are_an_error),
		STATE_TEST(members_and_frames_are_concatenated),
		STATE_TEST(snappy_frames_are_read_to_the_end),
		STATE_TEST(ten_thousand_empty_members_are_read),
		STATE_TEST(what_is_not_in_the_format_is_refused),
		STATE_TEST(a_zstd_window_over_8_mib_is_refused),
		STATE_TEST(a_declared_size_allocates_nothing),
		STATE_TEST(a_bomb_stops_at_the_limit),
		STATE_TEST(the_budget_is_obeyed),
		STATE_TEST(every_size_survives_a_round_trip),
		STATE_TEST(any_split_into_parts_is_the_same_message),
		STATE_TEST(random_bytes_are_refused_without_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
