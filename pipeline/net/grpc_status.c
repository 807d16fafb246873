/* SPDX-License-Identifier: Apache-2.0 */
/* A switch a direction. They are not each other's inverse: HTTP has fewer statuses. */
#include "pipeline/net/grpc_status.h"

#include <nghttp2/nghttp2.h>

enum grpc_status grpc_status_of_http(int http_status)
{
	switch (http_status) {
	case 400: return GRPC_INVALID_ARGUMENT;
	case 401: return GRPC_UNAUTHENTICATED;
	case 403: return GRPC_PERMISSION_DENIED;
	case 404: return GRPC_UNIMPLEMENTED;
	case 429: return GRPC_RESOURCE_EXHAUSTED;
	case 502:
	case 503:
	case 504: return GRPC_UNAVAILABLE;
	default: return GRPC_UNKNOWN;
	}
}

enum grpc_status grpc_status_of_reset(uint32_t error_code)
{
	switch ((nghttp2_error_code)error_code) {
	case NGHTTP2_REFUSED_STREAM: return GRPC_UNAVAILABLE;
	case NGHTTP2_CANCEL: return GRPC_CANCELLED;
	case NGHTTP2_ENHANCE_YOUR_CALM: return GRPC_RESOURCE_EXHAUSTED;
	case NGHTTP2_INADEQUATE_SECURITY: return GRPC_PERMISSION_DENIED;
	case NGHTTP2_NO_ERROR:
	case NGHTTP2_PROTOCOL_ERROR:
	case NGHTTP2_INTERNAL_ERROR:
	case NGHTTP2_FLOW_CONTROL_ERROR:
	case NGHTTP2_SETTINGS_TIMEOUT:
	case NGHTTP2_STREAM_CLOSED:
	case NGHTTP2_FRAME_SIZE_ERROR:
	case NGHTTP2_COMPRESSION_ERROR:
	case NGHTTP2_CONNECT_ERROR:
	case NGHTTP2_HTTP_1_1_REQUIRED: break;
	}
	return GRPC_INTERNAL;
}

int grpc_status_to_http(enum grpc_status status)
{
	switch (status) {
	case GRPC_CANCELLED:
	case GRPC_DEADLINE_EXCEEDED:
	case GRPC_ABORTED:
	case GRPC_OUT_OF_RANGE:
	case GRPC_UNAVAILABLE:
	case GRPC_DATA_LOSS: return 503;
	case GRPC_RESOURCE_EXHAUSTED: return 429;
	case GRPC_INVALID_ARGUMENT: return 400;
	case GRPC_UNAUTHENTICATED: return 401;
	case GRPC_PERMISSION_DENIED: return 403;
	case GRPC_UNIMPLEMENTED: return 404;
	case GRPC_OK:
	case GRPC_UNKNOWN:
	case GRPC_NOT_FOUND:
	case GRPC_ALREADY_EXISTS:
	case GRPC_FAILED_PRECONDITION:
	case GRPC_INTERNAL:
	case GRPC_STATUS_COUNT: break;
	}
	return 500;
}
