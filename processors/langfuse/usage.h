/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens in Langfuse's buckets, which exclude each other, and what they cost. */
#ifndef SLUICE_PROCESSORS_LANGFUSE_USAGE_H
#define SLUICE_PROCESSORS_LANGFUSE_USAGE_H

#include "processors/langfuse/keys.h"

enum usage_bucket {
	BUCKET_INPUT = 0,
	BUCKET_OUTPUT,
	BUCKET_CACHED,
	BUCKET_CACHE_CREATION,
	BUCKET_REASONING,
	BUCKET_COUNT
};

/* The keys of usage_details and cost_details, by bucket. */
extern const char *const usage_bucket_names[BUCKET_COUNT];

struct usage {
	uint64_t tokens[BUCKET_COUNT];
	bool known[BUCKET_COUNT];
	uint64_t total;
};

/* What ${roles} says of tokens: input and output whole, the other buckets are parts of them. Counts
 * of input that leave out what came from the cache are told by their figures. False when it says
 * nothing that could be meant. */
bool usage_read(const struct span_roles *roles, struct usage *ret_usage);

/* Takes the parts in ${buckets} (bits by enum usage_bucket) out of input and output, so that all
 * exclude each other; the other parts stay in and are not known any more. Once. */
void usage_split(struct usage *usage, uint8_t buckets);

/* Takes the input out, where it is counted with another choice of the same request. */
void usage_forget_input(struct usage *usage);

/* The usage_details of a span whose tokens are counted elsewhere, where Langfuse would find some. */
#define NO_USAGE "{}"

/* Appends {"input":…,"output":…,"total":…}. */
void usage_write(const struct usage *usage, struct buf *out);

/* What one model costs. */
struct price {
	struct slice pattern; /* of the model's name; '*' stands for any text */
	double usd_per_token[BUCKET_COUNT];
	bool known[BUCKET_COUNT];
};

/* Whether the model's name ${text} fits ${pattern}, in which '*' stands for any text. Quadratic at
 * worst: both at most MODEL_NAME_MAX bytes. */
enum { MODEL_NAME_MAX = 256 };
bool model_fits(struct slice pattern, struct slice text);

/* The first price whose pattern matches ${model}; NULL for none. */
const struct price *price_find(const struct price *prices, size_t count, struct slice model);

/* Appends {"input":…,"total":…}; false (and nothing) when no bucket of the usage has a price. */
bool price_write(const struct price *price, const struct usage *usage, struct buf *out);

struct cost {
	double total, input, output; /* USD; negative: not known */
};

/* Whether the best of the costs that Langfuse may read from ${roles} could be meant. */
bool cost_is_sound(const struct span_roles *roles, bool keep_zero);

/* What ${roles} says of costs. False when it says nothing that could be meant. */
bool cost_read(const struct span_roles *roles, bool keep_zero, struct cost *ret_cost);
void cost_write(const struct cost *cost, struct buf *out);

#endif
