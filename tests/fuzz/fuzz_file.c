/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file exporter on a disk that writes short, is interrupted, is full, fails, or cannot take back
 * what it wrote. What is in the file afterwards, through rotations and restarts, is exactly what was
 * reported as delivered, once, whole, and in order; read back by the reference decoders (jansson,
 * protobuf-c) it has the same spans.
 *
 * Byte 0: bit 0 format, bit 1 compression, bits 2-3 append or rotation. Then steps of two bytes: what,
 * how much.
 *
 * This file defines writev and ftruncate, which do as the script says.
 */
#include "pipeline/graph/component.h"
#include "tests/support/config_support.h"
#include "tests/support/file_folder.h"
#include "tests/support/fuzz_request.h"
#include "tests/support/fuzz_script.h"
#include "tests/support/json_codec.h"
#include "tests/support/json_oracle.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	BATCHES_MAX = 32,
	STEPS_MAX = 100,
	RESTARTS_MAX = 6, /* the files are read with each */
	FAULTS_MAX = 16,
	ROTATE_BYTES = 1 << 20, /* the least that can be configured */
	ROOM_BYTES = 2048,	/* that a start leaves in the file */
	FILLER = 0xff,		/* no record begins with it */
	FILLER_PIECE = 2048,	/* compared at once, for speed */
};

enum step {
	STEP_SEND = 0, /* a request of so many bytes of the script (fuzz_request.h) */
	STEP_AGAIN,    /* what was not taken */
	STEP_WAIT,     /* until all is answered */
	STEP_FAULT,
	STEP_RESTART,
	STEP_COUNT
};

enum fault { FAULT_NONE = 0, FAULT_INTERRUPTED, FAULT_SHORT, FAULT_FULL, FAULT_STUCK, FAULT_COUNT };

struct output {
	struct export_call call;
	bool under_way, delivered;
};

static struct world {
	struct loop loop;
	struct budget budget;
	struct json_codec codec;
	struct coder *coder;
	/* of one input */
	struct metrics *metrics;
	struct config_support support;
	struct file_folder folder;
	void *config, *exporter;
	struct output outputs[BATCHES_MAX];
	size_t output_count, restarts;
	size_t order[BATCHES_MAX], delivered_count; /* outputs in the file, as they were written */
	/* Of the calls of writev that follow; read by the thread that writes while the script waits. */
	uint8_t faults[FAULTS_MAX];
	size_t fault_count, fault_at;
	atomic_bool stuck; /* the next ftruncate fails */
} world;

extern const struct component_type exporter_file;

/* ---- the system ----------------------------------------------------------------------------- */

static ssize_t write_some(int fd, const struct iovec *parts, size_t max)
{
	struct iovec part = parts[0];
	part.iov_len = part.iov_len < max ? part.iov_len : max;
	return syscall(SYS_writev, fd, &part, 1);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	uint8_t fault = world.fault_at < world.fault_count ? world.faults[world.fault_at++] : 0;
	switch ((enum fault)(fault % FAULT_COUNT)) {
	case FAULT_INTERRUPTED: errno = EINTR; return -1;
	case FAULT_SHORT: return write_some(fd, parts, 1U + fault);
	case FAULT_STUCK: atomic_store(&world.stuck, true); /* fall through */
	case FAULT_FULL: errno = ENOSPC; return -1;
	case FAULT_NONE:
	case FAULT_COUNT: break;
	}
	return syscall(SYS_writev, fd, parts, count);
}

int ftruncate(int fd, off_t length)
{
	if (atomic_exchange(&world.stuck, false)) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_ftruncate, fd, length);
}

/* ---- the exporter --------------------------------------------------------------------------- */

static uint8_t filler[ROTATE_BYTES - ROOM_BYTES];

/* A file that is about to be rotated: it is there from before, and nearly full. */
static void fill_file(void)
{
	const char *path = file_folder_path(&world.folder, "out.json");
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	off_t size = lseek(fd, 0, SEEK_END);
	if (size < (off_t)sizeof(filler))
		fuzz_must(write(fd, filler, sizeof(filler) - (size_t)size) > 0);
	(void)close(fd);
}

static void start(uint8_t flags)
{
	static const char *const more[] = {"", "append: true\n",
					   "rotation: {max_megabytes: 1, max_backups: 0}\n", ""};
	struct err err;
	struct buf yaml = BUF_INIT;
	bool zstd = flags & 2 && (flags >> 2 & 3) != 1; /* not together with append */
	if ((flags >> 2 & 3) == 2)
		fill_file();
	buf_printf(&yaml, "path: %s/out.json\nformat: %s\ncompression: %s\n%s", world.folder.path,
		   flags & 1 ? "proto" : "json", zstd ? "zstd" : "none", more[flags >> 2 & 3]);
	config_support_init(&world.support);
	world.config = calloc(1, exporter_file.config->struct_size);
	world.metrics = metrics_new();
	config_bind(exporter_file.config, config_support_load_text(&world.support, buf_cstr(&yaml)),
		    "exporters.file", world.config, &world.support.report);
	fuzz_must(world.support.report.error_count == 0);
	const struct component_env env = {.id = "file",
					  .metrics = world.metrics,
					  .budget = &world.budget,
					  .keys = world.codec.keys,
					  .arena = &world.support.arena};
	world.exporter = exporter_file.exporter->create(&env, world.config, &world.support.report);
	fuzz_must(world.exporter != NULL);
	fuzz_must(exporter_file.exporter->start(world.exporter, &world.loop, &err) == 0);
	if ((flags >> 2 & 3) == 0 || (flags >> 2 & 3) == 3)
		world.delivered_count = 0; /* a file of before is begun anew */
	buf_fini(&yaml);
}

