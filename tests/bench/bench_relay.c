/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole program on one core: OTLP in at a socket, out at another. What is measured is CPU time
 * per span: user and system time of the program under measurement between the first request and the
 * arrival of the last span at the sink, divided by the spans accepted. It does not depend on how
 * fast the load is, which shares the second core with the sink.
 *
 * nginx, which looks at nothing, does the same work in turn with Sluice (A-B-A-B), so both see the
 * same moods of the machine; the ratio is what counts. Every run ends only when the sink has
 * counted every span that was accepted; one too few ends the program with an error.
 *
 * With $SLUICE_BASELINE, another build of Sluice takes nginx's place. An argument narrows the rows to
 * those with it in their title.
 */
#include "pipeline/base/clock.h"
#include "tests/support/bench_child.h"
#include "tests/support/bench_figure.h"
#include "tests/support/bench_load.h"
#include "tests/support/bench_sink.h"
#include "tests/support/held_port.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	RUN_MS = 700,
	WARM_UP_MS = 150,
	SETTLE_MS_MAX = 5000,
	CONFIG_BYTES = 4096,
	BULK_SPANS = 512,
	AHEAD_SPANS_MAX = 32768, /* accepted and not at the sink: four batches */
};

/* The other is nginx, or a further build of Sluice. */
enum subject_kind { SLUICE = 0, OTHER, SUBJECT_COUNT };

struct row {
	const char *title;
	enum client_mode in, out;
	enum coding coding_in, coding_out;
	bool filter;
	uint32_t spans; /* in a request */
	unsigned connections, streams;
	unsigned repeats;
	bool beside;	/* the other program, too */
	double goal[2]; /* CPU time over nginx's at most; 0: none. By payload shape */
};

#define PLAIN CODING_IDENTITY
#define GZIP CODING_GZIP

/* clang-format off */
static const struct row rows[] = {
	{"gRPC -> gRPC, untouched", CLIENT_GRPC, CLIENT_GRPC, PLAIN, PLAIN, false,
	 BULK_SPANS, 4, 4, 5, true, {2.0, 1.4}},
	{"gRPC -> gRPC, six-condition filter", CLIENT_GRPC, CLIENT_GRPC, PLAIN, PLAIN, true,
	 BULK_SPANS, 4, 4, 3, false, {0, 0}},
	{"gRPC -> gRPC, gzip out", CLIENT_GRPC, CLIENT_GRPC, PLAIN, GZIP, false,
	 BULK_SPANS, 4, 4, 3, false, {0, 0}},
	{"gRPC -> gRPC, gzip in and out", CLIENT_GRPC, CLIENT_GRPC, GZIP, GZIP, false,
	 BULK_SPANS, 4, 4, 3, false, {0, 0}},
	{"HTTP -> HTTP, untouched", CLIENT_HTTP, CLIENT_HTTP, PLAIN, PLAIN, false,
	 BULK_SPANS, 4, 4, 3, true, {0, 0}},
	{"gRPC -> gRPC, 1 span a request", CLIENT_GRPC, CLIENT_GRPC, PLAIN, PLAIN, false,
	 1, 16, 32, 3, true, {0, 0}},
};
/* clang-format on */

struct bench {
	struct loop loop;
	struct budget budget;
	struct bench_sink sink;
	bool pinned;
	const char *baseline; /* a build of Sluice to compare with; NULL: nginx */
};

struct subject {
	struct bench_child child;
	struct bench_load *load;
	struct bench_samples cpu_ns; /* per span */
	double busy;		     /* share of a core, last run */
};

/* ---- the programs --------------------------------------------------------------------------- */

static const char six_conditions[] =
	"  filter:\n"
	"    error_mode: ignore\n"
	"    traces:\n"
	"      span:\n"
	"        - attributes[\"http.route\"] == \"/metrics\"\n"
	"        - attributes[\"http.target\"] == \"/metrics\"\n"
	"        - attributes[\"url.full\"] == \"/metrics\"\n"
	"        - attributes[\"http.method\"] == \"/metrics\"\n"
	"        - attributes[\"url.path\"] == \"/metrics\"\n"
	"        - attributes[\"user_agent.original\"] == \"/metrics\"\n";

