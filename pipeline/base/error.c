/* SPDX-License-Identifier: Apache-2.0 */
/* Formats into the fixed buffer and cuts what does not fit at its end. */
#include "pipeline/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What error.h tells the analyzer about them must not get in the way of their definitions. */
#undef err_set
#undef err_set_sys
#undef err_set_at
#undef err_wrap

static const char *const kind_names[ERR_KIND_COUNT] = {
	[ERR_NONE] = "none",   [ERR_CONFIG] = "config", [ERR_DECODE] = "decode",
	[ERR_LIMIT] = "limit", [ERR_NOMEM] = "nomem",	[ERR_IO] = "io",
	[ERR_TLS] = "tls",     [ERR_PEER] = "peer",	[ERR_INTERNAL] = "internal",
};

static void PRINTF_LIKE(3, 0)
	fill(struct err *err, enum err_kind kind, const char *format, va_list args)
{
	err->kind = kind;
	err->sys = 0;
	err->offset = 0;
	(void)vsnprintf(err->msg, sizeof(err->msg), format, args); /* cut text is still text */
}

/* Cuts what does not fit. */
static void append(struct err *err, const char *text)
{
	size_t used = strlen(err->msg);
	size_t len = strnlen(text, sizeof(err->msg) - 1 - used);
	memcpy(err->msg + used, text, len);
	err->msg[used + len] = 0;
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
	char text[128];
	append(err, ": ");
	append(err, strerror_r(sys, text, sizeof(text)));
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
	(void)vsnprintf(err->msg, sizeof(err->msg), format, args);
	va_end(args);
	append(err, ": ");
	append(err, before);
	return -1;
}

const char *err_kind_name(enum err_kind kind)
{
	return kind_names[kind];
}
