/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/support/config_support.h"

static const struct config_loc at_7_9 = {"edge.yaml", 7, 9};

static void a_problem_shows_its_place_and_what_was_meant(void **state)
{
	static const struct {
		struct config_loc loc;
		const char *path, *suggestion, *want;
	} cases[] = {
		{{"edge.yaml", 7, 9},
		 "a.b",
		 "c",
		 "Error: text (edge.yaml:7:9: a.b, did you mean \"c\"?)\n"},
		{{"edge.yaml", 7, 9}, "a.b", NULL, "Error: text (edge.yaml:7:9: a.b)\n"},
		{{"edge.yaml", 7, 9}, "", NULL, "Error: text (edge.yaml:7:9)\n"},
		{{"edge.yaml", 7, 9},
		 "",
		 "c",
		 "Error: text (edge.yaml:7:9, did you mean \"c\"?)\n"},
		{{"env:X", 0, 0}, "a", NULL, "Error: text (env:X: a)\n"},
		{{NULL, 0, 0}, "a", "c", "Error: text (a, did you mean \"c\"?)\n"},
		{{NULL, 0, 0}, NULL, "c", "Error: text (did you mean \"c\"?)\n"},
		{{NULL, 0, 0}, "", NULL, "Error: text\n"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct config_support s;
		config_support_init(&s);
		config_problem(&s.report, CONFIG_ERROR, cases[i].loc, cases[i].path,
			       cases[i].suggestion, "%s", "text");
		assert_string_equal(config_support_errors(&s), cases[i].want);
		config_support_fini(&s);
	}
}

static void errors_stand_by_stage_each_with_one_prefix(void **state)
{
	struct config_support s;
	(void)state;
	config_support_init(&s);
	s.report.stage = CONFIG_STAGE_VALIDATE;
	config_problem(&s.report, CONFIG_ERROR, at_7_9, "", NULL, "third");
	s.report.scope = "exporters::otlp: ";
	config_problem(&s.report, CONFIG_ERROR, at_7_9, "", NULL, "fourth");
	s.report.scope = "";
	s.report.stage = CONFIG_STAGE_BUILD;
	config_problem(&s.report, CONFIG_ERROR, at_7_9, "", NULL, "fifth");
	s.report.stage = CONFIG_STAGE_DECODE;
	config_problem(&s.report, CONFIG_ERROR, at_7_9, "", NULL, "second");
	config_problem(&s.report, CONFIG_WARNING, at_7_9, "", NULL, "careful");
	s.report.stage = CONFIG_STAGE_RESOLVE;
	config_problem(&s.report, CONFIG_ERROR, at_7_9, "", NULL, "first");
	assert_string_equal(config_support_errors(&s),
			    "Error: first (edge.yaml:7:9)\n"
			    "Error: second (edge.yaml:7:9)\n"
			    "Error: third (edge.yaml:7:9)\n"
			    "Error: exporters::otlp: fourth (edge.yaml:7:9)\n"
			    "Error: fifth (edge.yaml:7:9)\n");
	assert_string_equal(config_support_warnings(&s), "Warning: careful (edge.yaml:7:9)\n");
	config_support_fini(&s);
}

static void a_problem_stays_on_one_line_whatever_a_key_holds(void **state)
{
	struct config_support s;
	(void)state;
	config_support_init(&s);
	config_problem(&s.report, CONFIG_ERROR, at_7_9, "a\nb", NULL, "x\ty\x1b[0m\x7f");
	assert_string_equal(config_support_errors(&s),
			    "Error: x\\ty\\x1b[0m\\x7f (edge.yaml:7:9: a\\nb)\n");
	config_support_fini(&s);
}

static void problems_beyond_the_limit_are_counted(void **state)
{
	struct config_support s;
	(void)state;
	config_support_init(&s);
	for (int i = 0; i < CONFIG_PROBLEMS_MAX + 5; i++)
		config_problem(&s.report, CONFIG_ERROR, at_7_9, "", NULL, "%d", i);
	config_problem(&s.report, CONFIG_WARNING, at_7_9, "", NULL, "careful");
	assert_int_equal(s.report.error_count, CONFIG_PROBLEMS_MAX + 5);
	assert_non_null(strstr(config_support_errors(&s), "\nError: 199 (edge.yaml:7:9)\n"
							  "Error: 5 more errors are not shown\n"));
	assert_string_equal(config_support_warnings(&s),
			    "Warning: 1 more warnings are not shown\n");
	config_support_fini(&s);
}

static void nothing_is_printed_when_nothing_is_wrong(void **state)
{
	struct config_support s;
	(void)state;
	config_support_init(&s);
	assert_string_equal(config_support_errors(&s), "");
	assert_string_equal(config_support_warnings(&s), "");
	config_support_fini(&s);
}

static void the_nearest_word_is_within_a_third_of_the_length(void **state)
{
	static const char *const words[] = {"http", "grpc", "endpoint", "send_batch_size",
					    "send_batch_max_size"};
	static const struct {
		const char *word, *want;
	} cases[] = {
		{"htttp", "http"},
		{"htpt", "http"}, /* swapped neighbours are one step */
		{"HTTP", NULL},
		{"gprc", "grpc"},
		{"endpiont", "endpoint"},
		{"endpint", "endpoint"},
		{"batch_size", NULL},
		{"send_batch_sizes", "send_batch_size"},
		{"x", NULL},
		{"", NULL},
		{"zzzzzz", NULL},
		{"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg", NULL},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const char *got =
			config_nearest(slice_str(cases[i].word), words, ARRAY_COUNT(words));
		if (!cases[i].want)
			assert_null(got);
		else if (!got)
			fail_msg("nothing near %s", cases[i].word);
		else
			assert_string_equal(got, cases[i].want);
	}
}

static void texts_are_copied(void **state)
{
	struct config_support s;
	char path[] = "a.b", suggestion[] = "c";
	(void)state;
	config_support_init(&s);
	config_problem(&s.report, CONFIG_ERROR, at_7_9, path, suggestion, "%s", path);
	path[0] = suggestion[0] = '!';
	assert_string_equal(config_support_errors(&s),
			    "Error: a.b (edge.yaml:7:9: a.b, did you mean \"c\"?)\n");
	config_support_fini(&s);
}

static void problems_stand_in_the_order_of_the_file(void **state)
{
	static const struct config_loc locs[] = {
		{"b.yaml", 9, 1}, {"b.yaml", 2, 5}, {"a.yaml", 1, 1}, {"b.yaml", 2, 1}};
	struct config_support s;
	(void)state;
	config_support_init(&s);
	for (size_t i = 0; i < ARRAY_COUNT(locs); i++)
		config_problem(&s.report, CONFIG_ERROR, locs[i], "", NULL, "x");
	assert_string_equal(config_support_errors(&s),
			    "Error: x (b.yaml:2:1)\nError: x (b.yaml:2:5)\nError: x (b.yaml:9:1)\n"
			    "Error: x (a.yaml:1:1)\n");
	config_support_fini(&s);
}

static void the_same_problem_is_listed_once(void **state)
{
	struct config_support s;
	(void)state;
	config_support_init(&s);
	for (int i = 0; i < 3; i++) {
		config_problem(&s.report, CONFIG_ERROR, at_7_9, "a", NULL, "x");
		config_problem(&s.report, CONFIG_WARNING, at_7_9, "a", NULL, "x");
	}
	assert_int_equal(s.report.error_count, 3);
	assert_string_equal(config_support_errors(&s), "Error: x (edge.yaml:7:9: a)\n");
	assert_string_equal(config_support_warnings(&s), "Warning: x (edge.yaml:7:9: a)\n");
	config_support_fini(&s);
}

static void what_cannot_be_seen_is_escaped(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"a\nb\tc\x01\x7f", "a\\nb\\tc\\x01\\x7f"},
		{"debug\xe2\x80\x8b", "debug\\u200b"},		/* zero-width space */
		{"\xef\xbb\xbfotlp", "\\ufeffotlp"},		/* byte order mark */
		{"a\xc2\xa0z", "a\\u00a0z"},			/* no-break space */
		{"\xe2\x80\xaegp", "\\u202egp"},		/* right-to-left override */
		{"\xc2\x85", "\\u0085"},			/* next line, a control */
		{"\xe2\x81\xa0\xe3\x80\x80", "\\u2060\\u3000"}, /* word joiner, wide blank */
		{"\xf3\xa0\x81\x81", "\\U000e0041"},		/* a tag */
		{"\xff\xc3", "\\xff\\xc3"},			/* no UTF-8 */
		{"gr\xc3\xbc\xc3\x9f \xe2\x80\xa6 \xf0\x9f\x98\x80",
		 "gr\xc3\xbc\xc3\x9f \xe2\x80\xa6 \xf0\x9f\x98\x80"}, /* all of it can be seen */
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct config_support s;
		char want[160];
		(void)snprintf(want, sizeof(want), "Error: %s (%s)\n", cases[i].want,
			       cases[i].want);
		config_support_init(&s);
		config_problem(&s.report, CONFIG_ERROR, (struct config_loc){0}, cases[i].text, NULL,
			       "%s", cases[i].text);
		assert_string_equal(config_support_errors(&s), want);
		config_support_fini(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_cannot_be_seen_is_escaped),
		cmocka_unit_test(a_problem_shows_its_place_and_what_was_meant),
		cmocka_unit_test(errors_stand_by_stage_each_with_one_prefix),
		cmocka_unit_test(a_problem_stays_on_one_line_whatever_a_key_holds),
		cmocka_unit_test(problems_beyond_the_limit_are_counted),
		cmocka_unit_test(nothing_is_printed_when_nothing_is_wrong),
		cmocka_unit_test(the_nearest_word_is_within_a_third_of_the_length),
		cmocka_unit_test(texts_are_copied),
		cmocka_unit_test(problems_stand_in_the_order_of_the_file),
		cmocka_unit_test(the_same_problem_is_listed_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
