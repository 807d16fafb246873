/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One OTLP request becomes one PostSpansRequest with one Batch, whatever resources it has: so it is
 * taken as a whole or not at all, and a repeat sends nothing twice that was taken before. The
 * resource with the most spans is the Batch's process; spans of the others carry their own, which
 * Jaeger prefers to the Batch's in every version of PostSpans. Equal resources are one process.
 *
 * A process that spans carry is written once for each of them. A request that grows over its bound
 * in this way is refused (ERR_LIMIT) before anything is written, for the sender to split; parts of
 * one resource cannot grow. Memory is an arena for each request, charged to the budget.
 */
#include "exporters/jaeger/request.h"

#include "exporters/jaeger/mapping.h"
#include "pipeline/base/hash.h"

#include <stdlib.h>

struct jaeger_request {
	struct trace_view *view;
	struct buf text;
	struct budget *budget;
	uint64_t bytes_max;
	struct hash_key hash;
	struct counter replaced; /* bytes; read by any thread */
};

enum { TEXT_KEEP_BYTES = 64 * 1024 }; /* of the scratch buffer, between requests */

struct jaeger_request *jaeger_request_new(struct budget *budget, const struct key_table *keys,
					  uint64_t bytes_max)
{
	struct jaeger_request *request = calloc(1, sizeof(*request));
	if (!request)
		return NULL;
	request->budget = budget;
	request->bytes_max = bytes_max;
	request->hash = hash_key_random();
	request->view = view_new(budget, keys);
	if (request->view)
		return request;
	free(request);
	return NULL;
}

void jaeger_request_free(struct jaeger_request *request)
{
	if (!request)
		return;
	view_free(request->view);
	buf_fini(&request->text);
	free(request);
}

bool jaeger_request_register(struct jaeger_request *request, struct metrics *metrics,
			     const char *id)
{
	static const struct metric_desc replaced = {
		"sluice_exporter_jaeger_replaced_bytes", "By",
		"Bytes of text that are not UTF-8 and were replaced by U+FFFD for Jaeger",
		METRIC_COUNTER};
	static const struct metric_row rows[] = {
		{&replaced, offsetof(struct jaeger_request, replaced), {NULL}},
	};
	static const struct metric_table table = METRIC_TABLE("exporter", rows);
	return metrics_add_table(metrics, &table, id, "", request);
}

/* ---- resources that are the same process ---------------------------------------------------- */

struct process {
	struct slice content; /* of the Resource message */
	uint32_t resource;    /* the first one with it */
	uint64_t span_count;
	Jaeger__Process *message; /* NULL: no span */
};

struct processes {
	struct process *at;
	uint32_t count;
	uint32_t *of_resource; /* by resource: its place in at */
	uint32_t main;	       /* the one with the most spans */
};

static uint64_t count_spans(const struct trace_view *view, uint32_t resource)
{
	struct view_range scopes = view_resource_scopes(view, resource);
	uint64_t spans = 0;
	for (uint32_t i = 0; i < scopes.count; i++)
		spans += view_scope_spans(view, scopes.begin + i).count;
	return spans;
}

/* The place of ${content} in ${table}, a power of two of places that hold a process + 1 or 0. */
static uint32_t *find_place(struct processes *processes, uint32_t *table, size_t mask,
			    struct hash_key key, struct slice content)
{
	size_t at = hash_bytes(key, content.ptr, content.len) & mask;
	while (table[at] && !slice_equal(processes->at[table[at] - 1].content, content))
		at = (at + 1) & mask;
	return &table[at];
}

/* False when memory is short. */
static bool group_resources(struct jaeger_mapping *mapping, struct hash_key key,
			    struct processes *processes)
{
	const struct trace_view *view = mapping->view;
	uint32_t resource_count = view_resource_count(view);
	size_t places = 2;
	while (places < 2 * (size_t)resource_count)
		places *= 2;
	uint32_t *table = jaeger_alloc(mapping, places, sizeof(*table));
	*processes = (struct processes){
		.at = jaeger_alloc(mapping, resource_count, sizeof(*processes->at)),
		.of_resource = jaeger_alloc(mapping, resource_count, sizeof(uint32_t))};
	if (mapping->failed)
		return false;
	for (uint32_t i = 0; i < resource_count; i++) {
		struct slice content = view_resource_bytes(view, i);
		uint32_t *place = find_place(processes, table, places - 1, key, content);
		if (!*place) {
			processes->at[processes->count] =
				(struct process){.content = content, .resource = i};
			*place = ++processes->count;
		}
		uint32_t which = *place - 1;
		processes->of_resource[i] = which;
		processes->at[which].span_count += count_spans(view, i);
		if (processes->at[which].span_count > processes->at[processes->main].span_count)
			processes->main = which;
	}
	return true;
}

