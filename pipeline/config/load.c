/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One load: each --config source is read, parsed, unwrapped and laid over the ones before it, then
 * each --set; references are expanded last, in the merged tree, as the Collector does, so that a
 * later source may replace a reference before anything looks at it.
 */
#include "pipeline/config/internal.h"

static const struct config_loc nowhere = {0};

/* ---- reading a --config source ---- */

static bool read_file(struct config_loader *loader, struct slice path, struct slice *ret_text,
		      const char **ret_name)
{
	struct err err;
	*ret_name = (const char *)arena_copy(loader->report->arena, path).ptr;
	if (!*ret_name)
		return false;
	if (config_read_file(loader, *ret_name, ret_text, &err))
		return true;
	config_problem(loader->report, CONFIG_ERROR, nowhere, "", NULL, "%s", err.msg);
	return false;
}

static bool read_env(struct config_loader *loader, struct slice name, struct slice *ret_text,
		     const char **ret_name)
{
	struct config_report *report = loader->report;
	*ret_name = arena_printf(report->arena, "env:%.*s", SLICE_FMT(name));
	if (!*ret_name)
		return false;
	struct config_loc loc = {.file = *ret_name};
	if (!config_env_name_valid(name)) {
		config_problem(report, CONFIG_ERROR, loc, "", NULL,
			       "environment variable \"%.*s\" has invalid name: must match regex "
			       "^[a-zA-Z_][a-zA-Z0-9_]*$",
			       SLICE_FMT(name));
		return false;
	}
	const char *value = config_read_env(loader, *ret_name + strlen("env:"));
	if (!value)
		config_problem(report, CONFIG_WARNING, loc, "", NULL,
			       "Configuration references unset environment variable \"%.*s\"",
			       SLICE_FMT(name));
	*ret_text = slice_str(value);
	if (ret_text->len <= CONFIG_SOURCE_BYTES_MAX && ret_text->len <= loader->quota.bytes)
		return true;
	config_problem(report, CONFIG_ERROR, loc, "", NULL, "the variable is larger than %d bytes",
		       CONFIG_SOURCE_BYTES_MAX);
	return false;
}

static bool refuse_scheme(struct config_loader *loader, struct slice scheme, struct slice uri)
{
	bool http = slice_equal(scheme, SLICE("http")) || slice_equal(scheme, SLICE("https"));
	config_problem(loader->report, CONFIG_ERROR, nowhere, "", NULL,
		       "scheme \"%.*s\" is not supported for uri "
		       "\"%.*s\" (supported: file, env, yaml)%s",
		       SLICE_FMT(scheme), SLICE_FMT(uri),
		       http ? ": download it and give the file" : "");
	return false;
}

static bool read_source(struct config_loader *loader, struct slice uri, struct slice *ret_text,
			const char **ret_name)
{
	struct slice rest, scheme = config_uri_scheme(uri, &rest);
	if (scheme.len == 0 || slice_equal(scheme, SLICE("file")))
		return read_file(loader, rest, ret_text, ret_name);
	if (slice_equal(scheme, SLICE("env")))
		return read_env(loader, rest, ret_text, ret_name);
	if (!slice_equal(scheme, SLICE("yaml")))
		return refuse_scheme(loader, scheme, uri);
	*ret_name = "yaml:";
	*ret_text = rest;
	return true;
}

/* ---- laying sources over one another ---- */

static struct config_node *too_large(struct config_loader *loader, const char *name)
{
	config_problem(loader->report, CONFIG_ERROR, (struct config_loc){.file = name}, "", NULL,
		       "the configuration is too large or nested too deeply");
	return NULL;
}

static const struct config_node *policies_of(const struct config_node *root)
{
	const struct config_node *service = config_get(root, "service");
	return service ? config_get(service, "policies") : NULL;
}

static bool names_policy(const struct config_node *policies, struct slice name)
{
	for (size_t i = 0; policies && policies->kind == CONFIG_LIST && i < policies->count; i++) {
		if (slice_equal(policies->items[i]->text, name))
			return true;
	}
	return false;
}

/* Lists are replaced, not merged: a later source must not take a policy out of service.policies by
 * the way. Who means to changes the source that names it. */
static void check_policies(struct config_loader *loader, const struct config_node *before,
			   const struct config_node *after, const char *name)
{
	const struct config_node *old = policies_of(before), *new = policies_of(after);
	for (size_t i = 0; old && old->kind == CONFIG_LIST && i < old->count; i++) {
		struct slice policy = old->items[i]->text;
		if (!names_policy(new, policy))
			config_problem(loader->report, CONFIG_ERROR, new ? new->loc : nowhere,
				       "service.policies", NULL,
				       "service::policies: %s takes out \"%.*s\", which an earlier "
				       "source enforces",
				       name, SLICE_FMT(policy));
	}
}

