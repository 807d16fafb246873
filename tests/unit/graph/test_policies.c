/* SPDX-License-Identifier: Apache-2.0 */
/* Which configurations keep the promise of service.policies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/config/load.h"
#include "pipeline/graph/graph.h"

enum { ARENA_MAX = 16 << 20 };

struct policies_case {
	const char *name;
	const char *processors, *pipelines, *policies;
	const char *problem; /* part of its text; NULL: valid */
};

static const struct policies_case cases[] = {
	{"no promise", "{batch: }", "{traces: {receivers: [nop], exporters: [debug]}}", "[]", NULL},
	{"kept", "{metadata_only: , batch: }",
	 "{traces: {receivers: [nop], processors: [metadata_only, batch], exporters: [debug]}}",
	 "[metadata_only]", NULL},
	{"kept under another name", "{metadata_only/ours: }",
	 "{traces: {receivers: [nop], processors: [metadata_only/ours], exporters: [nop]}}",
	 "[metadata_only]", NULL},
	{"kept behind a connector", "{metadata_only: , batch: }",
	 "{traces/1: {receivers: [nop], processors: [batch], exporters: [forward]}, "
	 "traces/2: {receivers: [forward], processors: [metadata_only], exporters: [nop]}}",
	 "[metadata_only]", NULL},
	{"kept in front of a connector alone", "{metadata_only: }",
	 "{traces/1: {receivers: [nop], processors: [metadata_only], exporters: [forward]}, "
	 "traces/2: {receivers: [forward], exporters: [nop]}}",
	 "[metadata_only]", "pipeline \"traces/2\" leads to its exporters without"},
	{"one of two joined pipelines goes around it", "{metadata_only: }",
	 "{traces/1: {receivers: [nop], exporters: [forward, nop]}, "
	 "traces/2: {receivers: [forward], processors: [metadata_only], exporters: [nop]}}",
	 "[metadata_only]", "pipeline \"traces/1\" leads to its exporters without"},
	{"one of two pipelines goes around it", "{metadata_only: }",
	 "{traces: {receivers: [nop], processors: [metadata_only], exporters: [nop]}, "
	 "traces/debug: {receivers: [nop], exporters: [debug]}}",
	 "[metadata_only]", "pipeline \"traces/debug\" leads to its exporters without"},
	{"only counting", "{metadata_only: {dry_run: true}}",
	 "{traces: {receivers: [nop], processors: [metadata_only], exporters: [nop]}}",
	 "[metadata_only]", "only counts (dry_run)"},
	{"no policy", "{batch: }",
	 "{traces: {receivers: [nop], processors: [batch], exporters: [nop]}}", "[batch]",
	 "\"batch\" is no policy"},
	{"unknown", "{batch: }",
	 "{traces: {receivers: [nop], processors: [batch], exporters: [nop]}}", "[metadata]",
	 "\"metadata\" is no policy"},
};

static void run_case(const struct policies_case *c)
{
	struct arena arena;
	struct config_report report;
	struct buf out = BUF_INIT;
	arena_init(&arena, NULL, ARENA_MAX);
	config_report_init(&report, &arena);
	const char *uri =
		arena_printf(&arena,
			     "yaml:{receivers: {nop: }, exporters: {nop: , debug: }, connectors: "
			     "{forward: }, processors: %s, service: "
			     "{policies: %s, pipelines: %s, telemetry: {metrics: {level: none}}}}",
			     c->processors, c->policies, c->pipelines);
	const struct config_load load = {.uris = &uri, .uri_count = 1};
	const struct config_node *root = config_load(&load, &report);
	const struct graph_options options = {.shard_count = 1, .version = "test"};
	struct graph *graph = NULL;
	const struct config_service *service = NULL;
	if (root)
		service = config_service_bind(root, graph_known_types(), &report);
	if (service && report.error_count == 0)
		graph = graph_new(service, &options, &report);
	config_report_print(&report, CONFIG_ERROR, &out);
	if (c->problem ? !strstr(buf_cstr(&out), c->problem) || graph : !graph)
		fail_msg("%s: %s", c->name, buf_cstr(&out));
	if (graph)
		graph_free(graph);
	buf_fini(&out);
	arena_fini(&arena);
}

static void the_promise_is_judged_for_every_pipeline(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		run_case(&cases[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_promise_is_judged_for_every_pipeline),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
