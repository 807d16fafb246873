/* SPDX-License-Identifier: Apache-2.0 */
/*
 * poll(2) calls a pipe writable when a page of it is free, so pieces of PIPE_BUF (which are also
 * written whole) cannot block. Sockets are asked not to block with each send. Regular files never
 * have to wait and are written in one piece.
 *
 * Limit: another process that fills the same pipe between our poll and our write can still make us
 * wait, until somebody reads.
 */
#include "pipeline/base/fd_write.h"

#include "pipeline/base/clock.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct fd_writer fd_writer_of(int fd)
{
	struct fd_writer writer = {.fd = fd, .piece_bytes_max = SSIZE_MAX};
	struct stat status;
	if (fstat(fd, &status) != 0)
		return writer; /* closed: each write will say so */
	writer.is_socket = S_ISSOCK(status.st_mode);
	if (!S_ISREG(status.st_mode) && !writer.is_socket)
		writer.piece_bytes_max = PIPE_BUF;
	return writer;
}

/* False when nothing can be written within the patience. */
static bool wait_writable(int fd, uint64_t *patience_ns)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
	int ready = poll(&poll_fd, 1, 0); /* an error shows in the write */
	while (ready == 0 || (ready < 0 && errno == EINTR)) {
		if (*patience_ns == 0)
			return false;
		uint64_t wait_ms = (*patience_ns + NS_PER_MS - 1) / NS_PER_MS;
		uint64_t began_ns = clock_monotonic_ns();
		ready = poll(&poll_fd, 1, wait_ms < INT_MAX ? (int)wait_ms : INT_MAX);
		uint64_t waited_ns = clock_monotonic_ns() - began_ns;
		*patience_ns -= waited_ns < *patience_ns ? waited_ns : *patience_ns;
	}
	return true;
}

size_t fd_write(const struct fd_writer *writer, struct slice bytes, uint64_t *patience_ns)
{
	size_t taken = 0;
	while (taken < bytes.len && wait_writable(writer->fd, patience_ns)) {
		size_t len = bytes.len - taken;
		if (len > writer->piece_bytes_max)
			len = writer->piece_bytes_max;
		ssize_t done = writer->is_socket ? send(writer->fd, bytes.ptr + taken, len,
							MSG_DONTWAIT | MSG_NOSIGNAL)
						 : write(writer->fd, bytes.ptr + taken, len);
		if (done > 0)
			taken += (size_t)done;
		else if (done == 0 || (errno != EINTR && errno != EAGAIN))
			break; /* closed, or no space: there is nobody left to tell */
	}
	return taken;
}
