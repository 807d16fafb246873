/* SPDX-License-Identifier: Apache-2.0 */
/* The graphs of fuzz_graph.c: each kind of queue, batch and branch, small enough to be full soon. */
#ifndef SLUICE_TESTS_GRAPH_CONFIGS_H
#define SLUICE_TESTS_GRAPH_CONFIGS_H

#define RETRY                                                                                      \
	"retry_on_failure: {randomization_factor: 0, initial_interval: 100ms, max_interval: "      \
	"400ms, "

static const char *const graph_configs[] = {
	/* queues of every sizer, with and without batches of their own */
	"receivers: {nop: }\n"
	"processors: {filter: {traces: {span: ['name == \"none\"']}}}\n"
	"exporters:\n"
	"  nop/a: {sending_queue: {queue_size: 3, num_consumers: 1}, " RETRY
	"max_elapsed_time: 3s}}\n"
	"  nop/b: {max_request_bytes: 1024, sending_queue: {queue_size: 6000, sizer: bytes, batch: "
	"{flush_timeout: 100ms, min_size: 30, max_size: 70}}, retry_on_failure: {enabled: false}}\n"
	"  nop/c: {sending_queue: {queue_size: 100, sizer: items}, " RETRY "max_elapsed_time: 0}}\n"
	"service: {pipelines: {traces: {receivers: [nop], processors: [filter], exporters: [nop/a, "
	"nop/b, nop/c]}}}\n",
	/* a batch in the middle, and one at the end */
	"receivers: {nop: }\n"
	"processors: {filter: {traces: {span: ['name == \"none\"']}}, filter/behind: {traces: "
	"{span: "
	"['name == \"none\"']}}, batch: {send_batch_size: 40, "
	"send_batch_max_size: 50, timeout: 200ms}}\n"
	"exporters:\n"
	"  nop/a: {sending_queue: {queue_size: 2, num_consumers: 1, required: true}, " RETRY
	"max_elapsed_time: 1s}}\n"
	"  nop/b: {sending_queue: {queue_size: 4, num_consumers: 2}}\n"
	"service: {pipelines: {\n"
	"  traces/middle: {receivers: [nop], processors: [filter, batch, filter/behind], "
	"exporters: "
	"[nop/a]},\n"
	"  traces/end: {receivers: [nop], processors: [batch], exporters: [nop/b]}}}\n",
	/* senders that wait for the backends */
	"receivers: {nop: }\n"
	"processors: {filter: {traces: {span: ['name == \"none\"']}}}\n"
	"exporters:\n"
	"  nop/a: {sending_queue: {queue_size: 4, num_consumers: 1, wait_for_result: true, batch: "
	"{flush_timeout: 100ms, min_size: 30, max_size: 40}, sizer: items}, " RETRY
	"max_elapsed_time: 2s}}\n"
	"  nop/b: {sending_queue: {enabled: false}, retry_on_failure: {enabled: false}}\n"
	"  nop/c: {sending_queue: {queue_size: 2}}\n"
	"service: {pipelines: {traces: {receivers: [nop], processors: [filter], exporters: [nop/a, "
	"nop/b, nop/c]}}}\n",
	/* pipelines behind a connector */
	"receivers: {nop: }\n"
	"processors: {filter: {traces: {span: ['name == \"none\"']}}, batch: {send_batch_size: 30, "
	"timeout: 100ms}}\n"
	"connectors: {forward: }\n"
	"exporters:\n"
	"  nop/a: {sending_queue: {queue_size: 3, num_consumers: 1}, " RETRY
	"max_elapsed_time: 1s}}\n"
	"  nop/b: {sending_queue: {enabled: false}, " RETRY "max_elapsed_time: 500ms}}\n"
	"  nop/c: {sending_queue: {queue_size: 2, block_on_overflow: true}}\n"
	"service: {pipelines: {\n"
	"  traces/in: {receivers: [nop], processors: [filter], exporters: [forward, nop/a]},\n"
	"  traces/wait: {receivers: [forward], processors: [filter], exporters: [nop/b]},\n"
	"  traces/batch: {receivers: [forward], processors: [batch, filter], exporters: "
	"[nop/c]}}}\n",
};

#endif
