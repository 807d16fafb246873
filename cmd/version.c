/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice version`: one line, the version that the build was given. */
#include "cmd/commands.h"
#include "cmd/options.h"

#include <stdio.h>

int command_version(int argc, char **argv)
{
	switch (options_parse(NULL, 0, argc, argv)) {
	case OPTIONS_OK: break;
	case OPTIONS_BAD: return 1;
	case OPTIONS_HELP: options_help("sluice version", "Prints the version.", NULL, 0); return 0;
	}
	printf("sluice version %s\n", SLUICE_VERSION);
	return 0;
}
