/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/debug/tree.h"

#include "cmd/example_traces.h"
#include "exporters/debug/human.h"
#include "pipeline/base/clock.h"
#include "pipeline/trace/otlp/builder.h"
#include "pipeline/trace/otlp/edit.h"
#include "tests/support/generate_view.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define T0_NS (UINT64_C(1789000000) * NS_PER_S)

static const struct tree_limits roomy = {.traces_max = TREE_TRACES_DEFAULT,
					 .spans_max = TREE_SPANS_DEFAULT};
static const struct terminal utf8_terminal = {.columns = 150};
static const struct terminal ascii_terminal = {.columns = 150, .ascii = true};

struct fixture {
	struct budget budget;
	struct key_table *keys;
	struct trace_tree *tree;
	struct buf out;
};

static void open_tree(struct fixture *fixture, struct tree_limits limits, struct terminal terminal)
{
	trace_tree_free(fixture->tree);
	fixture->tree = trace_tree_new(limits, terminal, &fixture->budget, fixture->keys);
	assert_non_null(fixture->tree);
	buf_reset(&fixture->out);
}

static int setup(void **state)
{
	struct err err;
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	assert_non_null(fixture);
	budget_init(&fixture->budget, UINT64_MAX);
	fixture->keys = key_table_new();
	assert_int_equal(key_table_freeze(fixture->keys, &err), 0);
	open_tree(fixture, roomy, utf8_terminal);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	trace_tree_free(fixture->tree);
	key_table_free(fixture->keys);
	buf_fini(&fixture->out);
	assert_int_equal(budget_used(&fixture->budget), 0);
	free(fixture);
	return 0;
}

static void add_request(struct fixture *fixture, struct slice body, uint64_t now_ns)
{
	struct err err;
	struct chunk *chunk = chunk_new(&fixture->budget, body.len);
	struct trace_view *view = view_new(&fixture->budget, fixture->keys);
	assert_true(chunk && view && chunk_append(chunk, body));
	assert_int_equal(view_open(view, chunk_slice(chunk), &err), 0);
	trace_tree_add(fixture->tree, view, chunk, now_ns);
	view_free(view);
	chunk_unref(chunk);
}

static void add_example(struct fixture *fixture, const char *name, bool merged)
{
	struct example_variant variant = {.seed = 1, .end_ns = T0_NS, .merged = merged};
	struct example_requests requests;
	struct err err;
	size_t which = 0;
	while (strcmp(example_trace_name(which), name) != 0)
		which++;
	assert_int_equal(example_trace_build(which, &variant, &fixture->budget, &requests, &err),
			 0);
	for (size_t i = requests.count; i-- > 0;) /* children first, as they come when it is bad */
		add_request(fixture, chunk_slice(requests.items[i]), 0);
	example_requests_fini(&requests);
}

/* A span of a made-up trace. */
struct row {
	uint8_t id, parent; /* first byte of the id; 0: none */
	const char *name;
	uint32_t start_us, took_us;
};

static void write_row(struct trace_builder *b, uint8_t trace, const struct row *row)
{
	uint8_t trace_id[TRACE_ID_BYTES] = {trace, 0xff};
	uint8_t id[SPAN_ID_BYTES] = {row->id}, parent[SPAN_ID_BYTES] = {row->parent};
	trace_builder_begin(b, SCOPE_SPANS_SPANS);
	trace_builder_bytes(b, SPAN_TRACE_ID, slice_of(trace_id, sizeof(trace_id)));
	trace_builder_bytes(b, SPAN_SPAN_ID, slice_of(id, sizeof(id)));
	if (row->parent != 0)
		trace_builder_bytes(b, SPAN_PARENT_SPAN_ID, slice_of(parent, sizeof(parent)));
	trace_builder_bytes(b, SPAN_NAME, slice_str(row->name));
	trace_builder_fixed64(b, SPAN_START_TIME_UNIX_NANO, T0_NS + row->start_us * NS_PER_US);
	trace_builder_fixed64(b, SPAN_END_TIME_UNIX_NANO,
			      T0_NS + (row->start_us + row->took_us) * NS_PER_US);
}

static void begin_request(struct fixture *fixture, struct trace_builder *b)
{
	trace_builder_init(b, &fixture->budget);
	trace_builder_begin(b, EXPORT_REQUEST_RESOURCE_SPANS);
	trace_builder_begin(b, RESOURCE_SPANS_RESOURCE);
	trace_builder_attr(b, RESOURCE_ATTRIBUTES, SLICE("service.name"),
			   value_of_str(SLICE("svc")));
	trace_builder_end(b);
	trace_builder_begin(b, RESOURCE_SPANS_SCOPE_SPANS);
}

