/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/expect_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/trace/otlp/builder.h"

#include <stdlib.h>

#define START_NS UINT64_C(1789000000000000000)

/* ---- spans ---------------------------------------------------------------------------------- */

static void put_value(struct trace_builder *builder, uint32_t field, struct slice key,
		      struct slice text)
{
	char *end, copy[128] = {0};
	assert_true(text.len < sizeof(copy));
	memcpy(copy, text.ptr, text.len);
	struct value value = value_of_str(text);
	if (text.len > 1 && text.ptr[0] == '[') {
		trace_builder_begin_array(builder, field, key);
		for (char *item = strtok(copy + 1, ",]"); item; item = strtok(NULL, ",]"))
			trace_builder_value(builder, ARRAY_VALUE_VALUES,
					    value_of_str(slice_str(item)));
		trace_builder_end_array(builder);
		return;
	}
	long long whole = strtoll(copy, &end, 10);
	if (copy[0] && *end == 0)
		value = value_of_int(whole);
	else if (copy[0] && strchr(copy, '.') && (strtod(copy, &end), *end == 0))
		value = value_of_double(strtod(copy, NULL));
	else if (slice_equal(text, SLICE("true")) || slice_equal(text, SLICE("false")))
		value = value_of_bool(copy[0] == 't');
	trace_builder_attr(builder, field, key, value);
}

static void put_attributes(struct trace_builder *builder, uint32_t field, const char *text)
{
	while (text && *text && *text != ';') {
		size_t key = strcspn(text, "="), len = strcspn(text, " ;");
		put_value(builder, field, slice_of(text, key),
			  slice_of(text + key + 1, len - key - 1));
		text += len + strspn(text + len, " ");
	}
}

static void put_id(struct trace_builder *builder, uint32_t field, size_t bytes, uint8_t last)
{
	uint8_t id[TRACE_ID_BYTES] = {0xa0};
	id[bytes - 1] = last;
	trace_builder_bytes(builder, field, slice_of(id, bytes));
}

static void put_event(struct trace_builder *builder, const char *event)
{
	size_t name = strcspn(event, " ;");
	trace_builder_begin(builder, SPAN_EVENTS);
	trace_builder_bytes(builder, EVENT_NAME, slice_of(event, name));
	put_attributes(builder, EVENT_ATTRIBUTES, event + name + strspn(event + name, " "));
	trace_builder_end(builder);
}

static void put_link(struct trace_builder *builder)
{
	trace_builder_begin(builder, SPAN_LINKS);
	put_id(builder, LINK_TRACE_ID, TRACE_ID_BYTES, 77);
	put_id(builder, LINK_SPAN_ID, SPAN_ID_BYTES, 77);
	put_attributes(builder, LINK_ATTRIBUTES, "link.kind=retry");
	trace_builder_end(builder);
}

static void put_span(struct trace_builder *builder, const struct expect_span *span)
{
	trace_builder_begin(builder, SCOPE_SPANS_SPANS);
	put_id(builder, SPAN_TRACE_ID, TRACE_ID_BYTES, span->trace);
	put_id(builder, SPAN_SPAN_ID, SPAN_ID_BYTES, span->id);
	if (span->parent)
		put_id(builder, SPAN_PARENT_SPAN_ID, SPAN_ID_BYTES, span->parent);
	trace_builder_text(builder, SPAN_NAME, slice_str(span->name));
	trace_builder_varint(builder, SPAN_KIND, span->kind);
	trace_builder_fixed64(builder, SPAN_START_TIME_UNIX_NANO,
			      START_NS + span->start_ms * UINT64_C(1000000));
	trace_builder_fixed64(builder, SPAN_END_TIME_UNIX_NANO,
			      START_NS + span->end_ms * UINT64_C(1000000));
	put_attributes(builder, SPAN_ATTRIBUTES, span->attributes);
	for (const char *event = span->event; event;) {
		put_event(builder, event);
		event = strchr(event, ';');
		event = event ? event + 1 + strspn(event + 1, " ") : NULL;
	}
	for (uint32_t i = 0; i < span->links; i++)
		put_link(builder);
	if (span->status) {
		trace_builder_begin(builder, SPAN_STATUS);
		trace_builder_text(builder, STATUS_MESSAGE, slice_str(span->status_message));
		trace_builder_varint(builder, STATUS_CODE, span->status);
		trace_builder_end(builder);
	}
	trace_builder_end(builder);
}

