/* SPDX-License-Identifier: Apache-2.0 */
/* The list, where a piece is cut, and what the two halves of one remember together. */
#include "pipeline/delivery/piece.h"

#include "pipeline/base/assert.h"
#include "pipeline/trace/otlp/encode.h"

#include <stdlib.h>

/* ---- the list ------------------------------------------------------------------------------- */

static void piece_free(struct piece *piece)
{
	if (!piece)
		return;
	if (piece->halving && --piece->halving->refs == 0)
		free(piece->halving);
	batch_unref(piece->batch);
	free(piece);
}

void piece_list_init(struct piece_list *list)
{
	list->first = NULL;
	list->last = &list->first;
}

bool piece_list_append(struct piece_list *list, struct batch *batch)
{
	struct piece *piece = malloc(sizeof(*piece));
	if (!piece) {
		batch_unref(batch);
		return false;
	}
	*piece = (struct piece){.batch = batch};
	*list->last = piece;
	list->last = &piece->next;
	return true;
}

uint64_t piece_list_spans(const struct piece_list *list)
{
	uint64_t spans = 0;
	for (const struct piece *piece = list->first; piece; piece = piece->next)
		spans += piece->batch->span_count;
	return spans;
}

void piece_list_remove_first(struct piece_list *list)
{
	struct piece *piece = list->first;
	list->first = piece->next;
	if (!list->first)
		list->last = &list->first;
	piece_free(piece);
}

/* Replaces the first piece of ${list} by ${parts}. */
static void replace_first(struct piece_list *list, struct piece_list *parts, bool at_end)
{
	piece_list_remove_first(list);
	struct piece_list *front = at_end ? list : parts, *back = at_end ? parts : list;
	*front->last = back->first;
	if (back->first)
		front->last = back->last;
	list->first = front->first;
	list->last = list->first ? front->last : &list->first;
}

/* ---- where to cut --------------------------------------------------------------------------- */

/* How the spans of one request are parted. */
struct measure {
	const struct trace_view *view;
	bool in_bytes;	/* else in spans */
	uint64_t total; /* of all spans */
	uint64_t max;	/* of a part that has two spans at least; 0: two halves */
};

static uint64_t weight(const struct measure *measure, uint32_t span)
{
	return measure->in_bytes ? view_span_bytes(measure->view, span) : 1;
}

static struct measure measure_of(const struct trace_view *view, const struct cutting *cutting)
{
	struct measure measure = {.view = view, .in_bytes = cutting->way != CUT_HALF_OF_SPANS};
	for (uint32_t i = 0; i < view_span_count(view); i++)
		measure.total += weight(&measure, i);
	if (cutting->way != CUT_TO_SIZE)
		return measure;
	/* Resources and scopes are repeated on each part. Where they are the larger share, parts of
	 * a size would be single spans, each with all of that: halves get smaller as well. */
	uint64_t around = view_body_bytes(view) - measure.total;
	if (around <= cutting->bytes_max / 2)
		measure.max = cutting->bytes_max - around;
	return measure;
}

/* The end of the first half: at the span in whose middle the middle lies. It leaves a span for the
 * second one, and a span that outweighs the others is alone after two such cuts. */
static uint32_t end_of_half(const struct measure *measure)
{
	uint64_t before = weight(measure, 0);
	uint32_t at = 1;
	while (2 * before + weight(measure, at) < measure->total)
		before += weight(measure, at++);
	return at;
}

/* The end of the part that begins at ${begin}: as many spans as fit, one at least. */
static uint32_t end_of_fill(const struct measure *measure, uint32_t begin)
{
	uint64_t held = weight(measure, begin);
	uint32_t at = begin + 1;
	while (at < view_span_count(measure->view) && held + weight(measure, at) <= measure->max)
		held += weight(measure, at++);
	return at;
}

