/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The edit API done naively on protobuf-c's object tree. Elements keep their indices (dropped ones
 * become holes) until model_finish.
 */
#ifndef SLUICE_TEST_TRACE_MODEL_H
#define SLUICE_TEST_TRACE_MODEL_H

#include "pipeline/trace/otlp/edit.h"
#include "tests/support/trace_proto.h"

struct trace_model {
	trace_tree *tree;
	const struct trace_index *index; /* of the same body: says which element is which */
	bool changed;
};

void model_drop_resource(struct trace_model *model, uint32_t resource);
void model_drop_span(struct trace_model *model, uint32_t span);
void model_drop_event(struct trace_model *model, uint32_t event);
void model_drop_link(struct trace_model *model, uint32_t link);
void model_drop_attr(struct trace_model *model, uint32_t attr);
void model_remove_attr(struct trace_model *model, struct owner owner, const char *key);
/* Of those that were added alone. */
void model_remove_added(struct trace_model *model, struct owner owner, const char *key);
/* Another value for the received attribute ${attr}. */
void model_revalue_attr(struct trace_model *model, uint32_t attr, struct value value);
void model_set_attr(struct trace_model *model, struct owner owner, const char *key,
		    struct value value);
void model_rename_attr(struct trace_model *model, uint32_t attr, const char *key);
void model_set_name(struct trace_model *model, uint32_t span, const char *name);
void model_set_trace_state(struct trace_model *model, uint32_t span, const char *trace_state);
void model_set_parent(struct trace_model *model, uint32_t span, struct slice parent_id);
void model_set_status(struct trace_model *model, uint32_t span, int32_t code, const char *message);

void model_set_scope_name(struct trace_model *model, uint32_t scope, const char *name);
void model_set_scope_version(struct trace_model *model, uint32_t scope, const char *version);
void model_set_event_name(struct trace_model *model, uint32_t event, const char *name);
void model_set_link_trace_state(struct trace_model *model, uint32_t link, const char *trace_state);
void model_drop_schema_url(struct trace_model *model, struct owner owner);

/* Compares every field that a reader of view.h gives of ${owner} with the model: NULL or why. */
const char *model_fields_differ(const struct trace_model *model, const struct trace_view *view,
				struct owner owner);

/* Compares what the edit's readers say about ${owner}'s attributes with the model: NULL or why. */
const char *model_attrs_differ(const struct trace_model *model, const struct trace_view *view,
			       struct owner owner);

/* Spans not dropped. */
uint32_t model_live_spans(const struct trace_model *model);

/* Closes the holes and removes what is left without spans. */
void model_finish(struct trace_model *model);

#endif
