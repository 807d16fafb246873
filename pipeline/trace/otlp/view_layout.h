/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a view: the index of the request and what was changed about it. For the inline
 * readers of view.h and the files of this folder alone; `tests/unit/layout/` holds everybody else to
 * the readers, because only they see a field as the edits made before have left it.
 *
 * One flag byte per element; everything else is valid only where a flag says so, so that beginning
 * a run clears nothing but the flags. A change marks its element and, with FLAG_INSIDE, all that
 * contain it: what bears no flag is copied whole.
 */
#ifndef SLUICE_TRACE_OTLP_VIEW_LAYOUT_H
#define SLUICE_TRACE_OTLP_VIEW_LAYOUT_H

#include "pipeline/base/arena.h"
#include "pipeline/base/tally.h"
#include "pipeline/trace/otlp/index.h"
#include "pipeline/trace/value/value.h"

/* The element that an attribute belongs to. */
struct owner {
	enum owner_kind kind;
	uint32_t at; /* index in its array */
};

enum {
	EDIT_ARENA_BYTES_MAX = 64 << 20,  /* keys and values added in one run */
	EDIT_ARENA_KEEP_BYTES = 1 << 20,  /* kept between runs */
	EDIT_COLUMN_KEEP_BYTES = 1 << 20, /* a larger column is freed when it is not needed */
};

/* Whether the processor at work may hold spans back, and why not. */
enum holding {
	HOLDING_OFF = 0, /* this pipeline has nobody who would keep them */
	HOLDING_ON,
	HOLDING_OVER,	 /* they have waited, and their time is over */
	HOLDING_NO_ROOM, /* too much waits already */
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
	FLAG_AWAY = 1 << 2,	     /* span: the same, and the processor that held it has it */
	FLAG_ASIDE = 1 << 7,	     /* span: dropped only while the held ones are encoded */
};

struct added_attr {
	struct added_attr *next;
	struct slice key; /* in the arena, as the value's bytes are */
	struct value value;
	key_id key_id;
	bool removed;
};

/* Replaced fields of an element, those that its kind has; ${set} is made of FIELD_BITs. */
#define FIELD_BIT(number) (UINT32_C(1) << (number))

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
	struct trace_index index;
	struct budget *budget;
	struct arena arena;
	struct column flag_column, patch_column, rewrite_column, length_column;
	struct column parent_column; /* for span_map.c: parents as received, when they are known */
	uint8_t *flags[OWNER_KIND_COUNT]; /* in flag_column */
	uint8_t *attr_flags;
	struct patch **patches[OWNER_KIND_COUNT]; /* in patch_column; NULL until needed */
	struct rewrite *rewrites;		  /* rewrite_column; NULL until needed */
	struct lengths lengths;			  /* in length_column */
	uint32_t live_spans, held_spans, away_spans;
	enum err_kind failure; /* ERR_NONE; ERR_LIMIT or ERR_NOMEM once something did not fit */
	size_t added_count;    /* attributes */
	struct tally tally;    /* of the request, which may be edited several times */
	bool changed;
	enum holding holding;
	bool flags_cleared;  /* since the request was opened; no longer true once changed */
	bool zero_parent;    /* a parent id of zeros was set */
	bool parents_known;  /* parent_column holds those of the open request */
	bool parents_edited; /* one was set in this run */
	bool known_only;     /* fields unknown to the schema are left out; everything is marked */
};

/* Elements of each kind in the index. */
static inline uint32_t view_count_of(const struct trace_index *index, enum owner_kind kind)
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

static inline struct attr_range view_attrs_of(const struct trace_index *index, struct owner owner)
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

static inline bool view_has_flag(const struct trace_view *view, struct owner owner, uint8_t flag)
{
	return (view->flags[owner.kind][owner.at] & flag) != 0;
}

/* The additions to ${owner}, NULL when there are none. */
static inline const struct patch *view_patch_of(const struct trace_view *view, struct owner owner)
{
	return view_has_flag(view, owner, FLAG_PATCHED) ? view->patches[owner.kind][owner.at]
							: NULL;
}

/* The replaced fields of ${owner} when field ${number} is one of them, else NULL. */
static inline const struct fields *view_edited_fields(const struct trace_view *view,
						      struct owner owner, uint32_t number)
{
	const struct patch *patch = view_patch_of(view, owner);
	bool set = patch && patch->fields && (patch->fields->set & FIELD_BIT(number));
	return set ? patch->fields : NULL;
}

/* Received attribute ${attr} after renaming, and after its value was replaced. */
static inline key_id view_live_key_id(const struct trace_view *view, uint32_t attr)
{
	if (UNLIKELY(view->attr_flags[attr] & FLAG_RENAMED))
		return view->rewrites[attr].key_id;
	return view->index.attrs[attr].key_id;
}

static inline struct slice view_live_key(const struct trace_view *view, uint32_t attr)
{
	if (UNLIKELY(view->attr_flags[attr] & FLAG_RENAMED))
		return view->rewrites[attr].key;
	return index_slice(&view->index, view->index.attrs[attr].key);
}

static inline struct value view_live_value(const struct trace_view *view, uint32_t attr)
{
	if (UNLIKELY(view->attr_flags[attr] & FLAG_REVALUED))
		return *view->rewrites[attr].value;
	if (view->index.attrs[attr].value_type == VALUE_EMPTY)
		return (struct value){.type = VALUE_EMPTY};
	return value_read(index_slice(&view->index, view->index.attrs[attr].value));
}

/* False when no received attribute of ${owner} can have the key: one AND for most questions. */
static inline bool view_may_have_key(const struct trace_view *view, struct owner owner, key_id id)
{
	if (owner.kind != OWNER_SPAN || view_has_flag(view, owner, FLAG_RENAMED))
		return true;
	return (view->index.spans[owner.at].key_mask & key_mask_bit(id)) != 0;
}

#endif
