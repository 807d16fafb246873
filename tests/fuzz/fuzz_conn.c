/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two connections of ours, a client and a server, plain or TLS, with a hostile wire between them:
 * bytes are passed on in any pieces, changed, added, held back; the wire breaks; time passes; either
 * end writes, pauses, closes. Each end sends a known stream. What arrives must be the beginning of
 * it: always under TLS, and in plain text as long as nobody has touched the bytes. Each connection
 * ends exactly once, and no memory or descriptor is left.
 *
 * The first four bytes choose the set-up (read_setup), the rest are steps: one byte for what is done
 * (low four bits) and to which side (bit 4), one byte for how much.
 */
#include "pipeline/net/conn.h"
#include "tests/fuzz/virtual_clock.h"
#include "tests/support/fuzz_script.h"
#include "tests/support/fuzz_tls.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	STREAM_PERIOD = 251, /* byte i of a stream depends on i modulo this */
	CHUNK_BYTES = STREAM_PERIOD * 1024,
	WRITE_UNIT_BYTES = 96,
	OUTPUT_BYTES_MAX = 4 << 20, /* of one side, together */
	SOCKET_BYTES_SMALL = 4096,
	STEPS_MAX = 400,
	TURNS_MAX = 200,
};

enum step {
	STEP_PASS = 0, /* bytes from this side go on to the other one */
	STEP_PASS_ALL,
	STEP_CHANGE, /* the next byte from this side is changed */
	STEP_ADD,    /* bytes of the script are put into the stream from this side */
	STEP_WRITE,
	STEP_WRITE_CHUNK,
	STEP_WANT_WRITE,
	STEP_PAUSE,
	STEP_RESUME,
	STEP_CLOSE,
	STEP_ABORT,
	STEP_WIRE_END,	 /* the wire ends towards this side */
	STEP_WIRE_BREAK, /* both directions of this side's wire */
	STEP_TIME,
	STEP_REOPEN, /* new connections of the same contexts, when both have ended */
	STEP_FILE,   /* the TLS file that is watched changes */
};

/* What a side does in on_data. */
enum reaction { REACT_NOT = 0, REACT_WRITE, REACT_CLOSE, REACT_PAUSE };

struct side {
	struct conn *conn; /* NULL once it has ended */
	struct tls_context *tls;
	int wire; /* our end of its socket; -1: broken */
	bool opened, ended;
	uint8_t change; /* to the next byte from here */
	enum reaction reaction;
	size_t sent, received; /* bytes of the streams */
	bool touched;	       /* what was sent from here was changed on the way */
};

static struct world {
	struct loop *loop;
	struct side sides[2]; /* client, server */
	struct chunk *chunk;  /* the stream's period, many times */
	bool tls, small_buffers;
} world;

static struct side *other(const struct side *side)
{
	return &world.sides[side == world.sides];
}

static uint8_t stream_byte(const struct side *sender, size_t at)
{
	return (uint8_t)(at % STREAM_PERIOD + (sender == world.sides ? 0 : 3));
}

static void turn(void)
{
	(void)uv_run(&world.loop->uv, UV_RUN_NOWAIT);
}

/* ---- the ends ------------------------------------------------------------------------------- */

static void write_stream(struct side *side, size_t len)
{
	uint8_t bytes[256 * WRITE_UNIT_BYTES];
	if (!side->conn || side->sent + len > OUTPUT_BYTES_MAX)
		return;
	for (size_t i = 0; i < len; i++)
		bytes[i] = stream_byte(side, side->sent + i);
	size_t before = conn_output_bytes(side->conn);
	conn_write(side->conn, slice_of(bytes, len));
	side->sent += conn_output_bytes(side->conn) - before; /* none once it is closing */
}

