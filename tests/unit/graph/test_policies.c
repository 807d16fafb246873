/* SPDX-License-Identifier: Apache-2.0 */
/* Which configurations keep the promise of service.policies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/config/load.h"
#include "pipeline/graph/graph.h"
#include "tests/support/graph_fixture.h"

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
	{"values get another key in front of it",
	 "{metadata_only: , attributes: {actions: [{key: a, action: upsert, from_attribute: b}]}}",
	 "{traces: {receivers: [nop], processors: [attributes, metadata_only], exporters: [nop]}}",
	 "[metadata_only]", "processor \"attributes\" in pipeline \"traces\" gives values"},
	{"values get another key in front of the connector to it",
	 "{metadata_only: , resource: {attributes: [{key: a, action: extract, pattern: "
	 "'(?P<b>.)'}]}}",
	 "{traces/1: {receivers: [nop], processors: [resource], exporters: [forward]}, "
	 "traces/2: {receivers: [forward], processors: [metadata_only], exporters: [nop]}}",
	 "[metadata_only]", "processor \"resource\" in pipeline \"traces/1\" gives values"},
	{"a map becomes a text in front of it",
	 "{metadata_only: , attributes: {actions: [{key: a, action: convert, converted_type: "
	 "string}]}}",
	 "{traces: {receivers: [nop], processors: [attributes, metadata_only], exporters: [nop]}}",
	 "[metadata_only]", "gives values"},
	{"what only takes away or adds what is written stands in front of it",
	 "{metadata_only: , resource: {attributes: [{key: a, action: upsert, value: b}, {key: c, "
	 "action: delete}, {key: d, action: hash}, {key: e, action: convert, converted_type: "
	 "int}]}}",
	 "{traces: {receivers: [nop], processors: [resource, metadata_only], exporters: [nop]}}",
	 "[metadata_only]", NULL},
	{"values get another key behind it",
	 "{metadata_only: , attributes: {actions: [{key: a, action: upsert, from_attribute: b}]}}",
	 "{traces: {receivers: [nop], processors: [metadata_only, attributes], exporters: [nop]}}",
	 "[metadata_only]", NULL},
	{"no policy", "{batch: }",
	 "{traces: {receivers: [nop], processors: [batch], exporters: [nop]}}", "[batch]",
	 "\"batch\" is no policy (valid values: [metadata_only])"},
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

/* ---- several sources ---- */

#define FIRST                                                                                      \
	"yaml:{receivers: {nop: }, exporters: {nop: }, processors: {metadata_only: , langfuse: "   \
	"}, "                                                                                      \
	"service: {policies: [metadata_only], telemetry: {metrics: {level: none}}, pipelines: "    \
	"{traces: {receivers: [nop], processors: [metadata_only], exporters: [nop]}}}}"

static const struct {
	const char *second, *set; /* NULL: none */
	const char *problem;	  /* NULL: valid */
} sources[] = {
	{NULL, NULL, NULL},
	{"yaml:{service: {policies: []}}", NULL, "takes out \"metadata_only\""},
	{"yaml:{service: {policies: }}", NULL, "takes out \"metadata_only\""},
	{"yaml:{service: {policies: [other]}}", NULL, "takes out \"metadata_only\""},
	{"yaml:{service: {policies: '${env:SLUICE_TEST_UNSET}'}}", NULL, "takes out"},
	{"yaml:{service: }", NULL, "takes out \"metadata_only\""},
	{"yaml:{service: {policies: [metadata_only]}}", NULL, NULL},
	{NULL, "service.policies=[]", "--set service.policies takes out \"metadata_only\""},
	{NULL, "service.policies=", "takes out \"metadata_only\""},
	{NULL, "processors.metadata_only.mode=strict", NULL},
};

static size_t load(const char *const *uris, size_t uri_count, const char *set,
		   enum config_severity severity, struct buf *out)
{
	struct arena arena;
	struct config_report report;
	arena_init(&arena, NULL, ARENA_MAX);
	config_report_init(&report, &arena);
	const struct config_load from = {
		.uris = uris, .uri_count = uri_count, .sets = &set, .set_count = set ? 1 : 0};
	const struct config_node *root = config_load(&from, &report);
	const struct config_service *service =
		root ? config_service_bind(root, graph_known_types(), &report) : NULL;
	const struct graph_options options = {.shard_count = 1, .version = "test"};
	struct graph *graph = NULL;
	if (service && report.error_count == 0)
		graph = graph_new(service, &options, &report);
	config_report_print(&report, severity, out);
	if (graph)
		graph_free(graph);
	size_t errors = report.error_count;
	arena_fini(&arena);
	return errors;
}