static void end_request(struct fixture *fixture, struct trace_builder *b, uint64_t now_ns)
{
	struct err err = {.msg = ""};
	struct chunk *chunk = trace_builder_take(b, 0, &err);
	assert_non_null(chunk);
	add_request(fixture, chunk_slice(chunk), now_ns);
	chunk_unref(chunk);
}

static void add_rows(struct fixture *fixture, uint8_t trace, const struct row *rows, size_t count,
		     uint64_t now_ns)
{
	struct trace_builder b;
	begin_request(fixture, &b);
	for (size_t i = 0; i < count; i++) {
		write_row(&b, trace, &rows[i]);
		trace_builder_end(&b);
	}
	end_request(fixture, &b, now_ns);
}

static const char *print_all(struct fixture *fixture)
{
	trace_tree_print(fixture->tree, UINT64_MAX, &fixture->out);
	assert_false(fixture->out.failed);
	return buf_cstr(&fixture->out);
}

/* What stands behind the times and the bar, line by line without the head: only the tree. */
static void assert_tree(struct fixture *fixture, const char *expected)
{
	static char trees[4096];
	const char *at = print_all(fixture);
	size_t len = 0;
	while (*at) {
		size_t line = strcspn(at, "\n") + 1;
		const size_t name_column = 44;
		if (line > name_column && memcmp(at, "trace", 5) != 0) {
			memcpy(trees + len, at + name_column, line - name_column);
			len += line - name_column;
		}
		at += line;
	}
	trees[len] = '\0';
	assert_string_equal(trees, expected);
}

static unsigned count_lines(const char *text)
{
	unsigned lines = 0;
	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

/* ---- examples ---- */

static void each_example_prints_as_its_golden_file(void **state)
{
	static const char *const names[] = {"llm-d", "semantic-router", "vllm", "scrape",
					    "proxied-scrape"};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		char golden[64];
		(void)snprintf(golden, sizeof(golden), "debug/tree-%s.txt", names[i]);
		open_tree(fixture, roomy, utf8_terminal);
		add_example(fixture, names[i], true);
		print_all(fixture);
		generate_assert_golden(golden, buf_slice(&fixture->out));
	}
}

static void a_trace_in_four_requests_prints_as_in_one(void **state)
{
	struct fixture *fixture = *state;
	add_example(fixture, "llm-d", false);
	print_all(fixture);
	generate_assert_golden("debug/tree-llm-d.txt", buf_slice(&fixture->out));
}

static void ascii_is_ascii(void **state)
{
	struct fixture *fixture = *state;
	open_tree(fixture, roomy, ascii_terminal);
	add_example(fixture, "llm-d", true);
	print_all(fixture);
	generate_assert_golden("debug/tree-llm-d-ascii.txt", buf_slice(&fixture->out));
	for (size_t i = 0; i < fixture->out.len; i++)
		assert_true(fixture->out.data[i] < 0x80);
}

static void colours_are_only_ever_added(void **state)
{
	struct fixture *fixture = *state;
	struct buf plain = BUF_INIT;
	open_tree(fixture, roomy, (struct terminal){.columns = 150, .colour = true});
	add_example(fixture, "llm-d", true);
	for (const char *at = print_all(fixture); *at; at++) {
		if (*at == '\x1b')
			at += strcspn(at, "m");
		else
			buf_append_byte(&plain, (uint8_t)*at);
	}
	assert_true(plain.len < fixture->out.len);
	generate_assert_golden("debug/tree-llm-d.txt", buf_slice(&plain));
	buf_fini(&plain);
}

static void a_delivery_that_came_twice_is_shown_once(void **state)
{
	struct fixture *fixture = *state;
	add_example(fixture, "llm-d", true);
	add_example(fixture, "llm-d", true);
	const char *text = print_all(fixture);
	assert_int_equal(count_lines(text), 27);
	assert_non_null(strstr(text, "25 spans"));
	assert_non_null(strstr(text, "25 received again"));
	assert_non_null(strstr(text, "2071 → 200 tokens"));
}

/* ---- shapes ---- */

static void children_are_in_order_of_their_start(void **state)
{
	static const struct row rows[] = {{4, 1, "late", 900, 10},
					  {5, 2, "grandchild", 20, 5},
					  {2, 1, "early", 10, 100},
					  {1, 0, "root", 0, 1000}};
	struct fixture *fixture = *state;
	open_tree(fixture, roomy, ascii_terminal);
	add_rows(fixture, 1, rows, ARRAY_COUNT(rows), 0);
	assert_tree(fixture, "root [svc]\n"
			     "|- early\n"
			     "|  `- grandchild\n"
			     "`- late\n");
}

