/* SPDX-License-Identifier: Apache-2.0 */
/* What a backend answered in gRPC's terms, as a sender that waits for it is told, and in HTTP's: the
 * Collector's two tables. */
#include "exporters/otlp/otlp_answer.h"
#include "pipeline/base/clock.h"
#include "pipeline/net/grpc_status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int code_of(enum client_mode mode, const struct client_result *answer)
{
	struct export_result result;
	memset(&result, 0xff, sizeof(result));
	otlp_answer_classify(mode, "backend:4317", answer, NS_PER_S, &result);
	return result.grpc_code;
}

static void every_http_status_has_its_code_and_the_way_back(void **state)
{
	static const struct {
		int status, code, back; /* the status that the code becomes */
	} cases[] = {
		{400, 3, 400}, {401, 16, 401}, {402, 2, 500},  {403, 7, 403},  {404, 12, 404},
		{405, 2, 500}, {408, 2, 500},  {413, 2, 500},  {429, 8, 429},  {500, 2, 500},
		{501, 2, 500}, {502, 14, 503}, {503, 14, 503}, {504, 14, 503}, {302, 2, 500},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct client_result answer = {.http_status = cases[i].status};
		assert_int_equal(code_of(CLIENT_HTTP, &answer), cases[i].code);
		assert_int_equal(grpc_status_to_http((enum grpc_status)cases[i].code),
				 cases[i].back);
	}
	struct client_result answer = {.http_status = 202};
	assert_int_equal(code_of(CLIENT_HTTP, &answer), 0);
}

static void every_grpc_code_is_itself_and_has_its_status(void **state)
{
	static const int statuses[GRPC_STATUS_COUNT] = {
		0, 503, 500, 400, 503, 500, 500, 403, 429, 500, 503, 503, 404, 500, 503, 503, 401,
	};
	(void)state;
	for (int code = 0; code < GRPC_STATUS_COUNT; code++) {
		struct client_result answer = {
			.http_status = 200, .has_grpc_status = true, .grpc_status = code};
		assert_int_equal(code_of(CLIENT_GRPC, &answer), code);
		if (code != GRPC_OK)
			assert_int_equal(grpc_status_to_http((enum grpc_status)code),
					 statuses[code]);
	}
	static const int unknown[] = {-1, 17, 1000000};
	for (size_t i = 0; i < ARRAY_COUNT(unknown); i++) {
		struct client_result answer = {
			.http_status = 200, .has_grpc_status = true, .grpc_status = unknown[i]};
		assert_int_equal(code_of(CLIENT_GRPC, &answer), GRPC_UNKNOWN);
	}
}

static void without_an_answer_there_is_no_code(void **state)
{
	(void)state;
	for (int outcome = CLIENT_ANSWERED + 1; outcome < CLIENT_OUTCOME_COUNT; outcome++) {
		struct client_result answer = {.outcome = (enum client_outcome)outcome};
		bool late = outcome == CLIENT_TIMED_OUT;
		assert_int_equal(code_of(CLIENT_HTTP, &answer), 0);
		assert_int_equal(code_of(CLIENT_GRPC, &answer), late ? GRPC_DEADLINE_EXCEEDED : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_http_status_has_its_code_and_the_way_back),
		cmocka_unit_test(every_grpc_code_is_itself_and_has_its_status),
		cmocka_unit_test(without_an_answer_there_is_no_code),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
