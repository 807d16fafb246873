/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/scenario_spans.h"

#include "pipeline/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Appends ${message} behind its length, so that neighbours cannot run together. */
static void append_packed(struct buf *out, const ProtobufCMessage *message)
{
	uint64_t len = message ? protobuf_c_message_get_packed_size(message) : 0;
	uint8_t *packed = malloc(len + 1);
	assert_non_null(packed);
	if (message)
		(void)protobuf_c_message_pack(message, packed);
	buf_append(out, slice_of(&len, sizeof(len)));
	buf_append(out, slice_of(packed, len));
	free(packed);
}

static void append_text(struct buf *out, const char *text)
{
	buf_append(out, slice_of(text, strlen(text) + 1));
}

static void add(struct span_bag *bag, const Otlp__ResourceSpans *resource,
		const Otlp__ScopeSpans *scope, const Otlp__Span *span)
{
	struct buf all = BUF_INIT;
	buf_append(&all, slice_of(span->trace_id.data, span->trace_id.len));
	buf_append(&all, slice_of(span->span_id.data, span->span_id.len));
	append_packed(&all, &span->base);
	append_packed(&all, scope->scope ? &scope->scope->base : NULL);
	append_packed(&all, resource->resource ? &resource->resource->base : NULL);
	append_text(&all, scope->schema_url);
	append_text(&all, resource->schema_url);
	assert_false(all.failed);
	if (bag->count == bag->capacity) {
		bag->capacity = bag->capacity * 2 + 64;
		bag->at = realloc(bag->at, bag->capacity * sizeof(*bag->at));
		assert_non_null(bag->at);
	}
	bag->at[bag->count++] = buf_slice(&all); /* the bag owns the memory now */
}

void span_bag_add(struct span_bag *bag, struct slice request, bool (*keep)(const Otlp__Span *span))
{
	Otlp__ExportTraceServiceRequest *message =
		otlp__export_trace_service_request__unpack(NULL, request.len, request.ptr);
	assert_non_null(message);
	for (size_t r = 0; r < message->n_resource_spans; r++) {
		const Otlp__ResourceSpans *resource = message->resource_spans[r];
		for (size_t s = 0; s < resource->n_scope_spans; s++) {
			const Otlp__ScopeSpans *scope = resource->scope_spans[s];
			for (size_t i = 0; i < scope->n_spans; i++) {
				if (!keep || keep(scope->spans[i]))
					add(bag, resource, scope, scope->spans[i]);
			}
		}
	}
	otlp__export_trace_service_request__free_unpacked(message, NULL);
}

void span_bag_add_grpc(struct span_bag *bag, struct peer_grpc *peer)
{
	size_t count;
	const struct peer_grpc_call *calls = peer_grpc_lock(peer, &count);
	for (size_t i = 0; i < count; i++) {
		if (calls[i].accepted)
			span_bag_add(bag, slice_of(calls[i].message, calls[i].message_len), NULL);
	}
	peer_grpc_unlock(peer);
}

void span_bag_add_http(struct span_bag *bag, struct http_sink *sink)
{
	size_t count;
	const struct http_sink_call *calls = http_sink_lock(sink, &count);
	for (size_t i = 0; i < count; i++) {
		if (calls[i].accepted)
			span_bag_add(bag, slice_of(calls[i].message, calls[i].message_len), NULL);
	}
	http_sink_unlock(sink);
}

void span_bag_fini(struct span_bag *bag)
{
	for (size_t i = 0; i < bag->count; i++)
		free((void *)(uintptr_t)bag->at[i].ptr);
	free(bag->at);
	*bag = (struct span_bag){0};
}

static int compare(const void *left, const void *right)
{
	const struct slice *a = left, *b = right;
	int order = memcmp(a->ptr, b->ptr, a->len < b->len ? a->len : b->len);
	return order ? order : (a->len > b->len) - (a->len < b->len);
}

static void sort(struct span_bag *bag)
{
	if (bag->count > 0)
		qsort(bag->at, bag->count, sizeof(*bag->at), compare);
}

void span_bag_assert_equal(struct span_bag *expected, struct span_bag *seen)
{
	sort(expected);
	sort(seen);
	for (size_t i = 0; i < expected->count && i < seen->count; i++) {
		if (!slice_equal(expected->at[i], seen->at[i])) {
			struct buf ids = BUF_INIT;
			buf_append_hex(&ids, slice_of(expected->at[i].ptr, 24));
			buf_append_str(&ids, " expected, seen ");
			buf_append_hex(&ids, slice_of(seen->at[i].ptr, 24));
			fail_msg("span %zu of %zu differs: %s", i, expected->count, buf_cstr(&ids));
		}
	}
	assert_int_equal(seen->count, expected->count);
}

size_t span_bag_distinct(struct span_bag *bag)
{
	size_t distinct = bag->count > 0;
	sort(bag);
	for (size_t i = 1; i < bag->count; i++)
		distinct += !slice_equal(bag->at[i - 1], bag->at[i]);
	return distinct;
}
