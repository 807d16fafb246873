/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adding, bounds, and reading back. What stands around the spans of a scope is copied once per
 * request (kept_body.c), so that a trace is written in time linear in its own bytes, however many
 * traces a request was mixed of.
 */
#include "pipeline/trace/buffer/trace_buffer.h"

#include "pipeline/base/assert.h"
#include "pipeline/base/hash.h"
#include "pipeline/trace/buffer/kept_body.h"
#include "pipeline/trace/value/wire.h"

#include <stdlib.h>

enum { SLOTS_MAX = 1 << 20, SPANS_TO_BEGIN_WITH = 4 };

/* A span where it lies in its body. */
struct kept_span {
	struct kept_body *body;
	uint32_t scope;	   /* in its request */
	uint32_t off, len; /* of the Span message */
};

struct trace_buffer {
	struct trace_buffer_config config;
	struct budget *budget;
	struct hash_key hash;
	struct buffered_trace **slots; /* by trace id, chained */
	uint64_t slot_mask;
	struct buffered_trace *oldest, *newest;
	size_t bytes; /* of bodies and entries */
	uint32_t trace_count, span_count;
	uint64_t lost[TRACE_BOUND_COUNT]; /* spans */
};

struct trace_buffer *trace_buffer_new(const struct trace_buffer_config *config,
				      struct budget *budget)
{
	struct trace_buffer *buffer = calloc(1, sizeof(*buffer));
	uint64_t slots = 16;
	while (slots < config->traces_max && slots < SLOTS_MAX)
		slots *= 2;
	if (buffer)
		buffer->slots = calloc(slots, sizeof(struct buffered_trace *));
	if (!buffer || !buffer->slots) {
		free(buffer);
		return NULL;
	}
	buffer->config = *config;
	buffer->budget = budget;
	buffer->hash = hash_key_random();
	buffer->slot_mask = slots - 1;
	return buffer;
}

void trace_buffer_free(struct trace_buffer *buffer)
{
	if (!buffer)
		return;
	while (buffer->oldest)
		trace_buffer_remove(buffer, buffer->oldest);
	ASSERT(buffer->bytes == 0 && buffer->span_count == 0 && buffer->trace_count == 0);
	free(buffer->slots);
	free(buffer);
}

/* ---- memory --------------------------------------------------------------------------------- */

static bool charge(struct trace_buffer *buffer, size_t bytes)
{
	if (!budget_take(buffer->budget, bytes))
		return false;
	buffer->bytes += bytes;
	return true;
}

static void give_back(struct trace_buffer *buffer, size_t bytes)
{
	budget_give(buffer->budget, bytes);
	buffer->bytes -= bytes;
}

static void drop_body(struct trace_buffer *buffer, struct kept_body *body)
{
	if (--body->span_count > 0)
		return;
	/* The chunk has its own charge; what it holds counts against our bound all the same. */
	buffer->bytes -= body->chunk->capacity;
	give_back(buffer, body->own_bytes);
	kept_body_free(body);
}

/* ---- traces --------------------------------------------------------------------------------- */

static struct buffered_trace **slot_of(const struct trace_buffer *buffer, const uint8_t *id)
{
	return &buffer->slots[hash_bytes(buffer->hash, id, TRACE_ID_BYTES) & buffer->slot_mask];
}

static struct buffered_trace *find(const struct trace_buffer *buffer, const uint8_t *id)
{
	struct buffered_trace *trace = *slot_of(buffer, id);
	while (trace && memcmp(trace->id, id, TRACE_ID_BYTES) != 0)
		trace = trace->next_in_slot;
	return trace;
}

