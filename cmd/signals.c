/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals are blocked in every thread and read from a descriptor: no system call of a shard is
 * interrupted, and one that comes before the loop runs is found there when it does. What would end
 * the process by default falls into three groups:
 *
 *   ends      INT, TERM, QUIT; PWR and XCPU, after which the machine or the kernel ends it anyway
 *   the rest  HUP, USR1, USR2, timers, I/O, real-time: sent by hand or by habit. A line, and on.
 *   faults    ABRT, SEGV, … stay as they are: the program cannot go on
 *
 * PIPE and XFSZ are ignored from the beginning (sluice.c): the write that raised them fails instead.
 */
#include "cmd/signals.h"

#include <errno.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const struct {
	int number;
	const char *name; /* as Go prints it, so as it stands in the Collector's log */
} ends[] = {
	{SIGINT, "interrupt"},
	{SIGTERM, "terminated"},
	{SIGQUIT, "quit"},
	{SIGPWR, "power failure"},
	{SIGXCPU, "CPU time limit exceeded"},
};
static const int others[] = {SIGHUP,	SIGUSR1, SIGUSR2, SIGALRM,
			     SIGVTALRM, SIGPROF, SIGIO,	  SIGSTKFLT};

static const char *end_name(int number)
{
	for (size_t i = 0; i < ARRAY_COUNT(ends); i++) {
		if (ends[i].number == number)
			return ends[i].name;
	}
	return NULL;
}

static void fill(sigset_t *set)
{
	(void)sigemptyset(set);
	for (size_t i = 0; i < ARRAY_COUNT(ends); i++)
		(void)sigaddset(set, ends[i].number);
	for (size_t i = 0; i < ARRAY_COUNT(others); i++)
		(void)sigaddset(set, others[i]);
	for (int number = SIGRTMIN; number <= SIGRTMAX; number++)
		(void)sigaddset(set, number);
}

static void answer(const struct signals *signals, int number)
{
	const struct log *log = graph_log(signals->graph);
	const char *name = sigabbrev_np(number); /* "USR1"; NULL: real-time */
	const char *end = number == SIGHUP && signals->hangup_ends ? "hangup" : end_name(number);
	if (end) {
		log_info(log, LOG_MSG("Received signal from OS"), LOG_STR("signal", end));
		graph_stop(signals->graph);
	} else if (number == SIGHUP) {
		log_warn(log,
			 LOG_MSG("SIGHUP does nothing: this build does not reload its "
				 "configuration while it runs. Restart it; SIGTERM drains first."));
	} else {
		log_info(log, LOG_MSG("Signal ignored"), LOG_UINT("signal", (uint64_t)number),
			 LOG_STR("name", name ? name : "real-time"));
	}
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	const struct signals *signals = poll->data;
	struct signalfd_siginfo info;
	(void)status;
	(void)events;
	if (read(signals->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		answer(signals, (int)info.ssi_signo);
}

void signals_hold(struct signals *signals)
{
	sigset_t set;
	fill(&set);
	(void)pthread_sigmask(SIG_BLOCK, &set, &signals->before);
}

void signals_release(const struct signals *signals)
{
	sigset_t set;
	fill(&set);
	for (int number = 1; number <= SIGRTMAX; number++) {
		if (sigismember(&set, number) == 1 && !end_name(number))
			(void)signal(number, SIG_IGN);
	}
	(void)pthread_sigmask(SIG_SETMASK, &signals->before, NULL);
}

void signals_unwatch(struct signals *signals)
{
	uv_close((uv_handle_t *)&signals->poll, NULL); /* graph_free's loop ends it */
	(void)close(signals->fd);
}

int signals_watch(struct signals *signals, struct graph *graph, bool hangup_ends, struct err *err)
{
	sigset_t set;
	fill(&set);
	signals->graph = graph;
	signals->hangup_ends = hangup_ends;
	signals->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (signals->fd < 0)
		return err_set_sys(err, errno, "watch signals");
	signals->poll.data = signals;
	int failure = uv_poll_init(&graph_loop(graph)->uv, &signals->poll, signals->fd);
	if (failure) {
		(void)close(signals->fd);
		return err_set(err, ERR_IO, "watch signals: %s", uv_strerror(failure));
	}
	failure = uv_poll_start(&signals->poll, UV_READABLE, on_readable);
	if (failure) {
		signals_unwatch(signals);
		return err_set(err, ERR_IO, "watch signals: %s", uv_strerror(failure));
	}
	return 0;
}
