/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <cmocka.h>

#include "tests/support/config_support.h"

#define NOT_A_CONF                                                                                 \
	"retrieved value (type=string) cannot be used as a Conf: assuming string type since "      \
	"contents are not valid YAML: yaml: "
#define RESOLVE_HEAD "Error: "

static const struct config_support_tree trees[] = {
	{"a: 1", "{a: i1}"},
	{"a: {b: [x, y,], c: }", "{a: {b: [s\"x\", s\"y\"], c: null}}"},
	{"a:\n- 1\n- two\n", "{a: [i1, s\"two\"]}"},
	{"a: ~\nb: null\nc:\nd: NULL\n", "{a: null, b: null, c: null, d: null}"},
	{"a: true\nb: False\nc: yes\nd: on\n", "{a: btrue, b: bFalse, c: s\"yes\", d: s\"on\"}"},
	{"a: 0x1F\nb: 0o17\nc: 017\nd: 0b11\ne: 1_000\n",
	 "{a: i0x1F, b: i0o17, c: i017, d: i0b11, e: i1_000}"},
	{"a: +5\nb: -5\nc: 089\nd: 1.2.3\n", "{a: i+5, b: i-5, c: f089, d: s\"1.2.3\"}"},
	{"a: 1.5\nb: .5\nc: 1e3\nd: .inf\ne: .nan\nf: 5.\n",
	 "{a: f1.5, b: f.5, c: f1e3, d: f.inf, e: f.nan, f: f5.}"},
	{"a: 1e999\nb: 1e308\n", "{a: s\"1e999\", b: f1e308}"},
	{"a: 18446744073709551615\nb: 18446744073709551616\n",
	 "{a: i18446744073709551615, b: f18446744073709551616}"},
	{"a: \"1\"\nb: '1'\nc: |\n  1\n", "{a: s\"1\", b: s\"1\", c: s\"1\n\"}"},
	{"a: !!str 1\nb: !!int 1\nc: !!float 1\nd: !!null\n", "{a: s\"1\", b: i1, c: f1, d: null}"},
	{"a: 2024-01-01\nb: 10s\nc: 0.0.0.0:4317\n",
	 "{a: s\"2024-01-01\", b: s\"10s\", c: s\"0.0.0.0:4317\"}"},
	{"a: &x {k: 1}\nb: *x\nc: [*x, *x]\n", "{a: {k: i1}, b: {k: i1}, c: [{k: i1}, {k: i1}]}"},
	{"a: &x {k: 1, l: 2}\nb: {l: 3, <<: *x}\n", "{a: {k: i1, l: i2}, b: {l: i3, k: i1}}"},
	{"a: &x {k: 1}\nb: &y {k: 2, m: 3}\nc: {<<: [*x, *y]}\n",
	 "{a: {k: i1}, b: {k: i2, m: i3}, c: {k: i1, m: i3}}"},
	{"a: {\"<<\": 1}\n", "{a: {<<: i1}}"},
	{"\xef\xbb\xbf"
	 "a: 1\n",
	 "{a: i1}"},
	{"5: x\ntrue: y\n", "{5: s\"x\", true: s\"y\"}"},
	{"", "{}"},
	{"# nothing\n", "{}"},
	{"---\n...\n", "{}"},
};

static void texts_become_the_trees_that_yaml_v3_makes(void **state)
{
	(void)state;
	config_support_check_trees(trees, ARRAY_COUNT(trees));
}

