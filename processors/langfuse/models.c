/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Models for spans of model servers, which name none. A trace may hold several calls of several
 * models; whoever chose the model of a call stands above or beside the server's span: the endpoint
 * picker's decision is a child of the gateway's span, and so is the server's. So every span that
 * names a model tells all its ancestors, and the server's span asks upwards: the nearest that knows
 * one is right.
 *
 * That is looked at only where a trace names several models. Between requests, routers leave their
 * model with their own id and their parent's in the trace memory. Texts of models are numbered for
 * that, at most MODEL_IDS_MAX of them per processor; those beyond are not remembered.
 */
#include "processors/langfuse/langfuse_internal.h"

#include <pthread.h>
#include <stdlib.h>

enum { CLIMB_MAX = 64, MODEL_IDS_MAX = 1024, RANK_OF_A_CHOICE = 3 };

/* ---- numbers -------------------------------------------------------------------------------- */

struct model_ids {
	pthread_mutex_t lock; /* guards count and what is added; entries stay as they are */
	uint32_t count;
	struct slice texts[MODEL_IDS_MAX]; /* owned */
};

struct model_ids *model_ids_new(void)
{
	struct model_ids *ids = calloc(1, sizeof(*ids));
	if (ids)
		(void)pthread_mutex_init(&ids->lock, NULL);
	return ids;
}

void model_ids_free(struct model_ids *ids)
{
	if (!ids)
		return;
	for (uint32_t i = 0; i < ids->count; i++)
		free((void *)(uintptr_t)ids->texts[i].ptr);
	(void)pthread_mutex_destroy(&ids->lock);
	free(ids);
}

/* Adds ${model} behind the others; 0 when there is no room. Locked. */
static uint32_t add_model(struct model_ids *ids, struct slice model)
{
	uint8_t *copy = ids->count < MODEL_IDS_MAX ? malloc(model.len) : NULL;
	if (!copy)
		return 0;
	memcpy(copy, model.ptr, model.len);
	ids->texts[ids->count++] = slice_of(copy, model.len);
	return ids->count;
}

/* The number of ${model}, from 1; 0: it has none. */
static uint32_t number_of(struct model_ids *ids, struct slice model)
{
	if (model.len == 0 || model.len > MODEL_NAME_MAX)
		return 0;
	(void)pthread_mutex_lock(&ids->lock);
	uint32_t number = 0;
	for (uint32_t i = 0; i < ids->count && number == 0; i++) {
		if (slice_equal(ids->texts[i], model))
			number = i + 1;
	}
	if (number == 0)
		number = add_model(ids, model);
	(void)pthread_mutex_unlock(&ids->lock);
	return number;
}

static struct slice model_at(struct model_ids *ids, uint64_t number)
{
	struct slice model = {NULL, 0};
	(void)pthread_mutex_lock(&ids->lock);
	if (number > 0 && number <= ids->count)
		model = ids->texts[number - 1];
	(void)pthread_mutex_unlock(&ids->lock);
	return model;
}

/* ---- in a request --------------------------------------------------------------------------- */

static bool names_several(const struct run *run, const struct trace_group *group)
{
	(void)run;
	return group->facts.conflict[TRACE_FACT_MODEL] || (group->routed && group->called);
}

bool models_need_map(const struct run *run)
{
	for (uint32_t i = 0; run->joins && i < run->group_count; i++) {
		if (names_several(run, &run->groups[i]))
			return true;
	}
	return false;
}

static struct slice named_model(const struct run *run, uint32_t span)
{
	const struct span_note *note = &run->notes[span];
	struct value value = {.type = VALUE_EMPTY};
	if (note->model_rank > 0)
		value = view_value_at(run->view, span_owner(span), note->model_at);
	return value.type == VALUE_STRING ? value.bytes : (struct slice){NULL, 0};
}

/* The higher rank counts: a choice is nearer to the server than what the caller asked for. */
static void tell(struct subtree_model *subtree, struct slice model, uint8_t rank)
{
	if (rank < subtree->rank)
		return;
	subtree->conflict = rank == subtree->rank && !slice_equal(subtree->model, model);
	subtree->model = model;
	subtree->rank = rank;
}

