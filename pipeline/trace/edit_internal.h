/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of an edit, shared by edit.c (elements), edit_attr.c (attributes), edit_field.c (other
 * fields) and encode.c.
 *
 * One flag byte per element; everything else is valid only where a flag says so, so that beginning
 * an edit clears nothing but the flags. A change marks its element and, with FLAG_INSIDE, all that
 * contain it: what bears no flag is copied whole.
 */
#ifndef SLUICE_TRACE_EDIT_INTERNAL_H
#define SLUICE_TRACE_EDIT_INTERNAL_H

#include "pipeline/trace/edit.h"

enum {
	EDIT_ARENA_BYTES_MAX = 64 << 20,  /* keys and values added in one run */
	EDIT_ARENA_KEEP_BYTES = 1 << 20,  /* kept between runs */
	EDIT_COLUMN_KEEP_BYTES = 1 << 20, /* a larger column is freed when it is not needed */
};

enum edit_flag {
	FLAG_DROPPED = 1 << 0,
	FLAG_CHANGED = 1 << 1, /* attributes or fields of its own, or its events and links */
	FLAG_INSIDE = 1 << 2,  /* resource, scope: something further in */
	FLAG_PATCHED = 1 << 3, /* patches[] holds additions */
	FLAG_RENAMED = 1 << 4, /* attribute: rewrites[] holds its key; owner: has such attributes */
	FLAG_REVALUED = 1 << 5,	     /* attribute: rewrites[] holds its value; owner: has such */
	FLAG_NO_SCHEMA_URL = 1 << 6, /* resource, scope */
	FLAG_HELD = 1 << 6,	     /* span: dropped from this run, to come again in another */
	FLAG_ASIDE = 1 << 7,	     /* span: dropped only while the held ones are encoded */
};

struct added_attr {
	struct added_attr *next;
	struct slice key; /* in the arena, as the value's bytes are */
	struct value value;
	key_id key_id;
	bool removed;
};

/* Replaced fields of an element, those that its kind has; bits of ${set} are 1 << field number. */
struct fields {
	struct slice name, version, trace_state, parent_id, status_message;
	int32_t status_code;
	uint32_t set;
};

struct patch {
	struct added_attr *first, *last;
	struct fields *fields; /* NULL unless one was set */
};

/* What a received attribute was given, all in the arena; its flags say which members are valid. */
struct rewrite {
	struct slice key;
	const struct value *value;
	key_id key_id;
};

/* A growable array without growth by element: sized once per run. */
struct column {
	void *data;
	size_t bytes; /* charged to the budget */
};

/* Lengths of re-encoded messages, remembered by the measuring walk for the writing one. */
struct lengths {
	uint32_t *content[OWNER_KIND_COUNT]; /* ResourceSpans, ScopeSpans, Span, Event, Link */
	uint32_t *resource, *scope;	     /* Resource, InstrumentationScope */
};

struct trace_view {
	struct budget *budget;
	const struct trace_index *index;
	struct arena arena;
	struct column flag_column, patch_column, rewrite_column, length_column;
	uint8_t *flags[OWNER_KIND_COUNT]; /* in flag_column */
	uint8_t *attr_flags;
	struct patch **patches[OWNER_KIND_COUNT]; /* in patch_column; NULL until needed */
	struct rewrite *rewrites;		  /* rewrite_column; NULL until needed */
	struct lengths lengths;			  /* in length_column */
	uint32_t live_spans, held_spans;
	enum err_kind failure; /* ERR_NONE; ERR_LIMIT or ERR_NOMEM once something did not fit */
	size_t added_count;    /* attributes */
	struct tally tally;    /* of the request, which may be edited several times */
	bool changed, may_hold;
	bool known_only; /* fields unknown to the schema are left out; everything is marked */
};

/* Elements of each kind in the index. */
static inline uint32_t edit_count_of(const struct trace_index *index, enum owner_kind kind)
{
	switch (kind) {
	case OWNER_RESOURCE: return index->resource_count;
	case OWNER_SCOPE: return index->scope_count;
	case OWNER_SPAN: return index->span_count;
	case OWNER_EVENT: return index->event_count;
	case OWNER_LINK: return index->link_count;
	case OWNER_KIND_COUNT: break;
	}
	return 0;
}

static inline struct attr_range edit_attrs_of(const struct trace_index *index, struct owner owner)
{
	switch (owner.kind) {
	case OWNER_RESOURCE: return index->resources[owner.at].attrs;
	case OWNER_SCOPE: return index->scopes[owner.at].attrs;
	case OWNER_SPAN: return index->spans[owner.at].attrs;
	case OWNER_EVENT: return index->events[owner.at].attrs;
	case OWNER_LINK: return index->links[owner.at].attrs;
	case OWNER_KIND_COUNT: break;
	}
	return (struct attr_range){0, 0};
}

static inline bool edit_has_flag(const struct trace_view *view, struct owner owner, uint8_t flag)
{
	return (view->flags[owner.kind][owner.at] & flag) != 0;
}

/* The additions to ${owner}, NULL when there are none. */
static inline const struct patch *edit_patch_of(const struct trace_view *view, struct owner owner)
{
	return edit_has_flag(view, owner, FLAG_PATCHED) ? view->patches[owner.kind][owner.at]
							: NULL;
}

/* Held spans become live and live ones dropped, until the second call turns it back. */
void edit_turn_to_held(struct trace_view *view);
void edit_turn_back(struct trace_view *view);

/* Makes ${column} at least ${bytes} long; the content is lost. False latches ERR_NOMEM. */
bool edit_column_reserve(struct trace_view *view, struct column *column, size_t bytes);

/* Marks ${owner} changed, with ${flags} besides, and whatever contains it. */
void edit_mark(struct trace_view *view, struct owner owner, uint8_t flags);

/* The patch of ${owner}, made when there is none yet; NULL when memory is short (latched). */
struct patch *edit_patch_for(struct trace_view *view, struct owner owner);

/* The whole field ${number} of ${message}, {0, 0} when there is none. */
struct range edit_find_field(const struct trace_index *index, struct range message,
			     uint32_t number);

/* What received attribute ${attr} holds, without its unknown fields; marks nothing. */
struct value edit_received_value(const struct trace_view *view, uint32_t attr);

/* The arena had no room: latches why. */
void edit_fail(struct trace_view *view);

/* A copy in the arena; latches a failure when there is no room. */
struct slice edit_copy(struct trace_view *view, struct slice bytes);

#endif
