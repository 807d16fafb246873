/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RESOLVING -> CONNECTING (one address after the other) -> TUNNELLING (with a proxy) -> ENDED.
 * The whole attempt is bounded by CLIENT_CONNECT_TIMEOUT_MS; an address gets an equal share of what
 * is left, at least ADDRESS_TIMEOUT_MS_MIN. A name whose addresses all failed is looked up again by
 * the next attempt. The connector owns itself: it is freed when its timer is closed.
 */
#include "pipeline/net/connector.h"

#include "pipeline/base/assert.h"
#include "pipeline/base/buf.h"
#include "pipeline/base/clock.h"
#include "pipeline/net/client.h"
#include "pipeline/net/resolver.h"
#include "pipeline/net/unix_address.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ADDRESS_TIMEOUT_MS_MIN = 2000, PROXY_REPLY_BYTES_MAX = 16 * 1024 };

enum state { RESOLVING = 0, CONNECTING, TUNNELLING, ENDED };

UNUSED static const unsigned may_follow[] = {
	[RESOLVING] = STATE_BIT(CONNECTING) | STATE_BIT(ENDED),
	[CONNECTING] = STATE_BIT(TUNNELLING) | STATE_BIT(ENDED),
	[TUNNELLING] = STATE_BIT(ENDED),
	[ENDED] = 0,
};

struct connector {
	struct loop *loop;
	connector_done_f *done;
	void *arg;
	struct proxy proxy;
	char *host;
	uint16_t port;
	enum state state;
	struct resolver_request resolve;
	size_t next; /* the address to try */
	uv_timer_t timer;
	uv_poll_t *poll; /* one per socket, frees itself when closed */
	uint64_t deadline_ns;
	int fd;
	struct err first_error; /* of the addresses tried */
	struct buf request, reply;
	size_t request_sent;
};

static bool has_proxy(const struct connector *c)
{
	return c->proxy.host[0] != 0;
}

/* Whether the way to the peer begins with a CONNECT request. */
static bool has_tunnel(const struct connector *c)
{
	return has_proxy(c) && !c->proxy.forwards;
}

static const char *dialled_host(const struct connector *c)
{
	return has_proxy(c) ? c->proxy.host : c->host;
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct connector *c = handle->data;
	explicit_bzero(&c->proxy, sizeof(c->proxy));
	if (c->request.data)
		explicit_bzero(c->request.data, c->request.capacity);
	buf_fini(&c->request);
	buf_fini(&c->reply);
	free(c->host);
	free(c);
}

static void on_poll_closed(uv_handle_t *handle)
{
	free(handle);
}

static void close_poll(struct connector *c)
{
	if (c->poll)
		uv_close((uv_handle_t *)c->poll, on_poll_closed);
	c->poll = NULL;
}

static void enter(struct connector *c, enum state state)
{
	ASSERT_STEP(may_follow, c->state, state);
	c->state = state;
}

static void close_socket(struct connector *c)
{
	close_poll(c);
	if (c->fd >= 0)
		(void)close(c->fd); /* nothing was sent that matters */
	c->fd = -1;
}

static void end(struct connector *c)
{
	if (c->state == RESOLVING)
		resolver_cancel(&c->resolve);
	enter(c, ENDED);
	close_socket(c);
	uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}

static void succeed(struct connector *c)
{
	close_poll(c);
	int fd = c->fd;
	c->fd = -1;
	connector_done_f *done = c->done;
	void *arg = c->arg;
	end(c);
	done(arg, fd, NULL);
}

static void fail(struct connector *c, const struct err *err)
{
	struct err copy = *err;
	connector_done_f *done = c->done;
	void *arg = c->arg;
	end(c);
	done(arg, -1, &copy);
}

/* "connect to host:port: what"; ${code} is libuv's, its texts are lower-case like Go's. */
static void describe(const struct connector *c, int code, const char *what, struct err *err)
{
	bool v6 = strchr(c->host, ':');
	if (unix_address_is(c->host))
		(void)err_set(err, ERR_IO, "connect to %s: %s", c->host, what);
	else if (has_proxy(c))
		(void)err_set(err, ERR_IO, "connect to %s:%u through proxy %s:%u: %s", c->host,
			      c->port, c->proxy.host, c->proxy.port, what);
	else
		(void)err_set(err, ERR_IO, v6 ? "connect to [%s]:%u: %s" : "connect to %s:%u: %s",
			      c->host, c->port, what);
	err->sys = code < 0 ? -code : 0;
}

static void fail_code(struct connector *c, int code)
{
	struct err err;
	describe(c, code, uv_strerror(code), &err);
	fail(c, &err);
}

