/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OTLP receiver: listeners for gRPC (4317) and HTTP (4318). The server underneath understands
 * both protocols on both ports, so OTLP/HTTP sent to 4317 and gRPC sent to 4318 just work. The
 * configuration is the Collector's otlp receiver; keys that have no meaning here are accepted and
 * say so in the reference.
 *
 * Threads: create, start, drain and the rest run on the main thread; requests (request.c) on the
 * shard that holds their connection.
 */
#include "receivers/otlp/otlp_internal.h"

#include "pipeline/net/server_settings.h"

#include <stdlib.h>

/* ---- configuration -------------------------------------------------------------------------- */

struct grpc_config {
	struct grpc_server_settings server;
};

struct http_config {
	struct http_server_settings server;
	const char *traces_url_path;
	struct cors_config cors;
};

struct protocols_config {
	struct grpc_config grpc;
	struct http_config http;
	bool grpc_present, http_present;
};

struct otlp_config {
	struct protocols_config protocols;
};

static const struct config_field grpc_fields[] = {
	GRPC_SERVER_FIELDS(struct grpc_config, server, "localhost:4317",
			   "Address to listen on; localhost means every address it resolves to."),
};

static void check_grpc(const void *config, const struct config_node *node, const char *path,
		       struct config_report *report)
{
	(void)node;
	collector_keys_check(&((const struct grpc_config *)config)->server.keys, path, report);
}

static const struct config_block grpc_block =
	CONFIG_BLOCK_CHECKED(struct grpc_config, grpc_fields, check_grpc);

static const struct config_field http_fields[] = {
	HTTP_SERVER_FIELDS(struct http_config, server, "localhost:4318",
			   "Address to listen on; localhost means every address it resolves to."),
	HTTP_SERVER_LIMIT_FIELDS(struct http_config, server),
	CONFIG_STRING(struct http_config, traces_url_path, "traces_url_path", "/v1/traces",
		      "Path of traces; a missing leading slash is added."),
	CONFIG_SUB(struct http_config, cors, "cors", &cors_block, "Requests from browsers."),
	CONFIG_IGNORED(STRING, "metrics_url_path", "Accepted; Sluice takes traces alone."),
	CONFIG_IGNORED(STRING, "logs_url_path", "Accepted; Sluice takes traces alone."),
	CONFIG_IGNORED(STRING_LIST, "compression_algorithms",
		       "Accepted; identity, gzip, zstd, deflate, snappy, x-snappy-framed and lz4 "
		       "are always understood."),
};

static void check_http(const void *config, const struct config_node *node, const char *path,
		       struct config_report *report)
{
	(void)node;
	collector_keys_check(&((const struct http_config *)config)->server.keys, path, report);
}

static const struct config_block http_block =
	CONFIG_BLOCK_CHECKED(struct http_config, http_fields, check_http);

static const struct config_field protocol_fields[] = {
	CONFIG_OPTIONAL(struct protocols_config, grpc, grpc_present, "grpc", &grpc_block,
			"OTLP/gRPC; an empty value means all defaults."),
	CONFIG_OPTIONAL(struct protocols_config, http, http_present, "http", &http_block,
			"OTLP/HTTP; an empty value means all defaults."),
};
static const struct config_block protocols_block =
	CONFIG_BLOCK(struct protocols_config, protocol_fields);

static void check(const void *config, const struct config_node *node, const char *path,
		  struct config_report *report)
{
	const struct otlp_config *otlp = config;
	if (!otlp->protocols.grpc_present && !otlp->protocols.http_present)
		config_problem(report, CONFIG_ERROR, node ? node->loc : (struct config_loc){0},
			       path, NULL,
			       "must specify at least one protocol when using the OTLP receiver");
}

static const struct config_field fields[] = {
	CONFIG_SUB(struct otlp_config, protocols, "protocols", &protocols_block,
		   "At least one of grpc and http."),
};
static const struct config_block block = CONFIG_BLOCK_CHECKED(struct otlp_config, fields, check);

/* ---- instance ------------------------------------------------------------------------------- */

enum { LISTENER_GRPC = 0, LISTENER_HTTP, LISTENER_COUNT };

struct otlp {
	const struct otlp_config *config; /* immutable */
	struct log log;
	struct metrics *metrics;
	const char *id;
	struct otlp_handler handler;
	const struct server_authenticator
		*authenticators[LISTENER_COUNT]; /* NULL: all are let in */
	struct tls_context *tls[LISTENER_COUNT];
	struct server *servers[LISTENER_COUNT]; /* NULL: protocol off */
	size_t draining;
	void (*drained)(void *arg);
	void *drained_arg;
};

