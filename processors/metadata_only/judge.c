/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modes shape and strict. One order for every attribute, every pair of a map or of JSON, every item
 * of a list:
 *
 *   a row keeps the key, and the value has the row's form: stays
 *   a row denies the key: goes, or what the row says
 *   a row knows the key, and the value has the row's form: stays
 *   else a number stays; a text stays when it is a single token, in mode: strict never
 */
#include "processors/metadata_only/judge.h"

#include "processors/metadata_only/json_text.h"
#include "processors/metadata_only/pairs.h"
#include "processors/metadata_only/shape.h"
#include "processors/metadata_only/shape_quick.h"
#include "processors/metadata_only/text.h"

bool judge_is_number(const struct value *value)
{
	return value->type == VALUE_INT || value->type == VALUE_DOUBLE ||
	       value->type == VALUE_BOOL ||
	       (value->type == VALUE_STRING && text_is_number(value->bytes));
}

uint16_t judge_choose(const struct decision *decision, const struct place *place,
		      const struct value *value)
{
	const uint16_t *rules = decision->rules[place->owner.kind];
	uint16_t rule = rules[WHEN_ALWAYS];
	if (decision->keep_numbers && judge_is_number(value))
		return 0;
	const bool applies[DECIDED_WHENS] = {[WHEN_MODEL] = place->model,
					     [WHEN_MODEL_OWN] = place->model,
					     [WHEN_MODEL_EVENT] = place->model_event};
	for (unsigned when = WHEN_MODEL; when < DECIDED_WHENS; when++) {
		if (applies[when] && rules[when] != 0 && (rule == 0 || rules[when] < rule))
			rule = rules[when];
	}
	return rule;
}

/* ---- texts ---- */

bool judge_is_token(struct policy_shard *shard, struct slice text)
{
	if (shape_is_plain(text.ptr, text.len) || judge_is_known_token(shard, text))
		return true;
	enum shape_guess guess = shape_guess(text);
	if (guess != SHAPE_UNSURE)
		return guess == SHAPE_TOKEN; /* most of these are ids, and not seen again */
	if (!shape_is_token_by_scan(text))
		return false;
	policy_remember(judge_token_place(shard, text), text);
	return true;
}

static bool has_form(struct policy_shard *shard, enum policy_form form, struct slice text)
{
	switch (form) {
	case FORM_ANY: return true;
	case FORM_NUMBER:
	case FORM_FIGURES: return text_is_number(text);
	case FORM_URL:
	case FORM_ROUTE: return judge_is_token(shard, text) || shape_is_route(text);
	case FORM_TOKEN: return judge_is_token(shard, text);
	case FORM_NAME:
	case FORM_PAIRS: return judge_is_token(shard, text) || shape_is_name(text);
	case FORM_TIME: return shape_is_time(text);
	case FORM_LINE: return shape_is_line(text);
	case FORM_SUMMARY: return shape_is_summary(text);
	case FORM_COUNT: return false;
	}
	return false;
}

/* What an object store calls a thing of its own. */
static bool is_stored(struct slice text)
{
	static const char *const schemes[] = {"gs://",	  "s3://",  "s3a://", "az://",	"abfs://",
					      "abfss://", "oss://", "cos://", "oci://", "r2://"};
	for (size_t i = 0; i < ARRAY_COUNT(schemes); i++) {
		if (slice_has_prefix(text, slice_str(schemes[i])))
			return true;
	}
	return false;
}

/* Whether ${text} begins as an object does, and so has a quotation mark: it is neither a token nor of
 * one of the forms that have none. Its pairs are judged. */
static bool is_object(const struct measure *measure, struct slice text)
{
	enum {
		QUOTELESS = 1 << FORM_NUMBER | 1 << FORM_FIGURES | 1 << FORM_TOKEN |
			    1 << FORM_NAME | 1 << FORM_PAIRS
	};
	return text.len >= 2 && text.ptr[0] == '{' && text.ptr[1] == '"' &&
	       (!measure->kept || (QUOTELESS >> measure->form & 1));
}

bool judge_text(const struct measure *measure, struct slice text)
{
	struct policy_shard *shard = measure->pass->shard;
	if (is_object(measure, text))
		return false;
	if (measure->pass->policy->config->content_references != IDENTIFIERS_KEEP &&
	    is_stored(text))
		return false;
	if (text.len == 0 || (measure->kept && has_form(shard, measure->form, text)))
		return true;
	return measure->tokens && judge_is_token(shard, text);
}

