/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backends with a limit, batches far above it, spans that are too large alone: everything that can
 * be delivered is, once; the rest is counted; and requests stay within a bound. With k culprits among
 * n spans, in a batch of p times the limit:
 *
 *   refused requests of several spans  <= 2·(k + 1)·(log2(n) + 1) + 8, and p more where the limit is
 *                                         a number of spans
 *   all requests                       <= these + 4·(p + 1)
 */
#include "pipeline/base/clock.h"
#include "pipeline/delivery/sender.h"
#include "pipeline/delivery/size_limit.h"
#include "tests/support/delivery_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { SPANS_MAX = 512, SPAN_BYTES_MIN = 60, SPAN_BYTES_MORE = 400 };

/* What the backend takes in one request, in its own measure. */
static struct {
	size_t bytes_max, spans_max, weight_max; /* 0: any */
	uint32_t refused_many;			 /* refusals of more than one span */
} backend;

static struct delivery_fixture fixture;
static struct scripted_exporter script;
static struct sender *sender;
static uint64_t seed;

static uint64_t below(uint64_t bound)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % bound;
}

static void open_sender(void)
{
	static const struct delivery_config config = {
		.queue = {.enabled = true, .num_consumers = 1, .queue_size = 10, .storage = ""},
		.retry = {.enabled = true, .initial_interval_ns = 1, .multiplier = 1}};
	const struct log log = {0};
	struct err err;
	delivery_fixture_open(&fixture);
	script_init(&script);
	sender = sender_new(&config, &script.target, &log, &fixture.budget, fixture.keys);
	assert_non_null(sender);
	assert_int_equal(sender_start(sender, &fixture.loop, &err), 0);
}

static void close_sender(void)
{
	sender_stop(sender);
	(void)uv_run(&fixture.loop.uv, UV_RUN_NOWAIT);
	sender_free(sender);
	delivery_fixture_close(&fixture);
}

static bool is_empty(void *arg)
{
	(void)arg;
	return sender_held_spans(sender) == 0;
}

/* What a request costs in the measure of a backend that compresses: some spans weigh much more than
 * their bytes. Spans are told by their ids alone here, so it is made up from the bytes. */
static size_t weight_of(const struct batch *batch)
{
	size_t weight = 0;
	for (uint64_t id = 0; id < SPANS_MAX; id += 16)
		weight += script_holds_span(batch, id) ? 1600 : 0;
	return weight + batch->bytes / 16;
}

static struct export_result answer(struct scripted_exporter *self, const struct batch *batch)
{
	(void)self;
	bool takes = (!backend.bytes_max || batch->bytes <= backend.bytes_max) &&
		     (!backend.spans_max || batch->span_count <= backend.spans_max) &&
		     (!backend.weight_max || weight_of(batch) <= backend.weight_max);
	backend.refused_many += !takes && batch->span_count > 1;
	return (struct export_result){.outcome = takes ? EXPORT_DELIVERED : EXPORT_TOO_LARGE};
}

typedef struct export_result answers(struct scripted_exporter *self, const struct batch *batch);

/* Sends one batch and waits for its end. Returns the requests it took. */
static uint32_t send_with(answers *how, struct chunk *request, uint32_t spans)
{
	uint32_t calls = script.calls;
	backend.refused_many = 0;
	script.answer = how;
	assert_true(sender_reserve(sender, spans, request->len));
	struct batch *batch = batch_new(&fixture.budget);
	assert_non_null(batch);
	assert_true(batch_append(batch, request));
	sender_enqueue(sender, batch);
	delivery_run_until(&fixture, is_empty, NULL);
	return script.calls - calls;
}

static uint32_t send_one(struct chunk *request, uint32_t spans)
{
	return send_with(answer, request, spans);
}

static uint64_t dropped(enum drop_reason reason)
{
	return counter_get(&sender_ledger(sender)->dropped[reason]);
}

static size_t bytes_alone(uint64_t id, size_t padding)
{
	struct chunk *alone = delivery_request_of_sizes(&fixture, id, 1, &padding, 0);
	size_t bytes = alone->len;
	chunk_unref(alone);
	return bytes;
}

static uint32_t log2_ceil(uint32_t n)
{
	return n <= 1 ? 0 : 32 - (uint32_t)__builtin_clz(n - 1);
}

