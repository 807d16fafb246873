/* SPDX-License-Identifier: Apache-2.0 */
/* The index beside protobuf-c's object tree of the same bytes. */
#ifndef SLUICE_TEST_TRACE_PROTO_H
#define SLUICE_TEST_TRACE_PROTO_H

#include "pipeline/trace/otlp/index.h"
#include "pipeline/trace/value/value.h"
#include "trace.pb-c.h"

typedef Otlp__ExportTraceServiceRequest trace_tree;

/* NULL when protobuf-c refuses. The caller frees with trace_request_free. */
trace_tree *trace_tree_parse(struct slice body);
void trace_request_free(trace_tree *tree);

/* NULL when each field of ${tree} reads the same through ${index}, else the name of the first that
 * does not. Strings with NUL are compared up to it: protobuf-c has no more. */
const char *trace_tree_differs(const trace_tree *tree, const struct trace_index *index);

/* True when ${text}, as protobuf-c holds it, is what it would make of ${bytes}. */
bool trace_text_matches(const char *text, struct slice bytes);

bool trace_value_matches(const Otlp__AnyValue *any, struct value value);

#endif
