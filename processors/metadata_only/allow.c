/* SPDX-License-Identifier: Apache-2.0 */
/* Tries an allowed pattern on keys of all kinds, then on the rows of the table that deny. */
#include "processors/metadata_only/allow.h"

#include "pipeline/pattern/regex.h"

/* One pattern, as the key table reads them. */
struct matcher {
	struct slice text;
	struct regex *regex; /* NULL: no expression */
	struct regex_scratch scratch;
};

static bool matcher_init(struct matcher *m, struct slice pattern)
{
	struct err err;
	*m = (struct matcher){.text = pattern};
	if (regex_scratch_init(&m->scratch) != 0)
		return false;
	if (pattern.len >= 2 && pattern.ptr[0] == '/')
		m->regex = regex_new(slice_of(pattern.ptr + 1, pattern.len - 2), &err);
	return true;
}

static void matcher_fini(struct matcher *m)
{
	regex_free(m->regex);
	regex_scratch_fini(&m->scratch);
}

static bool matches(struct matcher *m, struct slice key)
{
	struct slice text = m->text;
	if (text.len > 0 && text.ptr[0] == '/')
		return m->regex && regex_search(m->regex, key, &m->scratch) != REGEX_NO_MATCH;
	if (!slice_has_suffix(text, SLICE(".*")))
		return slice_equal(text, key);
	text.len -= 2;
	return slice_has_prefix(key, text) && (key.len == text.len || key.ptr[text.len] == '.');
}

/* Keys that have nothing in common: an expression that matches several of them has no bounds. */
static bool is_unbounded(struct matcher *m)
{
	static const char *const kinds[] = {"gen_ai.input.messages",
					    "input.value",
					    "db.statement",
					    "exception.message",
					    "url.query",
					    "http.request.header.cookie",
					    "ai.prompt",
					    "QUESTION",
					    "user-text",
					    "app_note",
					    "llm.completions.0",
					    "x1"};
	enum { KINDS_MAX = 3 };
	size_t count = 0;
	for (size_t i = 0; m->regex && i < ARRAY_COUNT(kinds); i++)
		count += matches(m, slice_str(kinds[i]));
	return count > KINDS_MAX;
}

/* ---- what the table denies ---- */

struct holes {
	struct matcher *allowed;
	const struct policy_row *row; /* being looked at */
	const struct policy_row *first;
	size_t count;
};

/* Whether the row's ${pattern} and the allowed one have a key in common, as far as one of them names
 * one: two expressions are not compared. */
static bool take_pattern(void *arg, struct slice pattern)
{
	struct holes *holes = arg;
	struct slice allowed = holes->allowed->text;
	bool common = false;
	if (pattern.ptr[0] != '/') {
		struct slice key = pattern;
		if (slice_has_suffix(key, SLICE(".*")))
			key.len -= 2;
		common = matches(holes->allowed, key);
	} else if (allowed.ptr[0] != '/') {
		struct matcher row;
		if (slice_has_suffix(allowed, SLICE(".*")))
			allowed.len -= 2;
		common = matcher_init(&row, pattern) && matches(&row, allowed);
		matcher_fini(&row);
	}
	if (common && holes->count++ == 0)
		holes->first = holes->row;
	return true;
}

static bool denies(const struct policy_row *row)
{
	return (row->action == ACTION_DROP && row->when != WHEN_STRICT) ||
	       row->action == ACTION_REPLACE;
}

static void warn_of_holes(struct matcher *m, struct config_loc loc, const char *path,
			  struct config_report *report)
{
	struct holes holes = {.allowed = m};
	for (size_t i = 0; i < policy_row_count; i++) {
		holes.row = &policy_rows[i];
		if (denies(holes.row))
			(void)policy_expand(holes.row->pattern, take_pattern, &holes);
	}
	if (holes.first)
		config_problem(report, CONFIG_WARNING, loc, path, NULL,
			       "allow: \"%.*s\" lets through what the table denies: %s (%s)%s",
			       SLICE_FMT(m->text), holes.first->pattern, holes.first->reason,
			       holes.count > 1 ? " and more" : "");
}

void allow_check(const char *pattern, struct config_loc loc, const char *path,
		 struct config_report *report)
{
	struct matcher m;
	if (pattern[0] == 0 || !matcher_init(&m, slice_str(pattern)))
		return;
	if (is_unbounded(&m))
		config_problem(
			report, CONFIG_ERROR, loc, path, NULL,
			"allow: \"%s\" matches keys of all kinds: name the keys, or begin the "
			"expression with what their names begin with",
			pattern);
	else
		warn_of_holes(&m, loc, path, report);
	matcher_fini(&m);
}
