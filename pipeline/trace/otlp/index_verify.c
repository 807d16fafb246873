/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The numbered invariants of index.h, looked at one by one, slowly and without the walk's own
 * code: what the rest of the pipeline believes when it reads entries without checking.
 */
#include "pipeline/trace/otlp/index_verify.h"

static bool inside(const struct trace_index *index, struct range range)
{
	return range.off <= index->body.len && range.len <= index->body.len - range.off;
}

/* ${inner} lies in ${outer}, or is absent. */
static bool within(struct range inner, struct range outer)
{
	return inner.off == 0 ||
	       (inner.off >= outer.off && inner.off + inner.len <= outer.off + outer.len);
}

static bool id_inside(const struct trace_index *index, uint32_t off, size_t len)
{
	return off == 0 || (off <= index->body.len && len <= index->body.len - off);
}

/* Where the walk over all elements has come to: children follow each other without a gap. */
struct place {
	const struct trace_index *index;
	uint32_t scope, span, event, link;
};

static const char *attrs_fault(const struct trace_index *index, enum owner_kind kind,
			       uint32_t owner, struct attr_range attrs, struct range content)
{
	if (attrs.begin > index->attr_count || attrs.count > index->attr_count - attrs.begin)
		return "a range of attributes is out of bounds";
	uint32_t end_of_last = 0;
	for (uint32_t i = attrs.begin; i < attrs.begin + attrs.count; i++) {
		const struct attr_entry *attr = &index->attrs[i];
		if (attr->owner != owner || attr->owner_kind != (uint8_t)kind)
			return "an attribute belongs to another element";
		if (!inside(index, attr->field) || !within(attr->field, content) ||
		    !within(attr->key, attr->field) || !within(attr->value, attr->field))
			return "an attribute lies outside of its element";
		if (attr->field.off < end_of_last)
			return "attributes are not in wire order";
		end_of_last = attr->field.off + attr->field.len;
	}
	return NULL;
}

static const char *span_fault(struct place *place, uint32_t at, struct range scope)
{
	const struct trace_index *index = place->index;
	const struct span_entry *span = &index->spans[at];
	if (!inside(index, span->content) || !within(span->field, scope) ||
	    !within(span->content, span->field) || !within(span->name, span->content) ||
	    !within(span->status_message, span->status))
		return "a span lies outside of its scope";
	if (!id_inside(index, span->trace_id_off, TRACE_ID_BYTES) ||
	    !id_inside(index, span->span_id_off, SPAN_ID_BYTES) ||
	    !id_inside(index, span->parent_span_id_off, SPAN_ID_BYTES))
		return "an id lies outside of the body";
	if (span->event_begin != place->event || span->link_begin != place->link)
		return "events or links are not contiguous";
	place->event += span->event_count;
	place->link += span->link_count;
	if (place->event > index->event_count || place->link > index->link_count)
		return "events or links are out of bounds";
	const char *fault = attrs_fault(index, OWNER_SPAN, at, span->attrs, span->content);
	for (uint32_t i = span->event_begin; !fault && i < place->event; i++) {
		const struct event_entry *event = &index->events[i];
		fault = event->span != at || !within(event->field, span->content)
				? "an event is not its span's"
				: attrs_fault(index, OWNER_EVENT, i, event->attrs, event->content);
	}
	for (uint32_t i = span->link_begin; !fault && i < place->link; i++) {
		const struct link_entry *link = &index->links[i];
		fault = link->span != at || !within(link->field, span->content)
				? "a link is not its span's"
				: attrs_fault(index, OWNER_LINK, i, link->attrs, link->content);
	}
	return fault;
}

static const char *scope_fault(struct place *place, uint32_t at, struct range resource)
{
	const struct trace_index *index = place->index;
	const struct scope_entry *scope = &index->scopes[at];
	if (!inside(index, scope->content) || !within(scope->field, resource) ||
	    !within(scope->content, scope->field) || !within(scope->scope, scope->content))
		return "a scope lies outside of its resource";
	if (scope->span_begin != place->span)
		return "spans are not contiguous";
	if (scope->span_count > index->span_count - place->span)
		return "spans are out of bounds";
	place->span += scope->span_count;
	const char *fault = attrs_fault(index, OWNER_SCOPE, at, scope->attrs, scope->content);
	for (uint32_t i = scope->span_begin; !fault && i < place->span; i++)
		fault = index->spans[i].scope != at ? "a span is not its scope's"
						    : span_fault(place, i, scope->content);
	return fault;
}

static const char *resource_fault(struct place *place, uint32_t at)
{
	const struct trace_index *index = place->index;
	const struct resource_entry *resource = &index->resources[at];
	if (!inside(index, resource->field) || !within(resource->content, resource->field) ||
	    !within(resource->resource, resource->content))
		return "a resource lies outside of the body";
	if (resource->scope_begin != place->scope)
		return "scopes are not contiguous";
	if (resource->scope_count > index->scope_count - place->scope)
		return "scopes are out of bounds";
	place->scope += resource->scope_count;
	const char *fault =
		attrs_fault(index, OWNER_RESOURCE, at, resource->attrs, resource->content);
	for (uint32_t i = resource->scope_begin; !fault && i < place->scope; i++)
		fault = index->scopes[i].resource != at ? "a scope is not its resource's"
							: scope_fault(place, i, resource->content);
	return fault;
}

const char *trace_index_fault(const struct trace_index *index)
{
	struct place place = {.index = index};
	const char *fault = NULL;
	for (uint32_t i = 0; !fault && i < index->resource_count; i++)
		fault = resource_fault(&place, i);
	if (!fault && (place.scope != index->scope_count || place.span != index->span_count ||
		       place.event != index->event_count || place.link != index->link_count))
		fault = "an element belongs to nobody";
	return fault;
}