static void no_later_source_takes_a_policy_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(sources); i++) {
		const char *const uris[] = {FIRST, sources[i].second};
		struct buf out = BUF_INIT;
		size_t errors =
			load(uris, sources[i].second ? 2 : 1, sources[i].set, CONFIG_ERROR, &out);
		bool told = sources[i].problem && strstr(buf_cstr(&out), sources[i].problem);
		if ((errors > 0) != (sources[i].problem != NULL) || (errors > 0 && !told))
			fail_msg("%zu: %s", i, buf_cstr(&out));
		buf_fini(&out);
	}
}

static void a_promise_from_an_unset_variable_is_an_error(void **state)
{
	static const char *const uris[] = {
		"yaml:{receivers: {nop: }, exporters: {nop: }, service: {policies: "
		"'${env:SLUICE_TEST_UNSET}', telemetry: {metrics: {level: none}}, pipelines: "
		"{traces: {receivers: [nop], exporters: [nop]}}}}"};
	struct buf out = BUF_INIT;
	(void)state;
	assert_true(load(uris, 1, NULL, CONFIG_ERROR, &out) > 0);
	assert_non_null(strstr(buf_cstr(&out), "policies"));
	buf_fini(&out);
}

static void what_writes_from_memory_behind_the_policy_is_warned_of(void **state)
{
	static const char order[] = "service.pipelines.traces.processors=[metadata_only, langfuse]";
	static const char other[] = "service.pipelines.traces.processors=[langfuse, metadata_only]";
	static const char *const uris[] = {FIRST};
	struct buf out = BUF_INIT;
	(void)state;
	assert_int_equal(load(uris, 1, order, CONFIG_WARNING, &out), 0);
	assert_non_null(strstr(buf_cstr(&out), "\"langfuse\" comes after \"metadata_only\""));
	buf_reset(&out);
	assert_int_equal(load(uris, 1, other, CONFIG_WARNING, &out), 0);
	assert_null(strstr(buf_cstr(&out), "comes after"));
	buf_fini(&out);
}

/* Every processor that this build has may be declared as it is; a new one that says nothing about
 * what it adds is refused behind a policy, and the problem names those that may stand there. */
static void a_processor_that_declares_nothing_may_not_follow(void **state)
{
	static const char yaml[] =
		"{receivers: {nop: }, exporters: {nop: }, processors: {metadata_only: , filter: "
		"{traces: {span: ['name == \"x\"']}}}, service: {policies: [metadata_only], "
		"pipelines: {traces: {receivers: [nop], processors: [metadata_only, "
		"filter], exporters: [nop]}}}}";
	struct graph_fixture fixture;
	(void)state;
	assert_true(graph_fixture_build(&fixture, yaml, 1));
	struct node *behind = &fixture.graph->pipelines[0].processors[1].node;
	struct component_type silent = *behind->type;
	struct processor_ops ops = *behind->type->processor;
	const struct component_type *declared = behind->type;
	ops.adds = ADDS_ANYTHING;
	silent.processor = &ops;
	graph_check_policies(fixture.graph, &fixture.config.report);
	assert_int_equal(fixture.config.report.error_count, 0);
	behind->type = &silent;
	graph_check_policies(fixture.graph, &fixture.config.report);
	assert_int_equal(fixture.config.report.error_count, 1);
	const char *problem = config_support_errors(&fixture.config);
	assert_non_null(strstr(problem, "processor \"filter\" comes after \"metadata_only\""));
	assert_non_null(strstr(problem, "what may follow: memory_limiter, filter, "));
	behind->type = declared;
	graph_fixture_close(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_promise_is_judged_for_every_pipeline),
		cmocka_unit_test(no_later_source_takes_a_policy_out),
		cmocka_unit_test(a_promise_from_an_unset_variable_is_an_error),
		cmocka_unit_test(what_writes_from_memory_behind_the_policy_is_warned_of),
		cmocka_unit_test(a_processor_that_declares_nothing_may_not_follow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
