/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/debug/text.h"

#include "exporters/debug/terminal.h"
#include "pipeline/base/clock.h"

#include <inttypes.h>
#include <time.h>

struct printer {
	const struct trace_view *view;
	const struct trace_index *index;
	struct buf *out;
	struct buf scratch; /* one value before it is escaped */
};

static struct printer printer_of(const struct trace_view *view, struct buf *out)
{
	return (struct printer){.view = view, .index = view_index(view), .out = out};
}

static void printer_fini(struct printer *printer)
{
	printer->out->failed |= printer->scratch.failed;
	buf_fini(&printer->scratch);
}

static bool scope_has_span(const struct trace_view *view, const struct scope_entry *scope)
{
	for (uint32_t i = 0; i < scope->span_count; i++) {
		if (view_span_live(view, scope->span_begin + i))
			return true;
	}
	return false;
}

static bool resource_has_span(const struct trace_view *view, const struct resource_entry *resource)
{
	const struct trace_index *index = view_index(view);
	for (uint32_t i = 0; i < resource->scope_count; i++) {
		if (scope_has_span(view, &index->scopes[resource->scope_begin + i]))
			return true;
	}
	return false;
}

struct text_counts text_count(const struct trace_view *view)
{
	const struct trace_index *index = view_index(view);
	struct text_counts counts = {.spans = view_live_spans(view)};
	for (uint32_t i = 0; i < index->resource_count; i++)
		counts.resource_spans += resource_has_span(view, &index->resources[i]);
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

static struct slice at_range(const struct printer *printer, struct range range)
{
	return index_slice(printer->index, range);
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
	uint32_t cursor = 0;
	while (view_next_attr(printer->view, owner, &cursor, &attr)) {
		put(printer, " ");
		put_text(printer, attr.key);
		put(printer, "=");
		put_value(printer, attr.value);
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
	const struct span_entry *span = &printer->index->spans[at];
	put_text(printer, view_span_name(printer->view, at));
	put(printer, " ");
	put_id(printer, index_id(printer->index, span->trace_id_off, TRACE_ID_BYTES));
	put(printer, " ");
	put_id(printer, index_id(printer->index, span->span_id_off, SPAN_ID_BYTES));
	put_pairs(printer, (struct owner){OWNER_SPAN, at});
	put(printer, "\n");
}

/* ${number} is that of the resource: the Collector counts its scopes so. */
static void normal_scope(struct printer *printer, uint32_t at, uint32_t number)
{
	const struct scope_entry *scope = &printer->index->scopes[at];
	struct slice name = at_range(printer, scope->name);
	struct slice version = at_range(printer, scope->version);
	buf_printf(printer->out, "ScopeTraces #%" PRIu32, number);
	if (name.len > 0 || version.len > 0)
		put(printer, " ");
	put_text(printer, name);
	if (version.len > 0)
		put(printer, "@");
	put_text(printer, version);
	put_bracketed(printer, at_range(printer, scope->schema_url));
	put_pairs(printer, (struct owner){OWNER_SCOPE, at});
	put(printer, "\n");
	for (uint32_t i = 0; i < scope->span_count; i++) {
		if (view_span_live(printer->view, scope->span_begin + i))
			normal_span(printer, scope->span_begin + i);
	}
}

void text_normal(const struct trace_view *view, struct buf *out)
{
	struct printer printer = printer_of(view, out);
	uint32_t number = 0;
	for (uint32_t at = 0; at < printer.index->resource_count; at++) {
		const struct resource_entry *resource = &printer.index->resources[at];
		if (!resource_has_span(view, resource))
			continue;
		buf_printf(out, "ResourceTraces #%" PRIu32, number);
		put_bracketed(&printer, at_range(&printer, resource->schema_url));
		put_pairs(&printer, (struct owner){OWNER_RESOURCE, at});
		put(&printer, "\n");
		for (uint32_t i = 0; i < resource->scope_count; i++) {
			uint32_t scope = resource->scope_begin + i;
			if (scope_has_span(view, &printer.index->scopes[scope]))
				normal_scope(&printer, scope, number);
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

static void put_dropped(struct printer *printer, const char *label, struct range message,
			uint32_t field)
{
	uint32_t count = (uint32_t)index_scan_number(printer->index, message, field);
	buf_printf(printer->out, "%s%" PRIu32 "\n", label, count);
}

/* The attributes under ${header}, indented by ${indent}; nothing when there are none. */
static void put_attrs(struct printer *printer, const char *header, const char *indent,
		      struct owner owner)
{
	struct attr_view attr;
	uint32_t cursor = 0;
	for (bool first = true; view_next_attr(printer->view, owner, &cursor, &attr);
	     first = false) {
		if (first)
			put(printer, header);
		put(printer, indent);
		put(printer, "     -> ");
		put_text(printer, attr.key);
		put(printer, ": ");
		put(printer, value_type_name(attr.value.type));
		put(printer, "(");
		put_value(printer, attr.value);
		put(printer, ")\n");
	}
}

static void detailed_events(struct printer *printer, const struct span_entry *span)
{
	uint32_t number = 0;
	for (uint32_t i = 0; i < span->event_count; i++) {
		uint32_t at = span->event_begin + i;
		const struct event_entry *event = &printer->index->events[at];
		if (!view_event_live(printer->view, at))
			continue;
		if (number == 0)
			put(printer, "Events:\n");
		buf_printf(printer->out, "SpanEvent #%" PRIu32 "\n", number++);
		put_line(printer, "     -> Name: ", at_range(printer, event->name));
		put(printer, "     -> Timestamp: ");
		put_time(printer, event->time_ns);
		put_dropped(printer, "\n     -> DroppedAttributesCount: ", event->content,
			    EVENT_DROPPED_ATTRIBUTES_COUNT);
		put_attrs(printer, "     -> Attributes::\n", "     ",
			  (struct owner){OWNER_EVENT, at});
	}
}

static void detailed_links(struct printer *printer, const struct span_entry *span)
{
	uint32_t number = 0;
	for (uint32_t i = 0; i < span->link_count; i++) {
		uint32_t at = span->link_begin + i;
		const struct link_entry *link = &printer->index->links[at];
		if (!view_link_live(printer->view, at))
			continue;
		if (number == 0)
			put(printer, "Links:\n");
		buf_printf(printer->out, "SpanLink #%" PRIu32 "\n", number++);
		put(printer, "     -> Trace ID: ");
		put_id(printer, at_range(printer, link->trace_id));
		put(printer, "\n     -> ID: ");
		put_id(printer, at_range(printer, link->span_id));
		put_line(printer, "\n     -> TraceState: ", at_range(printer, link->trace_state));
		put_dropped(printer, "     -> DroppedAttributesCount: ", link->content,
			    LINK_DROPPED_ATTRIBUTES_COUNT);
		put_attrs(printer, "     -> Attributes::\n", "     ",
			  (struct owner){OWNER_LINK, at});
	}
}

static void detailed_span(struct printer *printer, uint32_t at)
{
	const struct trace_index *index = printer->index;
	const struct span_entry *span = &index->spans[at];
	struct slice trace_state = view_span_trace_state(printer->view, at);
	put(printer, "    Trace ID       : ");
	put_id(printer, index_id(index, span->trace_id_off, TRACE_ID_BYTES));
	put(printer, "\n    Parent ID      : ");
	put_id(printer, view_span_parent(printer->view, at));
	put(printer, "\n    ID             : ");
	put_id(printer, index_id(index, span->span_id_off, SPAN_ID_BYTES));
	put_line(printer, "\n    Name           : ", view_span_name(printer->view, at));
	put_line(printer, "    Kind           : ", slice_str(kind_name(span->kind)));
	if (trace_state.len > 0)
		put_line(printer, "    TraceState     : ", trace_state);
	put(printer, "    Start time     : ");
	put_time(printer, span->start_ns);
	put(printer, "\n    End time       : ");
	put_time(printer, span->end_ns);
	put_line(printer, "\n    Status code    : ",
		 slice_str(status_name(view_span_status_code(printer->view, at))));
	put_line(printer, "    Status message : ", view_span_status_message(printer->view, at));
	put_dropped(printer, "    DroppedAttributesCount: ", span->content,
		    SPAN_DROPPED_ATTRIBUTES_COUNT);
	put_dropped(printer, "    DroppedEventsCount: ", span->content, SPAN_DROPPED_EVENTS_COUNT);
	put_dropped(printer, "    DroppedLinksCount: ", span->content, SPAN_DROPPED_LINKS_COUNT);
	put_attrs(printer, "Attributes:\n", "", (struct owner){OWNER_SPAN, at});
	detailed_events(printer, span);
	detailed_links(printer, span);
}

static void detailed_scope(struct printer *printer, uint32_t at, uint32_t number)
{
	const struct scope_entry *scope = &printer->index->scopes[at];
	uint32_t span_number = 0;
	buf_printf(printer->out, "ScopeSpans #%" PRIu32 "\n", number);
	put_line(printer, "ScopeSpans SchemaURL: ", at_range(printer, scope->schema_url));
	put(printer, "InstrumentationScope ");
	put_text(printer, at_range(printer, scope->name));
	put_line(printer, " ", at_range(printer, scope->version));
	put_attrs(printer, "InstrumentationScope attributes:\n", "",
		  (struct owner){OWNER_SCOPE, at});
	for (uint32_t i = 0; i < scope->span_count; i++) {
		if (!view_span_live(printer->view, scope->span_begin + i))
			continue;
		buf_printf(printer->out, "Span #%" PRIu32 "\n", span_number++);
		detailed_span(printer, scope->span_begin + i);
	}
}

void text_detailed(const struct trace_view *view, struct buf *out)
{
	struct printer printer = printer_of(view, out);
	uint32_t number = 0;
	for (uint32_t at = 0; at < printer.index->resource_count; at++) {
		const struct resource_entry *resource = &printer.index->resources[at];
		uint32_t scope_number = 0;
		if (!resource_has_span(view, resource))
			continue;
		buf_printf(out, "ResourceSpans #%" PRIu32 "\n", number++);
		put_line(&printer,
			 "Resource SchemaURL: ", at_range(&printer, resource->schema_url));
		put_attrs(&printer, "Resource attributes:\n", "",
			  (struct owner){OWNER_RESOURCE, at});
		for (uint32_t i = 0; i < resource->scope_count; i++) {
			uint32_t scope = resource->scope_begin + i;
			if (scope_has_span(view, &printer.index->scopes[scope]))
				detailed_scope(&printer, scope, scope_number++);
		}
	}
	printer_fini(&printer);
}
