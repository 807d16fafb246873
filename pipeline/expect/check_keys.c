/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of which attribute keys there are. */
#include "pipeline/expect/trial.h"

struct key_pattern {
	struct slice key;
	bool below; /* it was written key.*: all that begin with "key.", too */
};

struct key_patterns {
	struct key_pattern *at;
	size_t count;
};

static bool patterns_parse(struct loading *loading, const struct config_node *node,
			   struct check *check)
{
	struct key_patterns *patterns = load_alloc(loading, 1, sizeof(*patterns));
	size_t count;
	const struct config_node *const *items = load_items(&node, &count);
	if (patterns)
		patterns->at = load_alloc(loading, count, sizeof(*patterns->at));
	for (size_t i = 0; patterns && patterns->at && i < count; i++) {
		struct key_pattern *pattern = &patterns->at[patterns->count++];
		pattern->key = items[i]->text;
		pattern->below = slice_has_suffix(pattern->key, SLICE(".*"));
		pattern->key.len -= pattern->below ? 2 : 0;
		if (items[i]->kind != CONFIG_SCALAR || pattern->key.len == 0 ||
		    memchr(pattern->key.ptr, '*', pattern->key.len))
			return load_problem(loading, items[i]->loc,
					    "expected a key, or a.b.* for all below a.b");
	}
	check->params = patterns;
	return patterns && patterns->at && count > 0;
}

static const struct key_pattern *find_pattern(const struct key_patterns *patterns, struct slice key)
{
	for (size_t i = 0; i < patterns->count; i++) {
		const struct key_pattern *pattern = &patterns->at[i];
		if (slice_equal(key, pattern->key) ||
		    (pattern->below && key.len > pattern->key.len &&
		     key.ptr[pattern->key.len] == '.' && slice_has_prefix(key, pattern->key)))
			return pattern;
	}
	return NULL;
}

static bool miss_key(struct trial *trial, const struct check *check, const char *why,
		     struct owner owner, const struct attr_view *attr, bool from_peer)
{
	if (!trial->listener) {
		trial->misses++;
		return false;
	}
	return trial_miss(trial,
			  &(struct expect_miss){
				  .loc = check->loc,
				  .wanted = check->key,
				  .why = why,
				  .found_count = 1,
				  .found = {{.what = attr->key,
					     .key = attr->key,
					     .from_peer = from_peer,
					     .value = view_attr_value(trial->view, owner, attr)}},
			  });
}

static const char *const places[OWNER_KIND_COUNT] = {
	[OWNER_RESOURCE] = "stands on the resource", [OWNER_SCOPE] = "stands on the scope",
	[OWNER_SPAN] = "stands on the span",	     [OWNER_EVENT] = "stands on an event",
	[OWNER_LINK] = "stands on a link",
};

static bool absent_span(struct trial *trial, const struct check *check, uint32_t span)
{
	const struct key_patterns *patterns = check->params;
	struct owner_walk walk = {.span = span};
	struct owner owner;
	bool passes = true;
	while (trial_next_owner(trial, &walk, &owner)) {
		struct attr_cursor cursor = view_attrs(trial->view, owner);
		struct attr_view attr;
		while (view_next_attr(trial->view, &cursor, &attr)) {
			const struct key_pattern *pattern = find_pattern(patterns, attr.key);
			if (pattern)
				passes = miss_key(trial, check, places[owner.kind], owner, &attr,
						  pattern->below);
		}
	}
	return passes;
}

const struct check_type check_type_absent = {.parse = patterns_parse, .span = absent_span};

static bool only_span(struct trial *trial, const struct check *check, uint32_t span)
{
	struct owner owner = {OWNER_SPAN, span};
	struct attr_cursor cursor = view_attrs(trial->view, owner);
	struct attr_view attr;
	bool passes = true;
	while (view_next_attr(trial->view, &cursor, &attr)) {
		if (!find_pattern(check->params, attr.key))
			passes =
				miss_key(trial, check, "is not among the keys", owner, &attr, true);
	}
	return passes;
}

const struct check_type check_type_only = {.parse = patterns_parse, .span = only_span};

/* ---- by the policy -------------------------------------------------------------------------- */

static bool denied_keys_parse(struct loading *loading, const struct config_node *node,
			      struct check *check)
{
	struct bounds *bounds = load_alloc(loading, 1, sizeof(*bounds));
	loading->expectation->needs_denied_keys = true;
	check->params = bounds;
	return bounds && bounds_parse(loading, node, BOUNDS_COUNT, bounds);
}

static uint32_t count_denied(struct trial *trial, uint32_t span, struct owner *ret_owner,
			     struct attr_view *ret_attr)
{
	struct owner_walk walk = {.span = span};
	struct owner owner;
	uint32_t count = 0;
	while (trial_next_owner(trial, &walk, &owner)) {
		struct attr_cursor cursor = view_attrs(trial->view, owner);
		struct attr_view attr;
		while (view_next_attr(trial->view, &cursor, &attr)) {
			struct value value = view_attr_value(trial->view, owner, &attr);
			if (!trial->env->key_is_denied(trial->env->arg, attr.key, value))
				continue;
			*ret_owner = owner;
			*ret_attr = attr;
			count++;
		}
	}
	return count;
}

static bool denied_keys_span(struct trial *trial, const struct check *check, uint32_t span)
{
	const struct bounds *bounds = check->params;
	struct owner owner = {OWNER_SPAN, span};
	struct attr_view attr = {.at = VIEW_NO_ATTR};
	uint32_t count = count_denied(trial, span, &owner, &attr);
	if (bounds_hold(*bounds, count))
		return true;
	if (count > 0 && count > bounds->max)
		return miss_key(trial, check, "is denied by the policy", owner, &attr, true);
	return trial_miss_bounds(trial, check->loc, check->key, "the number of denied keys",
				 *bounds, count, false);
}

const struct check_type check_type_denied_keys = {.parse = denied_keys_parse,
						  .span = denied_keys_span};
