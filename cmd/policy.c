/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sluice policy table, sluice policy explain KEY [VALUE]: what metadata_only does, and why. With
 * --config the processor's settings of that configuration hold, else its defaults. Opens nothing.
 */
#include "cmd/commands.h"
#include "cmd/options.h"
#include "pipeline/config/load.h"
#include "pipeline/graph/component.h"
#include "processors/metadata_only/explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_BYTES_MAX = 64 << 20 };

/* A metadata_only that no graph holds. */
struct trial {
	struct arena arena;
	struct config_report report;
	struct budget budget;
	struct metrics *metrics;
	struct key_table *keys;
	void *self, *state;
	struct trace_view *view;
};

static const struct component_type *policy_type(void)
{
	return component_find(COMPONENT_PROCESSOR, "metadata_only");
}

/* The first metadata_only under processors of the configuration; NULL: none, with its defaults. */
static const struct config_node *find_settings(const struct config_node *root, const char **ret_id)
{
	const struct config_node *processors = root ? config_get(root, "processors") : NULL;
	static const struct slice name = SLICE_INIT("metadata_only");
	*ret_id = "metadata_only";
	for (size_t i = 0; processors && i < processors->count; i++) {
		struct slice key = processors->entries[i].key;
		bool named = slice_has_prefix(key, name) &&
			     (key.len == name.len || key.ptr[name.len] == '/');
		if (named)
			return processors->entries[i].node;
	}
	return NULL;
}

static bool trial_make(struct trial *t, const struct option_list *configs,
		       const struct option_list *sets)
{
	const struct component_type *type = policy_type();
	const struct config_load load = {.uris = configs->at,
					 .uri_count = configs->count,
					 .sets = sets->at,
					 .set_count = sets->count};
	const struct config_node *root = NULL;
	const char *id;
	struct err err = {0};
	if (configs->count + sets->count > 0) {
		root = config_load(&load, &t->report);
		if (!root)
			return false;
	}
	const struct config_node *node = find_settings(root, &id);
	void *config = arena_calloc(&t->arena, 1, type->config->struct_size);
	if (!config || !t->metrics || !t->keys)
		return false;
	config_bind(type->config, node, "processors.metadata_only", config, &t->report);
	const struct component_env env = {.id = id,
					  .path = "processors.metadata_only",
					  .metrics = t->metrics,
					  .budget = &t->budget,
					  .keys = t->keys,
					  .arena = &t->arena};
	if (t->report.error_count > 0)
		return false;
	t->self = type->processor->create(&env, config, &t->report);
	t->state = t->self ? type->processor->shard_new(t->self) : NULL;
	if (!t->state || key_table_freeze(t->keys, &err))
		return false;
	t->view = view_new(&t->budget, t->keys);
	return t->view && view_use_patterns(t->view, &err) == 0;
}

static void trial_init(struct trial *t)
{
	*t = (struct trial){.metrics = metrics_new(), .keys = key_table_new()};
	budget_init(&t->budget, UINT64_MAX);
	arena_init(&t->arena, NULL, ARENA_BYTES_MAX);
	config_report_init(&t->report, &t->arena);
}

static void trial_fini(struct trial *t)
{
	const struct component_type *type = policy_type();
	struct buf text = BUF_INIT;
	config_report_print(&t->report, CONFIG_ERROR, &text);
	config_report_print(&t->report, CONFIG_WARNING, &text);
	fputs(buf_cstr(&text), stderr);
	buf_fini(&text);
	view_free(t->view);
	if (t->state)
		type->processor->shard_free(t->state);
	if (t->self)
		type->processor->destroy(t->self);
	metrics_free(t->metrics);
	key_table_free(t->keys);
	arena_fini(&t->arena);
}

static int explain(const char *key, const char *value, const struct option_list *configs,
		   const struct option_list *sets)
{
	struct trial trial;
	struct buf out = BUF_INIT;
	struct err err = {0};
	trial_init(&trial);
	bool done =
		trial_make(&trial, configs, sets) &&
		explain_attribute(trial.self, trial.state, trial.view, key, value, &out, &err) == 0;
	if (done)
		fwrite(out.data, 1, out.len, stdout);
	else if (err.msg[0])
		fprintf(stderr, "Error: %s\n", err.msg);
	buf_fini(&out);
	trial_fini(&trial);
	return done ? 0 : 1;
}

static int print_table(void)
{
	struct buf out = BUF_INIT;
	explain_table(&out);
	fwrite(out.data, 1, out.len, stdout);
	buf_fini(&out);
	return 0;
}

int command_policy(int argc, char **argv)
{
	static const char synopsis[] = "sluice policy table\n"
				       "  sluice policy explain KEY [VALUE] [--config FILE]";
	struct option_list configs = {0}, sets = {0};
	const struct option_spec specs[] = {
		{"--config", 0, OPTION_LIST, &configs, "URI",
		 "As for run: the settings of its metadata_only; default: none."},
		{"--set", 0, OPTION_LIST, &sets, "a.b.c=v",
		 "Set one value, e.g. processors.metadata_only.mode=strict."},
	};
	int words = 1; /* argv[0], then those that are no option */
	while (words < argc && argv[words][0] != '-')
		words++;
	switch (options_parse(specs, ARRAY_COUNT(specs), argc - words + 1, argv + words - 1)) {
	case OPTIONS_OK: break;
	case OPTIONS_BAD: return 1;
	case OPTIONS_HELP:
		options_help(synopsis,
			     "Says which rule of metadata_only decides about an attribute, and "
			     "why; or prints the table.",
			     specs, ARRAY_COUNT(specs));
		return 0;
	}
	if (words == 2 && strcmp(argv[1], "table") == 0)
		return print_table();
	if ((words == 3 || words == 4) && strcmp(argv[1], "explain") == 0)
		return explain(argv[2], words == 4 ? argv[3] : NULL, &configs, &sets);
	fprintf(stderr, "Error: usage:\n  %s\n", synopsis);
	return 1;
}
