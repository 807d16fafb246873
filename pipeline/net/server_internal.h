/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the parts of the server see each other:
 *
 *   server.c         a server: sockets, hand-over to shards, drain, abort
 *   server_worker.c  its part on a shard: connections, time, giving one up
 *   listener.c       binding an endpoint; port_holder.c names who holds a port
 *   server_conn.c    one connection: which protocol, time limits
 *   http1_server.c, http2_server.c   the protocols: bytes to requests, answers to bytes
 *   http1_parser.c   what llhttp finds in the bytes
 *   http2_answer.c   answers over HTTP/2
 *   request.c        one request: answer, refusals, hand-over to the handler
 *   request_header.c its header
 *   request_body.c   its body: limits, growth, decoding
 *   request_auth.c   whether it is let in
 *   grpc_server.c    what gRPC adds: prefix of a message, time-out, status
 *
 * A request is made and freed by its protocol. `state` says how far it is; every function here that
 * calls the handler may leave it REQUEST_ANSWERED.
 */
#ifndef SLUICE_NET_SERVER_INTERNAL_H
#define SLUICE_NET_SERVER_INTERNAL_H

#include "pipeline/base/clock.h"
#include "pipeline/net/conn.h"
#include "pipeline/net/server.h"

#include <llhttp/llhttp.h>
#include <nghttp2/nghttp2.h>

enum {
	SERVER_LINGER_MS = 1000,	      /* for the peer to read our last answer */
	SERVER_OUTPUT_BYTES_HIGH = 64 * 1024, /* of answers that wait for the peer to read */
	REQUEST_TEXT_BYTES = 1024,  /* header text inside the request; more is allocated */
	REQUEST_ANSWER_BYTES = 128, /* the same for an answer's body */
	REQUEST_DISCARD_BYTES_MAX = 256 * 1024, /* rest of a refused body that is read to keep the
						   connection */
	HTTP2_PREFACE_BYTES = 24,
	GRPC_PREFIX_BYTES = 5,
};

struct server_conn;
struct worker;

/* ---- requests (request.c) -------------------------------------------------------------------- */

enum request_state { REQUEST_HEADER = 0, REQUEST_BODY, REQUEST_DUE, REQUEST_ANSWERED };

struct request {
	struct server_request base; /* what the handler sees */
	struct server_conn *sc;
	struct request *next, *previous; /* all of the connection */
	struct request_list *list; /* where it waits: for its body, for its answer to be taken */
	struct request *list_next, *list_previous;
	uint64_t list_since_ns;
	enum request_state state;
	int32_t stream_id; /* HTTP/2 */

	/* Header text: records of two uint32_t lengths, name, value; ":path" is one of them. */
	uint8_t *text;
	size_t text_len, text_capacity;
	size_t record_start; /* of the record being written */
	size_t header_bytes; /* as counted against header_bytes_max */

	enum coding coding;	 /* of the body, or of gRPC messages */
	uint64_t content_length; /* UINT64_MAX: not declared */
	size_t body_bytes;	 /* arrived on the wire */
	size_t receiving_bytes;	 /* of them counted in the connection's */
	uint32_t message_bytes;	 /* gRPC: as the prefix says */
	uint8_t prefix[GRPC_PREFIX_BYTES];
	uint8_t prefix_len;

	struct auth_check auth;
	bool auth_pending;  /* the authenticator has not answered yet */
	bool body_deferred; /* the body was complete before that */

	bool header_too_large; /* what is over the limit is not kept; answered with 431 */
	bool body_complete;    /* the peer has sent all of the request */
	bool is_http10;
	bool in_handler; /* the protocol must not free it now */

	/* The answer's body while it is sent (HTTP/2). */
	uint8_t *answer;
	size_t answer_len, answer_sent;
	bool answer_has_trailers;

	uint8_t text_inline[REQUEST_TEXT_BYTES];
	uint8_t answer_inline[REQUEST_ANSWER_BYTES];
};

/* Oldest first: all wait equally long. */
struct request_list {
	struct request *first, *last;
};

/* The next state: of those that may follow. */
void request_enter(struct request *request, enum request_state state);

