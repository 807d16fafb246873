/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: the forms that Go's flags take, and what is told about wrong ones. */
#include "cmd/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { WORDS_MAX = 80 };

struct values {
	bool flag;
	const char *text;
	uint64_t number, duration_ns;
	double decimal;
	struct option_list list, words;
};

/* What was printed to stderr by the last parse. */
static char complaint[512];

/* Parses the words of ${line} after the program's name. */
static enum options_outcome parse_with(const char *line, struct values *values, bool words)
{
	static char copy[4096];
	char *argv[WORDS_MAX + 1] = {copy};
	int argc = 1;
	const struct option_spec specs[] = {
		{"--flag", 'f', OPTION_FLAG, &values->flag, NULL, ""},
		{"--text", 0, OPTION_TEXT, &values->text, "T", ""},
		{"--number", 'n', OPTION_NUMBER, &values->number, "N", ""},
		{"--decimal", 0, OPTION_DECIMAL, &values->decimal, "D", ""},
		{"--wait", 0, OPTION_DURATION, &values->duration_ns, "D", ""},
		{"--list", 0, OPTION_LIST, &values->list, "L", ""},
		{"WORD", 0, OPTION_WORDS, &values->words, NULL, ""}, /* last: left out without */
	};
	*values = (struct values){.text = ""};
	(void)snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok(copy, " "); word && argc <= WORDS_MAX; word = strtok(NULL, " "))
		argv[argc++] = word;
	(void)fflush(stderr);
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);
	assert_non_null(file);
	assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
	enum options_outcome outcome =
		options_parse(specs, ARRAY_COUNT(specs) - !words, argc, argv);
	(void)fflush(stderr);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	(void)close(saved);
	rewind(file);
	size_t len = fread(complaint, 1, sizeof(complaint) - 1, file);
	complaint[len] = 0;
	(void)fclose(file);
	return outcome;
}

static enum options_outcome parse(const char *line, struct values *values)
{
	return parse_with(line, values, false);
}

static void values_come_after_a_space_or_an_equals_sign(void **state)
{
	static const char *const lines[] = {
		"--text a --number 5 --decimal 1.5 --wait 200ms --list x --list y --flag",
		"--text=a --number=5 --decimal=1.5 --wait=200ms --list=x --list=y --flag=true",
		"-text a -n 5 -decimal=1.5 -wait 200ms -list x -list=y -f",
	};
	struct values values;
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
		assert_int_equal(parse(lines[i], &values), OPTIONS_OK);
		assert_string_equal(complaint, "");
		assert_string_equal(values.text, "a");
		assert_int_equal(values.number, 5);
		assert_true(values.decimal == 1.5);
		assert_int_equal(values.duration_ns, 200000000);
		assert_int_equal(values.list.count, 2);
		assert_string_equal(values.list.at[1], "y");
		assert_true(values.flag);
	}
	assert_int_equal(parse("--flag=false", &values), OPTIONS_OK);
	assert_false(values.flag);
	assert_int_equal(parse("", &values), OPTIONS_OK);
	/* What follows belongs to the option, whatever it looks like; = may be part of a value. */
	assert_int_equal(parse("--text --flag --list=a=b", &values), OPTIONS_OK);
	assert_string_equal(values.text, "--flag");
	assert_false(values.flag);
	assert_string_equal(values.list.at[0], "a=b");
}

static void help_is_asked_for_in_three_ways(void **state)
{
	static const char *const lines[] = {"-h", "--help", "-help", "--number 5 --help --text"};
	struct values values;
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(lines); i++)
		assert_int_equal(parse(lines[i], &values), OPTIONS_HELP);
}

