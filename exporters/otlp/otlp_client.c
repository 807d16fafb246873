/* SPDX-License-Identifier: Apache-2.0 */
/* See otlp_client.h. The batch's bytes are sent where they lie. */
#include "exporters/otlp/otlp_client.h"
#include "exporters/otlp/otlp_answer.h"
#include "exporters/otlp/otlp_attempt.h"

#include "pipeline/base/ascii.h"
#include "pipeline/base/clock.h"

#include <stdlib.h>

#define TRACE_EXPORT "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

struct otlp_client {
	/* immutable after start */
	struct otlp_client_config config;
	struct endpoint endpoint;
	const char *path, *label, *url; /* label: host:port; url: as sent to, without a query */
	bool tls_on;
	struct client_header *headers;
	size_t header_count;
	struct log log;
	struct budget *budget;
	struct tls_context *tls;
	/* owned by the home loop */
	struct coder *coder;
	struct client *client;
	bool flaw_said; /* that the answers are no OTLP */
};

/* ---- making --------------------------------------------------------------------------------- */

static const char *lower(struct arena *arena, const char *text)
{
	char *copy = arena_printf(arena, "%s", text);
	for (char *at = copy; at && *at; at++)
		*at = (char)ascii_lower((uint8_t)*at);
	return copy;
}

/* Unless the user's configuration has it. */
static void add_header(struct otlp_client *client, const char *name, const char *value)
{
	if (!otlp_has_header(client->headers, client->header_count, name))
		client->headers[client->header_count++] =
			(struct client_header){slice_str(name), slice_str(value)};
}

static int copy_headers(struct otlp_client *client, struct arena *arena, struct err *err)
{
	enum { OWN_HEADERS = 3 };
	const struct config_headers *headers = client->config.headers;
	const struct otlp_dialect *dialect = client->config.dialect;
	const char *accepted =
		client->config.mode == CLIENT_GRPC ? CODING_GRPC_NAMES : CODING_HTTP_NAMES;
	client->headers =
		arena_calloc(arena, headers->count + OWN_HEADERS, sizeof(*client->headers));
	if (!client->headers)
		return err_set(err, ERR_NOMEM, "out of memory");
	client->headers[client->header_count++] =
		(struct client_header){SLICE("user-agent"), slice_str(client->config.user_agent)};
	for (size_t i = 0; i < headers->count; i++) {
		const char *name = lower(arena, headers->at[i].name);
		if (!name)
			return err_set(err, ERR_NOMEM, "out of memory");
		size_t at = strcmp(name, "user-agent") == 0 ? 0 : client->header_count++;
		client->headers[at] =
			(struct client_header){slice_str(name), slice_str(headers->at[i].value)};
	}
	add_header(client,
		   client->config.mode == CLIENT_GRPC ? "grpc-accept-encoding" : "accept-encoding",
		   accepted);
	if (dialect && dialect->header_name)
		add_header(client, dialect->header_name, dialect->header_value);
	return 0;
}

/* The path of an OTLP/HTTP endpoint: its own, without a trailing slash, and /v1/traces. */
static const char *traces_path(const char *base, struct arena *arena)
{
	size_t len = strlen(base);
	while (len > 0 && base[len - 1] == '/')
		len--;
	return arena_printf(arena, "%.*s/v1/traces", (int)len, base);
}

static bool wants_tls(const struct otlp_client_config *config, const struct endpoint *endpoint)
{
	bool wants_plain = config->tls->insecure && !tls_has_ca(config->tls);
	if (endpoint->tls >= 0)
		return endpoint->tls == 1;
	return config->tls_by_default && !wants_plain;
}

/* For people: without user:password and without a query, which may be secret. */
static const char *shown_url(const struct otlp_client *client, struct arena *arena)
{
	const struct endpoint *endpoint = &client->endpoint;
	bool v6 = strchr(endpoint->host, ':') != NULL;
	if (endpoint->port == 0)
		return endpoint->host; /* a unix socket's path */
	return arena_printf(arena, "%s://%s%s%s:%u%.*s", client->tls_on ? "https" : "http",
			    v6 ? "[" : "", endpoint->host, v6 ? "]" : "", endpoint->port,
			    (int)strcspn(client->path, "?#"), client->path);
}

