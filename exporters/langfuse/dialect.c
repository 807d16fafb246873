/* SPDX-License-Identifier: Apache-2.0 */
/* See dialect.h. A batch whose ids are all usable, nearly every one, says so (batch->ids_usable): it
 * is not looked at, and goes out as its own bytes, which other exporters' compression may have made
 * already. */
#include "exporters/langfuse/dialect.h"

#include "exporters/otlp/otlp_answer.h"
#include "pipeline/trace/otlp/encode.h"

#include <stdlib.h>

struct langfuse {
	struct trace_view *view;
	struct budget *budget;
};

static void destroy(void *self)
{
	struct langfuse *langfuse = self;
	if (!langfuse)
		return;
	view_free(langfuse->view);
	free(langfuse);
}

/* ---- ids ------------------------------------------------------------------------------------ */

/* Present and not of zeros alone (W3C Trace Context §3.2.2). The index admits no other length. */
static bool is_usable(struct slice id)
{
	for (size_t i = 0; i < id.len; i++) {
		if (id.ptr[i] != 0)
			return true;
	}
	return false;
}

static bool has_usable_ids(const struct trace_view *view, uint32_t span)
{
	return is_usable(view_span_trace_id(view, span)) && is_usable(view_span_id(view, span));
}

static bool has_zero_parent(const struct trace_view *view, uint32_t span)
{
	struct slice parent = view_span_parent(view, span);
	return parent.len > 0 && !is_usable(parent);
}

static uint32_t correct(struct trace_view *view)
{
	uint32_t left_out = 0;
	for (uint32_t i = 0; i < view_span_count(view); i++) {
		if (!has_usable_ids(view, i)) {
			edit_drop_span(view, i);
			left_out++;
		} else if (has_zero_parent(view, i)) {
			edit_set_span_parent(view, i, slice_of(NULL, 0));
		}
	}
	return left_out;
}

static int make_corrected(struct langfuse *langfuse, const struct batch *batch,
			  struct otlp_body *ret_body, struct err *err)
{
	struct chunk *request = batch_flatten(batch);
	int result = -1;
	if (!request) {
		(void)err_set(err, ERR_NOMEM, "no memory for a request to Langfuse");
	} else if (view_open_chunk(langfuse->view, request, err) == 0) {
		ret_body->left_out = correct(langfuse->view);
		/* The spans that its mark was for may have been dropped since. */
		result = view_is_clean(langfuse->view)
				 ? 0
				 : trace_encode(langfuse->view, langfuse->budget, &ret_body->chunk,
						err);
		view_close(langfuse->view);
	}
	chunk_unref(request);
	return result;
}

static int make(void *self, const struct batch *batch, struct otlp_body *ret_body, struct err *err)
{
	struct langfuse *langfuse = self;
	if (batch->bytes > LANGFUSE_REQUEST_BYTES_MAX && batch->span_count > 1)
		return err_set(err, ERR_LIMIT, "more than Langfuse takes in one request");
	return batch->ids_usable ? 0 : make_corrected(langfuse, batch, ret_body, err);
}

/* ---- answers -------------------------------------------------------------------------------- */

static void judge_page(const struct client_result *answer, struct export_result *result)
{
	result->outcome = EXPORT_RETRY;
	(void)err_set(&result->err, ERR_PEER,
		      "the answer is a web page with HTTP Status Code %d, so nothing was taken: a "
		      "proxy or login stands before Langfuse, or the host is not Langfuse's",
		      answer->http_status);
}

static void judge(const struct client_result *answer, struct export_result *result)
{
	result->rejected_spans = 0;
	result->partial_warning = false;
	if (answer->outcome != CLIENT_ANSWERED)
		return;
	if (result->outcome == EXPORT_DELIVERED && otlp_answer_is_page(answer)) {
		judge_page(answer, result);
		return;
	}
	if (result->outcome == EXPORT_TOO_LARGE)
		return;
	switch (answer->http_status) {
	case 400:
		(void)err_wrap(&result->err,
			       "Langfuse cannot read the request: a header of the exporter's own "
			       "may be wrong (x-langfuse-ingestion-version is at most 4)");
		return;
	case 401:
		(void)err_wrap(&result->err,
			       "Langfuse does not know the keys: use a project's public and "
			       "secret key (Settings, API Keys) of this very host");
		return;
	case 403:
		(void)err_wrap(&result->err,
			       "Langfuse refuses these keys: use a project's keys, not an "
			       "organisation's, and look whether ingestion is suspended");
		return;
	case 404:
		(void)err_wrap(&result->err,
			       "no OTLP endpoint there: Langfuse has one since 3.22.0, at "
			       "<host>" LANGFUSE_OTLP_PATH);
		return;
	case 500:
		result->outcome = EXPORT_RETRY;
		result->retries_max = LANGFUSE_RETRIES_MAX;
		return;
	default: return;
	}
}

/* ---- the dialect ---------------------------------------------------------------------------- */

static bool matches(const char *url)
{
	const struct slice traces = SLICE("/v1/traces");
	struct slice text = slice_str(url);
	while (text.len > 0 && text.ptr[text.len - 1] == '/')
		text.len--;
	if (slice_has_suffix(text, traces))
		text.len -= traces.len;
	return slice_has_suffix(text, SLICE(LANGFUSE_OTLP_PATH));
}

static void *create(struct budget *budget, const struct key_table *keys)
{
	struct langfuse *langfuse = calloc(1, sizeof(*langfuse));
	if (!langfuse)
		return NULL;
	langfuse->budget = budget;
	langfuse->view = view_new(budget, keys);
	if (langfuse->view)
		return langfuse;
	destroy(langfuse);
	return NULL;
}

const struct otlp_dialect otlp_dialect_langfuse = {
	.name = "Langfuse",
	.matches = matches,
	.header_name = "x-langfuse-ingestion-version",
	.header_value = "4",
	.compression_fault = "Langfuse reads gzip alone: use gzip or none",
	.json_notice = "Langfuse is sent protobuf, which it reads as well: spans that it would "
		       "refuse a request for are left out there",
	.create = create,
	.make = make,
	.judge = judge,
	.destroy = destroy,
};
