/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/config_support.h"

#define RESOLVE_HEAD "Error: "

#define CONFIG_MAP_DOCUMENT "apiVersion: v1\nkind: ConfigMap\ndata: {x: y}\n"
#define HEAD "apiVersion: opentelemetry.io/v1beta1\nkind: OpenTelemetryCollector\n"
#define HEAD_ALPHA "apiVersion: opentelemetry.io/v1alpha1\nkind: OpenTelemetryCollector\n"

static const struct config_support_tree trees[] = {
	{HEAD "spec:\n  mode: deployment\n  config:\n    a: 1\n", "{a: i1}"},
	{HEAD_ALPHA "spec:\n  config: |\n    a: 1\n    b: ${N:-2}\n", "{a: i1, b: i2}"},
	{HEAD_ALPHA "spec:\n  config: \"a: 1\"\n", "{a: i1}"},
	{HEAD_ALPHA "spec:\n  config: |\n", "{}"},
	{CONFIG_MAP_DOCUMENT "---\n" HEAD "spec: {config: {a: 1}}\n---\n" CONFIG_MAP_DOCUMENT
			     "...\n",
	 "{a: i1}"},
	{CONFIG_MAP_DOCUMENT "---\na: 1\n", "{a: i1}"},
	{"---\n---\na: 1\n---\n", "{a: i1}"},
	{"kind: x\na: 1\n", "{kind: s\"x\", a: i1}"},
};

#define MAP "apiVersion: v1\nkind: ConfigMap\n"
#define INSIDE "    receivers:\n    exporters:\n    service: {a: 1}\n"
#define INSIDE_TREE "{receivers: null, exporters: null, service: {a: i1}}"

/* A ConfigMap with a configuration under whatever name is unwrapped; the files beside it are not
 * looked at. */
static const struct config_support_tree config_maps[] = {
	{MAP "data:\n  relay: |\n" INSIDE, INSIDE_TREE},
	{MAP "data:\n  nginx.conf: |\n    {{ service: : }}\n  relay.yaml: |\n" INSIDE
	     "  z: 'service: x'\n",
	 INSIDE_TREE},
	{MAP "data:\n  collector.yaml: |-\n    # receivers:\n\n" INSIDE "metadata: {name: x}\n",
	 INSIDE_TREE},
	{CONFIG_MAP_DOCUMENT "---\n" MAP "data:\n  config.yaml: |\n" INSIDE
			     "---\napiVersion: apps/v1\nkind: Deployment\n",
	 INSIDE_TREE},
	{MAP "data:\n  config.json: \"receivers: {}\\nexporters: {}\\nservice: {}\\n\"\n",
	 "{receivers: {}, exporters: {}, service: {}}"},
};

static void a_config_map_with_a_configuration_is_unwrapped(void **state)
{
	(void)state;
	config_support_check_trees(config_maps, ARRAY_COUNT(config_maps));
}

static void a_fault_inside_a_config_map_shows_its_line_in_the_file(void **state)
{
	struct config_support s;
	(void)state;
	config_support_init(&s);
	const struct config_node *root =
		config_support_load_text(&s, MAP "data:\n  other: x\n  relay: |\n" INSIDE);
	const struct config_node *service = config_support_at(root, "service");
	assert_non_null(service);
	assert_int_equal(service->entries[0].key_loc.line, 8);
	assert_int_equal(service->entries[0].key_loc.column, 15);
	config_support_fini(&s);
}

static void the_configuration_is_found_among_kubernetes_documents(void **state)
{
	(void)state;
	config_support_check_trees(trees, ARRAY_COUNT(trees));
}

