/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/base/log.h"
#include "tests/support/config_blocks.h"
#include "tests/support/config_support.h"

#define SECTIONS                                                                                   \
	"receivers: {otlp: , otlp/two: }\n"                                                        \
	"processors: {batch: , memory_limiter: }\n"                                                \
	"exporters: {debug: , otlp_grpc/x: {endpoint: y}}\n"                                       \
	"extensions: {health_check: , health_check/b: }\n"
#define PIPELINE "{receivers: [otlp], exporters: [debug]}"

static const struct config_service *bind(struct config_support *s, const char *text)
{
	config_support_init(s);
	const struct config_node *root = config_support_load_text(s, text);
	if (!root)
		fail_msg("%s: %s", text, config_support_errors(s));
	return config_service_bind(root, &sample_types, &s->report);
}

static const struct config_service *bind_good(struct config_support *s, const char *text)
{
	const struct config_service *service = bind(s, text);
	if (!service || s->report.error_count > 0)
		fail_msg("%s: %s", text, config_support_errors(s));
	return service;
}

static void components_pipelines_and_references_are_resolved(void **state)
{
	struct config_support s;
	(void)state;
	const struct config_service *service = bind_good(
		&s, SECTIONS
		"service:\n"
		"  extensions: [health_check/b, health_check]\n"
		"  pipelines:\n"
		"    traces: {receivers: [otlp], processors: [memory_limiter, batch], exporters: "
		"[debug, otlp_grpc/x]}\n"
		"    traces/second: {receivers: [otlp / two], exporters: [debug]}\n");
	assert_string_equal(config_support_warnings(&s), "");
	assert_int_equal(service->sections[SECTION_RECEIVERS].count, 2);
	const struct config_component *exporter = &service->sections[SECTION_EXPORTERS].at[1];
	assert_string_equal(exporter->id, "otlp_grpc/x");
	assert_string_equal(exporter->type, "otlp_grpc");
	assert_string_equal(exporter->name, "x");
	assert_int_equal(exporter->node->kind, CONFIG_MAP);
	assert_int_equal(exporter->loc.line, 3);
	assert_string_equal(service->sections[SECTION_EXPORTERS].at[0].name, "");
	assert_int_equal(service->extensions.count, 2);
	assert_int_equal(service->extensions.at[0].at, 1);
	assert_int_equal(service->pipeline_count, 2);
	const struct config_pipeline *first = &service->pipelines[0];
	assert_string_equal(first->id, "traces");
	assert_int_equal(first->loc.line, 8);
	assert_int_equal(first->processors.count, 2);
	assert_int_equal(first->processors.at[0].at, 1);
	assert_int_equal(first->exporters.at[1].at, 1);
	assert_int_equal(first->exporters.at[1].loc.column, 89);
	assert_string_equal(service->pipelines[1].id, "traces/second");
	assert_int_equal(service->pipelines[1].receivers.at[0].at, 1);
	config_support_fini(&s);
}

static void pipelines_of_other_signals_may_be_null(void **state)
{
	struct config_support s;
	(void)state;
	const struct config_service *service =
		bind_good(&s, SECTIONS
			  "service: {pipelines: {metrics: null, logs: , traces: " PIPELINE "}}\n");
	assert_int_equal(service->pipeline_count, 1);
	config_support_fini(&s);
}

static void a_null_component_of_an_unknown_type_is_left_out_with_a_warning(void **state)
{
	struct config_support s;
	(void)state;
	const struct config_service *service =
		bind_good(&s, "receivers: {otlp: , prometheus: null}\nexporters: {debug: }\n"
			      "service: {pipelines: {traces: " PIPELINE "}}\n");
	assert_int_equal(service->sections[SECTION_RECEIVERS].count, 1);
	assert_string_equal(config_support_warnings(&s),
			    "Warning: unknown type: \"prometheus\" for id: \"prometheus\" is null "
			    "and left out (test.yaml:1:21: receivers.prometheus)\n");
	config_support_fini(&s);
}

