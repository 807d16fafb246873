/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sluice policy table, sluice policy explain KEY [VALUE]: what metadata_only does, and why. With
 * --config the processor's settings of that configuration hold, else its defaults. These open nothing;
 * sluice policy prove runs the configuration's pipelines (policy_prove.c).
 */
#include "cmd/commands.h"
#include "cmd/policy_prove.h"
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
				       "  sluice policy explain KEY [VALUE] [--config FILE]\n"
				       "  sluice policy prove --config FILE [--json FILE]";
	struct collector_options collector = {.shards = 1};
	struct option_list words = {0};
	const char *json = NULL;
	const struct option_spec specs[] = {
		{"--config", 0, OPTION_LIST, &collector.configs, "URI",
		 "As for run: the settings of its metadata_only; default: none."},
		{"--set", 0, OPTION_LIST, &collector.sets, "a.b.c=v",
		 "Set one value, e.g. processors.metadata_only.mode=strict."},
		{"--json", 0, OPTION_TEXT, &json, "FILE",
		 "prove: the report as JSON, by pipeline and rule."},
		{"KEY", 0, OPTION_WORDS, &words, NULL, NULL},
	};
	switch (options_parse(specs, ARRAY_COUNT(specs), argc, argv)) {
	case OPTIONS_OK: break;
	case OPTIONS_BAD: return 1;
	case OPTIONS_HELP:
		options_help(synopsis,
			     "Says which rule of metadata_only decides about an attribute, and "
			     "why; or prints the table. prove sends texts that must not come out "
			     "through the pipelines of a\nconfiguration, inside this process, and "
			     "says which do. Exit code: 0 none, 1 some, 3 it cannot be\nproven.",
			     specs, ARRAY_COUNT(specs));
		return 0;
	}
	const char *verb = words.count > 0 ? words.at[0] : "";
	if (words.count == 1 && strcmp(verb, "table") == 0)
		return print_table();
	if ((words.count == 2 || words.count == 3) && strcmp(verb, "explain") == 0)
		return explain(words.at[1], words.count == 3 ? words.at[2] : NULL,
			       &collector.configs, &collector.sets);
	if (words.count == 1 && strcmp(verb, "prove") == 0)
		return policy_prove(&collector, json);
	fprintf(stderr, "Error: usage:\n  %s\n", synopsis);
	return 1;
}
