/* SPDX-License-Identifier: Apache-2.0 */
/* sluice policy prove: what of a canary corpus comes out of a configuration's pipelines. */
#ifndef SLUICE_CMD_POLICY_PROVE_H
#define SLUICE_CMD_POLICY_PROVE_H

#include "cmd/collector.h"

/*
 * Runs the pipelines of ${options}->configs with receivers and exporters of this process, sends the
 * corpus through, prints the report to standard output and, as JSON, to ${json_path} (NULL: nowhere).
 * Returns the exit code: 0 nothing came out, 1 something did, or nothing is proven because a
 * pipeline let no span out, 3 a wrong configuration.
 */
int policy_prove(const struct collector_options *options, const char *json_path);

#endif
