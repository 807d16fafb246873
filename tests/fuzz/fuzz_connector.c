/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a name to a connection, with a scripted resolver, addresses that answer, refuse or stay
 * silent, and a scripted proxy. The attempt ends exactly once, or never when it was cancelled; a
 * connection that comes out of a tunnel begins with the first byte after the proxy's answer.
 *
 * Byte 0: bits 0-1 addresses, bit 2 a proxy, bit 3 the resolver fails, bit 4 the proxy forwards.
 * Byte 1: two bits per address, enum kind. The rest are steps of two bytes.
 *
 * The resolver is this file's: it defines the functions of resolver.h itself, and connect, which
 * puts a unix socket in the place of most connections: no port is used up.
 */
#include "pipeline/net/client.h"
#include "pipeline/net/connector.h"
#include "pipeline/net/resolver.h"
#include "tests/fuzz/virtual_clock.h"
#include "tests/support/fuzz_script.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ADDRESSES_MAX = 3, STEPS_MAX = 200, FLAG_PROXY = 4, FLAG_FAIL = 8, FLAG_FORWARDS = 16 };

enum kind { KIND_ANSWERS = 0, KIND_REFUSES, KIND_IMPOSSIBLE, KIND_SILENT };

enum step {
	STEP_RESOLVE = 0,
	STEP_TIME,
	STEP_ACCEPT,
	STEP_SEND, /* bytes of the script, from the proxy */
	STEP_CLOSE_PEER,
	STEP_CANCEL,
	STEP_TURN,
	STEP_COUNT
};

struct address {
	struct sockaddr_storage storage;
	socklen_t len;
};

static struct world {
	struct loop loop;
	int listener; /* of KIND_ANSWERS, a unix socket */
	struct address silent, answers, refuses;
	uint8_t flags;
	struct resolver_request *request; /* waits for STEP_RESOLVE */
	struct connector *connector;
	bool cancelled, done;
	int fd;		 /* what the connector gave us */
	int peer;	 /* the other end of it */
	struct buf sent; /* by the proxy */
} world;

/* ---- the resolver --------------------------------------------------------------------------- */

int resolver_ask(struct loop *loop, const char *host, struct resolver_request *request,
		 struct err *err)
{
	(void)loop;
	(void)err;
	fuzz_must(host[0] != 0 && request->done && !world.request);
	world.request = request;
	return 0;
}

void resolver_cancel(struct resolver_request *request)
{
	fuzz_must(request == world.request);
	world.request = NULL;
}

void resolver_distrust(struct loop *loop, const char *host)
{
	fuzz_must(loop == &world.loop && host[0] != 0);
}

socklen_t resolver_address_len(const union resolver_address *address)
{
	return sizeof(address->v4);
}

/* Its kind is the last byte. */
static union resolver_address make_address(enum kind kind)
{
	union resolver_address address = {0};
	address.v4.sin_family = kind == KIND_IMPOSSIBLE ? AF_MAX : AF_INET;
	address.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK + kind);
	return address;
}

static void answer_resolver(uint8_t kinds)
{
	struct resolver_request *request = world.request;
	if (!request)
		return;
	world.request = NULL;
	request->answer.count = world.flags & FLAG_FAIL ? 0 : world.flags & ADDRESSES_MAX;
	for (size_t i = 0; i < request->answer.count; i++)
		request->answer.addresses[i] = make_address((enum kind)(kinds >> 2 * i & 3));
	if (request->answer.count == 0)
		(void)err_set(&request->err, ERR_IO, "no such host");
	request->done(request);
}

/* To what the address stands for. */
int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t len)
{
	const struct sockaddr_in *to = address.__sockaddr_in__;
	enum kind kind = (enum kind)(ntohl(to->sin_addr.s_addr) - INADDR_LOOPBACK);
	const struct address *real = kind == KIND_ANSWERS  ? &world.answers
				     : kind == KIND_SILENT ? &world.silent
							   : &world.refuses;
	fuzz_must(len == sizeof(*to) && to->sin_port != 0);
	if (kind != KIND_SILENT) {
		int in_place = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		fuzz_must(in_place >= 0 && dup3(in_place, fd, O_CLOEXEC) == fd);
		(void)close(in_place);
	}
	return (int)syscall(SYS_connect, fd, &real->storage, real->len);
}

/* ---- the script ----------------------------------------------------------------------------- */

static void on_done(void *arg, int fd, const struct err *err)
{
	fuzz_must(arg == &world && !world.done && !world.cancelled);
	fuzz_must((fd >= 0) == (err == NULL) && (!err || err->msg[0] != 0));
	world.done = true;
	world.connector = NULL;
	world.fd = fd;
}

static void turn(void)
{
	for (int i = 0; i < 3; i++)
		(void)uv_run(&world.loop.uv, UV_RUN_NOWAIT);
}

static void accept_peer(void)
{
	int fd = accept4(world.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0 && world.peer >= 0)
		(void)close(fd); /* the peer of an address that was given up */
	else if (fd >= 0)
		world.peer = fd;
}

static void close_peer(void)
{
	if (world.peer >= 0)
		(void)close(world.peer);
	world.peer = -1;
}

