/* SPDX-License-Identifier: Apache-2.0 */
/* A pattern is what stands before and behind its star; two bytes of a text rule most patterns out. */
#include "processors/scrape_filter/patterns.h"

#include "pipeline/base/compiler.h"

enum { BEGINS_BYTES = 3 };

/* The first byte is a '/' in most lists and tells nothing. ${text} has BEGINS_BYTES. */
static uint64_t begin_bit(struct slice text)
{
	return UINT64_C(1) << ((text.ptr[1] * 31u + text.ptr[2]) & 63);
}

bool patterns_add(struct scrape_patterns *patterns, struct slice text)
{
	if (patterns->count == SCRAPE_PATTERNS_MAX)
		return false;
	const uint8_t *star = text.len > 0 ? memchr(text.ptr, '*', text.len) : NULL;
	size_t head = star ? (size_t)(star - text.ptr) : text.len;
	size_t tail = star ? head + 1 : text.len;
	patterns->at[patterns->count++] = (struct scrape_pattern){
		.head = slice_of(text.ptr, head),
		.tail = slice_of(text.ptr + tail, text.len - tail),
		.open = star != NULL,
	};
	patterns->begins |= head >= BEGINS_BYTES ? begin_bit(text) : UINT64_MAX;
	return true;
}

bool patterns_match(const struct scrape_patterns *patterns, struct slice text)
{
	if (text.len >= BEGINS_BYTES && !(patterns->begins & begin_bit(text)))
		return false;
	for (size_t i = 0; i < patterns->count; i++) {
		const struct scrape_pattern *pattern = &patterns->at[i];
		if (!pattern->open ? slice_equal(pattern->head, text)
				   : text.len >= pattern->head.len + pattern->tail.len &&
					     slice_has_prefix(text, pattern->head) &&
					     slice_has_suffix(text, pattern->tail))
			return true;
	}
	return false;
}
