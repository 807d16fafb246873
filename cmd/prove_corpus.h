/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canary corpus of `sluice policy prove`: a request with texts that metadata_only has to take out,
 * made from its table: under each key that a rule removes, wherever the rule looks for it. Each text has
 * a number, so that one that comes out says which it was.
 */
#ifndef SLUICE_CMD_PROVE_CORPUS_H
#define SLUICE_CMD_PROVE_CORPUS_H

#include "pipeline/base/arena.h"
#include "pipeline/base/chunk.h"
#include "pipeline/base/error.h"

#include <stdbool.h>

/* Where a plant's texts stand: an attribute's slots (enum policy_slot), or the field alone. */
enum { PROVE_PLACES = 6, PROVE_FIELD = PROVE_PLACES - 1, PROVE_PLANTS_MAX = 4096 };

struct prove_plant {
	const char *rule; /* as in the table */
	const char *key;  /* that was planted; "": a field */
	unsigned places;  /* bit per place */
};

struct prove_corpus {
	struct prove_plant *plants; /* in ${arena} */
	uint32_t count;
	uint32_t expressions; /* rules that are one: no key of them is known */
	/* private */
	struct arena *arena;
	bool failed;
};

/* Plans what is planted. -1: no memory. */
MUST_CHECK int prove_corpus_init(struct prove_corpus *corpus, struct arena *arena);

/* The request, a trace per plant; NULL with ${err}. To be unreferenced. */
MUST_CHECK struct chunk *prove_corpus_request(const struct prove_corpus *corpus,
					      struct budget *budget, struct err *err);

/* Sets places[plant] to a bit per place whose text stands in ${bytes}, beside those that are set. */
void prove_corpus_find(const struct prove_corpus *corpus, struct slice bytes, uint8_t *places);

#endif
