/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/base/slice.h"

#include "pipeline/base/compiler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

struct pair {
	struct slice a, b;
};

static void equal_by_length_and_bytes(void **state)
{
	(void)state;
	assert_true(slice_equal(SLICE(""), slice_of(NULL, 0)));
	assert_true(slice_equal(SLICE("a\0b"), SLICE("a\0b")));
	assert_false(slice_equal(SLICE("a\0b"), SLICE("a\0c")));
	assert_false(slice_equal(SLICE("ab"), SLICE("a")));
	assert_int_equal(slice_str(NULL).len, 0);
	assert_int_equal(slice_str("abc").len, 3);
}

static void prefix_and_suffix_of_any_length(void **state)
{
	(void)state;
	assert_true(slice_has_prefix(SLICE("gen_ai.system"), SLICE("gen_ai.")));
	assert_true(slice_has_prefix(SLICE("x"), slice_of(NULL, 0)));
	assert_true(slice_has_prefix(SLICE("x"), SLICE("x")));
	assert_false(slice_has_prefix(SLICE("x"), SLICE("xy")));
	assert_true(slice_has_suffix(SLICE("a.pem"), SLICE(".pem")));
	assert_true(slice_has_suffix(slice_of(NULL, 0), slice_of(NULL, 0)));
	assert_false(slice_has_suffix(SLICE("pem"), SLICE(".pem")));
	assert_false(slice_has_suffix(SLICE("a.pex"), SLICE(".pem")));
}

static void orders_bytes_unsigned_and_prefixes_first(void **state)
{
	(void)state;
	static const struct pair ascending[] = {
		{SLICE_INIT(""), SLICE_INIT("a")},	  {SLICE_INIT("a"), SLICE_INIT("aa")},
		{SLICE_INIT("a"), SLICE_INIT("b")},	  {SLICE_INIT("ab"), SLICE_INIT("b")},
		{SLICE_INIT("a"), SLICE_INIT("a\0")},	  {SLICE_INIT("\x7f"), SLICE_INIT("\x80")},
		{SLICE_INIT("a\0b"), SLICE_INIT("a\0c")},
	};
	for (size_t i = 0; i < ARRAY_COUNT(ascending); i++) {
		assert_true(slice_compare(ascending[i].a, ascending[i].b) < 0);
		assert_true(slice_compare(ascending[i].b, ascending[i].a) > 0);
		assert_int_equal(slice_compare(ascending[i].a, ascending[i].a), 0);
	}
	assert_int_equal(slice_compare(slice_of(NULL, 0), SLICE("")), 0);
}

static void ignores_the_case_of_ascii_letters_only(void **state)
{
	(void)state;
	assert_true(slice_equal_nocase(SLICE("Content-TYPE"), SLICE("content-type")));
	assert_false(slice_equal_nocase(SLICE("a"), SLICE("aa")));
	/* 0x20 apart like letters, but none: @ and `, [ and {, and Latin-1 letters. */
	assert_false(slice_equal_nocase(SLICE("@"), SLICE("`")));
	assert_false(slice_equal_nocase(SLICE("["), SLICE("{")));
	assert_false(slice_equal_nocase(SLICE("\xc4"), SLICE("\xe4")));
}

static void trims_spaces_and_tabs_at_both_ends(void **state)
{
	(void)state;
	static const struct pair cases[] = {
		{SLICE_INIT(" \t a b\t "), SLICE_INIT("a b")},
		{SLICE_INIT("a"), SLICE_INIT("a")},
		{SLICE_INIT(" \t"), SLICE_INIT("")},
		{SLICE_INIT(""), SLICE_INIT("")},
		{SLICE_INIT("\r\na\n"), SLICE_INIT("\r\na\n")},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_true(slice_equal(slice_trim(cases[i].a), cases[i].b));
}

static void parses_unsigned_decimals_to_the_last_value(void **state)
{
	(void)state;
	static const struct {
		struct slice text;
		uint64_t value;
	} good[] = {
		{SLICE_INIT("0"), 0},
		{SLICE_INIT("007"), 7},
		{SLICE_INIT("18446744073709551615"), UINT64_MAX},
	};
	for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
		uint64_t value = 1;
		assert_true(slice_parse_u64(good[i].text, &value));
		assert_true(value == good[i].value);
	}
	static const char *const bad[] = {
		"",
		"-1",
		"+1",
		" 1",
		"1 ",
		"1a",
		"0x1",
		"18446744073709551616",
		"99999999999999999999",
	};
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		uint64_t value = 42;
		assert_false(slice_parse_u64(slice_str(bad[i]), &value));
		assert_int_equal(value, 42);
	}
}

static void a_star_at_the_end_stands_for_any_rest(void **state)
{
	(void)state;
	static const struct {
		const char *pattern, *text;
		bool fits;
	} cases[] = {
		{"decode", "decode", true},
		{"decode", "decoder", false},
		{"decode", "Decode", false},
		{"llm_d.*", "llm_d.epp", true},
		{"llm_d.*", "llm_d.", true},
		{"llm_d.*", "llm_d", false},
		{"llm_d.*", "x.llm_d.epp", false},
		{"*", "", true},
		{"*", "anything", true},
		{"", "", true},
		{"", "a", false},
		{"a*b", "a*b", true},
		{"a*b", "axb", false},
		{"a**", "a*b", true},
		{"a**", "ab", false},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_int_equal(slice_fits(slice_str(cases[i].text), slice_str(cases[i].pattern)),
				 cases[i].fits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_by_length_and_bytes),
		cmocka_unit_test(prefix_and_suffix_of_any_length),
		cmocka_unit_test(orders_bytes_unsigned_and_prefixes_first),
		cmocka_unit_test(ignores_the_case_of_ascii_letters_only),
		cmocka_unit_test(trims_spaces_and_tabs_at_both_ends),
		cmocka_unit_test(parses_unsigned_decimals_to_the_last_value),
		cmocka_unit_test(a_star_at_the_end_stands_for_any_rest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
