/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice assert --from` over spans that a test makes, and all that it writes. */
#ifndef SLUICE_TESTS_SCENARIO_ASSERT_H
#define SLUICE_TESTS_SCENARIO_ASSERT_H

#include "tests/support/file_folder.h"
#include "tests/support/llmd_fixtures.h"

#include <jansson.h>

struct scenario_assert {
	struct file_folder folder;
	struct buf output; /* of the last run, both streams */
};

void scenario_assert_open(struct scenario_assert *scene);
void scenario_assert_close(struct scenario_assert *scene);

/* Writes the fixture's requests to ${name}, as the file exporter writes protobuf. */
void scenario_assert_fixture(struct scenario_assert *scene, const char *name,
			     enum llmd_fixture which);

/* Writes ${request} to ${name}. */
void scenario_assert_request(struct scenario_assert *scene, const char *name,
			     const struct chunk *request);

/*
 * Runs `sluice assert` with ${line}, words parted by blanks, in which "@name" stands for a file of
 * the folder. Returns the exit code.
 */
int scenario_assert_run(struct scenario_assert *scene, const char *line);

/* Fails the test, and shows the output, unless ${text} stands in it. */
void scenario_assert_says(struct scenario_assert *scene, const char *text);

/* The JSON in file ${name}; to be released with json_decref. */
json_t *scenario_assert_json(struct scenario_assert *scene, const char *name);

/* A request of a model call and its child, with canary i in the place that the list in the source
 * numbers so: texts, names, keys. */
enum { SCENARIO_CANARIES = 10 };
struct chunk *scenario_assert_canaries(struct budget *budget);

#endif
