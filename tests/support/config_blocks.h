/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Made-up components that use every field type, for the tests of binding, for the golden files of
 * bad configurations, and for the fuzzer. Their keys are those of real components, so that the
 * files read like a user's.
 */
#ifndef SLUICE_TESTS_CONFIG_BLOCKS_H
#define SLUICE_TESTS_CONFIG_BLOCKS_H

#include "pipeline/config/service.h"

struct sample_grpc {
	const char *endpoint;
	uint32_t max_streams;
};

struct sample_receiver {
	bool has_grpc, has_http;
	struct sample_grpc grpc, http;
};

/* Keys below `protocols`; the receiver's only key. */
struct sample_receiver_top {
	struct sample_receiver protocols;
};

struct sample_processor {
	uint64_t timeout_ns;
	uint32_t limit_mib;
	uint64_t bytes_max;
	int64_t offset;
	double ratio;
	bool enabled;
	int mode; /* enum in the order of the words ignore, silent, propagate */
	struct config_strings keys;
	struct config_blocks actions;
	const struct config_node *rules;
};

struct sample_action {
	const char *key, *action;
};

struct sample_queue {
	bool enabled;
	uint32_t size;
};

struct sample_exporter {
	const char *endpoint, *token;
	struct config_headers headers;
	struct sample_queue queue;
	bool has_batch;
	struct sample_queue batch;
};

extern const struct config_block sample_receiver_block;
extern const struct config_block sample_processor_block;
extern const struct config_block sample_exporter_block;

/* Types: receivers otlp; processors batch, memory_limiter; exporters debug, otlp, otlp_grpc;
 * extensions health_check. */
extern const struct config_known_types sample_types;

/* Loads nothing: binds the top level of ${root} and each component by the blocks above, as the
 * graph does. Receivers, processors and exporters other than debug have one block each. */
const struct config_service *sample_bind(const struct config_node *root,
					 struct config_report *report);

#endif
