/* SPDX-License-Identifier: Apache-2.0 */
/* The settings `trace_memory:` of every component that uses the memory. */
#ifndef SLUICE_GRAPH_TRACE_MEMORY_CONFIG_H
#define SLUICE_GRAPH_TRACE_MEMORY_CONFIG_H

#include "pipeline/config/bind.h"
#include "pipeline/trace/memory/trace_memory.h"

extern const struct config_block trace_memory_block; /* for struct trace_memory_limits */

#endif
