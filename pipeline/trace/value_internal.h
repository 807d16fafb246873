/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the text form of values that other files need, too, and maps in key order. */
#ifndef SLUICE_TRACE_VALUE_INTERNAL_H
#define SLUICE_TRACE_VALUE_INTERNAL_H

#include "pipeline/trace/value.h"

struct value_pair {
	struct slice key;
	struct value value;
	size_t order; /* on the wire */
};

/* The pairs of ${map} by key, the last of equal keys only. The caller frees *ret_pairs (NULL for
 * an empty map). False when memory is short. */
MUST_CHECK bool value_sort_map(struct value map, struct value_pair **ret_pairs, size_t *ret_count);

/* Appends ${bytes} in base64 (RFC 4648 §4), padded. */
void value_append_base64(struct buf *out, struct slice bytes);

/* Appends a finite ${number} as Go's JSON writes it: the fewest digits that read back the same. */
void value_append_finite(struct buf *out, double number);

#endif
