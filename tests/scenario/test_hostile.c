/* SPDX-License-Identifier: Apache-2.0 */
/* Peers that want to do harm, against the real program: probes, scrapes and honest senders go on,
 * and the memory of the process stays where the limit says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/peer_grpc.h"
#include "tests/support/scenario_config.h"
#include "tests/support/scenario_raw.h"
#include "tests/support/scenario_sender.h"

#include <fcntl.h>
#include <nghttp2/nghttp2.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	MIB = 1 << 20,
	LIMIT_MIB = 64,
	OVER_LIMIT_MIB = 32, /* for each shard */
	HOSTILE = 40,
	STREAMS = 1000,
	MANY = 40000,	     /* requests whose answers the kernel's buffers do not hold */
	PAGES = 200,	     /* of metrics: together several times the limit */
	FIELD_BYTES = 15000, /* under SETTINGS_MAX_FRAME_SIZE */
};

/* Sanitizers keep freed memory. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { IS_SANITIZED = true };
#else
enum { IS_SANITIZED = false };
#endif

struct scene {
	struct peer_grpc *peer;
	struct daemon *daemon;
	uint16_t health;
	uint64_t sent;
	int fds[HOSTILE];
};

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	assert_non_null(scene);
	scene->peer = peer_grpc_start(&(struct peer_grpc_options){0});
	/* So long that an end which waits for its time-out is seen. */
	static const char *const args[] = {"--shutdown-timeout", "600s", NULL};
	scene->daemon = scenario_start(
		args,
		"receivers: {otlp: {protocols: {grpc: {endpoint: '127.0.0.1:0', "
		"max_connections: 60}, http: {endpoint: '127.0.0.1:0', max_connections: 60}}}}\n"
		"extensions: {health_check: {endpoint: '127.0.0.1:0'}}\n"
		"processors: {memory_limiter: {check_interval: 1s, limit_mib: %d}}\n"
		"exporters: {otlp: {" SCENARIO_GRPC_TO "}}\n"
		"service:\n  extensions: [health_check]\n" SCENARIO_TELEMETRY
		"  pipelines: {traces: {receivers: [otlp], processors: [memory_limiter], "
		"exporters: [otlp]}}\n",
		LIMIT_MIB, peer_grpc_port(scene->peer));
	scene->health = daemon_health_port(scene->daemon);
	for (size_t i = 0; i < HOSTILE; i++)
		scene->fds[i] = -1;
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;
	for (size_t i = 0; i < HOSTILE; i++) {
		if (scene->fds[i] >= 0)
			(void)close(scene->fds[i]);
	}
	assert_int_equal(daemon_stop(scene->daemon), 0);
	peer_grpc_stop(scene->peer);
	free(scene);
	return 0;
}

/* ---- hostile peers -------------------------------------------------------------------------- */

/* Sends until all is sent or the other side takes no more; never reads. */
static void send_without_reading(int fd, struct slice bytes)
{
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	while (bytes.len > 0) {
		ssize_t len = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
		if (len <= 0)
			return;
		bytes = slice_of(bytes.ptr + len, bytes.len - (size_t)len);
	}
}

/* As many of them as there are connections. */
static void attack(struct scene *scene, uint16_t port, struct slice bytes)
{
	for (size_t i = 0; i < HOSTILE; i++) {
		if (scene->fds[i] >= 0)
			(void)close(scene->fds[i]);
		scene->fds[i] = raw_connect(port);
		send_without_reading(scene->fds[i], bytes);
	}
}

