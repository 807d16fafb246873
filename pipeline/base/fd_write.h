/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing to a file descriptor that others made (stderr, stdout), without waiting for ever for a
 * reader that has stopped: a full pipe, a stopped terminal, a socket nobody reads. The descriptor
 * is shared with other processes, so it is not made non-blocking.
 */
#ifndef SLUICE_BASE_FD_WRITE_H
#define SLUICE_BASE_FD_WRITE_H

#include "pipeline/base/slice.h"

struct fd_writer {
	int fd; /* borrowed */
	bool is_socket;
	size_t piece_bytes_max; /* a write of so many does not block once poll has said "writable" */
};

struct fd_writer fd_writer_of(int fd);

/* Writes ${bytes} and says how many were taken: fewer when the descriptor fails, or when waiting
 * for the reader took ${patience_ns}; the time waited is taken off it. Any thread. */
size_t fd_write(const struct fd_writer *writer, struct slice bytes, uint64_t *patience_ns);

#endif
