/* SPDX-License-Identifier: Apache-2.0 */
/* A quick test for ids: sixty-four bytes at a time, a bit for each. */
#ifndef SLUICE_PROCESSORS_METADATA_ONLY_SHAPE_QUICK_H
#define SLUICE_PROCESSORS_METADATA_ONLY_SHAPE_QUICK_H

#include "pipeline/base/slice.h"

enum { SHAPE_QUICK_MAX = 64 }; /* bytes */

/* True for most tokens of at most SHAPE_QUICK_MAX bytes that are made of letters, digits and
 * . : _ - alone, and for nothing that is no token. Paths repeat, and are not its matter. */
bool shape_is_quick(struct slice text);

#endif
