/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every file of configs/ as a user finds it: `validate` has nothing to say about it, and the program
 * runs with it. For the run its addresses are replaced by free ports of the loopback interface; the
 * backends it names are not there, which must not keep it from starting or ending.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { OUTPUT_BYTES_MAX = 64 << 10, ARGUMENTS_MAX = 32, DEADLINE_S = 30 };

#define READY "Everything is ready. Begin running and processing data."

extern char **environ;

static const char *const overrides[] = {
	"receivers.otlp.protocols.grpc.endpoint=127.0.0.1:0",
	"receivers.otlp.protocols.http.endpoint=127.0.0.1:0",
	"extensions.health_check.endpoint=127.0.0.1:0",
	"service.telemetry.metrics.level=none",
	"service.telemetry.logs.level=info",
};

struct child {
	pid_t pid;
	int output; /* its standard output and error */
	char text[OUTPUT_BYTES_MAX];
	size_t text_len;
};

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Starts SLUICE_BIN with ${arguments}, of which the last is NULL and the first is ours to fill. */
static void child_start(struct child *child, const char **arguments)
{
	const char *program = getenv("SLUICE_BIN");
	assert_non_null(program);
	arguments[0] = program;
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	posix_spawn_file_actions_t actions;
	assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO), 0);
	memset(child, 0, sizeof(*child));
	char **argv = (char **)(uintptr_t)arguments; /* posix_spawn does not write to it */
	assert_int_equal(posix_spawn(&child->pid, program, &actions, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	child->output = ends[0];
}

/* Reads output until ${text} is in it or, with NULL, until its end. False at the end or deadline. */
static bool child_read_until(struct child *child, const char *text)
{
	int64_t deadline_ms = now_ms() + DEADLINE_S * 1000;
	while (!text || !strstr(child->text, text)) {
		int64_t left_ms = deadline_ms - now_ms();
		struct pollfd waiting = {.fd = child->output, .events = POLLIN};
		if (left_ms <= 0 || poll(&waiting, 1, (int)left_ms) == 0)
			return false;
		size_t room = sizeof(child->text) - 1 - child->text_len;
		ssize_t got = read(child->output, child->text + child->text_len, room);
		if (got <= 0)
			return !text && got == 0 && room > 0;
		child->text_len += (size_t)got;
	}
	return true;
}

/* Its exit status, -1 for any other end. Killed when it did not end its output in time. */
static int child_wait(struct child *child)
{
	if (!child_read_until(child, NULL))
		kill(child->pid, SIGKILL);
	close(child->output);
	int status;
	while (waitpid(child->pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void each_config(void (*visit)(const char *path))
{
	glob_t found;
	assert_int_equal(glob("configs/*.yaml", 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= 5);
	for (size_t i = 0; i < found.gl_pathc; i++)
		visit(found.gl_pathv[i]);
	globfree(&found);
}

static void validate(const char *path)
{
	struct child child;
	child_start(&child, (const char *[]){NULL, "validate", "--quiet", "--config", path, NULL});
	int status = child_wait(&child);
	if (status != 0 || child.text_len > 0)
		fail_msg("%s: status %d: %s", path, status, child.text);
}

static void run_and_stop(const char *path)
{
	char config[256];
	snprintf(config, sizeof(config), "--config=%s", path); /* as the operator writes it */
	const char *arguments[ARGUMENTS_MAX] = {NULL, config};
	size_t count = 2;
	for (size_t i = 0; i < sizeof(overrides) / sizeof(overrides[0]); i++) {
		arguments[count++] = "--set";
		arguments[count++] = overrides[i];
	}
	const char *shards = getenv("SLUICE_TEST_SHARDS");
	if (shards) {
		arguments[count++] = "--shards";
		arguments[count++] = shards;
	}
	struct child child;
	child_start(&child, arguments);
	bool ready = child_read_until(&child, READY);
	kill(child.pid, SIGTERM);
	int status = child_wait(&child);
	if (!ready || status != 0)
		fail_msg("%s: %s, status %d: %s", path, ready ? "ready" : "never ready", status,
			 child.text);
}

static void validate_has_nothing_to_say_about_any(void **state)
{
	(void)state;
	each_config(validate);
}

static void each_gets_ready_and_ends_on_sigterm(void **state)
{
	(void)state;
	each_config(run_and_stop);
}

static int set_secrets(void **state)
{
	(void)state;
	return setenv("LANGFUSE_PUBLIC_KEY", "pk-lf-1", 1) ||
	       setenv("LANGFUSE_SECRET_KEY", "sk-lf-2", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(validate_has_nothing_to_say_about_any),
		cmocka_unit_test(each_gets_ready_and_ends_on_sigterm),
	};
	return cmocka_run_group_tests(tests, set_secrets, NULL);
}
