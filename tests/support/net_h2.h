/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP/2 client over a socket of net_peer.h, made of nghttp2's client session, with a hand for
 * raw frames. Whatever the server sends is written down per stream. */
#ifndef SLUICE_TESTS_NET_H2_H
#define SLUICE_TESTS_NET_H2_H

#include "tests/support/net_server.h"

#include <nghttp2/nghttp2.h>

enum { NET_H2_STREAMS_MAX = 256 };

struct net_h2_stream {
	int32_t id;
	int status;	    /* :status, 0 until it came */
	struct buf headers; /* "name: value\n", trailers too */
	struct buf body;
	bool ended, reset;
	uint32_t reset_code;
};

struct net_h2 {
	struct net_server *server;
	int fd;
	nghttp2_session *session;
	struct net_h2_stream streams[NET_H2_STREAMS_MAX];
	size_t stream_count;
	bool goaway, closed;
	uint32_t goaway_code;
	int32_t goaway_last; /* the last stream that may have been processed, by the latest one */
	bool pause_sending;  /* frames are kept back */
	size_t piece;	     /* send in pieces of so many bytes; 0: any */
};

void net_h2_open(struct net_h2 *client, struct net_server *server);
void net_h2_close(struct net_h2 *client);

/* Moves bytes both ways. */
void net_h2_turn(struct net_h2 *client);

/* Sends a request; headers are "name: value\n" lines beside the pseudo fields of ${method} and
 * ${path}. ${end} false: net_h2_body follows. The stream's number. */
struct net_h2_stream *net_h2_request(struct net_h2 *client, const char *method, const char *path,
				     const char *headers, bool end);
void net_h2_body(struct net_h2 *client, struct net_h2_stream *stream, struct slice bytes, bool end);

/* A gRPC call with one message behind its prefix; ${flag} is the prefix's first byte. */
struct net_h2_stream *net_h2_grpc(struct net_h2 *client, const char *headers, uint8_t flag,
				  struct slice message);

/* Turns until the stream has ended (or was reset), the connection has ended, or the deadline. */
bool net_h2_wait(struct net_h2 *client, const struct net_h2_stream *stream);
bool net_h2_wait_goaway(struct net_h2 *client);
bool net_h2_wait_closed(struct net_h2 *client);

/* The value of a header or trailer, "" when absent. Valid until the next call. */
const char *net_h2_header(struct net_h2_stream *stream, const char *name);

/* Writes bytes as they are. */
void net_h2_raw(struct net_h2 *client, struct slice bytes);

/* Builds a frame (RFC 9113 §4.1) at the end of ${into}. */
void net_h2_frame(struct buf *into, uint8_t type, uint8_t flags, uint32_t stream_id,
		  struct slice payload);

#endif
