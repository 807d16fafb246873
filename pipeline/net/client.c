/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls: their queue, their deadlines, their end. Connections are made on demand, as many as there
 * are calls without one (one when calls share it), at most connections_max; nothing reconnects by
 * itself. A connection that does not come up ends the calls that waited for it; when to try again
 * is the caller's decision.
 *
 * One timer per client stands for all deadlines, keep-alives and idle times: it fires at the
 * earliest one that was ever asked for, looks at everything and is set anew.
 */
#include "pipeline/base/assert.h"
#include "pipeline/net/client_internal.h"

#include "pipeline/base/clock.h"
#include "pipeline/net/unix_address.h"

#include <stdio.h>
#include <stdlib.h>

enum { IDLE_TIMEOUT_S_DEFAULT = 90, HTTP_PORT = 80, HTTPS_PORT = 443 };

void call_list_append(struct call_list *list, struct client_call *call)
{
	call->next = NULL;
	call->previous = list->last;
	if (list->last)
		list->last->next = call;
	else
		list->first = call;
	list->last = call;
	list->count++;
}

static void call_list_prepend(struct call_list *list, struct client_call *call)
{
	call->previous = NULL;
	call->next = list->first;
	if (list->first)
		list->first->previous = call;
	else
		list->last = call;
	list->first = call;
	list->count++;
}

void call_list_remove(struct call_list *list, struct client_call *call)
{
	ASSERT(list->count > 0);
	if (call->previous)
		call->previous->next = call->next;
	else
		list->first = call->next;
	if (call->next)
		call->next->previous = call->previous;
	else
		list->last = call->previous;
	list->count--;
}

static enum call_state place(const struct client_call *call)
{
	return (enum call_state)(call->state & CALL_PLACE_MASK);
}

/* ---- ends of calls ------------------------------------------------------------------------ */

void call_finish(struct client_call *call, struct client_result *result)
{
	struct client *client = call->client;
	struct exchange *exchange = call->stream;
	ASSERT(place(call) == (exchange ? CALL_ACTIVE : CALL_WAITING));
	ASSERT(!exchange || exchange->call == call);
	call_list_remove(exchange ? &exchange->link->active : &client->waiting, call);
	call->state = CALL_IDLE;
	call->stream = NULL;
	if (exchange) {
		exchange->call = NULL;
		link_settle(exchange->link);
	}
	client_turn_later(client);
	call->done(call, result); /* the call is the caller's again, and may be gone */
	if (exchange)
		exchange_free(exchange);
}

void call_fail(struct client_call *call, enum client_outcome outcome, const struct err *err)
{
	struct client_result result = {.outcome = outcome, .err = *err};
	call_finish(call, &result);
}

/* Ends a call that nothing but the caller or the clock has ended. */
static void call_abandon(struct client_call *call, enum client_outcome outcome,
			 const struct err *err)
{
	struct exchange *exchange = call->stream;
	if (exchange)
		exchange->link->protocol->cancel(exchange->link->session, exchange);
	call_fail(call, outcome, err);
}

bool call_retry(struct client_call *call)
{
	struct exchange *exchange = call->stream;
	if (call->state & CALL_RETRIED)
		return false;
	call_list_remove(&exchange->link->active, call);
	exchange_free(exchange);
	call->stream = NULL;
	call->state = CALL_WAITING | CALL_RETRIED;
	call_list_prepend(&call->client->waiting, call);
	client_turn_later(call->client);
	return true;
}

void client_connect_failed(struct client *client, enum client_outcome outcome,
			   const struct err *err)
{
	/* Connections of one call each are opened one per waiting call; this one's goes. */
	uint32_t count = client->multiplexes ? client->waiting.count : 1;
	while (count-- > 0 && client->waiting.first)
		call_fail(client->waiting.first, outcome, err);
}

/* ---- the turn ----------------------------------------------------------------------------- */

static struct link *pick_link(struct client *client)
{
	for (struct link *link = client->links; link; link = link->next) {
		if (link->state == LINK_OPEN && link_room(link) > 0)
			return link;
	}
	return NULL;
}

static void open_links(struct client *client)
{
	uint32_t coming = 0, counted = 0;
	for (const struct link *link = client->links; link; link = link->next) {
		coming += link->state <= LINK_OPENING;
		counted += link->state <= LINK_OPEN;
	}
	while (!client->closing && client->waiting.count > 0 &&
	       coming < (client->multiplexes ? 1 : client->waiting.count) &&
	       counted < client->config.connections_max) {
		struct err err;
		if (link_open(client, &err) < 0) {
			client_connect_failed(client, CLIENT_CONNECT_FAILED, &err);
			return; /* the next turn goes on */
		}
		coming++;
		counted++;
	}
}

