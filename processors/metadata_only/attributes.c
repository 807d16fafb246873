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

static void set_value(struct pass *pass, struct owner owner, const struct attr_view *attr,
		      struct value value)
{
	if (attr->attr == EDIT_ATTR_ADDED)
		edit_set_attr(pass->view, owner, attr->key, attr->key_id, value);
	else
		edit_replace_value(pass->view, owner, attr->attr, value);
}

static void drop_attr(struct pass *pass, struct place *place, const struct attr_view *attr)
{
	const struct owner owner = place->owner;
	if (place->name_matters && attr->value.type == VALUE_STRING)
		place->name_removed |=
			slice_has_prefix(attr->value.bytes, view_span_name(pass->view, owner.at));
	if (pass->dry)
		return;
	if (attr->attr == EDIT_ATTR_ADDED)
		(void)edit_remove_attr(pass->view, owner, attr->key_id);
	else
		edit_drop_attr(pass->view, attr->attr);
}

/* The hexadecimal HMAC of the value's text, so that equal identifiers stay equal. */
static void hash_attr(struct pass *pass, struct place *place, const struct attr_view *attr)
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
static bool cut_attr(struct pass *pass, struct place *place, const struct attr_view *attr)
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
static bool apply(struct pass *pass, struct place *place, const struct attr_view *attr,
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
		key_id id = index_key_id(pass->index, names[i]);
		uint8_t verdict = verdict_of(pass->policy, pass->shard, pass->index, id);
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
static bool check_size(struct pass *pass, struct place *place, struct attr_view *attr)
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

static void judge(struct pass *pass, struct place *place, struct attr_view *attr)
{
	uint8_t verdict = verdict_of(pass->policy, pass->shard, pass->index, attr->key_id);
	uint16_t rule = 0;
	if (verdict & VERDICT_ACT)
		rule = choose(&pass->shard->decisions[attr->key_id], place, &attr->value);
	if (rule != 0 && apply(pass, place, attr, rule))
		return;
	if (!policy_texts_stay(pass, &attr->value, verdict & VERDICT_KEPT)) {
		drop_attr(pass, place, attr);
		return;
	}
	if (!check_size(pass, place, attr) || !holds_maps(&attr->value))
		return;
	struct nested nested = {.pass = pass, .numbers_stay = verdict & VERDICT_KEPT};
	edit_filter_value(pass->view, place->owner, attr, keep_pair, &nested, pass->dry);
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

struct survey policy_survey(struct pass *pass, struct owner owner, struct attr_range attrs,
			    bool touched)
{
	size_t max = pass->policy->config->max_value_bytes;
	struct survey all = {.found = pass->index->map_count > 0 ? SURVEY_NESTED : 0};
	if (touched) {
		struct attr_key key;
		uint32_t cursor = 0;
		while (view_next_key(pass->view, owner, &cursor, &key))
			all.found |= verdict_of(pass->policy, pass->shard, pass->index, key.key_id);
		return all;
	}
	for (uint32_t i = 0; i < attrs.count; i++) {
		const struct attr_entry *attr = &pass->index->attrs[attrs.begin + i];
		uint8_t verdict = verdict_of(pass->policy, pass->shard, pass->index, attr->key_id);
		all.found |= verdict;
		if ((verdict & VERDICT_ACT) ||
		    may_hold_pairs(index_slice(pass->index, attr->value)))
			all.acts |= UINT64_C(1) << (i & 63);
		if (UNLIKELY(attr->value.len > max))
			all.found |= SURVEY_LARGE;
	}
	return all;
}

static void filter_received(struct pass *pass, struct place *place, uint32_t at)
{
	const struct attr_entry *attr = &pass->index->attrs[at];
	if ((pass->shard->verdicts[attr->key_id] & VERDICT_DROP) && !place->name_matters) {
		hit(pass, pass->shard->decisions[attr->key_id].nested);
		if (!pass->dry)
			edit_drop_attr(pass->view, at);
		return;
	}
	struct attr_view seen = {.key = index_slice(pass->index, attr->key),
				 .key_id = attr->key_id,
				 .value = value_read(index_slice(pass->index, attr->value)),
				 .attr = at};
	judge(pass, place, &seen);
}

/* Whether an attribute of an edited span, on which no rule acts, has nothing to be looked into. */
static bool is_harmless(const struct pass *pass, const struct attr_key *key)
{
	if (!key->received || pass->index->map_count > 0)
		return key->value_type == VALUE_BOOL || key->value_type == VALUE_INT ||
		       key->value_type == VALUE_DOUBLE || key->value_type == VALUE_EMPTY;
	struct slice value = index_slice(pass->index, pass->index->attrs[key->attr].value);
	return value.len <= pass->policy->config->max_value_bytes && !may_hold_pairs(value);
}

static void filter_touched(struct pass *pass, struct place *place)
{
	struct attr_key key;
	uint32_t cursor = 0;
	while (view_next_key(pass->view, place->owner, &cursor, &key)) {
		uint8_t verdict = verdict_of(pass->policy, pass->shard, pass->index, key.key_id);
		if (!(verdict & VERDICT_ACT) && is_harmless(pass, &key))
			continue;
		struct attr_view seen = view_read_attr(pass->view, place->owner, key.at);
		judge(pass, place, &seen);
	}
}

void policy_filter_attrs(struct pass *pass, struct place *place, struct attr_range attrs,
			 bool touched, struct survey all)
{
	if (touched) {
		filter_touched(pass, place);
		return;
	}
	if (UNLIKELY((all.found & (SURVEY_LARGE | SURVEY_NESTED)) || attrs.count > 64)) {
		for (uint32_t i = 0; i < attrs.count; i++)
			filter_received(pass, place, attrs.begin + i);
		return;
	}
	for (; all.acts != 0; all.acts &= all.acts - 1)
		filter_received(pass, place, attrs.begin + (uint32_t)__builtin_ctzll(all.acts));
}
