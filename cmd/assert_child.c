/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The child inherits the user's environment; what an SDK needs to send its spans here is added to it.
 * While the loop runs libuv reads the exit; after that this file does.
 */
#include "cmd/assert_child.h"

#include "pipeline/base/slice.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/*
 * What an OpenTelemetry SDK needs to send its spans here, at once, and nothing else. Names and
 * values: OpenTelemetry specification, "Environment Variable Specification" and "OTLP Exporter
 * Configuration". ${port} stands for the port's number.
 */
static const struct {
	const char *name, *value;
} variables[] = {
	{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:${port}"},
	{"OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"}, /* the port takes gRPC, too */
	{"OTEL_EXPORTER_OTLP_INSECURE", "true"},	  /* for SDKs that speak gRPC */
	{"OTEL_TRACES_EXPORTER", "otlp"},
	{"OTEL_METRICS_EXPORTER", "none"}, /* Sluice takes traces alone: an SDK would complain */
	{"OTEL_LOGS_EXPORTER", "none"},
	{"OTEL_BSP_SCHEDULE_DELAY", "50"}, /* ms, in place of 5 s */
};

/* More specific variables that win over the above in every SDK: told, never changed. */
static const char *const stronger[] = {
	"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
	"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
	"OTEL_SDK_DISABLED",
	"OTEL_TRACES_SAMPLER",
};

static void append_value(struct buf *out, const char *value, uint16_t port)
{
	static const char mark[] = "${port}";
	const char *at = strstr(value, mark);
	if (at) {
		buf_append(out, slice_of(value, (size_t)(at - value)));
		buf_printf(out, "%u", (unsigned)port);
		value = at + strlen(mark);
	}
	buf_append_str(out, value);
}

/* The user's environment and, after it, ours: texts in ${texts}, one after another, ended by NUL. */
static char **make_environment(struct assert_child *child, uint16_t port, struct buf *texts)
{
	size_t inherited = 0, offsets[ARRAY_COUNT(variables)], added = 0;
	for (size_t i = 0; i < ARRAY_COUNT(variables); i++) {
		if (getenv(variables[i].name)) {
			buf_printf(&child->kept, "%s\n", variables[i].name);
			continue;
		}
		offsets[added++] = texts->len;
		buf_printf(texts, "%s=", variables[i].name);
		append_value(texts, variables[i].value, port);
		buf_append_byte(texts, '\0');
	}
	for (size_t i = 0; i < ARRAY_COUNT(stronger); i++) {
		if (getenv(stronger[i]))
			buf_printf(&child->kept, "%s\n", stronger[i]);
	}
	while (environ[inherited])
		inherited++;
	char **list = calloc(inherited + added + 1, sizeof(*list));
	if (!list || texts->failed) {
		free(list);
		return NULL;
	}
	memcpy(list, environ, inherited * sizeof(*list));
	for (size_t i = 0; i < added; i++)
		list[inherited + i] = (char *)texts->data + offsets[i];
	return list;
}

static void on_child_exit(uv_process_t *process, int64_t status, int signal)
{
	struct assert_child *child = CONTAINER_OF(process, struct assert_child, process);
	child->ended = true;
	child->ended_ns = clock_monotonic_ns();
	child->signal = signal;
	child->code = signal ? 128 + signal : (int)status;
}

int assert_child_start(struct assert_child *child, uv_loop_t *loop, char *const *argv,
		       uint16_t port, struct err *err)
{
	struct buf texts = BUF_INIT;
	uv_stdio_container_t standard[3];
	for (int i = 0; i < 3; i++)
		standard[i] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = i};
	char **environment = make_environment(child, port, &texts);
	/* At a terminal it stays in the terminal's group, so that it may read and Ctrl-C reaches it. */
	child->leads_group = isatty(STDIN_FILENO) == 0;
	const uv_process_options_t options = {.exit_cb = on_child_exit,
					      .file = argv[0],
					      .args = (char **)(uintptr_t)argv, /* not written */
					      .env = environment,
					      .stdio = standard,
					      .flags = child->leads_group ? UV_PROCESS_DETACHED : 0,
					      .stdio_count = ARRAY_COUNT(standard)};
	int failure = environment ? uv_spawn(loop, &child->process, &options) : UV_ENOMEM;
	free(environment);
	buf_fini(&texts);
	if (failure) {
		(void)err_set(err, ERR_CONFIG, "cannot run \"%s\": %s", argv[0],
			      uv_strerror(failure));
		if (environment)
			uv_close((uv_handle_t *)&child->process, NULL);
		return -1;
	}
	child->started = true;
	child->started_ns = clock_monotonic_ns();
	return 0;
}

/* ---- its end -------------------------------------------------------------------------------- */

/* With all that it has started, where it leads a group. It may just have ended: no error. */
static void send_signal(const struct assert_child *child, int signal)
{
	(void)kill(child->leads_group ? -child->process.pid : child->process.pid, signal);
}

/* What it has started may hold the output open for whoever reads it. */
static void on_stopped_end(const struct assert_child *child)
{
	if (child->leads_group)
		send_signal(child, SIGKILL);
}

bool assert_child_stop(struct assert_child *child, uint64_t now_ns)
{
	if (child->started && !child->ended && !child->stopped) {
		child->stopped = true;
		child->stopped_ns = now_ns;
		send_signal(child, SIGTERM);
	} else if (child->stopped && child->ended) {
		on_stopped_end(child);
	} else if (child->stopped && now_ns - child->stopped_ns >= ASSERT_CHILD_PATIENCE_NS) {
		send_signal(child, SIGKILL);
	}
	return !child->started || child->ended;
}

/* The loop has ended, so the exit is read here. False when it has not come within ${timeout_ms}. */
static bool wait_without_loop(struct assert_child *child, int timeout_ms)
{
	int status;
	int fd = (int)syscall(SYS_pidfd_open, child->process.pid, 0);
	struct pollfd poller = {.fd = fd, .events = POLLIN};
	bool ended = fd < 0 || poll(&poller, 1, timeout_ms) == 1;
	if (fd >= 0)
		(void)close(fd);
	if (!ended)
		return false;
	if (waitpid(child->process.pid, &status, 0) == child->process.pid)
		on_child_exit(&child->process, WIFEXITED(status) ? WEXITSTATUS(status) : 0,
			      WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	child->ended = true;
	return true;
}

void assert_child_stop_without_loop(struct assert_child *child)
{
	static const int patience_ms = (int)(ASSERT_CHILD_PATIENCE_NS / NS_PER_MS);
	if (!child->started || child->ended)
		return;
	(void)assert_child_stop(child, clock_monotonic_ns());
	if (!wait_without_loop(child, patience_ms)) {
		send_signal(child, SIGKILL);
		(void)wait_without_loop(child, patience_ms);
	}
	on_stopped_end(child);
}

void assert_child_fini(struct assert_child *child)
{
	buf_fini(&child->kept);
	if (!child->started)
		return;
	assert_child_stop_without_loop(child);
	uv_close((uv_handle_t *)&child->process,
		 NULL); /* the graph's end runs its loop once more */
}