static uint32_t end_of_part(const struct measure *measure, uint32_t begin)
{
	if (measure->max > 0 && measure->max < measure->total)
		return end_of_fill(measure, begin);
	return begin == 0 ? end_of_half(measure) : view_span_count(measure->view);
}

/* ---- cutting -------------------------------------------------------------------------------- */

/* The batch with the spans of ${window}; NULL with ${err}. */
static struct batch *cut(struct trace_view *view, struct span_window window, struct budget *budget,
			 struct err *err)
{
	struct encode_plan plan;
	if (trace_encode_measure(view, window, &plan, err) != 0)
		return NULL;
	struct batch *batch = batch_new(budget);
	struct chunk *chunk = batch ? chunk_new(budget, plan.bytes) : NULL;
	bool made = chunk != NULL;
	if (made) {
		trace_encode_write(view, &plan, chunk->data);
		chunk->len = plan.bytes;
		view_describe(view, plan.spans, chunk);
		made = batch_append(batch, chunk);
	}
	chunk_unref(chunk);
	if (!made) {
		(void)err_set(err, ERR_NOMEM, "no memory to split a request");
		batch_unref(batch);
		batch = NULL;
	}
	return batch;
}

static int share_halving(struct piece_list *halves, struct err *err)
{
	struct halving *halving = halves->first ? calloc(1, sizeof(*halving)) : NULL;
	if (!halving)
		return err_set(err, ERR_NOMEM, "no memory to split a request");
	for (struct piece *half = halves->first; half; half = half->next) {
		half->halving = halving;
		halving->refs++;
	}
	return 0;
}

static int cut_all(struct piece_list *parts, struct trace_view *view, const struct cutting *cutting,
		   struct err *err)
{
	const struct measure measure = measure_of(view, cutting);
	struct span_window window = {0, 0};
	while (window.begin < view_span_count(view)) {
		window.end = end_of_part(&measure, window.begin);
		struct batch *batch = cut(view, window, cutting->budget, err);
		if (!batch)
			return -1;
		if (!piece_list_append(parts, batch))
			return err_set(err, ERR_NOMEM, "no memory to split a request");
		window.begin = window.end;
	}
	return cutting->way == CUT_HALF_OF_SPANS ? share_halving(parts, err) : 0;
}

/* Opens a view on the first piece. *ret_body is to be released after *ret_view; both may be NULL. */
static int look_at_first(const struct piece_list *list, const struct cutting *cutting,
			 struct trace_view **ret_view, struct chunk **ret_body, struct err *err)
{
	*ret_view = view_new(cutting->budget, cutting->keys);
	*ret_body = batch_flatten(list->first->batch);
	if (!*ret_view || !*ret_body)
		return err_set(err, ERR_NOMEM, "no memory to split a request");
	return view_open_chunk(*ret_view, *ret_body, err);
}

int piece_list_cut_first(struct piece_list *list, const struct cutting *cutting, struct err *err)
{
	struct piece_list parts;
	struct trace_view *view;
	struct chunk *body;
	piece_list_init(&parts);
	int result = look_at_first(list, cutting, &view, &body, err);
	if (result == 0)
		result = cut_all(&parts, view, cutting, err);
	while (result != 0 && parts.first)
		piece_list_remove_first(&parts);
	ASSERT(result != 0 || piece_list_spans(&parts) == list->first->batch->span_count);
	if (result == 0)
		replace_first(list, &parts, cutting->way == CUT_HALF_OF_SPANS);
	view_free(view);
	chunk_unref(body);
	return result;
}

void piece_list_write_trace_id(const struct piece_list *list, const struct cutting *cutting,
			       struct buf *out)
{
	struct trace_view *view;
	struct chunk *body;
	struct err err;
	if (look_at_first(list, cutting, &view, &body, &err) == 0 && view_span_count(view) > 0)
		buf_append_hex(out, view_span_trace_id(view, 0));
	view_free(view);
	chunk_unref(body);
}
