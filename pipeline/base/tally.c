/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list of pending sums. No entry is looked up: a request makes few, and a counter may stand there
 * twice.
 */
#include "pipeline/base/tally.h"

#include <stdlib.h>

enum { CAPACITY_MIN = 64 };

static bool grow(struct tally *tally)
{
	size_t capacity = tally->capacity > 0 ? tally->capacity * 2 : CAPACITY_MIN;
	struct tally_entry *entries = reallocarray(tally->entries, capacity, sizeof(*entries));
	if (!entries)
		return false;
	tally->entries = entries;
	tally->capacity = capacity;
	return true;
}

void tally_add(struct tally *tally, struct counter *counter, uint64_t n)
{
	if (n == 0)
		return;
	if (tally->count == tally->capacity && !grow(tally)) {
		tally->failed = true;
		return;
	}
	tally->entries[tally->count++] = (struct tally_entry){counter, n};
}

void tally_commit(struct tally *tally)
{
	for (size_t i = 0; i < tally->count; i++)
		counter_add(tally->entries[i].counter, tally->entries[i].n);
	tally_forget(tally);
}

void tally_forget(struct tally *tally)
{
	tally->count = 0;
	tally->failed = false;
}

void tally_fini(struct tally *tally)
{
	free(tally->entries);
	*tally = TALLY_INIT;
}
