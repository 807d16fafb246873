/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the debug exporter puts on a terminal, of any request and after random edits: UTF-8 without a
 * control character but line feeds and tabs, every span counted; a tree in ASCII is ASCII, no line
 * of it is wider than the terminal, every trace is printed once, and one that is held in too little
 * room is at least told of.
 *
 * Byte 0: bit 0 edits, bit 1 little room for trees, bits 2-3 the terminal; then a request
 * (fuzz_request.h).
 */
#include "exporters/debug/text.h"
#include "exporters/debug/tree.h"
#include "pipeline/base/utf8.h"
#include "pipeline/trace/otlp/encode.h"
#include "tests/support/fuzz_request.h"
#include "tests/support/fuzz_script.h"
#include "tests/support/trace_actions.h"
#include "tests/support/trace_random.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FLAG_EDITS = 1, FLAG_POOR = 2, COLUMNS_POOR = 40, COLUMNS = 100, DEL = 0x7f };

static const struct terminal terminals[4] = {{.columns = COLUMNS},
					     {.columns = COLUMNS, .ascii = true},
					     {.columns = COLUMNS_POOR},
					     {.columns = COLUMNS_POOR, .ascii = true}};

/* C1 control characters (U+0080 to U+009f) count, too: some terminals obey them. */
static void check_text(const struct buf *out, bool ascii)
{
	struct slice text = buf_slice(out);
	fuzz_must(!out->failed && utf8_valid(text));
	for (size_t i = 0; i < text.len; i++) {
		uint8_t byte = text.ptr[i];
		fuzz_must(byte == '\n' || byte == '\t' || (byte >= ' ' && byte != DEL));
		fuzz_must(!ascii || byte < 0x80);
		fuzz_must(byte != 0xc2 || text.ptr[i + 1] >= 0xa0);
	}
}

/* In ASCII a byte is a column. */
static void check_width(struct slice text, unsigned columns)
{
	unsigned width = 0;
	for (size_t i = 0; i < text.len; i++) {
		width = text.ptr[i] == '\n' ? 0 : width + 1;
		fuzz_must(width <= columns);
	}
}

static void show_text(const struct trace_view *view)
{
	struct buf normal = BUF_INIT, detailed = BUF_INIT;
	struct text_counts counts = text_count(view);
	fuzz_must(counts.spans == view_live_spans(view));
	fuzz_must(counts.resource_spans <= counts.spans);
	text_normal(view, &normal);
	text_detailed(view, &detailed);
	check_text(&normal, false);
	check_text(&detailed, false);
	fuzz_must((normal.len > 0) == (counts.spans > 0));
	fuzz_must((detailed.len > 0) == (counts.spans > 0));
	buf_fini(&normal);
	buf_fini(&detailed);
}

/* ${view} is open on ${chunk}. */
static void show_tree(struct budget *budget, const struct key_table *keys,
		      const struct trace_view *view, struct chunk *chunk, uint8_t flags)
{
	struct buf out = BUF_INIT;
	const struct terminal *terminal = &terminals[flags >> 2 & 3];
	const struct tree_limits limits = {.traces_max = flags & FLAG_POOR ? 1 : 100,
					   .spans_max = flags & FLAG_POOR ? 3 : 1000};
	struct trace_tree *tree = trace_tree_new(limits, *terminal, budget, keys);
	fuzz_must(tree != NULL);
	trace_tree_add(tree, view, chunk, 1);
	trace_tree_add(tree, view, chunk, 2); /* the same spans come again */
	fuzz_must(trace_tree_print(tree, 1, &out) == 0 && out.len == 0);
	uint32_t printed = trace_tree_print(tree, UINT64_MAX, &out);
	fuzz_must(printed > 0 || out.len > 0);
	check_text(&out, terminal->ascii);
	if (terminal->ascii && !(flags & FLAG_POOR)) /* what is missing is said in a sentence */
		check_width(buf_slice(&out), terminal->columns);
	buf_reset(&out);
	fuzz_must(trace_tree_print(tree, UINT64_MAX, &out) == 0 && out.len == 0);
	trace_tree_free(tree);
	buf_fini(&out);
}

/* As an exporter sees it: encoded, and opened again. */
static void show_encoded(struct budget *budget, const struct key_table *keys,
			 struct trace_view *view, uint8_t flags)
{
	struct chunk *chunk;
	struct err err;
	fuzz_must(trace_encode(view, budget, &chunk, &err) == 0);
	if (!chunk)
		return; /* no span is left */
	struct trace_view *again = view_new(budget, keys);
	fuzz_must(again && view_open_chunk(again, chunk, &err) == 0);
	show_text(again);
	show_tree(budget, keys, again, chunk, flags);
	view_free(again);
	chunk_unref(chunk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice script = slice_of(data, size);
	uint8_t flags = fuzz_byte(&script);
	struct buf room = BUF_INIT;
	struct budget budget;
	struct err err;
	struct key_table *keys = key_table_new();
	budget_init(&budget, UINT64_MAX);
	fuzz_must(keys && key_table_freeze(keys, &err) == 0);
	struct trace_view *view = view_new(&budget, keys);
	fuzz_must(view != NULL);
	if (view_open(view, fuzz_request(script, &room), &err) == 0) {
		uint64_t rng = script.len + flags;
		for (int i = 0; i < 8 && (flags & FLAG_EDITS); i++)
			random_action(view, NULL, &rng);
		show_text(view);
		show_encoded(&budget, keys, view, flags);
	}
	view_free(view);
	key_table_free(keys);
	buf_fini(&room);
	fuzz_must(budget_used(&budget) == 0);
	return 0;
}