static void fail_text(struct connector *c, const char *what)
{
	struct err err;
	describe(c, 0, what, &err);
	fail(c, &err);
}

/* ---- proxy -------------------------------------------------------------------------------- */

static void read_reply(struct connector *c)
{
	uint8_t bytes[2048];
	/* Bytes after the reply are the peer's first ones: look first, then take only the reply. */
	ssize_t len = recv(c->fd, bytes, sizeof(bytes), MSG_PEEK);
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0) {
		fail_text(c, "the proxy closed the connection");
		return;
	}
	size_t before = c->reply.len;
	buf_append(&c->reply, slice_of(bytes, (size_t)len));
	if (c->reply.failed || c->reply.len > PROXY_REPLY_BYTES_MAX) {
		fail_text(c, "the proxy's answer is too large");
		return;
	}
	int status;
	size_t reply_len = proxy_reply_parse(buf_slice(&c->reply), &status);
	size_t take = reply_len > 0 ? reply_len - before : (size_t)len;
	if (recv(c->fd, bytes, take, 0) != (ssize_t)take) {
		fail_text(c, "the proxy closed the connection");
		return;
	}
	if (reply_len == 0)
		return;
	if (status >= 200 && status < 300) {
		succeed(c);
		return;
	}
	if (status == 0) {
		fail_text(c, "the proxy does not speak HTTP");
		return;
	}
	char text[64];
	(void)snprintf(text, sizeof(text), "the proxy answered %d%s", status,
		       status == 407 ? " (authentication required)" : "");
	fail_text(c, text);
}

static void on_tunnel_poll(uv_poll_t *poll, int status, int events)
{
	struct connector *c = poll->data;
	if (status < 0) {
		fail_code(c, status);
		return;
	}
	if (c->request_sent < c->request.len && (events & UV_WRITABLE)) {
		ssize_t sent = send(c->fd, c->request.data + c->request_sent,
				    c->request.len - c->request_sent, MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN && errno != EINTR) {
			fail_code(c, -errno);
			return;
		}
		c->request_sent += sent > 0 ? (size_t)sent : 0;
		if (c->request_sent == c->request.len)
			(void)uv_poll_start(poll, UV_READABLE, on_tunnel_poll); /* was running */
		return;
	}
	if (events & UV_READABLE)
		read_reply(c);
}

static void on_timeout(uv_timer_t *timer);

static void begin_tunnel(struct connector *c)
{
	enter(c, TUNNELLING);
	proxy_request_write(&c->proxy, c->host, c->port, &c->request);
	if (c->request.failed) {
		fail_code(c, UV_ENOMEM);
		return;
	}
	uint64_t now = clock_monotonic_ns();
	uint64_t left = c->deadline_ns > now ? c->deadline_ns - now : 0;
	(void)uv_timer_start(&c->timer, on_timeout, left / NS_PER_MS + 1, 0); /* cannot fail */
	(void)uv_poll_start(c->poll, UV_WRITABLE, on_tunnel_poll);	      /* was running */
}

/* ---- addresses ---------------------------------------------------------------------------- */

static void try_next(struct connector *c);

static void note_failure(struct connector *c, int code)
{
	if (c->first_error.kind == ERR_NONE)
		describe(c, code, uv_strerror(code), &c->first_error);
	close_socket(c);
	try_next(c);
}

static void on_connect_poll(uv_poll_t *poll, int status, int events)
{
	(void)events; /* only writability is asked for */
	struct connector *c = poll->data;
	int code = 0;
	socklen_t len = sizeof(code);
	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &code, &len) != 0)
		code = errno;
	if (code == 0 && status < 0)
		code = -status;
	if (code != 0)
		note_failure(c, -code);
	else if (has_tunnel(c))
		begin_tunnel(c);
	else
		succeed(c);
}

static int watch_socket(struct connector *c)
{
	uv_poll_t *poll = malloc(sizeof(*poll));
	if (!poll)
		return UV_ENOMEM;
	int code = uv_poll_init(&c->loop->uv, poll, c->fd);
	if (code != 0) {
		free(poll);
		return code;
	}
	poll->data = c;
	c->poll = poll;
	return uv_poll_start(poll, UV_WRITABLE, on_connect_poll);
}

static int open_socket(struct connector *c, const struct sockaddr *address, socklen_t len)
{
	c->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return -errno;
	if (connect(c->fd, address, len) != 0 && errno != EINPROGRESS)
		return -errno;
	return watch_socket(c);
}

