/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of htpasswd files: each scheme with the right and a wrong password, and hostile lines, none of
 * which may let anybody in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "extensions/basicauth/htpasswd.h"
#include "pipeline/base/buf.h"

#include <stdlib.h>
#include <string.h>

#define BCRYPT "$2b$04$.j.4kfTbQ7iP.pUO6yXgne/Lxu731xY1l2w2VZCmr3XKuA6nhZNzS"
#define BCRYPT_BODY ".j.4kfTbQ7iP.pUO6yXgne/Lxu731xY1l2w2VZCmr3XKuA6nhZNzS"
#define SHA512                                                                                     \
	"$6$rounds=1000$dWBJ0gBNWS5Tjg14$.LP15l0Y8QOD2JXjnqMFYctFL2wXGcg5LuPEmmkcng63dRaYBRDmvgc"  \
	"VKfbE6eHuzxDxDg.uHkx/tglND9e1R0"
#define SHA512_HASH                                                                                \
	".LP15l0Y8QOD2JXjnqMFYctFL2wXGcg5LuPEmmkcng63dRaYBRDmvgcVKfbE6eHuzxDxDg.uHkx/tglND9e1R0"

static bool lets_in(struct slice text, const char *user, struct slice password)
{
	struct htpasswd table;
	struct err err;
	assert_int_equal(htpasswd_parse(text, &table, &err), 0);
	const struct htpasswd_entry *entry = htpasswd_find(&table, slice_str(user));
	bool in = entry && htpasswd_verify(entry->kind, entry->secret, password);
	htpasswd_free(&table);
	return in;
}

static void each_scheme_takes_its_password_alone(void **state)
{
	static const char *const secrets[] = {
		BCRYPT,
		"$2y$04$9bD2fXJ3UJXvcNHp1RNv9uX8u1FA5cj6hzsv7araQK.EWTLqsN5Em",
		SHA512,
		"$5$rounds=1000$BqTgAYCq8hLzavio$HvFpRo8VM8xVdajiKhxRsApv23UQO5CR3O8OScDoQND",
		"{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=",
		"correct horse",
	};
	static const char *const wrong[] = {"", "correct hors", "correct horse ", "Correct horse"};
	(void)state;
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		struct buf text = BUF_INIT;
		buf_printf(&text, "# a comment\n\nother:x\r\nuser:%s\r\n", secrets[i]);
		if (!lets_in(buf_slice(&text), "user", SLICE("correct horse")))
			fail_msg("%s", secrets[i]);
		for (size_t k = 0; k < sizeof(wrong) / sizeof(wrong[0]); k++)
			assert_false(lets_in(buf_slice(&text), "user", slice_str(wrong[k])));
		assert_false(lets_in(buf_slice(&text), "user", slice_str(secrets[i])) &&
			     strcmp(secrets[i], "correct horse") != 0);
		assert_false(lets_in(buf_slice(&text), "nobody", SLICE("correct horse")));
		buf_fini(&text);
	}
}

static void a_password_beyond_ascii_is_taken_as_its_bytes(void **state)
{
	(void)state;
	assert_true(lets_in(SLICE("u:$2b$04$EEgNbVGXPpFfA53TqNFTteH.do683BlRuQ//Lye0fkePBSttH5bye"),
			    "u", SLICE("p\xc3\xa4ssw\xc3\xb6rd")));
}

static void a_later_line_replaces_an_earlier_one(void **state)
{
	(void)state;
	assert_true(lets_in(SLICE("u:old\nu:new"), "u", SLICE("new")));
	assert_false(lets_in(SLICE("u:old\nu:new"), "u", SLICE("old")));
}

/* A hash that cannot be checked is no password either. */
static void hostile_lines_are_counted_and_let_nobody_in(void **state)
{
	static const char *const secrets[] = {
		"",
		"$apr1$abcdefgh$0123456789012345678901",
		"$1$abc$def",
		"$y$j9T$x$y",
		"$2b$16$" BCRYPT_BODY, /* costs too much */
		"$2b$31$" BCRYPT_BODY,
		"$2b$99$" BCRYPT_BODY,
		"$2b$4$" BCRYPT_BODY,
		"$2x$04$" BCRYPT_BODY,
		"$2b$04$" BCRYPT_BODY "x",
		"$2b$04$",
		"$2",
		"$",
		"$6$rounds=1000001$dWBJ0gBNWS5Tjg14$" SHA512_HASH,
		"$6$rounds=99999999999999999999$dWBJ0gBNWS5Tjg14$" SHA512_HASH,
		"$6$rounds=$x",
		"$6$rounds=1000",
		"$6$",
		"$6$$" SHA512_HASH,
		"$5$x$short",
		"{SHA}",
		"{SHA}short=",
		"{SSHA}L55TUjtiq8FBorTWAZ0jy6g129A=",
		"{",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		struct buf text = BUF_INIT;
		struct htpasswd table;
		struct err err;
		buf_printf(&text, "first:x\nu:%s\nlast:y", secrets[i]);
		assert_int_equal(htpasswd_parse(buf_slice(&text), &table, &err), 0);
		if (table.count != 2 || table.unusable != 1 || table.first_unusable != 2)
			fail_msg("%s", secrets[i]);
		htpasswd_free(&table);
		assert_false(lets_in(buf_slice(&text), "u", slice_str(secrets[i])));
		buf_fini(&text);
	}
}

static void lines_without_a_user_and_with_zero_bytes_are_not_used(void **state)
{
	static const struct slice texts[] = {SLICE_INIT("nocolon"),  SLICE_INIT(":x"),
					     SLICE_INIT("u:a\0b"),   SLICE_INIT(""),
					     SLICE_INIT("\n\n\r\n"), SLICE_INIT("\xff\xfe")};
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct htpasswd table;
		struct err err;
		assert_int_equal(htpasswd_parse(texts[i], &table, &err), 0);
		assert_int_equal(table.count, 0);
		htpasswd_free(&table);
	}
}

static void there_is_a_limit_to_users(void **state)
{
	(void)state;
	struct htpasswd table;
	struct err err;
	struct buf text = BUF_INIT;
	for (int i = 0; i < HTPASSWD_ENTRIES_MAX; i++)
		buf_append(&text, SLICE("u:x\n"));
	assert_int_equal(htpasswd_parse(buf_slice(&text), &table, &err), 0);
	htpasswd_free(&table);
	buf_append(&text, SLICE("u:canary"));
	assert_int_equal(htpasswd_parse(buf_slice(&text), &table, &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_null(strstr(err.msg, "canary"));
	buf_fini(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_scheme_takes_its_password_alone),
		cmocka_unit_test(a_password_beyond_ascii_is_taken_as_its_bytes),
		cmocka_unit_test(a_later_line_replaces_an_earlier_one),
		cmocka_unit_test(hostile_lines_are_counted_and_let_nobody_in),
		cmocka_unit_test(lines_without_a_user_and_with_zero_bytes_are_not_used),
		cmocka_unit_test(there_is_a_limit_to_users),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
