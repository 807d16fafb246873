/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts of traces: which spans of a request are of one trace, what they say about it, and the facts
 * given to the spans that do not say them. Langfuse keeps user, session, tags and trace name per
 * span; a filter on generations sees only what stands on the generation.
 */
#include "processors/langfuse/json.h"
#include "processors/langfuse/langfuse_internal.h"
#include "processors/langfuse/metadata.h"
#include "processors/langfuse/values.h"

#include <stdlib.h>

enum { TAGS_MAX = 64, FACTS_SPREAD = TRACE_FACT_PUBLIC + 1 };

/* Ranks of facts: what was said to Langfuse counts more than what was said to anybody. */
enum {
	RANK_GUESSED = 1,
	RANK_SAID = 2,
	RANK_SAID_TO_LANGFUSE = 3,
};

/* Ranks of the model: the nearer to the model server, the truer. */
enum {
	RANK_MODEL_OF_CALLER = 1, /* may be an alias */
	RANK_MODEL_OF_ROUTER = 2,
	RANK_MODEL_CHOSEN = 3,
	RANK_MODEL_TARGET = 4, /* what the endpoint picker sent to the server */
};

/* ---- groups --------------------------------------------------------------------------------- */

struct trace_group *traces_group(struct run *run, uint32_t span)
{
	struct slice id = run_trace_id(run, span);
	/* Neighbours are mostly of one trace. */
	if (run->last_group && slice_equal(run_trace_id(run, run->last_group->first), id))
		return run->last_group;
	uint64_t at = hash_bytes(run->scratch->hash, id.ptr, TRACE_ID_BYTES);
	for (;; at++) {
		uint32_t *slot = &run->group_slots[at & run->group_slot_mask];
		if (*slot == 0) {
			*slot = ++run->group_count;
			struct trace_group *group = &run->groups[*slot - 1];
			*group = (struct trace_group){.first = span};
			run->last_group = group;
			return group;
		}
		struct trace_group *group = &run->groups[*slot - 1];
		if (slice_equal(run_trace_id(run, group->first), id)) {
			run->last_group = group;
			return group;
		}
	}
}

/* ---- what spans say ------------------------------------------------------------------------- */

struct slice traces_cut(struct slice text, size_t bytes_max)
{
	if (text.len <= bytes_max)
		return text;
	while (bytes_max > 0 && (text.ptr[bytes_max] & 0xc0) == 0x80)
		bytes_max--;
	return slice_of(text.ptr, bytes_max);
}

/* A text from a text or a number, in the run's arena if need be. */
static struct slice as_text(struct run *run, struct value value)
{
	struct buf *text = &run->scratch->text;
	if (value.type == VALUE_STRING)
		return value.bytes;
	if (value.type != VALUE_INT && value.type != VALUE_DOUBLE && value.type != VALUE_BOOL)
		return (struct slice){NULL, 0};
	buf_reset(text);
	value_append_text(text, value);
	return arena_copy(&run->scratch->arena, buf_slice(text));
}

struct tag_list {
	struct slice at[TAGS_MAX];
	size_t count;
};

static void add_tag(struct tag_list *tags, struct slice tag)
{
	tag = slice_trim(tag);
	if (tag.len == 0 || tags->count == TAGS_MAX)
		return;
	for (size_t i = 0; i < tags->count; i++) {
		if (slice_equal(tags->at[i], tag))
			return;
	}
	tags->at[tags->count++] = tag;
}

/* The text of a JSON string; in the run's arena when it has escapes. */
static struct slice text_of_json(struct run *run, struct slice raw)
{
	struct buf *text = &run->scratch->text;
	if (!memchr(raw.ptr, '\\', raw.len))
		return slice_of(raw.ptr + 1, raw.len - 2);
	buf_reset(text);
	if (!json_append_text(raw, text) || text->failed)
		return (struct slice){NULL, 0};
	return arena_copy(&run->scratch->arena, buf_slice(text));
}

static void add_tags_of_text(struct run *run, struct tag_list *tags, struct slice text)
{
	struct json_reader reader;
	struct json_member member;
	text = slice_trim(text);
	if (text.len > 0 && text.ptr[0] == '[') {
		bool open = json_open(&reader, text);
		while (open && json_next_member(&reader, &member)) {
			if (member.raw.ptr[0] == '"')
				add_tag(tags, text_of_json(run, member.raw));
		}
		return;
	}
	while (text.len > 0) {
		const uint8_t *comma = memchr(text.ptr, ',', text.len);
		size_t len = comma ? (size_t)(comma - text.ptr) : text.len;
		add_tag(tags, slice_of(text.ptr, len));
		size_t skip = comma ? len + 1 : len;
		text = slice_of(text.ptr + skip, text.len - skip);
	}
}

