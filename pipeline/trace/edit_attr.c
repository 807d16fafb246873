/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes under an edit: what readers see, and set, remove, rename, replace, filter. */
#include "pipeline/trace/edit_internal.h"

static const struct attr_entry *received(const struct trace_view *view, uint32_t attr)
{
	return &view->index->attrs[attr];
}

struct value edit_received_value(const struct trace_view *view, uint32_t attr)
{
	if (UNLIKELY(view->attr_flags[attr] & FLAG_REVALUED))
		return *view->rewrites[attr].value;
	const struct attr_entry *entry = received(view, attr);
	if (entry->value_type == VALUE_EMPTY)
		return (struct value){.type = VALUE_EMPTY};
	return value_read(index_slice(view->index, entry->value));
}

/* The key id of a received attribute after renaming. */
static inline key_id live_key_id(const struct trace_view *view, uint32_t attr)
{
	if (UNLIKELY(view->attr_flags[attr] & FLAG_RENAMED))
		return view->rewrites[attr].key_id;
	return view->index->attrs[attr].key_id;
}

static struct slice live_key(const struct trace_view *view, uint32_t attr)
{
	if (view->attr_flags[attr] & FLAG_RENAMED)
		return view->rewrites[attr].key;
	return index_slice(view->index, received(view, attr)->key);
}

/* False when no received attribute of ${owner} can have the key: one AND for most questions. */
static inline bool may_have_key(const struct trace_view *view, struct owner owner, key_id id)
{
	if (owner.kind != OWNER_SPAN || edit_has_flag(view, owner, FLAG_RENAMED))
		return true;
	return (view->index->spans[owner.at].key_mask & key_mask_bit(id)) != 0;
}

bool view_next_attr(const struct trace_view *view, struct owner owner, uint32_t *cursor,
		    struct attr_view *ret_attr)
{
	struct attr_range attrs = edit_attrs_of(view->index, owner);
	for (; *cursor < attrs.count; ++*cursor) {
		uint32_t attr = attrs.begin + *cursor;
		if (view->attr_flags[attr] & FLAG_DROPPED)
			continue;
		ret_attr->key = live_key(view, attr);
		ret_attr->key_id = live_key_id(view, attr);
		ret_attr->value = edit_received_value(view, attr);
		ret_attr->attr = attr;
		++*cursor;
		return true;
	}
	const struct patch *patch = edit_patch_of(view, owner);
	const struct added_attr *added = patch ? patch->first : NULL;
	for (uint32_t skip = *cursor - attrs.count; added && skip > 0; skip--)
		added = added->next;
	for (; added; added = added->next) {
		++*cursor;
		if (added->removed)
			continue;
		ret_attr->key = added->key;
		ret_attr->key_id = added->key_id;
		ret_attr->value = added->value;
		ret_attr->attr = EDIT_ATTR_ADDED;
		return true;
	}
	return false;
}

/* The added attribute number ${at}, NULL behind the last. */
static const struct added_attr *added_at(const struct trace_view *view, struct owner owner,
					 uint32_t at)
{
	const struct patch *patch = edit_patch_of(view, owner);
	const struct added_attr *added = patch ? patch->first : NULL;
	while (added && at-- > 0)
		added = added->next;
	return added;
}

bool view_next_key(const struct trace_view *view, struct owner owner, uint32_t *cursor,
		   struct attr_key *ret_key)
{
	struct attr_range attrs = edit_attrs_of(view->index, owner);
	while (*cursor < attrs.count) {
		uint32_t at = (*cursor)++, attr = attrs.begin + at;
		if (view->attr_flags[attr] & FLAG_DROPPED)
			continue;
		const struct attr_entry *entry = received(view, attr);
		bool revalued = view->attr_flags[attr] & FLAG_REVALUED;
		*ret_key = (struct attr_key){.key_id = live_key_id(view, attr),
					     .value_type =
						     revalued ? edit_received_value(view, attr).type
							      : (enum value_type)entry->value_type,
					     .key = live_key(view, attr),
					     .at = at,
					     .attr = attr,
					     .received = view->attr_flags[attr] == 0};
		return true;
	}
	const struct added_attr *added = added_at(view, owner, *cursor - attrs.count);
	for (; added; added = added->next) {
		uint32_t at = (*cursor)++;
		if (added->removed)
			continue;
		*ret_key = (struct attr_key){.key_id = added->key_id,
					     .value_type = added->value.type,
					     .key = added->key,
					     .at = at,
					     .attr = EDIT_ATTR_ADDED};
		return true;
	}
	return false;
}

struct attr_view view_read_attr(const struct trace_view *view, struct owner owner, uint32_t at)
{
	struct attr_range attrs = edit_attrs_of(view->index, owner);
	if (at < attrs.count)
		return (struct attr_view){.key = live_key(view, attrs.begin + at),
					  .key_id = live_key_id(view, attrs.begin + at),
					  .value = edit_received_value(view, attrs.begin + at),
					  .attr = attrs.begin + at};
	const struct added_attr *added = added_at(view, owner, at - attrs.count);
	if (!added)
		return (struct attr_view){.key_id = KEY_ID_NONE, .attr = EDIT_ATTR_ADDED};
	return (struct attr_view){.key = added->key,
				  .key_id = added->key_id,
				  .value = added->value,
				  .attr = EDIT_ATTR_ADDED};
}

