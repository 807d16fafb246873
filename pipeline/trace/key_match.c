/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which patterns a key matches: prefixes by one probe per dot, regular expressions only where their
 * gate lets them. A key in a namespace that no pattern names costs one probe and a scan of its
 * bytes, eight at a time; no expression is run for it.
 *
 * Recall of the gates: every expression that could match is tried (key_pattern.c), so the result is
 * the same as that of running them all.
 */
#include "pipeline/trace/key_table_internal.h"

#include <stdlib.h>

#define EVERY_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/* Up to the first dot or colon, or the whole key. */
static struct slice first_segment(struct slice key)
{
	size_t len = 0;
	while (len < key.len && key.ptr[len] != '.' && key.ptr[len] != ':')
		len++;
	return slice_of(key.ptr, len);
}

/* ---- matching ---- */

struct matching {
	const struct key_table *table;
	struct slice key;
	uint64_t letters; /* of the key; 0 until needed */
	struct regex_scratch *scratch;
	pattern_id *members;
	size_t count;
};

static void add_member(struct matching *m, pattern_id id)
{
	if (m->count < KEY_SET_MEMBERS_MAX)
		m->members[m->count] = id;
	m->count++;
}

static bool has_inside(struct slice key, struct slice part)
{
	return memmem(key.ptr, key.len, part.ptr, part.len) != NULL;
}

static bool passes_gate(const struct key_pattern *pattern, struct slice key)
{
	switch (pattern->gate) {
	case GATE_HEAD:
	case GATE_NAMESPACE: return slice_has_prefix(key, pattern->literal);
	case GATE_TAIL: return slice_has_suffix(key, pattern->literal);
	case GATE_SEGMENT: return has_inside(key, pattern->literal);
	case GATE_NONE: break;
	}
	return true;
}

static void try_regex(struct matching *m, pattern_id id)
{
	const struct key_pattern *pattern = &m->table->patterns[id - 1];
	if (m->letters == 0)
		m->letters = key_letters(m->key);
	if ((pattern->letters & ~m->letters) != 0 || !passes_gate(pattern, m->key) ||
	    (pattern->inner.len > 0 && !has_inside(m->key, pattern->inner)))
		return;
	switch (regex_search(pattern->regex, m->key, m->scratch)) {
	case REGEX_MATCH: add_member(m, id); return;
	case REGEX_FAILED: add_member(m, id | PATTERN_FAILED); return;
	case REGEX_NO_MATCH: return;
	}
}

static void match_prefixes(struct matching *m)
{
	const struct key_table *table = m->table;
	for (size_t len = 1; len <= m->key.len; len++) {
		if (len < m->key.len && m->key.ptr[len] != '.')
			continue;
		uint64_t hash = hash_bytes(table->hash, m->key.ptr, len);
		pattern_id id = key_slots_probe(&table->prefixes, hash, m->key.ptr, len);
		if (id != 0)
			add_member(m, id);
	}
}

uint16_t key_namespace(const struct key_table *table, struct slice key)
{
	struct slice segment = first_segment(key);
	uint64_t hash = hash_bytes(table->hash, segment.ptr, segment.len);
	return key_slots_probe(&table->namespaces, hash, segment.ptr, segment.len);
}

static void match_namespace(struct matching *m, uint16_t space)
{
	const struct key_table *table = m->table;
	if (space == 0)
		return;
	match_prefixes(m);
	m->letters = key_letters(m->key);
	struct pattern_run run = table->spaces[space - 1];
	for (uint32_t i = run.begin; i < run.begin + run.count; i++) {
		if ((table->regex_letters[i] & ~m->letters) == 0)
			try_regex(m, table->regexes[i]);
	}
}

static inline bool has_gram(const uint64_t *grams, const uint8_t *at)
{
	uint32_t gram = key_gram(at);
	return grams[gram / 64] >> (gram % 64) & 1;
}

/* The high bit of each byte of ${word} that is zero; above a true one there may be false ones. */
static inline uint64_t zero_bytes(uint64_t word)
{
	return (word - EVERY_BYTE(0x01)) & ~word & EVERY_BYTE(0x80);
}

