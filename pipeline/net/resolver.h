/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a host name to addresses: /etc/hosts and DNS by c-ares, as /etc/nsswitch.conf orders them,
 * with the name servers, search domains and ndots of /etc/resolv.conf. Every loop has a resolver of
 * its own, made with its first name; look-ups of one loop run side by side, so a name that nobody
 * answers delays only who asked for it, and nothing waits for it when the loop ends.
 *
 * Answers are kept per name as long as their time to live says. When a new look-up fails, the old
 * answer is used on (RFC 8767); a name that is said not to exist is forgotten. Numeric addresses,
 * `localhost` and names below it never ask anybody (RFC 6761 §6.3).
 */
#ifndef SLUICE_NET_RESOLVER_H
#define SLUICE_NET_RESOLVER_H

#include "pipeline/net/loop.h"

#include <netinet/in.h>

enum {
	RESOLVER_ADDRESSES_MAX = 32, /* of one name; further ones are left out */
	RESOLVER_NAMES_MAX = 256,    /* remembered by a loop; the one unused longest goes first */
	RESOLVER_TTL_S_MAX = 3600,
	RESOLVER_TRY_MS = 1000, /* until a name server is asked again; doubles with each round */
	RESOLVER_TRIES = 3,
	RESOLVER_STALE_WAIT_MS = 2000, /* so long a look-up may take where an old answer is there */
	RESOLVER_RECHECK_MS = 10000,   /* and so long it is used on when the look-up failed */
	RESOLVER_NOW_MS = 10000,       /* the bound of resolver_ask_now */
};

/* Without a port. */
union resolver_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* In the order in which they should be tried (RFC 6724). */
struct resolver_answer {
	size_t count;
	union resolver_address addresses[RESOLVER_ADDRESSES_MAX];
};

struct resolver_link {
	struct resolver_link *next, *previous;
};

/* One question. Embed it; it belongs to the resolver from resolver_ask until done or cancel. */
struct resolver_request {
	void (*done)(struct resolver_request *request);
	/* When done is called: */
	struct resolver_answer answer; /* count 0: err says why, in a few words without the name */
	struct err err;
	/* private */
	struct resolver_link link; /* of the list it waits in */
};

/* Asks for the addresses of ${host}; request->done is called once, later, on the loop's thread. -1
 * with ERR_NOMEM or ERR_LIMIT. */
MUST_CHECK int resolver_ask(struct loop *loop, const char *host, struct resolver_request *request,
			    struct err *err);

/* Ends a question without a call of done. */
void resolver_cancel(struct resolver_request *request);

/* None of the addresses of ${host} could be reached: the next question looks it up again. */
void resolver_distrust(struct loop *loop, const char *host);

/* For listeners at the start, where nothing else runs yet: blocks for RESOLVER_NOW_MS at most. -1
 * with ERR_IO: why, in a few words. */
MUST_CHECK int resolver_ask_now(const char *host, struct resolver_answer *ret_answer,
				struct err *err);

socklen_t resolver_address_len(const union resolver_address *address);

#endif
