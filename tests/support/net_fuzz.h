/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One server for fuzzing: each input is one connection. Its first byte says how the rest is chopped
 * (0: not at all), the second what happens meanwhile (PLAN_… in net_fuzz.c): time passes, the
 * server drains or cuts the connection, the peer does not read, memory is short.
 */
#ifndef SLUICE_TESTS_NET_FUZZ_H
#define SLUICE_TESTS_NET_FUZZ_H

#include "pipeline/net/server.h"

/* Plays ${opening}, then ${input} into a fresh connection, reads what comes back, closes, and runs
 * until nothing of the connection is left. Aborts on a leak of the budget. */
void net_fuzz_play(struct slice opening, struct slice input);

/* Answers most requests at once and holds every third one. */
extern const struct server_handler net_fuzz_handler;

/* Answers the last request that is held. False when there is none. */
bool net_fuzz_answer_held(void);

#endif
