/* SPDX-License-Identifier: Apache-2.0 */
/* The invariants of index.h as a function, for assertions and tests. */
#ifndef SLUICE_TRACE_OTLP_INDEX_VERIFY_H
#define SLUICE_TRACE_OTLP_INDEX_VERIFY_H

#include "pipeline/trace/otlp/index.h"

/* Whether the first two invariants of index.h hold: ranges contiguous and in bounds, offsets inside
 * the body, back references right. NULL, or what is broken. Linear in the entries; for tests and
 * assertions. */
const char *trace_index_fault(const struct trace_index *index);

#endif
