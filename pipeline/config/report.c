/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collecting and printing problems. Texts are copied into the report's arena; when it is exhausted,
 * or after CONFIG_PROBLEMS_MAX, problems are counted only, and the print says so.
 */
#include "pipeline/config/report.h"

#include "pipeline/base/utf8.h"

#include <stdarg.h>
#include <stdio.h>

enum { WORD_MAX = 64 }; /* longer words get no suggestion */

void config_report_init(struct config_report *report, struct arena *arena)
{
	*report = (struct config_report){.arena = arena, .stage = CONFIG_STAGE_BUILD, .scope = ""};
	report->last = &report->first;
}

static const char *copy_text(struct arena *arena, const char *text)
{
	return text ? (const char *)arena_copy(arena, slice_str(text)).ptr : NULL;
}

__attribute__((format(printf, 2, 0))) static const char *
format_text(struct config_report *report, const char *format, va_list args)
{
	va_list again;
	va_copy(again, args);
	int len = vsnprintf(NULL, 0, format, args);
	size_t scope_len = strlen(report->scope);
	char *text = NULL;
	if (len >= 0)
		text = arena_alloc(report->arena, scope_len + (size_t)len + 1);
	if (text) {
		memcpy(text, report->scope, scope_len);
		(void)vsnprintf(text + scope_len, (size_t)len + 1, format, again);
	}
	va_end(again);
	return text;
}

static bool same_file(const struct config_loc *a, const struct config_loc *b)
{
	return a->file == b->file || (a->file && b->file && strcmp(a->file, b->file) == 0);
}

static bool is_listed(const struct config_report *report, const struct config_problem *problem)
{
	for (const struct config_problem *p = report->first; p; p = p->next) {
		if (p->severity == problem->severity && p->loc.line == problem->loc.line &&
		    p->loc.column == problem->loc.column && same_file(&p->loc, &problem->loc) &&
		    strcmp(p->text, problem->text) == 0 && strcmp(p->path, problem->path) == 0)
			return true;
	}
	return false;
}

void config_problem(struct config_report *report, enum config_severity severity,
		    struct config_loc loc, const char *path, const char *suggestion,
		    const char *format, ...)
{
	size_t known = report->error_count + report->warning_count;
	if (severity == CONFIG_ERROR)
		report->error_count++;
	else
		report->warning_count++;
	if (known >= CONFIG_PROBLEMS_MAX)
		return;
	struct config_problem *problem = arena_calloc(report->arena, 1, sizeof(*problem));
	if (!problem)
		return;
	va_list args;
	va_start(args, format);
	problem->text = format_text(report, format, args);
	va_end(args);
	problem->severity = severity;
	problem->stage = report->stage;
	problem->loc = loc.file ? loc : report->loc;
	problem->path = copy_text(report->arena, path ? path : "");
	problem->suggestion = copy_text(report->arena, suggestion);
	if (!problem->text || !problem->path)
		return;
	if (is_listed(report, problem)) {
		report->error_repeats += severity == CONFIG_ERROR;
		report->warning_repeats += severity == CONFIG_WARNING;
		return;
	}
	*report->last = problem;
	report->last = &problem->next;
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;
	return least < c ? least : c;
}

/* Optimal string alignment distance: insertions, deletions, replacements, swapped neighbours. */
static size_t edit_distance(struct slice a, struct slice b)
{
	size_t rows[3][WORD_MAX + 1];
	size_t *before = rows[0], *previous = rows[1], *current = rows[2];
	for (size_t j = 0; j <= b.len; j++)
		previous[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		current[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			size_t cost = a.ptr[i - 1] != b.ptr[j - 1];
			current[j] =
				min3(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + cost);
			bool swapped = i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] &&
				       a.ptr[i - 2] == b.ptr[j - 1];
			if (swapped && before[j - 2] + 1 < current[j])
				current[j] = before[j - 2] + 1;
		}
		size_t *oldest = before;
		before = previous;
		previous = current;
		current = oldest;
	}
	return previous[b.len];
}

const char *config_nearest(struct slice word, const char *const *candidates, size_t count)
{
	const char *nearest = NULL;
	size_t least = word.len / 3 > 1 ? word.len / 3 : 1;
	if (word.len > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		struct slice candidate = slice_str(candidates[i]);
		if (candidate.len > WORD_MAX)
			continue;
		size_t distance = edit_distance(word, candidate);
		/* A word of which nothing is left is not near anything. */
		if (distance >= word.len || distance > least)
			continue;
		if (!nearest || distance < least) {
			nearest = candidates[i];
			least = distance;
		}
	}
	return nearest;
}

/* Characters that look like nothing or like a blank, or turn the direction of writing. */
static bool is_invisible(uint32_t character)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{0x80, 0xa0},	  {0xad, 0xad},	      {0x34f, 0x34f},	{0x61c, 0x61c},
		{0x115f, 0x1160}, {0x1680, 0x1680},   {0x17b4, 0x17b5}, {0x180b, 0x180e},
		{0x2000, 0x200f}, {0x2028, 0x202f},   {0x205f, 0x206f}, {0x3000, 0x3000},
		{0x3164, 0x3164}, {0xfe00, 0xfe0f},   {0xfeff, 0xfeff}, {0xffa0, 0xffa0},
		{0xfff0, 0xfffb}, {0xe0000, 0xe0fff},
	};
	for (size_t i = 0; i < ARRAY_COUNT(ranges); i++) {
		if (character >= ranges[i].first && character <= ranges[i].last)
			return true;
	}
	return false;
}