/* What messages call the backend. */
static const char *label_of(const struct otlp_client *client, struct arena *arena)
{
	const struct endpoint *endpoint = &client->endpoint;
	bool v6 = strchr(endpoint->host, ':') != NULL;
	if (client->config.mode != CLIENT_GRPC)
		return client->url;
	return arena_printf(arena, "%s%s%s:%u", v6 ? "[" : "", endpoint->host, v6 ? "]" : "",
			    endpoint->port);
}

bool otlp_client_use(struct otlp_client_config *config, const struct otlp_dialect *dialect,
		     struct budget *budget, const struct key_table *keys)
{
	config->dialect_self = dialect->create(budget, keys);
	if (config->dialect_self)
		config->dialect = dialect;
	return config->dialect_self;
}

void otlp_client_drop(const struct otlp_client_config *config)
{
	json_body_free(config->json);
	if (config->dialect)
		config->dialect->destroy(config->dialect_self);
}

struct otlp_client *otlp_client_new(const struct otlp_client_config *config, const struct log *log,
				    struct budget *budget, struct arena *arena, struct err *err)
{
	struct otlp_client *client = calloc(1, sizeof(*client));
	if (!client) {
		(void)err_set(err, ERR_NOMEM, "out of memory");
		otlp_client_drop(config);
		return NULL;
	}
	client->config = *config;
	client->log = *log;
	client->budget = budget;
	if (endpoint_parse(config->endpoint, config->default_port, arena, &client->endpoint, err) !=
		    0 ||
	    copy_headers(client, arena, err) != 0)
		goto fail;
	client->tls_on = wants_tls(config, &client->endpoint);
	if (config->mode == CLIENT_GRPC)
		client->path = config->dialect && config->dialect->path ? config->dialect->path
									: TRACE_EXPORT;
	else if (config->path)
		client->path = config->path[0] ? config->path : "/";
	else
		client->path = traces_path(client->endpoint.path, arena);
	client->url = client->path ? shown_url(client, arena) : NULL;
	client->label = client->url ? label_of(client, arena) : NULL;
	if (!client->label) {
		(void)err_set(err, ERR_NOMEM, "out of memory");
		goto fail;
	}
	return client;
fail:
	otlp_client_drop(config);
	free(client);
	return NULL;
}

int otlp_client_start(void *self, struct loop *loop, struct err *err)
{
	struct otlp_client *client = self;
	const struct otlp_client_config *config = &client->config;
	const char *alpn = config->mode == CLIENT_GRPC ? "h2" : "h2,http/1.1";
	const struct tls_owner owner = {.log = &client->log, .metrics = config->metrics};
	if (client->tls_on && !(client->tls = tls_client_context(config->tls, alpn, &owner, err)))
		return -1;
	client->coder = coder_new();
	if (!client->coder)
		return err_set(err, ERR_NOMEM, "out of memory");
	const char *server_name = config->tls->server_name_override;
	const struct client_config net = {
		.mode = config->mode,
		.host = client->endpoint.host,
		.port = client->endpoint.port,
		.authority = config->authority && config->authority[0] ? config->authority : NULL,
		.tls = client->tls,
		.tls_by_scheme = client->endpoint.tls == 1,
		.server_name = server_name && server_name[0] ? server_name : NULL,
		.proxy_url = config->proxy_url && config->proxy_url[0] ? config->proxy_url : NULL,
		.connections_max = config->connections_max,
		.idle_timeout_ns = config->idle_timeout_ns,
		.keepalive_time_ns = config->keepalive_time_ns,
		.keepalive_timeout_ns = config->keepalive_timeout_ns,
		.budget = client->budget,
	};
	client->client = client_new(loop, &net, err);
	return client->client ? 0 : -1;
}

