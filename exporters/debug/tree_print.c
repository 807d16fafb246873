/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One trace on paper. The walk follows first child, next sibling and parent, so its depth costs
 * nothing; branches are drawn for the first levels only, as many as a third of the width has room for.
 * Lines are wrapped between facts; on narrow terminals the bar is left out and ids are shortened.
 */
#include "exporters/debug/human.h"
#include "exporters/debug/tree_internal.h"

#include <inttypes.h>

enum {
	DEPTH_DRAWN = 16,
	BRANCH_COLUMNS = 3,
	WIDE_COLUMNS = 100, /* from here on ids are shown whole */
	SHORT_ID_BYTES = 4,
	HEAD_INDENT = 6,   /* as long as "trace " */
	AFTER_COLUMNS = 9, /* right-aligned in these: when it started, how long it took */
	TOOK_COLUMNS = 10,
	BAR_COLUMN = AFTER_COLUMNS + TOOK_COLUMNS + 3,
	BAR_COLUMNS_MAX = 20,
};

struct painter {
	const struct terminal *terminal;
	struct buf *out;
	const struct forest *forest;
	const struct tree_span *marked; /* NULL: none */
	struct tree_summary summary;
	unsigned bar_columns; /* 0: no bar */
	unsigned name_column;
	unsigned depth_drawn;	/* at most DEPTH_DRAWN */
	bool more[DEPTH_DRAWN]; /* the node on this level of the path has a later sibling */
};

/* ---- facts ---- */

/* Separates a fact from what is before it on the line. */
static void begin_fact(struct terminal_line *line, bool *first, enum terminal_style style)
{
	terminal_line_style(line, STYLE_PLAIN);
	if (*first)
		terminal_line_own(line, "  ", "  ");
	else
		terminal_line_own(line, " · ", ", ");
	*first = false;
	terminal_line_may_break(line);
	terminal_line_style(line, style);
}

static void put_word(struct terminal_line *line, const struct tree_word *word)
{
	terminal_line_text(line, tree_word_slice(word));
	if (word->cut)
		terminal_line_own(line, "…", "...");
}

static void put_count(struct terminal_line *line, uint64_t count)
{
	if (count == TREE_UNKNOWN)
		terminal_line_own(line, "?", "?");
	else
		terminal_line_printf(line, "%" PRIu64, count);
}

static void put_tokens(struct terminal_line *line, bool *first, uint64_t prompt, uint64_t output)
{
	if (prompt == TREE_UNKNOWN && output == TREE_UNKNOWN)
		return;
	begin_fact(line, first, STYLE_FACT);
	put_count(line, prompt);
	terminal_line_own(line, " → ", " -> ");
	put_count(line, output);
	terminal_line_own(line, " tokens", " tokens");
}

static void put_duration(struct terminal_line *line, uint64_t ns)
{
	char text[HUMAN_DURATION_BYTES];
	human_duration(text, ns, line->terminal->ascii);
	terminal_line_text(line, slice_str(text));
}

static void put_time_fact(struct terminal_line *line, bool *first, const char *label, uint64_t ns)
{
	if (ns == TREE_UNKNOWN)
		return;
	begin_fact(line, first, STYLE_FACT);
	terminal_line_own(line, label, label);
	put_duration(line, ns);
}

static void put_failure(struct terminal_line *line, bool *first, const struct tree_span *span)
{
	bool failed = span->status_code == STATUS_CODE_ERROR;
	if (failed || span->error_type.len > 0) {
		begin_fact(line, first, STYLE_ERROR);
		terminal_line_own(line, failed ? "ERROR" : "error", failed ? "ERROR" : "error");
		if (span->error_type.len > 0)
			terminal_line_own(line, " ", " ");
		put_word(line, &span->error_type);
	}
	if (span->http_status != TREE_UNKNOWN && span->http_status >= 400) {
		begin_fact(line, first, STYLE_ERROR);
		terminal_line_printf(line, "HTTP %" PRIu64, span->http_status);
	}
}

