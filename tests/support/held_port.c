/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket is bound and never listens. Linux lets sockets share an address as long as all of them
 * have SO_REUSEADDR and none listens yet, but never chooses such a port for a bind to port 0 or for
 * an outgoing connection.
 */
#include "tests/support/held_port.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

uint16_t held_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
	    bind(fd, (struct sockaddr *)&address, len) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
		perror("held_port");
		abort();
	}
	return ntohs(address.sin_port);
}