static void start_sluice(struct subject *subject, const char *program, const struct row *row,
			 uint16_t sink_port, uint16_t port, int cpu)
{
	char config[CONFIG_BYTES];
	const char *const argv[] = {program, "--config", "@config", "--shards", "1", NULL};
	const char *exporter = row->out == CLIENT_GRPC ? "otlp_grpc" : "otlp_http";
	(void)snprintf(config, sizeof(config),
		       "receivers:\n"
		       "  otlp:\n"
		       "    protocols:\n"
		       "      grpc:\n"
		       "        endpoint: 127.0.0.1:%u\n"
		       "processors:\n"
		       "%s"
		       "  batch:\n"
		       "    timeout: 200ms\n"
		       "    send_batch_size: 8192\n"
		       "exporters:\n"
		       "  %s:\n"
		       "    endpoint: %s127.0.0.1:%u\n"
		       "    compression: %s\n"
		       "    tls: {insecure: true}\n"
		       "    sending_queue: {sizer: bytes, queue_size: 134217728}\n"
		       "service:\n"
		       "  telemetry: {metrics: {level: none}}\n"
		       "  pipelines:\n"
		       "    traces:\n"
		       "      receivers: [otlp]\n"
		       "      processors: [%sbatch]\n"
		       "      exporters: [%s]\n",
		       port, row->filter ? six_conditions : "", exporter,
		       row->out == CLIENT_GRPC ? "" : "http://", sink_port,
		       row->coding_out == CODING_GZIP ? "gzip" : "none",
		       row->filter ? "filter, " : "", exporter);
	bench_child_start(&subject->child, argv, config, cpu);
	(void)bench_child_wait_output(&subject->child, "Everything is ready");
}

static void start_nginx(struct subject *subject, const struct row *row, uint16_t sink_port,
			uint16_t port, int cpu)
{
	static const char *const argv[] = {"nginx", "-c", "@config", NULL};
	char config[CONFIG_BYTES];
	bool grpc = row->out == CLIENT_GRPC;
	(void)setenv("PATH", "/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin:/bin", 1);
	(void)snprintf(config, sizeof(config),
		       "daemon off; master_process off; worker_processes 1;\n"
		       "error_log stderr error; pid @dir@/pid;\n"
		       "events { worker_connections 4096; }\n"
		       "http {\n"
		       "  access_log off; client_max_body_size 0; keepalive_requests 1000000000;\n"
		       "  client_body_temp_path @dir@/body; proxy_temp_path @dir@/proxy;\n"
		       "  fastcgi_temp_path @dir@/fastcgi; uwsgi_temp_path @dir@/uwsgi;\n"
		       "  scgi_temp_path @dir@/scgi; http2_max_concurrent_streams 512;\n"
		       "  upstream sink {\n"
		       "    server 127.0.0.1:%u; keepalive 1024; keepalive_requests 1000000000;\n"
		       "  }\n"
		       "  server {\n"
		       "    listen 127.0.0.1:%u%s;\n"
		       "    location / { %s }\n"
		       "  }\n"
		       "}\n",
		       sink_port, port, grpc ? " http2" : "",
		       grpc ? "grpc_pass grpc://sink;"
			    : "proxy_pass http://sink; proxy_http_version 1.1; "
			      "proxy_set_header Connection \"\"; proxy_request_buffering off;");
	bench_child_start(&subject->child, argv, config, cpu);
	bench_child_wait_port(&subject->child, port);
}

static void subject_open(struct subject *subject, struct bench *bench, enum subject_kind kind,
			 const struct row *row, const struct bench_bodies *bodies)
{
	uint16_t port = held_port(), sink_port = bench_sink_port(&bench->sink);
	int cpu = bench->pinned ? BENCH_CPU_SUBJECT : BENCH_CPU_ANY;
	const char *program = getenv("SLUICE_BIN");
	const struct bench_load_config load = {.mode = row->in,
					       .connections = row->connections,
					       .streams = row->streams,
					       .bodies = bodies,
					       .arrived = &bench->sink.spans,
					       .ahead_max = AHEAD_SPANS_MAX};
	*subject = (struct subject){0};
	if (kind == SLUICE)
		start_sluice(subject, program ? program : "bin/sluice", row, sink_port, port, cpu);
	else if (bench->baseline)
		start_sluice(subject, bench->baseline, row, sink_port, port, cpu);
	else
		start_nginx(subject, row, sink_port, port, cpu);
	subject->load = bench_load_new(&bench->loop, &bench->budget, &load, port);
}

static void subject_close(struct subject *subject)
{
	bench_load_free(subject->load);
	bench_child_stop(&subject->child);
}

/* ---- measuring ------------------------------------------------------------------------------ */

static void on_settle_timer(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
}

