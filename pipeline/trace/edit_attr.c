/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes under an edit: what readers see, and set, remove, rename, replace, filter. */
#include "pipeline/trace/edit_internal.h"

static const struct attr_entry *received(const struct edit *edit, uint32_t attr)
{
	return &edit->index->attrs[attr];
}

struct value edit_received_value(const struct edit *edit, uint32_t attr)
{
	if (UNLIKELY(edit->attr_flags[attr] & FLAG_REVALUED))
		return *edit->rewrites[attr].value;
	const struct attr_entry *entry = received(edit, attr);
	if (entry->value_type == VALUE_EMPTY)
		return (struct value){.type = VALUE_EMPTY};
	return value_read(index_slice(edit->index, entry->value));
}

/* The key id of a received attribute after renaming. */
static inline key_id live_key_id(const struct edit *edit, uint32_t attr)
{
	if (UNLIKELY(edit->attr_flags[attr] & FLAG_RENAMED))
		return edit->rewrites[attr].key_id;
	return edit->index->attrs[attr].key_id;
}

static struct slice live_key(const struct edit *edit, uint32_t attr)
{
	if (edit->attr_flags[attr] & FLAG_RENAMED)
		return edit->rewrites[attr].key;
	return index_slice(edit->index, received(edit, attr)->key);
}

/* False when no received attribute of ${owner} can have the key: one AND for most questions. */
static inline bool may_have_key(const struct edit *edit, struct owner owner, key_id id)
{
	if (owner.kind != OWNER_SPAN || edit_has_flag(edit, owner, FLAG_RENAMED))
		return true;
	return (edit->index->spans[owner.at].key_mask & key_mask_bit(id)) != 0;
}

