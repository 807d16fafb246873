/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request at a time: the next is sent when the last was answered and its time has come. That is
 * enough for examples, and an answer that never comes cannot pile up requests.
 */
#include "cmd/example_sender.h"

#include "pipeline/base/clock.h"
#include "pipeline/net/client.h"

#include <stdlib.h>

#define TRACE_EXPORT "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

enum { CALL_TIMEOUT_S = 10, ARENA_BYTES_MAX = 1 << 20, FAILURES_MAX = 3 };

struct example_sender {
	struct example_sender_config config;
	struct arena arena;
	struct client *client;
	struct tls_context *tls;
	const char *path;
	uv_timer_t timer;
	struct client_call call;
	struct example_requests requests; /* of the trace under way */
	size_t next_request;
	size_t which; /* trace of the current round */
	uint64_t round;
	uint64_t started_ns;
	uint64_t failures_in_a_row;
	bool stopping;
	struct example_sent sent;
	void (*done)(void *arg, const struct example_sent *sent);
	void *arg;
};

static void step(struct example_sender *sender);

/* ---- which traces --------------------------------------------------------------------------- */

static bool named(const char *names, size_t which)
{
	size_t len = strlen(example_trace_name(which));
	if (!names[0])
		return true;
	for (const char *at = names; at;) {
		const char *comma = strchr(at, ',');
		size_t word = comma ? (size_t)(comma - at) : strlen(at);
		if (word == len && strncmp(at, example_trace_name(which), len) == 0)
			return true;
		at = comma ? comma + 1 : NULL;
	}
	return false;
}

static int check_names(const char *names, struct err *err)
{
	size_t wanted = names[0] ? 1 : 0, found = 0;
	for (const char *at = names; *at; at++)
		wanted += *at == ',';
	for (size_t i = 0; names[0] && i < example_trace_count(); i++)
		found += named(names, i);
	if (found == wanted)
		return 0;
	(void)err_set(err, ERR_CONFIG, "--traces: unknown name in \"%s\"; there are:", names);
	for (size_t i = 0; i < example_trace_count(); i++) {
		size_t used = strlen(err->msg);
		(void)snprintf(err->msg + used, sizeof(err->msg) - used, " %s",
			       example_trace_name(i));
	}
	return -1;
}

/* ---- sending -------------------------------------------------------------------------------- */

static void finish(struct example_sender *sender)
{
	example_requests_fini(&sender->requests);
	(void)uv_timer_stop(&sender->timer);
	sender->done(sender->arg, &sender->sent);
}

static bool taken(const struct example_sender *sender, const struct client_result *result)
{
	if (result->outcome != CLIENT_ANSWERED)
		return false;
	return sender->config.http ? result->http_status / 100 == 2
				   : result->has_grpc_status && result->grpc_status == 0;
}

static void on_answer(struct client_call *call, const struct client_result *result)
{
	struct example_sender *sender = CONTAINER_OF(call, struct example_sender, call);
	uint32_t spans = sender->requests.items[sender->next_request]->span_count;
	sender->sent.requests++;
	sender->next_request++;
	if (taken(sender, result)) {
		sender->failures_in_a_row = 0;
		sender->sent.spans += spans;
	} else {
		if (sender->sent.failed_requests++ == 0)
			sender->sent.first_error = result->err;
		if (sender->sent.first_error.kind == ERR_NONE)
			(void)err_set(&sender->sent.first_error, ERR_PEER, "refused with status %d",
				      sender->config.http ? result->http_status
							  : result->grpc_status);
		sender->sent.failed_spans += spans;
		sender->stopping |= ++sender->failures_in_a_row >= FAILURES_MAX;
	}
	step(sender);
}

static void send_next(struct example_sender *sender)
{
	sender->call = (struct client_call){
		.path = slice_str(sender->path),
		.content_type = sender->config.http ? "application/x-protobuf" : "application/grpc",
		.parts = &sender->requests.items[sender->next_request],
		.part_count = 1,
		.timeout_ns = CALL_TIMEOUT_S * NS_PER_S,
		.done = on_answer};
	client_send(sender->client, &sender->call);
}

/* Builds the next trace. False when there is none left or no memory. */
static bool next_trace(struct example_sender *sender)
{
	const struct example_sender_config *config = &sender->config;
	example_requests_fini(&sender->requests);
	sender->requests = (struct example_requests){0};
	sender->next_request = 0;
	for (;; sender->which++) {
		if (sender->which == example_trace_count()) {
			sender->which = 0;
			sender->round++;
		}
		if (config->rounds > 0 && sender->round >= config->rounds)
			return false;
		if (named(config->names, sender->which))
			break;
	}
	const struct example_variant variant = {
		.seed = config->seed, .variation = sender->round, .end_ns = clock_wall_ns()};
	if (example_trace_build(sender->which, &variant, config->budget, &sender->requests,
				&sender->sent.first_error) != 0)
		return false;
	sender->which++;
	sender->sent.traces++;
	return true;
}

