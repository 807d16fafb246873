/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const kind_names[ERR_KIND_COUNT] = {
	[ERR_NONE] = "none",   [ERR_CONFIG] = "config", [ERR_DECODE] = "decode",
	[ERR_LIMIT] = "limit", [ERR_NOMEM] = "nomem",	[ERR_IO] = "io",
	[ERR_TLS] = "tls",     [ERR_PEER] = "peer",	[ERR_INTERNAL] = "internal",
};

static void fill(struct err *err, enum err_kind kind, const char *format, va_list args)
{
	err->kind = kind;
	err->sys = 0;
	err->offset = 0;
	(void)vsnprintf(err->msg, sizeof(err->msg), format, args); /* cut text is still text */
}

int err_set(struct err *err, enum err_kind kind, const char *format, ...)
{
	if (!err)
		return -1;
	va_list args;
	va_start(args, format);
	fill(err, kind, format, args);
	va_end(args);
	return -1;
}

int err_set_sys(struct err *err, int sys, const char *format, ...)
{
	if (!err)
		return -1;
	va_list args;
	va_start(args, format);
	fill(err, ERR_IO, format, args);
	va_end(args);
	err->sys = sys;
	size_t used = strlen(err->msg);
	char text[128];
	(void)snprintf(err->msg + used, sizeof(err->msg) - used, ": %s",
		       strerror_r(sys, text, sizeof(text)));
	return -1;
}

int err_set_at(struct err *err, uint64_t offset, const char *format, ...)
{
	if (!err)
		return -1;
	va_list args;
	va_start(args, format);
	fill(err, ERR_DECODE, format, args);
	va_end(args);
	err->offset = offset;
	return -1;
}

int err_wrap(struct err *err, const char *format, ...)
{
	if (!err)
		return -1;
	char before[sizeof(err->msg)];
	memcpy(before, err->msg, sizeof(before));
	va_list args;
	va_start(args, format);
	int used = vsnprintf(err->msg, sizeof(err->msg), format, args);
	va_end(args);
	if (used >= 0 && (size_t)used < sizeof(err->msg))
		(void)snprintf(err->msg + used, sizeof(err->msg) - (size_t)used, ": %s", before);
	return -1;
}

const char *err_kind_name(enum err_kind kind)
{
	return kind_names[kind];
}
