/* SPDX-License-Identifier: Apache-2.0 */
/* One block of settings, for every component that remembers traces. */
#include "pipeline/graph/trace_memory_config.h"

static const struct config_field fields[] = {
	CONFIG_U32(struct trace_memory_limits, traces_max, "max_traces", "65536", 1, 1e8, "{trace}",
		   "Traces remembered, of all components together."),
	CONFIG_U64(struct trace_memory_limits, bytes_max, "max_bytes", "67108864", 65536, 1e12,
		   "By", "Bytes of what is remembered."),
	CONFIG_DURATION(struct trace_memory_limits, age_ns, "max_age", "5m",
			"A trace that no request has touched for this long is forgotten."),
};
const struct config_block trace_memory_block = CONFIG_BLOCK(struct trace_memory_limits, fields);
