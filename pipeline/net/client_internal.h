/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by client.c (calls, deadlines), client_link.c (connections) and the two protocols.
 *
 * A call waits in client.waiting until a link (one connection) has room; then it has an exchange
 * there. Every way out of a call is call_finish. All work that a call of the public interface
 * causes is done in the client's turn, at the end of the loop's turn: so done is never called from
 * inside client_send, and requests of one turn share one write.
 */
#ifndef SLUICE_NET_CLIENT_INTERNAL_H
#define SLUICE_NET_CLIENT_INTERNAL_H

#include "pipeline/net/client_response.h"
#include "pipeline/net/conn.h"
#include "pipeline/net/connector.h"

/* client_call.state: where the call is, and whether it was tried on a dead connection before. */
enum call_state { CALL_IDLE = 0, CALL_WAITING, CALL_ACTIVE, CALL_PLACE_MASK = 3, CALL_RETRIED = 4 };

struct call_list {
	struct client_call *first, *last;
	uint32_t count;
};

struct link;

/* One call on one connection, from its first byte to its last. */
struct exchange {
	struct client_call *call;
	struct link *link;
	struct response response;
	uint8_t prefix[GRPC_PREFIX_BYTES]; /* gRPC: before the body */
	size_t prefix_len;
	size_t body_left;    /* prefix and body bytes not yet written */
	size_t part, offset; /* the next body byte */
	struct err err;	     /* why the answer cannot be taken; kind ERR_NONE: it can */
	bool touched;	     /* a byte of the answer has come */
	/* HTTP/2 */
	int32_t stream_id;
	bool ended;	     /* END_STREAM was seen */
	bool finished;	     /* on the session's list of streams that are over */
	uint32_t error_code; /* of RST_STREAM, when not ended */
	struct exchange *next_finished;
};

/* What a protocol does for a link. A session is made when the connection opens and lives until it
 * is closed; no function here may free it or the link. */
struct protocol {
	void *(*open)(struct link *link); /* NULL: no memory */
	void (*close)(void *session);
	uint32_t (*room)(void *session); /* how many more calls it can take now */
	int (*start)(void *session, struct exchange *exchange, struct err *err);
	void (*cancel)(void *session, struct exchange *exchange); /* forgets the exchange */
	void (*data)(void *session, struct slice bytes);
	void (*end)(void *session);   /* the peer's orderly end */
	void (*flush)(void *session); /* writes what is due; on_writable */
	void (*tick)(void *session, uint64_t now_ns);
};

extern const struct protocol http1_client_protocol, http2_client_protocol;

enum link_state {
	LINK_CONNECTING = 0, /* DNS, TCP, proxy */
	LINK_OPENING,	     /* TLS */
	LINK_OPEN,
	LINK_DRAINING, /* no further calls; closed with its last one */
	LINK_CLOSING,  /* waits for on_close */
};

struct link {
	struct client *client;
	struct link *next, *previous;
	enum link_state state;
	struct connector *connector;
	struct conn *conn;
	const struct protocol *protocol;
	void *session;
	struct call_list active;
	uint64_t served; /* calls answered */
	uint64_t idle_since_ns;
	uint64_t ticked_ns; /* when link_tick last ran */
	bool flush_due;	    /* calls were started in this turn */
	bool has_read;	    /* the first bytes were looked at */
};

struct client {
	struct loop *loop;
	struct client_config config; /* its texts are ours */
	struct proxy proxy;
	char *target; /* "host:port" for texts */
	struct call_list waiting;
	struct link *links;
	bool multiplexes; /* HTTP/2, by mode or by the last ALPN */
	bool closing;	  /* client_free was called */
	bool turn_due;
	struct loop_task turn;
	uv_timer_t timer;
	uint64_t timer_ns; /* when it fires; UINT64_MAX: not set */
	uint32_t refs;	   /* timer, links, pending turn */
};

void call_list_append(struct call_list *list, struct client_call *call);
void call_list_remove(struct call_list *list, struct client_call *call);

/* Ends a call: out of every list, done. The exchange, if any, is freed; its protocol must have
 * forgotten it. */
void call_finish(struct client_call *call, struct client_result *result);
void call_fail(struct client_call *call, enum client_outcome outcome, const struct err *err);

/* An exchange of ${call} on ${link}, with the gRPC prefix made. NULL with ${err}. */
MUST_CHECK struct exchange *exchange_new(struct link *link, struct client_call *call,
					 struct err *err);
void exchange_free(struct exchange *exchange);

/* Ends the call of ${exchange} with the answer it holds. */
void exchange_answer(struct exchange *exchange);

/* Writes the next ${len} bytes of prefix and body to the connection, without a copy. */
void exchange_write(struct exchange *exchange, size_t len);

/* A call of a kept connection that turned out dead goes back to the head of the queue, once. */
bool call_retry(struct client_call *call);

/* Runs the client's turn at the end of this loop turn. */
void client_turn_later(struct client *client);
/* Wakes the client at ${when_ns} at the latest. */
void client_wake_at(struct client *client, uint64_t when_ns);
void client_unref(struct client *client);

/* A link did not come up: ends the calls that waited for it. Their owners may free the client, so
 * the caller holds a reference. */
void client_connect_failed(struct client *client, enum client_outcome outcome,
			   const struct err *err);

/* Opens a further connection. -1 with ${err}. */
MUST_CHECK int link_open(struct client *client, struct err *err);
uint32_t link_room(const struct link *link);
void link_start(struct link *link, struct client_call *call);
/* A call of the link has ended: keep it, or close it when it drains. */
void link_settle(struct link *link);
/* No further calls on this link; it is closed when the last one has ended. */
void link_drain(struct link *link);
/* Ends all calls on the link and the connection. */
void link_fail(struct link *link, enum client_outcome outcome, const struct err *err);
/* Closes a link without calls: it is idle, or the client goes. */
void link_close(struct link *link);
/* Cuts the connection; its calls are the caller's business. */
void link_abort(struct link *link);
void link_tick(struct link *link, uint64_t now_ns);

/* The value of Host and :authority: a further header "host" wins over the configuration. */
struct slice client_authority(const struct client *client, const struct client_call *call);

/* False for a further header that describes the connection or the framing (ours to say), and for
 * one that would break the message (RFC 9110 §5.5). */
bool client_header_is_sendable(const struct client_header *header);

/* RFC 9110 §5.6.2 token bytes and §5.5 field value bytes. */
bool client_value_is_valid(struct slice value);

#endif
