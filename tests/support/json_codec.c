/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/json_codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/trace/otlp_json/json_decode.h"
#include "pipeline/trace/otlp_json/json_encode.h"
#include "tests/support/trace_wire.h"

static void codec_init(struct json_codec *codec)
{
	struct err err;
	*codec = (struct json_codec){.keys = key_table_new()};
	budget_init(&codec->budget, UINT64_MAX);
	assert_non_null(codec->keys);
	assert_int_equal(key_table_freeze(codec->keys, &err), 0);
	codec->view = view_new(&codec->budget, codec->keys);
	assert_non_null(codec->view);
}

static void codec_fini(struct json_codec *codec)
{
	view_free(codec->view);
	key_table_free(codec->keys);
	assert_int_equal(budget_used(&codec->budget), 0);
}

struct chunk *json_codec_encode(struct json_codec *codec, struct slice body)
{
	struct err err;
	if (view_open(codec->view, body, &err) != 0)
		return NULL;
	struct chunk *json = chunk_new(&codec->budget, 0);
	assert_non_null(json);
	assert_int_equal(json_encode(codec->view, json, &codec->replaced, &err), 0);
	return json;
}

struct chunk *json_codec_decode(struct json_codec *codec, struct slice json, size_t step,
				uint64_t *rng, struct err *ret_err)
{
	struct json_decoder *decoder = json_decoder_new(&codec->budget);
	struct chunk *body = NULL;
	int failed = 0;
	assert_non_null(decoder);
	while (json.len > 0 && !failed) {
		size_t len = step > 0 ? step : 1 + tw_below(rng, 40);
		len = len < json.len ? len : json.len;
		/* A copy of its own: a read past a piece is then seen by the sanitizer. */
		uint8_t *piece = test_malloc(len);
		memcpy(piece, json.ptr, len);
		failed = json_decoder_feed(decoder, slice_of(piece, len), ret_err);
		test_free(piece);
		json = slice_of(json.ptr + len, json.len - len);
	}
	if (!failed)
		body = json_decoder_take(decoder, ret_err);
	codec->replaced += json_decoder_replaced(decoder);
	json_decoder_free(decoder);
	return body;
}

int json_codec_set_up(void **state)
{
	static struct json_codec codec;
	codec_init(&codec);
	*state = &codec;
	return 0;
}

int json_codec_tear_down(void **state)
{
	codec_fini(*state);
	return 0;
}
