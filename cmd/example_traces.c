/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From tables to OTLP. One trace has one set of random numbers, drawn from seed, example and
 * variation: its ids, and the three factors by which durations, prompt and output tokens differ
 * from the table. Times are scaled as offsets from the trace's beginning, so children stay inside
 * their parents. Services without a span in the trace send nothing.
 */
#include "cmd/example_traces.h"

#include "cmd/example_table.h"
#include "pipeline/base/clock.h"
#include "pipeline/trace/otlp/builder.h"
#include "pipeline/trace/otlp/edit.h"

#include <math.h>
#include <stdio.h>

static const struct example_trace *const examples[] = {
	&example_llmd,	 &example_semantic_router, &example_vllm,
	&example_scrape, &example_proxied_scrape,  &example_rag,
};

enum { UUID_TEXT_BYTES = 36, REQUEST_ID_TEXT_BYTES = 64 };

/* What is the same for all spans of one built trace. */
struct draft {
	const struct example_trace *trace;
	uint64_t random; /* state of the generator that gives the ids */
	uint64_t span_id_base;
	uint64_t begin_ns;
	uint8_t trace_id[TRACE_ID_BYTES];
	char uuid[UUID_TEXT_BYTES + 1];
	double time_factor, prompt_factor, output_factor;
};

