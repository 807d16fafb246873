/* SPDX-License-Identifier: Apache-2.0 */
/* Every signal that would end a process while acknowledged spans wait in a queue: all of them arrive,
 * and the log says what was made of the signal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/peer_grpc.h"
#include "tests/support/scenario_config.h"
#include "tests/support/scenario_sender.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOON "retry_on_failure: {initial_interval: 50ms, max_interval: 50ms}"
#define CONFIG                                                                                     \
	SCENARIO_LISTENERS "processors: {batch: {timeout: 1h}}\n"                                  \
			   "exporters: {otlp: {" SCENARIO_GRPC_TO ", " SOON                        \
			   "}}\n" SCENARIO_PIPELINE "processors: [batch], exporters: [otlp]}\n"

/* A backend that takes nothing yet, and a daemon with ${spans} acknowledged ones for it. */
static struct daemon *start_full(struct peer_grpc *peer, uint32_t spans)
{
	struct scenario_sender sender;
	peer_grpc_set(peer, &(struct peer_grpc_behaviour){.grpc_status = "14"});
	struct daemon *daemon = scenario_start(NULL, CONFIG, peer_grpc_port(peer));
	scenario_sender_open(&sender, CLIENT_GRPC, daemon_grpc_port(daemon));
	for (uint64_t i = 0; i < spans; i += 10)
		scenario_send_spans(&sender, i, 10);
	scenario_sender_close(&sender);
	return daemon;
}

/* The backend takes again: every span is there when the program has ended well. */
static void expect_all(struct daemon *daemon, struct peer_grpc *peer, uint32_t spans)
{
	peer_grpc_set(peer, &(struct peer_grpc_behaviour){0});
	assert_int_equal(daemon_wait_exit(daemon), 0);
	assert_int_equal(peer_grpc_counts(peer).spans, spans);
	assert_non_null(strstr(daemon_output(daemon), "\"spans_left\": 0"));
	(void)daemon_stop(daemon);
}

static void a_signal_that_is_no_end_is_said_and_nothing_is_lost(void **state)
{
	const struct {
		int signal;
		const char *line;
	} cases[] = {
		{SIGHUP, "SIGHUP does nothing: this build does not reload"},
		{SIGUSR1, "\"name\": \"USR1\""},
		{SIGUSR2, "\"name\": \"USR2\""},
		{SIGALRM, "\"name\": \"ALRM\""},
		{SIGVTALRM, "\"name\": \"VTALRM\""},
		{SIGPROF, "\"name\": \"PROF\""},
		{SIGIO, "\"name\": \"POLL\""},
		{SIGSTKFLT, "\"name\": \"STKFLT\""},
		{SIGRTMIN, "\"signal\": 34, \"name\": \"real-time\""},
		{SIGRTMAX, "\"signal\": 64, \"name\": \"real-time\""},
	};
	(void)state;
	struct peer_grpc *peer = peer_grpc_start(&(struct peer_grpc_options){0});
	struct daemon *daemon = start_full(peer, 100);
	daemon_signal(daemon, SIGPIPE);
	daemon_signal(daemon, SIGXFSZ);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		daemon_signal(daemon, cases[i].signal);
		daemon_wait_output(daemon, cases[i].line);
	}
	daemon_signal(daemon, SIGTERM);
	daemon_wait_output(daemon, "Starting shutdown...");
	daemon_signal(daemon, SIGHUP); /* also now: it is no second end */
	expect_all(daemon, peer, 100);
	peer_grpc_stop(peer);
}

static void each_end_drains(void **state)
{
	static const struct {
		int signal;
		const char *name;
	} cases[] = {
		{SIGTERM, "\"signal\": \"terminated\""},
		{SIGINT, "\"signal\": \"interrupt\""},
		{SIGQUIT, "\"signal\": \"quit\""},
		{SIGPWR, "\"signal\": \"power failure\""},
		{SIGXCPU, "\"signal\": \"CPU time limit exceeded\""},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct peer_grpc *peer = peer_grpc_start(&(struct peer_grpc_options){0});
		struct daemon *daemon = start_full(peer, 50);
		daemon_signal(daemon, cases[i].signal);
		daemon_wait_output(daemon, cases[i].name);
		daemon_wait_output(daemon, "Starting shutdown...");
		expect_all(daemon, peer, 50);
		peer_grpc_stop(peer);
	}
}

/* The file exporter meets RLIMIT_FSIZE, as it would with a quota: a write error, and the other
 * exporter gets all. */
static void a_file_that_may_not_grow_is_a_write_error(void **state)
{
	(void)state;
	char path[] = "/tmp/sluice-signals-XXXXXX";
	struct rlimit before, little;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	little = before;
	little.rlim_cur = 1024;
	struct peer_grpc *peer = peer_grpc_start(&(struct peer_grpc_options){0});
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0); /* the child inherits it */
	struct daemon *daemon =
		scenario_start((const char *const[]){"--shutdown-timeout", "2s", NULL},
			       SCENARIO_LISTENERS "exporters: {otlp: {" SCENARIO_GRPC_TO
						  "}, file: {path: '%s'}}\n" SCENARIO_PIPELINE
						  "exporters: [file, otlp]}\n",
			       peer_grpc_port(peer), path);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	struct scenario_sender sender;
	scenario_sender_open(&sender, CLIENT_GRPC, daemon_grpc_port(daemon));
	for (uint64_t i = 0; i < 100; i += 10)
		scenario_send_spans(&sender, i, 10);
	scenario_sender_close(&sender);
	assert_true(peer_grpc_wait_spans(peer, 100, SCENARIO_WAIT_MS));
	daemon_wait_output(daemon, "File too large");
	(void)daemon_stop(daemon);
	(void)unlink(path);
	peer_grpc_stop(peer);
}

/* `sluice dev` belongs to its terminal: when that is closed, the ports are free again. */
static void a_local_collector_ends_with_its_terminal(void **state)
{
	(void)state;
	const char *binary = getenv("SLUICE_BIN") ? getenv("SLUICE_BIN") : "bin/sluice";
	char said[4096] = "";
	size_t len = 0;
	bool hung_up = false;
	int ends[2], status = 0;
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)dup2(ends[1], STDERR_FILENO);
		(void)close(ends[0]);
		(void)close(ends[1]);
		(void)execl(binary, binary, "dev", "--set",
			    "receivers.otlp.protocols.grpc.endpoint=127.0.0.1:0", "--set",
			    "receivers.otlp.protocols.http.endpoint=127.0.0.1:0", "--set",
			    "service.telemetry.metrics.level=none", (char *)NULL);
		_exit(127);
	}
	(void)close(ends[1]);
	while (len + 1 < sizeof(said)) { /* to the end of its output */
		ssize_t got = read(ends[0], said + len, sizeof(said) - 1 - len);
		if (got <= 0)
			break;
		len += (size_t)got;
		said[len] = '\0';
		if (!hung_up && strstr(said, "Sluice listens")) {
			hung_up = true;
			assert_int_equal(kill(child, SIGHUP), 0);
		}
	}
	(void)close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || !hung_up)
		fail_msg("status %d: %s", status, said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signal_that_is_no_end_is_said_and_nothing_is_lost),
		cmocka_unit_test(each_end_drains),
		cmocka_unit_test(a_local_collector_ends_with_its_terminal),
		cmocka_unit_test(a_file_that_may_not_grow_is_a_write_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
