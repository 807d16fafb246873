/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server side: listeners, HTTP/1.1 (llhttp), HTTP/2 (nghttp2) and gRPC framing, as one stream
 * of whole requests. Every listener understands all three: the first bytes of a connection (or
 * ALPN) choose HTTP/2 or HTTP/1.1, and the content type chooses gRPC. Trailers and answers are the
 * server's business; a handler sees a decoded body and gives a status.
 *
 * Threads: listeners accept on one loop (`accept_loop`) and hand the connection to the shard with
 * the fewest; from there a connection and its requests belong to that shard's loop. Handlers run on
 * the shard's thread.
 *
 * What a peer makes us hold beside its bodies (streams, header tables and fields, answers it does not
 * read, TLS) is charged to an account of its connection, which may hold a share of what is free
 * (base/account.h).
 *
 * Every limit below has a counter in struct server_counters and a test that hits it.
 */
#ifndef SLUICE_NET_SERVER_H
#define SLUICE_NET_SERVER_H

#include "pipeline/base/chunk.h"
#include "pipeline/base/error.h"
#include "pipeline/base/log.h"
#include "pipeline/base/metrics.h"
#include "pipeline/net/authenticator.h"
#include "pipeline/net/coding.h"
#include "pipeline/net/loop.h"
#include "pipeline/net/tls.h"

struct server;

/* What a shard lends to the servers that run on it. */
struct server_shard {
	struct loop *loop;
	struct coder *coder;
	struct budget *budget;
	void *handler_state;	      /* the handler's own per-shard state, see server_config */
	_Atomic uint32_t connections; /* open now, over all listeners: for the choice of shard */
};

struct server_limits {
	uint32_t connections_max;	/* per listener; for one more the connection goes that was
					 * quiet for longest */
	uint32_t streams_max;		/* concurrent HTTP/2 streams per connection */
	uint32_t header_bytes_max;	/* request line + header fields, decoded */
	uint64_t header_timeout_ns;	/* first byte of a request, or a connection's beginning, to
					 * the end of the header */
	uint64_t body_timeout_ns;	/* end of header to end of body */
	uint64_t write_timeout_ns;	/* for an answer to be taken by the peer; 0: none */
	uint64_t idle_timeout_ns;	/* a kept-alive connection without a request; 0: none */
	uint64_t max_connection_age_ns; /* 0: none; then GOAWAY, or close with the next answer */
	uint64_t max_connection_age_grace_ns; /* 0: none */
	size_t http_body_bytes_max;	      /* on the wire and decoded */
	size_t grpc_message_bytes_max;	      /* decoded; on the wire too */
	size_t window_bytes_initial;	      /* HTTP/2 flow control per stream: 256 KiB */
	uint32_t resets_per_second_max;	      /* RST_STREAM by the peer (rapid reset) */
};

/* Defaults as the design fixes them: 10,000 connections, 1,024 streams, 64 KiB header, 30 s header,
 * 60 s body, 30 s write, 10 min idle, HTTP body 20 MiB, gRPC message 4 MiB, window 256 KiB, 1,000
 * resets/s. */
struct server_limits server_limits_default(void);

/* For probes and scrapes: 32 connections, 8 streams, 8 KiB header, 10 s header, body and write, 64 KiB
 * body. */
struct server_limits server_limits_probe(void);

struct server_counters {
	struct counter connections, connections_open;
	struct counter connections_over_limit; /* closed because none was quiet */
	struct counter connections_evicted;    /* quiet ones that made room */
	struct counter connections_idle;       /* ended by idle_timeout_ns */
	struct counter write_timeout;	       /* answers that the peer did not take */
	struct counter requests, requests_http1, requests_http2, requests_grpc;
	struct counter header_too_large, header_timeout, body_timeout, body_too_large;
	struct counter decoded_too_large, coding_unknown, coding_malformed, protocol_errors;
	struct counter unauthenticated, auth_busy;
	struct counter streams_refused, resets, reset_floods, cancelled, budget_refusals;
	struct counter tls_handshake_failures;
	struct counter tls_on_plain_port; /* connections that began with a TLS hello */
};

enum server_protocol { SERVER_HTTP1 = 0, SERVER_HTTP2 };

/* One request. Public members are set when the header is complete and immutable then. Slices point
 * into the request and live as long as it does: until the answer is given or on_cancel returns. */
struct server_request {
	enum server_protocol protocol;
	bool is_grpc; /* content type application/grpc[+proto] on HTTP/2 */
	bool is_head;
	struct slice method, path; /* path without the query */
	struct slice content_type; /* media type only: lower-case, parameters cut */
	struct chunk *body;	   /* decoded; set for on_request; NULL or empty when there is none.
				    * The handler may take it over by leaving NULL */
	/* Refused for its coding: the answer lists what we decode. gRPC's does of itself; HTTP's has
	 * a header accept-encoding, CODING_HTTP_NAMES (RFC 9110 §12.5.3). */
	bool unknown_coding;
	/* Refused by the authenticator: HTTP's answer has it as header www-authenticate; else NULL. */
	const char *challenge;
	uint64_t deadline_ns; /* clock_monotonic_ns, from grpc-timeout; 0: none */
	struct server_shard *shard;
	struct server *server;
	void *user; /* the handler's */
};

