/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From expectation files to struct expectations. Each file is read by pipeline/config, which knows
 * places and variables; then its imports, its definitions, its expectations, in this order. Problems
 * are collected: one run shows all.
 */
#include "pipeline/expect/expect_internal.h"

/* ---- files ---------------------------------------------------------------------------------- */

struct file_block {
	struct config_strings import;
	const struct config_node *define;
	struct config_blocks expect;
};

static const struct config_field file_fields[] = {
	CONFIG_STRING_LIST(struct file_block, import, "import",
			   "Definitions by release (llm-d, llm-d@v0.9, vllm, semantic-router, "
			   "gen_ai), or files: a path with a slash or the end .yaml."),
	CONFIG_NODE(struct file_block, define, "define",
		    "Names for OTTL conditions on spans, to be used as selectors."),
	CONFIG_SUB_LIST(struct file_block, expect, "expect", &expectation_block,
			"What is expected."),
};
static const struct config_block file_block = CONFIG_BLOCK(struct file_block, file_fields);

static void read_definitions(struct loading *loading, const struct config_node *define)
{
	if (!define || define->kind == CONFIG_NULL)
		return;
	loading->path = "define";
	if (define->kind != CONFIG_MAP) {
		(void)load_problem(loading, define->loc,
				   "'define' must be a map of names to OTTL conditions");
		return;
	}
	for (size_t i = 0; i < define->count; i++) {
		const struct config_entry *entry = &define->entries[i];
		const char *path =
			arena_printf(loading->arena, "define.%.*s", SLICE_FMT(entry->key));
		loading->path = path ? path : "define";
		if (entry->node->kind != CONFIG_SCALAR)
			(void)load_problem(loading, entry->key_loc,
					   "a definition must be one OTTL condition");
		else
			(void)definition_add(loading, entry->key, entry->key_loc, entry->node,
					     entry->node->text);
	}
}

static void read_file(struct loading *loading, const struct config_load *load, unsigned depth);

static bool is_path(struct slice import)
{
	return memchr(import.ptr, '/', import.len) || slice_has_suffix(import, SLICE(".yaml")) ||
	       slice_has_suffix(import, SLICE(".yml"));
}

/* ${import} as seen from the file ${from}. */
static const char *path_from(struct loading *loading, const char *from, struct slice import)
{
	const char *slash = from && import.ptr[0] != '/' ? strrchr(from, '/') : NULL;
	int folder = slash ? (int)(slash - from) + 1 : 0;
	return arena_printf(loading->arena, "%.*s%.*s", folder, folder ? from : "",
			    SLICE_FMT(import));
}

static void read_imports(struct loading *loading, const struct config_strings *imports,
			 unsigned depth)
{
	for (size_t i = 0; i < imports->count; i++) {
		struct slice import = slice_str(imports->at[i]);
		struct config_loc loc = imports->nodes[i]->loc;
		loading->path = "import";
		if (import.len == 0 || !is_path(import)) {
			(void)definitions_import(loading, import, loc);
			continue;
		}
		const struct config_loc loc_before = loading->report->loc;
		const char *path = path_from(loading, loc.file, import);
		struct config_load load = *loading->load;
		load.uris = &path;
		load.uri_count = 1;
		load.sets = NULL;
		load.set_count = 0;
		loading->report->loc = loc; /* of what has no place of its own: no such file */
		if (depth >= EXPECT_IMPORT_DEPTH_MAX)
			(void)load_problem(loading, loc, "files import files deeper than %d",
					   EXPECT_IMPORT_DEPTH_MAX);
		else if (path)
			read_file(loading, &load, depth + 1);
		loading->report->loc = loc_before;
	}
}

static void read_file(struct loading *loading, const struct config_load *load, unsigned depth)
{
	struct file_block file = {0};
	const struct config_node *root = config_load(load, loading->report);
	if (!root)
		return;
	config_bind(&file_block, root, "", &file, loading->report);
	read_imports(loading, &file.import, depth);
	read_definitions(loading, file.define);
	const struct config_node *expect = config_get(root, "expect");
	for (size_t i = 0; i < file.expect.count; i++) {
		if (expect->items[i]->kind == CONFIG_MAP)
			expectation_read(loading, expect->items[i], file.expect.at[i], i);
	}
}

/* The Collector's stages and their heads mean nothing here. */
static void clear_stages(struct config_report *report)
{
	for (struct config_problem *problem = report->first; problem; problem = problem->next)
		problem->stage = CONFIG_STAGE_BUILD;
}

const struct expectations *expect_load(const struct config_load *load, struct key_table *keys,
				       struct config_report *report)
{
	struct loading loading = {
		.load = load,
		.report = report,
		.arena = report->arena,
		.keys = keys,
		.path = "",
		.errors_before = report->error_count,
	};
	struct expectations *e = loading.e = load_alloc(&loading, 1, sizeof(*e));
	if (e)
		e->at = load_alloc(&loading, EXPECTATIONS_MAX, sizeof(*e->at));
	if (e)
		e->conditions = load_alloc(&loading, EXPECT_SELECTORS_MAX, sizeof(*e->conditions));
	loading.definitions =
		load_alloc(&loading, EXPECT_SELECTORS_MAX, sizeof(*loading.definitions));
	/* Each by itself: a merge would put the later list in the place of the earlier. */
	for (size_t i = 0; !loading.no_memory && i < load->uri_count; i++) {
		struct config_load one = *load;
		one.uris = &load->uris[i];
		one.uri_count = 1;
		read_file(&loading, &one, 0);
	}
	clear_stages(report);
	loading.path = "";
	if (loading.no_memory || report->arena->exhausted)
		(void)load_problem(&loading, (struct config_loc){0}, "no memory");
	else if (e->count == 0 && report->error_count == loading.errors_before)
		(void)load_problem(&loading, (struct config_loc){.file = load->uris[0]},
				   "there are no expectations");
	if (report->error_count == loading.errors_before)
		return e;
	expect_free(e);
	return NULL;
}

void expect_free(const struct expectations *expectations)
{
	const struct freed_with_expectations *kept =
		expectations ? expectations->first_freed : NULL;
	for (; kept; kept = kept->next) {
		ottl_condition_free(kept->condition);
		ottl_value_free(kept->value);
		regex_free(kept->regex);
	}
}

uint32_t expect_count(const struct expectations *expectations)
{
	return expectations->count;
}

struct expect_head expect_head(const struct expectations *expectations, uint32_t at)
{
	const struct expectation *expectation = expectations->at[at];
	return (struct expect_head){expectation->title, expectation->loc, expectation->scope};
}

void expect_document(struct buf *out)
{
	config_block_document(&file_block, out);
}
