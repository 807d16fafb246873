/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   resource  service.name "checkout", service.replicas 3, 4 dropped attributes
 *   scope     io.opentelemetry.requests 1.2.3, scope.kind "auto", 1 dropped attribute
 *   span 0    GET /metrics, server, error, two events, one link, an attribute of every type
 *   span 1    GET, client, a root without attributes
 */
#include "tests/support/ottl_request.h"

#include "pipeline/base/buf.h"
#include "pipeline/base/le.h"
#include "pipeline/trace/value/wire.h"

static void put_varint(struct buf *out, uint64_t value)
{
	uint8_t bytes[10];
	buf_append(out, slice_of(bytes, (size_t)(wire_write_varint(bytes, value) - bytes)));
}

static void put_number(struct buf *out, uint32_t field, uint64_t value)
{
	put_varint(out, wire_tag(field, WIRE_VARINT));
	put_varint(out, value);
}

static void put_fixed64(struct buf *out, uint32_t field, uint64_t value)
{
	uint8_t bytes[sizeof(value)];
	le_write64(bytes, value);
	put_varint(out, wire_tag(field, WIRE_FIXED64));
	buf_append(out, slice_of(bytes, sizeof(bytes)));
}

static void put_bytes(struct buf *out, uint32_t field, struct slice bytes)
{
	put_varint(out, wire_tag(field, WIRE_LEN));
	put_varint(out, bytes.len);
	buf_append(out, bytes);
}

static void put_text(struct buf *out, uint32_t field, const char *text)
{
	put_bytes(out, field, slice_str(text));
}

/* Appends ${inner} as the field and empties it. */
static void put_message(struct buf *out, uint32_t field, struct buf *inner)
{
	put_bytes(out, field, buf_slice(inner));
	buf_fini(inner);
}

static struct buf value_text(const char *text)
{
	struct buf value = BUF_INIT;
	put_text(&value, ANY_VALUE_STRING, text);
	return value;
}

static struct buf value_int(int64_t number)
{
	struct buf value = BUF_INIT;
	put_number(&value, ANY_VALUE_INT, (uint64_t)number);
	return value;
}

static struct buf value_bool(bool yes)
{
	struct buf value = BUF_INIT;
	put_number(&value, ANY_VALUE_BOOL, yes);
	return value;
}

static struct buf value_double(double number)
{
	struct buf value = BUF_INIT;
	uint64_t word;
	memcpy(&word, &number, sizeof(word));
	put_fixed64(&value, ANY_VALUE_DOUBLE, word);
	return value;
}

static struct buf value_bytes(struct slice bytes)
{
	struct buf value = BUF_INIT;
	put_bytes(&value, ANY_VALUE_BYTES, bytes);
	return value;
}

/* ${member} is ARRAY_VALUE_VALUES or KVLIST_VALUES content. */
static struct buf value_container(uint32_t field, struct buf members)
{
	struct buf value = BUF_INIT;
	put_message(&value, field, &members);
	return value;
}

static void put_attr(struct buf *out, uint32_t field, const char *key, struct buf value)
{
	struct buf pair = BUF_INIT;
	put_text(&pair, KEY_VALUE_KEY, key);
	put_message(&pair, KEY_VALUE_VALUE, &value);
	put_message(out, field, &pair);
}

static void put_item(struct buf *out, struct buf value)
{
	put_message(out, ARRAY_VALUE_VALUES, &value);
}

static struct buf nested_map(void)
{
	struct buf inner = BUF_INIT, list = BUF_INIT, map = BUF_INIT;
	put_attr(&inner, KVLIST_VALUES, "deep", value_int(7));
	put_item(&list, value_int(1));
	put_item(&list, value_int(2));
	put_attr(&map, KVLIST_VALUES, "a", value_text("x"));
	put_attr(&map, KVLIST_VALUES, "n", value_container(ANY_VALUE_KVLIST, inner));
	put_attr(&map, KVLIST_VALUES, "list", value_container(ANY_VALUE_ARRAY, list));
	return value_container(ANY_VALUE_KVLIST, map);
}

/* The members of ${order} in that order: equal as maps, different as bytes. */
static struct buf small_map(const char *order)
{
	struct buf map = BUF_INIT;
	for (; *order; order++)
		put_attr(&map, KVLIST_VALUES, (const char[]){*order, 0}, value_int(*order));
	return value_container(ANY_VALUE_KVLIST, map);
}

