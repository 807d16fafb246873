/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The extension assert_control: how jobs beside `sluice assert --listen` end it and ask where it
 * stands, over HTTP.
 *
 *   GET /status    counts, and whether all expectations hold so far, as JSON
 *   POST /finish   the same, and no more spans are waited for
 *
 * It is no path of the OTLP receiver: who may send spans may not thereby end the run, and the
 * receiver needs to know of no command. Whoever runs the assertions answers (assert_control.h);
 * without one, as in `sluice run`, every request gets 503. Runs on the main loop, on memory and
 * connections of its own.
 */
#include "extensions/assert_control/assert_control.h"

#include "pipeline/graph/component.h"
#include "pipeline/net/admin_server.h"

#include <stdlib.h>

enum { CONTROL_BYTES_MAX = 8 << 20 /* held for all requests */ };

struct control_config {
	const char *endpoint;
};

static const struct config_field fields[] = {
	CONFIG_STRING(struct control_config, endpoint, "endpoint", "localhost:13134",
		      "Address to listen on."),
};
static const struct config_block block = CONFIG_BLOCK(struct control_config, fields);

struct control {
	const struct control_config *config; /* immutable */
	struct log log;
	const char *id;
	struct metrics *metrics;
	struct assert_control_owner owner;
	struct admin_server server; /* owned by the main loop */
};

/* ---- answering ------------------------------------------------------------------------------ */

static void answer(struct server_request *request, int status, const char *allow, struct slice body)
{
	struct server_header headers[2] = {{"content-type", SLICE("application/json")}};
	size_t count = 1;
	if (allow)
		headers[count++] = (struct server_header){"allow", slice_str(allow)};
	server_respond_http(request, status, headers, count, body);
}

static void answer_status(const struct control *self, struct server_request *request)
{
	struct buf body = BUF_INIT;
	bool known = self->owner.status && self->owner.status(self->owner.arg, &body);
	if (known)
		answer(request, 200, NULL, buf_slice(&body));
	else
		answer(request, 503, NULL, SLICE("{\"error\":\"no assertions run\"}\n"));
	buf_fini(&body);
}

static bool on_header(void *arg, struct server_request *request)
{
	const struct control *self = arg;
	bool finish = slice_equal(request->path, SLICE("/finish"));
	const char *method = finish ? "POST" : "GET";
	if (!finish && !slice_equal(request->path, SLICE("/status"))) {
		answer(request, 404, NULL, SLICE("{\"error\":\"GET /status or POST /finish\"}\n"));
	} else if (!slice_equal(request->method, slice_str(method))) {
		answer(request, 405, method, SLICE("{\"error\":\"method not allowed\"}\n"));
	} else {
		if (finish && self->owner.finish)
			self->owner.finish(self->owner.arg);
		answer_status(self, request);
	}
	return false;
}

static const struct server_handler handler = ADMIN_HANDLER(on_header);

/* ---- life ----------------------------------------------------------------------------------- */

static void *create(const struct component_env *env, const void *config,
		    struct config_report *report)
{
	(void)report;
	struct control *self = calloc(1, sizeof(*self));
	if (!self)
		return NULL;
	self->config = config;
	self->log = env->log;
	self->id = env->id;
	self->metrics = env->metrics;
	return self;
}

static int start(void *arg, const struct extension_host *host, struct err *err)
{
	struct control *self = arg;
	const struct admin_server_config server = {.endpoint = self->config->endpoint,
						   .transport = "tcp",
						   .label = "assert control",
						   .bytes_max = CONTROL_BYTES_MAX,
						   .handler = &handler,
						   .handler_arg = self,
						   .log = &self->log,
						   .metrics = self->metrics,
						   .owner = "extension",
						   .id = self->id,
						   .listener = "assert_control"};
	if (admin_server_start(&self->server, &server, host->loop, host->shard, err) != 0)
		return -1;
	log_info(&self->log, LOG_MSG("Starting assert_control extension"),
		 LOG_STR("endpoint", self->config->endpoint),
		 LOG_UINT("port", admin_server_port(&self->server)));
	return 0;
}

static void stop(void *arg)
{
	struct control *self = arg;
	admin_server_stop(&self->server);
}

static void destroy(void *arg)
{
	struct control *self = arg;
	admin_server_fini(&self->server);
	free(self);
}

void assert_control_set_owner(void *self, const struct assert_control_owner *owner)
{
	((struct control *)self)->owner = *owner;
}

uint16_t assert_control_port(const void *self)
{
	return admin_server_port(&((const struct control *)self)->server);
}

static const struct extension_ops ops = {
	.create = create, .start = start, .stop = stop, .destroy = destroy};

static void addresses(const void *config, component_visit_address *visit, void *arg)
{
	const struct control_config *control = config;
	const struct component_address address = {
		.key = "endpoint", .endpoint = control->endpoint, .transport = "tcp"};
	visit(arg, &address);
}

const struct component_type extension_assert_control = {
	.kind = COMPONENT_EXTENSION,
	.names = {"assert_control"},
	.summary = "Ends `sluice assert` from outside and says where it stands: /finish, /status.",
	.config = &block,
	.addresses = addresses,
	.extension = &ops};
