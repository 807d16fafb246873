/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of YAML that every scenario's configuration has, and its start from a format. */
#ifndef SLUICE_TESTS_SCENARIO_CONFIG_H
#define SLUICE_TESTS_SCENARIO_CONFIG_H

#include "pipeline/base/compiler.h"
#include "tests/support/scenario_daemon.h"

enum { SCENARIO_WAIT_MS = 60000 };

/* Section `receivers` with both protocols on free ports. */
#define SCENARIO_LISTENERS                                                                         \
	"receivers:\n  otlp: {protocols: {grpc: {endpoint: '127.0.0.1:0'}, "                       \
	"http: {endpoint: '127.0.0.1:0'}}}\n"

/* The inside of an exporter that talks to a backend in plain text on port %u. */
#define SCENARIO_GRPC_TO "endpoint: '127.0.0.1:%u', tls: {insecure: true}"
#define SCENARIO_HTTP_TO "endpoint: 'http://127.0.0.1:%u'"

#define SCENARIO_TELEMETRY                                                                         \
	"  telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, "      \
	"port: 0}}}}]}}\n"

/* Section `service` with one traces pipeline, whose inside follows. */
#define SCENARIO_PIPELINE                                                                          \
	"service:\n" SCENARIO_TELEMETRY "  pipelines:\n    traces: {receivers: [otlp], "

/* daemon_start with a configuration that is printed from ${format}. ${args} as there. */
struct daemon *scenario_start(const char *const *args, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
