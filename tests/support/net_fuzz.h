/* SPDX-License-Identifier: Apache-2.0 */
/* One server for fuzzing: each input is one connection's bytes, chopped as its first byte says. */
#ifndef SLUICE_TESTS_NET_FUZZ_H
#define SLUICE_TESTS_NET_FUZZ_H

#include "pipeline/base/slice.h"

/* Plays ${opening}, then ${input} (its first byte chooses the pieces) into a fresh connection,
 * reads what comes back, closes, and runs until nothing of the connection is left. Aborts on a leak
 * of the budget. */
void net_fuzz_play(struct slice opening, struct slice input);

#endif
