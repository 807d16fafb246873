/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters of model calls: temperature, limits and their like, in Langfuse's form. */
#ifndef SLUICE_PROCESSORS_LANGFUSE_PARAMETERS_H
#define SLUICE_PROCESSORS_LANGFUSE_PARAMETERS_H

#include "processors/langfuse/langfuse_internal.h"

/*
 * Writes the parameters of a model call as one JSON object of known names with numbers, booleans
 * and two known words. Langfuse takes it in place of everything below gen_ai.request., where
 * request ids, schemas and stop strings would pass for parameters.
 */
void parameters_set(struct run *run, uint32_t span, const struct span_roles *roles);

#endif
