/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of spans under an edit. */
#include "pipeline/trace/edit_internal.h"

#include <assert.h>

#define FIELD_BIT(number) (UINT32_C(1) << (number))

/* The replaced fields of ${span}, made when there are none yet; NULL when memory is short. */
static struct span_fields *fields_for(struct edit *edit, uint32_t span)
{
	struct patch *patch = edit_patch_for(edit, (struct owner){OWNER_SPAN, span});
	if (!patch)
		return NULL;
	if (!patch->fields) {
		patch->fields = arena_calloc(&edit->arena, 1, sizeof(*patch->fields));
		if (!patch->fields)
			edit->failed = true;
	}
	return patch->fields;
}

/* The replaced fields of ${span} when field ${number} is one of them, else NULL. */
static const struct span_fields *fields_with(const struct edit *edit, uint32_t span,
					     uint32_t number)
{
	const struct patch *patch = edit_patch_of(edit, (struct owner){OWNER_SPAN, span});
	bool set = patch && patch->fields && (patch->fields->set & FIELD_BIT(number));
	return set ? patch->fields : NULL;
}

void edit_set_span_name(struct edit *edit, uint32_t span, struct slice name)
{
	struct span_fields *fields = fields_for(edit, span);
	if (!fields)
		return;
	fields->name = edit_copy(edit, name);
	fields->set |= FIELD_BIT(SPAN_NAME);
}

void edit_set_span_trace_state(struct edit *edit, uint32_t span, struct slice trace_state)
{
	struct span_fields *fields = fields_for(edit, span);
	if (!fields)
		return;
	fields->trace_state = edit_copy(edit, trace_state);
	fields->set |= FIELD_BIT(SPAN_TRACE_STATE);
}

void edit_set_span_parent(struct edit *edit, uint32_t span, struct slice parent_id)
{
	assert(parent_id.len == 0 || parent_id.len == SPAN_ID_BYTES);
	struct span_fields *fields = fields_for(edit, span);
	if (!fields)
		return;
	fields->parent_id = edit_copy(edit, parent_id);
	fields->set |= FIELD_BIT(SPAN_PARENT_SPAN_ID);
}

void edit_set_span_status(struct edit *edit, uint32_t span, int32_t code, struct slice message)
{
	struct span_fields *fields = fields_for(edit, span);
	if (!fields)
		return;
	fields->status_message = edit_copy(edit, message);
	fields->status_code = code;
	fields->set |= FIELD_BIT(SPAN_STATUS);
}

struct slice edit_span_name(const struct edit *edit, uint32_t span)
{
	const struct span_fields *fields = fields_with(edit, span, SPAN_NAME);
	return fields ? fields->name : index_slice(edit->index, edit->index->spans[span].name);
}

struct slice edit_span_trace_state(const struct edit *edit, uint32_t span)
{
	const struct span_fields *fields = fields_with(edit, span, SPAN_TRACE_STATE);
	return fields ? fields->trace_state
		      : index_slice(edit->index, edit->index->spans[span].trace_state);
}

struct slice edit_span_parent(const struct edit *edit, uint32_t span)
{
	const struct span_fields *fields = fields_with(edit, span, SPAN_PARENT_SPAN_ID);
	return fields ? fields->parent_id
		      : index_id(edit->index, edit->index->spans[span].parent_span_id_off,
				 SPAN_ID_BYTES);
}

int32_t edit_span_status_code(const struct edit *edit, uint32_t span)
{
	const struct span_fields *fields = fields_with(edit, span, SPAN_STATUS);
	return fields ? fields->status_code : edit->index->spans[span].status_code;
}

struct slice edit_span_status_message(const struct edit *edit, uint32_t span)
{
	const struct span_fields *fields = fields_with(edit, span, SPAN_STATUS);
	return fields ? fields->status_message
		      : index_slice(edit->index, edit->index->spans[span].status_message);
}
