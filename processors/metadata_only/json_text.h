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

/* False when a rule denies a pair in ${text}; the rule is counted. ${numbers_stay}: figures in it
 * stay, whatever their key. */
bool policy_text_stays(struct pass *pass, struct slice text, bool numbers_stay);

/* The same for a string, or for all strings of an array; true for others. */
bool policy_texts_stay(struct pass *pass, const struct value *value, bool numbers_stay);

#endif