static void orphans_stand_under_the_parent_that_was_not_seen(void **state)
{
	static const struct row rows[] = {{3, 9, "orphan", 30, 10},
					  {4, 3, "its child", 35, 2},
					  {5, 9, "second orphan", 50, 10},
					  {6, 8, "other orphan", 40, 10},
					  {1, 0, "root", 0, 1000}};
	struct fixture *fixture = *state;
	open_tree(fixture, roomy, ascii_terminal);
	add_rows(fixture, 1, rows, ARRAY_COUNT(rows), 0);
	assert_tree(fixture, "root [svc]\n"
			     "(parent not seen: 0900000000000000)\n"
			     "|- orphan [svc]\n"
			     "|  `- its child\n"
			     "`- second orphan [svc]\n"
			     "(parent not seen: 0800000000000000)\n"
			     "`- other orphan [svc]\n");
}

static void circles_are_cut_once(void **state)
{
	static const struct row rows[] = {{1, 3, "a", 0, 10},
					  {2, 1, "b", 1, 10},
					  {3, 2, "c", 2, 10},
					  {4, 2, "tail", 3, 10},
					  {5, 5, "own parent", 4, 10}};
	struct fixture *fixture = *state;
	open_tree(fixture, roomy, ascii_terminal);
	add_rows(fixture, 1, rows, ARRAY_COUNT(rows), 0);
	assert_tree(fixture, "a [svc]  (its parents run in a circle)\n"
			     "`- b\n"
			     "   |- c\n"
			     "   `- tail\n"
			     "own parent [svc]  (its parents run in a circle)\n");
}

static void two_spans_with_one_id_are_both_shown(void **state)
{
	static const struct row rows[] = {{1, 0, "root", 0, 100},
					  {2, 1, "first", 1, 10},
					  {2, 1, "second", 2, 10},
					  {3, 2, "child", 3, 1}};
	struct fixture *fixture = *state;
	open_tree(fixture, roomy, ascii_terminal);
	add_rows(fixture, 1, rows, ARRAY_COUNT(rows), 0);
	assert_tree(fixture, "root [svc]\n"
			     "|- first\n"
			     "|  `- child\n"
			     "`- second\n");
}

static void very_deep_traces_are_drawn_flat_from_some_level_on(void **state)
{
	struct row rows[200];
	struct fixture *fixture = *state;
	open_tree(fixture, roomy, ascii_terminal);
	for (uint8_t i = 0; i < ARRAY_COUNT(rows); i++)
		rows[i] = (struct row){(uint8_t)(i + 1), i, "deep", i, 1000};
	add_rows(fixture, 1, rows, ARRAY_COUNT(rows), 0);
	const char *text = print_all(fixture);
	assert_int_equal(count_lines(text), 202);
	assert_non_null(strstr(text, "(level 199) deep\n"));
}

/* Parents at random: every span stands on exactly one line, whatever the ids say. */
static void random_parents_lose_no_span_and_repeat_none(void **state)
{
	struct fixture *fixture = *state;
	uint32_t random = 1;
	for (int round = 0; round < 500; round++) {
		struct row rows[24];
		char names[ARRAY_COUNT(rows)][16];
		open_tree(fixture, roomy, ascii_terminal);
		for (uint32_t i = 0; i < ARRAY_COUNT(rows); i++) {
			random = random * 1664525 + 1013904223;
			(void)snprintf(names[i], sizeof(names[i]), "<%u>", i);
			rows[i] = (struct row){(uint8_t)(random >> 24 & 15),
					       (uint8_t)(random >> 16 & 15), names[i],
					       random >> 8 & 255, random & 255};
		}
		add_rows(fixture, 1, rows, ARRAY_COUNT(rows), 0);
		const char *text = print_all(fixture);
		for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
			const char *found = strstr(text, names[i]);
			assert_non_null(found);
			assert_null(strstr(found + 1, names[i]));
		}
	}
}

/* ---- facts ---- */