struct slice traces_tags(struct run *run, struct value value)
{
	struct tag_list tags = {.count = 0};
	struct buf *content = &run->scratch->text;
	struct value item;
	if (value.type == VALUE_STRING)
		add_tags_of_text(run, &tags, value.bytes);
	for (struct slice cursor = value.bytes;
	     value.type == VALUE_ARRAY && value_next_item(&cursor, &item);) {
		if (item.type == VALUE_STRING)
			add_tag(&tags, item.bytes);
	}
	if (tags.count == 0)
		return (struct slice){NULL, 0};
	buf_reset(content);
	for (size_t i = 0; i < tags.count; i++)
		value_append_item(content, tags.at[i]);
	return content->failed ? (struct slice){NULL, 0}
			       : arena_copy(&run->scratch->arena, buf_slice(content));
}

/* What the span names is noted with its rank; the value is not even read where it would not count:
 * most spans of a router repeat the model. */
static void note_model_of(struct trace_facts *facts, struct span_note *note,
			  const struct span_roles *roles, enum role role, uint8_t rank)
{
	if (!roles_has(roles, role))
		return;
	if (note && note->model_rank < rank) {
		note->model_rank = rank;
		note->model_at = roles->at[role];
	}
	if (facts->text[TRACE_FACT_MODEL].len == 0 || rank >= facts->rank[TRACE_FACT_MODEL])
		trace_facts_add(facts, TRACE_FACT_MODEL, rank, roles_text(roles, role));
}

static void note_model(struct trace_group *group, struct span_note *note,
		       const struct span_roles *roles, enum span_class class)
{
	bool explicit;
	struct trace_facts *facts = &group->facts;
	enum role named = roles_has(roles, ROLE_MODEL) ? ROLE_MODEL : ROLE_OTHER_MODEL;
	if (class == CLASS_ROUTING) {
		/* ROLE_ROUTED_MODEL: selected_model, target_model, model.name. */
		bool target =
			roles_has(roles, ROLE_ROUTED_MODEL) && roles->rank[ROLE_ROUTED_MODEL] == 1;
		note_model_of(facts, note, roles, ROLE_ROUTED_MODEL,
			      target ? RANK_MODEL_TARGET : RANK_MODEL_CHOSEN);
		note_model_of(facts, note, roles, named, RANK_MODEL_OF_ROUTER);
		group->routed = true;
	} else if (class == CLASS_CALL &&
		   observation_type(roles, class, &explicit) == TYPE_GENERATION) {
		/* Not what embeds the question: another model, on another server. */
		note_model_of(facts, note, roles, named, RANK_MODEL_OF_CALLER);
		group->called = true;
	}
}

/* The rank of a fact by the rank of its key: the first two keys of a role are Langfuse's own. */
static uint8_t fact_rank(const struct span_roles *roles, enum role role)
{
	uint8_t rank = roles->rank[role];
	if (rank <= 1)
		return RANK_SAID_TO_LANGFUSE;
	return rank == 2 ? RANK_SAID : RANK_GUESSED;
}

static uint16_t note_id(struct run *run, struct trace_facts *facts, const struct span_roles *roles,
			enum role role, enum trace_fact fact)
{
	if (!roles_has(roles, role))
		return 0;
	struct slice text = as_text(run, roles_value(roles, role));
	trace_facts_add(facts, fact, fact_rank(roles, role), text);
	return (uint16_t)(text.len > 0 ? 1u << fact : 0);
}

static uint16_t note_text(struct trace_facts *facts, struct slice text, enum trace_fact fact)
{
	trace_facts_add(facts, fact, RANK_SAID_TO_LANGFUSE, text);
	return (uint16_t)(text.len > 0 ? 1u << fact : 0);
}

/* What may have been written as a number. */
static uint16_t note_scalar(struct run *run, struct trace_facts *facts,
			    const struct span_roles *roles, enum role role, enum trace_fact fact)
{
	if (!roles_has(roles, role))
		return 0;
	struct slice text = as_text(run, roles_value(roles, role));
	if (fact == TRACE_FACT_NAME)
		text = traces_cut(text, TRACE_NAME_BYTES_MAX);
	return note_text(facts, text, fact);
}