/* The port stands at one place in both families, see listener.c. */
static int open_address(struct connector *c, const union resolver_address *address)
{
	union resolver_address with_port = *address;
	with_port.v4.sin_port = htons(has_proxy(c) ? c->proxy.port : c->port);
	return open_socket(c, &with_port.any, resolver_address_len(&with_port));
}

static void start_address_timer(struct connector *c)
{
	uint64_t now = clock_monotonic_ns();
	uint64_t addresses =
		c->resolve.answer.count - c->next + 1; /* this one, and those to come */
	uint64_t left_ms = c->deadline_ns > now ? (c->deadline_ns - now) / NS_PER_MS : 0;
	uint64_t share_ms = left_ms / addresses;
	if (share_ms < ADDRESS_TIMEOUT_MS_MIN)
		share_ms = left_ms < ADDRESS_TIMEOUT_MS_MIN ? left_ms : ADDRESS_TIMEOUT_MS_MIN;
	(void)uv_timer_start(&c->timer, on_timeout, share_ms + 1, 0); /* cannot fail */
}

static void try_next(struct connector *c)
{
	const struct resolver_answer *answer = &c->resolve.answer;
	while (c->next < answer->count && clock_monotonic_ns() < c->deadline_ns) {
		int code = open_address(c, &answer->addresses[c->next++]);
		if (code == 0) {
			start_address_timer(c);
			return;
		}
		if (c->first_error.kind == ERR_NONE)
			describe(c, code, uv_strerror(code), &c->first_error);
		close_socket(c);
	}
	if (c->first_error.kind == ERR_NONE)
		describe(c, UV_ETIMEDOUT, uv_strerror(UV_ETIMEDOUT), &c->first_error);
	resolver_distrust(c->loop, dialled_host(c));
	fail(c, &c->first_error);
}

static void on_timeout(uv_timer_t *timer)
{
	struct connector *c = timer->data;
	if (c->state == CONNECTING)
		note_failure(c, UV_ETIMEDOUT);
	else
		fail_code(c, UV_ETIMEDOUT);
}

static void on_resolved(struct resolver_request *request)
{
	struct connector *c = CONTAINER_OF(request, struct connector, resolve);
	enter(c, CONNECTING);
	if (request->answer.count > 0)
		try_next(c);
	else
		fail_text(c, request->err.msg);
}

/* The first turn of the timer: an attempt never ends inside connector_start. */
static void on_unix_start(uv_timer_t *timer)
{
	struct connector *c = timer->data;
	struct sockaddr_un address;
	socklen_t len = unix_address_set(c->host, &address);
	int code =
		len > 0 ? open_socket(c, (const struct sockaddr *)&address, len) : UV_ENAMETOOLONG;
	if (code == 0)
		start_address_timer(c);
	else
		fail_code(c, code);
}

/* ---- life --------------------------------------------------------------------------------- */

static int begin(struct connector *c, struct err *err)
{
	uint64_t timeout_ms = CLIENT_CONNECT_TIMEOUT_MS;
	c->deadline_ns = clock_monotonic_ns() + timeout_ms * NS_PER_MS;
	if (!has_proxy(c) && unix_address_is(c->host)) {
		enter(c, CONNECTING);
		(void)uv_timer_start(&c->timer, on_unix_start, 0, 0); /* cannot fail */
		return 0;
	}
	(void)uv_timer_start(&c->timer, on_timeout, timeout_ms, 0); /* cannot fail */
	c->resolve.done = on_resolved;
	struct err why;
	if (resolver_ask(c->loop, dialled_host(c), &c->resolve, &why) == 0)
		return 0;
	describe(c, 0, why.msg, err);
	err->kind = why.kind;
	return -1;
}

struct connector *connector_start(struct loop *loop, const char *host, uint16_t port,
				  const struct proxy *proxy, connector_done_f *done, void *arg,
				  struct err *err)
{
	ASSERT_ON_LOOP(loop);
	struct connector *c = calloc(1, sizeof(*c));
	if (!c || !(c->host = strdup(host))) {
		free(c);
		(void)err_set(err, ERR_NOMEM, "connect: no memory");
		return NULL;
	}
	c->loop = loop;
	c->port = port;
	c->proxy = *proxy;
	c->done = done;
	c->arg = arg;
	c->fd = -1;
	(void)uv_timer_init(&loop->uv, &c->timer); /* cannot fail */
	c->timer.data = c;
	if (begin(c, err) == 0)
		return c;
	uv_close((uv_handle_t *)&c->timer, on_timer_closed);
	return NULL;
}

void connector_cancel(struct connector *connector)
{
	ASSERT_ON_LOOP(connector->loop);
	end(connector);
}
