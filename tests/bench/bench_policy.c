/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the policy costs, in process on one core: index + encode of 512-span requests with the full
 * table of metadata_only, minus index + encode of the same bytes without any policy (one attribute
 * of each span is dropped: an unchanged request would just be passed on). The payloads as they are;
 * with four keys on every span that nobody has seen before, also in a namespace that is full of
 * rules; and with four known to no row, whose values are texts: tokens that were never seen before,
 * or sentences. What these add is said per value.
 */
#include "pipeline/base/clock.h"
#include "tests/support/policy_fixture.h"
#include "tests/support/trace_payload.h"
#include "tests/support/trace_wire.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BODIES = 16, SPANS = 512, REPEATS = 15, ROUNDS = 4, NEW_KEYS = 4 };

static void die(const char *what)
{
	fprintf(stderr, "bench_policy: %s\n", what);
	exit(1);
}

/* What is added to each span. */
struct addition {
	const char *what;
	const char *prefix; /* of keys that are new on every span; NULL: the same four keys */
	const char *value;  /* with % for some random digits; NULL: a number */
};

static struct value make_value(const struct addition *addition, uint64_t *rng, char text[128])
{
	size_t len = 0;
	if (!addition->value)
		return value_of_int(1);
	for (const char *at = addition->value; *at; at++) {
		if (*at == '%')
			len += (size_t)snprintf(text + len, 17, "%016" PRIx64, tw_random(rng));
		else
			text[len++] = *at;
	}
	return value_of_str(slice_of(text, len));
}

/* Appends the request of ${view} with NEW_KEYS attributes more on each span. */
static void add_keys(struct buf *out, struct trace_view *view, struct budget *budget,
		     const struct addition *addition, uint64_t *rng)
{
	struct err err;
	struct chunk *chunk;
	char key[64], text[128];
	for (uint32_t span = 0; span < view_span_count(view); span++) {
		for (int i = 0; i < NEW_KEYS; i++) {
			if (addition->prefix)
				(void)snprintf(key, sizeof(key), "%s.%012" PRIx64, addition->prefix,
					       tw_random(rng) >> 16);
			else
				(void)snprintf(key, sizeof(key), "acme.unknown.key_%d", i);
			edit_set_attr(view, (struct owner){OWNER_SPAN, span}, slice_str(key), 0,
				      make_value(addition, rng, text));
		}
	}
	if (trace_encode(view, budget, &chunk, &err))
		die(err.msg);
	buf_reset(out);
	buf_append(out, chunk_slice(chunk));
	chunk_unref(chunk);
}

struct bench {
	struct policy_fixture policy;
	struct key_table *one_key; /* with none the index would look no key up */
	struct trace_view *plain;  /* as without any policy in the configuration */
	struct buf bodies[BODIES];
	uint8_t *out;
};

static void encode(struct bench *bench, struct trace_view *view, uint32_t count)
{
	struct encode_plan plan;
	struct err err;
	if (trace_encode_measure(view, (struct span_window){0, count}, &plan, &err))
		die(err.msg);
	trace_encode_write(view, &plan, bench->out);
}

static void run_plain(struct bench *bench, struct slice body)
{
	struct err err;
	if (view_open(bench->plain, body, &err))
		die(err.msg);
	/* One dropped attribute per span, as bench_trace: a clean request would just be copied. */
	for (uint32_t span = 0; span < view_span_count(bench->plain); span++)
		edit_drop_attr(bench->plain, bench->plain->index.spans[span].attrs.begin);
	encode(bench, bench->plain, view_span_count(bench->plain));
}

/* A function of its own in every build: instructions are counted from its entry to its end. */
static __attribute__((noinline)) void run_policy(struct bench *bench, struct slice body)
{
	const struct component_type *type = component_find(COMPONENT_PROCESSOR, "metadata_only");
	struct policy_fixture *f = &bench->policy;
	struct err err;
	if (view_open(f->view, body, &err))
		die(err.msg);
	if (type->processor->process(f->self, f->state, f->view, &err) != OUTCOME_TAKEN)
		die(err.msg);
	tally_commit(edit_tally(f->view));
	encode(bench, f->view, view_span_count(f->view));
}

static uint64_t cpu_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

typedef void run(struct bench *bench, struct slice body);

static double ns_per_span(struct bench *bench, run *run_one)
{
	uint64_t start_ns = cpu_ns();
	for (unsigned i = 0; i < BODIES * ROUNDS; i++)
		run_one(bench, buf_slice(&bench->bodies[i % BODIES]));
	return (double)(cpu_ns() - start_ns) / (BODIES * ROUNDS * SPANS);
}