static void write_chunk(struct side *side, size_t len)
{
	/* The server's stream is the client's, three bytes on. */
	size_t offset = side->sent % STREAM_PERIOD;
	if (!side->conn || side->sent + len > OUTPUT_BYTES_MAX || side != world.sides)
		return;
	size_t before = conn_output_bytes(side->conn);
	conn_write_chunk(side->conn, world.chunk, offset, len);
	side->sent += conn_output_bytes(side->conn) - before;
}

static void on_open(struct conn *conn, void *arg)
{
	struct side *side = arg;
	fuzz_must(!side->opened && !side->ended && (!side->conn || side->conn == conn));
	side->opened = true;
	fuzz_must(conn_alpn(conn).len <= 8);
}

static void on_data(struct conn *conn, void *arg, struct slice bytes)
{
	struct side *side = arg;
	const struct side *sender = other(side);
	fuzz_must(side->opened && !side->ended && bytes.len > 0);
	if (world.tls || !sender->touched) {
		fuzz_must(bytes.len <= sender->sent - side->received);
		for (size_t i = 0; i < bytes.len; i++)
			fuzz_must(bytes.ptr[i] == stream_byte(sender, side->received + i));
	}
	side->received += bytes.len;
	switch (side->reaction) {
	case REACT_NOT: break;
	case REACT_WRITE: write_stream(side, WRITE_UNIT_BYTES); break;
	case REACT_CLOSE: conn_close(conn, 1000); break;
	case REACT_PAUSE: conn_pause(conn, true); break;
	}
}

static void on_writable(struct conn *conn, void *arg)
{
	struct side *side = arg;
	fuzz_must(side->opened && conn_output_bytes(conn) < CONN_OUTPUT_BYTES_HIGH);
	write_stream(side, WRITE_UNIT_BYTES);
}

static void on_close(struct conn *conn, void *arg, const struct err *why)
{
	struct side *side = arg;
	(void)conn;
	fuzz_must(!side->ended && (!why || why->msg[0] != 0));
	side->ended = true;
	side->conn = NULL;
}

static const struct conn_events events = {on_open, on_data, on_writable, on_close};

static void open_side(struct side *side)
{
	int fds[2], bytes = SOCKET_BYTES_SMALL;
	struct err err;
	fuzz_must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
	if (world.small_buffers)
		fuzz_must(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)) == 0);
	side->wire = fds[1];
	side->opened = side->ended = side->touched = false;
	side->sent = side->received = 0;
	side->conn = conn_new(world.loop, fds[0], side->tls,
			      side == world.sides ? "localhost" : NULL, &events, side, &err);
	fuzz_must(side->conn != NULL);
}

/* ---- the wire ------------------------------------------------------------------------------- */

static void break_wire(struct side *side)
{
	if (side->wire >= 0)
		(void)close(side->wire); /* what is not read resets the connection */
	side->wire = -1;
}

/* True when something has moved. */
static bool pass(struct side *from, size_t max)
{
	static uint8_t bytes[64 * 1024];
	struct side *to = other(from);
	if (from->wire < 0)
		return false;
	ssize_t len = recv(from->wire, bytes, max < sizeof(bytes) ? max : sizeof(bytes), 0);
	if (len == 0 && to->wire >= 0)
		(void)shutdown(to->wire, SHUT_WR);
	if (len <= 0)
		return false;
	if (from->change) {
		bytes[0] ^= from->change;
		from->change = 0;
		from->touched = true;
	}
	if (to->wire >= 0 && send(to->wire, bytes, (size_t)len, MSG_NOSIGNAL) != len)
		break_wire(to); /* a reader that is too slow */
	return true;
}

static void pass_all(void)
{
	for (int i = 0; i < TURNS_MAX; i++) {
		bool up = pass(&world.sides[0], SIZE_MAX), down = pass(&world.sides[1], SIZE_MAX);
		turn();
		if (!up && !down)
			return;
	}
}

static void add(struct side *from, struct slice bytes)
{
	int wire = other(from)->wire;
	from->touched = true;
	if (wire >= 0 && bytes.len > 0)
		(void)send(wire, bytes.ptr, bytes.len, MSG_NOSIGNAL);
}