/* The code point of a well-formed sequence of 2 to 4 bytes. */
static uint32_t decode_sequence(const uint8_t *sequence, size_t len)
{
	uint32_t character = sequence[0] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++)
		character = character << 6 | (sequence[i] & 0x3f);
	return character;
}

static void print_byte(struct buf *out, uint8_t byte)
{
	if (byte == '\n')
		buf_append_str(out, "\\n");
	else if (byte == '\t')
		buf_append_str(out, "\\t");
	else if (byte < 0x20 || byte >= 0x7f)
		buf_printf(out, "\\x%02x", byte);
	else
		buf_append_byte(out, byte);
}

/* One problem stays one line, and what cannot be seen is written as Go writes it: \u200b. */
static void print_text(struct buf *out, const char *text)
{
	struct slice rest = slice_str(text);
	while (rest.len > 0) {
		size_t len = utf8_sequence_len(rest);
		uint32_t character = len > 1 ? decode_sequence(rest.ptr, len) : 0;
		if (len <= 1)
			print_byte(out, rest.ptr[0]);
		else if (is_invisible(character))
			buf_printf(out, character > 0xffff ? "\\U%08x" : "\\u%04x", character);
		else
			buf_append(out, slice_of(rest.ptr, len));
		len = len > 0 ? len : 1;
		rest = slice_of(rest.ptr + len, rest.len - len);
	}
}

static void print_place(struct buf *out, const struct config_problem *problem)
{
	const char *separator = "";
	bool has_file = problem->loc.file && *problem->loc.file;
	if (!has_file && !*problem->path && !problem->suggestion)
		return;
	buf_append_str(out, " (");
	if (has_file) {
		print_text(out, problem->loc.file);
		if (problem->loc.line > 0)
			buf_printf(out, ":%u:%u", problem->loc.line, problem->loc.column);
		separator = ": ";
	}
	if (*problem->path) {
		buf_append_str(out, separator);
		print_text(out, problem->path);
		separator = ", ";
	} else if (has_file) {
		separator = ", ";
	}
	if (problem->suggestion) {
		buf_printf(out, "%sdid you mean \"", separator);
		print_text(out, problem->suggestion);
		buf_append_str(out, "\"?");
	}
	buf_append_str(out, ")");
}

static void print_problem(struct buf *out, const struct config_problem *problem)
{
	print_text(out, problem->text);
	print_place(out, problem);
	buf_append_byte(out, '\n');
}

/* Which of the files that problems name this is, in order of first appearance. */
static size_t file_rank(const struct config_report *report, const struct config_loc *loc)
{
	size_t rank = 0;
	for (const struct config_problem *p = report->first; p; p = p->next, rank++) {
		if (same_file(&p->loc, loc))
			break;
	}
	return rank;
}

static bool is_before(const struct config_report *report, const struct config_problem *a,
		      const struct config_problem *b)
{
	size_t rank_a = file_rank(report, &a->loc), rank_b = file_rank(report, &b->loc);
	if (rank_a != rank_b)
		return rank_a < rank_b;
	if (a->loc.line != b->loc.line)
		return a->loc.line < b->loc.line;
	return a->loc.column < b->loc.column;
}

/* The problems of one kind in the order of the file; equal places keep their order. */
struct selection {
	const struct config_problem *at[CONFIG_PROBLEMS_MAX];
	size_t count;
};

static void insert(const struct config_report *report, struct selection *s,
		   const struct config_problem *problem)
{
	size_t at = s->count++;
	for (; at > 0 && is_before(report, problem, s->at[at - 1]); at--)
		s->at[at] = s->at[at - 1];
	s->at[at] = problem;
}

static void print_selection(const char *prefix, const struct selection *selection, struct buf *out)
{
	for (size_t i = 0; i < selection->count; i++) {
		buf_append_str(out, prefix);
		print_problem(out, selection->at[i]);
	}
}

static size_t print_stage(const struct config_report *report, enum config_stage stage,
			  struct buf *out)
{
	struct selection selection;
	selection.count = 0;
	for (const struct config_problem *p = report->first; p; p = p->next) {
		if (p->severity == CONFIG_ERROR && p->stage == stage)
			insert(report, &selection, p);
	}
	print_selection("Error: ", &selection, out);
	return selection.count;
}

static void print_errors(const struct config_report *report, struct buf *out)
{
	size_t printed = 0;
	for (int stage = 0; stage < CONFIG_STAGE_COUNT; stage++)
		printed += print_stage(report, (enum config_stage)stage, out);
	if (report->error_count > printed + report->error_repeats)
		buf_printf(out, "Error: %zu more errors are not shown\n",
			   report->error_count - printed - report->error_repeats);
}

static void print_warnings(const struct config_report *report, struct buf *out)
{
	struct selection selection;
	selection.count = 0;
	for (const struct config_problem *p = report->first; p; p = p->next) {
		if (p->severity == CONFIG_WARNING)
			insert(report, &selection, p);
	}
	print_selection("Warning: ", &selection, out);
	if (report->warning_count > selection.count + report->warning_repeats)
		buf_printf(out, "Warning: %zu more warnings are not shown\n",
			   report->warning_count - selection.count - report->warning_repeats);
}

void config_report_print(const struct config_report *report, enum config_severity severity,
			 struct buf *out)
{
	if (severity == CONFIG_ERROR)
		print_errors(report, out);
	else
		print_warnings(report, out);
}
