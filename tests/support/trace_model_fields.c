/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of the model that are no attributes: setting them, and every reader of view.h against
 * them. */
#include "tests/support/trace_model_internal.h"

#include <stdlib.h>

void model_set_text(char **text, const char *with)
{
	if (*text != protobuf_c_empty_string)
		free(*text);
	*text = strdup(with);
}

void model_set_name(struct trace_model *model, uint32_t span, const char *name)
{
	model->changed = true;
	model_set_text(&(*model_span_at(model, span))->name, name);
}

void model_set_trace_state(struct trace_model *model, uint32_t span, const char *trace_state)
{
	model->changed = true;
	model_set_text(&(*model_span_at(model, span))->trace_state, trace_state);
}

void model_set_parent(struct trace_model *model, uint32_t span, struct slice parent_id)
{
	ProtobufCBinaryData *parent = &(*model_span_at(model, span))->parent_span_id;
	model->changed = true;
	free(parent->data);
	parent->len = parent_id.len;
	parent->data = parent_id.len > 0 ? malloc(parent_id.len) : NULL;
	if (parent_id.len > 0)
		memcpy(parent->data, parent_id.ptr, parent_id.len);
}

void model_set_status(struct trace_model *model, uint32_t span, int32_t code, const char *message)
{
	Otlp__Span *at = *model_span_at(model, span);
	model->changed = true;
	if (at->status)
		otlp__status__free_unpacked(at->status, NULL);
	at->status = NULL;
	if (code == 0 && !*message)
		return;
	at->status = malloc(sizeof(*at->status));
	otlp__status__init(at->status);
	at->status->code = (Otlp__Status__StatusCode)code;
	model_set_text(&at->status->message, message);
}

void model_set_scope_name(struct trace_model *model, uint32_t scope, const char *name)
{
	Otlp__InstrumentationScope *at = model_scope_at(model, scope)->scope;
	model->changed = true;
	if (at)
		model_set_text(&at->name, name);
}

void model_set_scope_version(struct trace_model *model, uint32_t scope, const char *version)
{
	Otlp__InstrumentationScope *at = model_scope_at(model, scope)->scope;
	model->changed = true;
	if (at)
		model_set_text(&at->version, version);
}

void model_set_event_name(struct trace_model *model, uint32_t event, const char *name)
{
	Otlp__Span__Event *at = *model_event_at(model, event);
	model->changed = true;
	if (at)
		model_set_text(&at->name, name);
}

void model_set_link_trace_state(struct trace_model *model, uint32_t link, const char *trace_state)
{
	Otlp__Span__Link *at = *model_link_at(model, link);
	model->changed = true;
	if (at)
		model_set_text(&at->trace_state, trace_state);
}

void model_drop_schema_url(struct trace_model *model, struct owner owner)
{
	model->changed = true;
	if (owner.kind == OWNER_SCOPE)
		model_set_text(&model_scope_at(model, owner.at)->schema_url, "");
	else
		model_set_text(&model_resource_at(model, owner.at)->schema_url, "");
}

/* ---- readers -------------------------------------------------------------------------------- */

static bool same_bytes(ProtobufCBinaryData theirs, struct slice ours)
{
	return slice_equal(slice_of(theirs.data, theirs.len), ours);
}

static const char *span_differs(const Otlp__Span *theirs, const struct trace_view *view,
				uint32_t at)
{
	const Otlp__Status *status = theirs->status;
	if (!same_bytes(theirs->trace_id, view_span_trace_id(view, at)))
		return "trace id";
	if (!same_bytes(theirs->span_id, view_span_id(view, at)))
		return "span id";
	if (!same_bytes(theirs->parent_span_id, view_span_parent(view, at)))
		return "parent";
	if (!trace_text_matches(theirs->name, view_span_name(view, at)))
		return "span name";
	if (!trace_text_matches(theirs->trace_state, view_span_trace_state(view, at)))
		return "trace state";
	if ((int32_t)theirs->kind != view_span_kind(view, at))
		return "kind";
	if (theirs->start_time_unix_nano != view_span_start_ns(view, at) ||
	    theirs->end_time_unix_nano != view_span_end_ns(view, at))
		return "time";
	if (theirs->flags != view_span_flags(view, at))
		return "flags";
	if ((status ? (int32_t)status->code : 0) != view_span_status_code(view, at))
		return "status code";
	if (!trace_text_matches(status ? status->message : "", view_span_status_message(view, at)))
		return "status message";
	if (theirs->dropped_attributes_count !=
		    view_dropped_attributes(view, (struct owner){OWNER_SPAN, at}) ||
	    theirs->dropped_events_count != view_dropped_events(view, at) ||
	    theirs->dropped_links_count != view_dropped_links(view, at))
		return "dropped counts of a span";
	return NULL;
}

