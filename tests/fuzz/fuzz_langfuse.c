/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The langfuse processor on any request that the index accepts: what leaves is a request again with
 * no span more than came, keys that it adds are Langfuse's and none of them a place for content, and
 * going through once more changes nothing.
 *
 * Not asked for the last: spans that say one thing under several keys (what goes from the best of
 * them uncovers the next), and spans that are given another name (which may be that of a model
 * server). The text is also read as JSON as it is: members lie in it, one behind the other.
 */
#include "processors/langfuse/json.h"
#include "processors/langfuse/keys.h"
#include "tests/support/langfuse_bench.h"

#include <stdio.h>
#include <stdlib.h>

static void check(bool fact, const char *what)
{
	if (fact)
		return;
	fprintf(stderr, "fuzz_langfuse: %s\n", what);
	abort();
}

/* A member's value is one value, and a string stands for the same text in both ways to read it. */
static void check_value(struct slice raw)
{
	struct json_word word;
	struct value value = json_value(raw, &word);
	struct buf text = BUF_INIT;
	bool is_text = raw.ptr[0] == '"';
	check(json_append_text(raw, &text) == is_text, "a string that is none, or the reverse");
	if (value.type == VALUE_STRING)
		check(slice_equal(value.bytes, buf_slice(&text)), "a string of two texts");
	else
		check(!is_text || text.len > JSON_WORD_BYTES_MAX, "a string without a text");
	buf_fini(&text);
}

static void check_json(struct slice text)
{
	enum { KEYS_MAX = 32 }; /* each is looked for from the beginning */
	struct json_reader reader;
	struct json_member member;
	const uint8_t *behind = text.ptr;
	bool open = json_open(&reader, text);
	for (int i = 0; open && json_next_member(&reader, &member); i++) {
		struct slice first = reader.is_object ? member.raw_key : member.raw;
		check(member.raw.len > 0 && first.ptr >= behind &&
			      member.raw.ptr + member.raw.len <= text.ptr + text.len,
		      "a member outside its text, or before another one");
		behind = member.raw.ptr + member.raw.len;
		check_value(member.raw);
		check(!reader.is_object || i >= KEYS_MAX || json_has_key(text, member.raw_key),
		      "a key that is not found");
	}
	(void)json_is_object(text);
}

/* ---- requests ------------------------------------------------------------------------------- */

static uint8_t roles[KEY_TABLE_KEYS_MAX + 1]; /* by key id */

static struct processor_bench *bench(void)
{
	static struct processor_bench made;
	static const char *const processors[] = {
		"langfuse", "{models: {a: m}, prices: {'*': {input: 1, output: 2}}}", NULL};
	size_t row_count;
	const struct key_row *rows = keys_rows(&row_count);
	if (made.view)
		return &made;
	processor_bench_open(&made, processors);
	for (size_t i = 0; i < row_count; i++)
		roles[key_table_find(made.keys, slice_str(rows[i].text))] = rows[i].role;
	return &made;
}

/* Whether an element says nothing twice, and no name. */
static bool is_plain(const struct trace_index *index, struct attr_range attrs)
{
	uint64_t seen = 0;
	for (uint32_t i = 0; i < attrs.count; i++) {
		key_id id = index->attrs[attrs.begin + i].key_id;
		uint8_t role = key_id_is_exact(id) ? roles[id] : ROLE_NONE;
		if (role == ROLE_NONE || role == ROLE_RENAMED)
			continue;
		if (role == ROLE_NAME || (seen >> role & 1))
			return false;
		seen |= UINT64_C(1) << role;
	}
	return true;
}

static bool all_plain(const struct trace_index *index)
{
	for (uint32_t i = 0; i < index->span_count; i++) {
		if (!is_plain(index, index->spans[i].attrs))
			return false;
	}
	for (uint32_t i = 0; i < index->resource_count; i++) {
		if (!is_plain(index, index->resources[i].attrs))
			return false;
	}
	return true;
}

static void check_keys(const struct processor_bench *b, struct slice came)
{
	static const char *const content[] = {"input", "output", "status_message"};
	for (uint32_t i = 0; i < b->out_view->index.attr_count; i++) {
		struct slice key =
			index_slice(&b->out_view->index, b->out_view->index.attrs[i].key);
		if (key.len == 0 || memmem(came.ptr, came.len, key.ptr, key.len))
			continue;
		check(slice_has_prefix(key, SLICE("langfuse.")), "a key of nobody's");
		for (size_t k = 0; k < ARRAY_COUNT(content); k++)
			check(!slice_has_suffix(key, slice_str(content[k])), "a key for content");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { FORGET_S = 3600 };
	struct processor_bench *b = bench();
	struct slice came = slice_of(data, size);
	struct err err;
	check_json(came);
	bench_now_ns += UINT64_C(1000000000) * FORGET_S;
	trace_memory_sweep(b->memory);
	if (view_open(b->view, came, &err) != 0)
		return 0;
	bool plain = all_plain(&b->view->index);
	uint32_t span_count = b->view->index.span_count;
	check(processor_bench_run(b, came) == OUTCOME_TAKEN, "not processed");
	if (!b->out)
		return 0;
	check(bench_span_count(b) <= span_count, "more spans than came");
	check_keys(b, came);
	if (!plain)
		return 0;
	struct chunk *once = chunk_ref(b->out);
	check(processor_bench_run(b, chunk_slice(once)) == OUTCOME_TAKEN, "not processed again");
	check(b->out && slice_equal(chunk_slice(b->out), chunk_slice(once)),
	      "the second time something is changed");
	chunk_unref(once);
	return 0;
}
