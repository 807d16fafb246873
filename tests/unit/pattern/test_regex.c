/* SPDX-License-Identifier: Apache-2.0 */
/* Go's regexp on RE2: meaning where the two differ, damaged text, and that no pattern runs away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/pattern/regex.h"

#include <stdio.h>

static enum regex_result search(const char *pattern, struct slice text)
{
	struct regex_scratch scratch;
	struct err err = {0};
	struct regex *regex = regex_new(slice_str(pattern), &err);
	if (!regex)
		fail_msg("%s: %s", pattern, err.msg);
	assert_int_equal(regex_scratch_init(&scratch), 0);
	enum regex_result result = regex_search(regex, text, &scratch);
	regex_scratch_fini(&scratch);
	regex_free(regex);
	return result;
}

static void patterns_mean_what_go_means(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} cases[] = {
		/* literals, which no engine sees */
		{"", "", true},
		{"^$", "", true},
		{"^$", "a", false},
		{"a", "", false},
		{"^/metrics$", "/metrics", true},
		{"^/metrics$", "/metrics/", false},
		{"^/metrics", "/metrics/", true},
		{"^/metrics", "a/metrics", false},
		{"/metrics$", "a/metrics", true},
		{"/metrics$", "a/metrics\n", false},
		{"kube-probe", "a kube-probe", true},
		{"a\\.b", "a.b", true},
		{"a\\.b", "aab", false},
		{".*\\.example\\.com$", "x\n.example.com", true},
		{"^gen_ai\\..*", "gen_ai.x", true},
		{"^gen_ai\\..*", "gen_aix", false},
		{"^a.*$", "a\n", false},
		/* anchored: outside of the range of matches, and inside */
		{"^(GET|HEAD) /", "POST /", false},
		{"^(GET|HEAD) /", "HEAD /", true},
		{"^(GET|HEAD) /", "GE", false},
		{"^(GET|HEAD) /", "HEAD /zzz", true},
		{"^(GET|HEAD) /", "\xff", false},
		{"^[[:alpha:]]{0,1}", "\xce\xa9", true}, /* a match may be shorter than the head */
		{"^[a-c][x-z]", "by~", true},
		{"^[a-c][x-z]", "b", false},
		{"^(ab|abc)", "abz", true},
		{"^a|b", "cb", true},
		{"^*a", "ba", true},
		{"^(?i)post", "POST", true},
		/* the engine */
		{"(?i)\xc3\xa4", "\xc3\x84", true},
		{"(?i)k", "\xe2\x84\xaa", true},
		{"^.$", "\xc3\xa4", true},
		{"(?s)^.$", "\n", true},
		{"^.$", "\n", false},
		{"(?m)^b$", "a\nb\nc", true},
		{"\\Aa\\z", "a", true},
		{"\\Qa.b\\E+", "a.bb", true},
		{"\\Q\\C[\\E", "\\C[", true},
		{"a{,5}", "a{,5}", true},
		{"\\pL\\p{Greek}", "a\xce\xb1", true},
		{"\\s", "\v", false},
		{"\\w", "\xc3\xa4", false},
		{"[[:word:]]", "_", true},
		/* what RE2 alone would refuse */
		{"(?<n>a)(?P<n>b)", "ab", true},
		{"[(?<n>a)]+$", "<", true},
		{"\\p{letter}", "a", true},
		{"\\p{Uppercase_Letter}", "a", false},
		{"[\\p{^decimal number}]", "a", true},
		{"\\P{old italic}", "a", true},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		if (search(cases[i].pattern, slice_str(cases[i].text)) !=
		    (cases[i].matches ? REGEX_MATCH : REGEX_NO_MATCH))
			fail_msg("%s on %s", cases[i].pattern, cases[i].text);
	}
}

