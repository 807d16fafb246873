/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attributes of one element: which of them a rule may act on, what becomes of each, and what is
 * in their nested values.
 */
#include "processors/metadata_only/json_text.h"
#include "processors/metadata_only/pass.h"
#include "processors/metadata_only/text.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { HASH_BYTES = 16 }; /* of the HMAC that are written, as hexadecimal digits */

/* What is judged. */
struct attribute {
	struct attr_view view;
	struct value value;
};

static void set_value(struct pass *pass, struct owner owner, const struct attribute *attr,
		      struct value value)
{
	if (attr->view.attr == VIEW_ATTR_ADDED)
		edit_set_attr(pass->view, owner, attr->view.key, attr->view.key_id, value);
	else
		edit_replace_value(pass->view, owner, attr->view.attr, value);
}

static void drop_attr(struct pass *pass, struct place *place, const struct attribute *attr)
{
	const struct owner owner = place->owner;
	if (place->name_matters && attr->value.type == VALUE_STRING)
		place->name_removed |=
			slice_has_prefix(attr->value.bytes, view_span_name(pass->view, owner.at));
	if (pass->dry)
		return;
	if (attr->view.attr == VIEW_ATTR_ADDED)
		(void)edit_remove_attr(pass->view, owner, attr->view.key_id);
	else
		edit_drop_attr(pass->view, attr->view.attr);
}

/* The hexadecimal HMAC of the value's text, so that equal identifiers stay equal. */
static void hash_attr(struct pass *pass, struct place *place, const struct attribute *attr)
{
	const char *key = pass->policy->config->hash_key;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned digest_len = 0;
	struct buf *text = &pass->shard->text;
	buf_reset(text);
	value_append_text(text, attr->value);
	if (text->failed || !HMAC(EVP_sha256(), key, (int)strlen(key), text->data, text->len,
				  digest, &digest_len)) {
		drop_attr(pass, place, attr);
		return;
	}
	buf_reset(text);
	buf_append_hex(text, slice_of(digest, HASH_BYTES));
	if (text->failed)
		drop_attr(pass, place, attr);
	else if (!pass->dry)
		set_value(pass, place->owner, attr, value_of_str(buf_slice(text)));
}

/* False when there was nothing to cut. */
static bool cut_attr(struct pass *pass, struct place *place, const struct attribute *attr)
{
	struct buf *text = &pass->shard->text;
	if (attr->value.type != VALUE_STRING) {
		/* A URL is a string: anything else is none, and cannot be judged. */
		if (attr->value.type == VALUE_EMPTY)
			return false;
		drop_attr(pass, place, attr);
		return true;
	}
	buf_reset(text);
	if (!text_cut_url(attr->value.bytes, text))
		return false;
	if (text->failed)
		drop_attr(pass, place, attr);
	else if (!pass->dry)
		set_value(pass, place->owner, attr, value_of_str(buf_slice(text)));
	return true;
}

/* Carries out a rule. True when the attribute is gone, replaced or hashed: nothing of it is left. */
static bool apply(struct pass *pass, struct place *place, const struct attribute *attr,
		  uint16_t number)
{
	const struct policy_rule *rule = &pass->policy->rules[number];
	bool gone = true, did = true;
	switch ((enum policy_action)rule->action) {
	case ACTION_CUT:
		did = cut_attr(pass, place, attr);
		gone = did;
		break;
	case ACTION_REPLACE:
		if (!pass->dry)
			set_value(pass, place->owner, attr, value_of_str(SLICE("[removed]")));
		break;
	case ACTION_IDENTIFY:
		if (pass->policy->config->identifiers == IDENTIFIERS_HASH)
			hash_attr(pass, place, attr);
		else
			drop_attr(pass, place, attr);
		break;
	case ACTION_KEEP:
	case ACTION_KEEP_NUMBER:
	case ACTION_ALLOW:
	case ACTION_DROP:
	case ACTION_EVENT:
	case ACTION_MARK:
	case ACTION_COUNT: drop_attr(pass, place, attr); break;
	}
	if (did)
		hit(pass, number);
	return gone;
}

