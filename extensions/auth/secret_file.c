/* SPDX-License-Identifier: Apache-2.0 */
/* At most 1 MiB is read, of regular files alone, and wiped when it was taken. */
#include "extensions/auth/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
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
	int result = read_file(file->file.path, &text, err);
	if (result == 0 && file->take(file->arg, buf_slice(&text), err) != 0)
		result = err_wrap(err, "%s", file->file.path);
	if (text.data)
		explicit_bzero(text.data, text.len);
	buf_fini(&text);
	return result;
}

int secret_file_open(struct secret_file *file, const char *path, const struct log *log,
		     secret_file_take *take, void *arg, struct err *err)
{
	file->file.path = path;
	file->log = log;
	file->take = take;
	file->arg = arg;
	(void)watched_file_has_changed(&file->file); /* before it is read */
	return load(file, err);
}

static void on_timer(uv_timer_t *timer)
{
	struct secret_file *file = CONTAINER_OF(timer, struct secret_file, timer);
	struct err err;
	if (!watched_file_has_changed(&file->file))
		return;
	if (load(file, &err) == 0) {
		counter_add(&file->reloaded, 1);
		log_info(file->log, LOG_MSG("Reloaded credentials"),
			 LOG_STR("file", file->file.path));
		return;
	}
	counter_add(&file->failed, 1);
	log_error(file->log, LOG_MSG("Failed to reload credentials, keeping the old ones"),
		  LOG_STR("file", file->file.path), LOG_ERR(&err));
}

int secret_file_watch(struct secret_file *file, struct loop *loop, struct err *err)
{
	if (!file->file.path)
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
