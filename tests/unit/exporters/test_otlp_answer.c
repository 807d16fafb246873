/* SPDX-License-Identifier: Apache-2.0 */
/* What each answer of a backend means: all gRPC codes, all HTTP statuses, waits, sizes, partial
 * success. The expectations are the tables of the OTLP specification. */
#include "exporters/otlp/otlp_answer.h"
#include "pipeline/base/clock.h"
#include "pipeline/trace/otlp/response.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* 2026-01-02T03:04:05Z */
#define NOW_NS (UINT64_C(1767323045) * NS_PER_S)

static struct export_result classify(enum client_mode mode, const struct client_result *answer)
{
	struct export_result result;
	memset(&result, 0xff, sizeof(result));
	otlp_answer_classify(mode, "backend:4317", answer, NOW_NS, &result);
	return result;
}

static void every_grpc_code_has_its_outcome(void **state)
{
	static const struct {
		const char *name;
		enum export_outcome plain, delayed; /* without and with RetryInfo */
	} codes[] = {
		{"OK", EXPORT_DELIVERED, EXPORT_DELIVERED},
		{"Canceled", EXPORT_RETRY, EXPORT_RETRY},
		{"Unknown", EXPORT_PERMANENT, EXPORT_PERMANENT},
		{"InvalidArgument", EXPORT_INVALID, EXPORT_INVALID},
		{"DeadlineExceeded", EXPORT_RETRY, EXPORT_RETRY},
		{"NotFound", EXPORT_PERMANENT, EXPORT_PERMANENT},
		{"AlreadyExists", EXPORT_PERMANENT, EXPORT_PERMANENT},
		{"PermissionDenied", EXPORT_PERMANENT, EXPORT_PERMANENT},
		{"ResourceExhausted", EXPORT_PERMANENT, EXPORT_RETRY},
		{"FailedPrecondition", EXPORT_PERMANENT, EXPORT_PERMANENT},
		{"Aborted", EXPORT_RETRY, EXPORT_RETRY},
		{"OutOfRange", EXPORT_RETRY, EXPORT_RETRY},
		{"Unimplemented", EXPORT_PERMANENT, EXPORT_PERMANENT},
		{"Internal", EXPORT_PERMANENT, EXPORT_PERMANENT},
		{"Unavailable", EXPORT_RETRY, EXPORT_RETRY},
		{"DataLoss", EXPORT_RETRY, EXPORT_RETRY},
		{"Unauthenticated", EXPORT_PERMANENT, EXPORT_PERMANENT},
		{"Code", EXPORT_PERMANENT, EXPORT_PERMANENT}, /* 17: unknown */
	};
	struct buf details = BUF_INIT;
	(void)state;
	response_write_status(&details, 0, "a peer's text", 1500 * NS_PER_MS);
	for (size_t code = 0; code < ARRAY_COUNT(codes); code++) {
		struct client_result answer = {.http_status = 200,
					       .has_grpc_status = true,
					       .grpc_status = (int)code,
					       .grpc_message = SLICE("a peer's text")};
		struct export_result result = classify(CLIENT_GRPC, &answer);
		assert_int_equal(result.outcome, codes[code].plain);
		assert_int_equal(result.retry_after_ns, 0);
		answer.grpc_status_details = buf_slice(&details);
		result = classify(CLIENT_GRPC, &answer);
		assert_int_equal(result.outcome, codes[code].delayed);
		if (code == 0)
			continue;
		char text[128];
		(void)snprintf(text, sizeof(text),
			       "rpc error: code = %s (%zu), endpoint backend:4317",
			       codes[code].name, code);
		assert_string_equal(result.err.msg, text);
		if (result.outcome == EXPORT_RETRY)
			assert_int_equal(result.retry_after_ns, 1500 * NS_PER_MS);
	}
	buf_fini(&details);
}

static void a_negative_grpc_code_is_refused_for_good(void **state)
{
	const struct client_result answer = {.has_grpc_status = true, .grpc_status = -1};
	(void)state;
	assert_int_equal(classify(CLIENT_GRPC, &answer).outcome, EXPORT_PERMANENT);
}

