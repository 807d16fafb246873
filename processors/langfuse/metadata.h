/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metadata of traces. Applications give it as one JSON object, as single keys, or both, and each of
 * their spans knows a part. For Langfuse a span has the metadata that stands on it.
 */
#ifndef SLUICE_PROCESSORS_LANGFUSE_METADATA_H
#define SLUICE_PROCESSORS_LANGFUSE_METADATA_H

#include "processors/langfuse/langfuse_internal.h"

enum {
	METADATA_BYTES_MAX = 4096, /* of one span; a longer object is not merged with others */
	METADATA_MEMBERS_MAX = 64, /* of an object that others get: members behind are not merged */
};

/* What ${roles} says as one object in the run's arena, its single keys first: they win over members
 * of the object that it has. Empty when it says nothing. */
struct slice trace_metadata_of(struct run *run, const struct span_roles *roles);

/* ${first} with the members of ${second} that it lacks. ${first} itself when there are none, or
 * when the result were over ${bytes_max}; ${second} when ${first} is empty. */
struct slice trace_metadata_merge(struct run *run, struct slice first, struct slice second,
				  size_t bytes_max);

#endif
