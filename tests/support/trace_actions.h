/* SPDX-License-Identifier: Apache-2.0 */
/* Random edits, done to the edit and to the model alike. */
#ifndef SLUICE_TEST_TRACE_ACTIONS_H
#define SLUICE_TEST_TRACE_ACTIONS_H

#include "tests/support/trace_model.h"

/* One random action on what is alive. ${model} may be NULL (fuzzing without a model). */
void random_action(struct trace_view *view, struct trace_model *model, uint64_t *rng);

#endif