static void failures_are_shown_by_type_and_never_by_message(void **state)
{
	static const struct row root = {1, 0, "prefill", 0, 100};
	struct fixture *fixture = *state;
	struct trace_builder b;
	begin_request(fixture, &b);
	write_row(&b, 1, &root);
	trace_builder_attr(&b, SPAN_ATTRIBUTES, SLICE("http.response.status_code"),
			   value_of_int(503));
	trace_builder_begin(&b, SPAN_EVENTS);
	trace_builder_bytes(&b, EVENT_NAME, SLICE("exception"));
	trace_builder_attr(&b, EVENT_ATTRIBUTES, SLICE("exception.type"),
			   value_of_str(SLICE("ConnectError")));
	trace_builder_attr(&b, EVENT_ATTRIBUTES, SLICE("exception.message"),
			   value_of_str(SLICE("SECRET in event")));
	trace_builder_end(&b);
	trace_builder_begin(&b, SPAN_STATUS);
	trace_builder_bytes(&b, STATUS_MESSAGE, SLICE("SECRET in status"));
	trace_builder_varint(&b, STATUS_CODE, STATUS_CODE_ERROR);
	trace_builder_end(&b);
	end_request(fixture, &b, 0);
	const char *text = print_all(fixture);
	assert_non_null(strstr(text, "prefill [svc]  ERROR ConnectError · HTTP 503\n"));
	assert_non_null(strstr(text, " · 1 failed\n"));
	assert_null(strstr(text, "SECRET"));
}

struct usage {
	struct row row;
	int64_t prompt, output; /* negative: not stated */
	const char *model;
};

static void add_usages(struct fixture *fixture, const struct usage *usages, size_t count)
{
	struct trace_builder b;
	begin_request(fixture, &b);
	for (size_t i = 0; i < count; i++) {
		write_row(&b, 1, &usages[i].row);
		if (usages[i].prompt >= 0)
			trace_builder_attr(&b, SPAN_ATTRIBUTES, SLICE("gen_ai.usage.input_tokens"),
					   value_of_int(usages[i].prompt));
		if (usages[i].output >= 0)
			trace_builder_attr(&b, SPAN_ATTRIBUTES,
					   SLICE("gen_ai.usage.completion_tokens"),
					   value_of_int(usages[i].output));
		if (usages[i].model)
			trace_builder_attr(&b, SPAN_ATTRIBUTES, SLICE("gen_ai.response.model"),
					   value_of_str(slice_str(usages[i].model)));
		trace_builder_end(&b);
	}
	end_request(fixture, &b, 0);
}

static void tokens_in_the_head_count_each_request_once(void **state)
{
	/* An application calls twice; its own spans repeat what the engines report; the second call
	 * has a prefill leg. */
	static const struct usage usages[] = {
		{{1, 0, "app", 0, 1000}, 300, 30, NULL},
		{{2, 1, "engine", 10, 100}, 100, 10, NULL},
		{{3, 1, "call", 200, 500}, 200, 20, NULL},
		{{4, 3, "prefill", 210, 90}, 200, 1, NULL},
		{{5, 3, "decode", 300, 300}, 200, 20, NULL},
		{{6, 1, "short", 800, 9}, 7, 1, NULL},
	};
	struct fixture *fixture = *state;
	add_usages(fixture, usages, ARRAY_COUNT(usages));
	const char *text = print_all(fixture);
	assert_non_null(strstr(text, " · 307 → 31 tokens\n"));
	assert_non_null(strstr(text, "prefill  200 → 1 tokens\n"));
}

/* Of whatever kind the model is: here one of texts, on a span of its own. */
static void an_embedding_model_stands_in_the_tree(void **state)
{
	struct fixture *fixture = *state;
	add_example(fixture, "rag", true);
	const char *text = print_all(fixture);
	assert_non_null(strstr(text, "  bge-m3"));
}

static void several_models_stand_on_their_lines(void **state)
{
	static const struct usage usages[] = {
		{{1, 0, "rag", 0, 1000}, -1, -1, NULL},
		{{2, 1, "embed", 10, 100}, -1, -1, "bge-m3"},
		{{3, 1, "chat", 200, 500}, -1, 5, "qwen3-8b"},
	};
	struct fixture *fixture = *state;
	add_usages(fixture, usages, ARRAY_COUNT(usages));
	const char *text = print_all(fixture);
	assert_non_null(strstr(text, "1 service · ? → 5 tokens · bge-m3 · qwen3-8b\n"));
	assert_non_null(strstr(text, "embed  bge-m3\n"));
	assert_non_null(strstr(text, "chat  qwen3-8b · ? → 5 tokens\n"));
}

