/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists and maps are encoded once, when the graph is built, as the content of the message that they
 * are on the wire. The depth of a configuration is bounded, so the recursion is.
 */
#include "processors/attribute_actions/config_value.h"

#include "pipeline/trace/otlp/builder.h"

static struct value scalar_value(const struct config_node *node)
{
	switch (node->scalar) {
	case SCALAR_BOOL: return value_of_bool(config_bool_of(node));
	case SCALAR_INT: return value_of_int(config_int_of(node));
	case SCALAR_FLOAT: return value_of_double(config_double_of(node));
	case SCALAR_STRING: break;
	}
	return value_of_str(node->text);
}

/* Child ${at} of a list or a map, under its key in a map. */
static bool add_child(const struct component_env *env, struct trace_builder *builder,
		      const struct config_node *node, size_t at)
{
	struct value value;
	bool map = node->kind == CONFIG_MAP;
	if (!config_value_read(env, map ? node->entries[at].node : node->items[at], &value))
		return false;
	if (map)
		trace_builder_attr(builder, KVLIST_VALUES, node->entries[at].key, value);
	else
		trace_builder_value(builder, ARRAY_VALUE_VALUES, value);
	return true;
}

bool config_value_read(const struct component_env *env, const struct config_node *node,
		       struct value *ret_value)
{
	struct trace_builder builder;
	struct err err;
	bool ok = true;
	*ret_value = (struct value){.type = VALUE_EMPTY};
	if (node->kind == CONFIG_NULL)
		return true;
	if (node->kind == CONFIG_SCALAR) {
		*ret_value = scalar_value(node);
		return true;
	}
	trace_builder_init(&builder, env->budget);
	for (size_t i = 0; ok && i < node->count; i++)
		ok = add_child(env, &builder, node, i);
	struct chunk *chunk = ok ? trace_builder_take(&builder, 0, &err) : NULL;
	if (chunk) {
		ret_value->type = node->kind == CONFIG_MAP ? VALUE_KVLIST : VALUE_ARRAY;
		ret_value->bytes = arena_copy(env->arena, chunk_slice(chunk));
		ok = ret_value->bytes.ptr != NULL;
		chunk_unref(chunk);
	} else {
		ok = false;
	}
	trace_builder_fini(&builder);
	return ok;
}