bool edit_next_attr(const struct edit *edit, struct owner owner, uint32_t *cursor,
		    struct attr_view *ret_attr)
{
	struct attr_range attrs = edit_attrs_of(edit->index, owner);
	for (; *cursor < attrs.count; ++*cursor) {
		uint32_t attr = attrs.begin + *cursor;
		if (edit->attr_flags[attr] & FLAG_DROPPED)
			continue;
		ret_attr->key = live_key(edit, attr);
		ret_attr->key_id = live_key_id(edit, attr);
		ret_attr->value = edit_received_value(edit, attr);
		ret_attr->attr = attr;
		++*cursor;
		return true;
	}
	const struct patch *patch = edit_patch_of(edit, owner);
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
static const struct added_attr *added_at(const struct edit *edit, struct owner owner, uint32_t at)
{
	const struct patch *patch = edit_patch_of(edit, owner);
	const struct added_attr *added = patch ? patch->first : NULL;
	while (added && at-- > 0)
		added = added->next;
	return added;
}

bool edit_next_key(const struct edit *edit, struct owner owner, uint32_t *cursor,
		   struct attr_key *ret_key)
{
	struct attr_range attrs = edit_attrs_of(edit->index, owner);
	while (*cursor < attrs.count) {
		uint32_t at = (*cursor)++, attr = attrs.begin + at;
		if (edit->attr_flags[attr] & FLAG_DROPPED)
			continue;
		const struct attr_entry *entry = received(edit, attr);
		bool revalued = edit->attr_flags[attr] & FLAG_REVALUED;
		*ret_key = (struct attr_key){.key_id = live_key_id(edit, attr),
					     .value_type =
						     revalued ? edit_received_value(edit, attr).type
							      : (enum value_type)entry->value_type,
					     .key = live_key(edit, attr),
					     .at = at,
					     .attr = attr,
					     .received = edit->attr_flags[attr] == 0};
		return true;
	}
	const struct added_attr *added = added_at(edit, owner, *cursor - attrs.count);
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

struct attr_view edit_read_attr(const struct edit *edit, struct owner owner, uint32_t at)
{
	struct attr_range attrs = edit_attrs_of(edit->index, owner);
	if (at < attrs.count)
		return (struct attr_view){.key = live_key(edit, attrs.begin + at),
					  .key_id = live_key_id(edit, attrs.begin + at),
					  .value = edit_received_value(edit, attrs.begin + at),
					  .attr = attrs.begin + at};
	const struct added_attr *added = added_at(edit, owner, at - attrs.count);
	if (!added)
		return (struct attr_view){.key_id = KEY_ID_NONE, .attr = EDIT_ATTR_ADDED};
	return (struct attr_view){.key = added->key,
				  .key_id = added->key_id,
				  .value = added->value,
				  .attr = EDIT_ATTR_ADDED};
}

static bool find_added(const struct edit *edit, struct owner owner, key_id id,
		       struct value *ret_value)
{
	const struct patch *patch = edit_patch_of(edit, owner);
	for (const struct added_attr *added = patch ? patch->first : NULL; added;
	     added = added->next) {
		if (added->key_id == id && !added->removed) {
			*ret_value = added->value;
			return true;
		}
	}
	return false;
}

bool edit_find_attr(const struct edit *edit, struct owner owner, key_id id, struct value *ret_value)
{
	if (UNLIKELY(edit_has_flag(edit, owner, FLAG_PATCHED)) &&
	    find_added(edit, owner, id, ret_value))
		return true;
	if (!may_have_key(edit, owner, id))
		return false;
	struct attr_range attrs = edit_attrs_of(edit->index, owner);
	for (uint32_t attr = attrs.begin + attrs.count; attr-- > attrs.begin;) {
		if (live_key_id(edit, attr) != id || (edit->attr_flags[attr] & FLAG_DROPPED))
			continue;
		*ret_value = edit_received_value(edit, attr);
		return true;
	}
	return false;
}

void edit_drop_attr(struct edit *edit, uint32_t attr)
{
	if (edit->attr_flags[attr] & FLAG_DROPPED)
		return;
	const struct attr_entry *entry = received(edit, attr);
	edit->attr_flags[attr] |= FLAG_DROPPED;
	edit_mark(edit, (struct owner){(enum owner_kind)entry->owner_kind, entry->owner}, 0);
}

uint32_t edit_remove_attr(struct edit *edit, struct owner owner, key_id id)
{
	uint32_t count = 0;
	const struct patch *patch = edit_patch_of(edit, owner);
	for (struct added_attr *added = patch ? patch->first : NULL; added; added = added->next) {
		if (added->key_id != id || added->removed)
			continue;
		added->removed = true;
		count++;
	}
	if (!may_have_key(edit, owner, id))
		return count;
	struct attr_range attrs = edit_attrs_of(edit->index, owner);
	for (uint32_t attr = attrs.begin; attr < attrs.begin + attrs.count; attr++) {
		if (live_key_id(edit, attr) != id || (edit->attr_flags[attr] & FLAG_DROPPED))
			continue;
		edit->attr_flags[attr] |= FLAG_DROPPED;
		count++;
	}
	if (count > 0)
		edit_mark(edit, owner, 0);
	return count;
}

/* Keys with an id of their own are equal when the ids are; others when the bytes are. */
static bool same_key(key_id a_id, struct slice a, key_id b_id, struct slice b)
{
	return a_id == b_id && (key_id_is_exact(a_id) || slice_equal(a, b));
}

static void drop_received(struct edit *edit, struct owner owner, struct slice key, key_id id)
{
	struct attr_range attrs = edit_attrs_of(edit->index, owner);
	for (uint32_t attr = attrs.begin; attr < attrs.begin + attrs.count; attr++) {
		if (same_key(live_key_id(edit, attr), live_key(edit, attr), id, key))
			edit->attr_flags[attr] |= FLAG_DROPPED;
	}
}

static struct added_attr *find_or_add(struct edit *edit, struct owner owner, struct slice key,
				      key_id id)
{
	struct patch *patch = edit_patch_for(edit, owner);
	if (!patch)
		return NULL;
	for (struct added_attr *added = patch->first; added; added = added->next) {
		if (same_key(added->key_id, added->key, id, key))
			return added;
	}
	struct slice copy = edit_copy(edit, key);
	struct added_attr *added = arena_calloc(&edit->arena, 1, sizeof(*added));
	if (!copy.ptr || !added) {
		edit_fail(edit);
		return NULL;
	}
	edit->added_count++;
	added->key = copy;
	added->key_id = id;
	if (patch->last)
		patch->last->next = added;
	else
		patch->first = added;
	patch->last = added;
	return added;
}

void edit_set_attr(struct edit *edit, struct owner owner, struct slice key, key_id id,
		   struct value value)
{
	if (id == KEY_ID_NONE)
		id = index_key_id(edit->index, key);
	if (value.bytes.len > 0) {
		value.bytes = edit_copy(edit, value.bytes);
		if (!value.bytes.ptr)
			return;
	}
	struct added_attr *added = find_or_add(edit, owner, key, id);
	if (!added)
		return;
	if (!key_id_is_exact(id) || may_have_key(edit, owner, id))
		drop_received(edit, owner, key, id);
	added->value = value;
	added->removed = false;
	edit_mark(edit, owner, 0);
}

static bool reserve_rewrites(struct edit *edit)
{
	if (edit->rewrites)
		return true;
	if (!edit_column_reserve(edit, &edit->rewrite_column,
				 edit->index->attr_count * sizeof(*edit->rewrites)))
		return false;
	edit->rewrites = edit->rewrite_column.data;
	return true;
}

void edit_rename_attr(struct edit *edit, struct owner owner, uint32_t attr, struct slice key,
		      key_id id)
{
	if ((edit->attr_flags[attr] & FLAG_DROPPED) || !reserve_rewrites(edit))
		return;
	struct slice copy = edit_copy(edit, key);
	if (!copy.ptr)
		return;
	if (id == KEY_ID_NONE)
		id = index_key_id(edit->index, key);
	edit->rewrites[attr].key = copy;
	edit->rewrites[attr].key_id = id;
	edit->attr_flags[attr] |= FLAG_RENAMED;
	edit_mark(edit, owner, FLAG_RENAMED);
}

/* As edit_replace_value; the value's bytes are in the arena, or in the body. */
static void replace_value(struct edit *edit, struct owner owner, uint32_t attr, struct value value)
{
	if ((edit->attr_flags[attr] & FLAG_DROPPED) || !reserve_rewrites(edit))
		return;
	struct value *kept = arena_alloc(&edit->arena, sizeof(*kept));
	if (!kept) {
		edit_fail(edit);
		return;
	}
	*kept = value;
	edit->rewrites[attr].value = kept;
	edit->attr_flags[attr] |= FLAG_REVALUED;
	edit_mark(edit, owner, FLAG_REVALUED);
}

void edit_replace_value(struct edit *edit, struct owner owner, uint32_t attr, struct value value)
{
	if (value.bytes.len > 0) {
		value.bytes = edit_copy(edit, value.bytes);
		if (!value.bytes.ptr)
			return;
	}
	replace_value(edit, owner, attr, value);
}

void edit_filter_value(struct edit *edit, struct owner owner, const struct attr_view *attr,
		       value_keep_pair *keep, void *arg, bool dry)
{
	uint8_t *out = arena_alloc(&edit->arena, attr->value.bytes.len + 1);
	if (!out) {
		edit_fail(edit);
		return;
	}
	struct value filtered = value_filter(attr->value, attr->key, keep, arg, out);
	if (dry || slice_equal(filtered.bytes, attr->value.bytes))
		return;
	if (attr->attr == EDIT_ATTR_ADDED)
		edit_set_attr(edit, owner, attr->key, attr->key_id, filtered);
	else
		replace_value(edit, owner, attr->attr, filtered);
}

bool edit_attrs_untouched(const struct edit *edit, struct owner owner)
{
	return !edit_has_flag(edit, owner, FLAG_CHANGED | FLAG_PATCHED);
}
