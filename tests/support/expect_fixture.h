/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expectations and a judge for tests: a file from a text, spans from a table or as requests, and the
 * verdict as text. One struct is one load.
 */
#ifndef SLUICE_TESTS_EXPECT_FIXTURE_H
#define SLUICE_TESTS_EXPECT_FIXTURE_H

#include "pipeline/expect/judge.h"
#include "tests/support/config_support.h"

/*
 * Attributes are written "key=value key=value": whole numbers are ints, numbers with a point doubles,
 * true and false bools, [a,b] an array of strings, all else strings. NULL: none.
 */
struct expect_span {
	uint8_t trace, id, parent; /* the last byte of each id; parent 0: a root */
	const char *name;
	uint32_t start_ms, end_ms;
	uint8_t kind, status;
	const char *status_message, *service, *scope, *attributes;
	const char *event; /* name, then attributes, another one after ';'; NULL: none */
	uint32_t links;
};

struct expect_fixture {
	struct config_support config;
	struct budget budget;
	struct key_table *keys;
	const struct expectations *expectations;
	struct trace_buffer *buffer;
	struct trace_view *view;
	struct judge *judge;
	struct buf report;
};

/* Loads ${text} as the file "test.yaml"; false when it has problems (expect_fixture_errors). */
bool expect_fixture_load(struct expect_fixture *fixture, const char *text,
			 const struct config_support_pair *files);
/* The same with what the judge may ask, which outlives the fixture. */
bool expect_fixture_load_with(struct expect_fixture *fixture, const char *text,
			      const struct config_support_pair *files, const struct judge_env *env);
const char *expect_fixture_errors(struct expect_fixture *fixture);

/* Fails the test when something is still charged. */
void expect_fixture_fini(struct expect_fixture *fixture);

/* All that was added is forgotten. */
void expect_fixture_forget(struct expect_fixture *fixture);

/* Adds spans to the buffer, all in one request, or the request ${body}. */
void expect_fixture_add(struct expect_fixture *fixture, const struct expect_span *spans,
			size_t count);
void expect_fixture_add_body(struct expect_fixture *fixture, struct slice body);

/* The request that expect_fixture_add makes; to be unreferenced. */
struct chunk *expect_fixture_request(struct budget *budget, const struct expect_span *spans,
				     size_t count);

/*
 * Updates the judge and says of expectation ${at}: "holds", or "failed" or "nothing", the counts
 * "traces failed/all spans failed/all", the nearest place as "@ trace span", and a line for each
 * miss: "line:column wanted: why [what=value] (near word)". Valid until the next call.
 */
const char *expect_fixture_verdict(struct expect_fixture *fixture, uint32_t at);

#endif
