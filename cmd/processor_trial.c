/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What pipeline/graph does for a processor in a pipeline, for one that stands alone: its settings are
 * bound, it is created with metrics, keys and trace memory of its own, the key table is frozen.
 */
#include "cmd/processor_trial.h"

#include "pipeline/config/load.h"

#include <stdio.h>
#include <string.h>

enum { ARENA_BYTES_MAX = 64 << 20 };

/* The settings of the first processor of ${type} in the configuration; NULL: its defaults. */
static const struct config_node *find_settings(const struct config_node *root, const char *type)
{
	const struct config_node *processors = root ? config_get(root, "processors") : NULL;
	struct slice name = slice_str(type);
	for (size_t i = 0; processors && i < processors->count; i++) {
		struct slice key = processors->entries[i].key;
		bool named = slice_has_prefix(key, name) &&
			     (key.len == name.len || key.ptr[name.len] == '/');
		if (named)
			return processors->entries[i].node;
	}
	return NULL;
}

static bool make(struct processor_trial *t, const struct config_node *settings)
{
	struct err err;
	const char *path = arena_printf(&t->arena, "processors.%s", t->type->names[0]);
	void *config = arena_calloc(&t->arena, 1, t->type->config->struct_size);
	if (path && config)
		config_bind(t->type->config, settings, path, config, &t->report);
	const struct component_env env = {.id = t->type->names[0],
					  .path = path,
					  .metrics = t->metrics,
					  .budget = &t->budget,
					  .keys = t->keys,
					  .arena = &t->arena,
					  .memory = t->memory};
	if (path && config && t->report.error_count == 0)
		t->self = component_create(t->type, &env, config, &t->report);
	bool has_state = t->type->processor->shard_new != NULL;
	if (t->self && has_state)
		t->state = t->type->processor->shard_new(t->self);
	if (!t->self || (has_state && !t->state) || key_table_freeze(t->keys, &err) != 0)
		return false;
	t->view = view_new(&t->budget, t->keys);
	return t->view && view_use_patterns(t->view, &err) == 0;
}

bool processor_trial_init(struct processor_trial *trial, const char *type,
			  const struct option_list *configs, const struct option_list *sets)
{
	const struct config_node *root = NULL;
	*trial = (struct processor_trial){.type = component_find(COMPONENT_PROCESSOR, type),
					  .metrics = metrics_new(),
					  .keys = key_table_new()};
	budget_init(&trial->budget, UINT64_MAX);
	trial->memory = trace_memory_new(&trial->budget, NULL);
	arena_init(&trial->arena, NULL, ARENA_BYTES_MAX);
	config_report_init(&trial->report, &trial->arena);
	const struct config_load load = {.uris = configs ? configs->at : NULL,
					 .uri_count = configs ? configs->count : 0,
					 .sets = sets ? sets->at : NULL,
					 .set_count = sets ? sets->count : 0};
	if (load.uri_count + load.set_count > 0) {
		root = config_load(&load, &trial->report);
		if (!root)
			return false;
	}
	return trial->metrics && trial->keys && trial->memory &&
	       make(trial, find_settings(root, type));
}

void processor_trial_fini(struct processor_trial *trial)
{
	const struct processor_ops *ops = trial->type->processor;
	struct buf text = BUF_INIT;
	config_report_print(&trial->report, CONFIG_ERROR, &text);
	config_report_print(&trial->report, CONFIG_WARNING, &text);
	fputs(buf_cstr(&text), stderr);
	buf_fini(&text);
	view_free(trial->view);
	if (trial->state)
		ops->shard_free(trial->state);
	if (trial->self)
		ops->destroy(trial->self);
	trace_memory_free(trial->memory);
	metrics_free(trial->metrics);
	key_table_free(trial->keys);
	arena_fini(&trial->arena);
}

int processor_trial_run(struct processor_trial *trial, struct slice body, struct err *err)
{
	const struct processor_ops *ops = trial->type->processor;
	if (view_open(trial->view, body, err) != 0)
		return -1;
	if (ops->process(trial->self, trial->state, trial->view, err) == OUTCOME_TAKEN) {
		tally_forget(edit_tally(trial->view));
		return 0;
	}
	view_close(trial->view);
	return -1;
}
