/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The counters that the processors keep by rule, as a table: how many, what it was, which rule said
 * so. Reasons of metadata_only come from the policy's own table. The counters know rules and numbers
 * alone, so there is no value here that could be printed. Sections are cut after ROWS_MAX rules, and
 * say so. On narrow terminals a reason stands below its rule.
 */
#include "cmd/demo_report.h"

#include "processors/metadata_only/rules.h"

#include <inttypes.h>

enum { ROWS_MAX = 24, RULE_BYTES_MAX = 128 };
enum {
	COUNT_COLUMNS = 6,
	CLASS_COLUMN = 8,
	RULE_COLUMN = 20,
	REASON_COLUMN = 70,
	REASON_COLUMNS_MIN = 50
};

struct explanation {
	const char *class, *reason;
};

struct section {
	const char *metric, *label;	    /* the label that names the rule */
	const char *processor, *did, *what; /* "dropped" so many "spans" */
	struct explanation (*explain)(const char *rule);
};

struct row {
	uint64_t count;
	char rule[RULE_BYTES_MAX];
};

struct rows {
	const struct section *section;
	struct row at[ROWS_MAX];
	size_t count, left_out;
	uint64_t total;
};

/* ---- reasons -------------------------------------------------------------------------------- */

static struct explanation explain_scrape(const char *rule)
{
	static const struct {
		const char *rule, *reason;
	} reasons[] = {
		{"path", "asks for /metrics, /health and the like"},
		{"name", "is named after such a request"},
		{"background", "root of work that no request asked for"},
		{"asgi", "one piece of a streamed answer"},
		{"descendant", "below a dropped span"},
		{"remembered", "below a span dropped with an earlier request"},
	};
	for (size_t i = 0; i < ARRAY_COUNT(reasons); i++) {
		if (strcmp(reasons[i].rule, rule) == 0)
			return (struct explanation){"noise", reasons[i].reason};
	}
	return (struct explanation){"noise", ""};
}

static struct explanation explain_condition(const char *rule)
{
	(void)rule;
	return (struct explanation){"condition", "of your own"};
}

static struct explanation explain_policy(const char *rule)
{
	for (size_t i = 0; i < policy_row_count; i++) {
		if (strcmp(policy_rows[i].pattern, rule) == 0)
			return (struct explanation){policy_class_words[policy_rows[i].class],
						    policy_rows[i].reason};
	}
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		if (strcmp(policy_fields[i].label, rule) == 0)
			return (struct explanation){"field", policy_fields[i].reason};
	}
	return (struct explanation){"denied", "by your configuration"};
}

static const struct section sections[] = {
	{"sluice_processor_scrape_filter_dropped", "rule", "scrape_filter", "dropped", "spans",
	 explain_scrape},
	{"sluice_processor_filter_condition_dropped", "condition", "filter", "dropped", "spans",
	 explain_condition},
	{"sluice_processor_metadata_only_removed", "rule", "metadata_only", "removed",
	 "values of the spans that were kept", explain_policy},
};

/* ---- rows ----------------------------------------------------------------------------------- */

/* The value of ${label}, without the escapes of the exposition format, cut to what fits. */
static void copy_label(const char *labels, const char *label, char out[RULE_BYTES_MAX])
{
	size_t label_len = strlen(label), len = 0;
	const char *at = labels;
	while ((at = strstr(at, label)) &&
	       (strncmp(at + label_len, "=\"", 2) != 0 || (at > labels && at[-1] != ',')))
		at += label_len;
	for (at = at ? at + label_len + 2 : ""; *at && *at != '"' && len + 1 < RULE_BYTES_MAX;
	     at++) {
		if (*at == '\\' && at[1])
			at++;
		out[len++] = *at;
	}
	out[len] = 0;
}

