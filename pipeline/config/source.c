/* SPDX-License-Identifier: Apache-2.0 */
/* Where texts come from: files and environment variables, both injectable, both bounded. */
#include "pipeline/config/internal.h"

#include "pipeline/base/ascii.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct slice config_uri_scheme(struct slice uri, struct slice *ret_rest)
{
	size_t len = 0;
	while (len < uri.len && (ascii_is_letter(uri.ptr[len]) ||
				 (len > 0 && (ascii_is_digit(uri.ptr[len]) || uri.ptr[len] == '+' ||
					      uri.ptr[len] == '.' || uri.ptr[len] == '-'))))
		len++;
	if (len < 2 || len == uri.len || uri.ptr[len] != ':') {
		*ret_rest = uri;
		return slice_of(uri.ptr, 0);
	}
	*ret_rest = slice_of(uri.ptr + len + 1, uri.len - len - 1);
	return slice_of(uri.ptr, len);
}

bool config_env_name_valid(struct slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		uint8_t byte = name.ptr[i];
		if (!ascii_is_letter(byte) && byte != '_' && (i == 0 || !ascii_is_digit(byte)))
			return false;
	}
	return name.len > 0;
}

const char *config_read_env(const struct config_loader *loader, const char *name)
{
	const struct config_source_env *env = &loader->load->env;
	return env->get ? env->get(env->arg, name) : getenv(name);
}

static int read_all(int fd, const char *path, struct buf *text, struct err *err)
{
	uint8_t block[16384];
	for (;;) {
		ssize_t len = read(fd, block, sizeof(block));
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return err_set_sys(err, errno, "read %s", path);
		if (len == 0)
			return 0;
		buf_append(text, slice_of(block, (size_t)len));
		if (text->len > CONFIG_SOURCE_BYTES_MAX)
			return 0; /* the caller refuses it */
	}
}

/* Also reads pipes, so no size is asked for beforehand. "-" is standard input. */
static int read_from_disk(const char *path, struct buf *text, struct err *err)
{
	if (strcmp(path, "-") == 0)
		return read_all(STDIN_FILENO, "standard input", text, err);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set_sys(err, errno, "open %s", path);
	int result = read_all(fd, path, text, err);
	(void)close(fd); /* only read from */
	return result;
}

bool config_read_file(struct config_loader *loader, const char *path, struct slice *ret_text,
		      struct err *err)
{
	const struct config_source_file *files = &loader->load->files;
	struct buf text = BUF_INIT;
	struct slice copy = {NULL, 0};
	int result = files->read ? files->read(files->arg, path, &text, err)
				 : read_from_disk(path, &text, err);
	if (result == 0 && text.len > CONFIG_SOURCE_BYTES_MAX)
		result = err_set(err, ERR_LIMIT, "%s is larger than %d bytes", path,
				 CONFIG_SOURCE_BYTES_MAX);
	else if (result == 0 && text.len > loader->quota.bytes)
		result = err_set(err, ERR_LIMIT, "all sources together exceed %d bytes",
				 CONFIG_TOTAL_BYTES_MAX);
	if (result == 0) {
		loader->quota.bytes -= text.len;
		copy = arena_copy(loader->report->arena, buf_slice(&text));
		if (!copy.ptr || text.failed)
			result = err_set(err, ERR_NOMEM, "no memory for %s", path);
	}
	buf_fini(&text);
	if (result != 0)
		return false;
	*ret_text = copy;
	return true;
}
