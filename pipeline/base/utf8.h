/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef SLUICE_BASE_UTF8_H
#define SLUICE_BASE_UTF8_H

#include "pipeline/base/slice.h"

/* Length (1-4) of the well-formed sequence that ${s} begins with; 0 when it begins with none. */
size_t utf8_sequence_len(struct slice s);

/* True when all of ${s} is well-formed. */
bool utf8_valid(struct slice s);

/* Writes ${code}, a Unicode scalar value, to ${out}, which has room for 4 bytes. Returns how many. */
size_t utf8_encode(uint32_t code, uint8_t *out);

#endif