static void a_repeated_exporter_counts_once(void **state)
{
	struct config_support s;
	(void)state;
	const struct config_service *service = bind_good(
		&s, SECTIONS
		"service: {pipelines: {traces: {receivers: otlp, exporters: [debug, debug]}}}\n");
	assert_int_equal(service->pipelines[0].exporters.count, 1);
	assert_int_equal(service->pipelines[0].receivers.count, 1);
	assert_int_equal(s.report.warning_count, 1);
	config_support_fini(&s);
}

/* ---- component ids ---- */

static const struct {
	const char *id, *want; /* NULL: accepted */
} ids[] = {
	{"otlp/a.b-c_d", NULL},
	{"otlp/1", NULL},
	{"' otlp / b '", NULL},
	{"otlp/a/b", NULL},
	{"\"otlp/\\u00e4\"", NULL},
	{"''", "id must not be empty"},
	{"' '", "id must not be empty"},
	{"otlp/", "in \"otlp/\" id: the part after / should not be empty"},
	{"'otlp/ '", "in \"otlp/ \" id: the part after / should not be empty"},
	{"/x", "in \"/x\" id: the part before / should not be empty"},
	{"1otlp", "in \"1otlp\" id: invalid character(s) in type \"1otlp\""},
	{"ot-lp", "in \"ot-lp\" id: invalid character(s) in type \"ot-lp\""},
	{"otlp/a b", "in \"otlp/a b\" id: invalid character(s) in name \"a b\""},
	{"otlp/a$$b", "in \"otlp/a$$b\" id: invalid character(s) in name \"a$$b\""},
	{"\"otlp/a\\u2028\"", "invalid character(s) in name"},
	{"\"otlp/a\\x07b\"", "invalid character(s) in name"},
	{"aaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaa",
	 "invalid character(s) in type"},
};

static void component_ids_follow_the_collectors_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(ids); i++) {
		struct config_support s;
		struct buf text = BUF_INIT;
		buf_printf(&text,
			   "receivers: {otlp: , %s: }\nexporters: {debug: }\n"
			   "service: {pipelines: {traces: " PIPELINE "}}\n",
			   ids[i].id);
		(void)bind(&s, buf_cstr(&text));
		if (!ids[i].want && s.report.error_count > 0)
			fail_msg("%s: %s", ids[i].id, config_support_errors(&s));
		if (ids[i].want && !strstr(config_support_errors(&s), ids[i].want))
			fail_msg("%s: %s", ids[i].id, config_support_errors(&s));
		buf_fini(&text);
		config_support_fini(&s);
	}
}

static void a_name_has_at_most_1024_characters(void **state)
{
	struct config_support s;
	struct buf text = BUF_INIT;
	(void)state;
	buf_append_str(&text, "receivers: {? otlp/");
	for (int i = 0; i < 1025; i++)
		buf_append_str(&text, "x");
	buf_append_str(&text, " : }\n");
	(void)bind(&s, buf_cstr(&text));
	assert_non_null(strstr(config_support_errors(&s), "longer than 1024 characters"));
	buf_fini(&text);
	config_support_fini(&s);
}

/* ---- telemetry ---- */

static const struct config_telemetry *bind_telemetry(struct config_support *s, const char *text)
{
	struct buf whole = BUF_INIT;
	buf_printf(&whole, SECTIONS "service:\n  pipelines: {traces: " PIPELINE "}\n%s", text);
	const struct config_service *service = bind_good(s, buf_cstr(&whole));
	buf_fini(&whole);
	return &service->telemetry;
}

