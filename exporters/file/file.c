/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file exporter: each batch is one record of a file, which other programs (and the Collector's
 * otlpjsonfile receiver) read.
 *
 *   format json                    one OTLP/JSON request a line
 *   format proto, or any with zstd four bytes of length, big-endian, then the record
 *
 * A batch counts as delivered when write(2) took it; a crash of the machine, not of Sluice, can
 * lose what the kernel had not written. A record that cannot be written is tried again as
 * retry_on_failure says.
 *
 * Batches come on the home loop; conversion, compression and writing go to libuv's thread pool, one
 * batch at a time and in order.
 */
#include "exporters/file/record_file.h"
#include "exporters/otlp/json_body.h"
#include "pipeline/base/clock.h"
#include "pipeline/graph/component.h"
#include "pipeline/net/coding.h"

#include <arpa/inet.h>
#include <stdlib.h>

enum format { FORMAT_JSON = 0, FORMAT_PROTO };
enum compression { COMPRESSION_NONE = 0, COMPRESSION_ZSTD, COMPRESSION_EMPTY };

enum { MEGABYTES_DEFAULT = 100 };

struct rotation_config {
	uint32_t max_megabytes, max_days, max_backups;
	bool localtime;
};

struct file_config {
	struct delivery_config delivery;
	const char *path;
	struct rotation_config rotation;
	bool rotation_present, append;
	int format, compression;
};

static const char *const formats[] = {"json", "proto", NULL};
static const char *const compressions[] = {"none", "zstd", "", NULL};

static void check(const void *config, const struct config_node *node, const char *path,
		  struct config_report *report)
{
	const struct file_config *file = config;
	struct config_loc loc = node ? node->loc : (struct config_loc){0};
	if (!file->path[0])
		config_problem(report, CONFIG_ERROR, loc, path, NULL, "path must be non-empty");
	if (file->append && file->rotation_present)
		config_problem(report, CONFIG_ERROR, loc, path, NULL,
			       "append and rotation enabled at the same time is not supported");
	if (file->append && file->compression == COMPRESSION_ZSTD)
		config_problem(report, CONFIG_ERROR, loc, path, NULL,
			       "append and compression enabled at the same time is not supported");
}

static const struct config_field rotation_fields[] = {
	CONFIG_U32(struct rotation_config, max_megabytes, "max_megabytes", "100", 0, 1048576,
		   "MiBy", "Rename the file before it grows over this; 0: 100."),
	CONFIG_U32(struct rotation_config, max_days, "max_days", "0", 0, 36500, "d",
		   "Remove renamed files older than this; 0: never for their age."),
	CONFIG_U32(struct rotation_config, max_backups, "max_backups", "100", 0, 1000000, "",
		   "Renamed files to keep; 0: all."),
	CONFIG_BOOL(struct rotation_config, localtime, "localtime", "false",
		    "Times in the names of renamed files are local, not UTC."),
};
static const struct config_block rotation_block =
	CONFIG_BLOCK(struct rotation_config, rotation_fields);

static const struct config_field fields[] = {
	CONFIG_STRING(struct file_config, path, "path", "",
		      "File to write; its directory has to be there."),
	CONFIG_OPTIONAL_SET(struct file_config, rotation, rotation_present, "rotation",
			    &rotation_block, "Several files in place of one; off unless written."),
	CONFIG_ENUM(struct file_config, format, "format", formats, "json",
		    "json: OTLP/JSON, one request a line; proto: each after its length."),
	CONFIG_BOOL(struct file_config, append, "append", "false",
		    "Keep what the file holds at the start; rotation always does."),
	CONFIG_ENUM(struct file_config, compression, "compression", compressions, "none",
		    "none or zstd: each request compressed, after its length."),
	CONFIG_IGNORED(DURATION, "flush_interval",
		       "Accepted; a batch is written at once, and only then counts as delivered."),
	DELIVERY_FIELDS(struct file_config, delivery, "0s"),
};
static const struct config_block block = CONFIG_BLOCK_CHECKED(struct file_config, fields, check);

/* One batch on its way into the file. */
struct output {
	struct output *next;
	struct export_call *call;
	struct export_result result;
	uv_work_t work;
	struct file *file;
};

struct file {
	const struct file_config *config; /* immutable */
	struct budget *budget;
	/* owned by the home loop */
	struct loop *loop;
	struct output *first, **last; /* first is being written */
	/* owned by the work under way */
	struct record_file records;
	struct json_body *json; /* NULL: format proto */
	struct coder *coder;
};

static void destroy(void *arg)
{
	struct file *self = arg;
	record_file_close(&self->records);
	json_body_free(self->json);
	coder_free(self->coder);
	free(self);
}