/* splitmix64: one multiplication chain per number, any state is a good one. */
static uint64_t mix(uint64_t state)
{
	state = (state ^ (state >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	state = (state ^ (state >> 27)) * UINT64_C(0x94d049bb133111eb);
	return state ^ (state >> 31);
}

static uint64_t draw(struct draft *draft)
{
	draft->random += UINT64_C(0x9e3779b97f4a7c15);
	return mix(draft->random);
}

/* A number in [low, high). */
static double draw_between(struct draft *draft, double low, double high)
{
	return low + (high - low) * (double)(draw(draft) >> 11) / 9007199254740992.0; /* 2^53 */
}

static uint64_t scaled_ns(const struct draft *draft, uint64_t us)
{
	return (uint64_t)llround((double)us * draft->time_factor * (double)NS_PER_US);
}

static uint64_t trace_end_us(const struct example_trace *trace)
{
	uint64_t end = 0;
	for (size_t i = 0; i < trace->span_count; i++) {
		uint64_t span_end =
			(uint64_t)trace->spans[i].start_us + trace->spans[i].duration_us;
		end = span_end > end ? span_end : end;
	}
	return end;
}

static void draft_init(struct draft *draft, const struct example_trace *trace, uint64_t salt,
		       const struct example_variant *variant)
{
	*draft = (struct draft){.trace = trace};
	/* One after the other: xor of the three would be the same for (1, 2) and (2, 1). */
	draft->random = mix(mix(mix(variant->seed) + variant->variation + 1) + salt + 1);
	uint64_t id[2] = {draw(draft), draw(draft) | 1}; /* an id of zeros is invalid */
	memcpy(draft->trace_id, id, sizeof(draft->trace_id));
	draft->span_id_base = draw(draft);
	uint64_t high = draw(draft), low = draw(draft);
	(void)snprintf(draft->uuid, sizeof(draft->uuid), "%08x-%04x-4%03x-%04x-%012llx",
		       (unsigned)(high >> 32), (unsigned)(high >> 16 & 0xffff),
		       (unsigned)(high & 0xfff), (unsigned)(low >> 48 & 0x3fff) | 0x8000U,
		       (unsigned long long)(low & UINT64_C(0xffffffffffff)));
	draft->time_factor = draft->prompt_factor = draft->output_factor = 1.0;
	if (variant->variation != 0) {
		draft->time_factor = draw_between(draft, 0.75, 1.25);
		draft->prompt_factor = draw_between(draft, 0.75, 1.25);
		draft->output_factor = draw_between(draft, 0.75, 1.0);
	}
	uint64_t duration_ns = scaled_ns(draft, trace_end_us(draft->trace));
	draft->begin_ns = variant->end_ns > duration_ns ? variant->end_ns - duration_ns : 0;
}

/* The span id of ${row}, counted from 1. Distinct rows give distinct ids: mix is a bijection. */
static uint64_t span_id(const struct draft *draft, size_t row)
{
	return mix(draft->span_id_base + row) ? mix(draft->span_id_base + row) : UINT64_MAX;
}

/* ---- writing ---- */

static int64_t scaled_tokens(int64_t tokens, double factor)
{
	int64_t scaled = llround((double)tokens * factor);
	return scaled > 0 ? scaled : 1;
}

static void write_array(struct trace_builder *out, uint32_t field, const struct example_attr *attr)
{
	trace_builder_begin_array(out, field, slice_str(attr->key));
	for (int64_t i = 0; i < attr->number && i < EXAMPLE_ITEMS_MAX; i++) {
		struct value item = attr->type == EXAMPLE_STRS
					    ? value_of_str(slice_str(attr->strings[i]))
					    : value_of_double(attr->doubles[i]);
		trace_builder_value(out, ARRAY_VALUE_VALUES, item);
	}
	trace_builder_end_array(out);
}

static void write_attr(struct trace_builder *out, uint32_t field, const struct draft *draft,
		       const struct example_attr *attr)
{
	struct value value = {.type = VALUE_EMPTY};
	char text[REQUEST_ID_TEXT_BYTES];
	switch (attr->type) {
	case EXAMPLE_STR: value = value_of_str(slice_str(attr->strings[0])); break;
	case EXAMPLE_INT: value = value_of_int(attr->number); break;
	case EXAMPLE_DOUBLE: value = value_of_double(attr->doubles[0]); break;
	case EXAMPLE_BOOL: value = value_of_bool(attr->number != 0); break;
	case EXAMPLE_STRS:
	case EXAMPLE_DOUBLES: write_array(out, field, attr); return;
	case EXAMPLE_SECONDS: value = value_of_double(attr->doubles[0] * draft->time_factor); break;
	case EXAMPLE_WHOLE_MS:
		value = value_of_double(floor(attr->doubles[0] * draft->time_factor));
		break;
	case EXAMPLE_PROMPT_TOKENS:
		value = value_of_int(scaled_tokens(attr->number, draft->prompt_factor));
		break;
	case EXAMPLE_OUTPUT_TOKENS:
		value = value_of_int(scaled_tokens(attr->number, draft->output_factor));
		break;
	case EXAMPLE_REQUEST_ID:
		(void)snprintf(text, sizeof(text), "%s%s", attr->strings[0], draft->uuid);
		value = value_of_str(slice_str(text));
		break;
	case EXAMPLE_VALUE_COUNT: break;
	}
	trace_builder_attr(out, field, slice_str(attr->key), value);
}

static void write_attrs(struct trace_builder *out, uint32_t field, const struct draft *draft,
			const struct example_attr *attrs)
{
	for (; attrs && attrs->key; attrs++)
		write_attr(out, field, draft, attrs);
}

static void write_event(struct trace_builder *out, const struct draft *draft,
			const struct example_event *event, uint64_t time_ns)
{
	trace_builder_begin(out, SPAN_EVENTS);
	trace_builder_fixed64(out, EVENT_TIME_UNIX_NANO, time_ns);
	trace_builder_bytes(out, EVENT_NAME, slice_str(event->name));
	write_attrs(out, EVENT_ATTRIBUTES, draft, event->attrs);
	trace_builder_end(out);
}

/* All at the span's end: that is when instrumentations know what to write. */
static void write_events(struct trace_builder *out, const struct draft *draft,
			 const struct example_span *span, uint64_t end_ns)
{
	const struct example_event exception = {
		"exception", ATTRS(STR("exception.type", span->exception_type),
				   STR("exception.message", span->status_message))};
	if (span->exception_type)
		write_event(out, draft, &exception, end_ns);
	for (const struct example_event *event = span->events; event && event->name; event++)
		write_event(out, draft, event, end_ns);
}

static void write_span(struct trace_builder *out, const struct draft *draft, size_t row)
{
	const struct example_span *span = &draft->trace->spans[row - 1];
	uint64_t id = span_id(draft, row);
	uint64_t end_ns =
		draft->begin_ns + scaled_ns(draft, (uint64_t)span->start_us + span->duration_us);
	trace_builder_begin(out, SCOPE_SPANS_SPANS);
	trace_builder_bytes(out, SPAN_TRACE_ID, slice_of(draft->trace_id, TRACE_ID_BYTES));
	trace_builder_bytes(out, SPAN_SPAN_ID, slice_of(&id, SPAN_ID_BYTES));
	if (span->parent != 0) {
		uint64_t parent = span_id(draft, span->parent);
		trace_builder_bytes(out, SPAN_PARENT_SPAN_ID, slice_of(&parent, SPAN_ID_BYTES));
	}
	trace_builder_bytes(out, SPAN_NAME, slice_str(span->name));
	trace_builder_varint(out, SPAN_KIND, (uint64_t)span->kind);
	trace_builder_fixed64(out, SPAN_START_TIME_UNIX_NANO,
			      draft->begin_ns + scaled_ns(draft, span->start_us));
	trace_builder_fixed64(out, SPAN_END_TIME_UNIX_NANO, end_ns);
	write_attrs(out, SPAN_ATTRIBUTES, draft, span->attrs);
	write_events(out, draft, span, end_ns);
	if (span->status != STATUS_CODE_UNSET) {
		trace_builder_begin(out, SPAN_STATUS);
		trace_builder_text(out, STATUS_MESSAGE, slice_str(span->status_message));
		trace_builder_varint(out, STATUS_CODE, (uint64_t)span->status);
		trace_builder_end(out);
	}
	trace_builder_end(out);
}

static void write_scope(struct trace_builder *out, const struct draft *draft,
			const struct example_scope *scope)
{
	trace_builder_begin(out, SCOPE_SPANS_SCOPE);
	trace_builder_text(out, SCOPE_NAME, slice_str(scope->name));
	trace_builder_text(out, SCOPE_VERSION, slice_str(scope->version));
	write_attrs(out, SCOPE_ATTRIBUTES, draft, scope->attrs);
	trace_builder_end(out);
}

/* True for spans of ${service} and, unless ${scope} is negative, of that scope. */
static bool row_is_of(const struct example_span *span, size_t service, int scope)
{
	return span->service == service && (scope < 0 || span->scope == scope);
}

static uint32_t count_spans(const struct example_trace *trace, size_t service, int scope)
{
	uint32_t count = 0;
	for (size_t i = 0; i < trace->span_count; i++)
		count += row_is_of(&trace->spans[i], service, scope);
	return count;
}

/* Writes the ResourceSpans of ${service} and returns how many spans it holds; with none, nothing.
 */
static uint32_t write_service(struct trace_builder *out, const struct draft *draft, size_t service)
{
	const struct example_trace *trace = draft->trace;
	uint32_t spans = count_spans(trace, service, -1);
	if (spans == 0)
		return 0;
	trace_builder_begin(out, EXPORT_REQUEST_RESOURCE_SPANS);
	trace_builder_begin(out, RESOURCE_SPANS_RESOURCE);
	write_attrs(out, RESOURCE_ATTRIBUTES, draft, trace->services[service].attrs);
	trace_builder_end(out);
	for (int scope = 0; scope < trace->scope_count; scope++) {
		if (count_spans(trace, service, scope) == 0)
			continue;
		trace_builder_begin(out, RESOURCE_SPANS_SCOPE_SPANS);
		write_scope(out, draft, &trace->scopes[scope]);
		for (size_t row = 1; row <= trace->span_count; row++) {
			if (row_is_of(&trace->spans[row - 1], service, scope))
				write_span(out, draft, row);
		}
		trace_builder_end(out);
	}
	trace_builder_text(out, RESOURCE_SPANS_SCHEMA_URL,
			   slice_str(trace->services[service].schema_url));
	trace_builder_end(out);
	return spans;
}

/* ---- the interface ---- */

size_t example_trace_count(void)
{
	return ARRAY_COUNT(examples);
}

const char *example_trace_name(size_t which)
{
	return examples[which]->name;
}

const char *example_trace_description(size_t which)
{
	return examples[which]->description;
}

uint32_t example_trace_spans(size_t which)
{
	return examples[which]->span_count;
}

int example_trace_build(size_t which, const struct example_variant *variant, struct budget *budget,
			struct example_requests *ret_requests, struct err *err)
{
	return example_table_build(examples[which], which, variant, budget, ret_requests, err);
}

int example_table_build(const struct example_trace *trace, uint64_t salt,
			const struct example_variant *variant, struct budget *budget,
			struct example_requests *ret_requests, struct err *err)
{
	struct draft draft;
	struct example_requests requests = {.count = 0};
	draft_init(&draft, trace, salt, variant);
	size_t services = draft.trace->service_count;
	for (size_t begin = 0; begin < services;) {
		size_t end = variant->merged ? services : begin + 1;
		struct trace_builder builder;
		uint32_t spans = 0;
		trace_builder_init(&builder, budget);
		for (; begin < end; begin++)
			spans += write_service(&builder, &draft, begin);
		struct chunk *chunk = trace_builder_take(&builder, spans, err);
		if (!chunk) {
			example_requests_fini(&requests);
			*ret_requests = requests;
			return -1;
		}
		if (spans > 0)
			requests.items[requests.count++] = chunk;
		else
			chunk_unref(chunk);
	}
	*ret_requests = requests;
	return 0;
}

void example_requests_fini(struct example_requests *requests)
{
	for (size_t i = 0; i < requests->count; i++)
		chunk_unref(requests->items[i]);
	*requests = (struct example_requests){.count = 0};
}
