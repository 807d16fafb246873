/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the key table, shared by key_table*.c and key_cache.c, and the probe itself, inline
 * for the index's hot loop. Everybody else includes key_table.h. */
#ifndef SLUICE_TRACE_KEYS_KEY_TABLE_INTERNAL_H
#define SLUICE_TRACE_KEYS_KEY_TABLE_INTERNAL_H

#include "pipeline/base/hash.h"
#include "pipeline/pattern/regex.h"
#include "pipeline/trace/keys/key_table.h"

/* 16 bytes: four to a cache line. */
struct key_slot {
	const uint8_t *key; /* owned by the table */
	uint32_t mark;	    /* upper half of the hash: decides almost every miss */
	uint16_t len;
	uint16_t id; /* what the slot leads to; 0: the slot is free */
};

struct key_slots {
	struct key_slot *at; /* NULL until frozen; a power of two, at most a quarter in use */
	uint64_t mask;
};

enum pattern_kind {
	PATTERN_EXACT = 0,
	PATTERN_PREFIX,
	PATTERN_REGEX,
};

/* What must be true of a key before a regular expression is tried on it, besides that it begins
 * with `head`. */
enum regex_gate {
	GATE_NONE = 0,	/* nothing known */
	GATE_HEAD,	/* nothing else; `head` is part of the first segment */
	GATE_NAMESPACE, /* nothing else; `head` holds the whole first segment */
	GATE_PREFIX,	/* nothing else; `head` is several whole segments and a dot */
	GATE_SEGMENT, /* one of `literal`, GRAM_BYTES each, stands at the beginning or after a dot or
			 * underscore */
	GATE_TAIL,    /* the key ends with `literal` */
};

struct key_pattern {
	struct slice text;    /* as registered; owned */
	struct slice literal; /* prefix: without ".*"; regex: see gate. Into text or gate_text */
	uint8_t *gate_text;   /* owned: head, literal and inner of a regex */
	struct slice head;    /* regex: every match begins with it; may be empty */
	struct slice inner;   /* regex: stands somewhere in every match; empty when not known */
	struct regex *regex;  /* owned */
	enum pattern_kind kind;
	enum regex_gate gate;
	pattern_id next; /* GATE_PREFIX: another one with the same head; 0 ends */
};

/* Patterns [begin, begin + count) of a list. */
struct pattern_run {
	uint32_t begin, count;
};

/* What is asked of keys with one prefix of whole segments; 0: nothing. */
struct key_prefix {
	pattern_id pattern; /* the prefix pattern, which matches */
	pattern_id regexes; /* the first of the GATE_PREFIX expressions to be tried */
};

/* What begins with one first segment. */
struct key_space {
	uint32_t begin, count; /* its regular expressions, in key_table.regexes */
	struct slice text;     /* the segment */
	pattern_id own;	       /* the prefix pattern of the segment itself; 0: none */
};

enum { GRAM_BYTES = 4, GRAM_BITS = 12, KEY_MARK_BITS = 15 };

/* Which expressions are to be tried on a key that has certain bytes at a certain place. */
struct key_grams {
	uint64_t marks[1 << (GRAM_BITS - 6)]; /* by key_gram; most others end here */
	struct key_slots slots;		      /* the bytes → 1 + index into wanted */
	uint64_t *wanted;		      /* 1 << position in by_gram % 64 */
	size_t count;
};

struct key_table {
	struct key_slots keys_by_text;
	struct hash_key hash;
	uint64_t key_marks[1 << (KEY_MARK_BITS - 6)]; /* of registered keys, by hash */
	struct slice *keys;			      /* [id - 1], each copied */
	size_t key_count, key_cap;

	struct key_pattern *patterns; /* [id - 1] */
	size_t pattern_count, pattern_cap;
	/* built by freeze, only when there are patterns */
	struct key_slots prefixes; /* whole segments → 1 + index into prefix_uses */
	struct key_prefix *prefix_uses;
	size_t prefix_count;
	struct key_slots namespaces; /* first segment of a key or pattern → 1 + index into spaces */
	struct key_space *spaces;
	size_t space_count;
	uint64_t *regex_letters; /* what each in regexes needs behind the first segment */
	pattern_id *regexes;	 /* with GATE_NAMESPACE, grouped by namespace */
	pattern_id *anywhere;	 /* with GATE_NONE and GATE_HEAD */
	pattern_id *by_gram;	 /* with GATE_SEGMENT and GATE_TAIL */
	size_t anywhere_count, by_gram_count;
	struct key_grams starts;		     /* of segments, for GATE_SEGMENT */
	struct key_grams ends;			     /* last bytes of GATE_TAIL literals */
	uint64_t prefix_marks[1 << (GRAM_BITS - 6)]; /* of each prefix: key_prefix_mark */
	struct pattern_run *exact_sets;		     /* [key id - 1], in exact_members */
	pattern_id *exact_members;
};