struct chunk *expect_fixture_request(struct budget *budget, const struct expect_span *spans,
				     size_t count)
{
	struct trace_builder builder;
	struct err err;
	trace_builder_init(&builder, budget);
	for (size_t i = 0; i < count; i++) {
		trace_builder_begin(&builder, EXPORT_REQUEST_RESOURCE_SPANS);
		trace_builder_begin(&builder, RESOURCE_SPANS_RESOURCE);
		if (spans[i].service)
			trace_builder_attr(&builder, RESOURCE_ATTRIBUTES, SLICE("service.name"),
					   value_of_str(slice_str(spans[i].service)));
		trace_builder_end(&builder);
		trace_builder_begin(&builder, RESOURCE_SPANS_SCOPE_SPANS);
		if (spans[i].scope) {
			trace_builder_begin(&builder, SCOPE_SPANS_SCOPE);
			trace_builder_text(&builder, SCOPE_NAME, slice_str(spans[i].scope));
			trace_builder_text(&builder, SCOPE_VERSION, SLICE("1.0"));
			put_attributes(&builder, SCOPE_ATTRIBUTES, "commit=abc");
			trace_builder_end(&builder);
		}
		put_span(&builder, &spans[i]);
		trace_builder_end(&builder);
		trace_builder_end(&builder);
	}
	struct chunk *chunk = trace_builder_take(&builder, (uint32_t)count, &err);
	assert_non_null(chunk);
	return chunk;
}

/* ---- life ----------------------------------------------------------------------------------- */

static bool key_is_denied(void *arg, struct slice key, struct value value)
{
	(void)value;
	(void)arg;
	return slice_equal(key, SLICE("prompt"));
}

static uint32_t count_noise(void *arg, const struct trace_view *view, const uint64_t *spans)
{
	uint32_t count = 0;
	(void)arg;
	for (uint32_t i = 0; i < view_span_count(view); i++) {
		bool asked = spans[i / 64] >> (i % 64) & 1;
		count += asked && slice_equal(view_span_name(view, i), SLICE("GET /metrics"));
	}
	return count;
}

static void begin_judging(struct expect_fixture *fixture, const struct judge_env *env)
{
	static const struct trace_buffer_config config = {
		.bytes_max = SIZE_MAX / 2, .traces_max = UINT32_MAX, .spans_max = UINT32_MAX};
	struct err err;
	fixture->buffer = trace_buffer_new(&config, &fixture->budget);
	fixture->view = view_new(&fixture->budget, fixture->keys);
	fixture->judge =
		judge_new(fixture->expectations, fixture->keys, env, &fixture->budget, &err);
	assert_non_null(fixture->buffer);
	assert_non_null(fixture->view);
	assert_non_null(fixture->judge);
}

/* What config_support_load_text loads, by expect_load. */
static void load(struct expect_fixture *fixture)
{
	static const char *const uris[] = {"test.yaml"};
	struct config_support_files files = config_support_files(&fixture->config);
	struct config_load load = {
		.uris = uris, .uri_count = 1, .env = files.env, .files = files.files};
	fixture->expectations = expect_load(&load, fixture->keys, &fixture->config.report);
}

bool expect_fixture_load_with(struct expect_fixture *fixture, const char *text,
			      const struct config_support_pair *files, const struct judge_env *env)
{
	struct err err;
	*fixture = (struct expect_fixture){.keys = key_table_new()};
	budget_init(&fixture->budget, UINT64_MAX);
	config_support_init(&fixture->config);
	fixture->config.main_text = text;
	fixture->config.files = files;
	assert_non_null(fixture->keys);
	load(fixture);
	assert_int_equal(key_table_freeze(fixture->keys, &err), 0);
	if (fixture->expectations)
		begin_judging(fixture, env);
	return fixture->expectations != NULL;
}

bool expect_fixture_load(struct expect_fixture *fixture, const char *text,
			 const struct config_support_pair *files)
{
	static const struct judge_env env = {.key_is_denied = key_is_denied,
					     .count_noise = count_noise};
	return expect_fixture_load_with(fixture, text, files, &env);
}

void expect_fixture_forget(struct expect_fixture *fixture)
{
	while (trace_buffer_first(fixture->buffer))
		trace_buffer_remove(fixture->buffer, trace_buffer_first(fixture->buffer));
	/* Another trace of the same id and size is not taken for the one that was judged. */
	struct err err;
	assert_int_equal(judge_update(fixture->judge, fixture->buffer, &err), 0);
}

