/* SPDX-License-Identifier: Apache-2.0 */
/* RE2's grammar on PCRE2: what is written out, and that no pattern runs away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/pattern/regex.h"

#include <stdio.h>

static void patterns_are_written_out_for_pcre2(void **state)
{
	static const struct {
		const char *re2, *pcre2;
	} cases[] = {
		{"", ""},
		{"abc9", "abc9"},
		{"a b#", "a\\x{20}b\\x{23}"},
		{"\xc3\xa4", "\\x{e4}"},
		{"a|b", "a|b"},
		{"(a)(?:b)", "(?:a)(?:b)"},
		{"(?P<n>a)", "(?:a)"},
		{"(?i)a(?s-m:.)", "(?i)a(?s-m:.)"},
		{"(?)a", "a"},
		{"^*$?", "(?:^)*(?:$)?"},
		{"^a$", "^a$"},
		{"\\A\\z\\b\\B", "\\A\\z\\b\\B"},
		{"\\s\\S\\d\\D\\w\\W", "[\\t\\n\\f\\r\\x20][^\\t\\n\\f\\r\\x20]\\d\\D\\w\\W"},
		{"[\\s\\S]", "[\\t\\n\\f\\r\\x20\\S\\x0b]"},
		{"[^a-z\\d]", "[^\\x{61}-\\x{7a}\\d]"},
		{"[]a-]", "[\\x{5d}\\x{61}\\x{2d}]"},
		{"[[:alpha:][:^digit:]]", "[[:alpha:][:^digit:]]"},
		{"[\\]\\-\\n]", "[\\x{5d}\\x{2d}\\x{a}]"},
		{"\\v\\x41\\x{1f600}\\012", "\\x{b}A\\x{1f600}\\x{a}"},
		{"\\pL\\PN\\p{Greek}\\P{^Lu}", "\\p{L}\\P{N}\\p{sc:Greek}\\p{Lu}"},
		{"a{2}b{3,}c{4,5}?", "a{2,2}b{3,}c{4,5}?"},
		{"a{,5}b{x}{", "a\\x{7b}\\x{2c}5\\x{7d}b\\x{7b}x\\x{7d}\\x{7b}"},
		{"\\Q(?=\\E*", "\\x{28}\\x{3f}\\x{3d}*"},
		{"\\Qa", "a"},
		{"(?:a{10}){100}", "(?:a{10,10}){100,100}"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct buf out = BUF_INIT;
		struct err err = {0};
		if (re2_translate(slice_str(cases[i].re2), &out, &err) != 0)
			fail_msg("%s: %s", cases[i].re2, err.msg);
		assert_string_equal(buf_cstr(&out), cases[i].pcre2);
		struct regex *regex = regex_new(slice_str(cases[i].re2), &err);
		if (!regex)
			fail_msg("%s: %s", cases[i].re2, err.msg);
		regex_free(regex);
		buf_fini(&out);
	}
}

static void damaged_text_in_a_pattern_is_refused(void **state)
{
	struct err err = {0};
	(void)state;
	assert_null(regex_new(SLICE("a\xff"), &err));
	assert_string_equal(err.msg, "error parsing regexp: invalid UTF-8");
}

static void deep_groups_are_refused(void **state)
{
	struct buf pattern = BUF_INIT;
	struct err err = {0};
	(void)state;
	for (int i = 0; i < REGEX_GROUP_DEPTH_MAX; i++)
		buf_append_byte(&pattern, '(');
	buf_append_byte(&pattern, 'a');
	for (int i = 0; i < REGEX_GROUP_DEPTH_MAX; i++)
		buf_append_byte(&pattern, ')');
	struct regex *regex = regex_new(buf_slice(&pattern), &err);
	assert_non_null(regex);
	regex_free(regex);
	buf_reset(&pattern);
	for (int i = 0; i <= REGEX_GROUP_DEPTH_MAX; i++)
		buf_append_byte(&pattern, '(');
	assert_null(regex_new(buf_slice(&pattern), &err));
	assert_string_equal(err.msg, "error parsing regexp: expression nests too deeply");
	buf_fini(&pattern);
}

/* ${count} times 'a', then ${tail}. */
static enum regex_result search_in(const char *pattern, size_t count, const char *tail)
{
	struct regex_scratch scratch;
	struct buf subject = BUF_INIT;
	struct err err = {0};
	struct regex *regex = regex_new(slice_str(pattern), &err);
	if (!regex)
		fail_msg("%s", err.msg);
	assert_int_equal(regex_scratch_init(&scratch), 0);
	for (size_t i = 0; i < count; i++)
		buf_append_byte(&subject, 'a');
	buf_append_str(&subject, tail);
	enum regex_result result = regex_search(regex, buf_slice(&subject), &scratch);
	buf_fini(&subject);
	regex_scratch_fini(&scratch);
	regex_free(regex);
	return result;
}

static void exponential_patterns_still_come_to_an_answer(void **state)
{
	static const char *const patterns[] = {"^(a|aa)+$", "^(a*)*$", "^(a|a?)+$"};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(patterns); i++) {
		assert_int_equal(search_in(patterns[i], 1000, "b"), REGEX_NO_MATCH);
		assert_int_equal(search_in(patterns[i], 1000, ""), REGEX_MATCH);
	}
	assert_int_equal(search_in("^(a+)+$", 30, "b"), REGEX_NO_MATCH);
}

static void what_needs_too_many_steps_fails(void **state)
{
	(void)state;
	assert_int_equal(search_in("^(a+)+$", 1 << 20, "b"), REGEX_FAILED);
	assert_int_equal(search_in("^(a|aa)+$", 1000, "b\xff"), REGEX_FAILED);
	assert_int_equal(search_in("(.*)(.*)(.*)(.*)x", 1 << 20, ""), REGEX_FAILED);
	assert_int_equal(search_in("[ab].*[xy].*[xy]", 1 << 20, "x"), REGEX_FAILED);
}

static void long_values_are_searched_by_ordinary_patterns(void **state)
{
	(void)state;
	assert_int_equal(search_in("/metrics$", 4 << 20, "/metrics"), REGEX_MATCH);
	assert_int_equal(search_in("^a*b$", 4 << 20, "b"), REGEX_MATCH);
	assert_int_equal(search_in("x", 4 << 20, ""), REGEX_NO_MATCH);
	assert_int_equal(search_in("(?i)secret|password", 4 << 20, "PassWord"), REGEX_MATCH);
}

static void an_empty_subject_is_text(void **state)
{
	(void)state;
	assert_int_equal(search_in("^$", 0, ""), REGEX_MATCH);
	assert_int_equal(search_in("a", 0, ""), REGEX_NO_MATCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_are_written_out_for_pcre2),
		cmocka_unit_test(damaged_text_in_a_pattern_is_refused),
		cmocka_unit_test(deep_groups_are_refused),
		cmocka_unit_test(exponential_patterns_still_come_to_an_answer),
		cmocka_unit_test(what_needs_too_many_steps_fails),
		cmocka_unit_test(long_values_are_searched_by_ordinary_patterns),
		cmocka_unit_test(an_empty_subject_is_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
