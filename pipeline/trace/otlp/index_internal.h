/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the index share: the state of one pass, the growing arrays, the readers that
 * keep a position in a register instead of in a struct, and the fast path for attributes.
 */
#ifndef SLUICE_TRACE_OTLP_INDEX_INTERNAL_H
#define SLUICE_TRACE_OTLP_INDEX_INTERNAL_H

#include "pipeline/trace/keys/key_cache_internal.h"
#include "pipeline/trace/otlp/index.h"
#include "pipeline/trace/otlp/schema.h"

/* One pass over one body. Walkers return false once err is set. */
struct walk {
	struct trace_index *index;
	const uint8_t *body;
	const struct key_table *keys;
	struct key_cache *cache; /* NULL: no patterns */
	struct err *err;
	bool over_max; /* an array could not grow within the request's bound */
	/* To be normalised: a singular field twice, two members of a oneof, a field of old versions. */
	bool rewrite;
};

/* Makes ${array} of ${*cap} entries larger, within the request's bound and the budget. The new
 * array, or NULL with err set (the old one stays). Cold: doubling. */
void *index_grow(struct walk *walk, void *array, uint32_t *cap, size_t entry_bytes);

/* Sets err to the reason why the field at ${at} of ${message} cannot be read. Returns false. */
bool index_fail(struct walk *walk, enum schema_message message, const uint8_t *at,
		const uint8_t *end);

/* As index_fail for an id of ${message} that is neither empty nor of its proper length. */
bool index_fail_id(struct walk *walk, enum schema_message message, const uint8_t *at);

/* Steps over the field at ${at}, which no fast path took: the position after it when the schema
 * does not know it, NULL with err set otherwise. */
const uint8_t *index_skip_unknown(struct walk *walk, enum schema_message message, const uint8_t *at,
				  const uint8_t *end);

/* Checks a message of the cold or nested kinds (${message}: entity reference, value, key-value)
 * with an explicit stack. ${ret_type} (may be NULL) is the value type of an AnyValue. */
bool index_check_message(struct walk *walk, enum schema_message message, struct slice content,
			 uint8_t *ret_type);

/* An attribute in a form that the fast path below does not take. */
bool index_walk_attr_slow(struct walk *walk, struct attr_entry *attr, const uint8_t *at,
			  const uint8_t *end);

/* The Span message in [at, end), whose field in scope ${scope} begins at ${field}. */
bool index_walk_span(struct walk *walk, uint32_t scope, const uint8_t *field, const uint8_t *at,
		     const uint8_t *end);

static inline uint32_t walk_off(const struct walk *walk, const uint8_t *at)
{
	return (uint32_t)(at - walk->body);
}

static inline struct range walk_range(const struct walk *walk, const uint8_t *at,
				      const uint8_t *end)
{
	return (struct range){(uint32_t)(at - walk->body), (uint32_t)(end - at)};
}

/* A singular field must come once. Both are sums over 1 << number: they differ after a repeat. */
struct walk_seen {
	uint64_t bits, sum;
};

static inline void walk_see(struct walk_seen *seen, uint32_t number)
{
	seen->bits |= UINT64_C(1) << number;
	seen->sum += UINT64_C(1) << number;
}

static inline void walk_note_repeats(struct walk *walk, struct walk_seen seen)
{
	if (UNLIKELY(seen.bits != seen.sum))
		walk->rewrite = true;
}

/* ---- reading: two words by value, so that both stay in registers ---- */

struct varint {
	const uint8_t *at; /* after it; NULL when malformed */
	uint64_t value;
};

struct varint index_read_varint_slow(const uint8_t *at, const uint8_t *end, size_t bytes_max);

static inline struct varint read_varint(const uint8_t *at, const uint8_t *end, size_t bytes_max)
{
	if (LIKELY(at < end && *at < 0x80))
		return (struct varint){at + 1, *at};
	if (LIKELY(end - at >= 2 && at[1] < 0x80))
		return (struct varint){at + 2, (uint64_t)(at[0] & 0x7f) | (uint64_t)at[1] << 7};
	return index_read_varint_slow(at, end, bytes_max);
}

static inline struct varint read_tag(const uint8_t *at, const uint8_t *end)
{
	return read_varint(at, end, 5);
}

/* A length and what it announces: [at, at + value). NULL when that passes the end. */
static inline struct varint read_len(const uint8_t *at, const uint8_t *end)
{
	struct varint len = read_varint(at, end, 5);
	if (UNLIKELY(!len.at || len.value > (uint64_t)(end - len.at)))
		len.at = NULL;
	return len;
}

