/* SPDX-License-Identifier: Apache-2.0 */
/* Load from several senders onto backends that come and go. At the end, for every exporter:
 * accepted = delivered + dropped, exactly, by the metrics and by what the backends hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/scenario_config.h"
#include "tests/support/scenario_sender.h"
#include "tests/support/scenario_spans.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	SENDERS = 4,
	REQUESTS = 300, /* of each sender */
	SPANS_MAX = 200,
	IDS = SENDERS * REQUESTS * SPANS_MAX,
};

struct load {
	pthread_t thread;
	uint64_t number;
	enum client_mode mode;
	uint16_t port;
	sem_t *answered; /* once for every request */
	uint64_t accepted, refused;
};

static void *send_load(void *arg)
{
	struct load *load = arg;
	struct scenario_sender sender;
	scenario_sender_open(&sender, load->mode, load->port);
	for (uint64_t i = 0; i < REQUESTS; i++) {
		uint32_t spans = 1 + (uint32_t)(i * 37 % SPANS_MAX);
		uint64_t first = (load->number * REQUESTS + i) * SPANS_MAX;
		struct buf request = scenario_request(first, spans, "work", "k", "v");
		struct scenario_answer answer = scenario_send(
			&sender, NULL, i % 2 ? CODING_GZIP : CODING_IDENTITY, buf_slice(&request));
		if (scenario_taken(&sender, &answer))
			load->accepted += spans;
		else
			load->refused += spans;
		(void)sem_post(load->answered);
		buf_fini(&request);
	}
	scenario_sender_close(&sender);
	return NULL;
}

/* What a trouble leaves behind is known for sure: the backend either answered that it took a
 * request, on the only call of its connection, or it did not take it. */
static const struct peer_grpc_behaviour grpc_troubles[] = {
	{.grpc_status = "14"},			 /* UNAVAILABLE */
	{.action = PEER_RESET, .reset_code = 2}, /* INTERNAL_ERROR */
	{.grpc_status = "7"},			 /* PERMISSION_DENIED: dropped */
	{.action = PEER_GOAWAY},
	{.action = PEER_CLOSE},
	{.grpc_status = "3"}, /* INVALID_ARGUMENT: halved */
	{.action = PEER_STALL},
	{.grpc_status = "8"}, /* RESOURCE_EXHAUSTED: dropped */
};
static const struct http_sink_behaviour http_troubles[] = {
	{.status = 503},
	{.action = SINK_CLOSE},
	{.status = 401}, /* dropped */
	{.status = 429, .retry_after = "0"},
	{.status = 400}, /* halved */
	{.status = 413}, /* halved */
	{.action = SINK_STALL},
	{.status = 504},
};

struct world {
	struct peer_grpc *grpc, *restarted;
	struct http_sink *http;
	struct daemon *daemon;
	struct load loads[SENDERS];
	sem_t answered;
	uint64_t accepted, refused;
	uint32_t *seen_grpc, *seen_http, *seen_restarted;
};

static void count_grpc(struct peer_grpc *peer, uint32_t *seen)
{
	size_t count;
	const struct peer_grpc_call *calls = peer_grpc_lock(peer, &count);
	for (size_t i = 0; i < count; i++) {
		if (calls[i].accepted)
			scenario_count_ids(slice_of(calls[i].message, calls[i].message_len), seen,
					   IDS);
	}
	peer_grpc_unlock(peer);
}

static void count_http(struct http_sink *sink, uint32_t *seen)
{
	size_t count;
	const struct http_sink_call *calls = http_sink_lock(sink, &count);
	for (size_t i = 0; i < count; i++) {
		if (calls[i].accepted)
			scenario_count_ids(slice_of(calls[i].message, calls[i].message_len), seen,
					   IDS);
	}
	http_sink_unlock(sink);
}

/* The third backend goes away, connections and all, and comes back on the same port. */
static void restart(struct world *world)
{
	uint16_t port = peer_grpc_port(world->restarted);
	struct peer_grpc *old = world->restarted;
	/* From here on it takes nothing; calls that had begun before are over a few calls later. */
	peer_grpc_set(old, &(struct peer_grpc_behaviour){.action = PEER_CLOSE});
	(void)peer_grpc_wait_calls(old, peer_grpc_counts(old).calls + 4, 200);
	count_grpc(old, world->seen_restarted);
	peer_grpc_stop(old);
	world->restarted = peer_grpc_start(&(struct peer_grpc_options){.port = port});
}

/* Changes the weather every 20 requests until all have been answered. */
static void make_trouble(struct world *world)
{
	for (uint64_t answered = 0; answered < SENDERS * REQUESTS; answered++) {
		uint64_t turn = answered / 20;
		while (sem_wait(&world->answered) != 0)
			;
		if (answered % 20 != 0)
			continue;
		bool stalls = grpc_troubles[turn % 8].action == PEER_STALL;
		peer_grpc_set_times(world->grpc, &grpc_troubles[turn % 8], stalls ? 1 : 3);
		http_sink_set(world->http, &http_troubles[turn % 8], 4);
		if (turn % 8 == 5)
			restart(world);
	}
	peer_grpc_set(world->grpc, &(struct peer_grpc_behaviour){0});
	http_sink_set(world->http, &(struct http_sink_behaviour){0}, 0);
}

