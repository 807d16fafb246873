/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system calls of the spool, in a table: a test makes each of them fail, be short or be slow.
 * Each returns what its namesake does, with errno.
 */
#ifndef SLUICE_SPOOL_FILES_H
#define SLUICE_SPOOL_FILES_H

#include "pipeline/base/compiler.h"
#include "pipeline/base/error.h"

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

struct spool_files {
	int (*open)(void *arg, int directory, const char *name, int flags); /* mode 0600 */
	ssize_t (*pread)(void *arg, int fd, void *data, size_t len, off_t offset);
	ssize_t (*pwritev)(void *arg, int fd, const struct iovec *parts, int count, off_t offset);
	int (*sync)(void *arg, int fd); /* fdatasync */
	int (*truncate)(void *arg, int fd, off_t len);
	int (*rename)(void *arg, int directory, const char *from, const char *to);
	int (*unlink)(void *arg, int directory, const char *name);
	void *arg;
};

extern const struct spool_files spool_files_system;

/* Reads until ${len} bytes are there or the file ends. How many, or -1. */
ssize_t files_read(const struct spool_files *files, int fd, void *data, size_t len, off_t offset);

/* Writes all of ${parts}, whose entries it changes. False with errno. */
MUST_CHECK bool files_write(const struct spool_files *files, int fd, struct iovec *parts, int count,
			    off_t offset);

/* The same for one run of bytes. */
MUST_CHECK bool files_write_bytes(const struct spool_files *files, int fd, void *data, size_t len,
				  off_t offset);

#endif
