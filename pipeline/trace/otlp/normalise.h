/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rewrites a request in which some element holds a singular field twice, several members of a oneof
 * or a field of an old version of OTLP, into the canonical request that a conforming decoder sees:
 * scalars and strings, the last one; sub-messages, merged (protobuf encoding guide, "Last One
 * Wins"); oneof, the last member. instrumentation_library_spans (before OTLP 0.15) become
 * scope_spans in a resource that has none of these, and are left out in one that has, as in the
 * Collector. Without this a rule could read one value while the backend stores another.
 */
#ifndef SLUICE_TRACE_OTLP_NORMALISE_H
#define SLUICE_TRACE_OTLP_NORMALISE_H

#include "pipeline/base/chunk.h"
#include "pipeline/base/error.h"

/* A new chunk with the canonical form of ${body}; unknown fields are kept in place, and
 * *ret_superseded is the number of old fields left out. NULL with ${err}: ERR_DECODE (with offset
 * into ${body}), ERR_LIMIT, ERR_NOMEM. The result is never longer than the body. Cold path. */
MUST_CHECK struct chunk *trace_normalise(struct slice body, struct budget *budget,
					 uint32_t *ret_superseded, struct err *err);

#endif
