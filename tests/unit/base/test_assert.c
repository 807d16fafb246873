/* SPDX-License-Identifier: Apache-2.0 */
/* Assertions run in every build that tests are compiled in, and end the program. */
#include "pipeline/base/assert.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum light { RED = 0, GREEN };

static const unsigned may_follow[] = {[RED] = STATE_BIT(GREEN), [GREEN] = STATE_BIT(RED)};

static int looked;

static bool look(bool result)
{
	looked++;
	return result;
}

static void break_a_promise(void)
{
	ASSERT(look(false));
}

static void skip_a_state(void)
{
	ASSERT_STEP(may_follow, GREEN, GREEN);
}

/* The signal that ends ${run}; 0 when it returns. */
static int signal_of(void (*run)(void))
{
	int status = 0;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)signal(SIGABRT, SIG_DFL);
		(void)close(STDERR_FILENO);
		run();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void a_broken_promise_ends_the_program(void **state)
{
	(void)state;
	assert_int_equal(signal_of(break_a_promise), SIGABRT);
	assert_int_equal(signal_of(skip_a_state), SIGABRT);
}

static void a_kept_one_is_looked_at_once(void **state)
{
	(void)state;
	looked = 0;
	ASSERT(look(true));
	assert_int_equal(looked, 1);
	ASSERT_STEP(may_follow, RED, GREEN);
	ASSERT_STEP(may_follow, GREEN, RED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_broken_promise_ends_the_program),
		cmocka_unit_test(a_kept_one_is_looked_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