/* Maps the processes that have spans. *ret_repeated: bytes of those written once for each span. */
static bool map_processes(struct jaeger_mapping *mapping, struct processes *processes,
			  uint64_t *ret_repeated)
{
	uint64_t repeated = 0;
	for (uint32_t i = 0; i < processes->count; i++) {
		struct process *process = &processes->at[i];
		if (process->span_count == 0)
			continue;
		process->message = jaeger_map_process(mapping, process->resource);
		if (mapping->failed)
			return false;
		uint64_t total;
		if (i == processes->main)
			continue;
		if (__builtin_mul_overflow(jaeger__process__get_packed_size(process->message),
					   process->span_count, &total) ||
		    __builtin_add_overflow(repeated, total, &repeated)) {
			*ret_repeated = UINT64_MAX;
			return true;
		}
	}
	*ret_repeated = repeated;
	return true;
}

/* ---- the request ---------------------------------------------------------------------------- */

static bool map_spans(struct jaeger_mapping *mapping, const struct processes *processes,
		      Jaeger__Batch *batch)
{
	const struct trace_view *view = mapping->view;
	uint32_t span_count = view_span_count(view);
	batch->spans = jaeger_alloc(mapping, span_count, sizeof(Jaeger__Span *));
	for (uint32_t i = 0; !mapping->failed && i < span_count; i++) {
		uint32_t which = processes->of_resource[view_span_resource(view, i)];
		Jaeger__Span *span = jaeger_map_span(mapping, i);
		if (span && which != processes->main)
			span->process = processes->at[which].message;
		batch->spans[batch->n_spans++] = span;
	}
	return !mapping->failed;
}

static int too_long(struct err *err)
{
	return err_set(err, ERR_LIMIT, "longer as Jaeger's spans than max_request_bytes");
}

static struct chunk *pack(struct jaeger_request *request, Jaeger__Batch *batch, struct err *err)
{
	Jaeger__PostSpansRequest post = JAEGER__POST_SPANS_REQUEST__INIT;
	post.batch = batch;
	size_t bytes = jaeger__post_spans_request__get_packed_size(&post);
	/* A single span is sent whatever its size, up to what a gRPC message can be. */
	if ((bytes > request->bytes_max && batch->n_spans > 1) || bytes > TRACE_BODY_BYTES_MAX) {
		(void)too_long(err);
		return NULL;
	}
	struct chunk *chunk = chunk_new(request->budget, bytes);
	if (!chunk) {
		(void)err_set(err, ERR_NOMEM, "no memory for a request to Jaeger");
		return NULL;
	}
	chunk->len = jaeger__post_spans_request__pack(&post, chunk->data);
	return chunk;
}

static struct chunk *map_and_pack(struct jaeger_request *request, struct jaeger_mapping *mapping,
				  struct err *err)
{
	struct processes processes;
	uint64_t repeated;
	Jaeger__Batch batch = JAEGER__BATCH__INIT;
	bool several = view_span_count(request->view) > 1;
	if (several && jaeger_message_bytes(request->view) > JAEGER_MESSAGE_BYTES_MAX) {
		(void)err_set(err, ERR_LIMIT, "too many attributes for one request to Jaeger");
		return NULL;
	}
	if (!group_resources(mapping, request->hash, &processes) ||
	    !map_processes(mapping, &processes, &repeated))
		goto no_memory;
	if (several && repeated > request->bytes_max) {
		(void)too_long(err);
		return NULL;
	}
	if (!map_spans(mapping, &processes, &batch))
		goto no_memory;
	if (processes.count > 0)
		batch.process = processes.at[processes.main].message;
	return pack(request, &batch, err);
no_memory:
	(void)err_set(err, ERR_NOMEM, "no memory for a request to Jaeger");
	return NULL;
}

struct chunk *jaeger_request_make(struct jaeger_request *request, const struct batch *batch,
				  struct err *err)
{
	struct arena arena;
	struct chunk *made = NULL;
	struct chunk *body = batch_flatten(batch);
	arena_init(&arena, request->budget, SIZE_MAX);
	struct jaeger_mapping mapping = {
		.view = request->view, .arena = &arena, .text = &request->text};
	if (!body)
		(void)err_set(err, ERR_NOMEM, "no memory for a request to Jaeger");
	else if (view_open_chunk(request->view, body, err) == 0)
		made = map_and_pack(request, &mapping, err);
	if (made) {
		made->span_count = view_span_count(request->view);
		counter_add(&request->replaced, mapping.replaced);
	}
	view_close(request->view);
	arena_fini(&arena);
	chunk_unref(body);
	if (request->text.capacity > TEXT_KEEP_BYTES)
		buf_fini(&request->text);
	return made;
}
