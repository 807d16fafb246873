/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill -9 at 200 random moments. A child appends, takes and settles as fast as it can and says over a
 * pipe what was answered; it is killed after a random number of such words and a random pause. What the
 * children were told is durable comes out in the end, in order; what comes twice was under way at a kill.
 */
#include "tests/support/spool_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

enum { KILLS = 200, NUMBERS = 1 << 22, RUN = 1 << 14, OUT_MAX = 8, PENDING_MAX = 16, LEN = 700 };

enum word_kind { WORD_DURABLE = 1, WORD_TAKEN, WORD_SETTLED };

struct word {
	uint32_t kind, number;
};

static struct spool_fixture fixture;
static uint8_t durable[NUMBERS], taken[NUMBERS];

/* ---- the child ------------------------------------------------------------------------------ */

struct child_append {
	struct spool_append append;
	uint32_t number;
	_Atomic bool free;
};

static struct child_append appends[PENDING_MAX];
static int words;

/* Words are written whole: they are shorter than PIPE_BUF. */
static void say(enum word_kind kind, uint64_t number)
{
	const struct word word = {(uint32_t)kind, (uint32_t)number};
	if (write(words, &word, sizeof(word)) != (ssize_t)sizeof(word))
		_exit(3);
}

static void on_done(struct spool_append *append, const struct err *err)
{
	struct child_append *self = CONTAINER_OF(append, struct child_append, append);
	if (err)
		_exit(4);
	say(WORD_DURABLE, self->number);
	self->free = true;
}

static uint32_t start_appends(struct spool *spool, uint32_t next)
{
	for (size_t i = 0; i < PENDING_MAX; i++) {
		struct child_append *a = &appends[i];
		if (!a->free || !spool_reserve(spool, LEN))
			continue;
		a->free = false;
		a->number = next++;
		a->append.done = on_done;
		a->append.chunk = spool_fixture_body(&fixture.budget, a->number, LEN);
		spool_append(spool, &a->append);
	}
	return next;
}

/* At most OUT_MAX are under way: taken, and not written as settled. */
static void take_and_settle(struct spool *spool, struct spool_record *out, size_t *out_count)
{
	struct spool_stats stats;
	spool_stats(spool, &stats);
	if (*out_count + stats.acks_unwritten < OUT_MAX && spool_take(spool, &out[*out_count])) {
		struct spool_record *record = &out[(*out_count)++];
		say(WORD_TAKEN, spool_fixture_number(chunk_slice(record->chunk)));
		return;
	}
	if (*out_count == 0)
		return;
	size_t which = stats.next_sequence % *out_count; /* in any order */
	struct spool_record record = out[which];
	out[which] = out[--*out_count];
	chunk_unref(record.chunk);
	spool_settle(spool, &record, SPOOL_SENT);
}

static _Noreturn void run_child(uint32_t next)
{
	struct spool_record out[OUT_MAX];
	size_t out_count = 0;
	struct err err;
	if (spool_open(&fixture.config, &fixture.spool, &err) != 0) {
		(void)fprintf(stderr, "%s\n", err.msg);
		_exit(5);
	}
	for (size_t i = 0; i < PENDING_MAX; i++)
		appends[i].free = true;
	for (uint32_t end = next + RUN;;) {
		if (next + PENDING_MAX < end)
			next = start_appends(fixture.spool, next);
		take_and_settle(fixture.spool, out, &out_count);
	}
}

/* ---- the parent ----------------------------------------------------------------------------- */

static size_t twice;

static void hear(struct word word)
{
	assert_true(word.number < NUMBERS);
	if (word.kind == WORD_DURABLE)
		durable[word.number] = 1;
	else if (word.kind == WORD_TAKEN && taken[word.number]++ > 0)
		twice++;
}

static void run_and_kill(unsigned *seed, uint32_t next)
{
	int ends[2];
	struct word word;
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)close(ends[0]);
		words = ends[1];
		run_child(next);
	}
	(void)close(ends[1]);
	for (int left = rand_r(seed) % 200; left > 0; left--) {
		if (read(ends[0], &word, sizeof(word)) != (ssize_t)sizeof(word))
			fail_msg("the child ended by itself");
		hear(word);
	}
	for (volatile int spin = rand_r(seed) % 100000; spin > 0; spin--)
		continue;
	assert_int_equal(kill(child, SIGKILL), 0);
	while (read(ends[0], &word, sizeof(word)) == (ssize_t)sizeof(word))
		hear(word);
	(void)close(ends[0]);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void what_was_durable_comes_out_once_but_for_what_was_under_way(void **state)
{
	static const unsigned first_seed = 20261130;
	unsigned seed = first_seed;
	struct spool_record record;
	uint64_t number, last = 0;
	size_t durable_count = 0;
	(void)state;
	spool_fixture_init(&fixture);
	fixture.config.segment_bytes = 1; /* 64 KiB: many come and go */
	fixture.config.ahead_records = OUT_MAX;
	for (uint32_t kills = 0; kills < KILLS; kills++) {
		size_t before = twice;
		fixture.config.commit_ns = kills % 3 * 1000000;
		run_and_kill(&seed, 1 + kills * RUN);
		assert_true(twice - before <= OUT_MAX); /* of the kill before this one */
	}
	spool_fixture_open(&fixture);
	while (spool_fixture_take_held(&fixture, &record, &number)) {
		assert_true(number > last);
		last = number;
		taken[number] = 1;
		spool_fixture_settle(&fixture, &record);
	}
	for (size_t i = 0; i < NUMBERS; i++) {
		durable_count += durable[i];
		if (durable[i] && !taken[i])
			fail_msg("request %zu was durable and is lost", i);
	}
	struct spool_stats stats = spool_fixture_stats(&fixture);
	for (size_t i = 0; i < SPOOL_LOSS_COUNT; i++)
		assert_int_equal(stats.lost_records[i], 0);
	assert_int_equal(stats.held_spans, 0);
	print_message("%zu durable, %zu twice after %d kills\n", durable_count, twice, KILLS);
	spool_fixture_fini(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_durable_comes_out_once_but_for_what_was_under_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
