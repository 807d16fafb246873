/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client side: calls to one endpoint over HTTP/1.1 (llhttp) or HTTP/2 (nghttp2), plain or TLS,
 * direct or through an HTTP proxy, with a pool of connections made on demand. One connector for
 * all exporters: DNS (every address is tried), TCP, proxy, TLS, ALPN.
 *
 * A client belongs to one loop; every function and callback runs on its thread.
 */
#ifndef SLUICE_NET_CLIENT_H
#define SLUICE_NET_CLIENT_H

#include "pipeline/base/arena.h"
#include "pipeline/base/chunk.h"
#include "pipeline/base/error.h"
#include "pipeline/net/loop.h"
#include "pipeline/net/tls.h"

enum client_mode {
	CLIENT_GRPC = 0, /* HTTP/2: prior knowledge in plain text, ALPN h2 under TLS */
	CLIENT_HTTP,	 /* HTTP/1.1; under TLS HTTP/2 when ALPN offers it */
};

enum {
	CLIENT_RESPONSE_BYTES_MAX = 64 * 1024,	  /* more of an answer is read and thrown away... */
	CLIENT_RESPONSE_READ_BYTES_MAX = 4 << 20, /* ...up to here: then it is cut */
	CLIENT_RESPONSE_HEADER_BYTES_MAX = 64 * 1024,
	CLIENT_CONNECT_TIMEOUT_MS = 20000,
};

struct client_config {
	enum client_mode mode;
	const char *host; /* name or address, without brackets; or "unix:path" */
	uint16_t port;
	const char *authority;	  /* Host / :authority; NULL: host[:port] */
	struct tls_context *tls;  /* NULL: plain; borrowed */
	bool tls_by_scheme;	  /* https:// asked for it: tls.insecure would not end it */
	const char *server_name;  /* SNI and verification; NULL: host */
	const char *proxy_url;	  /* "http://[user:pass@]host:port"; NULL: environment (HTTPS_PROXY,
				    HTTP_PROXY, NO_PROXY as Go reads them); "" : none. Plain HTTP
				    is forwarded by it, everything else goes through a tunnel */
	uint32_t connections_max; /* pool bound; 1 is enough for HTTP/2 */
	uint64_t idle_timeout_ns; /* HTTP/1.1: kept connections; 0: 90 s */
	uint64_t keepalive_time_ns, keepalive_timeout_ns; /* HTTP/2 PING; 0: off */
	struct budget *budget;
};

struct client;

struct client_header {
	struct slice name, value; /* name lower-case */
};

enum client_outcome {
	CLIENT_ANSWERED = 0,   /* a whole response; status and the rest are set */
	CLIENT_CONNECT_FAILED, /* nothing was sent: name, TCP, proxy */
	CLIENT_TLS_FAILED,     /* nothing was sent; err says what to do (tls.insecure …) */
	CLIENT_BROKEN,	       /* the connection or stream ended before the whole answer */
	CLIENT_TIMED_OUT,
	CLIENT_CANCELLED,
	CLIENT_OUTCOME_COUNT
};

/* What came of a call. Slices live until the callback returns. */
struct client_result {
	enum client_outcome outcome;
	struct err err;	 /* unless answered: text without a byte from the peer */
	int http_status; /* CLIENT_ANSWERED */
	struct slice content_type;
	struct slice body;	  /* HTTP: the entity; gRPC: the first message without its prefix */
	struct slice coding;	  /* of the body, as the peer names it; "" for none */
	struct slice retry_after; /* header value, "" when absent */
	/* gRPC: set with every answer (from the HTTP status when the peer gave none) and for a
	 * stream that the peer reset (CLIENT_BROKEN, mapped as the gRPC documents say). */
	bool has_grpc_status;
	int grpc_status;
	struct slice grpc_message; /* percent-decoded; a peer's text: never log it above debug */
	struct slice grpc_status_details; /* base64-decoded grpc-status-details-bin */
};

/* One call. Embed it; it belongs to the client from client_send until done. */
struct client_call {
	struct slice path;		     /* "/v1/traces" */
	const struct client_header *headers; /* further ones; borrowed until done */
	size_t header_count;
	const char *content_type;
	const char *content_encoding; /* NULL: none. gRPC: sent as grpc-encoding, frame flag set */
	struct chunk *const *parts;   /* the body is their concatenation; borrowed until done */
	size_t part_count;
	uint64_t
		timeout_ns; /* whole call, connecting included; 0: none. gRPC: sent as grpc-timeout */
	void (*done)(struct client_call *call, const struct client_result *result);
	/* private */
	void *stream;
	struct client *client;
	struct client_call *next, *previous;
	uint64_t deadline_ns;
	uint8_t state;
};

MUST_CHECK struct client *client_new(struct loop *loop, const struct client_config *config,
				     struct err *err);

/* Cancels what is in flight (done is called with CLIENT_CANCELLED), closes, frees. */
void client_free(struct client *client);

/* Starts ${call}. done is called exactly once, never from inside client_send. */
void client_send(struct client *client, struct client_call *call);

/* Ends ${call} early; done is called with CLIENT_CANCELLED before this returns. */
void client_cancel(struct client_call *call);

/* Splits "host:port", "http://host:port/path", "https://…", "dns:///host:port", "[::1]:4317" into
 * parts; "unix:path", "unix:///path" and "unix-abstract:name" become a host "unix:path" or
 * "unix:@name" and port 0. ${ret_tls} is 1 for https, 0 for http, -1 when the endpoint does not say.
 * Texts are put in ${arena}. -1 with ERR_CONFIG (e.g. `invalid port "abc"`). */
struct endpoint {
	const char *host,
		*path; /* path: with the query; "" when none, else it begins with a slash */
	uint16_t port;
	int tls;
};
MUST_CHECK int endpoint_parse(const char *text, uint16_t default_port, struct arena *arena,
			      struct endpoint *ret_endpoint, struct err *err);

#endif
