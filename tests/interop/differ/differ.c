/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sluice's answers for the comparison with Go (tests/interop/ottl). One request a line on the
 * standard input, one answer a line on the standard output; bytes are in hex, `-` for none:
 *
 *   regex PATTERN TEXT          0, 1, refused, failed
 *   body REQUEST                ok: an ExportTraceServiceRequest for the lines that follow
 *   cond CONTEXT AT CONDITION   true, false, error TEXT, refused TEXT
 *   process TYPE CONFIG         REQUEST as the processor leaves it, refused TEXT
 *
 * CONTEXT is resource, scope, span, spanevent or infer; AT the number of the element.
 */
#include "pipeline/pattern/regex.h"
#include "pipeline/trace/otlp/encode.h"
#include "tests/support/ottl_request.h"
#include "tests/support/processor_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "differ: %s\n", what);
	exit(1);
}

static int nibble(char digit)
{
	const char *digits = "0123456789abcdef", *at = strchr(digits, digit);
	if (digit == 0 || !at)
		die("a digit is not hexadecimal");
	return (int)(at - digits);
}

/* The next word of the line as bytes, in place. */
static struct slice next_bytes(void)
{
	char *word = strtok(NULL, " \n");
	if (!word)
		die("a line is too short");
	if (strcmp(word, "-") == 0)
		return SLICE("");
	size_t len = strlen(word) / 2;
	for (size_t i = 0; i < len; i++)
		word[i] = (char)(nibble(word[2 * i]) << 4 | nibble(word[2 * i + 1]));
	return slice_of(word, len);
}

static const char *answer_regex(void)
{
	static const char *const answers[] = {
		[REGEX_NO_MATCH] = "0",
		[REGEX_MATCH] = "1",
		[REGEX_FAILED] = "failed",
	};
	struct regex_scratch scratch;
	struct err err;
	struct slice pattern = next_bytes(), text = next_bytes();
	struct regex *regex = regex_new(pattern, &err);
	if (!regex)
		return "refused";
	if (regex_scratch_init(&scratch) != 0)
		die("out of memory");
	enum regex_result result = regex_search(regex, text, &scratch);
	regex_scratch_fini(&scratch);
	regex_free(regex);
	return answers[result];
}

static enum ottl_context context_of(const char *name)
{
	static const char *const names[] = {
		[OTTL_RESOURCE] = "resource",	[OTTL_SCOPE] = "scope", [OTTL_SPAN] = "span",
		[OTTL_SPANEVENT] = "spanevent", [OTTL_INFER] = "infer",
	};
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		if (strcmp(name, names[i]) == 0)
			return (enum ottl_context)i;
	}
	die("no such context");
}

static void answer_condition(struct slice body)
{
	static const char *const answers[] = {
		[OTTL_FALSE] = "false", [OTTL_TRUE] = "true", [OTTL_ERROR] = "error"};
	struct ottl_bench bench;
	struct err err = {0};
	const char *context = strtok(NULL, " \n"), *at = strtok(NULL, " \n");
	if (!context || !at || !ottl_bench_begin(&bench))
		die("a line is too short, or memory");
	const struct ottl_condition *condition =
		ottl_parse(next_bytes(), context_of(context), bench.keys, &bench.arena, &err);
	if (!condition) {
		printf("refused %s\n", err.msg);
	} else if (!ottl_bench_index(&bench, body)) {
		die("the request is refused");
	} else {
		/* There is one resource and one scope. */
		bool only = ottl_condition_context(condition) < OTTL_SPAN;
		uint32_t element = only ? 0 : (uint32_t)strtoul(at, NULL, 10);
		enum ottl_result result =
			ottl_eval(condition, bench.view, element, bench.scratch, &err);
		printf("%s%s%s\n", answers[result], result == OTTL_ERROR ? " " : "",
		       result == OTTL_ERROR ? err.msg : "");
		ottl_condition_free(condition);
	}
	ottl_bench_end(&bench);
}

static void put_bytes(struct slice bytes)
{
	struct buf digits = BUF_INIT;
	buf_append_hex(&digits, bytes);
	puts(bytes.len > 0 ? buf_cstr(&digits) : "-");
	buf_fini(&digits);
}

static void answer_process(struct slice body)
{
	struct processor_fixture fixture;
	struct chunk *result = NULL;
	struct buf yaml = BUF_INIT;
	const char *type = strtok(NULL, " \n");
	if (!type)
		die("a line is too short");
	buf_append(&yaml, next_bytes());
	if (!processor_fixture_open(&fixture, type, buf_cstr(&yaml))) {
		const char *errors = config_support_errors(&fixture.config);
		printf("refused %.*s\n", (int)strcspn(errors, "\n"), errors);
	} else if (processor_fixture_run(&fixture, body) != OUTCOME_TAKEN ||
		   trace_encode(fixture.view, &fixture.budget, &result, &fixture.err) != 0) {
		die("the request is refused");
	} else {
		put_bytes(result ? chunk_slice(result) : SLICE(""));
		chunk_unref(result);
	}
	buf_fini(&yaml);
	view_close(fixture.view);
	processor_fixture_close(&fixture);
}

int main(void)
{
	char *line = NULL;
	size_t room = 0;
	struct buf body = BUF_INIT;
	while (getline(&line, &room, stdin) > 0) {
		const char *verb = strtok(line, " \n");
		if (!verb)
			die("an empty line");
		if (strcmp(verb, "regex") == 0) {
			puts(answer_regex());
		} else if (strcmp(verb, "body") == 0) {
			buf_reset(&body);
			buf_append(&body, next_bytes());
			puts("ok");
		} else if (strcmp(verb, "cond") == 0) {
			answer_condition(buf_slice(&body));
		} else if (strcmp(verb, "process") == 0) {
			answer_process(buf_slice(&body));
		} else {
			die("no such verb");
		}
		(void)fflush(stdout);
	}
	free(line);
	buf_fini(&body);
	return 0;
}
