/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What regular expressions cost: those of real configurations on the texts of real spans, in ns per
 * search; those that make a backtracking engine run away on texts of 64 KiB and 1 MiB, in ns per
 * byte, which has to stay the same; and one expression that two threads search with at once.
 */
#include "pipeline/base/clock.h"
#include "pipeline/pattern/regex.h"
#include "tests/support/bench_figure.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { REPEATS = 7, SHORT_SEARCHES = 200000, MIB = 1 << 20 };

static struct regex *compile(const char *pattern)
{
	struct err err;
	struct regex *regex = regex_new(slice_str(pattern), &err);
	if (!regex)
		bench_die("%s: %s", pattern, err.msg);
	return regex;
}

static uint64_t time_searches(const struct regex *regex, struct slice text,
			      struct regex_scratch *scratch, unsigned searches)
{
	uint64_t begin = clock_monotonic_ns();
	for (unsigned i = 0; i < searches; i++) {
		if (regex_search(regex, text, scratch) == REGEX_FAILED)
			bench_die("a search failed");
	}
	return clock_monotonic_ns() - begin;
}

static double median_of(const char *pattern, struct slice text, unsigned searches)
{
	struct regex_scratch scratch;
	struct bench_samples samples = {.count = 0};
	struct regex *regex = compile(pattern);
	if (regex_scratch_init(&scratch) != 0)
		bench_die("out of memory");
	(void)time_searches(regex, text, &scratch, 1 + searches / 100);
	for (int i = 0; i < REPEATS; i++)
		bench_add(&samples,
			  (double)time_searches(regex, text, &scratch, searches) / searches);
	regex_scratch_fini(&scratch);
	regex_free(regex);
	return bench_median(&samples);
}

static void ordinary(void)
{
	static const struct {
		const char *pattern, *text;
	} cases[] = {
		{"/metrics$", "http://vllm-decode-0:8000/metrics"},
		{"/metrics$", "http://vllm-decode-0:8000/v1/chat/completions"},
		{"^/(health|ready|live)z?$", "/healthz"},
		{"^/(health|ready|live)z?$", "/v1/chat/completions"},
		{"^(GET|HEAD) /(metrics|health|ready)", "POST /v1/chat/completions"},
		{"(?i)health|metrics|liveness", "http://vllm-decode-0:8000/v1/chat/completions"},
		{".*/healthz?(\\?.*)?$", "http://vllm-decode-0:8000/healthz?verbose=1"},
		{"^gen_ai\\..*", "gen_ai.usage.input_tokens"},
		{"^llm\\.[a-z_]+\\.(prompt|tools?)$", "llm.request.prompt"},
		{"kube-probe", "kube-probe/1.29"},
		{"^[0-9a-f]{8}-[0-9a-f]{4}", "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"},
		{"\\bPrometheus\\b", "Mozilla/5.0 (X11; Linux x86_64) Prometheus/2.45"},
	};
	printf("%-42s %-50s ns a search\n", "pattern", "text");
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		printf("%-42s %-50s %8.1f\n", cases[i].pattern, cases[i].text,
		       median_of(cases[i].pattern, slice_str(cases[i].text), SHORT_SEARCHES));
}

static void long_texts(void)
{
	static const struct {
		const char *pattern, *piece, *end;
	} cases[] = {
		{"secret", "abcd efgh ", "!"},
		{"(?i)secret|password", "abcd efgh ", "!"},
		{"([a-zA-Z0-9]+\\s?)*$", "abcdefgh", "!"},
		{"^(a+)+$", "a", "b"},
		{"^(a|aa)+$", "a", "b"},
		{"(.*)(.*)(.*)(.*)x", "a", ""},
		{"[ab].*[xy].*[xy]", "a", "x"},
		{"(x+x+)+y", "x", ""},
		{"^(\\w+\\s?)+$", "word ", "!"},
	};
	printf("\n%-42s %10s %10s   ns a byte\n", "pattern", "64 KiB", "1 MiB");
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct buf text = BUF_INIT;
		double ns[2];
		for (int size = 0; size < 2; size++) {
			while (text.len < (size ? MIB : MIB / 16))
				buf_append_str(&text, cases[i].piece);
			size_t plain = text.len;
			buf_append_str(&text, cases[i].end);
			ns[size] = median_of(cases[i].pattern, buf_slice(&text), size ? 1 : 4) /
				   (double)text.len;
			text.len = plain;
		}
		printf("%-42s %10.3f %10.3f\n", cases[i].pattern, ns[0], ns[1]);
		buf_fini(&text);
	}
}

/* ---- one expression, several threads ---- */

struct searcher {
	pthread_t thread;
	const struct regex *regex;
	double ns;
};

static void *search_on(void *arg)
{
	struct searcher *searcher = arg;
	struct regex_scratch scratch;
	struct slice text = SLICE("http://vllm-decode-0:8000/v1/chat/completions");
	if (regex_scratch_init(&scratch) != 0)
		bench_die("out of memory");
	searcher->ns = (double)time_searches(searcher->regex, text, &scratch, 5 * SHORT_SEARCHES) /
		       (5 * SHORT_SEARCHES);
	regex_scratch_fini(&scratch);
	return NULL;
}

static void threads(void)
{
	enum { THREADS = 2 };
	struct regex *shared = compile("(?i)health|metrics|liveness");
	printf("\nthe sixth on %d threads at once\n", THREADS);
	struct searcher searchers[THREADS] = {{.regex = shared}, {.regex = shared}};
	for (int i = 0; i < THREADS; i++) {
		if (pthread_create(&searchers[i].thread, NULL, search_on, &searchers[i]) != 0)
			bench_die("no thread");
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(searchers[i].thread, NULL);
		printf("thread %d %8.1f ns a search\n", i + 1, searchers[i].ns);
	}
	regex_free(shared);
}

int main(int argc, char **argv)
{
	ordinary();
	threads();
	if (argc < 2 || strcmp(argv[1], "short") != 0)
		long_texts();
	return 0;
}
