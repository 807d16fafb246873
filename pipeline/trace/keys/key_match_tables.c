/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables behind key_match, made once when the last key and pattern is registered: namespaces,
 * prefixes, gates of expressions by what a key has to hold, and which patterns each registered key
 * matches.
 */
#include "pipeline/trace/keys/key_table_internal.h"

#include <stdlib.h>

static void add_gram(struct key_table *table, struct key_grams *grams, const uint8_t *at,
		     size_t position)
{
	uint32_t mark = key_gram(at);
	uint16_t next = (uint16_t)(grams->count + 1);
	uint16_t number = key_slots_add(&grams->slots, table->hash, slice_of(at, GRAM_BYTES), next);
	grams->marks[mark / 64] |= UINT64_C(1) << (mark % 64);
	grams->count += number == next;
	grams->wanted[number - 1] |= UINT64_C(1) << (position % 64);
}

static void add_namespace(struct key_table *table, struct slice text)
{
	uint16_t next = (uint16_t)(table->space_count + 1);
	struct slice segment = key_first_segment(text);
	if (key_slots_add(&table->namespaces, table->hash, segment, next) == next)
		table->spaces[table->space_count++].text = segment;
}

/* What is asked of keys that begin with ${prefix}, segments without the dot behind them. */
static struct key_prefix *add_prefix(struct key_table *table, struct slice prefix)
{
	uint32_t mark = key_prefix_mark(prefix.ptr, prefix.len);
	uint16_t next = (uint16_t)(table->prefix_count + 1);
	uint16_t number = key_slots_add(&table->prefixes, table->hash, prefix, next);
	table->prefix_marks[mark / 64] |= UINT64_C(1) << (mark % 64);
	table->prefix_count += number == next;
	return &table->prefix_uses[number - 1];
}

static void find_prefixes(struct key_table *table)
{
	for (size_t i = 0; i < table->pattern_count; i++) {
		struct key_pattern *pattern = &table->patterns[i];
		struct slice head = pattern->head;
		if (pattern->kind == PATTERN_PREFIX) {
			add_prefix(table, pattern->literal)->pattern = (pattern_id)(i + 1);
		} else if (pattern->kind == PATTERN_REGEX && pattern->gate == GATE_PREFIX) {
			struct key_prefix *prefix =
				add_prefix(table, slice_of(head.ptr, head.len - 1));
			pattern->next = prefix->regexes;
			prefix->regexes = (pattern_id)(i + 1);
		}
	}
}

static void find_namespaces(struct key_table *table)
{
	for (size_t i = 0; i < table->key_count; i++)
		add_namespace(table, table->keys[i]);
	for (size_t i = 0; i < table->pattern_count; i++) {
		const struct key_pattern *pattern = &table->patterns[i];
		if (pattern->kind == PATTERN_PREFIX)
			add_namespace(table, pattern->literal);
		else if (pattern->kind == PATTERN_REGEX &&
			 (pattern->gate == GATE_NAMESPACE || pattern->gate == GATE_PREFIX))
			add_namespace(table, pattern->head);
	}
	for (size_t i = 0; i < table->pattern_count; i++) {
		struct slice prefix = table->patterns[i].literal;
		if (table->patterns[i].kind == PATTERN_PREFIX &&
		    key_first_segment(prefix).len == prefix.len)
			table->spaces[key_namespace(table, prefix) - 1].own = (pattern_id)(i + 1);
	}
}

static uint64_t letters_behind_space(const struct key_pattern *pattern)
{
	size_t space = key_first_segment(pattern->head).len;
	return key_letters(pattern->inner) |
	       key_letters(slice_of(pattern->head.ptr + space, pattern->head.len - space));
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
			    key_namespace(table, pattern->head) == space + 1) {
				table->regex_letters[at] = letters_behind_space(pattern);
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
		const struct slice literal = pattern->literal;
		if (pattern->kind != PATTERN_REGEX)
			continue;
		if (pattern->gate == GATE_NONE || pattern->gate == GATE_HEAD)
			table->anywhere[table->anywhere_count++] = (pattern_id)(i + 1);
		if (pattern->gate != GATE_SEGMENT && pattern->gate != GATE_TAIL)
			continue;
		size_t position = table->by_gram_count++;
		table->by_gram[position] = (pattern_id)(i + 1);
		if (pattern->gate == GATE_TAIL)
			add_gram(table, &table->ends, literal.ptr + literal.len - GRAM_BYTES,
				 position);
		for (size_t at = 0; pattern->gate == GATE_SEGMENT && at < literal.len;
		     at += GRAM_BYTES)
			add_gram(table, &table->starts, literal.ptr + at, position);
	}
}

static bool init_grams(struct key_grams *grams, size_t count)
{
	grams->wanted = calloc(count, sizeof(*grams->wanted));
	return grams->wanted && key_slots_init(&grams->slots, count);
}

/* At most so many grams of GATE_SEGMENT and GATE_TAIL literals. */
static size_t count_grams(const struct key_table *table)
{
	size_t count = 1;
	for (size_t i = 0; i < table->pattern_count; i++)
		count += table->patterns[i].kind == PATTERN_REGEX
				 ? 1 + table->patterns[i].literal.len / GRAM_BYTES
				 : 0;
	return count;
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
		bool unclear; /* not to whoever wrote the key into the configuration */
		size_t count =
			key_match(table, table->keys[i], key_namespace(table, table->keys[i]),
				  scratch, found, &unclear);
		if (count > KEY_SET_MEMBERS_MAX)
			return err_set(err, ERR_LIMIT, "one key matches more than %d patterns",
				       KEY_SET_MEMBERS_MAX);
		pattern_id exact = exact_pattern(table, table->keys[i]);
		if (exact != 0)
			found[count++] = exact;
		qsort(found, count, sizeof(*found), key_compare_ids);
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
	table->prefix_uses = calloc(count, sizeof(*table->prefix_uses));
	table->regexes = calloc(count, sizeof(*table->regexes));
	table->regex_letters = calloc(count, sizeof(*table->regex_letters));
	table->anywhere = calloc(count, sizeof(*table->anywhere));
	table->by_gram = calloc(count, sizeof(*table->by_gram));
	table->exact_sets = calloc(table->key_count + 1, sizeof(*table->exact_sets));
	if (!table->spaces || !table->prefix_uses || !table->regexes || !table->regex_letters ||
	    !table->anywhere || !table->by_gram || !table->exact_sets ||
	    !key_slots_init(&table->prefixes, count) ||
	    !key_slots_init(&table->namespaces, count + table->key_count) ||
	    !init_grams(&table->starts, count_grams(table)) ||
	    !init_grams(&table->ends, count_grams(table)) || regex_scratch_init(&scratch) != 0)
		return no_memory(err);
	find_namespaces(table);
	find_prefixes(table);
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
	free(table->starts.slots.at);
	free(table->starts.wanted);
	free(table->ends.slots.at);
	free(table->ends.wanted);
	free(table->prefix_uses);
	free(table->spaces);
	free(table->regexes);
	free(table->regex_letters);
	free(table->anywhere);
	free(table->by_gram);
	free(table->exact_sets);
	free(table->exact_members);
}
