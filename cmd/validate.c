/* SPDX-License-Identifier: Apache-2.0 */
/* Checks a configuration as `run` would read it, and warns about what is legal but surely not
 * meant. Opens nothing but files. Of a valid one it says what it amounts to: something to sign. */
#include "cmd/collector.h"
#include "cmd/commands.h"
#include "pipeline/graph/summary.h"

#include <stdio.h>
#include <string.h>

/* ${lines} below ${head}, indented. */
static void print_lines(const char *head, struct slice lines)
{
	printf("%s\n", head);
	while (lines.len > 0) {
		const uint8_t *end = memchr(lines.ptr, '\n', lines.len);
		size_t len = end ? (size_t)(end - lines.ptr) : lines.len;
		printf("  %.*s\n", (int)len, (const char *)lines.ptr);
		len += end != NULL;
		lines = slice_of(lines.ptr + len, lines.len - len);
	}
}

static void print_summary(const struct graph *graph)
{
	struct graph_summary summary;
	graph_summarise(graph, &summary);
	printf("The configuration is valid.\n");
	print_lines("Pipelines:", buf_slice(&summary.pipelines));
	print_lines("Policies:", buf_slice(&summary.policies));
	print_lines("Data is sent to:", buf_slice(&summary.targets));
	print_lines("A crash loses:", buf_slice(&summary.losses));
	graph_summary_fini(&summary);
}

int command_validate(int argc, char **argv)
{
	struct collector_options options = {0};
	bool quiet = false;
	const struct option_spec specs[] = {
		{"--quiet", 'q', OPTION_FLAG, &quiet, NULL, "Print problems only."},
		{"--config", 0, OPTION_LIST, &options.configs, "URI",
		 "As for run; may be repeated."},
		COLLECTOR_OPTIONS(options)};
	switch (options_parse(specs, ARRAY_COUNT(specs), argc, argv)) {
	case OPTIONS_OK: break;
	case OPTIONS_BAD: return 1;
	case OPTIONS_HELP:
		options_help("sluice validate --config FILE [options]",
			     "Checks a configuration: every error with its file, line and column, "
			     "then warnings.\nOf a valid one: its pipelines, the policies in "
			     "force, where "
			     "data is sent, what a crash loses.\nExit code 1 on errors. Nothing is "
			     "opened but files.",
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
	if (valid && !quiet)
		print_summary(collector.graph);
	collector_fini(&collector);
	return valid ? 0 : 1;
}
