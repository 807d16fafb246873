/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of secrets: read when its extension is created, and again when it has changed, which a timer
 * of the main loop looks for (through symbolic links: Kubernetes replaces a link to a directory).
 * Whatever is wrong with a changed file, what was taken before stays in use.
 *
 * Everything here is the main thread's; texts are wiped from memory when they were taken.
 */
#ifndef SLUICE_EXTENSIONS_AUTH_SECRET_FILE_H
#define SLUICE_EXTENSIONS_AUTH_SECRET_FILE_H

#include "pipeline/base/log.h"
#include "pipeline/base/metrics.h"
#include "pipeline/base/watched_file.h"
#include "pipeline/net/loop.h"

enum { SECRET_FILE_BYTES_MAX = 1 << 20 };

/* Takes the content of a file, which is gone when it returns. -1 with ${err}, and nothing changed. */
typedef int secret_file_take(void *arg, struct slice text, struct err *err);

struct secret_file {
	struct watched_file file;
	const struct log *log;
	secret_file_take *take;
	void *arg;
	uv_timer_t timer;
	bool watching;
	struct counter reloaded, failed;
};

/* ${text} without white space and line ends around it, which editors leave. */
struct slice secret_file_trim(struct slice text);

/* Takes the next line from ${text}, trimmed. */
struct slice secret_file_take_line(struct slice *text);

/* Reads it for the first time. -1 with ${err}, whose text names the file and never what is in it. */
MUST_CHECK int secret_file_open(struct secret_file *file, const char *path, const struct log *log,
				secret_file_take *take, void *arg, struct err *err);

/* Looks for changes from here on; nothing happens for a file that was not opened. */
MUST_CHECK int secret_file_watch(struct secret_file *file, struct loop *loop, struct err *err);
void secret_file_stop(struct secret_file *file);

extern const struct metric_desc secret_file_metric;

/* The rows of a table of metrics for the secret_file ${member} of ${type}. */
#define SECRET_FILE_ROWS(type, member, name)                                                       \
	{&secret_file_metric,                                                                      \
	 offsetof(type, member.reloaded),                                                          \
	 {"file", (name), "outcome", "success"}},                                                  \
	{                                                                                          \
		&secret_file_metric, offsetof(type, member.failed),                                \
		{                                                                                  \
			"file", (name), "outcome", "failure"                                       \
		}                                                                                  \
	}

#endif
