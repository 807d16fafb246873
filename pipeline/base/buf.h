/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growable byte buffer for text and small messages that this program itself makes (log lines,
 * metrics pages, HTTP heads). Bytes that come from a peer live in chunks, which are budgeted.
 * Failure to grow latches `failed`; the writer tests once at its end. Not thread-safe.
 */
#ifndef SLUICE_BASE_BUF_H
#define SLUICE_BASE_BUF_H

#include "pipeline/base/compiler.h"
#include "pipeline/base/slice.h"

struct buf {
	uint8_t *data;
	size_t len, capacity;
	bool failed;
};

#define BUF_INIT ((struct buf){0})

void buf_fini(struct buf *buf);
void buf_reset(struct buf *buf); /* len = 0, keeps the memory, clears failed */
void buf_append(struct buf *buf, struct slice bytes);
void buf_append_str(struct buf *buf, const char *text);
void buf_append_byte(struct buf *buf, uint8_t byte);
void buf_append_u64(struct buf *buf, uint64_t number); /* in decimal digits */
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);

/* Appends ${bytes} as the inside of a JSON string (RFC 8259 §7); invalid UTF-8 becomes U+FFFD. */
void buf_append_json(struct buf *buf, struct slice bytes);

/* Appends a finite ${value} in the fewest digits, 15 at least to 17, that read back as the same. */
void buf_append_double(struct buf *buf, double value);

/* Counts ${more} bytes to the text, which the caller writes to what it returns; NULL when memory is
 * short. */
uint8_t *buf_extend(struct buf *buf, size_t more);

/* Appends lower-case hexadecimal digits. */
void buf_append_hex(struct buf *buf, struct slice bytes);

/* The text with a terminating zero that is not counted in len; "" when growing failed. */
const char *buf_cstr(struct buf *buf);

static inline struct slice buf_slice(const struct buf *buf)
{
	return (struct slice){buf->data, buf->len};
}

#endif