static uint16_t note_environment(struct run *run, struct trace_facts *facts,
				 const struct span_roles *roles)
{
	char slug[ENVIRONMENT_BYTES_MAX];
	struct slice shown = values_environment(roles_text(roles, ROLE_ENVIRONMENT), slug);
	return note_text(facts, arena_copy(&run->scratch->arena, shown), TRACE_FACT_ENVIRONMENT);
}

#define BIT(role) (UINT64_C(1) << (role))
#define FACT_ROLES                                                                                 \
	(BIT(ROLE_TRACE_NAME) | BIT(ROLE_USER) | BIT(ROLE_SESSION) | BIT(ROLE_TAGS) |              \
	 BIT(ROLE_TRACE_METADATA) | BIT(ROLE_RELEASE) | BIT(ROLE_VERSION) | BIT(ROLE_PUBLIC) |     \
	 BIT(ROLE_ENVIRONMENT) | BIT(ROLE_MODEL) | BIT(ROLE_OTHER_MODEL) | BIT(ROLE_ROUTED_MODEL))

static uint16_t note_public(struct trace_facts *facts, const struct span_roles *roles)
{
	struct value value = roles_value(roles, ROLE_PUBLIC);
	bool public = value.type == VALUE_BOOL ? value.i != 0
					       : value.type == VALUE_STRING &&
							 slice_equal(value.bytes, SLICE("true"));
	return note_text(facts, public ? SLICE("true") : (struct slice){NULL, 0},
			 TRACE_FACT_PUBLIC) |
	       1u << TRACE_FACT_PUBLIC;
}

uint16_t traces_note(struct run *run, struct trace_group *group, struct span_note *note,
		     const struct span_roles *roles, enum span_class class)
{
	struct trace_facts *facts = &group->facts;
	if (!(roles->present & FACT_ROLES) && !roles->trace_metadata)
		return 0;
	uint16_t own = note_id(run, facts, roles, ROLE_USER, TRACE_FACT_USER) |
		       note_id(run, facts, roles, ROLE_SESSION, TRACE_FACT_SESSION);
	own |= note_scalar(run, facts, roles, ROLE_TRACE_NAME, TRACE_FACT_NAME);
	own |= note_scalar(run, facts, roles, ROLE_RELEASE, TRACE_FACT_RELEASE);
	own |= note_scalar(run, facts, roles, ROLE_VERSION, TRACE_FACT_VERSION);
	if (roles_has(roles, ROLE_PUBLIC))
		own |= note_public(facts, roles);
	if (roles_has(roles, ROLE_ENVIRONMENT) && roles->rank[ROLE_ENVIRONMENT] == 0)
		own |= note_environment(run, facts, roles);
	if (roles_has(roles, ROLE_TAGS)) {
		struct slice tags = traces_tags(run, roles_value(roles, ROLE_TAGS));
		trace_facts_add(facts, TRACE_FACT_TAGS, fact_rank(roles, ROLE_TAGS), tags);
		own |= tags.len > 0 ? 1u << TRACE_FACT_TAGS : 0;
	}
	if (roles_has(roles, ROLE_TRACE_METADATA) || roles->trace_metadata) {
		struct slice metadata = trace_metadata_of(run, roles);
		own |= note_text(facts, metadata, TRACE_FACT_METADATA);
		if (facts->text[TRACE_FACT_METADATA].len > 0)
			facts->text[TRACE_FACT_METADATA] =
				trace_metadata_merge(run, facts->text[TRACE_FACT_METADATA],
						     metadata, TRACE_FACT_BYTES_MAX);
	}
	note_model(group, note, roles, class);
	return own;
}

void traces_note_root(struct run *run, struct trace_group *group, uint32_t span)
{
	group->root_seen = true;
	trace_facts_add(&group->facts, TRACE_FACT_VERSION, RANK_GUESSED,
			run_resource(run, span)->version);
}

void traces_note_dropped_root(struct run *run, struct trace_group *group, uint32_t span)
{
	trace_facts_add(&group->facts, TRACE_FACT_NAME, RANK_GUESSED,
			traces_cut(view_span_name(run->view, span), TRACE_NAME_BYTES_MAX));
	traces_note_root(run, group, span);
}