/* Whether the bytes after any dot or underscore of the key begin like some GATE_SEGMENT literal, or
 * its last ones end like some GATE_TAIL literal. */
static bool may_match_gram(const struct key_table *table, struct slice key)
{
	if (key.len < GRAM_BYTES)
		return false;
	if (has_gram(table->tail_grams, key.ptr + key.len - GRAM_BYTES) ||
	    has_gram(table->head_grams, key.ptr))
		return true;
	size_t last = key.len - GRAM_BYTES; /* where the last gram begins */
	for (size_t at = 0; at < last; at += 8) {
		uint64_t word = 0;
		size_t left = key.len - at;
		if (left >= sizeof(word))
			word = hash_read64(key.ptr + at);
		else
			memcpy(&word, key.ptr + at, left);
		uint64_t found =
			zero_bytes(word ^ EVERY_BYTE('.')) | zero_bytes(word ^ EVERY_BYTE('_'));
		for (; found != 0; found &= found - 1) {
			size_t begin = at + (size_t)__builtin_ctzll(found) / 8 + 1;
			if (begin <= last && has_gram(table->head_grams, key.ptr + begin))
				return true;
		}
	}
	return false;
}

static int compare_ids(const void *a, const void *b)
{
	pattern_id x = *(const pattern_id *)a & (pattern_id)~PATTERN_FAILED;
	pattern_id y = *(const pattern_id *)b & (pattern_id)~PATTERN_FAILED;
	return (x > y) - (x < y);
}

size_t key_match(const struct key_table *table, struct slice key, uint16_t space,
		 struct regex_scratch *scratch, pattern_id *members)
{
	struct matching m = {.table = table, .key = key, .scratch = scratch, .members = members};
	match_namespace(&m, space);
	for (size_t i = 0; i < table->anywhere_count; i++)
		try_regex(&m, table->anywhere[i]);
	if (table->by_gram_count > 0 && may_match_gram(table, key)) {
		for (size_t i = 0; i < table->by_gram_count; i++)
			try_regex(&m, table->by_gram[i]);
	}
	if (m.count > 1 && m.count <= KEY_SET_MEMBERS_MAX)
		qsort(members, m.count, sizeof(*members), compare_ids);
	return m.count;
}

/* ---- building the tables ---- */

static void set_gram(uint64_t *grams, const uint8_t *at)
{
	uint32_t gram = key_gram(at);
	grams[gram / 64] |= UINT64_C(1) << (gram % 64);
}

static void add_namespace(struct key_table *table, struct slice text)
{
	uint16_t next = (uint16_t)(table->space_count + 1);
	if (key_slots_add(&table->namespaces, table->hash, first_segment(text), next) == next)
		table->space_count++;
}

static void find_namespaces(struct key_table *table)
{
	for (size_t i = 0; i < table->key_count; i++)
		add_namespace(table, table->keys[i]);
	for (size_t i = 0; i < table->pattern_count; i++) {
		const struct key_pattern *pattern = &table->patterns[i];
		if (pattern->kind == PATTERN_PREFIX)
			(void)key_slots_add(&table->prefixes, table->hash, pattern->literal,
					    (pattern_id)(i + 1));
		if (pattern->kind != PATTERN_PREFIX && pattern->gate != GATE_NAMESPACE)
			continue;
		add_namespace(table, pattern->literal);
	}
}

/* Lists the expressions of each namespace one after another. */
static void group_regexes(struct key_table *table)
{
	uint32_t at = 0;
	for (size_t space = 0; space < table->space_count; space++) {
		table->spaces[space].begin = at;
		for (size_t i = 0; i < table->pattern_count; i++) {
			const struct key_pattern *pattern = &table->patterns[i];
			if (pattern->kind == PATTERN_REGEX && pattern->gate == GATE_NAMESPACE &&
			    key_namespace(table, pattern->literal) == space + 1) {
				table->regex_letters[at] = pattern->letters;
				table->regexes[at++] = (pattern_id)(i + 1);
			}
		}
		table->spaces[space].count = at - table->spaces[space].begin;
	}
}

