/* SPDX-License-Identifier: Apache-2.0 */
/* Editing attributes: drop, remove, set, rename, replace, filter. */
#include "pipeline/base/assert.h"
#include "pipeline/trace/otlp/edit_internal.h"
#include "pipeline/trace/value/value_filter.h"

_Static_assert((int)VALUE_PATH_BYTES_MAX == (int)KEY_MATCHED_BYTES_MAX,
	       "a path inside a value is matched as a key is");

static const struct attr_entry *received(const struct trace_view *view, uint32_t attr)
{
	return &view->index.attrs[attr];
}

void edit_drop_attr(struct trace_view *view, uint32_t attr)
{
	ASSERT(attr < view->index.attr_count);
	if (view->attr_flags[attr] & FLAG_DROPPED)
		return;
	const struct attr_entry *entry = received(view, attr);
	view->attr_flags[attr] |= FLAG_DROPPED;
	edit_mark(view, (struct owner){(enum owner_kind)entry->owner_kind, entry->owner}, 0);
}

uint32_t edit_remove_attr(struct trace_view *view, struct owner owner, key_id id)
{
	uint32_t count = 0;
	const struct patch *patch = view_patch_of(view, owner);
	for (struct added_attr *added = patch ? patch->first : NULL; added; added = added->next) {
		if (added->key_id != id || added->removed)
			continue;
		added->removed = true;
		count++;
	}
	if (!view_may_have_key(view, owner, id))
		return count;
	struct attr_range attrs = view_attrs_of(&view->index, owner);
	for (uint32_t attr = attrs.begin; attr < attrs.begin + attrs.count; attr++) {
		if (view_live_key_id(view, attr) != id || (view->attr_flags[attr] & FLAG_DROPPED))
			continue;
		view->attr_flags[attr] |= FLAG_DROPPED;
		count++;
	}
	if (count > 0)
		edit_mark(view, owner, 0);
	return count;
}

/* Keys with an id of their own are equal when the ids are; others when the bytes are. */
static bool same_key(key_id a_id, struct slice a, key_id b_id, struct slice b)
{
	return a_id == b_id && (key_id_is_exact(a_id) || slice_equal(a, b));
}

static void drop_received(struct trace_view *view, struct owner owner, struct slice key, key_id id)
{
	struct attr_range attrs = view_attrs_of(&view->index, owner);
	for (uint32_t attr = attrs.begin; attr < attrs.begin + attrs.count; attr++) {
		if (same_key(view_live_key_id(view, attr), view_live_key(view, attr), id, key))
			view->attr_flags[attr] |= FLAG_DROPPED;
	}
}

/* ${key} for as long as the run lasts: that of the key table, or a copy. */
static struct slice keep_key(struct trace_view *view, struct slice key, key_id id)
{
	return key_id_is_exact(id) ? view_key_text(view, id) : edit_copy(view, key);
}

static struct added_attr *find(const struct patch *patch, struct slice key, key_id id)
{
	for (struct added_attr *added = patch->first; added; added = added->next) {
		if (same_key(added->key_id, added->key, id, key))
			return added;
	}
	return NULL;
}

/* A new attribute with a copy of ${value}, in one piece. */
static struct added_attr *add(struct trace_view *view, struct patch *patch, struct slice key,
			      key_id id, struct value value)
{
	key = keep_key(view, key, id);
	struct added_attr *added =
		key.ptr ? arena_alloc(&view->arena, sizeof(*added) + value.bytes.len) : NULL;
	if (!added) {
		edit_fail(view);
		return NULL;
	}
	if (value.bytes.len > 0)
		value.bytes.ptr = memcpy(added + 1, value.bytes.ptr, value.bytes.len);
	*added = (struct added_attr){.key = key, .value = value, .key_id = id};
	view->added_count++;
	if (patch->last)
		patch->last->next = added;
	else
		patch->first = added;
	patch->last = added;
	return added;
}