/* Compares ${len} bytes; words that overlap spare a call for the lengths that keys have. */
static inline bool key_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
	for (; len > 16; a += 8, b += 8, len -= 8) {
		if (hash_read64(a) != hash_read64(b))
			return false;
	}
	if (len >= 8)
		return ((hash_read64(a) ^ hash_read64(b)) |
			(hash_read64(a + len - 8) ^ hash_read64(b + len - 8))) == 0;
	if (len >= 4)
		return ((hash_read32(a) ^ hash_read32(b)) |
			(hash_read32(a + len - 4) ^ hash_read32(b + len - 4))) == 0;
	for (size_t i = 0; i < len; i++) {
		if (a[i] != b[i])
			return false;
	}
	return true;
}

static inline uint16_t key_slots_probe(const struct key_slots *slots, uint64_t hash,
				       const uint8_t *key, size_t len)
{
	uint32_t mark = (uint32_t)(hash >> 32);
	for (uint64_t at = hash;; at++) {
		const struct key_slot *slot = &slots->at[at & slots->mask];
		if (slot->id == 0)
			return 0;
		if (slot->mark == mark && slot->len == len && key_equal(slot->key, key, len))
			return slot->id;
	}
}

/* A table in which nobody has registered a key spares the hash. */
static inline key_id key_table_probe(const struct key_table *table, const uint8_t *key, size_t len)
{
	if (table->key_count == 0)
		return KEY_ID_NONE;
	return key_slots_probe(&table->keys_by_text, hash_bytes(table->hash, key, len), key, len);
}

static inline uint32_t key_mark(uint64_t hash)
{
	return (uint32_t)(hash >> (64 - KEY_MARK_BITS));
}

/* As key_table_probe for a key that is most likely not registered. */
static inline key_id key_table_probe_unlikely(const struct key_table *table, uint64_t hash,
					      const uint8_t *key, size_t len)
{
	uint32_t mark = key_mark(hash);
	if (LIKELY(!(table->key_marks[mark / 64] >> (mark % 64) & 1)))
		return KEY_ID_NONE;
	return key_slots_probe(&table->keys_by_text, hash, key, len);
}

static inline uint32_t key_gram(const uint8_t *at)
{
	return (hash_read32(at) * UINT32_C(0x9e3779b1)) >> (32 - GRAM_BITS);
}

/* A number below 1 << GRAM_BITS that the last bytes and the length of a prefix make. */
static inline uint32_t key_prefix_mark(const uint8_t *prefix, size_t len)
{
	uint32_t end = len >= 4 ? hash_read32(prefix + len - 4) : prefix[len - 1];
	return ((end ^ (uint32_t)len) * UINT32_C(0x9e3779b1)) >> (32 - GRAM_BITS);
}

/* False when no prefix pattern is ${prefix}. */
static inline bool key_prefix_possible(const struct key_table *table, const uint8_t *prefix,
				       size_t len)
{
	uint32_t mark = key_prefix_mark(prefix, len);
	return table->prefix_marks[mark / 64] >> (mark % 64) & 1;
}

/* key_pattern.c: makes a pattern of ${text}; frees what it owns. */
MUST_CHECK int key_pattern_init(struct key_pattern *pattern, struct slice text, struct err *err);
void key_pattern_fini(struct key_pattern *pattern);

/* key_match_tables.c: the tables behind key_match. */
MUST_CHECK int key_match_freeze(struct key_table *table, struct err *err);
void key_match_free(struct key_table *table);

/* Makes ${slots} for ${count} entries. False when memory is short. */
MUST_CHECK bool key_slots_init(struct key_slots *slots, size_t count);
/* Adds ${text} → ${id} unless it is there. Returns what it leads to. */
uint16_t key_slots_add(struct key_slots *slots, struct hash_key hash, struct slice text,
		       uint16_t id);

/* The namespace of ${key}, its first segment; 0 when no registered key, prefix or anchored
 * expression is in it. */
uint16_t key_namespace(const struct key_table *table, struct slice key);

/* Writes the patterns that ${key} of namespace ${space}, which is no registered key, matches to
 * ${members} (KEY_SET_MEMBERS_MAX), ascending. Returns how many; more than KEY_SET_MEMBERS_MAX: too
 * many. ${ret_unclear}: the key has control characters or is no UTF-8, and a reader may
 * take it for another one. */
size_t key_match(const struct key_table *table, struct slice key, uint16_t space,
		 struct regex_scratch *scratch, pattern_id *members, bool *ret_unclear);

/* Up to the first dot or colon, or the whole key. */
static inline struct slice key_first_segment(struct slice key)
{
	size_t len = 0;
	while (len < key.len && key.ptr[len] != '.' && key.ptr[len] != ':')
		len++;
	return slice_of(key.ptr, len);
}

/* For qsort: the lower number first. */
static inline int key_compare_ids(const void *a, const void *b)
{
	pattern_id x = *(const pattern_id *)a & (pattern_id)~PATTERN_FAILED;
	pattern_id y = *(const pattern_id *)b & (pattern_id)~PATTERN_FAILED;
	return (x > y) - (x < y);
}

/* A bit for each byte that ${text} has; bytes 64 apart share one. */
static inline uint64_t key_letters(struct slice text)
{
	uint64_t letters = 0;
	for (size_t i = 0; i < text.len; i++)
		letters |= UINT64_C(1) << (text.ptr[i] & 63);
	return letters;
}

#endif