/* ---- arrays ---- */

#define INDEX_DEFINE_PUSH(noun)                                                                    \
	static inline struct noun##_entry *walk_push_##noun(struct walk *walk)                     \
	{                                                                                          \
		struct trace_index *index = walk->index;                                           \
		if (UNLIKELY(index->noun##_count == index->noun##_cap)) {                          \
			void *grown = index_grow(walk, index->noun##s, &index->noun##_cap,         \
						 sizeof(*index->noun##s));                         \
			if (!grown)                                                                \
				return NULL;                                                       \
			index->noun##s = grown;                                                    \
		}                                                                                  \
		return &index->noun##s[index->noun##_count++];                                     \
	}

INDEX_DEFINE_PUSH(resource)
INDEX_DEFINE_PUSH(scope)
INDEX_DEFINE_PUSH(span)
INDEX_DEFINE_PUSH(attr)
INDEX_DEFINE_PUSH(event)
INDEX_DEFINE_PUSH(link)

/* ---- attributes ---- */

#define TAG_LEN(number) ((number) << 3 | WIRE_LEN)
#define TAG_VARINT(number) ((number) << 3 | WIRE_VARINT)
#define TAG_FIXED64(number) ((number) << 3 | WIRE_FIXED64)
#define TAG_FIXED32(number) ((number) << 3 | WIRE_FIXED32)

/* The type of the AnyValue in [at, end) when it is one scalar member and nothing else, else -1. */
static inline int walk_scalar_type(const uint8_t *at, const uint8_t *end)
{
	if (at == end)
		return VALUE_EMPTY;
	uint8_t tag = *at++;
	switch (tag) {
	case TAG_LEN(ANY_VALUE_STRING):
	case TAG_LEN(ANY_VALUE_BYTES): {
		struct varint len = read_varint(at, end, 5);
		if (!len.at || len.value != (uint64_t)(end - len.at))
			return -1;
		return tag == TAG_LEN(ANY_VALUE_STRING) ? VALUE_STRING : VALUE_BYTES;
	}
	case TAG_VARINT(ANY_VALUE_INT): return read_varint(at, end, 10).at == end ? VALUE_INT : -1;
	case TAG_VARINT(ANY_VALUE_BOOL):
		return read_varint(at, end, 10).at == end ? VALUE_BOOL : -1;
	case TAG_FIXED64(ANY_VALUE_DOUBLE): return end - at == 8 ? VALUE_DOUBLE : -1;
	default: return -1;
	}
}

static inline key_id walk_key_id(const struct walk *walk, const uint8_t *key, size_t len)
{
	return walk->cache ? key_cache_probe(walk->cache, key, len)
			   : key_table_probe(walk->keys, key, len);
}

/*
 * The KeyValue in [at, end), whose field in its parent begins at ${field}. What every SDK writes is
 * taken here: a key of less than 128 bytes, then a scalar value, then nothing:
 *   0a kk <key> 12 vv <tag> <value>
 */
static inline struct attr_entry *walk_attr(struct walk *walk, enum owner_kind kind, uint32_t owner,
					   const uint8_t *field, const uint8_t *at,
					   const uint8_t *end)
{
	struct attr_entry *attr = walk_push_attr(walk);
	if (UNLIKELY(!attr))
		return NULL;
	attr->field = walk_range(walk, field, end);
	attr->owner = owner;
	attr->owner_kind = (uint8_t)kind;
	if (LIKELY(end - at >= 4 && at[0] == TAG_LEN(KEY_VALUE_KEY) && at[1] < 0x80 &&
		   end - at >= at[1] + 4)) {
		const uint8_t *key = at + 2, *value = key + at[1];
		struct varint len = {NULL, 0};
		if (LIKELY(*value == TAG_LEN(KEY_VALUE_VALUE)))
			len = read_varint(value + 1, end, 5);
		if (LIKELY(len.at && len.value == (uint64_t)(end - len.at))) {
			int type = walk_scalar_type(len.at, end);
			if (LIKELY(type >= 0)) {
				attr->key = walk_range(walk, key, value);
				attr->value = walk_range(walk, len.at, end);
				attr->value_type = (uint8_t)type;
				attr->key_id = walk_key_id(walk, key, (size_t)(value - key));
				return attr;
			}
		}
	}
	return index_walk_attr_slow(walk, attr, at, end) ? attr : NULL;
}

#endif
