/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rotation by name: the time of renaming stands in the name, so that backups sort by age and no
 * index has to be kept. A record that was written in part is cut off again, so that the next one
 * can be read.
 */
#include "exporters/file/record_file.h"

#include "pipeline/base/ascii.h"
#include "pipeline/base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
	FILE_MODE = 0644,
	STAMP_LEN = 23, /* 2006-01-02T15-04-05.000 */
	STAMP_TRIES_MAX = 1000,
	SECONDS_PER_DAY = 24 * 60 * 60,
};

static int open_file(struct record_file *file, bool keep, struct err *err)
{
	struct stat status;
	int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND | (keep ? 0 : O_TRUNC);
	int fd = open(file->config.path, flags, FILE_MODE);
	if (fd < 0)
		return err_set_sys(err, errno, "open %s", file->config.path);
	if (fstat(fd, &status) != 0) {
		int code = errno;
		(void)close(fd);
		return err_set_sys(err, code, "look at %s", file->config.path);
	}
	file->fd = fd;
	file->regular = S_ISREG(status.st_mode);
	file->size = file->regular ? (uint64_t)status.st_size : 0;
	return 0;
}

int record_file_open(struct record_file *file, const struct record_file_config *config,
		     struct err *err)
{
	*file = (struct record_file){.config = *config, .fd = -1};
	return open_file(file, config->keep || config->rotate, err);
}

/* Half a record would spoil the next one. 0 or errno: then it has to be taken back before anything is
 * written. */
static int take_back(struct record_file *file)
{
	if (!file->has_part)
		return 0;
	if (ftruncate(file->fd, (off_t)file->size) != 0)
		return errno;
	file->has_part = false;
	return 0;
}

void record_file_close(struct record_file *file)
{
	(void)take_back(file); /* that this was not possible was reported when it was written */
	file->has_part = false;
	if (file->fd >= 0)
		(void)close(file->fd); /* what was written was reported when it was */
	file->fd = -1;
}

/* ---- names ---------------------------------------------------------------------------------- */

/* The parts of "dir/stem.ext": a renamed file is "dir/stem-<stamp>.ext". */
struct name_parts {
	struct slice dir; /* with its slash; empty when the path has none */
	struct slice stem;
	const char *ext; /* with its dot; "" when there is none */
};

static struct name_parts split_path(const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	const char *dot = strrchr(base, '.');
	size_t stem_len = dot ? (size_t)(dot - base) : strlen(base);
	return (struct name_parts){.dir = slice_of(path, (size_t)(base - path)),
				   .stem = slice_of(base, stem_len),
				   .ext = dot ? dot : ""};
}

static void make_stamp(const struct record_file *file, uint64_t time_ns, char *stamp)
{
	time_t seconds = (time_t)(time_ns / NS_PER_S);
	struct tm tm = {0};
	char text[STAMP_LEN + 1];
	if (file->config.local_time)
		(void)localtime_r(&seconds, &tm);
	else
		(void)gmtime_r(&seconds, &tm);
	size_t len = strftime(text, sizeof(text), "%Y-%m-%dT%H-%M-%S", &tm);
	(void)snprintf(text + len, sizeof(text) - len, ".%03u",
		       (unsigned)(time_ns % NS_PER_S / NS_PER_MS));
	memcpy(stamp, text, sizeof(text));
}

static bool is_stamp(struct slice text)
{
	static const char form[] = "0000-00-00T00-00-00.000";
	for (size_t i = 0; i < text.len; i++) {
		bool digit = ascii_is_digit(text.ptr[i]);
		if (form[i] == '0' ? !digit : text.ptr[i] != (uint8_t)form[i])
			return false;
	}
	return text.len == STAMP_LEN;
}

/* The stamp in ${name} when it is one of the renamed files of ${parts}; empty when it is not. */
static struct slice stamp_of(const struct name_parts *parts, const char *name)
{
	struct slice text = slice_str(name), ext = slice_str(parts->ext);
	if (text.len != parts->stem.len + 1 + STAMP_LEN + ext.len ||
	    !slice_has_prefix(text, parts->stem) || !slice_has_suffix(text, ext) ||
	    text.ptr[parts->stem.len] != '-')
		return SLICE("");
	struct slice stamp = slice_of(text.ptr + parts->stem.len + 1, STAMP_LEN);
	return is_stamp(stamp) ? stamp : SLICE("");
}

/* ---- rotation ------------------------------------------------------------------------------- */

static int compare_newest_first(const void *a, const void *b)
{
	const char *const *left = a, *const *right = b;
	return strcmp(*right, *left);
}

