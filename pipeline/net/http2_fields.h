/* SPDX-License-Identifier: Apache-2.0 */
/* The header fields of a request over HTTP/2: plain HTTP's or gRPC's. */
#ifndef SLUICE_NET_HTTP2_FIELDS_H
#define SLUICE_NET_HTTP2_FIELDS_H

#include "pipeline/net/client_internal.h"

#include <nghttp2/nghttp2.h>

enum { HTTP2_FURTHER_FIELDS_MAX = 64, HTTP2_FIELDS_MAX = HTTP2_FURTHER_FIELDS_MAX + 12 };

/* Points into the call, the client's configuration and itself; nghttp2 copies what it points to. */
struct http2_fields {
	nghttp2_nv at[HTTP2_FIELDS_MAX];
	size_t count;
	char timeout[32], length[32];
};

/* Fills ${fields} for ${exchange}, nothing of which has been sent. Of the call's further headers
 * the first HTTP2_FURTHER_FIELDS_MAX are sent. */
void http2_fields_fill(struct http2_fields *fields, const struct exchange *exchange);

#endif
