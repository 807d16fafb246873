/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program: finds the subcommand. Without one it runs the collector, as otelcol does. What could
 * not be written to standard output is an exit code, whatever the command: a list that was cut by a
 * full disk is no list.
 */
#include "cmd/commands.h"
#include "pipeline/base/slice.h"
#include "pipeline/config/report.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
	printf("\n`sluice help COMMAND` shows a command's options.\n");
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
		if (strcmp(name, commands[i].name) == 0)
			return &commands[i];
	}
	return NULL;
}

static int complain_unknown(const char *name)
{
	const char *names[ARRAY_COUNT(commands) + 1] = {"help"};
	for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
		names[i + 1] = commands[i].name;
	const char *nearest = config_nearest(slice_str(name), names, ARRAY_COUNT(names));
	fprintf(stderr, "Error: unknown command \"%s\" for \"sluice\"", name);
	if (nearest)
		fprintf(stderr, ", did you mean \"%s\"?", nearest);
	fprintf(stderr, " (see sluice --help)\n");
	return 1;
}

/* `sluice help COMMAND` is `sluice COMMAND --help`. */
static int help(int argc, char **argv)
{
	static char flag[] = "--help";
	if (argc < 2) {
		print_usage();
		return 0;
	}
	const struct command *command = find_command(argv[1]);
	char *words[] = {argv[1], flag, NULL};
	return command ? command->run(2, words) : complain_unknown(argv[1]);
}

static bool is_one_of(const char *word, const char *letter, const char *name)
{
	return strcmp(word, letter) == 0 || strcmp(word, name) == 0;
}

static int run(int argc, char **argv)
{
	if (argc < 2) {
		print_usage();
		fprintf(stderr, "Error: at least one config flag must be provided\n");
		return 1;
	}
	if (is_one_of(argv[1], "-h", "--help") || strcmp(argv[1], "help") == 0)
		return help(argc - 1, argv + 1);
	if (is_one_of(argv[1], "-v", "--version"))
		return command_version(1, argv);
	if (argv[1][0] == '-')
		return command_run_collector(argc, argv);
	const struct command *command = find_command(argv[1]);
	return command ? command->run(argc - 1, argv + 1) : complain_unknown(argv[1]);
}

/* A reader that has seen enough (`| head`) needs no message. */
static int check_output(int code)
{
	bool failed = fflush(stdout) != 0;
	int error = failed ? errno : 0;
	if (!failed && !ferror(stdout))
		return code;
	if (error != EPIPE)
		fprintf(stderr, "Error: write standard output: %s\n",
			error ? strerror(error) : "some of it was not taken");
	return code != 0 ? code : 1;
}

/* A descriptor that the caller closed would be taken by the next socket or file, and what is printed
 * would go there. Standard output is opened for reading only: writing to it is an error as before. */
static void hold_standard_descriptors(void)
{
	static const int modes[] = {O_RDONLY, O_RDONLY, O_RDWR};
	for (int fd = 0; fd < (int)ARRAY_COUNT(modes); fd++) {
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) != fd)
			_exit(1); /* no /dev/null, and nowhere to say so */
	}
}

int main(int argc, char **argv)
{
	/* A peer that closes a connection, and a file that is full, are errors of write(2), not the end
	 * of the program. */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	hold_standard_descriptors();
	return check_output(run(argc, argv));
}
