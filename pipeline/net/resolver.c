/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A name is looked up once for all who ask at the same time. A request waits in its name's list
 * while a look-up is under way, then in `ready` until the end of the loop's turn: nobody is called
 * from inside resolver_ask or from inside c-ares, so a callback may ask, cancel and close as it
 * likes.
 *
 * A look-up with an old answer at hand has RESOLVER_STALE_WAIT_MS; then who waits gets the old one,
 * and the look-up goes on for the next who asks.
 */
#include "pipeline/net/resolver.h"

#include "pipeline/base/clock.h"
#include "pipeline/base/compiler.h"
#include "pipeline/base/slice.h"
#include "pipeline/net/dns.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct name {
	struct resolver *resolver;
	struct name *next;
	struct resolver_answer answer; /* count 0: none yet */
	uint64_t expires_ns;
	uint64_t stale_ns; /* when an old answer will do; UINT64_MAX: it did, or there is none */
	uint64_t used_ns;
	bool asking;
	struct resolver_link waiting; /* list head */
	char text[];
};

struct resolver {
	struct loop *loop;
	struct dns *dns;
	struct name *names;
	size_t name_count;
	struct resolver_link ready; /* list head */
	struct loop_task deliver;
	bool deliver_due;
	uv_timer_t timer; /* the earliest stale_ns */
};

/* ---- lists ---------------------------------------------------------------------------------- */

static void list_init(struct resolver_link *head)
{
	head->next = head->previous = head;
}

static void list_append(struct resolver_link *head, struct resolver_link *link)
{
	link->next = head;
	link->previous = head->previous;
	head->previous->next = link;
	head->previous = link;
}

static void list_remove(struct resolver_link *link)
{
	link->previous->next = link->next;
	link->next->previous = link->previous;
	list_init(link);
}

static bool list_is_empty(const struct resolver_link *head)
{
	return head->next == head;
}

/* ---- names that nobody is asked for ----------------------------------------------------------- */

static bool is_localhost(const char *host)
{
	static const char localhost[] = "localhost";
	size_t len = strlen(host), want = sizeof(localhost) - 1;
	if (len > 0 && host[len - 1] == '.')
		len--;
	if (len < want || strncasecmp(host + len - want, localhost, want) != 0)
		return false;
	return len == want || host[len - want - 1] == '.';
}

/* "fe80::1%eth0", "fe80::1%2". False: no such interface. */
static bool parse_zone(const char *zone, uint32_t *ret_scope)
{
	uint64_t number;
	*ret_scope = if_nametoindex(zone);
	if (*ret_scope == 0 && slice_parse_u64(slice_str(zone), &number) && number <= UINT32_MAX)
		*ret_scope = (uint32_t)number;
	return *ret_scope != 0;
}

static bool parse_numeric(const char *host, union resolver_address *ret_address)
{
	char text[INET6_ADDRSTRLEN];
	size_t len = strcspn(host, "%");
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	if (len >= sizeof(text))
		return false;
	memcpy(text, host, len);
	text[len] = 0;
	if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
		ret_address->v4 = v4;
		return true;
	}
	if (inet_pton(AF_INET6, text, &v6.sin6_addr) != 1 ||
	    (host[len] != 0 && !parse_zone(host + len + 1, &v6.sin6_scope_id)))
		return false;
	ret_address->v6 = v6;
	return true;
}

