/* SPDX-License-Identifier: Apache-2.0 */
/* The spans that were received, written down for a later `sluice assert --from`. */
#ifndef SLUICE_CMD_ASSERT_KEEP_H
#define SLUICE_CMD_ASSERT_KEEP_H

#include "pipeline/trace/buffer/trace_buffer.h"

/*
 * Writes the spans of ${buffers} to ${path} as OTLP JSON, a trace a line, in the order in which traces
 * came. They are as they were received, with all that a policy would remove: the file is made for its
 * owner alone. False after a message.
 */
MUST_CHECK bool assert_keep(const char *path, const struct trace_buffer *const *buffers,
			    size_t count);

#endif
