/* SPDX-License-Identifier: Apache-2.0 */
/* JSON that is the value of a text: what may stay of it. */
#ifndef SLUICE_PROCESSORS_METADATA_ONLY_PAIRS_H
#define SLUICE_PROCESSORS_METADATA_ONLY_PAIRS_H

#include "processors/metadata_only/judge.h"

enum { PAIRS_DEPTH_MAX = 32 };

enum pairs_result {
	PAIRS_NONE = 0, /* no JSON object, array or string, or nothing of it stays */
	PAIRS_SAME,	/* all of it stays */
	PAIRS_CUT,	/* what stays was appended to ${out} */
};

/* Judges ${text}: offending pairs and items go, the others stay. */
enum pairs_result pairs_filter(const struct measure *measure, struct slice text, struct buf *out);

#endif
