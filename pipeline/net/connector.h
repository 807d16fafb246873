/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a name, or the path of a unix socket, to a connected socket: the name's addresses, each in
 * turn with a bounded time, and the CONNECT request when a proxy is to make a tunnel. One attempt,
 * one connector.
 */
#ifndef SLUICE_NET_CONNECTOR_H
#define SLUICE_NET_CONNECTOR_H

#include "pipeline/net/loop.h"
#include "pipeline/net/proxy.h"

struct connector;

/* The end of an attempt: ${fd} is connected, non-blocking and the callee's; or it is -1 and ${err}
 * says why. The connector is gone. */
typedef void connector_done_f(void *arg, int fd, const struct err *err);

/* Starts connecting to ${host}:${port}, or to "unix:…" (see unix_address.h), or to ${proxy} when it
 * has a host. Texts are copied.
 * ${done} is called once, later, unless connector_cancel comes first. NULL with ${err}. */
MUST_CHECK struct connector *connector_start(struct loop *loop, const char *host, uint16_t port,
					     const struct proxy *proxy, connector_done_f *done,
					     void *arg, struct err *err);

/* Ends the attempt without a call of done. */
void connector_cancel(struct connector *connector);

#endif
