/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server from its endpoint text to its end: what is bound and what is refused, connections that
 * come over real sockets on loopback, limits of time and number, drain and abort in any order. The
 * server must drain whatever its peers do, and leave no connection, memory or descriptor.
 *
 * Byte 0: bits 0-1 transport, bit 2 TLS, bit 3 no keep-alive, bit 4 one connection only, bit 5 short
 * time limits, bit 6 freed without a drain. A line with the endpoint; then steps of two bytes.
 *
 * Names, addresses and ports of the input never leave loopback: this file defines resolver_ask_now
 * and bind itself (see there), and accept4, which can be made to fail.
 */
#include "pipeline/net/resolver.h"
#include "pipeline/net/server_internal.h"
#include "tests/fuzz/virtual_clock.h"
#include "tests/support/fuzz_script.h"
#include "tests/support/fuzz_tls.h"
#include "tests/support/net_fuzz.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	PEERS_MAX = 4,
	SHARDS = 2,
	STEPS_MAX = 100,
	TURNS_MAX = 200,
	ENDPOINT_BYTES_MAX = 512,
	FLAG_TLS = 4,
	FLAG_ONCE = 8,
	FLAG_SINGLE = 16,
	FLAG_SHORT = 32,
	FLAG_FREE = 64,
};

enum step {
	STEP_CONNECT = 0,
	STEP_SEND, /* bytes of the script, to the peer of the step's bits 4-5 */
	STEP_READ,
	STEP_CLOSE,
	STEP_RESET,
	STEP_TIME,
	STEP_DRAIN,
	STEP_ABORT,
	STEP_ANSWER,
	STEP_SECOND, /* another server at the same port */
	STEP_FAIL_ACCEPT,
	STEP_COUNT
};

static struct world {
	struct loop loop;
	struct budget budget;
	struct coder *coder;
	struct tls_context *tls;
	char directory[32];
	struct server *server;
	struct server_shard shards[SHARDS];
	int peers[PEERS_MAX];
	size_t peer_count;
	bool draining, drained, asked_second, exact_port;
	int accept_error;
} world;

/* ---- the system ----------------------------------------------------------------------------- */

/* Ports of the input stand for what the system may say; all others are free. */
static int scripted_error(uint16_t port)
{
	static const int errors[] = {
		[1] = EACCES, [2] = EADDRNOTAVAIL, [3] = EADDRINUSE, [4] = EINVAL};
	return !world.exact_port && port < ARRAY_COUNT(errors) ? errors[port] : 0;
}

/* Binds to loopback: 127.0.0.0/8 as it is, everything else to the first address; a port that the
 * kernel chooses, unless it was the kernel that chose it. */
int bind(int fd, __CONST_SOCKADDR_ARG address, socklen_t len)
{
	struct sockaddr_storage copy = {0};
	memcpy(&copy, address.__sockaddr__, len);
	struct sockaddr_in *in = (struct sockaddr_in *)&copy;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&copy;
	bool is_v4 = copy.ss_family == AF_INET, is_v6 = copy.ss_family == AF_INET6;
	uint16_t *port = is_v4 ? &in->sin_port : is_v6 ? &in6->sin6_port : NULL;
	if (port && (errno = scripted_error(ntohs(*port))))
		return -1;
	if (port && ntohs(*port) < 32768 && !world.exact_port)
		*port = 0; /* the kernel's own choices are above, and asked for again */
	if (is_v4 && ntohl(in->sin_addr.s_addr) >> 24 != 127)
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (is_v6)
		in6->sin6_addr = in6addr_loopback;
	return (int)syscall(SYS_bind, fd, &copy, len);
}

int accept4(int fd, __SOCKADDR_ARG address, socklen_t *len, int flags)
{
	if (world.accept_error != 0) {
		errno = world.accept_error;
		world.accept_error = 0;
		return -1;
	}
	return (int)syscall(SYS_accept4, fd, address.__sockaddr__, len, flags);
}

static void add_found(struct resolver_answer *answer, int family, uint8_t last_byte)
{
	union resolver_address *found = &answer->addresses[answer->count++];
	if (family == AF_INET)
		found->v4 = (struct sockaddr_in){.sin_family = AF_INET,
						 .sin_addr.s_addr =
							 htonl(INADDR_LOOPBACK - 1 + last_byte)};
	else
		found->v6 = (struct sockaddr_in6){.sin6_family = AF_INET6,
						  .sin6_addr = in6addr_loopback};
}

socklen_t resolver_address_len(const union resolver_address *address)
{
	return address->any.sa_family == AF_INET6 ? sizeof(address->v6) : sizeof(address->v4);
}