/* Puts it at the end of ${list}, taking it from where it waited; NULL only takes it away. */
void request_wait(struct request *request, struct request_list *list);

/* NULL when the account or the allocator refuses (counted). */
MUST_CHECK struct request *request_new(struct server_conn *sc, enum server_protocol protocol);

/* Takes it from its lists and frees it. A request whose answer is due is cancelled first. */
void request_free(struct request *request);

/* Header fields, in pieces: begin, name bytes, value bytes, end. Pieces over the limit are counted
 * and thrown away. False when memory is short. Names are made lower-case. */
MUST_CHECK bool request_field_begin(struct request *request);
MUST_CHECK bool request_field_text(struct request *request, struct slice bytes);
void request_field_end(struct request *request, size_t name_len);
MUST_CHECK bool request_add_field(struct request *request, struct slice name, struct slice value);

/* The number of bytes in the record that was begun. */
size_t request_field_len(const struct request *request);

/* The header is complete; base.method is set already. Calls the handler. */
void request_header_done(struct request *request);

/* The body is complete, or nobody waits for it any more. */
void request_end_receiving(struct request *request);
void request_drop_body(struct request *request);

/* Bytes of the body as they arrive, then its end. Ignored once the request was answered. */
void request_body(struct request *request, struct slice bytes);
void request_body_done(struct request *request);

/* Lets the handler answer for the server. ${message} NULL: the usual text. */
void request_refuse(struct request *request, enum server_refusal why, const char *message);

/* Asks the authenticator. False: not now; it was refused, or is admitted or refused later.
 * (request_auth.c) */
MUST_CHECK bool request_authenticate(struct request *request);

/* Nobody waits for its verdict any more. */
void request_stop_authenticating(struct request *request);

/* Shows the request to the handler, and its body if that is complete. */
void request_admit(struct request *request);

/* The body is complete and may be looked at: gives it to the handler. (request_body.c) */
void request_deliver(struct request *request);

/* Gives the answer to the protocol; a second answer is ignored. */
struct answer;
void request_answer(struct request *request, const struct answer *answer);

/* Answers without asking the handler: a status and a line of text. */
void request_answer_plain(struct request *request, int status, const char *text);

/* ---- gRPC (grpc_server.c) -------------------------------------------------------------------- */

bool grpc_is_content_type(struct slice media_type);

/* Method and time-out of a gRPC request. False when it has answered. */
MUST_CHECK bool grpc_header_done(struct request *request);

/* Its grpc-encoding; one we do not know is refused. */
void grpc_check_encoding(struct request *request);

/* Takes what belongs to the prefix from ${bytes}. False when the request was refused. */
MUST_CHECK bool grpc_take_prefix(struct request *request, struct slice *bytes);

/* True when the body was exactly one message; otherwise it was refused. */
MUST_CHECK bool grpc_check_end(struct request *request);

/* ---- protocols ------------------------------------------------------------------------------ */

/* An answer in terms of HTTP. */
struct answer {
	int status;
	const struct server_header *headers;
	size_t header_count;
	struct slice prefix, body; /* the body is both; gRPC puts its five bytes before */
	bool grpc_trailers;	   /* "grpc-status: 0" after the body */
	bool date;		   /* add a Date field */
};

struct protocol {
	bool (*start)(struct server_conn *sc); /* false: no memory */
	void (*data)(struct server_conn *sc, struct slice bytes);
	void (*writable)(struct server_conn *sc);
	void (*answer)(struct request *request, const struct answer *answer);
	void (*header_timeout)(struct server_conn *sc);
	/* The handler has returned from a call that no byte of the peer has caused, perhaps with an
	 * answer: what was put off until then. May free the request. NULL: nothing is. */
	void (*settle)(struct request *request);
	/* Gives up an answer that the peer does not take. HTTP/1.1 has none that waits alone. */
	void (*cut)(struct request *request);
	/* Ends a quiet connection at once, with a word to the peer if there is one. */
	void (*evict)(struct server_conn *sc);
	/* No further requests; closes the connection when those in flight are answered. */
	void (*drain)(struct server_conn *sc);
	/* The age of the connection is over: asks the peer to end it. NULL where only an answer can. */
	void (*retire)(struct server_conn *sc);
	void (*tick)(struct server_conn *sc, uint64_t now_ns);
	void (*stop)(struct server_conn *sc); /* the connection has gone: free everything */
};

