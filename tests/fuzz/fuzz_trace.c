/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Index, edit and encode, beside protobuf-c. The first 8 bytes seed random edits, the rest is the
 * request: both decoders must agree on it (exceptions of tests/support/trace_exceptions.h apart)
 * and read the same; whatever the edits do, the result must be accepted by both, and so must all
 * pieces of a split.
 */
#include "pipeline/trace/otlp/encode.h"
#include "tests/support/trace_actions.h"
#include "tests/support/trace_exceptions.h"
#include "tests/support/trace_proto.h"
#include "tests/support/trace_random.h"
#include "tests/support/trace_wire.h"

#include <stdio.h>
#include <stdlib.h>

enum { MEMORY_MAX = 256 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct state {
	struct budget budget;
	struct key_table *keys;
	struct trace_index index, again;
	struct trace_view *view;
	uint32_t split_spans;
};

static void check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz_trace: %s\n", what);
	abort();
}

static void state_init(struct state *state)
{
	struct err err;
	budget_init(&state->budget, MEMORY_MAX);
	state->keys = key_table_new();
	for (unsigned i = 0; i < RANDOM_KEYS_KNOWN; i++)
		check(key_table_add(state->keys, slice_str(random_keys[i]), &err) != KEY_ID_NONE,
		      "no key");
	check(key_table_freeze(state->keys, &err) == 0, "no key table");
	trace_index_init(&state->again, &state->budget, state->keys);
	state->view = view_new(&state->budget, state->keys);
}

static void state_fini(struct state *state)
{
	view_free(state->view);
	trace_index_fini(&state->again);
	key_table_free(state->keys);
	check(budget_used(&state->budget) == 0, "memory charged and not given back");
}

/* True when the request was accepted. */
static bool compare(struct state *state, struct slice body)
{
	struct err err = {0};
	unsigned exceptions = trace_exceptions(body);
	bool ours = view_open(state->view, body, &err) == 0;
	if (exceptions & EXCEPTION_REFUSED) {
		check(!ours, "accepted what must be refused");
		return false;
	}
	if (!ours && err.kind == ERR_LIMIT) /* many tiny elements: over the memory bound */
		return false;
	trace_tree *theirs = trace_tree_parse(body);
	bool merge_fault = !theirs && ours && (exceptions & EXCEPTION_MERGE);
	check(ours == (theirs != NULL) || merge_fault, "verdicts differ");
	if (ours) {
		check((state->view->index.normalised != NULL) == trace_repeats(body), "repeats");
		trace_tree *normal = trace_tree_parse(state->view->index.body);
		check(normal != NULL, "normalised request refused");
		check(!trace_tree_differs(normal, &state->view->index), "reads differently");
		trace_request_free(normal);
	}
	trace_request_free(theirs);
	return ours;
}

static void check_encoded(struct state *state, const struct chunk *chunk)
{
	struct err err;
	check(trace_index_build(&state->again, chunk_slice(chunk), &err) == 0,
	      "own output refused");
	check(state->again.span_count == chunk->span_count, "own output has other spans");
	check(state->again.normalised == NULL, "own output repeats a field");
	trace_tree *tree = trace_tree_parse(chunk_slice(chunk));
	check(tree != NULL, "own output refused by protobuf-c");
	check(!trace_tree_differs(tree, &state->again), "own output reads differently");
	trace_request_free(tree);
}

/* Values with doubles inside may differ from themselves (NaN); they are compared all the same. */
static bool equals_itself(struct value value)
{
	struct buf text = BUF_INIT;
	value_append_text(&text, value);
	bool equal = value_equal(value, value) || value.type == VALUE_DOUBLE ||
		     value.type == VALUE_ARRAY || value.type == VALUE_KVLIST;
	buf_fini(&text);
	return equal;
}

/* Everything that a processor can ask under the edits. */
static void read_all(const struct trace_view *view)
{
	const struct trace_index *index = &view->index;
	struct attr_view seen;
	struct value found;
	for (uint32_t span = 0; span < index->span_count; span++) {
		struct owner owner = {OWNER_SPAN, span};
		struct attr_cursor cursor = view_attrs(view, owner);
		while (view_next_attr(view, &cursor, &seen)) {
			check(equals_itself(view_attr_value(view, owner, &seen)),
			      "value differs from itself");
			check(seen.key_id == KEY_ID_NONE ||
				      view_find_attr(view, owner, seen.key_id, &found),
			      "attribute is not found by its key");
		}
		check(view_span_parent(view, span).len % SPAN_ID_BYTES == 0, "parent id");
		check(view_span_name(view, span).len <= index->body.len + 100, "name");
		check(view_span_trace_state(view, span).len <= index->body.len + 100, "state");
		check(view_span_status_message(view, span).len <= index->body.len + 100, "status");
		(void)view_span_status_code(view, span);
	}
}

static void edit_and_encode(struct state *state, uint64_t rng)
{
	struct err err;
	struct chunk *chunk;
	check(view_begin(state->view, &err) == 0, "edit");
	for (uint32_t left = tw_below(&rng, 32); left > 0; left--)
		random_action(state->view, NULL, &rng);
	read_all(state->view);
	check(trace_encode(state->view, &state->budget, &chunk, &err) == 0, "encode");
	check((chunk == NULL) == (view_live_spans(state->view) == 0), "spans lost");
	if (chunk)
		check_encoded(state, chunk);
	chunk_unref(chunk);
}

static void take_piece(void *arg, struct chunk *piece)
{
	struct state *state = arg;
	check_encoded(state, piece);
	state->split_spans += piece->span_count;
	chunk_unref(piece);
}

static void split(struct state *state, uint64_t rng)
{
	struct err err;
	uint32_t taken;
	state->split_spans = 0;
	check(view_begin(state->view, &err) == 0, "edit");
	check(trace_split(state->view, &state->budget, 1 + tw_below(&rng, 4096),
			  1 + tw_below(&rng, 8), take_piece, state, &taken, &err) == 0,
	      "split");
	check(state->split_spans == state->view->index.span_count, "split lost spans");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t seed;
	struct state state;
	if (size < sizeof(seed))
		return 0;
	memcpy(&seed, data, sizeof(seed));
	state_init(&state);
	if (compare(&state, slice_of(data + sizeof(seed), size - sizeof(seed)))) {
		edit_and_encode(&state, seed);
		split(&state, seed);
	}
	state_fini(&state);
	return 0;
}
