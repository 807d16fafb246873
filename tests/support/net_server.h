/* SPDX-License-Identifier: Apache-2.0 */
/* A server under test with one shard on the test's own loop, and a handler that writes down what it
 * was given and answers at once, or holds requests until it is told. */
#ifndef SLUICE_TESTS_NET_SERVER_H
#define SLUICE_TESTS_NET_SERVER_H

#include "pipeline/net/server.h"
#include "tests/support/net_peer.h"

enum { NET_HELD_MAX = 64 };

struct net_server {
	struct loop loop;
	struct budget budget;
	struct server_shard shard;
	struct server *server;
	const struct server_counters *counters;
	bool drained;
	/* How to behave. */
	bool hold;	       /* keep requests, answer with net_server_answer */
	bool answer_at_header; /* 404 from on_header */
	size_t answer_bytes;   /* of body; 0: "N bytes\n" with the length of the request's body */
	/* What happened. */
	size_t headers, requests, cancels;
	size_t refusals[REFUSED_COUNT];
	char refusal_text[256]; /* the last one's */
	char method[16], path[256], content_type[128];
	uint64_t deadline_ns;
	struct buf body; /* of the last request */
	struct server_request *held[NET_HELD_MAX];
	size_t held_count;
};

/* Default limits, keep-alive, 127.0.0.1, any port. */
struct server_config net_server_config(void);

/* Opens the server and runs it by the test's turns. ${config} NULL: net_server_config(). */
void net_server_open(struct net_server *fixture, const struct server_config *config);

/* Drains, aborts what is left, frees; fails the test when anything stays charged to the budget. */
void net_server_close(struct net_server *fixture);

/* Answers the oldest held request with 200 (or gRPC OK). */
void net_server_answer(struct net_server *fixture);

int net_server_connect(struct net_server *fixture);

/* cmocka set-up and tear-down for the default server; *state is the fixture. */
int net_server_set_up(void **state);
int net_server_tear_down(void **state);

/* Waits until ${counter} is at least ${value}. */
bool net_server_counted(struct net_server *fixture, const struct counter *counter, uint64_t value);

#endif