static struct measure measure_of(struct pass *pass, uint16_t keeper)
{
	struct measure m = {.pass = pass,
			    .form = FORM_NUMBER,
			    .tokens = pass->policy->config->mode == MODE_SHAPE};
	if (keeper == 0)
		return m;
	m.form = pass->policy->rules[keeper].form;
	m.kept = m.numbers_stay = true;
	m.tokens &= m.form != FORM_FIGURES;
	return m;
}

/* ---- pairs and items ---- */

bool judge_pair(const struct measure *measure, struct slice key, struct slice path, bool figure,
		struct measure *ret_inner)
{
	struct pass *pass = measure->pass;
	const struct slice names[] = {path, key};
	*ret_inner = *measure;
	if (!judge_is_token(pass->shard, key)) {
		hit_field(pass, FIELD_TEXT);
		return false;
	}
	for (size_t i = slice_equal(path, key) ? 1 : 0; i < ARRAY_COUNT(names); i++) {
		key_id id = view_key_id(pass->view, names[i]);
		uint8_t verdict = verdict_of(pass->policy, pass->shard, pass->view, id);
		const struct decision *decision = &pass->shard->decisions[id];
		uint16_t keeper = decision->kept != 0 ? decision->kept : decision->known;
		bool denied = !(verdict & VERDICT_KEPT) && decision->nested != 0 &&
			      !((measure->numbers_stay || decision->keep_numbers) && figure);
		if (denied || judge_hides_reference(pass, decision)) {
			hit(pass, denied ? decision->nested : decision->reference);
			hit_field(pass, FIELD_NESTED_VALUE);
			return false;
		}
		if (keeper != 0 && (verdict & (VERDICT_KEPT | VERDICT_ACT)) != VERDICT_ACT)
			*ret_inner = measure_of(pass, keeper);
		if (figure && decision->keep_numbers) {
			ret_inner->kept = true;
			ret_inner->form = FORM_NUMBER;
		}
		if (verdict & VERDICT_KEPT)
			return true;
	}
	return true;
}

/* What is asked of the pairs and items of an array or map. Pairs come before what is in them, so the
 * measure of the last one holds for the texts of its own value alone. */
static bool keep_part(void *arg, struct slice key, struct slice path, struct value value)
{
	const struct measure *measure = arg;
	struct measure inner = *measure;
	struct pass *pass = measure->pass;
	bool text = value.type == VALUE_STRING || value.type == VALUE_BYTES;
	if (key.ptr && !judge_pair(measure, key, path, judge_is_number(&value), &inner))
		return false;
	if (text && !judge_text(&inner, value.bytes)) {
		hit_field(pass, FIELD_TEXT);
		return false;
	}
	if (value.bytes.len <= pass->policy->config->max_value_bytes)
		return true;
	hit_field(pass, FIELD_VALUE_SIZE);
	return false;
}

/* Whether ${value} is a list of texts that stay, and there is nothing to look for in it. */
static bool is_list_of_tokens(const struct measure *measure, const struct value *value)
{
	struct slice cursor = value->bytes;
	struct value item;
	if (value->type != VALUE_ARRAY)
		return false;
	while (value_next_item(&cursor, &item)) {
		if (item.type != VALUE_STRING || !judge_text(measure, item.bytes))
			return false;
	}
	return true;
}

/* An array of nothing but numbers, and many. */
static bool is_vector(const struct value *value)
{
	struct slice cursor = value->bytes;
	struct value item;
	size_t numbers = 0;
	if (value->type != VALUE_ARRAY)
		return false;
	while (value_next_item(&cursor, &item)) {
		if (item.type != VALUE_INT && item.type != VALUE_DOUBLE)
			return false;
		numbers++;
	}
	return numbers > JUDGE_NUMBERS_MAX;
}

/* ---- one attribute ---- */

static void remove_text(struct pass *pass, struct place *place, struct attribute *attr)
{
	hit_field(pass, FIELD_TEXT);
	policy_drop_attr(pass, place, attr);
}