/* Runs the loop until the sink has ${spans} or has waited too long. */
static void settle(struct bench *bench, uint64_t spans)
{
	bool expired = false;
	uv_timer_t timer;
	(void)uv_timer_init(&bench->loop.uv, &timer); /* neither can fail */
	timer.data = &expired;
	(void)uv_timer_start(&timer, on_settle_timer, SETTLE_MS_MAX, 0);
	while (bench->sink.spans < spans && !expired)
		(void)uv_run(&bench->loop.uv, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&timer, NULL);
	(void)uv_run(&bench->loop.uv, UV_RUN_NOWAIT); /* the timer is ours again */
	if (bench->sink.spans != spans)
		bench_die("%" PRIu64 " spans were accepted, %" PRIu64 " arrived", spans,
			  bench->sink.spans);
}

static void measure(struct bench *bench, struct subject *subject, uint32_t spans_each,
		    unsigned duration_ms)
{
	bench->sink.spans = 0;
	uint64_t start_ns = clock_monotonic_ns(), cpu_ns = bench_child_cpu_ns(&subject->child);
	struct bench_answers answers = bench_load_run(subject->load, duration_ms * NS_PER_MS);
	uint64_t end_ns = clock_monotonic_ns();
	uint64_t spans = answers.accepted * spans_each;
	settle(bench, spans);
	cpu_ns = bench_child_cpu_ns(&subject->child) - cpu_ns;
	if (answers.refused + answers.failed > 0)
		bench_die("%" PRIu64 " requests were refused, %" PRIu64 " failed", answers.refused,
			  answers.failed);
	subject->busy = (double)cpu_ns / (double)(end_ns - start_ns);
	bench_add(&subject->cpu_ns, (double)cpu_ns / (double)spans);
}

static void print_subject(const char *name, const struct subject *subject)
{
	printf("  %s %6.0f ns (%.0f-%.0f), %3.0f %% of a core, %5.1f MiB", name,
	       bench_median(&subject->cpu_ns), bench_min(&subject->cpu_ns),
	       bench_max(&subject->cpu_ns), subject->busy * 100,
	       (double)bench_child_status_kib(&subject->child, "VmHWM") / 1024);
}

static void run_row(struct bench *bench, const struct row *row, enum payload_shape shape)
{
	struct subject subjects[SUBJECT_COUNT];
	struct bench_bodies bodies;
	unsigned count = row->beside || bench->baseline ? SUBJECT_COUNT : 1;
	bench_bodies_make(&bodies, shape, row->spans, row->coding_in, &bench->budget);
	for (unsigned i = 0; i < count; i++) {
		subject_open(&subjects[i], bench, (enum subject_kind)i, row, &bodies);
		measure(bench, &subjects[i], row->spans, WARM_UP_MS);
		subjects[i].cpu_ns.count = 0;
	}
	for (unsigned repeat = 0; repeat < row->repeats; repeat++) {
		for (unsigned i = 0; i < count; i++)
			measure(bench, &subjects[i], row->spans, RUN_MS);
	}
	printf("%c  %-34s", shape == PAYLOAD_S ? 'S' : 'G', row->title);
	print_subject("sluice", &subjects[SLUICE]);
	if (count == SUBJECT_COUNT) {
		double ratio = bench_median(&subjects[SLUICE].cpu_ns) /
			       bench_median(&subjects[OTHER].cpu_ns);
		print_subject(bench->baseline ? "| baseline" : "| nginx", &subjects[OTHER]);
		printf(" | ratio %.2f", ratio);
		if (row->goal[shape] > 0 && !bench->baseline)
			printf(", goal %.1f: %s", row->goal[shape],
			       bench_verdict(ratio <= row->goal[shape]));
	}
	printf("\n");
	(void)fflush(stdout);
	for (unsigned i = 0; i < count; i++)
		subject_close(&subjects[i]);
	bench_bodies_free(&bodies);
}

int main(int argc, char **argv)
{
	struct bench bench = {.pinned = bench_cpu_count() > 1,
			      .baseline = getenv("SLUICE_BASELINE")};
	struct err err;
	const char *wanted = argc > 1 ? argv[1] : "";
	printf("CPU time per span, median (min-max)%s\n",
	       bench.pinned ? "" : "; one CPU: nothing is pinned, and figures are rough");
	budget_init(&bench.budget, UINT64_MAX);
	if (loop_init(&bench.loop, &err) != 0)
		bench_die("%s", err.msg);
	bench_pin(bench.pinned ? BENCH_CPU_LOAD : BENCH_CPU_ANY);
	bench_sink_open(&bench.sink, &bench.loop, &bench.budget);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		if (!strstr(rows[i].title, wanted))
			continue;
		run_row(&bench, &rows[i], PAYLOAD_S);
		if (rows[i].spans == BULK_SPANS)
			run_row(&bench, &rows[i], PAYLOAD_G);
	}
	bench_sink_close(&bench.sink, &bench.loop);
	loop_fini(&bench.loop);
	return 0;
}
