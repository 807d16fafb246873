/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a terminal can show, by what it, the environment and the command line say. The variables are
 * those of https://no-color.org, https://bixense.com/clicolors and https://force-color.org; the first
 * one that says something decides.
 */
#include "exporters/debug/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

static enum terminal_colour chosen;

void terminal_set_colour(enum terminal_colour colour)
{
	chosen = colour;
}

/* The variable ${name}, "" when it is not set. */
static const char *variable(const char *name)
{
	const char *value = getenv(name);
	return value ? value : "";
}

static bool is_on(const char *value)
{
	return value[0] && strcmp(value, "0") != 0 && strcasecmp(value, "false") != 0;
}

static bool is_coloured(bool is_terminal)
{
	if (chosen != COLOUR_AUTO)
		return chosen == COLOUR_ALWAYS;
	if (variable("NO_COLOR")[0])
		return false;
	if (is_on(variable("FORCE_COLOR")) || is_on(variable("CLICOLOR_FORCE")))
		return true;
	if (strcmp(variable("FORCE_COLOR"), "0") == 0 || strcmp(variable("CLICOLOR"), "0") == 0)
		return false;
	return is_terminal && strcmp(variable("TERM"), "dumb") != 0;
}

/* POSIX: the first of these that is not empty decides. None at all is no statement: UTF-8. */
static bool locale_is_ascii(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
	const char *locale = "";
	for (size_t i = 0; i < ARRAY_COUNT(names) && !locale[0]; i++)
		locale = variable(names[i]);
	return locale[0] && !strcasestr(locale, "UTF-8") && !strcasestr(locale, "UTF8");
}

struct terminal terminal_of(int fd)
{
	struct terminal terminal = {.columns = TERMINAL_COLUMNS_DEFAULT,
				    .ascii = locale_is_ascii()};
	struct winsize size;
	bool is_terminal = isatty(fd) == 1;
	terminal.colour = is_coloured(is_terminal);
	if (is_terminal && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		terminal.columns =
			size.ws_col > TERMINAL_COLUMNS_MIN ? size.ws_col : TERMINAL_COLUMNS_MIN;
	return terminal;
}
