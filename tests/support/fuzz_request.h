/* SPDX-License-Identifier: Apache-2.0 */
/* The request that a fuzz input ends in. */
#ifndef SLUICE_TESTS_FUZZ_REQUEST_H
#define SLUICE_TESTS_FUZZ_REQUEST_H

#include "pipeline/base/buf.h"

/*
 * ${script} as an ExportTraceServiceRequest: after an odd byte what follows it, as it is; after an
 * even one a well-formed request drawn from the eight bytes that follow (trace_random.h), which a
 * mutation of the bytes changes as a whole. ${room} holds the latter and is freed by the caller.
 */
struct slice fuzz_request(struct slice script, struct buf *room);

#endif
