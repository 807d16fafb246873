/* SPDX-License-Identifier: Apache-2.0 */
/* Judging the patterns that a configuration allows: they are holes in the policy. */
#ifndef SLUICE_PROCESSORS_METADATA_ONLY_ALLOW_H
#define SLUICE_PROCESSORS_METADATA_ONLY_ALLOW_H

#include "processors/metadata_only/policy.h"

/* Reports an error for an expression that matches keys of all kinds, and a warning for a pattern that
 * lets through what rows of the table deny. */
void allow_check(const char *pattern, struct config_loc loc, const char *path,
		 struct config_report *report);

#endif