static void send_reply(struct slice bytes)
{
	ssize_t len = world.peer >= 0 && bytes.len > 0
			      ? send(world.peer, bytes.ptr, bytes.len, MSG_NOSIGNAL)
			      : 0;
	if (len > 0)
		buf_append(&world.sent, slice_of(bytes.ptr, (size_t)len));
}

static void cancel(void)
{
	if (!world.connector)
		return;
	world.cancelled = true;
	connector_cancel(world.connector);
	world.connector = NULL;
}

static void run_step(struct slice *script, uint8_t kinds)
{
	enum step step = (enum step)(fuzz_byte(script) % STEP_COUNT);
	uint8_t amount = fuzz_byte(script);
	switch (step) {
	case STEP_RESOLVE: answer_resolver(kinds); break;
	case STEP_TIME: virtual_clock_advance((uint64_t)amount * 200); break;
	case STEP_ACCEPT: accept_peer(); break;
	case STEP_SEND: send_reply(fuzz_bytes(script, amount)); break;
	case STEP_CLOSE_PEER: close_peer(); break;
	case STEP_CANCEL: cancel(); break;
	case STEP_TURN:
	case STEP_COUNT: break;
	}
	turn();
}

/* What the connector left in the socket is what the proxy sent after its answer. */
static void check_connection(void)
{
	uint8_t bytes[64 * 1024];
	int status = 0;
	if (world.fd < 0)
		return;
	fuzz_must(fcntl(world.fd, F_GETFL) & O_NONBLOCK);
	size_t reply_len = 0;
	if ((world.flags & (FLAG_PROXY | FLAG_FORWARDS)) == FLAG_PROXY) {
		reply_len = proxy_reply_parse(buf_slice(&world.sent), &status);
		fuzz_must(reply_len > 0 && status >= 200 && status < 300);
	}
	ssize_t len = recv(world.fd, bytes, sizeof(bytes), 0);
	size_t left = world.sent.len - reply_len;
	if (len >= 0)
		fuzz_must((size_t)len == left &&
			  (left == 0 || memcmp(bytes, world.sent.data + reply_len, left) == 0));
	(void)close(world.fd);
}

/* ---- set-up --------------------------------------------------------------------------------- */

static void make_unix_address(struct address *address, const char *name)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&address->storage;
	un->sun_family = AF_UNIX;
	/* abstract: nothing in the file system */
	int len = snprintf(un->sun_path + 1, sizeof(un->sun_path) - 1, "sluice-fuzz-%d-%s",
			   (int)getpid(), name);
	address->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
}

/* A listener whose queue is full: the kernel ignores who else comes. */
static void make_silent_address(struct address *address)
{
	struct sockaddr *any = (struct sockaddr *)&address->storage;
	struct sockaddr_in *in = (struct sockaddr_in *)&address->storage;
	socklen_t len = sizeof(*in);
	*in = (struct sockaddr_in){.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	fuzz_must(listener >= 0 && bind(listener, any, len) == 0 && listen(listener, 0) == 0);
	fuzz_must(getsockname(listener, any, &len) == 0);
	for (int i = 0; i < 4; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		fuzz_must(fd >= 0);
		(void)syscall(SYS_connect, fd, any, len); /* stays open as long as the process */
	}
	address->len = len;
}

static void set_up(void)
{
	struct err err;
	fuzz_must(loop_init(&world.loop, &err) == 0);
	make_unix_address(&world.answers, "answers");
	make_unix_address(&world.refuses, "refuses");
	make_silent_address(&world.silent);
	world.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	fuzz_must(world.listener >= 0 &&
		  bind(world.listener, (struct sockaddr *)&world.answers.storage,
		       world.answers.len) == 0 &&
		  listen(world.listener, 16) == 0);
}

static void begin(uint8_t flags)
{
	static const struct proxy none;
	const struct proxy through = {.host = "proxy.example",
				      .port = 3128,
				      .authorization = "Basic dTpw",
				      .forwards = flags & FLAG_FORWARDS};
	struct err err;
	world.flags = flags;
	world.cancelled = world.done = false;
	world.fd = world.peer = -1;
	world.connector =
		connector_start(&world.loop, flags & FLAG_PROXY ? "::1" : "host.example", 4317,
				flags & FLAG_PROXY ? &through : &none, on_done, &world, &err);
	fuzz_must(world.connector != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice script = slice_of(data, size);
	if (size < 2)
		return 0;
	if (!world.loop.read_buffer)
		set_up();
	uint8_t flags = fuzz_byte(&script), kinds = fuzz_byte(&script);
	begin(flags);
	for (int i = 0; i < STEPS_MAX && script.len > 0; i++)
		run_step(&script, kinds);
	virtual_clock_advance(CLIENT_CONNECT_TIMEOUT_MS + 1000); /* the end, if it was not before */
	for (int i = 0; i < ADDRESSES_MAX + 1; i++)
		turn();
	fuzz_must(!world.request && world.done != world.cancelled);
	check_connection();
	close_peer();
	accept_peer(); /* what is still in the queue */
	close_peer();
	fuzz_must(!uv_loop_alive(&world.loop.uv) || !world.connector);
	buf_reset(&world.sent);
	return 0;
}
