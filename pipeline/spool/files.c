/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system's own calls, and loops around them: both calls may do less than they were asked for, and
 * be interrupted. A write that takes nothing is a full disk.
 */
#include "pipeline/spool/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

enum { MODE = 0600 };

static int system_open(void *arg, int directory, const char *name, int flags)
{
	(void)arg;
	return openat(directory, name, flags | O_CLOEXEC, MODE);
}

static ssize_t system_pread(void *arg, int fd, void *data, size_t len, off_t offset)
{
	(void)arg;
	return pread(fd, data, len, offset);
}

static ssize_t system_pwritev(void *arg, int fd, const struct iovec *parts, int count, off_t offset)
{
	(void)arg;
	return pwritev(fd, parts, count, offset);
}

static int system_sync(void *arg, int fd)
{
	(void)arg;
	return fdatasync(fd);
}

static int system_truncate(void *arg, int fd, off_t len)
{
	(void)arg;
	return ftruncate(fd, len);
}

static int system_rename(void *arg, int directory, const char *from, const char *to)
{
	(void)arg;
	return renameat(directory, from, directory, to);
}

static int system_unlink(void *arg, int directory, const char *name)
{
	(void)arg;
	return unlinkat(directory, name, 0);
}

const struct spool_files spool_files_system = {
	.open = system_open,
	.pread = system_pread,
	.pwritev = system_pwritev,
	.sync = system_sync,
	.truncate = system_truncate,
	.rename = system_rename,
	.unlink = system_unlink,
};

ssize_t files_read(const struct spool_files *files, int fd, void *data, size_t len, off_t offset)
{
	size_t done = 0;
	while (done < len) {
		ssize_t got = files->pread(files->arg, fd, (uint8_t *)data + done, len - done,
					   offset + (off_t)done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

bool files_write(const struct spool_files *files, int fd, struct iovec *parts, int count,
		 off_t offset)
{
	while (count > 0) {
		if (parts->iov_len == 0) {
			parts++;
			count--;
			continue;
		}
		ssize_t done = files->pwritev(files->arg, fd, parts,
					      count < IOV_MAX ? count : IOV_MAX, offset);
		if (done < 0 && errno == EINTR)
			continue;
		if (done == 0)
			errno = ENOSPC;
		if (done <= 0)
			return false;
		offset += done;
		for (size_t left = (size_t)done; left > 0;) {
			size_t step = left < parts->iov_len ? left : parts->iov_len;
			parts->iov_base = (uint8_t *)parts->iov_base + step;
			parts->iov_len -= step;
			left -= step;
			if (parts->iov_len == 0) {
				parts++;
				count--;
			}
		}
	}
	return true;
}

bool files_write_bytes(const struct spool_files *files, int fd, void *data, size_t len,
		       off_t offset)
{
	struct iovec part = {data, len};
	return files_write(files, fd, &part, 1, offset);
}
