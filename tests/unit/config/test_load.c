/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/support/config_support.h"

#define RESOLVE_HEAD "Error: "

static const struct config_support_pair files[] = {
	{"base.yaml", "receivers:\n  otlp:\n    protocols: {grpc: , http: }\nlist: [1, 2]\nx: 1\n"},
	{"over.yaml",
	 "receivers:\n  otlp:\n    protocols: {http: null, grpc: {endpoint: a}}\nlist: "
	 "[3]\nx: null\ny: 2\n"},
	{"scalar.yaml", "receivers: none\n"},
	{"bad.yaml", "a: [\n"},
	{"worse.yaml", "b: }\n"},
	{"colons.yaml", "a::b::c: 1\na:\n  b: {d: 2}\ne::f: {g::h: 3}\n"},
	{NULL, NULL},
};

static const struct config_support_pair env[] = {
	{"OTEL_CONFIG", "exporters: {debug: {verbosity: basic}}\n"},
	{"EMPTY", ""},
	{NULL, NULL},
};

static const struct {
	const char *uris[4], *sets[3], *want;
} merges[] = {
	{{"base.yaml"},
	 {NULL},
	 "{receivers: {otlp: {protocols: {grpc: null, http: null}}}, list: [i1, i2], x: i1}"},
	{{"base.yaml", "file:over.yaml"},
	 {NULL},
	 "{receivers: {otlp: {protocols: {grpc: {endpoint: s\"a\"}, http: null}}}, list: [i3], x: "
	 "null, y: i2}"},
	{{"base.yaml", "scalar.yaml"}, {NULL}, "{receivers: s\"none\", list: [i1, i2], x: i1}"},
	{{"env:OTEL_CONFIG"}, {NULL}, "{exporters: {debug: {verbosity: s\"basic\"}}}"},
	{{"env:EMPTY"}, {NULL}, "{}"},
	{{"yaml:a::b::c: 5"}, {NULL}, "{a: {b: {c: i5}}}"},
	{{"yaml:a: {x: 1}", "yaml:a::y: 2"}, {NULL}, "{a: {x: i1, y: i2}}"},
	{{"colons.yaml"}, {NULL}, "{a: {b: {c: i1, d: i2}}, e: {f: {g: {h: i3}}}}"},
	{{"yaml:a: {x: 1}"}, {"a.x=2", "a.z.w=[1, q]"}, "{a: {x: i2, z: {w: [i1, s\"q\"]}}}"},
	{{"yaml:a: 1"}, {"a="}, "{a: null}"},
	{{"yaml:a: 1"}, {"a=\"1\""}, "{a: s\"1\"}"},
	{{NULL}, {"a.b=c=d"}, "{a: {b: s\"c=d\"}}"},
	{{"yaml:"}, {NULL}, "{}"},
};

static void sources_are_laid_over_one_another_from_left_to_right(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(merges); i++) {
		struct config_support s;
		config_support_init(&s);
		s.files = files;
		s.env = env;
		const struct config_node *root =
			config_support_load(&s, merges[i].uris, merges[i].sets);
		if (!root)
			fail_msg("case %zu: %s", i, config_support_errors(&s));
		assert_string_equal(config_support_dump(&s, root), merges[i].want);
		config_support_fini(&s);
	}
}

static const struct {
	const char *uris[4], *sets[3], *want;
} refusals[] = {
	{{NULL}, {NULL}, "at least one config flag must be provided\n"},
	{{"absent.yaml"}, {NULL}, "open absent.yaml: No such file or directory\n"},
	{{"https://host/x.yaml"},
	 {NULL},
	 "scheme \"https\" is not supported for uri "
	 "\"https://host/x.yaml\" (supported: file, env, yaml): download it and give the file\n"},
	{{"s3://bucket"},
	 {NULL},
	 "scheme \"s3\" is not supported for uri "
	 "\"s3://bucket\" (supported: file, env, yaml)\n"},
	{{"env:A-B"},
	 {NULL},
	 "environment variable \"A-B\" has invalid name: must match regex "
	 "^[a-zA-Z_][a-zA-Z0-9_]*$ (env:A-B)\n"},
	{{"base.yaml"},
	 {"key:name"},
	 "invalid value \"key:name\" for --set: expected a.b.c=value\n"},
	{{"yaml:just a text"},
	 {NULL},
	 "retrieved value (type=string) cannot be used as a Conf (yaml::1:1)\n"},
	{{"bad.yaml", "worse.yaml"},
	 {NULL},
	 "retrieved value (type=string) cannot be used as a Conf: assuming string type since "
	 "contents are not valid YAML: yaml: line 2: did not find expected node content "
	 "(bad.yaml:2:1)\n"
	 "Error: retrieved value (type=string) cannot be used as a Conf: assuming string type "
	 "since "
	 "contents are not valid YAML: yaml: line 1: did not find expected node content "
	 "(worse.yaml:1:4)\n"},
};

