/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/base/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct metric_desc accepted = {
	.name = "otelcol_receiver_accepted_spans",
	.unit = "{span}",
	.help = "Spans taken into the pipeline [Alpha]",
	.type = METRIC_COUNTER,
};
static const struct metric_desc uptime = {
	.name = "otelcol_process_uptime",
	.unit = "s",
	.help = "Seconds since the start [Alpha]",
	.type = METRIC_COUNTER,
};
static const struct metric_desc memory = {
	.name = "otelcol_process_memory_rss",
	.unit = "By",
	.help = "Resident memory [Alpha]",
	.type = METRIC_GAUGE,
};
static const struct metric_desc cpu = {
	.name = "otelcol_process_cpu_seconds",
	.unit = "s",
	.help = "CPU time used [Alpha]",
	.type = METRIC_COUNTER,
};

static double read_double(void *arg)
{
	return *(const double *)arg;
}

static void page_groups_series_in_order_of_registration(void **state)
{
	(void)state;
	struct metrics *metrics = metrics_new();
	assert_non_null(metrics);
	struct counter grpc = {7}, http = {0}, big = {UINT64_C(1) << 52};
	double rss = 8388608.5;
	assert_true(metrics_add(metrics, &accepted, "receiver=\"otlp\",transport=\"grpc\"", &grpc));
	assert_true(metrics_add_read(metrics, &memory, "", read_double, &rss));
	assert_true(metrics_add(metrics, &accepted, "receiver=\"otlp\",transport=\"http\"", &http));
	assert_true(
		metrics_add(metrics, &accepted, "receiver=\"otlp/b\",transport=\"grpc\"", &big));
	struct buf page = BUF_INIT;
	metrics_print(metrics, (struct metrics_page){0}, &page);
	assert_string_equal(
		buf_cstr(&page),
		"# HELP otelcol_receiver_accepted_spans Spans taken into the pipeline [Alpha]\n"
		"# TYPE otelcol_receiver_accepted_spans counter\n"
		"otelcol_receiver_accepted_spans{receiver=\"otlp\",transport=\"grpc\"} 7\n"
		"otelcol_receiver_accepted_spans{receiver=\"otlp\",transport=\"http\"} 0\n"
		"otelcol_receiver_accepted_spans{receiver=\"otlp/b\",transport=\"grpc\"} "
		"4503599627370496\n"
		"# HELP otelcol_process_memory_rss Resident memory [Alpha]\n"
		"# TYPE otelcol_process_memory_rss gauge\n"
		"otelcol_process_memory_rss 8388608.5\n");
	buf_fini(&page);
	metrics_free(metrics);
	metrics_free(NULL);
}

static void suffixes_follow_both_switches(void **state)
{
	(void)state;
	static const struct {
		struct metrics_page page;
		const char *accepted, *uptime, *memory, *cpu;
	} cases[] = {
		{{false, false},
		 "otelcol_receiver_accepted_spans 0\n",
		 "otelcol_process_uptime 0\n",
		 "otelcol_process_memory_rss 0\n",
		 "otelcol_process_cpu_seconds 0\n"},
		{{.type_suffix = true},
		 "otelcol_receiver_accepted_spans_total 0\n",
		 "otelcol_process_uptime_total 0\n",
		 "otelcol_process_memory_rss 0\n",
		 "otelcol_process_cpu_seconds_total 0\n"},
		{{.unit_suffix = true},
		 "otelcol_receiver_accepted_spans 0\n",
		 "otelcol_process_uptime_seconds 0\n",
		 "otelcol_process_memory_rss_bytes 0\n",
		 "otelcol_process_cpu_seconds 0\n"},
		{{true, true},
		 "otelcol_receiver_accepted_spans_total 0\n",
		 "otelcol_process_uptime_seconds_total 0\n",
		 "otelcol_process_memory_rss_bytes 0\n",
		 "otelcol_process_cpu_seconds_total 0\n"},
	};
	struct metrics *metrics = metrics_new();
	assert_non_null(metrics);
	struct counter zero = {0};
	assert_true(metrics_add(metrics, &accepted, "", &zero));
	assert_true(metrics_add(metrics, &uptime, "", &zero));
	assert_true(metrics_add(metrics, &memory, "", &zero));
	assert_true(metrics_add(metrics, &cpu, "", &zero));
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct buf page = BUF_INIT;
		metrics_print(metrics, cases[i].page, &page);
		const char *text = buf_cstr(&page);
		const char *const lines[] = {cases[i].accepted, cases[i].uptime, cases[i].memory,
					     cases[i].cpu};
		for (size_t k = 0; k < ARRAY_COUNT(lines); k++) {
			const char *line = strstr(text, lines[k]);
			if (!line || line == text || line[-1] != '\n')
				fail_msg("case %zu: no line %s in\n%s", i, lines[k], text);
		}
		buf_fini(&page);
	}
	metrics_free(metrics);
}

