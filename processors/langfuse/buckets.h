/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which parts of a call's tokens Langfuse has a price for. Langfuse multiplies each bucket of
 * usage_details with the price of that very name; a bucket without a price costs nothing, so that
 * tokens moved into it make the call too cheap.
 */
#ifndef SLUICE_PROCESSORS_LANGFUSE_BUCKETS_H
#define SLUICE_PROCESSORS_LANGFUSE_BUCKETS_H

#include "processors/langfuse/usage.h"

/* Bits by enum usage_bucket. */
#define BUCKET_BIT(bucket) (1u << (bucket))

/* One row of the table, and of the setting `priced_buckets`. */
struct priced_model {
	struct slice pattern; /* of the model's name; '*' stands for any text */
	uint8_t buckets;      /* bits of BUCKET_CACHED, _CACHE_CREATION and _REASONING */
};

#define BUCKETS_DATE "2026-08-22"

/* The buckets that have a price for ${model}: by the first row of ${own} that fits, else of those
 * built in. The case of letters and the name of a cloud or vendor before the model's do not matter
 * for the latter. No bits for models that nobody knows. */
uint8_t buckets_priced(const struct priced_model *own, size_t own_count, struct slice model);

#endif
