/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content codings. The first byte chooses the coding and the limit; the rest is decoded. What
 * decodes must fit the limit and survive a round trip through our own encoder, in two parts.
 */
#include "pipeline/net/coding.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum coding codings[] = {CODING_GZIP,     CODING_DEFLATE, CODING_ZSTD,
					      CODING_IDENTITY, CODING_SNAPPY,  CODING_SNAPPY_FRAMED,
					      CODING_LZ4,      CODING_IDENTITY};
	static const size_t limits[] = {0, 1, 1000, 300000};
	struct budget budget;
	struct err err = {0};
	if (size == 0)
		return 0;
	enum coding coding = codings[(data[0] & 3) | (data[0] >> 5 & 4)];
	size_t limit = limits[data[0] >> 2 & 3];
	struct coder *coder = coder_new();
	budget_init(&budget, 16 << 20);
	check(coder != NULL);
	struct chunk *plain =
		coder_decode(coder, coding, slice_of(data + 1, size - 1), limit, &budget, &err);
	check((plain != NULL) == (err.kind == ERR_NONE));
	if (plain) {
		size_t half = plain->len / 2;
		check(plain->len <= limit && plain->capacity <= limit);
		const uint8_t *text = plain->len > 0 ? plain->data : data;
		const struct slice parts[] = {slice_of(text, half),
					      slice_of(text + half, plain->len - half)};
		struct chunk *coded = coder_encode(coder, coding, data[0] >> 4 & 7, parts,
						   ARRAY_COUNT(parts), &budget, &err);
		check(coded != NULL);
		struct chunk *again =
			coder_decode(coder, coding, chunk_slice(coded), plain->len, &budget, &err);
		check(again && slice_equal(chunk_slice(again), chunk_slice(plain)));
		chunk_unref(again);
		chunk_unref(coded);
	}
	chunk_unref(plain);
	coder_free(coder);
	check(budget_used(&budget) == 0);
	return 0;
}
