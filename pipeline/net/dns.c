/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The channel is made with the first look-up and made anew when resolv.conf looks different (c-ares
 * 1.18 reads it once). Destroying it ends its queries with ARES_EDESTRUCTION: on the way to a new
 * channel they are kept and asked again, on the way out they are freed.
 *
 * c-ares gives up a search at the first domain whose servers fail; glibc and Go go on, and so do we:
 * with ndots:5 every name outside of a Kubernetes cluster is first looked for in the node's domain.
 */
#include "pipeline/net/dns.h"

#include "pipeline/base/slice.h"

#include <ares.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define RESOLV_CONF "/etc/resolv.conf"

enum { NAME_BYTES_MAX = 253 /* RFC 1035 §2.3.4 as text */ };

struct lookup {
	struct dns *dns;
	struct lookup *next, *previous;
	void *arg;
	bool again;	  /* lost its channel, see restart */
	size_t candidate; /* see ask_candidate; 0: c-ares searches */
	char name[];
};

/* Frees itself when its handle is closed. */
struct dns_socket {
	uv_poll_t poll;
	struct dns *dns;
	struct dns_socket *next;
	ares_socket_t fd;
};

struct dns {
	struct loop *loop;
	dns_done_f *done;
	ares_channel channel;	   /* NULL: none yet */
	struct ares_options saved; /* the channel's search domains */
	bool ending;		   /* a channel is being destroyed; its queries are no failures */
	struct lookup *lookups;
	struct dns_socket *sockets;
	uv_timer_t timer;
	struct stat resolv_conf; /* as it was when the channel was made; zero: no such file */
};

/* ---- time ----------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer);

static void arm_timer(struct dns *dns)
{
	struct timeval left;
	if (!dns->channel || !ares_timeout(dns->channel, NULL, &left)) {
		(void)uv_timer_stop(&dns->timer); /* cannot fail */
		return;
	}
	uint64_t left_ms = (uint64_t)left.tv_sec * 1000 + (uint64_t)left.tv_usec / 1000;
	uv_update_time(&dns->loop->uv); /* a timer counts from the loop's idea of now */
	(void)uv_timer_start(&dns->timer, on_timer, left_ms + 1, 0); /* cannot fail */
}

static void on_timer(uv_timer_t *timer)
{
	struct dns *dns = timer->data;
	ares_process_fd(dns->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	arm_timer(dns);
}

/* ---- sockets -------------------------------------------------------------------------------- */

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct dns_socket *sock = poll->data;
	struct dns *dns = sock->dns; /* the socket may go in ares_process_fd */
	bool readable = status < 0 || (events & UV_READABLE);
	bool writable = status < 0 || (events & UV_WRITABLE);
	ares_process_fd(dns->channel, readable ? sock->fd : ARES_SOCKET_BAD,
			writable ? sock->fd : ARES_SOCKET_BAD);
	arm_timer(dns);
}

static void on_poll_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static struct dns_socket *add_socket(struct dns *dns, ares_socket_t fd)
{
	struct dns_socket *sock = calloc(1, sizeof(*sock));
	if (!sock || uv_poll_init_socket(&dns->loop->uv, &sock->poll, fd) != 0) {
		free(sock);
		return NULL; /* nothing is ever read from it: its queries time out */
	}
	sock->dns = dns;
	sock->fd = fd;
	sock->poll.data = sock;
	sock->next = dns->sockets;
	dns->sockets = sock;
	return sock;
}

/* What c-ares wants to know of ${fd}; neither: it is about to close it. */
static void on_socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct dns *dns = arg;
	struct dns_socket **at = &dns->sockets;
	while (*at && (*at)->fd != fd)
		at = &(*at)->next;
	struct dns_socket *sock = *at;
	if (readable || writable) {
		if (!sock && !(sock = add_socket(dns, fd)))
			return;
		int events = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);
		(void)uv_poll_start(&sock->poll, events, on_poll); /* fails when it is closing */
	} else if (sock) {
		*at = sock->next;
		uv_close((uv_handle_t *)&sock->poll, on_poll_closed);
	}
}

/* ---- the channel ---------------------------------------------------------------------------- */

static const char *resolv_conf(void)
{
	const char *path = getenv("SLUICE_RESOLV_CONF");
	return path && *path ? path : RESOLV_CONF;
}

static void init_library(void)
{
	(void)ares_library_init(ARES_LIB_INIT_ALL); /* sets up nothing that can fail here */
}