static const struct {
	const char *text, *want;
} refusals[] = {
	{CONFIG_MAP_DOCUMENT, "no configuration in the file, only Kubernetes documents of kind "
			      "\"ConfigMap\" (test.yaml:1:1)\n"},
	{HEAD "spec: {mode: x}\n",
	 "the OpenTelemetryCollector resource has no spec.config (test.yaml:1:1: spec)\n"},
	{HEAD, "the OpenTelemetryCollector resource has no spec.config (test.yaml:1:1: spec)\n"},
	{"a: 1\n---\nb: 2\n", "a second configuration in the same file; the first begins at line 1 "
			      "(test.yaml:3:1)\n"},
	{MAP "data:\n  agent.yaml: |\n" INSIDE "  gateway.yaml: |\n" INSIDE,
	 "the ConfigMap holds more than one configuration (\"agent.yaml\", \"gateway.yaml\"): "
	 "write "
	 "the wanted one to a file of its own (test.yaml:8:3: data)\n"},
	{MAP "data:\n  a: |\n" INSIDE "---\n" MAP "data:\n  b: |\n" INSIDE,
	 "a second configuration in the same file; the first begins at line 1 (test.yaml:9:1)\n"},
	{MAP "data: [x]\n", "no configuration in the file, only Kubernetes documents of kind "
			    "\"ConfigMap\" (test.yaml:1:1)\n"},
	{MAP "data:\n  a: |\n    receivers:\n    exporters:\n    service: [\n", "yaml: line"},
	{HEAD "spec: {config: [x]}\n",
	 "retrieved value (type=[]interface {}) cannot be used as a Conf (test.yaml:3:16)\n"},
};

static void a_file_without_one_configuration_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(refusals); i++) {
		struct config_support s;
		config_support_init(&s);
		assert_null(config_support_load_text(&s, refusals[i].text));
		const char *errors = config_support_errors(&s);
		assert_memory_equal(errors, RESOLVE_HEAD, strlen(RESOLVE_HEAD));
		if (slice_has_suffix(slice_str(refusals[i].want), SLICE("\n")))
			assert_string_equal(errors + strlen(RESOLVE_HEAD), refusals[i].want);
		else
			assert_non_null(strstr(errors, refusals[i].want));
		config_support_fini(&s);
	}
}

/* Where "x: 1" stands in the file when spec.config is the string ${text} after line 3. */
static const struct {
	const char *text;
	uint32_t line, column;
} places[] = {
	{"spec:\n  config: |\n    a:\n      x: 1\n", 6, 7},
	{"spec:\n  config: |-\n    # why\n\n    a:\n      x: 1\n", 8, 7},
	{"spec:\n  config: |2\n      a:\n        x: 1\n", 6, 9},
	{"spec:\n  config: |\n\n\n    a: {x: 1}\n", 7, 9},
	{"spec: {config: \"a: {x: 1}\"}\n", 3, 16},
	{"spec:\n  config: >\n    a: {x: 1}\n", 4, 11},
	{"spec:\n  config: &anchor |\n    a: {x: 1}\n", 4, 11},
};

static void places_inside_a_string_of_yaml_point_into_the_file(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
		struct config_support s;
		struct buf text = BUF_INIT;
		config_support_init(&s);
		buf_append_str(&text, HEAD_ALPHA);
		buf_append_str(&text, places[i].text);
		const struct config_node *root = config_support_load_text(&s, buf_cstr(&text));
		const struct config_node *map = config_support_at(root, "a");
		assert_non_null(map);
		assert_int_equal(map->entries[0].key_loc.line, places[i].line);
		assert_int_equal(map->entries[0].key_loc.column, places[i].column);
		buf_fini(&text);
		config_support_fini(&s);
	}
}

static void a_fault_inside_a_string_of_yaml_shows_its_line_in_the_file(void **state)
{
	struct config_support s;
	(void)state;
	config_support_init(&s);
	assert_null(config_support_load_text(&s, HEAD_ALPHA
					     "spec:\n  config: |\n    a: 1\n    a: 2\n"));
	assert_non_null(strstr(config_support_errors(&s),
			       "yaml: line 6: mapping key \"a\" already defined at line 5 "
			       "(test.yaml:6:5)"));
	config_support_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_configuration_is_found_among_kubernetes_documents),
		cmocka_unit_test(a_config_map_with_a_configuration_is_unwrapped),
		cmocka_unit_test(a_fault_inside_a_config_map_shows_its_line_in_the_file),
		cmocka_unit_test(a_file_without_one_configuration_is_refused),
		cmocka_unit_test(places_inside_a_string_of_yaml_point_into_the_file),
		cmocka_unit_test(a_fault_inside_a_string_of_yaml_shows_its_line_in_the_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
