/* SPDX-License-Identifier: Apache-2.0 */
/* JSON texts as the langfuse processor reads them, compared with jansson on random ones. */
#include "processors/langfuse/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* jansson's types beside the lexer's events of the same names. */
#define JSON_TRUE JANSSON_TRUE
#define JSON_FALSE JANSSON_FALSE
#define JSON_NULL JANSSON_NULL
#include <jansson.h>
#undef JSON_TRUE
#undef JSON_FALSE
#undef JSON_NULL
#undef json_is_object

enum { TEXTS = 4000, DEPTH = 4, LONG_KEY = 100 };

static char long_keys[2][LONG_KEY + 1]; /* they differ in the last byte */
static const char *const keys[] = {"model",	 "a",		"",
				   "usage",	 "caf\xc3\xa9", "q\"b\\",
				   long_keys[0], long_keys[1],	"\xf0\x9f\x98\x80"};

/* ---- random texts --------------------------------------------------------------------------- */

static uint64_t random_state = 1;

static unsigned below(unsigned n)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (unsigned)(random_state >> 33) % n;
}

static void put_space(struct buf *out)
{
	static const char *const spaces[] = {"", "", "", " ", "\n\t", " \r"};
	buf_append_str(out, spaces[below(ARRAY_COUNT(spaces))]);
}

/* ${text} as a JSON string in one of the ways to write it: any character may be an escape. */
static void put_text(struct buf *out, const char *text)
{
	json_t *string = json_string(text);
	char *escaped = json_dumps(string, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	char *plain = json_dumps(string, JSON_ENCODE_ANY);
	const char *at = below(2) ? escaped : plain;
	buf_append_byte(out, '"');
	for (at++; at[1];) {
		size_t len = *at != '\\' ? 1 : at[1] == 'u' ? 6 : 2;
		if (len == 1 && (uint8_t)*at < 0x80 && below(4) == 0)
			buf_printf(out, "\\u%04X", (unsigned)(uint8_t)*at);
		else
			buf_append(out, slice_of(at, len));
		at += len;
	}
	buf_append_byte(out, '"');
	free(escaped);
	free(plain);
	json_decref(string);
}

static void put_scalar(struct buf *out)
{
	static const char *const words[] = {"0",
					    "-0",
					    "7",
					    "-12345678901234567",
					    "123456789012345678",
					    "1.5",
					    "-2e3",
					    "1E-2",
					    "true",
					    "false",
					    "null"};
	static const char *const texts[] = {"",
					    "x",
					    "two words",
					    "caf\xc3\xa9",
					    "a\"b\\c/\n\x01",
					    "]}[{,:",
					    "\xf0\x9f\x98\x80",
					    long_keys[0]};
	if (below(2))
		buf_append_str(out, words[below(ARRAY_COUNT(words))]);
	else
		put_text(out, texts[below(ARRAY_COUNT(texts))]);
}

static void put_value(struct buf *out, unsigned depth, bool nested);

static void put_members(struct buf *out, unsigned depth, bool object)
{
	for (unsigned i = 0, count = below(5); i < count; i++) {
		buf_append_str(out, i > 0 ? "," : "");
		put_space(out);
		if (object) {
			put_text(out, keys[below(ARRAY_COUNT(keys))]);
			put_space(out);
			buf_append_byte(out, ':');
		}
		put_space(out);
		put_value(out, depth + 1, false);
		put_space(out);
	}
}

static void put_value(struct buf *out, unsigned depth, bool nested)
{
	bool object = below(3) > 0;
	if (!nested && (depth == DEPTH || below(3) > 0)) {
		put_scalar(out);
		return;
	}
	buf_append_byte(out, object ? '{' : '[');
	put_space(out);
	put_members(out, depth, object);
	buf_append_byte(out, object ? '}' : ']');
}

static void make_text(struct buf *out)
{
	buf_reset(out);
	put_space(out);
	put_value(out, 0, true);
	put_space(out);
}

/* ---- comparing ------------------------------------------------------------------------------ */

static json_t *load(struct slice text)
{
	return json_loadb((const char *)text.ptr, text.len, JSON_DECODE_ANY, NULL);
}

static void assert_text(struct slice raw, json_t *wanted)
{
	struct slice text = slice_of(json_string_value(wanted), json_string_length(wanted));
	struct buf out = BUF_INIT;
	struct json_word word;
	struct value value = json_value(raw, &word);
	assert_true(json_append_text(raw, &out));
	assert_true(slice_equal(buf_slice(&out), text));
	if (value.type == VALUE_STRING)
		assert_true(slice_equal(value.bytes, text));
	else
		assert_true(value.type == VALUE_EMPTY && text.len > JSON_WORD_BYTES_MAX);
	buf_fini(&out);
}

static void assert_value(struct slice raw, json_t *wanted)
{
	struct json_word word;
	struct value value = json_value(raw, &word);
	json_t *same = load(raw);
	assert_true(same && json_equal(same, wanted));
	json_decref(same);
	switch (json_typeof(wanted)) {
	case JSON_STRING: assert_text(raw, wanted); return;
	case JSON_INTEGER:
		assert_int_equal(value.type, VALUE_INT);
		assert_true(value.i == json_integer_value(wanted));
		return;
	case JSON_REAL:
		assert_int_equal(value.type, VALUE_DOUBLE);
		assert_true(value.d == json_real_value(wanted));
		return;
	case JANSSON_TRUE:
	case JANSSON_FALSE:
		assert_int_equal(value.type, VALUE_BOOL);
		assert_int_equal(value.i, json_typeof(wanted) == JANSSON_TRUE);
		return;
	case JSON_OBJECT:
	case JSON_ARRAY:
	case JANSSON_NULL:
	default: assert_int_equal(value.type, VALUE_EMPTY);
	}
}

static void assert_object(struct slice text, json_t *tree)
{
	struct buf spelled = BUF_INIT;
	struct slice raw;
	assert_true(json_is_object(text));
	for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
		json_t *wanted = json_object_get(tree, keys[i]);
		buf_reset(&spelled);
		put_text(&spelled, keys[i]);
		assert_int_equal(json_has_key(text, buf_slice(&spelled)), wanted != NULL);
		if (strlen(keys[i]) == LONG_KEY)
			continue; /* no name that anybody looks for */
		assert_int_equal(json_find_member(text, slice_str(keys[i]), &raw), wanted != NULL);
		if (wanted)
			assert_value(raw, wanted);
	}
	buf_fini(&spelled);
}