struct scene {
	uint32_t spans, culprits;
	unsigned parts; /* the limit is this part of what can be delivered */
	bool in_spans;
};

/* Fills ${paddings} so that ${culprits} spans are above the limit, which it sets. */
static void plan(const struct scene *scene, size_t *paddings)
{
	size_t total = 0;
	for (uint32_t i = 0; i < scene->spans; i++) {
		paddings[i] = SPAN_BYTES_MIN + below(SPAN_BYTES_MORE);
		total += paddings[i] + 32;
	}
	backend.bytes_max = scene->in_spans ? 0 : total / scene->parts;
	backend.spans_max = scene->in_spans ? (scene->spans + scene->parts - 1) / scene->parts : 0;
	for (uint32_t i = 0; i < scene->culprits;) {
		size_t *padding = &paddings[below(scene->spans)];
		if (*padding > total / scene->parts)
			continue;
		*padding = total / scene->parts + 1 + below(total / scene->parts);
		i++;
	}
}

/* Sends what was planned with ids from 0. Returns the number of refused requests of many spans. */
static uint32_t check_one(const struct scene *scene, const size_t *paddings)
{
	uint32_t culprits = 0;
	uint64_t lost_before = dropped(DROP_TOO_LARGE);
	struct chunk *request = delivery_request_of_sizes(&fixture, 0, scene->spans, paddings, 0);
	size_t parts = backend.bytes_max ? request->len / backend.bytes_max
					 : scene->spans / backend.spans_max;
	memset(script.delivered, 0, sizeof(script.delivered));
	uint32_t requests = send_one(request, scene->spans);
	chunk_unref(request);
	for (uint32_t i = 0; i < scene->spans; i++) {
		bool fits = !backend.bytes_max || bytes_alone(i, paddings[i]) <= backend.bytes_max;
		culprits += !fits;
		assert_int_equal(script.delivered[i], fits);
	}
	assert_int_equal(dropped(DROP_TOO_LARGE) - lost_before, culprits);
	uint32_t refused_max = 2 * (culprits + 1) * (log2_ceil(scene->spans) + 1) + 8;
	refused_max += scene->in_spans ? (uint32_t)parts : 0;
	if (backend.refused_many > refused_max || requests > refused_max + 4 * (parts + 1))
		fail_msg("%u spans, %u culprits, 1/%u in %s: %u requests, %u refused", scene->spans,
			 culprits, scene->parts, scene->in_spans ? "spans" : "bytes", requests,
			 backend.refused_many);
	return backend.refused_many;
}

static void a_limit_costs_nothing_but_culprits(void **state)
{
	static const unsigned parts[] = {2, 3, 4, 10, 100};
	static const uint32_t counts[] = {64, 512}, culprits[] = {0, 1, 2, 4, 12};
	size_t paddings[SPANS_MAX];
	(void)state;
	seed = 1;
	for (size_t i = 0; i < ARRAY_COUNT(parts) * ARRAY_COUNT(counts) * ARRAY_COUNT(culprits) * 2;
	     i++) {
		const struct scene scene = {.spans = counts[i / 2 % 2],
					    .culprits = i % 2 ? 0 : culprits[i / 4 % 5],
					    .parts = parts[i / 20],
					    .in_spans = i % 2};
		open_sender();
		plan(&scene, paddings);
		(void)check_one(&scene, paddings);
		close_sender();
	}
}

/* The limit is learnt: later batches are cut before they are sent. */
static void later_batches_are_cut_before_they_are_sent(void **state)
{
	static const unsigned parts[] = {2, 3, 4, 10, 100};
	size_t paddings[SPANS_MAX];
	(void)state;
	seed = 7;
	for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
		const struct scene scene = {.spans = SPANS_MAX, .culprits = 2, .parts = parts[i]};
		enum { BATCHES = 20 };
		uint32_t refused = 0;
		open_sender();
		plan(&scene, paddings);
		(void)check_one(&scene, paddings);
		for (int batch = 0; batch < BATCHES; batch++)
			refused += check_one(&scene, paddings);
		assert_true(refused <= 1 + log2_ceil(script.calls / SIZE_LIMIT_PATIENCE));
		close_sender();
	}
}