static void put_facts(const struct painter *painter, struct terminal_line *line,
		      const struct forest_node *node)
{
	const struct tree_span *span = node->span;
	bool first = true;
	put_failure(line, &first, span);
	if (span->model.len > 0 && painter->summary.model_count > 1) {
		begin_fact(line, &first, STYLE_FACT);
		put_word(line, &span->model);
	}
	put_tokens(line, &first, span->prompt_tokens, span->output_tokens);
	put_time_fact(line, &first, "TTFT ", span->ttft_ns);
	put_time_fact(line, &first, "queue ", span->queue_ns);
	if (span->cache_known) {
		begin_fact(line, &first, STYLE_FACT);
		terminal_line_printf(line, "cache %s", span->cache_hit ? "hit" : "miss");
	}
	if (span->status_code == STATUS_CODE_OK) {
		begin_fact(line, &first, STYLE_FACT);
		terminal_line_own(line, "ok", "ok");
	}
	if (node->cyclic) {
		begin_fact(line, &first, STYLE_ERROR);
		terminal_line_own(line, "(its parents run in a circle)",
				  "(its parents run in a circle)");
	}
}

/* ---- times ---- */

static void put_right(struct terminal_line *line, unsigned end_column, bool known, uint64_t ns)
{
	char text[HUMAN_DURATION_BYTES];
	unsigned columns = 0;
	if (!known)
		memcpy(text, "?", 2);
	else if (ns == 0)
		memcpy(text, "0", 2);
	else
		human_duration(text, ns, line->terminal->ascii);
	for (const char *at = text; *at; at++)
		columns += ((unsigned char)*at & 0xc0) != 0x80;
	if (columns < end_column)
		terminal_line_pad(line, end_column - columns);
	terminal_line_text(line, slice_str(text));
}

/* Names and facts come first: on narrow terminals the bar gives way. */
static unsigned bar_columns_of(const struct terminal *terminal)
{
	if (terminal->columns >= 120)
		return BAR_COLUMNS_MAX;
	return terminal->columns >= 90 ? BAR_COLUMNS_MAX / 2 : 0;
}

/* ${ns} on the scale on which the whole trace is as long as the bar. */
static double cells_of(const struct painter *painter, uint64_t ns)
{
	uint64_t total_ns = painter->summary.end_ns - painter->summary.begin_ns;
	return total_ns == 0 ? 0 : (double)ns / (double)total_ns * painter->bar_columns;
}

static void put_bar(const struct painter *painter, struct terminal_line *line,
		    const struct tree_span *span)
{
	uint64_t took_ns = span->end_ns > span->start_ns ? span->end_ns - span->start_ns : 0;
	unsigned begin = (unsigned)cells_of(painter, span->start_ns - painter->summary.begin_ns);
	unsigned cells = (unsigned)(cells_of(painter, took_ns) + 0.5);
	if (begin >= painter->bar_columns)
		begin = painter->bar_columns - 1;
	terminal_line_pad(line, BAR_COLUMN + begin);
	if (cells == 0) /* shorter than half a cell */
		terminal_line_own(line, "▏", "|");
	for (unsigned i = begin; i < begin + cells && i < painter->bar_columns; i++)
		terminal_line_own(line, "█", "=");
}

static void put_times(const struct painter *painter, struct terminal_line *line,
		      const struct tree_span *span)
{
	bool started = span->start_ns != 0;
	put_right(line, AFTER_COLUMNS, started, span->start_ns - painter->summary.begin_ns);
	put_right(line, AFTER_COLUMNS + TOOK_COLUMNS, started && span->end_ns >= span->start_ns,
		  span->end_ns - span->start_ns);
	terminal_line_style(line, STYLE_FAINT);
	if (started && painter->bar_columns > 0)
		put_bar(painter, line, span);
	terminal_line_style(line, STYLE_PLAIN);
}

