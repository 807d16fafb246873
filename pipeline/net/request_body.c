/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request's body as it arrives: limits before and after decompression, and whether there is room.
 *
 * Body and decoded body are charged to the budget behind the connection's account. Bytes are copied
 * once, from the read buffer into the body's chunk, which grows as bytes arrive. A declared length
 * alone reserves nothing: it lets the chunk grow to four times what has arrived instead of twice,
 * and stops it at the end, so that a body is moved little and needs no trimming. The bodies of a
 * connection that are not complete share a part of what is free: a peer that ends none of them
 * cannot take all.
 */
#include "pipeline/base/assert.h"
#include "pipeline/net/server_internal.h"

#include <stdio.h>

enum {
	BODY_GROWTH_FACTOR = 4,
	BODY_AHEAD_BYTES_MAX = 1 << 20,
	RECEIVING_SHARE = 4, /* incomplete bodies: one part in so many of what is free */
};

/* The body is complete, or nobody waits for it any more. */
void request_end_receiving(struct request *request)
{
	ASSERT(request->receiving_bytes <= request->sc->receiving_bytes);
	request->sc->receiving_bytes -= request->receiving_bytes;
	request->receiving_bytes = 0;
}

void request_drop_body(struct request *request)
{
	chunk_unref(request->base.body);
	request->base.body = NULL;
}

/* The body's length on the wire as the peer has declared it; 0 when it has not. */
static uint64_t declared_bytes(const struct request *request)
{
	if (request->base.is_grpc)
		return request->message_bytes;
	return request->content_length == UINT64_MAX ? 0 : request->content_length;
}

/* What to make room for when ${have} bytes are, or are about to be, there: the declared whole, but
 * neither BODY_GROWTH_FACTOR times what has really come nor much more than that. */
static size_t body_room(const struct request *request, size_t have)
{
	size_t room = have * (BODY_GROWTH_FACTOR - 1) < BODY_AHEAD_BYTES_MAX
			      ? have * BODY_GROWTH_FACTOR
			      : have + BODY_AHEAD_BYTES_MAX;
	uint64_t declared = declared_bytes(request);
	return declared < room ? (size_t)declared : room;
}

static bool append(struct request *request, struct slice bytes)
{
	struct chunk *body = request->base.body;
	size_t have = (body ? body->len : 0) + bytes.len;
	size_t room = have < declared_bytes(request) ? body_room(request, have) : have;
	if (!body)
		request->base.body = body = chunk_new(request->sc->account.budget, room);
	else if (have > body->capacity && have < room && !chunk_grow_to(body, room))
		return false;
	return body && chunk_append(body, bytes);
}

/* Bodies that do not end may take a share of what is free, but one of any size is always heard. */
static bool may_receive(struct request *request, size_t bytes)
{
	struct server_conn *sc = request->sc;
	const struct server_limits *limits = server_conn_limits(sc);
	const struct budget *budget = sc->account.budget;
	uint64_t limit = atomic_load_explicit(&budget->limit, memory_order_relaxed);
	uint64_t used = budget_used(budget), after = sc->receiving_bytes + bytes;
	uint64_t share = used < limit ? (limit - used) / RECEIVING_SHARE : 0;
	if (after > share && after > limits->http_body_bytes_max &&
	    after > limits->grpc_message_bytes_max)
		return false;
	sc->receiving_bytes += bytes;
	request->receiving_bytes += bytes;
	return true;
}

void request_body(struct request *request, struct slice bytes)
{
	if (request->state != REQUEST_BODY)
		return;
	if (request->base.is_grpc) {
		if (!grpc_take_prefix(request, &bytes))
			return;
	} else if (bytes.len >
		   server_conn_limits(request->sc)->http_body_bytes_max - request->body_bytes) {
		request_refuse(request, REFUSED_BODY_TOO_LARGE, NULL);
		return;
	}
	request->body_bytes += bytes.len;
	if (bytes.len > 0 && (!may_receive(request, bytes.len) || !append(request, bytes)))
		request_refuse(request, REFUSED_MEMORY, NULL);
}

/* Replaces the body by its decoded form. False when the request was refused. */
static bool decode_body(struct request *request)
{
	const struct server_limits *limits = server_conn_limits(request->sc);
	struct server_request *base = &request->base;
	size_t max = base->is_grpc ? limits->grpc_message_bytes_max : limits->http_body_bytes_max;
	struct slice coded = base->body ? chunk_slice(base->body) : slice_of(NULL, 0);
	struct err err;
	struct chunk *decoded = coder_decode(base->shard->coder, request->coding, coded, max,
					     request->sc->account.budget, &err);
	if (decoded) {
		request_drop_body(request);
		base->body = decoded;
		return true;
	}
	char message[128];
	(void)snprintf(message, sizeof(message),
		       "grpc: received message after decompression larger than max (%zu vs. %zu)",
		       max + 1, max);
	if (err.kind == ERR_LIMIT)
		request_refuse(request, REFUSED_DECODED_TOO_LARGE, base->is_grpc ? message : NULL);
	else if (err.kind == ERR_NOMEM)
		request_refuse(request, REFUSED_MEMORY, NULL);
	else
		request_refuse(request, REFUSED_CODING_MALFORMED,
			       base->is_grpc ? "grpc: failed to decompress the received message"
					     : NULL);
	return false;
}

void request_deliver(struct request *request)
{
	const struct server_config *config = &request->sc->worker->server->config;
	bool was_in_handler = request->in_handler;
	if (request->base.is_grpc && !grpc_check_end(request))
		return;
	if (request->coding != CODING_IDENTITY && !decode_body(request))
		return;
	if (request->state == REQUEST_BODY)
		request_enter(request, REQUEST_DUE);
	request->in_handler = true;
	config->handler->on_request(config->handler_arg, &request->base);
	request->in_handler = was_in_handler;
}

void request_body_done(struct request *request)
{
	request->body_complete = true;
	if (request->state != REQUEST_BODY)
		return;
	request_wait(request, NULL);
	request_end_receiving(request);
	if (!request->auth_pending) {
		request_deliver(request);
		return;
	}
	request->body_deferred = true;
	request_enter(request, REQUEST_DUE);
}
