/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A well-behaved client for fuzz targets: one request after another over one connection, HTTP/1.1
 * (llhttp) or HTTP/2 (nghttp2), on a socket that the target turns the other end of. Time stands
 * still meanwhile (virtual_clock.h), so it never waits: the target gives it turns.
 */
#ifndef SLUICE_TESTS_FUZZ_HTTP_H
#define SLUICE_TESTS_FUZZ_HTTP_H

#include "pipeline/base/buf.h"

struct fuzz_http;

struct fuzz_call {
	const char *method, *path;
	const char *headers; /* "name: value\n" each, beside Host and Content-Length */
	struct slice body;
	size_t piece_bytes; /* sent at once; 0: all */
	/* Called with ${arg} when the header is out and the body is not. May be NULL. */
	void (*before_body)(void *arg);
	void *arg;
};

struct fuzz_answer {
	int status;				 /* 0: none came */
	int grpc_status;			 /* -1: none came */
	char content_type[64], allow_origin[64]; /* "": none came */
	struct buf body;
	bool complete;
};

/* Takes over the non-blocking ${fd}. ${turn} lets the other end work. */
struct fuzz_http *fuzz_http_new(int fd, bool http2, void (*turn)(void));
void fuzz_http_free(struct fuzz_http *http); /* closes the connection */

/* Sends a request, as far as the other end takes it. */
void fuzz_http_send(struct fuzz_http *http, const struct fuzz_call *call);

/* The answer to it as far as it has come; valid until the next request. */
const struct fuzz_answer *fuzz_http_answer(struct fuzz_http *http);

/* True when the other end has closed, or wants no further request. */
bool fuzz_http_is_over(const struct fuzz_http *http);

#endif