static void label_values_are_escaped(void **state)
{
	(void)state;
	struct buf labels = BUF_INIT;
	metrics_label(&labels, "receiver", "otlp");
	metrics_label(&labels, "filter", "a\"b\\c\nd\xc3\xa4");
	metrics_label(&labels, "empty", "");
	assert_string_equal(buf_cstr(&labels),
			    "receiver=\"otlp\",filter=\"a\\\"b\\\\c\\nd\xc3\xa4\",empty=\"\"");
	buf_fini(&labels);
}

static void values_that_are_no_whole_numbers_are_printed_exactly(void **state)
{
	(void)state;
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{0.1, "0.1"},	     {-3, "-3"},
		{INFINITY, "+Inf"},  {NAN, "NaN"},
		{-INFINITY, "-Inf"}, {1e20, "1e+20"},
		{123.25, "123.25"},  {4294967296, "4294967296"},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct metrics *metrics = metrics_new();
		assert_non_null(metrics);
		double value = cases[i].value;
		assert_true(metrics_add_read(metrics, &memory, "", read_double, &value));
		struct buf page = BUF_INIT, line = BUF_INIT;
		metrics_print(metrics, (struct metrics_page){0}, &page);
		buf_printf(&line, "\notelcol_process_memory_rss %s\n", cases[i].text);
		assert_true(slice_has_suffix(buf_slice(&page), buf_slice(&line)));
		buf_fini(&page);
		buf_fini(&line);
		metrics_free(metrics);
	}
}

static void finds_a_series_by_name_and_labels(void **state)
{
	(void)state;
	struct metrics *metrics = metrics_new();
	assert_non_null(metrics);
	struct counter counter = {0};
	assert_true(metrics_add(metrics, &accepted, "receiver=\"otlp\"", &counter));
	counter_add(&counter, 5);
	counter_sub(&counter, 2);
	double value = -1;
	assert_true(metrics_value(metrics, accepted.name, "receiver=\"otlp\"", &value));
	assert_true(value == 3);
	assert_false(metrics_value(metrics, accepted.name, "", &value));
	assert_false(metrics_value(metrics, "otelcol_nothing", "receiver=\"otlp\"", &value));
	assert_true(value == 3);
	metrics_free(metrics);
}

enum { THREADS = 4, ROUNDS = 20000 };

static void *count(void *arg)
{
	for (int i = 0; i < ROUNDS; i++)
		counter_add(arg, 1);
	return NULL;
}

static void counts_of_many_threads_are_exact_while_the_page_is_read(void **state)
{
	(void)state;
	struct metrics *metrics = metrics_new();
	assert_non_null(metrics);
	struct counter counter = {0};
	assert_true(metrics_add(metrics, &accepted, "", &counter));
	pthread_t threads[THREADS];
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count, &counter), 0);
	struct buf page = BUF_INIT;
	for (int i = 0; i < 100; i++) {
		buf_reset(&page);
		metrics_print(metrics, (struct metrics_page){0}, &page);
		assert_true(page.len > 0);
	}
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_true(counter_get(&counter) == (uint64_t)THREADS * ROUNDS);
	buf_fini(&page);
	metrics_free(metrics);
}

