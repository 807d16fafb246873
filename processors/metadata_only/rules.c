/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Includes the tables and gives each macro its row. A row with braces stands for several keys,
 * which are expanded when the policy is built.
 */
#include "processors/metadata_only/rules.h"

#include "pipeline/base/compiler.h"

/* The words of rules.def. */
enum {
	SPAN = 1 << SLOT_SPAN,
	EVENT = 1 << SLOT_EVENT,
	ANY = (1 << SLOT_COUNT) - 1,
};

const struct policy_row policy_rows[] = {
#define RULE(pattern_, slots_, when_, action_, class_, reason_, source_)                           \
	{.pattern = (pattern_),                                                                    \
	 .slots = (slots_),                                                                        \
	 .when = WHEN_##when_,                                                                     \
	 .action = ACTION_##action_,                                                               \
	 .class = CLASS_##class_,                                                                  \
	 .form = FORM_NAME,                                                                        \
	 .reason = (reason_),                                                                      \
	 .source = (source_)},
#define KEPT_AS(action_, pattern_, form_, class_, reason_, source_)                                \
	{.pattern = (pattern_),                                                                    \
	 .slots = ANY,                                                                             \
	 .when = WHEN_ALWAYS,                                                                      \
	 .action = (action_),                                                                      \
	 .class = CLASS_##class_,                                                                  \
	 .form = FORM_##form_,                                                                     \
	 .reason = (reason_),                                                                      \
	 .source = (source_)},
#define KEEP(pattern_, form_, class_, reason_, source_)                                            \
	KEPT_AS(ACTION_KEEP, pattern_, form_, class_, reason_, source_)
#define CUT(pattern_, form_, class_, reason_, source_)                                             \
	KEPT_AS(ACTION_CUT, pattern_, form_, class_, reason_, source_)
#define KNOWN(pattern_, form_, class_, reason_, source_)                                           \
	KEPT_AS(ACTION_KNOWN, pattern_, form_, class_, reason_, source_)
#include "processors/metadata_only/rules.def"
#define WHO_USER "who asked"
#define WHO_SESSION "in which session"
#define WHO_TENANT "for whom"
#define WHO_PERSON "who asked, by name"
#define WHO_NETWORK "from where"
#define WHO_CLIENT "with what"
#define FORM_OF_USER FORM_NAME
#define FORM_OF_SESSION FORM_NAME
#define FORM_OF_TENANT FORM_NAME
#define FORM_OF_PERSON FORM_NAME
#define FORM_OF_NETWORK FORM_TOKEN
#define FORM_OF_CLIENT FORM_LINE
#define IDENTIFIER(pattern_, kind_, source_)                                                       \
	{.pattern = (pattern_),                                                                    \
	 .slots = ANY,                                                                             \
	 .when = WHEN_ALWAYS,                                                                      \
	 .action = ACTION_IDENTIFY,                                                                \
	 .class = CLASS_PERSON,                                                                    \
	 .form = FORM_OF_##kind_,                                                                  \
	 .reason = WHO_##kind_,                                                                    \
	 .source = (source_)},
#define IDENTIFIER_READ(pattern_, kind_, rank_, source_) IDENTIFIER(pattern_, kind_, source_)
#include "pipeline/vocabulary/identifiers.def"
};
const size_t policy_row_count = ARRAY_COUNT(policy_rows);