static void facts_of_the_wrong_type_or_size_are_passed_over(void **state)
{
	static const struct row row = {1, 0, "odd", 0, 1000};
	struct fixture *fixture = *state;
	struct trace_builder b;
	begin_request(fixture, &b);
	write_row(&b, 1, &row);
	trace_builder_attr(&b, SPAN_ATTRIBUTES, SLICE("gen_ai.usage.input_tokens"),
			   value_of_str(SLICE("12")));
	trace_builder_attr(&b, SPAN_ATTRIBUTES, SLICE("gen_ai.usage.output_tokens"),
			   value_of_int(-5));
	trace_builder_attr(&b, SPAN_ATTRIBUTES, SLICE("gen_ai.latency.time_to_first_token"),
			   value_of_double((double)NAN));
	trace_builder_attr(&b, SPAN_ATTRIBUTES, SLICE("gen_ai.latency.time_in_queue"),
			   value_of_double(1e300));
	trace_builder_attr(&b, SPAN_ATTRIBUTES, SLICE("cache.hit"), value_of_str(SLICE("yes")));
	trace_builder_attr(&b, SPAN_ATTRIBUTES, SLICE("gen_ai.request.model"), value_of_int(1));
	end_request(fixture, &b, 0);
	assert_non_null(strstr(print_all(fixture), "odd [svc]\n"));
}

/* ---- hostile input and limits ---- */

/* ${text} without line ends, and without the spaces that begin a line. */
static void unwrap(const char *text, struct buf *out)
{
	for (; *text; text += strcspn(text, "\n") + 1) {
		text += strspn(text, " ");
		buf_append(out, slice_of(text, strcspn(text, "\n")));
	}
}

static void lines_are_wrapped_at_the_column_limit(void **state)
{
	static const unsigned widths[] = {0, 40, 60, 80, 100, 200};
	char name[400];
	struct fixture *fixture = *state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memcpy(name, "\x1b[2J中文\n", 11);
	const struct row rows[] = {{1, 0, name, 0, 1000}, {2, 1, name, 1, 10}, {3, 7, name, 2, 10}};
	for (size_t i = 0; i < ARRAY_COUNT(widths); i++) {
		open_tree(fixture, roomy, (struct terminal){.columns = widths[i], .ascii = true});
		add_rows(fixture, 1, rows, ARRAY_COUNT(rows), 0);
		const char *at = print_all(fixture);
		struct buf whole = BUF_INIT;
		unwrap(at, &whole);
		assert_non_null(strstr(buf_cstr(&whole), "nnnn"));
		buf_fini(&whole);
		for (; *at; at += strcspn(at, "\n") + 1)
			assert_true(strcspn(at, "\n") <= (widths[i] ? widths[i] : 40));
	}
}

/* Whatever the width, what a wide terminal says stands there, in the same order. */
static void nothing_is_cut_on_a_narrow_terminal(void **state)
{
	static const unsigned widths[] = {40, 41, 57, 80, 99, 120, 160, 200};
	static const char *const said[] = {
		"2071 -> 200 tokens", "4 services",  "meta-llama/Llama-3.1-8B-Instruct",
		"[llm-d-router/epp]", "TTFT 343 ms", "llm_d.epp.scorer.active-request-scorer",
	};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < ARRAY_COUNT(widths); i++) {
		struct buf whole = BUF_INIT;
		open_tree(fixture, roomy, (struct terminal){.columns = widths[i], .ascii = true});
		add_example(fixture, "llm-d", true);
		const char *at = print_all(fixture);
		assert_true(strncmp(at, "trace 6bc2c1a1", 14) == 0);
		unwrap(at, &whole);
		for (size_t k = 0; k < ARRAY_COUNT(said); k++) {
			if (!strstr(buf_cstr(&whole), said[k]))
				fail_msg("%u columns, no %s:\n%s", widths[i], said[k], at);
		}
		for (; *at; at += strcspn(at, "\n") + 1)
			assert_true(strcspn(at, "\n") <= widths[i]);
		buf_fini(&whole);
	}
}

static void a_resized_terminal_counts_from_the_next_trace_on(void **state)
{
	struct fixture *fixture = *state;
	open_tree(fixture, roomy, ascii_terminal);
	trace_tree_set_terminal(fixture->tree, (struct terminal){.columns = 50, .ascii = true});
	add_example(fixture, "llm-d", true);
	for (const char *at = print_all(fixture); *at; at += strcspn(at, "\n") + 1)
		assert_true(strcspn(at, "\n") <= 50);
}

