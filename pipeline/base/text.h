/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes and numbers as text, appended to a buffer. */
#ifndef SLUICE_BASE_TEXT_H
#define SLUICE_BASE_TEXT_H

#include "pipeline/base/buf.h"

/* Appends ${bytes} in base64 (RFC 4648 §4), padded. */
void text_append_base64(struct buf *out, struct slice bytes);

/* Appends a finite ${number} as Go's JSON writes it: the fewest digits that read back the same. */
void text_append_double(struct buf *out, double number);

#endif