/* ${base} overlaid by ${over}, which came from ${name}. NULL with a problem reported. */
static struct config_node *lay_over(struct config_loader *loader, struct config_node *base,
				    struct config_node *over, const char *name)
{
	struct arena *arena = loader->report->arena;
	if (over->kind == CONFIG_NULL)
		return base;
	if (over->kind != CONFIG_MAP) {
		config_problem(loader->report, CONFIG_ERROR, over->loc, "", NULL,
			       "retrieved value (type=%s) cannot be used as a Conf",
			       over->kind == CONFIG_LIST ? "[]interface {}" : config_go_type(over));
		return NULL;
	}
	over = config_split_keys(arena, over, 1);
	struct config_node *merged = over ? config_merge(arena, base, over) : NULL;
	if (!merged)
		return too_large(loader, name);
	check_policies(loader, base, merged, name);
	return merged;
}

static struct config_node *add_source(struct config_loader *loader, struct config_node *base,
				      const char *uri)
{
	struct slice text = {NULL, 0};
	const char *name = NULL;
	if (!read_source(loader, slice_str(uri), &text, &name))
		return NULL;
	struct config_origin origin = {.file = name};
	struct config_documents documents;
	if (!config_yaml_parse(text, &origin, &loader->quota, loader->report, &documents))
		return NULL;
	struct config_node *over = config_resource_unwrap(loader, &documents, text, &origin);
	return over ? lay_over(loader, base, over, name) : NULL;
}

/* The key of "--set a.b.c=v" with the Collector's delimiter: "a::b::c". */
static struct slice set_key(struct arena *arena, struct slice dotted)
{
	uint8_t *key = arena_calloc(arena, dotted.len + 1, 2);
	size_t len = 0;
	if (!key)
		return slice_of(NULL, 0);
	for (size_t i = 0; i < dotted.len; i++) {
		key[len++] = dotted.ptr[i] == '.' ? ':' : dotted.ptr[i];
		if (dotted.ptr[i] == '.')
			key[len++] = ':';
	}
	return slice_of(key, len);
}

static struct config_node *add_set(struct config_loader *loader, struct config_node *base,
				   const char *set)
{
	struct arena *arena = loader->report->arena;
	const char *equals = strchr(set, '=');
	if (!equals) {
		config_problem(loader->report, CONFIG_ERROR, nowhere, "", NULL,
			       "invalid value \"%s\" for --set: expected a.b.c=value", set);
		return NULL;
	}
	struct slice dotted = slice_trim(slice_of(set, (size_t)(equals - set)));
	const char *name = arena_printf(arena, "--set %.*s", SLICE_FMT(dotted));
	struct config_origin origin = {.file = name, .fixed = {.file = name}};
	struct config_documents documents;
	struct config_entry entry = {.key = set_key(arena, dotted), .key_loc = origin.fixed};
	struct config_map map;
	if (!name || !config_yaml_parse(slice_str(equals + 1), &origin, &loader->quota,
					loader->report, &documents))
		return NULL;
	if (documents.count > 0)
		entry.node = documents.at[0];
	else
		entry.node = arena_calloc(arena, 1, sizeof(*entry.node));
	config_map_init(&map, arena);
	if (!entry.node || !entry.key.ptr || !config_map_add(&map, entry))
		return too_large(loader, name);
	struct config_node *over = config_map_finish(&map, origin.fixed);
	return over ? lay_over(loader, base, over, name) : too_large(loader, name);
}

/* All sources and sets in their order; a bad one is reported and left out. */
static struct config_node *merge_all(struct config_loader *loader, struct config_node *root)
{
	for (size_t i = 0; i < loader->load->uri_count; i++) {
		struct config_node *merged = add_source(loader, root, loader->load->uris[i]);
		root = merged ? merged : root;
	}
	for (size_t i = 0; i < loader->load->set_count; i++) {
		struct config_node *merged = add_set(loader, root, loader->load->sets[i]);
		root = merged ? merged : root;
	}
	return root;
}

const struct config_node *config_load(const struct config_load *load, struct config_report *report)
{
	struct config_loader loader = {
		.load = load,
		.report = report,
		.quota = {.nodes = CONFIG_NODES_MAX,
			  .bytes = CONFIG_TOTAL_BYTES_MAX,
			  .expansions = CONFIG_EXPANSIONS_ALL_MAX},
	};
	enum config_stage stage_before = report->stage;
	size_t errors_before = report->error_count;
	report->stage = CONFIG_STAGE_RESOLVE;
	struct config_node *root = arena_calloc(report->arena, 1, sizeof(*root));
	if (root) {
		root->kind = CONFIG_MAP;
		root->loc.file = "";
		root = merge_all(&loader, root);
	}
	if (load->uri_count + load->set_count == 0)
		config_problem(report, CONFIG_ERROR, nowhere, "", NULL,
			       "at least one config flag must be provided");
	/* Expansion also runs after a fault in one source, so that all problems show. */
	root = root ? config_expand(&loader, root) : NULL;
	if ((!root || report->arena->exhausted) && report->error_count == errors_before)
		(void)too_large(&loader, "");
	report->stage = stage_before;
	return report->error_count == errors_before ? root : NULL;
}
