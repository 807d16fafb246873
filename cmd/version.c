/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/commands.h"

#include <stdio.h>

int command_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("sluice version %s\n", SLUICE_VERSION);
	return 0;
}