static void assert_array(struct slice text, json_t *tree)
{
	struct json_reader reader;
	struct json_member member;
	struct slice raw;
	size_t at = 0;
	assert_false(json_is_object(text));
	assert_false(json_find_member(text, SLICE("a"), &raw));
	assert_false(json_has_key(text, SLICE("\"a\"")));
	assert_true(json_open(&reader, text));
	for (; json_next_member(&reader, &member); at++) {
		assert_true(at < json_array_size(tree));
		assert_int_equal(member.key.len + member.raw_key.len, 0);
		assert_value(member.raw, json_array_get(tree, at));
	}
	assert_int_equal(at, json_array_size(tree));
}

static void a_text_reads_as_jansson_reads_it(void **state)
{
	struct buf text = BUF_INIT;
	size_t objects = 0;
	(void)state;
	for (size_t i = 0; i < TEXTS; i++) {
		make_text(&text);
		json_t *tree = load(buf_slice(&text));
		assert_non_null(tree);
		objects += json_typeof(tree) == JSON_OBJECT;
		if (json_typeof(tree) == JSON_OBJECT)
			assert_object(buf_slice(&text), tree);
		else
			assert_array(buf_slice(&text), tree);
		json_decref(tree);
	}
	assert_true(objects > TEXTS / 3 && objects < TEXTS);
	buf_fini(&text);
}

static size_t count_members(struct slice text)
{
	struct json_reader reader;
	struct json_member member;
	size_t count = 0;
	bool open = json_open(&reader, text);
	while (open && json_next_member(&reader, &member))
		count++;
	return count;
}

/* Attributes are cut at a limit of bytes: what stands whole before the cut counts, and no more. */
static void a_text_that_is_cut_has_the_members_before_the_cut(void **state)
{
	struct buf text = BUF_INIT;
	(void)state;
	for (size_t i = 0; i < TEXTS / 40; i++) {
		make_text(&text);
		struct slice whole = buf_slice(&text);
		struct json_reader reader;
		struct json_member member;
		size_t ends[8] = {0}, count = 0;
		assert_true(json_open(&reader, whole));
		while (json_next_member(&reader, &member))
			ends[count++] = (size_t)(member.raw.ptr + member.raw.len - whole.ptr);
		for (size_t len = 0; len <= whole.len; len++) {
			size_t least = 0, most = 0, found = count_members(slice_of(whole.ptr, len));
			while (least < count && ends[least] < len)
				least++;
			while (most < count && ends[most] <= len)
				most++;
			assert_in_range(found, least, most); /* a number may go on */
		}
	}
	buf_fini(&text);
}