/* ---- lines ---- */

static void put_branches(const struct painter *painter, struct terminal_line *line, uint32_t depth)
{
	uint32_t drawn = depth < painter->depth_drawn ? depth : painter->depth_drawn - 1;
	terminal_line_style(line, STYLE_FAINT);
	for (uint32_t level = 1; level < drawn; level++)
		terminal_line_own(line, painter->more[level] ? "│  " : "   ",
				  painter->more[level] ? "|  " : "   ");
	if (depth > drawn)
		terminal_line_printf(line, "(level %" PRIu32 ") ", depth);
	else if (drawn > 0)
		terminal_line_own(line, painter->more[drawn] ? "├─ " : "└─ ",
				  painter->more[drawn] ? "|- " : "`- ");
	terminal_line_style(line, STYLE_PLAIN);
	terminal_line_indent(line, line->column + 2);
}

static void put_service(const struct painter *painter, struct terminal_line *line,
			const struct forest_node *node)
{
	const struct tree_span *parent =
		node->parent == FOREST_NONE ? NULL : painter->forest->nodes[node->parent].span;
	const struct tree_word *service = &node->span->service;
	if (parent && slice_equal(tree_word_slice(&parent->service), tree_word_slice(service)))
		return;
	terminal_line_own(line, " ", " ");
	terminal_line_may_break(line);
	terminal_line_style(line, STYLE_SERVICE);
	terminal_line_own(line, "[", "[");
	put_word(line, service);
	if (service->len == 0)
		terminal_line_own(line, "no service name", "no service name");
	terminal_line_own(line, "]", "]");
	terminal_line_style(line, STYLE_PLAIN);
}

/* Of a span that came several times one is in the forest, whichever was meant. */
static bool is_marked(const struct painter *painter, const struct tree_span *span)
{
	const struct tree_span *marked = painter->marked;
	return marked && (span == marked || (marked->id != 0 && tree_same_span(span, marked)));
}

static void put_name(const struct painter *painter, struct terminal_line *line,
		     const struct tree_span *span)
{
	if (is_marked(painter, span))
		terminal_line_style(line, STYLE_ERROR);
	terminal_line_text(line, slice_of(span->name.bytes, span->name.len));
	if (span->name.cut)
		terminal_line_own(line, "…", "...");
	terminal_line_style(line, STYLE_PLAIN);
}

static void put_id(struct terminal_line *line, const uint8_t *id, unsigned bytes)
{
	bool whole = line->terminal->columns >= WIDE_COLUMNS;
	for (unsigned i = 0; i < (whole ? bytes : SHORT_ID_BYTES); i++)
		terminal_line_printf(line, "%02x", id[i]);
	if (!whole)
		terminal_line_own(line, "…", "...");
}

static void print_node(const struct painter *painter, const struct forest_node *node,
		       uint32_t depth)
{
	struct terminal_line line = terminal_line_begin(painter->terminal, painter->out);
	if (!node->span) {
		const uint8_t *id = (const uint8_t *)&node->id;
		terminal_line_pad(&line, painter->name_column);
		terminal_line_style(&line, STYLE_FAINT);
		terminal_line_own(&line, "(parent not seen: ", "(parent not seen: ");
		put_id(&line, id, SPAN_ID_BYTES);
		terminal_line_own(&line, ")", ")");
		terminal_line_end(&line);
		return;
	}
	if (is_marked(painter, node->span)) {
		terminal_line_style(&line, STYLE_ERROR);
		terminal_line_own(&line, ">", ">");
		terminal_line_style(&line, STYLE_PLAIN);
	}
	put_times(painter, &line, node->span);
	terminal_line_pad(&line, painter->name_column);
	put_branches(painter, &line, depth);
	put_name(painter, &line, node->span);
	put_service(painter, &line, node);
	put_facts(painter, &line, node);
	terminal_line_end(&line);
}