static struct buffered_trace *add_trace(struct trace_buffer *buffer, const uint8_t *id,
					uint64_t now_ns)
{
	if (!charge(buffer, sizeof(struct buffered_trace)))
		return NULL;
	struct buffered_trace *trace = calloc(1, sizeof(*trace));
	if (!trace) {
		give_back(buffer, sizeof(struct buffered_trace));
		return NULL;
	}
	struct buffered_trace **slot = slot_of(buffer, id);
	memcpy(trace->id, id, TRACE_ID_BYTES);
	trace->first_ns = now_ns;
	trace->next_in_slot = *slot;
	*slot = trace;
	trace->older = buffer->newest;
	if (buffer->newest)
		buffer->newest->newer = trace;
	else
		buffer->oldest = trace;
	buffer->newest = trace;
	buffer->trace_count++;
	return trace;
}

static void unlink_trace(struct trace_buffer *buffer, struct buffered_trace *trace)
{
	struct buffered_trace **at = slot_of(buffer, trace->id);
	while (*at != trace)
		at = &(*at)->next_in_slot;
	*at = trace->next_in_slot;
	*(trace->older ? &trace->older->newer : &buffer->oldest) = trace->newer;
	*(trace->newer ? &trace->newer->older : &buffer->newest) = trace->older;
	buffer->trace_count--;
}

/* What is wrong, NULL for nothing: traces are in the order of their first span, each is found by its id,
 * and what is counted is what they hold. */
UNUSED static const char *fault(const struct trace_buffer *buffer)
{
	uint64_t traces = 0, spans = 0, entry_bytes = 0;
	const struct buffered_trace *older = NULL;
	for (const struct buffered_trace *trace = buffer->oldest; trace; trace = trace->newer) {
		if (trace->older != older || (older && older->first_ns > trace->first_ns))
			return "traces are not in their order";
		if (trace->span_count == 0 || find(buffer, trace->id) != trace)
			return "a trace is empty, or not found by its id";
		traces++;
		spans += trace->span_count;
		entry_bytes += sizeof(*trace) + trace->capacity * sizeof(struct kept_span);
		older = trace;
	}
	if (buffer->newest != older || traces != buffer->trace_count || spans != buffer->span_count)
		return "traces or spans are not counted right";
	return entry_bytes <= buffer->bytes ? NULL : "bytes are not counted right";
}

void trace_buffer_note(struct trace_buffer *buffer, const struct buffered_trace *const_trace,
		       struct trace_notes notes)
{
	struct buffered_trace *trace = find(buffer, const_trace->id);
	if (trace)
		trace->notes = notes;
}

void trace_buffer_remove(struct trace_buffer *buffer, const struct buffered_trace *const_trace)
{
	struct buffered_trace *trace = find(buffer, const_trace->id);
	ASSERT(trace == const_trace);
	unlink_trace(buffer, trace);
	for (uint32_t i = 0; i < trace->span_count; i++)
		drop_body(buffer, trace->spans[i].body);
	buffer->span_count -= trace->span_count;
	give_back(buffer, sizeof(*trace) + trace->capacity * sizeof(struct kept_span));
	free(trace->spans);
	free(trace);
}

static void evict(struct trace_buffer *buffer, struct buffered_trace *trace, enum trace_bound bound)
{
	if (buffer->config.evicted)
		buffer->config.evicted(buffer->config.arg, trace, bound);
	buffer->lost[bound] += trace->span_count;
	trace_buffer_remove(buffer, trace);
}

void trace_buffer_expire(struct trace_buffer *buffer, uint64_t now_ns)
{
	uint64_t age_max_ns = buffer->config.age_max_ns;
	while (age_max_ns > 0 && buffer->oldest && now_ns - buffer->oldest->first_ns >= age_max_ns)
		evict(buffer, buffer->oldest, TRACE_BOUND_AGE);
	ASSERT(!fault(buffer));
}

/* ---- adding --------------------------------------------------------------------------------- */

