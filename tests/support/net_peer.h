/* SPDX-License-Identifier: Apache-2.0 */
/* The other end of a connection under test: non-blocking sockets on loopback, driven from the
 * test's own thread in turns with the loop under test. Every wait has a deadline; none sleeps. */
#ifndef SLUICE_TESTS_NET_PEER_H
#define SLUICE_TESTS_NET_PEER_H

#include "pipeline/base/buf.h"
#include "pipeline/net/loop.h"

#include <stdint.h>

enum { NET_DEADLINE_MS = 60000 };

/* A connected pair of TCP sockets, both non-blocking. */
void net_tcp_pair(int *ret_ours, int *ret_theirs);

/* A non-blocking TCP connection to 127.0.0.1:${port}; completes in the background. */
int net_connect(uint16_t port);

/* Runs turns of ${loop} until ${done}(${arg}) holds. False after the deadline. */
bool net_run_until(struct loop *loop, bool (*done)(void *arg), void *arg);

/* Runs turns of ${loop} until nothing is ready any more. */
void net_settle(struct loop *loop);

/* Writes all of ${bytes} to ${fd}, in pieces of at most ${piece} bytes (0: any), with a turn of
 * ${loop} in between. False when the other end has closed. */
bool net_send(struct loop *loop, int fd, struct slice bytes, size_t piece);

/* Appends what can be read now to ${into}. False at the end of the stream or after a reset. */
bool net_receive(int fd, struct buf *into);

/* Runs turns until ${into} holds ${len} bytes or the stream ends. True when it holds them. */
bool net_receive_len(struct loop *loop, int fd, struct buf *into, size_t len);

/* Runs turns until ${text} is in ${into}. False at the end of the stream or after the deadline. */
bool net_receive_text(struct loop *loop, int fd, struct buf *into, const char *text);

/* Runs turns until the stream ends; what arrives is appended. False after the deadline. */
bool net_receive_end(struct loop *loop, int fd, struct buf *into);

/* Closes with a reset instead of an orderly end. */
void net_reset(int fd);

#endif
