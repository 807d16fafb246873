/* SPDX-License-Identifier: Apache-2.0 */
/* The sending queue with a scripted exporter: admission, retry, splitting, the ledger, the end. */
#include "pipeline/base/clock.h"
#include "pipeline/delivery/ack.h"
#include "pipeline/delivery/sender.h"
#include "tests/support/delivery_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct state {
	struct delivery_fixture fixture;
	struct scripted_exporter *script;
	struct sender *sender;
	struct delivery_config config;
	uint64_t taken; /* spans */
};

static const struct delivery_config defaults = {
	.timeout_ns = 1000000000,
	.max_request_bytes = 1 << 20,
	.queue = {.enabled = true, .num_consumers = 1, .queue_size = 10, .storage = ""},
	.retry = {.enabled = true,
		  .initial_interval_ns = 1000000,
		  .max_interval_ns = 2000000,
		  .max_elapsed_time_ns = 0,
		  .randomization_factor = 0,
		  .multiplier = 1.5}};

static int setup(void **ret_state)
{
	struct state *state = calloc(1, sizeof(*state));
	delivery_fixture_open(&state->fixture);
	state->script = malloc(sizeof(*state->script));
	script_init(state->script);
	state->config = defaults;
	*ret_state = state;
	return 0;
}

static void start(struct state *state)
{
	struct err err;
	const struct log log = {0};
	state->sender = sender_new(&state->config, &state->script->target, &log,
				   &state->fixture.budget, state->fixture.keys);
	assert_non_null(state->sender);
	assert_int_equal(sender_start(state->sender, &state->fixture.loop, &err), 0);
}

static int teardown(void **ret_state)
{
	struct state *state = *ret_state;
	sender_stop(state->sender);
	(void)uv_run(&state->fixture.loop.uv, UV_RUN_NOWAIT);
	sender_free(state->sender);
	delivery_fixture_close(&state->fixture);
	free(state->script);
	free(state);
	return 0;
}

/* Offers one batch. False when there was no room. */
static bool offer(struct state *state, uint64_t first, uint32_t spans, struct ack *ack)
{
	struct chunk *chunk = delivery_request(&state->fixture, first, spans, 10);
	bool room = sender_reserve(state->sender, spans, chunk->len);
	if (room) {
		struct batch *batch = batch_new(&state->fixture.budget);
		assert_true(batch_append(batch, chunk));
		if (ack) {
			ack_expect(ack, 1);
			assert_true(batch_attach(batch, ack));
			batch->waited_for = true;
		}
		sender_enqueue(state->sender, batch);
		state->taken += spans;
	}
	chunk_unref(chunk);
	assert_null(sender_fault(state->sender, 0, 0));
	return room;
}

/* Asked in every turn of the loop. */
static bool is_empty(void *arg)
{
	assert_null(sender_fault(((struct state *)arg)->sender, 0, 0));
	return sender_held_spans(((struct state *)arg)->sender) == 0;
}

static uint64_t dropped(const struct state *state, enum drop_reason reason)
{
	return counter_get(&sender_ledger(state->sender)->dropped[reason]);
}

/* taken = sent + dropped + returned + held, and every span was delivered at most once. */
static void check_ledger(const struct state *state)
{
	assert_null(sender_fault(state->sender, 0, 0));
	const struct ledger *ledger = sender_ledger(state->sender);
	uint64_t lost = counter_get(&ledger->returned), delivered = 0;
	for (int reason = 0; reason < DROP_REASON_COUNT; reason++)
		lost += reason == DROP_QUEUE_FULL ? 0 : counter_get(&ledger->dropped[reason]);
	for (int id = 0; id < SCRIPT_SPANS_MAX; id++) {
		assert_true(state->script->delivered[id] <= 1);
		delivered += state->script->delivered[id];
	}
	assert_int_equal(counter_get(&ledger->sent), delivered);
	assert_true(sender_held_spans(state->sender) > 0 || counter_get(&ledger->in_flight) == 0);
	assert_int_equal(state->taken, delivered + lost + sender_held_spans(state->sender));
}

static void delivers_what_it_took(void **ret_state)
{
	struct state *state = *ret_state;
	start(state);
	for (uint64_t i = 0; i < 5; i++)
		assert_true(offer(state, i * 10, 10, NULL));
	delivery_run_until(&state->fixture, is_empty, state);
	assert_int_equal(counter_get(&sender_ledger(state->sender)->sent), 50);
	check_ledger(state);
}