/* Why the server itself refuses a request whose header was complete. */
enum server_refusal {
	REFUSED_BODY_TOO_LARGE = 0, /* on the wire: HTTP 413, gRPC RESOURCE_EXHAUSTED */
	REFUSED_DECODED_TOO_LARGE,
	REFUSED_CODING_UNKNOWN,	  /* HTTP 415, gRPC UNIMPLEMENTED; see unknown_coding */
	REFUSED_CODING_MALFORMED, /* HTTP 400, gRPC INTERNAL */
	REFUSED_BODY_TIMEOUT,	  /* HTTP 408, gRPC DEADLINE_EXCEEDED */
	REFUSED_MEMORY, /* the memory limit was reached: HTTP 503 + Retry-After, gRPC UNAVAILABLE */
	REFUSED_GRPC_FRAMING,	 /* bad frame, not exactly one message: gRPC INTERNAL */
	REFUSED_UNAUTHENTICATED, /* HTTP 401, gRPC UNAUTHENTICATED; see challenge */
	REFUSED_AUTH_BUSY,	 /* HTTP 503 + Retry-After, gRPC UNAVAILABLE */
	REFUSED_COUNT
};

struct server_header {
	const char *name; /* lower-case */
	struct slice value;
};

struct server_handler {
	/* The header is complete. True: collect the body and call on_request. False: the handler
	 * has answered already (404, 405, 415 …). */
	bool (*on_header)(void *arg, struct server_request *request);
	/* The whole body is there, decoded. Exactly one answer must follow, now or later. */
	void (*on_request)(void *arg, struct server_request *request);
	/* The server refuses; the handler must answer now, with server_respond_grpc/…_http and a
	 * body of its choice. ${message} is text for the peer, in the words of grpc-go / the
	 * Collector where they have some. */
	void (*on_refused)(void *arg, struct server_request *request, enum server_refusal why,
			   int http_status, int grpc_status, const char *message);
	/* The peer went away or reset the stream while an answer was due (after on_request). The
	 * request dies when this returns; no answer may be given. */
	void (*on_cancel)(void *arg, struct server_request *request);
	/* Whether a request needs no credentials, by its header: a browser's preflight. NULL: all do. */
	bool (*is_public)(void *arg, const struct server_request *request);
};

/* For handlers that answer each request at once, with text: their on_refused and on_cancel. */
void server_refuse_as_text(void *arg, struct server_request *request, enum server_refusal why,
			   int http_status, int grpc_status, const char *message);
void server_no_cancel(void *arg, struct server_request *request);

struct server_config {
	const char *endpoint;	 /* "0.0.0.0:4317", "localhost:4318", ":4317", "[::]:0" */
	const char *transport;	 /* "tcp", "tcp4", "tcp6", "unix" */
	const char *label;	 /* for logs: "GRPC" or "HTTP" */
	struct tls_context *tls; /* NULL: plain; borrowed */
	struct budget *budget;	 /* NULL: the shard's; outlives the loops */
	struct server_limits limits;
	const struct server_authenticator *authenticator; /* NULL: everybody is let in; borrowed */
	const struct server_handler *handler;
	void *handler_arg;
	bool keep_alives;
};

/* Binds and listens (not yet accepting): `localhost` binds every address it resolves to, an
 * unspecified IPv4 address listens dual-stack as Go does. NULL with ERR_IO; a port in use says so
 * and names the holder (pid and program from /proc) when it can be seen. */
MUST_CHECK struct server *server_new(const struct server_config *config, const struct log *log,
				     struct err *err);

/* The port that was bound (for port 0), 0 for unix sockets. */
uint16_t server_port(const struct server *server);

const struct server_counters *server_get_counters(const struct server *server);

/* Registers the server's counters under ${owner}="${id}",listener="${listener}". Before the loops
 * run. False when memory is short. */
bool server_register(const struct server *server, struct metrics *metrics, const char *owner,
		     const char *id, const char *listener);

/* Starts accepting on ${accept_loop}; connections go to ${shards}. */
MUST_CHECK int server_start(struct server *server, struct loop *accept_loop,
			    struct server_shard *shards, size_t shard_count, struct err *err);

/* On the accept loop's thread: stops accepting, sends GOAWAY / Connection: close, lets requests in
 * flight finish, and calls ${drained} there once no connection is left. server_abort cuts them. */
void server_drain(struct server *server, void (*drained)(void *arg), void *arg);
void server_abort(struct server *server);
/* After the loops have stopped; a drain that was begun must have ended. Connections that are still
 * open end with their loops, so then it has to be before loop_fini. */
void server_free(struct server *server);

/* A further header field of the request, "" when absent. ${name} is lower-case. */
struct slice server_request_header(const struct server_request *request, const char *name);

/* Answers. The request is gone when they return. Bodies are copied. */
void server_respond_http(struct server_request *request, int status,
			 const struct server_header *headers, size_t header_count,
			 struct slice body);

/* A unary gRPC answer: ${status} 0 with ${message_bytes} (may be empty), or an error with
 * ${message} (percent-encoded as the gRPC spec says) and ${details} (a serialised
 * google.rpc.Status for grpc-status-details-bin, may be empty). */
void server_respond_grpc(struct server_request *request, int status, const char *message,
			 struct slice details, struct slice message_bytes);

/* An error that is worth a repeat, as above, with ${retry_info} besides: a serialised
 * google.rpc.RetryInfo as google.rpc.retryinfo-bin, where OpenTelemetry's Python exporter reads it. */
void server_respond_grpc_retry(struct server_request *request, int status, const char *message,
			       struct slice details, struct slice retry_info);

#endif
