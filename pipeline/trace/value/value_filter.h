/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A copy of an array or map without some of the pairs and items in it, at any depth, and without
 * the fields that the schema does not know.
 */
#ifndef SLUICE_TRACE_VALUE_VALUE_FILTER_H
#define SLUICE_TRACE_VALUE_VALUE_FILTER_H

#include "pipeline/trace/value/value.h"

enum { VALUE_PATH_BYTES_MAX = 1024 }; /* as long as a key that patterns look at */

/* Asked for every pair of every map and every item of every array inside the value, outermost first;
 * false leaves it out with all that is in it. The ${key} of an item is {NULL, 0}. ${path} is the
 * attribute's key and the keys of the maps on the way down, joined by dots (items of arrays add
 * nothing); longer than VALUE_PATH_BYTES_MAX it is cut one byte above. */
typedef bool value_keep_pair(void *arg, struct slice key, struct slice path, struct value value);

/* Writes the copy of ${value} (VALUE_ARRAY or VALUE_KVLIST) to ${out}, which has room for
 * value.bytes.len bytes, and returns a view of it. ${keep} may be NULL: all pairs stay. */
struct value value_filter(struct value value, struct slice key, value_keep_pair *keep, void *arg,
			  uint8_t *out);

#endif
