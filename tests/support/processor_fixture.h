/* SPDX-License-Identifier: Apache-2.0 */
/* One processor outside a graph: made from YAML text as the host would, run on requests. */
#ifndef SLUICE_TESTS_PROCESSOR_FIXTURE_H
#define SLUICE_TESTS_PROCESSOR_FIXTURE_H

#include "pipeline/graph/component.h"
#include "tests/support/config_support.h"

struct processor_fixture {
	struct config_support config;
	struct budget budget;
	struct metrics *metrics;
	struct key_table *keys;
	struct logger *logger;
	int log_fd;
	struct buf log;
	const struct processor_ops *ops;
	void *bound; /* the type's config struct */
	void *self, *state;
	struct trace_view *view;
	struct err err;
};

/* Makes ${type} from its block ${yaml}. False when the configuration has errors (config_support_errors
 * tells) or create failed. Close it either way. */
MUST_CHECK bool processor_fixture_open(struct processor_fixture *fixture, const char *type,
				       const char *yaml);
void processor_fixture_close(struct processor_fixture *fixture);

/* Fails the test unless ${yaml} is an error whose text holds ${error}. */
void processor_fixture_expect_error(const char *type, const char *yaml, const char *error);

/* Runs the processor on ${body}, which stays in place; the edit can be read until the next run. */
enum outcome processor_fixture_run(struct processor_fixture *fixture, struct slice body);

/* What was logged so far. */
const char *processor_fixture_log(struct processor_fixture *fixture);

double processor_fixture_metric(struct processor_fixture *fixture, const char *name,
				const char *labels);

#endif