/* Alone too large, whatever is tried: each is asked for once, after the way down. */
static void a_limit_below_every_span_costs_a_request_for_each(void **state)
{
	size_t paddings[SPANS_MAX];
	const struct scene scene = {.spans = SPANS_MAX, .parts = 1};
	(void)state;
	seed = 3;
	open_sender();
	plan(&scene, paddings);
	backend.bytes_max = 10;
	uint32_t refused_many = check_one(&scene, paddings);
	assert_int_equal(dropped(DROP_TOO_LARGE), SPANS_MAX);
	assert_int_equal(script.calls, SPANS_MAX + refused_many);
	close_sender();
}

/* A backend that measures something else than bytes of OTLP. */
static void a_limit_in_another_measure_loses_nothing(void **state)
{
	size_t paddings[SPANS_MAX];
	const struct scene scene = {.spans = SPANS_MAX, .parts = 1};
	(void)state;
	seed = 5;
	open_sender();
	for (size_t weight_max = 20000; weight_max >= 2500; weight_max /= 2) {
		plan(&scene, paddings);
		backend.bytes_max = backend.spans_max = 0;
		backend.weight_max = weight_max;
		struct chunk *request =
			delivery_request_of_sizes(&fixture, 0, SPANS_MAX, paddings, 0);
		memset(script.delivered, 0, sizeof(script.delivered));
		(void)send_one(request, SPANS_MAX);
		chunk_unref(request);
		for (uint32_t i = 0; i < SPANS_MAX; i++)
			assert_int_equal(script.delivered[i], 1);
	}
	backend.weight_max = 0;
	assert_int_equal(dropped(DROP_TOO_LARGE), 0);
	close_sender();
}

static struct export_result refuses_the_poison(struct scripted_exporter *self,
					       const struct batch *batch)
{
	bool poisoned = script_holds_span(batch, self->poison);
	return (struct export_result){.outcome = poisoned ? EXPORT_TOO_LARGE : EXPORT_DELIVERED};
}

/* A backend that says "too large" of one small span, whatever it means by it: what is learnt on the
 * way down to it is forgotten soon. */
static void a_refusal_that_is_no_matter_of_size_costs_little(void **state)
{
	static const uint64_t places[] = {0, 137, 300, 511};
	size_t paddings[SPANS_MAX];
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
		open_sender();
		for (uint32_t k = 0; k < SPANS_MAX; k++)
			paddings[k] = k == places[i] ? 102 : 100;
		script.poison = places[i];
		struct chunk *request =
			delivery_request_of_sizes(&fixture, 0, SPANS_MAX, paddings, 0);
		assert_true(send_with(refuses_the_poison, request, SPANS_MAX) <= SPANS_MAX / 4);
		assert_int_equal(dropped(DROP_TOO_LARGE), 1);
		assert_int_equal(counter_get(&sender_ledger(sender)->sent), SPANS_MAX - 1);
		chunk_unref(request);
		close_sender();
	}
}

/* More around the spans than in them: parts of a size would be single spans. */
static void what_surrounds_the_spans_does_not_part_them_all(void **state)
{
	size_t paddings[SPANS_MAX];
	(void)state;
	seed = 9;
	open_sender();
	for (uint32_t i = 0; i < SPANS_MAX; i++)
		paddings[i] = 1;
	struct chunk *request = delivery_request_of_sizes(&fixture, 0, SPANS_MAX, paddings, 100000);
	backend.bytes_max = request->len - 100;
	backend.spans_max = 0;
	assert_true(send_one(request, SPANS_MAX) <= 3);
	assert_true(send_one(request, SPANS_MAX) <= 3);
	assert_int_equal(counter_get(&sender_ledger(sender)->sent), 2 * SPANS_MAX);
	chunk_unref(request);
	close_sender();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_limit_costs_nothing_but_culprits),
		cmocka_unit_test(later_batches_are_cut_before_they_are_sent),
		cmocka_unit_test(a_limit_below_every_span_costs_a_request_for_each),
		cmocka_unit_test(a_limit_in_another_measure_loses_nothing),
		cmocka_unit_test(a_refusal_that_is_no_matter_of_size_costs_little),
		cmocka_unit_test(what_surrounds_the_spans_does_not_part_them_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
