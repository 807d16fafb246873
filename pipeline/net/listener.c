/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an endpoint text to listening sockets. A name is bound at every address it resolves to
 * (`localhost`: 127.0.0.1 and ::1, of which one may be missing on this machine); looking it up
 * blocks the start, for RESOLVER_NOW_MS at most. An unspecified IPv4 address listens dual-stack, as
 * Go does it, unless the transport says tcp4. With port 0 all addresses get the same port.
 */
#include "pipeline/net/resolver.h"
#include "pipeline/net/server_internal.h"
#include "pipeline/net/unix_address.h"

#include "pipeline/net/listen_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	BACKLOG = 4096,
	FREE_PORT_TRIES = 16, /* port 0: until one is free at all addresses */
};

_Static_assert(offsetof(struct sockaddr_in, sin_port) == offsetof(struct sockaddr_in6, sin6_port),
	       "both families have the port at one place");

static uint16_t bound_port(int fd)
{
	struct sockaddr_in6 address = {0};
	socklen_t len = sizeof(address);
	return getsockname(fd, (struct sockaddr *)&address, &len) == 0 ? ntohs(address.sin6_port)
								       : 0;
}

/* A listening socket, or -1 with errno. */
static int open_socket(const struct sockaddr *address, socklen_t len, bool dual_stack)
{
	int one = 1, v6only = !dual_stack;
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
	    (address->sa_family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only)) != 0) ||
	    bind(fd, address, len) != 0 || listen(fd, BACKLOG) != 0) {
		int saved = errno;
		(void)close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static void add_socket(struct listener *listener, int fd)
{
	listener->fds[listener->count++] = fd;
	if (listener->port == 0)
		listener->port = bound_port(fd);
}

static void close_sockets(struct listener *listener)
{
	while (listener->count > 0)
		(void)close(listener->fds[--listener->count]);
}

/* "listen tcp 127.0.0.1:4317: bind: address already in use (held by pid 123, otelcol)" */
static int describe(struct err *err, int sys, const char *transport, const struct sockaddr *address,
		    socklen_t len, uint16_t port)
{
	char host[NI_MAXHOST] = "?", holder[128] = "";
	(void)getnameinfo(address, len, host, sizeof(host), NULL, 0, NI_NUMERICHOST);
	if (sys == EADDRINUSE)
		port_holder(port, holder, sizeof(holder));
	const char *why = sys == EADDRINUSE ? "address already in use"
			  : sys == EACCES   ? "permission denied"
					    : uv_strerror(-sys);
	bool brackets = address->sa_family == AF_INET6;
	(void)err_set(err, ERR_IO, "listen %s %s%s%s:%u: bind: %s%s", transport,
		      brackets ? "[" : "", host, brackets ? "]" : "", port, why, holder);
	if (err)
		err->sys = sys;
	return -1;
}

static bool is_missing_address(int sys)
{
	return sys == EADDRNOTAVAIL || sys == EAFNOSUPPORT;
}

/* Binds every address at one port. 0, or -1 with errno of the address ${ret_at}. */
static int bind_all(struct listener *listener, struct resolver_answer *answer, uint16_t port,
		    const union resolver_address **ret_at)
{
	int missing = 0;
	for (size_t i = 0; i < answer->count && i < LISTENER_SOCKETS_MAX; i++) {
		union resolver_address *at = &answer->addresses[i];
		at->v4.sin_port = htons(port != 0 ? port : listener->port);
		int fd = open_socket(&at->any, resolver_address_len(at), false);
		*ret_at = at;
		if (fd >= 0)
			add_socket(listener, fd);
		else if (is_missing_address(errno))
			missing = errno;
		else
			return -1;
	}
	errno = missing;
	return listener->count > 0 ? 0 : -1;
}

/* AF_UNSPEC: both families. */
static void keep_family(struct resolver_answer *answer, int family)
{
	size_t kept = 0;
	for (size_t i = 0; i < answer->count; i++) {
		if (family == AF_UNSPEC || answer->addresses[i].any.sa_family == family)
			answer->addresses[kept++] = answer->addresses[i];
	}
	answer->count = kept;
}

static int look_up(const char *transport, const char *host, int family,
		   struct resolver_answer *answer, struct err *err)
{
	struct err why;
	if (resolver_ask_now(host, answer, &why) != 0)
		return err_set(err, why.kind, "listen %s: lookup %s: %s", transport, host, why.msg);
	keep_family(answer, family);
	if (answer->count == 0)
		return err_set(err, ERR_IO, "listen %s: lookup %s: no address of this family",
			       transport, host);
	return 0;
}

static int open_host(struct listener *listener, const char *transport, const char *host,
		     uint16_t port, int family, struct err *err)
{
	struct resolver_answer answer;
	const union resolver_address *at = NULL;
	int result = -1;
	if (look_up(transport, host, family, &answer, err) != 0)
		return -1;
	for (int i = 0; i < FREE_PORT_TRIES && result != 0; i++) {
		listener->port = 0;
		result = bind_all(listener, &answer, port, &at);
		if (result == 0)
			break;
		close_sockets(listener);
		if (port != 0 || errno != EADDRINUSE)
			break;
	}
	if (result != 0)
		(void)describe(err, errno, transport, &at->any, resolver_address_len(at), port);
	return result;
}

/* [::] with IPv4 as well; plain IPv4 where the machine has no IPv6. */
static int open_any(struct listener *listener, const char *transport, uint16_t port, int family,
		    struct err *err)
{
	struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in any4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = -1;
	errno = EAFNOSUPPORT;
	if (family != AF_INET)
		fd = open_socket((struct sockaddr *)&any6, sizeof(any6), family == AF_UNSPEC);
	if (fd < 0 && family != AF_INET && (!is_missing_address(errno) || family == AF_INET6))
		return describe(err, errno, transport, (struct sockaddr *)&any6, sizeof(any6),
				port);
	if (fd < 0)
		fd = open_socket((struct sockaddr *)&any4, sizeof(any4), false);
	if (fd < 0)
		return describe(err, errno, transport, (struct sockaddr *)&any4, sizeof(any4),
				port);
	add_socket(listener, fd);
	return 0;
}

/* What an earlier run left behind is removed; a socket that answers, or a file, is not. */
static void remove_dead_socket(const char *path, const struct sockaddr *address, socklen_t len)
{
	struct stat status;
	int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool alive = probe >= 0 && connect(probe, address, len) == 0;
	if (probe >= 0)
		(void)close(probe);
	if (!alive && lstat(path, &status) == 0 && S_ISSOCK(status.st_mode))
		(void)unlink(path);
}

static int open_unix(struct listener *listener, const char *endpoint, struct err *err)
{
	struct sockaddr_un address;
	socklen_t len = unix_address_set(endpoint, &address);
	if (len == 0)
		return err_set(err, ERR_CONFIG, "listen unix %s: a path has 1 to %d bytes",
			       endpoint, UNIX_PATH_BYTES_MAX);
	bool is_file = address.sun_path[0] != 0;
	if (is_file)
		remove_dead_socket(address.sun_path, (struct sockaddr *)&address, len);
	int fd = open_socket((struct sockaddr *)&address, len, false);
	if (fd < 0)
		return err_set_sys(err, errno, "listen unix %s: bind", endpoint);
	listener->fds[listener->count++] = fd;
	if (is_file)
		memcpy(listener->unix_path, address.sun_path, sizeof(address.sun_path));
	return 0;
}

struct listener *listener_open(const char *transport, const char *endpoint, struct err *err)
{
	struct listener *listener = calloc(1, sizeof(*listener));
	struct listen_address address;
	int result;
	if (!listener) {
		(void)err_set(err, ERR_NOMEM, "no memory for a listener");
		return NULL;
	}
	if ((result = listen_address_parse(transport, endpoint, &address, err)) != 0)
		;
	else if (address.is_unix)
		result = open_unix(listener, endpoint, err);
	else if (listen_address_is_any(&address))
		result = open_any(listener, transport, address.port, address.family, err);
	else
		result = open_host(listener, transport, address.host, address.port, address.family,
				   err);
	if (result == 0)
		return listener;
	listener_close(listener);
	return NULL;
}

void listener_close(struct listener *listener)
{
	if (!listener)
		return;
	close_sockets(listener);
	if (listener->unix_path[0])
		(void)unlink(listener->unix_path);
	free(listener);
}