static bool is_busy(void)
{
	bool busy = false;
	for (size_t i = 0; i < world.output_count; i++)
		busy |= world.outputs[i].under_way;
	return busy;
}

static void wait_for_all(void)
{
	while (is_busy())
		(void)uv_run(&world.loop.uv, UV_RUN_ONCE);
}

static void stop(void)
{
	wait_for_all();
	exporter_file.exporter->destroy(world.exporter);
	free(world.config);
	metrics_free(world.metrics);
	config_support_fini(&world.support);
}

static void on_done(struct export_call *call, const struct export_result *result)
{
	struct output *output = CONTAINER_OF(call, struct output, call);
	fuzz_must(output->under_way && !output->delivered);
	output->under_way = false;
	if (result->outcome == EXPORT_DELIVERED) {
		output->delivered = true;
		world.order[world.delivered_count++] = (size_t)(output - world.outputs);
		return;
	}
	fuzz_must(result->outcome == EXPORT_RETRY && result->err.msg[0] != 0);
}

static void send_output(struct output *output)
{
	output->under_way = true;
	exporter_file.exporter->send(world.exporter, &output->call);
}

static void send_request(struct slice body)
{
	struct err err;
	struct trace_view *view = world.codec.view;
	if (world.output_count == BATCHES_MAX || view_open(view, body, &err) != 0 ||
	    view_span_count(view) == 0)
		return;
	struct output *output = &world.outputs[world.output_count++];
	struct batch *batch = batch_new(&world.budget);
	struct chunk *chunk = chunk_new(&world.budget, body.len);
	fuzz_must(batch && chunk && chunk_append(chunk, body));
	view_describe(view, view_span_count(view), chunk);
	fuzz_must(batch_append(batch, chunk));
	chunk_unref(chunk);
	*output = (struct output){.call = {.batch = batch, .done = on_done}};
	send_output(output);
}

static void send_again(void)
{
	for (size_t i = 0; i < world.output_count; i++) {
		if (!world.outputs[i].under_way && !world.outputs[i].delivered)
			send_output(&world.outputs[i]);
	}
}

/* ---- the file ------------------------------------------------------------------------------- */

/* Text that was not UTF-8 and numbers that have several forms cannot be compared in JSON. */
static bool is_exact(struct slice json)
{
	return !memmem(json.ptr, json.len, "\xef\xbf\xbd", 3) &&
	       !memmem(json.ptr, json.len, "\"NaN\"", 5) &&
	       !memmem(json.ptr, json.len, "\\u0000", 6);
}

/* JSON has a resource, a scope and a status everywhere, as the Collector's: "{}" is none. */
static void forget(ProtobufCMessage *message, void *place, bool is_absent)
{
	const void *none = NULL;
	if (!message || !is_absent || protobuf_c_message_get_packed_size(message) > 0)
		return;
	protobuf_c_message_free_unpacked(message, NULL);
	memcpy(place, &none, sizeof(none));
}

static void forget_empty(trace_tree *tree, const struct trace_index *index)
{
	uint32_t scope = 0, span = 0;
	for (uint32_t r = 0; r < tree->n_resource_spans && r < index->resource_count; r++) {
		Otlp__ResourceSpans *resource = tree->resource_spans[r];
		forget((ProtobufCMessage *)resource->resource, &resource->resource,
		       index->resources[r].resource.off == 0);
		for (size_t i = 0; i < resource->n_scope_spans && scope < index->scope_count; i++) {
			Otlp__ScopeSpans *spans = resource->scope_spans[i];
			forget((ProtobufCMessage *)spans->scope, &spans->scope,
			       index->scopes[scope++].scope.off == 0);
			for (size_t s = 0; s < spans->n_spans && span < index->span_count; s++)
				forget((ProtobufCMessage *)spans->spans[s]->status,
				       &spans->spans[s]->status,
				       index->spans[span++].status.off == 0);
		}
	}
}

static void check_json(struct slice json, struct slice body)
{
	struct err err;
	trace_tree *tree = NULL;
	fuzz_must(json.len > 2 && json.ptr[0] == '{' && json.ptr[json.len - 1] == '}');
	enum json_verdict verdict = json_oracle(json, &tree);
	fuzz_must(verdict == JSON_ACCEPTED || memmem(json.ptr, json.len, "\\u", 2));
	fuzz_must(view_open(world.codec.view, body, &err) == 0);
	if (tree && is_exact(json)) {
		forget_empty(tree, &world.codec.view->index);
		fuzz_must(!trace_tree_differs(tree, &world.codec.view->index));
	}
	trace_request_free(tree);
}

