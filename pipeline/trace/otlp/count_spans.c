/* SPDX-License-Identifier: Apache-2.0 */
/* Three loops, one a level, over tags and lengths alone. */
#include "pipeline/trace/otlp/count_spans.h"

#include "pipeline/trace/value/field_numbers.h"
#include "pipeline/trace/value/wire.h"

static bool next_message(struct wire_reader *reader, struct wire_field *ret_field)
{
	while (reader->at < reader->end && wire_read_field(reader, ret_field)) {
		if (ret_field->type == WIRE_LEN)
			return true;
	}
	return false;
}

static uint32_t count_in_scope(struct slice scope_spans)
{
	uint32_t count = 0;
	struct wire_field field;
	struct wire_reader reader = wire_reader_of(scope_spans);
	while (next_message(&reader, &field))
		count += field.number == SCOPE_SPANS_SPANS;
	return count;
}

/* Spans under their old field count where nothing stands under the new one (trace_normalise). */
static uint32_t count_in_resource(struct slice resource_spans)
{
	uint32_t count = 0, old_count = 0;
	bool has_scopes = false;
	struct wire_field field;
	struct wire_reader reader = wire_reader_of(resource_spans);
	while (next_message(&reader, &field)) {
		if (field.number == RESOURCE_SPANS_SCOPE_SPANS) {
			has_scopes = true;
			count += count_in_scope(field.content);
		} else if (field.number == RESOURCE_SPANS_DEPRECATED_ILS) {
			old_count += count_in_scope(field.content);
		}
	}
	return has_scopes ? count : old_count;
}

uint32_t count_spans(struct slice request)
{
	uint32_t count = 0;
	struct wire_field field;
	struct wire_reader reader = wire_reader_of(request);
	while (next_message(&reader, &field)) {
		if (field.number == EXPORT_REQUEST_RESOURCE_SPANS)
			count += count_in_resource(field.content);
	}
	return count;
}
