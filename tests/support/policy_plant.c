/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/policy_plant.h"

#include "tests/support/trace_wire.h"

enum { UNKNOWN_FIELD = 1001, LONG_KEY_BYTES = 1100, LARGE_VALUE_BYTES = 5000 };

static void put_attr(struct buf *out, uint32_t number, const struct policy_plant *plant)
{
	if (plant->value)
		tw_attr_text(out, number, plant->key, plant->value);
	else
		tw_attr_int(out, number, plant->key, plant->number);
}

static void put_slot(struct buf *out, uint32_t number, enum policy_slot slot,
		     const struct policy_plant *plant)
{
	if (plant->slots >> slot & 1)
		put_attr(out, number, plant);
	if (plant->unknown)
		tw_text(out, UNKNOWN_FIELD, plant->unknown);
}

/* app.list = [ { <key>: <value>, harmless: 1 } ], app.map = { inner: { <key>: <value> } } */
static void put_nested(struct buf *out, uint32_t number, const struct policy_plant *plant)
{
	size_t pair = tw_open(out, number);
	tw_text(out, KEY_VALUE_KEY, "app.list");
	size_t any = tw_open(out, KEY_VALUE_VALUE);
	size_t array = tw_open(out, ANY_VALUE_ARRAY);
	size_t item = tw_open(out, ARRAY_VALUE_VALUES);
	size_t map = tw_open(out, ANY_VALUE_KVLIST);
	put_attr(out, KVLIST_VALUES, plant);
	tw_attr_int(out, KVLIST_VALUES, "harmless", 1);
	tw_close(out, map);
	tw_close(out, item);
	tw_close(out, array);
	tw_close(out, any);
	tw_close(out, pair);
	pair = tw_open(out, number);
	tw_text(out, KEY_VALUE_KEY, "app.map");
	any = tw_open(out, KEY_VALUE_VALUE);
	map = tw_open(out, ANY_VALUE_KVLIST);
	size_t inner = tw_open(out, KVLIST_VALUES);
	tw_text(out, KEY_VALUE_KEY, "inner");
	size_t inner_any = tw_open(out, KEY_VALUE_VALUE);
	size_t inner_map = tw_open(out, ANY_VALUE_KVLIST);
	put_attr(out, KVLIST_VALUES, plant);
	tw_close(out, inner_map);
	tw_close(out, inner_any);
	tw_close(out, inner);
	if (plant->unknown)
		tw_text(out, UNKNOWN_FIELD, plant->unknown);
	tw_close(out, map);
	tw_close(out, any);
	tw_close(out, pair);
}

static void put_event_and_link(struct buf *out, const struct policy_plant *plant)
{
	size_t event = tw_open(out, SPAN_EVENTS);
	tw_fixed64(out, EVENT_TIME_UNIX_NANO, 1);
	tw_text(out, EVENT_NAME, plant->event_name ? plant->event_name : "first_token");
	put_slot(out, EVENT_ATTRIBUTES, SLOT_EVENT, plant);
	tw_close(out, event);
	size_t link = tw_open(out, SPAN_LINKS);
	tw_text(out, LINK_TRACE_ID, "0123456789abcdef");
	tw_text(out, LINK_SPAN_ID, "01234567");
	put_slot(out, LINK_ATTRIBUTES, SLOT_LINK, plant);
	tw_close(out, link);
}

static void put_span(struct buf *out, const struct policy_plant *plant)
{
	size_t span = tw_open(out, SCOPE_SPANS_SPANS);
	tw_text(out, SPAN_TRACE_ID, "0123456789abcdef");
	tw_text(out, SPAN_SPAN_ID, "01234567");
	tw_text(out, SPAN_NAME, "chat");
	put_slot(out, SPAN_ATTRIBUTES, SLOT_SPAN, plant);
	if (plant->nested)
		put_nested(out, SPAN_ATTRIBUTES, plant);
	if (plant->mark)
		tw_attr_int(out, SPAN_ATTRIBUTES, plant->mark, 1);
	put_event_and_link(out, plant);
	if (plant->unknown) {
		size_t status = tw_open(out, SPAN_STATUS);
		tw_varint(out, STATUS_CODE, STATUS_CODE_OK);
		tw_text(out, UNKNOWN_FIELD, plant->unknown);
		tw_close(out, status);
	}
	tw_close(out, span);
}