static void make_channel(struct dns *dns)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct ares_options options = {
		.timeout = RESOLVER_TRY_MS,
		.tries = RESOLVER_TRIES,
		.sock_state_cb = on_socket_state,
		.sock_state_cb_data = dns,
		.resolvconf_path = (char *)(uintptr_t)resolv_conf(), /* copied */
	};
	int given =
		ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB | ARES_OPT_RESOLVCONF;
	const char *port_text = getenv("SLUICE_DNS_PORT");
	uint64_t port;
	if (port_text && slice_parse_u64(slice_str(port_text), &port) && port <= UINT16_MAX) {
		options.udp_port = options.tcp_port = (unsigned short)port;
		given |= ARES_OPT_UDP_PORT | ARES_OPT_TCP_PORT;
	}
	(void)pthread_once(&once, init_library);
	if (stat(resolv_conf(), &dns->resolv_conf) != 0)
		dns->resolv_conf = (struct stat){0};
	if (ares_init_options(&dns->channel, &options, given) != ARES_SUCCESS)
		dns->channel = NULL; /* the next look-up tries again */
	else if (ares_save_options(dns->channel, &dns->saved, &given) != ARES_SUCCESS)
		dns->saved = (struct ares_options){0}; /* no domains then */
}

static void destroy_channel(struct dns *dns)
{
	if (!dns->channel)
		return;
	dns->ending = true;
	ares_destroy(dns->channel);
	dns->channel = NULL;
	dns->ending = false;
	ares_destroy_options(&dns->saved);
	dns->saved = (struct ares_options){0};
}

static bool has_resolv_conf_changed(const struct dns *dns)
{
	struct stat now, before = dns->resolv_conf;
	if (stat(resolv_conf(), &now) != 0)
		now = (struct stat){0};
	return now.st_dev != before.st_dev || now.st_ino != before.st_ino ||
	       now.st_size != before.st_size || now.st_mtim.tv_sec != before.st_mtim.tv_sec ||
	       now.st_mtim.tv_nsec != before.st_mtim.tv_nsec;
}

/* ---- look-ups ------------------------------------------------------------------------------- */

static void free_lookup(struct lookup *lookup)
{
	if (lookup->previous)
		lookup->previous->next = lookup->next;
	else
		lookup->dns->lookups = lookup->next;
	if (lookup->next)
		lookup->next->previous = lookup->previous;
	free(lookup);
}

static void finish(struct lookup *lookup, const struct dns_result *result)
{
	struct dns *dns = lookup->dns;
	void *arg = lookup->arg;
	free_lookup(lookup);
	dns->done(arg, result);
}

static void fail(struct lookup *lookup, enum dns_outcome outcome, const char *why)
{
	const struct dns_result result = {.outcome = outcome, .why = why};
	finish(lookup, &result);
}

static const char *describe(int status)
{
	switch (status) {
	case ARES_ETIMEOUT: return "the name server does not answer";
	case ARES_ECONNREFUSED:
	case ARES_ESERVFAIL:
	case ARES_EREFUSED: return "no name server could answer";
	case ARES_EBADRESP: return "malformed answer of the name server";
	case ARES_EBADNAME: return "this is no host name";
	case ARES_ENOMEM: return "no memory";
	default: return "the look-up failed";
	}
}

static bool add_address(struct resolver_answer *answer, const struct ares_addrinfo_node *node)
{
	union resolver_address *address = &answer->addresses[answer->count];
	if (answer->count == RESOLVER_ADDRESSES_MAX ||
	    (node->ai_family != AF_INET && node->ai_family != AF_INET6))
		return false;
	*address = (union resolver_address){0};
	memcpy(address, node->ai_addr,
	       node->ai_family == AF_INET ? sizeof(address->v4) : sizeof(address->v6));
	answer->count++;
	return true;
}

static uint32_t lesser_ttl(uint32_t ttl_s, int other_s)
{
	uint32_t other = other_s > 0 ? (uint32_t)other_s : 0;
	return other < ttl_s ? other : ttl_s;
}

static void take_result(struct lookup *lookup, const struct ares_addrinfo *found)
{
	struct resolver_answer answer = {0};
	struct dns_result result = {.answer = &answer, .ttl_s = RESOLVER_TTL_S_MAX};
	for (const struct ares_addrinfo_node *node = found->nodes; node; node = node->ai_next) {
		if (add_address(&answer, node))
			result.ttl_s = lesser_ttl(result.ttl_s, node->ai_ttl);
	}
	for (const struct ares_addrinfo_cname *name = found->cnames; name; name = name->next)
		result.ttl_s = lesser_ttl(result.ttl_s, name->ttl);
	if (answer.count > 0)
		finish(lookup, &result);
	else
		fail(lookup, DNS_NO_NAME, "no such host");
}

