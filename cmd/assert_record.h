/* SPDX-License-Identifier: Apache-2.0 */
/* A first expectation file from spans that came: for a person to edit. */
#ifndef SLUICE_CMD_ASSERT_RECORD_H
#define SLUICE_CMD_ASSERT_RECORD_H

#include "cmd/assert_survey.h"

/* Writes to ${path} expectations that hold for the spans of ${buffers}. What the policy would not let
 * pass is not in it. False after a message. */
MUST_CHECK bool assert_record(const char *path, const struct trace_buffer *const *buffers,
			      size_t count, struct assert_policy *policy);

/* Appends ${text}, which is one line, as a scalar in YAML that is read back as the same through ${…}
 * expansion. */
void assert_append_scalar(struct buf *out, struct slice text);

/* The same for a key of a map, which is not expanded. */
void assert_append_key(struct buf *out, struct slice text);

#endif