static void refuses_when_full_and_has_room_again_after_delivery(void **ret_state)
{
	struct state *state = *ret_state;
	state->config.queue.queue_size = 3;
	state->script->hold = true;
	start(state);
	for (uint64_t i = 0; i < 3; i++)
		assert_true(offer(state, i, 1, NULL));
	assert_false(offer(state, 3, 1, NULL));
	(void)uv_run(&state->fixture.loop.uv, UV_RUN_NOWAIT);
	assert_false(offer(state, 3, 1, NULL)); /* under way still counts */
	script_release(state->script);
	delivery_run_until(&state->fixture, is_empty, state);
	assert_true(offer(state, 3, 1, NULL));
	delivery_run_until(&state->fixture, is_empty, state);
	check_ledger(state);
}

static void counts_items_and_bytes_when_told_to(void **ret_state)
{
	struct state *state = *ret_state;
	state->config.queue.sizer = SIZER_ITEMS;
	state->config.queue.queue_size = 100;
	state->script->hold = true;
	start(state);
	assert_true(offer(state, 0, 60, NULL));
	assert_false(offer(state, 100, 41, NULL));
	assert_true(offer(state, 100, 40, NULL));
	script_release(state->script);
	delivery_run_until(&state->fixture, is_empty, state);
	/* Larger than the whole queue: let in alone, it would never fit. */
	assert_true(offer(state, 200, 500, NULL));
	delivery_run_until(&state->fixture, is_empty, state);
	check_ledger(state);
}

/* Without a queue there is nothing that its settings could measure. */
static void without_a_queue_its_sizer_does_not_count(void **ret_state)
{
	struct state *state = *ret_state;
	state->config.queue.enabled = false;
	state->config.queue.sizer = SIZER_BYTES;
	start(state);
	for (int i = 0; i < 10; i++)
		assert_true(sender_reserve(state->sender, 1000, 1 << 20));
	assert_int_equal(sender_used_units(state->sender), 10);
	for (int i = 0; i < 10; i++)
		sender_cancel_reservation(state->sender, 1000, 1 << 20);
	assert_int_equal(sender_used_units(state->sender), 0);
}

static void a_reservation_taken_back_leaves_no_trace(void **ret_state)
{
	struct state *state = *ret_state;
	state->config.queue.queue_size = 1;
	start(state);
	for (int i = 0; i < 100; i++) {
		assert_true(sender_reserve(state->sender, 7, 100));
		assert_false(sender_reserve(state->sender, 1, 1));
		sender_cancel_reservation(state->sender, 7, 100);
	}
	assert_true(offer(state, 0, 1, NULL));
	delivery_run_until(&state->fixture, is_empty, state);
}

static struct export_result twice_unavailable(struct scripted_exporter *script,
					      const struct batch *batch)
{
	(void)batch;
	struct export_result result = {.outcome = script->calls <= 2 ? EXPORT_RETRY
								     : EXPORT_DELIVERED};
	return result;
}

static void repeats_what_was_not_taken(void **ret_state)
{
	struct state *state = *ret_state;
	state->script->answer = twice_unavailable;
	start(state);
	assert_true(offer(state, 0, 5, NULL));
	delivery_run_until(&state->fixture, is_empty, state);
	assert_int_equal(state->script->calls, 3);
	assert_int_equal(counter_get(&sender_ledger(state->sender)->retries), 2);
	check_ledger(state);
}

static struct export_result unavailable(struct scripted_exporter *script, const struct batch *batch)
{
	(void)script;
	(void)batch;
	return (struct export_result){.outcome = EXPORT_RETRY};
}

static void gives_up_after_max_elapsed_time(void **ret_state)
{
	struct state *state = *ret_state;
	state->script->answer = unavailable;
	state->config.retry.max_elapsed_time_ns = 20000000;
	start(state);
	assert_true(offer(state, 0, 5, NULL));
	delivery_run_until(&state->fixture, is_empty, state);
	assert_int_equal(dropped(state, DROP_RETRIES_EXHAUSTED), 5);
	check_ledger(state);
}

static struct export_result permanent(struct scripted_exporter *script, const struct batch *batch)
{
	(void)script;
	(void)batch;
	return (struct export_result){.outcome = EXPORT_PERMANENT};
}

