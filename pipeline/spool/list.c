/* SPDX-License-Identifier: Apache-2.0 */
/* The names of queues, and what is in a directory of them. Reads file sizes alone: a queue that is in
 * use is not disturbed. */
#include "pipeline/spool/spool.h"

#include "pipeline/base/ascii.h"
#include "pipeline/base/buf.h"
#include "pipeline/spool/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Appends ${text} with all but letters, digits, '-', '.' and '_' as the Collector writes them. */
static void append_escaped(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t byte = text.ptr[i];
		if (ascii_is_alnum(byte) || byte == '-' || byte == '.' || byte == '_')
			buf_append_byte(out, byte);
		else
			buf_printf(out, "~%04X", byte);
	}
}

bool spool_name(const char *exporter_id, const char *signal, char ret_name[SPOOL_NAME_MAX + 1])
{
	struct buf text = BUF_INIT;
	struct slice id = slice_str(exporter_id);
	const uint8_t *slash = id.len ? memchr(id.ptr, '/', id.len) : NULL;
	size_t type_len = slash ? (size_t)(slash - id.ptr) : id.len;
	buf_append_str(&text, "exporter_");
	append_escaped(&text, slice_of(id.ptr, type_len));
	buf_append_byte(&text, '_');
	if (slash)
		append_escaped(&text, slice_of(slash + 1, id.len - type_len - 1));
	buf_append_byte(&text, '_');
	append_escaped(&text, slice_str(signal));
	bool fits = !text.failed && text.len <= SPOOL_NAME_MAX;
	if (fits)
		memcpy(ret_name, buf_cstr(&text), text.len + 1);
	buf_fini(&text);
	return fits;
}

static bool is_in_use(int folder)
{
	int fd = openat(folder, "lock", O_RDONLY | O_CLOEXEC);
	bool in_use = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	if (fd >= 0)
		(void)close(fd);
	return in_use;
}

/* Takes over ${folder}. */
static void look_into_folder(int folder, struct spool_listing *listing)
{
	struct stat status;
	uint64_t first;
	listing->in_use = is_in_use(folder);
	if (fstatat(folder, ACKS_FILE, &status, AT_SYMLINK_NOFOLLOW) == 0)
		listing->kind = SPOOL_KIND_QUEUE;
	DIR *entries = fdopendir(folder);
	if (!entries) {
		(void)close(folder);
		return;
	}
	for (struct dirent *entry; (entry = readdir(entries));) {
		if (!segment_parse_name(entry->d_name, &first) ||
		    fstatat(folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		listing->kind = SPOOL_KIND_QUEUE;
		listing->segments++;
		listing->bytes += (uint64_t)status.st_size;
	}
	(void)closedir(entries);
}

static void look(int directory, struct spool_listing *listing)
{
	uint8_t bytes[32];
	int fd = openat(directory, listing->name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;
	if (fd < 0)
		return;
	if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
		look_into_folder(fd, listing);
		return;
	}
	if (pread(fd, bytes, sizeof(bytes), 0) == (ssize_t)sizeof(bytes) && format_is_bbolt(bytes))
		listing->kind = SPOOL_KIND_COLLECTOR;
	(void)close(fd);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int spool_list(const char *directory, void (*visit)(void *arg, const struct spool_listing *listing),
	       void *arg, struct err *err)
{
	struct dirent **entries;
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int count = fd < 0 ? -1 : scandirat(fd, ".", &entries, is_visible, alphasort);
	if (count < 0) {
		int sys = errno;
		if (fd >= 0)
			(void)close(fd);
		return err_set_sys(err, sys, "read %s", directory);
	}
	for (int i = 0; i < count; i++) {
		struct spool_listing listing = {.name = entries[i]->d_name,
						.kind = SPOOL_KIND_OTHER};
		look(fd, &listing);
		visit(arg, &listing);
		free(entries[i]);
	}
	free(entries);
	(void)close(fd);
	return 0;
}