static void telemetry_has_the_collectors_defaults(void **state)
{
	struct config_support s;
	(void)state;
	const struct config_telemetry *t = bind_telemetry(&s, "");
	assert_int_equal(t->log_level, LOG_LEVEL_INFO);
	assert_int_equal(t->log_encoding, LOG_CONSOLE);
	assert_true(t->log_sampling);
	assert_int_equal(t->sampling_tick_ns, UINT64_C(10000000000));
	assert_int_equal(t->sampling_initial, 10);
	assert_int_equal(t->sampling_thereafter, 100);
	assert_int_equal(t->metrics_level, 2);
	assert_true(t->metrics_pull);
	assert_string_equal(t->prometheus.host, "localhost");
	assert_int_equal(t->prometheus.port, 8888);
	assert_true(t->prometheus.without_scope_info && t->prometheus.without_units &&
		    t->prometheus.without_type_suffix);
	config_support_fini(&s);
}

static void telemetry_takes_what_the_operator_and_the_chart_write(void **state)
{
	struct config_support s;
	(void)state;
	const struct config_telemetry *t = bind_telemetry(
		&s, "  telemetry:\n"
		    "    resource: {service.name: x, service.version: null}\n"
		    "    traces: {level: none, processors: []}\n"
		    "    logs: {level: WARN, encoding: json, development: false, output_paths: "
		    "[stderr], sampling: {enabled: false, tick: 1s, initial: 1, thereafter: 2}}\n"
		    "    metrics:\n"
		    "      level: Detailed\n"
		    "      readers:\n"
		    "        - pull:\n"
		    "            exporter:\n"
		    "              prometheus:\n"
		    "                host: 0.0.0.0\n"
		    "                port: 9999\n"
		    "                without_type_suffix: false\n");
	assert_string_equal(config_support_warnings(&s), "");
	assert_int_equal(t->log_level, LOG_LEVEL_WARN);
	assert_int_equal(t->log_encoding, LOG_JSON);
	assert_false(t->log_sampling);
	assert_int_equal(t->sampling_tick_ns, UINT64_C(1000000000));
	assert_int_equal(t->metrics_level, 3);
	assert_string_equal(t->prometheus.host, "0.0.0.0");
	assert_int_equal(t->prometheus.port, 9999);
	assert_false(t->prometheus.without_type_suffix);
	assert_true(t->prometheus.without_units);
	config_support_fini(&s);
}

static const struct {
	const char *metrics;
	bool pull;
	const char *host;
	uint32_t port;
	const char *warning; /* part of it; NULL for none */
} readers[] = {
	{"{level: none}", false, "localhost", 8888, NULL},
	{"{readers: []}", false, "localhost", 8888, NULL},
	{"{readers: }", true, "localhost", 8888, NULL},
	{"{readers: [{pull: {exporter: {prometheus: }}}]}", true, "localhost", 8888, NULL},
	{"{readers: [{periodic: {exporter: {otlp: {endpoint: x}}}}]}", false, "localhost", 8888,
	 "periodic metric readers are not in this build"},
	{"{readers: [{pull: {exporter: {prometheus: {port: 1}}}}, {pull: {exporter: {prometheus: "
	 "{port: 2}}}}]}",
	 true, "localhost", 1, "only one pull reader is served"},
	{"{address: '0.0.0.0:9999'}", true, "0.0.0.0", 9999, "address is deprecated"},
	{"{address: ':9999'}", true, "0.0.0.0", 9999, "address is deprecated"},
	{"{address: '[::1]:9999'}", true, "::1", 9999, "address is deprecated"},
	{"{address: 'x:1', readers: [{pull: {exporter: {prometheus: {port: 2}}}}]}", true,
	 "localhost", 2, "has no effect beside readers"},
};

static void the_metrics_page_stands_where_its_reader_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(readers); i++) {
		struct config_support s;
		struct buf text = BUF_INIT;
		buf_printf(&text, "  telemetry: {metrics: %s}\n", readers[i].metrics);
		const struct config_telemetry *t = bind_telemetry(&s, buf_cstr(&text));
		assert_int_equal(t->metrics_pull, readers[i].pull);
		assert_string_equal(t->prometheus.host, readers[i].host);
		assert_int_equal(t->prometheus.port, readers[i].port);
		assert_int_equal(s.report.warning_count, readers[i].warning ? 1 : 0);
		if (readers[i].warning)
			assert_non_null(strstr(config_support_warnings(&s), readers[i].warning));
		buf_fini(&text);
		config_support_fini(&s);
	}
}

