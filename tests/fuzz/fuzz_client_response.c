/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server may say to a client: HTTP/1.1 and HTTP/2 answers in any split, to a client with
 * several calls. The connection is a fake: this file defines connector_* and conn_* itself, so that
 * the linker takes nothing of connector.c and conn.c. Every call must end exactly once and all
 * memory must be given back.
 *
 * Byte 0: bit 0 gRPC, bit 1 HTTP/2 in HTTP mode, bit 2 output blocks, bit 3 the connection ends in
 * an error, bits 4-5 calls, bit 6 one is cancelled half-way
 * and each one cancels its neighbour when done, bit 7 the client is freed from inside
 * done. Byte 1: bytes per piece. Byte 2: what else happens, the MORE_ bits.
 */
#include "pipeline/base/clock.h"
#include "pipeline/net/client.h"
#include "pipeline/net/conn.h"
#include "pipeline/net/connector.h"
#include "tests/fuzz/virtual_clock.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROUND_CALLS_MAX = 4, CALLS_MAX = 2 * ROUND_CALLS_MAX, STEPS_MAX = 64 };

enum {
	FLAG_GRPC = 1,
	FLAG_H2 = 2,
	FLAG_BLOCKS = 4,
	FLAG_ERROR = 8,
	FLAG_CANCEL = 64,
	FLAG_FREE = 128,
};

enum {
	MORE_LIMITS = 1,  /* calls have a deadline, connections a keep-alive */
	MORE_TIME = 2,	  /* PIECE_MS pass before each piece */
	MORE_TLS = 4,	  /* TLS is configured; the fake connection does without */
	MORE_REFUSE = 8,  /* no connection can be made */
	MORE_SHUT = 16,	  /* the first connection ends before it is open */
	MORE_ODD = 32,	  /* ALPN ends in something else */
	MORE_EARLY = 64,  /* the client goes while it connects */
	MORE_AGAIN = 128, /* a second round of calls after the first bytes */
};

enum { PIECE_MS = 4000, CALL_TIMEOUT_S = 9, KEEPALIVE_S = 3 };

struct connector {
	connector_done_f *done;
	void *arg;
};

struct conn {
	const struct conn_events *events;
	void *arg;
	size_t output;
	bool wants_write, closing;
};

static struct world {
	uint8_t flags, more;
	struct connector connector;
	bool connecting;
	struct conn conn;
	bool connected;
	struct client *client;
	unsigned done[CALLS_MAX];
	struct client_call calls[CALLS_MAX];
	size_t call_count;
	struct chunk *body;
} world;

static void check(bool ok)
{
	if (!ok)
		abort();
}

/* ---- the fake connection ------------------------------------------------------------------ */

struct connector *connector_start(struct loop *loop, const char *host, uint16_t port,
				  const struct proxy *proxy, connector_done_f *done, void *arg,
				  struct err *err)
{
	(void)loop;
	(void)host;
	(void)port;
	(void)proxy;
	if (world.connecting || (world.more & MORE_REFUSE)) {
		(void)err_set(err, ERR_IO, "not now");
		return NULL;
	}
	world.connecting = true;
	world.connector = (struct connector){done, arg};
	return &world.connector;
}

void connector_cancel(struct connector *connector)
{
	(void)connector;
	world.connecting = false;
}

struct conn *conn_new(struct loop *loop, int fd, struct tls_context *tls, const char *server_name,
		      const struct conn_events *events, void *arg, struct err *err)
{
	(void)loop;
	(void)fd;
	(void)tls;
	(void)server_name;
	(void)err;
	world.connected = true;
	world.conn = (struct conn){.events = events, .arg = arg};
	return &world.conn;
}

void conn_write(struct conn *conn, struct slice bytes)
{
	conn->output += bytes.len;
}

void conn_write_chunk(struct conn *conn, struct chunk *chunk, size_t offset, size_t len)
{
	check(offset <= chunk->len && len <= chunk->len - offset);
	conn->output += len;
}

void conn_want_write(struct conn *conn)
{
	conn->wants_write = true;
}

size_t conn_output_bytes(const struct conn *conn)
{
	return (world.flags & FLAG_BLOCKS) && conn->output > 0 ? CONN_OUTPUT_BYTES_HIGH : 0;
}

void conn_close(struct conn *conn, uint32_t linger_ms)
{
	(void)linger_ms;
	conn->closing = true;
}

void conn_abort(struct conn *conn)
{
	conn->closing = true;
}

struct slice conn_alpn(const struct conn *conn)
{
	(void)conn;
	if (world.more & MORE_ODD)
		return SLICE("http/1.1");
	return world.flags & FLAG_H2 ? SLICE("h2") : SLICE("");
}

static volatile uint8_t sink; /* what the answers are read into */

/* ---- the script --------------------------------------------------------------------------- */

static volatile uint8_t sink; /* what the answers are read into */

static void free_client(void)
{
	struct client *client = world.client;
	world.client = NULL; /* done is called meanwhile */
	client_free(client);
}

static void on_done(struct client_call *call, const struct client_result *result)
{
	size_t index = (size_t)(call - world.calls);
	check(world.done[index]++ == 0);
	check(result->outcome < CLIENT_OUTCOME_COUNT);
	check(result->body.len <= CLIENT_RESPONSE_BYTES_MAX);
	const struct slice texts[] = {result->body, result->content_type, result->retry_after,
				      result->grpc_message, result->grpc_status_details};
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		for (size_t at = 0; at < texts[i].len; at++)
			sink = texts[i].ptr[at];
	}
	if (world.flags & FLAG_CANCEL)
		client_cancel(&world.calls[(index + 1) % CALLS_MAX]); /* idle ones: no effect */
	if (world.flags & FLAG_FREE)
		free_client();
}

