/* SPDX-License-Identifier: Apache-2.0 */
/* A file is compared by device, inode, size and time of change. One that is missing is between two
 * versions: it is asked for again, and the old content stays. At most 1 MiB is read. */
#include "extensions/auth/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { LOOK_INTERVAL_MS = 250 };

const struct metric_desc secret_file_metric = {
	"sluice_auth_reloads", "{reloads}",
	"Times that a changed file of credentials was read again, by outcome; after a failure the "
	"old ones stay in use",
	METRIC_COUNTER};

static bool is_space(uint8_t byte)
{
	return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

struct slice secret_file_trim(struct slice text)
{
	while (text.len > 0 && is_space(text.ptr[0]))
		text = slice_of(text.ptr + 1, text.len - 1);
	while (text.len > 0 && is_space(text.ptr[text.len - 1]))
		text.len--;
	return text;
}

struct slice secret_file_take_line(struct slice *text)
{
	const uint8_t *end = text->len > 0 ? memchr(text->ptr, '\n', text->len) : NULL;
	size_t len = end ? (size_t)(end - text->ptr) : text->len;
	struct slice line = secret_file_trim(slice_of(text->ptr, len));
	len += end != NULL;
	*text = slice_of(text->ptr + len, text->len - len);
	return line;
}

static int read_all(int fd, const char *path, struct buf *text, struct err *err)
{
	uint8_t piece[4096];
	ssize_t got;
	while ((got = read(fd, piece, sizeof(piece))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set_sys(err, errno, "%s", path);
		buf_append(text, slice_of(piece, (size_t)got));
		if (text->len > SECRET_FILE_BYTES_MAX)
			return err_set(err, ERR_LIMIT, "%s: larger than %d bytes", path,
				       SECRET_FILE_BYTES_MAX);
	}
	explicit_bzero(piece, sizeof(piece));
	return text->failed ? err_set(err, ERR_NOMEM, "out of memory") : 0;
}

/* Not waiting: a pipe in place of a file must not stop the program. */
static int read_file(const char *path, struct buf *text, struct err *err)
{
	struct stat found;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_set_sys(err, errno, "%s", path);
	int result = -1;
	if (fstat(fd, &found) != 0 || !S_ISREG(found.st_mode))
		(void)err_set(err, ERR_IO, "%s: not a regular file", path);
	else
		result = read_all(fd, path, text, err);
	(void)close(fd);
	return result;
}

static int load(struct secret_file *file, struct err *err)
{
	struct buf text = BUF_INIT;
	int result = read_file(file->path, &text, err);
	if (result == 0 && file->take(file->arg, buf_slice(&text), err) != 0)
		result = err_wrap(err, "%s", file->path);
	if (text.data)
		explicit_bzero(text.data, text.len);
	buf_fini(&text);
	return result;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

int secret_file_open(struct secret_file *file, const char *path, const struct log *log,
		     secret_file_take *take, void *arg, struct err *err)
{
	file->path = path;
	file->log = log;
	file->take = take;
	file->arg = arg;
	(void)stat(path, &file->seen); /* before it is read: no change is missed */
	return load(file, err);
}

static void on_timer(uv_timer_t *timer)
{
	struct secret_file *file = CONTAINER_OF(timer, struct secret_file, timer);
	struct stat now;
	struct err err;
	if (stat(file->path, &now) != 0 || is_same(&now, &file->seen))
		return;
	file->seen = now;
	if (load(file, &err) == 0) {
		counter_add(&file->reloaded, 1);
		log_info(file->log, LOG_MSG("Reloaded credentials"), LOG_STR("file", file->path));
		return;
	}
	counter_add(&file->failed, 1);
	log_error(file->log, LOG_MSG("Failed to reload credentials, keeping the old ones"),
		  LOG_STR("file", file->path), LOG_ERR(&err));
}

int secret_file_watch(struct secret_file *file, struct loop *loop, struct err *err)
{
	if (!file->path)
		return 0;
	int failure = uv_timer_init(&loop->uv, &file->timer);
	if (failure)
		return err_set(err, ERR_IO, "make a timer: %s", uv_strerror(failure));
	file->watching = true;
	(void)uv_timer_start(&file->timer, on_timer, LOOK_INTERVAL_MS, LOOK_INTERVAL_MS);
	return 0;
}

void secret_file_stop(struct secret_file *file)
{
	if (file->watching)
		uv_close((uv_handle_t *)&file->timer, NULL);
	file->watching = false;
}
