/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of keys, put together only when a message needs one. */
#include "pipeline/config/internal.h"

/* Recursion follows the tree's levels, at most CONFIG_DEPTH_MAX and a few of the field tables. */
static const char *render(const struct config_scope *scope, bool name, struct arena *arena)
{
	if (!scope->parent)
		return name ? scope->name : scope->path;
	const char *above = render(scope->parent, name, arena), *text;
	if (!scope->key.ptr)
		text = arena_printf(arena, "%s[%zu]", above, scope->index);
	else
		text = arena_printf(arena, "%s%s%.*s", above, *above ? "." : "",
				    SLICE_FMT(scope->key));
	return text ? text : "";
}

const char *config_scope_path(const struct config_scope *scope, struct arena *arena)
{
	return render(scope, false, arena);
}

const char *config_scope_name(const struct config_scope *scope, struct arena *arena)
{
	return render(scope, true, arena);
}
