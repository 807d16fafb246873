/* SPDX-License-Identifier: Apache-2.0 */
/* Characters beyond ASCII, as far as telling a token from a sentence needs: by block. */
#ifndef SLUICE_PROCESSORS_METADATA_ONLY_SHAPE_SCRIPT_H
#define SLUICE_PROCESSORS_METADATA_ONLY_SHAPE_SCRIPT_H

#include "pipeline/base/slice.h"

enum shape_script {
	SCRIPT_LETTER = 0,
	SCRIPT_DENSE,	/* letters of a script that writes sentences without spaces, or nearly so */
	SCRIPT_BLANK,	/* white or invisible */
	SCRIPT_CONTROL, /* C1 */
	SCRIPT_END,	/* ends a sentence */
	SCRIPT_SYMBOL	/* punctuation, signs, pictures, private use */
};

/* Of the one character that ${sequence}, well-formed UTF-8 of at least two bytes, is. */
enum shape_script shape_script_of(struct slice sequence);

#endif
