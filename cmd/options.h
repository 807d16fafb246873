/* SPDX-License-Identifier: Apache-2.0 */
/* The command line, shared by the subcommands. Parsing prints its own errors to stderr. */
#ifndef SLUICE_CMD_OPTIONS_H
#define SLUICE_CMD_OPTIONS_H

#include "pipeline/base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OPTION_LIST_MAX = 64 };

struct option_list {
	const char *at[OPTION_LIST_MAX];
	size_t count;
};

enum option_type {
	OPTION_FLAG = 0, /* bool */
	OPTION_TEXT,	 /* const char * */
	OPTION_NUMBER,	 /* uint64_t */
	OPTION_DECIMAL,	 /* double */
	OPTION_DURATION, /* uint64_t nanoseconds */
	OPTION_LIST,	 /* struct option_list: may be given several times */
	OPTION_WORDS, /* struct option_list: the words that are no option; the name is shown only */
};

/* One option of a subcommand. */
struct option_spec {
	const char *name; /* "--config" */
	char letter;	  /* 'v' for -v; 0 for none */
	enum option_type type;
	void *target;
	const char *argument; /* "FILE", for the help; NULL for flags */
	const char *help;
};

enum options_outcome { OPTIONS_OK = 0, OPTIONS_HELP, OPTIONS_BAD };

/* Parses ${argv}[1..) by ${specs}: "--name value", "--name=value", one dash or two, as Go's flags.
 * Words that are no option, and all behind "--", are an error without a row OPTION_WORDS.
 * OPTIONS_HELP: -h or --help was there. */
enum options_outcome options_parse(const struct option_spec *specs, size_t count, int argc,
				   char *const *argv);

/* Says that ${value} of the option ${name} is wrong, and what is ${expected}. Returns false. */
bool options_complain(const char *name, const char *value, const char *expected);

/* Prints usage: ${synopsis}, ${description}, the options. */
void options_help(const char *synopsis, const char *description, const struct option_spec *specs,
		  size_t count);

#endif