static void times_that_make_no_sense_are_question_marks(void **state)
{
	static const struct {
		uint64_t start_ns, end_ns;
	} times[] = {{0, 0},
		     {0, UINT64_MAX},
		     {UINT64_MAX, 0},
		     {UINT64_MAX, UINT64_MAX},
		     {T0_NS, T0_NS - 1},
		     {1, UINT64_MAX}};
	struct fixture *fixture = *state;
	struct trace_builder b;
	begin_request(fixture, &b);
	for (size_t i = 0; i < ARRAY_COUNT(times); i++) {
		uint8_t trace_id[TRACE_ID_BYTES] = {9};
		trace_builder_begin(&b, SCOPE_SPANS_SPANS);
		trace_builder_bytes(&b, SPAN_TRACE_ID, slice_of(trace_id, sizeof(trace_id)));
		trace_builder_fixed64(&b, SPAN_START_TIME_UNIX_NANO, times[i].start_ns);
		trace_builder_fixed64(&b, SPAN_END_TIME_UNIX_NANO, times[i].end_ns);
		trace_builder_end(&b);
	}
	end_request(fixture, &b, 0);
	const char *text = print_all(fixture);
	assert_int_equal(count_lines(text), 2 + ARRAY_COUNT(times));
	assert_non_null(strstr(text, "        ?         ?"));
}

static void what_does_not_fit_is_counted(void **state)
{
	struct row rows[30];
	struct fixture *fixture = *state;
	open_tree(fixture, (struct tree_limits){.traces_max = 2, .spans_max = 40}, ascii_terminal);
	for (uint8_t i = 0; i < ARRAY_COUNT(rows); i++)
		rows[i] = (struct row){(uint8_t)(i + 1), 0, "span", i, 1};
	for (uint8_t trace = 1; trace <= 3; trace++)
		add_rows(fixture, trace, rows, trace == 1 ? 5 : ARRAY_COUNT(rows), 0);
	const char *text = print_all(fixture);
	/* 5 + 30 are held; the third trace finds no place. */
	assert_non_null(strstr(text,
			       "(30 more spans are not shown: at most 2 traces and 40 spans are "
			       "held)\n"));
	buf_reset(&fixture->out);
	for (uint8_t trace = 1; trace <= 2; trace++) /* room again, then 20 too many */
		add_rows(fixture, trace, rows, ARRAY_COUNT(rows), 0);
	assert_non_null(strstr(print_all(fixture), "(20 more spans"));
}

static void only_quiet_traces_are_printed(void **state)
{
	static const struct row rows[] = {{1, 0, "root", 0, 1000}, {2, 1, "child", 1, 10}};
	struct fixture *fixture = *state;
	open_tree(fixture, roomy, ascii_terminal);
	add_rows(fixture, 1, rows, 1, 100);
	add_rows(fixture, 2, rows, 2, 150);
	add_rows(fixture, 1, rows + 1, 1, 200);
	assert_int_equal(trace_tree_print(fixture->tree, 150, &fixture->out), 0);
	assert_int_equal(trace_tree_print(fixture->tree, 200, &fixture->out), 1);
	assert_non_null(strstr(buf_cstr(&fixture->out), "trace 02ff"));
	buf_reset(&fixture->out);
	assert_int_equal(trace_tree_print(fixture->tree, 201, &fixture->out), 1);
	assert_non_null(strstr(buf_cstr(&fixture->out), "`- child"));
	assert_int_equal(trace_tree_print(fixture->tree, UINT64_MAX, &fixture->out), 0);
}

/* ---- when a trace is complete ---- */

static const struct tree_limits patient = {.traces_max = 10,
					   .spans_max = 1000,
					   .quiet_ns = 1 * NS_PER_S,
					   .patience_ns = 10 * NS_PER_S};

static uint32_t print_at(struct fixture *fixture, uint64_t seconds)
{
	buf_reset(&fixture->out);
	return trace_tree_print(fixture->tree, seconds * NS_PER_S, &fixture->out);
}

/* Spans that ended ${held_ns} before they came. */
static void observe(struct fixture *fixture, uint64_t held_ns)
{
	static const struct row row = {1, 0, "other", 0, 0};
	struct trace_builder b;
	struct err err;
	begin_request(fixture, &b);
	write_row(&b, 9, &row);
	trace_builder_end(&b);
	trace_builder_end(&b);
	trace_builder_end(&b);
	struct chunk *chunk = trace_builder_take(&b, 1, &err);
	struct trace_view *view = view_new(&fixture->budget, fixture->keys);
	assert_true(chunk && view);
	assert_int_equal(view_open(view, chunk_slice(chunk), &err), 0);
	trace_tree_observe(fixture->tree, view, T0_NS + held_ns);
	view_free(view);
	chunk_unref(chunk);
}