/* Whatever the code, and although it asks to wait: tonic says OUT_OF_RANGE, Envoy UNKNOWN, a Collector
 * before a broker UNAVAILABLE. */
static void any_grpc_error_that_speaks_of_size_asks_for_less(void **state)
{
	struct buf details = BUF_INIT;
	(void)state;
	response_write_status(&details, 0, "", NS_PER_S);
	for (int code = 1; code <= 16; code++) {
		struct client_result answer = {
			.http_status = 200,
			.has_grpc_status = true,
			.grpc_status = code,
			.grpc_message = SLICE("Received message larger than max (9 vs. 4)"),
			.grpc_status_details = buf_slice(&details)};
		struct export_result result = classify(CLIENT_GRPC, &answer);
		assert_int_equal(result.outcome, EXPORT_TOO_LARGE);
		assert_null(strstr(result.err.msg, "larger"));
		answer.grpc_message = SLICE("quota exceeded");
		assert_int_not_equal(classify(CLIENT_GRPC, &answer).outcome, EXPORT_TOO_LARGE);
	}
	buf_fini(&details);
}

/* A proxy that does not speak gRPC: no grpc-status, the client makes one up. */
static void http_413_to_a_grpc_call_asks_for_less(void **state)
{
	const struct client_result answer = {
		.http_status = 413, .has_grpc_status = true, .grpc_status = 2};
	(void)state;
	assert_int_equal(classify(CLIENT_GRPC, &answer).outcome, EXPORT_TOO_LARGE);
}

static void http_errors_that_speak_of_size_ask_for_less(void **state)
{
	static const struct {
		int status;
		enum export_outcome outcome;
	} cases[] = {
		{400, EXPORT_TOO_LARGE}, {401, EXPORT_PERMANENT}, {403, EXPORT_PERMANENT},
		{404, EXPORT_PERMANENT}, {413, EXPORT_TOO_LARGE}, {414, EXPORT_PERMANENT},
		{422, EXPORT_TOO_LARGE}, {429, EXPORT_TOO_LARGE}, {431, EXPORT_PERMANENT},
		{500, EXPORT_TOO_LARGE}, {502, EXPORT_TOO_LARGE}, {503, EXPORT_TOO_LARGE},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct client_result answer = {
			.http_status = cases[i].status,
			.retry_after = SLICE("7"),
			.body = SLICE("\x08\x03\x12\x1chttp: request body too large")};
		struct export_result result = classify(CLIENT_HTTP, &answer);
		assert_int_equal(result.outcome, cases[i].outcome);
		assert_null(strstr(result.err.msg, "large"));
	}
}

static void every_http_status_has_its_outcome(void **state)
{
	(void)state;
	for (int status = 100; status <= 599; status++) {
		const struct client_result answer = {.http_status = status,
						     .retry_after = SLICE("7")};
		struct export_result result = classify(CLIENT_HTTP, &answer);
		enum export_outcome expected = EXPORT_PERMANENT;
		uint64_t wait = 0;
		if (status >= 200 && status <= 299)
			expected = EXPORT_DELIVERED;
		else if (status == 400)
			expected = EXPORT_INVALID;
		else if (status == 413)
			expected = EXPORT_TOO_LARGE;
		else if (status == 429 || (status >= 502 && status <= 504))
			expected = EXPORT_RETRY;
		if (status == 429 || status == 503)
			wait = 7 * NS_PER_S;
		assert_int_equal(result.outcome, expected);
		assert_int_equal(result.retry_after_ns, wait);
		if (expected != EXPORT_DELIVERED) {
			char text[128];
			(void)snprintf(text, sizeof(text),
				       "error exporting items, request to backend:4317 responded "
				       "with HTTP Status Code %d",
				       status);
			assert_string_equal(result.err.msg, text);
		}
	}
}