/* Which bound one more span, of a trace that is new or not, would pass; TRACE_BOUND_COUNT: none. */
static enum trace_bound bound_passed(const struct trace_buffer *buffer, bool new_trace)
{
	if (buffer->bytes > buffer->config.bytes_max)
		return TRACE_BOUND_BYTES;
	if (new_trace && buffer->trace_count >= buffer->config.traces_max)
		return TRACE_BOUND_TRACES;
	if (buffer->span_count >= buffer->config.spans_max)
		return TRACE_BOUND_SPANS;
	return TRACE_BOUND_COUNT;
}

/* Room for one span more of ${trace} (NULL: a new one): lets older traces go, but never ${trace}. */
static enum trace_bound make_room(struct trace_buffer *buffer, const struct buffered_trace *trace)
{
	enum trace_bound bound;
	while ((bound = bound_passed(buffer, !trace)) != TRACE_BOUND_COUNT) {
		if (buffer->config.refuse_new || !buffer->oldest || buffer->oldest == trace)
			return bound;
		evict(buffer, buffer->oldest, bound);
	}
	return TRACE_BOUND_COUNT;
}

static bool grow(struct trace_buffer *buffer, struct buffered_trace *trace)
{
	if (trace->span_count < trace->capacity)
		return true;
	uint32_t wanted = trace->capacity > 0 ? trace->capacity * 2 : SPANS_TO_BEGIN_WITH;
	size_t more = (wanted - trace->capacity) * sizeof(struct kept_span);
	if (!charge(buffer, more))
		return false;
	struct kept_span *spans = reallocarray(trace->spans, wanted, sizeof(*spans));
	if (!spans) {
		give_back(buffer, more);
		return false;
	}
	trace->spans = spans;
	trace->capacity = wanted;
	return true;
}

/* TRACE_BOUND_COUNT: kept. */
static enum trace_bound add_span(struct trace_buffer *buffer, const struct trace_view *view,
				 struct kept_body *body, uint32_t span, uint64_t now_ns)
{
	static const uint8_t no_id[TRACE_ID_BYTES];
	struct slice trace_id = view_span_trace_id(view, span);
	const uint8_t *id = trace_id.len > 0 ? trace_id.ptr : no_id;
	struct buffered_trace *trace = find(buffer, id);
	enum trace_bound bound = make_room(buffer, trace);
	if (bound != TRACE_BOUND_COUNT)
		return bound;
	if (!trace)
		trace = add_trace(buffer, id, now_ns);
	if (!trace || !grow(buffer, trace)) {
		if (trace && trace->span_count == 0)
			trace_buffer_remove(buffer, trace);
		return TRACE_BOUND_MEMORY;
	}
	struct range content = view->index.spans[span].content;
	trace->spans[trace->span_count++] =
		(struct kept_span){body, view_span_scope(view, span), content.off, content.len};
	trace->seen_ns = now_ns;
	body->span_count++;
	buffer->span_count++;
	return TRACE_BOUND_COUNT;
}

uint32_t trace_buffer_add(struct trace_buffer *buffer, const struct trace_view *view,
			  struct chunk *chunk, uint64_t now_ns)
{
	uint32_t kept = 0;
	struct kept_body *body = kept_body_new(view, chunk);
	if (!body || !charge(buffer, body->own_bytes)) {
		kept_body_free(body);
		buffer->lost[TRACE_BOUND_MEMORY] += view_live_spans(view);
		return 0;
	}
	buffer->bytes += body->chunk->capacity;
	body->span_count = 1; /* ours, while spans are added and older ones go */
	for (uint32_t span = 0; span < view_span_count(view); span++) {
		if (!view_span_live(view, span))
			continue;
		enum trace_bound bound = add_span(buffer, view, body, span, now_ns);
		if (bound == TRACE_BOUND_COUNT)
			kept++;
		else
			buffer->lost[bound]++;
	}
	drop_body(buffer, body);
	ASSERT(!fault(buffer));
	return kept;
}

/* ---- reading -------------------------------------------------------------------------------- */

const struct buffered_trace *trace_buffer_find(const struct trace_buffer *buffer, struct slice id)
{
	return id.len == TRACE_ID_BYTES ? find(buffer, id.ptr) : NULL;
}

