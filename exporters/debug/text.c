/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Collector's two text forms. Walks resources, scopes and spans in the order received and
 * writes each where it is met; a printer holds the buffer and a scratch for values.
 */
#include "exporters/debug/text.h"

#include "exporters/debug/terminal.h"
#include "pipeline/base/clock.h"

#include <inttypes.h>
#include <time.h>

struct printer {
	const struct trace_view *view;
	struct buf *out;
	struct buf scratch; /* one value before it is escaped */
};

static struct printer printer_of(const struct trace_view *view, struct buf *out)
{
	return (struct printer){.view = view, .out = out};
}

static void printer_fini(struct printer *printer)
{
	printer->out->failed |= printer->scratch.failed;
	buf_fini(&printer->scratch);
}

struct text_counts text_count(const struct trace_view *view)
{
	struct text_counts counts = {.spans = view_live_spans(view)};
	for (uint32_t i = 0; i < view_resource_count(view); i++)
		counts.resource_spans += view_resource_live(view, i);
	return counts;
}

/* ---- pieces ---- */

static void put(struct printer *printer, const char *text)
{
	buf_append_str(printer->out, text);
}

static void put_text(struct printer *printer, struct slice text)
{
	terminal_append(printer->out, text);
}

static void put_line(struct printer *printer, const char *label, struct slice text)
{
	put(printer, label);
	put_text(printer, text);
	put(printer, "\n");
}

/* An id of zeros means "none" and is shown as nothing. */
static void put_id(struct printer *printer, struct slice id)
{
	for (size_t i = 0; i < id.len; i++) {
		if (id.ptr[i] != 0) {
			buf_append_hex(printer->out, id);
			return;
		}
	}
}

/* As Go prints a UTC time: no zeros at the end of the fraction, no fraction of zero. Go reads the
 * number as signed, so times from 2262 on come out before 1970. */