static void retry_after_is_seconds_or_a_date(void **state)
{
	static const struct {
		const char *value;
		uint64_t seconds;
	} cases[] = {
		{"", 0},
		{"0", 0},
		{"120", 120},
		{"18446744073", UINT64_C(18446744073)},
		{"18446744074", 0}, /* more nanoseconds than there are */
		{"99999999999999999999", 0},
		{"-1", 0},
		{"1.5", 0},
		{"soon", 0},
		{"Fri, 02 Jan 2026 03:04:15 GMT", 10},
		{"Fri, 02 Jan 2026 03:04:05 GMT", 0}, /* now */
		{"Fri, 02 Jan 2026 03:04:04 GMT", 0}, /* past */
		{"Friday, 02-Jan-26 03:05:05 GMT", 60},
		{"Fri Jan  2 03:05:05 2026", 60},
		{"Thu, 01 Jan 1970 00:00:00 GMT", 0},
		{"Fri, 02 Jan 2026 03:04:15 GMT and more", 0},
		{"Fri, 02 Jan 2026 03:04:15 GMT but this one is far too long to be a date at all",
		 0},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct client_result answer = {.http_status = 503,
						     .retry_after = slice_str(cases[i].value)};
		uint64_t wait = classify(CLIENT_HTTP, &answer).retry_after_ns;
		if (wait != cases[i].seconds * NS_PER_S)
			fail_msg("%s: %llu", cases[i].value, (unsigned long long)wait);
	}
}

static void a_call_without_an_answer_is_tried_again(void **state)
{
	(void)state;
	for (int outcome = CLIENT_ANSWERED + 1; outcome < CLIENT_OUTCOME_COUNT; outcome++) {
		struct client_result answer = {.outcome = (enum client_outcome)outcome};
		(void)err_set(&answer.err, ERR_IO, "why it failed");
		for (int mode = CLIENT_GRPC; mode <= CLIENT_HTTP; mode++) {
			struct export_result result = classify((enum client_mode)mode, &answer);
			assert_int_equal(result.outcome, EXPORT_RETRY);
			assert_int_equal(result.retry_after_ns, 0);
			assert_string_equal(result.err.msg, "why it failed");
		}
	}
}

/* ExportTraceServiceResponse { partial_success { rejected_spans: 3, error_message: "why" } } */
#define THREE_REJECTED "\x0a\x07\x08\x03\x12\x03why"
#define WARNING_ONLY "\x0a\x05\x12\x03why"

static void partial_success_is_delivered_and_counted(void **state)
{
	static const struct {
		struct slice body;
		const char *type;
		uint64_t rejected;
		bool warning;
	} cases[] = {
		{SLICE_INIT(""), "application/x-protobuf", 0, false},
		{SLICE_INIT(THREE_REJECTED), "application/x-protobuf", 3, false},
		{SLICE_INIT(WARNING_ONLY), "application/x-protobuf", 0, true},
		{SLICE_INIT("\x0a\xff"), "application/x-protobuf", 0, false}, /* unreadable */
		{SLICE_INIT(THREE_REJECTED), "text/html", 0, false},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct client_result answer = {.http_status = 200,
					       .content_type = slice_str(cases[i].type),
					       .body = cases[i].body};
		struct export_result result = classify(CLIENT_HTTP, &answer);
		assert_int_equal(result.outcome, EXPORT_DELIVERED);
		assert_int_equal(result.rejected_spans, cases[i].rejected);
		assert_int_equal(result.partial_warning, cases[i].warning);
		if (strcmp(cases[i].type, "text/html") == 0)
			continue;
		answer.has_grpc_status = true;
		result = classify(CLIENT_GRPC, &answer);
		assert_int_equal(result.outcome, EXPORT_DELIVERED);
		assert_int_equal(result.rejected_spans, cases[i].rejected);
		assert_int_equal(result.partial_warning, cases[i].warning);
	}
}