static void put_number_of(struct terminal_line *line, bool *first, uint32_t number,
			  const char *noun)
{
	begin_fact(line, first, STYLE_PLAIN);
	terminal_line_printf(line, "%" PRIu32 " %s%s", number, noun, human_plural(number));
}

static void print_growth(const struct painter *painter, const struct tree_trace *trace)
{
	struct terminal_line line = terminal_line_begin(painter->terminal, painter->out);
	terminal_line_style(&line, STYLE_FAINT);
	terminal_line_printf(&line, "%" PRIu32 " more span%s came for a trace that was printed; ",
			     trace->new_spans, human_plural(trace->new_spans));
	terminal_line_may_break(&line);
	terminal_line_own(&line, "here is all of it:", "here is all of it:");
	terminal_line_end(&line);
}

static void print_head(const struct painter *painter, const uint8_t *trace_id)
{
	const struct tree_summary *summary = &painter->summary;
	struct terminal_line line = terminal_line_begin(painter->terminal, painter->out);
	bool first = true;
	terminal_line_style(&line, STYLE_HEAD);
	terminal_line_own(&line, "trace ", "trace ");
	put_id(&line, trace_id, TRACE_ID_BYTES);
	terminal_line_indent(&line, HEAD_INDENT);
	put_time_fact(&line, &first, "", summary->end_ns - summary->begin_ns);
	put_number_of(&line, &first, summary->spans, "span");
	put_number_of(&line, &first, summary->services, "service");
	put_tokens(&line, &first, summary->prompt_tokens, summary->output_tokens);
	if (summary->errors > 0) {
		begin_fact(&line, &first, STYLE_ERROR);
		terminal_line_printf(&line, "%" PRIu32 " failed", summary->errors);
	}
	if (painter->forest->repeated > 0) {
		begin_fact(&line, &first, STYLE_PLAIN);
		terminal_line_printf(&line, "%" PRIu32 " received again",
				     painter->forest->repeated);
	}
	for (uint32_t i = 0; i < summary->model_count; i++) {
		begin_fact(&line, &first, STYLE_FACT);
		put_word(&line, summary->models[i]);
	}
	terminal_line_end(&line);
}

static void print_nodes(struct painter *painter)
{
	const struct forest_node *nodes = painter->forest->nodes;
	uint32_t at = painter->forest->first_root, depth = 0;
	while (at != FOREST_NONE) {
		if (depth < painter->depth_drawn)
			painter->more[depth] = nodes[at].next_sibling != FOREST_NONE;
		print_node(painter, &nodes[at], depth);
		if (nodes[at].first_child != FOREST_NONE) {
			at = nodes[at].first_child;
			depth++;
			continue;
		}
		while (at != FOREST_NONE && nodes[at].next_sibling == FOREST_NONE) {
			at = nodes[at].parent;
			depth--; /* wraps after the last root, when it is read no more */
		}
		if (at != FOREST_NONE)
			at = nodes[at].next_sibling;
	}
}

void tree_print_trace(const struct tree_trace *trace, const struct terminal *terminal,
		      struct buf *out)
{
	struct painter painter = {
		.terminal = terminal,
		.out = out,
		.forest = trace->forest,
		.marked = trace->marked,
		.summary = tree_summarise(trace->forest),
		.bar_columns = bar_columns_of(terminal),
	};
	painter.name_column = BAR_COLUMN + painter.bar_columns + (painter.bar_columns > 0 ? 2 : 0);
	painter.depth_drawn = terminal->columns / 3 / BRANCH_COLUMNS;
	if (painter.depth_drawn > DEPTH_DRAWN)
		painter.depth_drawn = DEPTH_DRAWN;
	if (painter.depth_drawn < 2)
		painter.depth_drawn = 2;
	if (trace->new_spans > 0)
		print_growth(&painter, trace);
	print_head(&painter, trace->id);
	print_nodes(&painter);
	buf_append_byte(out, '\n');
}