static bool find_added(const struct trace_view *view, struct owner owner, key_id id,
		       struct value *ret_value)
{
	const struct patch *patch = edit_patch_of(view, owner);
	for (const struct added_attr *added = patch ? patch->first : NULL; added;
	     added = added->next) {
		if (added->key_id == id && !added->removed) {
			*ret_value = added->value;
			return true;
		}
	}
	return false;
}

bool view_find_attr(const struct trace_view *view, struct owner owner, key_id id,
		    struct value *ret_value)
{
	if (UNLIKELY(edit_has_flag(view, owner, FLAG_PATCHED)) &&
	    find_added(view, owner, id, ret_value))
		return true;
	if (!may_have_key(view, owner, id))
		return false;
	struct attr_range attrs = edit_attrs_of(view->index, owner);
	for (uint32_t attr = attrs.begin + attrs.count; attr-- > attrs.begin;) {
		if (live_key_id(view, attr) != id || (view->attr_flags[attr] & FLAG_DROPPED))
			continue;
		*ret_value = edit_received_value(view, attr);
		return true;
	}
	return false;
}

void edit_drop_attr(struct trace_view *view, uint32_t attr)
{
	if (view->attr_flags[attr] & FLAG_DROPPED)
		return;
	const struct attr_entry *entry = received(view, attr);
	view->attr_flags[attr] |= FLAG_DROPPED;
	edit_mark(view, (struct owner){(enum owner_kind)entry->owner_kind, entry->owner}, 0);
}

uint32_t edit_remove_attr(struct trace_view *view, struct owner owner, key_id id)
{
	uint32_t count = 0;
	const struct patch *patch = edit_patch_of(view, owner);
	for (struct added_attr *added = patch ? patch->first : NULL; added; added = added->next) {
		if (added->key_id != id || added->removed)
			continue;
		added->removed = true;
		count++;
	}
	if (!may_have_key(view, owner, id))
		return count;
	struct attr_range attrs = edit_attrs_of(view->index, owner);
	for (uint32_t attr = attrs.begin; attr < attrs.begin + attrs.count; attr++) {
		if (live_key_id(view, attr) != id || (view->attr_flags[attr] & FLAG_DROPPED))
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
	struct attr_range attrs = edit_attrs_of(view->index, owner);
	for (uint32_t attr = attrs.begin; attr < attrs.begin + attrs.count; attr++) {
		if (same_key(live_key_id(view, attr), live_key(view, attr), id, key))
			view->attr_flags[attr] |= FLAG_DROPPED;
	}
}

static struct added_attr *find_or_add(struct trace_view *view, struct owner owner, struct slice key,
				      key_id id)
{
	struct patch *patch = edit_patch_for(view, owner);
	if (!patch)
		return NULL;
	for (struct added_attr *added = patch->first; added; added = added->next) {
		if (same_key(added->key_id, added->key, id, key))
			return added;
	}
	struct slice copy = edit_copy(view, key);
	struct added_attr *added = arena_calloc(&view->arena, 1, sizeof(*added));
	if (!copy.ptr || !added) {
		edit_fail(view);
		return NULL;
	}
	view->added_count++;
	added->key = copy;
	added->key_id = id;
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
		id = index_key_id(view->index, key);
	if (value.bytes.len > 0) {
		value.bytes = edit_copy(view, value.bytes);
		if (!value.bytes.ptr)
			return;
	}
	struct added_attr *added = find_or_add(view, owner, key, id);
	if (!added)
		return;
	if (!key_id_is_exact(id) || may_have_key(view, owner, id))
		drop_received(view, owner, key, id);
	added->value = value;
	added->removed = false;
	edit_mark(view, owner, 0);
}

static bool reserve_rewrites(struct trace_view *view)
{
	if (view->rewrites)
		return true;
	if (!edit_column_reserve(view, &view->rewrite_column,
				 view->index->attr_count * sizeof(*view->rewrites)))
		return false;
	view->rewrites = view->rewrite_column.data;
	return true;
}

void edit_rename_attr(struct trace_view *view, struct owner owner, uint32_t attr, struct slice key,
		      key_id id)
{
	if ((view->attr_flags[attr] & FLAG_DROPPED) || !reserve_rewrites(view))
		return;
	struct slice copy = edit_copy(view, key);
	if (!copy.ptr)
		return;
	if (id == KEY_ID_NONE)
		id = index_key_id(view->index, key);
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

void edit_filter_value(struct trace_view *view, struct owner owner, const struct attr_view *attr,
		       value_keep_pair *keep, void *arg, bool dry)
{
	uint8_t *out = arena_alloc(&view->arena, attr->value.bytes.len + 1);
	if (!out) {
		edit_fail(view);
		return;
	}
	struct value filtered = value_filter(attr->value, attr->key, keep, arg, out);
	if (dry || slice_equal(filtered.bytes, attr->value.bytes))
		return;
	if (attr->attr == EDIT_ATTR_ADDED)
		edit_set_attr(view, owner, attr->key, attr->key_id, filtered);
	else
		replace_value(view, owner, attr->attr, filtered);
}

bool view_attrs_untouched(const struct trace_view *view, struct owner owner)
{
	return !edit_has_flag(view, owner, FLAG_CHANGED | FLAG_PATCHED);
}