static void what_go_refuses_is_refused_in_its_words(void **state)
{
	static const struct {
		const char *pattern, *error;
	} cases[] = {
		{"a\xff", "invalid UTF-8"},
		{"\\C", "invalid escape sequence: `\\C`"},
		{"[\\C]", "invalid escape sequence: `\\C`"},
		{"[\\Q]", "invalid escape sequence: `\\Q`"},
		{"(?P<\xc3\xa4>a)", "invalid named capture: `(?P<\xc3\xa4>`"},
		{"(?<=a)b>", "invalid named capture: `(?<=a)b>`"},
		{"(?<n", "invalid named capture: `(?<n`"},
		{"(?=a)", "invalid or unsupported Perl syntax: `(?=`"},
		{"(a", "missing closing ): `(a`"},
		{"a)", "unexpected ): `a)`"},
		{"[a", "missing closing ]: `[a`"},
		{"a**", "invalid nested repetition operator: `**`"},
		{"*", "missing argument to repetition operator: `*`"},
		{"a{1001}", "invalid repeat count: `{1001}`"},
		{"(a{100}){11}", "invalid repeat count: `{11}`"},
		{"\\1", "invalid escape sequence: `\\1`"},
		{"a\\", "trailing backslash at end of expression: ``"},
		{"[z-a]", "invalid character class range: `z-a`"},
		{"\\p{Nothing}", "invalid character class range: `\\p{Nothing}`"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct err err = {0};
		char expected[128];
		assert_null(regex_new(slice_str(cases[i].pattern), &err));
		(void)snprintf(expected, sizeof(expected), "error parsing regexp: %s",
			       cases[i].error);
		assert_string_equal(err.msg, expected);
		assert_int_equal(err.kind, ERR_CONFIG);
	}
}

/* Go reads each damaged byte as U+FFFD. */
static void damaged_text_is_searched_as_go_does(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} cases[] = {
		{"^a.b$",
		 "a\xff"
		 "b",
		 true},
		{"^a..b$",
		 "a\xff\xfe"
		 "b",
		 true},
		{"^a...b$",
		 "a\xed\xa0\x80"
		 "b",
		 true},
		{"\xef\xbf\xbd", "\xff", true},
		{"^[^a]$", "\xc3", true},
		{"\\bb",
		 "\xff"
		 "b",
		 true},
		{"^b$",
		 "\xff"
		 "b",
		 false},
		{"b$",
		 "\xff"
		 "b",
		 true},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		if (search(cases[i].pattern, slice_str(cases[i].text)) !=
		    (cases[i].matches ? REGEX_MATCH : REGEX_NO_MATCH))
			fail_msg("case %zu", i);
	}
}

/* ${count} times ${piece}, then ${tail}. */
static enum regex_result search_in(const char *pattern, size_t count, const char *piece,
				   const char *tail)
{
	struct buf text = BUF_INIT;
	for (size_t i = 0; i < count; i++)
		buf_append_str(&text, piece);
	buf_append_str(&text, tail);
	enum regex_result result = search(pattern, buf_slice(&text));
	buf_fini(&text);
	return result;
}

static void hostile_patterns_come_to_an_answer_on_a_megabyte(void **state)
{
	enum { MIB = 1 << 20 };
	(void)state;
	assert_int_equal(search_in("([a-zA-Z0-9]+\\s?)*$", MIB, "a", "!"), REGEX_MATCH);
	assert_int_equal(search_in("^([a-zA-Z0-9]+\\s?)*$", MIB, "a", "!"), REGEX_NO_MATCH);
	assert_int_equal(search_in("^(a+)+$", MIB, "a", "b"), REGEX_NO_MATCH);
	assert_int_equal(search_in("^(a|aa)+$", MIB, "a", "b\xff"), REGEX_NO_MATCH);
	assert_int_equal(search_in("^(a|a?)+$", MIB, "a", "b"), REGEX_NO_MATCH);
	assert_int_equal(search_in("(.*)(.*)(.*)(.*)x", MIB, "a", ""), REGEX_NO_MATCH);
	assert_int_equal(search_in("[ab].*[xy].*[xy]", MIB, "a", "x"), REGEX_NO_MATCH);
	assert_int_equal(search_in("(x+x+)+y", MIB, "x", "y"), REGEX_MATCH);
	/* more states than the memory holds: the automaton starts over, or is not used */
	assert_int_equal(search_in("(a|b)*a(a|b){18}c", MIB / 8, "abbabaab", "b"), REGEX_NO_MATCH);
}

