/* SPDX-License-Identifier: Apache-2.0 */
/*
 * c-ares on one of our loops: its sockets as uv_poll handles, its time-outs as a uv_timer. Knows
 * nothing of caching, see resolver.h. When /etc/resolv.conf has changed, the look-ups under way
 * begin anew with what it says now.
 *
 * Environment variables for tests: SLUICE_RESOLV_CONF is read in place of /etc/resolv.conf, and
 * SLUICE_DNS_PORT is the port of its name servers; CARES_HOSTS is read in place of /etc/hosts.
 */
#ifndef SLUICE_NET_DNS_H
#define SLUICE_NET_DNS_H

#include "pipeline/net/resolver.h"

struct dns;

enum dns_outcome {
	DNS_FOUND = 0,
	DNS_NO_NAME, /* the name, or an address of it, is said not to exist */
	DNS_FAILED,  /* nobody could say */
};

struct dns_result {
	enum dns_outcome outcome;
	const char *why;		      /* unless found: a few fixed words */
	const struct resolver_answer *answer; /* DNS_FOUND: at least one address */
	uint32_t ttl_s;
};

/* The end of a look-up. May be called from inside dns_look_up; must not free the dns. */
typedef void dns_done_f(void *arg, const struct dns_result *result);

/* NULL: no memory. Opens nothing yet. */
MUST_CHECK struct dns *dns_new(struct loop *loop, dns_done_f *done);

/* Asks for the addresses of both families; done is called once with ${arg}, or never after
 * dns_free. */
void dns_look_up(struct dns *dns, const char *name, void *arg);

/* Gives up every look-up without a call. Handles go when the loop next runs. */
void dns_free(struct dns *dns);

#endif
