/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/bench_sink.h"

#include "tests/support/bench_figure.h"
#include "tests/support/peer_spans.h"

#include <unistd.h>

static bool on_header(void *arg, struct server_request *request)
{
	(void)arg;
	(void)request;
	return true;
}

static void on_request(void *arg, struct server_request *request)
{
	static const struct server_header headers[] = {
		{"content-type", SLICE_INIT("application/x-protobuf")}};
	struct bench_sink *sink = arg;
	struct slice body = request->body ? chunk_slice(request->body) : (struct slice){0};
	sink->requests++;
	sink->bytes += body.len;
	sink->spans += peer_count_spans(body);
	if (request->is_grpc)
		server_respond_grpc(request, 0, "", (struct slice){0}, (struct slice){0});
	else
		server_respond_http(request, 200, headers, 1, (struct slice){0});
}

static void on_refused(void *arg, struct server_request *request, enum server_refusal why,
		       int http_status, int grpc_status, const char *message)
{
	(void)arg;
	(void)request;
	(void)http_status;
	bench_die("the sink refuses a request (%d, status %d): %s", (int)why, grpc_status, message);
}

static void on_cancel(void *arg, struct server_request *request)
{
	(void)arg;
	(void)request; /* answered at once: nothing is kept */
}

static const struct server_handler handler = {.on_header = on_header,
					      .on_request = on_request,
					      .on_refused = on_refused,
					      .on_cancel = on_cancel};

void bench_sink_open(struct bench_sink *sink, struct loop *loop, struct budget *budget)
{
	struct err err;
	struct logger_config logger = logger_config_default();
	*sink = (struct bench_sink){0};
	logger.fd = STDERR_FILENO;
	logger.level = LOG_LEVEL_WARN;
	sink->logger = logger_new(&logger);
	sink->log.logger = sink->logger;
	sink->shard.loop = loop;
	sink->shard.budget = budget;
	sink->shard.coder = coder_new();
	struct server_config config = {.endpoint = "127.0.0.1:0",
				       .transport = "tcp",
				       .label = "SINK",
				       .limits = server_limits_default(),
				       .handler = &handler,
				       .handler_arg = sink,
				       .keep_alives = true};
	config.limits.grpc_message_bytes_max = config.limits.http_body_bytes_max;
	if (!sink->logger || !sink->shard.coder)
		bench_die("out of memory");
	sink->server = server_new(&config, &sink->log, &err);
	if (!sink->server || server_start(sink->server, loop, &sink->shard, 1, &err) != 0)
		bench_die("the sink does not start: %s", err.msg);
}

uint16_t bench_sink_port(const struct bench_sink *sink)
{
	return server_port(sink->server);
}

static void on_drained(void *arg)
{
	*(bool *)arg = true;
}

void bench_sink_close(struct bench_sink *sink, struct loop *loop)
{
	bool drained = false;
	server_drain(sink->server, on_drained, &drained);
	server_abort(sink->server);
	while (!drained)
		(void)uv_run(&loop->uv, UV_RUN_ONCE);
	server_free(sink->server);
	coder_free(sink->shard.coder);
	logger_free(sink->logger);
}