static void sizes_are_bounded(void **state)
{
	struct buf pattern = BUF_INIT;
	struct err err = {0};
	(void)state;
	assert_null(regex_new(SLICE("(\\pL{500}){2}"), &err));
	assert_non_null(strstr(err.msg, "expression too large"));
	for (int i = 0; i < REGEX_PATTERN_BYTES_MAX / 2; i++)
		buf_append_str(&pattern, "((");
	assert_null(regex_new(buf_slice(&pattern), &err)); /* no stack runs over */
	buf_append_byte(&pattern, '(');
	assert_null(regex_new(buf_slice(&pattern), &err));
	assert_string_equal(err.msg, "error parsing regexp: longer than 65536 bytes");
	buf_fini(&pattern);
}

static void groups_are_told_by_name(void **state)
{
	static const struct {
		const char *pattern, *text, *groups; /* "name=text;" each; NULL: no match */
	} cases[] = {
		{"(?P<a>.)(?<b>.)?", "xy", "a=x;b=y;"},
		{"(?P<a>.)(?<b>.)?$", "y", "a=y;b=;"},
		{"(?P<a>z)|(?P<a>.)", "y", "a=;a=y;"},
		{"(.)(?:.)(?i)[(](?P<b>\\()", "xy((", "=x;b=(;"},
		{"(?P<a>\xc3\xa4)", "\xff\xc3\xa4", "a=\xc3\xa4;"},
		{"^(?P<a>.*)/(?P<b>.*)$", "\xffx/\xfe", "a=\xffx;b=\xfe;"},
		{"(?P<a>x*)", "", "a=;"},
		{"(?P<a>x)", "y", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice names[REGEX_GROUPS_MAX], groups[REGEX_GROUPS_MAX];
		struct regex_scratch scratch;
		struct err err;
		size_t count;
		struct buf out = BUF_INIT;
		assert_int_equal(regex_scratch_init(&scratch), 0);
		struct regex *regex =
			regex_new_groups(slice_str(cases[i].pattern), names, &count, &err);
		assert_non_null(regex);
		bool found = regex_groups(regex, slice_str(cases[i].text), groups, count,
					  &scratch) == REGEX_MATCH;
		for (size_t at = 0; found && at < count; at++)
			buf_printf(&out, "%.*s=%.*s;", SLICE_FMT(names[at]), SLICE_FMT(groups[at]));
		assert_int_equal(found, cases[i].groups != NULL);
		if (found)
			assert_string_equal(buf_cstr(&out), cases[i].groups);
		buf_fini(&out);
		regex_free(regex);
		regex_scratch_fini(&scratch);
	}
}

static void groups_are_bounded(void **state)
{
	struct slice names[REGEX_GROUPS_MAX];
	struct err err = {0};
	struct buf pattern = BUF_INIT;
	size_t count;
	(void)state;
	for (int i = 0; i < REGEX_GROUPS_MAX; i++)
		buf_append_str(&pattern, "(a)");
	struct regex *regex = regex_new_groups(buf_slice(&pattern), names, &count, &err);
	assert_non_null(regex);
	assert_int_equal(count, REGEX_GROUPS_MAX);
	regex_free(regex);
	buf_append_str(&pattern, "(a)");
	assert_null(regex_new_groups(buf_slice(&pattern), names, &count, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	buf_fini(&pattern);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_are_told_by_name),
		cmocka_unit_test(groups_are_bounded),
		cmocka_unit_test(patterns_mean_what_go_means),
		cmocka_unit_test(what_go_refuses_is_refused_in_its_words),
		cmocka_unit_test(damaged_text_is_searched_as_go_does),
		cmocka_unit_test(hostile_patterns_come_to_an_answer_on_a_megabyte),
		cmocka_unit_test(sizes_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