/* Keeps the rows in falling order of their counts. */
static void add_row(void *arg, const char *labels, double value)
{
	struct rows *rows = arg;
	struct row row = {.count = (uint64_t)value};
	if (row.count == 0)
		return;
	rows->total += row.count;
	copy_label(labels, rows->section->label, row.rule);
	size_t at = rows->count;
	if (rows->count == ROWS_MAX) {
		rows->left_out++;
		at--;
		if (rows->at[at].count >= row.count)
			return;
	} else {
		rows->count++;
	}
	for (; at > 0 && rows->at[at - 1].count < row.count; at--)
		rows->at[at] = rows->at[at - 1];
	rows->at[at] = row;
}

/* ---- printing ------------------------------------------------------------------------------- */

static void print_title(const struct rows *rows, const struct terminal *terminal, struct buf *out)
{
	const struct section *section = rows->section;
	struct terminal_line line = terminal_line_begin(terminal, out);
	terminal_line_style(&line, STYLE_HEAD);
	terminal_line_text(&line, slice_str(section->processor));
	terminal_line_style(&line, STYLE_PLAIN);
	terminal_line_printf(&line, " %s %" PRIu64 " %s", section->did, rows->total, section->what);
	terminal_line_end(&line);
}

static void print_row(const struct section *section, const struct row *row,
		      const struct terminal *terminal, struct buf *out)
{
	enum { RULE_COLUMNS = REASON_COLUMN - RULE_COLUMN - 3 };
	struct explanation why = section->explain(row->rule);
	struct slice rule = slice_str(row->rule);
	struct terminal_line line = terminal_line_begin(terminal, out);
	terminal_line_printf(&line, "%*" PRIu64, COUNT_COLUMNS, row->count);
	terminal_line_pad(&line, CLASS_COLUMN);
	terminal_line_style(&line, STYLE_FACT);
	terminal_line_text(&line, slice_str(why.class));
	terminal_line_style(&line, STYLE_PLAIN);
	terminal_line_pad(&line, RULE_COLUMN);
	terminal_line_text(&line,
			   slice_of(rule.ptr, rule.len < RULE_COLUMNS ? rule.len : RULE_COLUMNS));
	if (rule.len > RULE_COLUMNS)
		terminal_line_own(&line, "…", "");
	if (terminal->columns < REASON_COLUMN + REASON_COLUMNS_MIN) {
		terminal_line_end(&line);
		line = terminal_line_begin(terminal, out);
		terminal_line_pad(&line, RULE_COLUMN + 2);
	} else {
		terminal_line_pad(&line, REASON_COLUMN);
	}
	terminal_line_indent(&line, line.column);
	terminal_line_style(&line, STYLE_FAINT);
	terminal_line_words(&line, slice_str(why.reason));
	terminal_line_end(&line);
}

static void print_section(const struct rows *rows, const struct terminal *terminal, struct buf *out)
{
	print_title(rows, terminal, out);
	for (size_t i = 0; i < rows->count; i++)
		print_row(rows->section, &rows->at[i], terminal, out);
	if (rows->left_out > 0)
		buf_printf(out, "%*s  and %zu more rules\n", COUNT_COLUMNS, "", rows->left_out);
	buf_append_byte(out, '\n');
}

static void add_value(void *arg, const char *labels, double value)
{
	(void)labels;
	*(double *)arg += value;
}

static uint64_t sum_of(const struct metrics *metrics, const char *name)
{
	double sum = 0;
	metrics_visit(metrics, name, add_value, &sum);
	return (uint64_t)sum;
}

void demo_report_counts(const struct metrics *metrics, struct buf *out)
{
	uint64_t received = sum_of(metrics, "otelcol_receiver_accepted_spans");
	buf_printf(out, "%" PRIu64 " span%s received, %" PRIu64 " kept.\n\n", received,
		   received == 1 ? " was" : "s were",
		   sum_of(metrics, "otelcol_exporter_sent_spans"));
}

void demo_report_print(const struct metrics *metrics, const struct terminal *terminal,
		       struct buf *out)
{
	for (size_t i = 0; i < ARRAY_COUNT(sections); i++) {
		struct rows rows = {.section = &sections[i]};
		metrics_visit(metrics, sections[i].metric, add_row, &rows);
		if (rows.count > 0)
			print_section(&rows, terminal, out);
	}
}
