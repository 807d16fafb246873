/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every connection is a client of its own for gRPC, so that the streams are spread evenly; HTTP/1.1
 * has one connection per request under way. A slot sends its next request from the answer of the
 * one before; a refused one pauses first, as senders do.
 */
#include "tests/support/bench_load.h"

#include "pipeline/base/clock.h"
#include "tests/support/bench_figure.h"

#include <stdlib.h>

#define TRACE_EXPORT "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

enum { CALL_TIMEOUT_S = 30, PAUSE_MS = 2, GRPC_UNAVAILABLE = 14 };

struct slot {
	struct client_call call;
	struct bench_load *load;
	struct client *client;
	uv_timer_t pause;
};

struct bench_load {
	struct bench_load_config config;
	struct loop *loop;
	struct client *clients[BENCH_CLIENTS_MAX];
	size_t client_count;
	struct slot *slots;
	size_t slot_count, busy, closing;
	uint64_t next_body, end_ns;
	struct bench_answers answers;
};

/* ---- bodies --------------------------------------------------------------------------------- */

void bench_bodies_make(struct bench_bodies *bodies, enum payload_shape shape, uint32_t spans,
		       enum coding coding, struct budget *budget)
{
	struct err err;
	struct coder *coder = coder_new();
	struct buf plain = BUF_INIT;
	size_t bytes = 0;
	*bodies = (struct bench_bodies){.coding = coding, .spans = spans};
	if (!coder)
		bench_die("out of memory");
	for (unsigned i = 0; i < BENCH_BODIES; i++) {
		buf_reset(&plain);
		payload_append(&plain, shape, spans, 1000 + i);
		bytes += plain.len;
		struct slice part = buf_slice(&plain);
		if (coding != CODING_IDENTITY) {
			bodies->at[i] = coder_encode(coder, coding, 0, &part, 1, budget, &err);
		} else {
			bodies->at[i] = chunk_new(budget, part.len);
			if (bodies->at[i] && !chunk_append(bodies->at[i], part))
				bodies->at[i] = NULL;
		}
		if (!bodies->at[i])
			bench_die("no memory for the payload");
	}
	bodies->span_bytes = (double)bytes / (BENCH_BODIES * (double)spans);
	buf_fini(&plain);
	coder_free(coder);
}

void bench_bodies_free(struct bench_bodies *bodies)
{
	for (unsigned i = 0; i < BENCH_BODIES; i++)
		chunk_unref(bodies->at[i]);
}

/* ---- sending -------------------------------------------------------------------------------- */

static void on_answer(struct client_call *call, const struct client_result *result);

static void send_next(struct slot *slot)
{
	struct bench_load *load = slot->load;
	const struct bench_bodies *bodies = load->config.bodies;
	bool grpc = load->config.mode == CLIENT_GRPC;
	slot->call = (struct client_call){
		.path = grpc ? SLICE(TRACE_EXPORT) : SLICE("/v1/traces"),
		.content_type = grpc ? "application/grpc" : "application/x-protobuf",
		.content_encoding = bodies->coding == CODING_IDENTITY ? NULL
				    : grpc ? coding_grpc_name(bodies->coding)
					   : coding_http_name(bodies->coding),
		.parts = &bodies->at[load->next_body++ % BENCH_BODIES],
		.part_count = 1,
		.timeout_ns = CALL_TIMEOUT_S * NS_PER_S,
		.done = on_answer,
	};
	client_send(slot->client, &slot->call);
}

static void on_pause_end(uv_timer_t *pause);

static void pause_slot(struct slot *slot)
{
	(void)uv_timer_start(&slot->pause, on_pause_end, PAUSE_MS, 0); /* cannot fail */
}

static bool is_ahead(const struct bench_load *load)
{
	const struct bench_load_config *config = &load->config;
	uint64_t accepted = load->answers.accepted * config->bodies->spans;
	return config->arrived && accepted > *config->arrived + config->ahead_max;
}

static void send_or_rest(struct slot *slot)
{
	if (clock_monotonic_ns() >= slot->load->end_ns)
		slot->load->busy--;
	else if (is_ahead(slot->load))
		pause_slot(slot);
	else
		send_next(slot);
}

static void on_pause_end(uv_timer_t *pause)
{
	send_or_rest(pause->data);
}

static void on_answer(struct client_call *call, const struct client_result *result)
{
	struct slot *slot = CONTAINER_OF(call, struct slot, call);
	struct bench_answers *answers = &slot->load->answers;
	bool grpc = result->has_grpc_status;
	bool answered = result->outcome == CLIENT_ANSWERED;
	if (answered && (grpc ? result->grpc_status == 0 : result->http_status == 200)) {
		answers->accepted++;
		send_or_rest(slot);
		return;
	}
	if (answered &&
	    (grpc ? result->grpc_status == GRPC_UNAVAILABLE : result->http_status == 503))
		answers->refused++;
	else
		answers->failed++;
	pause_slot(slot);
}

struct bench_answers bench_load_run(struct bench_load *load, uint64_t duration_ns)
{
	load->answers = (struct bench_answers){0};
	load->end_ns = clock_monotonic_ns() + duration_ns;
	load->busy = load->slot_count;
	for (size_t i = 0; i < load->slot_count; i++)
		send_next(&load->slots[i]);
	while (load->busy > 0)
		(void)uv_run(&load->loop->uv, UV_RUN_ONCE);
	return load->answers;
}

/* ---- life ----------------------------------------------------------------------------------- */

struct bench_load *bench_load_new(struct loop *loop, struct budget *budget,
				  const struct bench_load_config *config, uint16_t port)
{
	struct err err;
	struct bench_load *load = calloc(1, sizeof(*load));
	size_t count = (size_t)config->connections * config->streams;
	if (!load || !(load->slots = calloc(count, sizeof(*load->slots))))
		bench_die("out of memory");
	load->config = *config;
	load->loop = loop;
	load->slot_count = count;
	load->client_count = config->mode == CLIENT_GRPC ? config->connections : 1;
	if (load->client_count > BENCH_CLIENTS_MAX)
		bench_die("more than %d connections", BENCH_CLIENTS_MAX);
	const struct client_config client = {
		.mode = config->mode,
		.host = "127.0.0.1",
		.port = port,
		.proxy_url = "",
		.connections_max = config->mode == CLIENT_GRPC ? 1 : (uint32_t)count,
		.budget = budget,
	};
	for (size_t i = 0; i < load->client_count; i++) {
		load->clients[i] = client_new(loop, &client, &err);
		if (!load->clients[i])
			bench_die("client: %s", err.msg);
	}
	for (size_t i = 0; i < count; i++) {
		struct slot *slot = &load->slots[i];
		slot->load = load;
		slot->client = load->clients[i % load->client_count];
		(void)uv_timer_init(&loop->uv, &slot->pause); /* cannot fail */
		slot->pause.data = slot;
	}
	return load;
}

static void on_closed(uv_handle_t *pause)
{
	struct slot *slot = pause->data;
	slot->load->closing--;
}

void bench_load_free(struct bench_load *load)
{
	for (size_t i = 0; i < load->client_count; i++)
		client_free(load->clients[i]);
	load->closing = load->slot_count;
	for (size_t i = 0; i < load->slot_count; i++)
		uv_close((uv_handle_t *)&load->slots[i].pause, on_closed);
	while (load->closing > 0)
		(void)uv_run(&load->loop->uv, UV_RUN_ONCE);
	free(load->slots);
	free(load);
}
