/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/scenario_daemon.h"

#include "pipeline/base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>
#include <cmocka.h>

enum { OUTPUT_PIPE_BYTES = 1 << 20 };

struct daemon {
	pid_t pid;
	int output_fd;
	struct buf output;
	uint16_t metrics_port, grpc_port, http_port, health_port;
	char config_path[64];
	bool ended;
	int exit_code;
};

static const char *program(void)
{
	const char *path = getenv("SLUICE_BIN");
	return path ? path : "bin/sluice";
}

/* ---- output --------------------------------------------------------------------------------- */

/* Reads what is there, waiting at most ${timeout_ms} for the first byte. False at the end. */
static bool read_output(struct daemon *daemon, int timeout_ms)
{
	struct pollfd poller = {.fd = daemon->output_fd, .events = POLLIN};
	char piece[16384];
	if (poll(&poller, 1, timeout_ms) <= 0)
		return true;
	ssize_t len = read(daemon->output_fd, piece, sizeof(piece));
	if (len > 0)
		buf_append(&daemon->output, slice_of(piece, (size_t)len));
	return len > 0;
}

const char *daemon_output(struct daemon *daemon)
{
	struct pollfd poller = {.fd = daemon->output_fd, .events = POLLIN};
	while (poll(&poller, 1, 0) > 0 && read_output(daemon, 0))
		;
	return buf_cstr(&daemon->output);
}

static uint64_t deadline(void)
{
	return clock_monotonic_ns() + DAEMON_DEADLINE_MS * NS_PER_MS;
}

static void give_up(struct daemon *daemon, const char *what)
{
	char text[4096];
	const char *output = daemon_output(daemon);
	size_t len = strlen(output);
	(void)snprintf(text, sizeof(text), "%s", len > 3000 ? output + len - 3000 : output);
	(void)kill(daemon->pid, SIGKILL);
	fail_msg("waited in vain for %s; the end of the output:\n%s", what, text);
}

void daemon_wait_output(struct daemon *daemon, const char *text)
{
	uint64_t end = deadline();
	while (!strstr(daemon_output(daemon), text)) {
		if (!read_output(daemon, 100) || clock_monotonic_ns() > end) {
			if (!strstr(daemon_output(daemon), text))
				give_up(daemon, text);
			return;
		}
	}
}

void daemon_assert_silent_about(struct daemon *daemon, const char *canary)
{
	if (strstr(daemon_output(daemon), canary))
		fail_msg("the output holds %s:\n%s", canary, daemon_output(daemon));
}

void daemon_assert_json_lines(struct daemon *daemon)
{
	static const char *const texts[] = {"level", "ts", "msg"};
	size_t lines = 0;
	const char *end;
	for (const char *line = daemon_output(daemon); *line; line = end + 1, lines++) {
		json_error_t error;
		end = strchrnul(line, '\n');
		json_t *object = json_loadb(line, (size_t)(end - line), 0, &error);
		if (!json_is_object(object))
			fail_msg("%s: %.*s", error.text, (int)(end - line), line);
		for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
			assert_true(json_is_string(json_object_get(object, texts[i])));
		json_decref(object);
		assert_int_equal(*end, '\n');
	}
	assert_true(lines > 0);
}

/* ---- starting ------------------------------------------------------------------------------- */

static void write_config(struct daemon *daemon, const char *config)
{
	(void)snprintf(daemon->config_path, sizeof(daemon->config_path),
		       "/tmp/sluice-scenario-XXXXXX");
	int fd = mkostemp(daemon->config_path, O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, config, strlen(config)), strlen(config));
	(void)close(fd);
}

/* Room for what the daemon says while a test is busy with something else than reading it: the log
 * does not wait long for a slow reader. Fewer bytes than asked are no failure. */
static void open_output(int ends[2])
{
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	(void)fcntl(ends[0], F_SETPIPE_SZ, OUTPUT_PIPE_BYTES);
}

/* The child dies with this program, so that a failed test leaves no daemon behind. */
static pid_t spawn(char *const *argv, int output_fd)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	int input_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && dup2(input_fd, STDIN_FILENO) >= 0 &&
	    dup2(output_fd, STDOUT_FILENO) >= 0 && dup2(output_fd, STDERR_FILENO) >= 0)
		(void)execv(argv[0], argv);
	_exit(127);
}

static char *writable(const char *text)
{
	return (char *)(uintptr_t)text; /* execv does not write, its type only forgets to say so */
}

/* In either encoding of the log; 0 when there is no such line. */
static uint16_t logged_port(struct daemon *daemon, const char *message)
{
	const char *line = strstr(daemon_output(daemon), message);
	const char *port = line ? strstr(line, "\"port\":") : NULL;
	return port ? (uint16_t)atoi(port + strlen("\"port\":")) : 0;
}