static void bench_init(struct bench *bench, enum payload_shape shape,
		       const struct addition *addition)
{
	struct err err;
	uint64_t rng = 42;
	size_t longest = 0;
	*bench = (struct bench){.one_key = key_table_new()};
	policy_fixture_init(&bench->policy, "{}");
	if (!bench->policy.self || !bench->one_key ||
	    key_table_add(bench->one_key, SLICE("http.route"), &err) == KEY_ID_NONE ||
	    key_table_freeze(bench->one_key, &err))
		die("cannot make the policy");
	bench->plain = view_new(&bench->policy.budget, bench->one_key);
	if (!bench->plain)
		die("out of memory");
	for (unsigned i = 0; i < BODIES; i++) {
		struct buf body = BUF_INIT;
		payload_append(&body, shape, SPANS, 1000 + i);
		if (view_open(bench->plain, buf_slice(&body), &err))
			die(err.msg);
		if (addition && (addition->prefix || addition->value))
			add_keys(&bench->bodies[i], bench->plain, &bench->policy.budget, addition,
				 &rng);
		else
			buf_append(&bench->bodies[i], buf_slice(&body));
		buf_fini(&body);
		longest = bench->bodies[i].len > longest ? bench->bodies[i].len : longest;
	}
	bench->out = malloc(longest * 2);
	if (!bench->out)
		die("out of memory");
}

static void bench_fini(struct bench *bench)
{
	for (unsigned i = 0; i < BODIES; i++)
		buf_fini(&bench->bodies[i]);
	free(bench->out);
	view_free(bench->plain);
	key_table_free(bench->one_key);
	policy_fixture_fini(&bench->policy);
}

static double bench_shape(enum payload_shape shape, const struct addition *addition, double bound)
{
	struct bench bench;
	bench_init(&bench, shape, addition);
	/* The least disturbed run of each: other programs only ever add. */
	double plain = 1e9, policy = 1e9;
	for (unsigned i = 0; i < REPEATS; i++) {
		plain = fmin(plain, ns_per_span(&bench, run_plain));
		policy = fmin(policy, ns_per_span(&bench, run_policy));
	}
	printf("%c  %-24s index+encode %6.1f ns/span  with policy %6.1f  added %+7.1f",
	       shape == PAYLOAD_S ? 'S' : 'G', addition->what, plain, policy, policy - plain);
	if (bound > 0)
		printf("  (bound %.0f)", bound);
	putchar('\n');
	bench_fini(&bench);
	return policy - plain;
}

static const struct addition numbers[] = {
	{"as it is", NULL, NULL},
	{"4 new x.* a span", "x", NULL},
	{"4 new gen_ai.* a span", "gen_ai.x", NULL},
};

enum { TEXT_TOKENS, TEXT_IDS, TEXT_SENTENCES, TEXT_COUNT };
static const struct addition texts[TEXT_COUNT] = {
	[TEXT_TOKENS] = {"4 short tokens a span", NULL, "v-%"},
	[TEXT_IDS] = {"4 long new ids a span", NULL, "req_%-AbC-%"},
	[TEXT_SENTENCES] = {"4 sentences a span", NULL,
			    "what my doctor wrote to me about % and more"},
};

static void compare_shape(enum payload_shape shape)
{
	static const double bounds[] = {[PAYLOAD_S] = 90, [PAYLOAD_G] = 160};
	enum { TEXT_NS_MAX = 40 };
	double alone = 0;
	for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
		double added =
			bench_shape(shape, &numbers[i], i == 0 ? bounds[shape] : bounds[shape] * 2);
		alone = i == 0 ? added : alone;
	}
	for (size_t i = 0; i < TEXT_COUNT; i++) {
		double added = bench_shape(shape, &texts[i], 0);
		printf("   of that per text value %.1f ns (bound %d)\n", (added - alone) / NEW_KEYS,
		       TEXT_NS_MAX);
	}
}

/* For a tool that counts instructions: each body twice. Prints the spans that were in them. */
static void count_shape(enum payload_shape shape, const struct addition *addition)
{
	struct bench bench;
	bench_init(&bench, shape, addition);
	for (unsigned i = 0; i < 2 * BODIES; i++)
		run_policy(&bench, buf_slice(&bench.bodies[i % BODIES]));
	printf("%d\n", 2 * BODIES * SPANS);
	bench_fini(&bench);
}

/* Without an argument: the comparison. With "S" or "G", and perhaps "ids" or "text" that each span
 * has more: what instructions are counted of. */
int main(int argc, char **argv)
{
	if (argc == 1) {
		compare_shape(PAYLOAD_S);
		compare_shape(PAYLOAD_G);
		return 0;
	}
	const struct addition *addition = NULL;
	if (argc > 2)
		addition = &texts[argv[2][0] == 'i' ? TEXT_IDS : TEXT_SENTENCES];
	count_shape(argv[1][0] == 'S' ? PAYLOAD_S : PAYLOAD_G, addition);
	return 0;
}