static double of_exporter(struct daemon *daemon, const char *metric, const char *exporter)
{
	char prefix[128];
	(void)snprintf(prefix, sizeof(prefix), "%s{exporter=\"%s\"", metric, exporter);
	return daemon_metric(daemon, prefix);
}

/* ${exact}: what was counted as sent is what the backend holds, once; else at least that. */
static void assert_balanced(struct world *world, const char *exporter, const uint32_t *seen,
			    bool exact)
{
	double accepted = (double)world->accepted;
	double sent = of_exporter(world->daemon, "otelcol_exporter_sent_spans", exporter);
	double dropped = of_exporter(world->daemon, "sluice_exporter_dropped_spans", exporter);
	double distinct = 0, arrived = 0;
	for (size_t id = 0; id < IDS; id++) {
		distinct += seen[id] > 0;
		arrived += seen[id];
	}
	print_message("%s: accepted %.0f = sent %.0f + dropped %.0f; arrived %.0f, distinct %.0f\n",
		      exporter, accepted, sent, dropped, arrived, distinct);
	assert_true(accepted == sent + dropped);
	assert_true(dropped > 0 && sent > 0);
	if (exact) {
		assert_true(distinct == sent);
		assert_true(arrived == sent);
	} else {
		assert_true(distinct >= sent && distinct <= accepted);
	}
}

static void the_ledger_of_every_exporter_balances(void **state)
{
	(void)state;
	struct world *world = calloc(1, sizeof(*world));
	world->seen_grpc = calloc(IDS, sizeof(uint32_t));
	world->seen_http = calloc(IDS, sizeof(uint32_t));
	world->seen_restarted = calloc(IDS, sizeof(uint32_t));
	world->grpc = peer_grpc_start(&(struct peer_grpc_options){0});
	world->restarted = peer_grpc_start(&(struct peer_grpc_options){0});
	world->http = http_sink_start(0, false);
	world->daemon = scenario_start(
		NULL,
		SCENARIO_LISTENERS
		"processors: {batch: {timeout: 5ms, send_batch_size: 300, send_batch_max_size: "
		"400}}\n"
		"exporters:\n"
		"  otlp/one: {" SCENARIO_GRPC_TO ", timeout: 2s, retry_on_failure: "
		"{initial_interval: 2ms, max_interval: 9ms}, sending_queue: {queue_size: 40, "
		"num_consumers: 1}}\n"
		"  otlp/restarted: {" SCENARIO_GRPC_TO ", timeout: 2s, retry_on_failure: "
		"{initial_interval: 2ms, max_interval: 9ms}, sending_queue: {queue_size: 5, "
		"num_consumers: 2}}\n"
		"  otlphttp: {" SCENARIO_HTTP_TO ", timeout: 2s, retry_on_failure: "
		"{initial_interval: 2ms, max_interval: 9ms}, sending_queue: {queue_size: 40, "
		"num_consumers: 4}}\n" SCENARIO_PIPELINE
		"processors: [batch], exporters: [otlp/one, otlp/restarted, otlphttp]}\n",
		peer_grpc_port(world->grpc), peer_grpc_port(world->restarted),
		http_sink_port(world->http));
	assert_int_equal(sem_init(&world->answered, 0, 0), 0);
	for (uint64_t i = 0; i < SENDERS; i++) {
		struct load *load = &world->loads[i];
		load->number = i;
		load->answered = &world->answered;
		load->mode = i % 2 ? CLIENT_HTTP : CLIENT_GRPC;
		load->port =
			i % 2 ? daemon_http_port(world->daemon) : daemon_grpc_port(world->daemon);
		assert_int_equal(pthread_create(&load->thread, NULL, send_load, load), 0);
	}
	make_trouble(world);
	for (size_t i = 0; i < SENDERS; i++) {
		assert_int_equal(pthread_join(world->loads[i].thread, NULL), 0);
		world->accepted += world->loads[i].accepted;
		world->refused += world->loads[i].refused;
	}
	daemon_wait_metric(world->daemon, "sluice_exporter_held_spans{", 0);
	assert_true(daemon_metric(world->daemon, "otelcol_receiver_accepted_spans{") ==
		    (double)world->accepted);
	assert_true(daemon_metric(world->daemon, "otelcol_receiver_refused_spans{") ==
		    (double)world->refused);
	count_grpc(world->grpc, world->seen_grpc);
	count_grpc(world->restarted, world->seen_restarted);
	count_http(world->http, world->seen_http);
	assert_balanced(world, "otlp/one", world->seen_grpc, true);
	assert_balanced(world, "otlphttp", world->seen_http, true);
	assert_balanced(world, "otlp/restarted", world->seen_restarted, false);
	assert_int_equal(daemon_stop(world->daemon), 0);
	peer_grpc_stop(world->grpc);
	peer_grpc_stop(world->restarted);
	http_sink_stop(world->http);
	(void)sem_destroy(&world->answered);
	free(world->seen_grpc);
	free(world->seen_http);
	free(world->seen_restarted);
	free(world);
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_ledger_of_every_exporter_balances),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