static void drops_what_is_refused_for_good_at_once(void **ret_state)
{
	struct state *state = *ret_state;
	state->script->answer = permanent;
	start(state);
	assert_true(offer(state, 0, 5, NULL));
	delivery_run_until(&state->fixture, is_empty, state);
	assert_int_equal(state->script->calls, 1);
	assert_int_equal(dropped(state, DROP_PERMANENT), 5);
	check_ledger(state);
}

static struct export_result refuses_the_poison(struct scripted_exporter *script,
					       const struct batch *batch)
{
	bool poisoned = script_holds_span(batch, script->poison);
	return (struct export_result){.outcome = poisoned ? EXPORT_INVALID : EXPORT_DELIVERED};
}

static void a_single_span_refused_for_what_is_in_it_is_rejected(void **ret_state)
{
	struct state *state = *ret_state;
	state->script->answer = refuses_the_poison;
	state->script->poison = 7;
	start(state);
	assert_true(offer(state, 7, 1, NULL));
	delivery_run_until(&state->fixture, is_empty, state);
	assert_int_equal(state->script->calls, 1);
	assert_int_equal(dropped(state, DROP_REJECTED), 1);
	assert_int_equal(dropped(state, DROP_TOO_LARGE), 0);
	check_ledger(state);
}

static void halves_towards_the_one_bad_span_within_the_bound(void **ret_state)
{
	struct state *state = *ret_state;
	static const uint64_t places[] = {0, 1, 255, 256, 300, 511};
	state->script->answer = refuses_the_poison;
	start(state);
	for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
		uint32_t calls_before = state->script->calls;
		uint64_t base = i * 512;
		state->script->poison = base + places[i];
		assert_true(offer(state, base, 512, NULL));
		delivery_run_until(&state->fixture, is_empty, state);
		assert_int_equal(dropped(state, DROP_REJECTED), i + 1);
		assert_int_equal(state->script->delivered[state->script->poison], 0);
		/* 4·log2(512) + 8 */
		assert_true(state->script->calls - calls_before <= 44);
	}
	check_ledger(state);
}

static struct export_result refuses_everything_alike(struct scripted_exporter *script,
						     const struct batch *batch)
{
	(void)script;
	(void)batch;
	return (struct export_result){.outcome = EXPORT_INVALID};
}

static void stops_splitting_when_every_part_is_refused(void **ret_state)
{
	struct state *state = *ret_state;
	state->script->answer = refuses_everything_alike;
	start(state);
	assert_true(offer(state, 0, 512, NULL));
	delivery_run_until(&state->fixture, is_empty, state);
	assert_int_equal(dropped(state, DROP_PERMANENT), 512);
	assert_true(state->script->calls <= 7); /* 1 + 2 + 4 */
	check_ledger(state);
}

/* Where the stack was at the calls of takes_one_span. */
static uintptr_t stack_lowest, stack_highest;

static struct export_result takes_one_span(struct scripted_exporter *script,
					   const struct batch *batch)
{
	(void)script;
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	stack_lowest = here < stack_lowest ? here : stack_lowest;
	stack_highest = here > stack_highest ? here : stack_highest;
	return (struct export_result){.outcome = batch->span_count > 1 ? EXPORT_SPLIT
								       : EXPORT_DELIVERED};
}

static void splits_what_the_exporter_finds_too_much_as_far_as_it_goes(void **ret_state)
{
	struct state *state = *ret_state;
	enum { SPANS = 2048, STACK_BYTES_MAX = 64 * 1024 };
	state->script->answer = takes_one_span;
	stack_lowest = UINTPTR_MAX;
	stack_highest = 0;
	start(state);
	assert_true(offer(state, 0, SPANS, NULL));
	delivery_run_until(&state->fixture, is_empty, state);
	assert_int_equal(counter_get(&sender_ledger(state->sender)->sent), SPANS);
	assert_int_equal(counter_get(&sender_ledger(state->sender)->splits), SPANS - 1);
	assert_int_equal(counter_get(&sender_ledger(state->sender)->requests), SPANS);
	for (uint32_t i = 0; i < SPANS; i++)
		assert_int_equal(state->script->delivered[i], 1);
	assert_true(stack_highest - stack_lowest < STACK_BYTES_MAX);
	check_ledger(state);
}

