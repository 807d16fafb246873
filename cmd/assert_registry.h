/* SPDX-License-Identifier: Apache-2.0 */
/* The attributes that came against semantic conventions. */
#ifndef SLUICE_CMD_ASSERT_REGISTRY_H
#define SLUICE_CMD_ASSERT_REGISTRY_H

#include "cmd/assert_results.h"

/* Adds to ${results} a case of attributes that the conventions in folder ${path} do not know, know as
 * deprecated, or with another type, each once. False after a message: they cannot be read. */
MUST_CHECK bool assert_registry(const char *path, const struct trace_buffer *const *buffers,
				size_t count, struct assert_results *results);

#endif
