/* SPDX-License-Identifier: Apache-2.0 */
/* A client on a loop of the test's own thread, and calls that remember how they ended. */
#ifndef SLUICE_TESTS_SUPPORT_CLIENT_FIXTURE_H
#define SLUICE_TESTS_SUPPORT_CLIENT_FIXTURE_H

#include "pipeline/net/client.h"

enum { FIXTURE_DEADLINE_MS = 60000, FIXTURE_TEXT_BYTES = 512 };

struct client_fixture {
	struct loop loop;
	struct budget budget;
	struct client *client;
	struct tls_context *tls;
	uv_timer_t deadline;
	unsigned waited_ms;
	bool expired;
};

/* A call, its body and what came of it (texts are copied, cut at FIXTURE_TEXT_BYTES). */
struct fixture_call {
	struct client_call call;
	struct chunk *parts[4];
	unsigned done_count;
	struct client_result result; /* its slices point into the buffers below */
	char content_type[FIXTURE_TEXT_BYTES], body[FIXTURE_TEXT_BYTES],
		retry_after[FIXTURE_TEXT_BYTES], message[FIXTURE_TEXT_BYTES],
		details[FIXTURE_TEXT_BYTES];
	void (*then)(struct fixture_call *call); /* from inside done; may be NULL */
	struct client_fixture *fixture;
};

/* The loop and a client for 127.0.0.1:${port}; ${config} (may be NULL) gives the rest. */
void fixture_open(struct client_fixture *fixture, enum client_mode mode, uint16_t port,
		  const struct client_config *config);

/* Frees client and loop; fails the test when the budget holds bytes afterwards. */
void fixture_close(struct client_fixture *fixture);

/* Starts a POST of ${body} in one part. */
void fixture_send(struct client_fixture *fixture, struct fixture_call *call, const char *path,
		  struct slice body);
/* The same with parts, headers and the rest of call->call as the test has set them. */
void fixture_start(struct client_fixture *fixture, struct fixture_call *call);

/* Appends a part to the body. */
void fixture_add_part(struct client_fixture *fixture, struct fixture_call *call,
		      struct slice bytes);

/* Runs the loop until ${done} says so; fails the test after FIXTURE_DEADLINE_MS. */
void fixture_run_until(struct client_fixture *fixture, bool (*done)(void *arg), void *arg);
/* Until ${call} is done. */
void fixture_finish(struct client_fixture *fixture, struct fixture_call *call);
/* Drops the body's chunks. */
void fixture_release(struct fixture_call *call);

/* Sends, waits, releases: for calls where only the result matters. */
void fixture_call(struct client_fixture *fixture, struct fixture_call *call, const char *path,
		  struct slice body);

#endif
