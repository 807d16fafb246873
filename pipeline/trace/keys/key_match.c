/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which patterns a key matches: prefixes by one probe per dot, regular expressions only where their
 * gate lets them. A key in a namespace that no pattern names costs one probe and a scan of its
 * bytes, eight at a time; no expression is run for it.
 *
 * Recall of the gates: every expression that could match is tried (key_pattern.c), so the result is
 * the same as that of running them all.
 */
#include "pipeline/base/le.h"
#include "pipeline/base/utf8.h"
#include "pipeline/trace/keys/key_table_internal.h"

#include <stdlib.h>

#define EVERY_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

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
	struct slice segment = key_first_segment(key);
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
		return le_read64(key.ptr + at);
	if (key.len >= sizeof(uint64_t))
		return le_read64(key.ptr + key.len - sizeof(uint64_t)) >>
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
		qsort(members, m.count, sizeof(*members), key_compare_ids);
	*ret_unclear = m.unclear;
	return m.count;
}
