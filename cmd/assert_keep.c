/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One trace after the other is written from the buffer as a request, opened, and encoded as a line: what is
 * needed beside the buffer is the largest trace's. The file holds what people said, so nobody else
 * may read it.
 */
#include "cmd/assert_keep.h"

#include "pipeline/trace/otlp_json/json_encode.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct keeping {
	FILE *file;
	struct budget budget;
	struct key_table *keys;
	struct trace_view *view;
	uint64_t replaced; /* bytes that were not UTF-8 and became U+FFFD */
};

static int write_view(struct keeping *keeping, struct err *err)
{
	struct chunk *line = chunk_new(&keeping->budget, view_body_bytes(keeping->view));
	int status = line ? json_encode(keeping->view, line, &keeping->replaced, err)
			  : err_set(err, ERR_NOMEM, "out of memory");
	if (status == 0) {
		struct slice text = chunk_slice(line);
		if (fwrite(text.ptr, 1, text.len, keeping->file) != text.len ||
		    putc('\n', keeping->file) == EOF)
			status = err_set_sys(err, errno, "write");
	}
	chunk_unref(line);
	return status;
}

static int write_trace(struct keeping *keeping, const struct trace_buffer *buffer,
		       const struct buffered_trace *trace, struct err *err)
{
	struct chunk *request = trace_buffer_request(buffer, trace);
	if (!request)
		return err_set(err, ERR_NOMEM, "out of memory");
	int status = view_open_chunk(keeping->view, request, err);
	if (status == 0) {
		status = write_view(keeping, err);
		view_close(keeping->view);
	}
	chunk_unref(request);
	return status;
}

static int write_buffers(struct keeping *keeping, const struct trace_buffer *const *buffers,
			 size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		const struct buffered_trace *trace = trace_buffer_first(buffers[i]);
		for (; trace; trace = trace_buffer_next(trace)) {
			if (write_trace(keeping, buffers[i], trace, err) != 0)
				return -1;
		}
	}
	return 0;
}

static FILE *open_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!file && fd >= 0)
		(void)close(fd);
	return file;
}

bool assert_keep(const char *path, const struct trace_buffer *const *buffers, size_t count)
{
	struct keeping keeping = {.file = open_file(path), .keys = key_table_new()};
	struct err err;
	int status = -1;
	budget_init(&keeping.budget, UINT64_MAX);
	if (!keeping.file)
		(void)err_set_sys(&err, errno, "open");
	else if (!keeping.keys || key_table_freeze(keeping.keys, &err) != 0 ||
		 !(keeping.view = view_new(&keeping.budget, keeping.keys)))
		(void)err_set(&err, ERR_NOMEM, "out of memory");
	else
		status = write_buffers(&keeping, buffers, count, &err);
	if (keeping.file && fclose(keeping.file) != 0 && status == 0)
		status = err_set_sys(&err, errno, "write");
	if (status != 0)
		fprintf(stderr, "Error: %s: %s\n", path, err.msg);
	else if (keeping.replaced > 0)
		fprintf(stderr, "Warning: %s: %llu bytes were not UTF-8 and were replaced\n", path,
			(unsigned long long)keeping.replaced);
	view_free(keeping.view);
	key_table_free(keeping.keys);
	return status == 0;
}