/* Milliseconds until the next trace is due. */
static uint64_t due_in_ms(const struct example_sender *sender)
{
	if (sender->config.rate <= 0)
		return 0;
	double due_s = (double)sender->sent.traces / sender->config.rate;
	double age_s = (double)(clock_monotonic_ns() - sender->started_ns) / 1e9;
	return due_s > age_s ? (uint64_t)((due_s - age_s) * 1e3) + 1 : 0;
}

static void on_timer(uv_timer_t *timer)
{
	struct example_sender *sender = CONTAINER_OF(timer, struct example_sender, timer);
	if (sender->stopping || !next_trace(sender))
		finish(sender);
	else
		send_next(sender);
}

static void step(struct example_sender *sender)
{
	if (sender->next_request < sender->requests.count && !sender->stopping)
		send_next(sender);
	else /* fails only for a timer that is being closed */
		(void)uv_timer_start(&sender->timer, on_timer,
				     sender->stopping ? 0 : due_in_ms(sender), 0);
}

/* ---- life ----------------------------------------------------------------------------------- */

static int connect_to(struct example_sender *sender, struct loop *loop, struct err *err)
{
	const struct example_sender_config *config = &sender->config;
	struct endpoint endpoint;
	const struct tls_config tls = {.ca_file = "",
				       .ca_pem = "",
				       .cert_file = "",
				       .cert_pem = "",
				       .key_file = "",
				       .key_pem = "",
				       .min_version = "",
				       .max_version = "",
				       .server_name_override = "",
				       .client_ca_file = ""};
	if (endpoint_parse(config->endpoint, config->http ? 4318 : 4317, &sender->arena, &endpoint,
			   err) != 0)
		return err_wrap(err, "--endpoint \"%s\"", config->endpoint);
	if (endpoint.tls == 1 &&
	    !(sender->tls = tls_client_context(&tls, config->http ? "http/1.1" : "h2", NULL, err)))
		return -1;
	sender->path = config->http
			       ? arena_printf(&sender->arena, "%s/v1/traces",
					      strcmp(endpoint.path, "/") == 0 ? "" : endpoint.path)
			       : TRACE_EXPORT;
	const struct client_config client = {.mode = config->http ? CLIENT_HTTP : CLIENT_GRPC,
					     .host = endpoint.host,
					     .port = endpoint.port,
					     .tls = sender->tls,
					     .connections_max = 1,
					     .budget = config->budget};
	sender->client = sender->path ? client_new(loop, &client, err) : NULL;
	return sender->client ? 0 : -1;
}

struct example_sender *
example_sender_start(struct loop *loop, const struct example_sender_config *config,
		     void (*done)(void *arg, const struct example_sent *sent), void *arg,
		     struct err *err)
{
	struct example_sender *sender = calloc(1, sizeof(*sender));
	if (!sender) {
		(void)err_set(err, ERR_NOMEM, "out of memory");
		return NULL;
	}
	sender->config = *config;
	sender->done = done;
	sender->arg = arg;
	sender->started_ns = clock_monotonic_ns();
	arena_init(&sender->arena, NULL, ARENA_BYTES_MAX);
	if (check_names(config->names, err) != 0 || connect_to(sender, loop, err) != 0)
		goto fail;
	if (uv_timer_init(&loop->uv, &sender->timer) != 0)
		goto fail;
	(void)uv_timer_start(&sender->timer, on_timer, 0, 0);
	return sender;
fail:
	if (sender->client)
		client_free(sender->client);
	if (sender->tls)
		tls_context_free(sender->tls);
	arena_fini(&sender->arena);
	free(sender);
	return NULL;
}

const struct example_sent *example_sender_sent(const struct example_sender *sender)
{
	return &sender->sent;
}

void example_sender_stop(struct example_sender *sender)
{
	sender->stopping = true;
}

static void on_closed(uv_handle_t *handle)
{
	struct example_sender *sender =
		CONTAINER_OF((uv_timer_t *)handle, struct example_sender, timer);
	arena_fini(&sender->arena);
	free(sender);
}

void example_sender_free(struct example_sender *sender)
{
	if (!sender)
		return;
	client_free(sender->client);
	if (sender->tls)
		tls_context_free(sender->tls);
	uv_close((uv_handle_t *)&sender->timer, on_closed);
}
