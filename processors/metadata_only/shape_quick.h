/* SPDX-License-Identifier: Apache-2.0 */
/* A quick test for ids and for sentences: sixty-four bytes at a time, a bit for each. */
#ifndef SLUICE_PROCESSORS_METADATA_ONLY_SHAPE_QUICK_H
#define SLUICE_PROCESSORS_METADATA_ONLY_SHAPE_QUICK_H

#include "pipeline/base/slice.h"

enum { SHAPE_QUICK_MAX = 64 }; /* bytes */

/* What shape_is_token would say. */
enum shape_guess {
	SHAPE_UNSURE = 0,
	SHAPE_TOKEN,
	SHAPE_NO_TOKEN, /* there is a space in it */
};

/* Tells most tokens of at most SHAPE_QUICK_MAX bytes that are made of letters, digits and . : _ -
 * alone, and every text with spaces; never wrong. Paths repeat, and are not its matter. */
enum shape_guess shape_guess(struct slice text);

#endif
