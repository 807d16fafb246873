/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands. Each is one file, gets its own argv (argv[0] is its name), returns an exit code. */
#ifndef SLUICE_CMD_COMMANDS_H
#define SLUICE_CMD_COMMANDS_H

#define SLUICE_VERSION "0.1.0"

typedef int command_run(int argc, char **argv);

command_run command_run_collector; /* sluice --config F, sluice run */
command_run command_dev;
command_run command_demo;
command_run command_assert;
command_run command_validate;
command_run command_components;
command_run command_policy;
command_run command_generate;
command_run command_version;

#endif
