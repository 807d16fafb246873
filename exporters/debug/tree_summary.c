/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the head of a trace says. Tokens need care, because one request is reported more than once:
 * a client span and the engine below it both carry usage (only the lowest one counts), and with
 * prefill and decode on different pods both engines report the whole prompt (of two with the same
 * prompt, the one that was to produce a single token is the prefill leg and does not count).
 */
#include "exporters/debug/tree_internal.h"

enum {
	SERVICES_MAX = 64, /* told apart; a trace with more is reported as having this many */
	LEGS_MAX = 256,	   /* usages among which the decode leg of a prefill leg is looked for */
};

static bool same_word(const struct tree_word *a, const struct tree_word *b)
{
	return a->cut == b->cut && slice_equal(tree_word_slice(a), tree_word_slice(b));
}

/* Adds ${word} to the distinct ones; those beyond ${max} are not added. */
static void add_word(const struct tree_word **words, uint32_t *count, uint32_t max,
		     const struct tree_word *word)
{
	if (word->len == 0 || *count >= max)
		return;
	for (uint32_t i = 0; i < *count; i++) {
		if (same_word(words[i], word))
			return;
	}
	words[(*count)++] = word;
}

static void add_times(struct tree_summary *summary, const struct tree_span *span)
{
	if (span->start_ns != 0 && (summary->begin_ns == 0 || span->start_ns < summary->begin_ns))
		summary->begin_ns = span->start_ns;
	if (span->start_ns > summary->end_ns)
		summary->end_ns = span->start_ns;
	if (span->start_ns != 0 && span->end_ns > summary->end_ns)
		summary->end_ns = span->end_ns;
}

static bool has_usage(const struct tree_span *span)
{
	return span && (span->prompt_tokens != TREE_UNKNOWN || span->output_tokens != TREE_UNKNOWN);
}

/* Walks up from every span with usage; a walk ends where an earlier one has been. */
static void mark_usage(struct forest *forest)
{
	for (uint32_t i = 0; i < forest->count; i++) {
		if (!has_usage(forest->nodes[i].span))
			continue;
		uint32_t at = forest->nodes[i].parent;
		while (at != FOREST_NONE && !forest->nodes[at].usage_below) {
			forest->nodes[at].usage_below = true;
			at = forest->nodes[at].parent;
		}
	}
}

static bool may_be_prefill_leg(const struct tree_span *span)
{
	return span->output_tokens != TREE_UNKNOWN && span->output_tokens <= 1 &&
	       (span->max_tokens == TREE_UNKNOWN || span->max_tokens == 1);
}

static bool has_decode_leg(const struct tree_span *prefill, const struct tree_span *const *legs,
			   uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (legs[i]->prompt_tokens == prefill->prompt_tokens &&
		    legs[i]->output_tokens != TREE_UNKNOWN && legs[i]->output_tokens > 1)
			return true;
	}
	return false;
}

static void add_tokens(uint64_t *sum, uint64_t tokens)
{
	if (tokens == TREE_UNKNOWN)
		return;
	uint64_t before = *sum == TREE_UNKNOWN ? 0 : *sum;
	if (__builtin_add_overflow(before, tokens, sum))
		*sum = TREE_UNKNOWN - 1;
}

static void sum_tokens(struct tree_summary *summary, struct forest *forest)
{
	const struct tree_span *legs[LEGS_MAX];
	uint32_t leg_count = 0;
	mark_usage(forest);
	for (uint32_t i = 0; i < forest->count && leg_count < LEGS_MAX; i++) {
		const struct forest_node *node = &forest->nodes[i];
		if (has_usage(node->span) && !node->usage_below)
			legs[leg_count++] = node->span;
	}
	for (uint32_t i = 0; i < forest->count; i++) {
		const struct tree_span *span = forest->nodes[i].span;
		if (!has_usage(span) || forest->nodes[i].usage_below)
			continue;
		if (may_be_prefill_leg(span) && has_decode_leg(span, legs, leg_count))
			continue;
		add_tokens(&summary->prompt_tokens, span->prompt_tokens);
		add_tokens(&summary->output_tokens, span->output_tokens);
	}
}

struct tree_summary tree_summarise(struct forest *forest)
{
	struct tree_summary summary = {.prompt_tokens = TREE_UNKNOWN,
				       .output_tokens = TREE_UNKNOWN};
	const struct tree_word *services[SERVICES_MAX];
	for (uint32_t i = 0; i < forest->count; i++) {
		const struct tree_span *span = forest->nodes[i].span;
		if (!span)
			continue;
		summary.spans++;
		summary.errors += span->status_code == STATUS_CODE_ERROR;
		add_times(&summary, span);
		add_word(services, &summary.services, SERVICES_MAX, &span->service);
		add_word(summary.models, &summary.model_count, TREE_MODELS_MAX, &span->model);
	}
	sum_tokens(&summary, forest);
	return summary;
}
