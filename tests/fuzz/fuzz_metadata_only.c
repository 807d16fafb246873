/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy on any request that the index accepts, in each mode: what leaves is a request again,
 * holds no field that the schema does not know and, at any depth, no pair whose key is content in
 * every place, and going through once more takes nothing more out of it. Which keys are content is
 * said here once more, so that the table and its matcher do not judge themselves. Numbers under keys
 * that end as sizes do stay whatever the key begins with.
 */
#include "tests/support/policy_fixture.h"

#include <stdlib.h>

static void check(bool fact)
{
	if (!fact)
		abort();
}

enum { MODES = 3 };

static struct policy_fixture *fixture(unsigned mode)
{
	static struct policy_fixture f[MODES];
	static const char *const options[MODES] = {
		"{mode: strict, identifiers: drop, max_value_bytes: 64}",
		"{mode: shape, identifiers: drop, max_value_bytes: 64}",
		"{mode: denylist, identifiers: drop, max_value_bytes: 64}"};
	if (!f[mode].self)
		policy_fixture_init(&f[mode], options[mode]);
	check(f[mode].self != NULL);
	return &f[mode];
}

/* Keys whose numbers are sizes, whatever they begin with. */
static bool is_size(struct slice key)
{
	static const char *const ends[] = {"_count", "_size", "_length", "_bytes",
					   ".count", ".size", ".length"};
	for (size_t i = 0; i < ARRAY_COUNT(ends); i++) {
		if (slice_has_suffix(key, slice_str(ends[i])))
			return true;
	}
	return false;
}

/* As the policy takes it: also digits in a text. */
static bool is_number(struct value value)
{
	if (value.type == VALUE_INT || value.type == VALUE_DOUBLE || value.type == VALUE_BOOL)
		return true;
	for (size_t i = 0; value.type == VALUE_STRING && i < value.bytes.len; i++) {
		if (!memchr("0123456789+-.", value.bytes.ptr[i], 13))
			return false;
	}
	return value.type == VALUE_STRING && value.bytes.len > 0;
}

/* Keys that no place, value or company makes harmless. */
static bool is_content(struct slice key)
{
	static const char *const keys[] = {
		"gen_ai.prompt", "gen_ai.completion", "input.value",	     "output.value",
		"db.statement",	 "url.query",	      "exception.stacktrace"};
	for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
		if (slice_equal(key, slice_str(keys[i])))
			return true;
	}
	return slice_has_prefix(key, SLICE("llm.input_messages.")) ||
	       slice_has_prefix(key, SLICE("http.request.header."));
}

static bool look_at_pair(struct slice key, struct value value, unsigned depth);

static bool look_at_value(struct value value, unsigned depth)
{
	enum { DEPTH_MAX = 100 }; /* of what the index accepts */
	struct value inner;
	struct slice key;
	check(depth < DEPTH_MAX);
	if (value.type == VALUE_ARRAY) {
		for (struct slice cursor = value.bytes; value_next_item(&cursor, &inner);) {
			if (!look_at_value(inner, depth + 1))
				return false;
		}
	}
	if (value.type == VALUE_KVLIST) {
		for (struct slice cursor = value.bytes; value_next_pair(&cursor, &key, &inner);) {
			if (!look_at_pair(key, inner, depth + 1))
				return false;
		}
	}
	return true;
}

static bool look_at_pair(struct slice key, struct value value, unsigned depth)
{
	bool stays = !is_content(key) || (is_size(key) && is_number(value));
	return stays && look_at_value(value, depth);
}

/* No attribute of any element, nor any pair at any depth of its value, has a key of content. */
static void check_keys(const struct trace_index *index)
{
	for (uint32_t i = 0; i < index->attr_count; i++) {
		const struct attr_entry *attr = &index->attrs[i];
		check(look_at_pair(index_slice(index, attr->key),
				   value_read(index_slice(index, attr->value)), 0));
	}
}

static void run(struct policy_fixture *f, struct slice body)
{
	struct trace_index plain;
	struct err err;
	trace_index_init(&plain, &f->budget, f->keys);
	if (trace_index_build(&plain, body, &err) == 0) {
		struct chunk *once = policy_fixture_run(f, body);
		if (once) {
			check(trace_index_build(&plain, chunk_slice(once), &err) == 0);
			check(plain.unknown_count == 0);
			check(plain.span_count == once->span_count);
			check_keys(&plain);
			struct chunk *twice = policy_fixture_run(f, chunk_slice(once));
			check(twice && slice_equal(chunk_slice(once), chunk_slice(twice)));
			chunk_unref(twice);
		}
		chunk_unref(once);
	}
	trace_index_fini(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (unsigned mode = 0; mode < MODES; mode++)
		run(fixture(mode), slice_of(data, size));
	return 0;
}
