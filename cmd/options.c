/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `--name value` or `--name=value`, and a few letters. One pass over the arguments; a value goes
 * where its row of the table points. Texts are not copied: they are the arguments themselves. A flag
 * that does not exist is answered with the nearest one.
 */
#include "cmd/options.h"

#include "pipeline/base/slice.h"
#include "pipeline/config/bind.h"
#include "pipeline/config/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPECS_MAX = 64 }; /* among which the nearest one is looked for */

static const struct option_spec *find(const struct option_spec *specs, size_t count,
				      const char *word, size_t len)
{
	if (len > 1 && word[1] != '-' && len == 2) {
		for (size_t i = 0; i < count; i++) {
			if (specs[i].letter == word[1])
				return &specs[i];
		}
	}
	const char *name = word + (word[1] == '-' ? 2 : 1);
	size_t name_len = len - (size_t)(name - word);
	for (size_t i = 0; i < count; i++) {
		if (specs[i].type != OPTION_WORDS && strlen(specs[i].name + 2) == name_len &&
		    strncmp(specs[i].name + 2, name, name_len) == 0)
			return &specs[i];
	}
	return NULL;
}

bool options_complain(const char *name, const char *value, const char *expected)
{
	fprintf(stderr, "Error: invalid value \"%s\" for %s: expected %s\n", value, name, expected);
	return false;
}

/* The first ${len} bytes of ${word} begin with a dash and name no option. */
static void complain_unknown(const struct option_spec *specs, size_t count, const char *word,
			     size_t len)
{
	const char *names[SPECS_MAX + 1] = {"help"};
	size_t names_count = 1, dashes = strspn(word, "-");
	for (size_t i = 0; i < count && i < SPECS_MAX; i++) {
		if (specs[i].type != OPTION_WORDS)
			names[names_count++] = specs[i].name + 2;
	}
	const char *nearest = dashes < len ? config_nearest(slice_of(word + dashes, len - dashes),
							    names, names_count)
					   : NULL;
	fprintf(stderr, "Error: unknown flag: %s", word);
	if (nearest)
		fprintf(stderr, ", did you mean --%s?", nearest);
	fprintf(stderr, " (see --help)\n");
}

static bool store(const struct option_spec *spec, const char *value)
{
	char *end;
	switch (spec->type) {
	case OPTION_FLAG:
		*(bool *)spec->target = strcmp(value, "true") == 0;
		if (*(bool *)spec->target || strcmp(value, "false") == 0)
			return true;
		return options_complain(spec->name, value, "true or false");
	case OPTION_TEXT: *(const char **)spec->target = value; return true;
	case OPTION_NUMBER:
		if (slice_parse_u64(slice_str(value), spec->target))
			return true;
		return options_complain(spec->name, value, "a whole number");
	case OPTION_DECIMAL:
		errno = 0;
		*(double *)spec->target = strtod(value, &end);
		if (value[0] && !*end && errno == 0)
			return true;
		return options_complain(spec->name, value, "a number");
	case OPTION_DURATION:
		if (config_parse_duration(slice_str(value), spec->target))
			return true;
		return options_complain(spec->name, value, "a duration such as 25s or 200ms");
	case OPTION_LIST:
	case OPTION_WORDS: break;
	}
	struct option_list *list = spec->target;
	if (list->count == OPTION_LIST_MAX) {
		fprintf(stderr, "Error: %s is given more than %d times\n", spec->name,
			OPTION_LIST_MAX);
		return false;
	}
	list->at[list->count++] = value;
	return true;
}

/* A word that is no option. */
static bool store_word(const struct option_spec *specs, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++) {
		if (specs[i].type == OPTION_WORDS)
			return store(&specs[i], word);
	}
	fprintf(stderr, "Error: unknown argument: %s (see --help)\n", word);
	return false;
}

/* The option at ${argv}[*at], and its value; moves *at to the last word taken. */
static bool take_option(const struct option_spec *specs, size_t count, int argc, char *const *argv,
			int *at)
{
	const char *word = argv[*at];
	const char *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : strlen(word);
	const struct option_spec *spec = len > 1 ? find(specs, count, word, len) : NULL;
	const char *value = equals ? equals + 1 : "true";
	if (!spec) {
		complain_unknown(specs, count, word, len);
		return false;
	}
	if (!equals && spec->type != OPTION_FLAG) {
		if (*at + 1 >= argc) {
			fprintf(stderr, "Error: flag needs an argument: %s %s\n", word,
				spec->argument);
			return false;
		}
		value = argv[++*at];
	}
	return store(spec, value);
}

static bool asks_for_help(const char *word)
{
	return strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-help") == 0;
}

enum options_outcome options_parse(const struct option_spec *specs, size_t count, int argc,
				   char *const *argv)
{
	bool words_only = false;
	for (int i = 1; i < argc; i++) {
		bool taken = true;
		if (!words_only && strcmp(argv[i], "--") == 0)
			words_only = true;
		else if (words_only || argv[i][0] != '-')
			taken = store_word(specs, count, argv[i]);
		else if (asks_for_help(argv[i]))
			return OPTIONS_HELP;
		else
			taken = take_option(specs, count, argc, argv, &i);
		if (!taken)
			return OPTIONS_BAD;
	}
	return OPTIONS_OK;
}

void options_help(const char *synopsis, const char *description, const struct option_spec *specs,
		  size_t count)
{
	printf("Usage: %s\n\n%s\n", synopsis, description);
	if (count > 0)
		printf("\nOptions:\n");
	for (size_t i = 0; i < count; i++) {
		if (specs[i].type == OPTION_WORDS)
			continue;
		char left[64];
		char letter[8] = "    ";
		if (specs[i].letter)
			(void)snprintf(letter, sizeof(letter), "-%c, ", specs[i].letter);
		(void)snprintf(left, sizeof(left), "%s%s %s", letter, specs[i].name,
			       specs[i].argument ? specs[i].argument : "");
		printf("  %-34s %s\n", left, specs[i].help);
	}
	printf("  %-34s %s\n", "-h, --help", "Show this text.");
}
