/* SPDX-License-Identifier: Apache-2.0 */
/* What a terminal is: by its size, the environment and the command line. */
#include "exporters/debug/terminal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char *const names[] = {"NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "CLICOLOR",
				    "TERM",	"LC_ALL",      "LC_CTYPE",	 "LANG"};

struct ends {
	int controller, terminal;
};

static int setup(void **state)
{
	static struct ends ends;
	assert_int_equal(openpty(&ends.controller, &ends.terminal, NULL, NULL, NULL), 0);
	*state = &ends;
	return 0;
}

static int teardown(void **state)
{
	struct ends *ends = *state;
	(void)close(ends->controller);
	(void)close(ends->terminal);
	return 0;
}

/* Sets "NAME=value NAME=value", and nothing else of the names above. */
static void set_variables(const char *assignments)
{
	char copy[256];
	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		(void)unsetenv(names[i]);
	(void)strncpy(copy, assignments, sizeof(copy) - 1);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
		char *equals = strchr(word, '=');
		*equals = 0;
		assert_int_equal(setenv(word, equals + 1, 1), 0);
	}
}

static void colour_is_decided_by_the_first_that_speaks(void **state)
{
	static const struct {
		const char *variables;
		enum terminal_colour chosen;
		bool on_terminal, in_file;
	} cases[] = {
		{"TERM=xterm", COLOUR_AUTO, true, false},
		{"TERM=dumb", COLOUR_AUTO, false, false},
		{"TERM=xterm NO_COLOR=1", COLOUR_AUTO, false, false},
		{"TERM=xterm NO_COLOR=", COLOUR_AUTO, true, false},
		{"TERM=xterm CLICOLOR=0", COLOUR_AUTO, false, false},
		{"TERM=xterm CLICOLOR=1", COLOUR_AUTO, true, false},
		{"TERM=xterm FORCE_COLOR=1", COLOUR_AUTO, true, true},
		{"TERM=dumb FORCE_COLOR=true", COLOUR_AUTO, true, true},
		{"TERM=xterm FORCE_COLOR=0", COLOUR_AUTO, false, false},
		{"TERM=xterm CLICOLOR_FORCE=1 CLICOLOR=0", COLOUR_AUTO, true, true},
		{"TERM=xterm NO_COLOR=1 FORCE_COLOR=1", COLOUR_AUTO, false, false},
		{"TERM=dumb NO_COLOR=1", COLOUR_ALWAYS, true, true},
		{"TERM=xterm FORCE_COLOR=1", COLOUR_NEVER, false, false},
	};
	const struct ends *ends = *state;
	int file = open("/dev/null", O_WRONLY | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		set_variables(cases[i].variables);
		terminal_set_colour(cases[i].chosen);
		if (terminal_of(ends->terminal).colour != cases[i].on_terminal ||
		    terminal_of(file).colour != cases[i].in_file)
			fail_msg("%s, %d", cases[i].variables, (int)cases[i].chosen);
	}
	terminal_set_colour(COLOUR_AUTO);
	(void)close(file);
}

static void a_locale_of_another_encoding_gets_ascii(void **state)
{
	static const struct {
		const char *variables;
		bool ascii;
	} cases[] = {
		{"", false}, /* nothing is said */
		{"LANG=en_US.UTF-8", false},
		{"LANG=C.utf8", false},
		{"LANG=C", true},
		{"LANG=POSIX", true},
		{"LANG=de_DE.ISO-8859-1", true},
		{"LANG=en_US.UTF-8 LC_ALL=C", true},
		{"LANG=C LC_CTYPE=C.UTF-8", false},
		{"LC_ALL= LC_CTYPE= LANG=C", true},
		{"LC_ALL=C.UTF-8 LC_CTYPE=C LANG=C", false},
	};
	const struct ends *ends = *state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		set_variables(cases[i].variables);
		if (terminal_of(ends->terminal).ascii != cases[i].ascii)
			fail_msg("%s", cases[i].variables);
	}
}

static void the_width_is_that_of_the_moment(void **state)
{
	static const struct {
		unsigned short says;
		unsigned columns;
	} cases[] = {{80, 80}, {200, 200}, {40, 40}, {10, 40}, {0, TERMINAL_COLUMNS_DEFAULT}};
	const struct ends *ends = *state;
	set_variables("");
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct winsize size = {.ws_col = cases[i].says, .ws_row = 24};
		assert_int_equal(ioctl(ends->controller, TIOCSWINSZ, &size), 0);
		assert_int_equal(terminal_of(ends->terminal).columns, cases[i].columns);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(colour_is_decided_by_the_first_that_speaks, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_locale_of_another_encoding_gets_ascii, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_width_is_that_of_the_moment, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
