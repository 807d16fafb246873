/* SPDX-License-Identifier: Apache-2.0 */
/* Components that the Collector has and this build has not: called that, with what to do. */
#include "pipeline/graph/collector_types.h"
#include "tests/support/graph_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Builds with one component of ${section} beside what runs; ${service} is put before the pipelines. */
static void check(const char *section, const char *component, const char *service,
		  const char *error, const char *warning)
{
	static const char *const sections[] = {"receivers", "processors", "exporters", "connectors",
					       "extensions"};
	struct graph_fixture fixture;
	struct buf yaml = BUF_INIT;
	for (size_t i = 0; i < ARRAY_COUNT(sections); i++)
		buf_printf(&yaml, "%s: {%s%s}\n", sections[i], i == 0 || i == 2 ? "nop: , " : "",
			   strcmp(sections[i], section) == 0 ? component : "");
	buf_printf(&yaml,
		   "service: {%s pipelines: {traces: {receivers: [nop], exporters: [nop]}}}\n",
		   service);
	bool built = graph_fixture_build(&fixture, buf_cstr(&yaml), 1);
	const char *errors = config_support_errors(&fixture.config);
	if (built != !error || (error && !strstr(errors, error)))
		fail_msg("%s%s", buf_cstr(&yaml), errors);
	const char *warnings = config_support_warnings(&fixture.config);
	if (warning ? !strstr(warnings, warning) : warnings[0])
		fail_msg("%s%s", buf_cstr(&yaml), warnings);
	graph_fixture_close(&fixture);
	buf_fini(&yaml);
}

static void what_the_collector_has_is_refused_with_what_to_do(void **state)
{
	static const struct {
		const char *section, *component, *error;
	} cases[] = {
		{"receivers", "zipkin: {}",
		 "unknown type: \"zipkin\" for id: \"zipkin\": the Collector has this receiver, "
		 "this "
		 "build does not have it: let its senders speak OTLP"},
		{"receivers", "opencensus/x: {}", "the Collector had this receiver"},
		{"receivers", "docker_stats: {}", "it carries no traces"},
		{"receivers", "receiver_creator: {}", "name the receivers themselves"},
		{"processors", "tail_sampling: {}", "whole traces are left to a Collector behind"},
		{"processors", "k8sattributes: {}", "let the senders set resource attributes"},
		{"processors", "k8s_attributes: {}", "let the senders set resource attributes"},
		{"processors", "transform: {}", "attributes and resource change attributes"},
		{"processors", "queued_retry: {}", "each exporter has sending_queue"},
		{"exporters", "kafka: {}", "send OTLP to the backend"},
		{"exporters", "prometheusremotewrite/a: {}", "start with --signals traces"},
		{"exporters", "jaeger_thrift: {}", "use jaeger (gRPC, port 14250)"},
		{"connectors", "spanmetrics: {}", "it makes metrics of spans"},
		{"connectors", "routing: {}", "give each destination a pipeline of its own"},
		{"extensions", "oauth2client: {}", "use basicauth, bearertokenauth"},
		{"extensions", "k8s_observer: {}", "it finds targets for receiver_creator"},
		{"extensions", "healthcheckv2: {}", "use health_check"},
		/* Names of nobody, and of another kind. */
		{"receivers", "promtheus: {}", "(valid values: [nop otlp])"},
		{"exporters", "tail_sampling: {}", "(valid values: ["},
		{"processors", "debug: {}", "(valid values: ["},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		check(cases[i].section, cases[i].component, "", cases[i].error, NULL);
}

static void what_does_not_concern_traces_is_left_out_with_a_line(void **state)
{
	static const struct {
		const char *component, *id;
	} cases[] = {
		{"zpages: {endpoint: '0.0.0.0:55679', unknown: [x]}", "zpages"},
		{"pprof/x: ", "pprof/x"},
		{"memory_ballast: {size_mib: 512}", "memory_ballast"},
		{"cgroupruntime: {gomaxprocs: {enabled: true}}", "cgroupruntime"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char service[64], line[96];
		(void)snprintf(service, sizeof(service), "extensions: [%s], ", cases[i].id);
		(void)snprintf(line, sizeof(line),
			       "Warning: the extension \"%s\" does nothing in this program: ",
			       cases[i].id);
		check("extensions", cases[i].component, service, NULL, line);
	}
}

static void the_logging_exporter_is_debug(void **state)
{
	static const struct {
		const char *exporter, *error, *warning;
	} cases[] = {
		{"logging: ", NULL, "the exporter \"logging\" is taken as debug"},
		{"logging/2: {loglevel: debug, sampling_initial: 5, sampling_thereafter: 200}",
		 NULL, "the exporter \"logging/2\" is taken as debug"},
		{"logging: {verbosity: detailed}", NULL, "taken as debug"},
		{"logging: {loglevel: loud}", "loglevel", "taken as debug"},
		{"debug: {verbosity: detailed}", NULL, NULL},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		check("exporters", cases[i].exporter, "", cases[i].error, cases[i].warning);
}

static void no_component_of_this_build_is_called_missing(void **state)
{
	static const enum config_section sections[COMPONENT_KIND_COUNT] = {
		[COMPONENT_RECEIVER] = SECTION_RECEIVERS,
		[COMPONENT_PROCESSOR] = SECTION_PROCESSORS,
		[COMPONENT_EXPORTER] = SECTION_EXPORTERS,
		[COMPONENT_CONNECTOR] = SECTION_CONNECTORS,
		[COMPONENT_EXTENSION] = SECTION_EXTENSIONS,
	};
	size_t count;
	const struct component_type *const *types = component_list(&count);
	(void)state;
	for (size_t i = 0; i < count; i++)
		assert_null(collector_type_find(sections[types[i]->kind], types[i]->names[0]));
}

/* Two fields of one key in a block: the second would never be bound, or say something else. */
static void check_keys(const struct config_block *block, const char *component)
{
	for (size_t i = 0; i < block->field_count; i++) {
		for (size_t k = 0; k < i; k++) {
			if (strcmp(block->fields[i].key, block->fields[k].key) == 0)
				fail_msg("%s has '%s' twice", component, block->fields[i].key);
		}
		if (block->fields[i].block)
			check_keys(block->fields[i].block, component);
	}
}

static void no_block_has_a_key_twice(void **state)
{
	size_t count;
	const struct component_type *const *types = component_list(&count);
	(void)state;
	for (size_t i = 0; i < count; i++)
		check_keys(types[i]->config, types[i]->names[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_collector_has_is_refused_with_what_to_do),
		cmocka_unit_test(what_does_not_concern_traces_is_left_out_with_a_line),
		cmocka_unit_test(the_logging_exporter_is_debug),
		cmocka_unit_test(no_component_of_this_build_is_called_missing),
		cmocka_unit_test(no_block_has_a_key_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
