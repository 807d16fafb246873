/* SPDX-License-Identifier: Apache-2.0 */
/* Checks a configuration as `run` would read it, and warns about what is legal but surely not
 * meant. Opens nothing but files. Silent and 0 when all is well. */
#include "cmd/collector.h"
#include "cmd/commands.h"

#include <stdio.h>

int command_validate(int argc, char **argv)
{
	struct collector_options options = {0};
	const struct option_spec specs[] = {{"--config", 0, OPTION_LIST, &options.configs, "URI",
					     "As for run; may be repeated."},
					    COLLECTOR_OPTIONS(options)};
	switch (options_parse(specs, ARRAY_COUNT(specs), argc, argv)) {
	case OPTIONS_OK: break;
	case OPTIONS_BAD: return 1;
	case OPTIONS_HELP:
		options_help("sluice validate --config FILE [options]",
			     "Checks a configuration: every error with its file, line and column, "
			     "then warnings.\nExit code 1 on errors. Nothing is opened but files.",
			     specs, ARRAY_COUNT(specs));
		return 0;
	}
	if (options.configs.count == 0) {
		fprintf(stderr, "Error: at least one config flag must be provided\n");
		return 1;
	}
	struct collector collector;
	bool valid = collector_init(&collector, &options, true, NULL, NULL);
	if (valid)
		graph_lint(collector.graph, &collector.report);
	collector_print_problems(&collector, CONFIG_WARNING);
	collector_fini(&collector);
	return valid ? 0 : 1;
}