static void a_histogram_has_cumulative_buckets_a_sum_and_a_count(void **state)
{
	static const struct metric_desc sizes = {"otelcol_processor_batch_batch_send_size_bytes",
						 "By", "Sizes", METRIC_HISTOGRAM};
	static const uint64_t values[] = {0, 128, 129, 1048576, 1048577, 16777217, UINT32_MAX};
	static const char *const lines[] = {
		"# TYPE otelcol_processor_batch_batch_send_size_bytes histogram\n",
		"_bucket{processor=\"batch\",le=\"128\"} 4\n",
		"_bucket{processor=\"batch\",le=\"256\"} 6\n",
		"_bucket{processor=\"batch\",le=\"524288\"} 6\n",
		"_bucket{processor=\"batch\",le=\"1.048576e+06\"} 8\n",
		"_bucket{processor=\"batch\",le=\"2.097152e+06\"} 10\n",
		"_bucket{processor=\"batch\",le=\"1.6777216e+07\"} 10\n",
		"_bucket{processor=\"batch\",le=\"+Inf\"} 14\n",
		"_count{processor=\"batch\"} 14\n",
		"_sum{processor=\"batch\"} 8627683844\n",
	};
	struct histogram a = {.bounds = &histogram_bytes}, b = a;
	struct metrics *metrics = metrics_new();
	struct buf page = BUF_INIT;
	double sum;
	(void)state;
	/* Registered twice, as a processor in two pipelines is: one series, the sum. */
	assert_true(metrics_add_histogram(metrics, &sizes, "processor=\"batch\"", &a));
	assert_true(metrics_add_histogram(metrics, &sizes, "processor=\"batch\"", &b));
	for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
		histogram_add(&a, values[i]);
		histogram_add(&b, values[i]);
	}
	metrics_print(metrics, (struct metrics_page){.type_suffix = true, .unit_suffix = true},
		      &page);
	for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
		if (!strstr(buf_cstr(&page), lines[i]))
			fail_msg("no %s in %s", lines[i], buf_cstr(&page));
	}
	assert_true(metrics_value(metrics, sizes.name, "processor=\"batch\"", &sum));
	assert_true(sum == 8627683844);
	buf_fini(&page);
	metrics_free(metrics);
}

/* The bounds of the Collector's own histograms, 0.161. */
static void the_bounds_are_the_collectors(void **state)
{
	(void)state;
	assert_int_equal(histogram_items.count, 22);
	assert_int_equal(histogram_items.at[21], 100000);
	assert_int_equal(histogram_bytes.count, 18);
	assert_int_equal(histogram_bytes.at[17], 16 << 20);
	for (size_t i = 1; i < histogram_items.count; i++)
		assert_true(histogram_items.at[i - 1] < histogram_items.at[i]);
}

struct counted {
	struct counter plain, by_reason[2];
	struct histogram sizes;
};

static const struct metric_desc table_plain = {"table_plain", "", "Plain", METRIC_COUNTER},
				table_refused = {"table_refused", "", "Refused", METRIC_COUNTER},
				table_sizes = {"table_sizes", "", "Sizes", METRIC_HISTOGRAM};

static const struct metric_row table_rows[] = {
	{&table_plain, offsetof(struct counted, plain), {NULL}},
	{&table_refused, offsetof(struct counted, by_reason[0]), {"reason", "full"}},
	{&table_refused, offsetof(struct counted, by_reason[1]), {"reason", "late", "of", "two"}},
	{&table_sizes, offsetof(struct counted, sizes), {NULL}},
};

static void assert_series(const struct metrics *metrics, const char *name, const char *labels,
			  double wanted)
{
	double value;
	if (!metrics_value(metrics, name, labels, &value))
		fail_msg("no series %s{%s}", name, labels);
	assert_true(value == wanted);
}

static void a_table_registers_what_an_instance_counts(void **state)
{
	(void)state;
	const struct metric_table table = METRIC_TABLE("part", table_rows);
	struct counted a = {.sizes.bounds = &histogram_items}, b = a;
	struct metrics *metrics = metrics_new();
	assert_non_null(metrics);
	assert_true(metrics_add_table(metrics, &table, "a", "", &a));
	assert_true(metrics_add_table(metrics, &table, "b/\"x\"", "zone=\"1\"", &b));
	counter_add(&a.plain, 3);
	counter_add(&a.by_reason[1], 5);
	counter_add(&b.by_reason[0], 7);
	histogram_add(&b.sizes, 11);
	assert_series(metrics, "table_plain", "part=\"a\"", 3);
	assert_series(metrics, "table_plain", "part=\"b/\\\"x\\\"\",zone=\"1\"", 0);
	assert_series(metrics, "table_refused", "part=\"a\",reason=\"full\"", 0);
	assert_series(metrics, "table_refused", "part=\"a\",reason=\"late\",of=\"two\"", 5);
	assert_series(metrics, "table_refused", "part=\"b/\\\"x\\\"\",zone=\"1\",reason=\"full\"",
		      7);
	assert_series(metrics, "table_sizes", "part=\"b/\\\"x\\\"\",zone=\"1\"", 11);
	metrics_free(metrics);
}