static void turn(struct loop *loop)
{
	for (int i = 0; i < 3; i++)
		uv_run(&loop->uv, UV_RUN_NOWAIT);
	if (!world.connected || world.conn.closing)
		return;
	world.conn.output = 0;
	if (world.conn.wants_write) {
		world.conn.wants_write = false;
		world.conn.events->on_writable(&world.conn, world.conn.arg);
	}
}

static void close_conn(bool broken)
{
	static const struct err reset = {.kind = ERR_IO, .msg = "connection reset"};
	if (!world.connected)
		return;
	world.connected = false;
	world.conn.closing = true;
	world.conn.events->on_close(&world.conn, world.conn.arg, broken ? &reset : NULL);
}

static void connect_next(bool succeed)
{
	static const struct err refused = {.kind = ERR_IO, .msg = "connection refused"};
	if (!world.connecting)
		return;
	world.connecting = false;
	world.connector.done(world.connector.arg, succeed ? 1000 : -1, succeed ? NULL : &refused);
	if (world.more & MORE_SHUT) {
		world.more &= (uint8_t)~MORE_SHUT;
		close_conn((world.flags & FLAG_ERROR) != 0);
	} else if (world.connected && !world.conn.closing)
		world.conn.events->on_open(&world.conn, world.conn.arg);
}

static void send_round(size_t count)
{
	static const struct client_header header = {SLICE_INIT("x-custom"), SLICE_INIT("value")};
	bool limits = world.more & MORE_LIMITS;
	for (size_t i = 0; i < count && world.client; i++) {
		struct client_call *call = &world.calls[world.call_count++];
		*call = (struct client_call){
			.path = SLICE("/v1/traces"),
			.headers = &header,
			.header_count = 1,
			.content_type = limits ? NULL : "application/x-protobuf",
			.content_encoding = limits ? "gzip" : NULL,
			.timeout_ns = limits ? CALL_TIMEOUT_S * NS_PER_S : 0,
			.parts = &world.body,
			.part_count = 1,
			.done = on_done,
		};
		client_send(world.client, call);
	}
}

static void pass_time(void)
{
	if (world.more & MORE_TIME)
		virtual_clock_advance(PIECE_MS);
}

/* Half-way through the answer. */
static void interfere(size_t round_calls)
{
	if (world.flags & FLAG_CANCEL)
		client_cancel(&world.calls[0]);
	if (world.more & MORE_AGAIN)
		send_round(round_calls);
}

static void feed(struct loop *loop, const uint8_t *data, size_t size, size_t piece)
{
	size_t round_calls = world.call_count;
	bool interfered = false;
	for (size_t at = 0; at < size; at += piece) {
		pass_time();
		turn(loop);
		if (!world.connected || world.conn.closing)
			break;
		size_t len = size - at < piece ? size - at : piece;
		/* a copy of exact size, so that a read past its end is seen */
		uint8_t *copy = malloc(len);
		check(copy != NULL);
		memcpy(copy, data + at, len);
		world.conn.events->on_data(&world.conn, world.conn.arg, slice_of(copy, len));
		free(copy);
		if (!interfered && at >= size / 2)
			interfere(round_calls);
		interfered = at >= size / 2;
	}
	turn(loop);
}

/* No connection after the first one: what is left of the calls ends. */
static void end_calls(struct loop *loop)
{
	for (int i = 0; i < STEPS_MAX && (world.connected || world.connecting); i++) {
		pass_time();
		turn(loop);
		close_conn((world.flags & FLAG_ERROR) != 0);
		turn(loop);
		connect_next(false);
		turn(loop);
	}
	free_client();
	while (uv_loop_alive(&loop->uv) && (world.connected || world.connecting))
		close_conn(false);
	for (int i = 0; i < 4; i++)
		turn(loop);
	for (size_t i = 0; i < world.call_count; i++)
		check(world.done[i] == 1);
}

static void run(struct loop *loop, struct budget *budget, const uint8_t *data, size_t size)
{
	static char no_tls;
	struct err err;
	world = (struct world){.flags = data[0], .more = data[2]};
	const struct client_config config = {
		.mode = data[0] & FLAG_GRPC ? CLIENT_GRPC : CLIENT_HTTP,
		.host = "127.0.0.1",
		.port = 4317,
		.proxy_url = "",
		.tls = world.more & MORE_TLS ? (struct tls_context *)(void *)&no_tls : NULL,
		.keepalive_time_ns = world.more & MORE_LIMITS ? KEEPALIVE_S * NS_PER_S : 0,
		.idle_timeout_ns = world.more & MORE_LIMITS ? KEEPALIVE_S * NS_PER_S : 0,
		.budget = budget,
	};
	world.body = chunk_new(budget, 0);
	check(world.body && chunk_append(world.body, SLICE("a body of some bytes")));
	world.client = client_new(loop, &config, &err);
	check(world.client != NULL);
	send_round(1 + (data[0] >> 4 & 3));
	turn(loop);
	if (world.more & MORE_EARLY)
		free_client();
	connect_next(true);
	feed(loop, data + 3, size - 3, (size_t)data[1] + 1);
	end_calls(loop);
	chunk_unref(world.body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct loop loop;
	static bool ready;
	struct err err;
	struct budget budget;
	if (size < 3)
		return 0;
	if (!ready)
		check(loop_init(&loop, &err) == 0);
	ready = true;
	budget_init(&budget, 16 << 20);
	run(&loop, &budget, data, size);
	check(budget_used(&budget) == 0);
	return 0;
}