static void *create(const struct component_env *env, const void *config,
		    struct config_report *report)
{
	(void)report;
	struct file *self = calloc(1, sizeof(*self));
	if (!self)
		return NULL;
	self->config = config;
	self->budget = env->budget;
	self->records.fd = -1;
	self->last = &self->first;
	self->coder = coder_new();
	if (self->config->format == FORMAT_JSON)
		self->json = json_body_new(env->budget, env->keys, env->metrics, env->id);
	if (self->coder && (self->json || self->config->format == FORMAT_PROTO))
		return self;
	destroy(self);
	return NULL;
}

static const struct delivery_config *delivery(const void *config)
{
	return &((const struct file_config *)config)->delivery;
}

static int start(void *arg, struct loop *loop, struct err *err)
{
	struct file *self = arg;
	const struct file_config *config = self->config;
	const struct rotation_config *rotation = &config->rotation;
	uint64_t megabytes = rotation->max_megabytes ? rotation->max_megabytes : MEGABYTES_DEFAULT;
	const struct record_file_config records = {.path = config->path,
						   .keep = config->append,
						   .rotate = config->rotation_present,
						   .bytes_max = megabytes << 20,
						   .days_max = rotation->max_days,
						   .backups_max = rotation->max_backups,
						   .local_time = rotation->localtime};
	self->loop = loop;
	return record_file_open(&self->records, &records, err);
}

/* ---- on the thread pool --------------------------------------------------------------------- */

/* The batch as it goes into the file; the caller's reference. */
static struct chunk *make_body(struct file *self, const struct batch *batch, struct err *err)
{
	struct chunk *body =
		self->json ? json_body_make(self->json, batch, err) : batch_flatten(batch);
	if (!body && !self->json)
		(void)err_set(err, ERR_NOMEM, "out of memory");
	if (!body || self->config->compression != COMPRESSION_ZSTD)
		return body;
	struct slice plain = chunk_slice(body);
	struct chunk *coded =
		coder_encode(self->coder, CODING_ZSTD, 0, &plain, 1, self->budget, err);
	chunk_unref(body);
	return coded;
}

static void run_write(uv_work_t *work)
{
	struct output *output = CONTAINER_OF(work, struct output, work);
	struct file *self = output->file;
	struct err *err = &output->result.err;
	bool lines = self->json && self->config->compression != COMPRESSION_ZSTD;
	struct chunk *body = make_body(self, output->call->batch, err);
	if (!body)
		return;
	uint32_t length = htonl((uint32_t)body->len); /* requests are below 2 GiB */
	const struct slice record[] = {
		lines ? SLICE("") : slice_of(&length, sizeof(length)),
		chunk_slice(body),
		lines ? SLICE("\n") : SLICE(""),
	};
	if (record_file_append(&self->records, record, ARRAY_COUNT(record), clock_wall_ns(), err) ==
	    0)
		output->result.outcome = EXPORT_DELIVERED;
	chunk_unref(body);
}

/* ---- on the home loop ----------------------------------------------------------------------- */

static void start_write(struct file *self);

static void after_write(uv_work_t *work, int status)
{
	struct output *output = CONTAINER_OF(work, struct output, work);
	struct file *self = output->file;
	if (status != 0)
		(void)err_set(&output->result.err, ERR_IO, "thread pool: %s", uv_strerror(status));
	self->first = output->next;
	if (!self->first)
		self->last = &self->first;
	start_write(self); /* before the end of this one, which may bring the next batch */
	export_done(output->call, &output->result);
	free(output);
}

static void start_write(struct file *self)
{
	struct output *output = self->first;
	if (!output)
		return;
	int status = uv_queue_work(&self->loop->uv, &output->work, run_write, after_write);
	if (status != 0)
		after_write(&output->work, status);
}

static void send_batch(void *arg, struct export_call *call)
{
	struct file *self = arg;
	struct output *output = calloc(1, sizeof(*output));
	if (!output) {
		const struct export_result failed = {
			.outcome = EXPORT_RETRY,
			.err = {.kind = ERR_NOMEM, .msg = "out of memory"}};
		export_done(call, &failed);
		return;
	}
	output->call = call;
	output->file = self;
	output->result.outcome = EXPORT_RETRY;
	bool idle = !self->first;
	*self->last = output;
	self->last = &output->next;
	if (idle)
		start_write(self);
}

static const struct exporter_ops ops = {.create = create,
					.delivery = delivery,
					.start = start,
					.send = send_batch,
					.destroy = destroy};

const struct component_type exporter_file = {
	.kind = COMPONENT_EXPORTER,
	.names = {"file"},
	.summary = "Requests in a file, as lines of JSON or as protobuf, with rotation.",
	.config = &block,
	.exporter = &ops};