static const char *scope_differs(const Otlp__ScopeSpans *theirs, const struct trace_view *view,
				 uint32_t at)
{
	const struct owner owner = {OWNER_SCOPE, at};
	const Otlp__InstrumentationScope *scope = theirs->scope;
	if (!trace_text_matches(scope ? scope->name : "", view_scope_name(view, at)))
		return "scope name";
	if (!trace_text_matches(scope ? scope->version : "", view_scope_version(view, at)))
		return "scope version";
	if (!trace_text_matches(theirs->schema_url, view_schema_url(view, owner)))
		return "schema URL of a scope";
	if ((scope ? scope->dropped_attributes_count : 0) != view_dropped_attributes(view, owner))
		return "dropped count of a scope";
	return NULL;
}

static const char *event_differs(const Otlp__Span__Event *theirs, const struct trace_view *view,
				 uint32_t at)
{
	if (!trace_text_matches(theirs->name, view_event_name(view, at)))
		return "event name";
	if (theirs->time_unix_nano != view_event_time_ns(view, at))
		return "event time";
	if (theirs->dropped_attributes_count !=
	    view_dropped_attributes(view, (struct owner){OWNER_EVENT, at}))
		return "dropped count of an event";
	return NULL;
}

static const char *link_differs(const Otlp__Span__Link *theirs, const struct trace_view *view,
				uint32_t at)
{
	if (!same_bytes(theirs->trace_id, view_link_trace_id(view, at)) ||
	    !same_bytes(theirs->span_id, view_link_span_id(view, at)))
		return "link ids";
	if (!trace_text_matches(theirs->trace_state, view_link_trace_state(view, at)))
		return "link trace state";
	if (theirs->flags != view_link_flags(view, at))
		return "link flags";
	if (theirs->dropped_attributes_count !=
	    view_dropped_attributes(view, (struct owner){OWNER_LINK, at}))
		return "dropped count of a link";
	return NULL;
}

static const char *resource_differs(const Otlp__ResourceSpans *theirs,
				    const struct trace_view *view, uint32_t at)
{
	const struct owner owner = {OWNER_RESOURCE, at};
	uint32_t dropped = theirs->resource ? theirs->resource->dropped_attributes_count : 0;
	if (!trace_text_matches(theirs->schema_url, view_schema_url(view, owner)))
		return "schema URL of a resource";
	return dropped == view_dropped_attributes(view, owner) ? NULL
							       : "dropped count of a resource";
}

const char *model_fields_differ(const struct trace_model *model, const struct trace_view *view,
				struct owner owner)
{
	struct trace_model *mutable = (struct trace_model *)(uintptr_t)model;
	switch (owner.kind) {
	case OWNER_RESOURCE:
		return resource_differs(model_resource_at(mutable, owner.at), view, owner.at);
	case OWNER_SCOPE: return scope_differs(model_scope_at(mutable, owner.at), view, owner.at);
	case OWNER_SPAN:
		if (model_span_is_live(model, owner.at) != view_span_live(view, owner.at))
			return "liveness of a span";
		return view_span_live(view, owner.at)
			       ? span_differs(*model_span_at(mutable, owner.at), view, owner.at)
			       : NULL;
	case OWNER_EVENT:
		return view_event_live(view, owner.at)
			       ? event_differs(*model_event_at(mutable, owner.at), view, owner.at)
			       : NULL;
	case OWNER_LINK:
		return view_link_live(view, owner.at)
			       ? link_differs(*model_link_at(mutable, owner.at), view, owner.at)
			       : NULL;
	case OWNER_KIND_COUNT: break;
	}
	return NULL;
}