int models_spread(struct run *run, struct err *err)
{
	const struct span_map *map = &run->scratch->map;
	run->subtrees = arena_calloc(&run->scratch->arena, view_span_count(run->view),
				     sizeof(*run->subtrees));
	if (!run->subtrees)
		return err_set(err, ERR_NOMEM, "out of memory for the langfuse processor");
	for (uint32_t span = 0; span < view_span_count(run->view); span++) {
		struct slice model = view_span_live(run->view, span) ? named_model(run, span)
								     : (struct slice){NULL, 0};
		uint32_t at = span;
		for (int i = 0; i < CLIMB_MAX && model.len > 0; i++) {
			tell(&run->subtrees[at], model, run->notes[span].model_rank);
			if (!span_map_has_parent(map, at))
				break;
			at = map->parents[at];
		}
	}
	return 0;
}

/* ---- asking --------------------------------------------------------------------------------- */

static struct slice remembered(const struct run *run, uint32_t span, struct slice parent)
{
	struct langfuse *self = run->self;
	struct trace_note note = {
		.name = calls_name(self, NOTE_KIND_MODEL, parent, (struct slice){NULL, 0})};
	trace_memory_notes(self->memory, run_trace_key(run, span), &note, 1);
	return model_at(self->model_ids, note.value);
}

/* What the nearest ancestor says; an empty text when it says two things. False: none knows. */
static bool ask_upwards(const struct run *run, uint32_t span, struct slice *ret_model)
{
	const struct span_map *map = &run->scratch->map;
	uint32_t at = span;
	for (int i = 0; i < CLIMB_MAX; i++) {
		const struct subtree_model *subtree = &run->subtrees[at];
		if (subtree->rank > 0) {
			*ret_model = subtree->conflict ? (struct slice){NULL, 0} : subtree->model;
			return true;
		}
		if (!span_map_has_parent(map, at))
			break;
		at = map->parents[at];
	}
	if (map->parents[at] != SPAN_MAP_FOREIGN)
		return false;
	*ret_model = remembered(run, span, view_span_parent(run->view, at));
	return ret_model->len > 0;
}

struct slice models_of(const struct run *run, uint32_t span, bool *ret_ambiguous)
{
	const struct trace_group *group = &run->groups[run->notes[span].group];
	const struct resource_roles *resource = run_resource(run, span);
	struct slice model;
	*ret_ambiguous = false;
	if (resource->model.len > 0)
		return resource->model;
	if (run->subtrees && names_several(run, group) && ask_upwards(run, span, &model)) {
		*ret_ambiguous = model.len == 0;
		return model;
	}
	*ret_ambiguous = group->facts.conflict[TRACE_FACT_MODEL];
	return *ret_ambiguous ? (struct slice){NULL, 0} : group->facts.text[TRACE_FACT_MODEL];
}

/* ---- for later requests --------------------------------------------------------------------- */

void models_remember(struct run *run)
{
	struct langfuse *self = run->self;
	struct slice last = {NULL, 0};
	uint64_t number = 0; /* of the last model: most routers name the same */
	for (uint32_t span = 0; span < view_span_count(run->view); span++) {
		const struct span_note *note = &run->notes[span];
		if (note->model_rank < RANK_OF_A_CHOICE || !view_span_live(run->view, span))
			continue;
		struct slice model = named_model(run, span);
		if (!slice_equal(model, last))
			number = number_of(self->model_ids, model);
		last = model;
		struct slice ids[] = {view_span_id(run->view, span),
				      view_span_parent(run->view, span)};
		struct trace_note notes[ARRAY_COUNT(ids)];
		size_t count = 0;
		for (size_t i = 0; number > 0 && i < ARRAY_COUNT(ids); i++) {
			if (ids[i].len > 0)
				notes[count++] = (struct trace_note){
					calls_name(self, NOTE_KIND_MODEL, ids[i],
						   (struct slice){NULL, 0}),
					number};
		}
		if (count > 0)
			trace_memory_notes(self->memory, run_trace_key(run, span), notes, count);
	}
}