static void flush_links(struct client *client)
{
	/* A callback may change the list: start again after each. */
	for (struct link *link = client->links; link;) {
		if (!link->flush_due) {
			link = link->next;
			continue;
		}
		link->flush_due = false;
		if (link->session && link->state <= LINK_DRAINING)
			link->protocol->flush(link->session);
		link = client->links;
	}
}

static void run_turn(struct loop_task *task)
{
	struct client *client = CONTAINER_OF(task, struct client, turn);
	ASSERT(client->turn_due && client->refs > 0);
	client->turn_due = false;
	struct link *link;
	while (!client->closing && client->waiting.first && (link = pick_link(client)))
		link_start(link, client->waiting.first);
	open_links(client);
	flush_links(client);
	client_unref(client);
}

void client_turn_later(struct client *client)
{
	if (client->turn_due || client->closing)
		return;
	client->turn_due = true;
	client->refs++;
	loop_defer(client->loop, &client->turn);
}

/* ---- time --------------------------------------------------------------------------------- */

static struct client_call *first_expired(struct call_list *list, uint64_t now_ns)
{
	for (struct client_call *call = list->first; call; call = call->next) {
		if (call->deadline_ns <= now_ns)
			return call;
	}
	return NULL;
}

static struct client_call *find_expired(struct client *client, uint64_t now_ns)
{
	struct client_call *call = first_expired(&client->waiting, now_ns);
	for (struct link *link = client->links; link && !call; link = link->next)
		call = first_expired(&link->active, now_ns);
	return call;
}

static uint64_t earliest_deadline(const struct call_list *list, uint64_t earliest_ns)
{
	for (const struct client_call *call = list->first; call; call = call->next) {
		if (call->deadline_ns < earliest_ns)
			earliest_ns = call->deadline_ns;
	}
	return earliest_ns;
}

static void on_timer(uv_timer_t *timer)
{
	struct client *client = timer->data;
	uint64_t now_ns = clock_monotonic_ns(), next_ns;
	struct client_call *call;
	struct err err;
	client->timer_ns = UINT64_MAX;
	(void)err_set(&err, ERR_IO, "%s: no answer within the timeout", client->target);
	while ((call = find_expired(client, now_ns)))
		call_abandon(call, CLIENT_TIMED_OUT, &err);
	for (struct link *link = client->links; link;) {
		if (link->ticked_ns == now_ns) {
			link = link->next;
			continue;
		}
		link->ticked_ns = now_ns;
		link_tick(link, now_ns);
		link = client->links; /* the tick may have changed the list */
	}
	next_ns = earliest_deadline(&client->waiting, UINT64_MAX);
	for (const struct link *link = client->links; link; link = link->next)
		next_ns = earliest_deadline(&link->active, next_ns);
	client_wake_at(client, next_ns);
}

void client_wake_at(struct client *client, uint64_t when_ns)
{
	if (client->closing || when_ns >= client->timer_ns)
		return;
	uint64_t now_ns = clock_monotonic_ns();
	uint64_t delay_ns = when_ns > now_ns ? when_ns - now_ns : 0;
	client->timer_ns = when_ns;
	uv_update_time(&client->loop->uv); /* a timer counts from the loop's idea of now */
	(void)uv_timer_start(&client->timer, on_timer, delay_ns / NS_PER_MS + 1,
			     0); /* cannot fail */
}

/* ---- the public interface ----------------------------------------------------------------- */

void client_send(struct client *client, struct client_call *call)
{
	ASSERT_ON_LOOP(client->loop);
	ASSERT(!client->closing && place(call) == CALL_IDLE && call->done);
	call->client = client;
	call->stream = NULL;
	call->state = CALL_WAITING;
	call->deadline_ns =
		call->timeout_ns > 0 ? clock_monotonic_ns() + call->timeout_ns : UINT64_MAX;
	if (call->deadline_ns < call->timeout_ns)
		call->deadline_ns = UINT64_MAX;
	call_list_append(&client->waiting, call);
	client_wake_at(client, call->deadline_ns);
	client_turn_later(client);
}

static const struct err cancelled = {.kind = ERR_IO, .msg = "cancelled"};

void client_cancel(struct client_call *call)
{
	if (place(call) != CALL_IDLE)
		call_abandon(call, CLIENT_CANCELLED, &cancelled);
}

