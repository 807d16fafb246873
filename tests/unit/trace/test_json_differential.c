/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON decoder against jansson and protobuf-c, on the JSON of random requests, whole, damaged
 * and cut anywhere; and the encoder as its inverse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/json_codec.h"
#include "tests/support/json_oracle.h"
#include "tests/support/trace_payload.h"
#include "tests/support/trace_random.h"
#include "tests/support/trace_wire.h"

enum { ROUNDS = 3000, DAMAGED_ROUNDS = 20000 };

static void assert_same_result(const struct chunk *whole, const struct err *whole_err,
			       const struct chunk *pieces, const struct err *pieces_err,
			       uint64_t seed)
{
	bool same = !whole == !pieces;
	if (same && whole)
		same = slice_equal(chunk_slice(whole), chunk_slice(pieces)) &&
		       whole->span_count == pieces->span_count;
	else if (same)
		same = whole_err->kind == pieces_err->kind &&
		       whole_err->offset == pieces_err->offset &&
		       strcmp(whole_err->msg, pieces_err->msg) == 0;
	if (!same)
		fail_msg("seed %llu: cut input gives %s (%llu), whole input %s (%llu)",
			 (unsigned long long)seed, pieces ? "a request" : pieces_err->msg,
			 (unsigned long long)pieces_err->offset,
			 whole ? "a request" : whole_err->msg,
			 (unsigned long long)whole_err->offset);
}

static void assert_trees_equal(const trace_tree *ours, const trace_tree *theirs, uint64_t seed)
{
	size_t len = otlp__export_trace_service_request__get_packed_size(ours);
	size_t other = otlp__export_trace_service_request__get_packed_size(theirs);
	uint8_t *a = test_malloc(len + 1), *b = test_malloc(other + 1);
	(void)otlp__export_trace_service_request__pack(ours, a);
	(void)otlp__export_trace_service_request__pack(theirs, b);
	if (len != other || memcmp(a, b, len) != 0)
		fail_msg("seed %llu: the decoded requests differ", (unsigned long long)seed);
	test_free(a);
	test_free(b);
}

/* Decodes ${json} whole and in pieces and compares with the oracle. True when it was accepted. */
static bool compare(struct json_codec *f, struct slice json, uint64_t seed)
{
	struct err err = {0}, pieces_err = {0};
	uint64_t rng = seed;
	trace_tree *theirs = NULL;
	struct chunk *whole = json_codec_decode(f, json, json.len, &rng, &err);
	struct chunk *pieces = json_codec_decode(f, json, seed % 4 == 0 ? 1 : 0, &rng, &pieces_err);
	assert_same_result(whole, &err, pieces, &pieces_err, seed);
	if (!whole)
		assert_true(err.kind != ERR_DECODE || err.offset <= json.len);
	enum json_verdict verdict = json_oracle(json, &theirs);
	if (verdict != JSON_EXCEPTION && (verdict == JSON_ACCEPTED) != (whole != NULL))
		fail_msg("seed %llu: we %s, the oracle does not: %s\n%.*s",
			 (unsigned long long)seed, whole ? "accept" : "refuse",
			 whole ? "" : err.msg, SLICE_FMT(json));
	if (whole) {
		assert_int_equal(view_open(f->view, chunk_slice(whole), &err), 0);
		assert_int_equal(whole->span_count, f->view->index.span_count);
		/* Normalised: protobuf-c merges a message that occurs twice wrongly. */
		trace_tree *ours = trace_tree_parse(f->view->index.body);
		assert_non_null(ours);
		if (theirs)
			assert_trees_equal(ours, theirs, seed);
		trace_request_free(ours);
	}
	bool accepted = whole != NULL;
	trace_request_free(theirs);
	chunk_unref(whole);
	chunk_unref(pieces);
	return accepted;
}

static void json_of_random_requests_decodes_as_the_oracle_says(void **state)
{
	struct json_codec *f = *state;
	struct buf body = BUF_INIT;
	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		struct random_shape shape = random_shape_of(seed);
		buf_reset(&body);
		random_request(&shape, &body);
		struct chunk *json = json_codec_encode(f, buf_slice(&body));
		assert_non_null(json);
		if (!compare(f, chunk_slice(json), seed))
			fail_msg("seed %llu: refused", (unsigned long long)seed);
		chunk_unref(json);
	}
	buf_fini(&body);
}

static void damaged_json_is_judged_as_the_oracle_does(void **state)
{
	struct json_codec *f = *state;
	struct buf body = BUF_INIT, damaged = BUF_INIT;
	unsigned accepted = 0;
	for (uint64_t seed = 0; seed < DAMAGED_ROUNDS; seed++) {
		struct random_shape shape = random_shape_of(seed);
		buf_reset(&body);
		buf_reset(&damaged);
		random_request(&shape, &body);
		if (body.len > 3000)
			continue;
		struct chunk *json = json_codec_encode(f, buf_slice(&body));
		assert_non_null(json);
		buf_append(&damaged, chunk_slice(json));
		random_damage(&shape, &damaged);
		accepted += compare(f, buf_slice(&damaged), seed);
		chunk_unref(json);
	}
	/* Both verdicts must occur often, or the test says little. */
	assert_in_range(accepted, 200, DAMAGED_ROUNDS - 200);
	buf_fini(&body);
	buf_fini(&damaged);
}

static void encoding_what_was_decoded_gives_the_same_json(void **state)
{
	struct json_codec *f = *state;
	struct buf body = BUF_INIT;
	struct err err;
	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		struct random_shape shape = random_shape_of(seed);
		buf_reset(&body);
		random_request(&shape, &body);
		struct chunk *json = json_codec_encode(f, buf_slice(&body));
		struct chunk *decoded =
			json_codec_decode(f, chunk_slice(json), json->len, NULL, &err);
		assert_non_null(decoded);
		struct chunk *again = json_codec_encode(f, chunk_slice(decoded));
		if (!slice_equal(chunk_slice(json), chunk_slice(again)))
			fail_msg("seed %llu: not the same", (unsigned long long)seed);
		chunk_unref(json);
		chunk_unref(decoded);
		chunk_unref(again);
	}
	buf_fini(&body);
}

static void decoding_what_was_encoded_gives_the_same_request(void **state)
{
	struct json_codec *f = *state;
	struct err err;
	for (unsigned shape = PAYLOAD_S; shape <= PAYLOAD_G; shape++) {
		struct buf body = BUF_INIT;
		payload_append(&body, (enum payload_shape)shape, 300, 7);
		struct chunk *json = json_codec_encode(f, buf_slice(&body));
		struct chunk *decoded = json_codec_decode(f, chunk_slice(json), 100, NULL, &err);
		assert_non_null(decoded);
		trace_tree *before = trace_tree_parse(buf_slice(&body));
		trace_tree *after = trace_tree_parse(chunk_slice(decoded));
		assert_trees_equal(before, after, shape);
		trace_request_free(before);
		trace_request_free(after);
		chunk_unref(json);
		chunk_unref(decoded);
		buf_fini(&body);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_of_random_requests_decodes_as_the_oracle_says),
		cmocka_unit_test(damaged_json_is_judged_as_the_oracle_does),
		cmocka_unit_test(encoding_what_was_decoded_gives_the_same_json),
		cmocka_unit_test(decoding_what_was_encoded_gives_the_same_request),
	};
	return cmocka_run_group_tests(tests, json_codec_set_up, json_codec_tear_down);
}