static void a_trace_without_its_root_or_a_parent_is_waited_for(void **state)
{
	static const struct row rows[] = {
		{1, 0, "root", 0, 1000}, {2, 1, "middle", 1, 10}, {3, 2, "leaf", 2, 5}};
	static const uint8_t missing[] = {0, 1}; /* the root, the parent of the leaf */
	struct fixture *fixture = *state;
	for (size_t i = 0; i < ARRAY_COUNT(missing); i++) {
		open_tree(fixture, patient, ascii_terminal);
		for (size_t k = 0; k < ARRAY_COUNT(rows); k++) {
			if (k != missing[i])
				add_rows(fixture, 1, rows + k, 1, 100 * NS_PER_S);
		}
		assert_int_equal(print_at(fixture, 102), 0);
		assert_int_equal(print_at(fixture, 110), 0);
		add_rows(fixture, 1, rows + missing[i], 1, 110 * NS_PER_S);
		assert_int_equal(print_at(fixture, 111), 0);
		assert_int_equal(print_at(fixture, 112), 1);
		assert_non_null(strstr(buf_cstr(&fixture->out), "3 spans"));
		assert_null(strstr(buf_cstr(&fixture->out), "not seen"));
		assert_int_equal(print_at(fixture, 1000), 0);
	}
}

static void it_is_not_waited_for_without_end(void **state)
{
	static const struct row row = {3, 2, "leaf", 2, 5};
	struct fixture *fixture = *state;
	open_tree(fixture, patient, ascii_terminal);
	add_rows(fixture, 1, &row, 1, 100 * NS_PER_S);
	assert_int_equal(print_at(fixture, 111), 0);
	assert_int_equal(print_at(fixture, 112), 1);
	assert_non_null(strstr(buf_cstr(&fixture->out), "parent not seen"));
}

/* Senders that collect spans for a while show it by spans that ended long before they came. */
static void senders_that_hold_spans_back_are_waited_for(void **state)
{
	static const struct row row = {1, 0, "root", 0, 1000};
	static const struct {
		uint64_t held_ms, wait_s;
	} cases[] = {{0, 1}, {99, 1}, {100, 6}, {3000, 6}, {5000, 6}, {9000, 10}, {86400000, 1}};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		open_tree(fixture, patient, ascii_terminal);
		observe(fixture, cases[i].held_ms * NS_PER_MS);
		add_rows(fixture, 1, &row, 1, 100 * NS_PER_S);
		assert_int_equal(print_at(fixture, 100 + cases[i].wait_s), 0);
		assert_int_equal(print_at(fixture, 101 + cases[i].wait_s), 1);
	}
}

static void a_trace_that_grew_is_printed_again_whole(void **state)
{
	static const struct row rows[] = {{1, 0, "root", 0, 1000}, {2, 1, "late", 1, 10}};
	struct fixture *fixture = *state;
	open_tree(fixture, patient, ascii_terminal);
	add_rows(fixture, 1, rows, 1, 100 * NS_PER_S);
	assert_int_equal(print_at(fixture, 102), 1);
	assert_null(strstr(buf_cstr(&fixture->out), "more span"));
	add_rows(fixture, 1, rows, 1, 103 * NS_PER_S); /* a repeat is nothing new */
	assert_int_equal(print_at(fixture, 105), 0);
	add_rows(fixture, 1, rows + 1, 1, 106 * NS_PER_S);
	assert_int_equal(print_at(fixture, 108), 1);
	assert_non_null(
		strstr(buf_cstr(&fixture->out), "1 more span came for a trace that was printed"));
	assert_non_null(strstr(buf_cstr(&fixture->out), "root"));
	assert_non_null(strstr(buf_cstr(&fixture->out), "`- late"));
	assert_int_equal(print_at(fixture, UINT64_MAX / NS_PER_S), 0);
}

/* Printed traces are kept only where there is room. */
static void printed_traces_give_way(void **state)
{
	static const struct row row = {1, 0, "root", 0, 1000};
	struct fixture *fixture = *state;
	uint64_t now_s = 100;
	open_tree(fixture, patient, ascii_terminal);
	for (unsigned trace = 1; trace <= 100; trace++, now_s += 2) {
		add_rows(fixture, (uint8_t)trace, &row, 1, now_s * NS_PER_S);
		assert_int_equal(print_at(fixture, now_s + 2), 1);
		assert_null(strstr(buf_cstr(&fixture->out), "not shown"));
	}
}

