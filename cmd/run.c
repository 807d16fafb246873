/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice run`: the collector of the given configurations, until a signal ends it. */
#include "cmd/collector.h"
#include "cmd/commands.h"

#include <stdio.h>

int command_run_collector(int argc, char **argv)
{
	struct collector_options options = {0};
	const struct option_spec specs[] = {
		{"--config", 0, OPTION_LIST, &options.configs, "URI",
		 "Configuration: a file, - for standard input, env:NAME or yaml:TEXT; may be "
		 "repeated, later ones win."},
		COLLECTOR_OPTIONS(options)};
	switch (options_parse(specs, ARRAY_COUNT(specs), argc, argv)) {
	case OPTIONS_OK: break;
	case OPTIONS_BAD: return 1;
	case OPTIONS_HELP:
		options_help("sluice [run] --config FILE [options]",
			     "Runs the collector until SIGINT, SIGTERM or SIGQUIT, then drains.",
			     specs, ARRAY_COUNT(specs));
		return 0;
	}
	if (options.configs.count == 0) {
		fprintf(stderr, "Error: at least one config flag must be provided "
				"(sluice --config FILE, or sluice dev)\n");
		return 1;
	}
	struct collector collector;
	int code = 1;
	if (collector_init(&collector, &options, false, NULL, NULL))
		code = collector_run(&collector);
	collector_fini(&collector);
	return code;
}
