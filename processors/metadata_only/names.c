/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A span's name is the one text that every span needs: it is replaced only when it holds more words
 * than an operation is named with, or what went with an attribute; and then by the best name that the
 * span's own attributes give. Of an operation and what a request wanted of it, the latter goes unless
 * it is a token. Names repeat, so one that was found to be in order is remembered.
 */
#include "processors/metadata_only/names.h"

#include "processors/metadata_only/judge.h"
#include "processors/metadata_only/shape.h"
#include "processors/metadata_only/text.h"

/* ---- the best name left ---- */

enum part {
	PART_OPERATION = 0,
	PART_TOOL,
	PART_MODEL,
	PART_ANSWERING_MODEL,
	PART_OPENINFERENCE_KIND,
	PART_MCP_METHOD,
	PART_TRACELOOP_KIND,
	PART_METHOD,
	PART_OLD_METHOD,
	PART_ROUTE,
	PART_TEMPLATE,
	PART_RPC_METHOD,
	PART_DB_OPERATION,
};

static const char *const part_keys[POLICY_NAME_PARTS] = {
	[PART_OPERATION] = "gen_ai.operation.name",
	[PART_TOOL] = "gen_ai.tool.name",
	[PART_MODEL] = "gen_ai.request.model",
	[PART_ANSWERING_MODEL] = "gen_ai.response.model",
	[PART_OPENINFERENCE_KIND] = "openinference.span.kind",
	[PART_MCP_METHOD] = "mcp.method.name",
	[PART_TRACELOOP_KIND] = "traceloop.span.kind",
	[PART_METHOD] = "http.request.method",
	[PART_OLD_METHOD] = "http.method",
	[PART_ROUTE] = "http.route",
	[PART_TEMPLATE] = "url.template",
	[PART_RPC_METHOD] = "rpc.method",
	[PART_DB_OPERATION] = "db.operation.name",
};

bool names_register(struct policy *policy, struct key_table *keys, struct err *err)
{
	policy->error_type = key_table_add(keys, SLICE("error.type"), err);
	policy->exception_type = key_table_add(keys, SLICE("exception.type"), err);
	policy->message_template = key_table_add(keys, SLICE("logfire.msg_template"), err);
	bool added = policy->error_type != KEY_ID_NONE && policy->exception_type != KEY_ID_NONE &&
		     policy->message_template != KEY_ID_NONE;
	for (size_t i = 0; i < POLICY_NAME_PARTS; i++) {
		policy->name_parts[i] = key_table_add(keys, slice_str(part_keys[i]), err);
		added &= policy->name_parts[i] != KEY_ID_NONE;
	}
	return added;
}

/* The part as the policy has left it; empty when it is no token. */
static struct slice part_of(const struct pass *pass, uint32_t span, enum part part)
{
	struct value value;
	bool found = view_find_attr(pass->view, (struct owner){OWNER_SPAN, span},
				    pass->policy->name_parts[part], &value);
	if (!found || value.type != VALUE_STRING || value.bytes.len == 0 ||
	    !(shape_is_token(value.bytes) || shape_is_route(value.bytes)))
		return (struct slice){NULL, 0};
	return value.bytes;
}

/* Appends one of the two parts, behind a space when there is something already. */
static void append_part(struct pass *pass, uint32_t span, enum part first, enum part second,
			struct buf *out)
{
	struct slice text = part_of(pass, span, first);
	if (text.len == 0)
		text = part_of(pass, span, second);
	if (text.len > 0 && out->len > 0)
		buf_append_byte(out, ' ');
	buf_append(out, text);
}

static struct slice best_name(struct pass *pass, uint32_t span, struct buf *out)
{
	static const char *const kinds[] = {"span",   "internal", "server",
					    "client", "producer", "consumer"};
	buf_reset(out);
	append_part(pass, span, PART_OPERATION, PART_OPENINFERENCE_KIND, out);
	if (out->len == 0)
		append_part(pass, span, PART_MCP_METHOD, PART_TRACELOOP_KIND, out);
	if (out->len > 0) {
		enum part model =
			part_of(pass, span, PART_MODEL).len > 0 ? PART_MODEL : PART_ANSWERING_MODEL;
		append_part(pass, span, PART_TOOL, model, out);
		return buf_slice(out);
	}
	append_part(pass, span, PART_METHOD, PART_OLD_METHOD, out);
	append_part(pass, span, PART_ROUTE, PART_TEMPLATE, out);
	if (out->len == 0)
		append_part(pass, span, PART_RPC_METHOD, PART_DB_OPERATION, out);
	if (out->len > 0)
		return buf_slice(out);
	int32_t kind = view_span_kind(pass->view, span);
	return slice_str(kinds[kind > 0 && (size_t)kind < ARRAY_COUNT(kinds) ? kind : 0]);
}

/* ---- quoting ---- */

enum {
	QUOTED_MIN = 8, /* a shorter text is in a name by chance */
	LOOKED_AT = 512 /* bytes of a removed text in which the name is searched */
};

enum name_weight names_weight(struct slice name)
{
	const uint8_t *space = name.len >= QUOTED_MIN ? memchr(name.ptr, ' ', name.len) : NULL;
	if (!space)
		return NAME_WORD;
	size_t rest = name.len - (size_t)(space + 1 - name.ptr);
	return memchr(space + 1, ' ', rest) ? NAME_PHRASE : NAME_PAIR;
}

