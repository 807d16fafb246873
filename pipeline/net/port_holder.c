/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who listens on a TCP port, from /proc: the socket's inode stands in /proc/net/tcp and tcp6, and
 * the process is the one that has a file descriptor "socket:[inode]". Other users' processes show
 * only to root; then nobody is named. Runs once, at start-up, when a port was found in use.
 */
#include "pipeline/net/server_internal.h"

#include "pipeline/base/ascii.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TCP_STATE_LISTEN = 0x0a, INODES_MAX = 16 };
enum { FIELD_LOCAL = 1, FIELD_STATE = 3, FIELD_INODE = 9, FIELD_COUNT };

/* The inode of a table's line when it listens on ${port}, else 0. The fields are: number,
 * local-address:port, remote, state, queues, timer, retransmits, uid, timeout, inode, … */
static unsigned long inode_of(char *line, uint16_t port)
{
	const char *fields[FIELD_COUNT] = {0};
	char *rest = line;
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		if (!(fields[i] = strtok_r(NULL, " \n", &rest)))
			return 0;
	}
	const char *local_port = strchr(fields[FIELD_LOCAL], ':');
	if (!local_port || strtoul(local_port + 1, NULL, 16) != port ||
	    strtoul(fields[FIELD_STATE], NULL, 16) != TCP_STATE_LISTEN)
		return 0;
	return strtoul(fields[FIELD_INODE], NULL, 10);
}

/* Collects the inodes of sockets that listen on ${port}. */
static size_t find_inodes(const char *table, uint16_t port, unsigned long *inodes, size_t count)
{
	char line[512];
	FILE *file = fopen(table, "re");
	if (!file)
		return count;
	while (count < INODES_MAX && fgets(line, sizeof(line), file)) {
		inodes[count] = inode_of(line, port);
		count += inodes[count] != 0;
	}
	(void)fclose(file);
	return count;
}

static bool has_socket(const char *pid, const unsigned long *inodes, size_t count)
{
	char path[300], target[64];
	bool found = false;
	(void)snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	DIR *dir = opendir(path);
	struct dirent *entry;
	while (dir && !found && (entry = readdir(dir))) {
		unsigned long inode;
		(void)snprintf(path, sizeof(path), "/proc/%.20s/fd/%.200s", pid, entry->d_name);
		ssize_t len = readlink(path, target, sizeof(target) - 1);
		if (len <= 0)
			continue;
		target[len] = 0;
		if (strncmp(target, "socket:[", 8) != 0)
			continue;
		inode = strtoul(target + 8, NULL, 10);
		for (size_t i = 0; i < count; i++)
			found = found || inodes[i] == inode;
	}
	if (dir)
		(void)closedir(dir);
	return found;
}

static void read_name(const char *pid, char *name, size_t size)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	FILE *file = fopen(path, "re");
	if (!file || !fgets(name, (int)size, file))
		(void)snprintf(name, size, "?");
	name[strcspn(name, "\n")] = 0;
	if (file)
		(void)fclose(file);
}

void port_holder(uint16_t port, char *text, size_t size)
{
	unsigned long inodes[INODES_MAX];
	size_t count = find_inodes("/proc/net/tcp", port, inodes, 0);
	count = find_inodes("/proc/net/tcp6", port, inodes, count);
	text[0] = 0;
	DIR *proc = count > 0 ? opendir("/proc") : NULL;
	struct dirent *entry;
	while (proc && (entry = readdir(proc))) {
		char name[64];
		if (!ascii_is_digit((uint8_t)entry->d_name[0]) ||
		    !has_socket(entry->d_name, inodes, count))
			continue;
		read_name(entry->d_name, name, sizeof(name));
		(void)snprintf(text, size, " (held by pid %.20s, %s)", entry->d_name, name);
		break;
	}
	if (proc)
		(void)closedir(proc);
}