static void ask(struct lookup *lookup, const char *name);

/* After a failed search: the next of the names that it consists of, each domain's and at last the
 * name as it is, with a dot at its end, so that c-ares takes it as such. False: that was the last. */
static bool ask_candidate(struct lookup *lookup)
{
	const struct ares_options *saved = &lookup->dns->saved;
	size_t len = strlen(lookup->name),
	       domains = saved->ndomains > 0 ? (size_t)saved->ndomains : 0;
	char name[NAME_BYTES_MAX + 2];
	if (domains == 0 || len == 0 || lookup->name[len - 1] == '.')
		return false;
	while (lookup->candidate <= domains) {
		size_t i = lookup->candidate++;
		const char *domain = i < domains ? saved->domains[i] : "";
		int written = snprintf(name, sizeof(name), "%s%s%s.", lookup->name,
				       *domain ? "." : "", domain);
		if (written < 0 || (size_t)written >= sizeof(name))
			continue; /* longer than names are */
		ask(lookup, name);
		return true;
	}
	return false;
}

/* A server that does not answer at all would not for the next name either. */
static bool goes_on(const struct lookup *lookup, int status)
{
	bool is_missing = status == ARES_ENOTFOUND || status == ARES_ENODATA;
	return status != ARES_SUCCESS && status != ARES_ETIMEOUT &&
	       (lookup->candidate > 0 || !is_missing);
}

static void on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *found)
{
	(void)timeouts;
	struct lookup *lookup = arg;
	if (lookup->dns->ending)
		lookup->again = true;
	else if (status == ARES_SUCCESS)
		take_result(lookup, found);
	else if (goes_on(lookup, status) && ask_candidate(lookup))
		;			/* it is not over yet */
	else if (lookup->candidate > 0) /* a server failed, whatever the last one said */
		fail(lookup, DNS_FAILED, describe(ARES_ESERVFAIL));
	else if (status == ARES_ENOTFOUND || status == ARES_ENODATA)
		fail(lookup, DNS_NO_NAME, "no such host");
	else
		fail(lookup, DNS_FAILED, describe(status));
	if (found)
		ares_freeaddrinfo(found);
}

static void ask(struct lookup *lookup, const char *name)
{
	const struct ares_addrinfo_hints hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = ARES_AI_ENVHOSTS};
	struct dns *dns = lookup->dns;
	lookup->again = false;
	if (dns->channel)
		ares_getaddrinfo(dns->channel, name, NULL, &hints, on_answer, lookup);
	else
		fail(lookup, DNS_FAILED, describe(ARES_ENOMEM));
}

/* The look-ups of the old channel go on with the new one. */
static void restart(struct dns *dns)
{
	destroy_channel(dns);
	make_channel(dns);
	for (struct lookup *lookup = dns->lookups, *next; lookup; lookup = next) {
		next = lookup->next; /* an answer from a file comes at once and frees its own */
		if (!lookup->again)
			continue;
		lookup->candidate = 0;
		ask(lookup, lookup->name);
	}
}

void dns_look_up(struct dns *dns, const char *name, void *arg)
{
	size_t bytes = strlen(name) + 1;
	struct lookup *lookup = calloc(1, sizeof(*lookup) + bytes);
	if (!lookup) {
		const struct dns_result result = {.outcome = DNS_FAILED,
						  .why = describe(ARES_ENOMEM)};
		dns->done(arg, &result);
		return;
	}
	if (!dns->channel || has_resolv_conf_changed(dns))
		restart(dns);
	lookup->dns = dns;
	lookup->arg = arg;
	memcpy(lookup->name, name, bytes);
	lookup->next = dns->lookups;
	if (lookup->next)
		lookup->next->previous = lookup;
	dns->lookups = lookup;
	ask(lookup, lookup->name);
	arm_timer(dns);
}

/* ---- life ----------------------------------------------------------------------------------- */

struct dns *dns_new(struct loop *loop, dns_done_f *done)
{
	struct dns *dns = calloc(1, sizeof(*dns));
	if (!dns)
		return NULL;
	dns->loop = loop;
	dns->done = done;
	(void)uv_timer_init(&loop->uv, &dns->timer); /* cannot fail */
	dns->timer.data = dns;
	return dns;
}

static void on_timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void dns_free(struct dns *dns)
{
	destroy_channel(dns);
	while (dns->lookups)
		free_lookup(dns->lookups);
	uv_close((uv_handle_t *)&dns->timer, on_timer_closed);
}
