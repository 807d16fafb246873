/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carrying actions out on one element. Values are read and set through the view, so each action sees
 * what those before it did. Nothing is allocated: texts are made in the shard's scratch and copied
 * by the edit.
 */
#include "processors/attribute_actions/actions_internal.h"

#include "pipeline/base/le.h"
#include "pipeline/base/text.h"

#include <openssl/evp.h>
#include <stdlib.h>

enum { TEXT_KEEP_BYTES = 64 << 10 }; /* of scratch, between elements */

/* One element under the actions. */
struct target {
	struct attribute_scratch *scratch;
	struct trace_view *view;
	struct owner owner;
	bool failed; /* memory was short */
};

void attribute_scratch_free(void *arg)
{
	struct attribute_scratch *scratch = arg;
	if (!scratch)
		return;
	regex_scratch_fini(&scratch->regex);
	buf_fini(&scratch->text);
	EVP_MD_CTX_free(scratch->digest);
	free(scratch);
}

void *attribute_scratch_new(void *self)
{
	(void)self;
	struct attribute_scratch *scratch = calloc(1, sizeof(*scratch));
	if (!scratch)
		return NULL;
	scratch->digest = EVP_MD_CTX_new();
	if (regex_scratch_init(&scratch->regex) == 0 && scratch->digest)
		return scratch;
	attribute_scratch_free(scratch);
	return NULL;
}

static bool find(const struct target *target, const struct action_key *key, struct value *ret_value)
{
	return view_find_attr(target->view, target->owner, key->id, ret_value);
}

static void set(struct target *target, const struct action_key *key, struct value value)
{
	edit_set_attr(target->view, target->owner, key->text, key->id, value);
}

/* ---- insert, update, upsert ---- */

static void put(struct target *target, const struct attribute_action *action)
{
	struct value value = action->value, present;
	bool taken = action->from.id != KEY_ID_NONE && find(target, &action->from, &value);
	if (!taken && !action->has_value)
		return;
	bool exists = find(target, &action->key, &present);
	if (exists ? action->kind != ACTION_INSERT : action->kind != ACTION_UPDATE)
		set(target, &action->key, value);
}

/* ---- delete, hash ---- */

/* A key that could not be judged counts as one that is meant. */
static bool is_meant(struct target *target, const struct attribute_action *action, struct slice key)
{
	return regex_search(action->regex, key, &target->scratch->regex) != REGEX_NO_MATCH;
}

static void remove_attrs(struct target *target, const struct attribute_action *action)
{
	struct attr_cursor cursor = view_attrs(target->view, target->owner);
	struct attr_view attr;
	if (action->key.id != KEY_ID_NONE)
		(void)edit_remove_attr(target->view, target->owner, action->key.id);
	while (action->regex && view_next_attr(target->view, &cursor, &attr)) {
		if (is_meant(target, action, attr.key))
			edit_drop_found(target->view, target->owner, &attr);
	}
}

/* The bytes of a value that are hashed: numbers are eight bytes, the least significant first. False
 * when its type has none. */
static bool hashed_bytes(const struct value *value, uint8_t number[8], struct slice *ret_bytes)
{
	size_t len = 8;
	switch (value->type) {
	case VALUE_STRING: *ret_bytes = value->bytes; return true;
	case VALUE_BOOL:
		number[0] = value->i != 0;
		len = 1;
		break;
	case VALUE_INT: le_write64(number, (uint64_t)value->i); break;
	case VALUE_DOUBLE: le_write_double(number, value->d); break;
	case VALUE_EMPTY:
	case VALUE_ARRAY:
	case VALUE_KVLIST:
	case VALUE_BYTES:
	case VALUE_TYPE_COUNT: return false;
	}
	*ret_bytes = slice_of(number, len);
	return true;
}

/* The hexadecimal SHA-256 of ${value} in the scratch; the empty text for what has none, and when it
 * could not be made. */
