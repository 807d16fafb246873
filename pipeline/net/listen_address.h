/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The address that a server listens at, from its texts. `sluice validate` and the listener read it
 * by the same function, so that what one takes the other does not refuse.
 */
#ifndef SLUICE_NET_LISTEN_ADDRESS_H
#define SLUICE_NET_LISTEN_ADDRESS_H

#include "pipeline/base/error.h"

#include <stdbool.h>

enum { LISTEN_HOST_BYTES = 256 };

struct listen_address {
	bool is_unix; /* the endpoint is a path; nothing else is set */
	int family;   /* AF_UNSPEC, AF_INET (tcp4), AF_INET6 (tcp6) */
	uint16_t port;
	char host[LISTEN_HOST_BYTES]; /* without brackets; "" for every address */
};

/* Reads ${transport} ("tcp", "tcp4", "tcp6", "unix") and ${endpoint} ("localhost:4317", ":4317",
 * "[::1]:0", a path). Nothing is resolved or opened. -1 with ERR_CONFIG, in the words of Go's net
 * package where it has some, and with what to write instead. Any thread. */
MUST_CHECK int listen_address_parse(const char *transport, const char *endpoint,
				    struct listen_address *ret_address, struct err *err);

/* "", "0.0.0.0", "::": every address of the machine. */
bool listen_address_is_any(const struct listen_address *address);

/* Whether ${host}, without brackets, is this machine's loopback, by name or number. */
bool listen_host_is_loopback(const char *host);

/* Whether both cannot be listened at: one port or path at addresses that overlap. Names are not
 * resolved: different ones do not overlap. ${path_a}, ${path_b}: the endpoints of unix sockets. */
bool listen_address_overlaps(const struct listen_address *a, const char *path_a,
			     const struct listen_address *b, const char *path_b);

#endif
