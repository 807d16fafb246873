/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interned attribute keys. While the graph is built, components register the keys and the patterns
 * of keys that they care about; the index then gives every attribute a small id by one hash and one
 * probe, so that a rule compares two 16-bit numbers instead of two strings.
 *
 * An id stands for one key that was registered, or for the set of patterns that a key matches which
 * was not: keys that match the same patterns share an id, and keys that match none have none.
 *
 * Built by one thread, then frozen and read by all shards without a lock.
 */
#ifndef SLUICE_TRACE_KEYS_KEY_TABLE_H
#define SLUICE_TRACE_KEYS_KEY_TABLE_H

#include "pipeline/base/error.h"
#include "pipeline/base/slice.h"

typedef uint16_t key_id; /* 0: nobody asked for this key */

enum {
	KEY_ID_NONE = 0,
	KEY_TABLE_KEYS_MAX = 4096, /* ids 1 .. 4096: one registered key each */
	KEY_SETS_MAX = 1024,	   /* sets of patterns that one shard can tell apart at a time */
	KEY_ID_SET_FIRST = KEY_TABLE_KEYS_MAX + 1,
	/* A pattern set that could not be told: too many sets, too many patterns for one key, or
	 * a key that readers take for different ones: empty, with control characters, no UTF-8. */
	KEY_ID_UNRESOLVED = KEY_ID_SET_FIRST + KEY_SETS_MAX,
	KEY_ID_TOO_LONG, /* a key over KEY_MATCHED_BYTES_MAX, which no pattern looks at */
	KEY_ID_COUNT
};

enum {
	KEY_MATCHED_BYTES_MAX = 1024,
	KEY_PATTERNS_MAX = 4096,
	KEY_SET_MEMBERS_MAX = 64, /* patterns that one key may match */
};

struct key_table;

MUST_CHECK struct key_table *key_table_new(void);
void key_table_free(struct key_table *table);

/* The id of ${key} (copied), the same for the same key. 0 and ${err} (limit, nomem) on failure.
 * Illegal after key_table_freeze. */
MUST_CHECK key_id key_table_add(struct key_table *table, struct slice key, struct err *err);

/* A pattern of keys; 1 .. KEY_PATTERNS_MAX, 0 is none. */
typedef uint16_t pattern_id;

/* On a member of a key_set: the regular expression did not come to an end on this key. */
#define PATTERN_FAILED ((pattern_id)0x8000)

/*
 * The id of the pattern ${text} (copied), the same for the same text:
 *   a.b      the key a.b (which is registered, too)
 *   a.b.*    a.b and every key that begins with "a.b."
 *   /re/     every key in which the regular expression (RE2's syntax) is found
 * 0 and ${err} (config, limit, nomem) on failure. Illegal after key_table_freeze.
 */
MUST_CHECK pattern_id key_table_add_pattern(struct key_table *table, struct slice text,
					    struct err *err);

/* Ends registration and builds the probe tables, with a fresh random hash key. -1 on nomem. */
MUST_CHECK int key_table_freeze(struct key_table *table, struct err *err);

/* The id of the registered key ${key}, 0 when there is none. Only after freeze. Any thread. */
key_id key_table_find(const struct key_table *table, struct slice key);

/* The registered key with ${id}, empty for other ids. Any thread. */
struct slice key_table_text(const struct key_table *table, key_id id);

/* Whether any pattern was registered. */
bool key_table_has_patterns(const struct key_table *table);

/* Patterns in ascending order of their ids, PATTERN_FAILED on the doubtful ones. */
struct key_set {
	const pattern_id *at;
	size_t count;
};

/* Whether ${id} stands for one key, so that equal ids mean equal keys. */
static inline bool key_id_is_exact(key_id id)
{
	return id != KEY_ID_NONE && id <= KEY_TABLE_KEYS_MAX;
}

/* The bit that stands for ${id} in span_entry.key_mask. Ids 64 apart share one. */
static inline uint64_t key_mask_bit(key_id id)
{
	return id == KEY_ID_NONE ? 0 : UINT64_C(1) << (id & 63);
}

#endif
