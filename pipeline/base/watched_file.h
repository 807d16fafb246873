/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a file has changed on disk: certificates, keys, tokens. Compared by device, inode, size and
 * time of change, through symbolic links: Kubernetes replaces a link to a directory. One owner.
 */
#ifndef SLUICE_BASE_WATCHED_FILE_H
#define SLUICE_BASE_WATCHED_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

struct watched_file {
	const char *path; /* borrowed */
	struct stat seen; /* private; zero: differs from every file */
};

/* True when the file differs from when it was asked about last; the first time, when it is there. Ask
 * before the file is read, so that no change is missed. A file that is missing is between two versions:
 * false, and what was seen before stays. */
bool watched_file_has_changed(struct watched_file *file);

#endif