static void each_mistake_is_told(void **state)
{
	static const struct {
		const char *line, *complaint;
	} cases[] = {
		{"--nothing", "Error: unknown flag: --nothing (see --help)\n"},
		{"--tex a", "Error: unknown flag: --tex, did you mean --text? (see --help)\n"},
		{"--lits=a", "Error: unknown flag: --lits=a, did you mean --list? (see --help)\n"},
		{"-decimals 5",
		 "Error: unknown flag: -decimals, did you mean --decimal? (see --help)\n"},
		{"--hlep", "Error: unknown flag: --hlep, did you mean --help? (see --help)\n"},
		{"--word", "Error: unknown flag: --word (see --help)\n"},
		{"-x", "Error: unknown flag: -x (see --help)\n"},
		{"-", "Error: unknown flag: - (see --help)\n"},
		{"-- a", "Error: unknown argument: a (see --help)\n"},
		{"-- --text", "Error: unknown argument: --text (see --help)\n"},
		{"---text a", "Error: unknown flag: ---text, did you mean --text? (see --help)\n"},
		{"=", "Error: unknown argument: = (see --help)\n"},
		{"file.yaml", "Error: unknown argument: file.yaml (see --help)\n"},
		{"--text", "Error: flag needs an argument: --text T\n"},
		{"--number x",
		 "Error: invalid value \"x\" for --number: expected a whole number\n"},
		{"--number=", "Error: invalid value \"\" for --number: expected a whole number\n"},
		{"--number -1", "Error: invalid value \"-1\" for --number: expected a whole "
				"number\n"},
		{"--number 99999999999999999999",
		 "Error: invalid value \"99999999999999999999\" for --number: expected a whole "
		 "number\n"},
		{"--decimal 1,5",
		 "Error: invalid value \"1,5\" for --decimal: expected a number\n"},
		{"--decimal=", "Error: invalid value \"\" for --decimal: expected a number\n"},
		{"--wait 5", "Error: invalid value \"5\" for --wait: expected a duration such as "
			     "25s or 200ms\n"},
		{"--flag=maybe",
		 "Error: invalid value \"maybe\" for --flag: expected true or false\n"},
	};
	struct values values;
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		enum options_outcome outcome = parse(cases[i].line, &values);
		if (outcome != OPTIONS_BAD || strcmp(complaint, cases[i].complaint) != 0)
			fail_msg("%s: %d, %s", cases[i].line, (int)outcome, complaint);
	}
}

/* Words stand before, between and behind options; behind "--" everything is one. */
static void words_go_where_their_row_points(void **state)
{
	static const char *const lines[] = {"a b --number 5", "--number 5 a b", "a --number=5 b",
					    "--number 5 -- a b", "--number 5 a -- b"};
	struct values values;
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
		assert_int_equal(parse_with(lines[i], &values, true), OPTIONS_OK);
		assert_int_equal(values.words.count, 2);
		assert_string_equal(values.words.at[0], "a");
		assert_string_equal(values.words.at[1], "b");
		assert_int_equal(values.number, 5);
	}
	assert_int_equal(parse_with("-- --number -h --", &values, true), OPTIONS_OK);
	assert_int_equal(values.words.count, 3);
	assert_string_equal(values.words.at[2], "--");
	assert_int_equal(parse("--number 5 --", &values), OPTIONS_OK);
}

static void a_list_is_bounded(void **state)
{
	char line[1024] = "";
	struct values values;
	(void)state;
	for (int i = 0; i < OPTION_LIST_MAX; i++)
		(void)strcat(line, "--list=a ");
	assert_int_equal(parse(line, &values), OPTIONS_OK);
	assert_int_equal(values.list.count, OPTION_LIST_MAX);
	(void)strcat(line, "--list=a");
	assert_int_equal(parse(line, &values), OPTIONS_BAD);
	assert_string_equal(complaint, "Error: --list is given more than 64 times\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_come_after_a_space_or_an_equals_sign),
		cmocka_unit_test(help_is_asked_for_in_three_ways),
		cmocka_unit_test(each_mistake_is_told),
		cmocka_unit_test(words_go_where_their_row_points),
		cmocka_unit_test(a_list_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