static struct export_result finds_everything_too_much(struct scripted_exporter *script,
						      const struct batch *batch)
{
	(void)script;
	(void)batch;
	return (struct export_result){.outcome = EXPORT_SPLIT};
}

static void drops_single_spans_that_the_exporter_finds_too_much(void **ret_state)
{
	struct state *state = *ret_state;
	state->script->answer = finds_everything_too_much;
	start(state);
	assert_true(offer(state, 0, 16, NULL));
	delivery_run_until(&state->fixture, is_empty, state);
	assert_int_equal(dropped(state, DROP_TOO_LARGE), 16);
	check_ledger(state);
}

static struct export_result rejects_three(struct scripted_exporter *script,
					  const struct batch *batch)
{
	(void)batch;
	(void)script;
	return (struct export_result){.outcome = EXPORT_DELIVERED, .rejected_spans = 3};
}

static void counts_partial_success(void **ret_state)
{
	struct state *state = *ret_state;
	state->script->answer = rejects_three;
	start(state);
	assert_true(offer(state, 0, 10, NULL));
	delivery_run_until(&state->fixture, is_empty, state);
	assert_int_equal(counter_get(&sender_ledger(state->sender)->sent), 7);
	assert_int_equal(dropped(state, DROP_REJECTED), 3);
}

static struct export_result claimed; /* by a backend about the spans of one request */

static struct export_result claims(struct scripted_exporter *script, const struct batch *batch)
{
	(void)script;
	(void)batch;
	return claimed;
}

/* Whatever a backend says of a request of ten spans, each of them is counted once. */
static void no_claim_about_a_request_makes_spans_appear_or_vanish(void **ret_state)
{
	static const struct {
		uint64_t unusable, rejected;			   /* said */
		uint64_t sent, dropped_unusable, dropped_rejected; /* counted */
	} cases[] = {
		{0, 0, 10, 0, 0},
		{0, 3, 7, 0, 3},
		{2, 0, 8, 2, 0},
		{2, 3, 5, 2, 3},
		{10, 0, 0, 10, 0},
		{0, 10, 0, 0, 10},
		{2, 8, 0, 2, 8},
		{2, 9, 0, 2, 8},
		{11, 1, 0, 10, 0},
		{0, UINT64_MAX, 0, 0, 10},
		{UINT64_MAX, UINT64_MAX, 0, 10, 0},
	};
	struct state *state = *ret_state;
	const struct ledger *ledger;
	uint64_t sent = 0, unusable = 0, rejected = 0;
	state->script->answer = claims;
	start(state);
	ledger = sender_ledger(state->sender);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		claimed = (struct export_result){.outcome = EXPORT_DELIVERED,
						 .unusable_spans = cases[i].unusable,
						 .rejected_spans = cases[i].rejected};
		assert_true(offer(state, i * 10, 10, NULL));
		delivery_run_until(&state->fixture, is_empty, state);
		sent += cases[i].sent;
		unusable += cases[i].dropped_unusable;
		rejected += cases[i].dropped_rejected;
		assert_int_equal(counter_get(&ledger->sent), sent);
		assert_int_equal(dropped(state, DROP_UNUSABLE_ID), unusable);
		assert_int_equal(dropped(state, DROP_REJECTED), rejected);
		assert_int_equal(counter_get(&ledger->send_failed), unusable + rejected);
	}
}

static struct export_result refuses_above(struct scripted_exporter *script,
					  const struct batch *batch)
{
	for (uint64_t id = script->poison; id < script->poison * 2; id++) {
		if (script_holds_span(batch, id))
			return (struct export_result){.outcome = EXPORT_INVALID};
	}
	return (struct export_result){.outcome = EXPORT_DELIVERED};
}

/* The first half is taken, each span of the second one is bad: there is more to find than requests. */
static void looks_for_bad_spans_with_all_its_requests_and_no_more(void **ret_state)
{
	static const struct {
		uint32_t spans, requests; /* the last odd number within 4·log2(n) + 8, rounded up */
	} cases[] = {{32, 27}, {33, 31}, {63, 31}, {64, 31}, {65, 35}, {128, 35}, {129, 39}};
	struct state *state = *ret_state;
	state->script->answer = refuses_above;
	start(state);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		uint32_t calls = state->script->calls;
		state->script->poison = cases[i].spans / 2 + 1;
		assert_true(offer(state, 0, cases[i].spans, NULL));
		delivery_run_until(&state->fixture, is_empty, state);
		assert_int_equal(state->script->calls - calls, cases[i].requests);
	}
}

