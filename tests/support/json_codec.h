/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of OTLP/JSON: both directions with what they need around them. */
#ifndef SLUICE_TESTS_JSON_CODEC_H
#define SLUICE_TESTS_JSON_CODEC_H

#include "pipeline/trace/otlp/view.h"

struct json_codec {
	struct budget budget;
	struct key_table *keys;
	struct trace_view *view; /* of what was encoded last */
	uint64_t replaced;	 /* by both directions, since the beginning */
};

/* ${body} as JSON. NULL when it cannot be indexed. */
struct chunk *json_codec_encode(struct json_codec *codec, struct slice body);

/* Decodes ${json} in pieces of ${step} bytes, or of random sizes drawn from ${rng} when it is 0.
 * NULL with ${ret_err} when it is refused. */
struct chunk *json_codec_decode(struct json_codec *codec, struct slice json, size_t step,
				uint64_t *rng, struct err *ret_err);

/* cmocka set-up and tear-down; *state is the codec. The latter fails when something is still
 * charged. */
int json_codec_set_up(void **state);
int json_codec_tear_down(void **state);

#endif
