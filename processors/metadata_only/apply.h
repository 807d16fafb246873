/* SPDX-License-Identifier: Apache-2.0 */
/* Changing one attribute as a rule says. */
#ifndef SLUICE_PROCESSORS_METADATA_ONLY_APPLY_H
#define SLUICE_PROCESSORS_METADATA_ONLY_APPLY_H

#include "processors/metadata_only/pass.h"

/* What is judged. */
struct attribute {
	struct attr_view view;
	struct value value;
};

void policy_set_value(struct pass *pass, struct owner owner, const struct attribute *attr,
		      struct value value);

/* Takes it out; the span's name that quotes it is marked for replacement. */
void policy_drop_attr(struct pass *pass, struct place *place, const struct attribute *attr);

/* The same for an attribute as it was received, whose value is the string ${text}. */
void policy_drop_text(struct pass *pass, struct place *place, const struct attr_view *attr,
		      struct slice text);

/* Hashes or drops it, as content_references says. */
void policy_hide_reference(struct pass *pass, struct place *place, const struct attribute *attr);

/* Carries out rule ${number}. True when the attribute is gone, replaced or hashed: nothing of it is
 * left. What was cut is in pass->shard->text. */
bool policy_apply(struct pass *pass, struct place *place, const struct attribute *attr,
		  uint16_t number);

#endif