static void abort_counts_what_is_held_and_cancels_what_is_under_way(void **ret_state)
{
	struct state *state = *ret_state;
	state->script->hold = true;
	start(state);
	for (uint64_t i = 0; i < 4; i++)
		assert_true(offer(state, i * 10, 10, NULL));
	(void)uv_run(&state->fixture.loop.uv, UV_RUN_NOWAIT);
	assert_int_equal(state->script->calls, 1);
	sender_abort(state->sender);
	delivery_run_until(&state->fixture, is_empty, state);
	assert_int_equal(dropped(state, DROP_SHUTDOWN), 40);
	check_ledger(state);
}

static void abort_ends_a_job_that_waits_to_repeat(void **ret_state)
{
	struct state *state = *ret_state;
	state->script->answer = unavailable;
	state->config.retry.initial_interval_ns = UINT64_C(3600000000000);
	state->config.retry.max_interval_ns = UINT64_C(3600000000000);
	start(state);
	assert_true(offer(state, 0, 10, NULL));
	(void)uv_run(&state->fixture.loop.uv, UV_RUN_NOWAIT);
	assert_int_equal(state->script->calls, 1);
	sender_abort(state->sender);
	assert_int_equal(dropped(state, DROP_SHUTDOWN), 10);
	check_ledger(state);
}

struct answer {
	struct ack ack;
	bool done;
	struct ack_result result;
};

static void on_ack(struct ack *ack, const struct ack_result *result)
{
	struct answer *answer = CONTAINER_OF(ack, struct answer, ack);
	answer->done = true;
	answer->result = *result;
}

static bool is_answered(void *arg)
{
	return ((struct answer *)arg)->done;
}

static struct export_result refused_for_now(struct scripted_exporter *script,
					    const struct batch *batch)
{
	(void)script;
	(void)batch;
	return (struct export_result){
		.outcome = EXPORT_RETRY, .grpc_code = 8, .retry_after_ns = 7 * NS_PER_S + 1};
}

static struct export_result forbidden(struct scripted_exporter *script, const struct batch *batch)
{
	(void)script;
	(void)batch;
	return (struct export_result){.outcome = EXPORT_PERMANENT, .grpc_code = 7};
}

static struct export_result malformed(struct scripted_exporter *script, const struct batch *batch)
{
	(void)script;
	(void)batch;
	return (struct export_result){.outcome = EXPORT_TOO_LARGE, .grpc_code = 3};
}

static void the_one_who_waits_hears_what_became_of_the_batch(void **ret_state)
{
	static const struct {
		struct export_result (*answer)(struct scripted_exporter *script,
					       const struct batch *batch);
		struct ack_result result;
	} cases[] = {
		{NULL, {OUTCOME_TAKEN, 0, 0}},	       {permanent, {OUTCOME_REJECTED, 0, 0}},
		{unavailable, {OUTCOME_RETRY, 0, 0}},  {refused_for_now, {OUTCOME_RETRY, 8, 7001}},
		{forbidden, {OUTCOME_REJECTED, 7, 0}}, {malformed, {OUTCOME_REJECTED, 3, 0}},
	};
	struct state *state = *ret_state;
	state->config.queue.wait_for_result = true;
	state->config.retry.enabled = false;
	start(state);
	assert_true(sender_waits(state->sender));
	assert_true(sender_is_required(state->sender));
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct answer answer = {.done = false};
		ack_init(&answer.ack, &state->fixture.loop, on_ack);
		state->script->answer = cases[i].answer;
		assert_true(offer(state, i, 1, &answer.ack));
		ack_finish(&answer.ack, (struct ack_result){.outcome = OUTCOME_TAKEN});
		assert_false(answer.done);
		delivery_run_until(&state->fixture, is_answered, &answer);
		assert_int_equal(answer.result.outcome, cases[i].result.outcome);
		assert_int_equal(answer.result.grpc_code, cases[i].result.grpc_code);
		assert_int_equal(answer.result.retry_after_ms, cases[i].result.retry_after_ms);
	}
	check_ledger(state);
}

