/* SPDX-License-Identifier: Apache-2.0 */
/* The policy's table (rules.def) as data: for the processor, its documentation and its tests. */
#ifndef SLUICE_PROCESSORS_METADATA_ONLY_RULES_H
#define SLUICE_PROCESSORS_METADATA_ONLY_RULES_H

#include "pipeline/base/slice.h"

enum policy_slot {
	SLOT_RESOURCE = 0, /* in the order of enum owner_kind */
	SLOT_SCOPE,
	SLOT_SPAN,
	SLOT_EVENT,
	SLOT_LINK,
	SLOT_COUNT
};

enum policy_when {
	WHEN_ALWAYS = 0,
	WHEN_MODEL,
	WHEN_MODEL_OWN,
	WHEN_MODEL_EVENT,
	WHEN_STRICT,
	WHEN_COUNT
};

enum policy_action {
	ACTION_KEEP = 0,
	ACTION_KEEP_NUMBER,
	ACTION_DROP,
	ACTION_REPLACE,
	ACTION_CUT,
	ACTION_IDENTIFY,
	ACTION_REFERENCE,
	ACTION_KNOWN,
	ACTION_EVENT,
	ACTION_MARK,
	ACTION_COUNT
};

enum policy_class {
	CLASS_CONTENT = 0,
	CLASS_CUSTOM, /* written by the application, unknown */
	CLASS_ERROR,  /* error texts */
	CLASS_SECRET,
	CLASS_URL,
	CLASS_PERSON,
	CLASS_LABEL,  /* what kind of content was found */
	CLASS_FIGURE, /* sizes, usage, cost, times */
	CLASS_NAME,
	CLASS_SHAPE,
	CLASS_REFERENCE,
	CLASS_COUNT
};

/* What a value has to be to stay under a key that is kept. */
enum policy_form {
	FORM_ANY = 0,
	FORM_NUMBER,
	FORM_FIGURES,
	FORM_TOKEN,
	FORM_NAME,
	FORM_TIME,
	FORM_URL,
	FORM_ROUTE,
	FORM_LINE,
	FORM_SUMMARY,
	FORM_PAIRS,
	FORM_COUNT
};

struct policy_row {
	const char *pattern;
	uint8_t slots; /* 1 << enum policy_slot */
	uint8_t when;  /* enum policy_when */
	uint8_t action, class, form;
	const char *reason, *source;
};

extern const struct policy_row policy_rows[];
extern const size_t policy_row_count;

enum policy_field {
#define FIELD(name, label, what, reason) FIELD_##name,
#include "processors/metadata_only/rules.def"
	FIELD_COUNT
};

struct policy_field_row {
	const char *label, *what, *reason;
};

extern const struct policy_field_row policy_fields[FIELD_COUNT];

/* Prefixes of scope names whose spans are model calls. */
extern const struct slice policy_model_scopes[];
extern const size_t policy_model_scope_count;

/* What ACTION_REPLACE writes. */
#define POLICY_REPLACEMENT "[removed]"

extern const char *const policy_when_words[WHEN_COUNT],
	*const policy_action_words[ACTION_COUNT], *const policy_class_words[CLASS_COUNT],
							  *const policy_form_words[FORM_COUNT];

enum { POLICY_KEY_MAX = 256 }; /* bytes of one pattern after its braces are resolved */

/* Calls ${take} with each pattern that the braces of ${pattern} stand for, "a.b*" as an expression;
 * expressions have no braces. False when one is too long or a brace is not closed, or when ${take} returned false. */
bool policy_expand(const char *pattern, bool (*take)(void *arg, struct slice pattern), void *arg);

#endif