struct daemon *daemon_start(const char *config, const char *const *args)
{
	struct daemon *daemon = calloc(1, sizeof(*daemon));
	int ends[2];
	assert_non_null(daemon);
	write_config(daemon, config);
	const char *shards = getenv("SLUICE_TEST_SHARDS");
	char *argv[DAEMON_ARGS_MAX + 8] = {writable(program()), writable("--config"),
					   daemon->config_path, writable("--shards"),
					   writable(shards ? shards : "1")};
	for (size_t count = 5; args && *args && count < DAEMON_ARGS_MAX; args++)
		argv[count++] = writable(*args);
	open_output(ends);
	daemon->output_fd = ends[0];
	daemon->pid = spawn(argv, ends[1]);
	(void)close(ends[1]);
	daemon_wait_output(daemon, "Everything is ready");
	daemon->grpc_port = logged_port(daemon, "Starting GRPC server");
	daemon->http_port = logged_port(daemon, "Starting HTTP server");
	daemon->health_port = logged_port(daemon, "Starting health_check extension");
	daemon->metrics_port = logged_port(daemon, "Serving metrics");
	return daemon;
}

uint16_t daemon_grpc_port(const struct daemon *daemon)
{
	return daemon->grpc_port;
}

uint16_t daemon_http_port(const struct daemon *daemon)
{
	return daemon->http_port;
}

uint16_t daemon_health_port(const struct daemon *daemon)
{
	return daemon->health_port;
}

/* ---- metrics -------------------------------------------------------------------------------- */

void daemon_scrape(struct daemon *daemon, struct buf *page)
{
	static const char request[] =
		"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons(daemon->metrics_port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval patience = {.tv_sec = DAEMON_DEADLINE_MS / 1000};
	char piece[16384];
	ssize_t len;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		give_up(daemon, "the metrics page");
	assert_int_equal(write(fd, request, sizeof(request) - 1), sizeof(request) - 1);
	while ((len = read(fd, piece, sizeof(piece))) > 0)
		buf_append(page, slice_of(piece, (size_t)len));
	(void)close(fd);
}

double daemon_metric(struct daemon *daemon, const char *prefix)
{
	struct buf page = BUF_INIT;
	double sum = 0;
	daemon_scrape(daemon, &page);
	for (const char *line = buf_cstr(&page); line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, prefix, strlen(prefix)) != 0)
			continue;
		const char *end = strchr(line, '\n');
		const char *value = end;
		while (value && value > line && value[-1] != ' ')
			value--;
		sum += value ? strtod(value, NULL) : 0;
	}
	buf_fini(&page);
	return sum;
}

void daemon_wait_metric(struct daemon *daemon, const char *prefix, double value)
{
	uint64_t end = deadline();
	double seen;
	while ((seen = daemon_metric(daemon, prefix)) != value) {
		if (clock_monotonic_ns() > end) {
			print_error("%s is %g, expected %g\n", prefix, seen, value);
			give_up(daemon, prefix);
		}
		(void)read_output(daemon, 5);
	}
}

/* ---- the end -------------------------------------------------------------------------------- */

void daemon_signal(struct daemon *daemon, int signal)
{
	assert_int_equal(kill(daemon->pid, signal), 0);
}

static int take_exit_code(struct daemon *daemon)
{
	int status;
	assert_int_equal(waitpid(daemon->pid, &status, 0), daemon->pid);
	daemon->ended = true;
	daemon->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return daemon->exit_code;
}

void daemon_stop_reading(struct daemon *daemon)
{
	char path[64];
	static const char lines[4096] = {'\n'};
	(void)daemon_output(daemon);
	/* A description of our own: the daemon's must not become non-blocking. */
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", daemon->output_fd);
	int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	while (write(fd, lines, sizeof(lines)) > 0 || write(fd, lines, 1) > 0)
		;
	assert_int_equal(errno, EAGAIN);
	(void)close(fd);
}

int daemon_wait_exit_unread(struct daemon *daemon)
{
	int fd = (int)syscall(SYS_pidfd_open, daemon->pid, 0);
	assert_true(fd >= 0);
	struct pollfd poller = {.fd = fd, .events = POLLIN};
	int ended = poll(&poller, 1, DAEMON_DEADLINE_MS);
	(void)close(fd);
	if (ended != 1)
		give_up(daemon, "its end, unread");
	return take_exit_code(daemon);
}

int daemon_wait_exit(struct daemon *daemon)
{
	uint64_t end = deadline();
	while (read_output(daemon, 100)) {
		if (clock_monotonic_ns() > end)
			give_up(daemon, "its end");
	}
	return take_exit_code(daemon);
}

int daemon_stop(struct daemon *daemon)
{
	if (!daemon->ended) {
		daemon_signal(daemon, SIGTERM);
		(void)daemon_wait_exit(daemon);
	}
	int code = daemon->exit_code;
	(void)close(daemon->output_fd);
	if (daemon->config_path[0])
		(void)unlink(daemon->config_path);
	buf_fini(&daemon->output);
	free(daemon);
	return code;
}

struct daemon *daemon_spawn(const char *const *args)
{
	struct daemon *daemon = calloc(1, sizeof(*daemon));
	char *argv[DAEMON_ARGS_MAX + 2] = {writable(program())};
	int ends[2];
	assert_non_null(daemon);
	for (size_t i = 0; args[i] && i < DAEMON_ARGS_MAX; i++)
		argv[i + 1] = writable(args[i]);
	open_output(ends);
	daemon->output_fd = ends[0];
	daemon->pid = spawn(argv, ends[1]);
	(void)close(ends[1]);
	return daemon;
}

int daemon_run(const char *const *args, struct buf *output)
{
	struct daemon *daemon = daemon_spawn(args);
	(void)daemon_wait_exit(daemon);
	buf_append(output, buf_slice(&daemon->output));
	return daemon_stop(daemon);
}
