/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/net_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void note(char *into, size_t size, struct slice text)
{
	(void)snprintf(into, size, "%.*s", SLICE_FMT(text));
}

static void answer(struct net_server *fixture, struct server_request *request)
{
	char text[64];
	int len =
		snprintf(text, sizeof(text), "%zu bytes\n", request->body ? request->body->len : 0);
	struct slice body = slice_of(text, (size_t)len);
	uint8_t *long_body = NULL;
	if (fixture->answer_bytes > 0) {
		long_body = calloc(1, fixture->answer_bytes);
		assert_non_null(long_body);
		body = slice_of(long_body, fixture->answer_bytes);
	}
	const struct server_header headers[] = {{"content-type", SLICE_INIT("text/plain")}};
	if (request->is_grpc)
		server_respond_grpc(request, 0, NULL, slice_of(NULL, 0), body);
	else
		server_respond_http(request, 200, headers, 1, body);
	free(long_body);
}

static bool on_header(void *arg, struct server_request *request)
{
	struct net_server *fixture = arg;
	fixture->headers++;
	note(fixture->method, sizeof(fixture->method), request->method);
	note(fixture->path, sizeof(fixture->path), request->path);
	note(fixture->content_type, sizeof(fixture->content_type), request->content_type);
	fixture->deadline_ns = request->deadline_ns;
	if (!fixture->answer_at_header)
		return true;
	server_respond_http(request, 404, NULL, 0, SLICE("404 page not found"));
	return false;
}

static void on_request(void *arg, struct server_request *request)
{
	struct net_server *fixture = arg;
	fixture->requests++;
	fixture->deadline_ns = request->deadline_ns;
	buf_reset(&fixture->body);
	if (request->body)
		buf_append(&fixture->body, chunk_slice(request->body));
	if (!fixture->hold) {
		answer(fixture, request);
		return;
	}
	assert_true(fixture->held_count < NET_HELD_MAX);
	request->user = fixture;
	fixture->held[fixture->held_count++] = request;
}

static void on_refused(void *arg, struct server_request *request, enum server_refusal why,
		       int http_status, int grpc_status, const char *message)
{
	struct net_server *fixture = arg;
	fixture->refusals[why]++;
	(void)snprintf(fixture->refusal_text, sizeof(fixture->refusal_text), "%s", message);
	if (request->is_grpc)
		server_respond_grpc(request, grpc_status, message, slice_of(NULL, 0),
				    slice_of(NULL, 0));
	else
		server_respond_http(request, http_status, NULL, 0, slice_str(message));
}

static void on_cancel(void *arg, struct server_request *request)
{
	struct net_server *fixture = arg;
	fixture->cancels++;
	for (size_t i = 0; i < fixture->held_count; i++) {
		if (fixture->held[i] != request)
			continue;
		memmove(fixture->held + i, fixture->held + i + 1,
			(fixture->held_count - i - 1) * sizeof(struct server_request *));
		fixture->held_count--;
		return;
	}
	fail_msg("a request was cancelled that nobody holds");
}

static const struct server_handler handler = {.on_header = on_header,
					      .on_request = on_request,
					      .on_refused = on_refused,
					      .on_cancel = on_cancel};

struct server_config net_server_config(void)
{
	return (struct server_config){.endpoint = "127.0.0.1:0",
				      .transport = "tcp",
				      .label = "TEST",
				      .limits = server_limits_default(),
				      .keep_alives = true};
}

void net_server_open(struct net_server *fixture, const struct server_config *config)
{
	struct server_config with_handler = config ? *config : net_server_config();
	struct err err;
	if (!with_handler.handler)
		with_handler.handler = &handler;
	if (!with_handler.handler_arg)
		with_handler.handler_arg = fixture;
	assert_int_equal(loop_init(&fixture->loop, &err), 0);
	budget_init(&fixture->budget, 256 << 20);
	fixture->shard.loop = &fixture->loop;
	fixture->shard.budget = &fixture->budget;
	fixture->shard.coder = coder_new();
	assert_non_null(fixture->shard.coder);
	fixture->server = server_new(&with_handler, NULL, &err);
	if (!fixture->server)
		fail_msg("%s", err.msg);
	fixture->counters = server_get_counters(fixture->server);
	assert_int_equal(server_start(fixture->server, &fixture->loop, &fixture->shard, 1, &err),
			 0);
}

static void on_drained(void *arg)
{
	((struct net_server *)arg)->drained = true;
}

static bool is_drained(void *arg)
{
	return ((struct net_server *)arg)->drained;
}

void net_server_close(struct net_server *fixture)
{
	if (!fixture->drained) {
		server_drain(fixture->server, on_drained, fixture);
		server_abort(fixture->server);
	}
	assert_true(net_run_until(&fixture->loop, is_drained, fixture));
	assert_int_equal(counter_get(&fixture->counters->connections_open), 0);
	assert_int_equal(fixture->shard.connections, 0);
	server_free(fixture->server);
	loop_fini(&fixture->loop);
	coder_free(fixture->shard.coder);
	buf_fini(&fixture->body);
	assert_int_equal(fixture->held_count, 0);
	assert_int_equal(budget_used(&fixture->budget), 0);
}

void net_server_answer(struct net_server *fixture)
{
	assert_true(fixture->held_count > 0);
	struct server_request *request = fixture->held[0];
	fixture->held_count--;
	memmove(fixture->held, fixture->held + 1,
		fixture->held_count * sizeof(struct server_request *));
	answer(fixture, request);
}

int net_server_connect(struct net_server *fixture)
{
	return net_connect(server_port(fixture->server));
}

int net_server_set_up(void **state)
{
	struct net_server *fixture = calloc(1, sizeof(*fixture));
	net_server_open(fixture, NULL);
	*state = fixture;
	return 0;
}

int net_server_tear_down(void **state)
{
	net_server_close(*state);
	free(*state);
	return 0;
}

struct awaited {
	const struct counter *counter;
	uint64_t value;
};

static bool is_counted(void *arg)
{
	struct awaited *awaited = arg;
	return counter_get(awaited->counter) >= awaited->value;
}

bool net_server_counted(struct net_server *fixture, const struct counter *counter, uint64_t value)
{
	struct awaited awaited = {counter, value};
	return net_run_until(&fixture->loop, is_counted, &awaited);
}
