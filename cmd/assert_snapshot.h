/* SPDX-License-Identifier: Apache-2.0 */
/* The contract of the spans that came against a committed one. */
#ifndef SLUICE_CMD_ASSERT_SNAPSHOT_H
#define SLUICE_CMD_ASSERT_SNAPSHOT_H

#include "cmd/assert_results.h"

/* Adds to ${results} a case of what was added, removed and changed since the file at ${path} was
 * written. False after a message: there is no such file, or it is none of ours. */
MUST_CHECK bool assert_snapshot_compare(const char *path, const struct trace_buffer *const *buffers,
					size_t count, struct assert_results *results);

/* Writes the file. False after a message. */
MUST_CHECK bool assert_snapshot_update(const char *path, const struct trace_buffer *const *buffers,
				       size_t count, struct assert_policy *policy);

#endif
