/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_TESTS_SUPPORT_PEER_SPANS_H
#define SLUICE_TESTS_SUPPORT_PEER_SPANS_H

#include "pipeline/base/slice.h"

/* The spans in an encoded ExportTraceServiceRequest; what is malformed is not counted. Written for
 * tests without anything of pipeline/trace, so that it can contradict it. */
unsigned peer_count_spans(struct slice request);

#endif