static void list_others(struct key_table *table)
{
	for (size_t i = 0; i < table->pattern_count; i++) {
		const struct key_pattern *pattern = &table->patterns[i];
		if (pattern->kind != PATTERN_REGEX)
			continue;
		if (pattern->gate == GATE_NONE || pattern->gate == GATE_HEAD)
			table->anywhere[table->anywhere_count++] = (pattern_id)(i + 1);
		if (pattern->gate != GATE_SEGMENT && pattern->gate != GATE_TAIL)
			continue;
		table->by_gram[table->by_gram_count++] = (pattern_id)(i + 1);
		if (pattern->gate == GATE_SEGMENT)
			set_gram(table->head_grams, pattern->literal.ptr);
		else
			set_gram(table->tail_grams,
				 pattern->literal.ptr + pattern->literal.len - GRAM_BYTES);
	}
}

static pattern_id exact_pattern(const struct key_table *table, struct slice key)
{
	for (size_t i = 0; i < table->pattern_count; i++) {
		const struct key_pattern *pattern = &table->patterns[i];
		if (pattern->kind == PATTERN_EXACT && slice_equal(pattern->literal, key))
			return (pattern_id)(i + 1);
	}
	return 0;
}

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "out of memory for the patterns of keys");
}

/* Registered keys know their patterns from the start. */
static int resolve_registered(struct key_table *table, struct regex_scratch *scratch,
			      struct err *err)
{
	size_t used = 0, cap = 0;
	for (size_t i = 0; i < table->key_count; i++) {
		pattern_id found[KEY_SET_MEMBERS_MAX + 1];
		size_t count = key_match(table, table->keys[i],
					 key_namespace(table, table->keys[i]), scratch, found);
		if (count > KEY_SET_MEMBERS_MAX)
			return err_set(err, ERR_LIMIT, "one key matches more than %d patterns",
				       KEY_SET_MEMBERS_MAX);
		pattern_id exact = exact_pattern(table, table->keys[i]);
		if (exact != 0)
			found[count++] = exact;
		qsort(found, count, sizeof(*found), compare_ids);
		if (used + count > cap) {
			cap = (cap + count) * 2;
			pattern_id *grown = realloc(table->exact_members, cap * sizeof(*grown));
			if (!grown)
				return no_memory(err);
			table->exact_members = grown;
		}
		if (count > 0)
			memcpy(table->exact_members + used, found, count * sizeof(*found));
		table->exact_sets[i] = (struct pattern_run){(uint32_t)used, (uint32_t)count};
		used += count;
	}
	return 0;
}

int key_match_freeze(struct key_table *table, struct err *err)
{
	size_t count = table->pattern_count;
	struct regex_scratch scratch;
	table->spaces = calloc(count + table->key_count, sizeof(*table->spaces));
	table->regexes = calloc(count, sizeof(*table->regexes));
	table->regex_letters = calloc(count, sizeof(*table->regex_letters));
	table->anywhere = calloc(count, sizeof(*table->anywhere));
	table->by_gram = calloc(count, sizeof(*table->by_gram));
	table->exact_sets = calloc(table->key_count + 1, sizeof(*table->exact_sets));
	if (!table->spaces || !table->regexes || !table->regex_letters || !table->anywhere ||
	    !table->by_gram || !table->exact_sets || !key_slots_init(&table->prefixes, count) ||
	    !key_slots_init(&table->namespaces, count + table->key_count) ||
	    regex_scratch_init(&scratch) != 0)
		return no_memory(err);
	find_namespaces(table);
	group_regexes(table);
	list_others(table);
	int result = resolve_registered(table, &scratch, err);
	regex_scratch_fini(&scratch);
	return result;
}

void key_match_free(struct key_table *table)
{
	free(table->prefixes.at);
	free(table->namespaces.at);
	free(table->spaces);
	free(table->regexes);
	free(table->regex_letters);
	free(table->anywhere);
	free(table->by_gram);
	free(table->exact_sets);
	free(table->exact_members);
}
