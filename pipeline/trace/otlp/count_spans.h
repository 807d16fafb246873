/* SPDX-License-Identifier: Apache-2.0 */
/* How many spans a request holds, without an index: what refusals are counted in. */
#ifndef SLUICE_TRACE_OTLP_COUNT_SPANS_H
#define SLUICE_TRACE_OTLP_COUNT_SPANS_H

#include "pipeline/base/slice.h"

/* The spans of an ExportTraceServiceRequest that will not be indexed: of one that is refused. Reads
 * tags and lengths down to the spans and allocates nothing; what is malformed ends its message. */
uint32_t count_spans(struct slice request);

#endif