bool names_quotes(struct slice name, enum name_weight weight, struct slice removed)
{
	if (weight == NAME_WORD)
		return false;
	if (removed.len <= name.len)
		return removed.len >= QUOTED_MIN &&
		       memmem(name.ptr, name.len, removed.ptr, removed.len);
	if (memcmp(removed.ptr, name.ptr, QUOTED_MIN) == 0 && slice_has_prefix(removed, name))
		return true;
	return weight == NAME_PHRASE &&
	       memmem(removed.ptr, removed.len < LOOKED_AT ? removed.len : LOOKED_AT, name.ptr,
		      name.len);
}

/* ---- judging ---- */

static struct policy_place *place_of(struct policy_shard *shard, struct slice name)
{
	uint64_t hash = hash_bytes(shard->hash, name.ptr, name.len);
	return &shard->names[hash % POLICY_NAMES];
}

/* ${name} without what a request wanted of the operation, where that is no token: callers and models
 * ask for tools and prompts that nobody has named. */
static struct slice without_wish(struct slice name)
{
	static const char *const operations[] = {"prompts/get ",	 "tools/call ",
						 "completion/complete ", "resources/read ",
						 "resources/subscribe ", "resources/unsubscribe ",
						 "execute_tool "};
	for (size_t i = 0; i < ARRAY_COUNT(operations); i++) {
		struct slice operation = slice_str(operations[i]);
		if (slice_has_prefix(name, operation) &&
		    !shape_is_token(slice_of(name.ptr + operation.len, name.len - operation.len)))
			return slice_of(name.ptr, operation.len - 1);
	}
	return name;
}

/* ${name} cut to at most TEXT_SPAN_NAME_MAX bytes and cut by what it holds; empty: no name. */
static struct slice name_left(struct slice name, struct buf *text)
{
	struct slice kept = name;
	buf_reset(text);
	if (text_cut_span_name(name, text))
		kept = buf_slice(text);
	kept = without_wish(text_cut_runes(kept, TEXT_SPAN_NAME_MAX));
	if (text->failed || !shape_is_title(kept))
		return (struct slice){NULL, 0};
	return kept;
}

void names_filter_span(struct pass *pass, uint32_t span, bool removed)
{
	struct slice name = view_span_name(pass->view, span);
	struct buf *text = &pass->shard->text;
	if (name.len == 0)
		return;
	struct policy_place *known = place_of(pass->shard, name);
	if (LIKELY(!removed && policy_remembers(known, name)))
		return;
	struct slice kept = removed ? (struct slice){NULL, 0} : name_left(name, text);
	if (kept.len == 0)
		kept = best_name(pass, span, text);
	if (!slice_equal(kept, name)) {
		hit_field(pass, FIELD_SPAN_NAME);
		if (!pass->dry)
			edit_set_span_name(pass->view, span, kept);
	} else {
		policy_remember(known, name);
	}
}

void names_filter_event(struct pass *pass, uint32_t event)
{
	struct slice name = view_event_name(pass->view, event);
	if (shape_is_plain(name.ptr, name.len) || name.len == 0 ||
	    (name.len <= SHAPE_NAME_BYTES_MAX && shape_is_title(name)))
		return;
	hit_field(pass, FIELD_EVENT_NAME);
	if (!pass->dry)
		edit_set_event_name(pass->view, event, SLICE("event"));
}

void names_filter_scope(struct pass *pass, uint32_t scope)
{
	struct slice name = view_scope_name(pass->view, scope);
	struct slice version = view_scope_version(pass->view, scope);
	if (name.len > 0 && !judge_is_token(pass->shard, name)) {
		hit_field(pass, FIELD_SCOPE_NAME);
		if (!pass->dry)
			edit_set_scope_name(pass->view, scope, SLICE(""));
	}
	if (version.len > 0 && !judge_is_token(pass->shard, version)) {
		hit_field(pass, FIELD_SCOPE_VERSION);
		if (!pass->dry)
			edit_set_scope_version(pass->view, scope, SLICE(""));
	}
}

/* ---- statuses ---- */

/* The kind of the span's error: its own error.type, else the type of its last exception. */
static struct slice error_type(const struct pass *pass, uint32_t span)
{
	struct view_range events = view_span_events(pass->view, span);
	struct value value = {.type = VALUE_EMPTY};
	bool found = view_find_attr(pass->view, (struct owner){OWNER_SPAN, span},
				    pass->policy->error_type, &value);
	for (uint32_t i = events.count; !found && i-- > 0;) {
		uint32_t event = events.begin + i;
		found = view_event_live(pass->view, event) &&
			view_find_attr(pass->view, (struct owner){OWNER_EVENT, event},
				       pass->policy->exception_type, &value);
	}
	bool sound = found && value.type == VALUE_STRING && value.bytes.len > 0 &&
		     shape_is_token(value.bytes);
	return sound ? value.bytes : SLICE("error");
}

void names_filter_status(struct pass *pass, uint32_t span)
{
	int mode = pass->policy->config->status_message;
	int32_t code = view_span_status_code(pass->view, span);
	if (mode == STATUS_KEEP || view_span_status_message(pass->view, span).len == 0)
		return;
	struct slice text = mode == STATUS_REPLACE && code == STATUS_CODE_ERROR
				    ? error_type(pass, span)
				    : SLICE("");
	if (slice_equal(text, view_span_status_message(pass->view, span)))
		return;
	hit_field(pass, FIELD_STATUS_MESSAGE);
	if (!pass->dry)
		edit_set_span_status(pass->view, span, code, text);
}