static struct value hash(struct target *target, struct value value)
{
	uint8_t digest[EVP_MAX_MD_SIZE], number[8];
	unsigned len = 0;
	struct slice bytes;
	EVP_MD_CTX *context = target->scratch->digest;
	struct buf *text = &target->scratch->text;
	buf_reset(text);
	if (!hashed_bytes(&value, number, &bytes))
		return value_of_str(SLICE(""));
	if (EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
	    EVP_DigestUpdate(context, bytes.ptr, bytes.len) == 1 &&
	    EVP_DigestFinal_ex(context, digest, &len) == 1)
		buf_append_hex(text, slice_of(digest, len));
	target->failed |= len == 0 || text->failed;
	return value_of_str(target->failed ? SLICE("") : buf_slice(text));
}

static void hash_attrs(struct target *target, const struct attribute_action *action)
{
	struct attr_cursor cursor = view_attrs(target->view, target->owner);
	struct attr_view attr;
	struct value value;
	if (action->key.id != KEY_ID_NONE && find(target, &action->key, &value))
		set(target, &action->key, hash(target, value));
	while (action->regex && view_next_attr(target->view, &cursor, &attr)) {
		if (!is_meant(target, action, attr.key))
			continue;
		value = view_attr_value(target->view, target->owner, &attr);
		edit_revalue_found(target->view, target->owner, &attr, hash(target, value));
	}
}

/* ---- extract, convert ---- */

static void extract(struct target *target, const struct attribute_action *action)
{
	struct slice groups[REGEX_GROUPS_MAX];
	struct value value;
	if (!find(target, &action->key, &value) || value.type != VALUE_STRING)
		return;
	enum regex_result result = regex_groups(action->regex, value.bytes, groups,
						action->group_count, &target->scratch->regex);
	target->failed |= result == REGEX_FAILED;
	for (size_t i = 0; result == REGEX_MATCH && i < action->group_count; i++)
		set(target, &action->groups[i], value_of_str(groups[i]));
}

static bool to_number(const struct value *value, enum value_type type, struct value *ret_value)
{
	bool ok = true;
	*ret_value = (struct value){.type = type};
	if (value->type == VALUE_STRING)
		ok = type == VALUE_INT ? text_read_int(value->bytes, &ret_value->i)
				       : text_read_double(value->bytes, &ret_value->d);
	else if (value->type == VALUE_DOUBLE)
		ret_value->i = text_truncate(value->d);
	else if (type == VALUE_INT && value->type == VALUE_BOOL)
		ret_value->i = value->i;
	else if (value->type == VALUE_INT || value->type == VALUE_BOOL)
		ret_value->d = (double)value->i;
	else
		ok = false;
	return ok;
}

static void convert(struct target *target, const struct attribute_action *action)
{
	struct value value, converted;
	if (!find(target, &action->key, &value) || value.type == action->type)
		return;
	if (action->type != VALUE_STRING) {
		if (to_number(&value, action->type, &converted))
			set(target, &action->key, converted);
		return;
	}
	struct buf *text = &target->scratch->text;
	buf_reset(text);
	value_append_text(text, value);
	target->failed |= text->failed;
	set(target, &action->key, value_of_str(buf_slice(text)));
}

bool attribute_actions_apply(const struct attribute_actions *actions,
			     struct attribute_scratch *scratch, struct trace_view *view,
			     struct owner owner)
{
	struct target target = {scratch, view, owner, false};
	for (size_t i = 0; i < actions->count && !target.failed; i++) {
		const struct attribute_action *action = &actions->at[i];
		switch (action->kind) {
		case ACTION_INSERT:
		case ACTION_UPDATE:
		case ACTION_UPSERT: put(&target, action); break;
		case ACTION_DELETE: remove_attrs(&target, action); break;
		case ACTION_HASH: hash_attrs(&target, action); break;
		case ACTION_EXTRACT: extract(&target, action); break;
		case ACTION_CONVERT: convert(&target, action); break;
		case ACTION_COUNT: break;
		}
	}
	if (scratch->text.capacity > TEXT_KEEP_BYTES)
		buf_fini(&scratch->text);
	return !target.failed;
}
