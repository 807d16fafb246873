/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which proxy a client goes through. The rules are those of Go: HTTPS_PROXY for TLS endpoints and
 * for gRPC, HTTP_PROXY for plain HTTP (upper case first, then lower case), NO_PROXY with host
 * suffixes, addresses, CIDR blocks, ports and "*"; localhost and loopback are never proxied.
 */
#ifndef SLUICE_NET_PROXY_H
#define SLUICE_NET_PROXY_H

#include "pipeline/base/buf.h"
#include "pipeline/base/error.h"
#include "pipeline/base/slice.h"
#include "pipeline/net/basic_auth.h"

enum { PROXY_HOST_BYTES_MAX = 253, PROXY_CREDENTIAL_BYTES_MAX = 512 };

struct proxy {
	char host[PROXY_HOST_BYTES_MAX + 1]; /* "" : no proxy */
	uint16_t port;
	bool forwards; /* takes requests in the absolute form (RFC 9112 §3.2.2) instead of CONNECT */
	char authorization[BASIC_AUTH_BYTES(PROXY_CREDENTIAL_BYTES_MAX)]; /* or ""; a secret */
};

/* Reads an environment variable; getenv outside of tests. */
typedef char *proxy_getenv_f(const char *name);

/* Fills ${ret_proxy} with the proxy for ${host}:${port}; whether it forwards is left to the caller.
 * ${tls}: HTTPS_PROXY instead of HTTP_PROXY. ${url} as in client_config.proxy_url. -1
 * with ERR_CONFIG for a URL that is malformed or not http; the text has no part of the URL. */
MUST_CHECK int proxy_choose(const char *url, const char *host, uint16_t port, bool tls,
			    proxy_getenv_f *get, struct proxy *ret_proxy, struct err *err);

/* True when ${no_proxy} (the value of NO_PROXY) or loopback exempts ${host}:${port}. */
bool proxy_is_exempt(const char *no_proxy, const char *host, uint16_t port);

/* Appends the CONNECT request for ${host}:${port} (RFC 9110 §9.3.6). */
void proxy_request_write(const struct proxy *proxy, const char *host, uint16_t port,
			 struct buf *request);

/* The length of the proxy's whole answer at the start of ${bytes}, and its status (0 when it is not
 * HTTP/1.x); 0 while more bytes are needed. */
size_t proxy_reply_parse(struct slice bytes, int *ret_status);

#endif
