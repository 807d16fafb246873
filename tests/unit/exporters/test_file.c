/* SPDX-License-Identifier: Apache-2.0 */
/* The file exporter as the host drives it: what batches become, and what is wrong in a
 * configuration. */
#include "pipeline/graph/component.h"
#include "tests/support/config_support.h"
#include "tests/support/delivery_fixture.h"
#include "tests/support/file_folder.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

extern const struct component_type exporter_file;

enum { BATCHES = 3 };

struct fixture {
	struct delivery_fixture delivery;
	struct file_folder folder;
	struct config_support support;
	struct metrics *metrics;
	void *config, *exporter;
	unsigned done;
	enum export_outcome outcomes[BATCHES];
};

struct call {
	struct export_call export;
	struct fixture *fixture;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	delivery_fixture_open(&f->delivery);
	file_folder_make(&f->folder);
	f->metrics = metrics_new();
	assert_non_null(f->metrics);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	if (f->exporter)
		exporter_file.exporter->destroy(f->exporter);
	free(f->config);
	config_support_fini(&f->support);
	metrics_free(f->metrics);
	file_folder_remove(&f->folder);
	delivery_fixture_close(&f->delivery);
	free(f);
	return 0;
}

/* ${text} holds one %s for the folder. */
static void bind_config(struct fixture *f, const char *text)
{
	struct buf yaml = BUF_INIT;
	const char *place = strstr(text, "%s");
	if (place)
		buf_printf(&yaml, "%.*s%s%s", (int)(place - text), text, f->folder.path, place + 2);
	else
		buf_append_str(&yaml, text);
	config_support_init(&f->support);
	const struct config_node *root = config_support_load_text(&f->support, buf_cstr(&yaml));
	assert_non_null(root);
	f->config = calloc(1, exporter_file.config->struct_size);
	config_bind(exporter_file.config, root, "exporters.file", f->config, &f->support.report);
	buf_fini(&yaml);
}

/* 0 or -1, as start says. */
static int start(struct fixture *f, const char *text, struct err *err)
{
	bind_config(f, text);
	if (f->support.report.error_count > 0)
		fail_msg("%s", config_support_errors(&f->support));
	const struct component_env env = {.id = "file",
					  .path = "exporters.file",
					  .metrics = f->metrics,
					  .budget = &f->delivery.budget,
					  .keys = f->delivery.keys,
					  .arena = &f->support.arena};
	f->exporter = exporter_file.exporter->create(&env, f->config, &f->support.report);
	assert_non_null(f->exporter);
	return exporter_file.exporter->start(f->exporter, &f->delivery.loop, err);
}

static void on_done(struct export_call *export, const struct export_result *result)
{
	struct fixture *f = CONTAINER_OF(export, struct call, export)->fixture;
	f->outcomes[f->done++] = result->outcome;
}

static bool all_done(void *arg)
{
	return ((struct fixture *)arg)->done == BATCHES;
}

/* Sends BATCHES batches of two spans at once; waits for all. */
static void send_batches(struct fixture *f)
{
	struct call calls[BATCHES];
	for (unsigned i = 0; i < BATCHES; i++) {
		struct chunk *chunk = delivery_request(&f->delivery, 10 + i, 2, 5);
		struct batch *batch = batch_new(&f->delivery.budget);
		assert_true(batch_append(batch, chunk));
		chunk_unref(chunk);
		calls[i] = (struct call){.export = {.batch = batch, .done = on_done}, .fixture = f};
		exporter_file.exporter->send(f->exporter, &calls[i].export);
	}
	delivery_run_until(&f->delivery, all_done, f);
	for (unsigned i = 0; i < BATCHES; i++)
		batch_unref(calls[i].export.batch);
}

/* Takes the next record of a file with lengths; its bytes. */
static struct slice take_record(struct slice *rest)
{
	uint32_t length;
	assert_true(rest->len >= sizeof(length));
	memcpy(&length, rest->ptr, sizeof(length));
	length = ntohl(length);
	assert_true(rest->len - sizeof(length) >= length);
	struct slice record = slice_of(rest->ptr + sizeof(length), length);
	*rest = slice_of(record.ptr + length, rest->len - sizeof(length) - length);
	return record;
}

