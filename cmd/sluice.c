/* SPDX-License-Identifier: Apache-2.0 */
/* The program: finds the subcommand. Without one it runs the collector, as otelcol does. */
#include "cmd/commands.h"
#include "pipeline/base/compiler.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

struct command {
	const char *name, *summary;
	command_run *run;
};

static const struct command commands[] = {
	{"run", "Run the collector with --config (the default command).", command_run_collector},
	{"dev", "Run a local collector with built-in settings; no file needed.", command_dev},
	{"demo", "As dev, with example traces sent through it.", command_demo},
	{"assert", "Run a command, or listen, and judge the traces by an expectation file.",
	 command_assert},
	{"validate", "Check a configuration; say everything that is wrong with it.",
	 command_validate},
	{"components", "List the components of this build, or print their reference.",
	 command_components},
	{"policy", "Say which rule of metadata_only decides about a key, or print its table.",
	 command_policy},
	{"generate", "Send example traces to an OTLP endpoint.", command_generate},
	{"version", "Print the version.", command_version},
};

static void print_usage(void)
{
	printf("Sluice: a trace pipeline for LLM-serving stacks. Reads the OpenTelemetry "
	       "Collector's YAML.\n\nUsage:\n"
	       "  sluice --config FILE     run the collector\n"
	       "  sluice COMMAND [options]\n\nCommands:\n");
	for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
		printf("  %-12s %s\n", commands[i].name, commands[i].summary);
	printf("\n`sluice COMMAND --help` shows a command's options.\n");
}

int main(int argc, char **argv)
{
	/* A peer that closes a connection, and a file that is full, are errors of write(2), not the end
	 * of the program. */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	if (argc < 2 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		print_usage();
		if (argc < 2)
			fprintf(stderr, "Error: at least one config flag must be provided\n");
		return argc < 2;
	}
	if (strcmp(argv[1], "-v") == 0 || strcmp(argv[1], "--version") == 0)
		return command_version(1, argv);
	for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	}
	if (argv[1][0] == '-')
		return command_run_collector(argc, argv);
	fprintf(stderr, "Error: unknown command \"%s\" for \"sluice\"\n", argv[1]);
	print_usage();
	return 1;
}