/* What jansson alone may refuse: text that is not UTF-8, half surrogate pairs, NUL, numbers too large
 * for its types. */
static bool has_exceptions(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] >= 0x80 || memchr("\\eE", text.ptr[i], 3))
			return true;
	}
	return false;
}

static void what_one_of_the_two_refuses_the_other_does(void **state)
{
	static const char bytes[] = "{}[]\",:\\ \t\n0123456789+-.eEutrfalsn/\x01x";
	struct buf text = BUF_INIT;
	size_t refused = 0;
	(void)state;
	for (size_t i = 0; i < TEXTS; i++) {
		make_text(&text);
		for (unsigned n = below(3); n > 0; n--)
			text.data[below((unsigned)text.len)] =
				(uint8_t)bytes[below(sizeof(bytes) - 1)];
		struct slice all = buf_slice(&text);
		json_t *tree = load(all);
		bool theirs = tree && json_typeof(tree) == JSON_OBJECT;
		if (theirs || !has_exceptions(all))
			assert_int_equal(json_is_object(all), theirs);
		refused += !tree;
		json_decref(tree);
	}
	assert_true(refused > TEXTS / 8);
	buf_fini(&text);
}

static void names_are_found_however_they_are_written(void **state)
{
	static const struct {
		const char *text, *raw;
	} cases[] = {
		{"{\"model\":1}", "1"},
		{"{\"\\u006dodel\":1}", "1"},
		{"{\"\\u006D\\u006F\\u0064\\u0065\\u006c\":\"x\"}", "\"x\""},
		{"{\"\\u006dodel\":-123456789}", "-123456789"},
		{"{\"model\":1,\"\\u006dodel\":2}", "2"},
		{"{\"\\u006dodel\":2,\"model\":1}", "1"},
		{"{\"model\":1,\"model\":{\"model\":3}}", "{\"model\":3}"},
		{"{\"x\":{\"model\":3},\"model\" : [1] }", "[1]"},
		{"{\"x\":\"\\\"model\\\":4\"}", NULL},
		{"{\"model\\u0000\":1}", NULL},
		{"{\"\\\\u006dodel\":1}", NULL},
		{"[\"model\",1]", NULL},
		{"{\"model\":1", NULL}, /* perhaps of 10 */
		{"{\"model\":1,", "1"},
		{"{\"model\":\"1\"", "\"1\""},
		{"{\"model\":NaN}", NULL},
		{"{\"a\":01,\"model\":1}", NULL},
		{"", NULL},
		{"  ", NULL},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct slice raw = SLICE("");
		bool found = json_find_member(slice_str(cases[i].text), SLICE("model"), &raw);
		if (found != (cases[i].raw != NULL) ||
		    (found && !slice_equal(raw, slice_str(cases[i].raw))))
			fail_msg("%s: %.*s", cases[i].text, SLICE_FMT(raw));
	}
}

static void what_is_too_long_reads_as_empty(void **state)
{
	struct buf text = BUF_INIT;
	struct slice raw;
	(void)state;
	buf_append_str(&text, "{\"a\":1,\"b\":\"");
	while (text.len < JSON_BYTES_MAX - 2)
		buf_append_byte(&text, 'x');
	buf_append_str(&text, "\"}");
	assert_int_equal(text.len, JSON_BYTES_MAX);
	assert_true(json_find_member(buf_slice(&text), SLICE("a"), &raw));
	assert_true(json_is_object(buf_slice(&text)));
	buf_append_byte(&text, ' ');
	assert_false(json_find_member(buf_slice(&text), SLICE("a"), &raw));
	assert_false(json_is_object(buf_slice(&text)));
	buf_fini(&text);
}

static int setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(long_keys); i++) {
		memset(long_keys[i], 'k', LONG_KEY);
		long_keys[i][LONG_KEY - 1] = (char)('0' + i);
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_reads_as_jansson_reads_it),
		cmocka_unit_test(a_text_that_is_cut_has_the_members_before_the_cut),
		cmocka_unit_test(what_one_of_the_two_refuses_the_other_does),
		cmocka_unit_test(names_are_found_however_they_are_written),
		cmocka_unit_test(what_is_too_long_reads_as_empty),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
