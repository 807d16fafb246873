/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a reader would otherwise have to believe, checked in the builds that tests run (all but the
 * shipped one, which is compiled with NDEBUG). About our own code alone: whatever a peer can send is
 * checked in every build and answered.
 */
#ifndef SLUICE_BASE_ASSERT_H
#define SLUICE_BASE_ASSERT_H

#include "pipeline/base/compiler.h"

#include <stdbool.h>

#ifdef NDEBUG
#define ASSERTS_RUN 0
/* Compiled and never run, so that what it names stays used. */
#define ASSERT(condition) ((void)sizeof((condition) ? 1 : 0))
#else
#define ASSERTS_RUN 1
#define ASSERT(condition)                                                                          \
	(LIKELY(condition) ? (void)0 : assert_failed(#condition, __FILE__, __LINE__))
#endif

/* For a table of the states that may follow each state: STATES_OF(A) | STATES_OF(B). */
#define STATE_BIT(state) (1u << (unsigned)(state))

/* ${next} is among the states that may follow ${state} by ${table}. */
#define ASSERT_STEP(table, state, next) ASSERT(((table)[(unsigned)(state)] & STATE_BIT(next)) != 0)

/* Says which one, on standard error, and aborts. */
COLD _Noreturn void assert_failed(const char *condition, const char *file, int line);

#endif