/* The names of OpenTelemetry's conventions, as Prometheus writes them. A path without its query, which
 * may be a secret. */
void otlp_client_target(const void *self, struct buf *labels)
{
	const struct otlp_client *client = self;
	struct buf text = BUF_INIT;
	buf_printf(&text, "%u", client->endpoint.port);
	metrics_label(labels, "server_address", client->endpoint.host);
	metrics_label(labels, "server_port", buf_cstr(&text));
	if (client->config.mode == CLIENT_HTTP) {
		buf_reset(&text);
		buf_printf(&text, "%.*s", (int)strcspn(client->path, "?"), client->path);
		metrics_label(labels, "url_path", buf_cstr(&text));
	}
	buf_fini(&text);
}

/* ---- sending -------------------------------------------------------------------------------- */

/* Decodes the body of ${answer}: ret_plain is a copy of it with a body that can be read, or none.
 * *ret_body is to be released after it. False when it cannot be read, or not within the bound. */
static bool decode_answer(struct otlp_client *client, const struct client_result *answer,
			  struct client_result *ret_plain, struct chunk **ret_body)
{
	struct err err;
	enum coding coding;
	*ret_plain = *answer;
	*ret_body = NULL;
	if (answer->body.len == 0 || answer->coding.len == 0)
		return true;
	ret_plain->body = SLICE("");
	if (client->config.mode == CLIENT_GRPC ? !coding_parse_grpc(answer->coding, &coding)
					       : !coding_parse_http(answer->coding, &coding))
		return false;
	*ret_body = coder_decode(client->coder, coding, answer->body, CLIENT_RESPONSE_BYTES_MAX,
				 client->budget, &err);
	if (*ret_body)
		ret_plain->body = chunk_slice(*ret_body);
	return *ret_body != NULL;
}

/* Said once: an endpoint that is none answers each request so. */
static void warn_of_flaw(struct otlp_client *client, const char *flaw)
{
	if (!flaw || client->flaw_said)
		return;
	client->flaw_said = true;
	log_warn(&client->log,
		 LOG_MSG("The endpoint's answer says success and is no OTLP answer: the spans may "
			 "not have been taken. Look whether the URL is that of an OTLP endpoint"),
		 LOG_STR("url", client->url), LOG_STR("answer", flaw));
}

/* What came of the attempt, by the service's own rules. */
static void judge(struct otlp_client *client, const struct client_result *answer,
		  struct export_result *result)
{
	const struct otlp_dialect *dialect = client->config.dialect;
	struct client_result plain;
	struct chunk *body;
	bool readable = decode_answer(client, answer, &plain, &body);
	otlp_answer_classify(client->config.mode, client->label, &plain, clock_wall_ns(), result);
	if (dialect)
		dialect->judge(&plain, result);
	else if (result->outcome == EXPORT_DELIVERED)
		warn_of_flaw(client, readable ? otlp_answer_flaw(&plain)
					      : "coded in a way that cannot be read");
	chunk_unref(body);
}

static void on_done(struct client_call *call, const struct client_result *answer)
{
	struct otlp_attempt *attempt = CONTAINER_OF(call, struct otlp_attempt, call);
	struct export_call *export = attempt->export;
	struct export_result result;
	judge(attempt->client, answer, &result);
	if (result.outcome == EXPORT_DELIVERED)
		result.unusable_spans = attempt->left_out;
	export->exporter = NULL;
	otlp_attempt_free(attempt);
	export_done(export, &result);
}

static void fail(struct export_call *export, const struct err *err)
{
	struct export_result result = {.outcome = EXPORT_RETRY, .err = *err};
	if (err->kind == ERR_LIMIT)
		result.outcome = EXPORT_SPLIT;
	else if (err->kind == ERR_DECODE)
		result.outcome = EXPORT_PERMANENT;
	export_done(export, &result);
}

