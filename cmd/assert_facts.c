/* SPDX-License-Identifier: Apache-2.0 */
/* A table by hash with linear probing, at most half full; the facts themselves stay where they are. */
#include "cmd/assert_facts.h"

#include <stdlib.h>

enum { SLOTS_BEGIN = 1024 };

void facts_init(struct facts *facts)
{
	*facts = (struct facts){.hash = hash_key_random()};
	arena_init(&facts->arena, NULL, FACTS_BYTES_MAX);
}

void facts_fini(struct facts *facts)
{
	free(facts->slots);
	free(facts->at);
	arena_fini(&facts->arena);
}

static int compare(const struct fact *a, const struct fact *b)
{
	int order = slice_compare(a->group, b->group);
	if (order == 0)
		order = slice_compare(a->span, b->span);
	if (order == 0)
		order = (a->type > b->type) - (a->type < b->type);
	if (order == 0)
		order = slice_compare(a->key, b->key);
	return order == 0 ? slice_compare(a->value, b->value) : order;
}

static uint64_t hash_of(const struct facts *facts, const struct fact *fact)
{
	const struct slice texts[] = {fact->group, fact->span, fact->key, fact->value};
	uint64_t hash = (uint64_t)fact->type;
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
		hash = hash * UINT64_C(0x9e3779b97f4a7c15) +
		       hash_bytes(facts->hash, texts[i].ptr, texts[i].len);
	return hash ^ hash >> 32;
}

/* Where the fact is, or would be. The table is not full. */
static struct fact **slot_of(const struct facts *facts, const struct fact *fact)
{
	size_t at = (size_t)hash_of(facts, fact) & (facts->slot_count - 1);
	while (facts->slots[at] && compare(facts->slots[at], fact) != 0)
		at = (at + 1) & (facts->slot_count - 1);
	return &facts->slots[at];
}

static bool grow(struct facts *facts)
{
	size_t slot_count = facts->slot_count ? facts->slot_count * 2 : SLOTS_BEGIN;
	struct fact **slots = calloc(slot_count, sizeof(struct fact *));
	struct fact **at = realloc(facts->at, slot_count / 2 * sizeof(struct fact *));
	if (at)
		facts->at = at;
	if (!slots || !at) {
		free(slots);
		return false;
	}
	free(facts->slots);
	facts->slots = slots;
	facts->slot_count = slot_count;
	for (size_t i = 0; i < facts->count; i++)
		*slot_of(facts, facts->at[i]) = facts->at[i];
	return true;
}

static struct fact *make(struct facts *facts, const struct fact *fact)
{
	struct fact *made = arena_calloc(&facts->arena, 1, sizeof(*made));
	if (!made || facts->count == FACTS_MAX ||
	    (facts->count >= facts->slot_count / 2 && !grow(facts))) {
		facts->full = true;
		return NULL;
	}
	*made = (struct fact){.group = arena_copy(&facts->arena, fact->group),
			      .type = fact->type,
			      .span = arena_copy(&facts->arena, fact->span),
			      .key = arena_copy(&facts->arena, fact->key),
			      .value = arena_copy(&facts->arena, fact->value),
			      .least = UINT32_MAX};
	if (!made->group.ptr || !made->span.ptr || !made->key.ptr || !made->value.ptr) {
		facts->full = true;
		return NULL;
	}
	*slot_of(facts, made) = made;
	facts->at[facts->count++] = made;
	return made;
}

/* Takes account of the trace that the fact was seen in last. */
static void close_trace(struct fact *fact)
{
	if (fact->trace == 0)
		return;
	if (fact->in_trace < fact->least)
		fact->least = fact->in_trace;
	if (fact->in_trace > fact->most)
		fact->most = fact->in_trace;
}

static struct fact *open_trace(struct facts *facts, const struct fact *wanted, uint64_t trace)
{
	struct fact *fact = facts->slot_count ? *slot_of(facts, wanted) : NULL;
	if (!fact)
		fact = make(facts, wanted);
	if (fact && fact->trace != trace) {
		close_trace(fact);
		fact->trace = trace;
		fact->in_trace = 0;
		fact->traces++;
	}
	return fact;
}

bool facts_add(struct facts *facts, const struct fact *fact, uint64_t trace, uint64_t span)
{
	struct fact *at = open_trace(facts, fact, trace);
	if (!at || at->last_span == span)
		return false;
	at->last_span = span;
	at->in_trace++;
	at->spans++;
	return true;
}

void facts_add_trace(struct facts *facts, const struct fact *fact, uint64_t trace)
{
	(void)open_trace(facts, fact, trace);
}

const struct fact *facts_find(const struct facts *facts, const struct fact *fact)
{
	return facts->slot_count ? *slot_of(facts, fact) : NULL;
}

static int compare_places(const void *a, const void *b)
{
	return compare(*(struct fact *const *)a, *(struct fact *const *)b);
}

void facts_sort(struct facts *facts)
{
	for (size_t i = 0; i < facts->count; i++)
		close_trace(facts->at[i]);
	if (facts->count > 0)
		qsort(facts->at, facts->count, sizeof(struct fact *), compare_places);
}
