/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/langfuse_bench.h"

#include "pipeline/config/load.h"
#include "pipeline/trace/otlp/encode.h"
#include "pipeline/trace/otlp/span_map.h"

#include <stdio.h>
#include <stdlib.h>

/* Fuzz targets have no test that could fail: whatever is wrong here ends the program. */
static void require(bool fact, const char *what)
{
	if (fact)
		return;
	fprintf(stderr, "processor bench: %s\n", what);
	abort();
}

uint64_t bench_now_ns = UINT64_C(1000000000000);

static uint64_t bench_clock(void)
{
	return bench_now_ns;
}

static void add_processor(struct processor_bench *bench, const char *type_name, const char *yaml)
{
	const struct component_type *type = component_find(COMPONENT_PROCESSOR, type_name);
	struct config_report report;
	require(type != NULL, "no memory");
	config_report_init(&report, &bench->arena);
	void *config = arena_calloc(&bench->arena, 1, type->config->struct_size);
	require(config != NULL, "no memory");
	const char *uri = arena_printf(&bench->arena, "yaml:%s", yaml);
	const struct config_load load = {.uris = &uri, .uri_count = 1};
	config_bind(type->config, *yaml ? config_load(&load, &report) : NULL, type_name, config,
		    &report);
	const struct component_env env = {.id = type_name,
					  .path = type_name,
					  .metrics = bench->metrics,
					  .budget = &bench->budget,
					  .keys = bench->keys,
					  .arena = &bench->arena,
					  .memory = bench->memory};
	size_t at = bench->processor_count++;
	bench->ops[at] = type->processor;
	bench->selves[at] = component_create(type, &env, config, &report);
	if (report.error_count > 0)
		require(false, report.first->text);
	require(bench->selves[at] != NULL, "no memory");
	if (type->processor->shard_new) {
		bench->states[at] = type->processor->shard_new(bench->selves[at]);
		require(bench->states[at] != NULL, "no memory");
	}
}

void processor_bench_open(struct processor_bench *bench, const char *const *processors)
{
	struct err err;
	*bench = (struct processor_bench){0};
	budget_init(&bench->budget, UINT64_MAX);
	arena_init(&bench->arena, &bench->budget, 16 << 20);
	bench->keys = key_table_new();
	bench->metrics = metrics_new();
	bench->memory = trace_memory_new(&bench->budget, bench_clock);
	require(bench->keys && bench->metrics && bench->memory, "no memory");
	require(trace_memory_register(bench->memory, bench->metrics), "no memory");
	for (size_t i = 0; processors[i]; i += 2)
		add_processor(bench, processors[i], processors[i + 1]);
	require(key_table_freeze(bench->keys, &err) == 0, err.msg);
	bench->view = view_new(&bench->budget, bench->keys);
	bench->out_view = view_new(&bench->budget, bench->keys);
	require(bench->view && bench->out_view, "no memory");
	require(view_use_patterns(bench->view, &err) == 0, err.msg);
}

static void forget_output(struct processor_bench *bench)
{
	chunk_unref(bench->held);
	bench->held = NULL;
	view_close(bench->out_view);
	chunk_unref(bench->out);
	bench->out = NULL;
}

void processor_bench_close(struct processor_bench *bench)
{
	forget_output(bench);
	for (size_t i = 0; i < bench->processor_count; i++) {
		if (bench->states[i])
			bench->ops[i]->shard_free(bench->states[i]);
		if (bench->ops[i]->destroy)
			bench->ops[i]->destroy(bench->selves[i]);
	}
	view_free(bench->view);
	view_free(bench->out_view);
	trace_memory_free(bench->memory);
	key_table_free(bench->keys);
	metrics_free(bench->metrics);
	arena_fini(&bench->arena);
	require(budget_used(&bench->budget) == 0, "memory is still charged");
}

/* As the host does, before the next processor runs. */
static void take_held(struct processor_bench *bench)
{
	struct err err;
	if (view_held_spans(bench->view) == 0)
		return;
	require(!bench->held, "two processors hold spans");
	require(trace_encode_held(bench->view, &bench->budget, &bench->held, &err) == 0, err.msg);
	edit_forget_held(bench->view);
}

