/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/scenario_assert.h"

#include "pipeline/trace/otlp/builder.h"
#include "tests/support/canary.h"
#include "tests/support/scenario_daemon.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define START_NS UINT64_C(1789000000000000000)

void scenario_assert_open(struct scenario_assert *scene)
{
	*scene = (struct scenario_assert){.output = BUF_INIT};
	file_folder_make(&scene->folder);
	assert_int_equal(unsetenv("GITHUB_ACTIONS"), 0);
}

void scenario_assert_close(struct scenario_assert *scene)
{
	file_folder_remove(&scene->folder);
	buf_fini(&scene->output);
}

/* ---- spans ---------------------------------------------------------------------------------- */

static void append_record(FILE *file, struct slice body)
{
	const uint8_t head[] = {(uint8_t)(body.len >> 24), (uint8_t)(body.len >> 16),
				(uint8_t)(body.len >> 8), (uint8_t)body.len};
	assert_int_equal(fwrite(head, 1, sizeof(head), file), sizeof(head));
	assert_int_equal(fwrite(body.ptr, 1, body.len, file), body.len);
}

void scenario_assert_request(struct scenario_assert *scene, const char *name,
			     const struct chunk *request)
{
	FILE *file = fopen(file_folder_path(&scene->folder, name), "we");
	assert_non_null(file);
	append_record(file, chunk_slice(request));
	assert_int_equal(fclose(file), 0);
}

void scenario_assert_fixture(struct scenario_assert *scene, const char *name,
			     enum llmd_fixture which)
{
	struct example_requests requests;
	struct budget budget;
	FILE *file = fopen(file_folder_path(&scene->folder, name), "we");
	assert_non_null(file);
	budget_init(&budget, UINT64_MAX);
	llmd_fixture_build(which, false, &budget, &requests);
	for (size_t i = 0; i < requests.count; i++)
		append_record(file, chunk_slice(requests.items[i]));
	example_requests_fini(&requests);
	assert_int_equal(fclose(file), 0);
}

/* ---- canaries ------------------------------------------------------------------------------- */

#define CANARY(number) CANARY_STEM #number

static void put_text(struct trace_builder *builder, uint32_t field, const char *key,
		     const char *text)
{
	trace_builder_attr(builder, field, slice_str(key), value_of_str(slice_str(text)));
}

static void begin_span(struct trace_builder *builder, const char *id, const char *parent,
		       const char *name)
{
	trace_builder_begin(builder, SCOPE_SPANS_SPANS);
	trace_builder_bytes(builder, SPAN_TRACE_ID, SLICE("0123456789abcdef"));
	trace_builder_bytes(builder, SPAN_SPAN_ID, slice_str(id));
	trace_builder_text(builder, SPAN_PARENT_SPAN_ID, slice_str(parent));
	trace_builder_text(builder, SPAN_NAME, slice_str(name));
	trace_builder_varint(builder, SPAN_KIND, 3);
	trace_builder_fixed64(builder, SPAN_START_TIME_UNIX_NANO, START_NS);
	trace_builder_fixed64(builder, SPAN_END_TIME_UNIX_NANO, START_NS + 1000000);
}

static void put_event(struct trace_builder *builder)
{
	trace_builder_begin(builder, SPAN_EVENTS);
	trace_builder_text(builder, EVENT_NAME, SLICE("he said, " CANARY(8) ": no?"));
	put_text(builder, EVENT_ATTRIBUTES, "exception.message", "no such file, " CANARY(9));
	trace_builder_end(builder);
}

struct chunk *scenario_assert_canaries(struct budget *budget)
{
	struct trace_builder builder;
	struct err err;
	trace_builder_init(&builder, budget);
	trace_builder_begin(&builder, EXPORT_REQUEST_RESOURCE_SPANS);
	trace_builder_begin(&builder, RESOURCE_SPANS_RESOURCE);
	put_text(&builder, RESOURCE_ATTRIBUTES, "service.name", "what is it, " CANARY(1) ": no?");
	trace_builder_end(&builder);
	trace_builder_begin(&builder, RESOURCE_SPANS_SCOPE_SPANS);
	trace_builder_begin(&builder, SCOPE_SPANS_SCOPE);
	trace_builder_text(&builder, SCOPE_NAME, SLICE("a scope, " CANARY(2) ": no?"));
	trace_builder_end(&builder);
	begin_span(&builder, "aaaaaaaa", "", "chat");
	put_text(&builder, SPAN_ATTRIBUTES, "gen_ai.prompt", "hello, " CANARY(3) ": how are you?");
	put_text(&builder, SPAN_ATTRIBUTES, CANARY(4) ".said", "a word, " CANARY(5) ": no?");
	put_text(&builder, SPAN_ATTRIBUTES, "gen_ai.request.model", "llama");
	put_event(&builder);
	trace_builder_begin(&builder, SPAN_STATUS);
	trace_builder_text(&builder, STATUS_MESSAGE, SLICE("it failed, " CANARY(6) ": why?"));
	trace_builder_varint(&builder, STATUS_CODE, STATUS_CODE_ERROR);
	trace_builder_end(&builder);
	trace_builder_end(&builder);
	begin_span(&builder, "bbbbbbbb", "aaaaaaaa", "tell me, " CANARY(7) ": who are you?");
	trace_builder_end(&builder);
	return trace_builder_take(&builder, 2, &err);
}

/* ---- runs ----------------------------------------------------------------------------------- */

enum { WORDS_MAX = 30, WORD_BYTES = 160 };

int scenario_assert_run(struct scenario_assert *scene, const char *line)
{
	char words[WORDS_MAX][WORD_BYTES];
	const char *args[WORDS_MAX + 2] = {"assert"};
	size_t count = 1;
	while (*line) {
		size_t len = strcspn(line, " ");
		assert_true(len > 0 && count <= WORDS_MAX);
		char *word = words[count - 1];
		if (line[0] == '@') {
			char name[WORD_BYTES];
			(void)snprintf(name, sizeof(name), "%.*s", (int)len - 1, line + 1);
			(void)snprintf(word, WORD_BYTES, "%s",
				       file_folder_path(&scene->folder, name));
		} else {
			(void)snprintf(word, WORD_BYTES, "%.*s", (int)len, line);
		}
		args[count++] = word;
		line += len + (line[len] == ' ');
	}
	buf_reset(&scene->output);
	return daemon_run(args, &scene->output);
}

void scenario_assert_says(struct scenario_assert *scene, const char *text)
{
	if (!strstr(buf_cstr(&scene->output), text))
		fail_msg("no \"%s\" in:\n%s", text, buf_cstr(&scene->output));
}

json_t *scenario_assert_json(struct scenario_assert *scene, const char *name)
{
	struct buf text = BUF_INIT;
	json_error_t error;
	file_folder_read(&scene->folder, name, &text);
	json_t *root =
		json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		fail_msg("%s:%d: %s in:\n%s", name, error.line, error.text, buf_cstr(&text));
	buf_fini(&text);
	return root;
}