static const struct {
	const char *telemetry, *want;
} bad_telemetry[] = {
	{"{logs: {level: inof}}",
	 "'service.telemetry.logs.level' unrecognized level: \"inof\" (test.yaml:7:29: "
	 "service.telemetry.logs.level, did you mean \"info\"?)\n"},
	{"{metrics: {level: all}}",
	 "'service.telemetry.metrics.level' unknown metrics level \"all\" "
	 "(test.yaml:7:32: service.telemetry.metrics.level)\n"},
	{"{logs: {encoding: xml}}",
	 "'service.telemetry.logs.encoding' unknown value \"xml\" (valid "
	 "values: [console json]) (test.yaml:7:32: "
	 "service.telemetry.logs.encoding)\n"},
	{"{unknown: 1}", "'service.telemetry' has invalid keys: unknown (test.yaml:7:15: "
			 "service.telemetry.unknown)\n"},
	{"{metrics: {readers: [{}]}}",
	 "'service.telemetry.metrics.readers[0]' must have pull.exporter.prometheus or periodic "
	 "(test.yaml:7:35: service.telemetry.metrics.readers[0])\n"},
	{"{metrics: {address: nowhere}}",
	 "'service.telemetry.metrics.address' expected host:port (test.yaml:7:34: "
	 "service.telemetry.metrics.address)\n"},
	{"{metrics: {address: 'x:70000'}}",
	 "'service.telemetry.metrics.address' expected host:port (test.yaml:7:34: "
	 "service.telemetry.metrics.address)\n"},
};

static void bad_telemetry_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad_telemetry); i++) {
		struct config_support s;
		struct buf text = BUF_INIT;
		buf_printf(&text,
			   SECTIONS "service:\n  pipelines: {traces: " PIPELINE "}\n"
				    "  telemetry: %s\n",
			   bad_telemetry[i].telemetry);
		assert_non_null(bind(&s, buf_cstr(&text)));
		const char *errors = config_support_errors(&s);
		assert_memory_equal(errors, "Error: ", strlen("Error: "));
		assert_string_equal(errors + strlen("Error: "), bad_telemetry[i].want);
		buf_fini(&text);
		config_support_fini(&s);
	}
}

static void an_arena_that_runs_out_gives_no_service(void **state)
{
	(void)state;
	for (size_t bytes = 0; bytes < 32768; bytes += 256) {
		static const char *const uris[] = {
			"yaml:{receivers: {otlp: }, exporters: {debug: }, service: {pipelines: "
			"{traces: {receivers: [otlp], exporters: [debug]}}}}"};
		struct arena arena;
		struct config_report report;
		struct config_load load = {.uris = uris, .uri_count = 1};
		arena_init(&arena, NULL, bytes);
		config_report_init(&report, &arena);
		const struct config_node *root = config_load(&load, &report);
		const struct config_service *service =
			root ? config_service_bind(root, &sample_types, &report) : NULL;
		assert_true(!service || !arena.exhausted);
		arena_fini(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(components_pipelines_and_references_are_resolved),
		cmocka_unit_test(pipelines_of_other_signals_may_be_null),
		cmocka_unit_test(a_null_component_of_an_unknown_type_is_left_out_with_a_warning),
		cmocka_unit_test(a_repeated_exporter_counts_once),
		cmocka_unit_test(component_ids_follow_the_collectors_rules),
		cmocka_unit_test(a_name_has_at_most_1024_characters),
		cmocka_unit_test(telemetry_has_the_collectors_defaults),
		cmocka_unit_test(telemetry_takes_what_the_operator_and_the_chart_write),
		cmocka_unit_test(the_metrics_page_stands_where_its_reader_says),
		cmocka_unit_test(bad_telemetry_is_refused),
		cmocka_unit_test(an_arena_that_runs_out_gives_no_service),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
