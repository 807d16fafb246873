/* SPDX-License-Identifier: Apache-2.0 */
/* The media types and paths that a fuzz target asks the OTLP receiver for, and what they mean. */
#ifndef SLUICE_TESTS_OTLP_REQUESTS_H
#define SLUICE_TESTS_OTLP_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>

enum body { BODY_PROTOBUF = 0, BODY_JSON, BODY_OTHER };

static const struct {
	const char *content_type; /* NULL: none */
	enum body body;
	bool grpc;
} types[8] = {
	{"application/x-protobuf", BODY_PROTOBUF, false},
	{"application/json", BODY_JSON, false},
	{"application/grpc", BODY_PROTOBUF, true},
	{"application/grpc+proto", BODY_PROTOBUF, true},
	{"Application/JSON; charset=utf-8", BODY_JSON, false},
	{"text/plain", BODY_OTHER, false},
	{"application/jsonx", BODY_OTHER, false},
	{NULL, BODY_OTHER, false},
};

#define SERVICE "/opentelemetry.proto.collector.trace.v1.TraceService/"

static const struct {
	const char *path;
	bool http, grpc; /* whose path it is */
} paths[8] = {
	{"/v1/traces", true, false},   {SERVICE "Export", false, true},
	{"//v1/traces", true, false},  {"/v1/traces?x=1", true, false},
	{"/v1//traces", true, false},  {SERVICE "Watch", false, false},
	{"/v1/traces/", false, false}, {"/v1/metrics", false, false},
};

#endif