static void durations_have_three_digits(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{0, "0 ns"},
		{999, "999 ns"},
		{1000, "1.00 µs"},
		{9994, "9.99 µs"},
		{9995, "10.0 µs"},
		{295000, "295 µs"},
		{999499, "999 µs"},
		{999500, "1.00 ms"},
		{47700000, "47.7 ms"},
		{3146000000, "3.15 s"},
		{59900000000, "59.9 s"},
		{60000000000, "1m00s"},
		{125 * NS_PER_S, "2m05s"},
		{3720 * NS_PER_S, "1h02m"},
		{UINT64_C(273600) * NS_PER_S, "3d04h"},
		{UINT64_MAX, "213503d23h"},
	};
	char text[HUMAN_DURATION_BYTES];
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_string_equal(human_duration(text, cases[i].ns, false), cases[i].text);
	assert_string_equal(human_duration(text, 1000, true), "1.00 us");
}

/* ---- a view at once, with a mark ---- */

static void print_marked(struct fixture *fixture, const struct trace_view *view, uint32_t marked,
			 bool colour)
{
	const struct terminal terminal = {.columns = 100, .ascii = true, .colour = colour};
	buf_reset(&fixture->out);
	tree_print_view(view, marked, &terminal, &fixture->out);
	assert_false(fixture->out.failed);
}

static void one_span_of_a_view_is_marked(void **state)
{
	static const struct row rows[] = {
		{1, 0, "root", 0, 90}, {2, 1, "step", 10, 20}, {3, 1, "step", 40, 20}};
	struct fixture *fixture = *state;
	struct trace_view *view = view_new(&fixture->budget, fixture->keys);
	struct trace_builder b;
	struct err err;
	begin_request(fixture, &b);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		write_row(&b, 1, &rows[i]);
		trace_builder_end(&b);
	}
	struct chunk *chunk = trace_builder_take(&b, 0, &err);
	assert_true(view && chunk);
	assert_int_equal(view_open(view, chunk_slice(chunk), &err), 0);
	print_marked(fixture, view, TREE_NO_MARK, false);
	assert_null(strchr(buf_cstr(&fixture->out), '>'));
	for (uint32_t marked = 0; marked < ARRAY_COUNT(rows); marked++) {
		print_marked(fixture, view, marked, false);
		const char *line = buf_cstr(&fixture->out); /* the head */
		for (uint32_t at = 0; at < ARRAY_COUNT(rows); at++) {
			line = strchr(line, '\n') + 1;
			assert_int_equal(line[0], at == marked ? '>' : ' ');
		}
	}
	print_marked(fixture, view, 2, true);
	assert_non_null(strstr(buf_cstr(&fixture->out), "\x1b[1;31mstep\x1b[0m"));
	/* What was taken out is not shown, and the numbers stay those of the view. */
	edit_drop_span(view, 1);
	print_marked(fixture, view, 2, false);
	const char *line = strchr(buf_cstr(&fixture->out), '\n') + 1;
	assert_int_equal(line[0], ' ');
	assert_int_equal(*(strchr(line, '\n') + 1), '>');
	assert_non_null(strstr(buf_cstr(&fixture->out), "2 spans"));
	view_free(view);
	chunk_unref(chunk);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_example_prints_as_its_golden_file),
		TEST(a_trace_in_four_requests_prints_as_in_one),
		TEST(ascii_is_ascii),
		TEST(colours_are_only_ever_added),
		TEST(a_delivery_that_came_twice_is_shown_once),
		TEST(children_are_in_order_of_their_start),
		TEST(orphans_stand_under_the_parent_that_was_not_seen),
		TEST(circles_are_cut_once),
		TEST(two_spans_with_one_id_are_both_shown),
		TEST(very_deep_traces_are_drawn_flat_from_some_level_on),
		TEST(random_parents_lose_no_span_and_repeat_none),
		TEST(failures_are_shown_by_type_and_never_by_message),
		TEST(tokens_in_the_head_count_each_request_once),
		TEST(several_models_stand_on_their_lines),
		TEST(an_embedding_model_stands_in_the_tree),
		TEST(facts_of_the_wrong_type_or_size_are_passed_over),
		TEST(lines_are_wrapped_at_the_column_limit),
		TEST(nothing_is_cut_on_a_narrow_terminal),
		TEST(a_resized_terminal_counts_from_the_next_trace_on),
		TEST(a_trace_without_its_root_or_a_parent_is_waited_for),
		TEST(it_is_not_waited_for_without_end),
		TEST(senders_that_hold_spans_back_are_waited_for),
		TEST(a_trace_that_grew_is_printed_again_whole),
		TEST(printed_traces_give_way),
		TEST(times_that_make_no_sense_are_question_marks),
		TEST(what_does_not_fit_is_counted),
		TEST(only_quiet_traces_are_printed),
		TEST(durations_have_three_digits),
		TEST(one_span_of_a_view_is_marked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
