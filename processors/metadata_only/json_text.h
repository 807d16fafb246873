/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs in texts: JSON and its like as the value of an attribute. */
#ifndef SLUICE_PROCESSORS_METADATA_ONLY_JSON_TEXT_H
#define SLUICE_PROCESSORS_METADATA_ONLY_JSON_TEXT_H

#include "processors/metadata_only/pass.h"
#include "processors/metadata_only/text.h"

/* Whether a text that begins with ${first} is looked into: { or [, perhaps after spaces. */
static inline bool text_may_hold_pairs(uint8_t first)
{
	return (first | 0x20) == '{' || first <= ' ';
}

/* False when a rule denies a pair in the text ${value}, or in one of the texts of an array; the rule
 * is counted. True for other values. ${numbers_stay}: figures in it stay, whatever their key. */
bool policy_texts_stay(struct pass *pass, const struct value *value, bool numbers_stay);

#endif