const struct buffered_trace *trace_buffer_first(const struct trace_buffer *buffer)
{
	return buffer->oldest;
}

const struct buffered_trace *trace_buffer_next(const struct buffered_trace *trace)
{
	return trace->newer;
}

static size_t field_bytes(size_t content)
{
	return 1 + wire_varint_size(content) + content;
}

/* Spans [from, *ret_end) are of one scope of one request; the bytes that they take as fields. */
static size_t run_of_scope(const struct buffered_trace *trace, uint32_t from, uint32_t *ret_end)
{
	const struct kept_span *first = &trace->spans[from];
	size_t bytes = 0;
	uint32_t at = from;
	for (; at < trace->span_count && trace->spans[at].body == first->body &&
	       trace->spans[at].scope == first->scope;
	     at++)
		bytes += field_bytes(trace->spans[at].len);
	*ret_end = at;
	return bytes;
}

static uint8_t *write_head(uint8_t *out, uint32_t number, size_t content)
{
	out = wire_write_varint(out, wire_tag(number, WIRE_LEN));
	return wire_write_varint(out, content);
}

static uint8_t *write_bytes(uint8_t *out, struct slice bytes)
{
	if (bytes.len > 0)
		memcpy(out, bytes.ptr, bytes.len);
	return out + bytes.len;
}

/* Writes one run as a ResourceSpans; with ${out} NULL only measures. Returns its bytes. */
static size_t put_run(const struct buffered_trace *trace, uint32_t from, uint32_t *ret_end,
		      uint8_t *out)
{
	const struct kept_span *first = &trace->spans[from];
	struct slice resource = kept_body_resource(first->body, first->scope);
	struct slice scope = kept_body_scope(first->body, first->scope);
	size_t scope_bytes = scope.len + run_of_scope(trace, from, ret_end);
	size_t resource_bytes = resource.len + field_bytes(scope_bytes);
	if (!out)
		return field_bytes(resource_bytes);
	out = write_head(out, EXPORT_REQUEST_RESOURCE_SPANS, resource_bytes);
	out = write_bytes(out, resource);
	out = write_head(out, RESOURCE_SPANS_SCOPE_SPANS, scope_bytes);
	out = write_bytes(out, scope);
	for (uint32_t i = from; i < *ret_end; i++) {
		const struct kept_span *span = &trace->spans[i];
		out = write_head(out, SCOPE_SPANS_SPANS, span->len);
		out = write_bytes(out, slice_of(span->body->chunk->data + span->off, span->len));
	}
	return field_bytes(resource_bytes);
}

struct chunk *trace_buffer_request(const struct trace_buffer *buffer,
				   const struct buffered_trace *trace)
{
	size_t bytes = 0;
	for (uint32_t at = 0; at < trace->span_count;)
		bytes += put_run(trace, at, &at, NULL);
	struct chunk *chunk =
		bytes > TRACE_BODY_BYTES_MAX ? NULL : chunk_new(buffer->budget, bytes);
	if (!chunk)
		return NULL;
	for (uint32_t at = 0; at < trace->span_count;) {
		chunk->index_bytes += trace->spans[at].body->index_bytes;
		chunk->len += put_run(trace, at, &at, chunk->data + chunk->len);
	}
	chunk->span_count = trace->span_count;
	return chunk;
}

/* ---- figures -------------------------------------------------------------------------------- */

size_t trace_buffer_bytes(const struct trace_buffer *buffer)
{
	return buffer->bytes;
}

uint32_t trace_buffer_spans(const struct trace_buffer *buffer)
{
	return buffer->span_count;
}

uint32_t trace_buffer_traces(const struct trace_buffer *buffer)
{
	return buffer->trace_count;
}

uint64_t trace_buffer_lost(const struct trace_buffer *buffer, enum trace_bound bound)
{
	return buffer->lost[bound];
}