const char *expect_fixture_errors(struct expect_fixture *fixture)
{
	return config_support_errors(&fixture->config);
}

void expect_fixture_fini(struct expect_fixture *fixture)
{
	judge_free(fixture->judge);
	trace_buffer_free(fixture->buffer);
	view_free(fixture->view);
	expect_free(fixture->expectations);
	key_table_free(fixture->keys);
	config_support_fini(&fixture->config);
	buf_fini(&fixture->report);
	assert_int_equal(budget_used(&fixture->budget), 0);
}

/* ---- adding and judging --------------------------------------------------------------------- */

static void add_chunk(struct expect_fixture *fixture, struct chunk *chunk)
{
	struct err err = {0};
	if (view_open(fixture->view, chunk_slice(chunk), &err) != 0)
		fail_msg("%s", err.msg);
	assert_int_equal(trace_buffer_add(fixture->buffer, fixture->view, chunk, 1),
			 view_span_count(fixture->view));
	view_close(fixture->view);
	chunk_unref(chunk);
}

void expect_fixture_add(struct expect_fixture *fixture, const struct expect_span *spans,
			size_t count)
{
	add_chunk(fixture, expect_fixture_request(&fixture->budget, spans, count));
}

void expect_fixture_add_body(struct expect_fixture *fixture, struct slice body)
{
	struct chunk *chunk = chunk_new(&fixture->budget, body.len);
	assert_non_null(chunk);
	assert_true(chunk_append(chunk, body));
	add_chunk(fixture, chunk);
}

static void print_nearest(void *arg, const struct expect_nearest *nearest)
{
	struct expect_fixture *fixture = arg;
	if (!nearest->view)
		buf_append_str(&fixture->report, " @ nowhere");
	else if (nearest->span == EXPECT_NO_SPAN)
		buf_printf(&fixture->report, " @ %d", nearest->trace_id[TRACE_ID_BYTES - 1]);
	else
		buf_printf(&fixture->report, " @ %d %d", nearest->trace_id[TRACE_ID_BYTES - 1],
			   nearest->span_id[SPAN_ID_BYTES - 1]);
	if (!nearest->view || nearest->span == EXPECT_NO_SPAN)
		return;
	struct slice id = view_span_id(nearest->view, nearest->span);
	if (id.len > 0) /* spans without one come, too */
		assert_memory_equal(id.ptr, nearest->span_id, SPAN_ID_BYTES);
}

static void print_miss(void *arg, const struct expect_miss *miss)
{
	struct expect_fixture *fixture = arg;
	struct buf *out = &fixture->report;
	buf_printf(out, "\n%u:%u %.*s: %s", miss->loc.line, miss->loc.column,
		   SLICE_FMT(miss->wanted), miss->why);
	for (uint32_t i = 0; i < miss->found_count; i++) {
		const struct expect_found *found = &miss->found[i];
		buf_printf(out, " [%.*s=", SLICE_FMT(found->what));
		value_append_text(out, found->value);
		buf_append_byte(out, ']');
	}
	if (miss->nearest_word)
		buf_printf(out, " (near %s)", miss->nearest_word);
}

const char *expect_fixture_verdict(struct expect_fixture *fixture, uint32_t at)
{
	static const char *const words[] = {
		[VERDICT_HOLDS] = "holds",
		[VERDICT_FAILED] = "failed",
		[VERDICT_SELECTED_NOTHING] = "nothing",
	};
	const struct judge_listener listener = {print_nearest, print_miss, fixture};
	struct err err = {0};
	if (judge_update(fixture->judge, fixture->buffer, &err) != 0)
		fail_msg("%s", err.msg);
	struct verdict verdict = judge_verdict(fixture->judge, at);
	buf_reset(&fixture->report);
	buf_append_str(&fixture->report, words[verdict.result]);
	if (verdict.result == VERDICT_HOLDS)
		return buf_cstr(&fixture->report);
	buf_printf(&fixture->report, " traces %u/%u spans %llu/%llu", verdict.traces_failed,
		   verdict.traces, (unsigned long long)verdict.spans_failed,
		   (unsigned long long)verdict.spans);
	if (judge_explain(fixture->judge, fixture->buffer, at, &listener, &err) != 0)
		fail_msg("%s", err.msg);
	return buf_cstr(&fixture->report);
}