extern const struct protocol http1_protocol, http2_protocol;

/* Watches the raw bytes of a header or trailer block for what llhttp lets through. */
struct http1_scan {
	size_t line_len; /* bytes of the line so far, without CR LF */
	bool in_block;	 /* a line was seen; an empty one ends the block */
	uint8_t previous;
	uint8_t spaces, protocol_len; /* of the request line */
};

enum http1_scan_result { HTTP1_SCAN_MORE = 0, HTTP1_SCAN_END, HTTP1_SCAN_BAD };

/* Passes over ${bytes}. Unless bad, ${ret_len} is how many of them belong to the block; after
 * HTTP1_SCAN_END it ended there. (http1_scan.c) */
enum http1_scan_result http1_scan_block(struct http1_scan *scan, struct slice bytes,
					size_t *ret_len);

enum http1_phase { HTTP1_HEADER = 0, HTTP1_BODY, HTTP1_TRAILER };

struct http1 {
	llhttp_t parser;
	struct http1_scan scan;
	struct request *request; /* received now, or its answer is due */
	struct chunk *stash;	 /* bytes that came while an answer was due */
	size_t header_bytes;	 /* raw, of this request */
	size_t extra_bytes;	 /* trailers and chunk extensions */
	size_t name_len;	 /* of the field being parsed */
	uint8_t phase;
	bool in_record, keep_alive, expect_continue, message_complete, closing;
	uint8_t host_count, te_count;
	int refuse_status; /* found in a callback; answered outside of it */
};

/* Makes the parser ready for the next request of ${sc}. (http1_parser.c) */
void http1_parser_init(struct server_conn *sc);

struct http2 {
	nghttp2_session *session;
	uint64_t second; /* of the peer's resets counted in `resets` */
	uint32_t resets;
	bool flooded;	      /* a callback has seen too many, or too long a header block */
	size_t block_bytes;   /* decoded bytes of that block, trailers too */
	int32_t window_bytes; /* of the connection */
	uint64_t notice_ns;   /* drain: when the first GOAWAY was sent; 0: not */
	bool final_goaway_due, final_goaway; /* asked for; made */
	bool closing, evicted;
	bool peer_left; /* it sent a GOAWAY that nghttp2 takes for an error */
};

/* The answer to ${request}, or the stream's early end. The stream's end frees the request: nghttp2 may
 * hold it as the source of data until then. (http2_answer.c) */
void http2_answer(struct request *request, const struct answer *answer);
void http2_cut(struct request *request);

/* ---- connections (server_conn.c) ------------------------------------------------------------- */

struct server_conn {
	struct worker *worker;
	struct conn *conn;
	const struct protocol *protocol; /* NULL until the first bytes have told */
	struct server_conn *next, *previous;
	struct request *requests; /* all that exist */
	size_t request_count;
	struct request_list bodies;  /* awaited */
	struct request_list answers; /* HTTP/2: given, not yet sent to the end */
	struct account account;
	size_t receiving_bytes; /* of bodies that are not complete */
	size_t fixed_bytes;	/* charged for the connection itself */
	/* Connections that wait for nothing of ours, in the order in which they became so. */
	struct server_conn *quiet_next, *quiet_previous;
	bool is_quiet;
	size_t busy_count;	/* requests that are received, or whose answer is due */
	uint64_t write_mark;	/* output up to here was waiting... */
	uint64_t write_mark_ns; /* ...at this time; 0: none was */
	uint64_t opened_ns;
	uint64_t header_since_ns; /* beginning of a header that is not complete; 0: none */
	uint64_t idle_since_ns;	  /* 0: a request is in flight */
	uint64_t drain_since_ns;  /* 0: not draining */
	uint64_t retired_ns;	  /* when max_connection_age was over; 0: it is not */
	bool handshaking;
	uint8_t preface[HTTP2_PREFACE_BYTES]; /* while the protocol is not known */
	uint8_t preface_len;
	union {
		struct http1 http1;
		struct http2 http2;
	};
};