/* Without an id's label all instances are one series. */
static void a_table_without_an_id_sums_its_instances_up(void **state)
{
	(void)state;
	const struct metric_table table = METRIC_TABLE(NULL, table_rows);
	struct counted a = {.sizes.bounds = &histogram_items}, b = a;
	struct metrics *metrics = metrics_new();
	assert_non_null(metrics);
	assert_true(metrics_add_table(metrics, &table, "a", "", &a));
	assert_true(metrics_add_table(metrics, &table, "b", "", &b));
	counter_add(&a.plain, 3);
	counter_add(&b.plain, 4);
	counter_add(&b.by_reason[0], 7);
	assert_series(metrics, "table_plain", "", 7);
	assert_series(metrics, "table_refused", "reason=\"full\"", 7);
	metrics_free(metrics);
}

static struct counter doubled, single;
static struct histogram doubled_sizes = {.bounds = &histogram_items};

static bool add_counter(struct metrics *metrics)
{
	return metrics_add(metrics, &accepted, "zone=\"1\"", &doubled);
}

static bool add_read(struct metrics *metrics)
{
	static double value;
	return metrics_add_read(metrics, &memory, "", read_double, &value);
}

static bool add_histogram(struct metrics *metrics)
{
	return metrics_add_histogram(metrics, &table_sizes, "", &doubled_sizes);
}

static bool add_table(struct metrics *metrics)
{
	static const struct metric_table table = METRIC_TABLE("part", table_rows);
	static struct counted counted = {.sizes.bounds = &histogram_items};
	return metrics_add_table(metrics, &table, "a", "", &counted);
}

/* The signal that ends a second registration; 0 when it returns. */
static int signal_of(struct metrics *metrics, bool (*add)(struct metrics *metrics))
{
	int status = 0;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)signal(SIGABRT, SIG_DFL);
		(void)close(STDERR_FILENO);
		(void)add(metrics);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void what_a_series_shows_already_is_no_part_of_its_sum(void **state)
{
	static bool (*const adds[])(struct metrics * metrics) = {add_counter, add_read,
								 add_histogram, add_table};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(adds); i++) {
		struct metrics *metrics = metrics_new();
		assert_non_null(metrics);
		assert_int_equal(signal_of(metrics, adds[i]), 0);
		assert_true(adds[i](metrics));
		assert_int_equal(signal_of(metrics, adds[i]), SIGABRT);
		/* Behind another one, and under other labels or another name. */
		assert_true(metrics_add(metrics, &accepted, "zone=\"1\"", &single));
		assert_int_equal(signal_of(metrics, adds[i]), SIGABRT);
		assert_true(metrics_add(metrics, &accepted, "zone=\"2\"", &doubled));
		assert_true(metrics_add(metrics, &cpu, "zone=\"1\"", &doubled));
		metrics_free(metrics);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_series_shows_already_is_no_part_of_its_sum),
		cmocka_unit_test(a_histogram_has_cumulative_buckets_a_sum_and_a_count),
		cmocka_unit_test(the_bounds_are_the_collectors),
		cmocka_unit_test(page_groups_series_in_order_of_registration),
		cmocka_unit_test(suffixes_follow_both_switches),
		cmocka_unit_test(label_values_are_escaped),
		cmocka_unit_test(values_that_are_no_whole_numbers_are_printed_exactly),
		cmocka_unit_test(finds_a_series_by_name_and_labels),
		cmocka_unit_test(counts_of_many_threads_are_exact_while_the_page_is_read),
		cmocka_unit_test(a_table_registers_what_an_instance_counts),
		cmocka_unit_test(a_table_without_an_id_sums_its_instances_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