const struct policy_field_row policy_fields[FIELD_COUNT] = {
#define FIELD(name, label_, what_, reason_)                                                        \
	[FIELD_##name] = {.label = (label_), .what = (what_), .reason = (reason_)},
#include "processors/metadata_only/rules.def"
};

const struct slice policy_model_scopes[] = {
#define MODEL_SCOPE(prefix) SLICE_INIT(prefix),
#include "processors/metadata_only/rules.def"
};
const size_t policy_model_scope_count = ARRAY_COUNT(policy_model_scopes);

const char *const policy_when_words[WHEN_COUNT] = {
	[WHEN_ALWAYS] = "always",
	[WHEN_MODEL] = "model calls",
	[WHEN_MODEL_OWN] = "model calls, not in maps",
	[WHEN_MODEL_EVENT] = "events gen_ai.*, llm.*",
	[WHEN_STRICT] = "mode: strict",
};

const char *const policy_action_words[ACTION_COUNT] = {
	[ACTION_KEEP] = "kept",
	[ACTION_KEEP_NUMBER] = "kept when a number",
	[ACTION_DROP] = "removed",
	[ACTION_REPLACE] = "replaced by " POLICY_REPLACEMENT,
	[ACTION_CUT] = "query, fragment and user cut",
	[ACTION_IDENTIFY] = "by identifiers",
	[ACTION_REFERENCE] = "by content_references",
	[ACTION_KNOWN] = "known, kept",
	[ACTION_EVENT] = "event removed",
	[ACTION_MARK] = "tells a model call",
};

const char *const policy_class_words[CLASS_COUNT] = {
	[CLASS_CONTENT] = "content",
	[CLASS_CUSTOM] = "custom",
	[CLASS_ERROR] = "error text",
	[CLASS_SECRET] = "secret",
	[CLASS_URL] = "url",
	[CLASS_PERSON] = "person",
	[CLASS_LABEL] = "label",
	[CLASS_FIGURE] = "figure",
	[CLASS_NAME] = "name",
	[CLASS_SHAPE] = "shape",
	[CLASS_REFERENCE] = "reference",
};

const char *const policy_form_words[FORM_COUNT] = {
	[FORM_ANY] = "anything",
	[FORM_NUMBER] = "a number",
	[FORM_FIGURES] = "figures",
	[FORM_TOKEN] = "a token",
	[FORM_NAME] = "a name",
	[FORM_TIME] = "a time",
	[FORM_URL] = "a URL without query",
	[FORM_ROUTE] = "a route",
	[FORM_LINE] = "a line",
	[FORM_SUMMARY] = "operation and targets",
	[FORM_PAIRS] = "names and figures",
};

struct expansion {
	char text[POLICY_KEY_MAX];
	bool (*take)(void *arg, struct slice pattern);
	void *arg;
};

/* Hands over what stands in the buffer: "a.b*" as /^a\.b/, for prefixes of keys end at a dot. */
static bool take_expanded(struct expansion *e, size_t len)
{
	bool begins = len > 2 && e->text[len - 1] == '*' && e->text[len - 2] != '.';
	if (!begins)
		return e->take(e->arg, slice_of(e->text, len));
	char re[2 * POLICY_KEY_MAX + 4];
	size_t out = 0;
	re[out++] = '/';
	re[out++] = '^';
	for (size_t i = 0; i + 1 < len; i++) {
		if (e->text[i] == '.')
			re[out++] = '\\';
		re[out++] = e->text[i];
	}
	re[out++] = '/';
	return e->take(e->arg, slice_of(re, out));
}

/* The texts that ${rest} stands for, each after the first ${len} bytes of the buffer. Recursion is
 * as deep as a row of the table has braces. */
static bool expand(struct expansion *e, size_t len, const char *rest)
{
	size_t plain = strcspn(rest, "{");
	if (len + plain >= sizeof(e->text))
		return false;
	memcpy(e->text + len, rest, plain);
	len += plain;
	rest += plain;
	if (*rest == 0)
		return take_expanded(e, len);
	const char *close = strchr(rest, '}');
	if (!close)
		return false;
	for (const char *word = rest + 1; word <= close;) {
		size_t word_len = strcspn(word, ",}");
		if (len + word_len >= sizeof(e->text))
			return false;
		memcpy(e->text + len, word, word_len);
		if (!expand(e, len + word_len, close + 1))
			return false;
		word += word_len + 1;
	}
	return true;
}

bool policy_expand(const char *pattern, bool (*take)(void *arg, struct slice pattern), void *arg)
{
	struct expansion e = {.take = take, .arg = arg};
	if (pattern[0] == '/')
		return take(arg, slice_str(pattern));
	return expand(&e, 0, pattern);
}