static struct buf mixed_list(void)
{
	struct buf list = BUF_INIT;
	put_item(&list, value_text("a"));
	put_item(&list, value_text("b"));
	put_item(&list, value_int(3));
	return value_container(ANY_VALUE_ARRAY, list);
}

static void put_span_attrs(struct buf *span)
{
	put_attr(span, SPAN_ATTRIBUTES, "http.method", value_text("GET"));
	put_attr(span, SPAN_ATTRIBUTES, "http.status_code", value_int(500));
	put_attr(span, SPAN_ATTRIBUTES, "status.text", value_text("500"));
	put_attr(span, SPAN_ATTRIBUTES, "url.path", value_text("/metrics"));
	put_attr(span, SPAN_ATTRIBUTES, "http.url", value_text("http://vllm:8000/metrics"));
	put_attr(span, SPAN_ATTRIBUTES, "ratio", value_double(0.5));
	put_attr(span, SPAN_ATTRIBUTES, "whole", value_double(5));
	put_attr(span, SPAN_ATTRIBUTES, "large", value_double(1e21));
	put_attr(span, SPAN_ATTRIBUTES, "ok", value_bool(true));
	put_attr(span, SPAN_ATTRIBUTES, "failed", value_bool(false));
	put_attr(span, SPAN_ATTRIBUTES, "raw", value_bytes(SLICE("\xc0\xff\xee")));
	put_attr(span, SPAN_ATTRIBUTES, "empty", BUF_INIT);
	put_attr(span, SPAN_ATTRIBUTES, "blank", value_text(""));
	put_attr(span, SPAN_ATTRIBUTES, "negative", value_int(-42));
	put_attr(span, SPAN_ATTRIBUTES, "zero", value_int(0));
	put_attr(span, SPAN_ATTRIBUTES, "nested", nested_map());
	put_attr(span, SPAN_ATTRIBUTES, "map.ab", small_map("ab"));
	put_attr(span, SPAN_ATTRIBUTES, "map.ba", small_map("ba"));
	put_attr(span, SPAN_ATTRIBUTES, "map.ac", small_map("ac"));
	put_attr(span, SPAN_ATTRIBUTES, "tags", mixed_list());
	put_attr(span, SPAN_ATTRIBUTES, "umlaut", value_text("\xc3\x84\xc3\xb6\xc3\xbc"));
	put_attr(span, SPAN_ATTRIBUTES, "lines", value_text("one\ntwo\n"));
	put_attr(span, SPAN_ATTRIBUTES, "tab", value_text("a\vb"));
	put_attr(span, SPAN_ATTRIBUTES, "broken", value_text("ab\xff\xfe"));
	put_attr(span, SPAN_ATTRIBUTES, "number", value_text("12"));
	put_attr(span, SPAN_ATTRIBUTES, "word", value_text("someHTTPName"));
	put_attr(span, SPAN_ATTRIBUTES, "key", value_text("http.method"));
	put_attr(span, SPAN_ATTRIBUTES, "one", value_int(1));
	put_attr(span, SPAN_ATTRIBUTES, "twice", value_text("first"));
	put_attr(span, SPAN_ATTRIBUTES, "twice", value_text("last"));
}

static void put_event(struct buf *span, const char *name, uint64_t time_ns)
{
	struct buf event = BUF_INIT;
	put_fixed64(&event, EVENT_TIME_UNIX_NANO, time_ns);
	put_text(&event, EVENT_NAME, name);
	put_attr(&event, EVENT_ATTRIBUTES, "exception.type", value_text("ValueError"));
	put_number(&event, EVENT_DROPPED_ATTRIBUTES_COUNT, 6);
	put_message(span, SPAN_EVENTS, &event);
}