/* ---- the script ----------------------------------------------------------------------------- */

static void change_file(size_t which)
{
	static const enum fuzz_tls_file files[] = {FUZZ_TLS_CERTIFICATE, FUZZ_TLS_AUTHORITY};
	fuzz_tls_write(which < ARRAY_COUNT(files) ? fuzz_tls_text(files[which]) : "no PEM");
}

static void reopen(void)
{
	if (!world.sides[0].ended || !world.sides[1].ended)
		return;
	for (int i = 0; i < 2; i++) {
		break_wire(&world.sides[i]);
		open_side(&world.sides[i]);
	}
}

static void on_conn(enum step step, struct side *side, uint8_t amount)
{
	struct conn *conn = side->conn;
	if (!conn)
		return;
	if (step == STEP_WANT_WRITE)
		conn_want_write(conn);
	else if (step == STEP_PAUSE || step == STEP_RESUME)
		conn_pause(conn, step == STEP_PAUSE);
	else if (step == STEP_CLOSE)
		conn_close(conn, amount * 10);
	else
		conn_abort(conn);
}

static void run_step(struct slice *script)
{
	uint8_t code = fuzz_byte(script), amount = fuzz_byte(script);
	struct side *side = &world.sides[code >> 4 & 1];
	enum step step = (enum step)(code & 15);
	switch (step) {
	case STEP_PASS: (void)pass(side, (size_t)amount + 1); break;
	case STEP_PASS_ALL: pass_all(); break;
	case STEP_CHANGE: side->change = amount; break;
	case STEP_ADD: add(side, fuzz_bytes(script, amount)); break;
	case STEP_WRITE: write_stream(side, (size_t)amount * WRITE_UNIT_BYTES); break;
	case STEP_WRITE_CHUNK: write_chunk(side, (size_t)amount * 1000); break;
	case STEP_WANT_WRITE:
	case STEP_PAUSE:
	case STEP_RESUME:
	case STEP_CLOSE:
	case STEP_ABORT: on_conn(step, side, amount); break;
	case STEP_WIRE_END:
		if (side->wire >= 0)
			(void)shutdown(side->wire, SHUT_WR);
		break;
	case STEP_WIRE_BREAK: break_wire(side); break;
	case STEP_TIME: virtual_clock_advance((uint64_t)amount * 100); break;
	case STEP_REOPEN: reopen(); break;
	case STEP_FILE: change_file(amount); break;
	}
	turn();
	turn();
}

/* ---- set-up --------------------------------------------------------------------------------- */

static const char *pick(const char *const *from, uint8_t *bits)
{
	const char *picked = from[*bits & 3];
	*bits = (uint8_t)(*bits >> 2);
	return picked;
}