/* Older versions of Langfuse take whatever span names a user or session for an update of the trace,
 * its version included, which is that of the span's service unless the span names another. */
static bool needs_version(const struct run *run, uint32_t span, const struct trace_facts *facts)
{
	if (slice_equal(facts->text[TRACE_FACT_VERSION], run_resource(run, span)->version))
		return false;
	return facts->rank[TRACE_FACT_VERSION] != RANK_GUESSED ||
	       facts->text[TRACE_FACT_USER].len > 0 || facts->text[TRACE_FACT_SESSION].len > 0;
}

/* ---- what the trace memory adds ----------------------------------------------------------------- */

static void exchange(struct run *run, struct trace_group *group)
{
	struct langfuse *self = run->self;
	const struct trace_key key = {self->client, run_trace_id(run, group->first)};
	struct trace_facts *facts = &group->facts;
	struct slice given = facts->text[TRACE_FACT_METADATA];
	(void)trace_memory_exchange(self->memory, key, facts, &run->scratch->arena);
	struct slice known = facts->text[TRACE_FACT_METADATA];
	if (given.len == 0 || given.ptr == known.ptr)
		return;
	/* Of other facts one text is right; metadata adds up. What is more has a higher rank. */
	struct slice all = trace_metadata_merge(run, known, given, TRACE_FACT_BYTES_MAX);
	if (all.len == known.len || facts->rank[TRACE_FACT_METADATA] == UINT8_MAX)
		return;
	facts->text[TRACE_FACT_METADATA] = all;
	facts->rank[TRACE_FACT_METADATA]++;
	(void)trace_memory_exchange(self->memory, key, facts, &run->scratch->arena);
}

void traces_exchange(struct run *run)
{
	for (uint32_t i = 0; i < run->group_count; i++) {
		struct trace_group *group = &run->groups[i];
		exchange(run, group);
		for (unsigned fact = 0; fact < FACTS_SPREAD; fact++)
			group->known |= (uint16_t)((group->facts.text[fact].len > 0) << fact);
	}
}

/* The span's own metadata and, for keys that it does not have, the trace's. */
static void complete_metadata(struct run *run, uint32_t span, struct slice trace)
{
	struct span_roles roles;
	keys_roles(&run->self->keys, run->view, span_owner(span), &roles);
	struct slice own = trace_metadata_of(run, &roles);
	struct slice all = trace_metadata_merge(run, own, trace, METADATA_BYTES_MAX);
	if (all.len > own.len)
		keys_set(&run->self->keys, run->view, span_owner(span), ROLE_TRACE_METADATA, 0,
			 value_of_str(all));
}

void traces_spread(struct run *run, uint32_t span)
{
	static const enum role roles[FACTS_SPREAD] = {[TRACE_FACT_NAME] = ROLE_TRACE_NAME,
						      [TRACE_FACT_USER] = ROLE_USER,
						      [TRACE_FACT_SESSION] = ROLE_SESSION,
						      [TRACE_FACT_TAGS] = ROLE_TAGS,
						      [TRACE_FACT_METADATA] = ROLE_TRACE_METADATA,
						      [TRACE_FACT_RELEASE] = ROLE_RELEASE,
						      [TRACE_FACT_VERSION] = ROLE_VERSION,
						      [TRACE_FACT_ENVIRONMENT] = ROLE_ENVIRONMENT,
						      [TRACE_FACT_PUBLIC] = ROLE_PUBLIC};
	const struct span_note *note = &run->notes[span];
	const struct trace_group *group = &run->groups[note->group];
	const struct trace_facts *facts = &group->facts;
	for (unsigned left = group->known; left != 0; left &= left - 1) {
		unsigned fact = (unsigned)__builtin_ctz(left);
		if (note->own_facts >> fact & 1) {
			if (fact == TRACE_FACT_METADATA)
				complete_metadata(run, span, facts->text[fact]);
			continue;
		}
		if (fact == TRACE_FACT_VERSION && !needs_version(run, span, facts))
			continue;
		struct value value = value_of_str(facts->text[fact]);
		if (fact == TRACE_FACT_TAGS)
			value.type = VALUE_ARRAY;
		if (fact == TRACE_FACT_PUBLIC)
			value = value_of_bool(true);
		keys_set(&run->self->keys, run->view, span_owner(span), roles[fact], 0, value);
	}
}
