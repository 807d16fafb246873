/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OTLP/JSON. The input is decoded whole and in pieces whose sizes its first bytes choose: the two
 * must give the same bytes or the same error. What is accepted must index, and encode, decode and
 * encode again must give the same JSON. The reader of JSON responses gets the same input.
 */
#include "pipeline/trace/otlp_json/json_decode.h"
#include "pipeline/trace/otlp_json/json_encode.h"
#include "pipeline/trace/otlp_json/json_response.h"

#include <stdlib.h>

enum { BUDGET_BYTES = 64 << 20, PIECE_BYTES_MAX = 16 };

static struct key_table *keys;

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* ${step} 0: whole. NULL when refused. */
static struct chunk *decode(struct slice json, struct budget *budget, size_t step, struct err *err)
{
	struct json_decoder *decoder = json_decoder_new(budget);
	struct chunk *body = NULL;
	int failed = 0;
	require(decoder != NULL);
	if (step == 0)
		failed = json_decoder_feed(decoder, json, err);
	for (size_t at = 0; step > 0 && at < json.len && !failed; at += step) {
		size_t len = json.len - at < step ? json.len - at : step;
		failed = json_decoder_feed(decoder, slice_of(json.ptr + at, len), err);
	}
	if (!failed)
		body = json_decoder_take(decoder, err);
	json_decoder_free(decoder);
	return body;
}

static struct chunk *encode(struct trace_view *view, struct budget *budget, struct slice body)
{
	struct err err;
	uint64_t replaced = 0;
	struct chunk *json = chunk_new(budget, 0);
	require(json && view_open(view, body, &err) == 0);
	require(json_encode(view, json, &replaced, &err) == 0);
	return json;
}

static void check_round_trip(struct slice body, struct budget *budget)
{
	struct err err;
	struct trace_view *view = view_new(budget, keys);
	require(view != NULL);
	struct chunk *first = encode(view, budget, body);
	struct chunk *back = decode(chunk_slice(first), budget, 0, &err);
	require(back != NULL);
	struct chunk *second = encode(view, budget, chunk_slice(back));
	require(slice_equal(chunk_slice(first), chunk_slice(second)));
	chunk_unref(first);
	chunk_unref(back);
	chunk_unref(second);
	view_free(view);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err whole_err = {0}, pieces_err = {0};
	struct budget budget;
	struct partial_success partial;
	if (size < 1)
		return 0;
	if (!keys) {
		keys = key_table_new();
		require(keys && key_table_freeze(keys, &whole_err) == 0);
	}
	size_t step = 1 + data[0] % PIECE_BYTES_MAX;
	struct slice json = slice_of(data + 1, size - 1);
	budget_init(&budget, BUDGET_BYTES);
	struct chunk *whole = decode(json, &budget, 0, &whole_err);
	struct chunk *pieces = decode(json, &budget, step, &pieces_err);
	require(!whole == !pieces);
	if (whole) {
		require(slice_equal(chunk_slice(whole), chunk_slice(pieces)));
		check_round_trip(chunk_slice(whole), &budget);
	} else {
		require(whole_err.kind == pieces_err.kind &&
			whole_err.offset == pieces_err.offset &&
			strcmp(whole_err.msg, pieces_err.msg) == 0);
	}
	(void)json_response_read_partial_success(json, &partial);
	chunk_unref(whole);
	chunk_unref(pieces);
	require(budget_used(&budget) == 0);
	return 0;
}