/* Names of the renamed files; a stamp sorts as its time. The caller frees each and the array. */
static size_t list_backups(const struct name_parts *parts, DIR *dir, char ***ret_names)
{
	size_t count = 0, capacity = 0;
	char **names = NULL;
	const struct dirent *entry;
	while ((entry = readdir(dir)) != NULL) { /* NOLINT(concurrency-mt-unsafe): own DIR */
		if (stamp_of(parts, entry->d_name).len == 0)
			continue;
		if (count == capacity) {
			capacity = capacity ? capacity * 2 : 16;
			char **wider = realloc(names, capacity * sizeof(*names));
			if (!wider)
				break;
			names = wider;
		}
		size_t size = strlen(entry->d_name) + 1;
		char *name = malloc(size);
		if (!name)
			break;
		names[count++] = memcpy(name, entry->d_name, size);
	}
	if (count > 0)
		qsort(names, count, sizeof(*names), compare_newest_first);
	*ret_names = names;
	return count;
}

/* Removes what is too old or too much. Best effort: what stays is looked at again next time. */
static void prune(const struct record_file *file, const struct name_parts *parts, uint64_t now_ns)
{
	char path[4096], oldest[STAMP_LEN + 1] = "";
	char **names;
	uint64_t age_ns = (uint64_t)file->config.days_max * SECONDS_PER_DAY * NS_PER_S;
	(void)snprintf(path, sizeof(path), "%.*s", SLICE_FMT(parts->dir));
	DIR *dir = opendir(path[0] ? path : ".");
	if (!dir)
		return;
	size_t count = list_backups(parts, dir, &names);
	if (file->config.days_max > 0 && now_ns > age_ns)
		make_stamp(file, now_ns - age_ns, oldest);
	for (size_t i = 0; i < count; i++) {
		struct slice stamp = stamp_of(parts, names[i]);
		bool surplus = file->config.backups_max > 0 && i >= file->config.backups_max;
		if (surplus || slice_compare(stamp, slice_str(oldest)) < 0)
			(void)unlinkat(dirfd(dir), names[i], 0);
		free(names[i]);
	}
	free(names);
	(void)closedir(dir);
}

/* Gives the file its backup name: never one that exists, two rotations may share a millisecond. */
static int rename_away(const struct record_file *file, const struct name_parts *parts,
		       uint64_t now_ns, struct err *err)
{
	char path[4096], stamp[STAMP_LEN + 1];
	int code = EEXIST;
	for (unsigned i = 0; i < STAMP_TRIES_MAX && code == EEXIST; i++) {
		make_stamp(file, now_ns + i * NS_PER_MS, stamp);
		int len = snprintf(path, sizeof(path), "%.*s%.*s-%s%s", SLICE_FMT(parts->dir),
				   SLICE_FMT(parts->stem), stamp, parts->ext);
		if (len < 0 || (size_t)len >= sizeof(path))
			code = ENAMETOOLONG;
		else if (renameat2(AT_FDCWD, file->config.path, AT_FDCWD, path, RENAME_NOREPLACE) ==
			 0)
			return 0;
		else
			code = errno;
	}
	return err_set_sys(err, code, "rotate %s", file->config.path);
}

static int rotate(struct record_file *file, uint64_t now_ns, struct err *err)
{
	struct name_parts parts = split_path(file->config.path);
	if (rename_away(file, &parts, now_ns, err) != 0)
		return -1;
	record_file_close(file);
	if (open_file(file, true, err) != 0)
		return -1;
	prune(file, &parts, now_ns);
	return 0;
}

/* ---- writing -------------------------------------------------------------------------------- */

/* Writes all of ${parts}, which are used up. 0 or errno. */
static int write_all(int fd, struct iovec *parts, int count)
{
	while (count > 0) {
		ssize_t written = writev(fd, parts, count);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return errno;
		for (; count > 0 && (size_t)written >= parts->iov_len; parts++, count--)
			written -= (ssize_t)parts->iov_len;
		if (count > 0) {
			parts->iov_base = (char *)parts->iov_base + written;
			parts->iov_len -= (size_t)written;
		}
	}
	return 0;
}

int record_file_append(struct record_file *file, const struct slice *parts, size_t part_count,
		       uint64_t now_ns, struct err *err)
{
	struct iovec vector[RECORD_PARTS_MAX];
	size_t bytes = 0, count = 0;
	for (size_t i = 0; i < part_count && count < RECORD_PARTS_MAX; i++) {
		if (parts[i].len == 0)
			continue;
		/* writev takes what it only reads without const. */
		vector[count++] = (struct iovec){(void *)(uintptr_t)parts[i].ptr, parts[i].len};
		bytes += parts[i].len;
	}
	if (file->fd < 0 && open_file(file, true, err) != 0)
		return -1;
	int code = take_back(file);
	if (code != 0)
		return err_set_sys(err, code, "shorten %s", file->config.path);
	if (file->config.rotate && file->regular && file->size > 0 &&
	    file->size + bytes > file->config.bytes_max && rotate(file, now_ns, err) != 0)
		return -1;
	code = write_all(file->fd, vector, (int)count);
	if (code != 0) {
		file->has_part = file->regular;
		(void)take_back(file); /* else before the next one */
		return err_set_sys(err, code, "write to %s", file->config.path);
	}
	file->size += bytes;
	return 0;
}