static const struct config_support_tree refusals[] = {
	{"a: 1\nb: 2\na: 3\n",
	 NOT_A_CONF "line 3: mapping key \"a\" already defined at line 1 (test.yaml:3:1)\n"},
	{"a: 1\na: 2\nb:\n  c: 1\n  c: 2\n", NOT_A_CONF
	 "line 2: mapping key \"a\" already defined at line 1 (test.yaml:2:1)\nError: " NOT_A_CONF
	 "line 5: mapping key \"c\" already defined at line 4 (test.yaml:5:3)\n"},
	{"receivers:\n\totlp:\n",
	 NOT_A_CONF "line 2: found character that cannot start any token (a "
		    "tab: YAML is indented with spaces) (test.yaml:2:1)\n"},
	{"a:\n  b: 1\n \tc: 2\n",
	 NOT_A_CONF "line 3: found a tab character that violates indentation (a tab: YAML is "
		    "indented with spaces) (test.yaml:3:2)\n"},
	{"a: [1, 2\nb: 3\n",
	 NOT_A_CONF "line 2: did not find expected ',' or ']' (test.yaml:2:2)\n"},
	{"a: @x\n",
	 NOT_A_CONF "line 1: found character that cannot start any token (test.yaml:1:4)\n"},
	{"a: 1\n b: 2\n",
	 NOT_A_CONF "line 2: mapping values are not allowed in this context (test.yaml:2:3)\n"},
	{"a: \x01\n", NOT_A_CONF "line 1: control characters are not allowed (test.yaml:1:4)\n"},
	{"a: \xff\n", NOT_A_CONF "line 1: invalid leading UTF-8 octet (test.yaml:1:4)\n"},
	{"a: *x\n", NOT_A_CONF "line 1: unknown anchor 'x' referenced (test.yaml:1:4)\n"},
	{"a: &x [*x]\n", NOT_A_CONF "line 1: anchor value contains itself (test.yaml:1:8)\n"},
	{"? [a]\n: 1\n", NOT_A_CONF
	 "line 1: invalid map key: only texts and numbers can be keys (test.yaml:1:3)\n"},
	{"~: 1\n", NOT_A_CONF
	 "line 1: invalid map key: only texts and numbers can be keys (test.yaml:1:1)\n"},
	{"a: {<<: 1}\n", NOT_A_CONF
	 "line 1: map merge requires map or sequence of maps as the value (test.yaml:1:4)\n"},
	{"a: !!int x\n",
	 NOT_A_CONF "line 1: the value does not have the type of its tag (test.yaml:1:4)\n"},
	{"a: !!binary eA==\n", NOT_A_CONF "line 1: a tag other than those of YAML's core schema is "
					  "not supported (test.yaml:1:4)\n"},
	{"just text\n", "retrieved value (type=string) cannot be used as a Conf (test.yaml:1:1)\n"},
	{"5\n", "retrieved value (type=int) cannot be used as a Conf (test.yaml:1:1)\n"},
	{"- a\n",
	 "retrieved value (type=[]interface {}) cannot be used as a Conf (test.yaml:1:1)\n"},
};

static void faults_are_refused_with_their_line_and_column(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(refusals); i++) {
		struct config_support s;
		config_support_init(&s);
		assert_null(config_support_load_text(&s, refusals[i].text));
		const char *errors = config_support_errors(&s);
		assert_memory_equal(errors, RESOLVE_HEAD, strlen(RESOLVE_HEAD));
		assert_string_equal(errors + strlen(RESOLVE_HEAD), refusals[i].want);
		config_support_fini(&s);
	}
}

static void nodes_remember_where_they_stand(void **state)
{
	struct config_support s;
	(void)state;
	config_support_init(&s);
	const struct config_node *root =
		config_support_load_text(&s, "a:\n  b: [1,\n   \xc3\xa4, x]\n");
	const struct config_node *list = config_support_at(root, "a.b");
	assert_int_equal(root->entries[0].key_loc.line, 1);
	assert_int_equal(root->entries[0].key_loc.column, 1);
	assert_int_equal(list->loc.line, 2);
	assert_int_equal(list->loc.column, 6);
	assert_int_equal(list->items[2]->loc.line, 3);
	assert_int_equal(list->items[2]->loc.column, 7); /* characters, not bytes */
	assert_string_equal(list->loc.file, "test.yaml");
	config_support_fini(&s);
}

