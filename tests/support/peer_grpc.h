/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gRPC backend for tests: takes unary calls over HTTP/2 on an ephemeral loopback port, on threads
 * of its own, keeps what it received and answers as told. It can refuse, stall, reset, say GOAWAY
 * and cut the connection; what it does may be changed while it runs. A request of another content
 * type is taken and answered as plain HTTP.
 */
#ifndef SLUICE_TESTS_SUPPORT_PEER_GRPC_H
#define SLUICE_TESTS_SUPPORT_PEER_GRPC_H

#include "pipeline/base/slice.h"

struct peer_grpc;

enum peer_grpc_action {
	PEER_ANSWER = 0,
	PEER_ANSWER_EARLY, /* as soon as the header is there, before the body */
	PEER_STALL,	   /* never answers; the call is counted and kept */
	PEER_RESET,	   /* RST_STREAM with reset_code once the request is complete */
	PEER_RESET_EARLY,  /* …as soon as its header is */
	PEER_GOAWAY,	   /* GOAWAY that names the previous stream: not processed */
	PEER_GOAWAY_AFTER, /* answers, then GOAWAY */
	PEER_CLOSE,	   /* closes the connection instead of answering */
};

/* What is done with a call. Zeroed: answered with status 0 and an empty message. */
struct peer_grpc_behaviour {
	enum peer_grpc_action action;
	int http_status;	  /* 0: 200 */
	const char *content_type; /* NULL: the request's */
	const char *retry_after;  /* NULL: none */
	bool no_grpc_status;	  /* trailers without it */
	bool trailers_only;	  /* all in one header block */
	const char *grpc_status;  /* NULL: "0" */
	const char *grpc_message; /* as on the wire; NULL: none */
	const char *grpc_details; /* grpc-status-details-bin as on the wire; NULL: none */
	struct slice message;	  /* the answer's message, as it is coded */
	const char *coding;	  /* of it; NULL: none */
	uint32_t reset_code;	  /* HTTP/2 error code */
	size_t close_after_bytes; /* cuts a connection that has sent this many; 0: never */
};

struct peer_grpc_options {
	uint16_t port; /* 0: any free one; to come back where a former peer was */
	bool tls;
	const char *alpn;      /* TLS; NULL: "h2" */
	uint32_t streams_max;  /* MAX_CONCURRENT_STREAMS; 0: 1000 */
	uint32_t window_bytes; /* INITIAL_WINDOW_SIZE; 0: the default 65,535 */
};

struct peer_grpc_counts {
	unsigned connections;
	unsigned calls;	       /* complete requests, whatever was answered */
	unsigned cancels;      /* streams that the client reset */
	unsigned spans;	       /* in accepted messages (status 0), decoded */
	unsigned accepted;     /* messages that were answered with status 0 */
	unsigned streams_peak; /* most calls at a time on one connection */
	unsigned pings;
	size_t bytes; /* of message bytes on the wire */
};

/* One received call. Texts are NUL-terminated. */
struct peer_grpc_call {
	char path[128], authority[128], content_type[64], encoding[32], timeout[32];
	char user_agent[128], custom[128]; /* user-agent, x-custom */
	char accept[128];		   /* grpc-accept-encoding or accept-encoding */
	bool compressed;		   /* the frame's flag */
	bool accepted;
	uint8_t *message; /* decoded */
	size_t message_len;
	unsigned spans;
};

struct peer_grpc *peer_grpc_start(const struct peer_grpc_options *options);
void peer_grpc_stop(struct peer_grpc *peer);
uint16_t peer_grpc_port(const struct peer_grpc *peer);
const char *peer_grpc_certificate(const struct peer_grpc *peer); /* PEM */
void peer_grpc_cut_connections(struct peer_grpc *peer);

/* From the next call on. Texts are borrowed. */
void peer_grpc_set(struct peer_grpc *peer, const struct peer_grpc_behaviour *behaviour);
/* The same for the next ${count} calls only; after them it answers 0. */
void peer_grpc_set_times(struct peer_grpc *peer, const struct peer_grpc_behaviour *behaviour,
			 unsigned count);

struct peer_grpc_counts peer_grpc_counts(struct peer_grpc *peer);

/* Wait for so many complete calls or accepted spans; false after ${timeout_ms}. */
bool peer_grpc_wait_calls(struct peer_grpc *peer, unsigned count, unsigned timeout_ms);
bool peer_grpc_wait_spans(struct peer_grpc *peer, unsigned count, unsigned timeout_ms);

/* Calls in the order of their completion. Between lock and unlock they stay where they are. */
const struct peer_grpc_call *peer_grpc_lock(struct peer_grpc *peer, size_t *ret_count);
void peer_grpc_unlock(struct peer_grpc *peer);

#endif
