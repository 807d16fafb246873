/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much of ordinary traffic waits for its parents, at the worst: each span of the fixtures and of
 * what real libraries sent (tests/interop recorded it) is exported alone as it ends, so that no
 * child has its parent in its request. The clock moves as the spans say.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/base/clock.h"
#include "pipeline/trace/otlp/encode.h"
#include "tests/support/holding_bench.h"
#include "tests/support/llmd_fixtures.h"

#include <stdio.h>
#include <stdlib.h>

#define FOLDER "tests/fixtures/libraries/"

struct figures {
	uint64_t sent, held, delay_ns;
};

static const struct trace_view *sorted_view;

static int by_end(const void *left, const void *right)
{
	const uint32_t *a = left, *b = right;
	uint64_t a_ns = view_span_end_ns(sorted_view, *a), b_ns = view_span_end_ns(sorted_view, *b);
	if (a_ns != b_ns)
		return a_ns < b_ns ? -1 : 1;
	return *a > *b ? -1 : 1;
}

/* The spans of ${view} by their end. */
static uint32_t *order_of(const struct trace_view *view)
{
	uint32_t count = view_span_count(view), *order = calloc(count, sizeof(*order));
	assert_non_null(order);
	for (uint32_t i = 0; i < count; i++)
		order[i] = i;
	sorted_view = view;
	qsort(order, count, sizeof(*order), by_end);
	return order;
}

static struct chunk *alone(struct trace_view *view, struct budget *budget, uint32_t span)
{
	struct chunk *chunk = NULL;
	struct err err;
	assert_int_equal(view_begin(view, &err), 0);
	for (uint32_t i = 0; i < view_span_count(view); i++) {
		if (i != span)
			edit_drop_span(view, i);
	}
	assert_int_equal(trace_encode(view, budget, &chunk, &err), 0);
	return chunk;
}

/* Sends each span of ${body} alone, and nothing that is no noise stays away. */
static void send_apart(struct holding_bench *bench, struct slice body)
{
	struct budget *budget = &bench->bench.budget;
	struct trace_view *view = view_new(budget, bench->bench.keys);
	struct err err;
	assert_int_equal(view_open(view, body, &err), 0);
	uint32_t *order = order_of(view);
	uint64_t begin_ns = bench_now_ns, first_ns = view_span_end_ns(view, order[0]);
	for (uint32_t i = 0; i < view_span_count(view); i++) {
		struct chunk *chunk = alone(view, budget, order[i]);
		holding_bench_wait_until(bench,
					 begin_ns + view_span_end_ns(view, order[i]) - first_ns);
		holding_bench_send(bench, chunk_slice(chunk));
		chunk_unref(chunk);
	}
	holding_bench_wait_until(bench, bench_now_ns + 10 * NS_PER_S);
	free(order);
	view_close(view);
	view_free(view);
}

static void add(struct figures *all, const struct holding_bench *bench)
{
	assert_int_equal(bench->left_count, bench->sent);
	all->sent += bench->sent;
	all->held += bench->held;
	all->delay_ns += bench->delay_ns;
}

static void tell(const char *what, const struct figures *all)
{
	print_message("%s: %.1f %% of %d spans are held, %.0f ms a span on average\n", what,
		      100.0 * (double)all->held / (double)all->sent, (int)all->sent,
		      (double)all->delay_ns / NS_PER_MS / (double)all->sent);
}

static void of_the_stack_nothing_waits(void **state)
{
	struct figures all = {0};
	(void)state;
	for (int which = 0; which < FIXTURE_COUNT; which++) {
		struct holding_bench bench;
		struct example_requests requests;
		holding_bench_open(&bench, "");
		llmd_fixture_build((enum llmd_fixture)which, true, &bench.bench.budget, &requests);
		for (size_t i = 0; i < requests.count; i++)
			send_apart(&bench, chunk_slice(requests.items[i]));
		example_requests_fini(&requests);
		add(&all, &bench);
		holding_bench_close(&bench);
	}
	tell("fixtures", &all);
	assert_int_equal(all.held, 0);
}

static int is_recording(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');
	return dot && strcmp(dot, ".pb") == 0;
}

static void replay(const char *name, struct figures *all)
{
	struct holding_bench bench;
	struct buf body = BUF_INIT;
	char path[512], bytes[4096];
	size_t got;
	(void)snprintf(path, sizeof(path), FOLDER "%s", name);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	while ((got = fread(bytes, 1, sizeof(bytes), file)) > 0)
		buf_append(&body, slice_of(bytes, got));
	(void)fclose(file);
	holding_bench_open(&bench, "");
	send_apart(&bench, buf_slice(&body));
	add(all, &bench);
	holding_bench_close(&bench);
	buf_fini(&body);
}

static void of_real_libraries_little_waits(void **state)
{
	struct dirent **entries;
	struct figures all = {0};
	int count = scandir(FOLDER, &entries, is_recording, alphasort);
	(void)state;
	assert_true(count > 20);
	for (int i = 0; i < count; i++) {
		replay(entries[i]->d_name, &all);
		free(entries[i]);
	}
	free(entries);
	tell("libraries", &all);
	assert_true(all.held * 100 <= all.sent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_the_stack_nothing_waits),
		cmocka_unit_test(of_real_libraries_little_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
