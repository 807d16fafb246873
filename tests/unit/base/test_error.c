/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

static void sets_kind_and_text_and_returns_minus_one(void **state)
{
	(void)state;
	struct err err = {.kind = ERR_IO, .sys = 5, .offset = 9};
	assert_int_equal(err_set(&err, ERR_LIMIT, "%d of %d", 3, 2), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_string_equal(err.msg, "3 of 2");
	assert_int_equal(err.sys, 0);
	assert_int_equal(err.offset, 0);
}

static void accepts_null_everywhere(void **state)
{
	(void)state;
	assert_int_equal(err_set(NULL, ERR_LIMIT, "x"), -1);
	assert_int_equal(err_set_sys(NULL, EIO, "x"), -1);
	assert_int_equal(err_set_at(NULL, 1, "x"), -1);
	assert_int_equal(err_wrap(NULL, "x"), -1);
}

static void keeps_errno_and_appends_its_text(void **state)
{
	(void)state;
	struct err err;
	assert_int_equal(err_set_sys(&err, EADDRINUSE, "bind port %d", 4317), -1);
	assert_int_equal(err.kind, ERR_IO);
	assert_int_equal(err.sys, EADDRINUSE);
	assert_string_equal(err.msg, "bind port 4317: Address already in use");
}

static void keeps_the_offset_out_of_the_text(void **state)
{
	(void)state;
	struct err err;
	assert_int_equal(err_set_at(&err, UINT64_MAX, "truncated varint"), -1);
	assert_int_equal(err.kind, ERR_DECODE);
	assert_true(err.offset == UINT64_MAX);
	assert_string_equal(err.msg, "truncated varint");
}

static void wraps_from_the_inside_out_and_keeps_the_rest(void **state)
{
	(void)state;
	struct err err;
	err_set_sys(&err, ENOENT, "open");
	err_wrap(&err, "tls: %s", "ca_file");
	err_wrap(&err, "exporters/otlp");
	assert_string_equal(err.msg,
			    "exporters/otlp: tls: ca_file: open: No such file or directory");
	assert_int_equal(err.kind, ERR_IO);
	assert_int_equal(err.sys, ENOENT);
}

/* Lengths around the size of msg: the text is cut, terminated and never written past its end. */
static void cuts_what_does_not_fit(void **state)
{
	(void)state;
	struct {
		struct err err;
		char after[8];
	} guarded;
	char text[2 * sizeof(guarded.err.msg)];
	for (size_t len = sizeof(guarded.err.msg) - 8; len < sizeof(guarded.err.msg) + 8; len++) {
		memset(&guarded, 'G', sizeof(guarded));
		memset(text, 'x', len);
		text[len] = 0;
		err_set(&guarded.err, ERR_PEER, "%s", text);
		size_t kept = len < sizeof(guarded.err.msg) ? len : sizeof(guarded.err.msg) - 1;
		assert_int_equal(strlen(guarded.err.msg), kept);
		err_wrap(&guarded.err, "outer");
		assert_int_equal(strncmp(guarded.err.msg, "outer: xxxx", 11), 0);
		assert_true(strlen(guarded.err.msg) < sizeof(guarded.err.msg));
		err_wrap(&guarded.err, "%s", text);
		assert_true(strlen(guarded.err.msg) < sizeof(guarded.err.msg));
		err_set_sys(&guarded.err, EIO, "%s", text);
		assert_true(strlen(guarded.err.msg) < sizeof(guarded.err.msg));
		assert_memory_equal(guarded.after, "GGGGGGGG", 8);
	}
}

static void names_every_kind(void **state)
{
	(void)state;
	for (enum err_kind kind = ERR_NONE; kind < ERR_KIND_COUNT; kind++) {
		const char *name = err_kind_name(kind);
		assert_non_null(name);
		for (enum err_kind other = ERR_NONE; other < kind; other++)
			assert_string_not_equal(name, err_kind_name(other));
	}
	assert_string_equal(err_kind_name(ERR_LIMIT), "limit");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_kind_and_text_and_returns_minus_one),
		cmocka_unit_test(accepts_null_everywhere),
		cmocka_unit_test(keeps_errno_and_appends_its_text),
		cmocka_unit_test(keeps_the_offset_out_of_the_text),
		cmocka_unit_test(wraps_from_the_inside_out_and_keeps_the_rest),
		cmocka_unit_test(cuts_what_does_not_fit),
		cmocka_unit_test(names_every_kind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