static const struct metric_desc metric_json_replaced = {
	"sluice_otlp_json_replaced_characters", "{character}",
	"Halves of surrogate pairs in OTLP/JSON that were replaced by U+FFFD", METRIC_COUNTER};

static const struct metric_desc metric_misdirected = {
	"sluice_receiver_requests_misdirected", "{requests}",
	"Requests that were not for this receiver, by what was wrong", METRIC_COUNTER};

#define MISDIRECTED(which, reason)                                                                 \
	{                                                                                          \
		&metric_misdirected, offsetof(struct otlp, handler.misdirected[which]),            \
		{                                                                                  \
			"reason", reason                                                           \
		}                                                                                  \
	}
static const struct metric_row metric_rows[] = {
	{&metric_json_replaced, offsetof(struct otlp, handler.json_replaced), {NULL}},
	MISDIRECTED(MISDIRECTED_PATH, "path"),
	MISDIRECTED(MISDIRECTED_METHOD, "method"),
	MISDIRECTED(MISDIRECTED_MEDIA_TYPE, "media_type"),
	MISDIRECTED(MISDIRECTED_GRPC_METHOD, "grpc_method"),
	MISDIRECTED(MISDIRECTED_SIGNAL, "signal"),
};
_Static_assert(ARRAY_COUNT(metric_rows) == 1 + MISDIRECTED_COUNT, "a counter has no row");
static const struct metric_table metrics = METRIC_TABLE("receiver", metric_rows);

/* False with the problem in ${report}. */
static bool find_authenticator(struct otlp *self, int which, const struct component_env *env,
			       struct config_report *report)
{
	const struct protocols_config *config = &self->config->protocols;
	bool grpc = which == LISTENER_GRPC;
	const struct collector_keys *keys =
		grpc ? &config->grpc.server.keys : &config->http.server.keys;
	struct buf path = BUF_INIT;
	if (!keys->auth_present)
		return true;
	buf_printf(&path, "%s.protocols.%s.auth", env->path, grpc ? "grpc" : "http");
	self->authenticators[which] =
		component_server_authenticator(env, &keys->auth, buf_cstr(&path), report);
	buf_fini(&path);
	return self->authenticators[which];
}

static void *create(const struct component_env *env, const void *config,
		    struct config_report *report)
{
	struct otlp *self = calloc(1, sizeof(*self));
	if (!self)
		return NULL;
	self->config = config;
	self->log = env->log;
	self->metrics = env->metrics;
	self->id = env->id;
	const char *path = self->config->protocols.http.traces_url_path;
	self->handler.response_headers = &self->config->protocols.http.server.response_headers;
	self->handler.traces_url_path =
		path[0] == '/' ? path : arena_printf(env->arena, "/%s", path);
	bool found = find_authenticator(self, LISTENER_GRPC, env, report);
	found &= find_authenticator(self, LISTENER_HTTP, env, report);
	if (found && self->handler.traces_url_path &&
	    cors_init(&self->handler.cors, &self->config->protocols.http.cors, env->arena))
		return self;
	free(self);
	return NULL;
}

/* Both protocols are served on both ports: sizes are common, the life of connections is the
 * listener's. */
static struct server_limits limits_of(const struct protocols_config *config, bool grpc)
{
	const struct server_parameters *life = &config->grpc.server.keepalive.server_parameters;
	struct server_limits limits = server_limits_default();
	grpc_server_settings_requests(&config->grpc.server, &limits);
	http_server_settings_requests(&config->http.server, &limits);
	if (grpc)
		grpc_server_settings_connections(&config->grpc.server, &limits);
	else
		http_server_settings_connections(&config->http.server, &limits);
	limits.max_connection_age_ns = life->max_connection_age_ns;
	limits.max_connection_age_grace_ns = life->max_connection_age_grace_ns;
	return limits;
}

