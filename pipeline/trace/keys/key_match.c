/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which patterns a key matches: prefixes by one probe per dot, regular expressions only where their
 * gate lets them. A key in a namespace that no pattern names costs one probe and a scan of its
 * bytes, eight at a time; no expression is run for it.
 *
 * Recall of the gates: every expression that could match is tried (key_pattern.c), so the result is
 * the same as that of running them all.
 */
#include "pipeline/base/utf8.h"
#include "pipeline/trace/keys/key_table_internal.h"

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
	struct regex_scratch *scratch;
	pattern_id *members;
	size_t count;
	bool unclear; /* the key has control characters or is no UTF-8 */
};

static inline void add_member(struct matching *m, pattern_id id)
{
	if (m->count < KEY_SET_MEMBERS_MAX)
		m->members[m->count] = id;
	m->count++;
}

static bool has_inside(struct slice key, struct slice part)
{
	return memmem(key.ptr, key.len, part.ptr, part.len) != NULL;
}

static bool has_one_inside(struct slice key, struct slice grams)
{
	for (size_t i = 0; i < grams.len; i += GRAM_BYTES) {
		if (has_inside(key, slice_of(grams.ptr + i, GRAM_BYTES)))
			return true;
	}
	return false;
}

static bool passes_gate(const struct key_pattern *pattern, struct slice key)
{
	if (!slice_has_prefix(key, pattern->head))
		return false;
	switch (pattern->gate) {
	case GATE_TAIL: return slice_has_suffix(key, pattern->literal);
	case GATE_SEGMENT: return has_one_inside(key, pattern->literal);
	case GATE_NONE:
	case GATE_HEAD:
	case GATE_NAMESPACE:
	case GATE_PREFIX: break;
	}
	return true;
}

static void try_regex(struct matching *m, pattern_id id)
{
	const struct key_pattern *pattern = &m->table->patterns[id - 1];
	if (!passes_gate(pattern, m->key) ||
	    (pattern->inner.len > 0 && !has_inside(m->key, pattern->inner)))
		return;
	switch (regex_search(pattern->regex, m->key, m->scratch)) {
	case REGEX_MATCH: add_member(m, id); return;
	case REGEX_FAILED: add_member(m, id | PATTERN_FAILED); return;
	case REGEX_NO_MATCH: return;
	}
}

/* The first ${len} bytes of the key, ended by a dot or the key's end, where a prefix ends like them. */
static COLD void match_prefix(struct matching *m, size_t len)
{
	const struct key_table *table = m->table;
	uint64_t hash = hash_bytes(table->hash, m->key.ptr, len);
	uint16_t number = key_slots_probe(&table->prefixes, hash, m->key.ptr, len);
	if (number == 0)
		return;
	const struct key_prefix *prefix = &table->prefix_uses[number - 1];
	if (prefix->pattern != 0)
		add_member(m, prefix->pattern);
	for (pattern_id id = prefix->regexes; id != 0; id = table->patterns[id - 1].next)
		try_regex(m, id);
}

static inline void try_prefix(struct matching *m, size_t len)
{
	if (key_prefix_possible(m->table, m->key.ptr, len))
		match_prefix(m, len);
}

uint16_t key_namespace(const struct key_table *table, struct slice key)
{
	struct slice segment = first_segment(key);
	uint64_t hash = hash_bytes(table->hash, segment.ptr, segment.len);
	return key_slots_probe(&table->namespaces, hash, segment.ptr, segment.len);
}

static void match_namespace(struct matching *m, const struct key_space *space)
{
	const struct key_table *table = m->table;
	if (space->count == 0)
		return;
	uint64_t letters =
		key_letters(slice_of(m->key.ptr + space->text.len, m->key.len - space->text.len));
	for (uint32_t i = space->begin; i < space->begin + space->count; i++) {
		if ((table->regex_letters[i] & ~letters) == 0)
			try_regex(m, table->regexes[i]);
	}
}

static COLD uint64_t look_up(const struct key_table *table, const struct key_grams *grams,
			     const uint8_t *at)
{
	uint64_t hash = hash_bytes(table->hash, at, GRAM_BYTES);
	uint16_t number = key_slots_probe(&grams->slots, hash, at, GRAM_BYTES);
	return number == 0 ? 0 : grams->wanted[number - 1];
}

/* The expressions that ask for the bytes at ${at}. */
static inline uint64_t wanted_by(const struct key_table *table, const struct key_grams *grams,
				 const uint8_t *at)
{
	uint32_t mark = key_gram(at);
	bool marked = grams->marks[mark / 64] >> (mark % 64) & 1;
	return UNLIKELY(marked) ? look_up(table, grams, at) : 0;
}

/* The high bit of each byte of ${word} that is zero; above a true one there may be false ones. */
static inline uint64_t zero_bytes(uint64_t word)
{
	return (word - EVERY_BYTE(0x01)) & ~word & EVERY_BYTE(0x80);
}

