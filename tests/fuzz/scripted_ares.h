/* SPDX-License-Identifier: Apache-2.0 */
/*
 * c-ares of a program whose one source file includes this: it asks nobody, and what happens to a
 * query is that file's business (scripted_ares_asked, scripted_ares_ended). A header for the reason
 * that virtual_clock.h gives.
 */
#ifndef SLUICE_TESTS_SCRIPTED_ARES_H
#define SLUICE_TESTS_SCRIPTED_ARES_H

#include "pipeline/net/resolver.h"
#include "tests/support/fuzz_script.h"

#include <ares.h>

enum { SCRIPTED_ADDRESSES_MAX = 40 /* more than an answer holds */ };

static struct scripted_ares {
	bool channel;
	char **domains; /* of resolv.conf */
	size_t domain_count;
	size_t results_alive;
	uint32_t answers; /* made so far: their number is in the addresses */
} scripted_ares;

/* The target's own: a query for ${name} begins; the channel of all queries ends. */
static void scripted_ares_asked(const char *name, ares_addrinfo_callback callback, void *arg);
static void scripted_ares_ended(void);

int ares_library_init(int flags)
{
	(void)flags;
	return ARES_SUCCESS;
}

int ares_init_options(ares_channel *ret_channel, struct ares_options *options, int mask)
{
	(void)options;
	(void)mask;
	fuzz_must(!scripted_ares.channel);
	scripted_ares.channel = true;
	*ret_channel = (ares_channel)(void *)&scripted_ares;
	return ARES_SUCCESS;
}

int ares_save_options(ares_channel channel, struct ares_options *options, int *mask)
{
	(void)channel;
	(void)mask;
	*options = (struct ares_options){.domains = scripted_ares.domains,
					 .ndomains = (int)scripted_ares.domain_count};
	return ARES_SUCCESS;
}

void ares_destroy_options(struct ares_options *options)
{
	(void)options;
}

void ares_destroy(ares_channel channel)
{
	(void)channel;
	scripted_ares_ended();
	scripted_ares.channel = false;
}

struct timeval *ares_timeout(ares_channel channel, struct timeval *max, struct timeval *left)
{
	(void)channel;
	(void)max;
	(void)left;
	return NULL; /* what happens to a query is the script's */
}

void ares_process_fd(ares_channel channel, ares_socket_t reader, ares_socket_t writer)
{
	(void)channel;
	(void)reader;
	(void)writer;
}

void ares_freeaddrinfo(struct ares_addrinfo *found)
{
	while (found->nodes) {
		struct ares_addrinfo_node *node = found->nodes;
		found->nodes = node->ai_next;
		free(node);
	}
	free(found->cnames);
	free(found);
	scripted_ares.results_alive--;
}

/* Every address holds the number of its answer. */
static void add_node(struct ares_addrinfo *found, size_t at, uint8_t how)
{
	static const int ttls[] = {300, 5, 0, -7, 1, 100000, 60, 3600};
	struct node {
		struct ares_addrinfo_node base;
		union resolver_address address;
	} *node = calloc(1, sizeof(*node));
	fuzz_must(node != NULL);
	bool v6 = at % 2;
	node->base.ai_family = at % 7 == 6 ? AF_UNIX : v6 ? AF_INET6 : AF_INET;
	node->base.ai_ttl = ttls[(how >> 2 & 7) ^ (at % 3 == 2)];
	node->base.ai_addr = &node->address.any;
	node->base.ai_next = found->nodes;
	node->address.any.sa_family = (sa_family_t)node->base.ai_family;
	if (v6)
		memcpy(&node->address.v6.sin6_addr, &scripted_ares.answers,
		       sizeof(scripted_ares.answers));
	else
		node->address.v4.sin_addr.s_addr = scripted_ares.answers;
	found->nodes = &node->base;
}

/* Bits 0-1: how many addresses; 2-4: how long they are good; 5: behind an alias that is good for 2 s. */
static struct ares_addrinfo *scripted_result(uint8_t how)
{
	static const size_t counts[4] = {1, 2, SCRIPTED_ADDRESSES_MAX, 0};
	struct ares_addrinfo *found = calloc(1, sizeof(*found));
	fuzz_must(found != NULL);
	scripted_ares.results_alive++;
	scripted_ares.answers++;
	for (size_t i = 0; i < counts[how & 3]; i++)
		add_node(found, i, how);
	if (how & 32) {
		found->cnames = calloc(1, sizeof(*found->cnames));
		fuzz_must(found->cnames != NULL);
		found->cnames->ttl = 2;
	}
	return found;
}

void ares_getaddrinfo(ares_channel channel, const char *name, const char *service,
		      const struct ares_addrinfo_hints *hints, ares_addrinfo_callback callback,
		      void *arg)
{
	(void)channel;
	fuzz_must(!service && hints->ai_family == AF_UNSPEC && strlen(name) <= 254);
	fuzz_must(scripted_ares.channel);
	scripted_ares_asked(name, callback, arg);
}

/* How many of the addresses an answer holds, and for how long. */
static size_t scripted_usable(const struct ares_addrinfo *found, uint64_t *ret_ttl_s)
{
	size_t count = 0;
	int ttl = RESOLVER_TTL_S_MAX;
	for (const struct ares_addrinfo_node *node = found->nodes; node; node = node->ai_next) {
		bool taken = node->ai_family != AF_UNIX && count < RESOLVER_ADDRESSES_MAX;
		count += taken;
		ttl = taken && node->ai_ttl < ttl ? node->ai_ttl : ttl;
	}
	if (found->cnames && found->cnames->ttl < ttl)
		ttl = found->cnames->ttl;
	*ret_ttl_s = ttl > 0 ? (uint64_t)ttl : 0;
	return count;
}

#endif
