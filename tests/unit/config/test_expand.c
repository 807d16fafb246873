/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/config_support.h"

#define RESOLVE_HEAD "Error: "

static const struct config_support_pair env[] = {
	{"NUMBER", "8192"},
	{"DIGITS", "0123"},
	{"TEXT", "hello"},
	{"EMPTY", ""},
	{"QUOTED", "\"0123\""},
	{"NAME", "TEXT"},
	{"TO_TEXT", "${env:TEXT}"},
	{"LOOP", "${env:LOOP}"},
	{"LOOP_A", "x${env:LOOP_A}"},
	{"MAP", "a: 1\nb: ${env:TEXT}\n"},
	{"LIST", "[1, two]"},
	{"NOT_YAML", "@x: *y"},
	{"DOLLARS", "a$$b"},
	{"YES", "true"},
	{"NULL_WORD", "null"},
	{NULL, NULL},
};

static const struct config_support_pair files[] = {
	{"secret", "top\n"},
	{"part.yaml", "k: ${env:TEXT}\nl:\n  - 1\n"},
	{"self.yaml", "x: ${file:self.yaml}\n"},
	{NULL, NULL},
};

static const struct {
	const char *text, *want;
} trees[] = {
	{"a: ${env:NUMBER}", "{a: i8192}"},
	{"a: ${NUMBER}", "{a: i8192}"},
	{"a: '${env:NUMBER}'", "{a: i8192}"},
	{"a: ${env:DIGITS}", "{a: i0123}"},
	{"a: ${env:YES}", "{a: btrue}"},
	{"a: ${env:TEXT}", "{a: s\"hello\"}"},
	{"a: ${env:QUOTED}", "{a: s\"\"0123\"\"}"},
	{"a: ${env:EMPTY}", "{a: null}"},
	{"a: ${env:NULL_WORD}", "{a: null}"},
	{"a: ${env:UNSET}", "{a: null}"},
	{"a: ${env:UNSET:-5}", "{a: i5}"},
	{"a: ${UNSET:-x:-y}", "{a: s\"x:-y\"}"},
	{"a: ${UNSET:-}", "{a: null}"},
	{"a: ${env:EMPTY:-5}", "{a: null}"},
	{"a: x${env:UNSET}y", "{a: s\"xy\"}"},
	{"a: ${env:TEXT}:${env:NUMBER}", "{a: s\"hello:8192\"}"},
	{"a: 88${env:NUMBER}", "{a: s\"888192\"}"},
	{"a: ${env:${env:NAME}}", "{a: s\"hello\"}"},
	{"a: ${env:UNSET:-${env:NUMBER}}", "{a: i8192}"},
	{"a: ${env:TO_TEXT}", "{a: s\"hello\"}"},
	{"a: '<${env:TO_TEXT}>'", "{a: s\"<hello>\"}"},
	{"a: ${env:MAP}", "{a: {a: i1, b: s\"hello\"}}"},
	{"a: ${env:LIST}", "{a: [i1, s\"two\"]}"},
	{"a: ${env:NOT_YAML}", "{a: s\"@x: *y\"}"},
	{"a: <${env:LIST}>", "{a: s\"<[1, two]>\"}"},
	{"a: $$", "{a: s\"$\"}"},
	{"a: $$1", "{a: s\"$1\"}"},
	{"a: $1", "{a: s\"$1\"}"},
	{"a: $TEXT", "{a: s\"$TEXT\"}"},
	{"a: $${env:TEXT}", "{a: s\"${env:TEXT}\"}"},
	{"a: $$${env:TEXT}", "{a: s\"$hello\"}"},
	{"a: $$$${env:TEXT}", "{a: s\"$${env:TEXT}\"}"},
	{"a: ${env:DOLLARS}", "{a: s\"a$b\"}"},
	{"a: ${env:TEXT", "{a: s\"${env:TEXT\"}"},
	{"a: x}${env:TEXT}", "{a: s\"x}hello\"}"},
	{"a: ${file:secret}", "{a: s\"top\"}"},
	{"a: ${file:part.yaml}", "{a: {k: s\"hello\", l: [i1]}}"},
	{"a: '${yaml:[1, 2]}'", "{a: [i1, i2]}"},
	{"a: '${yaml:x::y: 1}'", "{a: {x: {y: i1}}}"},
	{"${env:TEXT}: 1", "{${env:TEXT}: i1}"},
	{"a: [\"${env:NUMBER}\", {b: \"${env:TEXT}\"}]", "{a: [i8192, {b: s\"hello\"}]}"},
};

static void references_become_what_they_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(trees); i++) {
		struct config_support s;
		config_support_init(&s);
		s.env = env;
		s.files = files;
		const struct config_node *root = config_support_load_text(&s, trees[i].text);
		if (!root)
			fail_msg("%s: %s", trees[i].text, config_support_errors(&s));
		if (strcmp(config_support_dump(&s, root), trees[i].want) != 0)
			fail_msg("%s: got %s, want %s", trees[i].text,
				 config_support_dump(&s, root), trees[i].want);
		config_support_fini(&s);
	}
}