static void append_requests(struct buf *out, const char *path, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_printf(out, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", path);
}

static void append_frame(struct buf *out, uint8_t type, uint8_t flags, uint32_t stream,
			 struct slice payload)
{
	const uint8_t head[9] = {(uint8_t)(payload.len >> 16),
				 (uint8_t)(payload.len >> 8),
				 (uint8_t)payload.len,
				 type,
				 flags,
				 (uint8_t)(stream >> 24),
				 (uint8_t)(stream >> 16),
				 (uint8_t)(stream >> 8),
				 (uint8_t)stream};
	buf_append(out, slice_of(head, sizeof(head)));
	buf_append(out, payload);
}

/* HTTP/2: a window of 0 for answers, then streams with a field of so many bytes. */
static void append_streams(struct buf *out, uint8_t flags, uint32_t streams, size_t field_bytes)
{
	struct buf block = BUF_INIT;
	/* POST http / :authority a, then "a: x…" as a literal that is not indexed (RFC 7541 §6.2). */
	buf_append(&block, SLICE("\x83\x86\x84\x41\x01"
				 "a\x00\x01"
				 "a\x7f"));
	for (size_t rest = field_bytes - 127; true; rest >>= 7) {
		buf_append_byte(&block, (uint8_t)(rest >= 128 ? (rest & 127) | 128 : rest));
		if (rest < 128)
			break;
	}
	for (size_t i = 0; i < field_bytes; i++)
		buf_append_byte(&block, 'x');
	buf_append(out, SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
	append_frame(out, NGHTTP2_SETTINGS, 0, 0, SLICE("\0\4\0\0\0\0"));
	for (uint32_t i = 0; i < streams; i++)
		append_frame(out, NGHTTP2_HEADERS, (uint8_t)(NGHTTP2_FLAG_END_HEADERS | flags),
			     i * 2 + 1, buf_slice(&block));
	buf_fini(&block);
}

/* ---- honest ones ---------------------------------------------------------------------------- */

static void assert_probe(uint16_t port, const char *path)
{
	struct raw_answer answer;
	raw_http1_post(port, "GET", path, "", (struct slice){0}, &answer);
	assert_int_equal(answer.status, 200);
	raw_answer_fini(&answer);
}

static uint16_t metrics_port(struct scene *scene)
{
	const char *line = strstr(daemon_output(scene->daemon), "Serving metrics");
	const char *port = line ? strstr(line, "\"port\": ") : NULL;
	assert_non_null(port);
	return (uint16_t)strtoul(port + strlen("\"port\": "), NULL, 10);
}

static void assert_all_is_well(struct scene *scene)
{
	struct scenario_sender sender;
	assert_probe(scene->health, "/");
	scenario_sender_open(&sender, CLIENT_GRPC, daemon_grpc_port(scene->daemon));
	scenario_send_spans(&sender, scene->sent, 10);
	scene->sent += 10;
	scenario_sender_close(&sender);
	assert_true(peer_grpc_wait_spans(scene->peer, (unsigned)scene->sent, SCENARIO_WAIT_MS));
	assert_true(IS_SANITIZED || daemon_metric(scene->daemon, "otelcol_process_memory_rss ") <
					    (LIMIT_MIB + OVER_LIMIT_MIB) * (double)MIB);
	assert_true(daemon_metric(scene->daemon, "sluice_memory_held_peak ") <
		    LIMIT_MIB * 1.1 * MIB);
}

static void peers_that_read_nothing_change_nothing(void **state)
{
	struct scene *scene = *state;
	struct buf bytes = BUF_INIT;
	append_requests(&bytes, "/", MANY);
	const uint16_t ports[] = {daemon_grpc_port(scene->daemon), daemon_http_port(scene->daemon),
				  scene->health};
	for (size_t i = 0; i < ARRAY_COUNT(ports); i++) {
		attack(scene, ports[i], buf_slice(&bytes));
		assert_all_is_well(scene);
	}
	buf_reset(&bytes);
	append_requests(&bytes, "/metrics", PAGES);
	attack(scene, metrics_port(scene), buf_slice(&bytes));
	assert_all_is_well(scene);
	buf_fini(&bytes);
}

static void peers_that_open_large_streams_change_nothing(void **state)
{
	struct scene *scene = *state;
	static const uint8_t flags[] = {0, NGHTTP2_FLAG_END_STREAM};
	for (size_t i = 0; i < ARRAY_COUNT(flags); i++) {
		struct buf bytes = BUF_INIT;
		append_streams(&bytes, flags[i], STREAMS, FIELD_BYTES);
		const uint16_t ports[] = {daemon_grpc_port(scene->daemon),
					  daemon_http_port(scene->daemon), scene->health};
		for (size_t k = 0; k < ARRAY_COUNT(ports); k++) {
			attack(scene, ports[k], buf_slice(&bytes));
			assert_all_is_well(scene);
		}
		buf_fini(&bytes);
	}
}

static void more_silent_peers_than_connections_block_nobody(void **state)
{
	struct scene *scene = *state;
	const uint16_t ports[] = {daemon_grpc_port(scene->daemon), scene->health};
	for (size_t i = 0; i < ARRAY_COUNT(ports); i++) {
		int fds[200];
		for (size_t k = 0; k < ARRAY_COUNT(fds); k++)
			fds[k] = raw_connect(ports[i]);
		assert_all_is_well(scene);
		for (size_t k = 0; k < ARRAY_COUNT(fds); k++)
			(void)close(fds[k]);
	}
	assert_true(daemon_metric(scene->daemon,
				  "sluice_server_connections_closed{receiver=\"otlp\",listener="
				  "\"grpc\",reason=\"evicted\"}") >= 100);
	daemon_wait_output(scene->daemon, "Too many connections");
}

static void unread_answers_do_not_delay_the_end(void **state)
{
	struct scene *scene = *state;
	struct buf bytes = BUF_INIT;
	append_streams(&bytes, NGHTTP2_FLAG_END_STREAM, 500, 200);
	attack(scene, daemon_http_port(scene->daemon), buf_slice(&bytes));
	assert_all_is_well(scene);
	daemon_signal(scene->daemon, SIGTERM);
	assert_int_equal(daemon_wait_exit(scene->daemon), 0);
	buf_fini(&bytes);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	(void)signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		CASE(peers_that_read_nothing_change_nothing),
		CASE(peers_that_open_large_streams_change_nothing),
		CASE(more_silent_peers_than_connections_block_nobody),
		CASE(unread_answers_do_not_delay_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
