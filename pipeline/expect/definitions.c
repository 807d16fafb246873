/* SPDX-License-Identifier: Apache-2.0 */
/* Names for conditions: a file's own, and the sets of the vocabulary. */
#include "pipeline/expect/expect_internal.h"

enum name_form { FORM_NAME, FORM_MATCH, FORM_WHERE };

static const struct {
	const char *set, *role, *releases, *text;
	enum name_form form;
} names[] = {
#define SPAN_NAME(set, role, releases, name) {set, role, releases, name, FORM_NAME},
#define SPAN_MATCH(set, role, releases, re) {set, role, releases, re, FORM_MATCH},
#define SPAN_WHERE(set, role, releases, ottl) {set, role, releases, ottl, FORM_WHERE},
#include "pipeline/vocabulary/span_names.def"
};

enum { SETS_MAX = 16 };

bool definition_add(struct loading *loading, struct slice name, struct config_loc loc,
		    const struct config_node *node, struct slice text)
{
	uint32_t condition;
	if (!selector_is_name(name))
		return load_problem(loading, loc,
				    "a name is made of letters, digits, '_', '-' and '.'");
	for (uint32_t i = 0; i < loading->definition_count; i++) {
		const struct definition *known = &loading->definitions[i];
		if (!slice_equal(known->name, name))
			continue;
		return slice_equal(known->text, text) ||
		       load_problem(loading, loc, "\"%.*s\" is defined twice, and differently",
				    SLICE_FMT(name));
	}
	name = arena_copy(loading->arena, name);
	if (!name.ptr || !condition_add(loading, node, text, name, &condition))
		return false;
	/* There is a condition for each definition, so this is bounded as those are. */
	loading->definitions[loading->definition_count++] =
		(struct definition){name, text, condition};
	return true;
}

static bool is_word_of(struct slice word, const char *words)
{
	for (struct slice rest = slice_str(words); rest.len > 0;) {
		const uint8_t *blank = memchr(rest.ptr, ' ', rest.len);
		size_t len = blank ? (size_t)(blank - rest.ptr) : rest.len;
		if (slice_equal(slice_of(rest.ptr, len), word))
			return true;
		len += blank ? 1 : 0;
		rest = slice_of(rest.ptr + len, rest.len - len);
	}
	return false;
}

static bool of_release(size_t row, struct slice release)
{
	return release.len == 0 || !*names[row].releases ||
	       is_word_of(release, names[row].releases);
}

static bool starts_role(size_t row)
{
	return row == 0 || strcmp(names[row].set, names[row - 1].set) != 0 ||
	       strcmp(names[row].role, names[row - 1].role) != 0;
}

/* Adds the role whose rows begin at ${row}. */
static bool import_role(struct loading *loading, size_t row, struct slice release,
			struct config_loc loc)
{
	static const char *const forms[] = {
		[FORM_NAME] = "name == \"%s\"",
		[FORM_MATCH] = "IsMatch(name, \"%s\")",
		[FORM_WHERE] = "(%s)",
	};
	struct slice role = slice_str(names[row].role);
	struct buf text = BUF_INIT;
	do {
		if (!of_release(row, release))
			continue;
		const char *form = forms[names[row].form], *hole = strstr(form, "%s");
		buf_append_str(&text, text.len > 0 ? " or " : "");
		buf_append(&text, slice_of(form, (size_t)(hole - form)));
		buf_append_str(&text, names[row].text);
		buf_append_str(&text, hole + 2);
	} while (++row < ARRAY_COUNT(names) && !starts_role(row));
	struct slice copy = arena_copy(loading->arena, buf_slice(&text));
	bool failed = text.failed || !copy.ptr;
	buf_fini(&text);
	loading->no_memory = loading->no_memory || failed;
	return failed	       ? false
	       : copy.len == 0 ? true
			       : definition_add(loading, role, loc, NULL, copy);
}

static bool no_such_set(struct loading *loading, struct slice set, struct config_loc loc)
{
	const char *sets[SETS_MAX];
	size_t count = 0;
	for (size_t row = 0; row < ARRAY_COUNT(names) && count < SETS_MAX; row++) {
		if (count == 0 || strcmp(sets[count - 1], names[row].set) != 0)
			sets[count++] = names[row].set;
	}
	config_problem(loading->report, CONFIG_ERROR, loc, loading->path,
		       config_nearest(set, sets, count),
		       "there are no definitions of \"%.*s\": neither a built-in set nor a path",
		       SLICE_FMT(set));
	return false;
}

static bool no_such_release(struct loading *loading, struct slice set, struct slice release,
			    struct config_loc loc)
{
	return load_problem(loading, loc, "no release \"%.*s\" is known of \"%.*s\"",
			    SLICE_FMT(release), SLICE_FMT(set));
}

bool definitions_import(struct loading *loading, struct slice name, struct config_loc loc)
{
	const uint8_t *sign = name.len > 0 ? memchr(name.ptr, '@', name.len) : NULL;
	struct slice set = name, release = SLICE("");
	bool known = false, released = !sign, ok = true;
	if (sign) {
		set.len = (size_t)(sign - name.ptr);
		release = slice_of(sign + 1, name.len - set.len - 1);
	}
	for (size_t row = 0; row < ARRAY_COUNT(names); row++) {
		if (!slice_equal(slice_str(names[row].set), set))
			continue;
		known = true;
		released = released || is_word_of(release, names[row].releases);
		if (starts_role(row))
			ok = import_role(loading, row, release, loc) && ok;
	}
	if (!known)
		return no_such_set(loading, set, loc);
	return released ? ok : no_such_release(loading, set, release, loc);
}

void expect_document_names(struct buf *out)
{
	buf_append_str(out, "| import | name | span name or condition | releases |\n"
			    "| --- | --- | --- | --- |\n");
	for (size_t row = 0; row < ARRAY_COUNT(names); row++) {
		const char *form = names[row].form == FORM_MATCH ? "matches " : "";
		buf_printf(out, "| `%s` | `%s` | %s`%s` | %s |\n", names[row].set, names[row].role,
			   form, names[row].text,
			   *names[row].releases ? names[row].releases : "all");
	}
}