/* IPv4 first: who listens on "localhost" at one address only, as the Collector does, has that. */
static void set_loopback(struct resolver_answer *answer)
{
	answer->count = 2;
	answer->addresses[0].v4 = (struct sockaddr_in){.sin_family = AF_INET,
						       .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	answer->addresses[1].v6 =
		(struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
}

static bool is_known(const char *host, struct resolver_answer *ret_answer)
{
	if (is_localhost(host)) {
		set_loopback(ret_answer);
		return true;
	}
	if (!parse_numeric(host, &ret_answer->addresses[0]))
		return false;
	ret_answer->count = 1;
	return true;
}

/* ---- answering ------------------------------------------------------------------------------ */

static void on_deliver(struct loop_task *task)
{
	struct resolver *resolver = CONTAINER_OF(task, struct resolver, deliver);
	resolver->deliver_due = false;
	while (!list_is_empty(&resolver->ready)) {
		struct resolver_link *link = resolver->ready.next;
		list_remove(link);
		struct resolver_request *request =
			CONTAINER_OF(link, struct resolver_request, link);
		request->done(request);
	}
}

static void make_ready(struct resolver *resolver, struct resolver_request *request)
{
	list_append(&resolver->ready, &request->link);
	if (resolver->deliver_due)
		return;
	resolver->deliver_due = true;
	loop_defer(resolver->loop, &resolver->deliver);
}

/* Everybody who waits for ${name} gets its answer, or ${why} there is none. */
static void answer_all(struct name *name, const char *why)
{
	while (!list_is_empty(&name->waiting)) {
		struct resolver_request *request =
			CONTAINER_OF(name->waiting.next, struct resolver_request, link);
		list_remove(&request->link);
		request->answer = name->answer;
		if (name->answer.count == 0)
			(void)err_set(&request->err, ERR_IO, "%s", why);
		make_ready(name->resolver, request);
	}
}

static void on_timer(uv_timer_t *timer);

static void arm_timer(struct resolver *resolver)
{
	uint64_t first_ns = UINT64_MAX, now_ns = clock_monotonic_ns();
	for (const struct name *name = resolver->names; name; name = name->next)
		first_ns = name->stale_ns < first_ns ? name->stale_ns : first_ns;
	if (first_ns == UINT64_MAX) {
		(void)uv_timer_stop(&resolver->timer); /* cannot fail */
		return;
	}
	uint64_t left_ns = first_ns > now_ns ? first_ns - now_ns : 0;
	uv_update_time(&resolver->loop->uv); /* a timer counts from the loop's idea of now */
	(void)uv_timer_start(&resolver->timer, on_timer, left_ns / NS_PER_MS + 1, 0);
}

static void on_timer(uv_timer_t *timer)
{
	struct resolver *resolver = timer->data;
	uint64_t now_ns = clock_monotonic_ns();
	for (struct name *name = resolver->names; name; name = name->next) {
		if (name->stale_ns > now_ns)
			continue;
		name->stale_ns = UINT64_MAX;
		answer_all(name, NULL);
	}
	arm_timer(resolver);
}

static void on_looked_up(void *arg, const struct dns_result *result)
{
	struct name *name = arg;
	uint64_t now_ns = clock_monotonic_ns();
	name->asking = false;
	name->stale_ns = UINT64_MAX;
	switch (result->outcome) {
	case DNS_FOUND:
		name->answer = *result->answer;
		name->expires_ns = now_ns + result->ttl_s * NS_PER_S;
		break;
	case DNS_NO_NAME: name->answer.count = 0; break;
	case DNS_FAILED: name->expires_ns = now_ns + RESOLVER_RECHECK_MS * NS_PER_MS; break;
	}
	answer_all(name, result->why);
	arm_timer(name->resolver);
}

/* ---- names ---------------------------------------------------------------------------------- */

static struct name *find_name(struct resolver *resolver, const char *host)
{
	struct name *name = resolver->names;
	while (name && strcasecmp(name->text, host) != 0)
		name = name->next;
	return name;
}

/* Forgets the name that was unused longest. False: a look-up is under way for each. */
static bool drop_name(struct resolver *resolver)
{
	struct name **oldest = NULL;
	for (struct name **at = &resolver->names; *at; at = &(*at)->next) {
		if (!(*at)->asking && (!oldest || (*at)->used_ns < (*oldest)->used_ns))
			oldest = at;
	}
	if (!oldest)
		return false;
	struct name *name = *oldest;
	*oldest = name->next;
	resolver->name_count--;
	free(name);
	return true;
}

static struct name *add_name(struct resolver *resolver, const char *host, struct err *err)
{
	size_t bytes = strlen(host) + 1;
	if (resolver->name_count == RESOLVER_NAMES_MAX && !drop_name(resolver)) {
		(void)err_set(err, ERR_LIMIT, "more than %d look-ups at once", RESOLVER_NAMES_MAX);
		return NULL;
	}
	struct name *name = calloc(1, sizeof(*name) + bytes);
	if (!name) {
		(void)err_set(err, ERR_NOMEM, "no memory");
		return NULL;
	}
	name->resolver = resolver;
	name->stale_ns = UINT64_MAX;
	list_init(&name->waiting);
	memcpy(name->text, host, bytes);
	name->next = resolver->names;
	resolver->names = name;
	resolver->name_count++;
	return name;
}

static void look_up(struct name *name, uint64_t now_ns)
{
	name->asking = true;
	if (name->answer.count > 0)
		name->stale_ns = now_ns + RESOLVER_STALE_WAIT_MS * NS_PER_MS;
	arm_timer(name->resolver);
	dns_look_up(name->resolver->dns, name->text, name);
}

/* Its answer is still good, or the look-up for a better one has had its time. */
static bool has_answer(const struct name *name, uint64_t now_ns)
{
	return name->answer.count > 0 &&
	       (now_ns < name->expires_ns || (name->asking && name->stale_ns == UINT64_MAX));
}

/* ---- life ----------------------------------------------------------------------------------- */

static void on_timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* Ends all look-ups and forgets everything: loop_fini. Nobody waits for an answer any more. */
static void end_with_loop(struct resolver *resolver)
{
	dns_free(resolver->dns);
	while (resolver->names) {
		struct name *name = resolver->names;
		resolver->names = name->next;
		free(name);
	}
	uv_close((uv_handle_t *)&resolver->timer, on_timer_closed);
}

static struct resolver *resolver_of(struct loop *loop)
{
	if (loop->resolver)
		return loop->resolver;
	struct resolver *resolver = calloc(1, sizeof(*resolver));
	if (!resolver || !(resolver->dns = dns_new(loop, on_looked_up))) {
		free(resolver);
		return NULL;
	}
	resolver->loop = loop;
	resolver->deliver.run = on_deliver;
	list_init(&resolver->ready);
	(void)uv_timer_init(&loop->uv, &resolver->timer); /* cannot fail */
	resolver->timer.data = resolver;
	loop->resolver = resolver;
	loop->free_resolver = end_with_loop;
	return resolver;
}

/* ---- questions ------------------------------------------------------------------------------ */

int resolver_ask(struct loop *loop, const char *host, struct resolver_request *request,
		 struct err *err)
{
	ASSERT_ON_LOOP(loop);
	struct resolver *resolver = resolver_of(loop);
	if (!resolver)
		return err_set(err, ERR_NOMEM, "no memory");
	request->answer.count = 0;
	if (is_known(host, &request->answer)) {
		make_ready(resolver, request);
		return 0;
	}
	struct name *name = find_name(resolver, host);
	if (!name && !(name = add_name(resolver, host, err)))
		return -1;
	uint64_t now_ns = clock_monotonic_ns();
	name->used_ns = now_ns;
	if (has_answer(name, now_ns)) {
		request->answer = name->answer;
		make_ready(resolver, request);
		return 0;
	}
	list_append(&name->waiting, &request->link);
	if (!name->asking)
		look_up(name, now_ns);
	return 0;
}

void resolver_cancel(struct resolver_request *request)
{
	list_remove(&request->link);
}

void resolver_distrust(struct loop *loop, const char *host)
{
	ASSERT_ON_LOOP(loop);
	struct name *name = loop->resolver ? find_name(loop->resolver, host) : NULL;
	if (name)
		name->expires_ns = 0;
}

socklen_t resolver_address_len(const union resolver_address *address)
{
	return address->any.sa_family == AF_INET6 ? sizeof(address->v6) : sizeof(address->v4);
}

/* ---- the blocking form ---------------------------------------------------------------------- */

struct now {
	struct resolver_request request;
	struct loop loop;
	bool is_over;
};

/* uv_stop: a turn whose answer came from a file would wait for the timer. */
static void on_now_done(struct resolver_request *request)
{
	struct now *now = CONTAINER_OF(request, struct now, request);
	now->is_over = true;
	uv_stop(&now->loop.uv);
}

static void on_now_timer(uv_timer_t *timer)
{
	struct now *now = timer->data;
	now->is_over = true;
	resolver_cancel(&now->request);
}

static int run_now(struct now *now, const char *host, struct err *err)
{
	uv_timer_t timer;
	if (resolver_ask(&now->loop, host, &now->request, err) != 0)
		return -1;
	(void)err_set(&now->request.err, ERR_IO, "no answer within %d s", RESOLVER_NOW_MS / 1000);
	(void)uv_timer_init(&now->loop.uv, &timer); /* these two cannot fail */
	timer.data = now;
	(void)uv_timer_start(&timer, on_now_timer, RESOLVER_NOW_MS, 0);
	while (!now->is_over)
		(void)uv_run(&now->loop.uv, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&timer, NULL);
	(void)uv_run(&now->loop.uv, UV_RUN_NOWAIT); /* the timer is on this stack */
	if (now->request.answer.count == 0)
		*err = now->request.err;
	return now->request.answer.count > 0 ? 0 : -1;
}

int resolver_ask_now(const char *host, struct resolver_answer *ret_answer, struct err *err)
{
	struct now now = {.request.done = on_now_done};
	if (is_known(host, ret_answer))
		return 0;
	if (loop_init(&now.loop, err) != 0)
		return -1;
	int result = run_now(&now, host, err);
	loop_fini(&now.loop);
	if (result == 0)
		*ret_answer = now.request.answer;
	return result;
}