void policy_plant_put(struct buf *out, const struct policy_plant *plant)
{
	size_t resource_spans = tw_open(out, EXPORT_REQUEST_RESOURCE_SPANS);
	size_t resource = tw_open(out, RESOURCE_SPANS_RESOURCE);
	tw_attr_text(out, RESOURCE_ATTRIBUTES, "service.name", "rag-app");
	put_slot(out, RESOURCE_ATTRIBUTES, SLOT_RESOURCE, plant);
	tw_close(out, resource);
	size_t scope_spans = tw_open(out, RESOURCE_SPANS_SCOPE_SPANS);
	size_t scope = tw_open(out, SCOPE_SPANS_SCOPE);
	tw_text(out, SCOPE_NAME, "app");
	put_slot(out, SCOPE_ATTRIBUTES, SLOT_SCOPE, plant);
	tw_close(out, scope);
	put_span(out, plant);
	if (plant->unknown) {
		size_t span = tw_open(out, UNKNOWN_FIELD); /* a span where nobody looks */
		tw_text(out, SPAN_NAME, plant->unknown);
		tw_close(out, span);
	}
	tw_close(out, scope_spans);
	if (plant->unknown)
		tw_text(out, UNKNOWN_FIELD, plant->unknown);
	tw_close(out, resource_spans);
	if (plant->unknown)
		tw_text(out, UNKNOWN_FIELD, plant->unknown);
}

/* ---- what is no attribute ---- */

const struct policy_field_plant policy_field_plants[] = {
	{FIELD_SPAN_NAME, "GET /search/@%20text?q=@", "GET /search/{}"},
	{FIELD_SPAN_NAME, "llm_d.pd_proxy.GET /v1/files/12345?@",
	 "llm_d.pd_proxy.GET /v1/files/{}"},
	{FIELD_SPAN_NAME, "GET /metrics?@", "GET /metrics"},
	{FIELD_SPAN_NAME, "GET /a/b @", "GET /a/b"},
	{FIELD_SPAN_NAME, "SELECT * FROM t WHERE q = '@'", "SELECT"},
	{FIELD_SPAN_NAME, "@ please tell me what my doctor wrote about my illness", "span"},
	{FIELD_STATUS_MESSAGE, "@", "error"},
	{FIELD_TRACE_STATE, "vendor=@, ot=th:8;rv:0123456789abcd", "ot=th:8;rv:0123456789abcd"},
	{FIELD_TRACE_STATE, "ot=p:@", NULL},
	{FIELD_LINK_TRACE_STATE, "vendor=@", NULL},
	{FIELD_EVENT_NAME, "@ please tell me what my doctor wrote about my illness", "event"},
	{FIELD_EVENT_NAME, "line\n@", "event"},
	{FIELD_SCOPE_NAME, "scope @", NULL},
	{FIELD_SCOPE_VERSION, "1.0 @", NULL},
	{FIELD_SCHEMA_URL, "https://host/1.37.0?@", NULL},
	{FIELD_SCHEMA_URL, "@", NULL},
	{FIELD_ENTITY_REFS, "@", NULL},
	{FIELD_LONG_KEY, "@", NULL},
	{FIELD_TEXT, "so @ and more", NULL},
	{FIELD_TEXT, "\xef\xbb\xbf{\"a\":\"@\"}", NULL},
	{FIELD_TEXT, "[object @]", NULL},
	{FIELD_VALUE_SIZE, "@", NULL},
};
const size_t policy_field_plant_count = ARRAY_COUNT(policy_field_plants);

