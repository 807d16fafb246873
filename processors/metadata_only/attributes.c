/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attributes of one element: which of them a rule may act on, what happens to each, and what is
 * in their nested values.
 */
#include "processors/metadata_only/json_text.h"
#include "processors/metadata_only/judge.h"
#include "processors/metadata_only/shape.h"
#include "processors/metadata_only/shape_quick.h"
#include "processors/metadata_only/text.h"

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
		if (judge_hides_reference(pass, decision)) {
			hit(pass, decision->reference);
			hit_field(pass, FIELD_NESTED_VALUE);
			return false;
		}
		if (!(verdict & VERDICT_ACT) || decision->nested == 0 ||
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
	if (!key.ptr)
		return true; /* an item of an array: its maps are asked for */
	struct nested *nested = arg;
	struct pass *pass = nested->pass;
	if (!policy_pair_stays(pass, key, path, judge_is_number(&value), nested->numbers_stay) ||
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
		policy_drop_attr(pass, place, attr);
	} else if (!pass->dry) {
		struct slice text = text_cut_runes(attr->value.bytes, max);
		policy_set_value(pass, place->owner, attr, value_of_str(text));
	}
	return false;
}

/* mode: denylist. */
static void judge_by_list(struct pass *pass, struct place *place, struct attribute *attr)
{
	uint8_t verdict = verdict_of(pass->policy, pass->shard, pass->view, attr->view.key_id);
	uint16_t rule = 0;
	const struct decision *decision = &pass->shard->decisions[attr->view.key_id];
	bool reference = decision->reference != 0 && attr->value.type == VALUE_STRING &&
			 shape_is_reference(attr->value.bytes);
	if (reference && judge_hides_reference(pass, decision))
		rule = decision->reference;
	else if ((verdict & VERDICT_ACT) && !reference)
		rule = judge_choose(decision, place, &attr->value);
	if (rule != 0 && policy_apply(pass, place, attr, rule))
		return;
	if (!policy_texts_stay(pass, &attr->value, verdict & VERDICT_KEPT)) {
		policy_drop_attr(pass, place, attr);
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

/* What lies in ${message}, when that is one field ${number} of less than 16 KiB and nothing else;
 * else empty. */
static inline struct slice only_field(struct slice message, uint32_t number)
{
	enum { LENGTH = 1, MORE = 0x80 };
	size_t head = LENGTH + 1;
	if (message.len <= head || message.ptr[0] != wire_tag(number, WIRE_LEN))
		return (struct slice){NULL, 0};
	size_t len = message.ptr[LENGTH];
	if (len & MORE) {
		len = (len & ~(size_t)MORE) | (size_t)message.ptr[head] << 7;
		if (message.ptr[head++] & MORE)
			return (struct slice){NULL, 0};
	}
	return message.len - head == len ? slice_of(message.ptr + head, len)
					 : (struct slice){NULL, 0};
}

enum finding {
	FINDING_NONE = 0,
	FINDING_JUDGE,
	FINDING_TEXT, /* goes */
};

/* A text under a key of which numbers and tokens stay. Most were seen before, or are new ids. */
static enum finding look_at_text(const struct pass *pass, uint8_t verdict, struct slice text)
{
	if (text.len == 0 || judge_is_known_token(pass->shard, text))
		return text.len == 0 ? FINDING_JUDGE : FINDING_NONE;
	enum shape_guess guess = shape_guess(text);
	if (guess == SHAPE_TOKEN)
		return FINDING_NONE;
	bool goes = guess == SHAPE_NO_TOKEN && (verdict & VERDICT_TOKENS) &&
		    text.len <= pass->policy->config->max_value_bytes &&
		    !text_may_hold_pairs(text.ptr[0]) && text.ptr[0] != '"';
	return goes ? FINDING_TEXT : FINDING_JUDGE;
}

/* A text, or a list, that an earlier processor has set. */
static enum finding look_at_edited(const struct pass *pass, struct owner owner,
				   const struct attr_view *attr)
{
	if (attr->value_type != VALUE_STRING)
		return FINDING_JUDGE;
	struct slice text = view_attr_value(pass->view, owner, attr).bytes;
	return text.len > 0 && judge_is_token(pass->shard, text) ? FINDING_NONE : FINDING_JUDGE;
}

/* Modes shape and strict: numbers stay, and most texts are plain tokens. */
static inline enum finding look_at(const struct pass *pass, struct owner owner, uint8_t verdict,
				   const struct attr_view *attr)
{
	if (attr->value_type != VALUE_STRING && attr->value_type != VALUE_ARRAY)
		return (verdict & VERDICT_ACT) || attr->value_type > VALUE_ARRAY ? FINDING_JUDGE
										 : FINDING_NONE;
	if (!(verdict & VERDICT_PLAIN))
		return FINDING_JUDGE;
	if (UNLIKELY(!attr->received))
		return look_at_edited(pass, owner, attr);
	struct slice value = view_attr_bytes(pass->view, attr);
	if (attr->value_type == VALUE_ARRAY) {
		if (verdict & VERDICT_ACT)
			return FINDING_JUDGE;
		value = only_field(only_field(value, ANY_VALUE_ARRAY), ARRAY_VALUE_VALUES);
		verdict = 0; /* not the list goes, but what is in it */
	}
	struct slice text = only_field(value, ANY_VALUE_STRING);
	return shape_is_plain(text.ptr, text.len) ? FINDING_NONE
						  : look_at_text(pass, verdict, text);
}

struct survey policy_survey(struct pass *pass, struct owner owner)
{
	const struct trace_view *view = pass->view;
	const bool by_list = pass->policy->config->mode == MODE_DENYLIST;
	size_t max = pass->policy->config->max_value_bytes;
	struct survey all = {.found = 0};
	struct attr_cursor cursor = view_attrs(view, owner);
	struct attr_view attr;
	while (view_next_attr(view, &cursor, &attr)) {
		uint8_t verdict = verdict_of(pass->policy, pass->shard, view, attr.key_id);
		all.found |= verdict;
		enum finding finding = FINDING_JUDGE;
		if (!by_list)
			finding = look_at(pass, owner, verdict, &attr);
		else if (!(verdict & VERDICT_ACT) && !is_to_be_looked_into(view, max, &attr))
			finding = FINDING_NONE;
		all.acts |= (uint64_t)(finding == FINDING_JUDGE) << (attr.at & 63);
		all.texts |= (uint64_t)(finding == FINDING_TEXT) << (attr.at & 63);
	}
	if (UNLIKELY(cursor.at > 64))
		all.found |= SURVEY_MANY;
	return all;
}

/* Drops what goes whatever it holds, and wherever it stands; false when it is not that simple. */
static inline bool drop_at_once(struct pass *pass, struct place *place,
				const struct attr_view *attr, uint8_t verdict)
{
	struct slice text = {NULL, 0};
	if (!attr->received || !(verdict & VERDICT_DROP))
		return false;
	if (place->name_weight != NAME_WORD && attr->value_type == VALUE_STRING) {
		text = only_field(view_attr_bytes(pass->view, attr), ANY_VALUE_STRING);
		if (text.len == 0)
			return false;
	}
	hit(pass, pass->shard->decisions[attr->key_id].nested);
	policy_drop_text(pass, place, attr, text);
	return true;
}

static void filter_attr(struct pass *pass, struct place *place, const struct attr_view *attr)
{
	uint8_t verdict = verdict_of(pass->policy, pass->shard, pass->view, attr->key_id);
	if (drop_at_once(pass, place, attr, verdict))
		return;
	struct attribute judged = {.view = *attr,
				   .value = view_attr_value(pass->view, place->owner, attr)};
	if (pass->policy->config->mode == MODE_DENYLIST)
		judge_by_list(pass, place, &judged);
	else
		judge_by_shape(pass, place, &judged);
}

/* Texts that the survey found to go. */
static void drop_texts(struct pass *pass, struct place *place, uint64_t texts)
{
	struct attr_view attr;
	for (; texts != 0; texts &= texts - 1) {
		uint32_t at = (uint32_t)__builtin_ctzll(texts);
		if (!view_attr_at(pass->view, place->owner, at, &attr))
			continue;
		hit_field(pass, FIELD_TEXT);
		policy_drop_text(pass, place, &attr,
				 only_field(view_attr_bytes(pass->view, &attr), ANY_VALUE_STRING));
	}
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
	drop_texts(pass, place, all.texts);
	for (; all.acts != 0; all.acts &= all.acts - 1) {
		uint32_t at = (uint32_t)__builtin_ctzll(all.acts);
		if (view_attr_at(pass->view, place->owner, at, &attr))
			filter_attr(pass, place, &attr);
	}
}
