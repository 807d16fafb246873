/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that no proper client would send, byte by byte or frame by frame, to a daemon's port.
 * Blocking, with a deadline that fails the test. */
#ifndef SLUICE_TESTS_SCENARIO_RAW_H
#define SLUICE_TESTS_SCENARIO_RAW_H

#include "pipeline/base/buf.h"

#include <stdint.h>

struct raw_answer {
	int status;	 /* 0: the connection ended without an answer */
	struct buf head; /* "name: value\r\n" lines, names in lower case; HTTP/2 trailers too */
	struct buf body;
};

/* Connects to 127.0.0.1:${port}. */
int raw_connect(uint16_t port);
/* Whether one could: 0, or the error number. */
int raw_try_connect(uint16_t port);

/* Sends ${request} over HTTP/1.1 on a connection of its own; reads one answer. */
void raw_http1(uint16_t port, struct slice request, struct raw_answer *ret_answer);

/* The same for a request made of its parts; ${headers} are lines "Name: value\r\n". */
void raw_http1_post(uint16_t port, const char *method, const char *path, const char *headers,
		    struct slice body, struct raw_answer *ret_answer);

/* Over HTTP/2 in plain text with prior knowledge (RFC 9113 §3.3); ${headers} as above. */
void raw_http2(uint16_t port, const char *method, const char *path, const char *headers,
	       struct slice body, struct raw_answer *ret_answer);

/* A header or trailer, "" when absent. Valid until the next call. */
const char *raw_header(struct raw_answer *answer, const char *name);

void raw_answer_fini(struct raw_answer *answer);

#endif