enum outcome processor_bench_run(struct processor_bench *bench, struct slice body)
{
	struct err err = {0};
	forget_output(bench);
	require(view_open(bench->view, body, &err) == 0, err.msg);
	for (size_t i = 0; i < bench->processor_count; i++) {
		edit_set_holding(bench->view, bench->ops[i]->holds ? bench->holding : HOLDING_OFF);
		enum outcome outcome = bench->ops[i]->process(bench->selves[i], bench->states[i],
							      bench->view, &err);
		if (outcome != OUTCOME_TAKEN)
			return outcome;
		take_held(bench);
	}
	tally_commit(edit_tally(bench->view));
	require(edit_check(bench->view, &err) == 0, err.msg);
	require(trace_encode(bench->view, &bench->budget, &bench->out, &err) == 0, err.msg);
	if (bench->out) {
		require(view_open(bench->out_view, chunk_slice(bench->out), &err) == 0, err.msg);
	}
	return OUTCOME_TAKEN;
}

void processor_bench_send(struct processor_bench *bench, const struct chunk *body)
{
	require(processor_bench_run(bench, chunk_slice(body)) == OUTCOME_TAKEN, "refused");
}

/* ---- what left ---- */

uint32_t bench_span_count(const struct processor_bench *bench)
{
	return bench->out ? bench->out_view->index.span_count : 0;
}

uint32_t bench_find_span(const struct processor_bench *bench, const char *name, uint32_t nth)
{
	for (uint32_t span = 0; span < bench_span_count(bench); span++) {
		if (slice_equal(view_span_name(bench->out_view, span), slice_str(name)) &&
		    nth-- == 0)
			return span;
	}
	return BENCH_NOT_FOUND;
}

const char *bench_attr(const struct processor_bench *bench, struct owner owner, const char *key)
{
	static const char *const types[VALUE_TYPE_COUNT] = {"empty",  "string", "bool",	  "int",
							    "double", "array",	"kvlist", "bytes"};
	static char shown[4096];
	struct attr_view attr;
	shown[0] = 0;
	for (struct attr_cursor cursor = view_attrs(bench->out_view, owner);
	     view_next_attr(bench->out_view, &cursor, &attr);) {
		struct buf text = BUF_INIT;
		if (!slice_equal(attr.key, slice_str(key)))
			continue;
		value_append_text(&text, view_attr_value(bench->out_view, owner, &attr));
		(void)snprintf(shown, sizeof(shown), "%s %s", types[attr.value_type],
			       buf_cstr(&text));
		buf_fini(&text);
	}
	return shown;
}

const char *bench_span_attr(const struct processor_bench *bench, uint32_t span, const char *key)
{
	require(span != BENCH_NOT_FOUND, "no such span");
	return bench_attr(bench, (struct owner){OWNER_SPAN, span}, key);
}

bool bench_has_no_orphan(const struct processor_bench *bench)
{
	struct budget budget;
	struct span_map map;
	struct err err;
	bool orphan = false;
	if (!bench->out)
		return true;
	budget_init(&budget, UINT64_MAX);
	span_map_init(&map, &budget);
	require(span_map_build(&map, bench->out_view, &err) == 0, err.msg);
	for (uint32_t span = 0; span < map.count; span++)
		orphan |= map.parents[span] == SPAN_MAP_FOREIGN;
	span_map_fini(&map);
	return !orphan;
}

double bench_metric(const struct processor_bench *bench, const char *name, const char *labels)
{
	double value = -1;
	require(metrics_value(bench->metrics, name, labels, &value), "no such series");
	return value;
}

double bench_decisions(const struct processor_bench *bench, const char *decision)
{
	char labels[128];
	(void)snprintf(labels, sizeof(labels), "langfuse=\"langfuse\",decision=\"%s\"", decision);
	return bench_metric(bench, "sluice_processor_langfuse", labels);
}
