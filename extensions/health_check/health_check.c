/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The health_check extension: 200 while the pipelines run, 503 before and after. Any method
 * answers. The path is matched as Go's mux does: "/" answers everywhere, another path exactly.
 * Runs on the main loop, on memory and connections of its own: nothing that peers of the receivers
 * hold can make a probe fail.
 */
#include "pipeline/base/clock.h"
#include "pipeline/graph/component.h"
#include "pipeline/net/admin_server.h"
#include "pipeline/net/server_settings.h"

#include <stdlib.h>
#include <time.h>

enum {
	RESPONSE_HEADERS_MAX = 16,
	PROBE_BYTES_MAX = 8 << 20, /* held for all probes */
};

struct response_body {
	const char *healthy, *unhealthy;
};

struct health_config {
	struct http_server_settings server; /* its limits are not used */
	const char *path;
	struct response_body response_body;
	bool response_body_present;
};

static const struct config_field body_fields[] = {
	CONFIG_STRING(struct response_body, healthy, "healthy", "", "Body of the 200."),
	CONFIG_STRING(struct response_body, unhealthy, "unhealthy", "", "Body of the 503."),
};
static const struct config_block body_block = CONFIG_BLOCK(struct response_body, body_fields);

static const struct config_field fields[] = {
	HTTP_SERVER_FIELDS(struct health_config, server, "localhost:13133",
			   "Address to listen on."),
	CONFIG_STRING(struct health_config, path, "path", "/", "Path that answers; / is all."),
	CONFIG_OPTIONAL_SET(struct health_config, response_body, response_body_present,
			    "response_body", &body_block, "Texts in place of the JSON status."),
	CONFIG_IGNORED(MAP, "check_collector_pipeline",
		       "Accepted; it has no effect in the Collector either."),
	CONFIG_IGNORED(I64, "max_request_body_size", "Accepted; bodies of probes are not read."),
	CONFIG_IGNORED(STRING_LIST, "compression_algorithms",
		       "Accepted; bodies of probes are not read."),
	CONFIG_IGNORED(DURATION, "read_timeout", "Accepted; the server's own limits hold."),
	CONFIG_IGNORED(DURATION, "read_header_timeout", "Accepted; the server's own limits hold."),
	CONFIG_IGNORED(DURATION, "write_timeout", "Accepted; the server's own limits hold."),
	CONFIG_IGNORED(DURATION, "idle_timeout", "Accepted; the server's own limits hold."),
	CONFIG_IGNORED(BOOL, "keep_alives_enabled", "Accepted; connections are kept."),
	COLLECTOR_CORS_FIELD(struct health_config, server.keys),
};

static void check(const void *config, const struct config_node *node, const char *path,
		  struct config_report *report)
{
	const struct health_config *health = config;
	collector_keys_check(&health->server.keys, path, report);
	if (health->server.keys.auth_present)
		config_problem(report, CONFIG_ERROR, node ? node->loc : (struct config_loc){0},
			       path, NULL,
			       "'auth' names an authenticator: probes are answered without "
			       "credentials, remove it");
	if (health->path[0] != '/')
		config_problem(report, CONFIG_ERROR, node ? node->loc : (struct config_loc){0},
			       path, NULL, "'path' must begin with a slash");
}

static const struct config_block block = CONFIG_BLOCK_CHECKED(struct health_config, fields, check);

struct health {
	const struct health_config *config; /* immutable */
	struct log log;
	const char *id;
	struct metrics *metrics;
	/* owned by the main loop */
	struct tls_context *tls;
	struct admin_server server;
	bool ready;
	uint64_t since_wall_ns, since_ns;
};

/* ---- answering ------------------------------------------------------------------------------ */

/* RFC 3339 with nanoseconds, in UTC. */
static void append_time(struct buf *out, uint64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / NS_PER_S);
	struct tm date;
	char text[32];
	if (!gmtime_r(&seconds, &date) || strftime(text, sizeof(text), "%FT%T", &date) == 0)
		return;
	buf_printf(out, "%s.%09lluZ", text, (unsigned long long)(wall_ns % NS_PER_S));
}

/* ${ns} in a unit of ${unit_ns}, a power of ten up to a second, with as many digits after the point as it needs. */
static void append_decimal(struct buf *out, uint64_t ns, uint64_t unit_ns, const char *unit)
{
	buf_printf(out, "%llu", (unsigned long long)(ns / unit_ns));
	uint64_t rest = ns % unit_ns;
	if (rest > 0)
		buf_append_byte(out, '.');
	for (; rest > 0; rest = rest * 10 % unit_ns)
		buf_append_byte(out, (uint8_t)('0' + rest * 10 / unit_ns));
	buf_append_str(out, unit);
}

