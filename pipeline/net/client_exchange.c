/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call on one connection: its body, cut from the caller's chunks as the protocol has room, and
 * the answer that comes back. And the rules for header fields that both protocols share.
 */
#include "pipeline/base/ascii.h"
#include "pipeline/base/assert.h"
#include "pipeline/net/client_internal.h"

#include <stdlib.h>

enum { HTTP_PROXY_AUTHENTICATION_REQUIRED = 407 };

static const struct slice own_fields[] = {
	SLICE_INIT("connection"),	 SLICE_INIT("content-length"),	 SLICE_INIT("host"),
	SLICE_INIT("keep-alive"),	 SLICE_INIT("proxy-connection"), SLICE_INIT("te"),
	SLICE_INIT("transfer-encoding"), SLICE_INIT("upgrade"),
};

static size_t body_bytes(const struct client_call *call)
{
	size_t total = 0;
	for (size_t i = 0; i < call->part_count; i++)
		total += call->parts[i]->len;
	return total;
}

static bool is_coded(const struct client_call *call)
{
	return call->content_encoding && strcmp(call->content_encoding, "identity") != 0;
}

static bool path_is_valid(struct slice path)
{
	for (size_t i = 0; i < path.len; i++) {
		if (path.ptr[i] <= ' ' || path.ptr[i] >= 0x7f)
			return false;
	}
	return path.len > 0 && path.ptr[0] == '/';
}

struct exchange *exchange_new(struct link *link, struct client_call *call, struct err *err)
{
	bool is_grpc = link->client->config.mode == CLIENT_GRPC;
	size_t total = body_bytes(call);
	if (is_grpc && total > UINT32_MAX) {
		(void)err_set(err, ERR_LIMIT, "a gRPC message is at most 4 GiB");
		return NULL;
	}
	if (!path_is_valid(call->path)) {
		(void)err_set(err, ERR_CONFIG, "invalid request path");
		return NULL;
	}
	struct exchange *exchange = calloc(1, sizeof(*exchange));
	if (!exchange) {
		(void)err_set(err, ERR_NOMEM, "no memory for a call");
		return NULL;
	}
	exchange->call = call;
	exchange->link = link;
	response_init(&exchange->response, is_grpc, link->client->config.budget);
	if (is_grpc) {
		exchange->prefix[0] = is_coded(call);
		exchange->prefix[1] = (uint8_t)(total >> 24);
		exchange->prefix[2] = (uint8_t)(total >> 16);
		exchange->prefix[3] = (uint8_t)(total >> 8);
		exchange->prefix[4] = (uint8_t)total;
		exchange->prefix_len = GRPC_PREFIX_BYTES;
	}
	exchange->body_left = exchange->prefix_len + total;
	return exchange;
}

void exchange_free(struct exchange *exchange)
{
	response_fini(&exchange->response);
	free(exchange);
}

/* The proxy's own word (RFC 9110 §15.5.8): the backend has not seen the request. */
static void refuse_proxy(const struct client *client, struct client_result *result)
{
	*result = (struct client_result){.outcome = CLIENT_CONNECT_FAILED};
	(void)err_set(&result->err, ERR_PEER,
		      "connect to %s through proxy %s:%u: the proxy answered %d (authentication "
		      "required)",
		      client->target, client->proxy.host, client->proxy.port,
		      HTTP_PROXY_AUTHENTICATION_REQUIRED);
}

void exchange_answer(struct exchange *exchange)
{
	struct client_result result = {0};
	const struct client *client = exchange->link->client;
	exchange->link->served++;
	if (response_finish(&exchange->response, &result, &result.err) < 0)
		result = (struct client_result){.outcome = CLIENT_BROKEN, .err = result.err};
	else if (client->proxy.forwards && result.http_status == HTTP_PROXY_AUTHENTICATION_REQUIRED)
		refuse_proxy(client, &result);
	call_finish(exchange->call, &result);
}

void exchange_write(struct exchange *exchange, size_t len)
{
	struct conn *conn = exchange->link->conn;
	const struct client_call *call = exchange->call;
	ASSERT(len <= exchange->body_left);
	exchange->body_left -= len;
	if (exchange->prefix_len > 0 && len > 0) {
		size_t take = len < exchange->prefix_len ? len : exchange->prefix_len;
		conn_write(conn,
			   slice_of(exchange->prefix + GRPC_PREFIX_BYTES - exchange->prefix_len,
				    take));
		exchange->prefix_len -= take;
		len -= take;
	}
	while (len > 0) {
		struct chunk *part = call->parts[exchange->part];
		size_t left = part->len - exchange->offset, take = len < left ? len : left;
		conn_write_chunk(conn, part, exchange->offset, take);
		exchange->offset += take;
		len -= take;
		if (exchange->offset == part->len) {
			exchange->part++;
			exchange->offset = 0;
		}
	}
}

struct slice client_authority(const struct client *client, const struct client_call *call)
{
	for (size_t i = 0; i < call->header_count; i++) {
		if (slice_equal(call->headers[i].name, SLICE("host")) &&
		    client_value_is_valid(call->headers[i].value))
			return call->headers[i].value;
	}
	return slice_str(client->config.authority);
}

bool client_value_is_valid(struct slice value)
{
	for (size_t i = 0; i < value.len; i++) {
		if ((value.ptr[i] < ' ' && value.ptr[i] != '\t') || value.ptr[i] == 0x7f)
			return false;
	}
	return true;
}

bool client_header_is_sendable(const struct client_header *header)
{
	for (size_t i = 0; i < ARRAY_COUNT(own_fields); i++) {
		if (slice_equal_nocase(header->name, own_fields[i]))
			return false;
	}
	return ascii_is_token(header->name) && client_value_is_valid(header->value);
}
