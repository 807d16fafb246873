/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file is read record by record, so that memory is needed for what is kept and one record. Its form is told
 * by its first byte; the number of the record that is wrong stands in the message.
 */
#include "cmd/assert_recorded.h"

#include "pipeline/base/clock.h"
#include "pipeline/net/coding.h"
#include "pipeline/trace/otlp_json/json_decode.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { ARENA_BYTES_MAX = 64 << 20, LENGTH_BYTES = 4, RECORD_BYTES_MAX = 1 << 30, FIRST_TAG = 0x0a };

/* ---- requests ------------------------------------------------------------------------------- */

static int add_protobuf(struct assert_recorded *recorded, struct slice bytes, struct err *err)
{
	struct chunk *body = chunk_new(&recorded->budget, bytes.len);
	if (!body || !chunk_append(body, bytes)) {
		chunk_unref(body);
		return err_set(err, ERR_NOMEM, "out of memory");
	}
	int status = expect_session_add(recorded->session, body, clock_monotonic_ns(), err);
	chunk_unref(body);
	return status;
}

static int add_json(struct assert_recorded *recorded, struct slice line, struct err *err)
{
	struct json_decoder *decoder = json_decoder_new(&recorded->budget);
	struct chunk *body = NULL;
	int status = decoder ? 0 : err_set(err, ERR_NOMEM, "out of memory");
	if (status == 0)
		status = json_decoder_feed(decoder, line, err);
	if (status == 0)
		body = json_decoder_take(decoder, err);
	if (body)
		status = expect_session_add(recorded->session, body, clock_monotonic_ns(), err);
	else
		status = -1;
	chunk_unref(body);
	json_decoder_free(decoder);
	return status;
}

/* A record after its length: a request in protobuf, or, from a file exporter with compression, a zstd
 * frame with one in either format. */
static int add_record(struct assert_recorded *recorded, struct slice record, struct err *err)
{
	static const uint8_t zstd_magic[] = {0x28, 0xb5, 0x2f, 0xfd}; /* RFC 8878 §3.1.1 */
	if (!slice_has_prefix(record, slice_of(zstd_magic, sizeof(zstd_magic))))
		return add_protobuf(recorded, record, err);
	struct coder *coder = coder_new();
	if (!coder)
		return err_set(err, ERR_NOMEM, "out of memory");
	struct chunk *plain =
		coder_decode(coder, CODING_ZSTD, record, RECORD_BYTES_MAX, &recorded->budget, err);
	int status = -1;
	if (plain)
		status = slice_has_prefix(chunk_slice(plain), SLICE("{"))
				 ? add_json(recorded, chunk_slice(plain), err)
				 : add_protobuf(recorded, chunk_slice(plain), err);
	chunk_unref(plain);
	coder_free(coder);
	return status;
}

/* ---- files ---------------------------------------------------------------------------------- */

enum format { FORMAT_LINES = 0, FORMAT_LENGTHS, FORMAT_ONE };

struct recording {
	FILE *file;
	enum format format;
	uint64_t bytes;	 /* of the file; 0: it is none with a size, such as a pipe */
	uint64_t record; /* that was read last, from 1 */
	char *line;	 /* getline's */
	size_t line_size;
	struct buf body;
};

