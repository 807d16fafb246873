/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns that are values: IsMatch(name, attributes["pattern"]). The last few are kept compiled, in
 * the scratch of their shard, because the spans of a request mostly have the same one. They come
 * from peers, so their number, their length and their memory are bounded, and what is wrong with one
 * is told without quoting it.
 */
#include "pipeline/ottl/evaluation.h"

static void forget(struct cached_pattern *cached)
{
	buf_fini(&cached->text);
	regex_free(cached->regex);
	*cached = (struct cached_pattern){0};
}

bool pattern_find(struct evaluation *ev, struct slice pattern, const struct regex **ret_regex)
{
	struct pattern_cache *cache = &ev->scratch->patterns;
	struct err err;
	for (size_t i = 0; i < PATTERNS_KEPT; i++) {
		if (cache->at[i].regex && slice_equal(buf_slice(&cache->at[i].text), pattern)) {
			*ret_regex = cache->at[i].regex;
			return true;
		}
	}
	if (pattern.len > PATTERN_VALUE_BYTES_MAX)
		return eval_fail(ev, "IsMatch: a pattern that is a value has at most %d bytes",
				 PATTERN_VALUE_BYTES_MAX);
	struct regex *regex = regex_new_within(pattern, PATTERN_VALUE_MEMORY_BYTES, &err);
	if (!regex)
		return eval_fail(ev,
				 "the regex pattern supplied to IsMatch is not a valid pattern");
	struct cached_pattern *oldest = &cache->at[cache->next++ % PATTERNS_KEPT];
	forget(oldest);
	buf_append(&oldest->text, pattern);
	oldest->regex = regex;
	if (oldest->text.failed) {
		forget(oldest);
		return eval_fail(ev, "IsMatch: no memory for a pattern");
	}
	*ret_regex = regex;
	return true;
}

void pattern_cache_fini(struct pattern_cache *cache)
{
	for (size_t i = 0; i < PATTERNS_KEPT; i++)
		forget(&cache->at[i]);
}
