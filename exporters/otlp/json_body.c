/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The batch is flattened, opened as a view and printed by the transcoder. The body is charged to
 * the budget like any other; bytes that JSON cannot hold are replaced and counted.
 */
#include "exporters/otlp/json_body.h"

#include "pipeline/trace/otlp_json/json_encode.h"

#include <stdlib.h>

struct json_body {
	struct trace_view *view;
	struct budget *budget;
	struct counter replaced; /* bytes of text that were not UTF-8; read by any thread */
};

static const struct metric_desc metric_replaced = {
	"sluice_exporter_json_replaced_bytes", "By",
	"Bytes of text that are not UTF-8 and were replaced by U+FFFD in JSON", METRIC_COUNTER};
static const struct metric_row metric_rows[] = {
	{&metric_replaced, offsetof(struct json_body, replaced), {NULL}},
};
static const struct metric_table metric_table = METRIC_TABLE("exporter", metric_rows);

struct json_body *json_body_new(struct budget *budget, const struct key_table *keys,
				struct metrics *metrics, const char *id)
{
	struct json_body *body = calloc(1, sizeof(*body));
	if (!body)
		return NULL;
	body->budget = budget;
	body->view = view_new(budget, keys);
	if (body->view && metrics_add_table(metrics, &metric_table, id, "", body))
		return body;
	json_body_free(body);
	return NULL;
}

void json_body_free(struct json_body *body)
{
	if (!body)
		return;
	view_free(body->view);
	free(body);
}

struct chunk *json_body_make(struct json_body *body, const struct batch *batch, struct err *err)
{
	uint64_t replaced = 0;
	struct chunk *request = batch_flatten(batch);
	struct chunk *json = request ? chunk_new(body->budget, request->len * 2) : NULL;
	bool made = false;
	if (!json)
		(void)err_set(err, ERR_NOMEM, "no memory for a request in JSON");
	else
		made = view_open_chunk(body->view, request, err) == 0 &&
		       json_encode(body->view, json, &replaced, err) == 0;
	view_close(body->view);
	chunk_unref(request);
	if (made) {
		counter_add(&body->replaced, replaced);
		return json;
	}
	chunk_unref(json);
	return NULL;
}
