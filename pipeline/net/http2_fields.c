/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields in the order that gRPC asks for: pseudo-header fields, its own, then the call's
 * further ones.
 */
#include "pipeline/net/http2_fields.h"

#include "pipeline/base/clock.h"

#include <inttypes.h>
#include <stdio.h>

enum { GRPC_TIMEOUT_VALUE_END = 100000000 /* TimeoutValue has at most 8 digits */ };

static void add_field(struct http2_fields *fields, struct slice name, struct slice value)
{
	/* nghttp2 copies both */
	fields->at[fields->count++] = (nghttp2_nv){
		.name = (uint8_t *)(uintptr_t)name.ptr,
		.namelen = name.len,
		.value = (uint8_t *)(uintptr_t)value.ptr,
		.valuelen = value.len,
	};
}

/* "Timeout" of the gRPC over HTTP/2 document, in the smallest unit that has room for it. */
static void format_timeout(uint64_t deadline_ns, char *text, size_t size)
{
	static const struct {
		char name;
		uint64_t ns;
	} units[] = {{'n', 1},	      {'u', NS_PER_US},	    {'m', NS_PER_MS},
		     {'S', NS_PER_S}, {'M', 60 * NS_PER_S}, {'H', 3600 * NS_PER_S}};
	uint64_t now_ns = clock_monotonic_ns();
	uint64_t left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 1;
	for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
		uint64_t value = left_ns / units[i].ns;
		if (value < GRPC_TIMEOUT_VALUE_END || i + 1 == ARRAY_COUNT(units)) {
			(void)snprintf(text, size, "%" PRIu64 "%c", value, units[i].name);
			return;
		}
	}
}

static void add_further(struct http2_fields *fields, const struct client_call *call)
{
	for (size_t i = 0; i < call->header_count && i < HTTP2_FURTHER_FIELDS_MAX; i++) {
		if (client_header_is_sendable(&call->headers[i]))
			add_field(fields, call->headers[i].name, call->headers[i].value);
	}
}

void http2_fields_fill(struct http2_fields *fields, const struct exchange *exchange)
{
	const struct client *client = exchange->link->client;
	const struct client_call *call = exchange->call;
	bool is_grpc = exchange->response.is_grpc;
	fields->count = 0;
	add_field(fields, SLICE(":method"), SLICE("POST"));
	add_field(fields, SLICE(":scheme"), client->config.tls ? SLICE("https") : SLICE("http"));
	add_field(fields, SLICE(":path"), call->path);
	add_field(fields, SLICE(":authority"), client_authority(client, call));
	if (call->content_type)
		add_field(fields, SLICE("content-type"), slice_str(call->content_type));
	else if (is_grpc)
		add_field(fields, SLICE("content-type"), SLICE("application/grpc"));
	if (is_grpc)
		add_field(fields, SLICE("te"), SLICE("trailers"));
	if (call->content_encoding)
		add_field(fields, is_grpc ? SLICE("grpc-encoding") : SLICE("content-encoding"),
			  slice_str(call->content_encoding));
	if (is_grpc && call->deadline_ns != UINT64_MAX) {
		format_timeout(call->deadline_ns, fields->timeout, sizeof(fields->timeout));
		add_field(fields, SLICE("grpc-timeout"), slice_str(fields->timeout));
	}
	if (!is_grpc) {
		(void)snprintf(fields->length, sizeof(fields->length), "%zu", exchange->body_left);
		add_field(fields, SLICE("content-length"), slice_str(fields->length));
	}
	add_further(fields, call);
}