/* A few names, and any numeric address, which becomes one of loopback. */
int resolver_ask_now(const char *host, struct resolver_answer *ret_answer, struct err *err)
{
	struct in6_addr ignored;
	struct resolver_answer answer = {0};
	if (strcmp(host, "localhost") == 0) {
		add_found(&answer, AF_INET, 1);
		add_found(&answer, AF_INET6, 1);
	} else if (strcmp(host, "twice") == 0) { /* the second one finds the port in use */
		add_found(&answer, AF_INET, 1);
		add_found(&answer, AF_INET, 1);
	} else if (strcmp(host, "many") == 0) {
		for (uint8_t i = 1; i <= LISTENER_SOCKETS_MAX + 4; i++)
			add_found(&answer, AF_INET, i);
	} else if (strcmp(host, "nowhere") == 0) {
		add_found(&answer, AF_INET, 1);
		answer.addresses[0].any.sa_family = AF_MAX;
	} else if (inet_pton(AF_INET, host, &ignored) == 1) {
		add_found(&answer, AF_INET, 1);
	} else if (inet_pton(AF_INET6, host, &ignored) == 1) {
		add_found(&answer, AF_INET6, 1);
	}
	if (answer.count == 0)
		return err_set(err, ERR_IO, "no such host");
	*ret_answer = answer;
	return 0;
}

/* ---- peers ---------------------------------------------------------------------------------- */

static void turn(void)
{
	for (int i = 0; i < 3; i++)
		(void)uv_run(&world.loop.uv, UV_RUN_NOWAIT);
}

static void connect_peer(void)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	const struct listener *listener = world.server->listener;
	if (world.peer_count == PEERS_MAX || !listener)
		return;
	int bound = listener->fds[listener->count - 1];
	if (getsockname(bound, (struct sockaddr *)&address, &len) != 0)
		return;
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	fuzz_must(fd >= 0);
	(void)connect(fd, (struct sockaddr *)&address, len);
	world.peers[world.peer_count++] = fd;
}

static void read_peer(int fd)
{
	char bytes[16 * 1024];
	while (recv(fd, bytes, sizeof(bytes), 0) > 0)
		;
}

/* With a reset: a port that waits for the other end's last words cannot be used again soon. */
static void reset_peer(int fd)
{
	const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	(void)close(fd);
}

static void on_peer(enum step step, size_t index, struct slice bytes)
{
	if (index >= world.peer_count)
		return;
	int fd = world.peers[index];
	if (step == STEP_SEND && bytes.len > 0)
		(void)send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
	else if (step == STEP_READ)
		read_peer(fd);
	else if (step == STEP_CLOSE)
		(void)shutdown(fd, SHUT_WR);
	if (step != STEP_RESET)
		return;
	reset_peer(fd);
	world.peers[index] = world.peers[--world.peer_count];
}

/* ---- the script ----------------------------------------------------------------------------- */

static void on_drained(void *arg)
{
	fuzz_must(arg == &world && !world.drained);
	world.drained = true;
}

static void drain(void)
{
	if (!world.draining)
		server_drain(world.server, on_drained, &world);
	world.draining = true;
}

/* A port in use is refused, and the text says who has it: we do. */
static void open_second(void)
{
	char endpoint[32], holder[32];
	struct err err = {0};
	struct server_config config = world.server->config;
	if (world.asked_second || !world.server->listener || server_port(world.server) == 0)
		return;
	world.asked_second = true;
	(void)snprintf(endpoint, sizeof(endpoint), "localhost:%u", server_port(world.server));
	(void)snprintf(holder, sizeof(holder), "(held by pid %d,", (int)getpid());
	config.endpoint = endpoint;
	config.transport = "tcp";
	world.exact_port = true;
	struct server *second = server_new(&config, NULL, &err);
	world.exact_port = false;
	fuzz_must(second || (err.sys == EADDRINUSE && strstr(err.msg, holder)));
	server_free(second); /* the first one may be on another address */
}

static void run_step(struct slice *script)
{
	uint8_t code = fuzz_byte(script), amount = fuzz_byte(script);
	enum step step = (enum step)((code & 15) % STEP_COUNT);
	switch (step) {
	case STEP_CONNECT: connect_peer(); break;
	case STEP_SEND:
	case STEP_READ:
	case STEP_CLOSE:
	case STEP_RESET:
		on_peer(step, code >> 4 & 3,
			step == STEP_SEND ? fuzz_bytes(script, amount) : slice_of(NULL, 0));
		break;
	case STEP_TIME: virtual_clock_advance((uint64_t)amount * 100); break;
	case STEP_DRAIN: drain(); break;
	case STEP_ABORT: server_abort(world.server); break;
	case STEP_ANSWER: (void)net_fuzz_answer_held(); break;
	case STEP_SECOND: open_second(); break;
	case STEP_FAIL_ACCEPT: world.accept_error = amount & 1 ? EMFILE : ECONNABORTED; break;
	case STEP_COUNT: break;
	}
	turn();
}

/* ---- set-up --------------------------------------------------------------------------------- */

static void remove_directory(void)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "%s/stale", world.directory);
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%s/file", world.directory);
	(void)unlink(path);
	(void)rmdir(world.directory);
}