static void bad_sources_are_refused_all_in_one_run(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(refusals); i++) {
		struct config_support s;
		config_support_init(&s);
		s.files = files;
		assert_null(config_support_load(&s, refusals[i].uris, refusals[i].sets));
		const char *errors = config_support_errors(&s);
		assert_memory_equal(errors, RESOLVE_HEAD, strlen(RESOLVE_HEAD));
		assert_string_equal(errors + strlen(RESOLVE_HEAD), refusals[i].want);
		config_support_fini(&s);
	}
}

static void an_unset_variable_as_a_source_warns(void **state)
{
	struct config_support s;
	(void)state;
	const char *const uris[] = {"env:GONE", NULL};
	config_support_init(&s);
	assert_non_null(config_support_load(&s, uris, NULL));
	assert_string_equal(config_support_warnings(&s),
			    "Warning: Configuration references unset environment variable "
			    "\"GONE\" (env:GONE)\n");
	config_support_fini(&s);
}

static void a_set_value_says_where_it_came_from_but_not_what_it_is(void **state)
{
	struct config_support s;
	(void)state;
	const char *const sets[] = {"a.b=[", NULL};
	config_support_init(&s);
	assert_null(config_support_load(&s, NULL, sets));
	assert_non_null(strstr(config_support_errors(&s), "(--set a.b)\n"));
	config_support_fini(&s);
}

static void keys_split_no_deeper_than_the_limit(void **state)
{
	struct config_support s;
	struct buf text = BUF_INIT;
	(void)state;
	config_support_init(&s);
	for (int i = 0; i < CONFIG_DEPTH_MAX; i++)
		buf_append_str(&text, "a::");
	buf_append_str(&text, "a: 1\n");
	assert_null(config_support_load_text(&s, buf_cstr(&text)));
	assert_non_null(strstr(config_support_errors(&s), "nested too deeply"));
	config_support_fini(&s);
	buf_fini(&text);
}

static const char *no_env(void *arg, const char *name)
{
	(void)arg;
	(void)name;
	return NULL;
}

static void files_are_read_from_the_disk(void **state)
{
	struct config_support s;
	char path[] = "/tmp/sluice-config-XXXXXX";
	(void)state;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "a: 1\n", 5), 5);
	config_support_init(&s);
	const char *const uris[] = {path};
	struct config_load load = {.uris = uris, .uri_count = 1, .env = {no_env, NULL}};
	assert_string_equal(config_support_dump(&s, config_load(&load, &s.report)), "{a: i1}");
	config_support_fini(&s);

	/* One byte over the limit. */
	config_support_init(&s);
	assert_int_equal(ftruncate(fd, CONFIG_SOURCE_BYTES_MAX + 1), 0);
	assert_null(config_load(&load, &s.report));
	assert_non_null(strstr(config_support_errors(&s), "is larger than 4194304 bytes"));
	config_support_fini(&s);
	assert_int_equal(close(fd), 0);
	assert_int_equal(unlink(path), 0);

	config_support_init(&s);
	assert_null(config_load(&load, &s.report));
	assert_non_null(strstr(config_support_errors(&s), "No such file or directory"));
	config_support_fini(&s);
}

static void an_arena_that_runs_out_is_an_error(void **state)
{
	(void)state;
	for (size_t bytes = 0; bytes < 8192; bytes += 64) {
		static const char *const uris[] = {"yaml:a: {b: [x, y, '${N:-1}', {c: d}], e: f}"};
		struct arena arena;
		struct config_report report;
		struct config_load load = {.uris = uris, .uri_count = 1, .env = {no_env, NULL}};
		arena_init(&arena, NULL, bytes);
		config_report_init(&report, &arena);
		const struct config_node *root = config_load(&load, &report);
		if (root)
			assert_int_equal(report.error_count, 0);
		else
			assert_true(report.error_count > 0);
		arena_fini(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sources_are_laid_over_one_another_from_left_to_right),
		cmocka_unit_test(bad_sources_are_refused_all_in_one_run),
		cmocka_unit_test(an_unset_variable_as_a_source_warns),
		cmocka_unit_test(a_set_value_says_where_it_came_from_but_not_what_it_is),
		cmocka_unit_test(keys_split_no_deeper_than_the_limit),
		cmocka_unit_test(files_are_read_from_the_disk),
		cmocka_unit_test(an_arena_that_runs_out_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