/* Whoever waits has its spans still: they were returned, and nothing was dropped. Where nobody
 * waits the same end is a loss. */
static void what_its_sender_is_told_about_is_not_dropped(void **ret_state)
{
	struct state *state = *ret_state;
	state->config.queue.wait_for_result = true;
	state->config.retry.enabled = false;
	start(state);
	static struct export_result (*const answers[])(struct scripted_exporter * script,
						       const struct batch *batch) = {
		permanent, unavailable, refused_for_now, forbidden, malformed};
	uint64_t spans = 0;
	for (size_t i = 0; i < ARRAY_COUNT(answers); i++) {
		struct answer answer = {.done = false};
		uint32_t count = (uint32_t)i * 3 + 1;
		ack_init(&answer.ack, &state->fixture.loop, on_ack);
		state->script->answer = answers[i];
		assert_true(offer(state, spans, count, &answer.ack));
		ack_finish(&answer.ack, (struct ack_result){.outcome = OUTCOME_TAKEN});
		delivery_run_until(&state->fixture, is_answered, &answer);
		assert_int_not_equal(answer.result.outcome, OUTCOME_TAKEN);
		spans += count;
	}
	assert_int_equal(counter_get(&sender_ledger(state->sender)->returned), spans);
	assert_int_equal(counter_get(&sender_ledger(state->sender)->send_failed), spans);
	check_ledger(state);
	assert_true(offer(state, spans, 5, NULL));
	delivery_run_until(&state->fixture, is_empty, state);
	assert_int_equal(counter_get(&sender_ledger(state->sender)->returned), spans);
	assert_int_equal(dropped(state, DROP_TOO_LARGE), 5);
	check_ledger(state);
}

/* Reserved, and lost before there was a batch: a failure to enqueue, with its reason, no longer held. */
static void what_memory_does_not_suffice_for_is_counted_and_let_go(void **ret_state)
{
	struct state *state = *ret_state;
	start(state);
	assert_true(sender_reserve(state->sender, 12, 100));
	assert_int_equal(sender_held_spans(state->sender), 12);
	sender_count_memory(state->sender, 7, false);
	assert_int_equal(counter_get(&sender_ledger(state->sender)->enqueue_failed), 7);
	assert_int_equal(dropped(state, DROP_MEMORY), 7);
	assert_int_equal(sender_held_spans(state->sender), 5);
	sender_cancel_reservation(state->sender, 5, 100);
	assert_int_equal(sender_held_spans(state->sender), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(delivers_what_it_took, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_when_full_and_has_room_again_after_delivery,
						setup, teardown),
		cmocka_unit_test_setup_teardown(counts_items_and_bytes_when_told_to, setup,
						teardown),
		cmocka_unit_test_setup_teardown(without_a_queue_its_sizer_does_not_count, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_reservation_taken_back_leaves_no_trace, setup,
						teardown),
		cmocka_unit_test_setup_teardown(repeats_what_was_not_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(gives_up_after_max_elapsed_time, setup, teardown),
		cmocka_unit_test_setup_teardown(drops_what_is_refused_for_good_at_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_single_span_refused_for_what_is_in_it_is_rejected,
						setup, teardown),
		cmocka_unit_test_setup_teardown(halves_towards_the_one_bad_span_within_the_bound,
						setup, teardown),
		cmocka_unit_test_setup_teardown(stops_splitting_when_every_part_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			splits_what_the_exporter_finds_too_much_as_far_as_it_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(drops_single_spans_that_the_exporter_finds_too_much,
						setup, teardown),
		cmocka_unit_test_setup_teardown(counts_partial_success, setup, teardown),
		cmocka_unit_test_setup_teardown(
			no_claim_about_a_request_makes_spans_appear_or_vanish, setup, teardown),
		cmocka_unit_test_setup_teardown(
			looks_for_bad_spans_with_all_its_requests_and_no_more, setup, teardown),
		cmocka_unit_test_setup_teardown(
			abort_counts_what_is_held_and_cancels_what_is_under_way, setup, teardown),
		cmocka_unit_test_setup_teardown(abort_ends_a_job_that_waits_to_repeat, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_one_who_waits_hears_what_became_of_the_batch,
						setup, teardown),
		cmocka_unit_test_setup_teardown(what_its_sender_is_told_about_is_not_dropped, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			what_memory_does_not_suffice_for_is_counted_and_let_go, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