static void skip_filler(struct slice *rest)
{
	for (size_t piece = FILLER_PIECE; piece > 0; piece /= FILLER_PIECE) {
		while (rest->len >= piece && memcmp(rest->ptr, filler, piece) == 0)
			(void)fuzz_bytes(rest, piece);
	}
}

/* The next record of what the files hold. */
static struct slice take_record(struct slice *rest, bool lines)
{
	uint32_t len;
	if (lines) {
		const uint8_t *end = memchr(rest->ptr, '\n', rest->len);
		fuzz_must(end != NULL);
		struct slice line = fuzz_bytes(rest, (size_t)(end - rest->ptr));
		(void)fuzz_byte(rest);
		return line;
	}
	fuzz_must(rest->len >= sizeof(len));
	memcpy(&len, rest->ptr, sizeof(len));
	(void)fuzz_bytes(rest, sizeof(len));
	fuzz_must(rest->len >= ntohl(len));
	return fuzz_bytes(rest, ntohl(len));
}

static void check_record(struct slice record, uint8_t flags, const struct output *output)
{
	struct err err;
	bool zstd = flags & 2 && (flags >> 2 & 3) != 1;
	struct chunk *plain = coder_decode(world.coder, zstd ? CODING_ZSTD : CODING_IDENTITY,
					   record, 64 << 20, &world.codec.budget, &err);
	struct chunk *body = batch_flatten(output->call.batch);
	fuzz_must(plain && body);
	if (flags & 1)
		fuzz_must(slice_equal(chunk_slice(plain), chunk_slice(body)));
	else
		check_json(chunk_slice(plain), chunk_slice(body));
	chunk_unref(plain);
	chunk_unref(body);
}

/* Files that were renamed sort before the one that is written, by their age. */
static void check_files(uint8_t flags)
{
	struct buf names = BUF_INIT, text = BUF_INIT;
	bool lines = !(flags & 1) && !(flags & 2 && (flags >> 2 & 3) != 1);
	file_folder_list(&world.folder, &names);
	for (char *at = (char *)(uintptr_t)buf_cstr(&names), *end; (end = strchr(at, ' '));
	     at = end + 1) {
		*end = 0;
		file_folder_read(&world.folder, at, &text);
	}
	struct slice rest = buf_slice(&text);
	skip_filler(&rest);
	for (size_t i = 0; i < world.delivered_count; i++) {
		check_record(take_record(&rest, lines), flags, &world.outputs[world.order[i]]);
		skip_filler(&rest);
	}
	fuzz_must(rest.len == 0);
	buf_fini(&names);
	buf_fini(&text);
}

/* ---- the script ----------------------------------------------------------------------------- */

static void add_fault(uint8_t amount)
{
	wait_for_all(); /* the other thread reads them */
	if (world.fault_at == world.fault_count)
		world.fault_at = world.fault_count = 0;
	if (world.fault_count < FAULTS_MAX)
		world.faults[world.fault_count++] = amount;
}

static void run_step(struct slice *script, uint8_t flags)
{
	struct buf room = BUF_INIT;
	uint8_t code = fuzz_byte(script), amount = fuzz_byte(script);
	switch ((enum step)(code % STEP_COUNT)) {
	case STEP_SEND: send_request(fuzz_request(fuzz_bytes(script, amount), &room)); break;
	case STEP_AGAIN: send_again(); break;
	case STEP_WAIT: wait_for_all(); break;
	case STEP_FAULT: add_fault(amount); break;
	case STEP_RESTART:
		if (world.restarts++ >= RESTARTS_MAX)
			break;
		stop();
		check_files(flags);
		start(flags);
		break;
	case STEP_COUNT: break;
	}
	buf_fini(&room);
}

static void set_up(void)
{
	struct err err;
	void *codec = NULL;
	fuzz_must(json_codec_set_up(&codec) == 0 && loop_init(&world.loop, &err) == 0);
	world.codec = *(struct json_codec *)codec;
	budget_init(&world.budget, UINT64_MAX);
	fuzz_must((world.coder = coder_new()) != NULL);
	memset(filler, FILLER, sizeof(filler));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice script = slice_of(data, size);
	if (size == 0)
		return 0;
	if (!world.coder)
		set_up();
	uint8_t flags = fuzz_byte(&script);
	world.output_count = world.delivered_count = world.fault_at = world.fault_count = 0;
	world.restarts = 0;
	world.stuck = false;
	file_folder_make(&world.folder);
	start(flags);
	for (int i = 0; i < STEPS_MAX && script.len > 0; i++)
		run_step(&script, flags);
	stop();
	check_files(flags);
	for (size_t i = 0; i < world.output_count; i++)
		batch_unref(world.outputs[i].call.batch);
	file_folder_remove(&world.folder);
	fuzz_must(budget_used(&world.budget) == 0);
	return 0;
}
