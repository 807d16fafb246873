/* SPDX-License-Identifier: Apache-2.0 */
/* Faults that are put into a trace, one at a time: for test_mutants.c. */
#ifndef SLUICE_TESTS_EXPECT_MUTATION_H
#define SLUICE_TESTS_EXPECT_MUTATION_H

#include "tests/support/llmd_fixtures.h"

enum mutation_kind {
	MUTATION_RENAMED = 0,
	MUTATION_MISSING,
	MUTATION_DOUBLED,
	MUTATION_REPARENTED,
	MUTATION_MADE_ROOT,
	MUTATION_ORPHANED,
	MUTATION_LATE,
	MUTATION_SLOWER,
	MUTATION_KIND,
	MUTATION_FAILED,
	MUTATION_EXCEPTION,
	MUTATION_LEAKING_KEY,
	MUTATION_LEAKING_TEXT,
	MUTATION_UNKNOWN_KEY,
	MUTATION_RETYPED,	  /* an attribute */
	MUTATION_WITHOUT,	  /* an attribute */
	MUTATION_WITHOUT_SERVICE, /* of a resource */
	MUTATION_WITHOUT_SCOPE,
	MUTATION_NOISE,
	MUTATION_COUNT
};

struct mutation {
	enum mutation_kind kind;
	uint8_t row;  /* from 1; of services and scopes from 0 */
	uint8_t attr; /* of RETYPED and WITHOUT */
	/* what it did */
	bool applied; /* false: there is no such place */
	char key[96]; /* the attribute that it is about; "": none */
	/* private */
	struct example_attr attrs[40];
	char text[1024];
};

/* What it is called, and words one of which a message about it has; the key is one, too. */
struct mutation_text {
	const char *name, *words[6];
};
extern const struct mutation_text mutation_texts[MUTATION_COUNT];

/* For llmd_fixture_build_changed: ${arg} is a struct mutation. */
void mutation_apply(void *arg, const struct llmd_rows *rows);

#endif