static void fill(struct buf *text, const char *part, size_t times)
{
	for (size_t i = 0; i < times; i++)
		buf_append_str(text, part);
}

/* Loads ${text} and expects an error that contains ${want}. */
static void expect_refused(const char *text, const char *want)
{
	struct config_support s;
	config_support_init(&s);
	assert_null(config_support_load_text(&s, text));
	if (!strstr(config_support_errors(&s), want))
		fail_msg("%s not in %.300s", want, config_support_errors(&s));
	config_support_fini(&s);
}

static void nesting_stops_at_the_depth_limit(void **state)
{
	struct buf text = BUF_INIT;
	struct config_support s;
	(void)state;
	buf_append_str(&text, "a: ");
	fill(&text, "[", CONFIG_DEPTH_MAX - 1);
	fill(&text, "]", CONFIG_DEPTH_MAX - 1);
	config_support_init(&s);
	assert_non_null(config_support_load_text(&s, buf_cstr(&text)));
	config_support_fini(&s);

	buf_reset(&text);
	buf_append_str(&text, "a: ");
	fill(&text, "[", CONFIG_DEPTH_MAX);
	fill(&text, "]", CONFIG_DEPTH_MAX);
	expect_refused(buf_cstr(&text), "exceeded max depth of 100");
	buf_reset(&text);
	fill(&text, "[", 100000);
	expect_refused(buf_cstr(&text), "exceeded max depth of 100");
	buf_fini(&text);
}

static void aliases_add_the_levels_of_what_they_name(void **state)
{
	struct buf text = BUF_INIT;
	(void)state;
	buf_append_str(&text, "a: &a ");
	fill(&text, "[", 60);
	fill(&text, "]", 60);
	buf_append_str(&text, "\nb: ");
	fill(&text, "[", 60);
	buf_append_str(&text, "*a");
	fill(&text, "]", 60);
	expect_refused(buf_cstr(&text), "exceeded max depth of 100");
	buf_fini(&text);
}

static void an_alias_bomb_is_refused(void **state)
{
	struct buf text = BUF_INIT;
	(void)state;
	buf_append_str(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
	for (int i = 1; i < 12; i++) {
		buf_printf(&text, "a%d: &a%d [", i, i);
		for (int k = 0; k < 10; k++)
			buf_printf(&text, "*a%d,", i - 1);
		buf_append_str(&text, "]\n");
	}
	expect_refused(buf_cstr(&text), "document contains excessive aliasing");
	buf_fini(&text);
}

static void too_many_values_are_refused(void **state)
{
	struct buf text = BUF_INIT;
	(void)state;
	buf_append_str(&text, "a: [");
	fill(&text, "1,", CONFIG_NODES_MAX);
	buf_append_str(&text, "]\n");
	expect_refused(buf_cstr(&text), "too many values");
	buf_fini(&text);
}

static void a_map_with_many_keys_finds_its_duplicate(void **state)
{
	struct buf text = BUF_INIT;
	(void)state;
	for (int i = 0; i < 50000; i++)
		buf_printf(&text, "key%d: 1\n", i);
	buf_append_str(&text, "key31337: 1\n");
	expect_refused(buf_cstr(&text),
		       "line 50001: mapping key \"key31337\" already defined at line 31338");
	buf_fini(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_become_the_trees_that_yaml_v3_makes),
		cmocka_unit_test(faults_are_refused_with_their_line_and_column),
		cmocka_unit_test(nodes_remember_where_they_stand),
		cmocka_unit_test(nesting_stops_at_the_depth_limit),
		cmocka_unit_test(aliases_add_the_levels_of_what_they_name),
		cmocka_unit_test(an_alias_bomb_is_refused),
		cmocka_unit_test(too_many_values_are_refused),
		cmocka_unit_test(a_map_with_many_keys_finds_its_duplicate),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