static void set_up(void)
{
	struct err err;
	char path[64];
	fuzz_tls_init();
	fuzz_must(loop_init(&world.loop, &err) == 0);
	fuzz_must((world.coder = coder_new()) != NULL);
	const struct tls_config tls = {.cert_file = fuzz_tls_path(FUZZ_TLS_CERTIFICATE),
				       .key_file = fuzz_tls_path(FUZZ_TLS_KEY)};
	world.tls = tls_server_context(&tls, "h2,http/1.1", NULL, &err);
	fuzz_must(world.tls != NULL);
	(void)snprintf(world.directory, sizeof(world.directory), "/tmp/sluice-fuzz-XXXXXX");
	fuzz_must(mkdtemp(world.directory) != NULL && atexit(remove_directory) == 0);
	(void)snprintf(path, sizeof(path), "%s/file", world.directory);
	FILE *file = fopen(path, "we");
	fuzz_must(file != NULL && fclose(file) == 0);
	turn(); /* libuv opens its descriptors on first use */
}

/* A path of ours for any of the input's: a socket to be, one that was left behind, a file, none. */
static void choose_unix_path(char *endpoint)
{
	static const char *const names[] = {"socket", "stale", "file", "none/socket"};
	char path[64];
	size_t which = (uint8_t)endpoint[0] & 3;
	if (strlen(endpoint) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return; /* too long to be opened */
	(void)snprintf(path, sizeof(path), "%s/%s", world.directory, names[which]);
	memcpy(endpoint, path, sizeof(path));
	if (which != 1)
		return;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	memcpy(address.sun_path, path, sizeof(path));
	fuzz_must(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	(void)close(fd);
}

static struct server_limits read_limits(uint8_t flags)
{
	struct server_limits limits = server_limits_default();
	limits.http_body_bytes_max = limits.grpc_message_bytes_max = 1 << 20;
	if (flags & FLAG_SINGLE)
		limits.connections_max = 1;
	if (!(flags & FLAG_SHORT))
		return limits;
	limits.header_timeout_ns = limits.body_timeout_ns = 2 * NS_PER_S;
	limits.idle_timeout_ns = 4 * NS_PER_S;
	limits.max_connection_age_ns = 8 * NS_PER_S;
	limits.max_connection_age_grace_ns = 2 * NS_PER_S;
	return limits;
}

static bool open_server(struct slice *script, char *endpoint)
{
	static const char *const transports[] = {"tcp", "tcp4", "tcp6", "unix"};
	uint8_t flags = fuzz_byte(script);
	struct slice line = fuzz_line(script);
	size_t len = line.len < ENDPOINT_BYTES_MAX ? line.len : ENDPOINT_BYTES_MAX - 1;
	memcpy(endpoint, line.ptr, len);
	endpoint[len] = 0;
	if ((flags & 3) == 3)
		choose_unix_path(endpoint);
	const struct server_config config = {
		.endpoint = endpoint,
		.transport = transports[flags & 3],
		.label = "FUZZ",
		.tls = flags & FLAG_TLS ? world.tls : NULL,
		.limits = read_limits(flags),
		.handler = &net_fuzz_handler,
		.keep_alives = !(flags & FLAG_ONCE),
	};
	struct err err = {0};
	world.server = server_new(&config, NULL, &err);
	fuzz_must((world.server != NULL) == (err.kind == ERR_NONE));
	if (!world.server)
		return false;
	for (size_t i = 0; i < SHARDS; i++)
		world.shards[i] = (struct server_shard){
			.loop = &world.loop, .coder = world.coder, .budget = &world.budget};
	fuzz_must(server_start(world.server, &world.loop, world.shards, SHARDS, &err) == 0);
	return true;
}

static void end_orderly(void)
{
	drain();
	server_abort(world.server);
	for (int i = 0; i < TURNS_MAX && !world.drained; i++) {
		turn();
		while (net_fuzz_answer_held())
			;
	}
	fuzz_must(world.drained);
	fuzz_must(counter_get(&world.server->counters.connections_open) == 0);
}

static void reset_peers(void)
{
	while (world.peer_count > 0)
		reset_peer(world.peers[--world.peer_count]);
	turn();
}

static void close_server(bool orderly)
{
	if (orderly || world.draining) {
		reset_peers();
		end_orderly();
	}
	turn();			   /* the server's tasks have to be through */
	server_free(world.server); /* connections that are left end without it */
	turn();
	reset_peers();
	fuzz_must(!net_fuzz_answer_held());
	for (size_t i = 0; i < SHARDS; i++)
		fuzz_must(world.shards[i].connections == 0);
}

static int lowest_free_descriptor(void)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	fuzz_must(fd >= 0);
	(void)close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice script = slice_of(data, size);
	char endpoint[ENDPOINT_BYTES_MAX];
	if (size == 0)
		return 0;
	if (!world.coder)
		set_up();
	int descriptor = lowest_free_descriptor();
	budget_init(&world.budget, 8 << 20);
	fuzz_tls_reseed();
	world.draining = world.drained = world.asked_second = false;
	world.accept_error = 0;
	bool orderly = !(data[0] & FLAG_FREE);
	if (open_server(&script, endpoint)) {
		for (int i = 0; i < STEPS_MAX && script.len > 0; i++)
			run_step(&script);
		close_server(orderly);
	}
	turn();
	fuzz_must(budget_used(&world.budget) == 0);
	fuzz_must(lowest_free_descriptor() == descriptor);
	return 0;
}
