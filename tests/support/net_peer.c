/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/net_peer.h"

#include "pipeline/base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void must(bool ok)
{
	if (!ok)
		abort(); /* the machine cannot run the test */
}

static int make_socket(void)
{
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	must(fd >= 0);
	must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0);
	return fd;
}

int net_connect(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				      .sin_port = htons(port)};
	int fd = make_socket();
	must(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ||
	     errno == EINPROGRESS);
	return fd;
}

void net_tcp_pair(int *ret_ours, int *ret_theirs)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int listener = make_socket();
	must(fcntl(listener, F_SETFL, 0) == 0); /* accept waits for the connection */
	must(bind(listener, (struct sockaddr *)&address, len) == 0);
	must(listen(listener, 1) == 0);
	must(getsockname(listener, (struct sockaddr *)&address, &len) == 0);
	*ret_theirs = net_connect(ntohs(address.sin_port));
	*ret_ours = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	must(*ret_ours >= 0);
	(void)close(listener);
}

static void on_tick(uv_timer_t *timer)
{
	(void)timer; /* its only use is to end the wait of a turn */
}

/* One turn of the loop that waits at most ${wait_ms} for an event. */
static void turn(struct loop *loop, uint64_t wait_ms)
{
	if (!loop)
		return;
	uv_timer_t tick;
	must(uv_timer_init(&loop->uv, &tick) == 0);
	must(uv_timer_start(&tick, on_tick, wait_ms, wait_ms) == 0); /* ONCE waits after timers */
	(void)uv_run(&loop->uv, wait_ms ? UV_RUN_ONCE : UV_RUN_NOWAIT);
	uv_close((uv_handle_t *)&tick, NULL);
	(void)uv_run(&loop->uv, UV_RUN_NOWAIT);
}

bool net_run_until(struct loop *loop, bool (*done)(void *arg), void *arg)
{
	uint64_t end_ns = clock_monotonic_ns() + NET_DEADLINE_MS * NS_PER_MS;
	while (!done(arg)) {
		if (clock_monotonic_ns() > end_ns)
			return false;
		turn(loop, 1);
	}
	return true;
}

void net_settle(struct loop *loop)
{
	for (int i = 0; i < 5; i++)
		turn(loop, 1);
}

bool net_send(struct loop *loop, int fd, struct slice bytes, size_t piece)
{
	size_t at = 0;
	uint64_t end_ns = clock_monotonic_ns() + NET_DEADLINE_MS * NS_PER_MS;
	while (at < bytes.len) {
		size_t len = bytes.len - at;
		if (piece > 0 && len > piece)
			len = piece;
		ssize_t sent = send(fd, bytes.ptr + at, len, MSG_NOSIGNAL);
		if (sent > 0)
			at += (size_t)sent;
		else if (errno != EAGAIN || clock_monotonic_ns() > end_ns)
			return false;
		turn(loop, sent > 0 ? 0 : 1);
	}
	return true;
}

bool net_receive(int fd, struct buf *into)
{
	uint8_t bytes[65536];
	for (;;) {
		ssize_t len = recv(fd, bytes, sizeof(bytes), 0);
		if (len > 0)
			buf_append(into, slice_of(bytes, (size_t)len));
		else
			return len < 0 && errno == EAGAIN;
	}
}

static bool receive_until(struct loop *loop, int fd, struct buf *into, size_t len, const char *text,
			  bool *ret_ended)
{
	uint64_t end_ns = clock_monotonic_ns() + NET_DEADLINE_MS * NS_PER_MS;
	*ret_ended = false;
	for (;;) {
		if (text ? into->len > 0 && memmem(into->data, into->len, text, strlen(text))
			 : into->len >= len)
			return true;
		if (*ret_ended || clock_monotonic_ns() > end_ns)
			return false;
		turn(loop, 1);
		*ret_ended = !net_receive(fd, into);
	}
}

bool net_receive_len(struct loop *loop, int fd, struct buf *into, size_t len)
{
	bool ended;
	return receive_until(loop, fd, into, len, NULL, &ended);
}

bool net_receive_text(struct loop *loop, int fd, struct buf *into, const char *text)
{
	bool ended;
	return receive_until(loop, fd, into, 0, text, &ended);
}

bool net_receive_end(struct loop *loop, int fd, struct buf *into)
{
	bool ended;
	(void)receive_until(loop, fd, into, SIZE_MAX, NULL, &ended);
	return ended;
}

void net_reset(int fd)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 0};
	must(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) == 0);
	(void)close(fd);
}
