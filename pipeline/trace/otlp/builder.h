/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes OTLP messages field by field into a chunk: for requests that Sluice makes itself (example
 * traces, tests), never for received ones, which are edited where they lie.
 *
 *   trace_builder_begin(b, SPAN_STATUS);                    opens a nested message
 *   trace_builder_varint(b, STATUS_CODE, STATUS_CODE_OK);   writes a field into the innermost one
 *   trace_builder_end(b);                                   closes it: its length is put before it
 *
 * The first thing that does not fit (budget, allocator, nesting) latches; later calls do nothing
 * and trace_builder_take reports it. Not thread-safe.
 */
#ifndef SLUICE_TRACE_OTLP_BUILDER_H
#define SLUICE_TRACE_OTLP_BUILDER_H

#include "pipeline/base/chunk.h"
#include "pipeline/base/error.h"
#include "pipeline/trace/value/field_numbers.h"
#include "pipeline/trace/value/value.h"

enum { TRACE_BUILDER_DEPTH_MAX = 64 }; /* messages open at the same time */

struct trace_builder {
	/* private */
	struct chunk *chunk;
	size_t content[TRACE_BUILDER_DEPTH_MAX]; /* where the content of each open one begins */
	unsigned depth;
	enum err_kind failure; /* ERR_NONE while all is well */
};

/* Starts an empty request, charged to ${budget}, which outlives the chunk that is taken. */
void trace_builder_init(struct trace_builder *builder, struct budget *budget);

/* Frees what was not taken. */
void trace_builder_fini(struct trace_builder *builder);

/* Closes all messages still open and hands over the chunk, with ${span_count} noted on it; the
 * builder is finished then. NULL with ERR_NOMEM or ERR_LIMIT when something did not fit. */
MUST_CHECK struct chunk *trace_builder_take(struct trace_builder *builder, uint32_t span_count,
					    struct err *err);

void trace_builder_begin(struct trace_builder *builder, uint32_t field);
void trace_builder_end(struct trace_builder *builder);

void trace_builder_varint(struct trace_builder *builder, uint32_t field, uint64_t number);
void trace_builder_fixed32(struct trace_builder *builder, uint32_t field, uint32_t number);
void trace_builder_fixed64(struct trace_builder *builder, uint32_t field, uint64_t number);

/* A string, bytes, or an already encoded message. Writes the field even when ${bytes} is empty. */
void trace_builder_bytes(struct trace_builder *builder, uint32_t field, struct slice bytes);

/* The same, but nothing when ${bytes} is empty, as encoders leave out default values. */
void trace_builder_text(struct trace_builder *builder, uint32_t field, struct slice text);

/* An AnyValue message in ${field}; arrays and maps are given by their encoded content. */
void trace_builder_value(struct trace_builder *builder, uint32_t field, struct value value);

/* A KeyValue in ${field} (SPAN_ATTRIBUTES, RESOURCE_ATTRIBUTES, …). */
void trace_builder_attr(struct trace_builder *builder, uint32_t field, struct slice key,
			struct value value);

/* Opens a KeyValue whose value is an array; items follow as
 * trace_builder_value(b, ARRAY_VALUE_VALUES, …), then trace_builder_end_array. */
void trace_builder_begin_array(struct trace_builder *builder, uint32_t field, struct slice key);
void trace_builder_end_array(struct trace_builder *builder);

#endif
