/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rewrites a request in which some element holds a singular field twice or several members of a
 * oneof, into the canonical request that a conforming decoder sees: scalars and strings, the last
 * one; sub-messages, merged (protobuf encoding guide, "Last One Wins"); oneof, the last member.
 * Without this a rule could read one value while the backend stores another.
 */
#ifndef SLUICE_TRACE_NORMALISE_H
#define SLUICE_TRACE_NORMALISE_H

#include "pipeline/base/chunk.h"
#include "pipeline/base/error.h"

/* A new chunk with the canonical form of ${body}; unknown fields are kept in place. NULL with
 * ${err}: ERR_DECODE (with offset into ${body}), ERR_LIMIT, ERR_NOMEM. The result is never longer
 * than the body. Cold path. */
MUST_CHECK struct chunk *trace_normalise(struct slice body, struct budget *budget, struct err *err);

#endif
