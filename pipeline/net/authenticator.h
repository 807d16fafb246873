/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What authenticators are to servers and clients. A server asks one with the header of each request,
 * before the handler sees it and before anything is made of its body; a client puts what one gives on
 * each request. Who they are is the graph's business (graph/authenticators.c).
 *
 * Texts that come from here (messages, challenges) are fixed or the configuration's: they go to peers
 * and hold no credentials.
 */
#ifndef SLUICE_NET_AUTHENTICATOR_H
#define SLUICE_NET_AUTHENTICATOR_H

#include "pipeline/base/buf.h"
#include "pipeline/net/loop.h"

enum auth_verdict {
	AUTH_ADMITTED = 0,
	AUTH_REFUSED, /* HTTP 401, gRPC UNAUTHENTICATED; check->message says why */
	AUTH_BUSY,    /* too much is being checked: HTTP 503, gRPC UNAVAILABLE */
	AUTH_PENDING, /* not by now: done is called later */
};

/* One request that is being checked. Embed it, zeroed; it belongs to the authenticator while the check
 * is pending, until done or auth_check_cancel. */
struct auth_check {
	/* On the loop that asked, after check has returned AUTH_PENDING. */
	void (*done)(struct auth_check *check, enum auth_verdict verdict);
	const char *message; /* of AUTH_REFUSED and AUTH_BUSY */
	/* private to the authenticator: the list that it waits in; link is NULL when in none */
	struct auth_check *next, **link;
};

/* Puts ${check} in front of ${list}; takes it from the one it is in, if any. On the loop that asked. */
static inline void auth_check_add(struct auth_check *check, struct auth_check **list)
{
	check->next = *list;
	check->link = list;
	if (check->next)
		check->next->link = &check->next;
	*list = check;
}

static inline void auth_check_cancel(struct auth_check *check)
{
	if (!check->link)
		return;
	*check->link = check->next;
	if (check->next)
		check->next->link = check->link;
	check->next = NULL;
	check->link = NULL;
}

struct server_authenticator {
	const char *header;    /* of requests, lower-case, which carries the credentials */
	const char *challenge; /* value of WWW-Authenticate (RFC 9110 §11.6.1) */
	void *self;
	/* Judges ${value} of the header, "" when it is absent, on the thread of ${loop}; several
	 * loops at once. Does not block. */
	enum auth_verdict (*check)(void *self, struct loop *loop, struct slice value,
				   struct auth_check *check);
};

struct client_authenticator {
	const char *header; /* lower-case */
	void *self;
	/* Appends the value of the header as it is now, a secret. Any thread. */
	void (*write)(void *self, struct buf *out);
};

#endif
