/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unix sockets as addresses. A client names one as host "unix:" and a path, with the prefix, so that
 * it never looks like a host name; a server's endpoint with `transport: unix` is the bare path. A
 * path that begins with "@" is no file: it is a name in the kernel's abstract namespace (unix(7)), as
 * Go reads it.
 */
#ifndef SLUICE_NET_UNIX_ADDRESS_H
#define SLUICE_NET_UNIX_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

/* The longest path; an abstract name may have as many bytes after its "@". */
enum { UNIX_PATH_BYTES_MAX = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 };

/* True for "unix:path": no host name and no IPv6 address begins like that. */
bool unix_address_is(const char *host);

/* Fills ${ret_address} from "unix:path" or a bare path; its length, or 0 when the path is empty or
 * too long. */
socklen_t unix_address_set(const char *path, struct sockaddr_un *ret_address);

#endif