/* What a success is answered with, by our own words; a peer's text is not among them. */
static void an_answer_that_is_no_otlp_is_told(void **state)
{
	static const struct {
		int status;
		const char *type;
		struct slice body;
		const char *flaw; /* NULL: none */
	} cases[] = {
		{200, "application/x-protobuf", SLICE_INIT(""), NULL},
		{200, "application/x-protobuf", SLICE_INIT(THREE_REJECTED), NULL},
		{200, "Application/X-Protobuf; charset=x", SLICE_INIT(THREE_REJECTED), NULL},
		{200, "application/protobuf", SLICE_INIT(THREE_REJECTED), NULL},
		{200, "application/json", SLICE_INIT("{}"), NULL},
		{200, "application/json; charset=utf-8", SLICE_INIT("{\"partialSuccess\":{}}"),
		 NULL},
		{200, "", SLICE_INIT(""), NULL},
		{204, "", SLICE_INIT(""), NULL},
		{202, "text/plain", SLICE_INIT(""), NULL},
		{200, "text/html; charset=utf-8", SLICE_INIT("<!doctype html>"), "an HTML page"},
		{200, "Text/HTML", SLICE_INIT(""), "an HTML page"},
		{200, "application/xhtml+xml", SLICE_INIT("<html/>"), "an HTML page"},
		{200, "text/plain", SLICE_INIT("OK"), "neither protobuf nor JSON"},
		{200, "", SLICE_INIT("OK"), "neither protobuf nor JSON"},
		{200, "application/x-protobuf", SLICE_INIT("\x0a\xff"), "malformed protobuf"},
		{200, "application/json", SLICE_INIT("<html>"), "malformed JSON"},
		{500, "text/html", SLICE_INIT("<html>"), NULL}, /* says what it is itself */
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct client_result answer = {.http_status = cases[i].status,
						     .content_type = slice_str(cases[i].type),
						     .body = cases[i].body};
		const char *flaw = otlp_answer_flaw(&answer);
		assert_int_equal(flaw == NULL, cases[i].flaw == NULL);
		if (flaw)
			assert_string_equal(flaw, cases[i].flaw);
	}
}

/* The likeliest mistake: the whole URL given as the base. */
static void a_refused_url_is_shown_and_a_doubled_path_explained(void **state)
{
	static const struct {
		const char *label;
		int status;
		const char *text;
	} cases[] = {
		{"https://h:443/api/v1/traces/v1/traces", 404,
		 "error exporting items, request to https://h:443/api/v1/traces/v1/traces "
		 "responded "
		 "with HTTP Status Code 404: /v1/traces is added to `endpoint`, take it off there"},
		{"https://h:443/v1/traces/v1/traces", 500,
		 "error exporting items, request to https://h:443/v1/traces/v1/traces responded "
		 "with HTTP Status Code 500"},
		{"https://h:443/v1/traces", 404,
		 "error exporting items, request to https://h:443/v1/traces responded with HTTP "
		 "Status Code 404"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct client_result answer = {.outcome = CLIENT_ANSWERED,
						     .http_status = cases[i].status};
		struct export_result result;
		otlp_answer_classify(CLIENT_HTTP, cases[i].label, &answer, NOW_NS, &result);
		assert_string_equal(result.err.msg, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refused_url_is_shown_and_a_doubled_path_explained),
		cmocka_unit_test(every_grpc_code_has_its_outcome),
		cmocka_unit_test(a_negative_grpc_code_is_refused_for_good),
		cmocka_unit_test(any_grpc_error_that_speaks_of_size_asks_for_less),
		cmocka_unit_test(http_413_to_a_grpc_call_asks_for_less),
		cmocka_unit_test(http_errors_that_speak_of_size_ask_for_less),
		cmocka_unit_test(every_http_status_has_its_outcome),
		cmocka_unit_test(retry_after_is_seconds_or_a_date),
		cmocka_unit_test(a_call_without_an_answer_is_tried_again),
		cmocka_unit_test(partial_success_is_delivered_and_counted),
		cmocka_unit_test(an_answer_that_is_no_otlp_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
