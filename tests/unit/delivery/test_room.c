/* SPDX-License-Identifier: Apache-2.0 */
/* The room of a queue: what fits, what is given back, and that nobody gets the same room twice. */
#include "pipeline/delivery/room.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void what_fits_is_let_in_to_the_last_unit(void **state)
{
	static const struct {
		uint64_t capacity, used, units;
		bool fits;
	} cases[] = {
		{10, 0, 10, true},
		{10, 1, 9, true},
		{10, 1, 10, false},
		{10, 10, 1, false},
		{10, 10, 0, true},
		{10, 0, 11, true}, /* alone: never else */
		{10, 11, 1, false},
		{0, 0, 5, true},
		{0, 5, 1, false},
		{UINT64_MAX, INT64_MAX - 1, 1, true},
		{UINT64_MAX, INT64_MAX - 1, 2, false},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct room room;
		room_init(&room, cases[i].capacity);
		assert_true(cases[i].used == 0 || room_reserve(&room, cases[i].used, 3));
		uint64_t spans = room_spans(&room);
		assert_int_equal(room_reserve(&room, cases[i].units, 7), cases[i].fits);
		assert_int_equal(room_used(&room),
				 cases[i].used + (cases[i].fits ? cases[i].units : 0));
		assert_int_equal(room_spans(&room), spans + (cases[i].fits ? 7 : 0));
		room_fini(&room);
	}
}

/* A batch may leave before the reservation of its chunk was corrected. */
static void it_is_empty_again_whatever_the_order(void **state)
{
	(void)state;
	for (int order = 0; order < 2; order++) {
		struct room room;
		room_init(&room, 100);
		assert_true(room_reserve(&room, 40, 4));
		if (order == 0)
			room_adjust(&room, 5, -1);
		room_leave(&room, 45, 3);
		if (order == 1) {
			assert_int_equal(room_used(&room), 0); /* not 2^64 - 5 */
			room_adjust(&room, 5, -1);
		}
		assert_int_equal(room_used(&room), 0);
		assert_int_equal(room_spans(&room), 0);
		assert_true(room_reserve(&room, 60, 1));
		assert_true(room_reserve(&room, 40, 1));
		assert_false(room_reserve(&room, 1, 1));
		room_adjust(&room, -40, -1);
		assert_true(room_reserve(&room, 40, 1));
		room_fini(&room);
	}
}

static void a_refused_sender_waits_for_as_much_as_is_missing(void **state)
{
	struct room room;
	(void)state;
	room_init(&room, 100);
	assert_true(room_reserve(&room, 100, 1));
	uint64_t now_ns = clock_monotonic_ns();
	room_leave(&room, 50, 0);
	struct drain_wait little = room_refuse(&room, 51, now_ns + NS_PER_S);
	struct drain_wait much = room_refuse(&room, 100, now_ns + NS_PER_S);
	assert_true(little.room_ns < much.room_ns);
	assert_int_equal(room_refuse(&room, 1, now_ns + NS_PER_S).room_ns, 0); /* there is some */
	room_fini(&room);
}

enum { THREADS = 4, ROUNDS = 20000, PLACES = 3 };

struct contest {
	struct room room;
	_Atomic int inside, most;
};

static void *take_and_leave(void *arg)
{
	struct contest *contest = arg;
	for (int i = 0; i < ROUNDS; i++) {
		if (!room_reserve(&contest->room, 1, 1))
			continue;
		int inside = atomic_fetch_add(&contest->inside, 1) + 1;
		int most = atomic_load(&contest->most);
		while (inside > most &&
		       !atomic_compare_exchange_weak(&contest->most, &most, inside))
			;
		atomic_fetch_sub(&contest->inside, 1);
		room_leave(&contest->room, 1, 1);
	}
	return NULL;
}

static void threads_never_share_a_place(void **state)
{
	struct contest contest = {.inside = 0};
	pthread_t threads[THREADS];
	(void)state;
	room_init(&contest.room, PLACES);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_and_leave, &contest), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_true(atomic_load(&contest.most) <= PLACES);
	assert_int_equal(room_used(&contest.room), 0);
	assert_int_equal(room_spans(&contest.room), 0);
	room_fini(&contest.room);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fits_is_let_in_to_the_last_unit),
		cmocka_unit_test(it_is_empty_again_whatever_the_order),
		cmocka_unit_test(a_refused_sender_waits_for_as_much_as_is_missing),
		cmocka_unit_test(threads_never_share_a_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