/* Takes over ${fd}. On failure it is closed and nothing is left. */
void server_conn_open(struct worker *worker, int fd);

/* Frees the protocol's state and forgets the worker, which may die before the connection does. */
void server_conn_detach(struct server_conn *sc);

/* A request is busy from the end of its header until it is answered. */
void server_conn_busy(struct server_conn *sc);
void server_conn_unbusy(struct server_conn *sc);

/* Ends the worker's connection that was quiet for longest. False when there is none. */
bool worker_evict(struct worker *worker);

/* Looks at the time limits of the connection. */
void server_conn_tick(struct server_conn *sc, uint64_t now_ns);
void server_conn_drain(struct server_conn *sc);

/* The loop's idea of now: cheap, exact to a turn. */
uint64_t server_conn_now_ns(const struct server_conn *sc);

const struct server_limits *server_conn_limits(const struct server_conn *sc);
struct server_counters *server_conn_counters(const struct server_conn *sc);

/* ---- servers (server.c) ---------------------------------------------------------------------- */

/* A server's part on one shard; its members belong to the shard's thread. */
struct worker {
	struct server *server;
	struct server_shard *shard;
	struct server_conn *connections;
	struct server_conn *quiet_first, *quiet_last;
	struct ticker *ticker; /* time limits; runs while there are connections */
	bool draining;
	bool report, reported; /* the accept loop waits for the last connection; was told */
	struct loop_task drain_task, abort_task, drained_task, evict_task;
	_Atomic bool evict_asked; /* evict_task is on its way */
	char date[32];		  /* for Date fields, of second `date_s` */
	uint64_t date_s;
};

struct listener;

struct server {
	/* immutable after server_start */
	struct server_config config;
	const struct log *log;
	struct listener *listener; /* NULL once closed */
	uint16_t port;
	struct worker *workers;
	size_t worker_count;
	struct loop *accept_loop;
	nghttp2_session_callbacks *http2_callbacks;
	nghttp2_option *http2_option;
	/* atomic */
	atomic_bool said_unknown_coding;
	struct server_counters counters;
	/* owned by the accept loop */
	void (*drained)(void *arg);
	void *drained_arg;
	size_t workers_drained;
	struct accept_socket *accept_sockets;
};

/* Asked from any thread. The connection ${fd} is the worker's from now on; false: no memory, nothing
 * was taken. ${over_limit}: another one has to go for it. */
MUST_CHECK bool worker_take(struct worker *worker, int fd, bool over_limit);
void worker_ask_to_evict(struct worker *worker); /* one quiet connection, once per turn */
void worker_ask_to_drain(struct worker *worker);
void worker_ask_to_abort(struct worker *worker);

/* The loop stands still: the worker's connections go on without it, to their end. */
void worker_fini(struct worker *worker);

/* A connection of the worker has come or gone. */
void worker_add(struct worker *worker, struct server_conn *sc);
void worker_remove(struct worker *worker, struct server_conn *sc);

/* A connection that was counted at accept could not be taken; closes ${fd} unless it is -1. */
void worker_lost(struct worker *worker, int fd);

/* The value of a Date field (RFC 9110 §5.6.7) now. */
struct slice worker_date(struct worker *worker);

/* Allocators for nghttp2 that charge ${account}, which outlives the session. (http2_memory.c) */
nghttp2_mem http2_memory(struct account *account);

/* What http2_server.c needs once per server. */
MUST_CHECK int http2_prepare(struct server *server);

/* ---- listeners (listener.c) ------------------------------------------------------------------ */

enum { LISTENER_SOCKETS_MAX = 16 };

struct listener {
	int fds[LISTENER_SOCKETS_MAX];
	size_t count;
	uint16_t port;
	char unix_path[108]; /* "" unless a unix socket: removed when it is closed */
};

MUST_CHECK struct listener *listener_open(const char *transport, const char *endpoint,
					  struct err *err);
void listener_close(struct listener *listener); /* NULL is accepted */

/* Who listens on ${port}: " (held by pid 123, otelcol)", or "" when /proc does not say. */
void port_holder(uint16_t port, char *text, size_t size);

#endif