/* An empty export would be answered 200 and is not worth a request. */
static void nothing_left(struct export_call *export)
{
	const struct export_result result = {.outcome = EXPORT_DELIVERED,
					     .unusable_spans = export->batch->span_count};
	export_done(export, &result);
}

/* Sets attempt->made when the body is not the batch's own. */
static int make_body(struct otlp_client *client, struct otlp_attempt *attempt,
		     const struct batch *batch, struct err *err)
{
	const struct otlp_client_config *config = &client->config;
	struct otlp_body body = {0};
	if (config->json) {
		attempt->made = json_body_make(config->json, batch, err);
		return attempt->made ? 0 : -1;
	}
	if (config->dialect && config->dialect->make(config->dialect_self, batch, &body, err) != 0)
		return -1;
	attempt->made = body.chunk;
	attempt->left_out = body.left_out;
	return 0;
}

static int compress_made(struct otlp_client *client, struct otlp_attempt *attempt,
			 enum coding coding, struct err *err)
{
	struct slice plain = chunk_slice(attempt->made);
	struct chunk *coded =
		coder_encode(client->coder, coding, 0, &plain, 1, client->budget, err);
	if (coded && attempt->export->compressions)
		counter_add(attempt->export->compressions, 1);
	chunk_unref(attempt->made);
	attempt->made = coded;
	return coded ? 0 : -1;
}

static int prepare_body(struct otlp_client *client, struct otlp_attempt *attempt,
			enum coding coding, struct err *err)
{
	struct client_call *call = &attempt->call;
	struct export_call *export = attempt->export;
	if (make_body(client, attempt, export->batch, err) != 0)
		return -1;
	if (!attempt->made)
		return batch_body(export->batch, coding, client->coder, export->compressions,
				  &call->parts, &call->part_count, err);
	call->parts = &attempt->made;
	call->part_count = 1;
	return coding == CODING_IDENTITY ? 0 : compress_made(client, attempt, coding, err);
}

static const char *content_type(const struct otlp_client_config *config)
{
	if (config->mode == CLIENT_GRPC)
		return "application/grpc";
	return config->json ? "application/json" : "application/x-protobuf";
}

void otlp_client_send(void *self, struct export_call *export)
{
	struct otlp_client *client = self;
	struct err err;
	enum coding coding = client->config.coding;
	struct otlp_attempt *attempt = otlp_attempt_new(client->headers, client->header_count,
							client->config.authenticator);
	if (!attempt) {
		(void)err_set(&err, ERR_NOMEM, "out of memory");
		fail(export, &err);
		return;
	}
	struct client_call *call = &attempt->call;
	attempt->client = client;
	attempt->export = export;
	if (prepare_body(client, attempt, coding, &err) != 0) {
		otlp_attempt_free(attempt);
		fail(export, &err);
		return;
	}
	if (attempt->left_out > 0 && attempt->left_out == export->batch->span_count) {
		otlp_attempt_free(attempt);
		nothing_left(export);
		return;
	}
	export->exporter = attempt;
	call->path = slice_str(client->path);
	call->content_type = content_type(&client->config);
	if (coding != CODING_IDENTITY)
		call->content_encoding = client->config.mode == CLIENT_GRPC
						 ? coding_grpc_name(coding)
						 : coding_http_name(coding);
	call->timeout_ns = export->timeout_ns;
	call->done = on_done;
	client_send(client->client, call);
}

void otlp_client_cancel(void *self, struct export_call *export)
{
	(void)self;
	struct otlp_attempt *attempt = export->exporter;
	if (attempt)
		client_cancel(&attempt->call);
}

/* ---- end ------------------------------------------------------------------------------------ */

void otlp_client_stop(void *self)
{
	struct otlp_client *client = self;
	if (client->client)
		client_free(client->client);
	client->client = NULL;
}

void otlp_client_free(void *self)
{
	struct otlp_client *client = self;
	if (!client)
		return;
	otlp_client_drop(&client->config);
	coder_free(client->coder);
	if (client->tls)
		tls_context_free(client->tls);
	free(client);
}