/* Non-zero when a byte of ${word} is a control character of ASCII. */
static inline uint64_t control_bytes(uint64_t word)
{
	return ((word - EVERY_BYTE(' ')) & ~word & EVERY_BYTE(0x80)) |
	       zero_bytes(word ^ EVERY_BYTE(0x7f));
}

/* Whether ${key} is UTF-8 without the control characters U+0080 to U+009F. */
static bool is_readable(struct slice key)
{
	for (size_t i = 0; i + 1 < key.len; i++) {
		if (key.ptr[i] == 0xc2 && key.ptr[i + 1] < 0xa0)
			return false;
	}
	return utf8_valid(key);
}

/* The eight bytes at ${at}, spaces behind the key's end. */
static inline uint64_t read_word(struct slice key, size_t at)
{
	size_t left = key.len - at;
	if (left >= sizeof(uint64_t))
		return hash_read64(key.ptr + at);
	if (key.len >= sizeof(uint64_t))
		return hash_read64(key.ptr + key.len - sizeof(uint64_t)) >>
			       8 * (sizeof(uint64_t) - left) |
		       EVERY_BYTE(' ') << 8 * left;
	uint64_t word = EVERY_BYTE(' ') << 8 * left;
	for (size_t i = 0; i < left; i++)
		word |= (uint64_t)key.ptr[at + i] << 8 * i;
	return word;
}

/* Looks at every dot and underscore of the key: tries the prefixes that end there, when the key is
 * in a namespace at all. Returns which expressions ask for how a segment begins or the key ends. */
static inline uint64_t scan_joints(struct matching *m, const struct key_space *space)
{
	const struct key_table *table = m->table;
	struct slice key = m->key;
	/* The last place where a gram begins; before it when the key is too short for one. */
	ptrdiff_t last = (ptrdiff_t)key.len - GRAM_BYTES;
	uint64_t wanted = 0, controls = 0, high = 0;
	if (last >= 0)
		wanted = wanted_by(table, &table->ends, key.ptr + last) |
			 wanted_by(table, &table->starts, key.ptr);
	for (size_t at = 0; at < key.len; at += 8) {
		uint64_t word = read_word(key, at);
		controls |= control_bytes(word);
		high |= word & EVERY_BYTE(0x80);
		uint64_t joints =
			zero_bytes(word ^ EVERY_BYTE('.')) | zero_bytes(word ^ EVERY_BYTE('_'));
		for (; joints != 0; joints &= joints - 1) {
			size_t joint = at + (size_t)__builtin_ctzll(joints) / 8;
			if (space && joint > space->text.len && key.ptr[joint] == '.')
				try_prefix(m, joint);
			if ((ptrdiff_t)joint < last)
				wanted |= wanted_by(table, &table->starts, key.ptr + joint + 1);
		}
	}
	m->unclear = controls != 0 || (UNLIKELY(high != 0) && !is_readable(key));
	return wanted;
}

static int compare_ids(const void *a, const void *b)
{
	pattern_id x = *(const pattern_id *)a & (pattern_id)~PATTERN_FAILED;
	pattern_id y = *(const pattern_id *)b & (pattern_id)~PATTERN_FAILED;
	return (x > y) - (x < y);
}

size_t key_match(const struct key_table *table, struct slice key, uint16_t space_number,
		 struct regex_scratch *scratch, pattern_id *members, bool *ret_unclear)
{
	struct matching m = {.table = table, .key = key, .scratch = scratch, .members = members};
	const struct key_space *space = space_number ? &table->spaces[space_number - 1] : NULL;
	if (space) {
		if (space->own != 0 &&
		    (key.len == space->text.len || key.ptr[space->text.len] == '.'))
			add_member(&m, space->own);
		if (key.len > space->text.len)
			try_prefix(&m, key.len);
	}
	uint64_t wanted = scan_joints(&m, space);
	if (space)
		match_namespace(&m, space);
	for (size_t i = 0; i < table->anywhere_count; i++)
		try_regex(&m, table->anywhere[i]);
	for (size_t i = 0; wanted != 0 && i < table->by_gram_count; i++) {
		if (wanted >> (i % 64) & 1)
			try_regex(&m, table->by_gram[i]);
	}
	if (m.count > 1 && m.count <= KEY_SET_MEMBERS_MAX)
		qsort(members, m.count, sizeof(*members), compare_ids);
	*ret_unclear = m.unclear;
	return m.count;
}

/* ---- building the tables ---- */

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
	struct slice segment = first_segment(text);
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
		    first_segment(prefix).len == prefix.len)
			table->spaces[key_namespace(table, prefix) - 1].own = (pattern_id)(i + 1);
	}
}

static uint64_t letters_behind_space(const struct key_pattern *pattern)
{
	size_t space = first_segment(pattern->head).len;
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
