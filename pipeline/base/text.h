/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as text, appended to a buffer, and numbers read from text as Go reads them. */
#ifndef SLUICE_BASE_TEXT_H
#define SLUICE_BASE_TEXT_H

#include "pipeline/base/buf.h"

/* Appends a finite ${number} as Go's JSON writes it: the fewest digits that read back the same. */
void text_append_double(struct buf *out, double number);

/* Appends ${number} as Go's strconv.FormatFloat(…, 'f', -1, 64) does: no exponent, NaN, +Inf, -Inf. */
void text_append_plain_double(struct buf *out, double number);

/* As Go's strconv.ParseInt(…, 10, 64): decimal digits, perhaps a sign. False for anything else and
 * for what does not fit. */
bool text_read_int(struct slice text, int64_t *ret_number);

/* As Go's strconv.ParseFloat(…, 64), hexadecimal numbers and underscores included. */
bool text_read_double(struct slice text, double *ret_number);

/* int64(${number}) as Go does it on amd64: outside of the range it is the least number. */
int64_t text_truncate(double number);

#endif
