/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends the example traces to any OTLP endpoint: to try a collector, a backend, or a CI sink. Says how
 * far it is: on a terminal once a second in one line, else in lines that become rarer, so that the
 * log of a long run stays short.
 */
#include "cmd/commands.h"
#include "cmd/example_sender.h"
#include "cmd/options.h"
#include "exporters/debug/human.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { PROGRESS_MS = 1000, PROGRESS_MS_MAX = 64000 };

struct generate {
	struct loop loop;
	struct budget budget;
	struct example_sender *sender;
	uv_signal_t interrupt;
	uv_timer_t progress;
	uint64_t progress_ms; /* from the last line to the next one */
	bool terminal;	      /* stderr is one */
	struct example_sent sent;
};

static void print_sent(const struct example_sent *sent)
{
	fprintf(stderr, "sent %" PRIu64 " trace%s, %" PRIu64 " span%s in %" PRIu64 " request%s",
		sent->traces, human_plural(sent->traces), sent->spans, human_plural(sent->spans),
		sent->requests, human_plural(sent->requests));
}

static void on_progress(uv_timer_t *timer)
{
	struct generate *generate = timer->data;
	if (generate->terminal)
		fputs("\r\x1b[K", stderr);
	print_sent(example_sender_sent(generate->sender));
	fputs(generate->terminal ? " so far" : " so far\n", stderr);
	if (!generate->terminal && generate->progress_ms < PROGRESS_MS_MAX)
		generate->progress_ms *= 2;
	(void)uv_timer_start(timer, on_progress, generate->progress_ms, 0);
}

static void on_interrupt(uv_signal_t *handle, int signum)
{
	(void)signum;
	example_sender_stop(((struct generate *)handle->data)->sender);
}

static void on_done(void *arg, const struct example_sent *sent)
{
	struct generate *generate = arg;
	generate->sent = *sent;
	example_sender_free(generate->sender);
	if (generate->terminal)
		fputs("\r\x1b[K", stderr);
	uv_close((uv_handle_t *)&generate->interrupt, NULL);
	uv_close((uv_handle_t *)&generate->progress, NULL);
	loop_stop(&generate->loop);
}

static void print_names(void)
{
	printf("\nTraces:\n");
	for (size_t i = 0; i < example_trace_count(); i++)
		printf("  %-18s %s (%u spans)\n", example_trace_name(i),
		       example_trace_description(i), example_trace_spans(i));
}

static int report(const struct example_sent *sent, const char *endpoint)
{
	print_sent(sent);
	fprintf(stderr, " to %s\n", endpoint);
	if (sent->failed_requests == 0)
		return 0;
	fprintf(stderr,
		"Error: %" PRIu64 " request%s with %" PRIu64 " span%s failed; the first: %s\n",
		sent->failed_requests, human_plural(sent->failed_requests), sent->failed_spans,
		human_plural(sent->failed_spans), sent->first_error.msg);
	return 1;
}

static bool start(struct generate *generate, const struct example_sender_config *config,
		  struct err *err)
{
	struct example_sender_config with_budget = *config;
	budget_init(&generate->budget, UINT64_MAX);
	with_budget.budget = &generate->budget;
	generate->interrupt.data = generate;
	generate->progress.data = generate;
	generate->progress_ms = PROGRESS_MS;
	generate->terminal = isatty(STDERR_FILENO) == 1;
	(void)uv_timer_init(&generate->loop.uv, &generate->progress); /* never fails */
	if (uv_signal_init(&generate->loop.uv, &generate->interrupt) != 0) {
		uv_close((uv_handle_t *)&generate->progress, NULL);
		(void)err_set(err, ERR_IO, "cannot watch signals");
		return false;
	}
	generate->sender =
		example_sender_start(&generate->loop, &with_budget, on_done, generate, err);
	if (!generate->sender) {
		uv_close((uv_handle_t *)&generate->interrupt, NULL);
		uv_close((uv_handle_t *)&generate->progress, NULL);
		return false;
	}
	/* Without it Ctrl-C ends the program at once. */
	(void)uv_signal_start(&generate->interrupt, on_interrupt, SIGINT);
	(void)uv_timer_start(&generate->progress, on_progress, PROGRESS_MS, 0);
	return true;
}

static int generate_all(const struct example_sender_config *config)
{
	struct generate generate = {0};
	struct err err;
	int code = 1;
	bool made = loop_init(&generate.loop, &err) == 0;
	if (made && start(&generate, config, &err)) {
		loop_run(&generate.loop);
		code = report(&generate.sent, config->endpoint);
	} else {
		fprintf(stderr, "Error: %s\n", err.msg);
	}
	if (made)
		loop_fini(&generate.loop);
	return code;
}

int command_generate(int argc, char **argv)
{
	struct example_sender_config config = {
		.endpoint = "localhost:4317", .names = "", .seed = 1, .rounds = 1};
	const char *protocol = "grpc";
	const struct option_spec specs[] = {
		{"--endpoint", 0, OPTION_TEXT, &config.endpoint, "HOST:PORT",
		 "Where to send; https:// for TLS. Default localhost:4317."},
		{"--protocol", 0, OPTION_TEXT, &protocol, "NAME",
		 "grpc (default) or http (protobuf)."},
		{"--traces", 0, OPTION_TEXT, &config.names, "LIST",
		 "Names, separated by commas; default: all."},
		{"--rounds", 0, OPTION_NUMBER, &config.rounds, "N",
		 "Send every trace N times, varied; 0: until Ctrl-C. Default 1."},
		{"--rate", 0, OPTION_DECIMAL, &config.rate, "R",
		 "Traces per second; default: as fast as they are answered."},
		{"--seed", 0, OPTION_NUMBER, &config.seed, "N",
		 "Same seed, same ids and variations. Default 1."}};
	switch (options_parse(specs, ARRAY_COUNT(specs), argc, argv)) {
	case OPTIONS_OK: break;
	case OPTIONS_BAD: return 1;
	case OPTIONS_HELP:
		options_help("sluice generate [options]",
			     "Sends example traces of LLM-serving stacks over OTLP.", specs,
			     ARRAY_COUNT(specs));
		print_names();
		return 0;
	}
	config.http = strcmp(protocol, "http") == 0;
	if (!config.http && strcmp(protocol, "grpc") != 0)
		return options_complain("--protocol", protocol, "grpc or http"), 1;
	if (!(config.rate >= 0 && isfinite(config.rate))) {
		fprintf(stderr, "Error: invalid value for --rate: expected a number from 0\n");
		return 1;
	}
	return generate_all(&config);
}
