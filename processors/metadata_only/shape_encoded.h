/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that were encoded as one token: base64, hexadecimal digits, data URLs. */
#ifndef SLUICE_PROCESSORS_METADATA_ONLY_SHAPE_ENCODED_H
#define SLUICE_PROCESSORS_METADATA_ONLY_SHAPE_ENCODED_H

#include "pipeline/base/slice.h"

/* Whether a run of base64 or hexadecimal digits in ${text} decodes to a text, or is longer than any
 * id or checksum, or ${text} is a data URL. */
bool shape_holds_encoded(struct slice text);

/* Whether ${run}, of digits of base64 alone, decodes to a text, or is longer than any checksum. */
bool shape_is_encoded(struct slice run);

#endif
