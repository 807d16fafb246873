/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy on any request that the index accepts: what leaves is a request again, holds no field
 * that the schema does not know and, at any depth, no pair whose key is content in every place, and
 * going through once more takes nothing more out of it. Which keys are content is said here once
 * more, so that the table and its matcher do not judge themselves.
 */
#include "tests/support/policy_fixture.h"

#include <stdlib.h>

static void check(bool fact)
{
	if (!fact)
		abort();
}

static struct policy_fixture *fixture(void)
{
	static struct policy_fixture f;
	if (!f.self)
		policy_fixture_init(&f, "{mode: strict, identifiers: drop, max_value_bytes: 64}");
	check(f.self != NULL);
	return &f;
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
	return !is_content(key) && look_at_value(value, depth);
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy_fixture *f = fixture();
	struct trace_index plain;
	struct err err;
	trace_index_init(&plain, &f->budget, f->keys);
	bool accepted = trace_index_build(&plain, slice_of(data, size), &err) == 0;
	if (accepted) {
		struct chunk *once = policy_fixture_run(f, slice_of(data, size));
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
	return 0;
}