static void json_is_one_request_a_line_in_order(void **state)
{
	struct fixture *f = *state;
	struct buf text = BUF_INIT;
	struct err err;
	assert_int_equal(start(f, "path: %s/out.json", &err), 0);
	send_batches(f);
	file_folder_read(&f->folder, "out.json", &text);
	const char *line = buf_cstr(&text);
	static const char *const ids[] = {"0a", "0b", "0c"};
	for (unsigned i = 0; i < BATCHES; i++) {
		const char *end = strchr(line, '\n');
		assert_int_equal(f->outcomes[i], EXPORT_DELIVERED);
		assert_non_null(end);
		assert_memory_equal(line, "{\"resourceSpans\":[", 18);
		const char *id = strstr(line, "\"spanId\":\"");
		assert_non_null(id);
		assert_true(id < end);
		assert_memory_equal(id + 10, ids[i], 2); /* the fixture's ids are little-endian */
		line = end + 1;
	}
	assert_string_equal(line, "");
	buf_fini(&text);
}

static void proto_is_length_and_request(void **state)
{
	struct fixture *f = *state;
	struct buf text = BUF_INIT;
	struct err err;
	assert_int_equal(start(f, "path: %s/out\nformat: proto", &err), 0);
	send_batches(f);
	file_folder_read(&f->folder, "out", &text);
	struct slice rest = buf_slice(&text);
	for (unsigned i = 0; i < BATCHES; i++) {
		struct chunk *expected = delivery_request(&f->delivery, 10 + i, 2, 5);
		assert_true(slice_equal(take_record(&rest), chunk_slice(expected)));
		chunk_unref(expected);
	}
	assert_int_equal(rest.len, 0);
	buf_fini(&text);
}

static void zstd_is_length_and_a_frame_each(void **state)
{
	struct fixture *f = *state;
	struct buf text = BUF_INIT;
	struct err err;
	struct coder *coder = coder_new();
	assert_int_equal(start(f, "path: %s/out\ncompression: zstd", &err), 0);
	send_batches(f);
	file_folder_read(&f->folder, "out", &text);
	struct slice rest = buf_slice(&text);
	for (unsigned i = 0; i < BATCHES; i++) {
		struct chunk *json = coder_decode(coder, CODING_ZSTD, take_record(&rest), 1 << 20,
						  &f->delivery.budget, &err);
		assert_non_null(json);
		assert_true(slice_has_prefix(chunk_slice(json), SLICE("{\"resourceSpans\":[")));
		assert_true(slice_has_suffix(chunk_slice(json), SLICE("]}")));
		chunk_unref(json);
	}
	assert_int_equal(rest.len, 0);
	coder_free(coder);
	buf_fini(&text);
}

static void what_cannot_be_written_is_tried_again(void **state)
{
	struct fixture *f = *state;
	struct err err;
	assert_int_equal(start(f, "path: /dev/full", &err), 0);
	send_batches(f);
	for (unsigned i = 0; i < BATCHES; i++)
		assert_int_equal(f->outcomes[i], EXPORT_RETRY);
}

static void the_folder_has_to_be_there(void **state)
{
	struct err err;
	assert_int_equal(start(*state, "path: %s/no/out.json", &err), -1);
	assert_int_equal(err.kind, ERR_IO);
	assert_non_null(strstr(err.msg, "No such file or directory"));
}

static void refuse(struct fixture *f, const char *text, const char *why)
{
	bind_config(f, text);
	if (!strstr(config_support_errors(&f->support), why))
		fail_msg("%s: %s", text, config_support_errors(&f->support));
	config_support_fini(&f->support);
	free(f->config);
	f->config = NULL;
}

static void a_wrong_configuration_is_told(void **state)
{
	refuse(*state, "format: json", "path must be non-empty");
	refuse(*state, "path: x\nappend: true\nrotation: {}",
	       "append and rotation enabled at the same time is not supported");
	refuse(*state, "path: x\nappend: true\ncompression: zstd",
	       "append and compression enabled at the same time is not supported");
	refuse(*state, "path: x\nformat: xml", "format");
	refuse(*state, "path: x\ncompression: gzip", "compression");
	bind_config(*state,
		    "path: x\nflush_interval: 5s\nrotation: {max_megabytes: 10, max_days: 3, "
		    "max_backups: 3, localtime: true}");
	assert_string_equal(config_support_errors(&((struct fixture *)*state)->support), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(json_is_one_request_a_line_in_order),
		TEST(proto_is_length_and_request),
		TEST(zstd_is_length_and_a_frame_each),
		TEST(what_cannot_be_written_is_tried_again),
		TEST(the_folder_has_to_be_there),
		TEST(a_wrong_configuration_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
