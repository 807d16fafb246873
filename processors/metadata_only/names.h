/* SPDX-License-Identifier: Apache-2.0 */
/* The names of spans, events and scopes, and the texts of statuses. */
#ifndef SLUICE_PROCESSORS_METADATA_ONLY_NAMES_H
#define SLUICE_PROCESSORS_METADATA_ONLY_NAMES_H

#include "processors/metadata_only/pass.h"

/* Registers the keys that a span's next best name is made from. False when memory is short. */
bool names_register(struct policy *policy, struct key_table *keys, struct err *err);

/* What the name of a span may have in common with the text of an attribute. */
enum name_weight names_weight(struct slice name);

/* Whether ${name}, which has ${weight}, is in ${removed}, begins as it does, or holds it. */
bool names_quotes(struct slice name, enum name_weight weight, struct slice removed);

/* Judges the name of ${span}, after its attributes; ${removed}: it quotes what went. */
void names_filter_span(struct pass *pass, uint32_t span, bool removed);

void names_filter_event(struct pass *pass, uint32_t event);
void names_filter_scope(struct pass *pass, uint32_t scope);
void names_filter_status(struct pass *pass, uint32_t span);

#endif
