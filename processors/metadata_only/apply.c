/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to an attribute that a rule applies to: dropped, cut, replaced, hashed. */
#include "processors/metadata_only/apply.h"

#include "processors/metadata_only/names.h"
#include "processors/metadata_only/text.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { HASH_BYTES = 16 }; /* of the HMAC that are written, as hexadecimal digits */

void policy_set_value(struct pass *pass, struct owner owner, const struct attribute *attr,
		      struct value value)
{
	edit_revalue_found(pass->view, owner, &attr->view, value);
}

/* Logfire names spans by its templates, which it also writes down: such a name is no quote. */
static void look_for_quote(const struct pass *pass, struct place *place, key_id id,
			   struct slice removed)
{
	if (place->name_weight == NAME_WORD)
		return;
	struct slice name = view_span_name(pass->view, place->owner.at);
	if (!names_quotes(name, place->name_weight, removed))
		return;
	if (id == pass->policy->message_template && slice_equal(name, removed))
		place->name_constant = true;
	else
		place->name_removed = true;
}

void policy_drop_text(struct pass *pass, struct place *place, const struct attr_view *attr,
		      struct slice text)
{
	look_for_quote(pass, place, attr->key_id, text);
	if (!pass->dry)
		edit_drop_attr(pass->view, attr->attr);
}

void policy_drop_attr(struct pass *pass, struct place *place, const struct attribute *attr)
{
	const struct owner owner = place->owner;
	if (attr->value.type == VALUE_STRING)
		look_for_quote(pass, place, attr->view.key_id, attr->value.bytes);
	if (pass->dry)
		return;
	edit_drop_found(pass->view, owner, &attr->view);
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
		policy_drop_attr(pass, place, attr);
		return;
	}
	buf_reset(text);
	buf_append_hex(text, slice_of(digest, HASH_BYTES));
	if (text->failed)
		policy_drop_attr(pass, place, attr);
	else if (!pass->dry)
		policy_set_value(pass, place->owner, attr, value_of_str(buf_slice(text)));
}

/* False when there was nothing to cut. */
static bool cut_attr(struct pass *pass, struct place *place, const struct attribute *attr,
		     bool route)
{
	struct buf *text = &pass->shard->text;
	if (attr->value.type != VALUE_STRING) {
		/* A URL is a string: anything else is none, and cannot be judged. */
		if (attr->value.type == VALUE_EMPTY)
			return false;
		policy_drop_attr(pass, place, attr);
		return true;
	}
	buf_reset(text);
	if (!text_cut_url(attr->value.bytes, route, text))
		return false;
	if (text->failed)
		policy_drop_attr(pass, place, attr);
	else if (!pass->dry)
		policy_set_value(pass, place->owner, attr, value_of_str(buf_slice(text)));
	return true;
}

/* Hashes or drops, as the option ${how} (enum policy_identifiers) says. */
static void hide(struct pass *pass, struct place *place, const struct attribute *attr, int how)
{
	if (how == IDENTIFIERS_HASH)
		hash_attr(pass, place, attr);
	else
		policy_drop_attr(pass, place, attr);
}

void policy_hide_reference(struct pass *pass, struct place *place, const struct attribute *attr)
{
	hide(pass, place, attr, pass->policy->config->content_references);
}

bool policy_apply(struct pass *pass, struct place *place, const struct attribute *attr,
		  uint16_t number)
{
	const struct policy_rule *rule = &pass->policy->rules[number];
	bool gone = true, did = true;
	switch ((enum policy_action)rule->action) {
	case ACTION_CUT:
		did = cut_attr(pass, place, attr, rule->form == FORM_ROUTE);
		gone = did;
		break;
	case ACTION_REPLACE:
		if (!pass->dry)
			policy_set_value(pass, place->owner, attr,
					 value_of_str(SLICE(POLICY_REPLACEMENT)));
		break;
	case ACTION_IDENTIFY: hide(pass, place, attr, pass->policy->config->identifiers); break;
	case ACTION_REFERENCE: policy_hide_reference(pass, place, attr); break;
	case ACTION_KEEP:
	case ACTION_KEEP_NUMBER:
	case ACTION_KNOWN:
	case ACTION_DROP:
	case ACTION_EVENT:
	case ACTION_MARK:
	case ACTION_COUNT: policy_drop_attr(pass, place, attr); break;
	}
	if (did)
		hit(pass, number);
	return gone;
}
