/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the components of an LLM-serving stack send, with the odd cases that happen: services
 * without a name, aborted and failed requests, missing parents, names of older releases. Content
 * values hold canaries, words that begin with CANARY: whoever promises not to pass content searches
 * for them. A, C and D are the tables that the program ships as examples.
 */
#ifndef SLUICE_TESTS_LLMD_FIXTURES_H
#define SLUICE_TESTS_LLMD_FIXTURES_H

#include "cmd/example_table.h"

enum llmd_fixture {
	FIXTURE_A = 0, /* llm-d, prefill and decode on different pods: 25 spans */
	FIXTURE_A2,    /* A, services without a name */
	FIXTURE_A3,    /* A, the prefill engine aborted: no span of it */
	FIXTURE_A4,    /* A, prefill failed: nothing was decoded */
	FIXTURE_A5,    /* A, to be sent service by service, children first */
	FIXTURE_A6,    /* A, before context passed the sidecar: engines below the gateway */
	FIXTURE_B,     /* llm-d as first proposed: siblings, old names: 12 spans */
	FIXTURE_C,     /* Semantic Router, a chain: 9 spans */
	FIXTURE_C2,    /* C, upstream span never exported */
	FIXTURE_C3,    /* C, upstream failed with 503 */
	FIXTURE_C4,    /* C, span names of v0.1 */
	FIXTURE_D,     /* plain vLLM: 1 span */
	FIXTURE_D2,    /* vLLM under FastAPI: two roots in two traces */
	FIXTURE_D3,    /* D without service.name */
	FIXTURE_E,     /* RAG application over A: 7 + 25 spans */
	FIXTURE_E2,    /* E, the call failed, with an exception event */
	FIXTURE_E3,    /* E, OpenLLMetry's keys in place of OpenInference's */
	FIXTURE_A7,    /* A, decoded where it is: no prefill, one engine: 14 spans */
	FIXTURE_COUNT
};

const char *llmd_fixture_name(enum llmd_fixture which);

/* Builds the fixture: one request per service, or one in all when ${merged} (D2: one per trace).
 * Fails the test when memory is short. */
void llmd_fixture_build(enum llmd_fixture which, bool merged, struct budget *budget,
			struct example_requests *ret_requests);

/* The rows of a fixture, to be changed: see cmd/example_table.h. A row whose service is
 * LLMD_NOBODY is not sent. */
enum { LLMD_ROWS_MAX = 64, LLMD_NOBODY = 255 };
struct llmd_rows {
	struct example_span *spans;
	struct example_service *services;
	struct example_scope *scopes;
	uint8_t *count; /* of spans; at most LLMD_ROWS_MAX */
};

/* As llmd_fixture_build with all in one request, after ${change} has changed the rows. */
void llmd_fixture_build_changed(enum llmd_fixture which,
				void (*change)(void *arg, const struct llmd_rows *rows), void *arg,
				struct budget *budget, struct example_requests *ret_requests);

#endif