static void put_time(struct printer *printer, uint64_t unix_ns)
{
	int64_t ns = (int64_t)unix_ns;
	int64_t fraction = ns % (int64_t)NS_PER_S;
	time_t seconds = (time_t)(ns / (int64_t)NS_PER_S);
	if (fraction < 0) {
		fraction += (int64_t)NS_PER_S;
		seconds--;
	}
	struct tm tm;
	if (!gmtime_r(&seconds, &tm))
		return;
	buf_printf(printer->out, "%04d-%02d-%02d %02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1,
		   tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (fraction != 0) {
		int digits = 9;
		for (; fraction % 10 == 0; digits--)
			fraction /= 10;
		buf_printf(printer->out, ".%0*" PRId64, digits, fraction);
	}
	put(printer, " +0000 UTC");
}

static void put_value(struct printer *printer, struct value value)
{
	buf_reset(&printer->scratch);
	value_append_text(&printer->scratch, value);
	put_text(printer, buf_slice(&printer->scratch));
}

/* ---- normal ---- */

static void put_pairs(struct printer *printer, struct owner owner)
{
	struct attr_view attr;
	struct attr_cursor cursor = view_attrs(printer->view, owner);
	while (view_next_attr(printer->view, &cursor, &attr)) {
		put(printer, " ");
		put_text(printer, attr.key);
		put(printer, "=");
		put_value(printer, view_attr_value(printer->view, owner, &attr));
	}
}

static void put_bracketed(struct printer *printer, struct slice text)
{
	if (text.len == 0)
		return;
	put(printer, " [");
	put_text(printer, text);
	put(printer, "]");
}

static void normal_span(struct printer *printer, uint32_t at)
{
	put_text(printer, view_span_name(printer->view, at));
	put(printer, " ");
	put_id(printer, view_span_trace_id(printer->view, at));
	put(printer, " ");
	put_id(printer, view_span_id(printer->view, at));
	put_pairs(printer, (struct owner){OWNER_SPAN, at});
	put(printer, "\n");
}

/* ${number} is that of the resource: the Collector counts its scopes so. */
static void normal_scope(struct printer *printer, uint32_t at, uint32_t number)
{
	const struct owner owner = {OWNER_SCOPE, at};
	struct view_range spans = view_scope_spans(printer->view, at);
	struct slice name = view_scope_name(printer->view, at);
	struct slice version = view_scope_version(printer->view, at);
	buf_printf(printer->out, "ScopeTraces #%" PRIu32, number);
	if (name.len > 0 || version.len > 0)
		put(printer, " ");
	put_text(printer, name);
	if (version.len > 0)
		put(printer, "@");
	put_text(printer, version);
	put_bracketed(printer, view_schema_url(printer->view, owner));
	put_pairs(printer, owner);
	put(printer, "\n");
	for (uint32_t i = 0; i < spans.count; i++) {
		if (view_span_live(printer->view, spans.begin + i))
			normal_span(printer, spans.begin + i);
	}
}

void text_normal(const struct trace_view *view, struct buf *out)
{
	struct printer printer = printer_of(view, out);
	uint32_t number = 0;
	for (uint32_t at = 0; at < view_resource_count(view); at++) {
		const struct owner owner = {OWNER_RESOURCE, at};
		struct view_range scopes = view_resource_scopes(view, at);
		if (!view_resource_live(view, at))
			continue;
		buf_printf(out, "ResourceTraces #%" PRIu32, number);
		put_bracketed(&printer, view_schema_url(view, owner));
		put_pairs(&printer, owner);
		put(&printer, "\n");
		for (uint32_t i = 0; i < scopes.count; i++) {
			if (view_scope_live(view, scopes.begin + i))
				normal_scope(&printer, scopes.begin + i, number);
		}
		number++;
	}
	printer_fini(&printer);
}

/* ---- detailed ---- */

static const char *value_type_name(enum value_type type)
{
	switch (type) {
	case VALUE_STRING: return "Str";
	case VALUE_BOOL: return "Bool";
	case VALUE_INT: return "Int";
	case VALUE_DOUBLE: return "Double";
	case VALUE_ARRAY: return "Slice";
	case VALUE_KVLIST: return "Map";
	case VALUE_BYTES: return "Bytes";
	case VALUE_EMPTY:
	case VALUE_TYPE_COUNT: break;
	}
	return "Empty";
}

/* Kinds and codes that OTLP does not know are shown as nothing. */
static const char *kind_name(int32_t kind)
{
	static const char *const names[] = {"Unspecified", "Internal", "Server",
					    "Client",	   "Producer", "Consumer"};
	return kind >= 0 && kind < (int32_t)ARRAY_COUNT(names) ? names[kind] : "";
}

static const char *status_name(int32_t code)
{
	static const char *const names[] = {"Unset", "Ok", "Error"};
	return code >= 0 && code < (int32_t)ARRAY_COUNT(names) ? names[code] : "";
}

static void put_dropped(struct printer *printer, const char *label, uint32_t count)
{
	buf_printf(printer->out, "%s%" PRIu32 "\n", label, count);
}

/* The attributes under ${header}, indented by ${indent}; nothing when there are none. */
static void put_attrs(struct printer *printer, const char *header, const char *indent,
		      struct owner owner)
{
	struct attr_view attr;
	struct attr_cursor cursor = view_attrs(printer->view, owner);
	for (bool first = true; view_next_attr(printer->view, &cursor, &attr); first = false) {
		if (first)
			put(printer, header);
		put(printer, indent);
		put(printer, "     -> ");
		put_text(printer, attr.key);
		put(printer, ": ");
		put(printer, value_type_name(attr.value_type));
		put(printer, "(");
		put_value(printer, view_attr_value(printer->view, owner, &attr));
		put(printer, ")\n");
	}
}

static void detailed_events(struct printer *printer, struct view_range events)
{
	const struct trace_view *view = printer->view;
	uint32_t number = 0;
	for (uint32_t at = events.begin; at < events.begin + events.count; at++) {
		const struct owner owner = {OWNER_EVENT, at};
		if (!view_event_live(view, at))
			continue;
		if (number == 0)
			put(printer, "Events:\n");
		buf_printf(printer->out, "SpanEvent #%" PRIu32 "\n", number++);
		put_line(printer, "     -> Name: ", view_event_name(view, at));
		put(printer, "     -> Timestamp: ");
		put_time(printer, view_event_time_ns(view, at));
		put_dropped(printer, "\n     -> DroppedAttributesCount: ",
			    view_dropped_attributes(view, owner));
		put_attrs(printer, "     -> Attributes::\n", "     ", owner);
	}
}

static void detailed_links(struct printer *printer, struct view_range links)
{
	const struct trace_view *view = printer->view;
	uint32_t number = 0;
	for (uint32_t at = links.begin; at < links.begin + links.count; at++) {
		const struct owner owner = {OWNER_LINK, at};
		if (!view_link_live(view, at))
			continue;
		if (number == 0)
			put(printer, "Links:\n");
		buf_printf(printer->out, "SpanLink #%" PRIu32 "\n", number++);
		put(printer, "     -> Trace ID: ");
		put_id(printer, view_link_trace_id(view, at));
		put(printer, "\n     -> ID: ");
		put_id(printer, view_link_span_id(view, at));
		put_line(printer, "\n     -> TraceState: ", view_link_trace_state(view, at));
		put_dropped(printer, "     -> DroppedAttributesCount: ",
			    view_dropped_attributes(view, owner));
		put_attrs(printer, "     -> Attributes::\n", "     ", owner);
	}
}

static void detailed_span(struct printer *printer, uint32_t at)
{
	const struct trace_view *view = printer->view;
	const struct owner owner = {OWNER_SPAN, at};
	struct slice trace_state = view_span_trace_state(view, at);
	put(printer, "    Trace ID       : ");
	put_id(printer, view_span_trace_id(view, at));
	put(printer, "\n    Parent ID      : ");
	put_id(printer, view_span_parent(view, at));
	put(printer, "\n    ID             : ");
	put_id(printer, view_span_id(view, at));
	put_line(printer, "\n    Name           : ", view_span_name(view, at));
	put_line(printer, "    Kind           : ", slice_str(kind_name(view_span_kind(view, at))));
	if (trace_state.len > 0)
		put_line(printer, "    TraceState     : ", trace_state);
	put(printer, "    Start time     : ");
	put_time(printer, view_span_start_ns(view, at));
	put(printer, "\n    End time       : ");
	put_time(printer, view_span_end_ns(view, at));
	put_line(printer, "\n    Status code    : ",
		 slice_str(status_name(view_span_status_code(view, at))));
	put_line(printer, "    Status message : ", view_span_status_message(view, at));
	put_dropped(printer, "    DroppedAttributesCount: ", view_dropped_attributes(view, owner));
	put_dropped(printer, "    DroppedEventsCount: ", view_dropped_events(view, at));
	put_dropped(printer, "    DroppedLinksCount: ", view_dropped_links(view, at));
	put_attrs(printer, "Attributes:\n", "", owner);
	detailed_events(printer, view_span_events(view, at));
	detailed_links(printer, view_span_links(view, at));
}

static void detailed_scope(struct printer *printer, uint32_t at, uint32_t number)
{
	const struct trace_view *view = printer->view;
	const struct owner owner = {OWNER_SCOPE, at};
	struct view_range spans = view_scope_spans(view, at);
	uint32_t span_number = 0;
	buf_printf(printer->out, "ScopeSpans #%" PRIu32 "\n", number);
	put_line(printer, "ScopeSpans SchemaURL: ", view_schema_url(view, owner));
	put(printer, "InstrumentationScope ");
	put_text(printer, view_scope_name(view, at));
	put_line(printer, " ", view_scope_version(view, at));
	put_attrs(printer, "InstrumentationScope attributes:\n", "", owner);
	for (uint32_t i = 0; i < spans.count; i++) {
		if (!view_span_live(view, spans.begin + i))
			continue;
		buf_printf(printer->out, "Span #%" PRIu32 "\n", span_number++);
		detailed_span(printer, spans.begin + i);
	}
}

void text_detailed(const struct trace_view *view, struct buf *out)
{
	struct printer printer = printer_of(view, out);
	uint32_t number = 0;
	for (uint32_t at = 0; at < view_resource_count(view); at++) {
		const struct owner owner = {OWNER_RESOURCE, at};
		struct view_range scopes = view_resource_scopes(view, at);
		uint32_t scope_number = 0;
		if (!view_resource_live(view, at))
			continue;
		buf_printf(out, "ResourceSpans #%" PRIu32 "\n", number++);
		put_line(&printer, "Resource SchemaURL: ", view_schema_url(view, owner));
		put_attrs(&printer, "Resource attributes:\n", "", owner);
		for (uint32_t i = 0; i < scopes.count; i++) {
			if (view_scope_live(view, scopes.begin + i))
				detailed_scope(&printer, scopes.begin + i, scope_number++);
		}
	}
	printer_fini(&printer);
}
