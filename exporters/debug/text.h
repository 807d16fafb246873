/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spans as text, in the forms that the OpenTelemetry Collector's debug exporter prints at verbosity
 * normal and detailed, byte for byte, so that people and scripts that read the one can read the
 * other. One exception: characters that could drive a terminal are escaped (terminal.h).
 *
 * Shown is what would be exported: spans, events, links and attributes as the edit leaves them;
 * resources and scopes without a span are passed over. Pure functions; a failure to grow latches in
 * the buffer.
 */
#ifndef SLUICE_DEBUG_TEXT_H
#define SLUICE_DEBUG_TEXT_H

#include "pipeline/base/buf.h"
#include "pipeline/trace/otlp/edit.h"

/* What verbosity basic says. */
struct text_counts {
	uint32_t resource_spans; /* resources that have a span */
	uint32_t spans;
};

struct text_counts text_count(const struct trace_view *view);

/* One line per resource, scope and span. */
void text_normal(const struct trace_view *view, struct buf *out);

/* Every field, one per line. */
void text_detailed(const struct trace_view *view, struct buf *out);

#endif
