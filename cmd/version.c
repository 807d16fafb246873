/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice version`: one line, the number of the release and, where the build knew it, the commit:
 * 0.1.0 (v0.1.0-3-g1234567). */
#include "cmd/commands.h"
#include "cmd/options.h"

#include <stdio.h>

#ifndef SLUICE_COMMIT /* the Makefile sets it; empty where there is no git */
#define SLUICE_COMMIT ""
#endif

int command_version(int argc, char **argv)
{
	static const char commit[] = SLUICE_COMMIT;
	switch (options_parse(NULL, 0, argc, argv)) {
	case OPTIONS_OK: break;
	case OPTIONS_BAD: return 1;
	case OPTIONS_HELP: options_help("sluice version", "Prints the version.", NULL, 0); return 0;
	}
	printf("sluice version %s%s%s%s\n", SLUICE_VERSION, commit[0] ? " (" : "", commit,
	       commit[0] ? ")" : "");
	return 0;
}
