/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/net_fuzz.h"

#include "pipeline/net/server_internal.h"
#include "tests/support/fuzz_clock.h"
#include "tests/support/fuzz_script.h"

#include <sys/socket.h>
#include <unistd.h>

enum {
	BUDGET_BYTES = 8 << 20,
	BUDGET_BYTES_POOR = 8 << 10,
	SEND_BUFFER_BYTES = 4096, /* for a peer that does not read */
	PIECE_MS = 10 * 1000,
	AGE_S = 15,
	TURNS_MAX = 10000,
	HELD_MAX = 8,
};

/* What happens besides the bytes: the bits of the input's second byte. */
enum {
	PLAN_TIME = 1,	 /* PIECE_MS pass before each piece */
	PLAN_DRAIN = 2,	 /* the connection is drained after half of the bytes */
	PLAN_AGE = 4,	 /* connections have an age and an idle time */
	PLAN_DEAF = 8,	 /* the peer reads nothing until its last byte is sent */
	PLAN_ABORT = 16, /* the connection is cut after half of the bytes */
	PLAN_POOR = 32,	 /* little memory */
	PLAN_ONCE = 64,	 /* no connection is kept */
	PLAN_HALF = 128, /* the peer ends its half and reads on */
};

static struct loop loop;
static struct budget budget;
static struct server_shard shard;
static struct server *server;
static struct server_request *held[HELD_MAX]; /* answered late, or cancelled */
static size_t held_count, request_count;

static void answer(struct server_request *request)
{
	if (request->is_grpc)
		server_respond_grpc(request, 0, NULL, slice_of(NULL, 0), SLICE("fine"));
	else
		server_respond_http(request, 200, NULL, 0, request->path);
}

static bool on_header(void *arg, struct server_request *request)
{
	(void)arg;
	if (!slice_equal(request->path, SLICE("/404")))
		return true;
	server_respond_http(request, 404, NULL, 0, SLICE("not here"));
	return false;
}

static void on_request(void *arg, struct server_request *request)
{
	(void)arg;
	if (++request_count % 3 == 0 && held_count < HELD_MAX)
		held[held_count++] = request;
	else
		answer(request);
}

static void on_refused(void *arg, struct server_request *request, enum server_refusal why,
		       int http_status, int grpc_status, const char *message)
{
	(void)arg;
	(void)why;
	if (request->is_grpc)
		server_respond_grpc(request, grpc_status, message, SLICE("details"),
				    slice_of(NULL, 0));
	else
		server_respond_http(request, http_status, NULL, 0, slice_str(message));
}

static void on_cancel(void *arg, struct server_request *request)
{
	(void)arg;
	for (size_t i = 0; i < held_count; i++) {
		if (held[i] == request)
			held[i] = held[--held_count];
	}
}

const struct server_handler net_fuzz_handler = {.on_header = on_header,
						.on_request = on_request,
						.on_refused = on_refused,
						.on_cancel = on_cancel};

bool net_fuzz_answer_held(void)
{
	if (held_count == 0)
		return false;
	answer(held[--held_count]);
	return true;
}

static void set_up(void)
{
	struct server_config config = {.endpoint = "127.0.0.1:0",
				       .transport = "tcp",
				       .label = "FUZZ",
				       .limits = server_limits_default(),
				       .handler = &net_fuzz_handler,
				       .keep_alives = true};
	/* Small, so that small inputs reach them. */
	config.limits.header_bytes_max = 2048;
	config.limits.window_bytes_initial = 4096;
	config.limits.http_body_bytes_max = config.limits.grpc_message_bytes_max = 1 << 20;
	config.limits.streams_max = 8;
	config.limits.resets_per_second_max = 10;
	fuzz_must(loop_init(&loop, NULL) == 0);
	budget_init(&budget, BUDGET_BYTES);
	shard.loop = &loop;
	shard.budget = &budget;
	fuzz_must((shard.coder = coder_new()) != NULL);
	fuzz_must((server = server_new(&config, NULL, NULL)) != NULL);
	fuzz_must(server_start(server, &loop, &shard, 1, NULL) == 0);
}

static void plan_limits(uint8_t plan)
{
	struct server_config *config = &server->config;
	bool aging = plan & PLAN_AGE;
	budget_init(&budget, plan & PLAN_POOR ? BUDGET_BYTES_POOR : BUDGET_BYTES);
	config->keep_alives = !(plan & PLAN_ONCE);
	config->limits.max_connection_age_ns = aging ? AGE_S * NS_PER_S : 0;
	config->limits.max_connection_age_grace_ns = aging ? AGE_S * NS_PER_S : 0;
	config->limits.idle_timeout_ns = aging ? 2 * AGE_S * NS_PER_S : 0;
}

static void turn(int fd)
{
	char bytes[4096];
	(void)uv_run(&loop.uv, UV_RUN_NOWAIT);
	if (fd >= 0)
		while (recv(fd, bytes, sizeof(bytes), 0) > 0)
			;
}

static int open_connection(uint8_t plan)
{
	int fds[2], bytes = SEND_BUFFER_BYTES;
	fuzz_must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
	if (plan & PLAN_DEAF)
		fuzz_must(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)) == 0);
	counter_add(&server->counters.connections_open, 1);
	atomic_fetch_add(&shard.connections, 1);
	server_conn_open(&server->workers[0], fds[0]);
	return fds[1];
}

/* What the server does on its own account in the middle of things. */
static void interfere(uint8_t plan)
{
	for (struct server_conn *sc = server->workers[0].connections; sc; sc = sc->next) {
		if (plan & PLAN_DRAIN)
			server_conn_drain(sc);
		if (plan & PLAN_ABORT)
			conn_abort(sc->conn);
	}
}

static void send_pieces(int fd, struct slice input, size_t piece, uint8_t plan)
{
	size_t half = input.len / 2;
	int reader = plan & PLAN_DEAF ? -1 : fd;
	while (input.len > 0) {
		struct slice next = fuzz_bytes(&input, piece > 0 ? piece : input.len);
		if (plan & PLAN_TIME)
			virtual_clock_advance(PIECE_MS);
		if (send(fd, next.ptr, next.len, MSG_NOSIGNAL) <= 0)
			break;
		turn(reader);
		if (input.len <= half && input.len + next.len > half)
			interfere(plan);
	}
}

void net_fuzz_play(struct slice opening, struct slice input)
{
	if (!server)
		set_up();
	request_count = 0;
	size_t piece = fuzz_byte(&input);
	uint8_t plan = fuzz_byte(&input);
	plan_limits(plan);
	int fd = open_connection(plan);
	turn(fd);
	if (opening.len > 0)
		(void)send(fd, opening.ptr, opening.len, MSG_NOSIGNAL);
	send_pieces(fd, input, piece, plan);
	while (piece % 2 == 0 && net_fuzz_answer_held())
		;
	turn(fd);
	if (plan & PLAN_HALF)
		(void)shutdown(fd, SHUT_WR);
	for (int i = 0; i < 8 && (plan & (PLAN_HALF | PLAN_TIME)); i++) {
		virtual_clock_advance(PIECE_MS);
		turn(fd);
	}
	(void)close(fd);
	for (int i = 0; i < TURNS_MAX && server->workers[0].connections; i++) {
		turn(-1); /* HTTP/2 cancels what is held; HTTP/1.1 sees the end after the answer */
		while (net_fuzz_answer_held())
			;
	}
	fuzz_must(!server->workers[0].connections);
	fuzz_must(held_count == 0 && budget_used(&budget) == 0);
}