static void put_rich_span(struct buf *scope_spans)
{
	struct buf span = BUF_INIT, link = BUF_INIT, status = BUF_INIT;
	put_bytes(&span, SPAN_TRACE_ID,
		  SLICE("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10"));
	put_bytes(&span, SPAN_SPAN_ID, SLICE("\x11\x12\x13\x14\x15\x16\x17\x18"));
	put_text(&span, SPAN_TRACE_STATE, "vendor=a1, other=b2");
	put_bytes(&span, SPAN_PARENT_SPAN_ID, SLICE("\x21\x22\x23\x24\x25\x26\x27\x28"));
	put_text(&span, SPAN_NAME, "GET /metrics");
	put_number(&span, SPAN_KIND, SPAN_KIND_SERVER);
	put_fixed64(&span, SPAN_START_TIME_UNIX_NANO, UINT64_C(1700000000000000000));
	put_fixed64(&span, SPAN_END_TIME_UNIX_NANO, UINT64_C(1700000000250000000));
	put_span_attrs(&span);
	put_number(&span, SPAN_DROPPED_ATTRIBUTES_COUNT, 2);
	put_event(&span, "exception", UINT64_C(1700000000100000000));
	put_event(&span, "gen_ai.choice", UINT64_C(1700000000200000000));
	put_number(&span, SPAN_DROPPED_EVENTS_COUNT, 3);
	put_bytes(&link, LINK_SPAN_ID, SLICE("\x31\x32\x33\x34\x35\x36\x37\x38"));
	put_message(&span, SPAN_LINKS, &link);
	put_number(&span, SPAN_DROPPED_LINKS_COUNT, 5);
	put_text(&status, STATUS_MESSAGE, "boom");
	put_number(&status, STATUS_CODE, STATUS_CODE_ERROR);
	put_message(&span, SPAN_STATUS, &status);
	put_varint(&span, wire_tag(SPAN_FLAGS, WIRE_FIXED32));
	buf_append(&span, SLICE("\x01\x01\x00\x00"));
	put_message(scope_spans, SCOPE_SPANS_SPANS, &span);
}

static void put_root_span(struct buf *scope_spans)
{
	struct buf span = BUF_INIT;
	put_bytes(&span, SPAN_SPAN_ID, SLICE("\x41\x42\x43\x44\x45\x46\x47\x48"));
	put_text(&span, SPAN_NAME, "GET");
	put_number(&span, SPAN_KIND, SPAN_KIND_CLIENT);
	put_text(&span, SPAN_TRACE_STATE, "no member");
	put_message(scope_spans, SCOPE_SPANS_SPANS, &span);
}

struct slice ottl_request_body(void)
{
	static struct buf request;
	struct buf resource_spans = BUF_INIT, resource = BUF_INIT;
	struct buf scope_spans = BUF_INIT, scope = BUF_INIT;
	if (request.len > 0)
		return buf_slice(&request);
	put_attr(&resource, RESOURCE_ATTRIBUTES, "service.name", value_text("checkout"));
	put_attr(&resource, RESOURCE_ATTRIBUTES, "service.replicas", value_int(3));
	put_number(&resource, RESOURCE_DROPPED_ATTRIBUTES_COUNT, 4);
	put_message(&resource_spans, RESOURCE_SPANS_RESOURCE, &resource);
	put_text(&scope, SCOPE_NAME, "io.opentelemetry.requests");
	put_text(&scope, SCOPE_VERSION, "1.2.3");
	put_attr(&scope, SCOPE_ATTRIBUTES, "scope.kind", value_text("auto"));
	put_number(&scope, SCOPE_DROPPED_ATTRIBUTES_COUNT, 1);
	put_message(&scope_spans, SCOPE_SPANS_SCOPE, &scope);
	put_rich_span(&scope_spans);
	put_root_span(&scope_spans);
	put_text(&scope_spans, SCOPE_SPANS_SCHEMA_URL, "https://example.org/scope");
	put_message(&resource_spans, RESOURCE_SPANS_SCOPE_SPANS, &scope_spans);
	put_text(&resource_spans, RESOURCE_SPANS_SCHEMA_URL, "https://example.org/resource");
	put_message(&request, EXPORT_REQUEST_RESOURCE_SPANS, &resource_spans);
	return buf_slice(&request);
}

bool ottl_bench_begin(struct ottl_bench *bench)
{
	*bench = (struct ottl_bench){.keys = key_table_new()};
	budget_init(&bench->budget, 256u << 20);
	arena_init(&bench->arena, &bench->budget, 64u << 20);
	bench->view = view_new(&bench->budget, bench->keys);
	bench->scratch = ottl_scratch_new(&bench->budget);
	return bench->keys && bench->view && bench->scratch;
}

bool ottl_bench_index(struct ottl_bench *bench, struct slice body)
{
	struct err err;
	return key_table_freeze(bench->keys, &err) == 0 &&
	       view_open(bench->view, body, &err) == 0 && view_begin(bench->view, &err) == 0;
}

void ottl_bench_end(struct ottl_bench *bench)
{
	ottl_scratch_free(bench->scratch);
	view_free(bench->view);
	key_table_free(bench->keys);
	arena_fini(&bench->arena);
}
