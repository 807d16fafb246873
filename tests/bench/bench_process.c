/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the program costs before and beside its work: time from exec to ready, memory when idle, and
 * memory under full load with a backend that takes connections and reads nothing. There it has to
 * be bounded by the sending queue, and requests have to be refused, not piled up.
 */
#include "pipeline/base/clock.h"
#include "tests/support/bench_child.h"
#include "tests/support/bench_figure.h"
#include "tests/support/bench_load.h"
#include "tests/support/held_port.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	STARTS = 5,
	READY_MS_GOAL = 50,
	IDLE_MIB_GOAL = 8,
	QUEUE_MIB = 32,
	WORKING_MIB_GOAL = 32, /* per core, on top of what the queue may hold */
	STALL_MS = 2000,       /* twice: the second half must not need more than the first */
	SLACK_KIB = 1024,
	CONFIG_BYTES = 4096,
	BULK_SPANS = 512,
	CONNECTIONS = 4,
	STREAMS = 4,
};

static void start(struct bench_child *child, uint16_t port, uint16_t backend, int cpu)
{
	char config[CONFIG_BYTES];
	const char *program = getenv("SLUICE_BIN");
	const char *const argv[] = {program ? program : "bin/sluice", "--config", "@config", NULL};
	(void)snprintf(config, sizeof(config),
		       "receivers:\n"
		       "  otlp:\n"
		       "    protocols:\n"
		       "      grpc: {endpoint: \"127.0.0.1:%u\"}\n"
		       "      http: {endpoint: \"127.0.0.1:0\"}\n"
		       "processors:\n"
		       "  memory_limiter: {check_interval: 1s, limit_percentage: 75}\n"
		       "  filter:\n"
		       "    error_mode: ignore\n"
		       "    traces:\n"
		       "      span:\n"
		       "        - attributes[\"url.path\"] == \"/metrics\"\n"
		       "        - IsMatch(name, \"^GET /metrics$\")\n"
		       "  batch:\n"
		       "exporters:\n"
		       "  otlp_grpc:\n"
		       "    endpoint: 127.0.0.1:%u\n"
		       "    compression: none\n"
		       "    tls: {insecure: true}\n"
		       "    sending_queue: {sizer: bytes, queue_size: %d}\n"
		       "service:\n"
		       "  telemetry: {metrics: {level: none}}\n"
		       "  pipelines:\n"
		       "    traces:\n"
		       "      receivers: [otlp]\n"
		       "      processors: [memory_limiter, filter, batch]\n"
		       "      exporters: [otlp_grpc]\n",
		       port, backend, QUEUE_MIB << 20);
	bench_child_start(child, argv, config, cpu);
}

static void bench_start(int cpu)
{
	struct bench_samples ready_ms = {0}, idle_mib = {0};
	for (unsigned i = 0; i < STARTS; i++) {
		struct bench_child child;
		start(&child, held_port(), held_port(), cpu);
		uint64_t ready_ns = bench_child_wait_output(&child, "Everything is ready");
		bench_add(&ready_ms, (double)ready_ns / NS_PER_MS);
		bench_add(&idle_mib, (double)bench_child_status_kib(&child, "VmRSS") / 1024);
		bench_child_stop(&child);
	}
	printf("exec to ready   %5.1f ms (%.1f-%.1f), goal %d: %s\n", bench_median(&ready_ms),
	       bench_min(&ready_ms), bench_max(&ready_ms), READY_MS_GOAL,
	       bench_verdict(bench_median(&ready_ms) <= READY_MS_GOAL));
	printf("idle, resident  %5.1f MiB (%.1f-%.1f), goal %d: %s\n", bench_median(&idle_mib),
	       bench_min(&idle_mib), bench_max(&idle_mib), IDLE_MIB_GOAL,
	       bench_verdict(bench_median(&idle_mib) <= IDLE_MIB_GOAL));
}

/* A backend whose kernel takes connections and bytes, and nobody reads them. */
static int stalled_backend(uint16_t *ret_port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(fd, SOMAXCONN) != 0 || getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		bench_die("no socket for a backend");
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static void bench_stall(int cpu)
{
	struct loop loop;
	struct budget budget;
	struct bench_bodies bodies;
	struct bench_child child;
	struct err err;
	uint16_t backend, port = held_port();
	int fd = stalled_backend(&backend);
	budget_init(&budget, UINT64_MAX);
	if (loop_init(&loop, &err) != 0)
		bench_die("%s", err.msg);
	bench_bodies_make(&bodies, PAYLOAD_G, BULK_SPANS, CODING_IDENTITY, &budget);
	start(&child, port, backend, cpu);
	(void)bench_child_wait_output(&child, "Everything is ready");
	const struct bench_load_config config = {.mode = CLIENT_GRPC,
						 .connections = CONNECTIONS,
						 .streams = STREAMS,
						 .bodies = &bodies};
	struct bench_load *load = bench_load_new(&loop, &budget, &config, port);
	struct bench_answers first = bench_load_run(load, STALL_MS * NS_PER_MS);
	uint64_t first_kib = bench_child_status_kib(&child, "VmHWM");
	struct bench_answers second = bench_load_run(load, STALL_MS * NS_PER_MS);
	uint64_t second_kib = bench_child_status_kib(&child, "VmHWM");
	uint64_t goal_kib = (uint64_t)(QUEUE_MIB + WORKING_MIB_GOAL) << 10;
	printf("stalled backend %5.1f MiB at most after %d s, %.1f after %d s (queue %d MiB), goal "
	       "%d: %s; flat: %s\n",
	       (double)first_kib / 1024, STALL_MS / 1000, (double)second_kib / 1024,
	       2 * STALL_MS / 1000, QUEUE_MIB, QUEUE_MIB + WORKING_MIB_GOAL,
	       bench_verdict(second_kib <= goal_kib),
	       bench_verdict(second_kib <= first_kib + SLACK_KIB));
	printf("                of %" PRIu64 " requests %" PRIu64 " were taken, %" PRIu64
	       " asked to come back, %" PRIu64 " failed\n",
	       first.accepted + first.refused + first.failed + second.accepted + second.refused +
		       second.failed,
	       first.accepted + second.accepted, first.refused + second.refused,
	       first.failed + second.failed);
	bench_load_free(load);
	bench_child_stop(&child);
	bench_bodies_free(&bodies);
	loop_fini(&loop);
	(void)close(fd);
}

int main(void)
{
	int cpu = bench_cpu_count() > 1 ? BENCH_CPU_SUBJECT : BENCH_CPU_ANY;
	if (cpu != BENCH_CPU_ANY)
		bench_pin(BENCH_CPU_LOAD);
	bench_start(cpu);
	bench_stall(cpu);
	return 0;
}