static int start_listener(struct otlp *self, int which, const struct receiver_host *host,
			  struct err *err)
{
	const struct protocols_config *config = &self->config->protocols;
	bool grpc = which == LISTENER_GRPC;
	if (grpc ? config->grpc.server.tls_present : config->http.server.tls_present) {
		const struct tls_config *tls =
			grpc ? &config->grpc.server.tls : &config->http.server.tls;
		const struct tls_owner owner = {.log = &self->log,
						.metrics = self->metrics,
						.listener = grpc ? "grpc" : "http"};
		self->tls[which] = tls_server_context(tls, "h2,http/1.1", &owner, err);
		if (!self->tls[which])
			return -1;
	}
	const struct server_config server = {
		.endpoint = grpc ? config->grpc.server.endpoint : config->http.server.endpoint,
		.transport = grpc ? config->grpc.server.transport : config->http.server.transport,
		.label = grpc ? "GRPC" : "HTTP",
		.tls = self->tls[which],
		.limits = limits_of(config, grpc),
		.authenticator = self->authenticators[which],
		.handler = &otlp_server_handler,
		.handler_arg = &self->handler,
		.keep_alives = config->http.server.keep_alives_enabled,
	};
	self->servers[which] = server_new(&server, &self->log, err);
	if (self->servers[which] && !server_register(self->servers[which], self->metrics,
						     "receiver", self->id, grpc ? "grpc" : "http"))
		return err_set(err, ERR_NOMEM, "out of memory");
	if (!self->servers[which] || server_start(self->servers[which], host->accept_loop,
						  host->shards, host->shard_count, err) != 0)
		return -1;
	uint16_t port = server_port(self->servers[which]); /* differs from the endpoint's 0 */
	if (grpc)
		log_info(&self->log, LOG_MSG("Starting GRPC server"),
			 LOG_STR("endpoint", server.endpoint), LOG_UINT("port", port));
	else
		log_info(&self->log, LOG_MSG("Starting HTTP server"),
			 LOG_STR("endpoint", server.endpoint), LOG_UINT("port", port));
	return 0;
}

static int start(void *arg, const struct receiver_host *host, struct err *err)
{
	struct otlp *self = arg;
	self->handler.port = host->port;
	if (self->config->protocols.grpc_present &&
	    start_listener(self, LISTENER_GRPC, host, err) != 0)
		return -1;
	if (self->config->protocols.http_present &&
	    start_listener(self, LISTENER_HTTP, host, err) != 0)
		return -1;
	return 0;
}

static void on_server_drained(void *arg)
{
	struct otlp *self = arg;
	if (--self->draining == 0)
		self->drained(self->drained_arg);
}

static void drain(void *arg, void (*drained)(void *arg), void *drained_arg)
{
	struct otlp *self = arg;
	self->drained = drained;
	self->drained_arg = drained_arg;
	self->draining = 1; /* ours: a server may be drained before the next is asked */
	for (int i = 0; i < LISTENER_COUNT; i++) {
		if (self->servers[i]) {
			self->draining++;
			server_drain(self->servers[i], on_server_drained, self);
		}
	}
	on_server_drained(self);
}

static void abort_all(void *arg)
{
	struct otlp *self = arg;
	for (int i = 0; i < LISTENER_COUNT; i++) {
		if (self->servers[i])
			server_abort(self->servers[i]);
	}
}

static void describe(const void *arg, struct buf *out)
{
	const struct otlp *self = arg;
	for (int i = 0; i < LISTENER_COUNT; i++) {
		if (self->servers[i])
			buf_printf(out, "%s=%u ", i == LISTENER_GRPC ? "grpc" : "http",
				   server_port(self->servers[i]));
	}
}

static void destroy(void *arg)
{
	struct otlp *self = arg;
	for (int i = 0; i < LISTENER_COUNT; i++) {
		if (self->servers[i])
			server_free(self->servers[i]);
		if (self->tls[i])
			tls_context_free(self->tls[i]);
	}
	free(self);
}

static const struct receiver_ops ops = {.create = create,
					.start = start,
					.drain = drain,
					.abort = abort_all,
					.destroy = destroy,
					.describe = describe};

static void addresses(const void *config, component_visit_address *visit, void *arg)
{
	const struct protocols_config *protocols = &((const struct otlp_config *)config)->protocols;
	const struct component_address grpc = {.key = "protocols.grpc.endpoint",
					       .endpoint = protocols->grpc.server.endpoint,
					       .transport = protocols->grpc.server.transport};
	const struct component_address http = {.key = "protocols.http.endpoint",
					       .endpoint = protocols->http.server.endpoint,
					       .transport = protocols->http.server.transport};
	if (protocols->grpc_present)
		visit(arg, &grpc);
	if (protocols->http_present)
		visit(arg, &http);
}

const struct component_type receiver_otlp = {.kind = COMPONENT_RECEIVER,
					     .names = {"otlp"},
					     .summary = "OTLP over gRPC and HTTP.",
					     .config = &block,
					     .metrics = &metrics,
					     .addresses = addresses,
					     .receiver = &ops};
