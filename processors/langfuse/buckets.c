/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table, from the price list that Langfuse's server is delivered with
 * (worker/src/constants/default-model-prices.json in github.com/langfuse/langfuse at 6275144, of
 * BUCKETS_DATE). Names of that list that fit no row have a price for input and output at most.
 * Rows are narrow where a family may get new members: for a model that is not in the list nothing
 * is split, which costs detail, never money.
 */
#include "processors/langfuse/buckets.h"

#include "pipeline/base/ascii.h"

enum {
	C = BUCKET_BIT(BUCKET_CACHED),
	W = BUCKET_BIT(BUCKET_CACHE_CREATION),
	R = BUCKET_BIT(BUCKET_REASONING),
};

/* The first that fits counts. */
#define ROW(text, bits)                                                                            \
	{                                                                                          \
		SLICE_INIT(text), bits                                                             \
	}
static const struct priced_model rows[] = {
	ROW("gpt-4o-2024-05-13", 0),
	ROW("gpt-4o", C),
	ROW("gpt-4o-2024-*", C),
	ROW("gpt-4o-mini*", C),
	ROW("gpt-4.1*", C),
	ROW("gpt-4.5-preview*", C),
	ROW("o1-pro*", R),
	ROW("o3-pro*", R),
	ROW("o1", C | R),
	ROW("o1-2024-*", C | R),
	ROW("o1-preview*", C | R),
	ROW("o1-mini*", C | R),
	ROW("o3", C | R),
	ROW("o3-2025-*", C | R),
	ROW("o3-mini*", C | R),
	ROW("o4-mini*", C | R),
	ROW("gpt-5-pro*", R),
	ROW("gpt-5.2-pro*", R),
	ROW("gpt-5.4-pro*", R),
	ROW("gpt-5.5-pro*", R),
	ROW("gpt-5.4-mini*", C),
	ROW("gpt-5.4-nano*", C),
	ROW("gpt-5", C | R),
	ROW("gpt-5-2025-*", C | R),
	ROW("gpt-5-mini*", C | R),
	ROW("gpt-5-nano*", C | R),
	ROW("gpt-5-chat-latest", C | R),
	ROW("gpt-5.1", C | R),
	ROW("gpt-5.1-2025-*", C | R),
	ROW("gpt-5.2", C | R),
	ROW("gpt-5.2-2025-*", C | R),
	ROW("gpt-5.3-codex", C | R),
	ROW("gpt-5.4", C | R),
	ROW("gpt-5.4-2026-*", C | R),
	ROW("gpt-5.5", C | R),
	ROW("gpt-5.5-2026-*", C | R),
	ROW("gpt-5.6-sol", C | W | R),
	ROW("gpt-5.6-terra", C | W | R),
	ROW("gpt-5.6-luna", C | W | R),
	ROW("claude-3-sonnet*", C | W),
	ROW("claude-3-5-*", C | W),
	ROW("claude-3.5-*", C | W),
	ROW("claude-3-7-*", C | W),
	ROW("claude-3.7-*", C | W),
	ROW("claude-sonnet-4*", C | W),
	ROW("claude-opus-4*", C | W),
	ROW("claude-haiku-4-5*", C | W),
	ROW("claude-4-5-haiku*", C | W),
	ROW("claude-fable-5*", C | W),
	ROW("claude-mythos-5*", C | W),
	ROW("claude-sonnet-5*", C | W),
	ROW("claude-opus-5*", C | W),
	ROW("gemini-2.5-flash", C | R),
	ROW("gemini-2.5-flash-lite", C | R),
	ROW("gemini-2.5-pro", C | R),
	ROW("gemini-3-pro-preview", C | R),
	ROW("gemini-3-flash-preview", C | R),
	ROW("gemini-3.1-pro-preview*", C | R),
	ROW("gemini-3.1-flash-lite*", C | R),
	ROW("gemini-3.5-flash*", C | R),
	ROW("gemini-3.6-flash", C | R),
	ROW("gemini-3.7-flash", C | R),
};
#undef ROW

static struct slice without_prefix(struct slice model, const char *prefix)
{
	struct slice text = slice_str(prefix);
	if (model.len <= text.len || !slice_equal_nocase(slice_of(model.ptr, text.len), text))
		return model;
	return slice_of(model.ptr + text.len, model.len - text.len);
}

/* The model's own name: OpenAI's and Google's stand behind the vendor, Bedrock's behind a region, too. */
static struct slice bare_name(struct slice model)
{
	static const char *const prefixes[] = {"openai/", "anthropic/", "google/",   "googleai/",
					       "eu.",	  "us.",	"apac.",     "au.",
					       "jp.",	  "global.",	"anthropic."};
	for (size_t i = 0; i < ARRAY_COUNT(prefixes); i++)
		model = without_prefix(model, prefixes[i]);
	return model;
}

static const struct priced_model *find(const struct priced_model *table, size_t count,
				       struct slice model)
{
	for (size_t i = 0; i < count; i++) {
		if (model_fits(table[i].pattern, model))
			return &table[i];
	}
	return NULL;
}

uint8_t buckets_priced(const struct priced_model *own, size_t own_count, struct slice model)
{
	char lower[MODEL_NAME_MAX];
	if (model.len == 0 || model.len > MODEL_NAME_MAX)
		return 0;
	const struct priced_model *row = find(own, own_count, model);
	if (row)
		return row->buckets;
	struct slice bare = bare_name(model);
	for (size_t i = 0; i < bare.len; i++) {
		lower[i] = (char)ascii_lower(bare.ptr[i]);
	}
	row = find(rows, ARRAY_COUNT(rows), slice_of(lower, bare.len));
	return row ? row->buckets : 0;
}
