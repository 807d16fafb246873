/* SPDX-License-Identifier: Apache-2.0 */
/* A fuzz input read as a script: numbers first, bytes of any meaning after them. */
#ifndef SLUICE_TESTS_FUZZ_SCRIPT_H
#define SLUICE_TESTS_FUZZ_SCRIPT_H

#include "pipeline/base/slice.h"

#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>

/* What must hold for every input. */
#define fuzz_must(fact) ((fact) ? (void)0 : fuzz_failed(__FILE__, __LINE__, #fact))

static inline noreturn void fuzz_failed(const char *file, int line, const char *fact)
{
	(void)fprintf(stderr, "%s:%d: not so: %s\n", file, line, fact);
	abort();
}

/* The next byte, 0 after the end. */
static inline uint8_t fuzz_byte(struct slice *script)
{
	if (script->len == 0)
		return 0;
	uint8_t byte = script->ptr[0];
	*script = slice_of(script->ptr + 1, script->len - 1);
	return byte;
}

/* The next ${len} bytes, or what is left. */
static inline struct slice fuzz_bytes(struct slice *script, size_t len)
{
	struct slice bytes = slice_of(script->ptr, len < script->len ? len : script->len);
	if (bytes.len > 0) /* an empty script may have no bytes to point to */
		*script = slice_of(script->ptr + bytes.len, script->len - bytes.len);
	return bytes;
}

/* The next line without its end, and without a NUL; all that is left when there is no end. */
static inline struct slice fuzz_line(struct slice *script)
{
	const uint8_t *end = script->len > 0 ? memchr(script->ptr, '\n', script->len) : NULL;
	struct slice line = fuzz_bytes(script, end ? (size_t)(end - script->ptr) : script->len);
	(void)fuzz_byte(script);
	const uint8_t *nul = line.len > 0 ? memchr(line.ptr, 0, line.len) : NULL;
	return slice_of(line.ptr, nul ? (size_t)(nul - line.ptr) : line.len);
}

#endif
