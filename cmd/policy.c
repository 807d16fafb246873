/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sluice policy table, sluice policy explain KEY [VALUE]: what metadata_only does, and why. With
 * --config the processor's settings of that configuration hold, else its defaults. Opens nothing.
 */
#include "cmd/commands.h"
#include "cmd/processor_trial.h"
#include "processors/metadata_only/explain.h"

#include <stdio.h>
#include <string.h>

static int explain(const char *key, const char *value, const struct option_list *configs,
		   const struct option_list *sets)
{
	struct processor_trial trial;
	struct buf out = BUF_INIT;
	struct err err = {0};
	bool done =
		processor_trial_init(&trial, "metadata_only", configs, sets) &&
		explain_attribute(trial.self, trial.state, trial.view, key, value, &out, &err) == 0;
	if (done)
		fwrite(out.data, 1, out.len, stdout);
	else if (err.msg[0])
		fprintf(stderr, "Error: %s\n", err.msg);
	buf_fini(&out);
	processor_trial_fini(&trial);
	return done ? 0 : 1;
}

static int print_table(void)
{
	struct buf out = BUF_INIT;
	explain_table(&out);
	fwrite(out.data, 1, out.len, stdout);
	buf_fini(&out);
	return 0;
}

int command_policy(int argc, char **argv)
{
	static const char synopsis[] = "sluice policy table\n"
				       "  sluice policy explain KEY [VALUE] [--config FILE]";
	struct option_list configs = {0}, sets = {0}, words = {0};
	const struct option_spec specs[] = {
		{"--config", 0, OPTION_LIST, &configs, "URI",
		 "As for run: the settings of its metadata_only; default: none."},
		{"--set", 0, OPTION_LIST, &sets, "a.b.c=v",
		 "Set one value, e.g. processors.metadata_only.mode=strict."},
		{"KEY", 0, OPTION_WORDS, &words, NULL, NULL},
	};
	switch (options_parse(specs, ARRAY_COUNT(specs), argc, argv)) {
	case OPTIONS_OK: break;
	case OPTIONS_BAD: return 1;
	case OPTIONS_HELP:
		options_help(synopsis,
			     "Says which rule of metadata_only decides about an attribute, and "
			     "why; or prints the table.",
			     specs, ARRAY_COUNT(specs));
		return 0;
	}
	const char *verb = words.count > 0 ? words.at[0] : "";
	if (words.count == 1 && strcmp(verb, "table") == 0)
		return print_table();
	if ((words.count == 2 || words.count == 3) && strcmp(verb, "explain") == 0)
		return explain(words.at[1], words.count == 3 ? words.at[2] : NULL, &configs, &sets);
	fprintf(stderr, "Error: usage:\n  %s\n", synopsis);
	return 1;
}
