/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all parts of a load need: a problem with its place, memory that lives as long as the
 * expectations, the list or the single item that a key may hold.
 */
#include "pipeline/expect/expect_internal.h"

#include <stdarg.h>
#include <stdio.h>

bool load_problem(struct loading *loading, struct config_loc loc, const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	config_problem(loading->report, CONFIG_ERROR, loc, loading->path, NULL, "%s", text);
	return false;
}

void *load_alloc(struct loading *loading, size_t count, size_t size)
{
	void *memory = arena_calloc(loading->arena, count > 0 ? count : 1, size);
	loading->no_memory = loading->no_memory || !memory;
	return memory;
}

bool load_keep(struct loading *loading, const struct ottl_condition *condition,
	       const struct ottl_value *value, struct regex *regex)
{
	struct freed_with_expectations *kept = load_alloc(loading, 1, sizeof(*kept));
	if (!kept) {
		ottl_condition_free(condition);
		ottl_value_free(value);
		regex_free(regex);
		return false;
	}
	*kept = (struct freed_with_expectations){loading->e->first_freed, condition, value, regex};
	loading->e->first_freed = kept;
	return true;
}

bool load_bind(struct loading *loading, const struct config_block *block,
	       const struct config_node *node, void *config)
{
	size_t errors = loading->report->error_count;
	config_bind_named(block, node, loading->path, loading->path, config, loading->report);
	return loading->report->error_count == errors;
}

const struct config_node *const *load_items(const struct config_node *const *node,
					    size_t *ret_count)
{
	bool is_list = (*node)->kind == CONFIG_LIST;
	*ret_count = is_list ? (*node)->count : 1;
	return is_list ? (const struct config_node *const *)(*node)->items : node;
}

struct config_loc load_place(const struct config_node *node, uint64_t offset)
{
	struct config_loc loc = node->loc;
	bool one_line = node->text.len == 0 || !memchr(node->text.ptr, '\n', node->text.len);
	if (one_line && loc.column > 0 && offset <= node->text.len)
		loc.column += (uint32_t)offset + (node->literal_string ? 1 : 0);
	return loc;
}
