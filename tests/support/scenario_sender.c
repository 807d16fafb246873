/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/scenario_sender.h"

#include "pipeline/base/clock.h"
#include "pipeline/trace/otlp/response.h"
#include "tests/support/trace_wire.h"
#include "trace.pb-c.h"

#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { ANSWER_DEADLINE_S = 60 }; /* a hang; sanitizers on a busy machine are slow */
#define TRACE_EXPORT "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

void scenario_sender_open(struct scenario_sender *sender, enum client_mode mode, uint16_t port)
{
	struct err err;
	assert_true(port > 0);
	budget_init(&sender->budget, UINT64_MAX);
	assert_int_equal(loop_init(&sender->loop, &err), 0);
	const struct client_config config = {.mode = mode,
					     .host = "127.0.0.1",
					     .port = port,
					     .proxy_url = "",
					     .connections_max = 1,
					     .budget = &sender->budget};
	sender->mode = mode;
	sender->coder = coder_new();
	sender->client = client_new(&sender->loop, &config, &err);
	assert_non_null(sender->coder);
	assert_non_null(sender->client);
}

void scenario_sender_close(struct scenario_sender *sender)
{
	client_free(sender->client);
	loop_fini(&sender->loop);
	coder_free(sender->coder);
	assert_int_equal(budget_used(&sender->budget), 0);
}

struct exchange {
	struct client_call call;
	struct scenario_answer answer;
	bool done;
};

static void copy_text(char *out, size_t size, struct slice text)
{
	size_t len = text.len < size - 1 ? text.len : size - 1;
	if (len > 0)
		memcpy(out, text.ptr, len);
	out[len] = 0;
}

static void on_done(struct client_call *call, const struct client_result *result)
{
	struct exchange *exchange = CONTAINER_OF(call, struct exchange, call);
	struct scenario_answer *answer = &exchange->answer;
	answer->outcome = result->outcome;
	answer->http_status = result->http_status;
	answer->grpc_status = result->has_grpc_status ? result->grpc_status : -1;
	bool grpc = result->has_grpc_status;
	copy_text(answer->message, sizeof(answer->message),
		  grpc ? result->grpc_message : result->body);
	copy_text(answer->retry_after, sizeof(answer->retry_after), result->retry_after);
	answer->has_retry_info = response_read_retry_delay(
		grpc ? result->grpc_status_details : result->body, &answer->retry_info_ns);
	exchange->done = true;
}

struct scenario_answer scenario_send(struct scenario_sender *sender, const char *path,
				     enum coding coding, struct slice body)
{
	struct err err;
	bool grpc = sender->mode == CLIENT_GRPC;
	struct chunk *chunk = NULL;
	if (coding == CODING_IDENTITY) {
		chunk = chunk_new(&sender->budget, body.len);
		assert_true(chunk && chunk_append(chunk, body));
	} else {
		chunk = coder_encode(sender->coder, coding, 0, &body, 1, &sender->budget, &err);
		assert_non_null(chunk);
	}
	struct exchange exchange = {
		.call = {.path = slice_str(path	  ? path
					   : grpc ? TRACE_EXPORT
						  : "/v1/traces"),
			 .content_type = grpc ? "application/grpc" : "application/x-protobuf",
			 .content_encoding = coding == CODING_IDENTITY ? NULL
					     : grpc		       ? coding_grpc_name(coding)
								       : coding_http_name(coding),
			 .parts = &chunk,
			 .part_count = 1,
			 .timeout_ns = ANSWER_DEADLINE_S * NS_PER_S,
			 .done = on_done}};
	client_send(sender->client, &exchange.call);
	while (!exchange.done)
		(void)uv_run(&sender->loop.uv, UV_RUN_ONCE);
	chunk_unref(chunk);
	return exchange.answer;
}

struct buf scenario_request(uint64_t first, uint32_t spans, const char *name, const char *key,
			    const char *value)
{
	struct buf out = BUF_INIT;
	size_t request = tw_open(&out, EXPORT_REQUEST_RESOURCE_SPANS);
	size_t resource = tw_open(&out, RESOURCE_SPANS_RESOURCE);
	tw_attr_text(&out, RESOURCE_ATTRIBUTES, "service.name", "scenario");
	tw_close(&out, resource);
	size_t scope = tw_open(&out, RESOURCE_SPANS_SCOPE_SPANS);
	for (uint64_t id = first; id < first + spans; id++) {
		uint64_t ids[2] = {htobe64(1), htobe64(id)};
		size_t span = tw_open(&out, SCOPE_SPANS_SPANS);
		tw_bytes(&out, SPAN_TRACE_ID, slice_of(ids, sizeof(ids)));
		tw_bytes(&out, SPAN_SPAN_ID, slice_of(&ids[1], sizeof(ids[1])));
		tw_text(&out, SPAN_NAME, name);
		tw_varint(&out, SPAN_KIND, SPAN_KIND_SERVER);
		tw_fixed64(&out, SPAN_START_TIME_UNIX_NANO, UINT64_C(1789000000000000000) + id);
		tw_fixed64(&out, SPAN_END_TIME_UNIX_NANO, UINT64_C(1789000001000000000) + id);
		if (key)
			tw_attr_text(&out, SPAN_ATTRIBUTES, key, value);
		tw_close(&out, span);
	}
	tw_close(&out, scope);
	tw_close(&out, request);
	assert_false(out.failed);
	return out;
}

bool scenario_taken(const struct scenario_sender *sender, const struct scenario_answer *answer)
{
	if (answer->outcome != CLIENT_ANSWERED)
		return false;
	return sender->mode == CLIENT_GRPC ? answer->grpc_status == 0 : answer->http_status == 200;
}

void scenario_send_spans(struct scenario_sender *sender, uint64_t first, uint32_t spans)
{
	struct buf request = scenario_request(first, spans, "work", "k", "v");
	struct scenario_answer answer =
		scenario_send(sender, NULL, CODING_IDENTITY, buf_slice(&request));
	if (!scenario_taken(sender, &answer))
		fail_msg("not taken: outcome %d, HTTP %d, gRPC %d, %s", answer.outcome,
			 answer.http_status, answer.grpc_status, answer.message);
	buf_fini(&request);
}

static void count_scope(const Otlp__ScopeSpans *scope, uint32_t *seen, size_t count)
{
	for (size_t i = 0; i < scope->n_spans; i++) {
		uint64_t id;
		assert_int_equal(scope->spans[i]->span_id.len, sizeof(id));
		memcpy(&id, scope->spans[i]->span_id.data, sizeof(id));
		id = be64toh(id);
		assert_true(id < count);
		seen[id]++;
	}
}

void scenario_count_ids(struct slice request, uint32_t *seen, size_t count)
{
	Otlp__ExportTraceServiceRequest *message =
		otlp__export_trace_service_request__unpack(NULL, request.len, request.ptr);
	assert_non_null(message);
	for (size_t r = 0; r < message->n_resource_spans; r++) {
		const Otlp__ResourceSpans *resource = message->resource_spans[r];
		for (size_t s = 0; s < resource->n_scope_spans; s++)
			count_scope(resource->scope_spans[s], seen, count);
	}
	otlp__export_trace_service_request__free_unpacked(message, NULL);
}
