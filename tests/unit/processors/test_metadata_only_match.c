/* SPDX-License-Identifier: Apache-2.0 */
/* The rules' patterns on keys like those that they were made for, against the naive answer: what
 * makes matching fast must never lose a match. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "processors/metadata_only/rules.h"
#include "tests/support/key_oracle.h"
#include "tests/support/policy_fixture.h"
#include "tests/support/trace_wire.h"

enum { ROUNDS = 20000, KEYS_MAX = 4096 };

struct keys {
	struct key_oracle oracle;
	struct buf text; /* of all samples */
	size_t begins[KEYS_MAX + 1];
	size_t count;
};

static bool take_pattern(void *arg, struct slice pattern)
{
	struct keys *keys = arg;
	struct buf sample = BUF_INIT;
	key_oracle_add(&keys->oracle, pattern);
	for (unsigned i = 0; i < POLICY_SAMPLES && keys->count < KEYS_MAX; i++) {
		if (!policy_sample(pattern, i, &sample))
			continue;
		buf_append(&keys->text, buf_slice(&sample));
		keys->begins[++keys->count] = keys->text.len;
	}
	buf_fini(&sample);
	return true;
}

static struct slice key_at(const struct keys *keys, size_t at)
{
	return slice_of(keys->text.data + keys->begins[at],
			keys->begins[at + 1] - keys->begins[at]);
}

/* The beginning of one key and the end of another, perhaps with a joint, a letter changed. */
static void mix(const struct keys *keys, uint64_t *rng, struct buf *out)
{
	static const char joints[] = "._:x-";
	struct slice head = key_at(keys, tw_below(rng, (uint32_t)keys->count));
	struct slice tail = key_at(keys, tw_below(rng, (uint32_t)keys->count));
	size_t head_len = tw_below(rng, (uint32_t)head.len + 1);
	size_t tail_at = tw_below(rng, (uint32_t)tail.len + 1);
	buf_reset(out);
	buf_append(out, slice_of(head.ptr, head_len));
	if (tw_below(rng, 2))
		buf_append_byte(out, (uint8_t)joints[tw_below(rng, sizeof(joints) - 1)]);
	buf_append(out, slice_of(tail.ptr + tail_at, tail.len - tail_at));
	if (out->len > 0 && tw_below(rng, 8) == 0)
		out->data[tw_below(rng, (uint32_t)out->len)] = (uint8_t)('a' + tw_below(rng, 26));
}

static void no_match_is_lost(void **state)
{
	static struct keys keys;
	struct buf key = BUF_INIT;
	uint64_t rng = 11;
	(void)state;
	key_oracle_init(&keys.oracle);
	for (size_t i = 0; i < policy_row_count; i++)
		assert_true(policy_expand(policy_rows[i].pattern, take_pattern, &keys));
	key_oracle_freeze(&keys.oracle);
	for (size_t i = 0; i < keys.count; i++)
		key_oracle_check(&keys.oracle, key_at(&keys, i));
	for (int round = 0; round < ROUNDS; round++) {
		mix(&keys, &rng, &key);
		if (key.len > 0)
			key_oracle_check(&keys.oracle, buf_slice(&key));
	}
	print_message("%zu patterns, %zu keys and %d mixed ones\n", keys.oracle.count, keys.count,
		      (int)ROUNDS);
	key_oracle_fini(&keys.oracle);
	buf_fini(&keys.text);
	buf_fini(&key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_match_is_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