static uint32_t read_length(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* JSON begins with a brace. A request in protobuf begins with 0x0a (which is a newline, too: no blank
 * line begins a recording); as the first byte of a length that means 160 MiB or more, so it is one
 * when the file is longer than that. */
static enum format find_format(struct recording *recording)
{
	int first = getc(recording->file);
	(void)ungetc(first, recording->file); /* EOF stays EOF */
	if (first == '{' || first == ' ' || first == EOF)
		return FORMAT_LINES;
	uint64_t least = ((uint64_t)first << 24) + LENGTH_BYTES;
	bool too_long = recording->bytes > 0 ? least > recording->bytes : first == FIRST_TAG;
	return too_long ? FORMAT_ONE : FORMAT_LENGTHS;
}

/* Reads ${len} bytes, or, with a ${len} of RECORD_BYTES_MAX, to the end of the file. */
static int read_body(struct recording *recording, size_t len, struct err *err)
{
	uint8_t piece[65536];
	bool to_end = len == RECORD_BYTES_MAX;
	buf_reset(&recording->body);
	while (len > 0) {
		size_t got =
			fread(piece, 1, len < sizeof(piece) ? len : sizeof(piece), recording->file);
		buf_append(&recording->body, slice_of(piece, got));
		len -= got;
		if (got == 0)
			break;
	}
	if (recording->body.failed)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (ferror(recording->file))
		return err_set_sys(err, errno, "read");
	if (len > 0 && !to_end)
		return err_set(err, ERR_DECODE, "the file ends in the middle of a record");
	return 0;
}

/* Nothing but what JSON allows between values (RFC 8259 §2). */
static bool is_blank(struct slice line)
{
	static const char blanks[] = " \t\r\n";
	size_t at = 0;
	while (at < line.len && memchr(blanks, line.ptr[at], strlen(blanks)))
		at++;
	return at == line.len;
}

/* 1 with *ret_record, 0 at the end, -1 with ${err}. */
static int next_record(struct recording *recording, struct slice *ret_record, struct err *err)
{
	uint8_t head[LENGTH_BYTES];
	size_t len = RECORD_BYTES_MAX;
	recording->record++;
	if (recording->format == FORMAT_LINES) {
		ssize_t got = getline(&recording->line, &recording->line_size, recording->file);
		if (got < 0 && ferror(recording->file))
			return err_set_sys(err, errno, "read");
		*ret_record = slice_of(recording->line, got > 0 ? (size_t)got : 0);
		return got > 0;
	}
	if (recording->format == FORMAT_LENGTHS) {
		size_t got = fread(head, 1, sizeof(head), recording->file);
		len = got == sizeof(head) ? read_length(head) : 0;
		if (got == 0 && !ferror(recording->file))
			return 0;
		if (got < sizeof(head) || len >= RECORD_BYTES_MAX)
			return err_set(err, ERR_DECODE,
				       "no OTLP: neither JSON lines nor protobuf records");
	}
	if (read_body(recording, len, err) != 0)
		return -1;
	*ret_record = buf_slice(&recording->body);
	return recording->body.len > 0 || recording->format == FORMAT_LENGTHS;
}

static int add_records(struct assert_recorded *recorded, struct recording *recording,
		       struct err *err)
{
	struct slice record;
	int more;
	while ((more = next_record(recording, &record, err)) > 0) {
		bool json = recording->format == FORMAT_LINES;
		if (json && is_blank(record))
			continue;
		if ((json ? add_json(recorded, record, err) : add_record(recorded, record, err)) !=
		    0)
			return -1;
	}
	return more;
}

static void print_problem(const char *path, const struct recording *recording,
			  const struct err *err)
{
	fprintf(stderr, "Error: %s: %s %" PRIu64, path,
		recording->format == FORMAT_LINES ? "line" : "request", recording->record);
	if (err->kind == ERR_DECODE)
		fprintf(stderr, ", byte %" PRIu64, err->offset);
	fprintf(stderr, ": %s\n", err->msg);
}

static bool add_file(struct assert_recorded *recorded, const char *path)
{
	struct recording recording = {.file = fopen(path, "re")};
	struct stat info;
	struct err err;
	if (!recording.file || fstat(fileno(recording.file), &info) != 0) {
		fprintf(stderr, "Error: %s: %s\n", path, strerror(errno));
		if (recording.file)
			(void)fclose(recording.file);
		return false;
	}
	recording.bytes = S_ISREG(info.st_mode) ? (uint64_t)info.st_size : 0;
	recording.format = find_format(&recording);
	int status = add_records(recorded, &recording, &err);
	if (status != 0)
		print_problem(path, &recording, &err);
	(void)fclose(recording.file);
	free(recording.line);
	buf_fini(&recording.body);
	return status == 0;
}

/* ---- life ----------------------------------------------------------------------------------- */

/* False when a file is wrong; said. */
static bool load(struct assert_recorded *recorded, const struct option_list *expect)
{
	struct config_report report;
	struct buf text = BUF_INIT;
	const struct config_load load = {.uris = expect->at, .uri_count = expect->count};
	config_report_init(&report, &recorded->arena);
	if (expect->count > 0)
		recorded->expectations = expect_load(&load, recorded->keys, &report);
	config_report_print(&report, CONFIG_ERROR, &text);
	config_report_print(&report, CONFIG_WARNING, &text);
	fputs(buf_cstr(&text), stderr);
	buf_fini(&text);
	return expect->count == 0 || recorded->expectations;
}

bool assert_recorded_init(struct assert_recorded *recorded, const struct option_list *expect,
			  const struct option_list *files, const struct judge_env *env)
{
	static const struct expect_limits limits = {.bytes_max = EXPECT_BYTES_DEFAULT,
						    .traces_max = EXPECT_TRACES_DEFAULT,
						    .spans_max = EXPECT_SPANS_DEFAULT};
	struct err err;
	*recorded = (struct assert_recorded){.keys = key_table_new()};
	arena_init(&recorded->arena, NULL, ARENA_BYTES_MAX);
	budget_init(&recorded->budget, UINT64_MAX);
	if (!recorded->keys) {
		fprintf(stderr, "Error: out of memory\n");
		return false;
	}
	if (!load(recorded, expect))
		return false;
	if (key_table_freeze(recorded->keys, &err) == 0)
		recorded->session = expect_session_new(recorded->expectations, recorded->keys, env,
						       &limits, &recorded->budget, &err);
	if (!recorded->session) {
		fprintf(stderr, "Error: %s\n", err.msg);
		return false;
	}
	for (size_t i = 0; i < files->count; i++) {
		if (!add_file(recorded, files->at[i]))
			return false;
	}
	return true;
}

void assert_recorded_fini(struct assert_recorded *recorded)
{
	expect_session_free(recorded->session);
	expect_free(recorded->expectations);
	key_table_free(recorded->keys);
	arena_fini(&recorded->arena);
}