static void free_memory(struct client *client)
{
	ASSERT(!client->links && client->waiting.count == 0);
	free((char *)(uintptr_t)client->config.host); /* ours, see copy_config */
	free((char *)(uintptr_t)client->config.authority);
	free((char *)(uintptr_t)client->config.server_name);
	free(client->target);
	explicit_bzero(&client->proxy, sizeof(client->proxy));
	free(client);
}

void client_unref(struct client *client)
{
	ASSERT(client->refs > 0);
	if (--client->refs == 0)
		free_memory(client);
}

static void on_timer_closed(uv_handle_t *handle)
{
	client_unref(handle->data);
}

static struct client_call *any_call(struct client *client)
{
	struct client_call *call = client->waiting.first;
	for (struct link *link = client->links; link && !call; link = link->next)
		call = link->active.first;
	return call;
}

void client_free(struct client *client)
{
	struct client_call *call;
	if (!client)
		return;
	ASSERT_ON_LOOP(client->loop);
	ASSERT(!client->closing);
	client->closing = true;
	while ((call = any_call(client)))
		call_abandon(call, CLIENT_CANCELLED, &cancelled);
	for (struct link *link = client->links, *next; link; link = next) {
		next = link->next; /* link_close calls nobody */
		link_close(link);
	}
	uv_close((uv_handle_t *)&client->timer, on_timer_closed);
}

static char *host_text(const struct client_config *config, bool with_port)
{
	if (unix_address_is(config->host))
		return strdup(config->host);
	bool v6 = strchr(config->host, ':') != NULL;
	char *text = NULL;
	int len = with_port ? asprintf(&text, v6 ? "[%s]:%u" : "%s:%u", config->host, config->port)
			    : asprintf(&text, v6 ? "[%s]" : "%s", config->host);
	return len < 0 ? NULL : text;
}

/* As a URL would have it: without the port that goes without saying. */
static char *default_authority(const struct client_config *config)
{
	bool is_default_port = config->port == (config->tls ? HTTPS_PORT : HTTP_PORT);
	/* A unix socket has no name: this is what gRPC says. */
	return unix_address_is(config->host) ? strdup("localhost")
					     : host_text(config, !is_default_port);
}

static int choose_proxy(struct client *client, const struct client_config *config, struct err *err)
{
	bool is_grpc = config->mode == CLIENT_GRPC;
	if (unix_address_is(config->host))
		return 0;
	/* Every gRPC connection wants a tunnel; grpc-go asks for HTTPS_PROXY, whatever it carries. */
	if (proxy_choose(config->proxy_url, config->host, config->port, config->tls || is_grpc,
			 getenv, &client->proxy, err) < 0)
		return -1;
	client->proxy.forwards = client->proxy.host[0] && !config->tls && !is_grpc;
	return 0;
}

static int copy_config(struct client *client, const struct client_config *config, struct err *err)
{
	struct client_config *own = &client->config;
	const char *server_name = unix_address_is(config->host) ? "localhost" : config->host;
	*own = *config;
	own->proxy_url = NULL;
	own->host = strdup(config->host);
	own->authority = config->authority ? strdup(config->authority) : default_authority(config);
	own->server_name = strdup(config->server_name ? config->server_name : server_name);
	client->target = host_text(config, true);
	if (own->connections_max == 0)
		own->connections_max = 1;
	if (own->idle_timeout_ns == 0)
		own->idle_timeout_ns = IDLE_TIMEOUT_S_DEFAULT * NS_PER_S;
	if (!own->host || !own->authority || !own->server_name || !client->target)
		return err_set(err, ERR_NOMEM, "no memory for a client");
	if (!client_value_is_valid(slice_str(own->authority)))
		return err_set(err, ERR_CONFIG, "authority: invalid character");
	return choose_proxy(client, config, err);
}

struct client *client_new(struct loop *loop, const struct client_config *config, struct err *err)
{
	struct client *client = calloc(1, sizeof(*client));
	if (!client) {
		(void)err_set(err, ERR_NOMEM, "no memory for a client");
		return NULL;
	}
	if (copy_config(client, config, err) < 0) {
		free_memory(client);
		return NULL;
	}
	client->loop = loop;
	client->multiplexes = config->mode == CLIENT_GRPC;
	client->turn.run = run_turn;
	client->timer_ns = UINT64_MAX;
	client->refs = 1;				/* the timer's */
	(void)uv_timer_init(&loop->uv, &client->timer); /* cannot fail */
	client->timer.data = client;
	return client;
}
