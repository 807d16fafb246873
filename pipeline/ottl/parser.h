/* SPDX-License-Identifier: Apache-2.0 */
/* From text to the typed tree. */
#ifndef SLUICE_OTTL_PARSER_H
#define SLUICE_OTTL_PARSER_H

#include "pipeline/ottl/evaluation.h"

/* What a text is read as. */
enum parser_goal { PARSER_CONDITION = 0, PARSER_VALUE };

/* Parses ${text} into ${condition}: context (given or inferred), root, regexes (also set, and to be
 * freed by the caller, on failure). ${scratch} serves constant folding. -1 with the Collector's
 * text and err->offset. */
MUST_CHECK int parser_parse(struct slice text, enum parser_goal goal, enum ottl_context context,
			    struct key_table *keys, struct arena *arena,
			    struct ottl_scratch *scratch, struct ottl_condition *condition,
			    struct err *err);

#endif