void policy_field_text(const struct policy_field_plant *plant, const char *canary, struct buf *out)
{
	buf_reset(out);
	for (const char *at = plant->text; *at; at++) {
		if (*at == '@')
			buf_append_str(out, canary);
		else
			buf_append_byte(out, (uint8_t)*at);
	}
}

static void append_padded(struct buf *out, const char *text, size_t len)
{
	buf_append_str(out, text);
	while (out->len < len)
		buf_append_byte(out, 'x');
}

/* A key or a value that is too long, ${text} at its beginning; or one that nobody knows. */
static void put_large(struct buf *out, enum policy_field field, const char *text)
{
	struct buf large = BUF_INIT;
	if (field == FIELD_LONG_KEY) {
		append_padded(&large, text, LONG_KEY_BYTES);
		tw_attr_text(out, SPAN_ATTRIBUTES, buf_cstr(&large), "value");
	} else if (field == FIELD_VALUE_SIZE) {
		append_padded(&large, text, LARGE_VALUE_BYTES);
		tw_attr_text(out, SPAN_ATTRIBUTES, "gen_ai.unheard_of", buf_cstr(&large));
	} else if (field == FIELD_TEXT) {
		tw_attr_text(out, SPAN_ATTRIBUTES, "app.unheard_of", text);
	}
	buf_fini(&large);
}

static void put_field_span(struct buf *out, enum policy_field field, const char *text)
{
	bool status = field == FIELD_STATUS_MESSAGE;
	size_t span = tw_open(out, SCOPE_SPANS_SPANS);
	tw_text(out, SPAN_TRACE_ID, "0123456789abcdef");
	tw_text(out, SPAN_SPAN_ID, "01234567");
	tw_text(out, SPAN_NAME, field == FIELD_SPAN_NAME ? text : "POST /v1/x");
	if (field == FIELD_TRACE_STATE)
		tw_text(out, SPAN_TRACE_STATE, text);
	put_large(out, field, text);
	size_t event = tw_open(out, SPAN_EVENTS);
	tw_text(out, EVENT_NAME, field == FIELD_EVENT_NAME ? text : "got first token");
	tw_close(out, event);
	size_t link = tw_open(out, SPAN_LINKS);
	if (field == FIELD_LINK_TRACE_STATE)
		tw_text(out, LINK_TRACE_STATE, text);
	tw_close(out, link);
	size_t message = tw_open(out, SPAN_STATUS);
	if (status)
		tw_text(out, STATUS_MESSAGE, text);
	tw_varint(out, STATUS_CODE, STATUS_CODE_ERROR);
	tw_close(out, message);
	tw_close(out, span);
}

void policy_plant_put_field(struct buf *out, enum policy_field field, const char *text)
{
	const char *url = field == FIELD_SCHEMA_URL ? text : "https://o.io/schemas/1.37.0";
	size_t resource_spans = tw_open(out, EXPORT_REQUEST_RESOURCE_SPANS);
	size_t resource = tw_open(out, RESOURCE_SPANS_RESOURCE);
	tw_attr_text(out, RESOURCE_ATTRIBUTES, "service.name", "rag-app");
	if (field == FIELD_ENTITY_REFS) {
		for (int i = 0; i < 2; i++) {
			size_t ref = tw_open(out, RESOURCE_ENTITY_REFS);
			tw_text(out, 2, text);
			tw_close(out, ref);
		}
	}
	tw_close(out, resource);
	tw_text(out, RESOURCE_SPANS_SCHEMA_URL, url);
	size_t scope_spans = tw_open(out, RESOURCE_SPANS_SCOPE_SPANS);
	tw_text(out, SCOPE_SPANS_SCHEMA_URL, url);
	size_t scope = tw_open(out, SCOPE_SPANS_SCOPE);
	tw_text(out, SCOPE_NAME, field == FIELD_SCOPE_NAME ? text : "app");
	tw_text(out, SCOPE_VERSION, field == FIELD_SCOPE_VERSION ? text : "1.2.3-rc1");
	tw_close(out, scope);
	put_field_span(out, field, text);
	tw_close(out, scope_spans);
	tw_close(out, resource_spans);
}