void edit_set_attr(struct trace_view *view, struct owner owner, struct slice key, key_id id,
		   struct value value)
{
	if (id == KEY_ID_NONE)
		id = index_key_id(&view->index, key);
	struct patch *patch = edit_patch_for(view, owner);
	if (!patch)
		return;
	struct added_attr *added = find(patch, key, id);
	if (added) {
		if (value.bytes.len > 0)
			value.bytes = edit_copy(view, value.bytes);
		if (value.bytes.len > 0 && !value.bytes.ptr)
			return;
		added->value = value;
		added->removed = false;
	} else if (!add(view, patch, key, id, value)) {
		return;
	}
	if (!key_id_is_exact(id) || view_may_have_key(view, owner, id))
		drop_received(view, owner, key, id);
	edit_mark(view, owner, 0);
}

static bool reserve_rewrites(struct trace_view *view)
{
	if (view->rewrites)
		return true;
	if (!edit_column_reserve(view, &view->rewrite_column,
				 view->index.attr_count * sizeof(*view->rewrites)))
		return false;
	view->rewrites = view->rewrite_column.data;
	return true;
}

void edit_rename_attr(struct trace_view *view, struct owner owner, uint32_t attr, struct slice key,
		      key_id id)
{
	if ((view->attr_flags[attr] & FLAG_DROPPED) || !reserve_rewrites(view))
		return;
	if (id == KEY_ID_NONE)
		id = index_key_id(&view->index, key);
	struct slice copy = keep_key(view, key, id);
	if (!copy.ptr)
		return;
	view->rewrites[attr].key = copy;
	view->rewrites[attr].key_id = id;
	view->attr_flags[attr] |= FLAG_RENAMED;
	edit_mark(view, owner, FLAG_RENAMED);
}

/* As edit_replace_value; the value's bytes are in the arena, or in the body. */
static void replace_value(struct trace_view *view, struct owner owner, uint32_t attr,
			  struct value value)
{
	if ((view->attr_flags[attr] & FLAG_DROPPED) || !reserve_rewrites(view))
		return;
	struct value *kept = arena_alloc(&view->arena, sizeof(*kept));
	if (!kept) {
		edit_fail(view);
		return;
	}
	*kept = value;
	view->rewrites[attr].value = kept;
	view->attr_flags[attr] |= FLAG_REVALUED;
	edit_mark(view, owner, FLAG_REVALUED);
}

void edit_replace_value(struct trace_view *view, struct owner owner, uint32_t attr,
			struct value value)
{
	if (value.bytes.len > 0) {
		value.bytes = edit_copy(view, value.bytes);
		if (!value.bytes.ptr)
			return;
	}
	replace_value(view, owner, attr, value);
}

void edit_drop_found(struct trace_view *view, struct owner owner, const struct attr_view *attr)
{
	const struct patch *patch = view_patch_of(view, owner);
	if (attr->attr != VIEW_ATTR_ADDED) {
		edit_drop_attr(view, attr->attr);
		return;
	}
	for (struct added_attr *added = patch ? patch->first : NULL; added; added = added->next) {
		if (same_key(added->key_id, added->key, attr->key_id, attr->key))
			added->removed = true;
	}
	edit_mark(view, owner, 0);
}

void edit_revalue_found(struct trace_view *view, struct owner owner, const struct attr_view *attr,
			struct value value)
{
	if (attr->attr == VIEW_ATTR_ADDED)
		edit_set_attr(view, owner, attr->key, attr->key_id, value);
	else
		edit_replace_value(view, owner, attr->attr, value);
}

void edit_filter_value(struct trace_view *view, struct owner owner, const struct attr_view *attr,
		       value_keep_pair *keep, void *arg, bool dry)
{
	struct value value = view_attr_value(view, owner, attr);
	uint8_t *out = arena_alloc(&view->arena, value.bytes.len + 1);
	if (!out) {
		edit_fail(view);
		return;
	}
	struct value filtered = value_filter(value, attr->key, keep, arg, out);
	if (dry || slice_equal(filtered.bytes, value.bytes))
		return;
	if (attr->attr == VIEW_ATTR_ADDED)
		edit_set_attr(view, owner, attr->key, attr->key_id, filtered);
	else
		replace_value(view, owner, attr->attr, filtered);
}
