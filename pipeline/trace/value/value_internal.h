/* SPDX-License-Identifier: Apache-2.0 */
/* Maps in key order: for the files of this folder. */
#ifndef SLUICE_TRACE_VALUE_VALUE_INTERNAL_H
#define SLUICE_TRACE_VALUE_VALUE_INTERNAL_H

#include "pipeline/trace/value/value.h"

struct value_pair {
	struct slice key;
	struct value value;
	size_t order; /* on the wire */
};

/* The pairs of ${map} by key, the last of equal keys only. The caller frees *ret_pairs (NULL for
 * an empty map). False when memory is short. */
MUST_CHECK bool value_sort_map(struct value map, struct value_pair **ret_pairs, size_t *ret_count);

#endif
