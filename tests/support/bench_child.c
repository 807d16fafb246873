/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/bench_child.h"

#include "pipeline/base/clock.h"
#include "tests/support/bench_figure.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	ARGUMENTS_MAX = 16,
	WAIT_MS_MAX = 10000,
	STOP_MS_MAX = 1000,
	PORT_PAUSE_MS = 5,
	PIPE_BYTES = 1 << 20, /* so that a talkative child is not held up between two looks */
};

/* ---- CPUs ----------------------------------------------------------------------------------- */

void bench_pin(int cpu)
{
	cpu_set_t set;
	if (cpu == BENCH_CPU_ANY)
		return;
	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		bench_die("cannot run on CPU %d", cpu);
}

unsigned bench_cpu_count(void)
{
	cpu_set_t set;
	return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

/* ---- starting ------------------------------------------------------------------------------- */

static void write_config(struct bench_child *child, const char *config, char *path, size_t size)
{
	(void)snprintf(child->directory, sizeof(child->directory), "/tmp/sluice-bench-XXXXXX");
	if (!mkdtemp(child->directory))
		bench_die("cannot make a directory in /tmp");
	(void)snprintf(path, size, "%s/config", child->directory);
	FILE *file = fopen(path, "we");
	if (!file)
		bench_die("cannot write %s", path);
	for (const char *at = config; *at;) {
		const char *mark = strstr(at, "@dir@");
		size_t len = mark ? (size_t)(mark - at) : strlen(at);
		(void)fwrite(at, 1, len, file);
		at += len;
		if (mark) {
			(void)fputs(child->directory, file);
			at += strlen("@dir@");
		}
	}
	if (fclose(file) != 0)
		bench_die("cannot write %s", path);
}

static _Noreturn void become(char *const *argv, int output_fd, int cpu, pid_t parent)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	int null = open("/dev/null", O_RDONLY);
	if (getppid() != parent || null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(output_fd, STDOUT_FILENO) < 0 || dup2(output_fd, STDERR_FILENO) < 0)
		_exit(127);
	bench_pin(cpu);
	(void)execvp(argv[0], argv);
	perror(argv[0]);
	_exit(127);
}

void bench_child_start(struct bench_child *child, const char *const *argv, const char *config,
		       int cpu)
{
	char *arguments[ARGUMENTS_MAX + 1], path[64];
	size_t count = 0;
	int ends[2];
	*child = (struct bench_child){0};
	write_config(child, config, path, sizeof(path));
	for (; argv[count] && count < ARGUMENTS_MAX; count++)
		arguments[count] = strcmp(argv[count], "@config") == 0
					   ? path
					   : (char *)(uintptr_t)argv[count]; /* exec only reads */
	arguments[count] = NULL;
	if (pipe2(ends, O_CLOEXEC) != 0)
		bench_die("pipe");
	(void)fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES);
	pid_t self = getpid();
	child->output_fd = ends[0];
	child->started_ns = clock_monotonic_ns();
	child->pid = fork();
	if (child->pid == 0)
		become(arguments, ends[1], cpu, self);
	(void)close(ends[1]);
	if (child->pid < 0 || clock_getcpuclockid(child->pid, &child->cpu_clock) != 0)
		bench_die("cannot start %s", argv[0]);
}

/* ---- waiting -------------------------------------------------------------------------------- */

/* Reads what is there, waiting at most ${timeout_ms} for the first byte. False at the end. */
static bool read_output(struct bench_child *child, int timeout_ms)
{
	struct pollfd poller = {.fd = child->output_fd, .events = POLLIN};
	char piece[16384];
	if (poll(&poller, 1, timeout_ms) <= 0)
		return true;
	ssize_t len = read(child->output_fd, piece, sizeof(piece));
	if (len > 0)
		buf_append(&child->output, slice_of(piece, (size_t)len));
	return len > 0;
}

static _Noreturn void in_vain(struct bench_child *child, const char *what)
{
	(void)fprintf(stderr, "%s\n", buf_cstr(&child->output));
	(void)kill(child->pid, SIGKILL);
	bench_die("waited in vain for %s", what);
}

uint64_t bench_child_wait_output(struct bench_child *child, const char *text)
{
	uint64_t end_ns = clock_monotonic_ns() + WAIT_MS_MAX * NS_PER_MS;
	while (!strstr(buf_cstr(&child->output), text)) {
		if (!read_output(child, WAIT_MS_MAX) || clock_monotonic_ns() > end_ns)
			in_vain(child, text);
	}
	return clock_monotonic_ns() - child->started_ns;
}

void bench_child_wait_port(struct bench_child *child, uint16_t port)
{
	const struct sockaddr_in address = {.sin_family = AF_INET,
					    .sin_port = htons(port),
					    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	for (int waited_ms = 0; waited_ms < WAIT_MS_MAX; waited_ms += PORT_PAUSE_MS) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		int code = connect(fd, (const struct sockaddr *)&address, sizeof(address));
		(void)close(fd);
		if (code == 0)
			return;
		if (!read_output(child, PORT_PAUSE_MS))
			break;
	}
	in_vain(child, "its port");
}

/* ---- asking --------------------------------------------------------------------------------- */

uint64_t bench_child_cpu_ns(const struct bench_child *child)
{
	struct timespec used;
	if (clock_gettime(child->cpu_clock, &used) != 0)
		bench_die("a program under measurement has ended");
	return (uint64_t)used.tv_sec * NS_PER_S + (uint64_t)used.tv_nsec;
}

uint64_t bench_child_status_kib(const struct bench_child *child, const char *name)
{
	char path[48], line[256];
	unsigned long long kib = 0;
	size_t len = strlen(name);
	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)child->pid);
	FILE *file = fopen(path, "re");
	if (!file)
		bench_die("a program under measurement has ended");
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, name, len) == 0 && line[len] == ':')
			kib = strtoull(line + len + 1, NULL, 10);
	}
	(void)fclose(file);
	return kib;
}

/* ---- ending --------------------------------------------------------------------------------- */

static void remove_directory(const char *directory)
{
	static const char *const names[] = {"config",  "pid",	"body", "proxy",
					    "fastcgi", "uwsgi", "scgi"};
	char path[64];
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		(void)remove(path); /* most of them are not there */
	}
	(void)rmdir(directory);
}

void bench_child_stop(struct bench_child *child)
{
	uint64_t end_ns = clock_monotonic_ns() + STOP_MS_MAX * NS_PER_MS;
	if (child->pid <= 0)
		return;
	(void)kill(child->pid, SIGTERM);
	while (read_output(child, STOP_MS_MAX) && clock_monotonic_ns() < end_ns)
		;
	(void)kill(child->pid, SIGKILL); /* nothing to do when it has ended */
	(void)waitpid(child->pid, NULL, 0);
	(void)close(child->output_fd);
	buf_fini(&child->output);
	remove_directory(child->directory);
	child->pid = 0;
}
