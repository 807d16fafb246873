/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/client_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { FIXTURE_POLL_MS = 10 };

static void on_deadline(uv_timer_t *timer)
{
	struct client_fixture *fixture = timer->data;
	fixture->waited_ms += FIXTURE_POLL_MS;
	fixture->expired = fixture->waited_ms >= FIXTURE_DEADLINE_MS;
}

void fixture_open(struct client_fixture *fixture, enum client_mode mode, uint16_t port,
		  const struct client_config *config)
{
	struct err err = {0};
	struct client_config own = config ? *config : (struct client_config){0};
	struct tls_context *tls = own.tls;
	memset(fixture, 0, sizeof(*fixture));
	budget_init(&fixture->budget, UINT64_MAX);
	assert_int_equal(loop_init(&fixture->loop, &err), 0);
	uv_timer_init(&fixture->loop.uv, &fixture->deadline);
	fixture->deadline.data = fixture;
	fixture->tls = tls;
	own.mode = mode;
	own.host = own.host ? own.host : "127.0.0.1";
	own.port = port;
	own.budget = &fixture->budget;
	fixture->client = client_new(&fixture->loop, &own, &err);
	if (!fixture->client)
		fail_msg("client_new: %s", err.msg);
}

void fixture_close(struct client_fixture *fixture)
{
	client_free(fixture->client);
	uv_close((uv_handle_t *)&fixture->deadline, NULL);
	loop_fini(&fixture->loop);
	tls_context_free(fixture->tls);
	assert_int_equal(budget_used(&fixture->budget), 0);
}

static struct slice keep(struct slice from, char *to)
{
	size_t len = from.len < FIXTURE_TEXT_BYTES - 1 ? from.len : FIXTURE_TEXT_BYTES - 1;
	if (len > 0)
		memcpy(to, from.ptr, len);
	to[len] = 0;
	return slice_of(to, from.len);
}

static void on_done(struct client_call *client_call, const struct client_result *result)
{
	struct fixture_call *call = CONTAINER_OF(client_call, struct fixture_call, call);
	call->done_count++;
	call->result = *result;
	call->result.content_type = keep(result->content_type, call->content_type);
	call->result.body = keep(result->body, call->body);
	call->result.retry_after = keep(result->retry_after, call->retry_after);
	call->result.grpc_message = keep(result->grpc_message, call->message);
	call->result.grpc_status_details = keep(result->grpc_status_details, call->details);
	if (call->then)
		call->then(call);
}

void fixture_add_part(struct client_fixture *fixture, struct fixture_call *call, struct slice bytes)
{
	struct chunk *chunk = chunk_new(&fixture->budget, bytes.len);
	assert_non_null(chunk);
	assert_true(chunk_append(chunk, bytes));
	assert_true(call->call.part_count < ARRAY_COUNT(call->parts));
	call->parts[call->call.part_count++] = chunk;
	call->call.parts = call->parts;
}

void fixture_start(struct client_fixture *fixture, struct fixture_call *call)
{
	call->call.done = on_done;
	call->fixture = fixture;
	call->done_count = 0;
	client_send(fixture->client, &call->call);
	assert_int_equal(call->done_count, 0); /* never from inside client_send */
}

void fixture_send(struct client_fixture *fixture, struct fixture_call *call, const char *path,
		  struct slice body)
{
	call->call.path = slice_str(path);
	fixture_add_part(fixture, call, body);
	fixture_start(fixture, call);
}

void fixture_run_until(struct client_fixture *fixture, bool (*done)(void *arg), void *arg)
{
	fixture->expired = false;
	fixture->waited_ms = 0;
	uv_update_time(&fixture->loop.uv);
	/* The peer's threads do not wake the loop: look at them now and then. */
	uv_timer_start(&fixture->deadline, on_deadline, FIXTURE_POLL_MS, FIXTURE_POLL_MS);
	while (!done(arg) && !fixture->expired)
		uv_run(&fixture->loop.uv, UV_RUN_ONCE);
	uv_timer_stop(&fixture->deadline);
	if (!done(arg))
		fail_msg("nothing happened within %d ms", FIXTURE_DEADLINE_MS);
}

static bool is_done(void *arg)
{
	return ((struct fixture_call *)arg)->done_count > 0;
}

void fixture_finish(struct client_fixture *fixture, struct fixture_call *call)
{
	fixture_run_until(fixture, is_done, call);
	assert_int_equal(call->done_count, 1);
}

void fixture_release(struct fixture_call *call)
{
	for (size_t i = 0; i < call->call.part_count; i++)
		chunk_unref(call->parts[i]);
	call->call.part_count = 0;
}

void fixture_call(struct client_fixture *fixture, struct fixture_call *call, const char *path,
		  struct slice body)
{
	fixture_send(fixture, call, path, body);
	fixture_finish(fixture, call);
	fixture_release(call);
}