static bool is_number(const struct value *value)
{
	return value->type == VALUE_INT || value->type == VALUE_DOUBLE ||
	       value->type == VALUE_BOOL ||
	       (value->type == VALUE_STRING && text_is_number(value->bytes));
}

/* The rule for an attribute of ${place}; 0 when none applies. */
static uint16_t choose(const struct decision *decision, const struct place *place,
		       const struct value *value)
{
	const uint16_t *rules = decision->rules[place->owner.kind];
	uint16_t rule = rules[WHEN_ALWAYS];
	if (decision->keep_numbers && is_number(value))
		return 0;
	if (place->model && rules[WHEN_MODEL] != 0 && (rule == 0 || rules[WHEN_MODEL] < rule))
		rule = rules[WHEN_MODEL];
	if (place->model_event && rules[WHEN_MODEL_EVENT] != 0 &&
	    (rule == 0 || rules[WHEN_MODEL_EVENT] < rule))
		rule = rules[WHEN_MODEL_EVENT];
	return rule;
}

/* ---- nested values ---- */

struct nested {
	struct pass *pass;
	bool numbers_stay; /* the attribute itself is kept by a rule: its figures are */
};

bool policy_pair_stays(struct pass *pass, struct slice key, struct slice path, bool figure,
		       bool numbers_stay)
{
	const struct slice names[] = {path, key};
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		key_id id = view_key_id(pass->view, names[i]);
		uint8_t verdict = verdict_of(pass->policy, pass->shard, pass->view, id);
		if (verdict & VERDICT_KEPT)
			break;
		const struct decision *decision = &pass->shard->decisions[id];
		if (!(verdict & VERDICT_ACT) ||
		    ((numbers_stay || decision->keep_numbers) && figure))
			continue;
		hit(pass, decision->nested);
		hit_field(pass, FIELD_NESTED_VALUE);
		return false;
	}
	return true;
}

static bool keep_pair(void *arg, struct slice key, struct slice path, struct value value)
{
	struct nested *nested = arg;
	struct pass *pass = nested->pass;
	if (!policy_pair_stays(pass, key, path, is_number(&value), nested->numbers_stay) ||
	    !policy_texts_stay(pass, &value, nested->numbers_stay))
		return false;
	if (value.bytes.len <= pass->policy->config->max_value_bytes)
		return true;
	hit_field(pass, FIELD_VALUE_SIZE);
	return false;
}

/* Whether there is any map in ${value}: arrays of texts and numbers are the common case. */
static bool holds_maps(const struct value *value)
{
	struct slice cursor = value->bytes;
	struct value item;
	if (value->type != VALUE_ARRAY)
		return value->type == VALUE_KVLIST;
	while (value_next_item(&cursor, &item)) {
		if (item.type == VALUE_KVLIST || item.type == VALUE_ARRAY)
			return true;
	}
	return false;
}

/* ---- the attributes of one element ---- */

/* False when the attribute is gone because of its size. */
static bool check_size(struct pass *pass, struct place *place, struct attribute *attr)
{
	size_t max = pass->policy->config->max_value_bytes;
	if (attr->value.type < VALUE_ARRAY && attr->value.type != VALUE_STRING)
		return true;
	if (attr->value.bytes.len <= max)
		return true;
	hit_field(pass, FIELD_VALUE_SIZE);
	if (attr->value.type != VALUE_STRING || place->model) {
		drop_attr(pass, place, attr);
	} else if (!pass->dry) {
		struct slice text = text_cut_runes(attr->value.bytes, max);
		set_value(pass, place->owner, attr, value_of_str(text));
	}
	return false;
}

