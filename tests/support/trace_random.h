/* SPDX-License-Identifier: Apache-2.0 */
/* Random export requests, driven by the schema table: every field, any order, nested values. */
#ifndef SLUICE_TEST_TRACE_RANDOM_H
#define SLUICE_TEST_TRACE_RANDOM_H

#include "pipeline/base/buf.h"

struct random_shape {
	uint64_t rng;
	bool shuffle; /* fields of a message in random order */
	bool pad;     /* some tags, lengths and numbers with padded varints */
	bool repeat;  /* some singular fields twice, several members of a oneof */
	bool unknown; /* some fields that the schema does not know */
};

/* All shapes are chosen from ${seed}. */
struct random_shape random_shape_of(uint64_t seed);

/* Appends one well-formed request. */
void random_request(struct random_shape *shape, struct buf *out);

/* Damages ${body}: bit flips, cuts, ranges doubled or removed. */
void random_damage(struct random_shape *shape, struct buf *body);

/* Keys of the generator's attributes: the first RANDOM_KEYS_KNOWN are worth registering. */
enum { RANDOM_KEYS = 12, RANDOM_KEYS_KNOWN = 8 };
extern const char *const random_keys[RANDOM_KEYS];

#endif
