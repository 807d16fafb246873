/* SPDX-License-Identifier: Apache-2.0 */
/* Expectation files with mistakes: what is said, and where. And good ones with imports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/expect_fixture.h"

static const struct config_support_pair files[] = {
	{"names.yaml", "import: sub/more.yaml\ndefine:\n  request: name == \"request\"\n"},
	{"sub/more.yaml", "import: deep.yaml\ndefine:\n  more: name == \"more\"\n"},
	{"sub/deep.yaml", "define:\n  deep: name == \"deep\"\n"},
	{"self.yaml", "import: self.yaml\n"},
	{"bad.yaml", "define:\n  bad: name ==\n"},
	{NULL, NULL},
};

struct bad_file {
	const char *text, *errors;
};

static const struct bad_file bad_files[] = {
#include "tests/unit/expect/bad_files.h"
};

static void mistakes_are_told_with_their_places(void **state)
{
	(void)state;
	size_t wrong = 0;
	for (size_t i = 0; i < ARRAY_COUNT(bad_files); i++) {
		struct expect_fixture fixture;
		bool loaded = expect_fixture_load(&fixture, bad_files[i].text, files);
		const char *errors = loaded ? "loaded" : expect_fixture_errors(&fixture);
		if (strcmp(errors, bad_files[i].errors) != 0)
			print_error("---- %s\n%s\n++++ wanted\n%s\n", bad_files[i].text, errors,
				    bad_files[i].errors);
		wrong += strcmp(errors, bad_files[i].errors) != 0;
		expect_fixture_fini(&fixture);
	}
	assert_int_equal(wrong, 0);
}

static const struct expect_span spans[] = {
	{1, 1, 0, "request", 0, 100, 2, 0, NULL, "a", NULL, NULL, NULL, 0},
	{1, 2, 1, "more", 0, 100, 2, 0, NULL, "a", NULL, NULL, NULL, 0},
	{1, 3, 1, "deep", 0, 100, 2, 0, NULL, "a", NULL, NULL, NULL, 0},
	{1, 4, 1, "forward_request", 0, 100, 2, 0, NULL, "a", NULL, NULL, NULL, 0},
};

static void names_come_from_files_and_from_releases(void **state)
{
	static const char text[] =
		"import: [names.yaml, llm-d, vllm, gen_ai]\n"
		"expect:\n"
		"- {that: a, in: all traces, spans: request, count: 1}\n"
		"- {that: b, in: all traces, spans: [not request, not more], count: 2}\n"
		"- {that: c, in: all traces, spans: deep, count: 1}\n"
		"- {that: d, in: all traces, spans: proxy, parent: request, count: 1}\n"
		"- {that: e, in: all traces, spans: engine, count: 0}\n";
	(void)state;
	struct expect_fixture fixture;
	if (!expect_fixture_load(&fixture, text, files))
		fail_msg("%s", expect_fixture_errors(&fixture));
	expect_fixture_add(&fixture, spans, ARRAY_COUNT(spans));
	assert_int_equal(expect_count(fixture.expectations), 5);
	for (uint32_t i = 0; i < expect_count(fixture.expectations); i++)
		assert_string_equal(expect_fixture_verdict(&fixture, i), "holds");
	struct expect_head head = expect_head(fixture.expectations, 3);
	assert_int_equal(head.loc.line, 6);
	assert_true(slice_equal(head.title, SLICE("d")));
	assert_true(judge_all_hold(fixture.judge));
	expect_fixture_fini(&fixture);
}

static void several_files_are_read_one_after_the_other(void **state)
{
	static const char *const uris[] = {"names.yaml", "test.yaml", "more.yaml"};
	static const struct config_support_pair three[] = {
		{"names.yaml", "define:\n  request: name == \"request\"\n"},
		{"test.yaml", "expect:\n- {that: a, in: all traces, spans: request, roots: 1}\n"},
		{"more.yaml", "expect:\n- {that: b, in: all traces, spans: not request}\n"},
		{NULL, NULL},
	};
	(void)state;
	struct config_support config;
	struct key_table *keys = key_table_new();
	config_support_init(&config);
	config.files = three;
	struct config_support_files sources = config_support_files(&config);
	const struct config_load load = {.uris = uris,
					 .uri_count = ARRAY_COUNT(uris),
					 .env = sources.env,
					 .files = sources.files};
	const struct expectations *expectations = expect_load(&load, keys, &config.report);
	if (!expectations)
		fail_msg("%s", config_support_errors(&config));
	assert_int_equal(expect_count(expectations), 2);
	assert_string_equal(expect_head(expectations, 0).loc.file, "test.yaml");
	assert_string_equal(expect_head(expectations, 1).loc.file, "more.yaml");
	expect_free(expectations);
	key_table_free(keys);
	config_support_fini(&config);
}

static void a_release_has_only_its_own_names(void **state)
{
	static const char text[] = "import: llm-d@v0.6\n"
				   "expect:\n"
				   "- {that: a, in: all traces, spans: decision}\n";
	(void)state;
	struct expect_fixture fixture;
	if (!expect_fixture_load(&fixture, text, files))
		fail_msg("%s", expect_fixture_errors(&fixture));
	expect_fixture_add(&fixture, spans, ARRAY_COUNT(spans));
	assert_string_equal(expect_fixture_verdict(&fixture, 0),
			    "nothing traces 0/1 spans 0/0 @ 1 1\n"
			    "3:3 count: the number of selected spans is 0, wanted at least 1\n"
			    "3:36 name == \"llm_d.epp.profile_handler.pick\": is not true "
			    "[name=request]\n"
			    "3:36 name == \"llm_d.epp.pd.profile_handler.pick\": is not true "
			    "[name=request]");
	expect_fixture_fini(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_are_told_with_their_places),
		cmocka_unit_test(names_come_from_files_and_from_releases),
		cmocka_unit_test(several_files_are_read_one_after_the_other),
		cmocka_unit_test(a_release_has_only_its_own_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
