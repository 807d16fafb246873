/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One error value for the whole program: fixed size, no allocation, set once where the fault is
 * detected, wrapped on the way up, rendered by the boundary that handles it. Library-like code
 * fills a struct err and returns -1; it does not log. On failure outputs are untouched, on success
 * err is. No byte a peer sent may be copied into msg unless it is a configuration file's own text.
 */
#ifndef SLUICE_BASE_ERROR_H
#define SLUICE_BASE_ERROR_H

#include "pipeline/base/compiler.h"

#include <stddef.h>
#include <stdint.h>

enum err_kind {
	ERR_NONE = 0,
	ERR_CONFIG,   /* the user's configuration */
	ERR_DECODE,   /* malformed input; offset says where */
	ERR_LIMIT,    /* well-formed, but over a named limit */
	ERR_NOMEM,    /* the allocator or the memory limit was reached */
	ERR_IO,	      /* a system call; sys holds errno */
	ERR_TLS,      /* handshake, certificate, key */
	ERR_PEER,     /* the peer answered with an error or broke its protocol */
	ERR_INTERNAL, /* a bug that was caught */
	ERR_KIND_COUNT
};

struct err {
	enum err_kind kind;
	int sys;	 /* saved errno, 0 when none */
	uint64_t offset; /* byte of the input for ERR_DECODE */
	char msg[512];	 /* NUL-terminated text for people */
};

/* Sets ${err} (NULL is accepted and ignored). Returns -1 so that callers can `return err_set(…)`. */
int err_set(struct err *err, enum err_kind kind, const char *format, ...) PRINTF_LIKE(3, 4);

/* As err_set with kind ERR_IO; appends ": " and the text of the errno value ${sys}. */
int err_set_sys(struct err *err, int sys, const char *format, ...) PRINTF_LIKE(3, 4);

/* As err_set with kind ERR_DECODE at input byte ${offset}; the offset is not part of msg. */
int err_set_at(struct err *err, uint64_t offset, const char *format, ...) PRINTF_LIKE(3, 4);

/* Puts "context: " before the message that ${err} holds; a message that no longer fits is cut. */
int err_wrap(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* The analyzer of clang does not look into error.c: it has to be told that failures are failures. */
#ifdef __clang_analyzer__
#define err_set(...) (err_set(__VA_ARGS__), -1)
#define err_set_sys(...) (err_set_sys(__VA_ARGS__), -1)
#define err_set_at(...) (err_set_at(__VA_ARGS__), -1)
#define err_wrap(...) (err_wrap(__VA_ARGS__), -1)
#endif

/* The kind's lower-case name for logs and metrics ("decode", "limit", …). */
const char *err_kind_name(enum err_kind kind);

#endif