static const struct {
	const char *text, *want;
} refusals[] = {
	{"a:\n  b: ${env:1X}\n", "environment variable \"1X\" has invalid name: must match regex "
				 "^[a-zA-Z_][a-zA-Z0-9_]*$ (test.yaml:2:6: a.b)\n"},
	{"a: ${}\n", "environment variable \"\" has invalid name: must match regex "
		     "^[a-zA-Z_][a-zA-Z0-9_]*$ (test.yaml:1:4: a)\n"},
	{"a: ${env:LOOP}\n", "too many recursive expansions (test.yaml:1:4: a)\n"},
	{"a: ${env:LOOP_A}\n", "too many recursive expansions (test.yaml:1:4: a)\n"},
	{"a: ${http://x/y}\n", "${http://x/y}: scheme is not supported (supported: env, file, "
			       "yaml) (test.yaml:1:4: a)\n"},
	{"a: ${s3:x}\n",
	 "${s3:x}: scheme is not supported (supported: env, file, yaml) (test.yaml:1:4: a)\n"},
	{"a: ${1:x}\n", "${1:x}: invalid uri (test.yaml:1:4: a)\n"},
	{"a: ${file:absent}\n", "open absent: No such file or directory (test.yaml:1:4: a)\n"},
	{"a: [x, \"<${file:part.yaml}>\"]\n",
	 "${file:part.yaml}: expected convertable to string value type, got a map or a list "
	 "(test.yaml:1:8: a[1])\n"},
	{"a: ${file:$x}\n",
	 "${file:$x}: the uri contains unsupported characters ('$') (test.yaml:1:4: a)\n"},
};

static void bad_references_are_refused_with_their_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(refusals); i++) {
		struct config_support s;
		config_support_init(&s);
		s.env = env;
		s.files = files;
		assert_null(config_support_load_text(&s, refusals[i].text));
		const char *errors = config_support_errors(&s);
		assert_memory_equal(errors, RESOLVE_HEAD, strlen(RESOLVE_HEAD));
		assert_string_equal(errors + strlen(RESOLVE_HEAD), refusals[i].want);
		config_support_fini(&s);
	}
}

static void a_file_that_names_itself_ends_at_the_depth_limit(void **state)
{
	struct config_support s;
	(void)state;
	config_support_init(&s);
	s.files = files;
	assert_null(config_support_load_text(&s, "a: ${file:self.yaml}\n"));
	assert_non_null(strstr(config_support_errors(&s),
			       "too many recursive expansions: more than 100 levels"));
	config_support_fini(&s);
}

static const char *endless(void *arg, const char *name)
{
	(void)name;
	++*(size_t *)arg;
	return "${env:LOOP}";
}

static void endless_references_in_many_places_end_together(void **state)
{
	static const char *const uris[] = {
		"yaml:a: &a [\"${env:LOOP}\", \"${env:LOOP}\", \"${env:LOOP}\"]\n"
		"b: &b [*a, *a, *a, *a]\n"
		"c: &c [*b, *b, *b, *b]\n"
		"d: [*c, *c, *c, *c]\n"};
	struct config_support s;
	size_t reads = 0;
	(void)state;
	config_support_init(&s);
	const struct config_load load = {
		.uris = uris, .uri_count = ARRAY_COUNT(uris), .env = {endless, &reads}};
	assert_null(config_load(&load, &s.report));
	assert_non_null(strstr(config_support_errors(&s), "too many recursive expansions"));
	assert_int_equal(reads, CONFIG_EXPANSIONS_ALL_MAX);
	config_support_fini(&s);
}

static void an_unset_variable_warns_by_name_and_marks_the_node(void **state)
{
	struct config_support s;
	(void)state;
	config_support_init(&s);
	s.env = env;
	const struct config_node *root =
		config_support_load_text(&s, "a: ${env:UNSET}\nb: <${GONE}${env:TEXT}>\n");
	assert_string_equal(config_support_warnings(&s),
			    "Warning: Configuration references unset environment variable "
			    "\"UNSET\" (test.yaml:1:4: a)\n"
			    "Warning: Configuration references unset environment variable "
			    "\"GONE\" (test.yaml:2:4: b)\n");
	assert_string_equal(config_support_at(root, "a")->unset_env, "UNSET");
	assert_string_equal(config_support_at(root, "b")->unset_env, "GONE");
	config_support_fini(&s);
}

static void nodes_say_whether_their_text_was_expanded(void **state)
{
	struct config_support s;
	(void)state;
	config_support_init(&s);
	s.env = env;
	const struct config_node *root = config_support_load_text(
		&s, "a: ${env:NUMBER}\nb: x${env:NUMBER}\nc: $$\nd: 5\ne: ${env:MAP}\n");
	assert_true(config_support_at(root, "a")->from_env);
	assert_true(config_support_at(root, "a")->expanded);
	assert_false(config_support_at(root, "b")->from_env);
	assert_true(config_support_at(root, "b")->expanded);
	assert_false(config_support_at(root, "c")->expanded);
	assert_false(config_support_at(root, "d")->expanded);
	const struct config_node *map = config_support_at(root, "e");
	assert_true(map->from_env);
	assert_true(slice_equal(map->text, SLICE("a: 1\nb: ${env:TEXT}\n")));
	assert_string_equal(map->loc.file, "test.yaml");
	assert_int_equal(map->loc.line, 5);
	assert_string_equal(config_support_at(root, "e.a")->loc.file, "env:MAP");
	config_support_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(references_become_what_they_name),
		cmocka_unit_test(bad_references_are_refused_with_their_place),
		cmocka_unit_test(a_file_that_names_itself_ends_at_the_depth_limit),
		cmocka_unit_test(endless_references_in_many_places_end_together),
		cmocka_unit_test(an_unset_variable_warns_by_name_and_marks_the_node),
		cmocka_unit_test(nodes_say_whether_their_text_was_expanded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
