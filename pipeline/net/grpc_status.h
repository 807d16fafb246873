/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Status codes of gRPC (grpc/doc/statuscodes.md) and what they are in HTTP, as the Collector's OTLP
 * receiver and exporter translate them: a refusal that comes by one protocol goes on by the other.
 */
#ifndef SLUICE_NET_GRPC_STATUS_H
#define SLUICE_NET_GRPC_STATUS_H

#include <stdint.h>

enum grpc_status {
	GRPC_OK = 0,
	GRPC_CANCELLED = 1,
	GRPC_UNKNOWN = 2,
	GRPC_INVALID_ARGUMENT = 3,
	GRPC_DEADLINE_EXCEEDED = 4,
	GRPC_NOT_FOUND = 5,
	GRPC_ALREADY_EXISTS = 6,
	GRPC_PERMISSION_DENIED = 7,
	GRPC_RESOURCE_EXHAUSTED = 8,
	GRPC_FAILED_PRECONDITION = 9,
	GRPC_ABORTED = 10,
	GRPC_OUT_OF_RANGE = 11,
	GRPC_UNIMPLEMENTED = 12,
	GRPC_INTERNAL = 13,
	GRPC_UNAVAILABLE = 14,
	GRPC_DATA_LOSS = 15,
	GRPC_UNAUTHENTICATED = 16,
	GRPC_STATUS_COUNT
};

/* What an HTTP answer that is no success says in gRPC's terms. */
enum grpc_status grpc_status_of_http(int http_status);

/* What the reset of a stream with this error code of HTTP/2 says ("Errors" of the gRPC over HTTP/2
 * document). */
enum grpc_status grpc_status_of_reset(uint32_t error_code);

/* The HTTP status that tells ${status}, which is not GRPC_OK, to a sender. */
int grpc_status_to_http(enum grpc_status status);

#endif