static void judge_string(struct pass *pass, struct place *place, struct attribute *attr,
			 struct measure *measure)
{
	struct slice text = attr->value.bytes;
	if (text.len > pass->policy->config->max_value_bytes) {
		hit_field(pass, FIELD_VALUE_SIZE);
		policy_drop_attr(pass, place, attr);
		return;
	}
	if (pass->policy->config->content_references != IDENTIFIERS_KEEP && is_stored(text)) {
		hit_field(pass, FIELD_REFERENCE);
		policy_hide_reference(pass, place, attr);
		return;
	}
	if (judge_text(measure, text))
		return;
	bool pairs = attr->value.type == VALUE_STRING && (measure->tokens || measure->kept);
	struct buf *out = &pass->shard->text;
	buf_reset(out);
	switch (pairs ? pairs_filter(measure, text, out) : PAIRS_NONE) {
	case PAIRS_SAME: return;
	case PAIRS_CUT:
		place->name_removed |=
			place->name_weight != NAME_WORD &&
			memmem(text.ptr, text.len, view_span_name(pass->view, place->owner.at).ptr,
			       view_span_name(pass->view, place->owner.at).len);
		if (!pass->dry)
			policy_set_value(pass, place->owner, attr, value_of_str(buf_slice(out)));
		return;
	case PAIRS_NONE: remove_text(pass, place, attr); return;
	}
}

static void judge_value(struct pass *pass, struct place *place, struct attribute *attr,
			uint16_t keeper)
{
	struct measure measure = measure_of(pass, keeper);
	switch (attr->value.type) {
	case VALUE_EMPTY:
	case VALUE_BOOL:
	case VALUE_INT:
	case VALUE_DOUBLE:
	case VALUE_TYPE_COUNT: return;
	case VALUE_STRING: judge_string(pass, place, attr, &measure); return;
	case VALUE_BYTES:
		if (!judge_text(&measure, attr->value.bytes))
			remove_text(pass, place, attr);
		return;
	case VALUE_ARRAY:
	case VALUE_KVLIST: break;
	}
	if (attr->value.bytes.len > pass->policy->config->max_value_bytes) {
		hit_field(pass, FIELD_VALUE_SIZE);
		policy_drop_attr(pass, place, attr);
	} else if (keeper == 0 && is_vector(&attr->value)) {
		remove_text(pass, place, attr);
	} else if (!is_list_of_tokens(&measure, &attr->value)) {
		edit_filter_value(pass->view, place->owner, &attr->view, keep_part, &measure,
				  pass->dry);
	}
}

/* Whether rule ${number} cuts the URL to something that is still no URL. */
static bool cut_leaves_text(struct pass *pass, const struct attribute *attr, uint16_t number)
{
	const struct policy_rule *rule = &pass->policy->rules[number];
	struct slice left = attr->value.bytes;
	struct buf *out = &pass->shard->text;
	if (rule->action != ACTION_CUT || attr->value.type != VALUE_STRING)
		return false;
	buf_reset(out);
	if (text_cut_url(left, rule->form == FORM_ROUTE, out))
		left = buf_slice(out);
	return left.len > 0 && !has_form(pass->shard, (enum policy_form)rule->form, left);
}

/* As judge_value, for what the configuration allows: the rules hold inside of it. */
static void judge_allowed(struct pass *pass, struct place *place, struct attribute *attr)
{
	if (!policy_texts_stay(pass, &attr->value, true))
		policy_drop_attr(pass, place, attr);
}

void judge_by_shape(struct pass *pass, struct place *place, struct attribute *attr)
{
	uint8_t verdict = verdict_of(pass->policy, pass->shard, pass->view, attr->view.key_id);
	const struct decision *decision = &pass->shard->decisions[attr->view.key_id];
	if (verdict & VERDICT_KEPT) {
		if (pass->policy->rules[decision->kept].by_user)
			judge_allowed(pass, place, attr);
		else
			judge_value(pass, place, attr, decision->kept);
		return;
	}
	if (decision->reference != 0 && attr->value.type == VALUE_STRING &&
	    shape_is_reference(attr->value.bytes)) {
		if (pass->policy->config->content_references != IDENTIFIERS_KEEP)
			(void)policy_apply(pass, place, attr, decision->reference);
		return;
	}
	uint16_t rule = 0;
	if (verdict & VERDICT_ACT)
		rule = judge_choose(decision, place, &attr->value);
	if (rule == 0 && decision->keep_numbers && judge_is_number(&attr->value))
		return;
	if (rule == 0) {
		judge_value(pass, place, attr, decision->known);
	} else if (cut_leaves_text(pass, attr, rule)) {
		remove_text(pass, place, attr);
	} else {
		(void)policy_apply(pass, place, attr, rule);
	}
}
