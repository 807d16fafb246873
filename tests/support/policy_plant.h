/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests with one text planted where a rule of metadata_only should meet it: as an attribute in
 * every slot, nested, in fields that the protocol does not know, and in each field that is no
 * attribute.
 */
#ifndef SLUICE_TEST_POLICY_PLANT_H
#define SLUICE_TEST_POLICY_PLANT_H

#include "pipeline/base/buf.h"
#include "processors/metadata_only/rules.h"

enum { POLICY_EVERYWHERE = (1 << SLOT_COUNT) - 1 };

struct policy_plant {
	const char *key, *value;
	int64_t number;	     /* instead of the value when that is NULL */
	unsigned slots;	     /* 1 << enum policy_slot */
	bool nested;	     /* in maps under harmless keys, too */
	const char *mark;    /* a key that tells a model call; NULL: none */
	const char *unknown; /* in unknown fields at all levels; NULL: none */
	const char *event_name;
};

/* Appends a request, a whole one, so that requests of several plants in a row are one. */
void policy_plant_put(struct buf *out, const struct policy_plant *plant);

/* The same with ${text} in ${field} alone. FIELD_DOUBTFUL_KEY, FIELD_NESTED_VALUE and
 * FIELD_UNKNOWN_FIELD are no places of their own. */
void policy_plant_put_field(struct buf *out, enum policy_field field, const char *text);

/* What may be planted in a field. */
struct policy_field_plant {
	enum policy_field field;
	const char *text;    /* @ stands for the canary */
	const char *instead; /* what stands there then; NULL: nothing */
};

extern const struct policy_field_plant policy_field_plants[];
extern const size_t policy_field_plant_count;

/* Writes the text of ${plant} with ${canary} in it to ${out}. */
void policy_field_text(const struct policy_field_plant *plant, const char *canary, struct buf *out);

#endif
