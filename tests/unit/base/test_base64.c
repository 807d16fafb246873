/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/base/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

/* RFC 4648 §10, and bytes that use the last two characters of the alphabets. */
static const struct {
	struct slice bytes;
	const char *text, *bare, *url;
} vectors[] = {
	{SLICE_INIT(""), "", "", ""},
	{SLICE_INIT("f"), "Zg==", "Zg", "Zg=="},
	{SLICE_INIT("fo"), "Zm8=", "Zm8", "Zm8="},
	{SLICE_INIT("foo"), "Zm9v", "Zm9v", "Zm9v"},
	{SLICE_INIT("foob"), "Zm9vYg==", "Zm9vYg", "Zm9vYg=="},
	{SLICE_INIT("fooba"), "Zm9vYmE=", "Zm9vYmE", "Zm9vYmE="},
	{SLICE_INIT("foobar"), "Zm9vYmFy", "Zm9vYmFy", "Zm9vYmFy"},
	{SLICE_INIT("\xfb\xff\xbf\x00"), "+/+/AA==", "+/+/AA", "-_-_AA=="},
};

/* In pieces of ${step} characters. Returns the bytes, or -1. */
static ptrdiff_t decode(struct slice text, size_t step, uint8_t *out)
{
	struct base64_decoder decoder = {0};
	ptrdiff_t len = 0, made = 0;
	while (text.len > 0 && made >= 0) {
		struct slice piece = slice_of(text.ptr, text.len < step ? text.len : step);
		made = base64_decode(&decoder, piece, out + len);
		len += made;
		text = slice_of(text.ptr + piece.len, text.len - piece.len);
	}
	ptrdiff_t rest = made < 0 ? -1 : base64_decode_end(&decoder, out + len);
	return rest < 0 ? -1 : len + rest;
}

static void assert_reads(const char *text, struct slice bytes)
{
	for (size_t step = 1; step <= 9; step++) {
		/* Exactly as large as promised, so that a sanitizer sees one byte too many. */
		uint8_t *out = malloc(strlen(text) + 1);
		assert_non_null(out);
		assert_int_equal(decode(slice_str(text), step, out), bytes.len);
		if (bytes.len > 0)
			assert_memory_equal(out, bytes.ptr, bytes.len);
		free(out);
	}
}

static void the_vectors_are_written_and_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(vectors); i++) {
		char text[32];
		base64_encode(vectors[i].bytes, text);
		assert_string_equal(text, vectors[i].text);
		assert_int_equal(strlen(text), BASE64_LEN(vectors[i].bytes.len));
		assert_reads(vectors[i].text, vectors[i].bytes);
		assert_reads(vectors[i].bare, vectors[i].bytes);
		assert_reads(vectors[i].url, vectors[i].bytes);
	}
}

static void a_long_text_is_written_in_one(void **state)
{
	(void)state;
	size_t len = (3u << 20) + 4; /* more than is encoded at once */
	uint8_t *bytes = calloc(1, len);
	struct buf out = BUF_INIT;
	assert_non_null(bytes);
	buf_append_str(&out, "x");
	base64_append(&out, slice_of(bytes, len));
	assert_int_equal(out.len, 1 + BASE64_LEN(len));
	for (size_t i = 1; i < out.len - 2; i++)
		assert_int_equal(out.data[i], 'A');
	assert_true(slice_has_suffix(buf_slice(&out), SLICE("AA==")));
	buf_fini(&out);
	free(bytes);
}

static void what_is_no_base64_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {"A",    "AAAAA", "AA=",    "AAA==", "AA===",
					    "=",    "====",  "A===",   "AA==A", "AA=A",
					    "A A=", "AAA\n", "AA\x80", "AAAA=", "AAA*"};
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		uint8_t out[16];
		for (size_t step = 1; step <= 6; step++)
			assert_int_equal(decode(slice_str(texts[i]), step, out), -1);
	}
}

static void a_decoder_begins_anew_after_an_end(void **state)
{
	(void)state;
	struct base64_decoder decoder = {0};
	uint8_t out[8];
	assert_int_equal(base64_decode(&decoder, SLICE("AA="), out), 0);
	assert_int_equal(base64_decode_end(&decoder, out), -1);
	assert_int_equal(base64_decode(&decoder, SLICE("Zg"), out), 0);
	assert_int_equal(base64_decode_end(&decoder, out), 1);
	assert_int_equal(out[0], 'f');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vectors_are_written_and_read),
		cmocka_unit_test(a_long_text_is_written_in_one),
		cmocka_unit_test(what_is_no_base64_is_refused),
		cmocka_unit_test(a_decoder_begins_anew_after_an_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