/* The contexts; NULL where the configuration is refused, as it then must be. */
static bool make_contexts(uint8_t flags, uint8_t versions, uint8_t extras)
{
	static const char *const version_names[] = {"", "1.2", "1.3", "1.1"};
	static const char *const alpns[] = {"h2,http/1.1", "h2", "http/1.1", ""};
	static const char *const suites[] = {NULL, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
					     "TLS_AES_128_GCM_SHA256", "NO_SUCH_SUITE"};
	struct err err;
	bool client_pair = flags & 2;
	const char *client_alpn = pick(alpns, &extras), *server_alpn = pick(alpns, &extras);
	const char *suite = pick(suites, &extras);
	struct tls_config client = {
		.min_version = pick(version_names, &versions),
		.max_version = pick(version_names, &versions),
		.cert_pem = client_pair ? fuzz_tls_text(FUZZ_TLS_CERTIFICATE) : "",
		.key_pem = client_pair ? fuzz_tls_text(FUZZ_TLS_KEY) : "",
		.ca_pem = extras & 1 ? "" : fuzz_tls_text(FUZZ_TLS_AUTHORITY),
		.ca_file = extras & 2 ? fuzz_tls_path(FUZZ_TLS_OTHER_AUTHORITY) : "",
		.insecure_skip_verify = flags & 4,
		.include_system_ca_certs_pool = flags & 8,
		.server_name_override = flags & 16 ? "other.example" : "",
		.cipher_suites = {.at = &suite, .count = suite ? 1 : 0},
	};
	struct tls_config server = {
		.min_version = pick(version_names, &versions),
		.max_version = pick(version_names, &versions),
		.cert_file = fuzz_tls_path(FUZZ_TLS_SPARE),
		.key_file = fuzz_tls_path(FUZZ_TLS_KEY),
		.client_ca_file = flags & 32 ? fuzz_tls_path(FUZZ_TLS_AUTHORITY) : "",
	};
	change_file(0);
	world.sides[0].tls = tls_client_context(&client, client_alpn, NULL, &err);
	fuzz_must(world.sides[0].tls || err.msg[0] != 0);
	world.sides[1].tls = tls_server_context(&server, server_alpn, NULL, &err);
	fuzz_must(world.sides[1].tls || err.msg[0] != 0);
	return world.sides[0].tls && world.sides[1].tls;
}

/* Byte 0: bit 0 TLS, bits 1-5 as in make_contexts, bit 6 small socket buffers. Byte 1: versions.
 * Byte 2: ALPN, cipher suite, roots. Byte 3: reactions. */
static bool read_setup(struct slice *script)
{
	uint8_t flags = fuzz_byte(script), versions = fuzz_byte(script);
	uint8_t extras = fuzz_byte(script), reactions = fuzz_byte(script);
	world.tls = flags & 1;
	world.small_buffers = flags & 64;
	world.sides[0].reaction = (enum reaction)(reactions & 3);
	world.sides[1].reaction = (enum reaction)(reactions >> 2 & 3);
	return !world.tls || make_contexts(flags, versions, extras);
}

static void tear_down(void)
{
	for (int i = 0; i < 2; i++) {
		if (world.sides[i].conn)
			conn_abort(world.sides[i].conn);
	}
	for (int i = 0; i < 4; i++)
		turn();
	for (int i = 0; i < 2; i++) {
		fuzz_must(world.sides[i].ended && !world.sides[i].conn);
		break_wire(&world.sides[i]);
	}
}

static int lowest_free_descriptor(void)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	fuzz_must(fd >= 0);
	(void)close(fd);
	return fd;
}

static void set_up(struct loop *loop, struct budget *budget)
{
	struct err err;
	fuzz_tls_init();
	fuzz_must(loop_init(loop, &err) == 0);
	budget_init(budget, 16 << 20);
	world.loop = loop;
	world.chunk = chunk_new(budget, CHUNK_BYTES);
	fuzz_must(world.chunk != NULL);
	for (size_t i = 0; i < CHUNK_BYTES; i++)
		world.chunk->data[i] = stream_byte(world.sides, i);
	world.chunk->len = CHUNK_BYTES;
	turn(); /* libuv opens its descriptors on first use */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct loop loop;
	static struct budget budget;
	struct slice script = slice_of(data, size);
	if (size < 4)
		return 0;
	if (!world.chunk)
		set_up(&loop, &budget);
	int descriptor = lowest_free_descriptor();
	fuzz_tls_reseed();
	memset(world.sides, 0, sizeof(world.sides));
	if (read_setup(&script)) {
		open_side(&world.sides[0]);
		open_side(&world.sides[1]);
		for (int i = 0; i < STEPS_MAX && script.len > 0; i++)
			run_step(&script);
		tear_down();
	}
	tls_context_free(world.sides[0].tls);
	tls_context_free(world.sides[1].tls);
	fuzz_must(lowest_free_descriptor() == descriptor);
	fuzz_must(world.chunk->refs == 1);
	return 0;
}
