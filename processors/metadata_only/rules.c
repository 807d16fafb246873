/* SPDX-License-Identifier: Apache-2.0 */
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
	 .reason = (reason_),                                                                      \
	 .source = (source_)},
#include "processors/metadata_only/rules.def"
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
	[WHEN_MODEL_EVENT] = "events gen_ai.*, llm.*",
	[WHEN_STRICT] = "mode: strict",
};

const char *const policy_action_words[ACTION_COUNT] = {
	[ACTION_KEEP] = "kept",
	[ACTION_KEEP_NUMBER] = "kept when a number",
	[ACTION_ALLOW] = "kept in mode: strict",
	[ACTION_DROP] = "dropped",
	[ACTION_REPLACE] = "replaced by [removed]",
	[ACTION_CUT] = "query, fragment and user cut",
	[ACTION_IDENTIFY] = "by identifiers",
	[ACTION_EVENT] = "event dropped",
	[ACTION_MARK] = "tells a model call",
};

const char *const policy_class_words[CLASS_COUNT] = {
	[CLASS_CONTENT] = "content", [CLASS_CUSTOM] = "custom", [CLASS_ERROR] = "error text",
	[CLASS_SECRET] = "secret",   [CLASS_URL] = "url",	[CLASS_PERSON] = "person",
	[CLASS_LABEL] = "label",     [CLASS_FIGURE] = "figure", [CLASS_NAME] = "name",
	[CLASS_SHAPE] = "shape",
};

struct expansion {
	char text[POLICY_KEY_MAX];
	bool (*take)(void *arg, struct slice pattern);
	void *arg;
};

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
		return e->take(e->arg, slice_of(e->text, len));
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