/* As Go prints a duration: 1h2m3.5s, 1.5ms. */
static void append_duration(struct buf *out, uint64_t ns)
{
	uint64_t minutes = ns / NS_PER_S / 60;
	if (ns > 0 && ns < 1000)
		append_decimal(out, ns, 1, "ns");
	else if (ns > 0 && ns < NS_PER_MS)
		append_decimal(out, ns, 1000, "\xc2\xb5s"); /* micro sign */
	else if (ns > 0 && ns < NS_PER_S)
		append_decimal(out, ns, NS_PER_MS, "ms");
	if (ns > 0 && ns < NS_PER_S)
		return;
	if (minutes >= 60)
		buf_printf(out, "%lluh", (unsigned long long)(minutes / 60));
	if (minutes > 0)
		buf_printf(out, "%llum", (unsigned long long)(minutes % 60));
	append_decimal(out, ns % (60 * NS_PER_S), NS_PER_S, "s");
}

static void append_status(const struct health *self, struct buf *body)
{
	if (!self->ready) {
		buf_append_str(body, "{\"status\":\"Server not available\",\"upSince\":"
				     "\"0001-01-01T00:00:00Z\",\"uptime\":\"\"}");
		return;
	}
	buf_append_str(body, "{\"status\":\"Server available\",\"upSince\":\"");
	append_time(body, self->since_wall_ns);
	buf_append_str(body, "\",\"uptime\":\"");
	append_duration(body, clock_monotonic_ns() - self->since_ns);
	buf_append_str(body, "\"}");
}

static bool on_header(void *arg, struct server_request *request)
{
	const struct health *self = arg;
	const struct health_config *config = self->config;
	struct buf body = BUF_INIT;
	int status = self->ready ? 200 : 503;
	const char *type = "application/json";
	if (strcmp(config->path, "/") != 0 &&
	    !slice_equal(request->path, slice_str(config->path))) {
		status = 404;
		type = "text/plain";
		buf_append_str(&body, "404 page not found\n");
	} else if (config->response_body_present) {
		type = "text/plain";
		buf_append_str(&body, self->ready ? config->response_body.healthy
						  : config->response_body.unhealthy);
	} else {
		append_status(self, &body);
	}
	struct server_header headers[RESPONSE_HEADERS_MAX + 1] = {
		{"content-type", slice_str(type)}};
	size_t count = 1;
	for (size_t i = 0; i < config->server.response_headers.count && i < RESPONSE_HEADERS_MAX;
	     i++)
		headers[count++] = (struct server_header){
			config->server.response_headers.at[i].name,
			slice_str(config->server.response_headers.at[i].value)};
	server_respond_http(request, status, headers, count, buf_slice(&body));
	buf_fini(&body);
	return false;
}

static const struct server_handler handler = ADMIN_HANDLER(on_header);

/* ---- life ----------------------------------------------------------------------------------- */

static void *create(const struct component_env *env, const void *config,
		    struct config_report *report)
{
	(void)report;
	struct health *self = calloc(1, sizeof(*self));
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
	struct health *self = arg;
	const struct health_config *config = self->config;
	const struct tls_owner owner = {.log = &self->log, .metrics = self->metrics};
	if (config->server.tls_present &&
	    !(self->tls = tls_server_context(&config->server.tls, "http/1.1", &owner, err)))
		return -1;
	const struct admin_server_config server = {.endpoint = config->server.endpoint,
						   .transport = config->server.transport,
						   .label = "health check",
						   .tls = self->tls,
						   .bytes_max = PROBE_BYTES_MAX,
						   .handler = &handler,
						   .handler_arg = self,
						   .log = &self->log,
						   .metrics = self->metrics,
						   .owner = "extension",
						   .id = self->id,
						   .listener = "health_check"};
	if (admin_server_start(&self->server, &server, host->loop, host->shard, err) != 0)
		return -1;
	log_info(&self->log, LOG_MSG("Starting health_check extension"),
		 LOG_STR("endpoint", config->server.endpoint),
		 LOG_UINT("port", admin_server_port(&self->server)));
	return 0;
}

static void ready(void *arg, bool is_ready)
{
	struct health *self = arg;
	self->ready = is_ready;
	self->since_wall_ns = clock_wall_ns();
	self->since_ns = clock_monotonic_ns();
}

static void stop(void *arg)
{
	struct health *self = arg;
	admin_server_stop(&self->server);
}

static void destroy(void *arg)
{
	struct health *self = arg;
	admin_server_fini(&self->server);
	if (self->tls)
		tls_context_free(self->tls);
	free(self);
}

static const struct extension_ops ops = {
	.create = create, .start = start, .ready = ready, .stop = stop, .destroy = destroy};

static void addresses(const void *config, component_visit_address *visit, void *arg)
{
	const struct health_config *health = config;
	const struct component_address address = {.key = "endpoint",
						  .endpoint = health->server.endpoint,
						  .transport = health->server.transport};
	visit(arg, &address);
}

const struct component_type extension_health_check = {
	.kind = COMPONENT_EXTENSION,
	.names = {"health_check"},
	.summary = "Answers probes: 200 while the pipelines run.",
	.config = &block,
	.addresses = addresses,
	.extension = &ops};