static void judge(struct pass *pass, struct place *place, struct attribute *attr)
{
	uint8_t verdict = verdict_of(pass->policy, pass->shard, pass->view, attr->view.key_id);
	uint16_t rule = 0;
	if (verdict & VERDICT_ACT)
		rule = choose(&pass->shard->decisions[attr->view.key_id], place, &attr->value);
	if (rule != 0 && apply(pass, place, attr, rule))
		return;
	if (!policy_texts_stay(pass, &attr->value, verdict & VERDICT_KEPT)) {
		drop_attr(pass, place, attr);
		return;
	}
	if (!check_size(pass, place, attr) || !holds_maps(&attr->value))
		return;
	struct nested nested = {.pass = pass, .numbers_stay = verdict & VERDICT_KEPT};
	edit_filter_value(pass->view, place->owner, &attr->view, keep_pair, &nested, pass->dry);
}

/* Whether ${value}, an AnyValue as received, is to be looked into for texts that hold pairs. */
static inline bool may_hold_pairs(struct slice value)
{
	enum { SHORTEST = sizeof("{\"a\":1}") + 1 }; /* with tag and length */
	if (value.len < SHORTEST)
		return false;
	int first = value_glance(value);
	if (LIKELY(first == VALUE_NO_TEXT || (first >= 0 && !text_may_hold_pairs((uint8_t)first))))
		return false;
	return memchr(value.ptr, '{', value.len) != NULL;
}

/* Whether an attribute on which no rule acts has to be looked into all the same: for pairs in texts
 * and maps, and for its size. */
static inline bool is_to_be_looked_into(const struct trace_view *view, size_t max,
					const struct attr_view *attr)
{
	if (UNLIKELY(!attr->received))
		return attr->value_type == VALUE_STRING || attr->value_type >= VALUE_ARRAY;
	struct slice value = view_attr_bytes(view, attr);
	return may_hold_pairs(value) || UNLIKELY(value.len > max) ||
	       (UNLIKELY(view_has_maps(view)) && attr->value_type >= VALUE_ARRAY);
}

struct survey policy_survey(struct pass *pass, struct owner owner)
{
	const struct trace_view *view = pass->view;
	size_t max = pass->policy->config->max_value_bytes;
	struct survey all = {.found = 0};
	struct attr_cursor cursor = view_attrs(view, owner);
	struct attr_view attr;
	while (view_next_attr(view, &cursor, &attr)) {
		uint8_t verdict = verdict_of(pass->policy, pass->shard, view, attr.key_id);
		all.found |= verdict;
		if ((verdict & VERDICT_ACT) || is_to_be_looked_into(view, max, &attr))
			all.acts |= UINT64_C(1) << (attr.at & 63);
	}
	if (UNLIKELY(cursor.at > 64))
		all.found |= SURVEY_MANY;
	return all;
}

static void filter_attr(struct pass *pass, struct place *place, const struct attr_view *attr)
{
	uint8_t verdict = verdict_of(pass->policy, pass->shard, pass->view, attr->key_id);
	if (attr->attr != VIEW_ATTR_ADDED && (verdict & VERDICT_DROP) && !place->name_matters) {
		hit(pass, pass->shard->decisions[attr->key_id].nested);
		if (!pass->dry)
			edit_drop_attr(pass->view, attr->attr);
		return;
	}
	struct attribute judged = {.view = *attr,
				   .value = view_attr_value(pass->view, place->owner, attr)};
	judge(pass, place, &judged);
}

void policy_filter_attrs(struct pass *pass, struct place *place, struct survey all)
{
	struct attr_view attr;
	struct attr_cursor cursor = view_attrs(pass->view, place->owner);
	if (UNLIKELY(all.found & SURVEY_MANY)) {
		while (view_next_attr(pass->view, &cursor, &attr))
			filter_attr(pass, place, &attr);
		return;
	}
	for (; all.acts != 0; all.acts &= all.acts - 1) {
		uint32_t at = (uint32_t)__builtin_ctzll(all.acts);
		if (view_attr_at(pass->view, place->owner, at, &attr))
			filter_attr(pass, place, &attr);
	}
}
